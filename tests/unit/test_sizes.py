"""Sizes of jobs: for every accelerated type, whatever mix of them fills its nodes fits, and no accelerator is left."""

import dataclasses
import functools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.catalog import mig
from infra.catalog.instances import accelerated_types, instance_type, instance_types, max_pods
from infra.catalog.sizes import NoSuchSizeError, Size, of_type, size, sizes, unheld, whole
from infra.handle import NodePool
from infra.node_groups.expand import expand
from infra.node_groups.settings import NodeGroupSettings
from tests.unit.test_node_groups_expand import managed

OFFERING = [name for name in accelerated_types() if not name.startswith("f2.")]
"""The accelerated types whose accelerators pods can ask for."""
# Source of both numbers: tests/contract/test_node_budget.py adds up what all DaemonSets ask for.
DAEMON_MILLIS, DAEMON_MIB = 1350, 2048
EVICTION_MIB = 100


def has_efa(name: str) -> bool:
    return instance_type(name).efa_interfaces > 0


CASES = [(name, efa) for name in accelerated_types() for efa in (False, True) if has_efa(name) or not efa]


def left_on(name: str, *, efa: bool, hugepages_mib: int) -> tuple[float, float]:
    """Millicores and MiB on a node of this type, worked out once more: see test_allocatable for the sources."""
    instance = instance_type(name)
    cores = instance.vcpus
    reserved = 60 * min(cores, 1) + 10 * (cores > 1) + 5 * max(0, min(cores, 4) - 2) + 2.5 * max(0, cores - 4)
    seen = instance.memory_mib * 0.925
    kubelet = 11 * max(instance.max_pods, max_pods(instance, efa=efa)) + 255 + EVICTION_MIB
    return cores * 1000 - reserved - DAEMON_MILLIS, seen - kubelet - DAEMON_MIB - hugepages_mib


@functools.cache
def pool(name: str, *, efa: bool) -> NodePool:
    """What an add-on knows of a managed group of this type."""
    return managed(name, efa=efa, **({"placement_group": False} if efa else {})).pool


def shared(name: str, **sharing: Any) -> NodePool:
    """The same of a group that divides its GPUs."""
    return managed(name, gpu={"sharing": sharing}).pool


@pytest.mark.parametrize(("name", "efa"), CASES)
def test_as_many_of_each_size_as_a_node_holds_fit_it_and_leave_no_accelerator(name, efa):
    node = pool(name, efa=efa)
    cpu, memory = left_on(name, efa=efa, hugepages_mib=10256 if efa else 0)
    count = node.accelerators_per_node
    found = sizes(node)
    assert found
    for each in found:
        assert each.cpu_millis > 0
        assert each.memory_mib > 0
        assert each.cpu_millis * each.per_node <= cpu, each
        assert each.memory_mib * each.per_node <= memory, each
        assert each.efa_interfaces * each.per_node <= node.efa_interfaces
        assert each.hugepages_mib * each.per_node <= node.hugepages_mib == (10256 if efa else 0)
        assert each.hugepages_mib % 2 == 0
        if name in OFFERING:
            assert each.accelerators * each.per_node == count
            assert sum(each.devices.values()) == each.accelerators


@pytest.mark.parametrize(("name", "efa"), CASES)
def test_the_whole_node_is_always_there_with_all_it_has(name, efa):
    node = pool(name, efa=efa)
    last = sizes(node)[-1]
    assert last == whole(node)
    assert (node.accelerator, last.name) in {("nvidia", "gpu-node"), ("neuron", "neuron-node"), ("fpga", "fpga-node")}
    assert last.efa_interfaces == (instance_type(name).efa_interfaces if efa else 0)
    assert last.hugepages_mib == (10256 if efa else 0)
    cpu, memory = left_on(name, efa=efa, hugepages_mib=last.hugepages_mib)
    # What rounding leaves over is little.
    assert last.cpu_millis > cpu * 0.9
    assert last.memory_mib > memory * 0.9


@pytest.mark.parametrize("name", OFFERING)
def test_little_of_a_node_is_left_when_it_is_full_of_the_smallest_size(name):
    """Fixed shapes cost something where a share is rounded; never a sixth of the node."""
    node = pool(name, efa=False)
    first = sizes(node)[0]
    assert first.cpu_millis * first.per_node > node.cpu_millis * 5 / 6
    assert first.memory_mib * first.per_node > node.memory_mib * 5 / 6


