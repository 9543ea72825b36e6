"""What installing add-ons registers: components, namespaces, roles, releases, EKS add-ons, objects, and their order."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
import pytest
import yaml

from addons import registry
from addons.checks import Catalogue
from addons.install import Installed, install
from addons.objects import Directory
from addons.settings import AddonsSettings
from addons.spec import AddOn, AddOnSettings, Chart, Kustomization, Objects, Ready
from infra.catalog import eks
from infra.problems import SettingsError
from slipway.plan.model import Plan, Resource
from slipway.rehearsal.recorder import record
from tests.contract import charts

ADDON = "aws:eks/addon:Addon"
RELEASE = "kubernetes:helm.sh/v3:Release"
COMPONENT = "slipway:addons:AddOn"
ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"


def run(
    settings: AddonsSettings | None = None,
    known: Catalogue | None = None,
    *,
    preview: bool = False,
    **changes: Any,
) -> tuple[Plan, dict[str, Installed]]:
    """Install in two stages, as the program does."""
    settings = settings or AddonsSettings()
    results: dict[str, Installed] = {}

    def program() -> None:
        provider = aws.Provider("aws", region="us-west-2")
        cluster = kubernetes.Provider("kubernetes", kubeconfig="{}", cluster_identifier="acme")
        control_plane = aws.cloudwatch.LogGroup("control-plane", opts=pulumi.ResourceOptions(provider=provider))
        handle = charts.handle_of(provider, cluster, control_plane, **changes)
        ordered = registry.select(settings, known)
        first = install(ordered, handle, before_nodes=True, backend=settings.identity)
        nodes = (
            aws.cloudwatch.LogGroup(
                "nodes", opts=pulumi.ResourceOptions(provider=provider, depends_on=list(first["vpc-cni"].resources))
            )
            if "vpc-cni" in first
            else control_plane
        )
        handle = charts.handle_of(provider, cluster, control_plane, nodes=(nodes,), **changes)
        results.update(install(ordered, handle, before_nodes=False, backend=settings.identity, done=first))

    plan = record(program, project="slipway", stack="test", config={"aws:region": "us-west-2"}, preview=preview)
    return plan, results


def one(plan: Plan, type_: str, name: str) -> Resource:
    (found,) = [item for item in plan.resources if item.type == type_ and item.name == name]
    return found


def ours(plan: Plan) -> list[Resource]:
    return [item for item in plan.resources if COMPONENT in item.urn]


def waits_for(plan: Plan, start: Resource) -> set[str]:
    """Everything that is there before a resource, by type and name."""
    by_urn = {item.urn: item for item in plan.resources}
    found: set[str] = set()
    todo = [start.urn]
    while todo:
        for urn in by_urn[todo.pop()].dependencies:
            if urn not in found:
                found.add(urn)
                todo.append(urn)
    return {f"{by_urn[urn].type} {by_urn[urn].name}" for urn in found}


@pytest.fixture(scope="module")
def everything():
    return run()


@pytest.mark.parametrize("preview", [True, False])
def test_every_addon_of_the_preset_is_one_component(preview):
    plan, results = run(preview=preview, karpenter=None)
    selected = [item.addon.name for item in registry.select(AddonsSettings())]
    assert sorted(item.name for item in plan.resources if item.type == COMPONENT) == sorted(selected)
    assert list(results) == selected
    assert all(result.resources and result.left_out is None for result in results.values())


def test_every_resource_hangs_under_its_component_and_has_the_cluster_s_provider(everything):
    """A child without a provider would be made in whatever account or cluster the shell points at."""
    plan, _ = everything
    providers = {item.type: item.urn for item in plan.resources if item.type.startswith("pulumi:providers:")}
    for item in ours(plan):
        if item.custom:
            assert item.provider.startswith(providers[f"pulumi:providers:{item.type.partition(':')[0]}"] + "::"), (
                item.urn
            )
            assert item.parent != plan.resources[0].urn


def test_add_ons_before_nodes_wait_for_no_node_and_all_others_wait_for_nodes(everything):
    plan, results = everything
    nodes = "aws:cloudwatch/logGroup:LogGroup nodes"
    for item in ours(plan):
        if item.type not in (ADDON, RELEASE) and not item.type.startswith("kubernetes:"):
            continue
        owner = item.parent.rpartition("::")[2]
        waited = waits_for(plan, item)
        assert "aws:cloudwatch/logGroup:LogGroup control-plane" in waited
        assert (nodes in waited) is not registry.discover()[owner].before_nodes, item.urn
    assert set(results) == {item.addon.name for item in registry.select(AddonsSettings())}


def test_an_addon_waits_for_what_it_needs_and_for_its_permissions(everything):
    plan, _ = everything
    driver = one(plan, ADDON, "aws-ebs-csi-driver")
    waited = waits_for(plan, driver)
    assert f"{ADDON} snapshot-controller" in waited
    assert f"{ADDON} eks-pod-identity-agent" in waited
    assert f"{ASSOCIATION} aws-ebs-csi-driver-ebs-csi-controller-sa" in waited
    assert "aws:iam/rolePolicy:RolePolicy aws-ebs-csi-driver-ebs-csi-controller-sa" in waited
    assert f"{ADDON} aws-ebs-csi-driver" in waits_for(
        plan, one(plan, "kubernetes:storage.k8s.io/v1:StorageClass", "storage-classes-storageclass-gp3")
    )


def test_an_association_names_the_service_account_and_waits_for_the_cluster(everything):
    plan, _ = everything
    association = one(plan, ASSOCIATION, "cluster-autoscaler-cluster-autoscaler")
    assert association.inputs["namespace"] == "kube-system"
    assert association.inputs["serviceAccount"] == "cluster-autoscaler"
    assert association.inputs["clusterName"] == "acme"


def test_irsa_annotates_the_service_account_of_a_chart_and_gives_eks_the_role():
    plan, _ = run(AddonsSettings(identity="irsa"))
    assert not [item for item in plan.resources if item.type == ASSOCIATION]
    release = one(plan, RELEASE, "cluster-autoscaler")
    account = release.inputs["values"]["rbac"]["serviceAccount"]
    role = one(plan, "aws:iam/role:Role", "cluster-autoscaler-cluster-autoscaler")
    assert account == {"name": "cluster-autoscaler", "annotations": {"eks.amazonaws.com/role-arn": role.outputs["arn"]}}
    trust = json.loads(role.inputs["assumeRolePolicy"])["Statement"][0]
    assert trust["Condition"]["StringEquals"]["issuer:sub"] == "system:serviceaccount:kube-system:cluster-autoscaler"
    driver = one(plan, ADDON, "aws-efs-csi-driver")
    assert driver.inputs["serviceAccountRoleArn"].endswith(
        ":role/" + driver.inputs["serviceAccountRoleArn"].rpartition("/")[2]
    )
    assert "serviceAccountRoleArn" not in one(plan, ADDON, "coredns").inputs


def test_a_release_waits_for_its_pods_and_stays_when_it_fails(everything):
    plan, _ = everything
    release = one(plan, RELEASE, "nvidia-device-plugin")
    expected = {
        "name": "nvidia-device-plugin",
        "chart": "nvidia-device-plugin",
        "version": "0.20.0",
        "repositoryOpts": {"repo": "https://nvidia.github.io/k8s-device-plugin"},
        "namespace": "nvidia-device-plugin",
        "createNamespace": False,
        "atomic": False,
        "skipAwait": False,
        "timeout": 1200,
    }
    assert {key: release.inputs.get(key) for key in expected} == expected
    assert release.custom_timeouts == {"create": 1200, "update": 1200, "delete": 1200}
    namespace = one(plan, "kubernetes:core/v1:Namespace", "nvidia-device-plugin-namespace-nvidia-device-plugin")
    assert namespace.urn in release.dependencies
    assert namespace.inputs == {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": "nvidia-device-plugin",
            "labels": {
                "pod-security.kubernetes.io/enforce": "privileged",
                "pod-security.kubernetes.io/audit": "privileged",
                "pod-security.kubernetes.io/warn": "privileged",
                "slipway.io/platform": "true",
            },
        },
    }


def test_accelerated_daemonsets_get_the_taints_of_the_cluster(everything):
    plan, _ = everything
    wanted = [
        {"key": "aws.amazon.com/neuron", "operator": "Equal", "value": "present", "effect": "NoSchedule"},
        {"key": "nvidia.com/gpu", "operator": "Equal", "value": "present", "effect": "NoSchedule"},
        {"key": "slipway.io/fpga", "operator": "Equal", "value": "present", "effect": "NoSchedule"},
        {"key": "team", "operator": "Equal", "value": "vision", "effect": "NoExecute"},
    ]
    plugin = one(plan, RELEASE, "aws-efa-k8s-device-plugin")
    assert plugin.inputs["values"]["tolerations"] == [{"key": "CriticalAddonsOnly", "operator": "Exists"}, *wanted]
    agent = json.loads(one(plan, ADDON, "eks-node-monitoring-agent").inputs["configurationValues"])
    assert agent == {"dcgmAgent": {"tolerations": wanted}}
    assert "configurationValues" not in one(plan, ADDON, "coredns").inputs


def test_an_eks_addon_takes_over_and_leaves_nothing_behind(everything):
    plan, _ = everything
    inputs = one(plan, ADDON, "vpc-cni").inputs
    assert inputs["addonName"] == "vpc-cni"
    assert inputs["clusterName"] == "acme"
    assert inputs["resolveConflictsOnCreate"] == "OVERWRITE"
    assert inputs["resolveConflictsOnUpdate"] == "OVERWRITE"
    assert inputs["preserve"] is False
    assert inputs["tags"]["owner"] == "ml"


def test_the_version_of_an_eks_addon_comes_from_the_stack_file_then_the_catalogue_then_aws(monkeypatch):
    pins = {"coredns": eks.AddonPin(version="v1.14.2-eksbuild.4", source="x")}
    monkeypatch.setattr(eks, "addon_version", lambda name, _version: pins.get(name))
    plan, results = run(AddonsSettings(settings={"vpc-cni": {"version": "v1.20.0-eksbuild.1"}}))
    assert one(plan, ADDON, "vpc-cni").inputs["addonVersion"] == "v1.20.0-eksbuild.1"
    assert one(plan, ADDON, "coredns").inputs["addonVersion"] == "v1.14.2-eksbuild.4"
    assert results["vpc-cni"].warnings == results["coredns"].warnings == ()
    assert results["kube-proxy"].warnings == (
        "kube-proxy: no pinned version for Kubernetes 1.35; AWS's default at the time of `up` is used;"
        " pin it with addons.settings.kube-proxy.version",
    )
    asked = [item for item in plan.invocations if item.token == "aws:eks/getAddonVersion:getAddonVersion"]
    assert asked
    assert all(item.provider for item in asked)


def test_an_addon_without_use_is_left_out_with_its_reason_unless_it_is_enabled_by_name():
    plan, results = run(node_pools=(charts.SYSTEM,), tenants=())
    assert results["nvidia-device-plugin"].left_out == "no node group has NVIDIA GPUs"
    assert results["aws-efa-k8s-device-plugin"].left_out == "no node group has EFA"
    assert not [item for item in plan.resources if item.type == RELEASE and item.name == "nvidia-device-plugin"]
    plan, results = run(AddonsSettings(enable=("nvidia-device-plugin",)), node_pools=(charts.SYSTEM,), tenants=())
    assert results["nvidia-device-plugin"].left_out is None
    assert one(plan, RELEASE, "nvidia-device-plugin").inputs["name"] == "nvidia-device-plugin"


def made_up(name: str, **changes: Any) -> AddOn[Any]:
    given: dict[str, Any] = {
        "name": name,
        "group": "test",
        "summary": "s",
        "docs": "https://example.com",
        "source": Objects(build=lambda _handle, _settings: [config_map(name)]),
        "settings": AddOnSettings,
        "presets": ("minimal",),
    }
    return AddOn(**{**given, **changes})


def config_map(name: str, namespace: str = "default") -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": {"SNAKE_case.key": "v"},
    }


def known(*addons: AddOn[Any]) -> Catalogue:
    return {item.name: item for item in addons}


MINIMAL = AddonsSettings(preset="minimal")


NO_USE: Callable[[Any], str | None] = lambda _handle: "no use"  # noqa: E731  # a value, not a function of the tests


def test_who_follows_an_addon_that_was_left_out_waits_for_what_that_one_would_have_waited_for():
    plan, results = run(
        MINIMAL, known(made_up("a"), made_up("b", needs=("a",), applies=NO_USE), made_up("c", follows=("b",)))
    )
    first = one(plan, "kubernetes:core/v1:ConfigMap", "a-configmap-a-default")
    assert results["b"].resources == results["a"].resources
    assert first.urn in one(plan, "kubernetes:core/v1:ConfigMap", "c-configmap-c-default").dependencies


@pytest.mark.parametrize("relation", ["needs", "needs_one_of"])
def test_who_needs_an_addon_that_was_left_out_is_left_out_too(relation: str):
    others = [made_up(name, applies=NO_USE) for name in ("b", "c")]
    wanted = ("b", "c") if relation == "needs_one_of" else ("b",)
    _, results = run(MINIMAL, known(made_up("a", **{relation: wanted}), *others))
    assert (
        results["a"].left_out
        == {
            "needs": "needs b, which is left out",
            "needs_one_of": "needs b and c, which are left out",
        }[relation]
    )
    assert results["b"].left_out == "no use"


def test_one_of_those_that_an_addon_chooses_among_is_enough():
    _, results = run(MINIMAL, known(made_up("a", needs_one_of=("b", "c")), made_up("b", applies=NO_USE), made_up("c")))
    assert results["a"].left_out is None


def test_an_addon_that_is_enabled_by_name_is_installed_whatever_a_preset_would_do():
    _, results = run(AddonsSettings(preset="minimal", enable=("a",)), known(made_up("a", applies=NO_USE)))
    assert results["a"].left_out is None


def test_an_addon_that_is_enabled_by_name_is_refused_without_what_it_needs():
    settings = AddonsSettings(preset="minimal", enable=("a",))
    with pytest.raises(SettingsError) as caught:
        run(settings, known(made_up("a", needs=("b",)), made_up("b", applies=NO_USE)))
    (problem,) = caught.value.problems
    assert str(problem) == "addons.enable: a needs b, which is left out: no use"


def test_objects_reach_the_engine_in_yaml_spelling():
    plan, _ = run(MINIMAL, known(made_up("a")))
    found = one(plan, "kubernetes:core/v1:ConfigMap", "a-configmap-a-default")
    assert found.inputs == config_map("a")
    # The plugin's version is chosen as for the SDK's own classes.
    assert found.provider.startswith(
        next(item.urn for item in plan.resources if item.type == "pulumi:providers:kubernetes")
    )


def test_objects_wait_for_the_namespace_that_comes_with_them():
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}}
    build = lambda _handle, _settings: [config_map("x", "team"), config_map("x"), space]  # noqa: E731  # as above
    plan, _ = run(MINIMAL, known(made_up("a", source=Objects(build=build))))
    namespace = one(plan, "kubernetes:core/v1:Namespace", "a-namespace-team")
    inside = one(plan, "kubernetes:core/v1:ConfigMap", "a-configmap-x-team")
    outside = one(plan, "kubernetes:core/v1:ConfigMap", "a-configmap-x-default")
    assert namespace.urn in inside.dependencies
    assert namespace.urn not in outside.dependencies


def test_objects_wait_for_the_accounts_that_come_with_them():
    """The profiles' controller makes the account that it misses, and Pulumi then fails: it adopts nothing."""
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "x", "namespace": "team"}}
    profile = {"apiVersion": "kubeflow.org/v1", "kind": "Profile", "metadata": {"name": "team"}}
    source: Objects[Any] = Objects(build=lambda _handle, _settings: [profile, config_map("x", "team"), account])
    plan, _ = run(MINIMAL, known(made_up("a", source=source)))
    first = one(plan, "kubernetes:core/v1:ServiceAccount", "a-serviceaccount-x-team")
    for type_, name in (("kubeflow.org/v1:Profile", "a-profile-team"), ("core/v1:ConfigMap", "a-configmap-x-team")):
        assert first.urn in one(plan, f"kubernetes:{type_}", name).dependencies


