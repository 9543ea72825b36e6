"""Queues of Volcano and KAI, and MultiKueue's, made of plain data."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from addons import registry
from addons.batch_queues import network_levels, share
from addons.tenants import TenantsSettings, objects
from addons.values import objects_of
from infra.handle import ClusterHandle, Tenant, TenantQuota
from tests.contract import charts

CATALOGUE = registry.discover()
GPU, EFA = "nvidia.com/gpu", "vpc.amazonaws.com/efa"
H100 = charts.pool("h100", instance_type="p5.48xlarge", efa=32)
B200 = charts.pool("b200", instance_type="p6-b200.48xlarge", efa=8)
CPU = replace(charts.pool("cpu", instance_type="m7i.4xlarge", accelerator=None, efa=0), system=False, devices={})
RESOURCES = ("cpu", "memory", GPU, EFA)


def whoever() -> Tenant:
    """Outputs need an event loop, so nobody is made while this is read."""
    return charts.tenants()[0]


@pytest.fixture(name="known", autouse=True)
def _known():
    yield from charts.resolver()


def quota(flavor: str, nominal: Mapping[str, int], **limits: Any) -> TenantQuota:
    return TenantQuota(flavor=flavor, nominal=nominal, borrow=limits.get("borrow"), lend=limits.get("lend"))


def cluster(*pools: Any, **changes: Any) -> ClusterHandle:
    return charts.fake_handle(node_pools=(charts.SYSTEM, *pools), karpenter=None, **changes)


def built(name: str, handle: ClusterHandle, **settings: Any) -> dict[str, dict[str, Any]]:
    addon = CATALOGUE[name]
    made = objects_of(addon, addon.settings.model_validate(settings), handle)
    return {f"{each['kind']}/{each['metadata']['name']}": each for each in made}


AMOUNT = st.dictionaries(st.sampled_from(RESOURCES), st.integers(1, 10_000), min_size=1)


@st.composite
def quotas(draw: st.DrawFn) -> tuple[TenantQuota, ...]:
    found = []
    for index in range(draw(st.integers(1, 4))):
        nominal = draw(AMOUNT)
        parts = {
            each: st.one_of(st.none(), st.fixed_dictionaries({key: st.integers(0, 20_000) for key in nominal}))
            for each in ("borrow", "lend")
        }
        found.append(quota(f"f{index}", nominal, **{key: draw(each) for key, each in parts.items()}))
    return tuple(found)


@given(quotas())
def test_what_is_kept_is_own_and_what_is_own_is_allowed(found):
    """Volcano's webhook refuses a queue whose guarantee is above deserved, or deserved above capability."""
    total = share(replace(whoever(), quotas=found), RESOURCES)
    assert all(count <= total.own[each] for each, count in total.kept.items())
    assert all(total.own[each] <= total.most[each] for each in total.own.keys() & total.most.keys())
    assert total.own == {
        each: amount for each in RESOURCES if (amount := sum(one.nominal.get(each, 0) for one in found))
    }
    # Whatever some flavour has without limit has none, and everything else has one.
    free = {each for one in found if one.borrow is None for each in one.nominal}
    assert total.most.keys() == set(RESOURCES) - free


def test_shares_are_summed_over_flavours():
    found = (
        quota("h100", {"cpu": 100, GPU: 8}, borrow={"cpu": 50, GPU: 4}, lend={"cpu": 100, GPU: 6}),
        quota("b200", {"cpu": 10, GPU: 2}, borrow={"cpu": 0, GPU: 0}),
    )
    total = share(replace(whoever(), quotas=found), RESOURCES)
    assert total.own == {"cpu": 110, GPU: 10}
    assert total.most == {"cpu": 160, "memory": 0, GPU: 14, EFA: 0}
    assert total.kept == {GPU: 2}


def test_volcano_s_queue_holds_back_what_the_tenant_has_no_part_in():
    """What a capability does not name has no limit."""
    tenant = replace(
        whoever(),
        quotas=(
            quota(
                "cpu",
                {"cpu": 64_500, "memory": 262_144},
                borrow={"cpu": 0, "memory": 0},
                lend={"cpu": 0, "memory": 1024},
            ),
        ),
    )
    found = built("volcano-queues", cluster(CPU, replace(H100, devices={GPU: 8}), tenants=(tenant,)))
    spec = found["Queue/language"]["spec"]
    assert spec == {
        "reclaimable": True,
        "weight": 1,
        "deserved": {"cpu": "64500m", "memory": "256Gi"},
        "capability": {"cpu": "64500m", "memory": "256Gi", GPU: "0", EFA: "0"},
        "guarantee": {"resource": {"cpu": "64500m", "memory": "255Gi"}},
    }


