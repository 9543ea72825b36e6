"""Kubeflow on the stack file `prod`: its page, the profiles of the file, and what a notebook may be."""

import json
from typing import Any

import pytest

from addons.kubeflow import EDITOR
from infra.problems import SettingsError
from slipway.plan.model import Plan, Resource
from tests.program import addon_stacks, conftest

PROFILES = {
    "language": {"owner": "dan@example.com"},
    "vision": {"owner": "ann@example.com", "contributors": ["bob@example.com"]},
}
DIRECTORY = "kubernetes:kustomize/v2:Directory"
OBJECTS = ("kubeflow-dashboard-settings", "kubeflow-notebooks-settings", "kubeflow-profiles")


def stack(**changes: Any) -> dict[str, Any]:
    """The settings of `prod` with the preset notebooks, and two profiles for its tenants."""
    raw = dict(conftest.settings_of(conftest.ROOT / "stacks/config/Pulumi.prod.yaml"))
    addons: dict[str, Any] = {
        "preset": "notebooks",
        "settings": {
            "kubeflow-notebooks-settings": {"mounts": ["efs-home-users"]},
            "kubeflow-profiles": {"profiles": PROFILES},
        },
        **changes,
    }
    return {**raw, "tenants": {}, "addons": addons}


@pytest.fixture(name="notebooks", scope="module")
def _notebooks() -> addon_stacks.Recorded:
    return addon_stacks.of(stack())


def object_of(plan: Plan, kind: str, name: str) -> Resource:
    found = [
        each for each in plan if each.inputs.get("kind") == kind and each.inputs.get("metadata", {}).get("name") == name
    ]
    (one,) = found
    return one


def in_space(plan: Plan, namespace: str) -> list[Resource]:
    return [each for each in plan if each.inputs.get("metadata", {}).get("namespace") == namespace]


def test_the_preset_brings_all_of_it(notebooks):
    assert {"kubeflow", "kubeflow-dashboard", "kubeflow-notebooks", *OBJECTS} <= set(notebooks.installed())


@pytest.mark.parametrize("name", PROFILES)
def test_a_notebook_has_its_profiles_role(notebooks, name):
    associations = notebooks.plan.of_type("aws:eks/podIdentityAssociation:PodIdentityAssociation")
    (found,) = (each for each in associations if each.inputs["namespace"] == name)
    role = notebooks.plan.one("aws:iam/role:Role", f"kubeflow-profiles-{name}-{EDITOR}")
    assert found.inputs["serviceAccount"] == EDITOR
    assert found.inputs["roleArn"] == role.outputs["arn"]


def test_under_irsa_the_account_names_its_role():
    plan = addon_stacks.of(stack(identity="irsa")).plan
    accounts = [each for each in plan.of_type("kubernetes:core/v1:ServiceAccount") if each.parent]
    found = {
        each.inputs["metadata"]["namespace"]: each.inputs["metadata"]["annotations"]["eks.amazonaws.com/role-arn"]
        for each in accounts
        if each.inputs["metadata"]["name"] == EDITOR
    }
    roles = {name: plan.one("aws:iam/role:Role", f"kubeflow-profiles-{name}-{EDITOR}") for name in PROFILES}
    assert found == {name: role.outputs["arn"] for name, role in roles.items()}


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_comes_after_its_namespace_and_its_controller(notebooks, name):
    """Else the controller would make the namespace."""
    plan, behind = notebooks.plan, notebooks.behind
    space = object_of(plan, "Namespace", name)
    profile = object_of(plan, "Profile", name)
    controller = plan.one(DIRECTORY, "kubeflow-dashboard")
    assert {space.urn, controller.urn} <= behind[profile.urn]
    inside = in_space(plan, name)
    assert len(inside) >= 5
    assert all(space.urn in behind[each.urn] for each in inside)


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_can_be_taken_out_while_its_notebooks_run(notebooks, name):
    """Kubernetes keeps a claim until no pod has it, and a volume until no claim has it. Pods go with the namespace."""
    plan, behind = notebooks.plan, notebooks.behind
    space = object_of(plan, "Namespace", name)
    claims = [each for each in in_space(plan, name) if each.inputs["kind"] == "PersistentVolumeClaim"]
    assert claims
    for claim in claims:
        assert claim.deleted_with == space.urn
        volume = object_of(plan, "PersistentVolume", claim.inputs["spec"]["volumeName"])
        assert volume.urn in behind[space.urn]


