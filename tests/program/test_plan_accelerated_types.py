"""Every accelerated type of the catalogue, planned for real: interfaces, AMI, capacity, autoscaler resources."""

import base64
import json
from collections.abc import Iterator
from email import message_from_string
from pathlib import Path

import pytest
import yaml

from infra.catalog import amis, efa, names
from infra.catalog.instances import Accelerator, accelerated_types, instance_type
from infra.catalog.zones import offered_zones, regions, zones
from slipway.rehearsal.recorder import record
from stacks.program import main

SHARED = Path(__file__).resolve().parents[3] / "shared" / "facts"
GROUPS_PER_STACK = 25  # EKS takes 30 managed node groups in a cluster
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"


def homes(name: str) -> Iterator[tuple[str, str]]:
    """Regions and zones that offer the type: the largest regions first."""
    for region in ("us-east-1", "us-west-2", "us-east-2", *regions()):
        yield from ((region, zone) for zone in offered_zones(name, region))


def home(name: str) -> tuple[str, str]:
    """Where the type is planned."""
    return next(homes(name))


def is_sold(name: str) -> bool:
    """Whether any zone of any region offers it."""
    return any(True for _ in homes(name))


def accelerator_of(name: str) -> Accelerator:
    """The accelerator of an accelerated type."""
    accelerator = instance_type(name).accelerator
    assert accelerator
    return accelerator


def stacks() -> Iterator[tuple[str, list[str]]]:
    """Regions with types to plan there, few enough for one cluster."""
    by_region: dict[str, list[str]] = {}
    for name in accelerated_types():
        if is_sold(name):
            by_region.setdefault(home(name)[0], []).append(name)
    for region, found in sorted(by_region.items()):
        for start in range(0, len(found), GROUPS_PER_STACK):
            yield region, found[start : start + GROUPS_PER_STACK]


STACKS = list(stacks())


def group_of(name: str) -> dict[str, object]:
    """Settings of a group of this type, with all the EFA it has."""
    instance = instance_type(name)
    group: dict[str, object] = {
        "name": name.replace(".", "-"),
        "instanceTypes": [name],
        "zones": [home(name)[1]],
        "efa": bool(efa.layout(name)),
    }
    if not instance.on_demand:
        group["capacity"] = {"type": "capacity-block", "reservationId": "cr-0123456789abcdef0"}
    try:
        amis.ami_type(instance)
    except ValueError:
        group["imageId"] = "ami-0123456789abcdef0"
    return group


def stack_of(region: str, types: list[str]) -> dict[str, object]:
    """A stack with one group of each type."""
    used = {*_plain_zones(region), *(home(name)[1] for name in types)}
    return {
        "platform": {"name": "all-types", "region": region, "environment": "t", "owner": "t", "costCenter": "t"},
        "network": {
            "zones": sorted(used),
        },
        "cluster": {"version": "1.35"},
        "nodeGroups": [
            {
                "name": "system",
                "system": True,
                "instanceTypes": ["m6i.large"],
                "min": 1,
                "zones": _plain_zones(region)[:1],
            },
            *[group_of(name) for name in types],
        ],
        "addons": {"preset": "minimal"},
    }


def _plain_zones(region: str) -> list[str]:
    """Two zones for the control plane, with ordinary instances."""
    return [zone for zone in zones(region) if zone in offered_zones("m6i.large", region)][:2]


def facts() -> dict[str, dict[str, object]]:
    """AWS's layouts as gathered from the EC2 user guide."""
    path = SHARED / "efa_layouts.json"
    if not path.is_file():
        pytest.skip("../shared/facts/efa_layouts.json is not here")
    layouts: dict[str, dict[str, object]] = json.loads(path.read_text())["layouts"]
    return layouts


@pytest.fixture(scope="module", params=STACKS, ids=lambda stack: f"{stack[0]}-{stack[1][0]}")
def planned_types(request):
    """Types, and the plan that holds a group of each."""
    region, types = request.param
    config = {f"slipway:{key}": json.dumps(value) for key, value in stack_of(region, types).items()}
    return types, record(main, project="slipway", stack="types", config=config)


def named(plan, type_, name):
    return plan.one(type_, f"{name.replace('.', '-')}-{home(name)[1]}")


def test_every_type_has_a_home():
    """What no region offers cannot be planned; the catalogue may hold such types, but they are few and known."""
    homeless = {name for name in accelerated_types() if not is_sold(name)}
    # Sold in Local Zones or by arrangement only (facts README sections 1.3 and 2.3).
    assert homeless <= {"trn2u.48xlarge"}
    assert sum(len(types) for _, types in STACKS) + len(homeless) == len(accelerated_types())


def test_interfaces_equal_the_catalogue_and_the_facts(planned_types):
    types, plan = planned_types
    for name in types:
        got = [
            [interface["networkCardIndex"], interface["deviceIndex"], interface["interfaceType"]]
            for interface in named(plan, TEMPLATE, name).inputs.get("networkInterfaces", [])
        ]
        assert got == [[entry.card, entry.device, entry.kind] for entry in efa.layout(name)], name


