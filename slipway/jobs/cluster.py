"""What jobs meet in a cluster: node groups, queues, namespaces with their rules, volumes, runtimes. Frozen data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from infra.catalog import names
from infra.flavors import Flavor, flavors
from slipway.jobs.nodes import Group

DEFAULT_NAMESPACE: Final = "default"
"""Of objects that name none."""
_ZONE_LABELS: Final = (names.NODE_ZONE_LABEL, names.ZONE_ID_LABEL)

Object = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class FlavorQuota:
    """What a queue has of one flavour and resource. None: no limit."""

    nominal: int
    borrow: int | None = None
    lend: int | None = None


@dataclass(frozen=True, kw_only=True)
class ResourceGroup:
    """Resources that a pod set gets from one flavour, and the flavours in order of preference."""

    resources: tuple[str, ...]
    flavors: tuple[tuple[str, Mapping[str, FlavorQuota]], ...]


@dataclass(frozen=True, kw_only=True)
class Queue:
    """A ClusterQueue."""

    name: str
    cohort: str
    groups: tuple[ResourceGroup, ...]

    @cached_property
    def quotas(self) -> Mapping[tuple[str, str], FlavorQuota]:
        """By flavour and resource."""
        return {
            (flavor, resource): quota
            for group in self.groups
            for flavor, quotas in group.flavors
            for resource, quota in quotas.items()
        }


@dataclass(frozen=True, kw_only=True)
class Cohort:
    """Queues that lend to each other, and the cohort above them."""

    parent: str
    quotas: Mapping[tuple[str, str], FlavorQuota]


@dataclass(frozen=True, kw_only=True)
class KueueFlavor:
    """A ResourceFlavor."""

    labels: Mapping[str, str]
    taints: tuple[Object, ...]
    tolerations: tuple[Object, ...]
    topology: str
    packing: Mapping[str, str]
    """The annotations that the pods of a gang on it carry."""


@dataclass(frozen=True, kw_only=True)
class Namespace:
    """A namespace and what holds in it.

    Attributes:
        tenant: The tenant's name, empty where it is nobody's.
        level: The Pod Security Standard that it enforces.
        queues: LocalQueue to ClusterQueue.
        accounts: Service accounts.
        claims: PersistentVolumeClaims.
        quotas: ResourceQuotas: what all pods may ask for together.
        limits: LimitRange items.
    """

    name: str
    tenant: str = ""
    level: str = "privileged"
    labels: Mapping[str, str] = field(default_factory=dict)
    queues: Mapping[str, str] = field(default_factory=dict)
    accounts: frozenset[str] = frozenset()
    claims: Mapping[str, Object] = field(default_factory=dict)
    quotas: tuple[Mapping[str, int], ...] = ()
    limits: tuple[Object, ...] = ()
    whole: bool = False
    """Whether the plan makes all of its accounts and claims: what is not here is not there."""


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """What jobs meet in a cluster."""

    stack: str
    platform: str
    region: str
    groups: tuple[Group, ...]
    add_ons: frozenset[str]
    namespaces: Mapping[str, Namespace]
    flavors: Mapping[str, KueueFlavor]
    queues: Mapping[str, Queue]
    cohorts: Mapping[str, Cohort]
    topologies: Mapping[str, tuple[str, ...]]
    priorities: frozenset[str]
    """PriorityClasses."""
    workload_priorities: frozenset[str]
    volumes: Mapping[str, Object]
    """PersistentVolumes' specs."""
    storage_classes: frozenset[str]
    runtimes: Mapping[tuple[str, str], Object]
    """Kind and name to the spec of training and serving runtimes."""
    excluded: tuple[str, ...]
    """Prefixes of resources that Kueue does not count."""
    frameworks: frozenset[str]
    """Kinds that Kueue queues, as it names them; all where its configuration is not known."""
    buckets: Mapping[str, str]
    details: Mapping[str, Mapping[str, Any]]
    """What each tenant's component says of itself, by namespace."""
    images: Mapping[str, str]
    """What examples pull: `pytorch`, `neuron`, `spark`."""
    sagemaker: Mapping[str, Any]
    """What a SageMaker job is given; empty without `analytics.sagemaker`."""
    made_up: Mapping[str, str] = field(default_factory=dict)
    """Of these, what only AWS knows and the plan has a stand-in for: the value, and what it is (`jobs.real`)."""

    @property
    def tenants(self) -> tuple[str, ...]:
        """The tenants, sorted."""
        return tuple(sorted(each.name for each in self.namespaces.values() if each.tenant))

    @cached_property
    def shares(self) -> Mapping[str, Flavor]:
        """The flavours that the node groups make (`infra.flavors`), by name."""
        return {each.name: each for each in flavors(group.pool for group in self.groups)}

    @property
    def has_queues(self) -> bool:
        """Whether Kueue is there."""
        return "kueue" in self.add_ons

    def groups_of(self, flavor: str) -> tuple[Group, ...]:
        """The node groups whose nodes are a flavour's."""
        found = self.flavors.get(flavor)
        if found is None:
            return ()
        return tuple(
            group
            for group in self.groups
            if all(group.known.get(key) == (value,) for key, value in found.labels.items())
        )

    def claim_zones(self, claim: Object) -> frozenset[str] | None:
        """The zones from which a claim's volume can be mounted; None: all."""
        volume = self.volumes.get(str(claim.get("volumeName")), {})
        terms = ((volume.get("nodeAffinity") or {}).get("required") or {}).get("nodeSelectorTerms") or ()
        found = [
            value
            for term in terms
            for each in term.get("matchExpressions", ())
            if each.get("key") in _ZONE_LABELS and each.get("operator") == "In"
            for value in each.get("values", ())
        ]
        return frozenset(found) if found else None

    @cached_property
    def _members(self) -> Mapping[str, tuple[Queue, ...]]:
        found: dict[str, list[Queue]] = {}
        for queue in self.queues.values():
            if queue.cohort:
                found.setdefault(queue.cohort, []).append(queue)
        return {name: tuple(each) for name, each in found.items()}

    def most(self, queue: Queue, flavor: str, resource: str) -> int | None:
        """The most that a queue's jobs can ever have while nobody else uses anything; None: it has no such quota.

        Source: `potentialAvailable` of kubernetes-sigs/kueue v0.19.2, pkg/cache/scheduler/resource_node.go.
        """
        key = (flavor, resource)
        quota = queue.quotas.get(key)
        if quota is None:
            return None
        if not queue.cohort:
            return quota.nominal
        return self._potential(quota, quota.nominal, queue.cohort, key)

    def _potential(self, quota: FlavorQuota, subtree: int, above: str, key: tuple[str, str]) -> int:
        own = 0 if quota.lend is None else max(0, subtree - quota.lend)
        available = own + self._cohort_potential(above, key, ())
        return available if quota.borrow is None else min(subtree + quota.borrow, available)

    def _cohort_potential(self, name: str, key: tuple[str, str], seen: tuple[str, ...]) -> int:
        cohort = self.cohorts.get(name)
        subtree = self._subtree(name, key, ())
        if cohort is None or not cohort.parent or cohort.parent in (*seen, name):
            return subtree
        quota = cohort.quotas.get(key, FlavorQuota(nominal=0))
        own = 0 if quota.lend is None else max(0, subtree - quota.lend)
        available = own + self._cohort_potential(cohort.parent, key, (*seen, name))
        return available if quota.borrow is None else min(subtree + quota.borrow, available)

    def _subtree(self, name: str, key: tuple[str, str], seen: tuple[str, ...]) -> int:
        """What a cohort has: its own, and what its queues and the cohorts below lend."""
        cohort = self.cohorts.get(name)
        total = cohort.quotas.get(key, FlavorQuota(nominal=0)).nominal if cohort else 0
        for queue in self._members.get(name, ()):
            quota = queue.quotas.get(key)
            if quota is not None:
                total += _lent(quota, quota.nominal)
        for child, below in self.cohorts.items():
            if below.parent == name and child not in (*seen, name):
                total += _lent(below.quotas.get(key, FlavorQuota(nominal=0)), self._subtree(child, key, (*seen, name)))
        return total


def _lent(quota: FlavorQuota, amount: int) -> int:
    return amount if quota.lend is None else min(amount, quota.lend)
