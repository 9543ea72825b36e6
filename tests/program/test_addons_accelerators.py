"""The add-ons of accelerators in recorded plans: their order, and what is left out where it would be of no use."""

import copy
from typing import Any

import pytest

from tests.program.addon_stacks import RELEASE, Recorded, of
from tests.program.conftest import ROOT, settings_of


def planned(file: str, enable: tuple[str, ...], disable: tuple[str, ...] = (), **settings: Any) -> Recorded:
    raw: dict[str, Any] = copy.deepcopy(dict(settings_of(ROOT / file)))
    raw["addons"] = {"preset": "training", "enable": enable, "disable": disable, "settings": settings}
    return of(raw)


def release(it: Recorded, name: str) -> Any:
    return it.plan.one(RELEASE, name).inputs


@pytest.fixture(name="operator", scope="module")
def _operator() -> Recorded:
    return planned(
        "stacks/config/Pulumi.prod.yaml",
        ("gpu-operator", "node-feature-discovery", "dcgm-exporter"),
        ("nvidia-device-plugin",),
        **{"gpu-operator": {"migManager": True}},
    )


def test_the_operator_comes_after_the_labels_that_it_looks_for(operator):
    (source,) = operator.source("gpu-operator")
    assert operator.source("node-feature-discovery") <= operator.behind[source]


def test_operator_and_exporter_reach_every_tainted_gpu_node(operator):
    for name, path in (("gpu-operator", ("daemonsets", "tolerations")), ("dcgm-exporter", ("tolerations",))):
        values = release(operator, name)["values"]
        for key in path:
            values = values[key]
        assert {"key": "nvidia.com/gpu", "operator": "Equal", "value": "present", "effect": "NoSchedule"} in values


@pytest.mark.parametrize("name", ["gpu-operator", "dcgm-exporter"])
def test_privileged_pods_have_a_namespace_of_their_own_that_lets_them_in(name, operator):
    (namespace,) = [each for each in operator.parts(name) if each.type == "kubernetes:core/v1:Namespace"]
    assert namespace.inputs["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "privileged"
    assert release(operator, name)["namespace"] == name


def test_neuron_watches_its_devices_and_may_replace_nodes_where_it_is_asked():
    it = planned("examples/Pulumi.neuron.yaml", ("neuron",), neuron={"nodeRecovery": True, "scheduler": True})
    values = release(it, "neuron")["values"]
    assert values["neuronInstances"] == ["inf2.8xlarge", "trn1.32xlarge", "trn2.48xlarge"]
    roles = [each for each in it.parts("neuron") if each.type == "aws:iam/rolePolicy:RolePolicy"]
    assert len(roles) == 1
    associations = [each for each in it.parts("neuron") if each.type.endswith("PodIdentityAssociation")]
    assert [each.inputs["serviceAccount"] for each in associations] == ["node-problem-detector"]


def test_efa_by_claims_takes_the_place_of_the_plugin():
    it = planned("examples/Pulumi.neuron.yaml", ("aws-dranet", "neuron"), ("aws-efa-k8s-device-plugin",))
    values = release(it, "aws-dranet")["values"]
    assert values["supportedInstanceLabels"]["values"] == ["trn1.32xlarge", "trn2.48xlarge"]
    assert "aws-efa-k8s-device-plugin" not in it.installed()


def test_hami_comes_after_what_makes_its_certificate():
    it = planned(
        "examples/Pulumi.inference.yaml", ("cert-manager", "hami"), ("nvidia-device-plugin",), hami={"splitCount": 4}
    )
    (source,) = it.source("hami")
    assert it.source("cert-manager") <= it.behind[source]
    assert release(it, "hami")["values"]["devicePlugin"]["deviceSplitCount"] == 4