@pytest.mark.parametrize("name", OFFERING)
def test_a_size_of_twice_the_accelerators_is_twice_the_shape(name):
    first, *more = sizes(pool(name, efa=False))
    for each in more[:-1]:
        assert each.cpu_millis == first.cpu_millis * each.accelerators
        assert each.memory_mib == first.memory_mib * each.accelerators


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_mix_of_sizes_that_uses_up_a_nodes_accelerators_fits_it(data):
    name, efa = data.draw(st.sampled_from([case for case in CASES if case[0] in OFFERING]))
    node = pool(name, efa=efa)
    left = sum(count for device, count in node.devices.items() if not device.endswith("neuroncore"))
    mix: list[Size] = []
    while left:
        mix.append(data.draw(st.sampled_from([each for each in sizes(node) if each.accelerators <= left])))
        left -= mix[-1].accelerators
    cpu, memory = left_on(name, efa=efa, hugepages_mib=node.hugepages_mib)
    assert sum(each.cpu_millis for each in mix) <= cpu
    assert sum(each.memory_mib for each in mix) <= memory
    assert sum(each.efa_interfaces for each in mix) <= node.efa_interfaces
    assert sum(each.hugepages_mib for each in mix) <= node.hugepages_mib


MIXED = [
    ("g5.12xlarge", "g5.24xlarge"),
    ("g5.8xlarge", "g5.4xlarge", "g5.xlarge"),
    ("g6.xlarge", "g6.16xlarge"),
    ("g6e.24xlarge", "g6e.12xlarge"),
    ("inf2.8xlarge", "inf2.xlarge"),
]


@pytest.mark.parametrize("types", MIXED, ids="-".join)
def test_a_group_of_several_types_has_the_sizes_that_fit_each(types):
    group = NodeGroupSettings(name="g", instance_types=types, zones=("usw2-az1",))
    ((found),) = expand([group], "us-west-2", ("usw2-az1",))
    names = {each.name for each in sizes(found.pool)}
    for name in types:
        cpu, memory = left_on(name, efa=False, hugepages_mib=0)
        for each in sizes(found.pool):
            assert each.cpu_millis * each.per_node <= cpu
            assert each.memory_mib * each.per_node <= memory
        assert names == {each.name for each in sizes(pool(name, efa=False))}


def shape(name: str, of: str, *, efa: bool = True) -> dict[str, str]:
    return size(name, of_type(of, efa=efa)).requests


def test_shapes_are_what_a_person_would_write():
    assert shape("gpu-l", "p5.48xlarge") == {
        "cpu": "92",
        "memory": "940Gi",
        "nvidia.com/gpu": "4",
        "vpc.amazonaws.com/efa": "16",
        "hugepages-2Mi": "5128Mi",
    }
    assert shape("gpu-node", "p5.48xlarge") == {
        "cpu": "190",
        "memory": "1880Gi",
        "nvidia.com/gpu": "8",
        "vpc.amazonaws.com/efa": "32",
        "hugepages-2Mi": "10256Mi",
    }
    assert shape("gpu-s", "g5.xlarge") == {"cpu": "2500m", "memory": "11Gi", "nvidia.com/gpu": "1"}
    assert shape("neuron-s", "trn1.32xlarge") == {"cpu": "7500m", "memory": "28Gi", "aws.amazon.com/neuron": "1"}
    assert shape("fpga-node", "f2.6xlarge") == {"cpu": "22", "memory": "231Gi"}


def test_interfaces_go_with_the_sizes_among_which_they_divide():
    """p4d.24xlarge has four for eight GPUs."""
    found = {each.name: each for each in sizes(of_type("p4d.24xlarge", efa=True))}
    assert {name: each.efa_interfaces for name, each in found.items()} == {
        "gpu-s": 0,
        "gpu-m": 1,
        "gpu-l": 2,
        "gpu-xl": 4,
        "gpu-node": 4,
    }
    assert {name: each.hugepages_mib for name, each in found.items()} == {
        "gpu-s": 0,
        "gpu-m": 2564,
        "gpu-l": 5128,
        "gpu-xl": 10256,
        "gpu-node": 10256,
    }


def test_a_part_of_an_interface_is_none():
    """Six interfaces among four accelerators: one and a half each, three for two."""
    node = dataclasses.replace(of_type("g5.12xlarge", efa=False), efa_interfaces=6, hugepages_mib=8192)
    found = {each.name: (each.efa_interfaces, each.hugepages_mib) for each in sizes(node)}
    assert found == {"gpu-s": (0, 0), "gpu-m": (3, 4096), "gpu-l": (6, 8192), "gpu-node": (6, 8192)}


def test_a_size_is_there_where_it_divides_the_accelerators():
    names = {
        name: [each.name for each in sizes(of_type(name, efa=False))] for name in ("inf2.24xlarge", "inf2.48xlarge")
    }
    assert names == {
        "inf2.24xlarge": ["neuron-s", "neuron-m", "neuron-node"],
        "inf2.48xlarge": ["neuron-s", "neuron-m", "neuron-l", "neuron-node"],
    }


