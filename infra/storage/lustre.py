"""FSx for Lustre: a file system in the GPU groups' zone, its ports, and its links to S3."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra import naming
from infra.catalog.lustre import PORTS
from infra.handle import Bucket, LustreVolume
from infra.storage.settings import DataRepository, LustreSettings

# The provider's own limits are ten minutes for an association and thirty for a file system; EFA-enabled ones take up
# to an hour (facts/latencies.csv).
_TIMEOUTS = pulumi.CustomTimeouts(create="90m", update="90m", delete="60m")
_ASSOCIATION_TIMEOUTS = pulumi.CustomTimeouts(create="60m", update="60m", delete="60m")


@dataclass(frozen=True, kw_only=True)
class Clients:
    """The security groups of what mounts a file system. `efa` is None where no group has EFA."""

    nodes: pulumi.Input[str]
    efa: pulumi.Input[str] | None


def lustre_security_group(
    name: str,
    *,
    platform: str,
    vpc_id: pulumi.Input[str],
    clients: Clients,
    efa: bool,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> tuple[aws.ec2.SecurityGroup, list[pulumi.Resource], list[pulumi.Resource]]:
    """The file systems' group, its rules to itself, and the rules between it and its clients.

    FSx checks the first when it creates a file system. The second wait for the cluster, and a file system need not.

    Lustre servers call their clients back, so each side lets the other in; EFA needs everything between members, the
    group itself included (FSx for Lustre user guide, "File system access control with Amazon VPC").
    """
    group = aws.ec2.SecurityGroup(
        name,
        vpc_id=vpc_id,
        description="FSx for Lustre: servers and their clients",
        tags=naming.tags(tags, f"{platform}-lustre"),
        opts=opts,
    )

    everything = [*PORTS, *([None] if efa else [])]
    own = [
        rule
        for ports in everything
        for rule in _allow(name, "servers", group.id, group.id, ports, platform=platform, tags=tags, opts=opts)
    ]
    between = lustre_client_rules(
        name, "nodes", servers=group.id, client=clients.nodes, platform=platform, tags=tags, opts=opts
    )
    if efa and clients.efa is not None:
        between += _both_ways(name, "nodes", group.id, clients.efa, None, platform=platform, tags=tags, opts=opts)
    return group, own, between


def lustre_client_rules(
    name: str,
    role: str,
    *,
    servers: pulumi.Input[str],
    client: pulumi.Input[str],
    platform: str,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> list[pulumi.Resource]:
    """Let a client's group mount the file systems over TCP: all of Lustre's ports, both ways.

    Args:
        name: Start of the rules' logical names.
        role: Who the client is, such as `nodes`.
        servers: The file systems' group.
        client: The client's group.
        platform: For names.
        tags: The platform's.
        opts: Parent.
    """
    return [
        rule
        for ports in PORTS
        for rule in _both_ways(name, role, servers, client, ports, platform=platform, tags=tags, opts=opts)
    ]


def _both_ways(
    name: str,
    role: str,
    servers: pulumi.Input[str],
    client: pulumi.Input[str],
    ports: tuple[int, int] | None,
    *,
    platform: str,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> list[pulumi.Resource]:
    return [
        *_allow(name, f"from-{role}", servers, client, ports, platform=platform, tags=tags, opts=opts),
        *_allow(name, f"to-{role}", client, servers, ports, platform=platform, tags=tags, opts=opts),
    ]


def _allow(
    name: str,
    role: str,
    owner: pulumi.Input[str],
    peer: pulumi.Input[str],
    ports: tuple[int, int] | None,
    *,
    platform: str,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> list[pulumi.Resource]:
    """Let `peer` reach `owner`: the way in at the one and out at the other. No ports: everything."""
    first, last = ports or (None, None)
    suffix = f"{name}-{role}-{f'{ports[0]}' if ports else 'efa'}"
    label = naming.tags(tags, f"{platform}-lustre-{role}")
    protocol = "tcp" if ports else "-1"
    return [
        aws.vpc.SecurityGroupIngressRule(
            suffix,
            security_group_id=owner,
            referenced_security_group_id=peer,
            ip_protocol=protocol,
            description=f"Lustre: {role}",
            tags=label,
            opts=opts,
            from_port=first,
            to_port=last,
        ),
        aws.vpc.SecurityGroupEgressRule(
            suffix,
            security_group_id=peer,
            referenced_security_group_id=owner,
            ip_protocol=protocol,
            description=f"Lustre: {role}",
            tags=label,
            opts=opts,
            from_port=first,
            to_port=last,
        ),
    ]


def lustre(
    name: str,
    settings: LustreSettings,
    *,
    platform: str,
    zone: str,
    subnet: pulumi.Input[str],
    security_group: aws.ec2.SecurityGroup,
    rules: Sequence[pulumi.Resource],
    key_arn: pulumi.Output[str],
    buckets: Mapping[str, Bucket],
    keep: bool,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> tuple[LustreVolume, list[pulumi.Resource]]:
    """Create one file system with its data repository associations.

    Args:
        name: Logical name.
        settings: Without problems.
        platform: For names.
        zone: Where it is.
        subnet: The private subnet of that zone.
        security_group: Lets clients in.
        rules: The group's rules to itself.
        key_arn: Encrypts PERSISTENT types; SCRATCH has a key of the service's own.
        buckets: Buckets that repositories name by role.
        keep: Protect it, and keep it when the stack goes.
        tags: The platform's.
        opts: Parent.

    Returns:
        The volume, and what must exist before a pod finds its data there.
    """
    persistent = settings.deployment != "SCRATCH_2"
    full = f"{platform}-{settings.name}"
    system = aws.fsx.LustreFileSystem(
        name,
        subnet_ids=subnet,
        security_group_ids=[security_group.id],
        deployment_type=settings.deployment,
        storage_type=settings.storage,
        storage_capacity=settings.capacity,
        per_unit_storage_throughput=settings.throughput_per_tib,
        throughput_capacity=settings.throughput_capacity,
        drive_cache_type=settings.drive_cache,
        metadata_configuration=aws.fsx.LustreFileSystemMetadataConfigurationArgs(
            mode=settings.metadata.mode, iops=settings.metadata.iops
        )
        if settings.metadata
        else None,
        data_read_cache_configuration=aws.fsx.LustreFileSystemDataReadCacheConfigurationArgs(
            sizing_mode=settings.read_cache.sizing, size=settings.read_cache.size
        )
        if settings.read_cache
        else None,
        efa_enabled=settings.efa or None,
        data_compression_type=settings.compression,
        file_system_type_version=settings.lustre_version,
        kms_key_id=key_arn if persistent else None,
        automatic_backup_retention_days=settings.backup_days if persistent else None,
        copy_tags_to_backups=bool(settings.backup_days) if persistent else None,
        # Deleting means the user asked for it; a last backup only where there were backups.
        skip_final_backup=not settings.backup_days,
        tags=naming.tags(tags, full),
        opts=pulumi.ResourceOptions.merge(
            opts,
            pulumi.ResourceOptions(
                protect=keep, retain_on_delete=keep, depends_on=list(rules), custom_timeouts=_TIMEOUTS
            ),
        ),
    )
    links: list[pulumi.Resource] = [
        aws.fsx.DataRepositoryAssociation(
            # The path as it is: with dashes for slashes, /a/b and /a-b would be one name.
            f"{name}{repository.path}",
            file_system_id=system.id,
            file_system_path=repository.path,
            data_repository_path=_location(repository, buckets),
            batch_import_meta_data_on_create=repository.import_existing,
            imported_file_chunk_size=repository.chunk_mib,
            # Removing the link leaves the files, on both sides.
            delete_data_in_filesystem=False,
            s3=aws.fsx.DataRepositoryAssociationS3Args(
                auto_import_policy=aws.fsx.DataRepositoryAssociationS3AutoImportPolicyArgs(
                    events=list(repository.import_events)
                )
                if repository.import_events
                else None,
                auto_export_policy=aws.fsx.DataRepositoryAssociationS3AutoExportPolicyArgs(
                    events=list(repository.export_events)
                )
                if repository.export_events
                else None,
            ),
            tags=naming.tags(tags, full),
            opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(custom_timeouts=_ASSOCIATION_TIMEOUTS)),
        )
        for repository in settings.repositories
    ]
    volume = LustreVolume(
        name=settings.name,
        file_system_id=system.id,
        dns_name=system.dns_name,
        mount_name=system.mount_name,
        zone_id=zone,
        capacity_gib=settings.capacity,
        repositories=tuple(each.path for each in settings.repositories),
    )
    return volume, [system, *links]


def _location(repository: DataRepository, buckets: Mapping[str, Bucket]) -> pulumi.Input[str]:
    if repository.bucket.startswith("s3://"):
        return repository.bucket
    prefix = f"/{repository.prefix.rstrip('/')}/" if repository.prefix else ""
    return pulumi.Output.concat("s3://", buckets[repository.bucket].name, prefix)
