"""Tenants in the plan of `prod`: kept apart, let through where they must be, kept or taken down in the right order."""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

import pytest

from addons import registry
from slipway.plan.fates import fates
from slipway.plan.model import Plan, Resource
from slipway.plan.tenants import by_tenant
from tests.contract import charts, foreign, objects
from tests.program import conftest
from tests.program.addon_stacks import Recorded, of
from tests.program.data_path import World
from tests.program.iam_evaluation import allows
from tests.program.policy_evaluation import End, Policies, outside, pod

PROD: Final = conftest.ROOT / "stacks/config/Pulumi.prod.yaml"
DEV: Final = conftest.ROOT / "stacks/config/Pulumi.dev.yaml"
TENANTS: Final = ("language", "vision")
ACCESS_POINT: Final = "aws:efs/accessPoint:AccessPoint"
VOLUME: Final = "kubernetes:core/v1:PersistentVolume"
API_SERVER: Final = "172.20.0.1"
AGENT: Final = "169.254.170.23"
IMDS: Final = "169.254.169.254"
S3: Final = "3.5.80.1"
DATABASE: Final = "10.0.201.7"
DNS: Final = pod("kube-system", k8s_app="kube-dns")


@cache
def prod() -> Recorded:
    """With Kubeflow."""
    return of(conftest.settings_of(PROD))


@cache
def dev() -> Recorded:
    """Without it, and its one tenant by the name of one of `prod`'s."""
    raw = json.loads(json.dumps(conftest.settings_of(DEV)))
    (only,) = raw["tenants"].values()
    raw["tenants"] = {"language": {**only, "members": ["grace@example.com"], "limits": {"pods": "50"}}, "vision": only}
    # Else nothing would be kept.
    raw["platform"]["disposable"] = False
    return of(raw)


STACKS: Final = pytest.mark.parametrize("stack", [prod, dev])


def manifests(recorded: Recorded, addon: str = "tenants") -> Iterator[Mapping[str, Any]]:
    return (each.inputs for each in recorded.parts(addon) if each.package == "kubernetes" and "kind" in each.inputs)


@cache
def policies(stack: Any) -> Policies:
    return Policies.of(manifests(stack()))


def find(recorded: Recorded, kind: str, name: str, namespace: str | None = None) -> Resource:
    (one,) = (
        each
        for each in recorded.plan
        if each.inputs.get("kind") == kind
        and each.inputs["metadata"]["name"] == name
        and each.inputs["metadata"].get("namespace") == namespace
    )
    return one


# Each connection of the platform with people's pods, and who refuses the others.

HOME: Final = "language"
OWN: Final = pod(HOME, app="anything")
LET: Final[Mapping[str, tuple[End, End, int, str]]] = {
    "pod to DNS": (OWN, DNS, 53, "UDP"),
    "pod to DNS, long answers": (OWN, DNS, 53, "TCP"),
    "pod to the Pod Identity agent": (OWN, outside(AGENT), 80, "TCP"),
    "notebook to S3": (OWN, outside(S3), 443, "TCP"),
    "step to the API server": (OWN, outside(API_SERVER), 443, "TCP"),
    "worker to worker, NCCL's ports": (OWN, pod(HOME, role="worker"), 45_123, "TCP"),
    "launcher to worker, SSH": (OWN, pod(HOME, role="worker"), 22, "TCP"),
    "worker to worker, UDP": (OWN, pod(HOME, role="worker"), 4791, "UDP"),
}
WITH_KUBEFLOW: Final[Mapping[str, tuple[End, End, int, str]]] = {
    "notebook to the API of Pipelines": (OWN, pod("kubeflow", app="ml-pipeline"), 8888, "TCP"),
    "step to the metadata of Pipelines": (OWN, pod("kubeflow", component="metadata-grpc-server"), 8080, "TCP"),
    "gateway to notebook": (pod("istio-system", app="istio-ingressgateway"), OWN, 8888, "TCP"),
    "notebook's proxy to istiod": (OWN, pod("istio-system", app="istiod"), 15012, "TCP"),
    "controller to an idle notebook": (pod("kubeflow", app="notebook-controller"), OWN, 8888, "TCP"),
    "trial to Katib's db-manager": (OWN, pod("kubeflow", component="db-manager"), 6789, "TCP"),
    "Katib's controller to a suggestion": (pod("kubeflow", component="controller"), OWN, 6789, "TCP"),
    "gateway of models to a model": (pod("kserve", app="kserve-ingress-gateway"), OWN, 8080, "TCP"),
    "notebook to a model by the gateway": (OWN, pod("kserve", app="kserve-ingress-gateway"), 80, "TCP"),
    "model server's copy from S3": (OWN, outside(S3), 443, "TCP"),
    "notebook to MLflow": (OWN, pod("mlflow", app="mlflow"), 5000, "TCP"),
    "notebook to features": (OWN, pod("feast", app="feast"), 6566, "TCP"),
    "notebook to the model registry": (OWN, pod("kubeflow", component="model-registry"), 8080, "TCP"),
    "Prometheus to a pod": (pod("monitoring", app="prometheus"), OWN, 15_020, "TCP"),
    "KubeRay to the head of a cluster": (pod("kuberay-operator", app="kuberay-operator"), OWN, 8265, "TCP"),
}
REFUSED: Final[Mapping[str, tuple[End, End, int, str]]] = {
    "tenant to tenant": (OWN, pod("vision"), 8888, "TCP"),
    "tenant to tenant, where HTTPS is": (OWN, pod("vision"), 443, "TCP"),
    "somebody's pod to a tenant": (pod("default"), OWN, 8080, "TCP"),
    "tenant to a database": (OWN, outside(DATABASE), 5432, "TCP"),
    "tenant to a database of MySQL": (OWN, outside(DATABASE), 3306, "TCP"),
    "tenant to a node's credentials": (OWN, outside(IMDS), 80, "TCP"),
    "tenant to the jobs that hold master users": (OWN, pod("databases"), 8080, "TCP"),
    "tenant to pods of the cluster": (OWN, pod("kube-system", app="ebs-csi-controller"), 9808, "TCP"),
    "tenant to the world, in the clear": (OWN, outside("203.0.113.9"), 80, "TCP"),
    "the world to a tenant": (outside("203.0.113.9"), OWN, 443, "TCP"),
}