def test_trainium_1_has_the_sizes_that_its_scheduler_takes():
    """Neuron documentation, "Neuron scheduler extension": 1, 4, 8 or all 16 devices of trn1.32xlarge."""
    for name in ("trn1.32xlarge", "trn1n.32xlarge"):
        assert {each.accelerators for each in sizes(of_type(name, efa=True))} == {1, 4, 8, 16}
    assert {each.accelerators for each in sizes(of_type("trn2.48xlarge", efa=True))} == {1, 2, 4, 8, 16}


@pytest.mark.parametrize("mode", ["time-slicing", "mps"])
def test_slices_are_asked_for_one_at_a_time(mode):
    """The device plugin refuses a pod that asks for two."""
    node = shared("g5.12xlarge", mode=mode, replicas=8)
    (only,) = sizes(node)
    assert (only.name, only.devices, only.per_node) == ("gpu-s", {"nvidia.com/gpu": 1}, 32)
    assert only.cpu_millis * 32 <= node.cpu_millis
    assert only.memory_mib * 32 <= node.memory_mib


@pytest.mark.parametrize("strategy", ["single", "mixed"])
def test_mig_instances_are_counted_as_they_are_offered(strategy):
    assert mig.profiles("p4d.24xlarge")["1g.5gb"] == 7
    node = shared("p4d.24xlarge", mode="mig", mig_profile="1g.5gb", mig_strategy=strategy)
    resource = "nvidia.com/gpu" if strategy == "single" else "nvidia.com/mig-1g.5gb"
    found = {each.name: each for each in sizes(node)}
    assert list(found) == ["gpu-s", "gpu-m", "gpu-l", "gpu-xl", "gpu-node"]
    assert found["gpu-s"].devices == {resource: 1}
    assert found["gpu-s"].per_node == 56
    assert found["gpu-node"].devices == {resource: 56}


@pytest.mark.parametrize("name", [each for each in instance_types() if each not in accelerated_types()])
def test_parts_of_a_plain_node_fit_it(name):
    node = of_type(name, efa=False)
    found = sizes(node)
    for each in found:
        assert each.cpu_millis * each.per_node <= node.cpu_millis
        assert each.memory_mib * each.per_node <= node.memory_mib
        assert each.devices == {}
    if found:
        # Too small to be worth a name, parts are left out from the smallest on.
        parts = ["cpu-s", "cpu-m", "cpu-l", "cpu-xl", "cpu-node"]
        assert [each.name for each in found] == parts[5 - len(found) :]
        assert [each.per_node for each in found] == [16, 8, 4, 2, 1][5 - len(found) :]
    else:
        assert node.memory_mib == 0 or node.cpu_millis == 0


def test_limits_are_the_requests():
    """Only such a pod is Guaranteed: it gets cores of its own where the group's cpuManagerPolicy is static."""
    found = whole(of_type("p5.48xlarge", efa=True)).resources
    assert found["limits"] == found["requests"]
    assert found["requests"]["cpu"] == "190"
    # The kubelet keeps the reserved half of a core, rounded up, for all others.
    assert int(found["requests"]["cpu"]) < 192 - 1


def test_a_size_that_a_node_does_not_have_is_named_with_those_it_has():
    with pytest.raises(NoSuchSizeError) as error:
        size("gpu-2xl", of_type("g5.12xlarge", efa=False))
    assert str(error.value) == "g5.12xlarge has no size 'gpu-2xl'; it has: gpu-s, gpu-m, gpu-l, gpu-node"
    with pytest.raises(NoSuchSizeError, match=r"t3\.nano has no size 'cpu-node'; it has: none"):
        whole(of_type("t3.nano", efa=False))


def test_a_size_that_no_node_can_hold_is_named_with_those_that_some_can():
    nodes = {"a10": of_type("g5.12xlarge", efa=False), "cpu": of_type("m7i.2xlarge", efa=False)}
    assert unheld("gpu-l", nodes) is None
    assert unheld("gpu-2xl", nodes) == (
        "no node can hold the size 'gpu-2xl'; there are: a10: gpu-s, gpu-m, gpu-l, gpu-node; "
        "cpu: cpu-m, cpu-l, cpu-xl, cpu-node"
    )
    assert unheld("gpu-s", {}) == "no node can hold the size 'gpu-s'; there are: none"


def test_a_node_by_its_type_is_the_node_of_a_group():
    for name, efa in CASES:
        ours, groups = of_type(name, efa=efa), pool(name, efa=efa)
        for field in dataclasses.fields(ours):
            if field.name != "devices":
                assert getattr(ours, field.name) == getattr(groups, field.name), (name, field.name)
        assert ours.devices.items() <= groups.devices.items()
