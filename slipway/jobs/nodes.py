"""The node groups of a plan as the scheduler and whoever adds nodes know them, before there is any node. Pure."""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from infra.catalog import autoscaler, names
from infra.catalog.allocatable import room
from infra.catalog.instances import instance_type, max_pods
from infra.catalog.quantities import CPU, HUGEPAGE_MIB, MEMORY
from infra.handle import GpuSharing, NodePool, Taint
from slipway.jobs.quantity import MIB, QuantityError, parse
from slipway.plan.fleet import NODE_CLASS, NODE_GROUP, NODE_POOL, NodeGroup, node_groups, template_of
from slipway.plan.model import Plan, Resource

INSTANCE_TYPE: Final = "node.kubernetes.io/instance-type"
ARCH: Final = "kubernetes.io/arch"
ZONE: Final = "topology.kubernetes.io/zone"
HOSTNAME: Final = "kubernetes.io/hostname"
_OVERLAY: Final = "kubernetes:karpenter.sh/v1alpha1:NodeOverlay"
_ADD_ON: Final = "slipway:addons:AddOn"
_RESOURCES: Final = autoscaler.resource_tag("")
_MAX_PODS: Final = re.compile(r"\bmax-?[pP]ods\s*[:=]\s*(\d+)")
_HUGEPAGES: Final = re.compile(r"vm\.nr_hugepages\"?\s*=\s*\"?(\d+)")
_EFFECTS: Final = {
    "NO_SCHEDULE": "NoSchedule",
    "NO_EXECUTE": "NoExecute",
    "PREFER_NO_SCHEDULE": "PreferNoSchedule",
}
_CAPACITY_LABEL: Final = {"spot": "SPOT", "capacity-block": "CAPACITY_BLOCK"}
_KARPENTER_CAPACITY: Final = {"spot": "spot", "on-demand": "on-demand"}
_AT_BOOT: Final = (
    "nvidia.com/",
    "feature.node.kubernetes.io/",
    "topology.k8s.aws/network-node-layer-",
    "node.kubernetes.io/",
    "vpc.amazonaws.com/",
    "aws.amazon.com/",
)
"""What is put on nodes by programs that run on them."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """The nodes of one group in one zone.

    Attributes:
        pool: What the program knew of them.
        known: Labels that each node has, and what whoever adds nodes knows while there is none: to the possible
            values, where none means that only AWS knows.
        karpenter: Whether Karpenter makes the nodes.
    """

    pool: NodePool
    known: Mapping[str, tuple[str, ...]]
    karpenter: bool

    @property
    def name(self) -> str:
        """`<group>-<zone id>`."""
        return self.pool.name

    @cached_property
    def free(self) -> Mapping[str, int]:
        """What pods can ask for on a node without pods, in the units of `quantity`."""
        pool = self.pool
        found = {CPU: pool.cpu_millis, MEMORY: pool.memory_mib * MIB, **pool.devices}
        if pool.efa_interfaces:
            found[names.EFA_RESOURCE] = pool.efa_interfaces
        if pool.hugepages_mib:
            found[names.HUGEPAGES_RESOURCE] = pool.hugepages_mib * MIB
        if self.disk:
            found[names.EPHEMERAL_STORAGE_RESOURCE] = self.disk
        return found

    pods: int = 110
    """The most pods on a node, those of DaemonSets with them."""
    disk: int = 0
    """Bytes that pods can write outside of volumes; 0 where it is not known."""
    scaled: bool = True
    """Whether something adds nodes to it."""

    @property
    def nodes(self) -> int:
        """The most nodes that there can be."""
        return self.pool.max_size

    def only_at_boot(self, label: str) -> bool:
        """Whether a label is put on nodes once they are there."""
        return not (self.karpenter and label.startswith("karpenter.")) and label.startswith(_AT_BOOT)


def groups(plan: Plan) -> tuple[Group, ...]:
    """Every group of nodes, in the order of the plan's page."""
    system = _system(plan)
    classes = {each.inputs["metadata"]["name"]: each.inputs["spec"] for each in plan.of_type(NODE_CLASS)}
    overlays = {
        each.inputs["metadata"]["name"]: each.inputs["spec"].get("capacity", {}) for each in plan.of_type(_OVERLAY)
    }
    found = []
    for fleet in node_groups(plan):
        resource = plan.get(fleet.urn)
        if resource is None or not fleet.types:
            continue
        if resource.type == NODE_POOL:
            found.append(_of_karpenter(fleet, resource, classes, overlays))
        else:
            found.append(_managed(plan, fleet, resource, system=fleet.urn in system))
    return tuple(found)


