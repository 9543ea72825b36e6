"""Where an example runs: a tenant, a flavour and a size that its quota and nodes can hold. Pure."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from addons.kueue import LOCAL_QUEUE
from infra.catalog import names
from infra.catalog.quantities import CPU, MEMORY, quantity
from infra.catalog.sizes import WHOLE_NODE, Size, sizes, unheld
from infra.flavors import Flavor, flavors
from infra.problems import nearest, one_of
from slipway.errors import CannotRunError
from slipway.jobs.cluster import DEFAULT_NAMESPACE, Cluster, Queue
from slipway.jobs.examples import Example
from slipway.jobs.quantity import MIB, parse
from slipway.jobs.quantity import shown as amount_shown

_NAME: Final = re.compile(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?")


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the person asks for; None: as the example has it."""

    name: str | None = None
    tenant: str | None = None
    group: str | None = None
    workers: int | None = None
    size: str | None = None
    spot: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Where an example runs.

    Attributes:
        example: Which.
        name: Of the job.
        namespace: Of the job.
        queue: The ClusterQueue's name; None where nothing queues jobs.
        flavor: The nodes.
        size: Of each worker.
        workers: How many.
    """

    example: Example
    name: str
    namespace: str
    queue: Queue | None
    flavor: Flavor
    size: Size
    workers: int

    @property
    def text(self) -> str:
        """In a line."""
        many = f"{self.workers} worker{'s' if self.workers != 1 else ''} of {self.size.name}"
        tenant = f" for {self.namespace}" if self.queue else ""
        return f"{self.example.name}{tenant}: {many} on {self.flavor.name} ({self.flavor.pools[0].instance_types[0]})"


class NoPlaceError(CannotRunError):
    """An example cannot run in this stack as it was asked for; the message says why."""


def choose(example: Example, cluster: Cluster, wish: Wish | None = None) -> Choice:
    """The first place, in order of preference, that can hold the example.

    Raises:
        NoPlaceError: There is none, or the wish names what is not there.
    """
    wish = wish or Wish()
    name = example.name if wish.name is None else wish.name
    if not _NAME.fullmatch(name):
        raise NoPlaceError(f"--name {name}: use at most 40 small letters, digits and dashes, a letter first")
    missing = [each for each in example.needs if each not in cluster.add_ons]
    if missing:
        raise NoPlaceError(f"{example.name} needs the add-on {' and '.join(missing)}, which the stack does not have")
    if wish.workers is not None and wish.workers < 1:
        raise NoPlaceError(f"--workers {wish.workers}: at least one")
    namespaces = _namespaces(cluster, wish)
    _group_known(cluster, wish)
    reasons: list[str] = []
    for namespace in namespaces:
        queue = _queue(cluster, namespace)
        found = list(_flavors(example, cluster, queue, wish))
        _size_known(found, wish)
        for flavor in found:
            placed = _placed(example, cluster, namespace, flavor, wish)
            if isinstance(placed, str):
                reasons.append(f"{flavor.name}{f' for {namespace}' if queue else ''}: {placed}")
                continue
            size, workers = placed
            return Choice(
                example=example,
                name=name,
                namespace=namespace,
                queue=queue,
                flavor=flavor,
                size=size,
                workers=workers,
            )
        if not found:
            whose = f"no node group that {namespace} has a quota of" if queue else "no node group"
            reasons.append(f"{whose} has {_needs(example, wish)}")
    raise NoPlaceError("; ".join([f"{example.name} cannot run here", *dict.fromkeys(reasons)]))


def _namespaces(cluster: Cluster, wish: Wish) -> tuple[str, ...]:
    if wish.tenant is None:
        return cluster.tenants or (DEFAULT_NAMESPACE,)
    if not cluster.tenants:
        spaces = [each.name for each in cluster.namespaces.values() if each.whole]
        if wish.tenant in spaces:
            return (wish.tenant,)
        raise NoPlaceError(f"--tenant {wish.tenant}: the stack has no tenants; leave it out, or use {one_of(spaces)}")
    if wish.tenant not in cluster.tenants:
        raise NoPlaceError(
            f"--tenant {wish.tenant}: unknown tenant{nearest(wish.tenant, cluster.tenants)};"
            f" there are: {one_of(cluster.tenants)}"
        )
    return (wish.tenant,)


def _group_known(cluster: Cluster, wish: Wish) -> None:
    known = list(dict.fromkeys([*(each.pool.group for each in cluster.groups), *cluster.shares]))
    if wish.group is not None and wish.group not in known:
        raise NoPlaceError(
            f"--group {wish.group}: unknown node group{nearest(wish.group, known)}; there are: {one_of(known)}"
        )


def _size_known(found: list[Flavor], wish: Wish) -> None:
    """Refuse a size that none of the nodes has, before any other reason hides it."""
    if wish.size is not None and found:
        why = unheld(wish.size, {each.name: each.pools[0] for each in found})
        if why is not None:
            raise NoPlaceError(f"--size: {why}")


def _queue(cluster: Cluster, namespace: str) -> Queue | None:
    queues = cluster.namespaces[namespace].queues if namespace in cluster.namespaces else {}
    name = queues.get(LOCAL_QUEUE) or next(iter(queues.values()), None)
    return cluster.queues.get(name) if name else None


def _flavors(example: Example, cluster: Cluster, queue: Queue | None, wish: Wish) -> Iterator[Flavor]:
    """The flavours that have what the example needs, those that suit it best first."""
    found = [each for each in available(cluster, queue) if _suits(example, each) and _wished(wish, each)]
    if queue is None:
        # Without quotas nobody has said what is preferred: what has EFA is left to who needs it.
        found.sort(
            key=lambda each: (
                each.pools[0].sharing is not None,
                (each.pools[0].efa_interfaces > 0) != (example.efa != "none"),
                each.pools[0].capacity == "capacity-block",
            )
        )
    else:
        # EFA is for who talks over it; else the tenant's own order holds.
        found.sort(key=lambda each: (each.pools[0].efa_interfaces > 0) != (example.efa != "none"))
    yield from found


def available(cluster: Cluster, queue: Queue | None) -> tuple[Flavor, ...]:
    """The flavours that a queue has a quota of, in its order; without queues every one, the system's nodes last."""
    if queue is not None:
        order = dict.fromkeys(flavor for group in queue.groups for flavor, _ in group.flavors)
        return tuple(cluster.shares[each] for each in order if each in cluster.shares)
    system = [group.pool for group in cluster.groups if group.pool.system]
    alone: dict[str, list[int]] = {}
    for index, pool in enumerate(system):
        alone.setdefault(pool.group, []).append(index)
    last = [Flavor(name=name, group=name, pools=tuple(system[each] for each in found)) for name, found in alone.items()]
    return (*flavors(group.pool for group in cluster.groups), *last)


