"""Volcano's queues: one of each tenant, with its quotas summed over all kinds of nodes."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from addons.batch_queues import share
from addons.kueue import covered
from addons.spec import AddOn, AddOnSettings, Objects
from infra.catalog.quantities import quantity
from infra.flavors import flavors
from infra.handle import ClusterHandle, Tenant
from infra.surroundings import Surroundings

_ITS_OWN: Final = ("default", "root")
"""Queues that Volcano makes itself."""


def _objects(handle: ClusterHandle, _settings: AddOnSettings) -> list[dict[str, Any]]:
    resources = covered(flavors(handle.node_pools))
    return [_queue(tenant, resources) for tenant in handle.tenants]


def _queue(tenant: Tenant, resources: tuple[str, ...]) -> dict[str, Any]:
    """Its own is `deserved`, what it may use at most `capability`, what it does not lend `guarantee`.

    What `capability` does not name has no limit: of the resources that the tenant has no part in it names 0.
    Source: volcano-sh/volcano v1.15.1, pkg/scheduler/plugins/capacity and pkg/webhooks/admission/queues/validate.
    """
    found = share(tenant, resources)
    parts = {"deserved": found.own, "capability": found.most}
    spec: dict[str, Any] = {key: _quantities(amounts) for key, amounts in parts.items() if amounts}
    if found.kept:
        spec["guarantee"] = {"resource": _quantities(found.kept)}
    return {
        "apiVersion": "scheduling.volcano.sh/v1beta1",
        "kind": "Queue",
        "metadata": {"name": tenant.name},
        # Its webhook would write the weight and change what the state has.
        "spec": {"reclaimable": True, "weight": 1, **spec},
    }


def _quantities(amounts: Mapping[str, int]) -> dict[str, str]:
    return {resource: quantity(resource, count) for resource, count in amounts.items()}


def _problems(around: Surroundings, _settings: AddOnSettings) -> Iterator[tuple[str, str]]:
    for name in _ITS_OWN:
        if name in around.tenants:
            yield "", f"tenants.{name}: Volcano has a queue {name} of its own; give the tenant another name"


ADDON = AddOn(
    name="volcano-queues",
    group="scheduling",
    summary="a queue of Volcano for each tenant, with its quotas",
    docs="https://volcano.sh/en/docs/queue/",
    source=Objects(build=_objects),
    settings=AddOnSettings,
    namespace="volcano-system",
    problems=_problems,
    needs=("volcano",),
    # Quotas have one owner.
    conflicts=("kai-queues", "kueue-queues"),
    creates=frozenset({"Queue"}),
)
