"""Kueue's chart and custom resources as its makers have them: the configuration, the webhooks, and the CRDs' own rules.

`test_addons_catalogue` holds every object against its CRD. CEL rules and what only the webhooks check are said again
here, from ../shared/reference/kueue/crds and pkg/webhooks of kubernetes-sigs/kueue v0.19.2.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from addons import kueue, registry
from addons.spec import AddOnSettings, Manifest
from infra.handle import ClusterHandle
from tests.contract import charts
from tests.contract.charts import cases

CATALOGUE = registry.discover()
CRDS = charts.REFERENCE / "kueue" / "crds"
ADDONS = [CATALOGUE[name] for name in ("kueue-queues", "kueue-local-queues")]
POLICIES = {"Never", "LowerPriority", "Any", "LowerOrNewerEqualPriority"}


def schema(plural: str, path: str) -> Mapping[str, Any]:
    """Part of a CRD's v1beta2 schema, such as `spec.levels`."""
    crd = yaml.safe_load((CRDS / f"kueue.x-k8s.io_{plural}.yaml").read_text())
    (version,) = (each for each in crd["spec"]["versions"] if each["name"] == "v1beta2")
    found = version["schema"]["openAPIV3Schema"]
    for key in path.split("."):
        found = found["items"] if key == "[]" else found["properties"][key]
    return dict(found)


def faults(made: Mapping[str, Any]) -> Iterator[str]:
    """What the API server's CEL rules and Kueue's webhooks would refuse."""
    spec = made.get("spec", {})
    match made["kind"]:
        case "ResourceFlavor":
            if "topologyName" in spec and not spec["nodeLabels"]:
                yield "a topology needs a node label"
            if {each["effect"] for each in spec.get("nodeTaints", ())} - {
                "NoSchedule",
                "PreferNoSchedule",
                "NoExecute",
            }:
                yield "effect"
            if any(key.startswith("kueue.x-k8s.io/") for key in spec["nodeLabels"]):
                yield "label"
        case "Topology":
            labels = [level["nodeLabel"] for level in spec["levels"]]
            if len(set(labels)) < len(labels) or "kubernetes.io/hostname" in labels[:-1]:
                yield "levels"
        case "ClusterQueue" | "Cohort":
            yield from quota_faults(spec, has_parent=bool(spec.get("cohortName")))
            preemption = spec.get("preemption", {})
            borrows = preemption.get("borrowWithinCohort", {}).get("policy", "Never")
            if preemption.get("reclaimWithinCohort") == "Never" and borrows != "Never":
                yield "reclaimWithinCohort is Never, and borrowWithinCohort is not"
            checks = spec.get("admissionChecksStrategy", {}).get("admissionChecks", ())
            there = {flavor["name"] for group in spec["resourceGroups"] for flavor in group["flavors"]}
            if any(not set(check["onFlavors"]) <= there or not check["onFlavors"] for check in checks):
                yield "a check of a flavour that is not the queue's, or of all"


def quota_faults(spec: Mapping[str, Any], *, has_parent: bool) -> Iterator[str]:
    seen: list[str] = []
    for group in spec["resourceGroups"]:
        for flavor in group["flavors"]:
            if [each["name"] for each in flavor["resources"]] != group["coveredResources"]:
                yield "must match the name in coveredResources"
            for each in flavor["resources"]:
                if not has_parent and {"borrowingLimit", "lendingLimit"} & set(each):
                    yield "limits without a cohort"
                if amount(each.get("lendingLimit", "0")) > amount(each["nominalQuota"]):
                    yield "lendingLimit must be less than or equal to the nominalQuota"
            seen.append(flavor["name"])
        if sum(len(flavor["resources"]) for flavor in group["flavors"]) > 512:
            yield "number of flavor-resource combinations in a resourceGroup must be at most 512"
    if len(set(seen)) < len(seen):
        yield "a flavour twice"


def amount(text: str) -> float:
    match = re.fullmatch(r"(\d+)(m|k|M|G|T|Mi|Gi|Ti|Pi)?", text)
    assert match, text
    scales = {"m": 0.001, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50}
    return int(match[1]) * scales.get(match[2], 1)


@pytest.fixture(autouse=True)
def _known():
    yield from charts.resolver()


def everything() -> Iterator[tuple[ClusterHandle, AddOnSettings, Any]]:
    for addon in ADDONS:
        for handle, settings in cases(addon):
            yield handle, settings, addon


def test_the_objects_keep_the_rules_that_a_schema_cannot_say():
    seen = set()
    for handle, settings, addon in everything():
        for made in addon.source.build(handle, settings):
            assert list(faults(made)) == [], made
            seen.add(made["kind"])
    assert seen >= {"Cohort", "ClusterQueue", "LocalQueue", "ResourceFlavor", "Topology", "ProvisioningRequestConfig"}


SPOILT: list[tuple[str, dict[str, Any]]] = [
    ("Topology", {"levels": [{"nodeLabel": "kubernetes.io/hostname"}, {"nodeLabel": "a"}]}),
    ("ResourceFlavor", {"nodeLabels": {}, "topologyName": "zone-host"}),
    (
        "ClusterQueue",
        {
            "resourceGroups": [
                {
                    "coveredResources": ["cpu"],
                    "flavors": [
                        {"name": "a", "resources": [{"name": "cpu", "nominalQuota": "1", "borrowingLimit": "1"}]}
                    ],
                }
            ]
        },
    ),
    (
        "ClusterQueue",
        {
            "cohortName": "x",
            "resourceGroups": [
                {
                    "coveredResources": ["cpu"],
                    "flavors": [
                        {"name": "a", "resources": [{"name": "cpu", "nominalQuota": "1500m", "lendingLimit": "2"}]}
                    ],
                }
            ],
        },
    ),
    (
        "ClusterQueue",
        {
            "resourceGroups": [],
            "preemption": {"reclaimWithinCohort": "Never", "borrowWithinCohort": {"policy": "LowerPriority"}},
        },
    ),
]


