"""Kubernetes objects as rules read them: whose a namespace is, what a selector takes, and the pods inside an object."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from infra.catalog import names
from policies.around import Around
from policies.values import Inputs, UnknownUntilUpError
from slipway.plan.model import Plan, Resource
from slipway.wire import UNKNOWN

NAMESPACE: Final = "kubernetes:core/v1:Namespace"
NETWORK_POLICY: Final = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
RELEASE: Final = "kubernetes:helm.sh/v3:Release"
SERVING_RUNTIME: Final = "kubernetes:serving.kserve.io/v1alpha1:ClusterServingRuntime"
TRAINING_RUNTIME: Final = "kubernetes:trainer.kubeflow.org/v1alpha1:ClusterTrainingRuntime"
RUNTIMES: Final = (SERVING_RUNTIME, TRAINING_RUNTIME)
"""Templates of pods that run in people's namespaces, whichever those are."""
STATEFUL_SET: Final = "kubernetes:apps/v1:StatefulSet"
DEPLOYMENT: Final = "kubernetes:apps/v1:Deployment"
DAEMON_SET: Final = "kubernetes:apps/v1:DaemonSet"
JOB: Final = "kubernetes:batch/v1:Job"
WORKLOADS: Final = (
    DAEMON_SET,
    DEPLOYMENT,
    "kubernetes:apps/v1:ReplicaSet",
    STATEFUL_SET,
    "kubernetes:batch/v1:CronJob",
    JOB,
    "kubernetes:core/v1:Pod",
)
"""What Kubernetes itself makes pods of."""
SYSTEM: Final = "kube-system"
_OWN_NAME: Final = "kubernetes.io/metadata.name"
"""The label of every namespace with its own name. Source: Kubernetes, "Well-Known Labels, Annotations and Taints"."""
_CONTAINERS: Final = ("initContainers", "containers", "ephemeralContainers")


def kind(inputs: Inputs) -> str | None:
    """The kind of an object, or of a value that may be one."""
    return text(inputs, "kind")


def name(inputs: Inputs) -> str | None:
    """The object's name; None where it is not known yet."""
    return text(inputs, "metadata.name")


def home(inputs: Inputs) -> str | None:
    """The namespace that an object is in; None where it is in none, or that is not known yet."""
    return text(inputs, "metadata.namespace")


def text(inputs: Inputs, path: str | tuple[str, ...]) -> str | None:
    """A text at a path; None where there is none, or it is not known yet: for what tells objects apart."""
    try:
        found = inputs.at(path).value
    except UnknownUntilUpError:
        return None
    return found if isinstance(found, str) and found != UNKNOWN else None


def chart(release: Inputs) -> str:
    """The name of a release's chart, without where it comes from; empty where it is not known yet."""
    return (text(release, "chart") or "").rpartition("/")[2]


def listed(inputs: Inputs, path: str) -> list[Any]:
    """The items of a list; none where there is no list.

    Raises:
        UnknownUntilUpError: It, or one of them, is unknown.
    """
    found = inputs.get(path)
    return found if isinstance(found, list) else []


def label(inputs: Inputs, key: str) -> Any:  # noqa: ANN401  # any wire value
    """A label of an object; None where it has none.

    Raises:
        UnknownUntilUpError: It, or all labels, are unknown.
    """
    return inputs.get(("metadata", "labels", key))


def tenant(inputs: Inputs) -> bool:
    """Whether a namespace is a tenant's."""
    return label(inputs, names.TENANT_LABEL) is not None


def platform(inputs: Inputs) -> bool:
    """Whether a namespace is an add-on's."""
    return label(inputs, names.PLATFORM_LABEL) is not None


def tenants(around: Around) -> Mapping[str, Resource]:
    """The namespaces of tenants, by name."""
    return around.once(("kubernetes", "tenants"), lambda: _spaces(around.plan, names.TENANT_LABEL))