def test_a_tenant_without_quotas_takes_what_is_idle():
    tenant = replace(whoever(), quotas=())
    handle = cluster(CPU, tenants=(tenant,))
    assert built("volcano-queues", handle)["Queue/language"]["spec"] == {"reclaimable": True, "weight": 1}
    resources = built("kai-queues", handle)["Queue/language"]["spec"]["resources"]
    assert {(each["quota"], each["limit"]) for each in resources.values()} == {(0, -1)}


def test_volcano_puts_jobs_that_name_no_queue_in_their_tenant_s():
    """pkg/webhooks/admission/podgroups/mutate reads the annotation, where the webhook is on."""
    key = "scheduling.volcano.sh/queue-name"
    handle = cluster(H100, tenants=(whoever(),), addons=frozenset({"volcano-queues"}))
    (space,) = [each for each in objects(handle, whoever(), TenantsSettings()) if each["kind"] == "Namespace"]
    assert space["metadata"]["annotations"][key] == "language"
    (plain,) = [each for each in objects(cluster(H100), whoever(), TenantsSettings()) if each["kind"] == "Namespace"]
    assert key not in plain["metadata"].get("annotations", {})
    assert "/podgroups/mutate" in volcano(handle)["enabled_admissions"].split(",")


def test_kai_counts_memory_in_megabytes_and_gpus_alone():
    """Its documentation, docs/queues: millicores, MB of 10^6 bytes, GPUs."""
    tenant = replace(
        whoever(),
        quotas=(
            quota(
                "h100-usw2-az1", {"cpu": 1500, "memory": 1000, GPU: 8, EFA: 32}, borrow={"cpu": 0, "memory": 0, GPU: 2}
            ),
        ),
    )
    found = built("kai-queues", cluster(replace(H100, devices={GPU: 8}), tenants=(tenant,)))
    assert found["Queue/language"]["spec"] == {
        "displayName": "language",
        "parentQueue": "all-tenants",
        "resources": {
            "cpu": {"quota": 1500, "limit": 1500, "overQuotaWeight": 1},
            "memory": {"quota": 1048, "limit": 1048, "overQuotaWeight": 1},
            "gpu": {"quota": 8, "limit": 10, "overQuotaWeight": 1},
        },
    }
    assert found["Queue/all-tenants"]["spec"]["resources"]["gpu"]["limit"] == -1


def test_the_network_is_told_as_far_as_all_nodes_with_efa_know_it():
    zone, host = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
    layers = [f"topology.k8s.aws/network-node-layer-{index}" for index in (1, 2, 3, 4)]
    assert network_levels(cluster(CPU)) == (zone, host)
    assert network_levels(cluster(CPU, B200)) == (zone, *layers, host)
    assert network_levels(cluster(CPU, B200, H100)) == (zone, *layers[:3], host)
    levels = built("kai-queues", cluster(H100))["Topology/network"]["spec"]["levels"]
    # A rule of its CRD: nodes at the end, and there alone.
    assert [each["nodeLabel"] for each in levels].index(host) == len(levels) - 1


def volcano(handle: ClusterHandle) -> dict[str, Any]:
    addon = CATALOGUE["volcano"]
    values: dict[str, Any] = addon.values(handle, addon.settings())["custom"]
    return values


def test_volcano_lets_the_autoscaler_see_pods_that_no_node_has_room_for():
    """`enqueue` would hold back jobs for which there are no nodes yet (pkg/scheduler/actions/allocate)."""
    found = yaml.safe_load(volcano(cluster(replace(H100, devices={GPU: 8})))["scheduler_config_override"])
    actions = found["actions"].split(", ")
    assert "enqueue" not in actions
    assert {"allocate", "preempt", "reclaim", "backfill"} == set(actions)
    plugins = {plugin["name"]: plugin for tier in found["tiers"] for plugin in tier["plugins"]}
    # Both divide the cluster, and they cannot be together.
    assert "capacity" in plugins
    assert "proportion" not in plugins
    assert {"gang", "predicates", "nodeorder", "network-topology-aware"} <= plugins.keys()
    assert plugins["binpack"]["arguments"] == {"binpack.resources": GPU, f"binpack.resources.{GPU}": 10}


