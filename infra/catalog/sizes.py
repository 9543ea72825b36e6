"""T-shirt sizes: fixed shapes in which jobs ask for a node, so that whole nodes fill up and no accelerator is stranded.

The method is that of FfDL (Jayaram et al., "FfDL: A Flexible Multi-tenant Deep Learning Platform", Middleware 2019): a
worker gets just enough processors and memory to keep its accelerators busy, in a fixed proportion. Here the proportion
is the node's own: what `allocatable.room` leaves, divided by its accelerators. Every size is a multiple of one share,
so any mix of sizes that uses up a node's accelerators fits on it. Pure.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from infra.catalog import names
from infra.catalog.allocatable import room
from infra.catalog.efa import EFA_HUGEPAGES
from infra.catalog.instances import AcceleratorKind, instance_type, max_pods
from infra.catalog.quantities import CPU, HUGEPAGE_MIB, MEMORY, quantity

WHOLE_NODE: Final = "node"
_STEPS: Final = {"s": 1, "m": 2, "l": 4, "xl": 8, "2xl": 16}
_PREFIXES: Final[Mapping[AcceleratorKind | None, str]] = {
    None: "cpu",
    "nvidia": "gpu",
    "neuron": "neuron",
    "fpga": "fpga",
}
_FRACTIONS: Final = (16, 8, 4, 2)
"""A plain node's `cpu-s` to `cpu-xl` are such parts of it."""
_LEAST_CPU_MILLIS: Final = 500
"""Smaller parts of a plain node are no size."""
_DEVICE_COUNTS: Final[Mapping[str, frozenset[int]]] = dict.fromkeys(
    ("trn1.32xlarge", "trn1n.32xlarge"), frozenset({1, 4, 8, 16})
)
"""How many devices a pod may ask for where neighbours are not in a ring (Neuron documentation, "Neuron scheduler
extension", 2D torus)."""

# From so much on, quantities are rounded down to a multiple of so much.
_CPU_ROUNDING: Final = ((8000, 1000), (4000, 500), (1000, 100), (0, 10))
_MEMORY_ROUNDING: Final = ((8192, 1024), (2048, 256), (512, 64), (0, 16))


class Sharing(Protocol):
    """How GPUs are divided among pods, as `infra.handle.GpuSharing` says it."""

    @property
    def mode(self) -> str:
        """`time-slicing`, `mps` or `mig`."""


class Node(Protocol):
    """What sizes are made of, as `infra.handle.NodePool` says it of each of a group's nodes."""

    @property
    def instance_types(self) -> tuple[str, ...]:
        """Its type, or those it may be of."""

    @property
    def accelerator(self) -> AcceleratorKind | None:
        """The kind of its accelerators; None on a plain node."""

    @property
    def sharing(self) -> Sharing | None:
        """How its GPUs are divided; None where they are whole."""

    @property
    def cpu_millis(self) -> int:
        """What people's pods can ask for together, millicores."""

    @property
    def memory_mib(self) -> int:
        """What people's pods can ask for together, MiB, besides huge pages."""

    @property
    def hugepages_mib(self) -> int:
        """Its huge pages, MiB."""

    @property
    def efa_interfaces(self) -> int:
        """Its EFA interfaces."""

    @property
    def devices(self) -> Mapping[str, int]:
        """What device plugins offer: extended resource to count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What one worker of this size asks for.

    Attributes:
        name: Such as `gpu-l`.
        accelerators: How many accelerators, or slices of them; 0 where pods cannot ask for any.
        cpu_millis: Processors, millicores.
        memory_mib: Memory, MiB.
        devices: The same accelerators as extended resources.
        efa_interfaces: EFA interfaces.
        hugepages_mib: Huge pages of 2 MiB, MiB.
        per_node: How many of this size fill one node.
    """

    name: str
    accelerators: int
    cpu_millis: int
    memory_mib: int
    devices: Mapping[str, int]
    efa_interfaces: int
    hugepages_mib: int
    per_node: int

    @property
    def requests(self) -> dict[str, str]:
        """The same as a container asks for it: resource to quantity."""
        amounts = {CPU: self.cpu_millis, MEMORY: self.memory_mib, **self.devices}
        if self.efa_interfaces:
            amounts[names.EFA_RESOURCE] = self.efa_interfaces
        if self.hugepages_mib:
            amounts[names.HUGEPAGES_RESOURCE] = self.hugepages_mib
        return {resource: quantity(resource, amount) for resource, amount in amounts.items()}

    @property
    def resources(self) -> dict[str, Any]:
        """A container's `resources`; limits are the requests.

        That makes a pod of class Guaranteed, which is evicted last, and to which the kubelet gives whole cores of its
        own under `cpuManagerPolicy: static`.
        """
        return {"requests": self.requests, "limits": self.requests}


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeOfType:
    """A `Node` that is nothing but its instance type: GPUs whole, defaults elsewhere."""

    instance_types: tuple[str, ...]
    accelerator: AcceleratorKind | None
    cpu_millis: int
    memory_mib: int
    hugepages_mib: int
    efa_interfaces: int
    devices: Mapping[str, int]
    sharing: Sharing | None = None


class NoSuchSizeError(ValueError):
    """A size that a node does not have, with those that it has."""


