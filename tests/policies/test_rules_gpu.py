"""What mutations of real plans do not show of the rules about accelerated groups: boundaries, and shapes of others."""

import dataclasses
import datetime
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.around import Around, Environment
from policies.evaluate import ask
from policies.kubernetes import DAEMON_SET, RELEASE
from policies.nodes import SUBNET
from policies.rules import gpu, gpu_efa, gpu_plugins, gpu_scaling
from policies.rules.gpu_efa import EGRESS, INGRESS, OLD_RULE, PLACEMENT_GROUP, SECURITY_GROUP
from policies.rules.gpu_plugins import ADDON
from policies.rules.gpu_scaling import OVERLAY, TAG
from slipway.plan.fleet import LAUNCH_TEMPLATE, NODE_CLASS, NODE_GROUP, NODE_POOL
from slipway.plan.machines import AUTO_SCALING_GROUP
from slipway.plan.model import Plan, Resource
from slipway.wire import UNKNOWN

FACTS = Path(__file__).resolve().parents[2].parent / "shared" / "facts" / "efa_layouts.json"
LAYOUTS = json.loads(FACTS.read_text())["layouts"] if FACTS.exists() else {}
TAINT = {"key": "nvidia.com/gpu", "value": "present", "effect": "NO_SCHEDULE"}
TEMPLATE = "k8s.io/cluster-autoscaler/node-template"


def made(type_, name, inputs=None, *, ignore_changes=(), **behind):
    return Resource(
        urn=f"urn:pulumi:test::slipway::{type_}::{name}",
        custom=True,
        inputs=inputs or {},
        ignore_changes=ignore_changes,
        property_dependencies={key: tuple(each.urn for each in found) for key, found in behind.items()},
    )


def told(rule, resource, *others):
    """What a rule says of the first: `path: what` of each violation, or `unknown` with the path."""
    plan = Plan(project="slipway", stack="test", resources=(resource, *others))
    around = Around(plan=plan, environment=Environment(today=datetime.date(2026, 11, 22)))
    return [
        f"{each.path}: {each.what}" if each.kind == "violation" else f"unknown {each.path}"
        for each in ask(rule, resource, around)
    ]


def cards(*places):
    return [{"networkCardIndex": card, "deviceIndex": device, "interfaceType": kind} for card, device, kind in places]


def group(name="gpu", template=None, subnets=(), ignore_changes=(), **inputs):
    behind = {"launchTemplate": [template]} if template else {}
    given = {"subnetIds": [f"subnet-{index}" for index in range(len(subnets))], **inputs}
    return made(NODE_GROUP, name, given, ignore_changes=ignore_changes, subnetIds=subnets, **behind)


def pool(name="gpu", spec=None, labels=None, **asked):
    requirements = [{"key": key, "operator": "In", "values": values} for key, values in (asked.pop("asked")).items()]
    template = {"nodeClassRef": {"name": name}, "requirements": requirements, **(spec or {})}
    inputs = {
        "metadata": {"name": name},
        "spec": {"template": {"metadata": {"labels": labels or {}}, "spec": template}},
    }
    return made(NODE_POOL, name, inputs)


def node_class(name="gpu", *behind, **spec):
    return made(NODE_CLASS, f"class-{name}", {"metadata": {"name": name}, "spec": spec}, spec=behind)


def release(chart, values=None, name=None):
    return made(RELEASE, name or chart, {"chart": f"oci://example.com/charts/{chart}", "values": values or {}})


def subnet(name, **inputs):
    return made(SUBNET, name, inputs)


TYPE = "node.kubernetes.io/instance-type"
ZONE = "topology.k8s.aws/zone-id"
AZ1 = subnet("a", availabilityZoneId="usw2-az1")
AZ1_TOO = subnet("b", availabilityZoneId="usw2-az1")
AZ2 = subnet("c", availabilityZoneId="usw2-az2")
BY_NAME = subnet("d", availabilityZone="us-west-2a")
NOWHERE = subnet("e")


@pytest.mark.skipif(not LAYOUTS, reason="the facts are not here")
@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_the_layout_that_aws_recommends_is_right_and_no_other(name):
    template = made(LAUNCH_TEMPLATE, "gpu", {"networkInterfaces": cards(*LAYOUTS[name]["recommended"])})
    assert told(gpu_efa.layout, template, group(template=template, instanceTypes=[name])) == []
    usual = [(card, 1 if card else 0, "efa") for card in range(LAYOUTS[name]["network_cards"])]
    legacy = made(LAUNCH_TEMPLATE, "gpu", {"networkInterfaces": cards(*usual)})
    assert told(gpu_efa.layout, legacy, group(template=legacy, instanceTypes=[name])) != []


