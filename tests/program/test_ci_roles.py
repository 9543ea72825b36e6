"""The roles of docs/how-to/ci.md, asked about what the stacks have."""

import fnmatch
import json
import re
from pathlib import Path
from typing import Any

from slipway.plan.model import Plan

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "how-to" / "ci.md").read_text()
READS, STATE, GOES_UP = (json.loads(text)["Statement"] for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))
ISSUER = "token.actions.githubusercontent.com"


def equal(trust: list[dict[str, Any]]) -> dict[str, Any]:
    (statement,) = trust
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    (test,) = statement["Condition"]
    assert test == "StringEquals"
    return {key.removeprefix(f"{ISSUER}:"): value for key, value in statement["Condition"][test].items()}


def test_no_branch_takes_on_the_role_of_up():
    """`sub` names the environment and not the branch; an environment without protection takes any."""
    assert equal(GOES_UP) == {
        "aud": "sts.amazonaws.com",
        "ref": "refs/heads/main",
        "sub": "repo:<owner>/<repository>:environment:prod",
    }


def test_pull_requests_take_on_the_role_that_reads_alone():
    assert equal(READS) == {
        "aud": "sts.amazonaws.com",
        "sub": ["repo:<owner>/<repository>:pull_request", "repo:<owner>/<repository>:ref:refs/heads/main"],
    }


def test_a_preview_may_look_at_the_objects_that_the_stack_puts_into_buckets(plan: Plan):
    """It refreshes first, and S3 asks for `s3:GetObject` for the head of an object (API reference, HeadObject)."""
    (denied,) = (each for each in STATE if each["Effect"] == "Deny")
    assert denied["Action"] == ["s3:GetObject", "s3:GetObjectVersion"]
    platform = plan.one("aws:eks/cluster:Cluster").inputs["name"]
    spared = [each.replace("<platform.name>", platform) for each in denied["NotResource"]]
    for each in plan.of_type("aws:s3/bucketObjectv2:BucketObjectv2"):
        arn = f"arn:aws:s3:::{each.inputs['bucket']}/{each.inputs['key']}"
        assert any(fnmatch.fnmatchcase(arn, pattern) for pattern in spared), arn


def test_nothing_else_in_buckets_may_be_read(prod: Plan):
    (denied,) = (each for each in STATE if each["Effect"] == "Deny")
    patterns = [each.replace("<platform.name>", "slipway-prod") for each in denied["NotResource"]]
    buckets = [each.outputs["bucket"] for each in prod.of_type("aws:s3/bucket:Bucket")]
    assert len(buckets) > 1
    for bucket in buckets:
        assert not any(fnmatch.fnmatchcase(f"arn:aws:s3:::{bucket}/models/x", pattern) for pattern in patterns)
