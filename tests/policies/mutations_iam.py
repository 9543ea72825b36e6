"""How the rules about who may do what are broken."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

from policies.rules import iam, iam_trust
from slipway.plan.model import Plan, Resource
from tests.policies.breaking import DROP, Mutation, added, at, changed, removed, replaced, with_input

Statements = list[dict[str, Any]]
BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
EFS_POLICY = "aws:efs/fileSystemPolicy:FileSystemPolicy"
QUEUE_POLICY = "aws:sqs/queuePolicy:QueuePolicy"
KEY = "aws:kms/key:Key"
ACCOUNT = "210987654321"


def statements(resource: Resource, path: str) -> Statements:
    """The statements of a document; none where there is no document."""
    text = resource.inputs.get(path)
    found: Statements = json.loads(text)["Statement"] if text else []
    return found


def amended(
    type_: str,
    path: str,
    change: Callable[[Statements], Any],
    where: Callable[[Resource], bool] = lambda _: True,
) -> Callable[[Plan], Plan | None]:
    """A mutation's `apply`: the statements of the first document of a type that `where` holds for, changed in place."""

    def new(text: str) -> str:
        document = json.loads(text)
        change(document["Statement"])
        return json.dumps(document)

    return changed(type_, path, new, lambda each: bool(statements(each, path)) and where(each))


def allowing(**parts: Any) -> Callable[[Plan], Plan | None]:
    """One statement more in the first policy of a role."""
    return amended(iam.ROLE_POLICY, "policy", lambda found: found.append({"Effect": "Allow", **parts}))


def inline(plan: Plan) -> Plan | None:
    """A wildcard where a role holds its own policies, and in a document whose only statement stands alone."""
    for role in plan.of_type(iam.ROLE):
        document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
        return replaced(plan, with_input(role, "inlinePolicies", [{"name": "all", "policy": json.dumps(document)}]))
    return None


def trusted(service: str) -> Callable[[Resource], bool]:
    """Roles that a service assumes, or (Federated) service accounts."""
    return lambda role: any(
        f"'{service}" in str(each.get("Principal")) or f":{service}" in str(each.get("Principal"))
        for each in statements(role, "assumeRolePolicy")
    )


def trusting(change: Callable[[Statements], Any], service: str) -> Callable[[Plan], Plan | None]:
    return amended(iam.ROLE, "assumeRolePolicy", change, trusted(service))


def subject(value: Any) -> Callable[[Statements], None]:
    """Another subject for tokens of service accounts; DROP: none."""

    def change(found: Statements) -> None:
        condition = found[0]["Condition"]["StringEquals"]
        (key,) = [each for each in condition if each.endswith(":sub")]
        if value is DROP:
            del condition[key]
        else:
            condition[key] = value

    return change


def like(found: Statements) -> None:
    """Patterns in place of values."""
    found[0]["Condition"] = {"StringLike": found[0]["Condition"]["StringEquals"]}


def without_audience(found: Statements) -> None:
    condition = found[0]["Condition"]["StringEquals"]
    found[0]["Condition"]["StringEquals"] = {key: each for key, each in condition.items() if not key.endswith(":aud")}


def only(**parts: Any) -> Callable[[Statements], None]:
    """Parts of the first statement, in place of what stood there."""
    return lambda found: found[0].update(parts)


def unconditional(found: Statements) -> None:
    found[0].pop("Condition")


def open_to_all(found: Statements) -> None:
    """Every statement that allows something allows it everybody."""
    for each in found:
        if each["Effect"] == "Allow":
            each["Principal"] = "*"
            each.pop("Condition", None)


def bound(plan: Plan) -> Plan | None:
    """One role gets a boundary where none has one."""
    roles = plan.of_type(iam.ROLE)
    if not roles or any(each.inputs.get("permissionsBoundary") for each in roles):
        return None
    return replaced(plan, with_input(roles[0], "permissionsBoundary", f"arn:aws:iam::{ACCOUNT}:policy/bound"))


def unbound(plan: Plan) -> Plan | None:
    """One role loses the boundary that all have."""
    roles = [each for each in plan.of_type(iam.ROLE) if each.inputs.get("permissionsBoundary")]
    return replaced(plan, with_input(roles[-1], "permissionsBoundary", DROP)) if roles else None


def beside_role(type_: str, **inputs: Any) -> Callable[[Plan], Plan | None]:
    """A resource more, made from nothing in the plan."""

    def apply(plan: Plan) -> Plan | None:
        for role in plan.of_type(iam.ROLE):
            return added(plan, role, "extra", type_=type_, inputs=inputs, outputs={}, property_dependencies={})
        return None

    return apply


def attached(arn: str) -> Callable[[Plan], Plan | None]:
    def apply(plan: Plan) -> Plan | None:
        for attachment in plan.of_type(iam.ATTACHMENT):
            inputs = {**attachment.inputs, "policyArn": arn}
            return added(plan, attachment, "wide", inputs=inputs, outputs=inputs)
        return None

    return apply