@given(data=st.data())
def test_an_interface_less_or_twice_is_told(data):
    listed = [(0, 0, "interface"), *((card, 0 if card else 1, "efa-only") for card in range(16))]
    place = data.draw(st.integers(1, 16))
    kept = listed[:place] + listed[place + 1 :]
    twice = [*listed, listed[place]]
    for interfaces, what in ((kept, "lacks"), (twice, "has no room for")):
        template = made(
            LAUNCH_TEMPLATE, "t", {"networkInterfaces": cards(*interfaces), "instanceType": "p5en.48xlarge"}
        )
        card, device, kind = listed[place]
        assert told(gpu_efa.layout, template) == [
            f"networkInterfaces: for p5en.48xlarge: {what} {kind} at card {card} device {device}"
        ]


def test_where_an_interface_says_nothing_it_is_the_first_device_of_the_first_card():
    template = made(
        LAUNCH_TEMPLATE,
        "t",
        {"networkInterfaces": [{}, {"deviceIndex": "1", "interfaceType": "efa-only"}], "instanceType": "g6e.8xlarge"},
    )
    assert told(gpu_efa.layout, template) == []


def test_efa_on_a_type_without_it():
    template = made(LAUNCH_TEMPLATE, "t", {"networkInterfaces": cards((0, 0, "efa"))})
    users = group(template=template, instanceTypes=["g6.xlarge"])
    assert told(gpu_efa.layout, template, users) == ["networkInterfaces: g6.xlarge has no EFA"]


def test_interfaces_that_are_unknown_are_said_to_be():
    template = made(LAUNCH_TEMPLATE, "t", {"networkInterfaces": UNKNOWN, "instanceType": "p5.48xlarge"})
    assert told(gpu_efa.layout, template) == ["unknown networkInterfaces"]


@pytest.mark.parametrize(
    ("interfaces", "said"),
    [
        ([{"associatePublicIpAddress": "true"}], []),
        ([{"associatePublicIpAddress": "false"}, {}], []),
        (
            [{}, {"associatePublicIpAddress": True}],
            ["networkInterfaces.1.associatePublicIpAddress: true with 2 interfaces"],
        ),
        ([{"associatePublicIpAddress": UNKNOWN}, {}], ["unknown networkInterfaces.0.associatePublicIpAddress"]),
    ],
)
def test_a_public_address_is_for_one_interface(interfaces, said):
    assert told(gpu_efa.no_public_ip, made(LAUNCH_TEMPLATE, "t", {"networkInterfaces": interfaces})) == said


SELF = {"self": True, "protocol": -1, "fromPort": 0, "toPort": 0}


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"ingress": [SELF], "egress": [SELF]}, []),
        (
            {"ingress": [SELF], "egress": [{"protocol": "-1", "cidrBlocks": ["0.0.0.0/0"]}]},
            ["networkInterfaces: efa lets nothing out to itself"],
        ),
        (
            {"ingress": [{**SELF, "protocol": "tcp"}], "egress": []},
            [
                "networkInterfaces: no security group of the plan lets everything in from itself and out to itself",
            ],
        ),
    ],
)
def test_rules_of_a_group_s_own_count(inputs, said):
    efa = made(SECURITY_GROUP, "efa", inputs)
    listed = [{**each, "securityGroups": ["sg-1"]} for each in cards((0, 0, "interface"), (0, 1, "efa-only"))]
    template = made(LAUNCH_TEMPLATE, "t", {"networkInterfaces": listed}, networkInterfaces=[efa])
    assert told(gpu_efa.security_group, template, efa) == said


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ({"type": "egress", "protocol": "-1", "self": True}, []),
        ({"type": "egress", "protocol": "all", "sourceSecurityGroupId": "sg-1"}, []),
        ({"type": "egress", "protocol": "tcp", "self": True}, ["networkInterfaces: efa lets nothing out to itself"]),
        ({"type": "ingress", "protocol": "-1", "self": True}, ["networkInterfaces: efa lets nothing out to itself"]),
        ({"type": "egress", "protocol": "-1"}, ["networkInterfaces: efa lets nothing out to itself"]),
    ],
)
def test_rules_in_the_old_form_count(out, said):
    efa = made(SECURITY_GROUP, "efa")
    itself = {"sourceSecurityGroupId": [efa]} if "sourceSecurityGroupId" in out else {}
    rules = [
        made(OLD_RULE, "in", {"type": "ingress", "protocol": "-1", "self": True}, securityGroupId=[efa]),
        made(OLD_RULE, "out", out, securityGroupId=[efa], **itself),
    ]
    listed = [{**each, "securityGroups": ["sg-1"]} for each in cards((0, 0, "efa"))]
    template = made(LAUNCH_TEMPLATE, "t", {"networkInterfaces": listed}, networkInterfaces=[efa])
    assert told(gpu_efa.security_group, template, efa, *rules) == said


def test_a_template_may_be_called_by_its_name():
    template = made(LAUNCH_TEMPLATE, "t", {"name": "fast", "instanceType": "g6.xlarge"})
    named = group(launchTemplate={"name": "fast", "version": "1"}, scalingConfig={"minSize": 1})
    assert len(told(gpu.tainted, named, template)) == 1
    other = group(launchTemplate={"name": "slow", "version": "1"}, scalingConfig={"minSize": 1})
    assert told(gpu.tainted, other, template) == []


