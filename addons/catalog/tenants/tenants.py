"""Tenants of the stack file: namespaces with their people, quotas, network policies, volumes and permissions in AWS."""

from typing import Any, Final

from addons import tenants
from addons.guards import guards
from addons.profiles import CLEANING_UP
from addons.roles import OF_KUBERNETES, roles
from addons.spec import AddOn, Identity, Objects
from addons.tenants import TenantsSettings
from infra.handle import ClusterHandle

_HOME: Final = "kube-system"


def _objects(handle: ClusterHandle, settings: TenantsSettings) -> list[dict[str, Any]]:
    made = [item for tenant in handle.tenants for item in tenants.objects(handle, tenant, settings)]
    people = [] if tenants.DASHBOARD in handle.addons else roles(handle, prefix="tenants", label=OF_KUBERNETES)
    return [*made, *people, *guards(lone_pods=settings.lone_pods), _list(handle)] if handle.tenants else []


def _list(handle: ClusterHandle) -> dict[str, Any]:
    """Who there is, once all of it is there: what others wait for."""
    data = {"tenants": "".join(f"{tenant.name}\n" for tenant in handle.tenants)}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": tenants.ADDON, "namespace": _HOME},
        "data": data,
    }


def _identities(handle: ClusterHandle, _settings: TenantsSettings) -> list[Identity[Any]]:
    return [tenants.identity(tenant) for tenant in handle.tenants]


def _applies(handle: ClusterHandle) -> str | None:
    return None if handle.tenants else "the stack has no tenants"


ADDON = AddOn(
    name=tenants.ADDON,
    group="tenants",
    summary="tenants: namespaces with their people, quotas, network policies, volumes and permissions in AWS",
    docs="https://kubernetes.io/docs/concepts/security/multi-tenancy/",
    source=Objects(build=_objects, gate=True),
    settings=TenantsSettings,
    presets=("minimal",),
    applies=_applies,
    namespace=_HOME,
    identities_of=_identities,
    # The drivers go after them: they take down what people's claims made.
    follows=(
        "aws-ebs-csi-driver",
        "aws-efs-csi-driver",
        "aws-fsx-csi-driver",
        "istio-base",
        "istiod",
        "kai-queues",
        "kubeflow",
        "kubeflow-dashboard",
        # Kueue keeps a queue until no job has any of its quotas, and jobs go with their namespace.
        "kueue-queues",
        "multikueue",
        "tenant-directories",
        "volcano-queues",
        "vpc-cni",
        *CLEANING_UP,
    ),
    creates=frozenset(
        {
            "AuthorizationPolicy",
            "ClusterRole",
            "ClusterRoleBinding",
            "ConfigMap",
            "LimitRange",
            "Namespace",
            "NetworkPolicy",
            "PersistentVolume",
            "PersistentVolumeClaim",
            "PodDefault",
            "Profile",
            "ResourceQuota",
            "RoleBinding",
            "Service",
            "ServiceAccount",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
            "VirtualService",
        }
    ),
)
