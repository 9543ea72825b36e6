"""The add-ons around the way in, secrets, policy and backups, as planned on the stack file `prod`."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.naming import safe_name
from infra.problems import SettingsError
from slipway.plan.model import Plan, Resource
from tests.contract.test_iam_lint import Mistake, by_cloudsplaining, by_parliament, documents
from tests.program.conftest import ROOT, settings_of

PROD = Path(ROOT / "stacks/config/Pulumi.prod.yaml")
RELEASE = "kubernetes:helm.sh/v3:Release"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
NAMESPACE = "kubernetes:core/v1:Namespace"
LOAD_BALANCERS = safe_name("aws-load-balancer-controller", "aws-load-balancer-controller", limit=56)  # of a role
MISTAKES = (
    Mistake(
        type=ROLE_POLICY,
        name=LOAD_BALANCERS,
        issue="UNKNOWN_CONDITION_FOR_ACTION",
        detail=r"Unknown condition elasticloadbalancing:CreateAction for action elasticloadbalancing:AddTags",
        reason="newer than parliament's list; in the controller's own policy",
    ),
    Mistake(
        type=ROLE_POLICY,
        name=LOAD_BALANCERS,
        issue="RESOURCE_MISMATCH",
        detail=r".*'(ec2:CreateSecurityGroup|elasticloadbalancing:SetWebAcl)'.*",
        reason="each kind of resource has a statement of its own, as only one of them has tags to ask for; parliament"
        " wants all kinds in one, and SetWebAcl without a resource",
    ),
)
NEEDED = ("cert-manager", "secrets-store-csi-driver", "volume-snapshot-classes")
ENABLED = (
    *NEEDED,
    "aws-load-balancer-controller",
    "cert-manager-acme",
    "cert-manager-issuers",
    "external-dns",
    "external-secrets",
    "external-secrets-store",
    "kyverno",
    "kyverno-baseline",
    "namespace-defaults",
    "secrets-store-csi-driver-provider-aws",
    "velero",
)


def stack(identity: str = "pod-identity", **changes: Any) -> dict[str, Any]:
    """The settings of `prod` with all of them."""
    raw = dict(settings_of(PROD))
    addons = {
        **raw["addons"],
        "enable": list(ENABLED),
        "identity": identity,
        "settings": {
            "namespace-defaults": {"namespaces": [{"name": "team-a"}]},
            "vpc-cni": {"networkPolicy": True},
            "aws-load-balancer-controller": {"wafv2": True},
        },
    }
    storage = {**raw["storage"], "buckets": {**raw["storage"]["buckets"], "backups": {}}}
    return {**raw, "addons": addons, "storage": storage, **changes}


@pytest.fixture
def plan(record_settings: Callable[..., Plan]) -> Plan:
    return record_settings(stack())


def release(plan: Plan, name: str) -> Resource:
    return plan.one(RELEASE, name)


def values(plan: Plan, name: str) -> dict[str, Any]:
    found: dict[str, Any] = release(plan, name).inputs["values"]
    return found


def statements(plan: Plan, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(plan.one(ROLE_POLICY, name).inputs["policy"])["Statement"]
    return found


def before(plan: Plan, start: Resource) -> set[str]:
    """The names of all that is there before a resource, directly or not."""
    by_urn = {item.urn: item for item in plan}
    found: set[str] = set()
    todo = [start.urn]
    while todo:
        for urn in by_urn[todo.pop()].dependencies:
            if urn not in found:
                found.add(urn)
                todo.append(urn)
    return {by_urn[urn].name for urn in found if by_urn[urn].type == RELEASE}


def test_each_comes_after_what_it_stands_on_and_goes_before_it(plan):
    assert "cert-manager" in before(plan, release(plan, "aws-load-balancer-controller"))
    for type_, name in (
        ("kubernetes:cert-manager.io/v1:ClusterIssuer", "cert-manager-issuers-clusterissuer-cluster-ca"),
        ("kubernetes:cert-manager.io/v1:ClusterIssuer", "cert-manager-acme-clusterissuer-acme"),
    ):
        assert "cert-manager" in before(plan, plan.one(type_, name))
    store = plan.one(
        "kubernetes:external-secrets.io/v1:ClusterSecretStore",
        "external-secrets-store-clustersecretstore-secrets-manager",
    )
    assert "external-secrets" in before(plan, store)
    for policy in (item for item in plan if item.type == "kubernetes:kyverno.io/v1:ClusterPolicy"):
        assert "kyverno" in before(plan, policy)
    assert "secrets-store-csi-driver" in before(plan, release(plan, "secrets-store-csi-driver-provider-aws"))


def test_a_pod_starts_after_its_permissions(plan):
    associations = {item.name: item for item in plan if item.type.endswith(":PodIdentityAssociation")}
    for name, account in (
        ("aws-load-balancer-controller", "aws-load-balancer-controller"),
        ("cert-manager", "cert-manager"),
        ("external-dns", "external-dns"),
        ("external-secrets", "external-secrets"),
        ("velero", "velero-server"),
    ):
        association = associations[safe_name(name, account, limit=56)]
        assert association.inputs["serviceAccount"] == account
        assert association.urn in release(plan, name).dependencies


def test_names_are_of_the_stack_s_own_zone_alone(plan):
    zone = settings_of(PROD)["edge"]["zone"]
    arn = f"arn:aws:route53:::hostedzone/{zone}"
    assert values(plan, "external-dns")["extraArgs"] == {"zone-id-filter": zone}
    changes = [
        statement
        for name in ("external-dns-external-dns", "cert-manager-cert-manager")
        for statement in statements(plan, name)
        if "route53:ChangeResourceRecordSets" in statement["Action"]
    ]
    assert [statement["Resource"] for statement in changes] == [arn, arn]
    # ACME's challenges are TXT records under names of their own.
    (condition,) = [statement["Condition"] for statement in changes if "Condition" in statement]
    assert condition["ForAllValues:StringEquals"] == {"route53:ChangeResourceRecordSetsRecordTypes": ["TXT"]}
    issuer = plan.one("kubernetes:cert-manager.io/v1:ClusterIssuer", "cert-manager-acme-clusterissuer-acme")
    assert issuer.inputs["spec"]["acme"]["solvers"][0]["dns01"]["route53"]["hostedZoneID"] == zone


def test_the_load_balancer_controller_changes_only_what_is_its_cluster_s(plan):
    cluster = settings_of(PROD)["platform"]["name"]
    for statement in statements(plan, LOAD_BALANCERS):
        for action in statement["Action"]:
            if not re.match(r"elasticloadbalancing:(Delete|Modify|Set(?!WebAcl)|Create)|ec2:Delete", action):
                continue
            tags = statement["Condition"]["StringEquals"]
            assert [value for key, value in tags.items() if key.endswith("Tag/elbv2.k8s.aws/cluster")] == [cluster]


def test_secrets_are_the_platform_s_and_its_databases(plan):
    platform = settings_of(PROD)["platform"]
    (read,) = [
        item
        for item in statements(plan, "external-secrets-external-secrets")
        if "secretsmanager:GetSecretValue" in item["Action"]
    ]
    own, *databases = read["Resource"]
    assert re.fullmatch(rf"arn:aws:secretsmanager:{platform['region']}:\d{{12}}:secret:{platform['name']}/\*", own)
    made = {
        item.outputs["masterUserSecrets"][0]["secretArn"]
        for item in plan
        if item.type.endswith(":Instance") and item.type.startswith("aws:rds/")
    }
    assert set(databases) == made != set()


def test_backups_go_to_their_bucket_without_keys_in_the_cluster(plan):
    found = values(plan, "velero")
    bucket = plan.one("aws:s3/bucket:Bucket", "storage-backups")
    (location,) = found["configuration"]["backupStorageLocation"]
    assert location["bucket"] == bucket.outputs["bucket"]
    assert found["credentials"] == {"useSecret": False}
    assert found["schedules"]["daily"]["template"]["ttl"] == "720h"
    resources = {
        resource
        for statement in statements(plan, "velero-velero-server")
        for resource in ([statement["Resource"]] if isinstance(statement["Resource"], str) else statement["Resource"])
        if resource.startswith("arn:aws:s3")
    }
    assert resources == {bucket.outputs["arn"], f"{bucket.outputs['arn']}/*"}


def test_nobody_else_reads_the_backups(record_settings):
    """They hold every Secret of the cluster."""
    workstation = settings_of(ROOT / "examples/Pulumi.workstation.yaml")["workstation"]
    plan = record_settings(stack(workstation={"instance": workstation["instance"]}))
    assert [item for item in plan if item.type == ROLE_POLICY and item.name.startswith("workstation")]
    arn = plan.one("aws:s3/bucket:Bucket", "storage-backups").outputs["arn"]
    readers = {
        item.name for item in plan if item.type == ROLE_POLICY and f'"{arn}' in item.inputs["policy"].replace("[", "")
    }
    assert readers == {"velero-velero-server"}


def test_volumes_with_secrets_and_backups_work_on_gpu_nodes(plan):
    taints = {
        (taint["key"], taint["effect"])
        for item in plan
        if item.type == "aws:eks/nodeGroup:NodeGroup"
        for taint in item.inputs.get("taints", ())
    }
    assert taints
    for tolerations in (
        values(plan, "secrets-store-csi-driver-provider-aws")["tolerations"],
        values(plan, "velero")["nodeAgent"]["tolerations"],
    ):
        effects = {key: effect.replace("_", "").lower() for key, effect in taints}
        assert {item["key"]: item["effect"].lower() for item in tolerations} == effects


def test_policies_leave_the_platform_alone(plan):
    """Every namespace that an add-on makes carries the label that Kyverno's webhooks do not look behind."""
    selector = values(plan, "kyverno")["config"]["webhooks"]["namespaceSelector"]["matchExpressions"]
    assert {"key": "slipway.io/platform", "operator": "DoesNotExist"} in selector
    homes = {item.inputs["namespace"] for item in plan if item.type == RELEASE} - {"kube-system"}
    labels = {
        item.inputs["metadata"]["name"]: item.inputs["metadata"]["labels"] for item in plan if item.type == NAMESPACE
    }
    assert homes
    assert all(labels[home]["slipway.io/platform"] == "true" for home in homes)
    assert "slipway.io/platform" not in labels["team-a"]
    for policy in (item for item in plan if item.type == "kubernetes:kyverno.io/v1:ClusterPolicy"):
        assert policy.inputs["spec"]["webhookConfiguration"] == {"failurePolicy": "Ignore"}
        assert [rule["validate"]["failureAction"] for rule in policy.inputs["spec"]["rules"]] == ["Audit"]


