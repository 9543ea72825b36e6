"""What people and notebooks of a profile may do with the kinds of add-ons that know nothing of Kubeflow's roles."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from addons.kubeflow import NAMESPACE
from addons.spec import AddOn, AddOnSettings, Objects
from infra.handle import ClusterHandle

_RBAC: Final = "rbac.authorization.k8s.io"
_LABEL: Final = "rbac.authorization.kubeflow.org/aggregate-to-kubeflow"
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
    "mpi-operator": ("kubeflow.org", ("mpijobs",)),
    "spark-operator": ("sparkoperator.k8s.io", ("scheduledsparkapplications", "sparkapplications", "sparkconnects")),
}
"""Add-on to the kinds of its CRDs that people make in a namespace: their group, and their plurals."""
_OF_CLUSTER: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "kserve-crd": ("serving.kserve.io", ("clusterservingruntimes",)),
    "kubeflow-trainer": ("trainer.kubeflow.org", ("clustertrainingruntimes",)),
}
"""Kinds of the whole cluster that these name, and that clients look up."""


def _objects(handle: ClusterHandle, _settings: AddOnSettings) -> list[dict[str, Any]]:
    """The roles of the add-ons that are there.

    Source: the roles kubeflow-kserve-{edit,view} and kubeflow-trainer-{edit,view} of kubeflow/community-distribution
    26.03.1, which the makers' charts do not have.
    """
    made = [
        item
        for addon, (group, plurals) in _KINDS.items()
        if addon in handle.addons
        for item in _roles(addon, group, plurals)
    ]
    known = [_rule(*kinds, _READ) for addon, kinds in _OF_CLUSTER.items() if addon in handle.addons]
    return [*made, *(_for_everybody(known) if known else [])]


def _roles(addon: str, group: str, plurals: Sequence[str]) -> Iterator[dict[str, Any]]:
    states = [f"{plural}/status" for plural in plurals]
    yield _role(f"profiles-{addon}-view", [_rule(group, (*plurals, *states), _READ)], {f"{_LABEL}-view": "true"})
    yield _role(f"profiles-{addon}-edit", [_rule(group, plurals, _WRITE)], {f"{_LABEL}-edit": "true"})


def _for_everybody(rules: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """For the service accounts of all namespaces: there is nothing secret in it."""
    name = "profiles-runtimes-view"
    binding = {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": name},
        "subjects": [{"apiGroup": _RBAC, "kind": "Group", "name": "system:serviceaccounts"}],
    }
    return [_role(name, rules, {}), binding]


def _role(name: str, rules: Sequence[Mapping[str, Any]], labels: Mapping[str, str]) -> dict[str, Any]:
    metadata = {"name": name, **({"labels": dict(labels)} if labels else {})}
    return {"apiVersion": f"{_RBAC}/v1", "kind": "ClusterRole", "metadata": metadata, "rules": list(rules)}


def _rule(group: str, resources: Sequence[str], verbs: Sequence[str]) -> dict[str, Any]:
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}


ADDON = AddOn(
    name="kubeflow-roles",
    group="kubeflow",
    summary="lets people and notebooks of a profile use jobs, models, Ray, Spark and workflows there",
    docs="https://www.kubeflow.org/docs/components/central-dash/access/",
    source=Objects(build=_objects),
    settings=AddOnSettings,
    presets=("notebooks",),
    namespace=NAMESPACE,
    needs=("kubeflow",),
    creates=frozenset({"ClusterRole", "ClusterRoleBinding"}),
)
