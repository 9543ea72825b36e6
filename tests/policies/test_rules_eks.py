"""What mutations of real plans do not show of the rules about the control plane and its nodes."""

import base64
import dataclasses
import datetime

import pytest

from infra.platform import PlatformSettings
from policies.around import Around, Environment
from policies.evaluate import ask
from policies.model import Rule
from policies.rules import eks, eks_nodes
from policies.rules.eks import ADDON, LOG_GROUP
from policies.settings import PolicySettings
from slipway.plan.bill.types import CLUSTER
from slipway.plan.fleet import LAUNCH_TEMPLATE, NODE_CLASS, NODE_GROUP
from slipway.plan.model import Plan, Resource
from slipway.wire import SECRET, SIGNATURE, UNKNOWN

TODAY = datetime.date(2026, 11, 22)


def made(type_, inputs, name="it", **behind):
    return Resource(
        urn=f"urn:pulumi:test::slipway::{type_}::{name}",
        custom=True,
        inputs=inputs,
        property_dependencies={key: tuple(each.urn for each in found) for key, found in behind.items()},
    )


def told(rule: Rule, resource, *others, environment=None):
    """What a rule says of the first: `path: what` of each violation, or `unknown` with the path."""
    plan = Plan(project="slipway", stack="test", resources=(resource, *others))
    around = Around(plan=plan, environment=environment or Environment(today=TODAY))
    return [
        f"{each.path}: {each.what}" if each.kind == "violation" else f"unknown {each.path}"
        for each in ask(rule, resource, around)
    ]


def cluster(**inputs):
    return made(CLUSTER, inputs, "cluster")


@pytest.mark.parametrize(
    ("cidr", "closed"),
    [
        ("203.0.113.0/24", True),
        ("198.0.0.0/8", True),
        ("198.0.0.0/7", False),
        ("2001:db8::/32", True),
        ("2600::/16", True),
        ("2000::/3", False),
        ("203.0.113.7", True),
        ("office", True),
    ],
)
def test_an_endpoint_is_for_networks_and_not_for_large_parts_of_the_internet(cidr, closed):
    config = {"endpointPrivateAccess": True, "endpointPublicAccess": True, "publicAccessCidrs": [cidr]}
    found = told(eks.endpoint, cluster(vpcConfig=config))
    assert found == ([] if closed else [f"vpcConfig.publicAccessCidrs.0: {cidr} lets nearly everybody in"])


def test_a_private_endpoint_needs_no_networks():
    config = {"endpointPrivateAccess": True, "endpointPublicAccess": False}
    assert told(eks.endpoint, cluster(vpcConfig=config)) == []


def test_an_endpoint_is_judged_as_far_as_it_is_known():
    config = {"endpointPrivateAccess": False, "endpointPublicAccess": True, "publicAccessCidrs": UNKNOWN}
    assert told(eks.endpoint, cluster(vpcConfig=config)) == [
        "vpcConfig.endpointPrivateAccess: off; it must be true",
        "unknown vpcConfig.publicAccessCidrs",
    ]


# Standard support of 1.35 ends on 2027-03-27 (EKS user guide, release calendar).
@pytest.mark.parametrize(
    ("today", "days", "found"),
    [
        ("2027-02-25", 30, []),
        ("2027-02-26", 30, ["version: 1.35: standard support ends on 2027-03-27, in 29 days; 30 are asked"]),
        ("2027-03-27", 0, []),
        ("2027-03-28", 0, ["version: 1.35: standard support ended on 2027-03-27"]),
    ],
)
def test_a_version_has_as_many_days_left_as_the_stack_file_asks_for(today, days, found):
    environment = Environment(today=datetime.date.fromisoformat(today), policies=PolicySettings(support_days=days))
    assert told(eks.version, cluster(version="1.35"), environment=environment) == found


def test_a_version_of_the_future_is_not_taken_for_supported():
    assert told(eks.version, cluster(version="1.99")) == ["version: 1.99 is no version that the catalogue knows"]


