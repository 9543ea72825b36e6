"""Kueue's flavours, topologies and quotas, made of plain data."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from addons import kueue, registry
from infra.catalog import names
from infra.catalog.network_layers import layer_label, network_layers
from infra.catalog.quantities import quantity
from infra.catalog.sizes import sizes
from infra.flavors import Flavor, flavors
from infra.handle import ClusterHandle, NodePool, TenantQuota
from infra.problems import SettingsError
from infra.tenants.settings import QuotaSettings, TenantSettings
from infra.tenants.subscription import oversubscribed
from stacks.settings import parse, warnings
from tests.contract import charts
from tests.unit.settings_stack import BASE, TODAY, patched

CATALOGUE = registry.discover()
QUEUES: Any = CATALOGUE["kueue-queues"]
SCALED = frozenset({"cluster-autoscaler", "provisioning-request-crd"})
PLAIN = replace(
    charts.pool("cpu", instance_type="m7i.4xlarge", accelerator=None, efa=0),
    system=False,
    cpu_millis=15_500,
    memory_mib=60_000,
    devices={},
)
GANG = charts.pool("h100", instance_type="p5.48xlarge", efa=32)
SHARED = replace(charts.pool("g6", instance_type="g6.12xlarge", efa=0), devices={names.GPU_RESOURCE: 16})
ZONE = "slipway.io/zone-id"
PREFERRED = "kueue.x-k8s.io/podset-preferred-topology"


@pytest.fixture(autouse=True)
def _loop():
    yield from charts.resolver()


def cluster(*pools: NodePool, **changes: Any) -> ClusterHandle:
    return charts.fake_handle(**{"node_pools": (charts.SYSTEM, *pools), "addons": SCALED, "karpenter": None, **changes})


def flavor(*pools: NodePool) -> Flavor:
    (found,) = flavors(pools)
    return found


def built(handle: ClusterHandle, **settings: Any) -> dict[tuple[str, str], dict[str, Any]]:
    own = QUEUES.settings.model_validate(settings)
    return {(each["kind"], each["metadata"]["name"]): each for each in QUEUES.source.build(handle, own)}


# Quantities.


@pytest.mark.parametrize(
    ("resource", "count", "text"),
    [
        ("cpu", 0, "0"),
        ("cpu", 187_400, "187400m"),
        ("cpu", 2_000, "2"),
        ("cpu", 20_000_000, "20k"),
        ("memory", 0, "0"),
        ("memory", 1023, "1023Mi"),
        ("memory", 2048, "2Gi"),
        ("memory", 1024 * 1024 * 3, "3Ti"),
        ("hugepages-2Mi", 10_256, "10256Mi"),
        ("hugepages-2Mi", 20_480, "20Gi"),
        ("nvidia.com/gpu", 64, "64"),
        ("nvidia.com/gpu", 1000, "1k"),
        ("vpc.amazonaws.com/efa", 3200, "3200"),
    ],
)
def test_quantities_are_as_kubernetes_writes_them(resource, count, text):
    assert quantity(resource, count) == text


SUFFIXES: dict[str, Decimal | int] = {
    **{"m": Decimal("0.001"), "": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12},
    **{f"{letter}i": 1024 ** (index + 1) for index, letter in enumerate("KMGTP")},
}


def value(text: str) -> Decimal:
    digits = text.rstrip("mkMGTPKi")
    return Decimal(digits) * SUFFIXES[text[len(digits) :]]


@given(st.sampled_from(["cpu", "memory", "hugepages-2Mi", "nvidia.com/gpu"]), st.integers(0, 10**12))
def test_a_quantity_is_what_it_was_made_of(resource, count):
    unit = {"cpu": Decimal("0.001"), "memory": Decimal(1024**2), "hugepages-2Mi": Decimal(1024**2)}.get(
        resource, Decimal(1)
    )
    assert value(quantity(resource, count)) == count * unit


# The network.


@pytest.mark.parametrize(
    ("instance_type", "region", "layers"),
    [
        ("p5.48xlarge", "us-west-2", 3),
        ("p6-b200.48xlarge", "us-east-1", 4),
        ("trn2.48xlarge", "us-east-2", 3),
        ("g6e.12xlarge", "eu-central-1", 3),
        ("g6.12xlarge", "us-west-2", 0),
        ("p5.4xlarge", "us-west-2", 0),
        ("p5.48xlarge", "us-gov-east-1", 0),
        ("m7i.large", "us-west-2", 0),
    ],
)
def test_aws_tells_the_network_of_some_types(instance_type, region, layers):
    assert network_layers(instance_type, region) == layers


def test_a_topology_goes_from_zone_to_node():
    made = kueue.topology(kueue.Layout(layers=3))
    labels = [level["nodeLabel"] for level in made["spec"]["levels"]]
    assert labels == [
        "topology.kubernetes.io/zone",
        "topology.k8s.aws/network-node-layer-1",
        "topology.k8s.aws/network-node-layer-2",
        "topology.k8s.aws/network-node-layer-3",
        "kubernetes.io/hostname",
    ]


@pytest.mark.parametrize(
    ("packing", "layers", "annotation"),
    [
        ("preferred", 3, {PREFERRED: layer_label(3)}),
        ("preferred", 0, {PREFERRED: "topology.kubernetes.io/zone"}),
        ("required", 4, {"kueue.x-k8s.io/podset-required-topology": layer_label(1)}),
        ("required", 0, {"kueue.x-k8s.io/podset-required-topology": "topology.kubernetes.io/zone"}),
        ("unconstrained", 3, {"kueue.x-k8s.io/podset-unconstrained-topology": "true"}),
    ],
)
def test_a_gang_says_how_near_its_pods_are(packing, layers, annotation):
    layout = kueue.Layout(layers=layers)
    assert layout.annotations(packing) == annotation
    assert set(layout.annotations(packing).values()) <= {*layout.levels, "true"}


def test_other_levels_have_another_name():
    found = [kueue.Layout(layers=layers) for layers in (0, 3, 4)]
    assert len({each.name for each in found}) == len({each.levels for each in found}) == 3


@pytest.mark.parametrize(
    ("pools", "changes", "has_topology", "has_check"),
    [
        ((GANG,), {}, True, True),
        ((replace(GANG, min_size=4),), {}, True, False),
        ((replace(GANG, min_size=4),), {"addons": frozenset()}, True, False),
        ((GANG,), {"addons": frozenset()}, False, False),
        ((GANG,), {"addons": frozenset({"cluster-autoscaler"})}, False, False),
        ((SHARED,), {}, False, False),
        ((PLAIN,), {}, False, False),
    ],
    ids=["scaled", "fixed", "fixed, no autoscaler", "no autoscaler", "no requests", "no EFA", "plain"],
)
def test_a_topology_counts_nodes_that_are_there_or_will_be(pools, changes, has_topology, has_check):
    """Otherwise a group that starts at no node would never get one."""
    handle = cluster(*pools, **changes)
    found = built(handle)
    (made,) = (each for (kind, _), each in found.items() if kind == "ResourceFlavor")
    assert ("topologyName" in made["spec"]) is has_topology
    assert (("AdmissionCheck", "provisioning") in found) is has_check
    if has_topology:
        assert ("Topology", made["spec"]["topologyName"]) in found
        assert any(key.startswith("kueue.x-k8s.io/podset-") for key in made["metadata"]["annotations"])


def test_types_of_a_group_share_the_layers_that_all_have():
    mixed = replace(GANG, instance_types=("p6-b200.48xlarge", "p5.48xlarge"))
    found = kueue.layout(flavor(mixed), cluster(mixed), kueue.PlacementSettings())
    assert found is not None
    assert found.layers == 3


def test_topology_and_network_can_be_turned_off():
    handle = cluster(GANG)
    off = built(handle, topology=False)
    assert not [kind for kind, _ in off if kind == "Topology"]
    assert ("AdmissionCheck", "provisioning") in off
    assert ("Topology", "zone-host") in built(handle, network=False)


# Flavours and queues.


def test_a_flavour_keeps_jobs_without_a_gpu_off_its_nodes():
    """Kueue passes over a flavour whose taints a pod does not tolerate, unless the flavour itself adds tolerations."""
    spec = built(cluster(GANG))["ResourceFlavor", "h100-usw2-az1"]["spec"]
    assert spec["nodeTaints"] == [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}]
    assert "tolerations" not in spec


def test_each_flavours_labels_are_of_its_own_nodes():
    """A gang over EFA stays in its zone because Kueue writes these labels into its pods."""
    away = replace(GANG, name="h100-usw2-az2", zone_id="usw2-az2", labels={**GANG.labels, ZONE: "usw2-az2"})
    pools = (GANG, away, PLAIN)
    found = flavors(pools)
    assert [each.name for each in found] == ["h100-usw2-az1", "h100-usw2-az2", "cpu"]
    for each in found:
        labels = built(cluster(*pools))["ResourceFlavor", each.name]["spec"]["nodeLabels"]
        assert tuple(pool for pool in pools if labels.items() <= pool.labels.items()) == each.pools


def test_a_cluster_without_tenants_has_flavours_and_no_queue():
    kinds = {kind for kind, _ in built(cluster(GANG, PLAIN, tenants=()))}
    assert kinds == {
        "AdmissionCheck",
        "ProvisioningRequestConfig",
        "ResourceFlavor",
        "Topology",
        "WorkloadPriorityClass",
    }


def tenant(name: str, *quotas: TenantQuota) -> Any:
    return replace(charts.tenants()[0], name=name, quotas=quotas)


def quota(name: str, nominal: Mapping[str, int], **more: Any) -> TenantQuota:
    return TenantQuota(**{"flavor": name, "nominal": nominal, "borrow": None, "lend": None, **more})


def queue(handle: ClusterHandle, name: str, **settings: Any) -> dict[str, Any]:
    spec: dict[str, Any] = built(handle, **settings)["ClusterQueue", name]["spec"]
    return spec


EIGHT = {"cpu": 90_000, "memory": 1_000_000, names.GPU_RESOURCE: 8, names.EFA_RESOURCE: 32}


def test_a_queue_has_the_flavours_in_the_tenants_order_and_all_their_resources():
    ours = tenant("ours", quota("cpu", {"cpu": 64_000, "memory": 2048}), quota("h100-usw2-az1", EIGHT))
    (group,) = queue(cluster(GANG, PLAIN, tenants=(ours,)), "ours")["resourceGroups"]
    assert group["coveredResources"] == ["cpu", "memory", names.GPU_RESOURCE, names.EFA_RESOURCE]
    cpu, gang = group["flavors"]
    assert (cpu["name"], gang["name"]) == ("cpu", "h100-usw2-az1")
    assert [each["nominalQuota"] for each in cpu["resources"]] == ["64", "2Gi", "0", "0"]
    assert [each["nominalQuota"] for each in gang["resources"]] == ["90", "1000000Mi", "8", "32"]


def test_the_check_is_of_flavours_of_the_queue_alone():
    ours = tenant("ours", quota("cpu", {"cpu": 64_000, "memory": 2048}), quota("h100-usw2-az1", EIGHT))
    plain = tenant("plain", quota("cpu", {"cpu": 64_000, "memory": 2048}))
    handle = cluster(GANG, PLAIN, tenants=(ours, plain))
    assert queue(handle, "ours")["admissionChecksStrategy"] == {
        "admissionChecks": [{"name": "provisioning", "onFlavors": ["h100-usw2-az1"]}]
    }
    assert "admissionChecksStrategy" not in queue(handle, "plain")


def test_each_pod_set_asks_for_nodes_of_its_own_flavour():
    """Merged, all would ask for the first one's, and only its pods would consume the request."""
    assert "podSetMergePolicy" not in built(cluster(GANG))["ProvisioningRequestConfig", "provisioning"]["spec"]


