"""Names that only AWS knows: marked as made up in what is rendered, and the real ones where outputs are given."""

import json
from typing import Any

import pytest

from slipway.errors import CannotRunError
from slipway.jobs import real
from slipway.jobs.choose import choose
from slipway.jobs.examples import examples
from slipway.jobs.planned import cluster
from slipway.jobs.render import rendered

ACCOUNT = "210987654321"
OUTPUTS: dict[str, Any] = {
    "clusterName": "slipway-prod",
    "buckets": {role: f"slipway-prod-{role}-20261122" for role in ("artifacts", "backups", "data", "logs", "models")},
    "analytics": {
        "sagemakerRole": f"arn:aws:iam::{ACCOUNT}:role/slipway-prod-jobs",
        "sagemakerSecurityGroup": "sg-0aaaaaaaaaaaaaaaa",
        "sagemakerSubnets": ["subnet-0bbbbbbbbbbbbbbbb", "subnet-0cccccccccccccccc"],
    },
    "registry": {"host": f"{ACCOUNT}.dkr.ecr.us-west-2.amazonaws.com"},
}
MADE_UP = {
    "nccl": {"the AWS account"},
    "ddp": set(),
    "elastic": {"the AWS account"},
    "spark": {"the AWS account", "the bucket data", "the bucket artifacts"},
    "kserve-llm": {"the bucket models"},
    "sagemaker": {
        "the AWS account",
        "the role of SageMaker's jobs",
        "their security group",
        "a private subnet",
        "the bucket artifacts",
        "the bucket data",
        "the bucket models",
    },
}


def texts(here):
    for found in examples().values():
        try:
            yield found.name, rendered(choose(found, here), here)
        except CannotRunError:
            continue


def test_what_is_made_up_is_marked_where_a_reader_begins(prod):
    here = cluster(prod)
    found = dict(texts(here))
    for name, expected in MADE_UP.items():
        marks = [line for line in found[name].splitlines() if line.startswith("#   ")]
        assert {line.rpartition(": ")[2] for line in marks} == expected, name
        for line in marks:
            value = line.removeprefix("#   ").rpartition(": ")[0]
            assert value in found[name].partition("--outputs outputs.json\n")[2]


def test_with_the_outputs_of_the_stack_nothing_is_made_up(prod):
    here = cluster(prod)
    invented = set(here.made_up)
    assert invented >= {*prod.outputs["buckets"].values(), prod.outputs["analytics"]["sagemakerRole"], "123456789012"}
    found = dict(texts(real.real(here, real.outputs(json.dumps(OUTPUTS)))))
    assert len(found) > 10
    for name, text in found.items():
        assert not [each for each in invented if each in text], name
        assert "made up" not in text
    assert f"roleARN: {OUTPUTS['analytics']['sagemakerRole']}\n" in found["sagemaker"]
    assert 'subnets: ["subnet-0bbbbbbbbbbbbbbbb", "subnet-0cccccccccccccccc"]' in found["sagemaker"]
    assert "s3a://slipway-prod-data-20261122/text/" in found["spark"]
    assert f"image: {ACCOUNT}.dkr.ecr.us-west-2.amazonaws.com/slipway-prod/spark:" in found["spark"]


def test_outputs_that_name_no_account_leave_that_one_marked(prod):
    kept = {name: value for name, value in OUTPUTS.items() if name != "registry"}
    kept["analytics"] = {**OUTPUTS["analytics"], "sagemakerRole": "role"}
    here = real.real(cluster(prod), kept)
    assert here.made_up == {"123456789012": "the AWS account"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON; it is what `pulumi stack output --json` prints"),
        ("[" * 100_000, "not JSON; "),
        ("[]", "clusterName is missing; it is what `pulumi stack output --json` prints"),
        ('{"clusterName": 3}', "clusterName is missing; "),
        ('{"clusterName": "other"}', "clusterName is 'other', and that of prod is 'slipway-prod'"),
        (json.dumps({**OUTPUTS, "buckets": ["a"]}), "buckets.artifacts is missing; "),
        (json.dumps({**OUTPUTS, "buckets": {}}), "buckets.artifacts is missing; "),
        (
            json.dumps({**OUTPUTS, "buckets": {**OUTPUTS["buckets"], "data": 1}}),
            "buckets.data: 1 is not text; ",
        ),
        (json.dumps({**OUTPUTS, "analytics": {}}), "analytics.sagemakerRole is missing; "),
        (
            json.dumps({**OUTPUTS, "analytics": {**OUTPUTS["analytics"], "sagemakerSubnets": "x"}}),
            "analytics.sagemakerSubnets: 'x' is not a list of texts; ",
        ),
    ],
)
def test_a_file_that_is_something_else_ends_in_one_message(prod, text, message):
    with pytest.raises(real.OutputsError) as raised:
        real.real(cluster(prod), real.outputs(text))
    assert str(raised.value).startswith(message)
    assert "\n" not in str(raised.value)
