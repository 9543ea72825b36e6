"""Kueue's own words: topologies, flavours and queues as its custom resources. Pure.

Fields are those of the v1beta2 API of Kueue 0.19.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from addons.settings import AddonsSettings
from addons.spec import AddOnSettings
from infra.catalog.network_layers import layer_label, network_layers
from infra.catalog.quantities import quantity
from infra.flavors import Flavor
from infra.handle import ClusterHandle, TenantQuota

GROUP: Final = "kueue.x-k8s.io"
API: Final = f"{GROUP}/v1beta2"
LOCAL_QUEUE: Final = "default"
"""The queue of a tenant's namespace. Kueue puts jobs that name no queue in the one of this name."""
COHORT: Final = "platform"
"""Whose queues lend to each other what they do not use."""
BURST: Final = "burst"
"""The queue for jobs that may run in other clusters (MultiKueue), and in those for jobs that came from elsewhere."""
QUEUES: Final = "kueue-queues"
"""The add-on that makes all of this."""
_KUEUE: Final = "kueue"
"""The add-on that is Kueue itself."""
CHECK: Final = "provisioning"
"""The admission check that has nodes made for a whole job before it starts, and its configuration."""
MOST_FLAVORS: Final = 64
MOST_TAINTS: Final = 8
"""Of one resource group and of one flavour, as the CRDs have it."""

ZONE_LEVEL: Final = "topology.kubernetes.io/zone"
_HOST_LEVEL: Final = "kubernetes.io/hostname"
POD_SET: Final = f"{GROUP}/podset-"
"""What annotations of pods begin with that ask for a place in the network."""
_AUTOSCALER: Final = frozenset({"cluster-autoscaler", "provisioning-request-crd"})


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How a flavour's nodes are told apart: the labels of a topology, from wide to narrow."""

    layers: int

    @property
    def name(self) -> str:
        """Of the Topology, whose levels never change: other levels, another name."""
        return f"zone-network{self.layers}-host" if self.layers else "zone-host"

    @property
    def levels(self) -> tuple[str, ...]:
        """The labels."""
        return (ZONE_LEVEL, *(layer_label(1 + index) for index in range(self.layers)), _HOST_LEVEL)

    def annotations(self, packing: str) -> dict[str, str]:
        """What the pods of a gang carry.

        Args:
            packing: `preferred`: as near to each other as there is room, from below one switch to anywhere in the
                zone. `required`: below one switch of the top layer, or in one zone where switches are not told.
                `unconstrained`: wherever there is room.
        """
        wide, near = self.levels[min(1, self.layers)], self.levels[-2]
        level = {"preferred": near, "required": wide, "unconstrained": "true"}[packing]
        return {f"{POD_SET}{packing}-topology": level}


def is_autoscaled(flavor: Flavor) -> bool:
    """Whether the number of its nodes changes by itself."""
    return any(pool.min_size < pool.max_size for pool in flavor.pools)


def is_provisioned(flavor: Flavor, handle: ClusterHandle) -> bool:
    """Whether nodes are made for whole jobs: of groups with EFA that cluster-autoscaler scales.

    A request is met by one node group or not at all, and a flavour with EFA is just one. Jobs on the others are let in
    at once, and the autoscaler sees the pods that wait.

    Source: kubernetes/autoscaler 1.35.2, core/scaleup/orchestrator/orchestrator.go, `allOrNothing`.
    """
    return bool(flavor.pools[0].efa_interfaces) and is_autoscaled(flavor) and handle.addons >= _AUTOSCALER


class PlacementSettings(AddOnSettings):
    """Where jobs on nodes with EFA are placed: what others have to know of the settings of `kueue-queues`."""

    topology: bool = True
    """Place jobs on nodes with EFA by where these are in the network. A job on such nodes then says so in its pods'
    annotations (`packing`); one that does not is let into other flavours only, unless its tenant has no others. A
    flavour that was made with a topology keeps it: decide before the first `up`."""

    network: bool = True
    """Tell the nodes' places by the switches that AWS labels them with, besides zone and node. Where nodes lack the
    labels of their type, Kueue does not see them. It stays as it was for flavours that there are, as `topology`."""

    packing: Literal["preferred", "required", "unconstrained"] = "preferred"
    """What the pods of a gang ask for where nothing else is said. `preferred`: as near to each other as there is room.
    `required`: below one switch of the top layer, or wait. `unconstrained`: wherever there is room. The annotation is
    written on each ResourceFlavor, and on the runtimes of such a node group; a job may carry another."""


def placement(flavor: Flavor, handle: ClusterHandle) -> dict[str, str]:
    """What the pods of a gang carry on a flavour's nodes; nothing where there are no queues, or no topology."""
    settings = handle.settings.get(QUEUES)
    where = layout(flavor, handle, settings) if isinstance(settings, PlacementSettings) else None
    return where.annotations(settings.packing) if where and isinstance(settings, PlacementSettings) else {}


