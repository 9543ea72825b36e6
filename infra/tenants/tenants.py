"""Tenants in AWS: what each has of its own there."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra import handle, naming
from infra.catalog.names import TENANT_TAG
from infra.flavors import Flavor
from infra.handle import EfsVolume, Storage
from infra.observability.budgets import BudgetArgs, budget, tenant_role
from infra.registry.repositories import RepositoryArgs, repository
from infra.registry.rules import TENANTS
from infra.storage.efs import access_point
from infra.storage.settings import AccessPointSettings
from infra.tenants.quotas import quotas
from infra.tenants.settings import TenantSettings


@dataclass(frozen=True, kw_only=True)
class TenantsArgs:
    """What tenants stand on.

    Attributes:
        settings: Tenants by name, without problems.
        flavors: What quotas are about.
        storage: File systems and buckets.
        by_namespace: Prefixes in the bucket for artifacts below which add-ons keep files of each namespace.
        key_arn: Encrypts their repositories.
        untagged_days: Days that images without a tag are kept in them.
        topic_arn: Of their budgets; None without observability, and so without budgets.
    """

    settings: Mapping[str, TenantSettings]
    flavors: Sequence[Flavor]
    storage: Storage
    by_namespace: Sequence[str]
    key_arn: pulumi.Output[str]
    untagged_days: int
    topic_arn: pulumi.Output[str] | None
    account_id: pulumi.Output[str]
    platform: str
    region: str
    partition: str
    disposable: bool
    tags: Mapping[str, str]
    permissions_boundary: str | None


class Tenants(pulumi.ComponentResource):
    """All tenants, each a component below it.

    Attributes:
        handles: What add-ons are told of them.
    """

    handles: tuple[handle.Tenant, ...]

    def __init__(self, name: str, args: TenantsArgs, opts: pulumi.ResourceOptions) -> None:
        """Create what each has in AWS."""
        super().__init__(naming.type_token("tenants", "Tenants"), name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        volumes = {each.name: each for each in args.storage.efs}
        lustre = tuple(each.name for each in args.storage.lustre)
        self.handles = tuple(
            Tenant(
                tenant,
                TenantArgs(name=tenant, settings=settings, efs=volumes, lustre=lustre, shared=args),
                child,
            ).handle
            for tenant, settings in sorted(args.settings.items())
        )
        self.register_outputs({"tenants": [each.name for each in self.handles]})


@dataclass(frozen=True, kw_only=True)
class TenantArgs:
    """One tenant. `efs` has all such file systems by name, `lustre` the names of all of those."""

    name: str
    settings: TenantSettings
    efs: Mapping[str, EfsVolume]
    lustre: tuple[str, ...]
    shared: TenantsArgs


class Tenant(pulumi.ComponentResource):
    """Access points, repository and budget of one tenant. All that takes tags carries `Tenant` with its name.

    Attributes:
        handle: What add-ons are told of it.

    Changing the name makes another tenant. Changing `storage.uid` or `gid` replaces the access points; the directories
    keep their owner. The repository stays when the tenant goes, unless `keep_data` is false or the stack disposable; a
    directory stays anyhow.

    It registers the outputs `namespace`, `data` (where its data is, as text), `keepData`, `prefix` and `priority`.
    """

    handle: handle.Tenant

    def __init__(self, name: str, args: TenantArgs, opts: pulumi.ResourceOptions) -> None:
        """Create what it has in AWS."""
        super().__init__(naming.type_token("tenants", "Tenant"), name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        settings, shared = args.settings, args.shared
        storage, made = settings.storage, f"tenants-{name}"
        repository = _repository(made, args, child)
        if settings.budget and shared.topic_arn is not None:
            _budget(made, args, shared.topic_arn, child)
        found = handle.Tenant(
            name=args.name,
            owners=settings.owners,
            members=settings.members,
            viewers=settings.viewers,
            priority=settings.priority,
            quotas=quotas(settings, shared.flavors),
            limits=settings.limits,
            prefix=storage.prefix or args.name,
            efs={},
            lustre=args.lustre if storage.lustre is None else storage.lustre,
            uid=storage.uid,
            gid=storage.gid,
            repository=repository.repository_url if repository else None,
            repository_arn=repository.arn if repository else None,
            pod_security=settings.pod_security,
            from_namespaces=settings.from_namespaces,
            to_namespaces=settings.to_namespaces,
            to_cidrs=tuple(str(cidr) for cidr in settings.to_cidrs),
            keep_data=settings.keep_data and not shared.disposable,
        )
        points = _access_points(made, args, found.directory, child)
        self.handle = dataclasses.replace(found, efs=points)
        self.register_outputs(
            {
                "namespace": args.name,
                "data": list(_data(self.handle, shared)),
                "keepData": self.handle.keep_data,
                "prefix": self.handle.prefix,
                "priority": self.handle.priority,
            }
        )


def _tags(args: TenantArgs, name: str | None = None) -> dict[str, str]:
    return naming.tags(args.shared.tags, name, {TENANT_TAG: args.name})


def _access_points(
    name: str, args: TenantArgs, directory: str, opts: pulumi.ResourceOptions
) -> dict[str, pulumi.Output[str]]:
    storage = args.settings.storage
    wanted = tuple(args.efs) if storage.efs is None else storage.efs
    return {
        volume: access_point(
            # A slash, which no name has: with a dash, `a` on `b-c` and `a-b` on `c` would be one name.
            f"{name}/{volume}",
            AccessPointSettings(name=volume, path=directory, uid=storage.uid, gid=storage.gid),
            file_system_id=args.efs[volume].file_system_id,
            tags=_tags(args, f"{args.shared.platform}-{volume}-{args.name}"),
            opts=opts,
        )
        for volume in wanted
    }


def _repository(name: str, args: TenantArgs, opts: pulumi.ResourceOptions) -> aws.ecr.Repository | None:
    images, shared = args.settings.images, args.shared
    if images is None:
        return None
    return repository(
        name,
        RepositoryArgs(
            name=f"{shared.platform}/{TENANTS}/{args.name}",
            key_arn=shared.key_arn,
            keep=args.settings.keep_data and not shared.disposable,
            # `up` takes a tenant out without being told twice; its images stay.
            protect=False,
            keep_images=images.keep_images,
            untagged_days=shared.untagged_days,
            mutable_tags=images.mutable_tags,
            tags=_tags(args),
        ),
        opts,
    )


def _budget(name: str, args: TenantArgs, topic_arn: pulumi.Output[str], opts: pulumi.ResourceOptions) -> None:
    settings = args.settings.budget
    if settings is None:
        return
    budget(
        name,
        BudgetArgs(
            settings=settings,
            platform=args.shared.platform,
            role=tenant_role(args.name),
            tag=TENANT_TAG,
            value=args.name,
            topic_arn=topic_arn,
            tags=_tags(args),
        ),
        opts,
    )


def _data(tenant: handle.Tenant, shared: TenantsArgs) -> Iterator[pulumi.Input[str]]:
    """Where its data is: prefixes of buckets, directories of file systems, its repository."""
    buckets = shared.storage.buckets
    runs = (("artifacts", f"{prefix}/{tenant.name}") for prefix in shared.by_namespace)
    for role, prefix in (*tenant.places.items(), *runs):
        if role in buckets:
            yield pulumi.Output.concat("s3://", buckets[role].name, f"/{prefix}")
    for kind, volumes in (("efs", tenant.efs), ("lustre", tenant.lustre)):
        for volume in volumes:
            yield f"{kind} {volume}:{tenant.directory}"
    if tenant.repository is not None:
        yield f"ecr {shared.platform}/{TENANTS}/{tenant.name}"
