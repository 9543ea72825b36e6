"""Kueue: lets jobs start when their team's quota has room for all of their pods, and not before."""

from collections.abc import Iterator
from typing import Annotated, Any, Final

import yaml
from pydantic import Field

from addons.spec import AddOn, AddOnSettings, Chart, FailurePolicy, Image, Ready, Values, Webhook
from infra.catalog import names
from infra.handle import ClusterHandle

# renovate: datasource=docker depName=registry.k8s.io/kueue/charts/kueue
_VERSION: Final = "0.19.2"
_IMAGE: Final = "registry.k8s.io/kueue/kueue"
_TAG: Final = f"v{_VERSION}"
_REQUESTS: Final = "provisioning-request-crd"
_MONITORING: Final = "kube-prometheus-stack"
_NODES: Final = f"{names.PREFIX}/nodes"
_PROVISION_MINUTES: Final = 15
_LABEL_LENGTH: Final = 63
_JOB_KINDS: Final = {
    "jobset": ("jobset.x-k8s.io/jobset",),
    "kubeflow-trainer": ("trainer.kubeflow.org/trainjob",),
    # MPIJobs of v2beta1; the training operator has none of its own here.
    "mpi-operator": ("kubeflow.org/mpijob",),
    "training-operator": (
        "kubeflow.org/jaxjob",
        "kubeflow.org/paddlejob",
        "kubeflow.org/pytorchjob",
        "kubeflow.org/tfjob",
        "kubeflow.org/xgboostjob",
    ),
    "kuberay-operator": ("ray.io/raycluster", "ray.io/rayjob"),
    "spark-operator": ("sparkoperator.k8s.io/sparkapplication",),
}
"""Add-on to the kinds of jobs that it brings, as Kueue spells them.

Deployments, StatefulSets and RayServices are left alone: they answer users, or are notebooks in which a person sits,
and neither may stop because a job comes first."""
_POD_KINDS: Final = {"lws": ("leaderworkerset.x-k8s.io/leaderworkerset",)}
"""The same of kinds whose pods Kueue queues one by one, for which it looks at all pods."""
_SERVED: Final = {"kuberay-operator": ("RayService.v1.ray.io",)}
"""Add-on to its kinds that are not queued but make kinds that are. Kueue is to know them as somebody else's, else it
puts what they make into the namespace's own queue. Source: kubernetes-sigs/kueue v0.19.2,
pkg/controller/jobframework/defaults.go, `defaultLocalQueueApplies`."""
_ALPHA: Final = {"sparkoperator.k8s.io/sparkapplication": "SparkApplicationIntegration"}
"""Kinds behind a feature gate that is off in 0.19. Topologies, provisioning requests and default queues need none:
TopologyAwareScheduling is on since 0.14, the other two are no longer gated."""

Minutes = Annotated[int, Field(ge=1, le=1440)]


class KueueSettings(AddOnSettings):
    """Settings of Kueue."""

    replicas: Annotated[int, Field(ge=1, le=3)] = 2
    """How many there are. One leads; the webhooks, without which nobody can create a job, are in all."""

    memory_mib: Annotated[int, Field(ge=512, le=65536)] = 1024
    """Memory of each, MiB. It holds all jobs, and on topologies all nodes and pods."""

    pods: bool = False
    """Queue also what is no job: each pod of a tenant's namespace that no job owns. Steps of Pipelines and Argo are
    such pods, but notebooks and model servers too, and they then count, wait and are pushed out as jobs are.
    LeaderWorkerSets are queued with them only."""

    fair_sharing: bool = False
    """Share what tenants borrow by their weights (`kueue-queues`, `weights`), rather than by who came first."""

    pull_minutes: Minutes = 20
    """How long the images of a job may take to pull, once its nodes are there. A job whose pods do not all run by then
    is stopped, waits, and tries again."""

    most_retries: Annotated[int, Field(ge=0, le=1000)] | None = None
    """After how many such tries it is given up; None: never."""

    retry_seconds: Annotated[int, Field(ge=1, le=3600)] = 60
    """How long it waits before the second try; twice as long before each one after that, an hour at most."""


