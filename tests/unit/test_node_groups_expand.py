"""From settings to managed groups, for every accelerated type, against the facts as AWS publishes them."""

import csv
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from infra.catalog import amis
from infra.catalog.instances import accelerated_types, instance_type
from infra.catalog.zones import offered_zones, regions
from infra.node_groups.expand import ManagedGroup, asg_tags, expand, resource_tags
from infra.node_groups.settings import NodeGroupSettings
from stacks.settings import parse
from tests.strategies import stacks
from tests.unit.settings_stack import TODAY

FACTS = Path(__file__).resolve().parents[2].parent / "shared" / "facts"
KINDS = {"nvidia-gpu": "nvidia", "neuron": "neuron"}
TAINTS = {
    "nvidia": ("nvidia.com/gpu", "present", "NoSchedule"),
    "neuron": ("aws.amazon.com/neuron", "present", "NoSchedule"),
    "fpga": ("slipway.io/fpga", "present", "NoSchedule"),
}
TEMPLATE = "k8s.io/cluster-autoscaler/node-template"


@functools.cache
def homes() -> Mapping[str, tuple[str, str]]:
    """A region and a zone for every accelerated type that any region offers."""
    return {
        name: (region, zone)
        for name in accelerated_types()
        for region in reversed(regions())
        for zone in offered_zones(name, region)
    }


def has_image(name: str) -> bool:
    try:
        amis.ami_type(instance_type(name))
    except ValueError:
        return False
    return True


def managed(name: str, **more: Any) -> ManagedGroup:
    """The one managed group of a group of this type."""
    region, zone = homes().get(name, ("us-west-2", "usw2-az1"))
    image = {} if has_image(name) else {"image_id": "ami-0123456789abcdef0"}
    group = NodeGroupSettings(**{"name": "g", "instance_types": (name,), "zones": (zone,), **image, **more})
    (found,) = expand([group], region, (zone,))
    return found


@functools.cache
def facts() -> Mapping[str, Mapping[str, str]]:
    path = FACTS / "instance_types.csv"
    if not path.is_file():
        pytest.skip("../shared/facts/instance_types.csv is not here")
    with path.open(newline="") as file:
        return {row["instance_type"]: row for row in csv.DictReader(file)}


def fact(name: str) -> Mapping[str, str]:
    if name not in facts():
        pytest.skip(f"the facts have no {name}")
    return facts()[name]


def gib(quantity: str) -> int:
    assert quantity.endswith("Gi")
    return int(quantity.removesuffix("Gi"))


every_type = pytest.mark.parametrize("name", sorted(homes()))


def test_every_accelerated_type_but_those_without_offering_is_tested():
    assert len(homes()) >= 80


@every_type
def test_nobody_else_gets_onto_accelerated_nodes(name: str):
    pool = managed(name).pool
    assert [(taint.key, taint.value, taint.effect) for taint in pool.taints] == [TAINTS[str(pool.accelerator)]]


@every_type
def test_labels_say_group_zone_capacity_and_accelerator(name: str):
    labels = managed(name).pool.labels
    kind = managed(name).pool.accelerator
    gpu = {"k8s.amazonaws.com/accelerator", "nvidia.com/gpu.present"} if kind == "nvidia" else set()
    assert (
        labels.keys()
        == {"slipway.io/group", "slipway.io/zone-id", "slipway.io/capacity", "slipway.io/accelerator"} | gpu
    )
    assert labels["slipway.io/group"] == "g"
    assert labels["slipway.io/zone-id"] == homes()[name][1]
    assert labels["slipway.io/capacity"] == "on-demand"
    assert labels["slipway.io/accelerator"] == kind
    assert labels.get("nvidia.com/gpu.present", "true") == "true"


@every_type
def test_an_empty_group_wakes_up_by_what_the_facts_count(name: str):
    row = fact(name)
    resources = dict(managed(name, volume={"size": 100}).resources)
    storage = gib(resources.pop("ephemeral-storage"))
    # Kubelet and the file system keep a part of the disk.
    disk = float(row["local_nvme_gb_total"] or 0) * 1000**3 / 1024**3 or 100
    assert 0.8 * disk < storage < 0.95 * disk
    wanted = {row["k8s_resource"]: row["logical_accelerator_count"]}
    if row["neuron_cores"]:
        wanted["aws.amazon.com/neuroncore"] = row["neuron_cores"]
    assert resources == wanted


