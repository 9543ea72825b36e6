"""Kubeflow Notebooks: notebooks, volumes and TensorBoards, each with its page and its controller."""

from typing import Final

from addons.kubeflow import NAMESPACE, RELEASE
from addons.spec import AddOn, AddOnSettings, Image, Kustomization, Ready, Webhook

_NAME: Final = "kubeflow-notebooks"
_IMAGES: Final = "ghcr.io/kubeflow/notebooks"
# renovate: datasource=docker depName=ghcr.io/kubeflow/notebooks/notebook-controller depType=follows
_VERSION: Final = "v1.11.0"
_PROGRAMS: Final = (
    "jupyter-web-app",
    "notebook-controller",
    "pvcviewer-controller",
    "tensorboard-controller",
    "tensorboards-web-app",
    "volumes-web-app",
)
_DEPLOYMENTS: Final = (
    "jupyter-web-app-deployment",
    "notebook-controller-deployment",
    "pvcviewer-controller-manager",
    "tensorboard-controller-deployment",
    "tensorboards-web-app-deployment",
    "volumes-web-app-deployment",
)


ADDON = AddOn(
    name=_NAME,
    group="kubeflow",
    summary="notebooks, volumes and TensorBoards",
    docs="https://www.kubeflow.org/docs/components/notebooks/",
    source=Kustomization(version=RELEASE),
    settings=AddOnSettings,
    presets=("notebooks",),
    namespace=NAMESPACE,
    images=(
        *(Image(reference=f"{_IMAGES}/{name}:{_VERSION}") for name in _PROGRAMS),
        # Shows what is on a volume.
        Image(reference="docker.io/filebrowser/filebrowser:v2.32.0"),
    ),
    # Its pages list PodDefaults, whose kind comes with the dashboard.
    needs=(
        "cert-manager",
        "istio-base",
        "istiod",
        "kubeflow",
        "kubeflow-dashboard",
        "kubeflow-notebooks-settings",
    ),
    owns_crds=("notebooks.kubeflow.org", "pvcviewers.kubeflow.org", "tensorboards.tensorboard.kubeflow.org"),
    webhooks=(
        Webhook(intercepts=frozenset({"PVCViewer"}), failure_policy="Fail"),
        Webhook(intercepts=frozenset({"PVCViewer"}), failure_policy="Fail"),
    ),
    creates=frozenset(
        {"AuthorizationPolicy", "Certificate", "Deployment", "DestinationRule", "Issuer", "Service", "VirtualService"}
    ),
    ready=tuple(Ready(kind="Deployment", name=name) for name in _DEPLOYMENTS),
)
