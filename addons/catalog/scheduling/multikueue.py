"""MultiKueue: jobs that wait in one more queue run in other clusters, in a data centre or another region."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

from pydantic import Field

from addons import kueue
from addons.secrets import external
from addons.spec import AddOn, AddOnSettings, Objects
from infra.catalog import names
from infra.handle import ClusterHandle
from infra.kubernetes import Quantity
from infra.model import Model
from infra.problems import nearest, one_of, repeated, shown
from infra.surroundings import Surroundings
from infra.tenants.subscription import flavors_of

_NAME: Final = "multikueue"
_NAMESPACE: Final = "kueue-system"
_MOST_CLUSTERS: Final = 20
"""Of a MultiKueueConfig, as its CRD has it."""
_MOST_RESOURCES: Final = 64
"""Of a queue's group of resources, as its CRD has it."""
_KEY: Final = "kubeconfig"

ResourceName = Annotated[str, Field(pattern=r"^([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$")]
"""Source: Kubernetes, "Resource units" and `IsQualifiedName`."""
ClusterName = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,40}[a-z0-9])?$")]


class WorkerSettings(Model):
    """A cluster that takes jobs: one with the add-on `multikueue-worker`, or with what its page lists."""

    secret: Annotated[str, Field(pattern=r"^[A-Za-z0-9/_+=.@-]{1,512}$")]
    """The secret of AWS Secrets Manager with its kubeconfig, as `{"kubeconfig": "..."}`. Its name begins with the
    platform's and a slash, such as `ml/clusters/frankfurt`; others are not read. The kubeconfig holds a token and the
    CA; Kueue refuses one that runs a program or skips the CA."""


class MultikueueSettings(AddOnSettings):
    """Settings of MultiKueue."""

    clusters: Annotated[Mapping[ClusterName, WorkerSettings], Field(max_length=_MOST_CLUSTERS)] = Field(
        default_factory=dict
    )
    """The clusters that take jobs. A job is offered to three, and to three more where none has let it in after five
    minutes."""

    prefer: Annotated[tuple[ClusterName, ...], Field(max_length=_MOST_CLUSTERS)] = ()
    """Which of `clusters` are asked first, in this order; the others come after them by the alphabet. (Pulumi hands the
    keys of a mapping over by the alphabet.)"""

    quota: Annotated[Mapping[ResourceName, Quantity], Field(max_length=_MOST_RESOURCES)] = Field(default_factory=dict)
    """How much may be elsewhere at a time, such as `{cpu: "512", memory: 4Ti, nvidia.com/gpu: "64"}`: about what the
    other clusters have. What a tenant may use there, its quota there says. A job that asks for a resource that is not
    listed waits for ever."""


def _objects(_handle: ClusterHandle, settings: MultikueueSettings) -> list[dict[str, Any]]:
    """Without clusters nothing, as a configuration of none is refused.

    The check is of a whole queue: Kueue takes none of single flavours, nor beside provisioning requests, so that jobs
    for elsewhere have a queue of their own. Source: kubernetes-sigs/kueue v0.19.2, pkg/cache/scheduler/clusterqueue.go.
    """
    if not settings.clusters:
        return []
    parameters = {"apiGroup": kueue.GROUP, "kind": "MultiKueueConfig", "name": kueue.BURST}
    return [
        *(
            each
            for name, worker in settings.clusters.items()
            for each in _cluster(name, f"{_NAME}-{name}", worker.secret)
        ),
        kueue.custom("MultiKueueConfig", kueue.BURST, {"clusters": _asked(settings)}),
        kueue.custom(
            "AdmissionCheck", _NAME, {"controllerName": f"{kueue.GROUP}/multikueue", "parameters": parameters}
        ),
        # Of no nodes here.
        kueue.custom("ResourceFlavor", kueue.BURST, {}),
        kueue.custom(
            "ClusterQueue",
            kueue.BURST,
            {
                "namespaceSelector": {"matchExpressions": [{"key": names.TENANT_LABEL, "operator": "Exists"}]},
                "resourceGroups": _quota(settings.quota),
                "admissionChecksStrategy": {"admissionChecks": [{"name": _NAME}]},
            },
        ),
    ]


def _asked(settings: MultikueueSettings) -> list[str]:
    """The clusters in the order in which they are asked.

    Source: kubernetes-sigs/kueue v0.19.2, pkg/controller/workloaddispatcher/incrementaldispatcher.go.
    """
    return [*settings.prefer, *sorted(set(settings.clusters) - set(settings.prefer))]


def _cluster(name: str, secret: str, remote: str) -> Iterator[dict[str, Any]]:
    yield external(_NAMESPACE, secret, remote, {_KEY: _KEY})
    source = {"kubeConfig": {"locationType": "Secret", "location": secret}}
    yield kueue.custom("MultiKueueCluster", name, {"clusterSource": source})


def _quota(quota: Mapping[str, str]) -> list[dict[str, Any]]:
    if not quota:
        return []
    resources = [{"name": resource, "nominalQuota": amount} for resource, amount in quota.items()]
    return [{"coveredResources": list(quota), "flavors": [{"name": kueue.BURST, "resources": resources}]}]


def _problems(around: Surroundings, settings: MultikueueSettings) -> Iterator[tuple[str, str]]:
    if not settings.clusters:
        yield "clusters", "there is none; name those that take jobs, each with the secret of its kubeconfig"
    elif not settings.quota:
        yield "quota", "there is none, so that no job would leave; say how much may be elsewhere at a time"
    yield from ((each.path, each.message) for each in repeated(settings.prefer, "prefer"))
    for index, name in enumerate(settings.prefer):
        if name not in settings.clusters:
            known = one_of(sorted(settings.clusters)) or "none"
            yield f"prefer[{index}]", f"{shown(name)} is not in clusters{nearest(name, settings.clusters)}: {known}"
    prefix = f"{around.platform.name}/"
    for name, worker in settings.clusters.items():
        if not worker.secret.startswith(prefix):
            yield f"clusters.{name}.secret", f"{shown(worker.secret)}: External Secrets reads {prefix}... only"
    if kueue.BURST in around.tenants:
        yield (
            "",
            f"tenants.{kueue.BURST}: jobs for other clusters wait in a queue of this name; give the tenant another",
        )
    # Mistakes in node groups leave unknown what they offer.
    there = () if around.gpu_zones is None else flavors_of(around)
    if any(each.name == kueue.BURST for each in there):
        yield "", f"the node group {kueue.BURST}: other clusters are a flavour of this name; give the group another"


ADDON = AddOn(
    name=_NAME,
    group="scheduling",
    summary="a queue whose jobs run in other clusters: in a data centre, or another region",
    docs="https://kueue.sigs.k8s.io/docs/concepts/multikueue/",
    source=Objects(build=_objects),
    settings=MultikueueSettings,
    namespace=_NAMESPACE,
    problems=_problems,
    needs=("external-secrets-store", "kueue", "kueue-queues"),
    # Kueue has no cluster take jobs from itself; and whose queue `burst` is, is clear.
    conflicts=("multikueue-worker",),
    creates=frozenset(
        {"AdmissionCheck", "ClusterQueue", "ExternalSecret", "MultiKueueCluster", "MultiKueueConfig", "ResourceFlavor"}
    ),
)
