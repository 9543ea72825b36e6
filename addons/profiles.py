"""Profiles: a namespace of Kubeflow for a person or a team, who may use it, and what its pods may do in AWS. Pure."""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

import pulumi
from pydantic import Field

from addons import argo, model_registry, pipelines, registry
from addons.iam import allow, policy
from addons.istio import USER_HEADER
from addons.kubeflow import (
    EDITOR,
    GATEWAY_PRINCIPAL,
    PIPELINES_PRINCIPAL,
    USE_AWS,
    USE_MLFLOW,
    USE_PIPELINES,
    USE_SHARED_MEMORY,
)
from addons.objects import namespace
from addons.s3 import corner, reading, through
from addons.spec import AddOnSettings, Identity
from addons.volumes import claim, volumes
from infra.handle import ClusterHandle, Storage
from infra.kubernetes import Email, Quantity, QuotaResource
from infra.model import Model
from infra.storage.settings import StorageSettings

OWN: Final = "profiles"
"""Below it, in the bucket for artifacts, a profile keeps what it likes: `profiles/<profile>/`."""

_ARGO: Final = "argo-workflows"
_PIPELINES: Final = "kubeflow-pipelines"
_MLFLOW: Final = "mlflow"
"""Add-ons that a profile has something for where they are there."""
_RBAC: Final = "rbac.authorization.k8s.io"
_TOKEN: Final = "/var/run/secrets/kubeflow/pipelines"  # noqa: S105  # a folder
_AUDIENCE: Final = "pipelines.kubeflow.org"
_TOKEN_SECONDS: Final = 7200
_JOINT: Final = "-"
"""In names of claims, as volumes' names hold no dot."""

_POD_SECURITY: Final = "baseline"
"""The notebooks' controller and Pipelines' steps say nothing of what `restricted` asks for."""

_NO_WAY_IN: Final = {"services.loadbalancers": "0", "count/ingresses.networking.k8s.io": "0"}
"""Kubeflow lets editors make what the load balancer controller makes a load balancer of, on the internet too, where
nobody is asked to log in. Source: Kubernetes, "Resource Quotas", object counts."""


class Profile(Model):
    """A namespace, and who works in it. People are named by the email address that they log in with, spelt alike."""

    owner: Email
    """Who may do everything in it and let others in."""
    contributors: tuple[Email, ...] = ()
    """Who may work in it too: start notebooks and runs, and open those of others."""
    viewers: tuple[Email, ...] = ()
    """Who may see what is in it, but open no notebook: code in one may do all that the profile may."""
    quota: Mapping[QuotaResource, Quantity] = Field(default_factory=dict)
    """What its pods and volumes may ask for together, as a ResourceQuota spells it, such as `requests.cpu: "64"`,
    `requests.nvidia.com/gpu: "4"` or `gp3.storageclass.storage.k8s.io/requests.storage: 2Ti`. Load balancers and
    Ingresses are none unless it names them, as `services.loadbalancers` and `count/ingresses.networking.k8s.io`."""


def namespace_labels() -> dict[str, str]:
    """The labels of a profile's namespace.

    Source: namespace-labels-kubeflow-pss.yaml of applications/dashboard/upstream/profile-controller in
    kubeflow/community-distribution 26.03.1.
    """
    return {
        "app.kubernetes.io/part-of": "kubeflow-profile",
        "katib.kubeflow.org/metrics-collector-injection": "enabled",
        "pipelines.kubeflow.org/enabled": "true",
        "pod-security.kubernetes.io/enforce": _POD_SECURITY,
        "serving.kubeflow.org/inferenceservice": "enabled",
    }


def objects(handle: ClusterHandle, name: str, profile: Profile) -> list[dict[str, Any]]:
    """What makes a profile.

    The controller leaves a namespace alone whose annotation names the profile's owner, and an account that is there;
    made here, both are there when something else is put beside them.

    Source: controllers/profile_controller.go of kubeflow/dashboard v2.0.0.
    """
    space = namespace(name, _POD_SECURITY, labels={**namespace_labels(), "istio-injection": "enabled"})
    space["metadata"]["annotations"] = {"owner": profile.owner}
    return [
        space,
        {
            "apiVersion": "kubeflow.org/v1",
            "kind": "Profile",
            "metadata": {"name": name},
            "spec": {
                "owner": {"kind": "User", "name": profile.owner},
                "resourceQuotaSpec": {"hard": {**_NO_WAY_IN, **profile.quota}},
            },
        },
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": EDITOR, "namespace": name}},
        *(item for user in dict.fromkeys(profile.contributors) for item in _contributor(name, user)),
        *(_role_binding(name, user, "view") for user in dict.fromkeys(profile.viewers)),
        *pod_defaults(handle, name),
        *(pipelines.profile_objects(handle, name) if _PIPELINES in handle.addons else []),
        *(model_registry.profile_objects(name) if model_registry.NAME in handle.addons else []),
        *volumes(handle, name, joint=_JOINT),
    ]


def _contributor(namespace: str, user: str) -> Iterator[dict[str, Any]]:
    """As the dashboard's page "Manage contributors" makes them, so that it shows them.

    Source: kfam/bindings.go of components/access-management in kubeflow/dashboard v2.0.0.
    """
    yield _role_binding(namespace, user, "edit")
    principals = [GATEWAY_PRINCIPAL, PIPELINES_PRINCIPAL]
    yield {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": _binding(namespace, user, "edit"),
        "spec": {
            "rules": [
                {
                    "from": [{"source": {"principals": principals}}],
                    "when": [{"key": f"request.headers[{USER_HEADER}]", "values": [user]}],
                }
            ]
        },
    }


