"""Analytics as planned: who may assume what, what jobs may touch, and the order in which EMR comes and goes."""

import fnmatch
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from slipway.plan.cost import cost
from slipway.plan.graph import needs
from slipway.plan.model import Plan
from tests.contract.test_aws_inputs import problems

ACCOUNT = "123456789012"
ROLE, ROLE_POLICY = "aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy"
VIRTUAL_CLUSTER = "aws:emrcontainers/virtualCluster:VirtualCluster"
WORKGROUP, DATABASE = "aws:athena/workgroup:Workgroup", "aws:glue/catalogDatabase:CatalogDatabase"
NAMESPACE, BUCKET = "kubernetes:core/v1:Namespace", "aws:s3/bucket:Bucket"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
STACK: Mapping[str, Any] = {
    "platform": {"name": "ml-lab", "region": "us-west-2", "environment": "t", "owner": "t", "costCenter": "t"},
    "network": {"zones": ["usw2-az1", "usw2-az2"]},
    "cluster": {"access": {"team": {"principalArn": f"arn:aws:iam::{ACCOUNT}:role/ml", "policy": "cluster-admin"}}},
    "nodeGroups": [{"name": "system", "system": True, "instanceTypes": ["m7i.large"], "min": 1}],
    "storage": {"buckets": {"data": {}, "artifacts": {}, "models": {}, "logs": {}}},
    "analytics": {"emr": {}, "athena": {}, "sagemaker": {}},
    "addons": {"preset": "minimal"},
}

Record = Callable[..., Plan]


@pytest.fixture(name="full")
def _full(record_settings: Record) -> Plan:
    return record_settings(STACK)


def analytics(record: Record, settings: Mapping[str, Any], **more: Any) -> Plan:
    return record({**STACK, "analytics": settings, **more})


def trust(plan: Plan, role: str) -> dict[str, Any]:
    (statement,) = json.loads(plan.one(ROLE, role).inputs["assumeRolePolicy"])["Statement"]
    return dict(statement)


def allowed(plan: Plan, role: str) -> dict[str, dict[str, Any]]:
    """The statements of a role's policy by their Sid."""
    statements = json.loads(plan.one(ROLE_POLICY, role).inputs["policy"])["Statement"]
    found = {statement["Sid"]: statement for statement in statements}
    assert len(found) == len(statements)
    return found


def arns(plan: Plan, *roles: str) -> list[str]:
    return [plan.one(BUCKET, f"storage-{role}").outputs["arn"] for role in roles]


def key(plan: Plan) -> str:
    return str(plan.one("aws:kms/key:Key", "data").outputs["arn"])


def before(plan: Plan, urn: str) -> set[str]:
    """Everything that must exist before a resource, and as long as it does."""
    seen: set[str] = set()
    waiting = [urn]
    while waiting:
        resource = plan.get(waiting.pop())
        assert resource
        waiting += needs(resource) - seen
        seen |= needs(resource)
    return seen


def test_jobs_of_emr_are_three_service_accounts_of_one_namespace(full: Plan):
    assert trust(full, "analytics-emr") == {
        "Effect": "Allow",
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Condition": {
            "StringEquals": {
                "aws:SourceAccount": ACCOUNT,
                "aws:RequestTag/eks-cluster-name": "ml-lab",
                "aws:RequestTag/kubernetes-namespace": "emr",
            },
            "StringLike": {"aws:RequestTag/kubernetes-service-account": f"emr-containers-sa-spark-*-{ACCOUNT}-*"},
        },
    }
    role = full.one(ROLE, "analytics-emr").outputs
    associations = [
        each.inputs
        for each in full.of_type("aws:eks/podIdentityAssociation:PodIdentityAssociation")
        if each.name.startswith("analytics-")
    ]
    encoded = int.from_bytes(role["name"].encode(), "big")
    for association in associations:
        assert (association["namespace"], association["roleArn"]) == ("emr", role["arn"])
        assert int(association["serviceAccount"].rpartition("-")[2], 36) == encoded
    parts = {association["serviceAccount"].partition(f"-{ACCOUNT}-")[0] for association in associations}
    assert parts == {f"emr-containers-sa-spark-{part}" for part in ("client", "driver", "executor")}


