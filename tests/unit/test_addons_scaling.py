"""What the add-ons of scaling, descheduling and image pulls decide."""

import json
from dataclasses import replace
from typing import Any

import pytest

from addons import registry
from addons.settings import AddonsSettings
from addons.spec import AddOn
from infra.catalog import names
from infra.handle import NotebookImage, Registry
from infra.problems import SettingsError
from tests.contract import charts

CATALOGUE = registry.discover()
PYTORCH = "nvcr.io/nvidia/pytorch:26.06-py3"


@pytest.fixture(name="known", autouse=True)
def _known():
    yield from charts.resolver()


def settings_of(addon: AddOn[Any], raw: dict[str, Any]) -> Any:
    return addon.settings.model_validate(raw)


def values(name: str, handle: Any = None, **raw: Any) -> dict[str, Any]:
    addon = CATALOGUE[name]
    found: dict[str, Any] = addon.values(handle or charts.fake_handle(), settings_of(addon, raw))
    return found


def objects(name: str, handle: Any, **raw: Any) -> list[dict[str, Any]]:
    addon = CATALOGUE[name]
    source: Any = addon.source
    return [dict(item) for item in source.build(handle, settings_of(addon, raw))]


def policy(name: str, handle: Any, **raw: Any) -> Any:
    addon = CATALOGUE[name]
    identity: Any = addon.identities[0]
    return identity.policy(handle, settings_of(addon, raw))


# Karpenter.


@pytest.mark.parametrize(("nodes", "replicas"), [((1,), 1), ((2,), 2), ((1, 1), 2), ((0, 1), 1)])
def test_a_second_karpenter_has_a_node_of_its_own(nodes, replicas):
    """Its pods never share a node: where there is one system node, Helm would wait for the second for ever."""
    pools = tuple(replace(charts.SYSTEM, name=f"system-{index}", min_size=size) for index, size in enumerate(nodes))
    assert values("karpenter", charts.fake_handle(node_pools=pools))["replicas"] == replicas


def test_the_alpha_feature_is_on_only_where_it_is_needed():
    karpenter = charts.karpenter()
    assert values("karpenter")["settings"]["featureGates"]["nodeOverlay"] is True
    plain = replace(karpenter, pools=karpenter.pools[:1])
    gates = values("karpenter", charts.fake_handle(karpenter=plain))["settings"]["featureGates"]
    assert gates["nodeOverlay"] is False
    assert not [
        item for item in objects("karpenter-node-pools", charts.fake_handle(karpenter=plain)) if "Over" in item["kind"]
    ]


def test_a_private_cluster_asks_for_no_prices():
    assert values("karpenter", charts.fake_handle(internet=False))["settings"]["isolatedVPC"] is True
    assert values("karpenter")["settings"]["isolatedVPC"] is False


def test_karpenter_without_its_queue_is_refused():
    with pytest.raises(ValueError, match="no queue"):
        values("karpenter", charts.fake_handle(karpenter=None))


def test_karpenter_ends_and_tags_only_instances_of_its_own_cluster(known):
    document = known(policy("karpenter", charts.fake_handle()))
    changing = {"ec2:TerminateInstances", "ec2:DeleteLaunchTemplate", "ec2:CreateTags", "ec2:CreateLaunchTemplate"}
    for statement in document["Statement"]:
        if changing & set(statement["Action"]):
            equals = statement["Condition"]["StringEquals"]
            assert any(
                key.endswith("/kubernetes.io/cluster/acme") and value == "owned" for key, value in equals.items()
            )


# Descheduler.


def test_the_descheduler_sees_no_accelerated_node():
    """It reads the selector as Kubernetes does: `!key` is a node without the label, which every accelerated one has."""
    assert values("descheduler")["deschedulerPolicy"]["nodeSelector"] == f"!{names.ACCELERATOR_LABEL}"


def test_the_descheduler_lets_training_notebooks_and_serving_be():
    classes = objects("priority-classes", charts.fake_handle())
    threshold = values("descheduler")["deschedulerPolicy"]["profiles"][0]["pluginConfig"][0]["args"][
        "priorityThreshold"
    ]
    stay = {item["metadata"]["name"] for item in classes if item["value"] >= threshold["value"]}
    assert stay == {"slipway-training", "slipway-interactive", "slipway-serving"}


def test_the_descheduler_does_not_work_against_the_autoscaler():
    plugins = values("descheduler")["deschedulerPolicy"]["profiles"][0]["plugins"]
    assert "LowNodeUtilization" not in json.dumps(plugins)


# Prometheus adapter.


@pytest.mark.parametrize(
    ("rule", "query"),
    [
        ({"series": "waiting", "name": "w"}, "sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)"),
        (
            {"series": "requests_total", "name": "r", "aggregate": "max", "rateMinutes": 2},
            "max(rate(<<.Series>>{<<.LabelMatchers>>}[2m])) by (<<.GroupBy>>)",
        ),
    ],
)
def test_a_rule_becomes_a_query(rule, query):
    custom = values("prometheus-adapter", rules=[rule])["rules"]["custom"]
    assert custom[-1]["metricsQuery"] == query
    assert custom[-1]["seriesQuery"] == f'{rule["series"]}{{namespace!="",pod!=""}}'


