"""Model registry: which models there are, in which versions, and where their files lie; one for all profiles."""

from typing import Final

from addons.catalog.kubeflow import model_registry_settings
from addons.kubeflow import NAMESPACE, RELEASE
from addons.spec import AddOn, AddOnSettings, Image, Kustomization, Ready

# renovate: datasource=docker depName=ghcr.io/kubeflow/hub/server depType=follows
_VERSION: Final = "v0.3.9"

ADDON = AddOn(
    name="model-registry",
    group="kubeflow",
    summary="models, their versions and where their files lie, with a page in the dashboard",
    docs="https://www.kubeflow.org/docs/components/model-registry/",
    source=Kustomization(version=RELEASE),
    settings=AddOnSettings,
    presets=("full",),
    applies=model_registry_settings.ADDON.applies,
    namespace=NAMESPACE,
    images=tuple(Image(reference=f"ghcr.io/kubeflow/hub/{part}:{_VERSION}") for part in ("server", "ui")),
    needs=("istiod", "kubeflow", "model-registry-settings"),
    stands_on=("databases",),
    creates=frozenset({"AuthorizationPolicy", "DestinationRule", "Service", "VirtualService"}),
    ready=(
        Ready(kind="Deployment", name="model-registry-deployment"),
        Ready(kind="Deployment", name="model-registry-ui"),
    ),
)
