"""A baseline of Kyverno policies for people's pods: what they must not do to a node, and what they must say."""

from typing import Any, Final, Literal

from addons.spec import AddOn, AddOnSettings, Objects
from infra.catalog import names
from infra.handle import ClusterHandle
from infra.kubernetes import Namespace

_KUBERNETES: Final = ("kube-node-lease", "kube-public", "kube-system")


class KyvernoBaselineSettings(AddOnSettings):
    """Settings of the baseline."""

    action: Literal["Audit", "Enforce"] = "Audit"
    """Whether a pod that breaks a rule is reported (`kubectl get policyreports -A`) or refused."""

    except_namespaces: tuple[Namespace, ...] = ()
    """Namespaces that are left alone, besides those of Kubernetes and of the platform's add-ons."""


def _objects(_handle: ClusterHandle, settings: KyvernoBaselineSettings) -> list[dict[str, Any]]:
    requests = {"requests": {"cpu": "?*", "memory": "?*"}}
    rules: dict[str, dict[str, Any]] = {
        "pod-security": {
            "message": "Pods keep to the Pod Security Standard baseline.",
            "podSecurity": {"level": "baseline", "version": "latest"},
        },
        "require-requests": {
            "message": "Containers say what CPU and memory they request: nodes are made by it.",
            "pattern": {"spec": {"containers": [{"resources": requests}]}},
        },
        "require-image-tag": {
            "message": "Images have a tag other than latest, or a digest: a node that comes later runs the same one.",
            "foreach": [
                {
                    "list": "request.object.spec.[containers, initContainers, ephemeralContainers][]",
                    "anyPattern": [{"image": "*@sha256:*"}, {"image": "*:* & !*:latest"}],
                }
            ],
        },
    }
    return [_policy(name, validate, settings) for name, validate in rules.items()]


def _policy(name: str, validate: dict[str, Any], settings: KyvernoBaselineSettings) -> dict[str, Any]:
    """Kyverno's absence holds up nobody: what it did not see is found by the scan that follows."""
    platform = {"matchExpressions": [{"key": names.PLATFORM_LABEL, "operator": "Exists"}]}
    left_alone = [
        {"resources": {"namespaces": [*_KUBERNETES, *settings.except_namespaces]}},
        {"resources": {"namespaceSelector": platform}},
    ]
    return {
        "apiVersion": "kyverno.io/v1",
        "kind": "ClusterPolicy",
        "metadata": {"name": f"baseline-{name}"},
        "spec": {
            "background": True,
            "webhookConfiguration": {"failurePolicy": "Ignore"},
            "rules": [
                {
                    "name": name,
                    "match": {"any": [{"resources": {"kinds": ["Pod"]}}]},
                    "exclude": {"any": left_alone},
                    "validate": {"failureAction": settings.action, **validate},
                }
            ],
        },
    }


ADDON = AddOn(
    name="kyverno-baseline",
    group="policy",
    summary="a baseline for people's pods: Pod Security, requests, image tags; audited unless enforced",
    docs="https://kyverno.io/policies/",
    source=Objects(build=_objects),
    settings=KyvernoBaselineSettings,
    namespace="kyverno",
    needs=("kyverno",),
    creates=frozenset({"ClusterPolicy"}),
)
