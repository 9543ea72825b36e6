"""What people and their pods may do in their namespace with the kinds that add-ons bring. Pure.

Kubernetes' roles `view`, `edit` and `admin`, and Kubeflow's, take up what is labelled for them.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from infra.handle import ClusterHandle

GROUP: Final = "rbac.authorization.k8s.io"
OF_KUBERNETES: Final = f"{GROUP}/aggregate-to"
"""The start of the label that puts a role into `view` or `edit`. Source: Kubernetes, "Using RBAC Authorization"."""

_READ: Final = ("get", "list", "watch")
_WRITE: Final = ("create", "delete", "deletecollection", "patch", "update")
_KINDS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "argo-crds": ("argoproj.io", ("cronworkflows", "workflows", "workflowtaskresults", "workflowtemplates")),
    "feast-operator": ("feast.dev", ("featurestores",)),
    "jobset": ("jobset.x-k8s.io", ("jobsets",)),
    "kserve-crd": (
        "serving.kserve.io",
        ("inferencegraphs", "inferenceservices", "servingruntimes", "trainedmodels"),
    ),
    "kserve-llmisvc-crd": ("serving.kserve.io", ("llminferenceserviceconfigs", "llminferenceservices")),
    "kubeflow-trainer": ("trainer.kubeflow.org", ("trainingruntimes", "trainjobs")),
    "kuberay-operator": ("ray.io", ("rayclusters", "raycronjobs", "rayjobs", "rayservices")),
    "lws": ("leaderworkerset.x-k8s.io", ("leaderworkersets",)),
    "mpi-operator": ("kubeflow.org", ("mpijobs",)),
    "spark-operator": ("sparkoperator.k8s.io", ("scheduledsparkapplications", "sparkapplications", "sparkconnects")),
    "training-operator": ("kubeflow.org", ("jaxjobs", "paddlejobs", "pytorchjobs", "tfjobs", "xgboostjobs")),
    "volcano": ("batch.volcano.sh", ("cronjobs", "jobs")),
}
"""Add-on to the kinds of its CRDs that people make in a namespace: their group, and their plurals."""
_SEEN: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "kueue": ("kueue.x-k8s.io", ("localqueues", "workloads")),
}
"""Kinds that people only look at: a job makes its workload."""
_OF_CLUSTER: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "kserve-crd": ("serving.kserve.io", ("clusterservingruntimes",)),
    "kubeflow-trainer": ("trainer.kubeflow.org", ("clustertrainingruntimes",)),
    "kueue": ("kueue.x-k8s.io", ("clusterqueues", "resourceflavors", "topologies", "workloadpriorityclasses")),
}
"""Kinds of the whole cluster that these name, and that clients look up."""


def roles(handle: ClusterHandle, *, prefix: str, label: str) -> list[dict[str, Any]]:
    """Roles on the kinds of the add-ons that are there, for whoever may view or edit a namespace.

    Args:
        handle: The cluster.
        prefix: Of the roles' names.
        label: The start of the label for which others take them up, such as `OF_KUBERNETES`.

    Source: the roles kubeflow-kserve-{edit,view} and kubeflow-trainer-{edit,view} of kubeflow/community-distribution
    26.03.1, which the makers' charts do not have.
    """
    found: list[dict[str, Any]] = []
    for addon, (group, plurals) in _KINDS.items():
        if addon in handle.addons:
            found += [
                _viewing(f"{prefix}-{addon}", group, plurals, label),
                _role(f"{prefix}-{addon}-edit", [_rule(group, plurals, _WRITE)], {f"{label}-edit": "true"}),
            ]
    found += [
        _viewing(f"{prefix}-{addon}", group, plurals, label)
        for addon, (group, plurals) in _SEEN.items()
        if addon in handle.addons
    ]
    known = [_rule(*kinds, _READ) for addon, kinds in _OF_CLUSTER.items() if addon in handle.addons]
    return [*found, *(_for_everybody(prefix, known) if known else ())]


def role_binding(
    namespace: str,
    name: str,
    role: str,
    subjects: Sequence[Mapping[str, str]],
    annotations: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Lets subjects do in a namespace what a ClusterRole says."""
    noted = {"annotations": dict(annotations)} if annotations else {}
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": namespace, **noted},
        "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": role},
        "subjects": [dict(each) for each in subjects],
    }


def user(name: str) -> dict[str, str]:
    """A person, as a subject of a binding."""
    return {"apiGroup": GROUP, "kind": "User", "name": name}


def group(name: str) -> dict[str, str]:
    """A group of people, as a subject of a binding."""
    return {"apiGroup": GROUP, "kind": "Group", "name": name}


def _viewing(name: str, of: str, plurals: Sequence[str], label: str) -> dict[str, Any]:
    states = [f"{plural}/status" for plural in plurals]
    return _role(f"{name}-view", [_rule(of, (*plurals, *states), _READ)], {f"{label}-view": "true"})


def _for_everybody(prefix: str, rules: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """For whoever is known to the cluster, pods included: there is nothing secret in it."""
    name = f"{prefix}-runtimes-view"
    yield _role(name, rules, {})
    yield {
        "apiVersion": f"{GROUP}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": name},
        "subjects": [group("system:authenticated")],
    }


def _role(name: str, rules: Sequence[Mapping[str, Any]], labels: Mapping[str, str]) -> dict[str, Any]:
    metadata = {"name": name, **({"labels": dict(labels)} if labels else {})}
    return {"apiVersion": f"{GROUP}/v1", "kind": "ClusterRole", "metadata": metadata, "rules": list(rules)}


def _rule(of: str, resources: Sequence[str], verbs: Sequence[str]) -> dict[str, Any]:
    return {"apiGroups": [of], "resources": list(resources), "verbs": list(verbs)}