def test_a_chart_of_an_oci_registry_is_named_by_its_whole_address():
    chart = Chart(repo="oci://registry.example.com/charts", name="thing", version="1.0.0")
    plan, _ = run(MINIMAL, known(made_up("a", source=chart, ready=(Ready(kind="Deployment", name="a"),))))
    release = one(plan, RELEASE, "a")
    assert release.inputs["chart"] == "oci://registry.example.com/charts/thing"
    assert "repositoryOpts" not in release.inputs


def test_the_engine_finds_the_kustomizations(monkeypatch):
    """It starts the plugin that builds them where it runs the program: in the folder that is `main` of Pulumi.yaml."""
    said: list[str] = []
    monkeypatch.setattr(pulumi.ComponentResource, "__init__", lambda *args, **_: said.append(args[3]["directory"]))
    for name, addon in registry.discover().items():
        if isinstance(addon.source, Kustomization):
            Directory(name, addon.directory, pulumi.ResourceOptions())
    root = Path(__file__).resolve().parents[2]
    runs_in = root / yaml.safe_load((root / "Pulumi.yaml").read_text())["main"]
    assert said
    assert [each for each in said if not (runs_in / each / "kustomization.yaml").is_file()] == []


def test_a_component_says_what_it_installed(everything):
    plan, _ = everything
    component = one(plan, COMPONENT, "nvidia-device-plugin")
    assert component.outputs == {
        "namespace": "nvidia-device-plugin",
        "version": "0.20.0",
        "ready": ["DaemonSet/nvidia-device-plugin"],
    }


def test_the_same_program_registers_the_same_in_a_preview():
    def shape(plan: Plan) -> set[tuple[str, tuple[str, ...]]]:
        return {(item.urn, tuple(sorted(item.inputs))) for item in ours(plan)}

    assert shape(run(preview=True)[0]) == shape(run()[0])