@every_type
def test_the_pool_knows_what_a_node_has(name: str):
    row, pool = fact(name), managed(name).pool
    assert pool.accelerator == KINDS[row["accelerator_kind"]]
    assert pool.accelerators_per_node == int(row["logical_accelerator_count"])
    assert pool.arch == row["arch"].replace("x86_64", "amd64")
    assert pool.efa_interfaces == 0


def efa_types() -> list[str]:
    return [name for name in sorted(homes()) if instance_type(name).efa_interfaces]


@pytest.mark.parametrize("name", efa_types())
def test_efa_brings_its_interfaces_hugepages_and_pods(name: str):
    row, found = fact(name), managed(name, efa=True)
    plain = managed(name)
    assert found.pool.labels == {**plain.pool.labels, "slipway.io/efa": "true"}
    assert found.pool.taints == plain.pool.taints
    assert found.pool.efa_interfaces == int(row["efa_max_interfaces"])
    # 5128 pages of 2 MiB (EKS user guide, node-efa).
    assert dict(found.resources) == {
        **plain.resources,
        "vpc.amazonaws.com/efa": row["efa_max_interfaces"],
        "hugepages-2Mi": "10256Mi",
    }
    assert found.hugepages == 5128
    assert found.placement_group
    assert len(found.interfaces) == int(row["efa_max_interfaces"]) + 1
    cap = 110 if int(row["vcpu"]) < 30 else 250
    assert found.max_pods == min(int(row["max_pods_efa_only_on_card0"]), cap)


@pytest.mark.parametrize("name", efa_types())
def test_one_interface_has_the_address_and_the_others_none(name: str):
    interfaces = managed(name, efa=True).interfaces
    assert interfaces[0].kind == "interface"
    assert (interfaces[0].card, interfaces[0].device) == (0, 0)
    assert {each.kind for each in interfaces[1:]} == {"efa-only"}
    assert len({(each.card, each.device) for each in interfaces}) == len(interfaces)


def test_without_efa_eks_counts_pods_itself():
    assert managed("p5.48xlarge").max_pods is None
    assert managed("p5.48xlarge", kubelet={"max_pods": 20}).max_pods == 20
    assert managed("p5.48xlarge", efa=True, kubelet={"max_pods": 20}).max_pods == 20


P5_TAGS = {
    # Discovery; facts README section 6.
    "k8s.io/cluster-autoscaler/enabled": "true",
    "k8s.io/cluster-autoscaler/ml": "owned",
    f"{TEMPLATE}/label/slipway.io/group": "h100",
    f"{TEMPLATE}/label/slipway.io/zone-id": "usw2-az2",
    f"{TEMPLATE}/label/slipway.io/capacity": "on-demand",
    f"{TEMPLATE}/label/slipway.io/accelerator": "nvidia",
    f"{TEMPLATE}/label/slipway.io/efa": "true",
    f"{TEMPLATE}/label/k8s.amazonaws.com/accelerator": "nvidia-h100",
    f"{TEMPLATE}/label/nvidia.com/gpu.present": "true",
    f"{TEMPLATE}/label/topology.k8s.aws/zone-id": "usw2-az2",
    f"{TEMPLATE}/label/team": "vision",
    f"{TEMPLATE}/taint/nvidia.com/gpu": "present:NoSchedule",
    f"{TEMPLATE}/taint/dedicated": "vision:NoExecute",
    f"{TEMPLATE}/resources/nvidia.com/gpu": "8",
    f"{TEMPLATE}/resources/vpc.amazonaws.com/efa": "32",
    f"{TEMPLATE}/resources/hugepages-2Mi": "10256Mi",
    # 8 x 3800 GB make 28,312 GiB, of which pods get nine tenths.
    f"{TEMPLATE}/resources/ephemeral-storage": "25480Gi",
    f"{TEMPLATE}/autoscaling-options/scaledownunneededtime": "20m",
    f"{TEMPLATE}/autoscaling-options/scaledownunreadytime": "30m",
    f"{TEMPLATE}/autoscaling-options/scaledownutilizationthreshold": "0.4",
    f"{TEMPLATE}/autoscaling-options/scaledowngpuutilizationthreshold": "0.0",
    f"{TEMPLATE}/autoscaling-options/ignoredaemonsetsutilization": "true",
}


