"""Kueue's queues in the plans of the repository's stack files: flavours that nodes match, quotas that add up, order."""

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from infra.catalog.instances import instance_type
from slipway.plan.graph import needs
from slipway.plan.model import Plan, Resource
from tests.program.conftest import ROOT, STACK_FILES, planned, settings_of

KUEUE = "kubernetes:kueue.x-k8s.io/v1beta2:"
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
NODE_POOL = "kubernetes:karpenter.sh/v1:NodePool"
EFFECTS = {"NO_SCHEDULE": "NoSchedule", "NO_EXECUTE": "NoExecute", "PREFER_NO_SCHEDULE": "PreferNoSchedule"}
DEVICES = {"nvidia": "nvidia.com/gpu", "neuron": "aws.amazon.com/neuron"}
WITH_QUEUES = [path for path in STACK_FILES if planned(path).of_type(f"{KUEUE}ClusterQueue")]
NAMES = [path.stem.removeprefix("Pulumi.") for path in WITH_QUEUES]


def made(plan: Plan, kind: str) -> dict[str, Mapping[str, Any]]:
    found = plan.of_type(f"{KUEUE}{kind}")
    return {each.inputs["metadata"]["name"]: each.inputs for each in found}


def nodes(plan: Plan) -> list[tuple[dict[str, str], set[tuple[str, str, str]]]]:
    """Labels and taints of the nodes of each group of the plan."""
    managed = [
        (
            dict(each.inputs.get("labels") or {}),
            {(taint["key"], taint["value"], EFFECTS[taint["effect"]]) for taint in each.inputs.get("taints") or ()},
        )
        for each in plan.of_type(NODE_GROUP)
    ]
    pools = [each.inputs["spec"]["template"] for each in plan.of_type(NODE_POOL)]
    made_later = [
        (
            dict(each["metadata"]["labels"]),
            {(taint["key"], taint["value"], taint["effect"]) for taint in each["spec"].get("taints") or ()},
        )
        for each in pools
    ]
    return managed + made_later


def test_there_are_stacks_with_queues():
    assert "prod" in NAMES


def test_every_flavour_matches_nodes(plan: Plan):
    groups = nodes(plan)
    for name, flavor in made(plan, "ResourceFlavor").items():
        labels = flavor["spec"]["nodeLabels"]
        matching = [taints for own, taints in groups if labels.items() <= own.items()]
        assert matching, f"no node of the plan has {labels}"
        said = {(each["key"], each["value"], each["effect"]) for each in flavor["spec"].get("nodeTaints", ())}
        assert all(taints == said for taints in matching), name


def test_every_node_for_jobs_has_a_flavour(plan: Plan):
    flavors = made(plan, "ResourceFlavor")
    system = "CriticalAddonsOnly"
    for labels, taints in nodes(plan) if flavors else ():
        matching = [name for name, each in flavors.items() if each["spec"]["nodeLabels"].items() <= labels.items()]
        if labels["slipway.io/group"] == "system" or any(key == system for key, _, _ in taints):
            assert matching == []
        else:
            assert len(matching) == 1, labels


def test_flavours_have_their_topologies(plan: Plan):
    levels = {name: [each["nodeLabel"] for each in topology["spec"]["levels"]] for name, topology in
              made(plan, "Topology").items()}  # fmt: skip
    used = set()
    for flavor in made(plan, "ResourceFlavor").values():
        name = flavor["spec"].get("topologyName")
        annotations = flavor["metadata"].get("annotations", {})
        if name is None:
            assert annotations == {}
        else:
            used.add(name)
            ((key, level),) = annotations.items()
            assert key.startswith("kueue.x-k8s.io/podset-")
            assert level in levels[name]
    assert used == set(levels)


