"""What KAI runs: its scheduler, what groups pods and binds them, and the webhooks of its queues."""

from typing import Annotated, Any, Final, Literal

import pulumi
from pydantic import Field

from addons.spec import AddOn, AddOnSettings, Image, Objects
from addons.values import pulled_from
from infra.handle import ClusterHandle
from infra.images import ImageReference

_NAMESPACE: Final = "kai-scheduler"
_HOME: Final = "ghcr.io/kai-scheduler/kai-scheduler"
# renovate: datasource=docker depName=ghcr.io/kai-scheduler/kai-scheduler/kai-scheduler
_VERSION: Final = "v0.17.0"
_PARTS: Final = {
    "admission": "admission",
    "binder": "binder",
    "podGroupController": "podgroupcontroller",
    "podGrouper": "podgrouper",
    "queueController": "queuecontroller",
    "scheduler": "scheduler",
}
"""Part of the configuration to the name of its image."""
_RESERVATION: Final = "resourcereservation"


class KaiConfigSettings(AddOnSettings):
    """Settings of KAI."""

    placement: Literal["binpack", "spread"] = "binpack"
    """Fill nodes one after the other, so that whole ones stay free for large jobs and empty ones can go; or spread
    pods over them."""

    replicas: Annotated[int, Field(ge=1, le=3)] = 2
    """How many there are of each part. One of each leads; the webhooks, without which nobody can create a pod for
    this scheduler, are in all."""


def _reference(part: str) -> str:
    return f"{_HOME}/{part}:{_VERSION}"


def _image(part: str, handle: ClusterHandle) -> dict[str, Any]:
    """Where an image is pulled from, in the three parts that KAI has it in."""
    whole = pulumi.Output.from_input(pulled_from(_reference(part), handle))
    parsed = whole.apply(ImageReference.parse)
    return {
        "repository": parsed.apply(lambda image: image.repository.rpartition("/")[0]),
        "name": part,
        "tag": _VERSION,
        "pullPolicy": "IfNotPresent",
    }


def _objects(handle: ClusterHandle, settings: KaiConfigSettings) -> list[dict[str, Any]]:
    parts: dict[str, Any] = {
        key: {"service": {"enabled": True, "image": _image(part, handle)}} for key, part in _PARTS.items()
    }
    # For parts of GPUs, which the platform shares by their drivers instead (gpu.sharing of node groups).
    parts["binder"]["resourceReservation"] = {"image": _image(_RESERVATION, handle)}
    parts["nodeScaleAdjuster"] = {"service": {"enabled": False}}
    parts["admission"]["gpuSharing"] = False
    return [
        {
            "apiVersion": "kai.scheduler/v1",
            "kind": "Config",
            "metadata": {"name": "kai-config", "annotations": {"pulumi.com/waitFor": "condition=Available"}},
            "spec": {"namespace": _NAMESPACE, "global": {"replicaCount": settings.replicas}, **parts},
        },
        {
            "apiVersion": "kai.scheduler/v1",
            "kind": "SchedulingShard",
            "metadata": {"name": "default"},
            "spec": {
                "partitionLabelValue": "",
                "placementStrategy": {"gpu": settings.placement, "cpu": settings.placement},
            },
        },
    ]


ADDON = AddOn(
    name="kai-config",
    group="scheduling",
    summary="the parts of KAI, and how its scheduler places pods",
    docs="https://github.com/kai-scheduler/KAI-Scheduler/tree/main/docs/operator",
    source=Objects(build=_objects),
    settings=KaiConfigSettings,
    namespace=_NAMESPACE,
    images=tuple(Image(reference=_reference(part)) for part in (*_PARTS.values(), _RESERVATION)),
    needs=("kai-scheduler",),
    creates=frozenset({"Config", "SchedulingShard"}),
)
