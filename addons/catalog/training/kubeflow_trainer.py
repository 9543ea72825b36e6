"""Kubeflow Trainer: a TrainJob is a runtime, a number of nodes and a command; the runtimes are another add-on."""

from typing import Final

from addons.spec import AddOn, AddOnSettings, Chart, Image, Ready, Values, Webhook
from infra.handle import ClusterHandle

_NAME: Final = "kubeflow-trainer"
_NAMESPACE: Final = "kubeflow-system"
# renovate: datasource=docker depName=ghcr.io/kubeflow/charts/kubeflow-trainer
_VERSION: Final = "2.3.0"
_CONTROLLER: Final = "kubeflow-trainer-controller-manager"


def _values(_handle: ClusterHandle, _settings: AddOnSettings) -> Values:
    return {
        # An add-on of its own, which others use too.
        "jobset": {"install": False},
        # The chart applies its runtimes with a hook that downloads kubectl; ours are objects.
        "runtimes": {"defaultEnabled": False},
        "manager": {"resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "1Gi"}}},
    }


def _hook(kind: str) -> Webhook:
    return Webhook(intercepts=frozenset({kind}), failure_policy="Fail")


ADDON = AddOn(
    name=_NAME,
    group="training",
    summary="runs TrainJobs: distributed training with PyTorch, DeepSpeed, JAX and MPI",
    docs="https://www.kubeflow.org/docs/components/trainer/",
    source=Chart(
        repo="oci://ghcr.io/kubeflow/charts",
        name=_NAME,
        version=_VERSION,
    ),
    settings=AddOnSettings,
    presets=("training",),
    namespace=_NAMESPACE,
    create_namespace=True,
    pod_security="restricted",
    values=_values,
    images=(
        Image(
            reference=f"ghcr.io/kubeflow/trainer/trainer-controller-manager:v{_VERSION}",
            registry="image.registry",
            repository="image.repository",
            tag="image.tag",
        ),
    ),
    needs=("coredns", "jobset"),
    # Runtimes with a `podGroupPolicy` of Volcano work where its kinds were there first.
    follows=("volcano",),
    owns_crds=(
        "clustertrainingruntimes.trainer.kubeflow.org",
        "trainingruntimes.trainer.kubeflow.org",
        "trainjobs.trainer.kubeflow.org",
    ),
    webhooks=(_hook("ClusterTrainingRuntime"), _hook("TrainingRuntime"), _hook("TrainJob"), _hook("TrainJob")),
    creates=frozenset({"Service"}),
    ready=(Ready(kind="Deployment", name=_CONTROLLER),),
)
