"""Spark operator: Spark applications as objects of the cluster, each with pods of its own."""

from typing import Annotated, Final

from pydantic import Field

from addons.spec import AddOn, AddOnSettings, Chart, Image, Ready, Values, Webhook
from infra.handle import ClusterHandle

_NAME: Final = "spark-operator"
# renovate: datasource=helm depName=spark-operator registryUrl=https://kubeflow.github.io/spark-operator
_VERSION: Final = "2.5.2"
_VOLCANO: Final = "volcano"
_KINDS: Final = ("ScheduledSparkApplication", "SparkApplication", "SparkConnect")


class SparkOperatorSettings(AddOnSettings):
    """Settings of the Spark operator."""

    workers: Annotated[int, Field(ge=1, le=100)] = 10
    """How many applications it looks after at a time. Each starts a JVM in the operator's pod for a few seconds when
    it is submitted."""

    memory_mib: Annotated[int, Field(ge=512, le=16384)] = 1024
    """Memory of the operator at most, in MiB."""


def _values(handle: ClusterHandle, settings: SparkOperatorSettings) -> Values:
    return {
        "controller": {
            "workers": settings.workers,
            # An application that names it in `batchScheduler` starts as a whole.
            "batchScheduler": {"enable": _VOLCANO in handle.addons},
            "resources": {
                "requests": {"cpu": "100m", "memory": "512Mi"},
                "limits": {"memory": f"{settings.memory_mib}Mi"},
            },
        },
        # Without it volumes, tolerations and node selectors of an application are dropped in silence.
        "webhook": {
            "enable": True,
            "replicas": 2,
            "podDisruptionBudget": {"enable": True, "minAvailable": 1},
            "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
        },
        "spark": {
            # Every namespace; where jobs can really run is said by the accounts of spark-namespaces, and of profiles.
            "jobNamespaces": [""],
            "serviceAccount": {"create": False},
            "rbac": {"create": False},
        },
    }


ADDON = AddOn(
    name=_NAME,
    group="engines",
    summary="Spark applications as objects of the cluster, with pods of their own",
    docs="https://www.kubeflow.org/docs/components/spark-operator/",
    source=Chart(
        repo="https://kubeflow.github.io/spark-operator",
        name=_NAME,
        version=_VERSION,
    ),
    settings=SparkOperatorSettings,
    presets=("full",),
    namespace=_NAME,
    create_namespace=True,
    pod_security="restricted",
    values=_values,
    images=(
        Image(
            reference=f"ghcr.io/kubeflow/spark-operator/controller:{_VERSION}",
            registry="image.registry",
            repository="image.repository",
            tag="image.tag",
        ),
    ),
    needs=("coredns",),
    # Whose kinds it looks for once.
    follows=(_VOLCANO,),
    owns_crds=(
        "scheduledsparkapplications.sparkoperator.k8s.io",
        "sparkapplications.sparkoperator.k8s.io",
        "sparkconnects.sparkoperator.k8s.io",
    ),
    webhooks=(
        # Pods with the label of those that it launched.
        Webhook(intercepts=frozenset({"Pod"}), failure_policy="Fail", opt_in=True),
        # Each kind is changed by one, and looked at by another.
        *(Webhook(intercepts=frozenset({kind}), failure_policy="Fail") for kind in _KINDS for _ in range(2)),
    ),
    creates=frozenset({"Service"}),
    ready=(
        Ready(kind="Deployment", name="spark-operator-controller"),
        Ready(kind="Deployment", name="spark-operator-webhook"),
    ),
)