def p5(**more: Any) -> ManagedGroup:
    group = NodeGroupSettings.model_validate(
        {
            "name": "h100",
            "instanceTypes": ["p5.48xlarge"],
            "efa": True,
            "labels": {"team": "vision"},
            "taints": [{"key": "dedicated", "value": "vision", "effect": "NoExecute"}],
            "autoscaling": {
                "scaleDownUnneededTime": "20m",
                "scaleDownUnreadyTime": "30m",
                "scaleDownUtilizationThreshold": 0.4,
                "scaleDownGpuUtilizationThreshold": 0,
                "ignoreDaemonsetsUtilization": True,
            },
            **more,
        }
    )
    (found,) = expand([group], "us-west-2", ("usw2-az2",))
    return found


def test_the_tags_of_a_p5_group_to_the_letter():
    assert asg_tags(p5(), "ml") == P5_TAGS


def test_the_node_group_has_the_resources_as_tags_too():
    resources = {key: value for key, value in P5_TAGS.items() if key.startswith(f"{TEMPLATE}/resources/")}
    assert resource_tags(p5()) == resources


def test_a_group_that_the_autoscaler_leaves_alone_has_no_tags():
    assert asg_tags(p5(autoscaling={"enabled": False}), "ml") == {}


def test_a_group_that_keeps_its_disks_apart_has_the_root_volume_for_pods():
    kept = p5(instanceStore="none", volume={"size": 500})
    assert not kept.raid0
    assert kept.resources["ephemeral-storage"] == "450Gi"


@settings(max_examples=40, deadline=None)
@given(stacks())
def test_tags_of_every_group_stay_within_awss_limits(raw: dict[str, Any]):
    found = parse(raw, TODAY)
    groups = expand(found.node_groups, found.platform.region, found.network.zone_ids)
    for group in groups:
        tags = asg_tags(group, found.platform.name)
        # EKS puts eks:cluster-name, eks:nodegroup-name and kubernetes.io/cluster/<name> on the group too.
        assert len(tags) + 3 <= 50
        assert all(0 < len(key) <= 128 and len(value) <= 256 for key, value in tags.items())
        assert all(value.partition(":")[0] for key, value in tags.items() if "/taint/" in key)
        # EKS's own name for the node group, with the suffix of autonaming.
        assert len(group.name) + 8 <= 63
    names = [group.name for group in groups]
    assert len(names) == len(set(names))
    assert all(group.pool.zone_id in found.network.zone_ids for group in groups)


SHARED: Mapping[str, tuple[str, Mapping[str, Any], Mapping[str, str], Mapping[str, str]]] = {
    "time-slicing": (
        "g6.4xlarge",
        {"mode": "time-slicing", "replicas": 4},
        {"nvidia.com/gpu": "4"},
        {"nvidia.com/device-plugin.config": "time-slicing-4"},
    ),
    "mps": (
        "g5.12xlarge",
        {"mode": "mps", "replicas": 3},
        {"nvidia.com/gpu": "12"},
        {"nvidia.com/device-plugin.config": "mps-3", "nvidia.com/mps.capable": "true"},
    ),
    # An A100 with 40 GB holds seven 1g.5gb or three 2g.10gb, an H100 four 1g.20gb (NVIDIA MIG user guide).
    "mig-single": (
        "p4d.24xlarge",
        {"mode": "mig", "migProfile": "1g.5gb"},
        {"nvidia.com/gpu": "56"},
        {"nvidia.com/device-plugin.config": "mig-single"},
    ),
    "mig-mixed": (
        "p5.48xlarge",
        {"mode": "mig", "migProfile": "1g.20gb", "migStrategy": "mixed"},
        {"nvidia.com/mig-1g.20gb": "32"},
        {"nvidia.com/device-plugin.config": "mig-mixed"},
    ),
}


