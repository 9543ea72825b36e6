"""The add-ons of accelerators: what they hand out, expose and divide, and where they are of no use."""

import re
from dataclasses import replace
from typing import Any

import pytest
import yaml

from addons import registry
from addons.catalog.accelerators.dcgm_exporter import METRICS
from addons.monitoring.series import DCGM_FIELDS
from addons.settings import AddonsSettings
from addons.values import values_of
from infra.catalog import mig
from infra.catalog.instances import accelerated_types
from infra.handle import GpuSharing
from tests.contract import charts

CATALOGUE = registry.discover()
TIME_SLICING = GpuSharing(mode="time-slicing", config="time-slicing-4", replicas=4)
SINGLE = GpuSharing(mode="mig", config="mig-single", mig_strategy="single", mig_profile="1g.5gb")
MIXED = GpuSharing(mode="mig", config="mig-mixed", mig_strategy="mixed", mig_profile="1g.5gb")


@pytest.fixture(name="known")
def _known():
    yield from charts.resolver()


@pytest.fixture(name="values")
def _values(known):
    def values(name: str, settings: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
        addon = CATALOGUE[name]
        parsed = addon.settings.model_validate(settings or {})
        found: dict[str, Any] = known(values_of(addon, parsed, charts.fake_handle(**changes), {}))
        return found

    return values


@pytest.fixture(name="reason")
def _reason(known):  # noqa: ARG001  # a handle is made of Outputs, which need the loop
    return lambda name, **changes: CATALOGUE[name].applies(charts.fake_handle(**changes))


# Who hands out what.


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("nvidia-device-plugin", "gpu-operator"),
        ("nvidia-device-plugin", "hami"),
        ("gpu-operator", "hami"),
        ("aws-efa-k8s-device-plugin", "aws-dranet"),
        ("gpu-operator", "dra-driver-nvidia-gpu"),
    ],
)
def test_a_device_has_one_owner(one, other):
    assert one in CATALOGUE[other].conflicts
    assert other in CATALOGUE[one].conflicts


def test_the_operator_takes_the_place_of_the_plugin():
    asked = AddonsSettings(
        preset="training",
        enable=("gpu-operator", "node-feature-discovery", "dcgm-exporter"),
        disable=("nvidia-device-plugin",),
    )
    assert registry.problems(asked, CATALOGUE) == []
    (problem,) = registry.problems(asked.model_copy(update={"disable": ()}), CATALOGUE)
    assert "gpu-operator conflicts with nvidia-device-plugin" in problem.message


# DCGM exporter.


def test_alerts_and_dashboards_find_what_they_stand_on():
    assert set(DCGM_FIELDS) <= set(METRICS)


def test_broken_and_throttled_gpus_can_be_seen():
    for part in ("XID_ERRORS", "ECC_DBE", "ECC_SBE", "CLOCKS_EVENT", "NVLINK_CRC", "ROW_REMAP_FAILURE"):
        assert [field for field in METRICS if part in field], part


def test_metrics_are_lines_of_the_format_of_the_exporter(values):
    lines = values("dcgm-exporter")["customMetrics"].splitlines()
    matches = [re.fullmatch(r"(DCGM_[A-Z0-9_]+), (gauge|counter|label), [^,]+\.", line) for line in lines]
    assert [match and match[1] for match in matches] == list(METRICS)


@charts.needs_reference
def test_metrics_are_fields_of_this_exporter_with_its_types():
    text = (charts.REFERENCE / "dcgm-exporter" / "metrics" / "default-counters.csv").read_text()
    seen = dict(re.findall(r"^#? ?(DCGM_\w+) *, *(\w+) *,", text, re.MULTILINE))
    # Not in the list, but in DCGM since 4.0.
    assert {field for field in METRICS if field not in seen} == {"DCGM_FI_DEV_CLOCKS_EVENT_REASONS"}
    assert {field: kind for field, (kind, _) in METRICS.items() if field in seen and seen[field] != kind} == {}


def test_pods_on_slices_are_named_each(values):
    assert "extraEnv" not in values("dcgm-exporter")
    shared = values("dcgm-exporter", node_pools=(charts.SYSTEM, charts.pool(sharing=TIME_SLICING)))
    assert shared["extraEnv"] == [{"name": "KUBERNETES_VIRTUAL_GPUS", "value": "true"}]


def test_the_exporter_reads_pods_only_where_somebody_wants_their_labels(values):
    assert "kubernetes" not in values("dcgm-exporter")
    assert values("dcgm-exporter", {"podLabels": ["^app$"]})["kubernetes"]["enablePodLabels"] is True


