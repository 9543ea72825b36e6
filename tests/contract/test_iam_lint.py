"""Every IAM policy document of every stack file's plan, through parliament and cloudsplaining.

parliament's severities are LOW, MEDIUM, HIGH and CRITICAL, cloudsplaining's low, medium, high and critical
(`ISSUE_SEVERITY`); nothing above the lowest may be found. What a linter gets wrong stands in `KNOWN`, with its reason.
"""

import copy
import functools
import importlib
import json
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from cloudsplaining.scan.assume_role_policy_document import AssumeRolePolicyDocument
from cloudsplaining.scan.policy_document import PolicyDocument
from cloudsplaining.scan.resource_policy_document import ResourcePolicyDocument
from cloudsplaining.shared.constants import ISSUE_SEVERITY

from infra.naming import safe_name
from slipway.plan.model import Plan, Resource
from tests.program.conftest import STACK_FILES, planned

with warnings.catch_warnings():
    # It imports pkg_resources, which is deprecated, and leaves its tables open.
    warnings.simplefilter("ignore")
    parliament: Any = importlib.import_module("parliament")
    parliament.override_config(Path(parliament.__file__).parent / "community_auditors" / "config_override.yaml")

ROLE = "aws:iam/role:Role"
INLINE = "aws:iam/rolePolicy:RolePolicy"
MANAGED = "aws:iam/policy:Policy"
TRUST = (ROLE, "assumeRolePolicy")
IDENTITY = {(INLINE, "policy"), (MANAGED, "policy"), (ROLE, "inlinePolicies")}
LIMITS: Final[Mapping[tuple[str, str], int]] = {
    TRUST: 2048,
    (INLINE, "policy"): 10_240,
    (MANAGED, "policy"): 6_144,
    ("aws:codebuild/resourcePolicy:ResourcePolicy", "policy"): 20_480,
    ("aws:cloudwatch/logResourcePolicy:LogResourcePolicy", "policyDocument"): 5_120,
    ("aws:ec2/vpcEndpoint:VpcEndpoint", "policy"): 20_480,
    ("aws:ecr/registryPolicy:RegistryPolicy", "policy"): 10_240,
    ("aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate", "repositoryPolicy"): 10_240,
    ("aws:ecr/repositoryPolicy:RepositoryPolicy", "policy"): 10_240,
    ("aws:efs/fileSystemPolicy:FileSystemPolicy", "policy"): 20_000,
    ("aws:glue/resourcePolicy:ResourcePolicy", "policy"): 10_240,
    ("aws:kms/key:Key", "policy"): 32_768,
    ("aws:s3/bucketPolicy:BucketPolicy", "policy"): 20_480,
    ("aws:secretsmanager/secretPolicy:SecretPolicy", "policy"): 20_480,
    ("aws:sns/topicPolicy:TopicPolicy", "policy"): 30_720,
    ("aws:sqs/queuePolicy:QueuePolicy", "policy"): 8_192,
    ("aws:sns/topic:Topic", "policy"): 30_720,
}
"""Where documents stand, and their greatest size: characters without white space for IAM's own, bytes for all others.

Sources: IAM and AWS STS quotas; the quotas of KMS, S3, SNS, SQS, CloudWatch Logs and VPC endpoints; botocore's models
of ECR (`RepositoryPolicyText`), EFS (`Policy`) and Secrets Manager (`NonEmptyResourcePolicyType`)."""
INLINE_SUM = 10_240
"""All inline policies of a role together."""

BLIND = {"CREDENTIALS_EXPOSURE", "PERMISSIONS_MANAGEMENT_ACTIONS", "PRIVILEGE_ESCALATION"}
"""What parliament's additional auditors say of actions whatever the resource; cloudsplaining asks the same of those
without one, and a trust policy allows nothing but to take a role."""
UNCERTAIN = {"UNKNOWN_ACTION", "UNKNOWN_PREFIX"}
"""LOW for parliament, whose list may be older than an action. Here they count: a misspelt action allows nothing."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a linter found: the document's resource, what is wrong, and what with."""

    type: str
    name: str
    issue: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A finding that is wrong. `name` is a pattern for its resources, `detail` one for all of the finding's detail."""

    type: str
    name: str
    issue: str
    detail: str
    reason: str

    def covers(self, finding: Finding) -> bool:
        return (
            (self.type, self.issue) == (finding.type, finding.issue)
            and re.fullmatch(self.name, finding.name) is not None
            and re.fullmatch(self.detail, finding.detail) is not None
        )