def _system(plan: Plan) -> frozenset[str]:
    """The node groups that add-ons wait for: they carry the platform's own controllers."""
    managed = {each.urn for each in plan.of_type(NODE_GROUP)}
    waiting = (child for addon in plan.of_type(_ADD_ON) for child in plan.children(addon))
    return frozenset(urn for child in waiting for urn in child.dependencies if urn in managed)


def _managed(plan: Plan, fleet: NodeGroup, resource: Resource, *, system: bool) -> Group:
    inputs = resource.inputs
    tags: Mapping[str, Any] = inputs.get("tags") or {}
    told = {key.removeprefix(_RESOURCES): value for key, value in tags.items() if key.startswith(_RESOURCES)}
    data = _plain(template_of(plan, resource).get("userData"))
    taints = tuple(
        Taint(key=each["key"], value=each.get("value") or "", effect=_EFFECTS[each["effect"]])  # type: ignore[arg-type]  # one of Kubernetes' three
        for each in inputs.get("taints") or ()
    )
    labels = {str(key): str(value) for key, value in (inputs.get("labels") or {}).items()}
    pool = _pool(fleet, labels, taints, told, data, system=system)
    known = {
        **_known(pool),
        "eks.amazonaws.com/capacityType": (_CAPACITY_LABEL.get(pool.capacity, "ON_DEMAND"),),
        "eks.amazonaws.com/nodegroup": (),
    }
    scaled = bool(told) and any(each.startswith("cluster-autoscaler") for each in _add_ons(plan))
    return Group(
        pool=pool,
        known=known,
        karpenter=False,
        pods=_most_pods(fleet, data),
        disk=_quantity(names.EPHEMERAL_STORAGE_RESOURCE, told),
        scaled=scaled,
    )


def _of_karpenter(
    fleet: NodeGroup,
    resource: Resource,
    classes: Mapping[str, Mapping[str, Any]],
    overlays: Mapping[str, Mapping[str, Any]],
) -> Group:
    template = resource.inputs["spec"]["template"]
    labels = {str(key): str(value) for key, value in template["metadata"]["labels"].items()}
    node_class = classes.get(template["spec"]["nodeClassRef"]["name"], {})
    data = f"{node_class.get('userData', '')}\nmaxPods: {pods}" if (pods := _pods(node_class)) else ""
    data = data or str(node_class.get("userData", ""))
    taints = tuple(
        Taint(key=each["key"], value=each.get("value", ""), effect=each["effect"])
        for each in template["spec"].get("taints", ())
    )
    pool = _pool(fleet, labels, taints, dict(overlays.get(fleet.name, {})), data, system=False)
    known = {
        **_known(pool),
        "karpenter.sh/nodepool": (fleet.name,),
        "karpenter.sh/capacity-type": (_KARPENTER_CAPACITY.get(pool.capacity, "reserved"),),
    }
    return Group(pool=pool, known=known, karpenter=True, pods=_most_pods(fleet, data))


def _pods(node_class: Mapping[str, Any]) -> int | None:
    found = (node_class.get("kubelet") or {}).get("maxPods")
    return int(found) if found else None


def _most_pods(fleet: NodeGroup, data: str) -> int:
    """The least over the group's types."""
    told = _MAX_PODS.search(data)
    return (
        int(told[1])
        if told
        else min(max_pods(instance_type(each), efa=bool(fleet.efa_interfaces)) for each in fleet.types)
    )


