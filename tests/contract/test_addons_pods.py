"""What the pods of add-ons ask for, and where they may run: each fits the node it is for, and reaches it."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from addons import registry
from addons.spec import Chart, EksAddon, Objects
from addons.values import values_of
from infra.catalog import instances, names
from tests.contract import charts, selections
from tests.contract.test_addons_catalogue import chart_of, each

CATALOGUE = registry.discover()
NODE = "m7i.large"
"""The smallest system node of the repository's stack files, where the controllers run."""
VM_SHARE = 0.925
"""Of an instance's memory, what its kernel sees at least (Karpenter's default vmMemoryOverheadPercent is 0.075)."""
EVICTION_MIB = 100
"""The kubelet's default for memory.available, its hard eviction threshold."""
CPU_RESERVED = 0.07
"""Of two cores (EKS AMI: 6 percent of the first, 1 percent of the second)."""
EKS_OWN = {"cpu": 0.35, "memory": 400.0}
"""What aws-node (with its network policy agent), kube-proxy and coredns ask for: EKS says so in their own manifests."""
UNITS = {"": 1.0, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def quantity(text: Any) -> float:
    """Kubernetes, "Quantity"."""
    found = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", str(text))
    assert found, text
    return float(found[1]) * UNITS[found[2]]


def asked(resources: Any, kind: str) -> float:
    """Cores or MiB that a container asks for; a limit alone counts as a request."""
    # Kyverno's `crds.migration.resources` is a list of kinds.
    given = resources if isinstance(resources, Mapping) else {}
    value = (given.get("requests") or {}).get(kind, (given.get("limits") or {}).get(kind))
    amount = quantity(value) if value is not None else 0.0
    return amount if kind == "cpu" else amount / 2**20


def at(values: Any, path: str) -> Any:
    for key in path.split("."):
        values = (values or {}).get(key) if isinstance(values, Mapping) else None
    return values


def requests(addon, values) -> dict[str, dict[str, float]]:
    """By `kind/name` of a chart's workloads, what one pod asks for with these values, as far as a value says so."""
    name = chart_of(addon)
    facts, whole = charts.chart_facts(name), charts.merged(charts.chart_values(name), values)
    found: dict[str, dict[str, float]] = {}
    effective = facts["value_paths"]["by_category"].get("resources", {}).get("effective", {})
    for path, containers in effective.items():
        for container in containers:
            pod = found.setdefault(container.partition(":")[0], {"cpu": 0.0, "memory": 0.0})
            for kind in pod:
                pod[kind] += asked(at(whole, path), kind)
    return found


def everywhere(addon, values) -> set[str]:
    """The DaemonSets of a chart that run on system nodes too: neither it nor the add-on narrows them to others."""
    facts, found = charts.chart_facts(chart_of(addon)), set[str]()
    for item in facts["workloads"]:
        name = f"{item['kind']}/{item['name']}"
        paths = facts["value_paths"]["by_workload"].get(name, {})
        narrowed = [at(values, path) for path in (*paths.get("node_selector", []), *paths.get("affinity", []))]
        selector = item.get("node_selector") or {}
        terms = item.get("node_affinity_required") or []
        chosen = bool(set(selector) - {"kubernetes.io/os"}) or any(" In " in each for term in terms for each in term)
        if item["kind"] == "DaemonSet" and not any(narrowed) and not chosen:
            found.add(name)
    return found


def workloads(addon) -> dict[str, str]:
    return {f"{item['kind']}/{item['name']}": item["kind"] for item in charts.chart_facts(chart_of(addon))["workloads"]}


def node() -> dict[str, float]:
    """What pods may ask for on the smallest system node."""
    instance = instances.instance_type(NODE)
    pods = instances.max_pods(instance, efa=False)
    memory = instance.memory_mib * VM_SHARE - instances.kube_reserved_memory_mib(pods) - EVICTION_MIB
    return {"cpu": instance.vcpus - CPU_RESERVED, "memory": memory}


@pytest.fixture(name="known")
def _known():
    yield from charts.resolver()


CHARTS = [addon for addon in CATALOGUE.values() if isinstance(addon.source, Chart)]
MANAGED = [addon for addon in CATALOGUE.values() if isinstance(addon.source, EksAddon) and chart_of(addon)]
OBJECTS = [addon for addon in CATALOGUE.values() if isinstance(addon.source, Objects)]


@charts.needs_reference
@pytest.mark.parametrize("addon", each(*CHARTS, *MANAGED))
def test_every_pod_fits_the_smallest_system_node(addon, known):
    room = node()
    for handle, settings in charts.cases(addon):
        for pod, asks in requests(addon, known(values_of(addon, settings, handle, {}))).items():
            for kind, amount in asks.items():
                assert amount <= room[kind] - EKS_OWN[kind], f"{pod} asks for {amount} {kind}"


@charts.needs_reference
@pytest.mark.parametrize(
    "chosen", [pytest.param(names_, id=str(i)) for i, names_ in enumerate(selections.covering(CATALOGUE))]
)
def test_the_daemonsets_of_all_together_leave_half_of_the_smallest_node(chosen, known):
    total = {"cpu": EKS_OWN["cpu"], "memory": EKS_OWN["memory"]}
    for name in chosen:
        addon = CATALOGUE[name]
        if not isinstance(addon.source, (Chart, EksAddon)) or not chart_of(addon):
            continue
        values = known(values_of(addon, addon.settings(), charts.fitting(addon)[0], {}))
        running = everywhere(addon, values)
        for pod, asks in requests(addon, values).items():
            if pod in running:
                total = {kind: total[kind] + asks[kind] for kind in total}
    for kind, amount in total.items():
        assert amount <= node()[kind] / 2, f"{amount} {kind} on every node"


@charts.needs_reference
@pytest.mark.parametrize("addon", each(*CHARTS))
def test_controllers_say_what_they_need(addon, known):
    """Without a request the scheduler counts a pod as nothing, and packs it with others until the node is full."""
    kinds = workloads(addon)
    values = known(values_of(addon, addon.settings(), charts.fitting(addon)[0], {}))
    silent = [
        pod
        for pod, asks in requests(addon, values).items()
        if kinds.get(pod) in ("Deployment", "StatefulSet") and not (asks["cpu"] and asks["memory"])
    ]
    assert silent == []


# Pod Security.

PRIVILEGED_LATER = {
    "gpu-operator": "the operator makes its DaemonSets when it runs",
    "velero": "the node agent, which a value turns on",
}
"""Who has privileged pods that the chart does not render by itself."""
BASELINE_CAPABILITIES = {
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
}
"""Kubernetes, "Pod Security Standards"."""


def beyond_baseline(name: str) -> bool:
    """Whether pods of a chart do what the standard baseline refuses."""
    pods = charts.chart_facts(name)["workloads"]
    return any(
        pod.get("host_paths")
        or pod.get("host_network")
        or pod.get("host_pid")
        or container.get("privileged") is True
        or set(container.get("capabilities_add", [])) - BASELINE_CAPABILITIES
        for pod in pods
        for container in pod["containers"]
    )


@charts.needs_reference
@pytest.mark.parametrize("addon", each(*(addon for addon in CHARTS if addon.create_namespace)))
def test_a_namespace_is_privileged_where_its_pods_are_and_nowhere_else(addon):
    """A standard that is too strict keeps the pods from coming, one that is too loose lets anybody's in."""
    there = [other for other in CHARTS if other.namespace == addon.namespace]
    expected = addon.name in PRIVILEGED_LATER or any(beyond_baseline(str(chart_of(other))) for other in there)
    assert (addon.pod_security == "privileged") is expected


@pytest.mark.parametrize("addon", each(*(addon for addon in CATALOGUE.values() if addon.privileged_with)))
def test_a_namespace_is_privileged_only_while_somebody_there_needs_it(addon):
    assert addon.standard({addon.name}) == "baseline"
    for name in addon.privileged_with:
        assert addon.standard({addon.name, name}) == "privileged"
        assert CATALOGUE[name].namespace == addon.namespace


# Objects of our own.


def pods_of(manifests):
    """Each manifest that makes pods, with the pods' spec."""
    for manifest in manifests:
        spec = manifest.get("spec") or {}
        if manifest["kind"] in ("DaemonSet", "Deployment", "StatefulSet", "Job"):
            yield manifest, spec["template"]["spec"]
        elif manifest["kind"] == "CronJob":
            yield manifest, spec["jobTemplate"]["spec"]["template"]["spec"]


def tolerates(spec: Mapping[str, Any], taint) -> bool:
    return any(
        toleration.get("effect") in (None, taint.effect)
        and toleration.get("key") in (None, taint.key)
        and (toleration.get("operator") == "Exists" or toleration.get("value") == taint.value)
        for toleration in spec.get("tolerations", [])
    )


def meant_for(spec: Mapping[str, Any], pool) -> bool:
    """Whether the pods' node selector and required affinity let them on nodes of this pool."""
    labels = {**pool.labels, "kubernetes.io/os": "linux", "kubernetes.io/arch": pool.arch}
    labels |= {names.ACCELERATOR_LABEL: pool.accelerator} if pool.accelerator else {}
    selected = all(labels.get(key) == value for key, value in spec.get("nodeSelector", {}).items())
    affinity = spec.get("affinity", {}).get("nodeAffinity", {})
    terms = affinity.get("requiredDuringSchedulingIgnoredDuringExecution", {}).get("nodeSelectorTerms")
    return selected and (terms is None or any(matches(term, labels) for term in terms))


def matches(term: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    return all(holds(each, labels) for each in term.get("matchExpressions", []))


def holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value = labels.get(expression["key"])
    match expression["operator"]:
        case "In":
            return value in expression["values"]
        case "NotIn":
            return value not in expression["values"]
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    raise AssertionError(expression)


@pytest.mark.parametrize("addon", each(*OBJECTS))
def test_daemonsets_of_objects_reach_the_nodes_they_are_for_and_nothing_else_goes_to_accelerators(addon, known):
    for handle, settings in charts.cases(addon):
        for manifest, spec in pods_of(known(addon.source.build(handle, settings))):
            accelerated = [pool for pool in handle.node_pools if pool.accelerator]
            chosen = [pool for pool in accelerated if meant_for(spec, pool)]
            selects = bool(spec.get("nodeSelector") or spec.get("affinity"))
            for pool in chosen if selects else []:
                for taint in pool.taints:
                    assert tolerates(spec, taint), f"{manifest['metadata']['name']} does not reach {pool.name}"
            if manifest["kind"] != "DaemonSet":
                reached = [pool for pool in chosen if all(tolerates(spec, taint) for taint in pool.taints)]
                assert not reached, f"{manifest['metadata']['name']} would run on {reached[0].name}"


@pytest.mark.parametrize("addon", each(*OBJECTS))
def test_pods_of_objects_say_what_they_need_and_fit(addon, known):
    room = node()
    for handle, settings in charts.cases(addon):
        for manifest, spec in pods_of(known(addon.source.build(handle, settings))):
            for kind in room:
                needs = [asked(container.get("resources"), kind) for container in spec["containers"]]
                assert all(needs), f"{manifest['metadata']['name']} asks for no {kind}"
                assert sum(needs) <= room[kind] - EKS_OWN[kind]
