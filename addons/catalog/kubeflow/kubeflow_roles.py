"""What people and notebooks of a profile may do with the kinds of add-ons that know nothing of Kubeflow's roles."""

from typing import Any, Final

from addons.kubeflow import NAMESPACE
from addons.roles import roles
from addons.spec import AddOn, AddOnSettings, Objects
from infra.handle import ClusterHandle

_LABEL: Final = "rbac.authorization.kubeflow.org/aggregate-to-kubeflow"


def _objects(handle: ClusterHandle, _settings: AddOnSettings) -> list[dict[str, Any]]:
    """The roles of the add-ons that are there."""
    return roles(handle, prefix="profiles", label=_LABEL)


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