# GPU operator.


def test_the_operator_installs_no_driver_and_no_second_owner_of_labels_and_metrics(values):
    found = values("gpu-operator")
    for off in ("driver", "toolkit", "nfd", "dcgmExporter", "migManager"):
        assert found[off] == {"enabled": False}, off


def test_the_operator_has_the_configurations_of_the_plain_plugin(values):
    pools = (charts.SYSTEM, charts.pool(sharing=TIME_SLICING), charts.pool("mig", sharing=MIXED))
    plain = values("nvidia-device-plugin", node_pools=pools)["config"]
    ours = values("gpu-operator", node_pools=pools)["devicePlugin"]["config"]
    assert (ours["data"], ours["default"]) == (plain["map"], plain["default"])
    # With `create`, the chart wants both.
    assert ours["create"] is True
    assert ours["name"]


@pytest.mark.parametrize(
    ("sharing", "strategy"), [((), "single"), ((SINGLE,), "single"), ((MIXED, TIME_SLICING), "mixed")]
)
def test_the_strategy_is_that_of_the_groups(sharing, strategy, values):
    pools = (charts.SYSTEM, *(charts.pool(f"g-{item.config}", sharing=item) for item in sharing))
    assert values("gpu-operator", node_pools=pools)["mig"] == {"strategy": strategy}


def test_where_groups_differ_each_node_has_its_own_strategy(values):
    """A strategy in the environment would win over every configuration."""
    pools = tuple(charts.pool(f"g-{item.config}", sharing=item) for item in (SINGLE, MIXED))
    found = values("gpu-operator", node_pools=pools)
    assert found["mig"] == {"strategy": ""}
    flags = {name: yaml.safe_load(text)["flags"] for name, text in found["devicePlugin"]["config"]["data"].items()}
    assert (flags["mig-single"], flags["mig-mixed"]) == ({"migStrategy": "single"}, {"migStrategy": "mixed"})


def test_mig_manager_touches_no_node_that_nobody_labelled(values):
    """With the chart's default, the operator would label nodes `all-disabled`, and undo what they did at boot."""
    config = values("gpu-operator", {"migManager": True})["migManager"]["config"]
    assert config["default"] == ""
    assert (config["create"], list(config["data"])) == (True, ["config.yaml"])


def layouts(values: Any, *types: str) -> dict[str, Any]:
    pools = tuple(charts.pool(f"g{index}", instance_type=kind) for index, kind in enumerate(types))
    config = values("gpu-operator", {"migManager": True}, node_pools=pools)["migManager"]["config"]
    found: dict[str, Any] = yaml.safe_load(config["data"]["config.yaml"])["mig-configs"]
    return found


def test_mig_manager_knows_the_profiles_of_the_cluster_s_gpus(values):
    found = layouts(values, "p5.48xlarge")
    assert found["all-1g.10gb"] == [{"devices": "all", "mig-enabled": True, "mig-devices": {"1g.10gb": 7}}]
    assert found["all-3g.40gb"][0]["mig-devices"] == {"3g.40gb": 2}
    assert found["all-disabled"] == [{"devices": "all", "mig-enabled": False}]


@pytest.mark.parametrize("types", [("g5.12xlarge",), ("p5.48xlarge", "p6-b300.48xlarge")])
def test_where_profiles_are_not_known_each_node_finds_its_own(types, values):
    pools = tuple(charts.pool(f"g{index}", instance_type=kind) for index, kind in enumerate(types))
    found = values("gpu-operator", {"migManager": True}, node_pools=pools)
    assert found["migManager"] == {"enabled": True, "config": {"default": ""}}


def test_a_profile_that_fits_differently_often_has_a_name_for_each(values):
    found = layouts(values, "p4d.24xlarge", "p5.48xlarge")
    assert "all-1g.10gb" not in found
    assert found["all-1g.10gb-4"][0]["mig-devices"] == {"1g.10gb": 4}
    assert found["all-1g.10gb-7"][0]["mig-devices"] == {"1g.10gb": 7}


@pytest.mark.parametrize("kind", [kind for kind in accelerated_types() if mig.profiles(kind)])
def test_every_layout_fits_its_gpu(kind, values):
    made = [part for parts in layouts(values, kind).values() for part in parts if part.get("mig-devices")]
    assert {name: count for part in made for name, count in part["mig-devices"].items()} == dict(mig.profiles(kind))


