"""Namespace defaults: what pods of a tenant's namespace may talk to, and which Pod Security Standard holds there."""

from collections import Counter
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network
from typing import Annotated, Any, Final

from pydantic import AfterValidator

from addons.objects import namespace
from addons.spec import AddOn, AddOnSettings, Objects
from infra.handle import ClusterHandle, PodSecurity
from infra.kubernetes import BUILT_IN_NAMESPACES, Namespace
from infra.model import Model

_NAME: Final = "kubernetes.io/metadata.name"
"""The label of every namespace with its own name."""
_AGENT: Final = "169.254.170.23/32"
"""The EKS Pod Identity agent, from which pods get the credentials of their role."""


def _of_tenants(name: str) -> str:
    if name == "kube-system":
        raise ValueError("the cluster's own pods are there, and would be cut off from the API server and from AWS")
    return name


class TenantNamespace(Model):
    """A namespace of people's pods."""

    name: Annotated[Namespace, AfterValidator(_of_tenants)]
    """Such as team-vision."""
    create: bool = True
    """Whether to make it. One that somebody else makes gets the network policies alone."""
    pod_security: PodSecurity = "baseline"
    """The Pod Security Standard that it enforces. GPUs and EFA need no more than baseline, which still allows shared
    memory by an emptyDir; a hostPath takes privileged."""
    from_namespaces: tuple[Namespace, ...] = ()
    """Namespaces whose pods may reach its pods, such as that of an ingress gateway or of Prometheus."""
    to_namespaces: tuple[Namespace, ...] = ()
    """Namespaces whose pods its pods may reach."""
    to_cidrs: tuple[IPv4Network, ...] = (IPv4Network("0.0.0.0/0"),)
    """Addresses outside of the cluster's pods that they may reach, by HTTPS: by default all, as AWS's endpoints and
    package registries have no fixed ones."""


def _once(spaces: tuple[TenantNamespace, ...]) -> tuple[TenantNamespace, ...]:
    twice = sorted(name for name, count in Counter(space.name for space in spaces).items() if count > 1)
    if twice:
        raise ValueError(f"{', '.join(twice)} more than once")
    return spaces


class NamespaceDefaultsSettings(AddOnSettings):
    """Settings of the namespace defaults. Network policies take effect with `addons.settings.vpc-cni.networkPolicy`."""

    namespaces: Annotated[tuple[TenantNamespace, ...], AfterValidator(_once)] = ()
    """Namespaces with defaults."""


def _objects(_handle: ClusterHandle, settings: NamespaceDefaultsSettings) -> list[dict[str, Any]]:
    return [item for space in settings.namespaces for item in _defaults(space)]


def _defaults(space: TenantNamespace) -> Iterator[dict[str, Any]]:
    """Policies add up: the first one closes everything, each other one opens something."""
    if space.create and space.name not in BUILT_IN_NAMESPACES:
        yield namespace(space.name, space.pod_security)
    yield _policy(space, "default-deny", ["Ingress", "Egress"], {})
    yield _policy(
        space,
        "same-namespace",
        ["Ingress", "Egress"],
        # Workers of a job talk to each other on any port.
        {"ingress": [{"from": [{"podSelector": {}}]}], "egress": [{"to": [{"podSelector": {}}]}]},
    )
    dns = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
    yield _policy(
        space,
        "dns",
        ["Egress"],
        {
            "egress": [
                {
                    "to": [{**_spaces(["kube-system"])[0], "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}],
                    "ports": dns,
                }
            ]
        },
    )
    agent = [{"ipBlock": {"cidr": _AGENT}}]
    yield _policy(
        space, "pod-identity", ["Egress"], {"egress": [{"to": agent, "ports": [{"protocol": "TCP", "port": 80}]}]}
    )
    if space.to_cidrs:
        outside = [{"ipBlock": {"cidr": str(cidr)}} for cidr in space.to_cidrs]
        https = [{"protocol": "TCP", "port": 443}]
        yield _policy(space, "https", ["Egress"], {"egress": [{"to": outside, "ports": https}]})
    if space.from_namespaces:
        yield _policy(space, "from-namespaces", ["Ingress"], {"ingress": [{"from": _spaces(space.from_namespaces)}]})
    if space.to_namespaces:
        yield _policy(space, "to-namespaces", ["Egress"], {"egress": [{"to": _spaces(space.to_namespaces)}]})


def _spaces(names: Sequence[str]) -> list[dict[str, Any]]:
    return [{"namespaceSelector": {"matchLabels": {_NAME: name}}} for name in names]


def _policy(space: TenantNamespace, name: str, types: list[str], rules: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": space.name},
        "spec": {"podSelector": {}, "policyTypes": types, **rules},
    }


ADDON = AddOn(
    name="namespace-defaults",
    group="policy",
    summary="tenants' namespaces: Pod Security labels, and network policies that deny what is not allowed",
    docs="https://kubernetes.io/docs/concepts/services-networking/network-policies/",
    source=Objects(build=_objects),
    settings=NamespaceDefaultsSettings,
    needs=("vpc-cni",),
    # Whose namespaces it may be told to leave the making of.
    follows=("kubeflow-profiles",),
)
