"""Priority classes: which pod goes first where GPUs are short."""

from typing import Any

from addons.priorities import PRIORITIES, class_name
from addons.spec import AddOn, AddOnSettings, Objects
from infra.handle import ClusterHandle, Priority


class PriorityClassesSettings(AddOnSettings):
    """Settings of the priority classes."""

    default: Priority | None = None
    """The class of pods that name none; without it their priority is 0."""


def _objects(_handle: ClusterHandle, settings: PriorityClassesSettings) -> list[dict[str, Any]]:
    return [
        {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": class_name(name)},
            "value": value,
            "globalDefault": name == settings.default,
            "preemptionPolicy": "Never" if value < 0 else "PreemptLowerPriority",
            "description": description,
        }
        for name, (value, description) in PRIORITIES.items()
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
