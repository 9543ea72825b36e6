"""Namespace defaults: what pods of a tenant's namespace may talk to, and which Pod Security Standard holds there."""

from collections import Counter
from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import Annotated, Any

from pydantic import AfterValidator

from addons.network_policies import (
    CLOSED,
    DNS,
    POD_IDENTITY,
    SAME_NAMESPACE,
    from_namespaces,
    https,
    network_policy,
    to_namespaces,
)
from addons.objects import namespace
from addons.spec import AddOn, AddOnSettings, Objects
from infra.handle import ClusterHandle, PodSecurity
from infra.kubernetes import BUILT_IN_NAMESPACES, Namespace
from infra.model import Model
from infra.surroundings import Surroundings


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
    openings = {
        "default-deny": CLOSED,
        "same-namespace": SAME_NAMESPACE,
        "dns": DNS,
        "pod-identity": POD_IDENTITY,
        "https": https(map(str, space.to_cidrs)),
        "from-namespaces": from_namespaces(space.from_namespaces),
        "to-namespaces": to_namespaces(space.to_namespaces),
    }
    for name, opening in openings.items():
        if opening is CLOSED or any(opening.values()):
            yield network_policy(space.name, name, opening)


def _problems(around: Surroundings, settings: NamespaceDefaultsSettings) -> Iterator[tuple[str, str]]:
    for index, space in enumerate(settings.namespaces):
        if space.create and space.name in around.tenants:
            yield f"namespaces[{index}]", f"{space.name} is a tenant, which has policies of its own; take it out"


ADDON = AddOn(
    name="namespace-defaults",
    group="policy",
    summary="tenants' namespaces: Pod Security labels, and network policies that deny what is not allowed",
    docs="https://kubernetes.io/docs/concepts/services-networking/network-policies/",
    source=Objects(build=_objects),
    settings=NamespaceDefaultsSettings,
    problems=_problems,
    needs=("vpc-cni",),
    # Whose namespaces it may be told to leave the making of.
    follows=("kubeflow-profiles", "tenants"),
)