def test_interfaces_equal_the_ec2_user_guides(planned_types):
    layouts = facts()
    types, plan = planned_types
    for name in types:
        got = [
            [interface["networkCardIndex"], interface["deviceIndex"], interface["interfaceType"]]
            for interface in named(plan, TEMPLATE, name).inputs.get("networkInterfaces", [])
        ]
        if name in layouts:
            assert got == layouts[name]["recommended"], name
        else:
            # f2 and trn2u are in no table of the guide; the rule of the catalogue holds for them.
            assert not got or instance_type(name).family in ("f2", "trn2u"), name


def test_efa_groups_are_in_the_efa_security_group_on_every_interface(planned_types):
    types, plan = planned_types
    if not any(efa.layout(name) for name in types):
        return
    group = plan.one("aws:ec2/securityGroup:SecurityGroup", "nodes-efa").id
    for name in types:
        for interface in named(plan, TEMPLATE, name).inputs.get("networkInterfaces", []):
            assert group in interface["securityGroups"]
            assert len(interface["securityGroups"]) == 2


def test_the_efa_security_group_is_open_to_itself_both_ways(planned_types):
    types, plan = planned_types
    if not any(efa.layout(name) for name in types):
        return
    group = plan.one("aws:ec2/securityGroup:SecurityGroup", "nodes-efa").id
    for type_ in (
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
    ):
        (rule,) = [rule for rule in plan.of_type(type_) if rule.inputs["securityGroupId"] == group]
        assert rule.inputs["ipProtocol"] == "-1"
        assert rule.inputs["referencedSecurityGroupId"] == group


def test_each_group_is_in_one_zone(planned_types):
    types, plan = planned_types
    for name in types:
        assert len(named(plan, NODE_GROUP, name).inputs["subnetIds"]) == 1


def test_capacity_goes_with_the_type(planned_types):
    types, plan = planned_types
    for name in types:
        group, template = named(plan, NODE_GROUP, name).inputs, named(plan, TEMPLATE, name).inputs
        if instance_type(name).on_demand:
            assert (group["capacityType"], group["instanceTypes"]) == ("ON_DEMAND", [name])
            assert not {"instanceMarketOptions", "instanceType"} & template.keys()
        else:
            assert group["capacityType"] == "CAPACITY_BLOCK"
            assert "instanceTypes" not in group
            assert template["instanceType"] == name
            assert template["instanceMarketOptions"] == {"marketType": "capacity-block"}
            assert template["capacityReservationSpecification"] == {
                "capacityReservationTarget": {"capacityReservationId": "cr-0123456789abcdef0"}
            }
            assert "placement" not in template


def test_images_go_with_the_type(planned_types):
    types, plan = planned_types
    for name in types:
        group, template = named(plan, NODE_GROUP, name).inputs, named(plan, TEMPLATE, name).inputs
        instance = instance_type(name)
        if "imageId" in template:
            assert instance.family == "g7"  # the one family that EKS's AMIs do not drive
            assert not {"amiType", "version", "releaseVersion"} & group.keys()
            config = _node_config(template)
            assert config["cluster"]["name"] == "all-types"
            assert config["cluster"]["cidr"] == "172.20.0.0/16"
            continue
        kind = {"nvidia": "NVIDIA", "neuron": "NEURON", "fpga": "STANDARD"}[accelerator_of(name).kind]
        arch = {"amd64": "x86_64", "arm64": "ARM_64"}[instance.arch]
        assert group["amiType"] == f"AL2023_{arch}_{kind}"


def test_the_autoscaler_learns_what_it_cannot_know(planned_types):
    """From zero it knows CPU, memory and nvidia.com/gpu: EFA, Neuron and hugepages must be told."""
    types, plan = planned_types
    prefix = "k8s.io/cluster-autoscaler/node-template/resources/"
    for name in types:
        instance = instance_type(name)
        tags = named(plan, NODE_GROUP, name).inputs["tags"]
        if efa.layout(name):
            assert tags[f"{prefix}{names.EFA_RESOURCE}"] == str(instance.efa_interfaces)
            assert tags[f"{prefix}{names.HUGEPAGES_RESOURCE}"] == "10256Mi"
        if accelerator_of(name).kind == "neuron":
            assert tags[f"{prefix}{names.NEURON_RESOURCE}"] == str(accelerator_of(name).count)
        if accelerator_of(name).kind == "nvidia":
            assert int(tags[f"{prefix}{names.GPU_RESOURCE}"]) >= 1


def _node_config(template):
    message = message_from_string(base64.b64decode(template["userData"]).decode())
    for part in message.walk():
        if part.get_content_type() == "application/node.eks.aws":
            return yaml.safe_load(str(part.get_payload()))["spec"]
    raise AssertionError("no node config")