@STACKS
@pytest.mark.parametrize("hop", LET)
def test_a_tenant_is_let_through_where_every_job_must(hop, stack):
    assert policies(stack).refuses(*LET[hop]) is None


@pytest.mark.parametrize("hop", WITH_KUBEFLOW)
def test_a_tenant_is_let_through_where_the_platform_must(hop):
    assert policies(prod).refuses(*WITH_KUBEFLOW[hop]) is None


@STACKS
@pytest.mark.parametrize("hop", REFUSED)
def test_a_tenant_is_not_let_through_elsewhere(hop, stack):
    assert policies(stack).refuses(*REFUSED[hop]) is not None


@pytest.mark.parametrize("hop", WITH_KUBEFLOW)
def test_nobody_is_let_in_or_reached_who_is_not_there(hop):
    """`dev` has none of these, but for S3."""
    source, target, port, protocol = WITH_KUBEFLOW[hop]
    refused = policies(dev).refuses(source, target, port, protocol)
    assert (refused is None) is (target.address == S3)


@charts.needs_reference
def test_the_pods_of_these_connections_are_where_the_plan_puts_them():
    """Else a connection would be let through to nobody."""
    world = World(plan=prod().plan, foreign=foreign.brought)
    spaces = {each["metadata"]["name"] for each in world.objects if each["kind"] == "Namespace"}
    ends = {end.namespace for source, target, *_ in WITH_KUBEFLOW.values() for end in (source, target)} - {None}
    assert ends <= spaces
    for kind, name, namespace in (
        ("Deployment", "ml-pipeline", "kubeflow"),
        ("Deployment", "katib-db-manager", "kubeflow"),
        ("Deployment", "metadata-grpc-deployment", "kubeflow"),
        ("Gateway", "kserve-ingress-gateway", "kserve"),
    ):
        assert world.find(kind, name, namespace), name
    for release, namespace in (("mlflow", "mlflow"), ("istiod", "istio-system"), ("kuberay-operator",) * 2):
        made = prod().plan.one("kubernetes:helm.sh/v3:Release", release)
        assert made.inputs["namespace"] == namespace


def without_rule(which: Policies, side: str, index: int) -> Policies:
    """The policies of the tenant, less one rule."""
    (spec,) = which.by_space[HOME]
    rules = [rule for at, rule in enumerate(spec[side]) if at != index]
    return dataclasses.replace(which, by_space={**which.by_space, HOME: ({**spec, side: rules},)})


def test_each_rule_is_what_some_connection_needs():
    """Taken out, some of the above is refused: none is there for nothing, and the check sees each."""
    everything = {**LET, **WITH_KUBEFLOW}
    (spec,) = policies(prod).by_space[HOME]
    for side in ("ingress", "egress"):
        for index in range(len(spec[side])):
            less = without_rule(policies(prod), side, index)
            assert [name for name, hop in everything.items() if less.refuses(*hop)], (side, spec[side][index])


