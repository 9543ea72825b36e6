"""The storage component: buckets, FSx for Lustre and EFS."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from infra import handle, naming
from infra.storage.buckets import buckets
from infra.storage.efs import efs, efs_security_group
from infra.storage.lustre import Clients, lustre, lustre_security_group
from infra.storage.ready import once
from infra.storage.rules import zone_of
from infra.storage.settings import StorageSettings


@dataclass(frozen=True, kw_only=True)
class StorageArgs:
    """What storage needs to know of the rest of the stack."""

    settings: StorageSettings
    platform: str
    account_id: pulumi.Output[str]
    key_arn: pulumi.Output[str]
    vpc_id: pulumi.Input[str]
    subnets: Mapping[str, pulumi.Input[str]]
    gpu_zones: Sequence[str]
    clients: Clients
    load_balancers: bool
    disposable: bool
    tags: Mapping[str, str]


class Storage(pulumi.ComponentResource):
    """Everything that holds data. Protected and retained, unless the stack or the item says it is disposable.

    Attributes:
        handle: What add-ons may know of it.

    The id of a file system is given out once all that a mount needs is there: what is made of it, such as a volume,
    comes after mount targets, rules and links to S3, and goes before them.

    Changing a file system's zone, deployment, storage type or EFA replaces it, and its data with it.
    """

    handle: handle.Storage

    def __init__(
        self,
        name: str,
        args: StorageArgs,
        opts: pulumi.ResourceOptions | None = None,
        *,
        aws_provider: pulumi.ProviderResource,
    ) -> None:
        """Create what the settings ask for."""
        super().__init__(naming.type_token("infra", "Storage"), name, None, opts)
        settings, platform, tags = args.settings, args.platform, args.tags
        child = pulumi.ResourceOptions(parent=self)
        made = buckets(
            name,
            settings.buckets,
            platform=platform,
            account_id=args.account_id,
            key_arn=args.key_arn,
            load_balancers=args.load_balancers,
            disposable=args.disposable,
            tags=tags,
            opts=child,
        )
        lustres = []
        lustre_group = efs_group = None
        if settings.lustre:
            group, rules, between = lustre_security_group(
                f"{name}-lustre",
                platform=platform,
                vpc_id=args.vpc_id,
                clients=args.clients,
                efa=any(each.efa for each in settings.lustre),
                tags=tags,
                opts=child,
            )
            lustre_group = group.id
            for each in settings.lustre:
                zone = zone_of(each, args.gpu_zones)
                assert zone is not None, "rules.problems asks for a zone"  # noqa: S101  # narrows the type
                volume, waits = lustre(
                    f"{name}-{each.name}",
                    each,
                    platform=platform,
                    zone=zone,
                    subnet=args.subnets[zone],
                    security_group=group,
                    rules=rules,
                    key_arn=args.key_arn,
                    buckets=made,
                    keep=not (args.disposable or each.disposable),
                    tags=tags,
                    opts=child,
                )
                id_ = once([*waits, *between], volume.file_system_id)
                lustres.append(dataclasses.replace(volume, file_system_id=id_))
        efss = []
        if settings.efs:
            nfs, rule = efs_security_group(
                f"{name}-efs",
                platform=platform,
                vpc_id=args.vpc_id,
                nodes=args.clients.nodes,
                tags=tags,
                opts=child,
            )
            efs_group = nfs.id
            for file_system in settings.efs:
                shared, waits = efs(
                    f"{name}-{file_system.name}",
                    file_system,
                    platform=platform,
                    subnets=args.subnets,
                    security_group=nfs.id,
                    key_arn=args.key_arn,
                    keep=not (args.disposable or file_system.disposable),
                    aws_provider=aws_provider,
                    tags=tags,
                    opts=child,
                )
                id_ = once([*waits, rule], shared.file_system_id)
                efss.append(dataclasses.replace(shared, file_system_id=id_))
        self.handle = handle.Storage(
            lustre=tuple(lustres),
            efs=tuple(efss),
            buckets=made,
            volume_key_arn=args.key_arn,
            lustre_security_group_id=lustre_group,
            efs_security_group_id=efs_group,
        )
        self.register_outputs({"buckets": {role: bucket.name for role, bucket in made.items()}})
