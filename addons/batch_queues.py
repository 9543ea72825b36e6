"""What a tenant's quotas come to over all flavours, for schedulers whose queues know no flavours. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from addons.kueue import Layout
from infra.catalog.network_layers import network_layers
from infra.flavors import flavors
from infra.handle import ClusterHandle, Tenant, TenantQuota


@dataclass(frozen=True, kw_only=True)
class Share:
    """Sums, in the units of flavours: millicores of `cpu`, MiB of `memory`, counts of extended resources.

    Attributes:
        own: What is the tenant's own.
        most: The most that it may use, for each resource that has a limit.
        kept: What of its own nobody else gets while it is idle.
    """

    own: Mapping[str, int]
    most: Mapping[str, int]
    kept: Mapping[str, int]


def share(tenant: Tenant, resources: Sequence[str]) -> Share:
    """What a tenant has in all.

    A tenant without quotas has nothing of its own and may use whatever is idle. One with quotas has no part in the
    kinds of nodes that it has none of.

    Args:
        tenant: The tenant.
        resources: What the cluster's nodes offer.
    """
    if not tenant.quotas:
        return Share(own={}, most={}, kept={})
    own = _sum(quota.nominal for quota in tenant.quotas)
    unlimited = {each for quota in tenant.quotas if quota.borrow is None for each in quota.nominal}
    borrowed = _sum(quota.borrow or {} for quota in tenant.quotas)
    return Share(
        own=own,
        most={each: own.get(each, 0) + borrowed.get(each, 0) for each in resources if each not in unlimited},
        kept=_sum(_kept(quota) for quota in tenant.quotas),
    )


def network_levels(handle: ClusterHandle) -> tuple[str, ...]:
    """The labels that say where a node is, from wide to narrow.

    Its zone, the switches that all nodes with EFA have labels of, the node itself.
    """
    layers = [
        network_layers(kind, handle.region)
        for flavor in flavors(handle.node_pools)
        if flavor.pools[0].efa_interfaces
        for pool in flavor.pools
        for kind in pool.instance_types
    ]
    return Layout(layers=min(layers, default=0)).levels


def _kept(quota: TenantQuota) -> dict[str, int]:
    if quota.lend is None:
        return {}
    return {each: max(0, count - quota.lend.get(each, 0)) for each, count in quota.nominal.items()}


def _sum(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return {each: count for each, count in total.items() if count}
