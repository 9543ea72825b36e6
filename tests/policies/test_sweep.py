"""Random changes of clean plans are caught, refused, or escape for a reason (tests/policies/escapes.py)."""

import functools
import re
from collections import Counter

import pytest

from policies.around import Around
from policies.evaluate import subjects
from policies.model import Rule
from policies.registry import rules
from slipway.wire import UNKNOWN
from tests.policies.breaking import held_to, replaced, with_input
from tests.policies.escapes import ESCAPES, explained, fits
from tests.policies.reading import judged
from tests.policies.sweep import Class, Outcome, places, sample, sweep
from tests.policies.sweep_changes import DOCUMENT
from tests.policies.sweep_report import COUNT as REPORTED
from tests.policies.sweep_report import PAGE, row, unexplained
from tests.program.conftest import planned

COUNT = 320
FEW = 16


@functools.cache
def outcomes() -> tuple[Outcome, ...]:
    return tuple(sweep(sample(COUNT)))


def test_what_escapes_has_its_reason():
    assert unexplained(outcomes()) == []


def test_a_sample_has_changes_of_most_types_and_rules_of_most_topics_catch_some():
    types = {each.type for each in places()}
    assert len({each.of.type for each in outcomes()}) > len(types) * 0.7
    topics = {rule.id: rule.topic for rule in rules()}
    caught = {topics[rule] for each in outcomes() for rule in each.caught}
    assert len(caught) > len(set(topics.values())) * 0.7


def test_the_same_seed_gives_the_same_changes():
    some = sample(20, seed=7)
    assert some == sample(20, seed=7)
    assert some != sample(20, seed=8)
    assert list(sweep(some)) == list(sweep(some))


def test_no_reason_is_good_for_everything():
    classes = list(places())
    for escape in ESCAPES:
        of = [each for each in classes if fits(escape, each)]
        assert of, f"no change is of {escape}"
        assert len(of) < len(classes) / 3, escape


def test_each_reason_says_one_thing():
    told = Counter(each.reason for each in ESCAPES)
    assert all(len(each.split()) > 3 for each in told)
    assert all(reason.endswith(".") for reason in told)


@pytest.mark.parametrize(
    ("type_", "path", "operator"),
    [
        ("aws:rds/instance:Instance", "publiclyAccessible", "flip"),
        ("aws:rds/instance:Instance", "storageEncrypted", "flip"),
        ("aws:rds/instance:Instance", "deletionProtection", "flip"),
        ("aws:rds/instance:Instance", "", "unprotect"),
        ("aws:efs/fileSystem:FileSystem", "encrypted", "flip"),
        ("aws:fsx/lustreFileSystem:LustreFileSystem", "automaticBackupRetentionDays", "zero"),
        ("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "blockPublicPolicy", "flip"),
        ("aws:s3/bucketVersioning:BucketVersioning", "versioningConfiguration.status", "other"),
        ("aws:kms/key:Key", "enableKeyRotation", "flip"),
        ("aws:eks/cluster:Cluster", "deletionProtection", "flip"),
        ("aws:eks/cluster:Cluster", "upgradePolicy", "drop"),
        ("aws:eks/cluster:Cluster", "vpcConfig.publicAccessCidrs.#", "widen"),
        ("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "cidrIpv4", "widen"),
        ("aws:ec2/launchTemplate:LaunchTemplate", "metadataOptions.httpTokens", "drop"),
        ("aws:ec2/launchTemplate:LaunchTemplate", "blockDeviceMappings.#.ebs.encrypted", "flip"),
    ],
)
def test_no_reason_excuses_what_must_be_caught(type_, path, operator):
    assert explained(Class(type=type_, path=path, operator=operator)) is None


def test_a_value_that_a_rule_catches_is_not_passed_over_where_it_is_unknown():
    silent = [
        f"{rule.id}: {each.of.type} {each.of.path}"
        for each in outcomes()
        for rule in rules()
        if rule.id in each.caught and not told(each, rule)
    ]
    assert silent == []


def told(outcome: Outcome, rule: Rule) -> bool:
    """Whether a rule says something where what was changed is unknown; true of what is no value."""
    plan, place = planned(outcome.place.file), outcome.place
    resource = plan.get(place.urn)
    # What an input is made from stays known in a preview: a rule may judge by that.
    if resource is None or not place.keys or place.keys[0] in resource.property_dependencies:
        return True
    # A tag whose value is unknown is a tag, which is all that is asked.
    if rule.id == "cost-tags":
        return True
    keys = place.keys[: (*place.keys, DOCUMENT).index(DOCUMENT)]
    around = Around(plan=replaced(plan, with_input(resource, keys, UNKNOWN)), environment=held_to(place.file))
    return any(list(judged(rule, subject, around)) for subject in subjects(rule, around.plan))


def test_the_report_is_true():
    rows = [line for line in PAGE.read_text().splitlines() if re.match(r"\| `[^`]*:[^`]*` \| \d+ \| \d+ \| \d", line)]
    classes = sample(REPORTED)
    sizes = Counter(each.type for each in classes)
    assert [line.split("`")[1] for line in rows] == sorted(sizes)
    small = [type_ for type_ in sorted(sizes) if sizes[type_] <= FEW][::9]
    assert len(small) > FEW / 4
    for type_ in small:
        assert row(type_, list(sweep(each for each in classes if each.type == type_))) in rows