def test_the_virtual_cluster_comes_after_namespace_and_access_and_goes_before(full: Plan):
    """A virtual cluster whose namespace or API server is gone ends ARRESTED, and never deleted."""
    virtual = full.one(VIRTUAL_CLUSTER)
    assert virtual.inputs["containerProvider"] == {
        "type": "EKS",
        "id": "ml-lab",
        "info": {"eksInfo": {"namespace": "emr"}},
    }
    namespace = full.one(NAMESPACE, "analytics-emr-namespace")
    access = full.of_type("aws:eks/accessEntry:AccessEntry", "aws:eks/accessPolicyAssociation:AccessPolicyAssociation")
    assert access
    first = before(full, virtual.urn)
    assert {namespace.urn, full.one("aws:eks/cluster:Cluster").urn, *(each.urn for each in access)} <= first
    assert {each.urn for each in access} <= before(full, namespace.urn)
    assert virtual.urn not in before(full, namespace.urn)


def test_emrs_service_linked_role_and_its_access_entry_are_emrs(full: Plan):
    """EKS refuses an access entry for a service-linked role from anybody but its service."""
    entries = full.of_type("aws:eks/accessEntry:AccessEntry")
    assert [entry.inputs["principalArn"] for entry in entries] == [f"arn:aws:iam::{ACCOUNT}:role/ml"]
    assert not full.of_type("aws:iam/serviceLinkedRole:ServiceLinkedRole")