def test_volcano_finds_the_network_by_labels():
    override = volcano(cluster(H100))["controller_config_override"]
    (source,) = override["networkTopologyDiscovery"]
    labels = [each["nodeLabel"] for each in source["config"]["networkTopologyTypes"]["ec2"]]
    # From wide to narrow, the node's own last: it is taken off (pkg/controllers/hypernode/discovery/label).
    assert labels == list(network_levels(cluster(H100)))
    assert labels[-1] == "kubernetes.io/hostname"


@pytest.mark.parametrize(
    ("addons", "own", "expected"),
    [
        ((), {}, ""),
        (("volcano",), {}, "volcano"),
        (("kai-scheduler",), {}, "kai-scheduler"),
        (("volcano",), {"batchScheduler": "yunikorn"}, "yunikorn"),
    ],
)
def test_ray_is_placed_by_the_scheduler_that_is_there(addons, own, expected):
    addon = CATALOGUE["kuberay-operator"]
    handle = cluster(H100, addons=frozenset(addons))
    assert addon.values(handle, addon.settings.model_validate(own))["batchScheduler"]["name"] == expected


def test_spark_may_name_volcano_where_it_is():
    addon = CATALOGUE["spark-operator"]
    for addons in (frozenset(), frozenset({"volcano"})):
        values = addon.values(cluster(H100, addons=addons), addon.settings())
        assert values["controller"]["batchScheduler"]["enable"] is bool(addons)


def test_kai_has_a_queue_of_its_own_where_tenants_have_none():
    addon = CATALOGUE["kai-scheduler"]
    for addons in (frozenset(), frozenset({"kai-queues"})):
        values = addon.values(cluster(H100, addons=addons), addon.settings())
        assert values["defaultQueue"]["createDefaultQueue"] is not bool(addons)


def test_kai_s_parts_come_from_the_mirror_where_there_is_one(known):
    host = "111122223333.dkr.ecr.us-west-2.amazonaws.com"
    mirrored = replace(charts.registry(), mirrors={"ghcr.io": "acme/ghcr.io"})
    config = built("kai-config", cluster(H100))["Config/kai-config"]
    found = known(config)["spec"]["scheduler"]["service"]["image"]
    assert found["repository"] == "ghcr.io/kai-scheduler/kai-scheduler"
    assert (found["name"], found["tag"]) == ("scheduler", "v0.17.0")
    config = built("kai-config", cluster(H100, registry=mirrored))["Config/kai-config"]
    image = known(config)["spec"]["binder"]["service"]["image"]
    assert image["repository"].startswith(f"{host}/acme/ghcr.io")
    assert image["repository"].endswith("kai-scheduler/kai-scheduler")


# MultiKueue.

CLUSTERS = {"datacentre": {"secret": "acme/clusters/datacentre"}, "frankfurt": {"secret": "acme/clusters/frankfurt"}}


def test_clusters_are_asked_in_the_order_of_prefer_and_not_of_the_mapping():
    """Pulumi hands mappings over by the alphabet."""
    for names in (["datacentre", "frankfurt"], ["frankfurt", "datacentre"]):
        clusters = {each: CLUSTERS[each] for each in names}
        for prefer, expected in (([], ["datacentre", "frankfurt"]), (["frankfurt"], ["frankfurt", "datacentre"])):
            found = built("multikueue", cluster(H100), clusters=clusters, prefer=prefer, quota={"cpu": "8"})
            assert found["MultiKueueConfig/burst"]["spec"]["clusters"] == expected