def test_rules_with_another_group_do_not_count():
    efa, other = made(SECURITY_GROUP, "efa"), made(SECURITY_GROUP, "other")
    rules = [
        made(type_, f"rule-{type_}", {"ipProtocol": "-1"}, securityGroupId=[efa], referencedSecurityGroupId=[other])
        for type_ in (INGRESS, EGRESS)
    ]
    listed = [{**each, "securityGroups": ["sg-1"]} for each in cards((0, 0, "efa"))]
    template = made(LAUNCH_TEMPLATE, "t", {"networkInterfaces": listed}, networkInterfaces=[efa, other])
    assert told(gpu_efa.security_group, template, efa, other, *rules) == [
        "networkInterfaces: no security group of the plan lets everything in from itself and out to itself"
    ]


EFA_TEMPLATE = made(LAUNCH_TEMPLATE, "efa", {"networkInterfaces": cards((0, 0, "interface"), (0, 1, "efa-only"))})
EFA_GROUP = group(template=EFA_TEMPLATE, instanceTypes=["g6e.8xlarge"])


def daemon_set(image, **pod):
    spec = {"containers": [{"image": image}], **pod}
    return made(DAEMON_SET, "daemon", {"spec": {"template": {"spec": spec}}})


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (release("aws-efa-k8s-device-plugin"), []),
        (release("aws-dranet"), []),
        (daemon_set("602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/aws-efa-k8s-device-plugin:v0.5.20"), []),
        (
            daemon_set("nvcr.io/nvidia/k8s-device-plugin:v0.20.0"),
            ["launchTemplate: nothing offers vpc.amazonaws.com/efa"],
        ),
        (
            release("aws-dranet", {"supportedInstanceLabels": {"values": ["p5.48xlarge"]}}),
            ["launchTemplate: aws-dranet does not run on g6e.8xlarge"],
        ),
    ],
    ids=str,
)
def test_who_offers_efa(other, said):
    assert told(gpu_efa.device_plugin, EFA_GROUP, EFA_TEMPLATE, other) == said


BY_GROUP = {
    "capacityReservationSpecification": {"capacityReservationTarget": {"capacityReservationResourceGroupArn": "a"}}
}


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"placement": {"groupName": UNKNOWN}}, []),
        (BY_GROUP, []),
        (
            {"placement": {"groupName": "x"}, **BY_GROUP},
            ["placement: a placement group beside a reservation, which has its place"],
        ),
        ({"placement": {"tenancy": "default"}}, ["placement: none: nodes with EFA stand anywhere in the zone"]),
        (
            {"capacityReservationSpecification": {"capacityReservationPreference": "open"}},
            ["placement: none: nodes with EFA stand anywhere in the zone"],
        ),
    ],
)
def test_where_nodes_with_efa_stand(inputs, said):
    template = made(LAUNCH_TEMPLATE, "t", {**EFA_TEMPLATE.inputs, **inputs})
    assert told(gpu_efa.placement, template) == said


def test_a_group_without_efa_is_placed_as_it_likes():
    spread = made(PLACEMENT_GROUP, "spread", {"strategy": "spread"})
    template = made(LAUNCH_TEMPLATE, "t", {"placement": {"groupName": "spread"}}, placement=[spread])
    assert told(gpu_efa.placement, template, spread) == []
    assert told(gpu_efa.placement, made(LAUNCH_TEMPLATE, "t")) == []


@pytest.mark.parametrize(
    ("subnets", "inputs", "said"),
    [
        ([AZ1], {}, []),
        ([AZ1, AZ1_TOO], {}, []),
        ([AZ1, AZ2], {}, ["subnetIds: in usw2-az1, usw2-az2; all nodes of a group are in one zone"]),
        ([AZ1, NOWHERE], {}, ["subnetIds: in e, usw2-az1; all nodes of a group are in one zone"]),
        (
            [AZ1, AZ2],
            {"subnetIds": UNKNOWN},
            ["subnetIds: in usw2-az1, usw2-az2; all nodes of a group are in one zone"],
        ),
        ([], {"subnetIds": ["subnet-1"]}, []),
        (
            [],
            {"subnetIds": ["subnet-1", UNKNOWN]},
            ["subnetIds: 2 subnets whose zones the plan does not have; name one subnet"],
        ),
        (
            [AZ1],
            {"subnetIds": ["subnet-1", "subnet-2"]},
            ["subnetIds: 1 subnets whose zones the plan does not have; name one subnet"],
        ),
        ([], {"subnetIds": UNKNOWN}, ["unknown subnetIds"]),
        ([subnet("f", availabilityZoneId=UNKNOWN)], {}, ["unknown availabilityZoneId"]),
    ],
)
def test_a_group_is_in_one_zone(subnets, inputs, said):
    accelerated = group(subnets=subnets, instanceTypes=["g6.xlarge"], **inputs)
    plain = group(subnets=subnets, instanceTypes=["m7i.large"], **inputs)
    assert told(gpu.one_zone, accelerated, *subnets) == said
    assert told(gpu.zone_rebalancing, plain, *subnets) == said
    assert told(gpu.one_zone, plain, *subnets) == []
    assert told(gpu.zone_rebalancing, accelerated, *subnets) == []


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({ZONE: ["usw2-az1"]}, []),
        ({"topology.kubernetes.io/zone": ["us-west-2a"]}, []),
        ({ZONE: ["usw2-az1", "usw2-az2"], "topology.kubernetes.io/zone": ["us-west-2a"]}, []),
        ({}, [": no zone is asked for; name one zone by topology.k8s.aws/zone-id"]),
    ],
)
def test_a_pool_is_in_one_zone(asked, said):
    found = told(gpu.one_zone, pool(asked={TYPE: ["g6.xlarge"], **asked}), node_class())
    assert [each.removeprefix("spec.template.spec.requirements") for each in found] == said


