"""Tenants in AWS: what each has of its own there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from infra import naming
from infra.flavors import Flavor, by_key
from infra.handle import Edge, Storage, Tenant
from infra.tenants.quotas import quota
from infra.tenants.settings import TenantSettings


@dataclass(frozen=True, kw_only=True)
class TenantsArgs:
    """What tenants stand on.

    Attributes:
        settings: Tenants by name, without problems.
        flavors: What quotas are about.
        storage: File systems and buckets.
        edge: Its login gets a group of each tenant.
        key_arn: Encrypts their repositories.
        topic_arn: Of their budgets; None without observability.
    """

    settings: Mapping[str, TenantSettings]
    flavors: Sequence[Flavor]
    storage: Storage
    edge: Edge | None
    key_arn: pulumi.Output[str]
    topic_arn: pulumi.Output[str] | None
    account_id: pulumi.Output[str]
    platform: str
    region: str
    partition: str
    disposable: bool
    tags: Mapping[str, str]
    permissions_boundary: str | None


class Tenants(pulumi.ComponentResource):
    """All tenants; `handles` is what add-ons are told of them."""

    handles: tuple[Tenant, ...]

    def __init__(self, name: str, args: TenantsArgs, opts: pulumi.ResourceOptions) -> None:
        """Create what each has in AWS."""
        super().__init__(naming.type_token("tenants", "Tenants"), name, None, opts)
        known = by_key(args.flavors)
        self.handles = tuple(_tenant(each, settings, args, known) for each, settings in args.settings.items())
        self.register_outputs({"tenants": [each.name for each in self.handles]})


def _tenant(name: str, settings: TenantSettings, args: TenantsArgs, known: Mapping[str, Flavor]) -> Tenant:
    storage = settings.storage
    return Tenant(
        name=name,
        owners=settings.owners,
        members=settings.members,
        viewers=settings.viewers,
        priority=settings.priority,
        quotas=tuple(quota(each, known[key]) for key, each in settings.quota.items()),
        limits=settings.limits,
        prefix=storage.prefix or name,
        efs={},
        lustre=storage.lustre if storage.lustre is not None else tuple(each.name for each in args.storage.lustre),
        uid=storage.uid,
        gid=storage.gid,
        repository=None,
        repository_arn=None,
        pod_security=settings.pod_security,
        from_namespaces=settings.from_namespaces,
        to_namespaces=settings.to_namespaces,
        to_cidrs=tuple(str(cidr) for cidr in settings.to_cidrs),
        keep_data=settings.keep_data,
    )