def test_a_kubeconfig_comes_from_secrets_manager_under_the_key_that_kueue_reads():
    found = built("multikueue", cluster(H100), clusters=CLUSTERS, quota={"cpu": "8"})
    source = found["MultiKueueCluster/frankfurt"]["spec"]["clusterSource"]["kubeConfig"]
    assert source["locationType"] == "Secret"
    secret = found[f"ExternalSecret/{source['location']}"]
    assert secret["metadata"]["namespace"] == "kueue-system"
    assert secret["spec"]["target"]["name"] == source["location"]
    assert secret["spec"]["data"] == [
        {"secretKey": "kubeconfig", "remoteRef": {"key": "acme/clusters/frankfurt", "property": "kubeconfig"}}
    ]


def test_the_check_is_of_the_whole_queue_and_alone():
    """Kueue takes MultiKueue neither for single flavours nor beside provisioning requests
    (pkg/cache/scheduler/clusterqueue.go: the queue would be inactive)."""
    found = built("multikueue", cluster(H100), clusters=CLUSTERS, quota={"cpu": "8", GPU: "64"})
    queue = found["ClusterQueue/burst"]["spec"]
    assert queue["admissionChecksStrategy"] == {"admissionChecks": [{"name": "multikueue"}]}
    assert found["AdmissionCheck/multikueue"]["spec"]["controllerName"] == "kueue.x-k8s.io/multikueue"
    (group,) = queue["resourceGroups"]
    assert group["coveredResources"] == ["cpu", GPU]
    assert [each["name"] for each in group["flavors"][0]["resources"]] == group["coveredResources"]
    # Nodes of no kind here.
    assert found["ResourceFlavor/burst"]["spec"] == {}


@pytest.mark.parametrize(
    ("addon", "expected"),
    [
        (None, {"default": "language"}),
        ("multikueue", {"default": "language", "burst": "burst"}),
        ("multikueue-worker", {"default": "language", "burst": "language"}),
    ],
)
def test_a_job_finds_a_queue_of_one_name_in_both_clusters(addon, expected):
    handle = cluster(H100, tenants=(whoever(),), addons=frozenset({addon} - {None}))
    assert {
        each["metadata"]["name"]: each["spec"]["clusterQueue"] for each in built("kueue-local-queues", handle).values()
    } == expected


def test_kueue_says_whose_jobs_it_sends_away():
    addon = CATALOGUE["kueue"]

    def configuration(**changes: Any) -> dict[str, Any]:
        values = addon.values(cluster(H100, **changes), addon.settings())
        found: dict[str, Any] = yaml.safe_load(values["managerConfig"]["controllerManagerConfigYaml"])
        return found

    assert "multiKueue" not in configuration()
    found = configuration(addons=frozenset({"multikueue"}), name="a" * 60 + "-bcd-efg")["multiKueue"]
    # A label's value: 63 characters, a letter or digit at its end.
    assert found["origin"] == "a" * 60 + "-bc"
    assert found["dispatcherName"] == "kueue.x-k8s.io/multikueue-dispatcher-incremental"


def rules(handle: ClusterHandle, **settings: Any) -> dict[tuple[str, str], set[str]]:
    found: dict[tuple[str, str], set[str]] = {}
    for rule in built("multikueue-worker", handle, **settings)["ClusterRole/multikueue"]["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                found.setdefault((group, resource), set()).update(rule["verbs"])
    return found


def test_another_cluster_may_bring_the_jobs_that_run_here():
    handle = cluster(H100, addons=frozenset({"jobset", "kuberay-operator"}))
    found = rules(handle)
    make = {"create", "delete", "get", "list", "watch"}
    assert found["batch", "jobs"] == found["jobset.x-k8s.io", "jobsets"] == make
    assert found["batch", "jobs/status"] == {"get"}
    assert found["ray.io", "rayclusters"] == {*make, "patch", "update"}
    assert found["kueue.x-k8s.io", "workloads"] == {*make, "patch", "update"}
    assert found["kueue.x-k8s.io", "workloads/status"] == {"get", "patch", "update"}
    assert ("trainer.kubeflow.org", "trainjobs") not in found
    assert ("", "pods") not in found
    assert rules(handle, pods=True)["", "pods"] == make
    groups = {group for group, _ in found}
    # Nobody's secrets, and no nodes.
    assert groups == {"batch", "jobset.x-k8s.io", "kueue.x-k8s.io", "ray.io"}


def test_no_token_is_in_a_state():
    assert not [each for each in built("multikueue-worker", cluster(H100)) if each.startswith("Secret/")]
