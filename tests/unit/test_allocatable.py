"""What a node's pods can ask for, against what Karpenter publishes and what real nodes were seen to have."""

import pytest

from infra.catalog.allocatable import DAEMONS, DAEMONS_ACCELERATED, Room, allocatable, room
from infra.catalog.efa import EFA_HUGEPAGES
from infra.catalog.instances import instance_type, instance_types, max_pods

# Millicores and MiB, for AL2023. Source: aws/karpenter-provider-aws@1d927085dd,
# website/content/en/docs/reference/instance-types.md.
PUBLISHED = {
    "g4dn.12xlarge": (47810, 178933),
    "g5.xlarge": (3920, 14162),
    "inf2.48xlarge": (191450, 718987),
    "m5.large": (1930, 6903),
    "m7i.large": (1930, 6903),
    "p4d.24xlarge": (95690, 1082712),
    "p5.48xlarge": (191450, 1938410),
    "p5en.48xlarge": (191450, 1937332),
    "trn1.32xlarge": (127610, 481894),
}
# Millicores, MiB and maxPods, from `kubectl describe node` and the like.
REAL = {
    # aws/karpenter-provider-aws#1959: 8739468Ki
    "c5n.xlarge": (None, 8534, 110),
    # aws/karpenter-provider-aws#6611
    "i4i.32xlarge": (None, 1007423, 234),
    # 2i2c-org/infrastructure@1097ae3ce6, node-capacity-info.json: 32123604992 and 130451771392 bytes
    "r5.xlarge": (3920, 30635, 58),
    "r5.4xlarge": (15890, 124408, 234),
}
# MiB of the nominal memory that Linux did not see. Source: aws/karpenter-provider-aws@33450d8f82,
# pkg/providers/instancetype/zz_generated.memory_overhead.go.
OVERHEAD = {
    "a1.medium": 241,
    "c5.18xlarge": 6728,
    "c5.large": 405,
    "c5n.large": 457,
    "g4dn.metal": 6652,
    "g4dn.xlarge": 700,
    "g5.48xlarge": 20552,
    "g5g.xlarge": 420,
    "m5.large": 559,
    "m7a.medium": 311,
    "p5.48xlarge": 49192,
    "t3.nano": 89,
}


def pods_of(name: str) -> int:
    return max_pods(instance_type(name), efa=False)


@pytest.mark.parametrize("name", PUBLISHED)
def test_it_is_what_karpenter_publishes(name):
    """More than Karpenter thinks a node has, and it would make none for the pod."""
    cpu, memory = PUBLISHED[name]
    assert allocatable(instance_type(name), pods=pods_of(name)) == Room(cpu_millis=cpu, memory_mib=memory)


@pytest.mark.parametrize("name", REAL)
def test_it_is_never_more_than_a_real_node_has_and_not_much_less(name):
    cpu, memory, pods = REAL[name]
    found = allocatable(instance_type(name), pods=pods)
    assert cpu is None or found.cpu_millis == cpu
    assert memory * 0.94 < found.memory_mib <= memory


@pytest.mark.parametrize("name", OVERHEAD)
def test_more_is_left_to_the_kernel_than_was_ever_measured(name):
    instance = instance_type(name)
    kubelet = 11 * max(instance.max_pods, pods_of(name)) + 255 + 100
    promised = allocatable(instance, pods=pods_of(name)).memory_mib
    assert promised <= max(0, instance.memory_mib - OVERHEAD[name] - kubelet)


def test_the_kubelet_reserves_of_each_core_in_turn():
    """6 percent of the first, 1 of the second, a half of the next two, a quarter of the others."""
    reserved = {
        name: instance_type(name).vcpus * 1000 - allocatable(instance_type(name), pods=10).cpu_millis
        for name in ("a1.medium", "m7i.large", "m7i.xlarge", "m7i.2xlarge", "p5.48xlarge")
    }
    assert reserved == {"a1.medium": 60, "m7i.large": 70, "m7i.xlarge": 80, "m7i.2xlarge": 90, "p5.48xlarge": 550}


def test_huge_pages_are_taken_out_of_memory():
    instance = instance_type("p5.48xlarge")
    without, with_ = (allocatable(instance, pods=51, hugepages_mib=each) for each in (0, 2 * EFA_HUGEPAGES))
    assert without.memory_mib - with_.memory_mib == 10256
    assert without.cpu_millis == with_.cpu_millis


def test_memory_is_reserved_for_the_pods_that_the_network_could_have():
    """nodeadm takes the VPC CNI's limit, not `maxPods`; Bottlerocket takes `maxPods`, which may be higher."""
    instance = instance_type("m7i.48xlarge")
    assert instance.max_pods == 737
    few, limit, many = (allocatable(instance, pods=each).memory_mib for each in (50, 737, 740))
    assert few == limit
    assert limit - many == 11 * 3


def test_daemons_have_their_part():
    for name, daemons in (("g5.xlarge", DAEMONS_ACCELERATED), ("m7i.xlarge", DAEMONS)):
        whole, left = (make(instance_type(name), pods=58) for make in (allocatable, room))
        assert whole.cpu_millis - left.cpu_millis == daemons.cpu_millis
        assert whole.memory_mib - left.memory_mib == daemons.memory_mib


def test_no_type_has_less_than_nothing():
    for name in instance_types():
        found = room(instance_type(name), pods=pods_of(name), hugepages_mib=1024)
        assert found.cpu_millis >= 0
        assert found.memory_mib >= 0