@pytest.mark.parametrize(("nodes", "right"), [("1.35", True), ("1.32", True), ("1.31", False), ("1.36", False)])
def test_nodes_are_at_most_three_minors_behind_and_never_ahead(nodes, right):
    plane = cluster(version="1.35")
    group = made(NODE_GROUP, {"version": nodes}, clusterName=[plane])
    proxy = made(ADDON, {"addonName": "kube-proxy", "addonVersion": f"v{nodes}.3-eksbuild.2"}, clusterName=[plane])
    other = made(ADDON, {"addonName": "coredns", "addonVersion": "v1.13.2-eksbuild.21"}, clusterName=[plane])
    assert [bool(told(eks.version_skew, each, plane)) for each in (group, proxy, other)] == [
        not right,
        not right,
        False,
    ]


def test_nodes_that_take_the_version_of_their_cluster_are_right():
    plane = cluster(version="1.35")
    assert told(eks.version_skew, made(NODE_GROUP, {}, clusterName=[plane]), plane) == []


def test_a_disposable_environment_may_be_deleted():
    said = {"name": "play", "environment": "play", "owner": "me", "costCenter": "none", "disposable": True}
    platform = PlatformSettings.model_validate({**said, "region": "us-west-2", "accountId": "123456789012"})
    environment = Environment(today=TODAY, platform=platform)
    assert told(eks.deletion_protection, cluster(deletionProtection=False), environment=environment) == []
    kept = dataclasses.replace(environment, platform=platform.model_copy(update={"disposable": False}))
    assert told(eks.deletion_protection, cluster(deletionProtection=False), environment=kept) == [
        "deletionProtection: off; it must be true"
    ]


@pytest.mark.parametrize(
    ("create", "update", "found"),
    [
        ("OVERWRITE", "PRESERVE", []),
        ("PRESERVE", "OVERWRITE", ["resolveConflictsOnCreate: PRESERVE; it must be OVERWRITE"]),
    ],
)
def test_edits_by_hand_may_be_kept_by_an_update_and_not_by_a_creation(create, update, found):
    inputs = {
        "addonVersion": "v1.22.4-eksbuild.3",
        "resolveConflictsOnCreate": create,
        "resolveConflictsOnUpdate": update,
    }
    assert told(eks.addons_pinned, made(ADDON, inputs)) == found


def test_a_version_that_aws_is_asked_for_at_up_is_unknown_until_then():
    inputs = {
        "addonVersion": UNKNOWN,
        "resolveConflictsOnCreate": "OVERWRITE",
        "resolveConflictsOnUpdate": "OVERWRITE",
    }
    assert told(eks.addons_pinned, made(ADDON, inputs)) == ["unknown addonVersion"]


def test_a_log_group_goes_with_the_name_of_its_cluster():
    plane = cluster(name="ml", enabledClusterLogTypes=["audit"])
    right, wrong = (made(LOG_GROUP, {"name": f"/aws/eks/{name}/cluster"}, name) for name in ("ml", "other"))
    assert told(eks.log_group, plane, wrong, right) == []
    assert told(eks.log_group, plane, wrong) == [
        "enabledClusterLogTypes: the plan has no log group /aws/eks/ml/cluster"
    ]
    assert told(eks.log_group, cluster(name="ml", enabledClusterLogTypes=[])) == []
    assert told(eks.log_group, cluster(enabledClusterLogTypes=["audit"])) == [
        "name: not set; the log group of a cluster with a random name cannot be there first"
    ]


@pytest.mark.parametrize(
    ("type_", "options", "faults"),
    [
        (LAUNCH_TEMPLATE, {"httpTokens": "required"}, 0),
        (LAUNCH_TEMPLATE, {"httpEndpoint": "disabled"}, 0),
        (LAUNCH_TEMPLATE, None, 1),
        (LAUNCH_TEMPLATE, {"httpTokens": "optional", "httpPutResponseHopLimit": 64}, 2),
        (NODE_CLASS, None, 0),
        (NODE_CLASS, {"httpTokens": "optional"}, 1),
    ],
)
def test_metadata_is_judged_by_the_defaults_of_who_makes_the_machine(type_, options, faults):
    inputs = {"metadataOptions": options} if options else {}
    resource = made(type_, {"spec": inputs} if type_ == NODE_CLASS else inputs)
    assert len(told(eks_nodes.imds, resource)) == faults


def test_only_volumes_are_to_be_encrypted():
    mappings = [
        {"deviceName": "/dev/xvda", "ebs": {"encrypted": "true"}},
        {"deviceName": "/dev/sdb", "virtualName": "ephemeral0"},
    ]
    assert told(eks_nodes.node_volumes_encrypted, made(LAUNCH_TEMPLATE, {"blockDeviceMappings": mappings})) == []
    assert told(eks_nodes.node_volumes_encrypted, made(NODE_CLASS, {"spec": {}})) == []