def _kinds(handle: ClusterHandle, settings: KueueSettings) -> Iterator[str]:
    """The kinds of jobs that Kueue looks after: those that somebody here acts on."""
    yield "batch/job"
    for kinds in (_JOB_KINDS, _POD_KINDS if settings.pods else {}):
        yield from (kind for addon, own in kinds.items() if addon in handle.addons for kind in own)
    if settings.pods:
        yield "pod"


def _timeout(handle: ClusterHandle, settings: KueueSettings) -> str:
    """How long the slowest nodes take to come, and their images."""
    slowest = max((pool.provision_minutes for pool in handle.node_pools), default=_PROVISION_MINUTES)
    return f"{slowest + settings.pull_minutes}m"


def _configuration(handle: ClusterHandle, settings: KueueSettings) -> dict[str, Any]:
    """The manager's configuration, which replaces that of the chart as a whole.

    Source: kubernetes-sigs/kueue v0.19.2, apis/config/v1beta2/configuration_types.go.
    """
    kinds = list(_kinds(handle, settings))
    timeout = _timeout(handle, settings)
    served = [kind for addon, own in _SERVED.items() if addon in handle.addons for kind in own]
    gates = {_ALPHA[kind]: True for kind in kinds if kind in _ALPHA}
    return {
        "apiVersion": "config.kueue.x-k8s.io/v1beta2",
        "kind": "Configuration",
        "health": {"healthProbeBindAddress": ":8081"},
        "metrics": {"bindAddress": ":8443", "enableClusterQueueResources": True},
        "webhook": {"port": 9443},
        "leaderElection": {"leaderElect": True, "resourceName": "c1f6bfd2.kueue.x-k8s.io"},
        "controller": {
            "groupKindConcurrency": {
                "ClusterQueue.kueue.x-k8s.io": 5,
                "Job.batch": 5,
                "LocalQueue.kueue.x-k8s.io": 5,
                "Pod": 5,
                "ResourceFlavor.kueue.x-k8s.io": 1,
                "Workload.kueue.x-k8s.io": 10,
            }
        },
        "clientConnection": {"qps": 300, "burst": 500},
        # Its own, which it renews: who needs cert-manager for nothing else need not have it.
        "internalCertManagement": {"enable": True},
        # The chart gives the webhooks the same selector: they stand before nobody else's objects.
        "managedJobsNamespaceSelector": {"matchExpressions": [{"key": names.TENANT_LABEL, "operator": "Exists"}]},
        # Jobs that name no queue are given the namespace's own. Those that ran before Kueue came run on.
        "manageJobsWithoutQueueName": False,
        "waitForPodsReady": {
            "timeout": timeout,
            # The same for a node that is replaced.
            "recoveryTimeout": timeout,
            "blockAdmission": False,
            "requeuingStrategy": {
                "timestamp": "Eviction",
                "backoffBaseSeconds": settings.retry_seconds,
                "backoffMaxSeconds": 3600,
                **({} if settings.most_retries is None else {"backoffLimitCount": settings.most_retries}),
            },
        },
        "integrations": {"frameworks": kinds, **({"externalFrameworks": served} if served else {})},
        # No quota is in these; a job that asks for what no quota covers would wait for ever.
        "resources": {"excludeResourcePrefixes": [names.EPHEMERAL_STORAGE_RESOURCE, "hugepages-"]},
        **({"multiKueue": _elsewhere(handle)} if "multikueue" in handle.addons else {}),
        **({"featureGates": gates} if gates else {}),
        **(
            {"fairSharing": {"preemptionStrategies": ["LessThanOrEqualToFinalShare", "LessThanInitialShare"]}}
            if settings.fair_sharing
            else {}
        ),
    }


def _elsewhere(handle: ClusterHandle) -> dict[str, Any]:
    """How jobs go to other clusters: to those that are named first, first.

    Workers tell managers by their origin, which is a label's value.
    """
    return {
        "origin": handle.name[:_LABEL_LENGTH].rstrip("-"),
        "dispatcherName": "kueue.x-k8s.io/multikueue-dispatcher-incremental",
    }


