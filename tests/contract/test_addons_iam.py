"""Every IAM policy of the catalogue: valid, small, and no wider than the makers of the software ask for."""

import json
import re
from typing import Any

import pytest
from botocore.loaders import Loader

from addons import registry
from addons.spec import AddOn
from tests.contract import charts
from tests.contract.charts import cases

CATALOGUE = registry.discover()
INLINE_LIMIT = 10_240
"""Of all inline policies of a role together; a workload's role has this one alone."""
PERMISSION_ONLY = {
    "aps:GetLabels",
    "aps:GetMetricMetadata",
    "aps:QueryMetrics",
    "aps:RemoteWrite",
    "elasticloadbalancing:SetWebAcl",
    "iam:PassRole",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "s3:ListBucket",
    "s3:ListMultipartUploadParts",
}
"""Actions that no API operation is named after (Service Authorization Reference)."""
WITHOUT_RESOURCE = {"cloudwatch:PutMetricData": "cloudwatch:namespace"}
"""Writing actions that take no resource, and the condition key that keeps them in bounds."""
SERVICES = {"aps": "amp", "elasticfilesystem": "efs", "elasticloadbalancing": "elbv2"}


@pytest.fixture(name="known")
def _known():
    yield from charts.resolver()


def documents() -> list[Any]:
    return [
        pytest.param(addon, identity, id=f"{name}-{identity.service_account}")
        for name, addon in CATALOGUE.items()
        for identity in addon.identities
        if identity.policy
    ]


def statements(addon: AddOn[Any], identity: Any, known: Any) -> list[dict[str, Any]]:
    policies = [identity.policy(handle, settings) for handle, settings in cases(addon)]
    return [statement for policy in policies if policy for statement in known(policy)["Statement"]]


@pytest.mark.parametrize(("addon", "identity"), documents())
def test_a_policy_is_json_and_small_enough(addon, identity, known):
    for handle, settings in cases(addon):
        policy = known(identity.policy(handle, settings))
        if policy is not None:
            text = json.dumps(policy, separators=(",", ":"))
            assert len(text) <= INLINE_LIMIT
            assert json.loads(text)["Version"] == "2012-10-17"
            assert all(item["Action"] and item["Resource"] for item in policy["Statement"])


@pytest.mark.parametrize(("addon", "identity"), documents())
def test_a_policy_allows_no_wildcard_and_changes_nothing_everywhere(addon, identity, known):
    for statement in statements(addon, identity, known):
        assert statement["Effect"] == "Allow"
        assert not [action for action in statement["Action"] if "*" in action]
        if statement["Resource"] == "*":
            reading = re.compile(r"[a-z0-9]+:(Describe|Get|List)[A-Z]")
            bound = {key for keys in statement.get("Condition", {}).values() for key in keys}
            assert all(reading.match(action) or WITHOUT_RESOURCE.get(action) in bound for action in statement["Action"])


@pytest.mark.parametrize(("addon", "identity"), documents())
def test_every_action_exists(addon, identity, known):
    loader = Loader()
    for action in {action for statement in statements(addon, identity, known) for action in statement["Action"]}:
        service, _, operation = action.partition(":")
        known_operations = loader.load_service_model(SERVICES.get(service, service), "service-2")["operations"]
        assert operation in known_operations or action in PERMISSION_ONLY


@pytest.mark.parametrize(("addon", "identity"), documents())
def test_every_arn_is_of_the_cluster_s_partition(addon, identity, known):
    for handle, settings in cases(addon):
        policy = known(identity.policy(handle, settings))
        for statement in (policy or {"Statement": []})["Statement"]:
            resources = statement["Resource"]
            for arn in [resources] if isinstance(resources, str) else resources:
                # Ids of the made-up storage are of the commercial partition, whatever the cluster's.
                made_up = arn.startswith(("arn:aws:s3:::acme", "arn:aws:kms:"))
                assert arn == "*" or made_up or arn.startswith(f"arn:{handle.partition}:")