@pytest.mark.parametrize(("kind", "spec"), SPOILT)
def test_the_rules_find_what_is_wrong(kind, spec):
    assert list(faults({"kind": kind, "spec": spec}))


@charts.needs_reference
def test_the_limits_are_the_crds():
    groups = "spec.resourceGroups.[].flavors"
    assert kueue.MOST_FLAVORS == schema("clusterqueues", groups)["maxItems"] == schema("cohorts", groups)["maxItems"]
    assert schema("resourceflavors", "spec.nodeTaints")["maxItems"] == kueue.MOST_TAINTS


@charts.needs_reference
@pytest.mark.parametrize(
    ("plural", "path"),
    [
        ("resourceflavors", "spec"),
        ("topologies", "spec.levels"),
        ("clusterqueues", "spec"),
        ("clusterqueues", "spec.preemption"),
        ("clusterqueues", "spec.resourceGroups.[]"),
        ("cohorts", "spec.resourceGroups.[]"),
    ],
)
def test_these_parts_have_rules_of_their_own(plural, path):
    """Those that `faults` says again; a release that moves them is looked at anew."""
    assert schema(plural, path)["x-kubernetes-validations"]


# The manager's configuration.


@pytest.fixture(name="text")
def _text():
    values = yaml.safe_load((charts.REFERENCE / "kueue" / "chart" / "values.yaml").read_text())
    return values["managerConfig"]["controllerManagerConfigYaml"]


def configurations() -> Iterator[dict[str, Any]]:
    addon = CATALOGUE["kueue"]
    for handle, settings in cases(addon):
        yield yaml.safe_load(addon.values(handle, settings)["managerConfig"]["controllerManagerConfigYaml"])


def keys(part: Any) -> Iterator[str]:
    if isinstance(part, Mapping):
        for key, item in part.items():
            yield key
            if key not in ("groupKindConcurrency", "featureGates", "managedJobsNamespaceSelector"):
                yield from keys(item)


@charts.needs_reference
def test_the_configuration_has_the_charts_words(text):
    """Kueue does not start with a key that it does not know; those of the chart's example are there, if as comments."""
    example = re.sub(r"(?m)^(\s*)#", r"\1", text)
    # The last ones are of its Go type alone: apis/config/v1beta2/configuration_types.go.
    known = {*re.findall(r"(\w+):", example), "dispatcherName", "featureGates", "multiKueue", "origin"}
    for made in configurations():
        assert set(keys(made)) <= known
        assert made["apiVersion"] in text


@charts.needs_reference
def test_kueue_has_every_kind_of_job_that_it_is_told_of(text):
    known = set(re.findall(r'- "([-\w./]+)"', text))
    for made in configurations():
        kinds = made["integrations"]["frameworks"]
        assert set(kinds) <= known
        assert len(kinds) == len(set(kinds))


@charts.needs_reference
def test_kueue_looks_after_no_namespace_of_the_platform():
    """Kueue refuses a selector that matches kube-system or its own namespace; the chart puts it into the webhooks."""
    for made in configurations():
        (rule,) = made["managedJobsNamespaceSelector"]["matchExpressions"]
        assert rule == {"key": "slipway.io/tenant", "operator": "Exists"}
    assert not any("slipway.io/tenant" in addon.namespace_labels for addon in CATALOGUE.values())


@charts.needs_reference
def test_the_declared_webhooks_see_what_the_charts_see():
    """Kinds by their plural, which is the kind in small letters and an s."""
    facts = charts.chart_facts("kueue")["webhooks"]
    addon = CATALOGUE["kueue"]
    seen = sorted(
        (re.split(r"[/|]", each["rules"][0].split()[1])[1], each["failure_policy"], not each["namespace_selector"])
        for each in facts
    )
    declared = sorted(
        (f"{kind.lower()}s", hook.failure_policy, not hook.opt_in)
        for hook in addon.webhooks
        for kind in hook.intercepts
    )
    assert declared == seen


@charts.needs_reference
def test_kueue_takes_no_pods_hostage():
    """Nothing of the platform waits for its pods but its own kinds."""
    kinds = frozenset({"Pod", "Deployment", "StatefulSet", "Job", "DaemonSet", "Namespace", "Service"})
    assert not any(hook.blocks(kinds, "kubeflow") for hook in CATALOGUE["kueue"].webhooks)
    assert any(hook.blocks(frozenset({"ClusterQueue"}), "kueue-system") for hook in CATALOGUE["kueue"].webhooks)


# Requests for nodes.


@charts.needs_reference
def test_the_requests_kind_is_the_autoscalers():
    addon = CATALOGUE["provisioning-request-crd"]
    assert isinstance(addon.source, Manifest)
    file = addon.source.url.rpartition("/")[2]
    crd = yaml.safe_load((charts.REFERENCE / "cluster-autoscaler" / "crds" / file).read_text())
    assert addon.owns_crds == (crd["metadata"]["name"],)
    # Kueue makes requests of v1.
    assert [each["name"] for each in crd["spec"]["versions"] if each["served"] and each["storage"]] == ["v1"]
