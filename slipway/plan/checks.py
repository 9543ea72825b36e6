"""Is the graph sound? Rules that hold for every plan of the program, whatever the stack file says."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from slipway import urns
from slipway.plan.graph import CycleError, needs, ordered
from slipway.plan.model import Plan, Resource
from slipway.wire import RESOURCE, SIGNATURE, Wire

_KUBERNETES_PROVIDER: Final = "pulumi:providers:kubernetes"
_CLUSTER: Final = "aws:eks/cluster:Cluster"
_OURS: Final = "slipway"


@dataclass(frozen=True, order=True)
class Finding:
    """One fault of a plan: the URN it is at, and what is wrong."""

    urn: str
    message: str

    def __str__(self) -> str:
        """One line: type, name and fault."""
        return f"{urns.type_of(self.urn)} {urns.name(self.urn)}: {self.message}"


def check(plan: Plan) -> tuple[Finding, ...]:
    """Every fault of the plan, by URN: nothing found means that the graph is sound."""
    rules = (_rings, _dangling, _default_provider, _kubernetes_elsewhere, _made_twice, _parentless)
    return tuple(sorted({finding for rule in rules for finding in rule(plan)}))


def _rings(plan: Plan) -> Iterator[Finding]:
    try:
        ordered(plan.resources)
    except CycleError as error:
        yield Finding(error.urns[0], str(error))


def _dangling(plan: Plan) -> Iterator[Finding]:
    """Every URN that a resource names is a resource of the plan."""
    for resource in plan:
        named = needs(resource) | set(_referred(resource.inputs)) | set(_referred(resource.outputs))
        for urn in sorted(named):
            if urn not in plan:
                yield Finding(resource.urn, f"refers to {urn}, which is not in the plan")


def _default_provider(plan: Plan) -> Iterator[Finding]:
    """A default provider works in the wrong region or account, or with whatever kubeconfig is at hand."""
    for resource in plan:
        needs_one = resource.custom and resource.package != "pulumi"
        if needs_one and not resource.provider:
            yield Finding(resource.urn, "has no explicit provider, so a default one would be used")


def _kubernetes_elsewhere(plan: Plan) -> Iterator[Finding]:
    """Kubernetes resources go to the cluster of this plan, through a provider that depends on it."""
    for resource in plan:
        if resource.package != "kubernetes" or not resource.custom or not resource.provider:
            continue
        provider = plan.get(resource.provider_urn)
        if provider is None or provider.type != _KUBERNETES_PROVIDER:
            yield Finding(resource.urn, f"its provider is {resource.provider_urn}, not a Kubernetes one")
        elif not _from_cluster(plan, provider):
            yield Finding(resource.urn, f"its provider {provider.name} is not made from the plan's cluster")


def _from_cluster(plan: Plan, provider: Resource) -> bool:
    """Whether the provider's kubeconfig comes from the cluster, or from the component that makes the cluster."""
    if not provider.inputs.get("kubeconfig"):
        return False
    sources = provider.property_dependencies.get("kubeconfig", ())
    found = [resource for urn in sources if (resource := plan.get(urn)) is not None]
    return any(
        resource.type == _CLUSTER or any(child.type == _CLUSTER for child in plan.children(resource))
        for resource in found
    )


def _made_twice(plan: Plan) -> Iterator[Finding]:
    """Whoever of two goes first takes the object from the other, and with a namespace all that lives in it."""
    first: dict[tuple[str, str, str, str], Resource] = {}
    for resource in plan:
        if resource.package != "kubernetes" or "kind" not in resource.inputs:
            continue
        meta, group = resource.inputs.get("metadata", {}), resource.inputs.get("apiVersion", "").rpartition("/")[0]
        key = (group, resource.inputs["kind"], meta.get("namespace", ""), meta.get("name", ""))
        other = first.setdefault(key, resource)
        if key[-1] and other is not resource:
            yield Finding(resource.urn, f"makes the {key[1]} {key[-1]}, as {urns.name(other.urn)} does")


def _parentless(plan: Plan) -> Iterator[Finding]:
    """Below the stack stand components and providers only; everything else has a component of ours above it."""
    for resource in plan:
        if not resource.parent:
            if resource.type != urns.STACK_TYPE:
                yield Finding(resource.urn, "has no parent")
            continue
        top = urns.type_of(resource.parent) == urns.STACK_TYPE
        component = not resource.custom and resource.package == _OURS
        if top and not component and resource.package != "pulumi":
            yield Finding(resource.urn, "stands directly below the stack instead of a component")


def _referred(value: Wire) -> Iterator[str]:
    """The URNs in the resource references of a value."""
    if isinstance(value, dict):
        if value.get(SIGNATURE) == RESOURCE:
            yield value["urn"]
            return
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _referred(item)