LOAD_BALANCERS = safe_name("aws-load-balancer-controller", "aws-load-balancer-controller", limit=56)  # of a role
EBS = "aws-ebs-csi-driver-ebs-csi-controller-sa"
ISSUER = r"oidc\.eks\.[a-z0-9-]+\.amazonaws\.com/id/[0-9A-F]{32}"
KNOWN: Final = (
    Mistake(
        type=INLINE,
        name=EBS,
        issue="UNKNOWN_ACTION",
        detail=r"Unknown action ec2:CopyVolumes",
        reason="newer than parliament's list; in AmazonEBSCSIDriverPolicyV2",
    ),
    Mistake(
        type=INLINE,
        name=r"ack-s3-controller-.*",
        issue="UNKNOWN_ACTION",
        detail=r"Unknown action s3:GetBucketAbac",
        reason="newer than parliament's list; the controller of 1.10.0 asks for it of each bucket",
    ),
    Mistake(
        type=INLINE,
        name=EBS,
        issue="RESOURCE_MISMATCH",
        detail=r".*'ec2:(CreateVolume|CreateSnapshot|AttachVolume|DetachVolume)'.*",
        reason="each kind of resource has a statement of its own, with its own condition on tags, as in AWS's policy;"
        " parliament wants all kinds in one",
    ),
    Mistake(
        type=INLINE,
        name=r"registry-.+-build|analytics-sagemaker|workstation(-ecs-execution)?|tenants-.+-default-editor",
        issue="CredentialsExposure",
        detail=r"ecr:GetAuthorizationToken",
        reason="the action takes no resource; which repositories the token is good for stands beside it",
    ),
    Mistake(
        type=INLINE,
        name=r"registry-.+",
        issue="RESOURCE_MISMATCH",
        detail=r".*'ecr:BatchImportUpstreamImage'.*",
        reason="parliament's list gives it no resource; the ECR user guide's policies for pull-through caches name"
        " repositories",
    ),
    Mistake(
        type=INLINE,
        name=LOAD_BALANCERS,
        issue="UNKNOWN_CONDITION_FOR_ACTION",
        detail=r"Unknown condition elasticloadbalancing:CreateAction for action elasticloadbalancing:AddTags",
        reason="newer than parliament's list; in the controller's own policy",
    ),
    Mistake(
        type=INLINE,
        name=LOAD_BALANCERS,
        issue="RESOURCE_MISMATCH",
        detail=r".*'ec2:CreateSecurityGroup'.*",
        reason="each kind of resource has a statement of its own, as only one of them has tags to ask for; parliament"
        " wants all kinds in one",
    ),
    Mistake(
        type=INLINE,
        name="karpenter-karpenter",
        issue="RESOURCE_MISMATCH",
        detail=r".*'(ec2:RunInstances|ec2:CreateFleet|ssm:GetParameter)'.*",
        reason="one statement for each kind of resource, as in the makers' policy; parliament wants all kinds in one",
    ),
    Mistake(
        type=ROLE,
        name=r".*",
        issue="UNKNOWN_FEDERATION_SOURCE",
        detail=rf"arn:aws:iam::\d{{12}}:oidc-provider/{ISSUER}",
        reason="parliament knows the social providers only; this is the cluster's own",
    ),
    Mistake(
        type=ROLE,
        name=r".*",
        issue="UNKNOWN_CONDITION_FOR_ACTION",
        detail=rf"Unknown condition {ISSUER}:(aud|sub) for action sts:AssumeRoleWithWebIdentity",
        reason="the condition keys of the cluster's own issuer (IAM user guide, OIDC federation keys)",
    ),
    Mistake(
        type="aws:efs/fileSystemPolicy:FileSystemPolicy",
        name=r"storage-.*",
        issue="internet accessible",
        detail=r"elasticfilesystem:Client(Mount|RootAccess|Write)",
        reason="elasticfilesystem:AccessedViaMountTarget lets in who reaches a mount target, which only nodes do",
    ),
    Mistake(
        type="aws:kms/key:Key",
        name="data",
        issue="MISMATCHED_TYPE",
        detail=r"Type mismatch: ArnLike requires a value of type Arn but given String",
        reason="an encryption context is text; this one is a log group's ARN, which the CloudWatch Logs user guide"
        " compares as one",
    ),
    Mistake(
        type="aws:kms/key:Key",
        name="data",
        issue="UNKNOWN_CONDITION_FOR_ACTION",
        detail=r"Unknown condition kms:EncryptionContext:aws:logs:arn for action kms:DescribeKey",
        reason="the CloudWatch Logs user guide's statement has kms:Describe* under the same condition",
    ),
    Mistake(
        type="aws:kms/key:Key",
        name="data",
        issue="internet accessible",
        detail=r"kms:(Decrypt|DescribeKey|Encrypt|GenerateDataKey\*|ReEncrypt\*)",
        reason="FSx through S3: kms:CallerAccount is this account's; the linter stumbles over aws:userid `*:FSx`, which"
        " the FSx user guide has",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Document:
    """A policy document: the resource, the input it stands in, and its text."""

    type: str
    name: str
    field: str
    text: str
    owner: str = ""
    """The ARN of the resource."""
    role: str = ""
    """Whose an inline policy is."""

    @property
    def content(self) -> Any:
        return json.loads(self.text)


def documents(plan: Plan) -> list[Document]:
    """Whatever input of an AWS resource is JSON with statements, at whatever depth."""
    return [
        Document(
            type=resource.type,
            name=resource.name,
            field=field,
            text=text,
            owner=str(resource.outputs.get("arn", "")),
            role=str(resource.inputs.get("role", "")),
        )
        for resource in plan
        if resource.package == "aws" and resource.custom
        for field, value in resource.inputs.items()
        for text in _texts(value)
    ]


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str() if value.lstrip().startswith("{") and '"Statement"' in value:
            yield value
        case Mapping():
            for item in value.values():
                yield from _texts(item)
        case list() | tuple():
            for item in value:
                yield from _texts(item)
        case _:
            return


@functools.cache
def everything() -> tuple[Document, ...]:
    """Each document of the stack files once."""
    return tuple(dict.fromkeys(document for path in STACK_FILES for document in documents(planned(path))))


def by_parliament(document: Document) -> Iterator[Finding]:
    content = document.content
    if (document.type, document.field) == TRUST:
        # parliament does not know that a trust policy's resource is its role.
        for statement in content["Statement"]:
            statement["Resource"] = document.owner
    allowing = copy.deepcopy(content)
    allowing["Statement"] = [each for each in _list(content["Statement"]) if each["Effect"] == "Allow"]
    seen = list(parliament.analyze_policy_string(json.dumps(content)).findings)
    if allowing["Statement"]:
        # A denial grants nothing, and the additional auditors take seconds for one of all actions.
        seen += parliament.analyze_policy_string(json.dumps(allowing), include_community_auditors=True).findings
    for found in seen:
        severity = parliament.enhance_finding(found).severity
        if found.issue in UNCERTAIN or (severity != "LOW" and found.issue not in BLIND):
            detail = str(found.detail or found.location)
            yield Finding(type=document.type, name=document.name, issue=found.issue, detail=detail)


def by_cloudsplaining(document: Document) -> Iterator[Finding]:
    content = document.content
    risks: dict[str, list[Any]]
    if (document.type, document.field) in IDENTITY:
        policy = PolicyDocument(content)
        risks = {
            "PrivilegeEscalation": policy.allows_privilege_escalation,
            "DataExfiltration": policy.allows_data_exfiltration_actions,
            "ResourceExposure": policy.permissions_management_without_constraints,
            "ServiceWildcard": policy.service_wildcard,
            "CredentialsExposure": policy.credentials_exposure,
            "InfrastructureModification": policy.infrastructure_modification,
        }
    elif (document.type, document.field) == TRUST:
        trust = AssumeRolePolicyDocument(content, document.owner.split(":")[4])
        risks = {
            "AssumableByComputeService": trust.role_assumable_by_compute_services,
            "AssumableByCrossAccountPrincipal": trust.role_assumable_by_cross_account_principals,
            "AssumableByAnyPrincipal": trust.role_assumable_by_any_principal,
            "AssumableByAnyPrincipalWithConditions": trust.role_assumable_by_any_principal_with_conditions,
        }
    else:
        risks = {"internet accessible": ResourcePolicyDocument(content).internet_accessible_actions}
    for issue, found in risks.items():
        if ISSUE_SEVERITY.get(issue) != "low":
            yield from (
                Finding(type=document.type, name=document.name, issue=issue, detail=str(each)) for each in found
            )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@functools.cache
def findings() -> frozenset[Finding]:
    return frozenset(
        finding
        for document in everything()
        for linter in (by_parliament, by_cloudsplaining)
        for finding in linter(document)
    )


def test_every_place_of_a_document_is_known():
    places = {(document.type, document.field) for document in everything()}
    assert places >= {TRUST, (INLINE, "policy"), ("aws:s3/bucketPolicy:BucketPolicy", "policy")}
    assert places <= LIMITS.keys()


def test_no_linter_finds_more_than_trifles():
    assert [each for each in findings() if not any(known.covers(each) for known in KNOWN)] == []


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: f"{known.name}-{known.issue}")
def test_an_exception_is_needed(known):
    assert any(known.covers(each) for each in findings())
    assert known.reason


def test_severities_are_as_they_are_read_here():
    assert {ISSUE_SEVERITY[key] for key in ("InfrastructureModification", "AssumableByComputeService")} == {"low"}
    assert set(ISSUE_SEVERITY.values()) == {"low", "medium", "high", "critical"}
    assert {each["severity"] for each in parliament.config.values()} == {"LOW", "MEDIUM", "HIGH", "CRITICAL"}


@pytest.mark.parametrize("path", STACK_FILES, ids=lambda path: path.stem.removeprefix("Pulumi."))
def test_documents_fit_aws(path):
    plan = planned(path)
    inline: dict[str, int] = {}
    for document in documents(plan):
        size = len("".join(document.text.split())) if "iam/" in document.type else len(document.text.encode())
        assert size <= LIMITS[document.type, document.field], document.name
        assert document.content["Version"] == "2012-10-17"
        if document.type == INLINE:
            inline[document.role] = inline.get(document.role, 0) + size
    assert inline
    assert max(inline.values()) <= INLINE_SUM


def test_a_role_has_no_more_managed_policies_than_iam_attaches():
    """Ten by default (IAM and AWS STS quotas)."""
    for path in STACK_FILES:
        attached: dict[str, int] = {}
        for each in planned(path).of_type("aws:iam/rolePolicyAttachment:RolePolicyAttachment"):
            attached[each.inputs["role"]] = attached.get(each.inputs["role"], 0) + 1
        assert max(attached.values()) <= 10


def statement(**parts: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **parts}]})


