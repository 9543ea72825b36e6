"""Who may take a role, and who may use a resource: trust policies and the policies of resources."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from policies.around import Around
from policies.documents import Statement, statements
from policies.model import Fault, rule
from policies.values import Inputs
from slipway.plan.model import Resource

ROLE: Final = "aws:iam/role:Role"
ASSOCIATION: Final = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
ADDON: Final = "aws:eks/addon:Addon"
RESOURCE: Final[Mapping[str, str]] = {
    "aws:backup/vaultPolicy:VaultPolicy": "policy",
    "aws:cloudwatch/eventBusPolicy:EventBusPolicy": "policy",
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": "policyDocument",
    "aws:codebuild/resourcePolicy:ResourcePolicy": "policy",
    "aws:dynamodb/resourcePolicy:ResourcePolicy": "policy",
    "aws:ecr/registryPolicy:RegistryPolicy": "policy",
    "aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate": "repositoryPolicy",
    "aws:ecr/repositoryPolicy:RepositoryPolicy": "policy",
    "aws:efs/fileSystemPolicy:FileSystemPolicy": "policy",
    "aws:glue/resourcePolicy:ResourcePolicy": "policy",
    "aws:kinesis/resourcePolicy:ResourcePolicy": "policy",
    "aws:kms/key:Key": "policy",
    "aws:kms/keyPolicy:KeyPolicy": "policy",
    "aws:opensearch/domain:Domain": "accessPolicies",
    "aws:opensearch/domainPolicy:DomainPolicy": "accessPolicies",
    "aws:s3/accessPoint:AccessPoint": "policy",
    "aws:s3/bucket:Bucket": "policy",
    "aws:s3/bucketPolicy:BucketPolicy": "policy",
    "aws:s3control/accessPointPolicy:AccessPointPolicy": "policy",
    "aws:secretsmanager/secret:Secret": "policy",
    "aws:secretsmanager/secretPolicy:SecretPolicy": "policy",
    "aws:sns/topic:Topic": "policy",
    "aws:sns/topicPolicy:TopicPolicy": "policy",
    "aws:sqs/queue:Queue": "policy",
    "aws:sqs/queuePolicy:QueuePolicy": "policy",
}
"""Where documents stand that say who may use a resource. Not those of VPC endpoints, which only narrow what others
allow."""
PERMISSION: Final = "aws:lambda/permission:Permission"

_GUIDE: Final = "https://docs.aws.amazon.com/IAM/latest/UserGuide"
_NO_SOURCE: Final = frozenset({"ec2", "ecr", "lambda"})
"""Services whose user guides give a trust policy without `aws:SourceAccount`: EC2 and Lambda assume a role for what
passed iam:PassRole in the account itself; ECR (repository creation templates) documents no key."""
_SOURCE_KEYS: Final = frozenset({"aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths"})
_WHO_KEYS: Final = frozenset({"aws:principalarn", "aws:userid", "sts:externalid"})
_ACCOUNT: Final = re.compile(r"\d{12}|arn:aws[a-z-]*:iam::\d{12}:root")
_POD_IDENTITY: Final = "pods.eks.amazonaws.com"


def _trust(inputs: Inputs) -> Iterator[Statement]:
    return (each for each in statements(inputs, "assumeRolePolicy") if each.allows)


@rule(
    id="iam-trust",
    severity="critical",
    title="Each role trusts one service of this account, or one service account of one cluster.",
    why="A role that more can assume than was meant is a way into the account: for other accounts, or for any pod.",
    fix="IRSA: `aud` and one `sub` by StringEquals; a service: aws:SourceAccount or aws:SourceArn; a principal: the "
    "role's ARN. Identities of pods are made by addons.identity",
    source=f"{_GUIDE}/confused-deputy.html",
    key="addons",
    types=(ROLE,),
)
def trust(inputs: Inputs, _: Resource, __: Around) -> Iterator[Fault]:
    """Bounds of services, and of service accounts.

    Sources: IAM user guide, "The confused deputy problem"; EKS user guide, "Assign IAM roles to Kubernetes service
    accounts".
    """
    for statement in _trust(inputs):
        if "principal" in statement.excluding:
            yield Fault(path=statement.path, what="NotPrincipal trusts all others; name who is trusted by Principal")
            continue
        wide = [each for each in statement.actions if "*" in each]
        if wide:
            yield Fault(path=statement.path, what=f"{', '.join(wide)}; name the actions of STS")
        for kind, value in statement.principals:
            what = _distrust(statement, kind, value)
            if what:
                yield Fault(path=statement.path, what=what)


def _distrust(statement: Statement, kind: str, value: str) -> str | None:
    """Why a principal of a trust policy is too many; None where it is not."""
    if kind == "Service":
        service = value.partition(".")[0]
        if value == _POD_IDENTITY or service in _NO_SOURCE or statement.narrowed(_SOURCE_KEYS):
            return None
        return f"{value} may assume it for any account; add aws:SourceAccount or aws:SourceArn"
    if "*" in value:
        return f"anyone ({kind} {value}) may assume it; name who is trusted"
    if kind == "AWS" and _ACCOUNT.fullmatch(value) and not statement.narrowed(_WHO_KEYS):
        return f"all of account {value} may assume it; name its role, or ask for sts:ExternalId or aws:PrincipalArn"
    if kind == "Federated" and "saml-provider/" not in value:
        return _loose_subject(statement)
    return None


def _loose_subject(statement: Statement) -> str | None:
    audience = statement.wanted({"stringequals"}, ":aud")
    subject = statement.wanted({"stringequals"}, ":sub")
    if not audience or any("*" in each for each in audience):
        return "tokens for any audience assume it; ask for one `aud` by StringEquals"
    if subject is None or len(subject) != 1 or "*" in subject[0]:
        return "more than one service account assumes it; ask for one `sub`, without wildcards, by StringEquals"
    return None


@rule(
    id="iam-pod-identity",
    severity="high",
    title="A role for EKS Pod Identity is bound: by its association, or by conditions on cluster and service account.",
    why="The service's principal stands for every cluster of the account: without a binding of its own the role waits "
    "for whoever may create an association.",
    fix="bind the role with a PodIdentityAssociation of its own (add-ons and tenants do, by addons.identity), trust "
    "sts:AssumeRole and sts:TagSession alone, or add conditions on aws:SourceArn or aws:RequestTag/...",
    source="https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html",
    key="addons",
    types=(ROLE,),
    scope="stack",
)
def pod_identity(inputs: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """EKS user guide, "Create IAM role with trust policy required by EKS Pod Identity"."""
    for statement in _trust(inputs):
        if ("Service", _POD_IDENTITY) not in statement.principals or "principal" in statement.excluding:
            continue
        actions = set(statement.actions)
        if any("*" in each for each in actions):
            continue  # iam-trust tells
        if {each.lower() for each in actions} != {"sts:assumerole", "sts:tagsession"}:
            told = ", ".join(sorted(actions)) or "nothing"
            yield Fault(path=statement.path, what=f"{told}; it must be sts:AssumeRole and sts:TagSession")
        if not _bound(statement) and not _associated(resource, around):
            yield Fault(path=statement.path, what="no association in this stack binds it, nor does a condition")


def _bound(statement: Statement) -> bool:
    """Whether conditions ask for a cluster, a namespace or a service account: not for the account alone."""
    return statement.narrowed(_SOURCE_KEYS - {"aws:sourceaccount"}) or any(
        key.startswith("aws:requesttag/") and operator == "stringequals" for operator, key, _ in statement.conditions
    )


def _associated(role: Resource, around: Around) -> bool:
    places = ((ASSOCIATION, "roleArn"), (ASSOCIATION, "targetRoleArn"), (ADDON, "podIdentityAssociations"))
    return any(around.leading_to(type_, property_, role) for type_, property_ in places)


_CLOSING: Final = frozenset(
    {
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceip",
        "aws:sourceorgid",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "elasticfilesystem:accessedviamounttarget",
        "kms:calleraccount",
        "s3:dataaccesspointaccount",
        "s3:dataaccesspointarn",
    }
)
"""Condition keys that close a statement for everybody (S3 user guide, "The meaning of 'public'"; KMS and EFS user
guides)."""


@rule(
    id="iam-public-principal",
    severity="critical",
    title="No resource is open to everybody.",
    why="A bucket, queue or image that `*` may use is found by scanners within hours: the data is gone, the bill is "
    "yours.",
    fix="name the principals, or close the statement by aws:SourceAccount, aws:PrincipalOrgID or aws:SourceArn; what "
    "tenants and services may use is decided in storage, registry and observability",
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html",
    key="storage",
    types=(*RESOURCE, PERMISSION),
)
def public_principal(inputs: Inputs, resource: Resource, _: Around) -> Iterator[Fault]:
    """S3 user guide, "The meaning of 'public'": a wildcard principal without a condition on a fixed value."""
    if resource.type == PERMISSION:
        yield from _open_function(inputs)
        return
    for statement in statements(inputs, RESOURCE.get(resource.type, "policy")):
        if not statement.allows or statement.narrowed(_CLOSING):
            continue
        if "principal" in statement.excluding:
            yield Fault(path=statement.path, what="NotPrincipal with Allow opens it to all others; use Principal")
        elif any(kind in {"AWS", "*"} and value == "*" for kind, value in statement.principals):
            yield Fault(path=statement.path, what="Principal * without a condition that closes it")


def _open_function(inputs: Inputs) -> Iterator[Fault]:
    """A function that everybody may call, or a service for everybody.

    Source: Lambda developer guide, "Using resource-based policies".
    """
    caller = inputs.get("principal")
    closed = any(inputs.has(each) for each in ("sourceArn", "sourceAccount", "principalOrgId"))
    if not closed and (caller == "*" or str(caller).endswith((".amazonaws.com", ".amazonaws.com.cn"))):
        yield Fault(path="principal", what=f"{caller} without sourceArn or sourceAccount: for any account")