def of_type(name: str, *, efa: bool) -> NodeOfType:
    """A node of a managed group with one instance type.

    Args:
        name: The instance type.
        efa: Whether it has the EFA interfaces that it can have, and huge pages for them.

    Raises:
        UnknownNameError: The catalogue does not have the type.
    """
    instance = instance_type(name)
    accelerator = instance.accelerator
    interfaces = instance.efa_interfaces if efa else 0
    hugepages_mib = EFA_HUGEPAGES * HUGEPAGE_MIB if interfaces else 0
    left = room(instance, pods=max_pods(instance, efa=bool(interfaces)), hugepages_mib=hugepages_mib)
    return NodeOfType(
        instance_types=(name,),
        accelerator=accelerator.kind if accelerator else None,
        cpu_millis=left.cpu_millis,
        memory_mib=left.memory_mib,
        hugepages_mib=hugepages_mib,
        efa_interfaces=interfaces,
        devices={accelerator.resource: accelerator.count} if accelerator and accelerator.resource else {},
    )


def sizes(node: Node) -> tuple[Size, ...]:
    """The sizes of a node, the smallest first and the whole node last; none where DaemonSets leave no room.

    A GPU that is sliced in time or by MPS has no size of several slices: its plugin refuses a pod that asks for two.

    Args:
        node: What it offers. Of a group with several types, the least of each.
    """
    if not node.cpu_millis or not node.memory_mib:
        return ()
    if node.accelerator is None:
        return tuple(_plain(node))
    resource = next((each for each in node.devices if each != names.NEURON_CORE_RESOURCE), None)
    if resource is None:
        return (_whole(node, {}),)
    return tuple(_accelerated(node, resource, node.devices[resource]))


def size(name: str, node: Node) -> Size:
    """One size of a node.

    Raises:
        NoSuchSizeError: The node does not have it; the message names those that it has.
    """
    found = {each.name: each for each in sizes(node)}
    if name not in found:
        types = ", ".join(node.instance_types)
        raise NoSuchSizeError(f"{types} has no size {name!r}; it has: {', '.join(found) or 'none'}")
    return found[name]


def whole(node: Node) -> Size:
    """The whole node, with all accelerators, EFA interfaces and huge pages.

    Raises:
        NoSuchSizeError: DaemonSets leave no room on it.
    """
    return size(f"{_PREFIXES[node.accelerator]}-{WHOLE_NODE}", node)


def unheld(name: str, nodes: Mapping[str, Node]) -> str | None:
    """Why no node can hold a size, with what each can hold; None where one can.

    Args:
        name: The size.
        nodes: By the name of their node group.
    """
    held = {group: [each.name for each in sizes(node)] for group, node in nodes.items()}
    if any(name in found for found in held.values()):
        return None
    fitting = "; ".join(f"{group}: {', '.join(found)}" for group, found in held.items() if found)
    return f"no node can hold the size {name!r}; there are: {fitting or 'none'}"


def _accelerated(node: Node, resource: str, count: int) -> Iterator[Size]:
    sliced = node.sharing is not None and node.sharing.mode != "mig"
    legal = frozenset[int].union(*(_DEVICE_COUNTS.get(each, frozenset()) for each in node.instance_types))
    share = _share(node, count)
    pages = node.hugepages_mib // count // HUGEPAGE_MIB * HUGEPAGE_MIB
    for suffix, many in _STEPS.items():
        if count % many or (many > 1 and sliced) or (legal and many not in legal):
            continue
        interfaces, odd = divmod(node.efa_interfaces * many, count)
        yield Size(
            name=f"{_PREFIXES[node.accelerator]}-{suffix}",
            accelerators=many,
            cpu_millis=share[0] * many,
            memory_mib=share[1] * many,
            devices={resource: many},
            efa_interfaces=0 if odd else interfaces,
            # They are the EFA driver's, where there is one.
            hugepages_mib=0 if odd else pages * many,
            per_node=count // many,
        )
    if not sliced or count == 1:
        yield _whole(node, {resource: count})


def _plain(node: Node) -> Iterator[Size]:
    parts = [each for each in _FRACTIONS if node.cpu_millis // each >= _LEAST_CPU_MILLIS]
    share = _share(node, parts[0]) if parts else (0, 0)
    # The largest is always half of the node.
    for suffix, part in list(zip(list(_STEPS)[:4], _FRACTIONS, strict=True))[len(_FRACTIONS) - len(parts) :]:
        many = parts[0] // part
        yield Size(
            name=f"cpu-{suffix}",
            accelerators=0,
            cpu_millis=share[0] * many,
            memory_mib=share[1] * many,
            devices={},
            efa_interfaces=0,
            hugepages_mib=0,
            per_node=part,
        )
    yield _whole(node, {})


def _whole(node: Node, devices: Mapping[str, int]) -> Size:
    count = sum(devices.values()) or 1
    share = _share(node, count)
    return Size(
        name=f"{_PREFIXES[node.accelerator]}-{WHOLE_NODE}",
        accelerators=sum(devices.values()),
        # A share may have been rounded to less coarse a multiple.
        cpu_millis=max(_rounded(node.cpu_millis, _CPU_ROUNDING), share[0] * count),
        memory_mib=max(_rounded(node.memory_mib, _MEMORY_ROUNDING), share[1] * count),
        devices=devices,
        efa_interfaces=node.efa_interfaces,
        hugepages_mib=node.hugepages_mib,
        per_node=1,
    )


def _share(node: Node, count: int) -> tuple[int, int]:
    """Millicores and MiB of one of so many parts."""
    return _rounded(node.cpu_millis // count, _CPU_ROUNDING), _rounded(node.memory_mib // count, _MEMORY_ROUNDING)


def _rounded(value: int, steps: tuple[tuple[int, int], ...]) -> int:
    step = next(step for least, step in steps if value >= least)
    return value // step * step