# DRA driver.


def test_compute_domains_are_made_on_ultraservers_alone(values, reason):
    assert "p6e" in reason("dra-driver-nvidia-gpu")
    pools = (charts.SYSTEM, charts.pool("gpu"), charts.pool("ultra", instance_type="p6e-gb200.36xlarge"))
    assert reason("dra-driver-nvidia-gpu", node_pools=pools) is None
    found = values("dra-driver-nvidia-gpu", node_pools=pools)
    # The chart refuses GPUs by claims beside a device plugin.
    assert found["resources"] == {"gpus": {"enabled": False}}
    (term,) = found["kubeletPlugin"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][
        "nodeSelectorTerms"
    ]
    assert [item["values"] for item in term["matchExpressions"]] == [["p6e-gb200.36xlarge"]]


# EFA by claims.


def test_efa_by_claims_needs_efa_and_a_new_cluster(reason):
    assert reason("aws-dranet") is None
    assert reason("aws-dranet", kubernetes_version="1.34") == "it needs Kubernetes 1.35 or newer"
    assert reason("aws-dranet", node_pools=(charts.SYSTEM,)) == "no node group has EFA"


@pytest.mark.parametrize("region", ["us-west-2", "eu-south-2", "cn-north-1"])
def test_its_image_comes_from_the_region_s_own_registry(region, values):
    efa = values("aws-efa-k8s-device-plugin", region=region)["image"]["repository"]
    assert values("aws-dranet", region=region)["image"]["repository"] == efa.replace(
        "aws-efa-k8s-device-plugin", "dranet"
    )


# HAMi.


def test_hami_pulls_its_scheduler_of_the_cluster_s_minor_and_not_from_china(values):
    image = values("hami", kubernetes_version="1.34")["scheduler"]["kubeScheduler"]["image"]
    assert image == {"registry": "registry.k8s.io", "repository": "kube-scheduler", "tag": "v1.34.0"}


def test_hami_opens_no_port_on_nodes_and_leaves_the_system_alone(values):
    found = values("hami")
    assert {found[part]["service"]["type"] for part in ("scheduler", "devicePlugin")} == {"ClusterIP"}
    assert found["scheduler"]["admissionWebhook"]["whitelistNamespaces"] == ["kube-system"]


def test_hami_needs_a_labelled_group(reason):
    labelled = replace(charts.pool(), labels={"gpu": "on"})
    assert reason("hami", node_pools=(charts.SYSTEM, labelled)) is None
    assert 'gpu: "on"' in reason("hami")
    assert reason("hami", node_pools=(charts.SYSTEM,)) == "no node group has NVIDIA GPUs"


# Neuron.


def test_neuron_looks_for_the_types_of_the_stack(values, reason):
    assert values("neuron")["neuronInstances"] == ["trn1.32xlarge"]
    assert values("neuron", {"instanceTypes": ["trn9.xlarge"]})["neuronInstances"] == ["trn1.32xlarge", "trn9.xlarge"]
    assert "neuronInstances" not in values("neuron", node_pools=(charts.SYSTEM,))
    assert reason("neuron", node_pools=(charts.SYSTEM,)) == "no node group has Neuron devices"


def test_neuron_s_scheduler_is_of_the_cluster_s_minor(values):
    assert "scheduler" not in values("neuron")
    found = values("neuron", {"scheduler": True}, kubernetes_version="1.36")["scheduler"]
    assert found["customScheduler"]["image"] == {"repository": "registry.k8s.io/kube-scheduler", "tag": "v1.36.0"}


def test_neuron_uses_no_namespace_that_nobody_makes(values):
    assert values("neuron")["npd"]["namespaceOverride"] == CATALOGUE["neuron"].namespace == "kube-system"


def test_only_recovery_may_have_nodes_replaced_and_only_this_cluster_s(known):
    addon = CATALOGUE["neuron"]
    (identity,) = addon.identities
    assert identity.policy is not None
    handle = charts.fake_handle()
    assert identity.policy(handle, addon.settings()) is None
    document = known(identity.policy(handle, addon.settings.model_validate({"nodeRecovery": True})))
    (statement,) = [item for item in document["Statement"] if "autoscaling:SetInstanceHealth" in item["Action"]]
    assert statement["Resource"] == "arn:aws:autoscaling:us-west-2:111122223333:autoScalingGroup:*"
    assert "aws:ResourceTag/k8s.io/cluster-autoscaler/acme" in statement["Condition"]["StringEquals"]