def test_the_namespace_enforces_a_pod_security_standard(full: Plan):
    namespace = full.one(NAMESPACE, "analytics-emr-namespace")
    assert namespace.inputs["metadata"]["name"] == "emr"
    assert namespace.inputs["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "baseline"
    assert namespace.provider_urn == full.one("pulumi:providers:kubernetes", "cluster-kubernetes").urn


@pytest.mark.parametrize(
    ("role", "buckets"),
    [("analytics-emr", ("artifacts", "data")), ("analytics-sagemaker", ("artifacts", "data", "models"))],
)
def test_jobs_read_and_write_named_buckets_with_our_key(full: Plan, role: str, buckets: tuple[str, ...]):
    statements = allowed(full, role)
    assert statements["Objects"]["Resource"] == [f"{arn}/*" for arn in arns(full, *buckets)]
    # S3 user guide, "Multipart upload API and permissions": what parts take, of S3 and of the key, beside reading.
    parts = {"s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"}
    assert set(statements["Objects"]["Action"]) == parts | {"s3:GetObject", "s3:DeleteObject"}
    assert statements["Buckets"]["Resource"] == arns(full, *buckets)
    assert "s3:ListBucket" in statements["Buckets"]["Action"]
    assert statements["KeyOfObjects"]["Resource"] == key(full)
    assert set(statements["KeyOfObjects"]["Action"]) == {"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"}
    assert statements["KeyOfObjects"]["Condition"] == {"StringEquals": {"kms:ViaService": "s3.us-west-2.amazonaws.com"}}


def test_emr_writes_to_its_own_log_group_and_reads_one_database(full: Plan):
    statements = allowed(full, "analytics-emr")
    logs = full.one(LOG_GROUP, "analytics-emr-jobs")
    assert statements["Logs"]["Resource"] == [logs.outputs["arn"], f"{logs.outputs['arn']}:*"]
    assert (logs.inputs["retentionInDays"], logs.inputs["kmsKeyId"]) == (30, key(full))
    glue = f"arn:aws:glue:us-west-2:{ACCOUNT}"
    assert statements["Catalogue"]["Resource"] == [
        f"{glue}:catalog",
        f"{glue}:database/default",
        f"{glue}:database/ml_lab",
        f"{glue}:table/ml_lab/*",
        f"{glue}:userDefinedFunction/ml_lab/*",
    ]
    assert all(action.startswith(("glue:Get", "glue:BatchGet")) for action in statements["Catalogue"]["Action"])


def test_spark_may_make_the_database_default_where_the_account_has_none(full: Plan):
    """Its client of the catalogue makes it before it does anything else, and gives up where it may not.

    Source: awslabs/aws-glue-data-catalog-client-for-apache-hive-metastore, issue 67; Glue developer guide,
    "Troubleshooting AWS Glue Data Quality errors".
    """
    glue = f"arn:aws:glue:us-west-2:{ACCOUNT}"
    statement = allowed(full, "analytics-emr")["DefaultDatabase"]
    assert statement["Action"] == ["glue:CreateDatabase"]
    assert statement["Resource"] == [f"{glue}:catalog", f"{glue}:database/default"]


def test_emr_without_athena_reads_no_catalogue(record_settings: Record):
    plan = analytics(record_settings, {"emr": {"namespace": "spark", "logRetentionDays": 7}})
    assert "Catalogue" not in allowed(plan, "analytics-emr")
    assert plan.one(NAMESPACE, "analytics-emr-namespace").inputs["metadata"]["name"] == "spark"
    assert trust(plan, "analytics-emr")["Condition"]["StringEquals"]["aws:RequestTag/kubernetes-namespace"] == "spark"
    assert plan.one(LOG_GROUP, "analytics-emr-jobs").inputs["retentionInDays"] == 7


def test_query_results_are_encrypted_in_the_artifacts_bucket_whatever_the_client_says(full: Plan):
    configuration = full.one(WORKGROUP).inputs["configuration"]
    artifacts = full.one(BUCKET, "storage-artifacts").outputs["bucket"]
    assert configuration["enforceWorkgroupConfiguration"] is True
    assert configuration["resultConfiguration"] == {
        "outputLocation": f"s3://{artifacts}/athena/",
        "expectedBucketOwner": ACCOUNT,
        "encryptionConfiguration": {"encryptionOption": "SSE_KMS", "kmsKeyArn": key(full)},
    }
    assert configuration["bytesScannedCutoffPerQuery"] == 1024**4
    assert configuration["publishCloudwatchMetricsEnabled"] is True
    assert configuration["requesterPaysEnabled"] is False


def test_athena_goes_where_the_settings_say(record_settings: Record):
    plan = analytics(
        record_settings,
        {
            "athena": {
                "database": "lake",
                "tables": "warehouse/v1",
                "results": "data",
                "resultsPrefix": "query-results",
                "scanLimitMib": 10,
                "engine": "AUTO",
            }
        },
    )
    data = plan.one(BUCKET, "storage-data").outputs["bucket"]
    configuration = plan.one(WORKGROUP).inputs["configuration"]
    assert configuration["resultConfiguration"]["outputLocation"] == f"s3://{data}/query-results/"
    assert configuration["bytesScannedCutoffPerQuery"] == 10_485_760  # the least that the provider takes
    assert configuration["engineVersion"] == {"selectedEngineVersion": "AUTO"}
    database = plan.one(DATABASE).inputs
    assert (database["name"], database["locationUri"]) == ("lake", f"s3://{data}/warehouse/v1/")


@pytest.mark.parametrize("disposable", [False, True])
def test_saved_queries_and_tables_are_kept_as_data_is(record_settings: Record, disposable: bool):
    platform = {**STACK["platform"], "disposable": disposable}
    plan = analytics(record_settings, {"athena": {}}, platform=platform)
    for kept in (plan.one(WORKGROUP), plan.one(DATABASE)):
        assert (kept.protect, kept.retain_on_delete) == (not disposable, not disposable)
    assert plan.one(WORKGROUP).inputs["forceDestroy"] is disposable


def test_sagemaker_acts_for_this_account_alone_and_passes_only_itself(full: Plan):
    assert trust(full, "analytics-sagemaker") == {
        "Effect": "Allow",
        "Principal": {"Service": "sagemaker.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
    }
    statements = allowed(full, "analytics-sagemaker")
    # KMS developer guide, "kms:GrantIsForAWSResource": a grant for a volume, and none for whom the job likes.
    assert statements["KeyOfVolumes"]["Condition"] == {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    assert statements["PassItself"]["Resource"] == full.one(ROLE, "analytics-sagemaker").outputs["arn"]
    assert statements["PassItself"]["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    passing = [sid for sid, each in statements.items() if "iam:PassRole" in each["Action"]]
    assert passing == ["PassItself"]
    here = f"arn:aws:sagemaker:us-west-2:{ACCOUNT}"
    assert statements["PipelineSteps"]["Resource"] == [
        f"{here}:{kind}/pipelines-*" for kind in ("model", "processing-job", "training-job", "transform-job")
    ]


def test_sagemaker_pulls_from_named_registries(record_settings: Record):
    own = f"arn:aws:ecr:us-west-2:{ACCOUNT}:repository/train"
    plan = analytics(record_settings, {"sagemaker": {"repositories": [own]}})
    assert allowed(plan, "analytics-sagemaker")["Images"]["Resource"] == [
        f"arn:aws:ecr:us-west-2:{ACCOUNT}:repository/ml-lab/*",
        own,
        "arn:aws:ecr:us-west-2:763104351884:repository/*",
        "arn:aws:ecr:us-west-2:246618743249:repository/*",
    ]


def test_sagemaker_pulls_from_the_stacks_own_repositories(record_settings: Record):
    own = {"repositories": [{"name": "team/model"}], "notebookImages": ["cpu"]}
    plan = analytics(record_settings, {"sagemaker": {}}, registry=own)
    made = [repository.outputs["arn"] for repository in plan.of_type("aws:ecr/repository:Repository")]
    patterns = allowed(plan, "analytics-sagemaker")["Images"]["Resource"]
    assert len(made) == 2
    assert all(any(fnmatch.fnmatchcase(arn, pattern) for pattern in patterns) for arn in made)


def test_sagemaker_makes_interfaces_in_the_private_subnets_with_its_own_group(full: Plan):
    statements = allowed(full, "analytics-sagemaker")
    ec2 = f"arn:aws:ec2:us-west-2:{ACCOUNT}"
    private = [s.id for s in full.of_type("aws:ec2/subnet:Subnet") if s.name.startswith("network-private-")]
    group = full.one("aws:ec2/securityGroup:SecurityGroup", "analytics-sagemaker-jobs").id
    assert set(statements["MakeInterfaces"]["Resource"]) == {
        f"{ec2}:network-interface/*",
        *(f"{ec2}:subnet/{subnet}" for subnet in private),
        f"{ec2}:security-group/{group}",
    }
    vpc = full.one("aws:ec2/vpc:Vpc").id
    assert statements["UseInterfaces"]["Condition"] == {"ArnEquals": {"ec2:Vpc": f"{ec2}:vpc/{vpc}"}}


def test_processing_jobs_in_the_vpc_ask_for_interfaces_without_limit(record_settings: Record):
    """SageMaker's check of the role before a processing job fails where there is any condition or resource filter."""
    statements = allowed(analytics(record_settings, {"sagemaker": {"processingInVpc": True}}), "analytics-sagemaker")
    assert not {"MakeInterfaces", "UseInterfaces"} & statements.keys()
    assert statements["Interfaces"] == {
        "Sid": "Interfaces",
        "Effect": "Allow",
        "Action": [
            "ec2:CreateNetworkInterface",
            "ec2:CreateNetworkInterfacePermission",
            "ec2:DeleteNetworkInterface",
            "ec2:DeleteNetworkInterfacePermission",
        ],
        "Resource": "*",
    }


def test_what_sagemaker_may_do_everywhere_has_no_narrower_form(full: Plan):
    everywhere = {
        action: each.get("Condition")
        for each in allowed(full, "analytics-sagemaker").values()
        for action in each["Action"]
        if each["Resource"] == "*"
    }
    metrics = everywhere.pop("cloudwatch:PutMetricData")
    assert metrics == {"StringLike": {"cloudwatch:namespace": ["/aws/sagemaker/*", "aws/sagemaker/*"]}}
    assert everywhere.keys() - {"ecr:GetAuthorizationToken"} == {
        f"ec2:Describe{what}" for what in ("DhcpOptions", "NetworkInterfaces", "SecurityGroups", "Subnets", "Vpcs")
    }


def test_sagemakers_jobs_are_reached_by_each_other_alone(full: Plan):
    group = full.one("aws:ec2/securityGroup:SecurityGroup", "analytics-sagemaker-jobs").id
    rules = {
        kind: [
            rule.inputs.get("referencedSecurityGroupId") or (rule.inputs["cidrIpv4"], rule.inputs["toPort"])
            for rule in full.of_type(f"aws:vpc/securityGroup{kind}Rule:SecurityGroup{kind}Rule")
            if rule.inputs["securityGroupId"] == group
        ]
        for kind in ("Ingress", "Egress")
    }
    assert rules["Ingress"] == [group]
    assert sorted(rules["Egress"], key=str) == [("0.0.0.0/0", 443), group]


def test_sagemakers_log_groups_have_retention_and_our_key_where_they_are_asked_for(record_settings: Record):
    plan = analytics(record_settings, {"sagemaker": {"logRetentionDays": 90}})
    groups = [group for group in plan.of_type(LOG_GROUP) if group.name.startswith("analytics-sagemaker-")]
    assert {group.inputs["name"] for group in groups} == {
        f"/aws/sagemaker/{kind}Jobs" for kind in ("Training", "Processing", "Transform")
    }
    assert {(group.inputs["retentionInDays"], group.inputs["kmsKeyId"]) for group in groups} == {(90, key(plan))}
    assert all(group.retain_on_delete for group in groups)  # other stacks' jobs write to them too
    without = analytics(record_settings, {"sagemaker": {}})
    assert not [group for group in without.of_type(LOG_GROUP) if group.name.startswith("analytics-")]


def test_a_private_network_gets_the_endpoints(record_settings: Record):
    network = {**STACK["network"], "internet": False}

    def names(settings: Mapping[str, Any]) -> set[str]:
        plan = record_settings({**STACK, "network": network, **settings})
        services = [each.inputs["serviceName"] for each in plan.of_type("aws:ec2/vpcEndpoint:VpcEndpoint")]
        return {service.removeprefix("com.amazonaws.us-west-2.") for service in services}

    without = names({"analytics": {"emr": {}}}) - {"emr-containers"}
    assert {"ecr.api", "ecr.dkr", "eks-auth", "logs", "s3", "sts"} <= without
    assert names({}) - without == {
        "athena",
        "emr-containers",
        "glue",
        "monitoring",
        "sagemaker.api",
        "sagemaker.runtime",
    }


def test_the_stack_exports_what_jobs_and_queries_are_started_with(full: Plan):
    assert full.outputs["analytics"] == {
        "emrVirtualCluster": full.one(VIRTUAL_CLUSTER).id,
        "emrJobRole": full.one(ROLE, "analytics-emr").outputs["arn"],
        "emrLogGroup": "/slipway/ml-lab/emr",
        "athenaWorkgroup": full.one(WORKGROUP).id,
        "glueDatabase": "ml_lab",
        "sagemakerRole": full.one(ROLE, "analytics-sagemaker").outputs["arn"],
        "sagemakerSecurityGroup": full.one("aws:ec2/securityGroup:SecurityGroup", "analytics-sagemaker-jobs").id,
        "sagemakerSubnets": [each.id for each in full.of_type("aws:ec2/subnet:Subnet") if "private" in each.name],
    }


def test_the_permissions_boundary_holds_for_both_roles(record_settings: Record):
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/limit"
    plan = record_settings({**STACK, "platform": {**STACK["platform"], "permissionsBoundary": boundary}})
    for role in ("analytics-emr", "analytics-sagemaker"):
        assert plan.one(ROLE, role).inputs["permissionsBoundary"] == boundary


def test_aws_takes_every_request(full: Plan):
    own = [each for each in full if each.name.startswith("analytics-") and each.type.startswith("aws:")]
    assert len(own) > 10
    assert {each.urn: wrong for each in own if (wrong := problems(each))} == {}


def test_a_preview_knows_what_it_can(record_settings: Record):
    plan = record_settings(STACK, preview=True)
    assert plan.one(VIRTUAL_CLUSTER).inputs["containerProvider"]["info"]["eksInfo"] == {"namespace": "emr"}
    assert plan.one(DATABASE).inputs["name"] == "ml_lab"


def test_it_is_billed_by_use(full: Plan):
    bill = cost(full)
    assert {"Athena's scanned data", "EMR on EKS, by the vCPU and GB of job pods"} <= set(bill.by_use)
    assert not [line for line in bill.unpriced if "athena" in line or "glue" in line or "emr" in line]


def test_who_asks_for_nothing_gets_nothing(record_settings: Record):
    plan = record_settings({key: value for key, value in STACK.items() if key != "analytics"})
    assert not [each.urn for each in plan if each.name.startswith("analytics")]
    assert not plan.of_type(VIRTUAL_CLUSTER, WORKGROUP, DATABASE)
    assert "analytics" not in plan.outputs