def test_nodes_are_asked_for_by_whoever_needs_their_devices_or_efa():
    """Pods with none of these are let in without nodes."""
    asked = built(cluster(GANG, PLAIN))["ProvisioningRequestConfig", "provisioning"]["spec"]
    assert asked["managedResources"] == ["nvidia.com/gpu", "vpc.amazonaws.com/efa"]


def test_a_tenants_own_quota_goes_before_what_may_be_taken_back():
    spec = queue(cluster(GANG, PLAIN, tenants=(tenant("ours", quota("h100-usw2-az1", EIGHT)),)), "ours")
    assert spec["flavorFungibility"] == {"whenCanBorrow": "TryNextFlavor", "whenCanPreempt": "TryNextFlavor"}


def test_limits_are_on_what_is_borrowed_and_lent():
    limited = quota("cpu", {"cpu": 4_000, "memory": 4096}, borrow={"cpu": 2_000, "memory": 2048}, lend={"cpu": 0})
    spec = queue(cluster(PLAIN, tenants=(tenant("ours", limited),)), "ours")
    cpu, memory = spec["resourceGroups"][0]["flavors"][0]["resources"]
    assert cpu == {"name": "cpu", "nominalQuota": "4", "borrowingLimit": "2", "lendingLimit": "0"}
    assert memory == {"name": "memory", "nominalQuota": "4Gi", "borrowingLimit": "2Gi", "lendingLimit": "0"}
    assert spec["cohortName"] == "platform"


