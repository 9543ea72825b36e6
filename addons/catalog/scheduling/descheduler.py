"""Descheduler: evicts pods that the scheduler would place otherwise today. Never a pod on an accelerated node."""

from typing import Annotated, Any, Final

from pydantic import Field

from addons.spec import AddOn, AddOnSettings, Chart, Image, Ready, Values
from infra.catalog import names
from infra.handle import ClusterHandle

_TRAINING_PRIORITY: Final = 10_000
_RESTARTS: Final = 100
_SPREAD: Final = ("RemoveDuplicates", "RemovePodsViolatingTopologySpreadConstraint")
_MISPLACED: Final = (
    "RemovePodsHavingTooManyRestarts",
    "RemovePodsViolatingInterPodAntiAffinity",
    "RemovePodsViolatingNodeAffinity",
    "RemovePodsViolatingNodeTaints",
)


class DeschedulerSettings(AddOnSettings):
    """Settings of the descheduler."""

    schedule: str = Field(default="*/10 * * * *", pattern=r"^\S+( \S+){4}$")
    """When it looks, as cron spells it."""

    protected_priority: Annotated[int, Field(ge=1, le=1_000_000_000)] = _TRAINING_PRIORITY
    """Pods of this priority and above stay where they are. By default that of `slipway-training`, so that training,
    notebooks and serving all stay."""

    min_pod_age: str = Field(default="30m", pattern=r"^([0-9]+(h|m|s))+$")
    """Younger pods stay where they are."""

    max_evictions_per_node: Annotated[int, Field(ge=1, le=5000)] = 5
    """The most pods that one run evicts from a node."""


def _values(_handle: ClusterHandle, settings: DeschedulerSettings) -> Values:
    return {
        "schedule": settings.schedule,
        "deschedulerPolicy": _policy(settings),
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "500m", "memory": "256Mi"}},
    }


def _policy(settings: DeschedulerSettings) -> dict[str, Any]:
    """What it may evict, and why.

    It does not level nodes out (`LowNodeUtilization`): an autoscaler wants some nodes empty.
    Source: README of kubernetes-sigs/descheduler 0.36, "Policy, Default Evictor and Strategy plugins".
    """
    restarts = {"podRestartThreshold": _RESTARTS, "includingInitContainers": True}
    return {
        # Nodes that it does not see are no node to evict from, nor to move to.
        "nodeSelector": f"!{names.ACCELERATOR_LABEL}",
        "maxNoOfPodsToEvictPerNode": settings.max_evictions_per_node,
        "profiles": [
            {
                "name": "default",
                "pluginConfig": [
                    {"name": "DefaultEvictor", "args": _evictor(settings)},
                    {"name": "RemovePodsHavingTooManyRestarts", "args": restarts},
                    {
                        "name": "RemovePodsViolatingNodeAffinity",
                        "args": {"nodeAffinityType": ["requiredDuringSchedulingIgnoredDuringExecution"]},
                    },
                ],
                "plugins": {
                    "balance": {"enabled": list(_SPREAD)},
                    "deschedule": {"enabled": list(_MISPLACED)},
                },
            }
        ],
    }


def _evictor(settings: DeschedulerSettings) -> dict[str, Any]:
    return {
        "minPodAge": settings.min_pod_age,
        # A pod goes only where another node can take it.
        "nodeFit": True,
        "priorityThreshold": {"value": settings.protected_priority},
        "podProtections": {"extraEnabled": ["PodsWithPVC", "PodsWithResourceClaims"]},
    }


ADDON = AddOn(
    name="descheduler",
    group="scheduling",
    summary="evicts misplaced pods, never one on an accelerated node",
    docs="https://github.com/kubernetes-sigs/descheduler",
    source=Chart(
        repo="https://kubernetes-sigs.github.io/descheduler",
        name="descheduler",
        # Tested against the Kubernetes minor of its number and the two before.
        # renovate: datasource=helm depName=descheduler registryUrl=https://kubernetes-sigs.github.io/descheduler
        version="0.36.0",
    ),
    settings=DeschedulerSettings,
    values=_values,
    images=(
        Image(
            reference="registry.k8s.io/descheduler/descheduler:v0.36.0",
            repository="image.repository",
            tag="image.tag",
        ),
    ),
    needs=("coredns",),
    ready=(Ready(kind="CronJob", name="descheduler"),),
)
