"""Every IAM policy of the catalogue: valid, small, and no wider than the makers of the software ask for."""

import json
import re
from pathlib import Path
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
    "s3:GetAccelerateConfiguration",
    "s3:GetAnalyticsConfiguration",
    "s3:GetBucketCORS",
    "s3:GetBucketObjectLockConfiguration",
    "s3:GetBucketPublicAccessBlock",
    "s3:GetEncryptionConfiguration",
    "s3:GetIntelligentTieringConfiguration",
    "s3:GetInventoryConfiguration",
    "s3:GetLifecycleConfiguration",
    "s3:GetMetricsConfiguration",
    "s3:GetReplicationConfiguration",
    "s3:ListAllMyBuckets",
    "s3:ListBucket",
    "s3:ListBucketMultipartUploads",
    "s3:ListMultipartUploadParts",
    "s3:PutBucketCORS",
    "s3:PutEncryptionConfiguration",
    "s3:PutIntelligentTieringConfiguration",
    "s3:PutLifecycleConfiguration",
    "s3:PutMetricsConfiguration",
    "s3:PutReplicationConfiguration",
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
        pytest.param(addon, identity, id=f"{name}-{identity.namespace or addon.namespace}-{identity.service_account}")
        for name, addon in CATALOGUE.items()
        for identity in (*addon.identities, *of_settings(addon))
        if identity.policy
    ]


