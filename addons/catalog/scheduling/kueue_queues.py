"""Kueue's queues: flavours made of the node groups, a queue of each tenant, and what they may lend and borrow."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from addons import kueue
from addons.kueue import PlacementSettings
from addons.priorities import PRIORITIES, class_name
from addons.spec import AddOn, Objects
from infra.catalog import names
from infra.catalog.quantities import CPU, quantity
from infra.flavors import Flavor, flavors
from infra.handle import ClusterHandle, Tenant, TenantQuota
from infra.problems import nearest, one_of
from infra.surroundings import Surroundings
from infra.tenants.subscription import flavors_of

_CLASS: Final = "best-effort-atomic-scale-up.autoscaling.x-k8s.io"
"""Asks a node group for as many nodes as all pods need, if it may grow so far, and for none otherwise. AWS has no
request for all or nothing (the provider's AtomicIncreaseSize is not implemented, and its IncreaseSize is used), so that
some nodes may come without the others; `check-capacity`, the other class, never adds a node. Source:
kubernetes/autoscaler 1.35.2, cloudprovider/aws/aws_cloud_provider.go and core/scaleup/orchestrator/executor.go."""

Weight = Annotated[float, Field(ge=0.001, le=1000)]


class KueueQueuesSettings(PlacementSettings):
    """Settings of the queues. Those of a tenant are its own: `tenants.<name>.quota`."""

    borrowing: bool = True
    """Tenants may use what others do not, and what the node groups can grow to beyond all quotas."""

    reclaim: Literal["Any", "LowerPriority", "Never"] = "Any"
    """Which jobs are stopped when a tenant wants back what others borrowed: any, those of lower priority, or none."""

    preempt_own: Literal["LowerPriority", "LowerOrNewerEqualPriority", "Never"] = "LowerPriority"
    """Which jobs of its own are stopped for a tenant's job that has no room within the quota."""

    preempt_to_borrow: bool = False
    """Whether a job that must borrow may stop jobs of other tenants that borrow with lower priority. Not with
    `fairSharing` of `kueue`."""

    queueing: Literal["BestEffortFIFO", "StrictFIFO"] = "BestEffortFIFO"
    """Whether a job that fits passes an older one of its tenant that does not. `StrictFIFO` keeps large jobs from
    waiting for ever behind small ones, and leaves quota idle meanwhile."""

    weights: Mapping[str, Weight] = Field(default_factory=dict)
    """Tenant to its weight in what is borrowed, 1 by default, with `fairSharing` of `kueue`."""

    provisioning_retries: Annotated[int, Field(ge=0, le=100)] = 10
    """How often nodes are asked for again after those asked for did not come within ten minutes. Then the job is
    stopped for good, until somebody sets its Workload active."""


def _objects(handle: ClusterHandle, settings: KueueQueuesSettings) -> list[dict[str, Any]]:
    everything = flavors(handle.node_pools)
    where = {each.name: kueue.layout(each, handle, settings) for each in everything}
    topologies = {each.name: each for each in where.values() if each}
    provisioned = [each for each in everything if kueue.is_provisioned(each, handle)]
    quotas = [quota for tenant in handle.tenants for quota in tenant.quotas]
    return [
        *(kueue.topology(topologies[name]) for name in sorted(topologies)),
        *(kueue.resource_flavor(each, where[each.name], settings.packing) for each in everything),
        *(_provisioning(provisioned, settings) if provisioned else ()),
        *(
            [kueue.cohort(everything, kueue.unassigned(everything, quotas))]
            if settings.borrowing and everything and handle.tenants
            else []
        ),
        *_queues(handle.tenants, everything, settings, frozenset(each.name for each in provisioned)),
        # There are some in any case, and others wait for the last one alone.
        *_priority_classes(),
    ]


def _priority_classes() -> Iterator[dict[str, Any]]:
    """Priorities in the queue, which need not be those on a node."""
    for name, (value, description) in PRIORITIES.items():
        yield {
            "apiVersion": kueue.API,
            "kind": "WorkloadPriorityClass",
            "metadata": {"name": class_name(name)},
            "value": value,
            "description": description,
        }


def _provisioning(provisioned: Sequence[Flavor], settings: KueueQueuesSettings) -> Iterator[dict[str, Any]]:
    """The check, and how it asks."""
    parameters = {"apiGroup": kueue.GROUP, "kind": "ProvisioningRequestConfig", "name": kueue.CHECK}
    yield kueue.custom(
        "AdmissionCheck",
        kueue.CHECK,
        {"controllerName": f"{kueue.GROUP}/provisioning-request", "parameters": parameters},
    )
    # Of pods without any of these nothing is asked: a launcher's node is of another group, and a request is of one.
    # Pod sets are not merged, alike as they may be: of merged ones Kueue asks for the first one's flavour for all, and
    # tells the pods of the others nothing of the request. Source: kubernetes-sigs/kueue v0.19.2,
    # pkg/controller/admissionchecks/provisioning/controller.go, `mergePodSets` and `podSetUpdates`.
    managed = dict.fromkeys(name for flavor in provisioned for name in (*flavor.pools[0].devices, names.EFA_RESOURCE))
    yield kueue.custom(
        "ProvisioningRequestConfig",
        kueue.CHECK,
        {
            "provisioningClassName": _CLASS,
            "managedResources": list(managed),
            "retryStrategy": {
                "backoffLimitCount": settings.provisioning_retries,
                "backoffBaseSeconds": 60,
                "backoffMaxSeconds": 600,
            },
        },
    )


def _queues(
    tenants: Sequence[Tenant],
    everything: Sequence[Flavor],
    settings: KueueQueuesSettings,
    provisioned: frozenset[str],
) -> Iterator[dict[str, Any]]:
    by_name = {each.name: each for each in everything}
    # The quota of a tenant that has none: nothing of its own, and of all flavours what others leave.
    guest = tuple(TenantQuota(flavor=each, nominal={}, borrow=None, lend=None) for each in by_name)
    for tenant in tenants:
        quotas = tenant.quotas or (guest if settings.borrowing else ())
        checked = [quota.flavor for quota in quotas if quota.flavor in provisioned]
        yield kueue.custom(
            "ClusterQueue",
            tenant.name,
            {
                "namespaceSelector": {"matchLabels": {names.TENANT_LABEL: tenant.name}},
                "queueingStrategy": settings.queueing,
                "resourceGroups": [kueue.quota_group(quotas, by_name, limits=settings.borrowing)] if quotas else [],
                # What is one's own goes before what may be taken back.
                "flavorFungibility": {"whenCanBorrow": "TryNextFlavor", "whenCanPreempt": "TryNextFlavor"},
                "preemption": _preemption(settings),
                **({"cohortName": kueue.COHORT} if settings.borrowing else {}),
                **(
                    {"admissionChecksStrategy": {"admissionChecks": [{"name": kueue.CHECK, "onFlavors": checked}]}}
                    if checked
                    else {}
                ),
                **_weight(tenant, settings),
            },
        )


def _preemption(settings: KueueQueuesSettings) -> dict[str, Any]:
    found: dict[str, Any] = {
        "reclaimWithinCohort": settings.reclaim if settings.borrowing else "Never",
        "withinClusterQueue": settings.preempt_own,
    }
    if settings.preempt_to_borrow:
        found["borrowWithinCohort"] = {"policy": "LowerPriority"}
    return found


def _weight(tenant: Tenant, settings: KueueQueuesSettings) -> dict[str, Any]:
    weight = settings.weights.get(tenant.name)
    return {} if weight is None else {"fairSharing": {"weight": quantity(CPU, round(weight * 1000))}}


def _problems(around: Surroundings, settings: KueueQueuesSettings) -> Iterator[tuple[str, str]]:
    for name in settings.weights:
        if name not in around.tenants:
            known = f"use one of: {one_of(around.tenants)}" if around.tenants else "there is none"
            yield f"weights.{name}", f"{name!r} is not a tenant{nearest(name, around.tenants)}; {known}"
    if settings.preempt_to_borrow and (settings.reclaim == "Never" or not settings.borrowing):
        other = "borrowing is off" if not settings.borrowing else "reclaim is Never"
        yield "preemptToBorrow", f"true, but {other}; Kueue takes both or neither"
    for name, tenant in around.tenants.items() if not settings.borrowing else ():
        if not tenant.quota:
            yield "borrowing", f"false, but tenants.{name} has no quota, so that none of its jobs would ever start"
        for flavor, quota in tenant.quota.items():
            if quota.borrow is not None or quota.lend is not None:
                yield "borrowing", f"false, but tenants.{name}.quota.{flavor} has borrow or lend"
    # Mistakes in node groups leave unknown what they offer.
    there = () if around.gpu_zones is None else flavors_of(around)
    if len(there) > kueue.MOST_FLAVORS and around.tenants:
        parts = "each node group is one, with EFA one per zone"
        yield "", f"{len(there)} flavours ({parts}); a queue of Kueue has {kueue.MOST_FLAVORS} at most"
    for group, count in {each.group: len(each.taints) for each in there}.items():
        if count > kueue.MOST_TAINTS:
            yield "", f"the node group {group!r} has {count} taints; a flavour of Kueue has {kueue.MOST_TAINTS} at most"


ADDON = AddOn(
    name=kueue.QUEUES,
    group="scheduling",
    summary="Kueue's flavours and topologies, made of the node groups, and a queue of each tenant with its quotas",
    docs="https://kueue.sigs.k8s.io/docs/concepts/",
    source=Objects(build=_objects, gate=True),
    settings=KueueQueuesSettings,
    presets=("training",),
    namespace="kueue-system",
    problems=_problems,
    needs=("kueue",),
    # Quotas have one owner.
    conflicts=("kai-queues", "volcano-queues"),
    follows=("provisioning-request-crd",),
    creates=frozenset(
        {
            "AdmissionCheck",
            "ClusterQueue",
            "Cohort",
            "ProvisioningRequestConfig",
            "ResourceFlavor",
            "Topology",
            "WorkloadPriorityClass",
        }
    ),
)
