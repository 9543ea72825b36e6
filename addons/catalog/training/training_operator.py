"""Training operator: TFJob, PyTorchJob, XGBoostJob, PaddleJob and JAXJob, Kubeflow's older way to train.

MPIJobs are left to the MPI operator, whose CRD has the same name: the two can be together.
"""

from typing import Final

from addons.kubeflow import NAMESPACE, RELEASE
from addons.spec import AddOn, AddOnSettings, Image, Kustomization, Ready, Webhook

_NAME: Final = "training-operator"
_KINDS: Final = ("JAXJob", "PaddleJob", "PyTorchJob", "TFJob", "XGBoostJob")

ADDON = AddOn(
    name=_NAME,
    group="training",
    summary="TFJob, PyTorchJob, XGBoostJob, PaddleJob and JAXJob, for manifests from before Trainer",
    docs="https://www.kubeflow.org/docs/components/trainer/legacy-v1/",
    source=Kustomization(version=RELEASE),
    settings=AddOnSettings,
    namespace=NAMESPACE,
    images=(
        Image(reference="ghcr.io/kubeflow/training-v1/training-operator:v1-3f15cb8"),
        Image(reference="public.ecr.aws/docker/library/alpine:3.22"),
    ),
    needs=("kubeflow",),
    owns_crds=tuple(f"{kind.lower()}s.kubeflow.org" for kind in _KINDS),
    webhooks=tuple(Webhook(intercepts=frozenset({kind}), failure_policy="Fail") for kind in _KINDS),
    creates=frozenset({"Service"}),
    ready=(Ready(kind="Deployment", name=_NAME),),
)
