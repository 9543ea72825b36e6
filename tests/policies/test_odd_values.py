"""Values that no service takes: a rule reads past them, whatever they are, and leaves them to the service."""

import datetime
import math

import pytest

from policies.around import Environment
from policies.evaluate import evaluate
from policies.kubernetes import RELEASE
from policies.rules.cost_tags import ADDON
from policies.values import Inputs, number
from slipway.plan.fleet import NODE_GROUP
from slipway.plan.model import Plan, Resource

DEEP = "[" * 5_000
MANY_DIGITS = "9" * 5_000
"""Python reads no more than 4,300 digits."""


@pytest.mark.parametrize("text", ["", "{", DEEP, MANY_DIGITS, '{"a": ' + MANY_DIGITS + "}", "\ud800"])
def test_what_is_no_json_is_nothing(text):
    assert Inputs({"policy": text}).json("policy") is None


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (3, 3),
        ("3", 3),
        (3.0, 3),
        (0, 0),
        (True, None),
        ("-1", None),
        ("3 nodes", None),
        ("\u00b2", None),
        (MANY_DIGITS, None),
        (math.inf, None),
        (math.nan, None),
        (None, None),
        ([3], None),
    ],
)
def test_a_count_is_read_as_services_spell_it(value, count):
    assert number(value) == count


@pytest.mark.parametrize("text", [DEEP, MANY_DIGITS, "2027-99-99", "a: 2027-99-99", "{", "\ud800", "-", "\x00"])
@pytest.mark.parametrize(
    ("type_", "inputs"),
    [
        ("aws:s3/bucketPolicy:BucketPolicy", lambda text: {"policy": text}),
        ("aws:iam/role:Role", lambda text: {"assumeRolePolicy": text, "inlinePolicies": [{"policy": text}]}),
        ("aws:ecs/taskDefinition:TaskDefinition", lambda text: {"containerDefinitions": text}),
        (ADDON, lambda text: {"addonName": "vpc-cni", "configurationValues": text, "addonVersion": text}),
        (ADDON, lambda text: {"addonName": "aws-ebs-csi-driver", "configurationValues": text}),
        (
            RELEASE,
            lambda text: {
                "chart": "kueue",
                "version": text,
                "values": {"managerConfig": {"controllerManagerConfigYaml": text}},
            },
        ),
        (NODE_GROUP, lambda text: {"scalingConfig": {"minSize": text, "maxSize": text}, "instanceTypes": [text]}),
        (NODE_GROUP, lambda text: {"version": text, "capacityType": text, "amiType": text, "subnetIds": text}),
    ],
)
def test_no_document_and_no_number_stops_a_rule(type_, inputs, text):
    resource = Resource(urn=f"urn:pulumi:dev::slipway::{type_}::odd", custom=True, inputs=inputs(text))
    plan = Plan(project="slipway", stack="dev", resources=(resource,))
    assert evaluate(plan, Environment(today=datetime.date(2026, 11, 22))).rules