def test_nobody_borrows_where_borrowing_is_off():
    limited = quota("cpu", {"cpu": 4_000}, borrow={"cpu": 2_000}, lend={"cpu": 0})
    handle = cluster(PLAIN, tenants=(tenant("ours", limited),))
    assert ("Cohort", "platform") not in built(handle, borrowing=False)
    spec = queue(handle, "ours", borrowing=False)
    assert "cohortName" not in spec
    assert spec["preemption"]["reclaimWithinCohort"] == "Never"
    assert set(spec["resourceGroups"][0]["flavors"][0]["resources"][0]) == {"name", "nominalQuota"}


def test_a_tenant_without_quota_may_use_what_others_leave():
    handle = cluster(GANG, PLAIN, tenants=(tenant("guest"),))
    (group,) = queue(handle, "guest")["resourceGroups"]
    assert [each["name"] for each in group["flavors"]] == ["h100-usw2-az1", "cpu"]
    assert {each["nominalQuota"] for row in group["flavors"] for each in row["resources"]} == {"0"}
    assert not any("borrowingLimit" in each for row in group["flavors"] for each in row["resources"])
    assert queue(handle, "guest", borrowing=False)["resourceGroups"] == []


NOMINAL = st.fixed_dictionaries(
    {"cpu": st.integers(0, 200_000), "memory": st.integers(0, 2_000_000), names.GPU_RESOURCE: st.integers(0, 40)}
)


