"""KServe's page in Kubeflow's dashboard: what is served in one's namespaces, how it does, and its logs."""

from typing import Final

from addons.kubeflow import NAMESPACE, RELEASE
from addons.spec import AddOn, AddOnSettings, Image, Kustomization, Ready

_NAME: Final = "kserve-models-web-app"


class ModelsWebAppSettings(AddOnSettings):
    """Settings of the page: none."""


ADDON = AddOn(
    name=_NAME,
    group="serving",
    summary="the page of model servers in Kubeflow's dashboard",
    docs="https://github.com/kserve/models-web-app",
    source=Kustomization(version=RELEASE),
    settings=ModelsWebAppSettings,
    presets=("full",),
    namespace=NAMESPACE,
    images=(Image(reference="ghcr.io/kserve/models-web-app:0.18.0"),),
    needs=("istio-base", "istiod", "kserve-crd", "kubeflow"),
    creates=frozenset({"AuthorizationPolicy", "Service", "VirtualService"}),
    ready=(Ready(kind="Deployment", name="kserve-models-web-application"),),
)
