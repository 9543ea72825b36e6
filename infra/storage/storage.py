"""The storage component: key, buckets, FSx for Lustre and EFS."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from infra import handle, naming
from infra.storage.buckets import buckets
from infra.storage.efs import efs, efs_security_group
from infra.storage.keys import storage_key
from infra.storage.lustre import Clients, lustre, lustre_security_group
from infra.storage.rules import zone_of
from infra.storage.settings import StorageSettings


@dataclass(frozen=True, kw_only=True)
class StorageArgs:
    """What storage needs to know of the rest of the stack."""

    settings: StorageSettings
    platform: str
    region: str
    partition: str
    account_id: pulumi.Output[str]
    vpc_id: pulumi.Input[str]
    subnets: Mapping[str, pulumi.Input[str]]
    gpu_zones: Sequence[str]
    clients: Clients
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
        """Create what the settings ask for, and the key in any case: volumes of pods need it."""
        super().__init__(naming.type_token("infra", "Storage"), name, None, opts)
        settings, platform, tags = args.settings, args.platform, args.tags
        child = pulumi.ResourceOptions(parent=self)
        key = storage_key(
            name,
            platform=platform,
            region=args.region,
            partition=args.partition,
            account_id=args.account_id,
            linked_to_s3=any(each.repositories for each in settings.lustre),
            protect=not args.disposable,
            tags=tags,
            opts=child,
        )
        made = buckets(
            name,
            settings.buckets,
            platform=platform,
            account_id=args.account_id,
            key_arn=key.arn,
            disposable=args.disposable,
            tags=tags,
            opts=child,
        )
        lustres = []
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
                    key_arn=key.arn,
                    buckets=made,
                    keep=not (args.disposable or each.disposable),
                    tags=tags,
                    opts=child,
                )
                id_ = _once([*waits, *between], volume.file_system_id)
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
            for file_system in settings.efs:
                shared, waits = efs(
                    f"{name}-{file_system.name}",
                    file_system,
                    platform=platform,
                    subnets=args.subnets,
                    security_group=nfs.id,
                    key_arn=key.arn,
                    keep=not (args.disposable or file_system.disposable),
                    aws_provider=aws_provider,
                    tags=tags,
                    opts=child,
                )
                id_ = _once([*waits, rule], shared.file_system_id)
                efss.append(dataclasses.replace(shared, file_system_id=id_))
        self.handle = handle.Storage(lustre=tuple(lustres), efs=tuple(efss), buckets=made, volume_key_arn=key.arn)
        self.register_outputs({"buckets": {role: bucket.name for role, bucket in made.items()}})


def _once(ready: Sequence[pulumi.Resource], id_: pulumi.Output[str]) -> pulumi.Output[str]:
    return pulumi.Output.all(id_, *(each.urn for each in ready)).apply(lambda known: str(known[0]))