def test_a_pool_s_zone_may_be_that_of_its_subnet():
    asking = pool(asked={TYPE: ["g6.xlarge"]})
    assert told(gpu.one_zone, asking, node_class("gpu", AZ1), AZ1) == []
    assert told(gpu.one_zone, asking, node_class("gpu", AZ1, AZ2), AZ1, AZ2) == [
        "spec.template.spec.requirements: usw2-az1, usw2-az2; name one zone by topology.k8s.aws/zone-id"
    ]


@pytest.mark.parametrize(
    ("inputs", "count"),
    [
        ({}, 1),
        ({"suspendedProcesses": ["AZRebalance"]}, 0),
        ({"suspendedProcesses": ["HealthCheck"]}, 1),
        ({"protectFromScaleIn": True}, 0),
        ({"protectFromScaleIn": False}, 1),
    ],
)
def test_what_keeps_an_auto_scaling_group_from_moving_instances(inputs, count):
    over_two = made(
        AUTO_SCALING_GROUP, "asg", {"vpcZoneIdentifiers": ["x", "y"], **inputs}, vpcZoneIdentifiers=[AZ1, AZ2]
    )
    assert len(told(gpu.zone_rebalancing, over_two, AZ1, AZ2)) == count


@pytest.mark.parametrize(
    ("name", "place", "labels", "said"),
    [
        ("p6-b300.48xlarge", AZ2, {}, []),
        (
            "p6-b300.48xlarge",
            AZ1,
            {},
            ["instanceTypes.0: p6-b300.48xlarge is not offered in usw2-az1; it is in usw2-az2"],
        ),
        ("p6-b300.48xlarge", BY_NAME, {}, []),
        (
            "p6-b300.48xlarge",
            subnet("x", availabilityZone="eu-west-1b"),
            {},
            ["instanceTypes.0: p6-b300.48xlarge is not offered in eu-west-1"],
        ),
        (
            "p6-b300.48xlarge",
            None,
            {"slipway.io/zone-id": "usw2-az1"},
            ["instanceTypes.0: p6-b300.48xlarge is not offered in usw2-az1; it is in usw2-az2"],
        ),
        ("p6-b300.48xlarge", None, {}, []),
    ],
)
def test_where_a_type_is_offered(name, place, labels, said):
    subnets = [place] if place else []
    assert told(gpu.type_offered, group(subnets=subnets, instanceTypes=[name], labels=labels), *subnets) == said


def test_a_type_or_a_zone_that_there_is_not():
    (said,) = told(gpu.type_offered, group(subnets=[AZ1], instanceTypes=["g6.xlrage"]), AZ1)
    assert said.startswith("instanceTypes.0: ")
    assert "g6.xlarge" in said
    mars = subnet("m", availabilityZoneId="mars-az1")
    (said,) = told(gpu.type_offered, group(subnets=[mars], instanceTypes=["g6.xlarge"]), mars)
    assert "mars-az1" in said


BLOCK = {
    "instanceMarketOptions": {"marketType": "capacity-block"},
    "capacityReservationSpecification": {"capacityReservationTarget": {"capacityReservationId": UNKNOWN}},
}


@pytest.mark.parametrize(
    ("inputs", "template", "said"),
    [
        ({"capacityType": "CAPACITY_BLOCK"}, {**BLOCK, "instanceType": "p5e.48xlarge"}, []),
        (
            {"capacityType": "CAPACITY_BLOCK"},
            {**BLOCK, "instanceType": "g6.xlarge"},
            ["capacityType: CAPACITY_BLOCK; g6.xlarge is sold as on-demand, spot"],
        ),
        (
            {"instanceTypes": ["p5e.48xlarge"]},
            {},
            ["capacityType: ON_DEMAND; p5e.48xlarge is sold as capacity-block, spot"],
        ),
        (
            {"capacityType": "SPOT", "instanceTypes": ["p6e-gb200.36xlarge"]},
            {},
            ["capacityType: SPOT; p6e-gb200.36xlarge is sold as capacity-block"],
        ),
        ({"capacityType": "SPOT", "instanceTypes": ["g6.xlarge"]}, {}, []),
        ({"instanceTypes": ["p6-b300.48xlarge"]}, BLOCK | {"instanceMarketOptions": None}, []),
    ],
)
def test_how_instances_are_bought(inputs, template, said):
    behind = made(LAUNCH_TEMPLATE, "t", template)
    assert told(gpu.capacity_type, group(template=behind, **inputs), behind) == said