@given(st.lists(NOMINAL, max_size=5))
def test_quotas_and_the_cohort_come_to_what_there_can_be(quotas):
    there = flavor(SHARED)
    left = kueue.unassigned([there], [quota(there.name, each) for each in quotas])[there.name]
    for resource, most in there.capacity.items():
        given_away = sum(each.get(resource, 0) for each in quotas)
        assert left[resource] + given_away == max(most, given_away)


def test_weights_are_of_tenants():
    handle = cluster(PLAIN, tenants=(tenant("ours"), tenant("theirs")))
    assert queue(handle, "ours", weights={"ours": 2.5})["fairSharing"] == {"weight": "2500m"}
    assert "fairSharing" not in queue(handle, "theirs", weights={"ours": 2.5})


# What the stack file contradicts.


def told(addons: dict[str, Any], **patch: Any) -> list[str]:
    team = {"owners": ["ann@example.com"], "quota": {"gpu": {"nodes": 1, "borrow": 1}}}
    raw = {**patched({"tenants": {"team": team, "guest": {"owners": ["bob@example.com"]}}, **patch}, BASE)}
    try:
        parse({**raw, "addons": {"preset": "training", "settings": {"kueue-queues": addons}}}, TODAY)
    except SettingsError as error:
        return sorted(str(problem) for problem in error.problems)
    return []


HERE = "addons.settings.kueue-queues"


def test_settings_that_fit_are_no_mistake():
    assert told({"weights": {"team": 2}, "preemptToBorrow": True}) == []


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (
            {"weights": {"teem": 2}},
            [f"{HERE}.weights.teem: 'teem' is not a tenant (did you mean 'team'?); use one of: "],
        ),
        ({"preemptToBorrow": True, "reclaim": "Never"}, [f"{HERE}.preemptToBorrow: true, but reclaim is Never"]),
        (
            {"borrowing": False},
            [
                f"{HERE}.borrowing: false, but tenants.guest has no quota",
                f"{HERE}.borrowing: false, but tenants.team.quota.gpu has borrow or lend",
            ],
        ),
        ({"weights": {"team": 0}}, [f"{HERE}.weights.team: "]),
        ({"packing": "tight"}, [f"{HERE}.packing: "]),
    ],
)
def test_what_contradicts_the_stack_is_told(settings, says):
    found = told(settings)
    assert len(found) == len(says)
    for message, start in zip(found, says, strict=True):
        assert message.startswith(start), message


