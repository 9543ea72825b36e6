"""What there is to share, and whether the tenants' quotas come to more than that. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from infra.catalog.quantities import CPU, MEMORY
from infra.flavors import Flavor, by_key, flavors
from infra.node_groups.expand import expand
from infra.surroundings import Surroundings
from infra.tenants.quotas import quota
from infra.tenants.settings import TenantSettings

_MANY: Final = 100
"""From so many times on, tenths say nothing."""
_UNITS: Final[Mapping[str, tuple[str, int, str]]] = {CPU: ("cpu", 1000, ""), MEMORY: ("memory", 1024, " GiB")}


def flavors_of(around: Surroundings) -> tuple[Flavor, ...]:
    """The flavours that a stack file's node groups come to."""
    groups = expand(around.groups, around.platform.region, around.network.zone_ids)
    return flavors(each.pool for each in groups)


def oversubscribed(tenants: Mapping[str, TenantSettings], known: Sequence[Flavor]) -> Iterator[str]:
    """By how much the quotas of a flavour exceed what its node group can grow to, one line per flavour.

    It is allowed: not everybody may need all at once. But a quota is then no promise, and a job that was let in may
    find no node. Shares of a node that were rounded up do not count.

    Args:
        tenants: Their settings. Quotas of flavours that there are not are skipped.
        known: All flavours of the cluster.
    """
    named = by_key(known)
    given: dict[str, Counter[str]] = {}
    shares: Counter[str] = Counter()
    for tenant in tenants.values():
        for key, settings in tenant.quota.items():
            flavor = named.get(key)
            if flavor is not None:
                given.setdefault(flavor.name, Counter()).update(quota(settings, flavor).nominal)
                shares[flavor.name] += 1
    for flavor in known:
        sums = given.get(flavor.name, Counter())
        over = {
            resource: (sums[resource], most)
            for resource, most in flavor.capacity.items()
            # Each share is rounded up by less than one.
            if sums[resource] - most >= max(1, shares[flavor.name])
        }
        if over:
            yield _message(flavor, over)


def _message(flavor: Flavor, over: Mapping[str, tuple[int, int]]) -> str:
    parts = ", ".join(_amounts(resource, *each) for resource, each in over.items())
    finite = [asked / most for asked, most in over.values() if most]
    times = f"{_factor(max(finite))} times " if len(finite) == len(over) else "more than "
    return (
        f"tenants: the quotas of {flavor.name} come to {times}what its node group can grow to ({parts}); "
        "jobs that are let in may wait for nodes"
    )


def _factor(times: float) -> str:
    return f"{times:,.0f}" if times >= _MANY else f"{times:.2g}"


def _amounts(resource: str, asked: int, most: int) -> str:
    name, scale, unit = _UNITS.get(resource, (resource, 1, ""))
    return f"{name} {asked / scale:,.6g} of {most / scale:,.6g}{unit}"
