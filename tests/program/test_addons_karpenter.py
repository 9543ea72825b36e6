"""Karpenter in place of cluster-autoscaler, as planned: the same nodes from the same settings."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from infra.catalog import efa
from slipway.plan.checks import check
from slipway.plan.cost import cost
from slipway.plan.fleet import node_groups
from slipway.plan.model import Plan, Resource
from slipway.rehearsal.recorder import record
from stacks.program import main
from tests.contract import objects
from tests.contract.aws_calls import CALLS
from tests.contract.charts import needs_reference
from tests.contract.test_aws_inputs import problems
from tests.contract.test_iam_lint import INLINE, by_cloudsplaining, by_parliament, documents

NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
RELEASE = "kubernetes:helm.sh/v3:Release"
POOL = "kubernetes:karpenter.sh/v1:NodePool"
CLASS = "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass"
OVERLAY = "kubernetes:karpenter.sh/v1alpha1:NodeOverlay"
BLOCK = "cr-0123456789abcdef0"
STACK: Mapping[str, Any] = {
    "platform": {
        "name": "acme",
        "region": "us-west-2",
        "environment": "test",
        "owner": "ml",
        "costCenter": "research",
        "accountId": "123456789012",
    },
    "network": {"zones": ["usw2-az1", "usw2-az2"]},
    "nodeGroups": [
        {"name": "system", "instanceTypes": ["m7i.large"], "system": True, "min": 1, "max": 3},
        {"name": "cpu", "instanceTypes": ["m7i.4xlarge", "m7a.4xlarge"], "max": 10, "capacity": {"type": "spot"}},
        {"name": "h100", "instanceTypes": ["p5.48xlarge"], "efa": True, "max": 2},
        {
            "name": "block",
            "instanceTypes": ["p5en.48xlarge"],
            "zones": ["usw2-az2"],
            "capacity": {"type": "capacity-block", "reservationId": BLOCK},
        },
        {
            "name": "small",
            "instanceTypes": ["g6f.xlarge"],
            "os": "bottlerocket",
            "releaseVersion": "1.62.0-1a2b3c4d",
            "max": 4,
        },
        {
            "name": "shared",
            "instanceTypes": ["g6.12xlarge"],
            "max": 4,
            "gpu": {"sharing": {"mode": "time-slicing", "replicas": 4}},
        },
    ],
    "addons": {
        "preset": "training",
        "enable": ["karpenter-crd", "karpenter", "karpenter-node-pools"],
        "disable": ["cluster-autoscaler"],
    },
}


@pytest.fixture(name="it", scope="module")
def _it() -> Plan:
    return recorded(STACK)


def recorded(raw: Mapping[str, Any]) -> Plan:
    config = {f"slipway:{key}": json.dumps(value) for key, value in raw.items()}
    return record(main, project="slipway", stack="test", config=config)


def by_name(plan: Plan, type_: str) -> dict[str, Any]:
    return {each.inputs["metadata"]["name"]: each.inputs["spec"] for each in plan.of_type(type_)}


def only(plan: Plan, type_: str, name: str) -> Resource:
    (found,) = [each for each in plan.of_type(type_) if each.name == name]
    return found


def test_the_plan_is_sound(it):
    assert list(check(it)) == []


def test_a_group_has_either_managed_node_groups_or_node_pools(it):
    managed = {each.name.rpartition("-usw2")[0] for each in it.of_type(NODE_GROUP)}
    assert managed == {"system", "shared"}
    assert set(by_name(it, POOL)) == set(by_name(it, CLASS))
    assert {name.rpartition("-usw2")[0] for name in by_name(it, POOL)} == {"cpu", "h100", "block", "small"}


def test_who_stays_is_told_with_the_reason(it):
    (told,) = [text for text in it.outputs["warnings"] if "nothing scales it" in text]
    assert "node group shared" in told
    assert "gpu.sharing" in told


def test_only_named_groups_go_over():
    stack = {**STACK, "addons": {**STACK["addons"], "settings": {"karpenter-node-pools": {"groups": ["cpu"]}}}}
    plan = recorded(stack)
    assert {name.rpartition("-usw2")[0] for name in by_name(plan, POOL)} == {"cpu"}
    told = [text for text in plan.outputs["warnings"] if "`groups` does not name it" in text]
    assert len(told) == 3


def test_without_karpenter_there_is_nothing_of_it(record_settings):
    plan = record_settings({**STACK, "addons": {"preset": "training"}})
    assert not [each for each in plan if "arpenter" in each.type or each.type.startswith("aws:sqs")]
    assert {"cpu", "h100", "block", "small"} <= {each.name.rpartition("-usw2")[0] for each in plan.of_type(NODE_GROUP)}


def test_every_pool_is_bounded_and_in_one_zone(it):
    groups = {group["name"]: group for group in STACK["nodeGroups"]}
    for name, spec in by_name(it, POOL).items():
        group, _, zone = name.partition("-usw2")
        assert spec["limits"] == {"nodes": str(groups[group].get("max", 1))}
        asked = {each["key"]: each["values"] for each in spec["template"]["spec"]["requirements"]}
        assert asked["topology.k8s.aws/zone-id"] == [f"usw2{zone}"]
        assert asked["node.kubernetes.io/instance-type"] == groups[group]["instanceTypes"]
        kind = groups[group].get("capacity", {}).get("type", "on-demand")
        assert asked["karpenter.sh/capacity-type"] == [{"capacity-block": "reserved"}.get(kind, kind)]


def test_a_pod_is_never_moved_off_an_accelerator(it):
    """Neither to save money, nor because the image or the template is newer, nor because the node is old."""
    pools = by_name(it, POOL)
    for name, spec in pools.items():
        accelerated = not name.startswith("cpu")
        assert (spec["template"]["spec"]["expireAfter"] == "Never") is accelerated
        assert spec["disruption"]["consolidationPolicy"] == ("WhenEmpty" if accelerated else "WhenEmptyOrUnderutilized")
        closed = [set(each["reasons"]) for each in spec["disruption"]["budgets"] if each["nodes"] == "0"]
        assert closed == ([{"Drifted", "Underutilized"}] if accelerated else [])
        taints = spec["template"]["spec"].get("taints", [])
        expected = [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}]
        assert taints == (expected if accelerated else [])


def test_no_image_moves_by_itself(it):
    terms = {name.rpartition("-usw2")[0]: spec["amiSelectorTerms"] for name, spec in by_name(it, CLASS).items()}
    assert terms["small"] == [{"alias": "bottlerocket@v1.62.0-1a2b3c4d"}]
    assert re.fullmatch(r"al2023@v20\d{6}", terms["h100"][0]["alias"])
    assert terms["cpu"] == terms["h100"] == terms["block"]


def test_efa_nodes_have_the_interfaces_of_managed_ones(it):
    spec = by_name(it, CLASS)["h100-usw2-az1"]
    got = [(each["networkCardIndex"], each["deviceIndex"], each["interfaceType"]) for each in spec["networkInterfaces"]]
    assert got == [(each.card, each.device, each.kind) for each in efa.layout("p5.48xlarge")]
    assert spec["kubelet"] == {"maxPods": 51}
    groups = {each.outputs["name"] for each in it.of_type("aws:ec2/placementGroup:PlacementGroup")}
    assert spec["placementGroupSelector"]["name"] in groups
    assert len(spec["securityGroupSelectorTerms"]) == 2


def test_what_karpenter_does_not_know_is_told(it):
    """A pod that asks for hugepages, or for a part of an L4, would else wait for ever."""
    overlays = {name.rpartition("-usw2")[0]: spec["capacity"] for name, spec in by_name(it, OVERLAY).items()}
    assert overlays == {"h100": {"hugepages-2Mi": "10256Mi"}, "small": {"nvidia.com/gpu": "1"}}
    assert only(it, RELEASE, "karpenter").inputs["values"]["settings"]["featureGates"]["nodeOverlay"] is True


def test_a_capacity_block_is_launched_into(it):
    classes = by_name(it, CLASS)
    assert classes["block-usw2-az2"]["capacityReservationSelectorTerms"] == [{"id": BLOCK}]
    assert "capacityReservationSelectorTerms" not in classes["h100-usw2-az1"]


def test_nodes_are_told_once_what_the_class_says(it):
    """Bottlerocket would format its disks twice, and nodeadm takes the later of two values."""
    classes = by_name(it, CLASS)
    assert classes["h100-usw2-az1"]["instanceStorePolicy"] == "RAID0"
    text = classes["h100-usw2-az1"]["userData"]
    assert "vm.nr_hugepages = 5128" in text
    assert "RAID0" not in text
    assert "maxPods" not in text
    assert "userData" not in classes["small-usw2-az1"]
    assert [each["deviceName"] for each in classes["small-usw2-az1"]["blockDeviceMappings"]] == [
        "/dev/xvda",
        "/dev/xvdb",
    ]


def test_nodes_are_as_safe_as_managed_ones(it):
    """The metadata are asked with a token, from as far as on managed nodes; no disk is in the clear or stays behind."""
    system = it.of_type("aws:ec2/launchTemplate:LaunchTemplate")[0].inputs["metadataOptions"]
    assert system["httpTokens"] == "required"
    for spec in by_name(it, CLASS).values():
        assert spec["metadataOptions"] == {key: system[key] for key in spec["metadataOptions"]}
        assert {"httpEndpoint", "httpTokens", "httpPutResponseHopLimit"} == set(spec["metadataOptions"])
        for disk in spec["blockDeviceMappings"]:
            assert disk["ebs"]["encrypted"] is True
            assert disk["ebs"]["deleteOnTermination"] is True


def test_the_ebs_driver_may_attach_to_karpenter_s_nodes(it):
    (policy,) = [each for each in it.of_type(INLINE) if each.name.startswith("aws-ebs-csi-driver")]
    assert '"ec2:ResourceTag/eks:cluster-name": "acme"' in policy.inputs["policy"]
    assert all(spec["tags"]["eks:cluster-name"] == "acme" for spec in by_name(it, CLASS).values())


def test_it_comes_after_its_kinds_and_before_its_pools(it):
    release, kinds = only(it, RELEASE, "karpenter"), only(it, RELEASE, "karpenter-crd")
    assert release.inputs["skipCrds"] is True
    assert kinds.urn in release.dependencies
    for type_ in (POOL, CLASS, OVERLAY):
        assert all(release.urn in each.dependencies for each in it.of_type(type_))


def test_nodes_may_join_before_the_profile_is_known(it):
    profile = only(it, "aws:iam/instanceProfile:InstanceProfile", "karpenter-node")
    system = {each.urn for each in it.of_type(NODE_GROUP) if each.name.startswith("system")}
    assert system <= set(profile.dependencies)
    (role,) = {each.inputs["nodeRoleArn"].rpartition("/")[2] for each in it.of_type(NODE_GROUP)}
    assert profile.inputs["role"] == role


def test_every_interruption_reaches_the_queue(it):
    rules = it.of_type("aws:cloudwatch/eventRule:EventRule")
    patterns = [json.loads(each.inputs["eventPattern"]) for each in rules if each.name.startswith("karpenter-")]
    assert {pattern["detail-type"][0] for pattern in patterns} == {
        "AWS Health Event",
        "EC2 Spot Instance Interruption Warning",
        "EC2 Instance Rebalance Recommendation",
        "EC2 Instance State-change Notification",
        "EC2 Capacity Reservation Instance Interruption Warning",
    }
    queue = it.one("aws:sqs/queue:Queue")
    targets = [each for each in it.of_type("aws:cloudwatch/eventTarget:EventTarget") if "karpenter" in each.name]
    assert {each.inputs["arn"] for each in targets} == {queue.outputs["arn"]}
    policy = json.loads(it.one("aws:sqs/queuePolicy:QueuePolicy").inputs["policy"])
    sends = next(each for each in policy["Statement"] if each["Effect"] == "Allow")
    assert set(sends["Condition"]["ArnEquals"]["aws:SourceArn"]) == {
        each.outputs["arn"] for each in rules if each.name.startswith("karpenter-")
    }
    assert queue.inputs["sqsManagedSseEnabled"] is True


def test_requests_are_as_aws_takes_them(it):
    ours = [each for each in it if each.package == "aws" and "karpenter" in each.name and each.type in CALLS]
    assert len(ours) > 15
    assert [problem for each in ours for problem in problems(each)] == []


def test_its_policy_passes_the_linters_but_for_one_mistake_of_theirs(it):
    """Each kind of resource has a statement with a condition of its own; parliament wants all in one."""
    found = [
        finding
        for document in documents(it)
        if "karpenter" in document.name
        for linter in (by_parliament, by_cloudsplaining)
        for finding in linter(document)
    ]
    assert {finding.issue for finding in found} == {"RESOURCE_MISMATCH"}
    actions = {action for finding in found for action in re.findall(r"'action': '([^']+)'", finding.detail)}
    assert actions == {"ec2:RunInstances", "ec2:CreateFleet", "ssm:GetParameter"}


def test_karpenter_changes_nothing_in_iam(it):
    (policy,) = [each for each in it.of_type(INLINE) if each.name == "karpenter-karpenter"]
    actions = re.findall(r'"(iam:[A-Za-z]+)"', policy.inputs["policy"])
    # One is the condition's key.
    assert sorted(set(actions) - {"iam:PassedToService"}) == [
        "iam:GetInstanceProfile",
        "iam:ListInstanceProfiles",
        "iam:PassRole",
    ]


def test_the_bill_knows_everything(it):
    bill = cost(it)
    assert "SQS requests" in bill.by_use
    assert not [text for text in bill.unpriced if "karpenter" in text]


def test_the_bill_is_that_of_managed_node_groups_but_for_nodes_that_nobody_asked_for(it):
    """At desired size a pool has no node; at its maximum it costs what a managed group of the same settings does."""
    managed = recorded({**STACK, "addons": {"preset": "training"}})
    ours, theirs = ({line.item: line for line in cost(plan).lines if line.area == "nodes"} for plan in (it, managed))
    assert ours.keys() == theirs.keys()
    assert {item: line.maximum for item, line in ours.items()} == {item: line.maximum for item, line in theirs.items()}
    assert all(line.desired == 0 for item, line in ours.items() if item.startswith(("cpu", "h100", "block", "small")))
    assert [each.efa_interfaces for each in node_groups(it)] == [each.efa_interfaces for each in node_groups(managed)]


@needs_reference
def test_objects_are_as_karpenter_takes_them(it):
    ours = [each.inputs for type_ in (POOL, CLASS, OVERLAY) for each in it.of_type(type_)]
    assert objects.validate_all(ours, "1.35") == len(ours)
    assert yaml.safe_load(yaml.safe_dump(ours[0]))