def _role_binding(namespace: str, user: str, role: str) -> dict[str, Any]:
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": _binding(namespace, user, role),
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": f"kubeflow-{role}"},
        "subjects": [{"apiGroup": _RBAC, "kind": "User", "name": user}],
    }


def _binding(namespace: str, user: str, role: str) -> dict[str, Any]:
    return {
        "name": re.sub("[^a-z0-9]+", "-", f"user-{user}-clusterrole-{role}".lower()),
        "namespace": namespace,
        "annotations": {"user": user, "role": role},
    }


def maker_of(namespace: str) -> str | None:
    """The add-on that makes a namespace of this name, selected or not; None where there is none."""
    makers = [
        name for name, addon in registry.discover().items() if addon.create_namespace and addon.namespace == namespace
    ]
    return makers[0] if makers else None


def claims(storage: StorageSettings) -> list[str]:
    """The claims of the stack's file systems in each profile, where two may have one name."""
    return [
        *(claim("lustre", each.name) for each in storage.lustre),
        *(
            claim("efs", each.name, point, joint=_JOINT)
            for each in storage.efs
            for point in (*(point.name for point in each.access_points), *(() if each.access_points else (None,)))
        ),
    ]


def mounts(storage: Storage) -> dict[str, str]:
    """Where notebooks find the stack's file systems, by claim."""
    found = {claim("lustre", each.name): each.mount_path for each in storage.lustre}
    for efs in storage.efs:
        if not efs.access_points:
            found[claim("efs", efs.name)] = efs.mount_path
        for point in efs.access_points:
            found[claim("efs", efs.name, point, joint=_JOINT)] = f"{efs.mount_path}/{point}"
    return found


def pod_defaults(handle: ClusterHandle, namespace: str) -> Iterator[dict[str, Any]]:
    """What a pod of the profile is given when it asks for it, by a label or in the notebook's form."""
    yield _pod_default(
        namespace, USE_AWS, "AWS region, and where the stack's buckets are", {"env": _aws(handle, namespace)}
    )
    if _PIPELINES in handle.addons:
        token = {"audience": _AUDIENCE, "expirationSeconds": _TOKEN_SECONDS, "path": "token"}
        volume = {"name": "pipelines-token", "projected": {"sources": [{"serviceAccountToken": token}]}}
        yield _pod_default(
            namespace,
            USE_PIPELINES,
            "Start and watch pipelines",
            {
                "env": [{"name": "KF_PIPELINES_SA_TOKEN_PATH", "value": f"{_TOKEN}/token"}],
                "volumes": [volume],
                "volumeMounts": [{"name": "pipelines-token", "mountPath": _TOKEN, "readOnly": True}],
            },
        )
    if _MLFLOW in handle.addons:
        uri = "http://mlflow.mlflow.svc.cluster.local"
        yield _pod_default(
            namespace, USE_MLFLOW, "Record runs in MLflow", {"env": [{"name": "MLFLOW_TRACKING_URI", "value": uri}]}
        )
    # As the notebook's form makes it, which may have been asked as well.
    memory = {"name": "dshm", "emptyDir": {"medium": "Memory"}}
    yield _pod_default(
        namespace,
        USE_SHARED_MEMORY,
        "Shared memory between the processes of a pod, of its memory's size",
        {"volumes": [memory], "volumeMounts": [{"name": "dshm", "mountPath": "/dev/shm"}]},  # noqa: S108  # in the pod
    )


def _aws(handle: ClusterHandle, profile: str) -> list[dict[str, Any]]:
    buckets = handle.storage.buckets
    places = {"data": "", "artifacts": f"/{OWN}/{profile}", "models": f"/{profile}"}
    return [
        {"name": "AWS_REGION", "value": handle.region},
        {"name": "AWS_DEFAULT_REGION", "value": handle.region},
        *(
            {"name": f"S3_{role.upper()}", "value": pulumi.Output.concat("s3://", buckets[role].name, place)}
            for role, place in places.items()
            if role in buckets
        ),
    ]


def _pod_default(namespace: str, name: str, what: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "kubeflow.org/v1alpha1",
        "kind": "PodDefault",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"desc": what, "selector": {"matchLabels": {name: "true"}}, **spec},
    }


def identity(name: str) -> Identity[Any]:
    """What notebooks and steps of a profile may do in AWS."""
    return Identity(service_account=EDITOR, namespace=name, policy=partial(_policy, name))


def _policy(name: str, handle: ClusterHandle, _settings: AddOnSettings) -> dict[str, Any] | None:
    """Read data and models; read and write the profile's own place and those of its workflows; publish models.

    Source: Service Authorization Reference, Amazon S3.
    """
    buckets = handle.storage.buckets
    read = [buckets[role] for role in ("data", "models") if role in buckets]
    statements = []
    if read:
        keys = [bucket.key_arn for bucket in read if bucket.key_arn is not None]
        statements += [
            *reading(read),
            *([allow("kms:Decrypt", on=keys, when=through(handle.region))] if keys else []),
        ]
    places = [
        ("artifacts", f"{OWN}/{name}"),
        ("artifacts", pipelines.profile_prefix(name).rstrip("/")),
        ("models", name),
    ]
    if _ARGO in handle.addons:
        places.append(("artifacts", f"{argo.PREFIX}/{name}"))
    for role, place in places:
        if role in buckets:
            statements += corner(buckets[role], place, handle.region)
    return policy(*statements) if statements else None