def test_a_tenant_s_namespace_denies_what_is_not_allowed(plan):
    found = {
        item.inputs["metadata"]["name"]: item.inputs["spec"]
        for item in plan
        if item.type == "kubernetes:networking.k8s.io/v1:NetworkPolicy"
        and item.inputs["metadata"]["namespace"] == "team-a"
    }
    assert found["default-deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    incoming = [peer for spec in found.values() for rule in spec.get("ingress", ()) for peer in rule["from"]]
    assert incoming == [{"podSelector": {}}]


def test_irsa_annotates_the_service_accounts(record_settings):
    plan = record_settings(stack("irsa"))
    role = values(plan, "velero")["serviceAccount"]["server"]["annotations"]["eks.amazonaws.com/role-arn"]
    assert role == plan.one("aws:iam/role:Role", "velero-velero-server").outputs["arn"]
    assert not [item for item in plan if item.type.endswith(":PodIdentityAssociation") and "velero" in item.name]


@pytest.mark.parametrize(
    ("missing", "addon", "key"),
    [
        ("edge", "external-dns", "edge.zone"),
        ("edge", "cert-manager-acme", "edge.zone"),
        ("storage", "velero", "storage.buckets.backups"),
    ],
)
def test_what_an_addon_stands_on_must_be_there(record_settings, missing, addon, key):
    raw = stack()
    if missing == "storage":
        buckets = {role: bucket for role, bucket in raw["storage"]["buckets"].items() if role != "backups"}
        raw["storage"] = {**raw["storage"], "buckets": buckets}
    if missing == "edge":
        raw = {name: value for name, value in raw.items() if name != "edge"}
    with pytest.raises(SettingsError, match=rf"{addon} needs {key}"):
        record_settings(raw)


def test_the_gateway_api_waits_for_the_cluster(prod: Plan):
    crds = prod.one("kubernetes:yaml/v2:ConfigFile", "gateway-api-crds")
    (component,) = [each for each in prod.of_type("slipway:addons:AddOn") if each.name == crds.name]
    assert component.outputs["version"] == "v1.6.1"
    assert crds.parent == component.urn
    entries = {
        entry.urn for entry in prod.of_type("aws:eks/accessEntry:AccessEntry") if entry.name.startswith("cluster")
    }
    assert entries <= set(crds.dependencies)


def test_no_linter_finds_anything_in_their_policies(plan):
    names = ("aws-load-balancer-controller", "cert-manager", "external-", "velero")
    found = [
        finding
        for document in documents(plan)
        if document.type == ROLE_POLICY and document.name.startswith(names)
        for linter in (by_parliament, by_cloudsplaining)
        for finding in linter(document)
    ]
    wrong = {each for each in found if not any(mistake.covers(each) for mistake in MISTAKES)}
    assert {(each.name, each.issue, each.detail) for each in wrong} == set()
    assert all(any(mistake.covers(each) for each in found) for mistake in MISTAKES)
