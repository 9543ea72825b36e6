"""Kyverno: rules for what may be made in the cluster, as Kubernetes objects."""

from typing import Any, Final

from addons.spec import AddOn, AddOnSettings, Chart, Image, Ready, Values, Webhook
from infra.catalog import names
from infra.handle import ClusterHandle

_NAME: Final = "kyverno"
# renovate: datasource=docker depName=ghcr.io/kyverno/readiness-checker depType=follows
_APP: Final = "v1.19.0"
_PODS: Final = (
    "CronJob",
    "DaemonSet",
    "Deployment",
    "Job",
    "Pod",
    "ReplicaSet",
    "ReplicationController",
    "StatefulSet",
)
"""What rules for pods see: Kyverno derives those for the controllers of pods."""
_POLICIES: Final = (
    "ClusterPolicy",
    "DeletingPolicy",
    "GeneratingPolicy",
    "ImageValidatingPolicy",
    "MutatingPolicy",
    "NamespacedDeletingPolicy",
    "NamespacedGeneratingPolicy",
    "NamespacedImageValidatingPolicy",
    "NamespacedMutatingPolicy",
    "NamespacedValidatingPolicy",
    "Policy",
    "ValidatingPolicy",
)


def _values(_handle: ClusterHandle, _settings: AddOnSettings) -> Values:
    outside = [
        {
            "key": "kubernetes.io/metadata.name",
            "operator": "NotIn",
            "values": ["kube-node-lease", "kube-public", "kube-system"],
        },
        {"key": names.PLATFORM_LABEL, "operator": "DoesNotExist"},
    ]
    requests: dict[str, Any] = {"requests": {"cpu": "100m", "memory": "128Mi"}}
    return {
        # Whatever a policy says, Kyverno never stands before the pods of the platform.
        "config": {"webhooks": {"namespaceSelector": {"matchExpressions": outside}}},
        "admissionController": {
            "replicas": 3,
            "container": {"resources": {"requests": {"cpu": "100m", "memory": "256Mi"}}},
        },
        "backgroundController": {"resources": requests},
        "cleanupController": {"resources": requests},
        "reportsController": {"resources": requests},
        # Kubernetes' role `admin` does not take up policies: Kyverno acts for whoever wrote one, with its own rights.
        "rbac": {"roles": {"aggregate": {"admin": False}}},
    }


def _image(part: str, path: str) -> Image:
    return Image(reference=f"reg.kyverno.io/kyverno/{part}:{_APP}", registry=f"{path}.image.registry")


ADDON = AddOn(
    name=_NAME,
    group="policy",
    summary="rules for what may be made in the cluster, as Kubernetes objects",
    docs="https://kyverno.io/docs/",
    source=Chart(
        repo="https://kyverno.github.io/kyverno/",
        name=_NAME,
        # renovate: datasource=helm depName=kyverno registryUrl=https://kyverno.github.io/kyverno/
        version="3.9.0",
    ),
    settings=AddOnSettings,
    namespace=_NAME,
    create_namespace=True,
    values=_values,
    images=(
        _image("kyverno", "admissionController.container"),
        _image("kyvernopre", "admissionController.initContainer"),
        _image("background-controller", "backgroundController"),
        _image("cleanup-controller", "cleanupController"),
        _image("reports-controller", "reportsController"),
        _image("kyverno-cli", "crds.migration"),
        # Removes Kyverno's webhooks before Kyverno goes: they would refuse what nobody answers for any more.
        Image(reference=f"ghcr.io/kyverno/readiness-checker:{_APP}", registry="webhooksCleanup.image.registry"),
    ),
    needs=("coredns",),
    owns_crds=(
        "cleanuppolicies.kyverno.io",
        "clustercleanuppolicies.kyverno.io",
        "clusterephemeralreports.reports.kyverno.io",
        "clusterpolicies.kyverno.io",
        "clusterpolicyreports.wgpolicyk8s.io",
        "deletingpolicies.policies.kyverno.io",
        "ephemeralreports.reports.kyverno.io",
        "generatingpolicies.policies.kyverno.io",
        "globalcontextentries.kyverno.io",
        "imagevalidatingpolicies.policies.kyverno.io",
        "mutatingpolicies.policies.kyverno.io",
        "namespaceddeletingpolicies.policies.kyverno.io",
        "namespacedgeneratingpolicies.policies.kyverno.io",
        "namespacedimagevalidatingpolicies.policies.kyverno.io",
        "namespacedmutatingpolicies.policies.kyverno.io",
        "namespacedvalidatingpolicies.policies.kyverno.io",
        "policies.kyverno.io",
        "policyexceptions.kyverno.io",
        "policyexceptions.policies.kyverno.io",
        "policyreports.wgpolicyk8s.io",
        "updaterequests.kyverno.io",
        "validatingpolicies.policies.kyverno.io",
    ),
    # Kyverno makes them when it runs. Those for the objects of a policy follow the policy; ours say Ignore.
    webhooks=(
        Webhook(intercepts=frozenset(_POLICIES), failure_policy="Fail"),
        Webhook(intercepts=frozenset(_POLICIES), failure_policy="Fail"),
        Webhook(intercepts=frozenset({"PolicyException"}), failure_policy="Fail"),
        Webhook(intercepts=frozenset({"GlobalContextEntry"}), failure_policy="Fail"),
        Webhook(intercepts=frozenset({"CleanupPolicy", "ClusterCleanupPolicy"}), failure_policy="Fail"),
        Webhook(intercepts=frozenset(_PODS), failure_policy="Ignore", except_namespaces=frozenset({"kube-system"})),
    ),
    creates=frozenset({"Service"}),
    ready=(
        Ready(kind="Deployment", name="kyverno-admission-controller"),
        Ready(kind="Deployment", name="kyverno-background-controller"),
        Ready(kind="Deployment", name="kyverno-cleanup-controller"),
        Ready(kind="Deployment", name="kyverno-reports-controller"),
    ),
)