def test_how_karpenter_buys_instances():
    key = "karpenter.sh/capacity-type"
    asking = pool(asked={TYPE: ["p5e.48xlarge"], key: ["reserved", "on-demand"]})
    assert told(gpu.capacity_type, asking, node_class(capacityReservationSelectorTerms=[{"id": UNKNOWN}])) == [
        "spec.template.spec.requirements.1.values.1: on-demand; p5e.48xlarge is sold as capacity-block, spot"
    ]


@pytest.mark.parametrize(
    ("ami", "name", "template", "fits"),
    [
        ("AL2023_x86_64_NVIDIA", "p5.48xlarge", {}, True),
        ("BOTTLEROCKET_x86_64_NVIDIA_FIPS", "p5.48xlarge", {}, True),
        ("AL2_x86_64_GPU", "g5.xlarge", {}, False),
        ("AL2023_ARM_64_NVIDIA", "g5g.xlarge", {}, True),
        ("AL2023_x86_64_NVIDIA", "g5g.xlarge", {}, False),
        ("BOTTLEROCKET_x86_64", "inf2.8xlarge", {}, True),
        ("BOTTLEROCKET_x86_64_NVIDIA", "trn1.32xlarge", {}, False),
        ("AL2023_x86_64_STANDARD", "f2.6xlarge", {}, True),
        ("BOTTLEROCKET_x86_64", "f2.6xlarge", {}, False),
        ("AL2023_x86_64_NVIDIA", "g7.2xlarge", {}, False),
        (None, "g7.2xlarge", {"imageId": "ami-0123456789abcdef0"}, True),
        ("CUSTOM", "g7.2xlarge", {}, True),
        ("WINDOWS_CORE_2022_x86_64", "m7i.large", {}, True),
        ("WINDOWS_CORE_2022_x86_64", "g6.xlarge", {}, False),
        (None, "m7i.large", {}, True),
    ],
)
def test_which_image_fits(ami, name, template, fits):
    behind = made(LAUNCH_TEMPLATE, "t", template)
    found = told(gpu.ami_fits, group(template=behind, instanceTypes=[name], amiType=ami), behind)
    assert (found == []) is fits


def test_a_preference_is_no_taint_that_keeps_pods_away():
    preferred = group(instanceTypes=["g6.xlarge"], taints=[{**TAINT, "effect": "PREFER_NO_SCHEDULE"}])
    assert told(gpu.tainted, preferred) == ["taints: none keeps other pods away; nvidia.com/gpu is usual"]
    assert told(gpu.tainted, group(instanceTypes=["g6.xlarge"], taints=[{**TAINT, "key": "own"}])) == []
    assert told(gpu.tainted, group(instanceTypes=["m7i.large"])) == []


GPU = group(
    name="gpu", instanceTypes=["g6.xlarge"], amiType="AL2023_x86_64_NVIDIA", taints=[TAINT], labels={"kind": "gpu"}
)
REPELLED = "nothing tolerates nvidia.com/gpu=present:NoSchedule of gpu"


