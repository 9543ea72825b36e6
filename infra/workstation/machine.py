"""One machine with a Deep Learning AMI: private, reached through Session Manager, with the stack's file systems."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra import handle, naming
from infra.catalog.instances import instance_type
from infra.catalog.machine_images import deep_learning_image
from infra.catalog.zones import dns_suffix
from infra.storage.efs import efs_client_rules
from infra.storage.lustre import lustre_client_rules
from infra.workstation import user_data
from infra.workstation.access import bucket_statements, instance_profile, outbound_group, pull_statements
from infra.workstation.args import WorkstationArgs
from infra.workstation.idle import PERIOD_SECONDS, idle
from infra.workstation.settings import InstanceSettings

_CLIENT = "workstation"


@dataclass(frozen=True, kw_only=True)
class _Volumes:
    """What the machine mounts."""

    lustre: Sequence[handle.LustreVolume]
    efs: Sequence[handle.EfsVolume]


def machine(
    name: str, settings: InstanceSettings, zone: str, *, args: WorkstationArgs, opts: pulumi.ResourceOptions
) -> aws.ec2.Instance:
    """Create the machine.

    Its image is looked up when it is made; a newer one replaces nothing. The root volume of an instance on demand is
    under the stack's key, which EC2 uses with the rights of who launches or starts it. EC2 starts spot instances with
    its service-linked role, which would need a grant (EC2 user guide, "Service-linked role for Spot Instance
    requests"), so theirs is under the account's default key, as the nodes' are.

    Args:
        name: Logical name.
        settings: Without problems.
        zone: Where it is.
        args: The component's.
        opts: Parent.
    """
    spot = settings.capacity == "spot"
    # A spot instance has no termination protection, and takes its root volume along when it is lost.
    keep = not (spot or args.disposable or settings.disposable)
    volumes = _chosen(settings, args.storage)
    group, ways_out = outbound_group(name, "Workstation: nothing in, HTTPS and file systems out", args=args, opts=opts)
    rules = [*ways_out, *_file_system_rules(name, volumes, group, args, opts)]
    profile, policies = instance_profile(
        name,
        description=f"The workstation of {args.platform}",
        managed=(),
        statements=[*bucket_statements(args.storage.buckets, args), *pull_statements(args)],
        args=args,
        opts=opts,
    )
    type_ = instance_type(settings.instance_type)
    tags = naming.tags(args.tags, f"{args.platform}-workstation")
    made = aws.ec2.Instance(
        name,
        ami=aws.ssm.get_parameter_output(
            name=deep_learning_image(type_).parameter, opts=pulumi.InvokeOutputOptions(parent=opts.parent)
        ).insecure_value,
        instance_type=type_.name,
        subnet_id=args.subnets[zone],
        associate_public_ip_address=False,
        vpc_security_group_ids=[group.id],
        iam_instance_profile=profile.name,
        instance_market_options=aws.ec2.InstanceInstanceMarketOptionsArgs(market_type="spot") if spot else None,
        # Said where it is off, too: the provider keeps what was set where nothing is said.
        disable_api_termination=None if spot else keep,
        monitoring=settings.detailed_monitoring,
        metadata_options=aws.ec2.InstanceMetadataOptionsArgs(
            http_endpoint="enabled",
            http_tokens="required",
            http_put_response_hop_limit=settings.metadata_hop_limit,
            instance_metadata_tags="disabled",
        ),
        root_block_device=aws.ec2.InstanceRootBlockDeviceArgs(
            volume_type="gp3",
            volume_size=settings.volume_size,
            encrypted=True,
            kms_key_id=None if spot else args.key_arn,
            delete_on_termination=not keep,
        ),
        volume_tags=tags,
        user_data=_user_data(volumes, args),
        tags=tags,
        opts=pulumi.ResourceOptions.merge(
            opts,
            pulumi.ResourceOptions(
                protect=keep,
                depends_on=[*args.network_ready, *rules, *policies],
                ignore_changes=["ami"],
                # Both take a stop, which a one-time spot request does not allow.
                replace_on_changes=["instanceType", "userData"] if spot else [],
            ),
        ),
    )
    if settings.stop_after_idle_minutes is not None:
        _stop_when_idle(
            f"{name}-idle",
            made,
            minutes=settings.stop_after_idle_minutes,
            vcpus=type_.vcpus,
            args=args,
            opts=opts,
        )
    return made


def _chosen(settings: InstanceSettings, storage: handle.Storage) -> _Volumes:
    def wanted(name: str) -> bool:
        return settings.mounts is None or name in settings.mounts

    return _Volumes(
        lustre=[each for each in storage.lustre if wanted(each.name)],
        efs=[each for each in storage.efs if wanted(each.name)],
    )


def _file_system_rules(
    name: str, volumes: _Volumes, group: aws.ec2.SecurityGroup, args: WorkstationArgs, opts: pulumi.ResourceOptions
) -> list[pulumi.Resource]:
    rules: list[pulumi.Resource] = []
    servers, targets = args.storage.lustre_security_group_id, args.storage.efs_security_group_id
    if volumes.lustre and servers is not None:
        rules += lustre_client_rules(
            f"{name}-lustre",
            _CLIENT,
            servers=servers,
            client=group.id,
            platform=args.platform,
            tags=args.tags,
            opts=opts,
        )
    if volumes.efs and targets is not None:
        rules += efs_client_rules(
            f"{name}-efs",
            _CLIENT,
            targets=targets,
            client=group.id,
            platform=args.platform,
            tags=args.tags,
            opts=opts,
        )
    return rules


def _user_data(volumes: _Volumes, args: WorkstationArgs) -> pulumi.Input[str] | None:
    if not (volumes.lustre or volumes.efs):
        return None
    shares = [
        *(_lustre_share(each) for each in volumes.lustre),
        *(_efs_share(each, f"efs.{args.region}.{dns_suffix(args.region)}") for each in volumes.efs),
    ]
    return pulumi.Output.all(*shares).apply(user_data.machine)


def _lustre_share(volume: handle.LustreVolume) -> pulumi.Output[user_data.Share]:
    return pulumi.Output.all(volume.dns_name, volume.mount_name).apply(
        lambda known: user_data.lustre(known[0], known[1], volume.mount_path)
    )


def _efs_share(volume: handle.EfsVolume, domain: str) -> pulumi.Output[user_data.Share]:
    return volume.file_system_id.apply(lambda id_: user_data.efs(id_, f"{id_}.{domain}", volume.mount_path))


def _stop_when_idle(
    name: str,
    instance: aws.ec2.Instance,
    *,
    minutes: int,
    vcpus: int,
    args: WorkstationArgs,
    opts: pulumi.ResourceOptions,
) -> None:
    """An alarm that stops the machine. It fires once; a machine that starts again has the whole time again."""
    limits = idle(minutes, vcpus)
    aws.cloudwatch.MetricAlarm(
        name,
        alarm_description=f"Stops the workstation of {args.platform} after {minutes} minutes without work",
        namespace="AWS/EC2",
        metric_name="CPUUtilization",
        dimensions={"InstanceId": instance.id},
        statistic="Maximum",
        period=PERIOD_SECONDS,
        evaluation_periods=limits.periods,
        comparison_operator="LessThanThreshold",
        threshold=limits.percent,
        # A machine that has just started has no figures of the time before: that is not idleness.
        treat_missing_data="notBreaching",
        alarm_actions=[f"arn:{args.partition}:automate:{args.region}:ec2:stop"],
        tags=naming.tags(args.tags, f"{args.platform}-{name}"),
        opts=opts,
    )