@pytest.mark.parametrize("path", WITH_QUEUES, ids=NAMES)
def test_each_tenants_queue_reaches_a_flavour(path):
    plan, tenants = planned(path), settings_of(path)["tenants"]
    queues, flavors = made(plan, "ClusterQueue"), made(plan, "ResourceFlavor")
    assert set(queues) == set(tenants)
    local = plan.of_type(f"{KUEUE}LocalQueue")
    assert {(each.inputs["metadata"]["namespace"], each.inputs["spec"]["clusterQueue"]) for each in local} == {
        (name, name) for name in tenants
    }
    assert {each.inputs["metadata"]["name"] for each in local} == {"default"}
    spaces = {
        each.inputs["metadata"]["name"]: each.inputs["metadata"].get("labels", {})
        for each in plan.of_type("kubernetes:core/v1:Namespace")
    }
    for name, queue in queues.items():
        selector = queue["spec"]["namespaceSelector"]["matchLabels"]
        assert selector.items() <= spaces[name].items()
        assert not any(selector.items() <= labels.items() for other, labels in spaces.items() if other != name)
        (group,) = queue["spec"]["resourceGroups"]
        names = [each["name"] for each in group["flavors"]]
        assert names
        assert set(names) <= set(flavors)
        # In the tenant's order, then in that of the node groups. A flavour is named as its group, or begins so.
        order = [*tenants[name].get("prefer", ()), *(each["name"] for each in settings_of(path)["nodeGroups"])]
        places = [min(place for place, key in enumerate(order) if flavor.startswith(key)) for flavor in names]
        assert places == sorted(places)