@STACKS
def test_rules_name_ports_only_where_they_hold_for_services(stack):
    """The VPC CNI sees a Service's own address and port, and the policy means the pods': DNS has one port for both."""
    (spec,) = policies(stack).by_space[HOME]
    for rule in (*spec["ingress"], *spec["egress"]):
        if "ports" in rule:
            assert all("ipBlock" in peer or peer.get("podSelector") == {"matchLabels": {"k8s-app": "kube-dns"}}
                       for peer in (*rule.get("to", ()), *rule.get("from", ())))  # fmt: skip


# What is kept, and in which order it goes.


@STACKS
@pytest.mark.parametrize("name", TENANTS)
def test_the_namespace_stays_with_what_holds_its_pods_in_and_the_rest_goes(stack, name):
    kinds = {
        kept: {
            each.inputs["kind"]
            for each in stack().parts("tenants")
            if each.package == "kubernetes"
            and name in (each.inputs["metadata"].get("namespace"), *each.inputs["metadata"]["name"].split("."))
            and each.retain_on_delete is kept
        }
        for kept in (True, False)
    }
    assert kinds[True] == {"LimitRange", "Namespace", "NetworkPolicy", "ResourceQuota"}
    assert {"ServiceAccount", "RoleBinding", "PersistentVolume", "PersistentVolumeClaim"} <= kinds[False]
    assert not kinds[True] & kinds[False]


@STACKS
@pytest.mark.parametrize("name", TENANTS)
def test_claims_of_the_stacks_file_systems_go_before_their_volumes_and_access_points(stack, name):
    """A volume names its access point for good, and another one comes when the tenant comes back: one that stayed would
    be refused. With the namespace, which stays, a claim would stay."""
    recorded = stack()
    claims = [
        each
        for each in recorded.parts("tenants")
        if each.inputs.get("kind") == "PersistentVolumeClaim" and each.inputs["metadata"]["namespace"] == name
    ]
    assert claims
    ended = fates([each for each in recorded.plan if by_tenant(recorded.plan).get(each.urn) == name])
    for claim in claims:
        volume = find(recorded, "PersistentVolume", claim.inputs["spec"]["volumeName"])
        assert volume.urn in recorded.behind[claim.urn]
        assert (ended[claim.urn].kind, ended[volume.urn].kind) == ("deleted", "deleted")
    points = [each for each in recorded.plan.of_type(ACCESS_POINT) if each.inputs["tags"].get("Tenant") == name]
    assert {ended[each.urn].kind for each in points} <= {"deleted"}
    for each in points:
        assert any(
            each.id in str(one.inputs) and each.urn in recorded.behind[one.urn] for one in recorded.plan.of_type(VOLUME)
        )


def test_without_the_wish_to_keep_it_everything_goes():
    raw = json.loads(json.dumps(conftest.settings_of(DEV)))
    raw["platform"]["disposable"] = False
    for tenant in raw["tenants"].values():
        tenant["keepData"] = False
    assert not [each.name for each in of(raw).parts("tenants") if each.retain_on_delete]


@STACKS
@pytest.mark.parametrize("name", TENANTS)
def test_a_namespace_comes_before_what_is_in_it_and_after_its_permissions(stack, name):
    recorded = stack()
    space = find(recorded, "Namespace", name)
    inside = [each for each in recorded.parts("tenants") if each.inputs.get("metadata", {}).get("namespace") == name]
    assert len(inside) >= 6
    assert all(space.urn in recorded.behind[each.urn] for each in inside)
    (association,) = (
        each
        for each in recorded.plan.of_type("aws:eks/podIdentityAssociation:PodIdentityAssociation")
        if each.inputs["namespace"] == name and each.inputs["serviceAccount"] == "default-editor"
    )
    assert association.urn in recorded.behind[space.urn]


def test_a_profile_comes_after_its_namespace_its_account_and_its_controller():
    """Else the controller would make the namespace, own it, and take it with the profile when that goes."""
    recorded = prod()
    controller = recorded.plan.one("kubernetes:kustomize/v2:Directory", "kubeflow-dashboard")
    for name in TENANTS:
        profile = find(recorded, "Profile", name)
        before = {find(recorded, "Namespace", name).urn, find(recorded, "ServiceAccount", "default-editor", name).urn}
        assert {*before, controller.urn} <= recorded.behind[profile.urn]


def test_directories_on_lustre_are_there_before_their_claims():
    recorded = prod()
    (job,) = (each for each in recorded.parts("tenant-directories") if each.inputs.get("kind") == "Job")
    claims = [each for each in recorded.parts("tenants") if "lustre" in each.name]
    assert claims
    assert all(job.urn in recorded.behind[each.urn] for each in claims)