def test_a_queue_has_room_for_so_many_flavours():
    groups = [{"name": f"g{index}", "instanceTypes": ["g6.xlarge"], "max": 1} for index in range(65)]
    system = {"name": "system", "system": True, "instanceTypes": ["m7i.large"], "min": 1, "max": 3}
    gpu = {"name": "gpu", "instanceTypes": ["p4d.24xlarge"], "max": 4}
    (message,) = told({}, nodeGroups=[system, gpu, *groups], storage={})
    assert message.startswith(f"{HERE}: 66 flavours (each node group is one, with EFA one per zone); ")


def test_a_flavour_has_room_for_so_many_taints():
    taints = [{"key": f"k{index}", "value": "v", "effect": "NoSchedule"} for index in range(8)]
    (message,) = told({}, **{"nodeGroups[1].taints": taints})
    assert message == f"{HERE}: the node group 'gpu' has 9 taints; a flavour of Kueue has 8 at most"


# More than there can be.


def asks(**quotas: dict[str, int]) -> TenantSettings:
    return TenantSettings(
        owners=("ann@example.com",), quota={key: QuotaSettings(**each) for key, each in quotas.items()}
    )


def test_quotas_within_the_groups_are_no_warning():
    there = flavors([SHARED, PLAIN])
    assert list(oversubscribed({"a": asks(g6={"nodes": 3}), "b": asks(g6={"nodes": 1})}, there)) == []


def test_the_plan_tells_by_how_much_quotas_exceed_the_groups():
    there = flavors([SHARED, PLAIN])
    (message,) = oversubscribed({"a": asks(g6={"nodes": 4}), "b": asks(g6={"nodes": 2}, cpu={"nodes": 4})}, there)
    assert message == (
        "tenants: the quotas of g6 come to 1.5 times what its node group can grow to (cpu 540 of 360, "
        "memory 5,859.38 of 3,906.25 GiB, nvidia.com/gpu 96 of 64); jobs that are let in may wait for nodes"
    )


def test_a_group_that_cannot_grow_has_nothing_to_share():
    there = flavors([replace(SHARED, max_size=0)])
    (message,) = oversubscribed({"a": asks(g6={"nodes": 1})}, there)
    assert "come to more than what its node group can grow to" in message


@given(st.lists(st.integers(1, 16), min_size=1, max_size=10))
def test_rounded_shares_of_all_accelerators_are_not_too_much(parts):
    """64 accelerators of 4 nodes, given away in any parts."""
    there = flavors([replace(SHARED, cpu_millis=90_001, memory_mib=100_003)])
    tenants = {f"t{index}": asks(g6={"accelerators": count}) for index, count in enumerate(parts)}
    assert bool(list(oversubscribed(tenants, there))) == (sum(parts) > 64)


def test_the_warning_is_the_plans():
    team = {"owners": ["ann@example.com"], "quota": {"gpu": {"nodes": 3}}}
    raw = patched({"tenants": {"a": team, "b": team}}, BASE)
    found = [each for each in warnings(parse(raw, TODAY), TODAY) if "the quotas of gpu" in each]
    assert len(found) == 1
    assert "1.5 times" in found[0]


# Kueue itself.


def configuration(handle: ClusterHandle, **settings: Any) -> dict[str, Any]:
    addon = CATALOGUE["kueue"]
    values = addon.values(handle, addon.settings.model_validate(settings))
    found: dict[str, Any] = yaml.safe_load(values["managerConfig"]["controllerManagerConfigYaml"])
    return found


@pytest.mark.parametrize("pool", [GANG, PLAIN, SHARED], ids=lambda pool: pool.group)
def test_all_that_a_size_asks_for_has_a_quota_or_needs_none(pool):
    """A job that asks for what is neither covered nor left out is never let in."""
    handle = cluster(pool, tenants=(tenant("ours", *(quota(each.name, each.capacity) for each in flavors([pool]))),))
    (group,) = queue(handle, "ours")["resourceGroups"]
    left_out = tuple(configuration(handle)["resources"]["excludeResourcePrefixes"])
    asked = {resource for size in sizes(pool) for resource in size.requests}
    assert {each for each in asked if not each.startswith(left_out)} == set(group["coveredResources"])
    assert "ephemeral-storage".startswith(left_out)


