"""Rules about who may do what, at shapes that the plans of the repository do not have."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.documents import statements
from policies.rules.iam import ATTACHMENT, ROLE, ROLE_POLICY
from policies.rules.iam_trust import ASSOCIATION, PERMISSION
from policies.values import Inputs, UnknownUntilUpError
from slipway.wire import UNKNOWN
from tests.policies.asking import environment, faults, findings, resource

ISSUER = "token.actions.githubusercontent.com"
GITHUB = f"arn:aws:iam::123456789012:oidc-provider/{ISSUER}"
BOUNDARY = "arn:aws:iam::123456789012:policy/bound"


def document(*found: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **each} for each in found]})


def policy(**parts: Any) -> Any:
    return resource(ROLE_POLICY, policy=document(parts))


def trust(**parts: Any) -> Any:
    return resource(ROLE, assumeRolePolicy=document({"Action": "sts:AssumeRole", **parts}))


@pytest.mark.parametrize(
    ("action", "place", "condition", "wide"),
    [
        ("ec2:Describe*", "*", {}, False),
        ("s3:ListAllMy*", "*", {}, False),
        ("s3:Get*", "*", {}, True),
        ("s3:*", "arn:aws:s3:::ours", {}, False),
        ("s3:*", "arn:aws:s3:::ours/*", {}, False),
        ("s3:*", "arn:aws-cn:s3:::*", {}, True),
        ("s3:*", "arn:aws:s3:::*/*", {}, True),
        ("dynamodb:*", "arn:aws:dynamodb:us-west-2:123456789012:*", {}, True),
        ("dynamodb:*", "arn:aws:dynamodb:us-west-2:123456789012:table/*", {}, True),
        ("dynamodb:*", "arn:aws:dynamodb:us-west-2:123456789012:table/ours-*", {}, False),
        ("iam:*Tags", "arn:aws:iam::*:role/*", {}, True),
        ("s3:*", "arn:aws:s3:us-west-2:123456789012:accesspoint/ours/*", {}, False),
        ("s3:*", "**", {}, True),
        ("ec2:*", "*", {"StringEquals": {"aws:PrincipalTag/team": "ml"}}, True),
        ("ec2:*", "*", {"StringEquals": {"aws:PrincipalOrgID": "o-abcdef1234"}}, True),
        ("ec2:*", "*", {"StringEquals": {"aws:ResourceAccount": "123456789012"}}, True),
        ("ec2:*", "*", {"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}}, True),
        ("ec2:*", "*", {"StringEquals": {"aws:ResourceTag/team": "ml"}}, False),
        ("ec2:*", "*", {"stringequals": {"AWS:RESOURCETAG/team": ["ml", "dev"]}}, False),
        ("ec2:*", "*", {"ForAnyValue:StringLike": {"aws:TagKeys": ["ml-*"]}}, False),
        ("ec2:*", "*", {"ForAllValues:StringEquals": {"aws:TagKeys": ["ml"]}}, True),
        ("ec2:*", "*", {"StringNotEquals": {"aws:ResourceTag/team": "ml"}}, True),
        ("ec2:*", "*", {"Null": {"aws:ResourceTag/team": "false"}}, False),
        ("ec2:*", "*", {"Null": {"aws:ResourceTag/team": True}}, True),
        ("ec2:*", "*", {"Bool": {"aws:SecureTransport": "true"}}, True),
        ("ec2:*", "*", {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}, True),
        ("ec2:*", "*", {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:*"}}, True),
    ],
)
def test_a_wildcard_is_judged_by_what_bounds_it(action, place, condition, wide):
    found = faults("iam-wildcards", policy(Action=action, Resource=place, Condition=condition))
    assert found == (["policy.Statement.0"] if wide else [])


@pytest.mark.parametrize(
    ("action", "wide"),
    [
        ("cloudwatch:PutMetricData", False),
        ("ecr:GetAuthorizationToken", False),
        ("ec2:DescribeInstances", False),
        ("pricing:GetProducts", False),
        ("iam:CreateRole", True),
        ("ssm:GetParameters", True),
        ("S3:getObject", True),
        ("ecr:BatchGetImage", True),
    ],
)
def test_only_what_takes_a_resource_must_name_it(action, wide):
    assert faults("iam-any-resource", policy(Action=action, Resource="*")) == (["policy.Statement.0"] if wide else [])


@pytest.mark.parametrize(
    ("action", "place", "wide"),
    [
        ("s3:DeleteBucket", "arn:aws:s3:::*", True),
        ("s3:DeleteBucket", ["arn:aws:s3:::ours", "arn:aws:s3:::*"], True),
        ("s3:GetObject", "arn:aws:s3:::*/*", True),
        ("s3:GetObject", "arn:aws:s3:::ours/*", False),
        ("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:*:*:secret:*", True),
        ("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:us-west-2:123456789012:secret:ours/*", False),
        ("ssm:GetParameter", "arn:aws:ssm:us-west-2::parameter/aws/service/*", False),
        ("kms:Decrypt", "arn:aws:kms:us-west-2:123456789012:key/*", True),
        ("sts:AssumeRole", "arn:aws:iam::*:role/*", True),
        # AWS's own policies name no more: of the load balancer controller, and of Karpenter.
        ("elasticloadbalancing:RegisterTargets", "arn:aws:elasticloadbalancing:*:*:targetgroup/*/*", False),
        ("ec2:RunInstances", "arn:aws:ec2:us-west-2::image/*", False),
    ],
)
def test_all_of_a_service_or_all_that_holds_data_is_no_name(action, place, wide):
    assert faults("iam-any-resource", policy(Action=action, Resource=place)) == (["policy.Statement.0"] if wide else [])


def test_all_resources_but_some_is_no_name():
    but = policy(Action="s3:DeleteBucket", NotResource="arn:aws:s3:::ours")
    assert faults("iam-any-resource", but) == ["policy.Statement.0"]


def test_all_actions_but_some_are_a_wildcard_and_nothing_else():
    but = policy(NotAction=["iam:CreateUser", "iam:PassRole", "s3:DeleteBucket"], Resource="*")
    assert faults("iam-wildcards", but) == ["policy.Statement.0"]
    assert faults("iam-any-resource", but) == []
    assert faults("iam-pass-role", but) == []


@pytest.mark.parametrize("action", ["iam:PassRole", "IAM:passrole", "iam:Pass*", "iam:*Role"])
def test_passing_a_role_is_seen_in_every_spelling(action):
    assert faults("iam-pass-role", policy(Action=action, Resource=["arn:aws:iam::123456789012:role/a"]))


@pytest.mark.parametrize(
    ("service", "wide"), [("*.amazonaws.com", True), ("ec2*", True), ("ec2.amazonaws.com*", False)]
)
def test_a_pattern_of_services_names_one(service, wide):
    condition = {"StringLike": {"iam:PassedToService": service}}
    passing = policy(Action="iam:PassRole", Resource="arn:aws:iam::123456789012:role/a", Condition=condition)
    assert faults("iam-pass-role", passing) == (["policy.Statement.0"] if wide else [])


def test_a_service_may_be_given_roles_by_name():
    condition = {"StringEquals": {"iam:PassedToService": ["ec2.amazonaws.com"]}}
    role = "arn:aws:iam::123456789012:role/a"
    assert faults("iam-pass-role", policy(Action="iam:PassRole", Resource=role, Condition=condition)) == []
    assert faults("iam-pass-role", policy(Action="iam:GetRole", Resource="*")) == []


@pytest.mark.parametrize(
    ("parts", "wide"),
    [
        ({"Principal": {"Service": "ec2.amazonaws.com.cn"}}, False),
        ({"Principal": {"Service": ["ec2.amazonaws.com", "scheduler.amazonaws.com"]}}, True),
        (
            {
                "Principal": {"Service": "scheduler.amazonaws.com"},
                "Condition": {"StringEquals": {"AWS:SourceAccount": "123456789012"}},
            },
            False,
        ),
        (
            {
                "Principal": {"Service": "scheduler.amazonaws.com"},
                "Condition": {"StringLike": {"aws:SourceAccount": "*"}},
            },
            True,
        ),
        (
            {
                "Principal": {"Service": "rolesanywhere.amazonaws.com"},
                "Condition": {
                    "ArnEquals": {"aws:SourceArn": "arn:aws:rolesanywhere:us-west-2:123456789012:trust-anchor/a"}
                },
            },
            False,
        ),
        (
            {
                "Principal": {"Service": "scheduler.amazonaws.com"},
                "Condition": {"Null": {"aws:SourceAccount": "false"}},
            },
            True,
        ),
        ({"Principal": {"AWS": "arn:aws:iam::210987654321:role/ci"}}, False),
        ({"Principal": {"AWS": "arn:aws-us-gov:iam::210987654321:root"}}, True),
        (
            {
                "Principal": {"AWS": "arn:aws:iam::210987654321:root"},
                "Condition": {"StringEquals": {"sts:ExternalId": "a1b2"}},
            },
            False,
        ),
        (
            {
                "Principal": {"Federated": GITHUB},
                "Condition": {
                    "StringEquals": {f"{ISSUER}:aud": "sts.amazonaws.com"},
                    "StringLike": {f"{ISSUER}:sub": "repo:acme/*"},
                },
            },
            True,
        ),
        (
            {
                "Principal": {"Federated": GITHUB},
                "Condition": {
                    "StringEquals": {
                        f"{ISSUER}:aud": "sts.amazonaws.com",
                        f"{ISSUER}:sub": "repo:acme/platform:environment:prod",
                    }
                },
            },
            False,
        ),
        ({"Principal": {"Federated": "arn:aws:iam::123456789012:saml-provider/okta"}}, False),
        ({"Effect": "Deny", "Principal": "*"}, False),
    ],
)
def test_trust_is_limited(parts, wide):
    assert faults("iam-trust", trust(**parts)) == (["assumeRolePolicy.Statement.0"] if wide else [])


def test_a_statement_may_stand_alone():
    alone = json.dumps({"Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}})
    assert faults("iam-trust", resource(ROLE, assumeRolePolicy=alone)) == ["assumeRolePolicy.Statement.0"]


def test_a_document_may_be_an_object():
    whole = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    assert faults("iam-wildcards", resource(ROLE_POLICY, policy=whole)) == ["policy.Statement.0"]


@pytest.mark.parametrize(
    ("condition", "bound"),
    [
        ({"aws:RequestTag/kubernetes-namespace": "ml"}, True),
        ({"aws:SourceArn": "arn:aws:eks:us-west-2:123456789012:cluster/ml"}, True),
        ({"aws:SourceAccount": "123456789012"}, False),
    ],
)
def test_a_role_for_pods_may_be_bound_by_cluster_or_namespace(condition, bound):
    role = trust(
        Principal={"Service": "pods.eks.amazonaws.com"},
        Action=["sts:assumerole", "STS:TagSession"],
        Condition={"StringEquals": condition},
    )
    assert faults("iam-pod-identity", role) == ([] if bound else ["assumeRolePolicy.Statement.0"])


PODS = {"Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": ["sts:TagSession", "sts:AssumeRole"]}


def test_an_association_binds_a_role_for_pods_though_its_arn_is_unknown():
    role = trust(**PODS)
    association = resource(ASSOCIATION, "a", behind={"roleArn": role}, roleArn=UNKNOWN)
    assert faults("iam-pod-identity", role, association) == []
    assert faults("iam-pod-identity", role, resource(ASSOCIATION, "b", roleArn=UNKNOWN)) == [
        "assumeRolePolicy.Statement.0"
    ]


def test_an_add_on_binds_a_role_for_its_pods():
    role = trust(**PODS)
    addon = resource("aws:eks/addon:Addon", "ebs", behind={"podIdentityAssociations": role})
    assert faults("iam-pod-identity", role, addon) == []


@pytest.mark.parametrize(
    ("boundaries", "asked", "broken"),
    [
        ((None, None), None, []),
        ((None, None), BOUNDARY, ["permissionsBoundary"]),
        ((BOUNDARY, BOUNDARY), BOUNDARY, []),
        ((BOUNDARY + "-2", BOUNDARY), BOUNDARY, ["permissionsBoundary"]),
        ((None, BOUNDARY), None, ["permissionsBoundary"]),
        ((BOUNDARY, None), None, []),
        ((UNKNOWN, BOUNDARY), BOUNDARY, ["?permissionsBoundary"]),
    ],
)
def test_a_boundary_is_for_all_roles(boundaries, asked, broken):
    own, others = (resource(ROLE, name, permissionsBoundary=each) for name, each in zip("ab", boundaries, strict=True))
    assert faults("iam-permissions-boundary", own, others, held_to=environment(boundary=asked)) == broken


@pytest.mark.parametrize(
    ("name", "wide"),
    [
        ("AdministratorAccess-AWSElasticBeanstalk", True),
        ("AmazonS3FullAccess", True),
        ("AmazonEC2ContainerRegistryFullAccess", True),
        ("job-function/DatabaseAdministrator", True),
        ("job-function/ViewOnlyAccess", False),
        ("SecretsManagerReadWrite", True),
        ("AmazonS3ReadOnlyAccess", False),
        ("service-role/AmazonEBSCSIDriverPolicy", False),
        ("AmazonEKS_CNI_Policy", False),
    ],
)
def test_aws_own_policies_are_judged_by_name(name, wide):
    attachment = resource(ATTACHMENT, policyArn=f"arn:aws:iam::aws:policy/{name}")
    assert faults("iam-full-access", attachment) == (["policyArn"] if wide else [])


def test_a_policy_of_the_account_is_judged_by_what_it_says_not_by_its_name():
    assert (
        faults("iam-full-access", resource(ATTACHMENT, policyArn="arn:aws:iam::123456789012:policy/FullAccess")) == []
    )


@pytest.mark.parametrize(
    ("condition", "open_"),
    [
        ({}, True),
        ({"StringEquals": {"aws:PrincipalOrgID": "o-abcdef1234"}}, False),
        ({"StringEquals": {"aws:SourceVpce": ["vpce-1"]}}, False),
        ({"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}}, False),
        ({"IpAddress": {"aws:SourceIp": ["198.51.100.0/24", "0.0.0.0/0"]}}, True),
        ({"IpAddress": {"aws:SourceIp": ["0.0.0.0/1", "128.0.0.0/1"]}}, True),
        ({"Null": {"aws:PrincipalOrgID": "false"}}, True),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/ours"}}, True),
        ({"StringLike": {"aws:PrincipalArn": "*:role/ours"}}, True),
        ({"Bool": {"elasticfilesystem:AccessedViaMountTarget": "true"}}, False),
        ({"Bool": {"elasticfilesystem:AccessedViaMountTarget": "false"}}, True),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::ours"}}, False),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:*:*"}}, True),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:sns:us-west-2:*:*"}}, True),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:sns:us-west-2:123456789012:*"}}, False),
        ({"StringLike": {"aws:SourceAccount": "*"}}, True),
        ({"StringEqualsIfExists": {"aws:SourceAccount": "123456789012"}}, True),
        ({"StringEquals": {"s3:prefix": "public/"}}, True),
    ],
)
def test_a_condition_closes_what_is_for_everybody(condition, open_):
    queue = resource(
        "aws:sqs/queuePolicy:QueuePolicy",
        policy=document({"Principal": "*", "Action": "sqs:SendMessage", "Resource": "q", "Condition": condition}),
    )
    assert faults("iam-public-principal", queue) == (["policy.Statement.0"] if open_ else [])


def test_a_function_may_be_called_by_one_bucket():
    permission = resource(PERMISSION, principal="s3.amazonaws.com", sourceArn=UNKNOWN)
    assert faults("iam-public-principal", permission) == []


@pytest.mark.parametrize("rule", ["iam-wildcards", "iam-any-resource", "iam-pass-role"])
def test_what_is_known_is_told_before_what_is_not(rule):
    own = document({"Action": ["s3:*", "s3:DeleteBucket", "iam:PassRole"], "Resource": "*"})
    policies = [{"name": "a", "policy": UNKNOWN}, {"name": "b", "policy": own}]
    found = findings(rule, resource(ROLE, inlinePolicies=policies))
    assert [(each.kind, each.path) for each in found] == [
        ("violation", "inlinePolicies.1.policy.Statement.0"),
        ("unknown", "inlinePolicies.0.policy"),
    ]


def test_an_unknown_document_is_no_empty_one():
    with pytest.raises(UnknownUntilUpError, match="policy"):
        list(statements(Inputs({"policy": UNKNOWN}), "policy"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["*", "Allow", "s3:*", "arn:a"]),
    lambda each: (
        st.lists(each, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["Statement", "Effect", "Action", "NotAction", "Resource", "Principal", "Condition", "AWS"]
            ),
            each,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON, st.booleans())
def test_no_document_whatever_breaks_a_rule(content, text):
    value = json.dumps(content) if text else content
    for rule in ("iam-wildcards", "iam-any-resource", "iam-pass-role"):
        findings(rule, resource(ROLE_POLICY, policy=value))
        findings(rule, resource(ROLE, inlinePolicies=content))
    for rule in ("iam-trust", "iam-pod-identity", "iam-full-access"):
        findings(rule, resource(ROLE, assumeRolePolicy=value, managedPolicyArns=content))
    findings("iam-public-principal", resource("aws:s3/bucketPolicy:BucketPolicy", policy=value))


def test_one_character_that_may_be_any_is_a_wildcard():
    assert faults("iam-wildcards", policy(Action="s3:?etBucketPolicy", Resource="*")) == ["policy.Statement.0"]


@pytest.mark.parametrize(
    ("action", "broken"),
    [
        ("codecommit:GetFile", ["policy.Statement.0"]),
        ("dynamodb:GetItem", ["policy.Statement.0"]),
        ("kinesis:GetRecords", ["policy.Statement.0"]),
        ("lambda:GetFunction", ["policy.Statement.0"]),
        ("athena:GetQueryResults", ["policy.Statement.0"]),
        ("ec2:GetConsoleOutput", []),
        ("ssmmessages:OpenDataChannel", []),
        ("cloudwatch:PutMetricData", []),
    ],
)
def test_what_gives_out_data_names_its_resources(action, broken):
    assert faults("iam-any-resource", policy(Action=action, Resource="*")) == broken


@pytest.mark.parametrize("place", ["arn:aws:s3:::*", "arn:aws:iam::123456789012:role/a:b"])
def test_an_arn_is_all_there_are_where_it_names_nothing(place):
    assert bool(faults("iam-wildcards", policy(Action="s3:*", Resource=place))) == place.endswith("*")


def test_a_service_account_by_a_pattern_is_several_though_it_is_asked_by_equals():
    issuer = "oidc.eks.us-west-2.amazonaws.com/id/ABC"
    for subject, broken in (("system:serviceaccount:team:a", []), ("system:serviceaccount:team:*", [TRUST])):
        equals = {f"{issuer}:aud": "sts.amazonaws.com", f"{issuer}:sub": subject}
        judged = trust(
            Action="sts:AssumeRoleWithWebIdentity",
            Principal={"Federated": f"arn:aws:iam::123456789012:oidc-provider/{issuer}"},
            Condition={"StringEquals": equals},
        )
        assert faults("iam-trust", judged) == broken


TRUST = "assumeRolePolicy.Statement.0"


@pytest.mark.parametrize("name", ["trainer?", "train*"])
def test_roles_to_pass_are_named_in_full(name):
    passed = policy(
        Action="iam:PassRole",
        Resource=f"arn:aws:iam::123456789012:role/{name}",
        Condition={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
    )
    assert faults("iam-pass-role", passed) == ["policy.Statement.0"]
