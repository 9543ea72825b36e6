"""EFS: a file system, mount targets, access points, and a policy that asks for TLS."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from infra import naming
from infra.catalog.efs import NFS_PORT
from infra.catalog.zones import is_local
from infra.handle import EfsVolume
from infra.storage.settings import AccessPointSettings, EfsSettings


def efs(
    name: str,
    settings: EfsSettings,
    *,
    platform: str,
    subnets: Mapping[str, pulumi.Input[str]],
    security_group: pulumi.Input[str],
    key_arn: pulumi.Output[str],
    keep: bool,
    aws_provider: pulumi.ProviderResource,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> tuple[EfsVolume, list[pulumi.Resource]]:
    """Create one file system.

    Args:
        name: Logical name.
        settings: Without problems.
        platform: For names.
        subnets: Zone id to private subnet; one mount target in each, or in the one zone.
        security_group: Lets nodes in.
        key_arn: Encrypts it.
        keep: Protect it, and keep it, with its policy and its backups, when the stack goes.
        aws_provider: For the look-up of a zone's name.
        tags: The platform's.
        opts: Parent.

    Returns:
        The volume, and what must exist before a pod can mount it.
    """
    full = f"{platform}-{settings.name}"
    system = aws.efs.FileSystem(
        name,
        encrypted=True,
        kms_key_id=key_arn,
        throughput_mode=settings.throughput,
        provisioned_throughput_in_mibps=settings.provisioned_mibps,
        performance_mode=settings.performance,
        availability_zone_name=_zone_name(settings.one_zone, aws_provider) if settings.one_zone else None,
        lifecycle_policies=_lifecycle(settings) or None,
        tags=naming.tags(tags, full),
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(protect=keep, retain_on_delete=keep)),
    )
    # The provider ends backups when it deletes their policy, and lets in clients without TLS.
    guard = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(retain_on_delete=keep))
    aws.efs.BackupPolicy(
        name,
        file_system_id=system.id,
        backup_policy=aws.efs.BackupPolicyBackupPolicyArgs(status="ENABLED" if settings.backups else "DISABLED"),
        opts=guard,
    )
    policy = aws.efs.FileSystemPolicy(
        name, file_system_id=system.id, policy=pulumi.Output.json_dumps(_policy(system)), opts=guard
    )
    zones = [settings.one_zone] if settings.one_zone else [zone for zone in subnets if not is_local(zone)]
    targets = [
        aws.efs.MountTarget(
            f"{name}-{zone}",
            file_system_id=system.id,
            subnet_id=subnets[zone],
            security_groups=[security_group],
            # AWS has taken more than ten minutes, rarely (facts/latencies.csv).
            opts=pulumi.ResourceOptions.merge(
                opts, pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create="30m"))
            ),
        )
        for zone in zones
    ]
    points = {
        # A slash, which no name has: with a dash, `a` with `b-c` and `a-b` with `c` would be one name.
        point.name: access_point(
            f"{name}/{point.name}",
            point,
            file_system_id=system.id,
            tags=naming.tags(tags, f"{full}-{point.name}"),
            opts=opts,
        )
        for point in settings.access_points
    }
    volume = EfsVolume(name=settings.name, file_system_id=system.id, zone_id=settings.one_zone, access_points=points)
    return volume, [*targets, policy]


def access_point(
    name: str,
    settings: AccessPointSettings,
    *,
    file_system_id: pulumi.Input[str],
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> pulumi.Output[str]:
    """Create an access point: a directory as the root, and one user as whom everything is done.

    EFS makes the directory when it is mounted first, with this owner and mode; both stay as they are then. The
    directory stays when the access point goes.

    Returns:
        Its id.
    """
    owner = settings.uid, settings.gid
    return aws.efs.AccessPoint(
        name,
        file_system_id=file_system_id,
        posix_user=aws.efs.AccessPointPosixUserArgs(uid=owner[0], gid=owner[1]),
        root_directory=aws.efs.AccessPointRootDirectoryArgs(
            path=settings.path,
            creation_info=aws.efs.AccessPointRootDirectoryCreationInfoArgs(
                owner_uid=owner[0], owner_gid=owner[1], permissions=settings.permissions
            ),
        ),
        tags=tags,
        opts=opts,
    ).id


def efs_security_group(
    name: str,
    *,
    platform: str,
    vpc_id: pulumi.Input[str],
    nodes: pulumi.Input[str],
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> tuple[aws.ec2.SecurityGroup, pulumi.Resource]:
    """NFS from nodes, and nothing else: the group and its rule."""
    group = aws.ec2.SecurityGroup(
        name, vpc_id=vpc_id, description="EFS: NFS from nodes", tags=naming.tags(tags, f"{platform}-efs"), opts=opts
    )
    rule = aws.vpc.SecurityGroupIngressRule(
        f"{name}-nfs",
        security_group_id=group.id,
        referenced_security_group_id=nodes,
        ip_protocol="tcp",
        from_port=NFS_PORT,
        to_port=NFS_PORT,
        description="NFS from nodes",
        tags=naming.tags(tags, f"{platform}-efs-nfs"),
        opts=opts,
    )
    return group, rule


def efs_client_rules(
    name: str,
    role: str,
    *,
    targets: pulumi.Input[str],
    client: pulumi.Input[str],
    platform: str,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> list[pulumi.Resource]:
    """Let a client whose group lets nothing out by itself mount the file systems.

    Args:
        name: Start of the rules' logical names.
        role: Who the client is, such as `workstation`.
        targets: The mount targets' group.
        client: The client's group.
        platform: For names.
        tags: The platform's.
        opts: Parent.
    """
    label = naming.tags(tags, f"{platform}-efs-nfs-{role}")
    return [
        aws.vpc.SecurityGroupIngressRule(
            f"{name}-nfs-from-{role}",
            security_group_id=targets,
            referenced_security_group_id=client,
            ip_protocol="tcp",
            from_port=NFS_PORT,
            to_port=NFS_PORT,
            description=f"NFS from {role}",
            tags=label,
            opts=opts,
        ),
        aws.vpc.SecurityGroupEgressRule(
            f"{name}-nfs-from-{role}",
            security_group_id=client,
            referenced_security_group_id=targets,
            ip_protocol="tcp",
            from_port=NFS_PORT,
            to_port=NFS_PORT,
            description=f"NFS from {role}",
            tags=label,
            opts=opts,
        ),
    ]


def _zone_name(zone_id: str, provider: pulumi.ProviderResource) -> pulumi.Output[str]:
    # EFS alone asks for the zone's name, which differs per account.
    return aws.get_availability_zone_output(zone_id=zone_id, opts=pulumi.InvokeOutputOptions(provider=provider)).name


def _lifecycle(settings: EfsSettings) -> list[aws.efs.FileSystemLifecyclePolicyArgs]:
    if settings.infrequent_access_after is None:
        return []
    return [
        aws.efs.FileSystemLifecyclePolicyArgs(transition_to_ia=settings.infrequent_access_after),
        aws.efs.FileSystemLifecyclePolicyArgs(transition_to_primary_storage_class="AFTER_1_ACCESS"),
    ]


def _policy(system: aws.efs.FileSystem) -> dict[str, Any]:
    """Whoever reaches a mount target may mount, with TLS.

    Source: EFS user guide, "Using IAM to control file system data access", examples.
    """
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "ThroughMountTargets",
                "Effect": "Allow",
                "Principal": {"AWS": "*"},
                "Action": [
                    "elasticfilesystem:ClientMount",
                    "elasticfilesystem:ClientWrite",
                    "elasticfilesystem:ClientRootAccess",
                ],
                "Resource": system.arn,
                "Condition": {"Bool": {"elasticfilesystem:AccessedViaMountTarget": "true"}},
            },
            {
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Principal": {"AWS": "*"},
                "Action": "*",
                "Resource": system.arn,
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            },
        ],
    }
