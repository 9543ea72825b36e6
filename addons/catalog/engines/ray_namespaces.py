"""Namespaces for Ray: in each an account for the pods of Ray clusters, with a role on the stack's buckets."""

from functools import partial
from typing import Any, Final

from addons.jobs import JobSettings, accounts, identity, others, problems
from addons.objects import namespace
from addons.spec import AddOn, Identity, Objects
from infra.handle import ClusterHandle

_NAMESPACE: Final = "ray"
_ACCOUNT: Final = "ray"
_PREFIX: Final = "ray"


class RayNamespacesSettings(JobSettings):
    """Where Ray clusters may run as the account `ray`, besides the namespace `ray`."""


def _objects(_handle: ClusterHandle, settings: RayNamespacesSettings) -> list[dict[str, Any]]:
    """No role: the operator gives the account of a head what its autoscaler needs."""
    own = namespace(_NAMESPACE, "baseline")
    return [own, *accounts(_ACCOUNT, (_NAMESPACE, *others(settings, _NAMESPACE)), ())]


def _identities(_handle: ClusterHandle, settings: RayNamespacesSettings) -> list[Identity[Any]]:
    return [identity(_ACCOUNT, place, _PREFIX) for place in others(settings, _NAMESPACE)]


ADDON = AddOn(
    name="ray-namespaces",
    group="engines",
    summary="namespaces for Ray, with an account that may use the stack's buckets",
    docs="https://docs.ray.io/en/latest/cluster/kubernetes/user-guides.html",
    source=Objects(build=_objects),
    settings=RayNamespacesSettings,
    presets=("full",),
    namespace="kuberay-operator",
    identities=(identity(_ACCOUNT, _NAMESPACE, _PREFIX),),
    identities_of=_identities,
    problems=partial(problems, _NAMESPACE),
    needs=("kuberay-operator",),
    follows=("kubeflow-profiles", "namespace-defaults", "tenants"),
    creates=frozenset({"Namespace", "ServiceAccount"}),
)