def of_settings(addon: AddOn[Any]) -> list[Any]:
    """The identities that some settings of the tests ask for."""
    every = [identity for handle, settings in cases(addon)[-1:] for identity in addon.identities_of(handle, settings)]
    own = {(identity.namespace, identity.service_account) for identity in addon.identities}
    return [identity for identity in every if (identity.namespace, identity.service_account) not in own]


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
                made_up = arn.startswith(("arn:aws:s3:::acme", "arn:aws:kms:", "arn:aws:ecr:"))
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
JOBS = {
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:GetBucketLocation",
    "s3:GetObject",
    "s3:ListBucket",
    "s3:ListBucketMultipartUploads",
    "s3:ListMultipartUploadParts",
    "s3:PutObject",
}
"""What Hadoop's S3A, PyArrow and Argo's client ask of a bucket (Hadoop docs, "Working with IAM Assumed Roles")."""
ACK = Path(__file__).parent / "ack_actions.json"
"""What the AWS Controllers for Kubernetes call, as permissions (below pkg/resource of the pinned releases)."""
DOCUMENTED = {
    **{name: set(actions) for name, actions in json.loads(ACK.read_text()).items()},
    # Argo Workflows docs, "Configuring Your Artifact Repository".
    "argo-workflows": {"s3:GetObject", "s3:ListBucket"},
    "argo-workflows-namespaces": JOBS,
    # Feast docs, "File" source; boto3's transfers.
    "feast-store": JOBS - {"s3:ListBucketMultipartUploads"},
    "jupyterhub-users": JOBS,
    # MLflow documentation, "Artifact Stores", Amazon S3; boto3's transfers.
    "mlflow": JOBS - {"s3:ListBucketMultipartUploads"},
    # Kubeflow Pipelines operator guide, "Object Store Configuration".
    "kubeflow-pipelines": JOBS,
    # S3 as the clients of notebooks and of steps of pipelines use it.
    "kubeflow-profiles": JOBS,
    # ECR user guide, "IAM permissions for pushing an image" and "Private repository policy examples".
    "tenants": JOBS
    | {
        *("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:DescribeImages"),
        *("ecr:GetAuthorizationToken", "ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload", "ecr:ListImages"),
        *("ecr:PutImage", "ecr:UploadLayerPart"),
    },
    "ray-namespaces": JOBS,
    # Glue's API for reading (Glue developer guide, "Actions, resources, and condition keys").
    "spark-namespaces": JOBS
    | {
        f"glue:{action}"
        for action in (
            "BatchGetPartition",
            "GetDatabase",
            "GetDatabases",
            "GetPartition",
            "GetPartitions",
            "GetTable",
            "GetTables",
            "GetUserDefinedFunction",
            "GetUserDefinedFunctions",
        )
    },
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
    # KServe documentation, "Deploy InferenceService with a saved model on S3", narrowed to the bucket.
    "kserve-localmodel-nodes": {"s3:GetObject", "s3:ListBucket"},
    "kserve-models": {"s3:GetObject", "s3:ListBucket"},
    "vllm-models": {"s3:GetObject", "s3:ListBucket"},
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


def makers(name: str) -> set[str]:
    """The actions in the documents of an add-on's makers."""
    return {
        action
        for path in REFERENCE_POLICIES.get(name, ())
        for statement in json.loads((charts.REFERENCE / path).read_text())["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }


@charts.needs_reference
@pytest.mark.parametrize(("addon", "identity"), documents())
def test_a_policy_allows_no_more_than_its_makers_ask_for(addon, identity, known):
    asked = makers(addon.name) | {"iam:CreateServiceLinkedRole", *DOCUMENTED.get(addon.name, ())}
    ours = {action for statement in statements(addon, identity, known) for action in statement["Action"]}
    assert {action for action in ours if not FOR_KEYS.match(action)} <= asked


LEFT_OUT: dict[str, dict[str, str]] = {
    "aws-ebs-csi-driver": {
        "ec2:DeleteTags": "tags of volumes are the stack's",
        "ec2:EnableFastSnapshotRestores": "costs by the hour until somebody turns it off",
        "ec2:LockSnapshot": "a locked snapshot cannot be deleted, nor can the stack then go",
    },
    "aws-efs-csi-driver": {
        "s3files:CreateAccessPoint": "S3 Files",
        "s3files:DeleteAccessPoint": "S3 Files",
        "s3files:ListAccessPoints": "S3 Files",
        "s3files:ListFileSystems": "S3 Files",
        "s3files:TagResource": "S3 Files",
    },
    "aws-fsx-csi-driver": {
        "iam:AttachRolePolicy": "for buckets that file systems of its own are linked to",
        "iam:PutRolePolicy": "for buckets that file systems of its own are linked to",
        "s3:ListBucket": "for buckets that file systems of its own are linked to",
    },
    "aws-load-balancer-controller": {
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
    },
    "external-secrets": {
        "secretsmanager:BatchGetSecretValue": "finding secrets by tag or pattern",
        "secretsmanager:GetResourcePolicy": "pushing secrets",
        "secretsmanager:ListSecretVersionIds": "a version is read by its name",
        "secretsmanager:ListSecrets": "finding secrets by tag or pattern",
    },
    "karpenter": {
        "iam:AddRoleToInstanceProfile": "the stack makes the instance profile",
        "iam:CreateInstanceProfile": "the stack makes the instance profile",
        "iam:DeleteInstanceProfile": "the stack makes the instance profile",
        "iam:RemoveRoleFromInstanceProfile": "the stack makes the instance profile",
        "iam:TagInstanceProfile": "the stack makes the instance profile",
    },
    "velero": {
        "ec2:CreateSnapshot": "snapshots are the EBS driver's",
        "ec2:CreateTags": "snapshots are the EBS driver's",
        "ec2:CreateVolume": "snapshots are the EBS driver's",
        "ec2:DeleteSnapshot": "snapshots are the EBS driver's",
        "ec2:DescribeSnapshots": "snapshots are the EBS driver's",
        "ec2:DescribeVolumes": "snapshots are the EBS driver's",
        "s3:PutObjectTagging": "objects get no tags of their own",
    },
}
"""What makers ask for and an add-on may not do, and why: not needed here, or only where it is asked to."""


@charts.needs_reference
@pytest.mark.parametrize("name", REFERENCE_POLICIES)
def test_a_policy_allows_what_its_makers_ask_for_but_what_is_left_out_for_a_reason(name, known):
    asked = makers(name)
    given = {
        action
        for identity in CATALOGUE[name].identities
        if identity.policy
        for statement in statements(CATALOGUE[name], identity, known)
        for action in statement["Action"]
    }
    assert asked - given == LEFT_OUT.get(name, {}).keys()