def test_what_others_put_into_a_profile_comes_after_it():
    """Else the first `up` finds no such namespace."""
    others = {
        "kserve-models": {"namespaces": ["vision"]},
        "namespace-defaults": {"namespaces": [{"name": "vision", "create": False}]},
    }
    given = {"kubeflow-profiles": {"profiles": PROFILES}, **others}
    recorded = addon_stacks.of(stack(preset="full", enable=["namespace-defaults"], settings=given))
    space = object_of(recorded.plan, "Namespace", "vision")
    for name in others:
        inside = [each for each in in_space(recorded.plan, "vision") if each in recorded.parts(name)]
        assert inside
        assert all(space.urn in recorded.behind[each.urn] for each in inside), name


@pytest.mark.parametrize("name", ["kubeflow-dashboard", "kubeflow-notebooks"])
def test_pods_start_with_their_settings_in_place(notebooks, name):
    settings = notebooks.source(f"{name}-settings")
    assert settings
    assert settings <= notebooks.behind[notebooks.plan.one(DIRECTORY, name).urn]


def test_the_controller_asks_notebooks_under_its_own_name(notebooks):
    """Told of no service in profiles, its proxy calls in the clear, is refused, and a notebook at work looks idle."""
    scopes = [each.inputs for each in notebooks.plan if each.inputs.get("kind") == "Sidecar"]
    (everybody,) = (each["spec"] for each in scopes if "workloadSelector" not in each["spec"])
    assert not {f"{name}/*" for name in (*PROFILES, "*")} & set(everybody["egress"][0]["hosts"])
    # Its pods' label. Source: applications/notebooks-v1/overlays/istio of kubeflow/community-distribution 26.03.1.
    (its,) = (
        each for each in scopes if each["spec"].get("workloadSelector") == {"labels": {"app": "notebook-controller"}}
    )
    assert its["metadata"]["namespace"] == "kubeflow"
    assert its["spec"]["egress"] == [{"hosts": ["*/*"]}]


def test_the_load_balancer_leads_to_the_gateway_after_a_login(notebooks):
    plan = notebooks.plan
    rule = plan.one("aws:lb/listenerRule:ListenerRule", "entries-kubeflow")
    assert [each["type"] for each in rule.inputs["actions"]] == ["authenticate-cognito", "forward"]
    binding = object_of(plan, "TargetGroupBinding", "istio-ingressgateway")
    assert binding.inputs["metadata"]["namespace"] == "istio-system"
    gateway = plan.one("kubernetes:helm.sh/v3:Release", "istio-ingressgateway").inputs["values"]["service"]["ports"]
    group = plan.one("aws:lb/targetGroup:TargetGroup", "entries-kubeflow")
    ports = {each["port"]: each["targetPort"] for each in gateway}
    assert ports[binding.inputs["spec"]["serviceRef"]["port"]] == group.inputs["port"]
    assert int(group.inputs["healthCheck"]["port"]) in ports.values()


def test_the_form_offers_what_the_stack_has(notebooks):
    config = object_of(notebooks.plan, "ConfigMap", "notebooks-spawner")
    form = json.loads(config.inputs["data"]["spawner_ui_config.yaml"])["spawnerFormDefaults"]
    # Neither the groups with EFA nor the platform's own.
    assert [each["configKey"] for each in form["affinityConfig"]["options"]] == [
        "any_group",
        "cpu",
        "inference",
        "notebooks",
    ]
    assert [each["limitsKey"] for each in form["gpus"]["value"]["vendors"]] == ["nvidia.com/gpu"]
    assert all("/slipway-prod/notebook-" in each for each in form["image"]["options"])
    (volume,) = form["dataVolumes"]["value"]
    claim = volume["existingSource"]["persistentVolumeClaim"]["claimName"]
    for name in PROFILES:
        assert claim in {
            each.inputs["metadata"]["name"]
            for each in in_space(notebooks.plan, name)
            if each.inputs["kind"] == "PersistentVolumeClaim"
        }


def test_without_a_login_nothing_of_it_comes_by_itself():
    """Nobody would say who asks."""
    raw = {key: value for key, value in stack(settings={}).items() if key != "edge"}
    recorded = addon_stacks.of(raw)
    assert not [name for name in recorded.installed() if name.startswith("kubeflow")]
    left_out = recorded.plan.outputs["leftOut"]
    assert "cognito-login" in left_out["kubeflow"]


def test_by_name_it_asks_for_a_login():
    raw = stack(preset="minimal", enable=["kubeflow", "istio-base", "istio-cni", "istiod", "istio-ingressgateway"])
    with pytest.raises(SettingsError, match="kubeflow needs one of: cognito-login, dex"):
        addon_stacks.of(raw)
