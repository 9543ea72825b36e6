"""An ECS cluster whose GPU instances follow its tasks, from none and back to none."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra import naming
from infra.catalog.instances import instance_type
from infra.catalog.machine_images import ecs_gpu_image
from infra.identity import account_trust
from infra.workstation import user_data
from infra.workstation.access import instance_profile, outbound_group, pull_statements
from infra.workstation.args import WorkstationArgs
from infra.workstation.settings import EcsSettings

_ROOT_DEVICE = "/dev/xvda"
_INSTANCE_POLICY = "service-role/AmazonEC2ContainerServiceforEC2Role"
_FULL = 100
"""Percent: no instance beyond those that tasks fill."""


@dataclass(frozen=True, kw_only=True)
class EcsCluster:
    """What a task needs to know to run there."""

    name: pulumi.Output[str]
    capacity_provider: pulumi.Output[str]
    execution_role_arn: pulumi.Output[str]
    log_group: pulumi.Output[str]
    security_group_id: pulumi.Output[str]


def ecs_cluster(name: str, settings: EcsSettings, *, args: WorkstationArgs, opts: pulumi.ResourceOptions) -> EcsCluster:
    """Create the cluster, its Auto Scaling group and the capacity provider that drives it.

    Args:
        name: Logical name.
        settings: Without problems.
        args: The component's.
        opts: Parent.
    """
    tags = naming.tags(args.tags, f"{args.platform}-ecs")
    tasks, commands = (_log_group(name, role, settings, args, opts) for role in ("tasks", "exec"))
    cluster = aws.ecs.Cluster(
        name,
        settings=[aws.ecs.ClusterSettingArgs(name="containerInsights", value=settings.container_insights)],
        configuration=aws.ecs.ClusterConfigurationArgs(
            execute_command_configuration=aws.ecs.ClusterConfigurationExecuteCommandConfigurationArgs(
                kms_key_id=args.key_arn,
                logging="OVERRIDE",
                log_configuration=aws.ecs.ClusterConfigurationExecuteCommandConfigurationLogConfigurationArgs(
                    cloud_watch_encryption_enabled=True, cloud_watch_log_group_name=commands.name
                ),
            )
        ),
        tags=tags,
        opts=opts,
    )
    group, ways_out = outbound_group(name, "ECS instances: nothing in, HTTPS out", args=args, opts=opts)
    profile, policies = instance_profile(
        name,
        description=f"ECS instances of {args.platform}",
        managed=(_INSTANCE_POLICY,),
        statements=(),
        args=args,
        opts=opts,
    )
    template = _launch_template(
        name, settings, cluster=cluster, group=group, profile=profile, tags=tags, args=args, opts=opts
    )
    scaling = _auto_scaling_group(
        name,
        settings,
        template=template,
        tags=tags,
        args=args,
        opts=pulumi.ResourceOptions.merge(
            opts,
            pulumi.ResourceOptions(
                # Managed scaling owns the size.
                ignore_changes=["desiredCapacity"],
                depends_on=[*args.network_ready, *ways_out, *policies],
            ),
        ),
    )
    provider = aws.ecs.CapacityProvider(
        name,
        auto_scaling_group_provider=aws.ecs.CapacityProviderAutoScalingGroupProviderArgs(
            auto_scaling_group_arn=scaling.arn,
            managed_draining="ENABLED",
            managed_termination_protection="ENABLED",
            managed_scaling=aws.ecs.CapacityProviderAutoScalingGroupProviderManagedScalingArgs(
                status="ENABLED",
                target_capacity=_FULL,
                minimum_scaling_step_size=1,
                maximum_scaling_step_size=settings.max,
            ),
        ),
        tags=tags,
        opts=opts,
    )
    joined = aws.ecs.ClusterCapacityProviders(
        name,
        cluster_name=cluster.name,
        capacity_providers=[provider.name],
        default_capacity_provider_strategies=[
            aws.ecs.ClusterCapacityProvidersDefaultCapacityProviderStrategyArgs(
                capacity_provider=provider.name, weight=1
            )
        ],
        opts=opts,
    )
    return EcsCluster(
        name=cluster.name,
        capacity_provider=joined.capacity_providers.apply(lambda names: str((names or [""])[0])),
        execution_role_arn=_execution_role(f"{name}-execution", tasks, args, opts).arn,
        log_group=tasks.name,
        security_group_id=group.id,
    )


def _log_group(
    name: str, role: str, settings: EcsSettings, args: WorkstationArgs, opts: pulumi.ResourceOptions
) -> aws.cloudwatch.LogGroup:
    return aws.cloudwatch.LogGroup(
        f"{name}-{role}",
        name=f"/slipway/{args.platform}/ecs/{role}",
        retention_in_days=settings.log_retention_days,
        kms_key_id=args.key_arn,
        tags=naming.tags(args.tags, f"{args.platform}-ecs-{role}"),
        opts=opts,
    )


def _launch_template(
    name: str,
    settings: EcsSettings,
    *,
    cluster: aws.ecs.Cluster,
    group: aws.ec2.SecurityGroup,
    profile: aws.iam.InstanceProfile,
    tags: Mapping[str, str],
    args: WorkstationArgs,
    opts: pulumi.ResourceOptions,
) -> aws.ec2.LaunchTemplate:
    """Root volumes are under the account's default key: the Auto Scaling group's role has no right to the stack's."""
    type_ = instance_type(settings.instance_type)
    return aws.ec2.LaunchTemplate(
        name,
        description=f"{args.platform}: ECS instances",
        update_default_version=True,
        # The newest at each launch: an instance lives as long as its tasks.
        image_id=f"resolve:ssm:{ecs_gpu_image(type_).parameter}",
        instance_type=type_.name,
        instance_market_options=aws.ec2.LaunchTemplateInstanceMarketOptionsArgs(market_type="spot")
        if settings.capacity == "spot"
        else None,
        iam_instance_profile=aws.ec2.LaunchTemplateIamInstanceProfileArgs(arn=profile.arn),
        vpc_security_group_ids=[group.id],
        block_device_mappings=[
            aws.ec2.LaunchTemplateBlockDeviceMappingArgs(
                device_name=_ROOT_DEVICE,
                ebs=aws.ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
                    volume_type="gp3",
                    volume_size=settings.volume_size,
                    encrypted="true",
                    delete_on_termination="true",
                ),
            )
        ],
        metadata_options=aws.ec2.LaunchTemplateMetadataOptionsArgs(
            http_endpoint="enabled",
            http_tokens="required",
            # The agent is on the host's network; tasks have roles of their own.
            http_put_response_hop_limit=1,
            instance_metadata_tags="disabled",
        ),
        user_data=cluster.name.apply(lambda known: base64.b64encode(user_data.ecs(known).encode()).decode()),
        tag_specifications=[
            aws.ec2.LaunchTemplateTagSpecificationArgs(resource_type=kind, tags=tags)
            for kind in ("instance", "volume", "network-interface")
        ],
        tags=tags,
        opts=opts,
    )