@pytest.mark.parametrize(("name", "sharing", "resources", "labels"), SHARED.values(), ids=SHARED)
def test_shared_gpus_count_as_often_as_pods_can_have_them(
    name: str, sharing: Mapping[str, Any], resources: Mapping[str, str], labels: Mapping[str, str]
):
    gpu = NodeGroupSettings.model_validate(
        {"name": "g", "instanceTypes": [name], "gpu": {"sharing": dict(sharing)}}
    ).gpu
    found = managed(name, gpu=gpu)
    counted = {key: value for key, value in found.resources.items() if key.startswith("nvidia.com/")}
    assert counted == resources
    assert labels.items() <= found.pool.labels.items()
    assert found.pool.accelerators_per_node == instance_type(name).accelerator.count  # type: ignore[union-attr]  # it has GPUs
    # The autoscaler holds a node with this label unready until it offers nvidia.com/gpu (facts README section 6).
    assert ("k8s.amazonaws.com/accelerator" in found.pool.labels) == ("nvidia.com/gpu" in resources)


def test_an_fpga_is_no_resource_that_pods_ask_for():
    # The facts have no f2; EKS has no device plugin for it.
    assert managed("f2.6xlarge").resources.keys() == {"ephemeral-storage"}
    assert managed("f2.48xlarge", efa=True).resources["vpc.amazonaws.com/efa"] == "1"


def test_one_managed_group_for_each_zone_in_order():
    groups = [
        NodeGroupSettings(name="a", instance_types=("m7i.large",)),
        NodeGroupSettings(name="b", instance_types=("p5e.48xlarge",)),
        NodeGroupSettings(name="c", instance_types=("m7i.large",), zones=("usw2-az3", "usw2-az1")),
    ]
    found = expand(groups, "us-west-2", ("usw2-az1", "usw2-az3"))
    # us-west-2 has p5e in usw2-az3 alone (facts/instance_offerings.csv).
    assert [group.name for group in found] == ["a-usw2-az1", "a-usw2-az3", "b-usw2-az3", "c-usw2-az3", "c-usw2-az1"]


@pytest.mark.parametrize(
    ("capacity", "asked", "placed"),
    [
        ("on-demand", None, True),
        ("on-demand", False, False),
        ("spot", None, True),
        ("reservation", None, False),
        ("capacity-block", None, False),
    ],
)
def test_a_reservation_has_its_place_already(capacity: str, asked: bool | None, placed: bool):
    group = p5(capacity={"type": capacity}, placementGroup=asked)
    assert group.placement_group is placed


def test_large_nodes_get_longer_to_come():
    # Cluster-autoscaler gives up after 15 minutes; p5 and p6 need more (facts README section 6).
    assert p5().pool.provision_minutes == 30
    assert managed("g6.xlarge").pool.provision_minutes == 15


@pytest.mark.parametrize(
    ("name", "more", "image"),
    [
        ("p5.48xlarge", {}, "AL2023_x86_64_NVIDIA"),
        ("g5g.2xlarge", {}, "AL2023_ARM_64_NVIDIA"),
        ("trn2.48xlarge", {}, "AL2023_x86_64_NEURON"),
        ("f2.6xlarge", {}, "AL2023_x86_64_STANDARD"),
        ("m7g.large", {}, "AL2023_ARM_64_STANDARD"),
        ("g6.xlarge", {"os": "bottlerocket"}, "BOTTLEROCKET_x86_64_NVIDIA"),
        ("m7i.large", {"os": "bottlerocket"}, "BOTTLEROCKET_x86_64"),
        ("g7.12xlarge", {"image_id": "ami-0123456789abcdef0"}, "CUSTOM"),
    ],
)
def test_the_image_fits_the_type(name: str, more: Mapping[str, Any], image: str):
    assert managed(name, **more).ami_type == image


def test_bottlerocket_has_a_device_plugin_of_its_own():
    assert "nvidia.com/gpu.present" not in managed("g6.xlarge", os="bottlerocket").pool.labels