def _values(handle: ClusterHandle, settings: KueueSettings) -> Values:
    memory = f"{settings.memory_mib}Mi"
    return {
        # The chart reads its webhooks' selectors and failure policies out of this text.
        "managerConfig": {"controllerManagerConfigYaml": yaml.safe_dump(_configuration(handle, settings))},
        "controllerManager": {
            "replicas": settings.replicas,
            "podDisruptionBudget": {"enabled": settings.replicas > 1, "minAvailable": 1},
            "manager": {
                "image": {"repository": _IMAGE, "tag": _TAG, "pullPolicy": "IfNotPresent"},
                # It starts anew when there are requests for nodes that it did not know of. Source: cmd/kueue/main.go,
                # ServerSupportsProvisioningRequest.
                "podAnnotations": {_NODES: "requested" if _REQUESTS in handle.addons else "not requested"},
                "resources": {"requests": {"cpu": "250m", "memory": memory}, "limits": {"memory": memory}},
            },
        },
        "enablePrometheus": _MONITORING in handle.addons,
        "metrics": {"prometheusNamespace": "monitoring"},
    }


def _hooks(kinds: tuple[str, ...], *, answers: bool = True, everywhere: bool = False) -> tuple[Webhook, ...]:
    """Two of each kind, one that fills in and one that refuses."""
    policy: FailurePolicy = "Fail" if answers else "Ignore"
    return tuple(
        Webhook(intercepts=frozenset({kind}), failure_policy=policy, opt_in=not everywhere)
        for kind in kinds
        for _ in range(2)
    )


ADDON = AddOn(
    name="kueue",
    group="scheduling",
    summary="queues jobs: each starts when its team's quota has room for all of its pods",
    docs="https://kueue.sigs.k8s.io/docs/",
    source=Chart(
        repo="oci://registry.k8s.io/kueue/charts",
        name="kueue",
        version=_VERSION,
    ),
    settings=KueueSettings,
    presets=("training",),
    namespace="kueue-system",
    create_namespace=True,
    pod_security="restricted",
    # For the way to other clusters (MultiKueue).
    secrets=True,
    values=_values,
    images=(
        Image(
            reference=f"{_IMAGE}:{_TAG}",
            repository="controllerManager.manager.image.repository",
            tag="controllerManager.manager.image.tag",
        ),
    ),
    needs=("coredns",),
    # The one brings the kind of its ServiceMonitor; for the other kind it looks once, when it starts.
    follows=(_MONITORING, _REQUESTS),
    owns_crds=tuple(
        f"{plural}.kueue.x-k8s.io"
        for plural in (
            "admissionchecks",
            "clusterqueues",
            "cohorts",
            "localqueues",
            "multikueueclusters",
            "multikueueconfigs",
            "provisioningrequestconfigs",
            "resourceflavors",
            "topologies",
            "workloadpriorityclasses",
            "workloads",
        )
    ),
    # Of jobs they see those in namespaces of tenants. What Kueue does not look after passes when it does not answer.
    webhooks=(
        *_hooks(("ClusterQueue", "ResourceFlavor", "Workload"), everywhere=True),
        Webhook(intercepts=frozenset({"Cohort"}), failure_policy="Fail"),
        *_hooks(
            (
                "AppWrapper",
                "JAXJob",
                "Job",
                "JobSet",
                "LeaderWorkerSet",
                "MPIJob",
                "PaddleJob",
                "PyTorchJob",
                "RayCluster",
                "RayJob",
                "RayService",
                "SparkApplication",
                "TFJob",
                "TrainJob",
                "XGBoostJob",
            )
        ),
        *_hooks(("Deployment", "Pod", "StatefulSet"), answers=False),
    ),
    creates=frozenset({"Service"}),
    ready=(Ready(kind="Deployment", name="kueue-controller-manager"),),
)
