"""What stands before the API server, and before the internet."""

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import yaml

from policies.around import Around
from policies.kubernetes import RELEASE, chart, listed, name, reaches_system, text
from policies.model import Fault, rule
from policies.settings import matches
from policies.values import Inputs
from slipway.plan.model import Resource

_ADMISSION: Final = "kubernetes:admissionregistration.k8s.io/v1"
_MUTATING: Final = f"{_ADMISSION}:MutatingWebhookConfiguration"
_VALIDATING: Final = f"{_ADMISSION}:ValidatingWebhookConfiguration"
_POLICY: Final = f"{_ADMISSION}:ValidatingAdmissionPolicy"
_BINDING: Final = f"{_ADMISSION}:ValidatingAdmissionPolicyBinding"
_BUILT_IN: Final = frozenset(
    {
        *("*", "", "apps", "autoscaling", "batch", "coordination.k8s.io", "discovery.k8s.io", "networking.k8s.io"),
        *("policy", "rbac.authorization.k8s.io", "scheduling.k8s.io", "storage.k8s.io"),
    }
)
"""API groups of what kube-system lives by."""
_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@rule(
    id="kubernetes-webhooks",
    severity="critical",
    title=(
        "No admission webhook or policy that refuses when it fails acts on kube-system: in objects, and in the values"
        " of charts that say so."
    ),
    why="While its pods are down nothing in kube-system starts, DNS and the network of new nodes among it, nor they.",
    fix=(
        "give it a namespaceSelector that leaves out kube-system, or failurePolicy Ignore, where its add-on is made in"
        " addons/catalog; or take the add-on out by addons.disable"
    ),
    source=(
        "https://kubernetes.io/docs/concepts/cluster-administration/admission-webhooks-good-practices/"
        "#avoid-system-namespaces"
    ),
    key="addons",
    types=(_MUTATING, _VALIDATING, _BINDING, RELEASE),
    scope="stack",
)
def webhooks(inputs: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """Judged are webhooks that see kinds of Kubernetes' own; one that asks for a label of the object sees no others.

    Charts render most webhooks themselves. Those that values turn against kube-system are here by name.
    """
    if resource.type == RELEASE:
        judge = _CHARTS.get(chart(inputs))
        if judge:
            yield from judge(inputs.at("values"))
    elif resource.type == _BINDING:
        yield from _binding(inputs, around)
    else:
        for each in inputs.each("webhooks"):
            refuses = each.get("failurePolicy", "Fail") == "Fail"
            if refuses and _sees_built_in(each.each("rules")) and _not_kept_out(each):
                yield Fault(path=each.path, what="failurePolicy Fail, and it acts on kube-system")


def _sees_built_in(rules: Iterator[Inputs]) -> bool:
    return any(
        each.get("scope", "*") != "Cluster" and any(str(group) in _BUILT_IN for group in listed(each, "apiGroups"))
        for each in rules
    )


def _not_kept_out(holder: Inputs) -> bool:
    """Whether selectors let it see what is in kube-system. Nothing there has labels of others' making."""
    return reaches_system(holder.at("namespaceSelector")) and _takes_unlabelled(holder.at("objectSelector"))


def _takes_unlabelled(selector: Inputs) -> bool:
    asked = (each.get("operator") for each in selector.each("matchExpressions"))
    return not selector.get("matchLabels") and not any(each in ("In", "Exists") for each in asked)


def _binding(binding: Inputs, around: Around) -> Iterator[Fault]:
    if "Deny" not in listed(binding, "spec.validationActions"):
        return
    policies = around.once("kubernetes-webhooks", lambda: _policies(around))
    policy = policies.get(text(binding, "spec.policyName"))
    holders = [binding.at("spec.matchResources")]
    if policy is not None:
        matched = policy.at("spec.matchConstraints")
        if not _sees_built_in(matched.each("resourceRules")):
            return
        holders.append(matched)
    if all(_not_kept_out(each) for each in holders):
        yield Fault(path="spec.matchResources", what="it denies, and it acts on kube-system")


def _policies(around: Around) -> Mapping[str | None, Inputs]:
    return {name(Inputs(each.inputs)): Inputs(each.inputs) for each in around.plan.of_type(_POLICY)}


def _kyverno(values: Inputs) -> Iterator[Fault]:
    """By default it leaves out kube-system; what is given replaces that."""
    path = "config.webhooks.namespaceSelector"
    if values.has(path) and reaches_system(values.at(path)):
        yield Fault(path=f"{values.path}.{path}", what="it takes kube-system")


def _kueue(values: Inputs) -> Iterator[Fault]:
    """By default it leaves out kube-system; what is given is copied into its webhooks."""
    path = "managerConfig.controllerManagerConfigYaml"
    document = values.get(path)
    found = _parsed(document) if isinstance(document, str) else None
    selector = found.get("managedJobsNamespaceSelector") if isinstance(found, Mapping) else None
    if selector is not None and reaches_system(Inputs(selector)):
        yield Fault(path=f"{values.path}.{path}", what="its managedJobsNamespaceSelector takes kube-system")


@functools.lru_cache(maxsize=64)
def _parsed(document: str) -> Any:  # noqa: ANN401  # any YAML
    try:
        return yaml.load(document, _Loader)  # noqa: S506  # a safe one
    except (yaml.YAMLError, ValueError, RecursionError):
        return None


def _load_balancer_controller(values: Inputs) -> Iterator[Fault]:
    """Its webhooks see every Service and every Ingress, and by default they refuse."""
    mutates = values.get("enableServiceMutatorWebhook", True)
    if mutates and values.get("serviceMutatorWebhookConfig.failurePolicy", "Fail") == "Fail":
        yield Fault(path=f"{values.path}.enableServiceMutatorWebhook", what="on, and refuses Services of kube-system")
    checks = not values.get("webhookConfig.disableIngressValidation", False)
    # The chart spells it so.
    path = "webhookConfig.ingressValdationFailurePolicy"
    if checks and values.get(path, "Fail") == "Fail":
        yield Fault(path=f"{values.path}.{path}", what="Fail, and it refuses Ingresses of kube-system")


def _ignores(*paths: str) -> Callable[[Inputs], Iterator[Fault]]:
    """Of charts whose webhooks see all pods and ignore failures unless told otherwise."""

    def judge(values: Inputs) -> Iterator[Fault]:
        for path in paths:
            if values.get(path, "Ignore") == "Fail":
                yield Fault(path=f"{values.path}.{path}", what="Fail, and it acts on the pods of kube-system")

    return judge


_CHARTS: Final[Mapping[str, Callable[[Inputs], Iterator[Fault]]]] = {
    "aws-load-balancer-controller": _load_balancer_controller,
    "hami": _ignores("scheduler.admissionWebhook.failurePolicy"),
    "kueue": _kueue,
    "kyverno": _kyverno,
}
"""Source: the charts' renderings at the catalogue's versions, each value set by itself."""

_SERVICE: Final = "kubernetes:core/v1:Service"
_INGRESS: Final = "kubernetes:networking.k8s.io/v1:Ingress"
_SCHEMES: Final = (
    "kubernetes:eks.amazonaws.com/v1:IngressClassParams",
    "kubernetes:elbv2.k8s.aws/v1beta1:IngressClassParams",
    "kubernetes:gateway.k8s.aws/v1:LoadBalancerConfiguration",
    "kubernetes:gateway.k8s.aws/v1beta1:LoadBalancerConfiguration",
)
"""Kinds of the AWS Load Balancer Controller, and of EKS Auto Mode, with a scheme for load balancers of others."""
_GATEWAYS: Final = (
    "kubernetes:gateway.networking.k8s.io/v1:Gateway",
    "kubernetes:gateway.networking.k8s.io/v1beta1:Gateway",
)
_AWS: Final = (
    "aws:alb/loadBalancer:LoadBalancer",
    "aws:elb/loadBalancer:LoadBalancer",
    "aws:lb/loadBalancer:LoadBalancer",
)
_SCHEME: Final = "service.beta.kubernetes.io/aws-load-balancer-scheme"
_INTERNAL: Final = "service.beta.kubernetes.io/aws-load-balancer-internal"
_INGRESS_SCHEME: Final = "alb.ingress.kubernetes.io/scheme"
_FACING: Final = "internet-facing"
_ISTIO_SERVICE: Final = "networking.istio.io/service-type"
_BY_DEFAULT: Final = {"gateway": "values.service", "jupyterhub": "values.proxy.service"}
"""Charts that make a Service of type LoadBalancer unless told otherwise, and where. Source: their values."""


@rule(
    id="kubernetes-load-balancers",
    severity="critical",
    title=(
        "Load balancers are internal, of AWS, of Services, Ingresses and Gateways, and where charts' values ask for"
        " one; but for those that policies.publicLoadBalancers names."
    ),
    why="A notebook, a dashboard or a model that nobody meant to publish answers to the whole internet.",
    fix="set edge.loadBalancer.internal to true; or name it in policies.publicLoadBalancers where it is meant so",
    source="https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/service/nlb/",
    key="edge",
    types=(*_AWS, _SERVICE, _INGRESS, *_SCHEMES, *_GATEWAYS, RELEASE),
)
def load_balancers(inputs: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """AWS's default is public, and that of Kubernetes' own controller, so an internal one says that it is."""
    if any(matches(resource.name, each) for each in around.environment.policies.public_load_balancers):
        return
    if resource.type in _AWS:
        if inputs.get("internal", False) is not True:
            yield Fault(path="internal", what="false, so it faces the internet")
    elif resource.type == _SERVICE:
        if inputs.get("spec.type") == "LoadBalancer":
            yield from _public(inputs.at("metadata.annotations"))
    elif resource.type == _INGRESS:
        if inputs.get(("metadata", "annotations", _INGRESS_SCHEME)) == _FACING:
            yield Fault(path=f"metadata.annotations.{_INGRESS_SCHEME}", what=f"{_FACING}; it must be internal")
    elif resource.type in _SCHEMES:
        if inputs.get("spec.scheme") == _FACING:
            yield Fault(path="spec.scheme", what=f"{_FACING}; it must be internal")
    elif resource.type in _GATEWAYS:
        yield from _gateway(inputs)
    else:
        yield from _in_values(inputs)


def _public(annotations: Inputs) -> Iterator[Fault]:
    scheme = annotations.get((_SCHEME,))
    internal = str(annotations.get((_INTERNAL,), "")).lower() == "true"
    if scheme is None and internal:
        return
    if scheme != "internal":
        path = f"{annotations.path}.{_SCHEME}"
        yield Fault(path=path, what=f"{scheme or 'missing'} on a Service of type LoadBalancer; it must be internal")


def _gateway(gateway: Inputs) -> Iterator[Fault]:
    """Istio makes a Service of type LoadBalancer for a Gateway of its class. Source: its "Kubernetes Gateway API"."""
    if gateway.get("spec.gatewayClassName") != "istio":
        return
    kinds = [gateway.get(("metadata", "annotations", _ISTIO_SERVICE))]
    kinds.append(gateway.get(("spec", "infrastructure", "annotations", _ISTIO_SERVICE)))
    if any(each not in (None, "LoadBalancer") for each in kinds):
        return
    said = gateway.at("spec.infrastructure.annotations")
    yield from _public(said if said.value is not None else gateway.at("metadata.annotations"))


def _in_values(release: Inputs) -> Iterator[Fault]:
    default = _BY_DEFAULT.get(chart(release))
    if default and release.get(f"{default}.type") is None:
        yield from _public(release.at(f"{default}.annotations"))
    waiting = [release.at("values")]
    while waiting:
        part = waiting.pop()
        if text(part, "kind") == "Service":
            if part.get("spec.type") == "LoadBalancer":
                yield from _public(part.at("metadata.annotations"))
            continue
        if any(part.get(key) == "LoadBalancer" for key in ("type", "serviceType")):
            key = "serviceAnnotations" if part.has("serviceAnnotations") else "annotations"
            yield from _public(part.at(key))
        elif part.at((_INGRESS_SCHEME,)).value == _FACING:
            yield Fault(path=f"{part.path}.{_INGRESS_SCHEME}", what=f"{_FACING}; it must be internal")
        waiting += [each for each in part.each() if isinstance(each.value, Mapping | list)]