def amount(text: str) -> float:
    digits = re.match(r"\d+", text)
    assert digits
    scales = {"": 1, "m": 0.001, "k": 1000, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
    return int(digits[0]) * scales[text[digits.end() :]]


def sums(objects: Mapping[str, Mapping[str, Any]]) -> dict[tuple[str, str], float]:
    found: dict[tuple[str, str], float] = {}
    for each in objects.values():
        for group in each["spec"]["resourceGroups"]:
            for flavor in group["flavors"]:
                for resource in flavor["resources"]:
                    key = (flavor["name"], resource["name"])
                    found[key] = found.get(key, 0) + amount(resource["nominalQuota"])
    return found


@pytest.mark.parametrize("path", WITH_QUEUES, ids=NAMES)
def test_quotas_and_what_is_left_are_all_that_groups_can_grow_to(path):
    """Accelerators, by group: those of an instance times the most nodes of all its zones."""
    plan = planned(path)
    found = sums(
        {**made(plan, "ClusterQueue"), **{f"cohort {key}": each for key, each in made(plan, "Cohort").items()}}
    )
    counted = 0
    for name, flavor in made(plan, "ResourceFlavor").items():
        labels = flavor["spec"]["nodeLabels"]
        groups = [each for each in plan.of_type(NODE_GROUP) if labels.items() <= each.inputs["labels"].items()]
        settings = {each["name"]: each for each in settings_of(path)["nodeGroups"]}
        (own,) = {each.inputs["labels"]["slipway.io/group"] for each in groups}
        kinds = [instance_type(kind).accelerator for kind in settings[own]["instanceTypes"]]
        if "gpu" in settings[own] or None in kinds:
            continue
        (device,) = {DEVICES[each.kind] for each in kinds if each}
        most = min(each.count for each in kinds if each) * sum(
            each.inputs["scalingConfig"]["maxSize"] for each in groups
        )
        assert found[name, device] >= most
        if not any(f"quotas of {name}" in warning for warning in plan.outputs["warnings"]):
            assert found[name, device] == most
        counted += 1
    assert counted


def test_prod_is_not_oversubscribed(prod: Plan):
    assert not [warning for warning in prod.outputs["warnings"] if "quotas of" in warning]


def test_too_much_quota_is_told_in_the_plan(record_settings):
    raw = dict(settings_of(ROOT / "stacks/config/Pulumi.prod.yaml"))
    team = next(iter(raw["tenants"].values()))
    asks = {**team, "quota": {"h200": {"nodes": 3}}, "prefer": [], "budget": None}
    raw["tenants"] = {f"team-{index}": asks for index in range(2)}
    plan = record_settings(raw)
    (warning,) = (each for each in plan.outputs["warnings"] if "quotas of" in each)
    assert "the quotas of h200-usw2-az2 come to 1.5 times" in warning
    assert "nvidia.com/gpu 48 of 32" in warning


# Nodes for whole jobs.


def test_checks_are_where_somebody_answers(plan: Plan):
    """An AdmissionCheck that nobody looks at would hold every job of its flavours for ever."""
    checks = made(plan, "AdmissionCheck")
    autoscaler = [each for each in plan.of_type("kubernetes:helm.sh/v3:Release") if each.name == "cluster-autoscaler"]
    for name, check in checks.items():
        assert name in made(plan, "ProvisioningRequestConfig")
        assert check["spec"]["parameters"]["name"] == name
        (release,) = autoscaler
        assert release.inputs["values"]["extraArgs"]["enable-provisioning-requests"] == "true"
        (crd,) = (each for each in plan.of_type("kubernetes:yaml/v2:ConfigFile") if "provisioning-request" in each.name)
        # Both look for the kind once, when they start.
        (kueue,) = (each for each in plan.of_type("kubernetes:helm.sh/v3:Release") if each.name == "kueue")
        assert crd.urn in behind(plan)(release.urn)
        assert crd.urn in behind(plan)(kueue.urn)
    for queue in made(plan, "ClusterQueue").values():
        for check in queue["spec"].get("admissionChecksStrategy", {}).get("admissionChecks", ()):
            assert check["name"] in checks


def test_checked_flavours_are_of_one_group_of_nodes(plan: Plan):
    """A request is met by one Auto Scaling group or by none."""
    flavors = made(plan, "ResourceFlavor")
    for queue in made(plan, "ClusterQueue").values():
        for check in queue["spec"].get("admissionChecksStrategy", {}).get("admissionChecks", ()):
            for name in check["onFlavors"]:
                labels = flavors[name]["spec"]["nodeLabels"]
                groups = [each for each in plan.of_type(NODE_GROUP) if labels.items() <= each.inputs["labels"].items()]
                assert len(groups) == 1


# Order.


def behind(plan: Plan) -> Callable[[str], frozenset[str]]:
    """A function from a URN to all that is there before it, and goes after it."""

    @functools.cache
    def reach(urn: str) -> frozenset[str]:
        resource = plan.get(urn)
        direct = needs(resource) if resource else frozenset()
        return direct.union(*(reach(each) for each in direct))

    return reach


@pytest.mark.parametrize("path", WITH_QUEUES, ids=NAMES)
def test_jobs_go_before_the_quotas_that_they_have(path):
    """Kueue keeps a ClusterQueue until no job has any of it (its finalizer); jobs go with their namespace."""
    plan = planned(path)
    reach = behind(plan)
    queues = {each.inputs["metadata"]["name"]: each for each in plan.of_type(f"{KUEUE}ClusterQueue")}
    for space in plan.of_type("kubernetes:core/v1:Namespace"):
        name = space.inputs["metadata"]["name"]
        if name in queues:
            assert queues[name].urn in reach(space.urn), f"the queue {name} may go first, and wait for its jobs"
    for local in plan.of_type(f"{KUEUE}LocalQueue"):
        space = namespace(plan, local.inputs["metadata"]["namespace"])
        assert space.urn in reach(local.urn)


def namespace(plan: Plan, name: str) -> Resource:
    (found,) = (
        each for each in plan.of_type("kubernetes:core/v1:Namespace") if each.inputs["metadata"]["name"] == name
    )
    return found


def test_whoever_lets_them_go_goes_after_them(plan: Plan):
    """Flavours, topologies, checks and queues have a finalizer that Kueue takes off."""
    reach = behind(plan)
    objects = [each for each in plan if each.type.startswith(KUEUE)]
    if objects:
        (release,) = (each for each in plan.of_type("kubernetes:helm.sh/v3:Release") if each.name == "kueue")
        assert all(release.urn in reach(each.urn) for each in objects)
        # Who makes nodes for jobs, too, may be asked until the last.
        assert not any(each.urn in reach(release.urn) for each in objects)