def _pool(
    fleet: NodeGroup,
    labels: Mapping[str, str],
    taints: tuple[Taint, ...],
    told: Mapping[str, Any],
    data: str,
    *,
    system: bool,
) -> NodePool:
    """The same facts as the program had (`infra.node_groups.expand`)."""
    types = [instance_type(each) for each in fleet.types]
    first, efa = types[0], fleet.efa_interfaces
    pages = _HUGEPAGES.search(data)
    hugepages_mib = int(pages[1]) * HUGEPAGE_MIB if pages else 0
    pods = _MAX_PODS.search(data)
    rooms = [
        room(each, pods=int(pods[1]) if pods else max_pods(each, efa=bool(efa)), hugepages_mib=hugepages_mib)
        for each in types
    ]
    devices = dict(_devices(fleet, told))
    mode, _, rest = fleet.sharing.rpartition("-")
    sharing = (
        GpuSharing(
            mode="mig" if mode == "mig" else "mps" if mode == "mps" else "time-slicing",
            config=fleet.sharing,
            replicas=int(rest) if rest.isdigit() else None,
            resources=devices,
        )
        if fleet.sharing
        else None
    )
    return NodePool(
        name=fleet.name if fleet.name.startswith(fleet.group) else f"{fleet.group}-{fleet.zone}",
        group=fleet.group,
        zone_id=fleet.zone,
        instance_types=fleet.types,
        capacity=fleet.capacity,
        arch=first.arch,
        bottlerocket=bool(data) and data.lstrip().startswith("["),
        accelerator=first.accelerator.kind if first.accelerator else None,
        accelerators_per_node=first.accelerator.count if first.accelerator else 0,
        efa_interfaces=efa,
        labels=labels,
        taints=taints,
        min_size=fleet.minimum,
        max_size=fleet.maximum,
        sharing=sharing,
        provision_minutes=0,
        system=system,
        cpu_millis=min(each.cpu_millis for each in rooms),
        memory_mib=min(each.memory_mib for each in rooms),
        hugepages_mib=hugepages_mib,
        devices=devices,
    )


def _devices(fleet: NodeGroup, told: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """What device plugins offer: as the autoscaler is told, else as the instance has it."""
    found = {
        name: _quantity(name, told)
        for name in told
        if name not in (names.EFA_RESOURCE, names.HUGEPAGES_RESOURCE, names.EPHEMERAL_STORAGE_RESOURCE)
    }
    accelerator = fleet.accelerator
    if not found and accelerator is not None and accelerator.resource is not None:
        shares = fleet.sharing.rpartition("-")[2]
        found[accelerator.resource] = accelerator.count * (int(shares) if shares.isdigit() else 1)
        if accelerator.neuron_cores:
            found[names.NEURON_CORE_RESOURCE] = accelerator.neuron_cores
    yield from found.items()


def _known(pool: NodePool) -> dict[str, tuple[str, ...]]:
    return {
        **{key: (value,) for key, value in pool.labels.items()},
        INSTANCE_TYPE: pool.instance_types,
        ARCH: (pool.arch,),
        "kubernetes.io/os": ("linux",),
        names.ZONE_ID_LABEL: (pool.zone_id,),
        # Zones are named anew in every account.
        ZONE: (),
        "topology.kubernetes.io/region": (),
        HOSTNAME: (),
    }


def _add_ons(plan: Plan) -> tuple[str, ...]:
    return tuple(each.name for each in plan.of_type(_ADD_ON))


def _quantity(name: str, told: Mapping[str, Any]) -> int:
    try:
        return parse(name, told.get(name, "0"))
    except QuantityError:
        return 0


def _plain(user_data: object) -> str:
    """User data as text; nothing where only AWS knows it."""
    if not isinstance(user_data, str):
        return ""
    try:
        return base64.b64decode(user_data, validate=True).decode("utf-8", "replace")
    except (ValueError, binascii.Error):
        return ""
