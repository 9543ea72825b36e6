"""Profiles: a namespace of Kubeflow for a person or a team, who may use it, and what its pods may do in AWS. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Final

from pydantic import Field

from addons import model_registry, pipelines, registry
from addons.iam import policy
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
from addons.places import Places
from addons.roles import role_binding, user
from addons.spec import AddOnSettings, Identity
from addons.volumes import claim, volumes
from infra.handle import ClusterHandle, PodSecurity, Storage
from infra.kubernetes import Email, Quantity, QuotaResource
from infra.model import Model
from infra.storage.settings import StorageSettings

OWN: Final = "profiles"
"""Below it, in the bucket for artifacts, a profile keeps what it likes: `profiles/<profile>/`."""

_PIPELINES: Final = "kubeflow-pipelines"
_MLFLOW: Final = "mlflow"
"""Add-ons that a profile has something for where they are there."""
_TOKEN: Final = "/var/run/secrets/kubeflow/pipelines"  # noqa: S105  # a folder
_AUDIENCE: Final = "pipelines.kubeflow.org"
_TOKEN_SECONDS: Final = 7200
JOINT: Final = "-"
"""In names of claims, as volumes' names hold no dot."""

_POD_SECURITY: Final[PodSecurity] = "baseline"
"""The notebooks' controller and Pipelines' steps say nothing of what `restricted` asks for."""

NO_WAY_IN: Final = {"services.loadbalancers": "0", "count/ingresses.networking.k8s.io": "0"}
"""Kubeflow lets editors make what the load balancer controller makes a load balancer of, on the internet too, where
nobody is asked to log in. Source: Kubernetes, "Resource Quotas", object counts."""

CLEANING_UP: Final = (
    "ack-ecr-controller",
    "ack-s3-controller",
    "ack-sagemaker-controller",
    "argo-workflows",
    "aws-load-balancer-controller",
    "external-secrets",
    "katib",
    "keda",
    "kserve-llmisvc-configs",
    "kserve-llmisvc-resources",
    "kserve-localmodel-resources",
    "kserve-resources",
    "kubeflow-pipelines",
    "kubeflow-trainer",
    "kuberay-operator",
    "kueue",
    "snapshot-controller",
    "spark-operator",
)
"""Controllers without which objects that people made would never go, nor the namespace with them: each lets its own go
by a finalizer."""


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


def namespace_labels(pod_security: PodSecurity = _POD_SECURITY) -> dict[str, str]:
    """The labels of a profile's namespace.

    Source: namespace-labels-kubeflow-pss.yaml of applications/dashboard/upstream/profile-controller in
    kubeflow/community-distribution 26.03.1.
    """
    return {
        "app.kubernetes.io/part-of": "kubeflow-profile",
        "katib.kubeflow.org/metrics-collector-injection": "enabled",
        "pipelines.kubeflow.org/enabled": "true",
        "pod-security.kubernetes.io/enforce": pod_security,
        "serving.kubeflow.org/inferenceservice": "enabled",
    }


def profile_namespace(name: str, owner: str, pod_security: PodSecurity = _POD_SECURITY) -> dict[str, Any]:
    """A namespace as the controller would make it.

    One that is there it takes where an annotation names the profile's owner. It becomes the owner, in the sense of
    Kubernetes' garbage collector, of what it makes alone: a namespace that was there stays when its profile goes.

    Source: controllers/profile_controller.go of kubeflow/dashboard v2.0.0, `Reconcile`.
    """
    space = namespace(name, pod_security, labels={**namespace_labels(pod_security), "istio-injection": "enabled"})
    space["metadata"]["annotations"] = {"owner": owner}
    return space


def account(name: str) -> dict[str, Any]:
    """The service account that people's pods run as. The controller takes one that is there."""
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": EDITOR, "namespace": name}}


def objects(handle: ClusterHandle, name: str, profile: Profile) -> list[dict[str, Any]]:
    """What makes a profile. The namespace and the account are there when something else is put beside them."""
    return [
        profile_namespace(name, profile.owner),
        account(name),
        *kubeflow_objects(
            handle,
            places(name),
            owner=profile.owner,
            contributors=profile.contributors,
            viewers=profile.viewers,
            quota=profile.quota,
        ),
        *volumes(handle, name, joint=JOINT),
    ]


