"""What a tenant's quota comes to in Kubernetes' resources. Pure."""

from collections.abc import Mapping, Sequence

from infra.catalog.quantities import CPU
from infra.flavors import Flavor, by_key
from infra.handle import TenantQuota
from infra.tenants.settings import QuotaSettings, TenantSettings

_MILLIS = 1000


def quotas(settings: TenantSettings, flavors: Sequence[Flavor]) -> tuple[TenantQuota, ...]:
    """The quotas of a tenant, those that it prefers first.

    The order of the mapping does not count: the engine hands its keys over by the alphabet (pulumi/pulumi,
    sdk/go/common/resource/config/object.go keeps a Go map).

    Args:
        settings: Without problems.
        flavors: All of the cluster, in the order of its node groups.
    """
    known = by_key(flavors)
    wanted = {key: known[key] for key in settings.quota}
    preferred = [key for key in settings.prefer if key in wanted]
    rest = sorted((key for key in wanted if key not in preferred), key=lambda key: flavors.index(wanted[key]))
    return tuple(quota(settings.quota[key], wanted[key]) for key in (*preferred, *rest))


def quota(settings: QuotaSettings, flavor: Flavor) -> TenantQuota:
    """The quota of one flavour: so many nodes, accelerators or processors, with all that comes with them on a node.

    Shares are rounded up, and sizes of jobs (`infra.catalog.sizes`) are rounded down: jobs whose accelerators come to
    those of the quota fit it.

    Args:
        settings: Without problems.
        flavor: What it is about.
    """
    ((unit, count),) = settings.amounts.items()
    return TenantQuota(
        flavor=flavor.name,
        nominal=_share(unit, count, flavor),
        borrow=None if settings.borrow is None else _share(unit, settings.borrow, flavor),
        lend=None if settings.lend is None else _share(unit, settings.lend, flavor),
    )


def _share(unit: str, count: int, flavor: Flavor) -> Mapping[str, int]:
    if unit == "accelerators":
        whole = flavor.accelerators
    elif unit == "cpus":
        whole, count = flavor.per_node[CPU], count * _MILLIS
    else:
        whole = 1
    return {resource: -(-each * count // whole) for resource, each in flavor.per_node.items()}
