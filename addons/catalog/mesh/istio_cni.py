"""Istio's node agent: leads the traffic of pods in the mesh through their proxy, so that pods need no such right."""

from typing import Any, Final

from addons.istio import IMAGES, REPOSITORY, VERSION
from addons.spec import AddOn, AddOnSettings, Chart, Image, Ready, Values
from infra.handle import ClusterHandle

_NAME: Final = "istio-cni"


class IstioCniSettings(AddOnSettings):
    """Settings of Istio's node agent: none."""


def _values(_handle: ClusterHandle, _settings: AddOnSettings) -> Values:
    resources: dict[str, Any] = {"requests": {"cpu": "25m", "memory": "96Mi"}}
    return {"resources": resources}


ADDON = AddOn(
    name=_NAME,
    group="mesh",
    summary="leads the traffic of pods in the mesh through their proxy, without privileges for the pods",
    docs="https://istio.io/latest/docs/setup/additional-setup/cni/",
    source=Chart(repo=REPOSITORY, name="cni", version=VERSION),
    settings=IstioCniSettings,
    presets=("inference", "notebooks"),
    values=_values,
    images=(Image(reference=f"{IMAGES}/install-cni:{VERSION}", whole="image"),),
    # It tolerates every taint by itself: a pod of the mesh on a node without it would wait for ever.
    ready=(Ready(kind="DaemonSet", name="istio-cni-node"),),
)
