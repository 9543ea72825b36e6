"""Priority classes: which pod goes first where GPUs are short."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from addons.spec import AddOn, AddOnSettings, Objects
from infra.handle import ClusterHandle

_PREFIX: Final = "slipway"
_CLASSES: Final[Mapping[str, tuple[int, str]]] = {
    "serving": (100_000, "answers users; may push out all below"),
    "interactive": (50_000, "notebooks: a person waits"),
    "training": (10_000, "jobs that wait their turn"),
    # Cluster-autoscaler adds no node for priorities under -10 (its flag expendable-pods-priority-cutoff).
    "opportunistic": (-100, "runs on what is idle; never adds a node, never pushes another pod out"),
}


class PriorityClassesSettings(AddOnSettings):
    """Settings of the priority classes."""

    default: Literal["serving", "interactive", "training", "opportunistic"] | None = None
    """The class of pods that name none; without it their priority is 0."""


def _objects(_handle: ClusterHandle, settings: PriorityClassesSettings) -> list[dict[str, Any]]:
    return [
        {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": f"{_PREFIX}-{name}"},
            "value": value,
            "globalDefault": name == settings.default,
            "preemptionPolicy": "Never" if value < 0 else "PreemptLowerPriority",
            "description": description,
        }
        for name, (value, description) in _CLASSES.items()
    ]


ADDON = AddOn(
    name="priority-classes",
    group="scheduling",
    summary="says which pod goes first: serving, interactive, training, opportunistic",
    docs="https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/",
    source=Objects(build=_objects),
    settings=PriorityClassesSettings,
    presets=("training",),
)