JOB = "kubernetes:batch/v1:Job"
K8S_SECRET = "kubernetes:core/v1:Secret"


@pytest.mark.parametrize(
    ("type_", "inputs", "paths"),
    [
        (JOB, {"spec": {"env": [{"name": "AWS_REGION", "value": "us-west-2"}]}}, []),
        (JOB, {"spec": {"env": [{"name": "AWS_ACCESS_KEY_ID", "value": "x"}]}}, ["spec.env.0"]),
        (JOB, {"spec": {"env": [{"name": "aws_secret_access_key", "value": UNKNOWN}]}}, ["spec.env.0"]),
        (JOB, {"spec": {SIGNATURE: SECRET, "value": "AWS_ACCESS_KEY_ID=x"}}, []),
        (LAUNCH_TEMPLATE, {"userData": "export AWS_ACCESS_KEY_ID=x"}, ["userData"]),
        (LAUNCH_TEMPLATE, {"userData": base64.b64encode(b"AWS_SECRET_ACCESS_KEY=x").decode()}, ["userData"]),
        (LAUNCH_TEMPLATE, {"userData": base64.b64encode(b"\xff\xfe").decode()}, []),
        (LAUNCH_TEMPLATE, {"userData": "größer"}, []),
        (NODE_CLASS, {"spec": {"userData": "export AWS_ACCESS_KEY_ID=x"}}, ["spec.userData"]),
        (K8S_SECRET, {"stringData": {"AWS_ACCESS_KEY_ID": UNKNOWN}}, ["stringData.AWS_ACCESS_KEY_ID"]),
        (
            K8S_SECRET,
            {"data": {"cloud": base64.b64encode(b"[default]\naws_access_key_id = x").decode()}},
            ["data.cloud"],
        ),
        (K8S_SECRET, {"data": {"password": base64.b64encode(b"x").decode()}}, []),
        (K8S_SECRET, {"data": {SIGNATURE: SECRET, "value": {"cloud": "AWS_ACCESS_KEY_ID=x"}}}, []),
    ],
)
def test_static_keys_are_known_by_their_names(type_, inputs, paths):
    found = told(eks_nodes.static_keys, made(type_, inputs))
    assert found == [f"{path}: a static AWS key" for path in paths]


def test_user_data_that_is_unknown_may_hold_a_key():
    assert told(eks_nodes.static_keys, made(LAUNCH_TEMPLATE, {"userData": UNKNOWN})) == ["unknown userData"]


@pytest.mark.parametrize("missing", ["api", "audit", "authenticator"])
def test_each_of_three_logs_is_needed(missing):
    types = [each for each in ("api", "audit", "authenticator") if each != missing]
    assert told(eks.logs, cluster(enabledClusterLogTypes=types)) == [f"enabledClusterLogTypes: without {missing}"]


@pytest.mark.parametrize("type_", ["kubernetes:core/v1:ConfigMap", "kubernetes:core/v1:ConfigMapPatch"])
def test_access_is_given_by_no_config_map(type_):
    given = made(type_, {"metadata": {"name": "aws-auth", "namespace": "kube-system"}})
    assert len(told(eks.access_entries, given)) == 1


@pytest.mark.parametrize(
    "type_",
    [
        "aws:codebuild/project:Project",
        "aws:ecs/taskDefinition:TaskDefinition",
        "aws:lambda/function:Function",
        "kubernetes:apps/v1:DaemonSet",
        "kubernetes:apps/v1:Deployment",
        "kubernetes:apps/v1:StatefulSet",
        "kubernetes:batch/v1:CronJob",
        "kubernetes:batch/v1:Job",
        "kubernetes:core/v1:ConfigMap",
        "kubernetes:core/v1:Pod",
        "kubernetes:helm.sh/v3:Release",
    ],
)
def test_whatever_hands_a_program_a_key_is_told(type_):
    given = made(type_, {"environment": {"variables": {"AWS_SECRET_ACCESS_KEY": UNKNOWN}}})
    assert type_ in eks_nodes.static_keys.types
    assert told(eks_nodes.static_keys, given) == ["environment.variables.AWS_SECRET_ACCESS_KEY: a static AWS key"]