def dissociated(plan: Plan) -> Plan | None:
    """An association of another role leaves its first one waiting."""
    for each in plan.of_type(iam_trust.ASSOCIATION):
        role = at(each.property_dependencies, "roleArn")
        if role and "emr" not in each.name:
            kept = {key: found for key, found in each.property_dependencies.items() if key != "roleArn"}
            arn = f"arn:aws:iam::{ACCOUNT}:role/other"
            moved = with_input(each, "roleArn", arn)
            return replaced(plan, dataclasses.replace(moved, property_dependencies=kept))
    return None


def permission(**inputs: Any) -> Callable[[Plan], Plan | None]:
    return beside_role(iam_trust.PERMISSION, action="lambda:InvokeFunction", function="f", **inputs)


PASSED = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
ONE_ROLE = f"arn:aws:iam::{ACCOUNT}:role/one"


def _mutations(rule: str, culprit: tuple[str, ...], **cases: Callable[[Plan], Plan | None]) -> tuple[Mutation, ...]:
    return tuple(
        Mutation(rule=rule, name=name.replace("_", " "), apply=apply, culprit=culprit) for name, apply in cases.items()
    )


MUTATIONS = (
    *_mutations(
        "iam-wildcards",
        (iam.ROLE_POLICY, iam.ROLE),
        everything=allowing(Action="*", Resource="*"),
        a_whole_service=allowing(Action=["s3:*"], Resource=["*"]),
        every_bucket=allowing(Action="s3:*", Resource="arn:aws:s3:::*"),
        all_that_writes=allowing(Action="ec2:Delete*", Resource="*"),
        all_but_some=allowing(NotAction=["iam:*", "sts:*"], Resource="*"),
        all_resources_but_one=allowing(Action="s3:*", NotResource="arn:aws:s3:::ours"),
        anywhere_but_in_one_region=allowing(
            Action="ec2:*", Resource="*", Condition={"StringEquals": {"aws:RequestedRegion": "us-west-2"}}
        ),
        a_condition_that_holds_without_its_key=allowing(
            Action="ec2:*", Resource="*", Condition={"StringEqualsIfExists": {"aws:ResourceTag/team": "ml"}}
        ),
        a_condition_that_asks_for_anything=allowing(
            Action="ec2:*", Resource="*", Condition={"StringLike": {"aws:ResourceTag/team": "*"}}
        ),
        of_one_kind=allowing(Action="dynamodb:*", Resource=f"arn:aws:dynamodb:us-west-2:{ACCOUNT}:table/*"),
        for_those_of_the_organisation=allowing(
            Action="ec2:*", Resource="*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-abcdef1234"}}
        ),
        in_the_role_itself=inline,
    ),
    *_mutations(
        "iam-any-resource",
        (iam.ROLE_POLICY,),
        deletes=allowing(Action=["s3:ListAllMyBuckets", "s3:DeleteBucket"], Resource="*"),
        reads_secrets=allowing(Action="secretsmanager:GetSecretValue", Resource="*"),
        decrypts=allowing(Action="kms:Decrypt", Resource=["*"]),
        assumes_roles=allowing(Action="sts:AssumeRole", Resource="*"),
        deletes_all_buckets_but_one=allowing(Action="s3:DeleteBucket", NotResource="arn:aws:s3:::ours"),
        reads_every_secret=allowing(
            Action="secretsmanager:GetSecretValue", Resource=f"arn:aws:secretsmanager:us-west-2:{ACCOUNT}:secret:*"
        ),
    ),
    *_mutations(
        "iam-pass-role",
        (iam.ROLE_POLICY,),
        any_role=allowing(Action="iam:PassRole", Resource="*", Condition=PASSED),
        any_role_of_a_name=allowing(Action="iam:PassRole", Resource=f"{ONE_ROLE}-*", Condition=PASSED),
        to_any_service=allowing(Action=["iam:GetRole", "iam:PassRole"], Resource=ONE_ROLE),
        to_services_of_any_name=allowing(
            Action="iam:PassRole", Resource=ONE_ROLE, Condition={"StringLike": {"iam:PassedToService": "*"}}
        ),
        to_services_of_aws=allowing(
            Action="iam:PassRole",
            Resource=ONE_ROLE,
            Condition={"StringLike": {"iam:PassedToService": "*.amazonaws.com"}},
        ),
        to_a_service_if_it_says_so=allowing(
            Action="iam:PassRole",
            Resource=ONE_ROLE,
            Condition={"StringEqualsIfExists": {"iam:PassedToService": "ec2.amazonaws.com"}},
        ),
        by_all_of_iam=allowing(Action="iam:*", Resource=ONE_ROLE),
    ),
    *_mutations(
        "iam-trust",
        (iam.ROLE,),
        anyone=trusting(only(Principal="*"), "ec2.amazonaws.com"),
        anyone_in_aws=trusting(only(Principal={"AWS": ["*"]}), "ec2.amazonaws.com"),
        all_but_one=trusting(
            lambda found: found.append(
                {"Effect": "Allow", "NotPrincipal": {"AWS": ONE_ROLE}, "Action": "sts:AssumeRole"}
            ),
            "ec2.amazonaws.com",
        ),
        another_account=trusting(only(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}), "ec2.amazonaws.com"),
        an_account_by_its_number=trusting(only(Principal={"AWS": ACCOUNT}), "ec2.amazonaws.com"),
        any_action_of_sts=trusting(only(Action="sts:*"), "ec2.amazonaws.com"),
        the_control_plane_for_any_account=trusting(unconditional, "eks.amazonaws.com"),
        a_build_for_any_account=trusting(unconditional, "codebuild.amazonaws.com"),
        any_service_account=trusting(subject(DROP), "oidc-provider"),
        two_service_accounts=trusting(
            subject(["system:serviceaccount:a:a", "system:serviceaccount:b:b"]), "oidc-provider"
        ),
        service_accounts_by_pattern=trusting(like, "oidc-provider"),
        any_audience=trusting(without_audience, "oidc-provider"),
    ),
    *_mutations(
        "iam-pod-identity",
        (iam.ROLE,),
        no_association=dissociated,
        association_dropped=removed(
            iam_trust.ASSOCIATION, lambda each: at(each.property_dependencies, "roleArn") is not None
        ),
        no_session_tags=trusting(only(Action="sts:AssumeRole"), "pods.eks.amazonaws.com"),
        more_than_it_needs=trusting(
            only(Action=["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]), "pods.eks.amazonaws.com"
        ),
    ),
    *_mutations(
        "iam-permissions-boundary",
        (iam.ROLE,),
        one_role_without=unbound,
        another_than_the_platforms=changed(
            iam.ROLE,
            "permissionsBoundary",
            f"arn:aws:iam::{ACCOUNT}:policy/other",
            lambda role: bool(role.inputs.get("permissionsBoundary")),
        ),
        one_role_alone=bound,
    ),
    *(
        Mutation(rule="iam-users", name=type_, apply=beside_role(type_, user="u"), culprit=(type_,))
        for type_ in (
            "aws:iam/accessKey:AccessKey",
            "aws:iam/sshKey:SshKey",
            "aws:iam/serviceSpecificCredential:ServiceSpecificCredential",
            "aws:iam/userLoginProfile:UserLoginProfile",
            "aws:iam/userGroupMembership:UserGroupMembership",
        )
    ),
    *_mutations(
        "iam-full-access",
        (iam.ATTACHMENT, iam.ROLE),
        administrator=attached("arn:aws:iam::aws:policy/AdministratorAccess"),
        power_user=attached("arn:aws-cn:iam::aws:policy/PowerUserAccess"),
        all_of_s3=attached("arn:aws:iam::aws:policy/AmazonS3FullAccess"),
        a_job_function=attached("arn:aws:iam::aws:policy/job-function/SystemAdministrator"),
        at_the_role=changed(iam.ROLE, "managedPolicyArns", ["arn:aws:iam::aws:policy/IAMFullAccess"]),
    ),
    *_mutations(
        "iam-public-principal",
        (BUCKET_POLICY,),
        readable_bucket=amended(
            BUCKET_POLICY,
            "policy",
            lambda found: found.append(
                {
                    "Effect": "Allow",
                    "Principal": "*",
                    "Action": "s3:GetObject",
                    "Resource": f"{found[0]['Resource'][1]}",
                }
            ),
        ),
        all_but_one=amended(
            BUCKET_POLICY,
            "policy",
            lambda found: found.append(
                {
                    "Effect": "Allow",
                    "NotPrincipal": {"AWS": ONE_ROLE},
                    "Action": "s3:GetObject",
                    "Resource": found[0]["Resource"],
                }
            ),
        ),
        over_tls=amended(
            BUCKET_POLICY,
            "policy",
            lambda found: found.append(
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": "*"},
                    "Action": "s3:GetObject",
                    "Resource": found[0]["Resource"],
                    "Condition": {"Bool": {"aws:SecureTransport": "true"}},
                }
            ),
        ),
    ),
    *_mutations(
        "iam-public-principal",
        (EFS_POLICY,),
        file_system_without_mount_target=amended(EFS_POLICY, "policy", open_to_all),
    ),
    *_mutations("iam-public-principal", (QUEUE_POLICY,), queue=amended(QUEUE_POLICY, "policy", open_to_all)),
    *_mutations("iam-public-principal", (KEY,), key=amended(KEY, "policy", open_to_all)),
    *_mutations(
        "iam-public-principal",
        (iam_trust.PERMISSION,),
        function_for_everybody=permission(principal="*"),
        function_for_buckets_of_any_account=permission(principal="s3.amazonaws.com"),
    ),
)
