"""What a tenant's quota comes to in Kubernetes' resources. Pure."""

import math
from collections.abc import Mapping

from infra.flavors import CPU, Flavor
from infra.handle import TenantQuota
from infra.tenants.settings import QuotaSettings

_MILLIS = 1000


def quota(settings: QuotaSettings, flavor: Flavor) -> TenantQuota:
    """The quota of one flavour, rounded up so that what was asked for fits.

    Args:
        settings: Without problems.
        flavor: What it is about.
    """
    return TenantQuota(
        flavor=flavor.name,
        nominal=_share(settings, settings.nodes or settings.accelerators or settings.cpus or 0, flavor),
        borrow=None if settings.borrow is None else _share(settings, settings.borrow, flavor),
        lend=None if settings.lend is None else _share(settings, settings.lend, flavor),
    )


def _share(settings: QuotaSettings, count: int, flavor: Flavor) -> Mapping[str, int]:
    """So many nodes, accelerators or processors, with all that comes with them."""
    if settings.accelerators is not None:
        whole = flavor.accelerators
    elif settings.cpus is not None:
        whole, count = flavor.per_node[CPU], count * _MILLIS
    else:
        whole = 1
    return {resource: math.ceil(each * count / whole) for resource, each in flavor.per_node.items()}