def peoples(around: Around) -> Mapping[str, Resource]:
    """The namespaces that the stack makes for people, tenants' among them, by name."""

    def build() -> Mapping[str, Resource]:
        platforms = _spaces(around.plan, names.PLATFORM_LABEL)
        return {space: each for space, each in _spaces(around.plan).items() if space not in platforms}

    return around.once(("kubernetes", "peoples"), build)


def _spaces(plan: Plan, key: str | None = None) -> Mapping[str, Resource]:
    """Namespaces by name; only those with a label, where one is named."""
    found = {}
    for each in plan.of_type(NAMESPACE):
        inputs = Inputs(each.inputs)
        space = name(inputs)
        if space is not None and (key is None or text(inputs, ("metadata", "labels", key)) is not None):
            found[space] = each
    return found


def inside(around: Around, type_: str) -> Mapping[str, tuple[Resource, ...]]:
    """The objects of a type, by namespace."""

    def build() -> Mapping[str, tuple[Resource, ...]]:
        found: dict[str, list[Resource]] = {}
        for each in around.plan.of_type(type_):
            found.setdefault(home(Inputs(each.inputs)) or "", []).append(each)
        return {space: tuple(each) for space, each in found.items()}

    return around.once(("kubernetes", "inside", type_), build)


def takes(selector: Inputs, labels: Mapping[str, Any]) -> bool:
    """Whether a label selector takes what has these labels. An empty one takes everything.

    Raises:
        UnknownUntilUpError: Something in it is unknown.

    Source: Kubernetes API, `LabelSelector`: all requirements hold.
    """
    wanted = selector.get("matchLabels", {})
    if isinstance(wanted, Mapping) and any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_holds(each, labels) for each in selector.each("matchExpressions"))


def _holds(requirement: Inputs, labels: Mapping[str, Any]) -> bool:
    key, values = str(requirement.get("key")), listed(requirement, "values")
    match requirement.get("operator"):
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    return True


def reaches_system(selector: Inputs) -> bool:
    """Whether a selector of namespaces takes kube-system, whose labels are nobody's to change.

    Raises:
        UnknownUntilUpError: Something in it is unknown.
    """
    return takes(selector, {_OWN_NAME: SYSTEM})


def pods(inputs: Inputs) -> Iterator[Inputs]:
    """The spec of every pod in an object: of a pod itself, or of its templates.

    Raises:
        UnknownUntilUpError: Last of all, where a part that is unknown may hold one.
    """
    waiting, unknown = [inputs.at("spec")], None
    while waiting:
        here = waiting.pop()
        if here.value == UNKNOWN:
            unknown = unknown or here.path
        elif isinstance(here.value, Mapping) and "containers" in here.value:
            yield here
        else:
            waiting += [each for each in here.each() if isinstance(each.value, Mapping | list) or each.value == UNKNOWN]
    if unknown:
        raise UnknownUntilUpError(unknown)


def containers(pod: Inputs) -> Iterator[Inputs]:
    """The containers of a pod, those that run first among them.

    Raises:
        UnknownUntilUpError: A list of them is unknown.
    """
    for key in _CONTAINERS:
        for each in pod.each(key):
            if each.value == UNKNOWN:
                raise UnknownUntilUpError(each.path)
            yield each


def brought(release: Inputs) -> Iterator[Inputs]:
    """The objects that the values of a chart hold, which it installs as they are: `extraObjects`, or however it says.

    Raises:
        UnknownUntilUpError: The values are unknown.
    """
    for part in release.each("values"):
        if isinstance(part.value, list):
            yield from (each for each in part.each() if text(each, "apiVersion") and kind(each))


def objects(inputs: Inputs, resource: Resource) -> Iterator[Inputs]:
    """The object that a resource is, or those that a chart's values hold."""
    if resource.type == RELEASE:
        yield from brought(inputs)
    else:
        yield inputs
