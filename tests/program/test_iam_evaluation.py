"""The evaluator of the data paths: literal cases of the IAM user guide."""

import pytest

from tests.program.iam_evaluation import allows, denies

BUCKET = "arn:aws:s3:::acme"


def document(effect: str = "Allow", **more):
    return {"Statement": [{"Effect": effect, "Action": ["s3:GetObject"], "Resource": f"{BUCKET}/a/*", **more}]}


@pytest.mark.parametrize(
    ("action", "resource", "allowed"),
    [
        ("s3:GetObject", f"{BUCKET}/a/x", True),
        ("S3:getobject", f"{BUCKET}/a/x/y", True),
        ("s3:GetObject", f"{BUCKET}/b/x", False),
        ("s3:GetObject", f"{BUCKET}/a", False),
        ("s3:GetObjectAcl", f"{BUCKET}/a/x", False),
    ],
)
def test_actions_and_resources_are_matched(action, resource, allowed):
    assert allows([document()], action, resource, {}) is allowed


def test_wildcards_match_what_they_say():
    assert allows([document(Action="s3:Get*")], "s3:GetObjectAcl", f"{BUCKET}/a/x", {})
    assert allows([document(Resource=f"{BUCKET}/?/x")], "s3:GetObject", f"{BUCKET}/a/x", {})
    # Brackets are no wildcards.
    assert not allows([document(Resource=f"{BUCKET}/[ab]/x")], "s3:GetObject", f"{BUCKET}/a/x", {})


def test_a_denial_wins():
    assert not allows([document(), document("Deny")], "s3:GetObject", f"{BUCKET}/a/x", {})
    assert denies(document("Deny"), "s3:GetObject", f"{BUCKET}/a/x", {})
    assert not denies(document("Deny"), "s3:PutObject", f"{BUCKET}/a/x", {})


@pytest.mark.parametrize(
    ("condition", "context", "holds"),
    [
        ({"StringEquals": {"kms:ViaService": "s3"}}, {"kms:viaservice": "s3"}, True),
        ({"StringEquals": {"kms:ViaService": "s3"}}, {"kms:viaservice": "ec2"}, False),
        ({"StringEquals": {"kms:ViaService": "s3"}}, {}, False),
        ({"StringEqualsIfExists": {"kms:ViaService": "s3"}}, {}, True),
        ({"StringNotEquals": {"kms:ViaService": "s3"}}, {}, True),
        ({"StringLike": {"s3:prefix": ["a", "a/*"]}}, {"s3:prefix": "a/x"}, True),
        ({"StringLike": {"s3:prefix": ["a", "a/*"]}}, {"s3:prefix": "b"}, False),
        ({"Bool": {"aws:SecureTransport": "false"}}, {"aws:securetransport": "true"}, False),
        ({"Bool": {"aws:SecureTransport": "false"}}, {"aws:securetransport": "false"}, True),
        ({"Null": {"kms:ViaService": "true"}}, {}, True),
        ({"Null": {"kms:ViaService": "false"}}, {}, False),
        ({"ForAllValues:StringEquals": {"s3:x": ["a"]}}, {}, True),
        ({"StringLike": {"s3:prefix": "${aws:PrincipalTag/ns}/*"}},
         {"s3:prefix": "a/x", "aws:principaltag/ns": "a"}, True),
        ({"StringLike": {"s3:prefix": "${aws:PrincipalTag/ns}/*"}}, {"s3:prefix": "a/x"}, False),
    ],
)  # fmt: skip
def test_conditions_hold_or_not(condition, context, holds):
    assert allows([document(Condition=condition)], "s3:GetObject", f"{BUCKET}/a/x", context) is holds


def test_what_is_not_known_is_an_error():
    for more in ({"Condition": {"NumericLessThan": {"s3:max-keys": "10"}}}, {"NotAction": "s3:PutObject"}):
        with pytest.raises(NotImplementedError):
            allows([document(**more)], "s3:GetObject", f"{BUCKET}/a/x", {"s3:max-keys": "1"})