def kubeflow_objects(
    handle: ClusterHandle,
    own: Places,
    *,
    owner: str,
    admins: Iterable[str] = (),
    contributors: Iterable[str] = (),
    viewers: Iterable[str] = (),
    quota: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """What makes a profile of a namespace, and the people's bindings in it.

    Args:
        handle: The cluster.
        own: The namespace, and its places in the buckets.
        owner: Whose profile it is.
        admins: Who may do what the owner may.
        contributors: Who may work in it.
        viewers: Who may look.
        quota: Of its pods and volumes together. None: the profile has none.
    """
    name = own.namespace
    limited = {} if quota is None else {"resourceQuotaSpec": {"hard": {**NO_WAY_IN, **quota}}}
    return [
        {
            "apiVersion": "kubeflow.org/v1",
            "kind": "Profile",
            "metadata": {"name": name},
            "spec": {"owner": {"kind": "User", "name": owner}, **limited},
        },
        *(item for each in dict.fromkeys(admins) for item in _contributor(name, each, "admin")),
        *(item for each in dict.fromkeys(contributors) for item in _contributor(name, each, "edit")),
        *(_binding(name, each, "view") for each in dict.fromkeys(viewers)),
        *pod_defaults(handle, own),
        *(pipelines.profile_objects(handle, name) if _PIPELINES in handle.addons else []),
        *(model_registry.profile_objects(name) if model_registry.NAME in handle.addons else []),
    ]


def _contributor(namespace: str, person: str, role: str) -> Iterator[dict[str, Any]]:
    """As the dashboard's page "Manage contributors" makes them, so that it shows them.

    Source: kfam/bindings.go of components/access-management in kubeflow/dashboard v2.0.0.
    """
    binding = _binding(namespace, person, role)
    yield binding
    principals = [GATEWAY_PRINCIPAL, PIPELINES_PRINCIPAL]
    yield {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": binding["metadata"],
        "spec": {
            "rules": [
                {
                    "from": [{"source": {"principals": principals}}],
                    "when": [{"key": f"request.headers[{USER_HEADER}]", "values": [person]}],
                }
            ]
        },
    }


def _binding(namespace: str, person: str, role: str) -> dict[str, Any]:
    noted = {"user": person, "role": role}
    return role_binding(namespace, binding_name(person, role), f"kubeflow-{role}", [user(person)], noted)


def binding_name(person: str, role: str) -> str:
    """As the dashboard names it: people whose addresses differ in signs alone have one name."""
    return re.sub("[^a-z0-9]+", "-", f"user-{person}-clusterrole-{role}".lower())


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
            claim("efs", each.name, point, joint=JOINT)
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
            found[claim("efs", efs.name, point, joint=JOINT)] = f"{efs.mount_path}/{point}"
    return found


def pod_defaults(handle: ClusterHandle, own: Places) -> Iterator[dict[str, Any]]:
    """What a pod of the profile is given when it asks for it, by a label or in the notebook's form."""
    namespace = own.namespace
    yield _pod_default(
        namespace, USE_AWS, "AWS region, and where the stack's buckets are", {"env": own.variables(handle)}
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


def _pod_default(namespace: str, name: str, what: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "kubeflow.org/v1alpha1",
        "kind": "PodDefault",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"desc": what, "selector": {"matchLabels": {name: "true"}}, **spec},
    }


def places(name: str) -> Places:
    """Where a profile keeps its files."""
    return Places(namespace=name, artifacts=f"{OWN}/{name}", models=name)


def identity(name: str) -> Identity[Any]:
    """What notebooks and steps of a profile may do in AWS."""
    return Identity(service_account=EDITOR, namespace=name, policy=partial(_policy, name))


def _policy(name: str, handle: ClusterHandle, _settings: AddOnSettings) -> dict[str, Any] | None:
    statements = places(name).statements(handle)
    return policy(*statements) if statements else None