def _auto_scaling_group(
    name: str,
    settings: EcsSettings,
    *,
    template: aws.ec2.LaunchTemplate,
    tags: Mapping[str, str],
    args: WorkstationArgs,
    opts: pulumi.ResourceOptions,
) -> aws.autoscaling.Group:
    # ECS adds this tag by itself, and would find it taken away at each `up`.
    own = {**tags, "AmazonECSManaged": "true"}
    return aws.autoscaling.Group(
        name,
        min_size=0,
        max_size=settings.max,
        vpc_zone_identifiers=[args.subnets[zone] for zone in args.ecs_zones],
        launch_template=aws.autoscaling.GroupLaunchTemplateArgs(
            id=template.id, version=template.latest_version.apply(str)
        ),
        # Managed termination protection asks for it: ECS alone decides which instance goes.
        protect_from_scale_in=True,
        # `destroy` does not wait for tasks to end.
        force_delete=True,
        # Nothing to wait for: it starts from none.
        wait_for_capacity_timeout="0",
        # The template tags instances, and ECS copies its own tag there.
        tags=[
            aws.autoscaling.GroupTagArgs(key=key, value=value, propagate_at_launch=key == "AmazonECSManaged")
            for key, value in sorted(own.items())
        ],
        opts=opts,
    )


def _execution_role(
    name: str, tasks: aws.cloudwatch.LogGroup, args: WorkstationArgs, opts: pulumi.ResourceOptions
) -> aws.iam.Role:
    """What the agent does for a task before it runs: pull its image and write its log.

    Source: Amazon ECS developer guide, "Amazon ECS task execution IAM role"; the trust's conditions from "Amazon ECS
    task IAM role".
    """
    role = aws.iam.Role(
        name,
        description=f"ECS tasks of {args.platform}: images and logs",
        assume_role_policy=account_trust(
            "ecs-tasks.amazonaws.com",
            account_id=args.account_id,
            conditions={
                "ArnLike": {
                    "aws:SourceArn": pulumi.Output.concat(
                        f"arn:{args.partition}:ecs:{args.region}:", args.account_id, ":*"
                    )
                }
            },
        ),
        permissions_boundary=args.permissions_boundary,
        tags=naming.tags(args.tags, f"{args.platform}-ecs-execution"),
        opts=opts,
    )
    logs = {
        "Sid": "WriteLogs",
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": pulumi.Output.concat(tasks.arn, ":*"),
    }
    document = pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": [logs, *pull_statements(args)]})
    aws.iam.RolePolicy(name, role=role.name, policy=document, opts=opts)
    return role
