"""The account with which another cluster's MultiKueue brings its jobs here.

Its token is made by hand: a Secret of ours would be in Pulumi's state.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from addons import kueue, roles
from addons.spec import AddOn, AddOnSettings, Objects
from infra.handle import ClusterHandle

_NAME: Final = "multikueue"
_NAMESPACE: Final = "kueue-system"
_JOBS: Final[tuple[tuple[str | None, str, tuple[str, ...]], ...]] = (
    (None, "batch", ("jobs",)),
    ("jobset", "jobset.x-k8s.io", ("jobsets",)),
    ("kubeflow-trainer", "trainer.kubeflow.org", ("trainjobs",)),
    ("mpi-operator", "kubeflow.org", ("mpijobs",)),
    ("training-operator", "kubeflow.org", ("jaxjobs", "paddlejobs", "pytorchjobs", "tfjobs", "xgboostjobs")),
    ("kuberay-operator", "ray.io", ("rayclusters", "rayjobs")),
)
"""Add-on, API group and kinds of the jobs that it brings, of those that Kueue can have run elsewhere."""
_WITH_PODS: Final[tuple[tuple[str | None, str, tuple[str, ...]], ...]] = (
    (None, "", ("pods",)),
    ("lws", "leaderworkerset.x-k8s.io", ("leaderworkersets",)),
)
_WATCH: Final = ("get", "list", "watch")
_MAKE: Final = ("create", "delete", *_WATCH)
_CHANGE: Final = ("patch", "update")
_GROWING: Final = frozenset({"rayclusters"})
"""Kinds whose size another cluster's autoscaler changes."""


class MultikueueWorkerSettings(AddOnSettings):
    """Settings of a cluster that takes jobs."""

    pods: bool = False
    """Let single pods and LeaderWorkerSets come too, where `pods` of `kueue` is on in both clusters."""


def _objects(handle: ClusterHandle, settings: MultikueueWorkerSettings) -> list[dict[str, Any]]:
    metadata = {"name": _NAME}
    return [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {**metadata, "namespace": _NAMESPACE},
            # No pod of this cluster runs as it.
            "automountServiceAccountToken": False,
        },
        {
            "apiVersion": f"{roles.GROUP}/v1",
            "kind": "ClusterRole",
            "metadata": metadata,
            "rules": list(_rules(handle, settings)),
        },
        {
            "apiVersion": f"{roles.GROUP}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": roles.GROUP, "kind": "ClusterRole", "name": _NAME},
            "subjects": [{"kind": "ServiceAccount", "name": _NAME, "namespace": _NAMESPACE}],
        },
    ]


def _rules(handle: ClusterHandle, settings: MultikueueWorkerSettings) -> Iterator[dict[str, Any]]:
    """What the manager does here.

    Source: kubernetes-sigs/kueue v0.19.2, site/static/examples/multikueue/create-multikueue-kubeconfig.sh, which lacks
    TrainJobs and JAXJobs.
    """
    yield _rule(kueue.GROUP, ["workloads"], (*_MAKE, *_CHANGE))
    yield _rule(kueue.GROUP, ["workloads/status"], ("get", *_CHANGE))
    yield _rule(kueue.GROUP, ["clusterqueues", "localqueues"], _WATCH)
    for addon, group, kinds in (*_JOBS, *(_WITH_PODS if settings.pods else ())):
        if addon is None or addon in handle.addons:
            yield _rule(group, kinds, _MAKE)
            yield _rule(group, [f"{kind}/status" for kind in kinds], ("get",))
            growing = [kind for kind in kinds if kind in _GROWING]
            if growing:
                yield _rule(group, growing, _CHANGE)


def _rule(group: str, resources: Sequence[str], verbs: Sequence[str]) -> dict[str, Any]:
    return {"apiGroups": [group], "resources": list(resources), "verbs": sorted(verbs)}


ADDON = AddOn(
    name="multikueue-worker",
    group="scheduling",
    summary="lets another cluster bring jobs here by MultiKueue: its account, and what that may do",
    docs="https://kueue.sigs.k8s.io/docs/tasks/manage/setup_multikueue/",
    source=Objects(build=_objects),
    settings=MultikueueWorkerSettings,
    namespace="kueue-system",
    needs=("kueue", "kueue-queues"),
    conflicts=("multikueue",),
    creates=frozenset({"ClusterRole", "ClusterRoleBinding", "ServiceAccount"}),
)