@pytest.mark.parametrize(
    ("type_", "field", "text", "parliaments", "cloudsplainings"),
    [
        (INLINE, "policy", statement(Action="s3:*", Resource="*"), set(), {"ServiceWildcard", "DataExfiltration"}),
        (INLINE, "policy", statement(Action="s3:GetObjekt", Resource="*"), {"UNKNOWN_ACTION"}, set()),
        (INLINE, "policy", statement(Action="s3:GetObject", Resource="bucket"), {"INVALID_ARN"}, set()),
        (
            INLINE,
            "policy",
            statement(Action="s3:GetObject", Resource="arn:aws:s3:::a-bucket"),
            {"RESOURCE_MISMATCH"},
            set(),
        ),
        (
            INLINE,
            "policy",
            statement(Action=["iam:PassRole", "ec2:RunInstances"], Resource="*"),
            set(),
            {"PrivilegeEscalation"},
        ),
        (INLINE, "policy", statement(Action="ecr:GetAuthorizationToken", Resource="*"), set(), {"CredentialsExposure"}),
        (
            ROLE,
            "assumeRolePolicy",
            statement(Action="sts:AssumeRole", Principal="*"),
            set(),
            {"AssumableByAnyPrincipal"},
        ),
        (
            ROLE,
            "assumeRolePolicy",
            statement(Action="sts:AssumeRole", Principal={"AWS": "arn:aws:iam::999999999999:role/other"}),
            set(),
            {"AssumableByCrossAccountPrincipal"},
        ),
        (
            "aws:s3/bucketPolicy:BucketPolicy",
            "policy",
            statement(Action="s3:GetObject", Principal="*", Resource="arn:aws:s3:::a-bucket/*"),
            set(),
            {"internet accessible"},
        ),
        (
            "aws:sns/topicPolicy:TopicPolicy",
            "policy",
            statement(Action="sns:Publish", NotPrincipal={"AWS": "*"}, Resource="arn:aws:sns:us-west-2:123456789012:t"),
            {"NOTPRINCIPAL_WITH_ALLOW"},
            set(),
        ),
    ],
)
def test_a_bad_document_is_found(type_, field, text, parliaments, cloudsplainings):
    owner = "arn:aws:iam::123456789012:role/own"
    document = Document(type=type_, name="bad", field=field, text=text, owner=owner)
    by = {linter: {finding.issue for finding in linter(document)} for linter in (by_parliament, by_cloudsplaining)}
    assert by[by_parliament] >= parliaments
    assert by[by_cloudsplaining] >= cloudsplainings


def test_a_document_is_found_wherever_it_stands():
    inner = statement(Action="s3:GetObject", Resource="*")
    inputs = {"inlinePolicies": [{"name": "a", "policy": inner}], "description": "{}"}
    urn = "urn:pulumi:test::slipway::aws:iam/role:Role::r"
    plan = Plan(project="slipway", stack="test", resources=(Resource(urn=urn, custom=True, inputs=inputs),))
    assert [(each.field, each.text) for each in documents(plan)] == [("inlinePolicies", inner)]