def _suits(example: Example, flavor: Flavor) -> bool:
    pool = flavor.pools[0]
    wanted = example.accelerator
    if pool.arch != "amd64":
        # The images of the examples are for it alone.
        return False
    if wanted == "none":
        return pool.accelerator is None
    kinds = ("nvidia", "neuron") if wanted == "any" else (wanted,)
    return pool.accelerator in kinds and (example.efa != "required" or pool.efa_interfaces > 0)


def _wished(wish: Wish, flavor: Flavor) -> bool:
    pool = flavor.pools[0]
    spot = wish.spot is None or (pool.capacity == "spot") == wish.spot
    return spot and wish.group in (None, flavor.group, flavor.name)


def _needs(example: Example, wish: Wish) -> str:
    kinds = {"nvidia": "NVIDIA GPUs", "neuron": "Neuron devices", "any": "accelerators", "none": "plain nodes"}
    needed = [kinds[example.accelerator]]
    if example.efa == "required":
        needed.append("EFA")
    if wish.spot is not None:
        needed.append("spot capacity" if wish.spot else "capacity that is not spot")
    if wish.group is not None:
        needed.append(f"the name {wish.group}")
    return " and ".join(needed)


def _placed(example: Example, cluster: Cluster, namespace: str, flavor: Flavor, wish: Wish) -> tuple[Size, int] | str:
    """The size and the number of workers, or why not."""
    pool = flavor.pools[0]
    held = sizes(pool)
    wanted = example.size if wish.size is None else wish.size
    size = next((each for each in held if wanted == each.name or example.size == wanted == _bare(each)), None)
    if size is None:
        return f"has no size {wanted!r}; it has: {one_of(each.name for each in held) or 'none'}"
    if example.whole and size.per_node > 1:
        return f"its workers are whole nodes: leave out --size {wanted}"
    # The runtimes of a node group keep a job in one zone.
    one_zone = _runtime(example) and size.name.endswith(f"-{WHOLE_NODE}")
    nodes = (max if one_zone else sum)(each.max_size for each in flavor.pools)
    room = nodes * size.per_node
    why = f"{nodes} nodes of {size.per_node} {size.name} each at most{' in one zone' if one_zone else ''}"
    for resource, each in _asked(size).items():
        for whose, most in _held(cluster, namespace, flavor, resource):
            if each and most // each < room:
                room, why = most // each, f"{whose} has {amount_shown(resource, most)} {resource}"
    if example.accelerator != "none" and _runtime(example) and not _has_runtime(cluster, flavor.group):
        return f"there is no runtime torch-{flavor.group}"
    workers = min(example.workers, room) if wish.workers is None else wish.workers
    if not workers or workers > room:
        return f"has room for {room} of {size.name}, not {max(workers, 1)}: {why}"
    return size, workers