def layout(flavor: Flavor, handle: ClusterHandle, settings: PlacementSettings) -> Layout | None:
    """How jobs are placed on its nodes by where these are; None: Kueue leaves that to the scheduler.

    Where pods talk over EFA it pays. Kueue counts the nodes that are there, so they are there for good or made
    beforehand; and a job that says nothing of topology is never let into a flavour that has one, so that other
    flavours have none.

    Source: kubernetes-sigs/kueue v0.19.2, pkg/scheduler/flavorassigner/tas_flavorassigner.go.
    """
    if not settings.topology or not flavor.pools[0].efa_interfaces:
        return None
    if is_autoscaled(flavor) and not is_provisioned(flavor, handle):
        return None
    types = {kind for pool in flavor.pools for kind in pool.instance_types}
    return Layout(layers=min(network_layers(kind, handle.region) for kind in types) if settings.network else 0)


def topology(of: Layout) -> dict[str, Any]:
    """The Topology of a layout."""
    return custom("Topology", of.name, {"levels": [{"nodeLabel": label} for label in of.levels]})


def resource_flavor(flavor: Flavor, where: Layout | None, packing: str) -> dict[str, Any]:
    """The ResourceFlavor of a flavour.

    It has the nodes' taints and adds no toleration: a job that needs no GPU, and so tolerates none of its taints, is
    not sent to nodes that have one. An annotation of its own is what the pods of a gang on it carry.
    """
    taints = [{"key": taint.key, "value": taint.value, "effect": taint.effect} for taint in flavor.taints]
    made = custom(
        "ResourceFlavor",
        flavor.name,
        {
            "nodeLabels": dict(flavor.labels),
            **({"nodeTaints": taints} if taints else {}),
            **({"topologyName": where.name} if where else {}),
        },
    )
    if where:
        made["metadata"]["annotations"] = where.annotations(packing)
    return made


def cohort(flavors: Sequence[Flavor], left: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """The Cohort, with what is nobody's: any queue in it may borrow that.

    Args:
        flavors: All.
        left: Flavour to what is left of it.
    """
    resources = covered(flavors)
    rows = [
        (each.name, {resource: {"nominalQuota": left[each.name].get(resource, 0)} for resource in resources})
        for each in flavors
    ]
    return custom("Cohort", COHORT, {"resourceGroups": [_resource_group(resources, rows)]})


def unassigned(flavors: Iterable[Flavor], quotas: Iterable[TenantQuota]) -> dict[str, dict[str, int]]:
    """What the flavours' groups can grow to beyond all quotas, by flavour."""
    given: dict[str, Counter[str]] = {}
    for each in quotas:
        given.setdefault(each.flavor, Counter()).update(each.nominal)
    return {
        flavor.name: {
            resource: max(0, count - given.get(flavor.name, Counter())[resource])
            for resource, count in flavor.capacity.items()
        }
        for flavor in flavors
    }


def covered(flavors: Iterable[Flavor]) -> tuple[str, ...]:
    """The resources of all flavours, in a stable order."""
    return tuple(dict.fromkeys(resource for flavor in flavors for resource in flavor.per_node))


def quota_group(quotas: Sequence[TenantQuota], by_name: Mapping[str, Flavor], *, limits: bool) -> dict[str, Any]:
    """A queue's quotas as one resource group: a job gets one flavour for all that it asks for.

    Args:
        quotas: In order of preference.
        by_name: The flavours.
        limits: Whether there is a cohort to borrow from and to lend to.
    """
    resources = covered(by_name[quota.flavor] for quota in quotas)
    rows = []
    for quota in quotas:
        row = {each: {"nominalQuota": quota.nominal.get(each, 0)} for each in resources}
        for each in resources if limits else ():
            if quota.borrow is not None:
                row[each]["borrowingLimit"] = quota.borrow.get(each, 0)
            if quota.lend is not None:
                row[each]["lendingLimit"] = min(quota.lend.get(each, 0), row[each]["nominalQuota"])
        rows.append((quota.flavor, row))
    return _resource_group(resources, rows)


def _resource_group(
    resources: Sequence[str], rows: Iterable[tuple[str, Mapping[str, Mapping[str, int]]]]
) -> dict[str, Any]:
    return {
        "coveredResources": list(resources),
        "flavors": [
            {
                "name": flavor,
                "resources": [
                    {"name": each, **{key: quantity(each, count) for key, count in row[each].items()}}
                    for each in resources
                ],
            }
            for flavor, row in rows
        ],
    }


def custom(kind: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """A custom resource of the cluster."""
    return {"apiVersion": API, "kind": kind, "metadata": {"name": name}, "spec": dict(spec)}


def warnings(addons: AddonsSettings) -> Iterator[str]:
    """Settings of the queues that do nothing beside those of Kueue itself.

    Source: kubernetes-sigs/kueue v0.19.2, pkg/scheduler/preemption: `borrowWithinCohort` is of the classical one.
    """
    fair = addons.settings.get(_KUEUE, {}).get("fairSharing")
    queues = addons.settings.get(QUEUES, {})
    if queues.get("weights") and not fair:
        yield f"addons.settings.{QUEUES}.weights count nothing without addons.settings.{_KUEUE}.fairSharing"
    if queues.get("preemptToBorrow") and fair:
        yield f"addons.settings.{QUEUES}.preemptToBorrow does nothing with addons.settings.{_KUEUE}.fairSharing"