def test_gpus_can_be_scaled_by_what_dcgm_says():
    custom = values("prometheus-adapter")["rules"]["custom"]
    assert {item["name"]["as"]: item["seriesQuery"].partition("{")[0] for item in custom} == {
        "gpu_utilization": "DCGM_FI_DEV_GPU_UTIL",
        "gpu_tensor_active": "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE",
        "gpu_memory_used_mib": "DCGM_FI_DEV_FB_USED",
    }


@charts.needs_reference
def test_external_metrics_are_keda_s_alone():
    """Both as owners of one APIService would take it from each other at every installation."""
    owned = {
        name: set(charts.chart_facts(name).get("api_services", []))
        for name in ("keda", "prometheus-adapter", "metrics-server")
    }
    assert "external" not in values("prometheus-adapter")["rules"]
    assert all(not owned[a] & owned[b] for a in owned for b in owned if a != b)


# KEDA.


@pytest.mark.parametrize("queues", [(), ("inference-*",), ("a", "b")])
def test_keda_reads_only_the_queues_that_it_is_told(queues, known):
    document = known(policy("keda", charts.fake_handle(), queues=queues, prometheus=False))
    expected = {
        "Effect": "Allow",
        "Action": ["sqs:GetQueueAttributes"],
        "Resource": [f"arn:aws:sqs:us-west-2:111122223333:{name}" for name in queues],
    }
    assert (document and document["Statement"]) == ([expected] if queues else None)


# Image pre-pull.


def handle_with(mirrors: dict[str, str], *built: tuple[str, Any]) -> Any:
    images = tuple(NotebookImage(name=name, accelerator=kind, uri=charts.out(f"ecr/{name}:1")) for name, kind in built)
    return charts.fake_handle(
        registry=Registry(host=charts.out("ecr"), repositories={}, mirrors=mirrors, notebook_images=images)
    )


def pulled(known: Any, handle: Any, **raw: Any) -> dict[str, list[str]]:
    return {
        item["metadata"]["name"]: [each["image"] for each in item["spec"]["template"]["spec"]["initContainers"]]
        for item in known(objects("image-prepull", handle, **raw))
    }


def test_notebook_images_are_pulled_where_they_run(known):
    handle = handle_with({}, ("gpu", "nvidia"), ("cpu", None), ("neuron", "neuron"))
    assert pulled(known, handle) == {"image-prepull-nvidia": ["ecr/gpu:1"], "image-prepull-neuron": ["ecr/neuron:1"]}


def test_named_images_come_in_place_of_the_stack_s_own(known):
    handle = handle_with({}, ("gpu", "nvidia"))
    assert pulled(known, handle, images={"nvidia": [PYTORCH]}) == {"image-prepull-nvidia": [PYTORCH]}
    assert pulled(known, handle, images={"nvidia": []}) == {}


def test_a_mirrored_image_is_pulled_from_the_mirror(known):
    handle = handle_with({"nvcr.io": "acme/nvcr.io"})
    assert pulled(known, handle, images={"nvidia": [PYTORCH]}) == {
        "image-prepull-nvidia": ["ecr/acme/nvcr.io/nvidia/pytorch:26.06-py3"]
    }


def test_kinds_that_the_cluster_has_not_are_left_out(known):
    handle = charts.fake_handle(node_pools=(charts.SYSTEM,))
    assert pulled(known, handle, images={"nvidia": [PYTORCH]}) == {}


def test_it_reaches_tainted_nodes_of_its_kind_and_no_other(known):
    handle = charts.fake_handle()
    for item in known(objects("image-prepull", handle, images={"nvidia": [PYTORCH], "fpga": ["acme/f:1"]})):
        spec = item["spec"]["template"]["spec"]
        kind = item["metadata"]["name"].rpartition("-")[2]
        assert spec["nodeSelector"] == {"slipway.io/accelerator": kind}
        assert all(taint.toleration in spec["tolerations"] for taint in handle.taints)


def test_nobody_waits_until_every_node_has_pulled(known):
    # A tenth of the nodes at a time, minutes for each: `up` would fail long before the last one.
    (item,) = known(objects("image-prepull", handle_with({}, ("gpu", "nvidia"))))
    assert item["metadata"]["annotations"] == {"pulumi.com/skipAwait": "true"}


@pytest.mark.parametrize("image", ["nvcr.io/nvidia/pytorch", "PyTorch:1", "a b:1", "a/b@sha256:12", ":1"])
def test_an_image_without_a_version_is_refused(image):
    chosen = AddonsSettings.model_validate(
        {
            "preset": "minimal",
            "enable": ["image-prepull"],
            "settings": {"image-prepull": {"images": {"nvidia": [image]}}},
        }
    )
    with pytest.raises(SettingsError, match=r"images\.nvidia\[0\]"):
        registry.select(chosen)


# Together.


def test_one_autoscaler_of_nodes_at_a_time():
    both = AddonsSettings(preset="minimal", enable=("karpenter-crd", "karpenter", "karpenter-node-pools"))
    assert [problem.message for problem in registry.problems(both)] == [
        "cluster-autoscaler conflicts with karpenter; add cluster-autoscaler to addons.disable"
    ]