def test_a_job_has_the_time_that_the_slowest_nodes_and_images_take():
    handle = cluster(replace(GANG, provision_minutes=30), PLAIN)
    assert configuration(handle, pullMinutes=25)["waitForPodsReady"]["timeout"] == "55m"


@pytest.mark.parametrize(
    ("there", "settings", "kinds"),
    [
        ((), {}, {"batch/job"}),
        (("lws",), {}, {"batch/job"}),
        (("lws",), {"pods": True}, {"batch/job", "pod", "leaderworkerset.x-k8s.io/leaderworkerset"}),
        (("mpi-operator", "jobset"), {}, {"batch/job", "jobset.x-k8s.io/jobset", "kubeflow.org/mpijob"}),
        (("spark-operator",), {}, {"batch/job", "sparkoperator.k8s.io/sparkapplication"}),
    ],
)
def test_kueue_looks_after_the_jobs_that_somebody_runs(there, settings, kinds):
    found = configuration(cluster(PLAIN, addons=frozenset(there)), **settings)
    assert set(found["integrations"]["frameworks"]) == kinds


def test_spark_needs_a_gate_and_nothing_else_does():
    assert "featureGates" not in configuration(cluster(PLAIN, addons=frozenset({"jobset"})))
    gates = configuration(cluster(PLAIN, addons=frozenset({"spark-operator"})))["featureGates"]
    assert gates == {"SparkApplicationIntegration": True}


def test_notebooks_and_servers_are_never_queued_by_themselves():
    everywhere = configuration(charts.everything())["integrations"]["frameworks"]
    assert not {"pod", "deployment", "statefulset", "ray.io/rayservice"} & set(everywhere)
    # It would bring the pods' webhook with it.
    assert "leaderworkerset.x-k8s.io/leaderworkerset" not in everywhere


def test_the_cluster_of_a_ray_service_is_not_queued_as_one_of_a_person_would_be():
    """Kueue gives a RayCluster of an owner that it does not know the default queue, and refuses it if it scales."""
    with_ray = configuration(cluster(PLAIN, addons=frozenset({"kuberay-operator"})))["integrations"]
    assert with_ray["externalFrameworks"] == ["RayService.v1.ray.io"]
    assert "externalFrameworks" not in configuration(cluster(PLAIN))["integrations"]


def test_the_autoscaler_reads_requests_where_there_is_their_kind():
    addon = CATALOGUE["cluster-autoscaler"]
    on, off = (
        addon.values(cluster(PLAIN, addons=frozenset(there)), addon.settings())
        for there in (("provisioning-request-crd",), ())
    )
    assert on["extraArgs"]["enable-provisioning-requests"] == "true"
    assert on["extraArgs"]["kube-api-content-type"] == "application/json"
    assert "enable-provisioning-requests" not in off["extraArgs"]
    assert "additionalRules" not in off["rbac"]


def test_kueue_starts_anew_when_it_may_ask_for_nodes():
    """It looks for the kind of the requests once; nothing else in its pods would change."""
    addon = CATALOGUE["kueue"]
    before, after = (
        addon.values(cluster(PLAIN, addons=frozenset(there)), addon.settings())["controllerManager"]["manager"]
        for there in ((), ("provisioning-request-crd",))
    )
    assert before["podAnnotations"] != after["podAnnotations"]


def test_kueue_is_measured_where_somebody_measures():
    addon = CATALOGUE["kueue"]
    on, off = (
        addon.values(cluster(PLAIN, addons=frozenset(there)), addon.settings())["enablePrometheus"]
        for there in (("kube-prometheus-stack",), ())
    )
    assert (on, off) == (True, False)
    assert configuration(cluster(PLAIN))["metrics"]["enableClusterQueueResources"] is True


def test_priorities_in_the_queue_are_those_of_pods():
    classes = {
        name: each["value"] for (kind, name), each in built(cluster()).items() if kind == "WorkloadPriorityClass"
    }
    addon: Any = CATALOGUE["priority-classes"]
    pods = {each["metadata"]["name"]: each["value"] for each in addon.source.build(cluster(), addon.settings())}
    assert classes == pods
    assert classes["slipway-training"] == 10_000