def _held(cluster: Cluster, namespace: str, flavor: Flavor, resource: str) -> Iterator[tuple[str, int]]:
    """The most of a resource that a namespace's jobs can have: by its queue, and by its ResourceQuotas."""
    queue = _queue(cluster, namespace)
    most = cluster.most(queue, flavor.name, resource) if queue else None
    if queue and most is not None:
        yield f"the queue {queue.name}", most
    space = cluster.namespaces.get(namespace)
    for hard in space.quotas if space else ():
        if f"requests.{resource}" in hard:
            yield f"the ResourceQuota of {namespace}", hard[f"requests.{resource}"]


def _bare(size: Size) -> str:
    """A size's name as the index of examples has it, which does not know the nodes."""
    return size.name.partition("-")[2]


def _asked(size: Size) -> dict[str, int]:
    return {each: parse(each, value) for each, value in size.requests.items()}


def _runtime(example: Example) -> bool:
    return "trainer-runtimes" in example.needs


def _has_runtime(cluster: Cluster, group: str) -> bool:
    return ("ClusterTrainingRuntime", f"torch-{group}") in cluster.runtimes


def plain(cluster: Cluster, choice_flavor: Flavor, queue: Queue | None) -> Flavor:
    """Where a small pod without accelerators runs: on plain nodes, else beside the workers."""
    flat = [each for each in available(cluster, queue) if each.pools[0].accelerator is None]
    return flat[0] if flat else choice_flavor


def small(flavor: Flavor) -> dict[str, str]:
    """A core and 2 GiB, or half of a smaller node."""
    pool = flavor.pools[0]
    asked = {CPU: min(1000, pool.cpu_millis // 2), MEMORY: min(2048, pool.memory_mib // 2)}
    return {resource: quantity(resource, amount) for resource, amount in asked.items()}


def neuron_cores(flavor: Flavor, size: Size) -> int:
    """The NeuronCores of the devices of a size; 0 elsewhere."""
    devices = flavor.pools[0].devices
    cores = devices.get(names.NEURON_CORE_RESOURCE, 0)
    return cores * size.accelerators // max(1, devices.get(names.NEURON_RESOURCE, 1))


def shm_gib(size: Size) -> int:
    """The size of /dev/shm: half of the worker's memory, which it counts against, at least 1 GiB."""
    return max(1, size.memory_mib * MIB // 2 // 1024**3)


def zone(flavor: Flavor) -> str:
    """The zone of all its nodes; empty where there are several."""
    zones: Iterable[str] = flavor.zones
    found = list(zones)
    return found[0] if len(found) == 1 else ""