@STACKS
def test_what_comes_after_tenants_waits_for_one_object_which_waits_for_all(stack):
    """There may be a thousand of them, each of twenty objects and more."""
    recorded = stack()
    parts = [each for each in recorded.parts("tenants") if each.package == "kubernetes"]
    (gate,) = (each for each in parts if each.inputs["metadata"]["name"] == "tenants")
    assert {each.urn for each in parts} - {gate.urn} <= recorded.behind[gate.urn]
    others = [each for each in recorded.plan if each not in recorded.parts("tenants")]
    urns = {each.urn for each in parts} - {gate.urn}
    direct = [each.name for each in others if urns & set(each.dependencies)]
    assert direct == []


def test_a_tenant_more_costs_what_it_is_made_of_and_no_more():
    """Resources and their dependencies grow with the number of tenants, not with its square."""
    raw = json.loads(json.dumps(conftest.settings_of(DEV)))
    (only,) = raw["tenants"].values()
    sizes = []
    for count in (2, 4, 6):
        raw["tenants"] = {f"t{index}": {**only, "quota": {}} for index in range(count)}
        parts = of(raw).parts("tenants")
        sizes.append((len(parts), sum(len(each.dependencies) for each in parts)))
    (first, second), (third, fourth) = sizes[:2], sizes[1:]
    for kind in (0, 1):
        assert second[kind] - first[kind] == fourth[kind] - third[kind], sizes


# What Kubernetes and AWS are asked for.


@STACKS
def test_all_of_it_is_what_an_api_server_takes(stack):
    everything = [*manifests(stack()), *manifests(stack(), "tenant-directories")]
    assert objects.validate_all(everything, "1.35") == len(everything)


@STACKS
def test_no_pod_of_a_tenant_may_be_privileged(stack):
    for name in TENANTS:
        labels = find(stack(), "Namespace", name).inputs["metadata"]["labels"]
        assert labels["pod-security.kubernetes.io/enforce"] in ("baseline", "restricted")


def documents(plan: Plan, tenant: str) -> list[Any]:
    role = plan.one("aws:iam/role:Role", f"tenants-{tenant}-default-editor")
    assert role.inputs["tags"]["Tenant"] == tenant
    found = [
        each for each in plan.of_type("aws:iam/rolePolicy:RolePolicy") if each.inputs["role"] == role.outputs["name"]
    ]
    return [json.loads(each.inputs["policy"]) for each in found]


def test_one_tenant_neither_reads_nor_writes_what_is_anothers():
    plan = prod().plan
    arns = {each.name: each.outputs["arn"] for each in plan.of_type("aws:s3/bucket:Bucket")}
    artifacts, models = arns["storage-artifacts"], arns["storage-models"]
    for own, other in (TENANTS, TENANTS[::-1]):
        allowed = documents(plan, own)
        for place in ("tenants", "pipelines", "argo"):
            for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"):
                assert allows(allowed, action, f"{artifacts}/{place}/{own}/x", {})
                assert not allows(allowed, action, f"{artifacts}/{place}/{other}/x", {})
        assert allows(allowed, "s3:PutObject", f"{models}/{own}/x", {})
        for action in ("s3:PutObject", "s3:DeleteObject"):
            assert not allows(allowed, action, f"{models}/{other}/x", {})


def test_under_irsa_the_account_names_its_role():
    raw = json.loads(json.dumps(conftest.settings_of(DEV)))
    raw["addons"]["identity"] = "irsa"
    recorded = of(raw)
    (name,) = raw["tenants"]
    account = find(recorded, "ServiceAccount", "default-editor", name)
    role = recorded.plan.one("aws:iam/role:Role", f"tenants-{name}-default-editor")
    assert account.inputs["metadata"]["annotations"]["eks.amazonaws.com/role-arn"] == role.outputs["arn"]


def test_the_engine_gets_no_object_twice():
    """Another add-on that made a tenant's namespace would find it there."""
    seen = [
        (each.inputs["kind"], each.inputs["metadata"]["name"], each.inputs["metadata"].get("namespace"))
        for each in prod().plan
        if each.package == "kubernetes" and "metadata" in each.inputs
    ]
    assert len(seen) == len(set(seen))


def test_every_preset_brings_tenants_to_a_stack_that_has_some():
    assert registry.discover()["tenants"].presets == ("minimal",)
    assert {"tenants", "tenant-directories"} <= set(prod().installed())
    assert "tenants" in dev().installed()
    # It has no file system for them.
    assert "tenant-directories" not in dev().installed()
