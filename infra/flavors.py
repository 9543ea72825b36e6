"""Flavours: the kinds of nodes whose resources queues share out, made of the node groups. Pure.

A node group is one flavour. One with EFA is a flavour per zone: a gang over EFA cannot leave its zone, and Kueue gives
all pods of a gang one flavour. The groups of the platform's own controllers are none.

Quantities are millicores of `cpu`, MiB of `memory`, and counts of extended resources.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from infra.catalog import names
from infra.catalog.quantities import CPU, MEMORY
from infra.handle import NodePool, Taint


@dataclass(frozen=True, kw_only=True)
class Flavor:
    """One kind of nodes.

    Attributes:
        name: `<group>`, or `<group>-<zone id>` with EFA.
        group: The node group.
        pools: Its node pools; all but their zones is alike.
    """

    name: str
    group: str
    pools: tuple[NodePool, ...]

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels of its nodes, and of no others."""
        pool = self.pools[0]
        # Not of other groups in one zone: a flavour's labels cannot change when the group gets another zone.
        zone = {names.NODE_ZONE_LABEL: pool.zone_id} if pool.efa_interfaces else {}
        return {names.GROUP_LABEL: self.group, **zone}

    @property
    def taints(self) -> tuple[Taint, ...]:
        """The taints of its nodes."""
        return self.pools[0].taints

    @property
    def nodes(self) -> int:
        """The most nodes that there can be."""
        return sum(pool.max_size for pool in self.pools)

    @property
    def zones(self) -> tuple[str, ...]:
        """The zones of its nodes."""
        return tuple(dict.fromkeys(pool.zone_id for pool in self.pools))

    @cached_property
    def per_node(self) -> Mapping[str, int]:
        """What pods can ask for on one node."""
        pool = self.pools[0]
        efa = {names.EFA_RESOURCE: pool.efa_interfaces} if pool.efa_interfaces else {}
        return {CPU: pool.cpu_millis, MEMORY: pool.memory_mib, **pool.devices, **efa}

    @cached_property
    def capacity(self) -> Mapping[str, int]:
        """What pods can ask for on all of its nodes, once there are as many as there can be."""
        return {resource: count * self.nodes for resource, count in self.per_node.items()}

    @property
    def accelerators(self) -> int:
        """How many accelerators a node offers, in parts where they are shared; 0 for a plain node."""
        return next(iter(self.pools[0].devices.values()), 0)


def flavors(pools: Iterable[NodePool]) -> tuple[Flavor, ...]:
    """The flavours of a cluster, in the order of its node groups and their zones."""
    found: dict[str, list[NodePool]] = {}
    for pool in pools:
        if not pool.system:
            found.setdefault(pool.name if pool.efa_interfaces else pool.group, []).append(pool)
    return tuple(Flavor(name=name, group=each[0].group, pools=tuple(each)) for name, each in found.items())


def by_key(all_flavors: Sequence[Flavor]) -> Mapping[str, Flavor]:
    """What a tenant's quota may be about: a flavour's name, or its group's where that is one flavour."""
    groups = Counter(each.group for each in all_flavors)
    alone = {each.group: each for each in all_flavors if groups[each.group] == 1}
    return {**alone, **{each.name: each for each in all_flavors}}
