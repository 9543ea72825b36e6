"""KAI's queues: one of each tenant below one of all, and how far nodes are apart."""

from collections.abc import Iterator
from typing import Any, Final

from addons.batch_queues import network_levels, share
from addons.kueue import covered
from addons.spec import AddOn, AddOnSettings, Objects
from infra.catalog import names
from infra.catalog.quantities import CPU, MEMORY
from infra.flavors import flavors
from infra.handle import ClusterHandle, Tenant
from infra.surroundings import Surroundings

_PARENT: Final = "all-tenants"
_TOPOLOGY: Final = "network"
_RESOURCES: Final = {"cpu": CPU, "memory": MEMORY, "gpu": names.GPU_RESOURCE}
"""What KAI's queues know, and what it is in a flavour: millicores, MiB, GPUs. Nothing else has quotas."""
_UNLIMITED: Final = -1
_MIB: Final = 1024**2
_MB: Final = 1000**2
"""KAI's unit of memory."""


def _objects(handle: ClusterHandle, _settings: AddOnSettings) -> list[dict[str, Any]]:
    resources = covered(flavors(handle.node_pools))
    whole = {key: {"quota": _UNLIMITED, "limit": _UNLIMITED, "overQuotaWeight": 1} for key in _RESOURCES}
    return [
        {
            "apiVersion": "kai.scheduler/v1alpha1",
            "kind": "Topology",
            "metadata": {"name": _TOPOLOGY},
            "spec": {"levels": [{"nodeLabel": label} for label in network_levels(handle)]},
        },
        _custom(_PARENT, {"resources": whole}),
        *(_queue(tenant, resources) for tenant in handle.tenants),
    ]


def _queue(tenant: Tenant, resources: tuple[str, ...]) -> dict[str, Any]:
    """Its own is the quota, what it may use at most the limit. Idle quota is always lent.

    Source: kai-scheduler/KAI-Scheduler v0.17.0, docs/queues/README.md.
    """
    found = share(tenant, resources)
    return _custom(
        tenant.name,
        {
            "parentQueue": _PARENT,
            "resources": {
                key: {
                    "quota": _amount(resource, found.own.get(resource, 0)),
                    "limit": _amount(resource, found.most[resource]) if resource in found.most else _UNLIMITED,
                    "overQuotaWeight": 1,
                }
                for key, resource in _RESOURCES.items()
            },
        },
    )


def _amount(resource: str, count: int) -> int:
    return count * _MIB // _MB if resource == MEMORY else count


def _custom(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "scheduling.run.ai/v2",
        "kind": "Queue",
        "metadata": {"name": name},
        "spec": {"displayName": name, **spec},
    }


def _problems(around: Surroundings, _settings: AddOnSettings) -> Iterator[tuple[str, str]]:
    if _PARENT in around.tenants:
        yield "", f"tenants.{_PARENT}: the queue above all tenants has this name; give the tenant another"


ADDON = AddOn(
    name="kai-queues",
    group="scheduling",
    summary="a queue of KAI for each tenant, with its quotas, and the topology of the network",
    docs="https://github.com/kai-scheduler/KAI-Scheduler/blob/main/docs/queues/README.md",
    source=Objects(build=_objects),
    settings=AddOnSettings,
    namespace="kai-scheduler",
    problems=_problems,
    needs=("kai-config", "kai-scheduler"),
    # Quotas have one owner.
    conflicts=("kueue-queues", "volcano-queues"),
    creates=frozenset({"Queue", "Topology"}),
)
