"""What pods ask for, which of them stays on a full node, and how many may go at once."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.around import Around
from policies.kubernetes import (
    DAEMON_SET,
    DEPLOYMENT,
    RELEASE,
    RUNTIMES,
    SERVING_RUNTIME,
    STATEFUL_SET,
    SYSTEM,
    WORKLOADS,
    brought,
    chart,
    containers,
    home,
    inside,
    kind,
    name,
    objects,
    peoples,
    pods,
    takes,
)
from policies.model import Fault, rule
from policies.values import Inputs
from slipway.plan.model import Resource

_ASKED: Final = ("cpu", "memory")


@rule(
    id="kubernetes-requests",
    severity="medium",
    title="Every container of the stack's own workloads requests cpu and memory, those that run first among them.",
    why="Nodes are made by what pods request: what requests nothing is put anywhere, and killed first there.",
    fix="say requests where the object is made in addons/catalog, or in the add-on's settings under addons.settings",
    source="https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/",
    key="addons",
    types=(*WORKLOADS, SERVING_RUNTIME, RELEASE),
)
def requests(inputs: Inputs, resource: Resource, _: Around) -> Iterator[Fault]:
    """A limit alone is taken for a request, and what the whole pod asks for counts too.

    What charts and upstream's manifests render is not seen. Of a chart's values those objects are judged that it
    installs as they are. Runtimes of training jobs are not: each job says what its containers get.
    """
    for each in objects(inputs, resource):
        for pod in pods(each):
            for container in containers(pod):
                if container.path.startswith(f"{pod.path}.ephemeralContainers."):
                    continue  # the API takes no resources there
                missing = [
                    what
                    for what in _ASKED
                    if not any(
                        each.has(f"resources.{kind}.{what}")
                        for each in (container, pod)
                        for kind in ("requests", "limits")
                    )
                ]
                if missing:
                    yield Fault(path=f"{container.path}.resources.requests", what=f"{' and '.join(missing)} missing")


_CLASS: Final = "kubernetes:scheduling.k8s.io/v1:PriorityClass"
_SYSTEM_CLASSES: Final = frozenset({"system-cluster-critical", "system-node-critical"})
_CRITICAL: Final = frozenset(
    {
        "aws-dranet",
        "aws-efa-k8s-device-plugin",
        "aws-load-balancer-controller",
        "aws-node-termination-handler",
        "cluster-autoscaler",
        "dcgm-exporter",
        "dra-driver-nvidia-gpu",
        "gpu-operator",
        "karpenter",
        "nvidia-device-plugin",
    }
)
"""Charts whose pods have a class of the system by default, and must keep it: without them nodes do not come, or have
no devices. Source: the charts' renderings at the catalogue's versions."""


@rule(
    id="kubernetes-priority-classes",
    severity="high",
    title=(
        "What nodes and the cluster live by has a system priority class, nothing of people's has one, and every class"
        " that is named exists."
    ),
    why="On a full node jobs push out the device plugin; and the API server refuses a pod of an unknown class.",
    fix=(
        "name system-node-critical or system-cluster-critical for the platform, and for people a class of the add-on"
        " priority-classes (addons.enable)"
    ),
    source="https://kubernetes.io/docs/tasks/administer-cluster/guaranteed-scheduling-critical-addon-pods/",
    key="addons",
    types=(*WORKLOADS, *RUNTIMES, RELEASE),
    scope="stack",
)
def priority_classes(inputs: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """Of objects: what is in kube-system, and DaemonSets that use their node. Of charts: what their values change."""
    known = around.once("kubernetes-priority-classes", lambda: _classes(around))
    if resource.type == RELEASE:
        critical = chart(inputs) in _CRITICAL
        for path, value in _priorities(inputs.at("values").value, "values"):
            if critical and value not in _SYSTEM_CLASSES:
                yield Fault(
                    path=path, what=f"{value or 'empty'}; it must be one of {', '.join(sorted(_SYSTEM_CLASSES))}"
                )
            elif value and value not in known:
                yield Fault(path=path, what=f"{value}; there is no such PriorityClass in the plan")
        return
    people = resource.type in RUNTIMES or home(inputs) in peoples(around)
    for pod in pods(inputs):
        path = f"{pod.path}.priorityClassName"
        value = str(pod.get("priorityClassName", ""))
        if people and value.startswith("system-"):
            yield Fault(path=path, what=f"{value}, in namespaces of people")
        elif value and value not in known:
            yield Fault(path=path, what=f"{value}; there is no such PriorityClass in the plan")
        elif value not in _SYSTEM_CLASSES and not people and _lived_by(inputs, pod, resource):
            yield Fault(path=path, what=f"{value or 'missing'}; it must be one of {', '.join(sorted(_SYSTEM_CLASSES))}")


def _classes(around: Around) -> frozenset[str | None]:
    return frozenset({*_SYSTEM_CLASSES, *(name(Inputs(each.inputs)) for each in around.plan.of_type(_CLASS))})


def _lived_by(inputs: Inputs, pod: Inputs, resource: Resource) -> bool:
    agent = resource.type == DAEMON_SET and any(each.has("hostPath") for each in pod.each("volumes"))
    return agent or home(inputs) == SYSTEM


def _priorities(value: Any, path: str) -> Iterator[tuple[str, Any]]:  # noqa: ANN401  # any wire value
    if isinstance(value, Mapping | list):
        for key, item in value.items() if isinstance(value, Mapping) else enumerate(value):
            if key == "priorityClassName" and isinstance(item, str | None):
                yield f"{path}.{key}", item
            else:
                yield from _priorities(item, f"{path}.{key}")


_BUDGET: Final = "kubernetes:policy/v1:PodDisruptionBudget"
_BUDGETS: Final = ("pdb", "podDisruptionBudget")
_SEVERAL: Final = ("replicas", "replicaCount", "autoscaleMin")
"""How charts call the number of pods, or the least that a scaler leaves."""
_ELSEWHERE: Final = {("keda", "values.metricsServer"): "values.podDisruptionBudget.metricServer"}
"""Where a chart has the budget of a part, if not beside its replicas."""
_UNLESS: Final = {
    "istiod": "values.global.defaultPodDisruptionBudget.enabled",
    "jupyterhub": "values.scheduling.userScheduler.pdb.enabled",
    "karpenter": "values.podDisruptionBudget",
    "opensearch": "values.maxUnavailable",
}
"""Charts that make one by default, and the value that says otherwise."""
_BY_ITSELF: Final = frozenset({"kyverno", "lws"})
"""kyverno makes one wherever it has replicas; lws offers none."""
_TWO_BY_DEFAULT: Final = frozenset({"aws-load-balancer-controller"})


@rule(
    id="kubernetes-pod-disruption-budgets",
    severity="medium",
    title=(
        "What has more than one replica has a PodDisruptionBudget that lets some of its pods go, in objects and in the"
        " values of charts that offer one."
    ),
    why="An upgrade of nodes drains all replicas at once, and a webhook without pods refuses everything; one that lets"
    " nobody go stops the upgrade.",
    fix="give it a budget with maxUnavailable 1, in the values of the chart or beside the object in addons/catalog",
    source="https://kubernetes.io/docs/tasks/run-application/configure-pdb/",
    key="addons",
    types=(RELEASE, DEPLOYMENT, STATEFUL_SET, _BUDGET),
    scope="stack",
)
def pod_disruption_budgets(inputs: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """In charts: beside each number of replicas in their values. What some do by default is known here."""
    if resource.type == RELEASE:
        yield from _of_chart(inputs)
    elif resource.type == _BUDGET:
        yield from _too_tight(inputs.at("spec"), None)
    else:
        replicas = inputs.get("spec.replicas", 1)
        labels = inputs.get("spec.template.metadata.labels", {})
        if not _more_than_one(replicas) or not isinstance(labels, Mapping):
            return
        near = [Inputs(each.inputs).at("spec") for each in inside(around, _BUDGET).get(home(inputs) or "", ())]
        covering = [each for each in near if takes(each.at("selector"), labels)]
        if not covering:
            yield Fault(path="spec.replicas", what=f"{replicas}, and no PodDisruptionBudget takes its pods")
        for each in covering:
            for fault in _too_tight(each, replicas):
                yield Fault(
                    path="spec.replicas", what=f"{replicas}; its PodDisruptionBudget lets none go: {fault.what}"
                )


def _of_chart(release: Inputs) -> Iterator[Fault]:
    called = chart(release)
    if called in _BY_ITSELF:
        return
    objects_too = any(kind(each) == "PodDisruptionBudget" for each in brought(release))
    for part, replicas in _parts(release.at("values"), called):
        budget = _budget(release, part, called)
        if budget is None:
            if not objects_too:
                yield Fault(path=part.path, what=f"{replicas} replicas, and no PodDisruptionBudget")
        else:
            yield from _too_tight(budget, replicas)


def _parts(values: Inputs, chart: str) -> Iterator[tuple[Inputs, int]]:
    """Parts of a chart with more than one pod, and how many."""
    if chart in _TWO_BY_DEFAULT and not any(values.has(key) for key in _SEVERAL):
        yield values, 2
    waiting = [values]
    while waiting:
        part = waiting.pop()
        least = [part.get(key) for key in _SEVERAL]
        if part.get("autoscaling.enabled", True):
            least.append(part.get("autoscaling.minReplicas"))
        several = [each for each in least if _more_than_one(each)]
        if several:
            yield part, max(several)
        waiting += [each for each in part.each() if isinstance(each.value, Mapping)]


def _more_than_one(value: Any) -> bool:  # noqa: ANN401  # any wire value
    return isinstance(value, int | float) and value > 1


def _budget(release: Inputs, part: Inputs, chart: str) -> Inputs | None:
    """The budget of a part, empty where the chart makes one by default; None where there is none."""
    beside = [part.at(key) for key in _BUDGETS if part.has(key)]
    if elsewhere := _ELSEWHERE.get((chart, part.path)):
        beside.append(release.at(elsewhere))
    for each in beside:
        on = isinstance(each.value, Mapping) and each.value and each.get("enabled", True) and each.get("enable", True)
        return each if on else None
    unless = _UNLESS.get(chart)
    if unless is None:
        return None
    said = release.at(unless).value
    return Inputs({}, unless) if said is None or said else None


def _too_tight(budget: Inputs, replicas: int | None) -> Iterator[Fault]:
    most, least = budget.get("maxUnavailable"), budget.get("minAvailable")
    if most in (0, "0", "0%"):
        yield Fault(path=f"{budget.path}.maxUnavailable", what=f"{most}; no node with one of its pods could be drained")
    if least == "100%" or (replicas is not None and isinstance(least, int) and least >= replicas):
        yield Fault(path=f"{budget.path}.minAvailable", what=f"{least}; no node with one of its pods could be drained")
