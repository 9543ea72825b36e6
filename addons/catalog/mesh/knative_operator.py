"""Knative's operator: installs Knative Serving as the object of `knative-serving` says."""

from typing import Any, Final

from addons.spec import AddOn, AddOnSettings, Chart, Image, Ready, Values
from infra.handle import ClusterHandle

_NAME: Final = "knative-operator"
# renovate: datasource=helm depName=knative-operator registryUrl=https://knative.github.io/operator
_VERSION: Final = "v1.23.0"
_IMAGES: Final = "gcr.io/knative-releases/knative.dev/operator/cmd"


class KnativeOperatorSettings(AddOnSettings):
    """Settings of Knative's operator: none."""


def _values(_handle: ClusterHandle, _settings: AddOnSettings) -> Values:
    resources: dict[str, Any] = {"resources": {"requests": {"cpu": "25m", "memory": "100Mi"}}}
    return {"knative_operator": {"knative_operator": resources, "operator_webhook": resources}}


def _image(name: str, part: str) -> Image:
    path = f"knative_operator.{part}"
    return Image(reference=f"{_IMAGES}/{name}:{_VERSION}", repository=f"{path}.image", tag=f"{path}.tag")


ADDON = AddOn(
    name=_NAME,
    group="mesh",
    summary="installs Knative Serving and keeps it as it was asked for",
    docs="https://knative.dev/docs/install/operator/knative-with-operators/",
    source=Chart(
        repo="https://knative.github.io/operator",
        name=_NAME,
        version=_VERSION,
    ),
    settings=KnativeOperatorSettings,
    namespace=_NAME,
    create_namespace=True,
    values=_values,
    images=(_image("operator", "knative_operator"), _image("webhook", "operator_webhook")),
    needs=("coredns",),
    owns_crds=("knativeeventings.operator.knative.dev", "knativeservings.operator.knative.dev"),
    creates=frozenset({"Service"}),
    ready=(Ready(kind="Deployment", name=_NAME), Ready(kind="Deployment", name="operator-webhook")),
)