@pytest.mark.parametrize(
    ("toleration", "enough"),
    [
        ({"operator": "Exists"}, True),
        ({"key": "nvidia.com/gpu", "operator": "Exists"}, True),
        ({"key": "nvidia.com/gpu", "value": "present"}, True),
        ({"key": "nvidia.com/gpu", "operator": "Equal", "value": "present", "effect": "NoSchedule"}, True),
        ({"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "nvidia.com/gpu", "value": "true"}, False),
        ({"key": "nvidia.com/gpu"}, False),
        ({"key": "aws.amazon.com/neuron", "operator": "Exists"}, False),
        ({}, False),
    ],
)
def test_what_a_toleration_covers(toleration, enough):
    exporter = release("dcgm-exporter", {"tolerations": [toleration]})
    said = [] if enough else [f"values.tolerations: {REPELLED}"]
    assert told(gpu_plugins.daemonsets_tolerate, exporter, GPU) == said
    by_hand = daemon_set("example", nodeSelector={"kind": "gpu"}, tolerations=[toleration])
    assert (told(gpu_plugins.daemonsets_tolerate, by_hand, GPU) == []) is enough


@pytest.mark.parametrize(
    ("chart", "said"),
    [
        ("nvidia-device-plugin", []),
        ("gpu-operator", []),
        ("dcgm-exporter", [f"values.tolerations: {REPELLED}"]),
        ("hami", [f"values.devicePlugin.tolerations: {REPELLED}"]),
        ("neuron-helm-chart", []),
        ("aws-efa-k8s-device-plugin", []),
        ("kueue", []),
    ],
)
def test_what_charts_tolerate_by_themselves(chart, said):
    assert told(gpu_plugins.daemonsets_tolerate, release(chart), GPU) == said


def test_a_plugin_for_linux_is_not_held_to_bottlerocket():
    bottlerocket = group(instanceTypes=["g6.xlarge"], amiType="BOTTLEROCKET_x86_64_NVIDIA", taints=[TAINT])
    assert told(gpu_plugins.daemonsets_tolerate, release("dcgm-exporter"), bottlerocket) == []


def test_a_taint_of_a_pool_counts():
    tainted = pool(
        asked={TYPE: ["trn1.32xlarge"]}, spec={"taints": [{"key": "own", "value": "x", "effect": "NoExecute"}]}
    )
    assert told(gpu_plugins.daemonsets_tolerate, release("neuron-helm-chart"), tainted, node_class()) == [
        "values.devicePlugin.tolerations: nothing tolerates own=x:NoExecute of gpu"
    ]


@pytest.mark.parametrize("configuration", [None, "", "{", "[]", "{}", '{"dcgmAgent": {"tolerations": "all"}}'])
def test_an_add_on_whose_configuration_says_nothing_of_tolerations(configuration):
    agent = made(ADDON, "nma", {"addonName": "eks-node-monitoring-agent", "configurationValues": configuration})
    assert told(gpu_plugins.daemonsets_tolerate, agent, GPU) == [
        f"configurationValues.dcgmAgent.tolerations: {REPELLED}"
    ]


@pytest.mark.parametrize(
    ("selector", "held"), [({"kind": "gpu"}, True), ({"kind": "cpu"}, False), ({}, False), (None, False)]
)
def test_a_daemon_set_is_held_to_the_nodes_that_it_chooses(selector, held):
    by_hand = daemon_set("example", nodeSelector=selector)
    assert bool(told(gpu_plugins.daemonsets_tolerate, by_hand, GPU)) is held


BOTTLEROCKET = group(name="rocket", instanceTypes=["g6.xlarge"], amiType="BOTTLEROCKET_x86_64_NVIDIA")
AWAY = group(
    name="rocket",
    instanceTypes=["g6.xlarge"],
    amiType="BOTTLEROCKET_x86_64_NVIDIA",
    labels={"nvidia.com/gpu.deploy.operands": "false"},
)
NEURON = group(name="trn", instanceTypes=["trn1.32xlarge"])


@pytest.mark.parametrize(
    ("judged", "others", "said"),
    [
        (GPU, [], [": nothing offers its nvidia.com/gpu"]),
        (GPU, [release("nvidia-device-plugin")], []),
        (GPU, [release("hami")], []),
        (GPU, [daemon_set("nvcr.io/nvidia/k8s-device-plugin:v0.20.0")], []),
        (
            GPU,
            [release("dra-driver-nvidia-gpu", {"resources": {"gpus": {"enabled": False}}})],
            [": nothing offers its nvidia.com/gpu"],
        ),
        (GPU, [release("gpu-operator", {"devicePlugin": {"enabled": False}})], [": nothing offers its nvidia.com/gpu"]),
        (BOTTLEROCKET, [], []),
        (BOTTLEROCKET, [release("nvidia-device-plugin")], []),
        (
            BOTTLEROCKET,
            [release("gpu-operator")],
            ["labels: gpu-operator comes to its nodes, and Bottlerocket has a plugin of its own"],
        ),
        (AWAY, [release("gpu-operator")], []),
        (NEURON, [release("nvidia-device-plugin")], [": nothing offers its aws.amazon.com/neuron"]),
        (NEURON, [daemon_set("public.ecr.aws/neuron/neuron-device-plugin:2.31.0.0")], []),
        (
            release("hami"),
            [release("nvidia-device-plugin")],
            ["chart: nvidia-device-plugin hands out nvidia.com/gpu already"],
        ),
        (release("dra-driver-nvidia-gpu", {"resources": {"gpus": {"enabled": False}}}), [release("hami")], []),
    ],
    ids=str,
)
def test_who_hands_out_accelerators(judged, others, said):
    assert told(gpu_plugins.one_device_plugin, judged, *others) == said


AUTOSCALER = release("cluster-autoscaler", {"autoDiscovery": {"clusterName": "test"}})
DISCOVERY = {"k8s.io/cluster-autoscaler/enabled": "true", "k8s.io/cluster-autoscaler/test": "owned"}


def scaled(resources, minimum=0, **inputs):
    """A group with tags for resources, its own and its Auto Scaling group's, and what is said of it."""
    own = {f"{TEMPLATE}/resources/{name}": value for name, value in resources.items()}
    judged = group(tags=own, scalingConfig={"minSize": minimum, "maxSize": 4}, **inputs)
    labels = {f"{TEMPLATE}/label/{key}": value for key, value in inputs.get("labels", {}).items()}
    tags = [
        made(TAG, key, {"tag": {"key": key, "value": value}}, autoscalingGroupName=[judged])
        for key, value in {**own, **labels, **DISCOVERY}.items()
    ]
    return told(gpu_scaling.scale_from_zero, judged, AUTOSCALER, *tags)


@pytest.mark.parametrize(
    ("resources", "inputs", "said"),
    [
        ({"nvidia.com/gpu": "1", "ephemeral-storage": "90Gi"}, {"instanceTypes": ["g6f.xlarge"]}, []),
        (
            {"ephemeral-storage": "90Gi"},
            {"instanceTypes": ["g6f.xlarge"]},
            ["the node group lacks", "its Auto Scaling group lacks"],
        ),
        (
            {"aws.amazon.com/neuron": "16", "aws.amazon.com/neuroncore": "32", "ephemeral-storage": "1Ti"},
            {"instanceTypes": ["trn1.32xlarge"]},
            [],
        ),
        (
            {"aws.amazon.com/neuron": "16", "aws.amazon.com/neuroncore": "16", "ephemeral-storage": "1Ti"},
            {"instanceTypes": ["trn1.32xlarge"]},
            [
                f"{TEMPLATE}/resources/aws.amazon.com/neuroncore of {where} is 16; it must be 32"
                for where in ("the node group", "its Auto Scaling group")
            ],
        ),
        (
            {"nvidia.com/mig-1g.10gb": "56", "ephemeral-storage": "1Ti"},
            {"instanceTypes": ["p5.48xlarge"], "labels": {"nvidia.com/device-plugin.config": "mig-mixed"}},
            [],
        ),
        (
            {"nvidia.com/gpu": "32", "ephemeral-storage": "1Ti"},
            {"instanceTypes": ["p5.48xlarge"], "labels": {"nvidia.com/device-plugin.config": "time-slicing-4"}},
            [],
        ),
        (
            {"ephemeral-storage": "1Ti"},
            {"instanceTypes": ["p5.48xlarge"], "labels": {"nvidia.com/device-plugin.config": "time-slicing-4"}},
            ["the node group lacks", "its Auto Scaling group lacks"],
        ),
        ({"ephemeral-storage": "90Gi"}, {"instanceTypes": ["f2.6xlarge"]}, []),
        ({}, {"instanceTypes": ["g6.xlarge"], "minimum": 1}, []),
    ],
)
def test_what_the_autoscaler_must_be_told(resources, inputs, said):
    found = scaled(resources, **inputs)
    assert len(found) == len(said)
    assert all(each.startswith(f"tags: {start}") for each, start in zip(found, said, strict=True))


@pytest.mark.parametrize(
    ("key", "values", "capacity", "enough"),
    [
        ("karpenter.sh/nodepool", ["other", "gpu"], {"hugepages-2Mi": "10256Mi"}, True),
        ("karpenter.sh/nodepool", ["other"], {"hugepages-2Mi": "10256Mi"}, False),
        ("karpenter.sh/nodepool", ["gpu"], {"nvidia.com/gpu": "1"}, False),
        ("slipway.io/group", ["gpu"], {"hugepages-2Mi": "10256Mi"}, False),
    ],
)
def test_what_karpenter_must_be_told(key, values, capacity, enough):
    spec = {"requirements": [{"key": key, "operator": "In", "values": values}], "capacity": capacity}
    with_efa = node_class(networkInterfaces=cards((0, 0, "interface"), (0, 1, "efa-only")))
    found = told(
        gpu_scaling.scale_from_zero, pool(asked={TYPE: ["g6e.8xlarge"]}), with_efa, made(OVERLAY, "gpu", {"spec": spec})
    )
    assert (found == []) is enough


def test_without_the_autoscaler_nobody_needs_to_know():
    assert told(gpu_scaling.scale_from_zero, group(instanceTypes=["g6.xlarge"])) == []


@pytest.mark.parametrize(
    ("duration", "enough"),
    [
        ("30m", True),
        ("1800s", True),
        ("0.5h", True),
        ("29m60s", True),
        ("29m59s", False),
        ("1h", True),
        ("1800000ms", True),
        ("30", False),
        ("", False),
        ("30 m", False),
        (30, False),
    ],
)
def test_how_long_the_autoscaler_waits(duration, enough):
    waiting = release("cluster-autoscaler", {"extraArgs": {"max-node-provision-time": duration}})
    assert (told(gpu_scaling.provision_time, waiting, group(instanceTypes=["p5.48xlarge"])) == []) is enough


def test_every_large_accelerated_type_needs_half_an_hour():
    p4d, m7i = group(instanceTypes=["p4d.24xlarge"]), group(name="cpu", instanceTypes=["m7i.48xlarge"])
    assert told(gpu_scaling.provision_time, AUTOSCALER, m7i) == []
    assert told(gpu_scaling.provision_time, AUTOSCALER, m7i, p4d) == [
        "values.extraArgs.max-node-provision-time: not given, which is 15m; p4d.24xlarge needs 30m"
    ]


def test_small_types_start_within_the_default_and_karpenter_s_do_not_count():
    others = [group(instanceTypes=["g6.xlarge"]), pool(asked={TYPE: ["p5.48xlarge"]}), node_class()]
    assert told(gpu_scaling.provision_time, AUTOSCALER, *others) == []
    assert told(gpu_scaling.provision_time, AUTOSCALER) == []


@pytest.mark.parametrize(
    ("ignored", "sizes", "others", "fought"),
    [
        ((), (0, 4), [AUTOSCALER], True),
        (("scalingConfig.desiredSize",), (0, 4), [AUTOSCALER], False),
        (("scalingConfig",), (0, 4), [AUTOSCALER], False),
        (("scalingConfig.minSize",), (0, 4), [AUTOSCALER], True),
        ((), (2, 2), [AUTOSCALER], False),
        ((), (0, 4), [], False),
    ],
)
def test_who_decides_on_the_size(ignored, sizes, others, fought):
    judged = group(ignore_changes=ignored, scalingConfig={"minSize": sizes[0], "maxSize": sizes[1], "desiredSize": 2})
    assert bool(told(gpu_scaling.desired_size, judged, *others)) is fought


def requiring(judged, *requirements):
    """A pool, or an overlay, that asks for more."""
    inputs = json.loads(json.dumps(dict(judged.inputs)))
    spec = inputs["spec"]["template"]["spec"] if judged.type == NODE_POOL else inputs["spec"]
    spec["requirements"] = [*spec["requirements"], *requirements]
    return dataclasses.replace(judged, inputs=inputs)


def test_pools_that_an_overlay_leaves_out_are_not_its_pools():
    spec = {"requirements": [], "capacity": {"hugepages-2Mi": "10256Mi"}}
    with_efa = node_class(networkInterfaces=cards((0, 0, "interface"), (0, 1, "efa-only")))
    for operator, enough in (("In", True), ("NotIn", False)):
        asked = {"key": "karpenter.sh/nodepool", "operator": operator, "values": ["gpu"]}
        overlay = requiring(made(OVERLAY, "gpu", {"spec": spec}), asked)
        found = told(gpu_scaling.scale_from_zero, pool(asked={TYPE: ["g6e.8xlarge"]}), with_efa, overlay)
        assert (found == []) is enough


def test_what_a_pool_refuses_is_not_what_it_asks_for():
    refused = {"key": ZONE, "operator": "NotIn", "values": ["usw2-az1"]}
    judged = requiring(pool(asked={TYPE: ["p5.48xlarge"]}), refused)
    assert told(gpu.one_zone, judged) == [
        "spec.template.spec.requirements: no zone is asked for; name one zone by topology.k8s.aws/zone-id"
    ]


def test_a_pool_that_asks_for_nothing_and_has_no_class():
    """Nothing accelerated is known of it, and nothing else that could be wrong."""
    bare = pool(asked={})
    for rule in (gpu.one_zone, gpu.type_offered, gpu.capacity_type, gpu.ami_fits, gpu.tainted):
        assert told(rule, bare) == []


def test_a_pool_may_leave_the_architecture_to_its_types():
    assert told(gpu.ami_fits, pool(asked={TYPE: ["g5g.xlarge"]})) == []


def test_a_group_without_a_launch_template_is_judged_by_what_it_says():
    bare = group(instanceTypes=["g6.xlarge"], amiType="AL2023_x86_64_NVIDIA", capacityType="SPOT")
    assert told(gpu.capacity_type, bare) == []
    assert told(gpu.ami_fits, bare) == []


def test_neuron_devices_need_their_plugin_on_bottlerocket_too():
    rocket = group(name="trn", instanceTypes=["trn1.32xlarge"], amiType="BOTTLEROCKET_x86_64")
    assert told(gpu_plugins.one_device_plugin, rocket) == [": nothing offers its aws.amazon.com/neuron"]
    tainted = group(
        name="trn",
        instanceTypes=["trn1.32xlarge"],
        amiType="BOTTLEROCKET_x86_64",
        taints=[{"key": "slipway.io/own", "value": "x", "effect": "NO_SCHEDULE"}],
    )
    assert told(gpu_plugins.daemonsets_tolerate, release("neuron-helm-chart"), tainted) != []


def test_the_number_of_gpus_is_said_as_it_is():
    tags = {"nvidia.com/gpu": "4", "ephemeral-storage": "1Ti"}
    assert scaled(tags, instanceTypes=["p5.48xlarge"]) == [
        f"tags: {TEMPLATE}/resources/nvidia.com/gpu of {where} is 4; it must be 8"
        for where in ("the node group", "its Auto Scaling group")
    ]


def test_karpenter_s_efa_by_hand_is_not_dranet():
    judged = pool(asked={TYPE: ["g6e.8xlarge"]})
    class_ = node_class(networkInterfaces=cards((0, 0, "interface"), (0, 1, "efa-only")))
    by_hand = daemon_set("registry.k8s.io/networking/dranet:v1.2.0")
    assert told(gpu_efa.device_plugin, judged, class_, by_hand) == [
        "spec.networkInterfaces: nothing offers vpc.amazonaws.com/efa"
    ]


def test_a_launch_template_with_efa_is_told_of_once():
    """Karpenter gives its groups to every interface; a template has them each by itself."""
    class_ = node_class(networkInterfaces=cards((0, 0, "interface"), (0, 1, "efa-only")))
    assert len(told(gpu_efa.security_group, class_)) == 1


def test_a_way_of_buying_that_came_later_is_not_judged():
    assert told(gpu.capacity_type, group(instanceTypes=["g6.xlarge"], capacityType="LEASED")) == []