REFERENCE_POLICIES = {
    "aws-ebs-csi-driver": ("aws-ebs-csi-driver/iam/AmazonEBSCSIDriverPolicyV2.json",),
    "aws-efs-csi-driver": ("aws-efs-csi-driver/iam/iam-policy-example.json",),
    "aws-fsx-csi-driver": ("aws-fsx-csi-driver/iam/install-1.json",),
    "aws-load-balancer-controller": ("aws-load-balancer-controller/iam/iam_policy.json",),
    "aws-mountpoint-s3-csi-driver": ("aws-mountpoint-s3-csi-driver/iam/mountpoint-readwrite.json",),
    "cert-manager": ("cert-manager/iam/route53-1.json",),
    "cluster-autoscaler": ("cluster-autoscaler/iam/readme-1.json",),
    "velero": ("velero/iam/readme-1.json",),
    "external-dns": ("external-dns/iam/aws-1.json",),
    "external-secrets": ("external-secrets/iam/aws-secrets-manager-1.json",),
    "karpenter": tuple(
        f"karpenter/iam/{name}Policy.template.json"
        for name in ("EKSIntegration", "IAMIntegration", "Interruption", "NodeLifecycle", "ResourceDiscovery")
    ),
}
DOCUMENTED = {
    # CloudWatchAgentServerPolicy.
    "aws-for-fluent-bit": {"logs:CreateLogStream", "logs:PutLogEvents"},
    # KEDA's pages of its scalers for SQS and CloudWatch; AmazonPrometheusQueryAccess.
    "keda": {
        "aps:GetLabels",
        "aps:GetMetricMetadata",
        "aps:QueryMetrics",
        "cloudwatch:GetMetricData",
        "sqs:GetQueueAttributes",
    },
    # AmazonPrometheusRemoteWriteAccess; SNS's Publish; Grafana's CloudWatch data source, "IAM policies".
    "kube-prometheus-stack": {"aps:RemoteWrite", "cloudwatch:GetMetricData", "cloudwatch:ListMetrics", "sns:Publish"},
    # Neuron documentation, "Permissions for Neuron Node Problem Detector and Recovery".
    "neuron": {
        "autoscaling:DescribeAutoScalingInstances",
        "autoscaling:SetInstanceHealth",
        "cloudwatch:PutMetricData",
        "ec2:DescribeInstances",
    },
}
"""What makers ask for on a page, and not in a document of ../shared/reference."""
FOR_KEYS = re.compile(r"kms:")


@charts.needs_reference
@pytest.mark.parametrize(("addon", "identity"), documents())
def test_a_policy_allows_no_more_than_its_makers_ask_for(addon, identity, known):
    asked = {
        action
        for path in REFERENCE_POLICIES.get(addon.name, ())
        for statement in json.loads((charts.REFERENCE / path).read_text())["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    } | {"iam:CreateServiceLinkedRole", *DOCUMENTED.get(addon.name, ())}
    ours = {action for statement in statements(addon, identity, known) for action in statement["Action"]}
    assert {action for action in ours if not FOR_KEYS.match(action)} <= asked


@charts.needs_reference
def test_the_autoscaler_may_do_everything_that_its_makers_ask_for(known):
    addon = CATALOGUE["cluster-autoscaler"]
    (identity,) = addon.identities
    document = json.loads((charts.REFERENCE / "cluster-autoscaler" / "iam" / "readme-1.json").read_text())
    asked = {action for statement in document["Statement"] for action in statement["Action"]}
    assert {action for statement in statements(addon, identity, known) for action in statement["Action"]} == asked


NOT_ALLOWED = {
    "ec2:DeleteTags": "tags of volumes are the stack's",
    "ec2:EnableFastSnapshotRestores": "costs by the hour until somebody turns it off",
    "ec2:LockSnapshot": "a locked snapshot cannot be deleted, nor can the stack then go",
}
"""What the EBS CSI driver does only where a class of volumes or snapshots asks for it, and why it may not."""


@charts.needs_reference
def test_the_ebs_driver_may_do_what_its_makers_ask_for(known):
    addon = CATALOGUE["aws-ebs-csi-driver"]
    (identity,) = addon.identities
    document = json.loads((charts.REFERENCE / REFERENCE_POLICIES[addon.name][0]).read_text())
    asked = {action for statement in document["Statement"] for action in statement["Action"]}
    ours = {action for statement in statements(addon, identity, known) for action in statement["Action"]}
    assert asked - ours == NOT_ALLOWED.keys()


LOAD_BALANCERS_WITHOUT = {
    "ec2:DescribeCoipPools": "Outposts",
    "ec2:GetCoipPoolUsage": "Outposts",
    "ec2:DescribeIpamPools": "pools of addresses",
    "elasticloadbalancing:ModifyIpPools": "pools of addresses",
    "shield:CreateProtection": "Shield is turned off",
    "shield:DeleteProtection": "Shield is turned off",
    "shield:DescribeProtection": "Shield is turned off",
    "shield:GetSubscriptionState": "Shield is turned off",
    "waf-regional:AssociateWebACL": "WAF Classic is turned off",
    "waf-regional:DisassociateWebACL": "WAF Classic is turned off",
    "waf-regional:GetWebACL": "WAF Classic is turned off",
    "waf-regional:GetWebACLForResource": "WAF Classic is turned off",
}
"""What the load balancer controller does only where it is asked to, and why it may not."""


@charts.needs_reference
def test_the_load_balancer_controller_may_do_what_its_makers_ask_for(known):
    addon = CATALOGUE["aws-load-balancer-controller"]
    (identity,) = addon.identities
    document = json.loads((charts.REFERENCE / REFERENCE_POLICIES[addon.name][0]).read_text())
    asked = {action for statement in document["Statement"] for action in statement["Action"]}
    ours = {action for statement in statements(addon, identity, known) for action in statement["Action"]}
    assert asked - ours == LOAD_BALANCERS_WITHOUT.keys()
