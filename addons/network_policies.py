"""NetworkPolicies of people's namespaces: what their pods may talk to. Pure.

Policies add up: one that says nothing closes a namespace, and each opening opens something. They take effect where
`addons.settings.vpc-cni.networkPolicy` is set, and see neither EFA nor what a node does for a pod, such as mounting.

Openings name no ports of services: the VPC CNI compares a policy's ports with those of the Service and of the pod, and
lets through only where both are one. Source: EKS user guide, "Limit pod traffic with Kubernetes network policies".
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from addons import registry
from infra.handle import ClusterHandle

Opening = Mapping[str, Sequence[Mapping[str, Any]]]
"""Rules of a policy's spec: `ingress`, `egress` or both."""

_NAME: Final = "kubernetes.io/metadata.name"
"""The label of every namespace with its own name."""
_AGENT: Final = "169.254.170.23/32"
"""The EKS Pod Identity agent, from which pods get the credentials of their role."""
_CALLERS: Final = (
    "istio-ingressgateway",
    "katib",
    "knative-serving",
    "kserve-gateway",
    "kube-prometheus-stack",
    "kubeflow-notebooks",
    "kubeflow-pipelines",
    "kuberay-operator",
)
"""Add-ons whose pods call people's: the gateways bring requests, Knative holds them back and counts them, Katib asks
for the next trial, the notebooks' controller whether a notebook works, Prometheus for metrics, KubeRay how a job is."""
_CALLED: Final = (
    "feast-store",
    "istio-ingressgateway",
    "istiod",
    "katib",
    "kserve-gateway",
    "kubeflow-pipelines",
    "mlflow",
    "model-registry",
    "vllm",
)
"""Add-ons whose pods people's call: proxies get their configuration from istiod, trials give Katib their metrics."""

CLOSED: Final[Opening] = {"ingress": [], "egress": []}
"""Nothing is open."""
SAME_NAMESPACE: Final[Opening] = {
    # Workers of a job talk to each other on any port.
    "ingress": [{"from": [{"podSelector": {}}]}],
    "egress": [{"to": [{"podSelector": {}}]}],
}
DNS: Final[Opening] = {
    "egress": [
        {
            "to": [
                {
                    "namespaceSelector": {"matchLabels": {_NAME: "kube-system"}},
                    "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
                }
            ],
            "ports": [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")],
        }
    ]
}
POD_IDENTITY: Final[Opening] = {
    "egress": [{"to": [{"ipBlock": {"cidr": _AGENT}}], "ports": [{"protocol": "TCP", "port": 80}]}]
}


def https(cidrs: Iterable[str]) -> Opening:
    """To these addresses by HTTPS: AWS's endpoints, package registries, and the API server of the cluster."""
    blocks = [{"ipBlock": {"cidr": cidr}} for cidr in cidrs]
    return {"egress": [{"to": blocks, "ports": [{"protocol": "TCP", "port": 443}]}] if blocks else []}


def from_namespaces(names: Sequence[str]) -> Opening:
    """From all pods of these namespaces."""
    return {"ingress": [{"from": _spaces(names)}] if names else []}


def to_namespaces(names: Sequence[str]) -> Opening:
    """To all pods of these namespaces."""
    return {"egress": [{"to": _spaces(names)}] if names else []}


def callers(handle: ClusterHandle) -> list[str]:
    """The namespaces of the platform whose pods call people's."""
    return _homes(_CALLERS, handle)


def called(handle: ClusterHandle) -> list[str]:
    """The namespaces of the platform whose pods people's call."""
    return _homes(_CALLED, handle)


def network_policy(namespace: str, name: str, *openings: Opening) -> dict[str, Any]:
    """A policy for all pods of a namespace: it closes the directions that its openings name, but for what they open."""
    sides = [side for side in ("ingress", "egress") if any(side in opening for opening in openings)]
    rules = {side: [dict(rule) for opening in openings for rule in opening.get(side, ())] for side in sides}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "podSelector": {},
            "policyTypes": [side.capitalize() for side in sides],
            **{side: each for side, each in rules.items() if each},
        },
    }


def _homes(addons: Iterable[str], handle: ClusterHandle) -> list[str]:
    catalogue = registry.discover()
    return sorted({catalogue[name].namespace for name in addons if name in handle.addons})


def _spaces(names: Iterable[str]) -> list[dict[str, Any]]:
    return [{"namespaceSelector": {"matchLabels": {_NAME: name}}} for name in names]
