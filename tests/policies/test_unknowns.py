"""What is known only after `up`, and what is odd: no rule passes in silence over the one, none breaks at the other."""

import functools
import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import pytest

from policies.around import Around
from policies.evaluate import evaluate, subjects
from policies.model import Finding
from policies.registry import rules
from slipway import stackfile, urns
from slipway.plan.model import Plan
from slipway.rehearsal.recorder import record
from slipway.wire import REDACTED, UNKNOWN
from stacks.program import main
from tests.policies.breaking import held_to, replaced, with_input
from tests.policies.reading import judged, reads
from tests.policies.sweep_changes import Keys, general
from tests.program.conftest import STACK_FILES, planned

TOLD_OTHERWISE: Final[Mapping[tuple[str, str], str]] = {
    ("network-fsx-ports", "aws:vpc/securityGroup*Rule *"): "another rule of the group lets the same ports through",
}
"""Rule and `type path` of what a rule reads, and yet says nothing of where it is unknown, and why that is right."""

_ARN: Final = "the policy speaks of an ARN; `up` asks again before it makes the policy"
_TEXT: Final = "the text has an address, an ARN or the name of what AWS makes; `up` asks again before it is made"
_DIGEST: Final = "the image is one that the plan builds, and its registry's address is AWS's to give"
_MAPS: Final = ("artifactRepository", "bucket", "defaultPipelineRoot", "slipway-lustre.json", "spawner_ui_config.yaml")
UNTIL_UP: Final[Mapping[tuple[str, str], str]] = {
    **{
        (f"iam-{id_}", "aws:iam/rolePolicy:RolePolicy policy"): _ARN
        for id_ in ("any-resource", "pass-role", "wildcards")
    },
    **{(f"iam-{id_}", "aws:iam/role:Role assumeRolePolicy"): _ARN for id_ in ("pod-identity", "trust")},
    ("iam-public-principal", "aws:s3/bucketPolicy:BucketPolicy policy"): _ARN,
    ("iam-public-principal", "aws:efs/fileSystemPolicy:FileSystemPolicy policy"): _ARN,
    ("iam-public-principal", "aws:sns/topicPolicy:TopicPolicy policy"): _ARN,
    ("iam-public-principal", "aws:sqs/queuePolicy:QueuePolicy policy"): _ARN,
    ("data-encrypted-in-transit", "aws:s3/bucket:Bucket policy"): _ARN,
    ("data-encrypted-in-transit", "aws:efs/fileSystem:FileSystem policy"): _ARN,
    ("data-encrypted-in-transit", "aws:sns/topic:Topic policy"): _ARN,
    ("data-encrypted-in-transit", "aws:sqs/queue:Queue policy"): _ARN,
    **{("data-plain-secrets", f"kubernetes:core/v1:ConfigMap data.{key}"): _TEXT for key in _MAPS},
    ("data-plain-secrets", "aws:ec2/launchTemplate:LaunchTemplate userData"): _TEXT,
    ("data-plain-secrets", "aws:ec2/instance:Instance userData"): _TEXT,
    ("eks-static-keys", "aws:ec2/launchTemplate:LaunchTemplate userData"): _TEXT,
    ("eks-static-keys", "aws:ec2/instance:Instance userData"): _TEXT,
    ("kubernetes-images-pinned", "kubernetes:apps/v1:DaemonSet spec.template.spec.initContainers.#.image"): _DIGEST,
}
"""Rule and `type path` of what is not told in a preview of any stack file, and why."""


@pytest.fixture(params=STACK_FILES, ids=lambda path: path.stem.removeprefix("Pulumi."))
def file(request: pytest.FixtureRequest) -> Path:
    """Every stack file of the repository in turn."""
    path: Path = request.param
    return path


@functools.cache
def previewed(path: Path) -> Plan:
    """The plan of one stack file with everything unknown that AWS computes."""
    file = stackfile.load(str(path))
    return record(main, project=file.project, stack=file.stack, config=file.config, preview=True)


@functools.cache
def silent(path: Path) -> frozenset[tuple[str, str]]:
    """Rule, and type and path, of each value that a rule reads in a clean plan, and passes over where it is unknown."""
    found = set()
    for read in reads(path):
        plan = changed(planned(path), read.urn, read.keys, UNKNOWN)
        if not said(plan, path, read.rule.id, read.judged):
            found.add((read.rule.id, f"{urns.type_of(read.urn)} {general(read.keys)}"))
    return frozenset(found)


def changed(plan: Plan, urn: str, keys: Keys, value: Any) -> Plan:
    resource = plan.get(urn)
    assert resource is not None
    return replaced(plan, with_input(resource, keys, value))


def said(plan: Plan, path: Path, rule: str, urn: str) -> list[Finding]:
    """What one rule says of one resource."""
    resource = plan.get(urn)
    assert resource is not None
    around = Around(plan=plan, environment=held_to(path))
    return [each for one in rules() if one.id == rule for each in judged(one, resource, around)]


def test_a_value_that_a_rule_reads_is_not_passed_over_where_it_is_unknown(file):
    unexplained = [
        each
        for each in sorted(silent(file))
        if not any(each[0] == rule and fnmatchcase(each[1], what) for rule, what in TOLD_OTHERWISE)
    ]
    assert unexplained == []


def test_every_reason_for_silence_is_needed():
    found = [each for file in STACK_FILES for each in silent(file)]
    unneeded = [
        (rule, what)
        for rule, what in TOLD_OTHERWISE
        if not any(each[0] == rule and fnmatchcase(each[1], what) for each in found)
    ]
    assert unneeded == []


def test_a_preview_breaks_no_rule(file):
    found = evaluate(previewed(file), held_to(file))
    assert [each.message for each in found.violations] == []
    clean = evaluate(planned(file), held_to(file))
    assert found.rules == clean.rules
    assert clean.unknown == ()


def test_what_a_preview_cannot_tell_is_known():
    told = {
        (each.rule, f"{urns.type_of(each.urn)} {re.sub(r'[.][0-9]+', '.#', each.path)}")
        for file in STACK_FILES
        for each in evaluate(previewed(file), held_to(file)).unknown
    }
    assert told == set(UNTIL_UP)


def test_most_of_what_a_rule_judges_is_told_in_a_preview():
    judgements, unknown = 0, 0
    for file in STACK_FILES:
        judgements += sum(len(list(subjects(rule, previewed(file)))) for rule in rules())
        unknown += len(evaluate(previewed(file), held_to(file)).unknown)
    assert unknown < judgements / 50


ODD: Final[tuple[Any, ...]] = (
    None,
    True,
    False,
    0,
    -1,
    1.5,
    10**30,
    "",
    "*",
    "{",
    "[1]",
    '{"Statement": [1, {"Action": null, "Principal": 3, "Condition": []}, null]}',
    "null",
    "0",
    "a:b",
    "é\x00\n",
    [],
    [None],
    [[]],
    [{}],
    ["x", 1, None],
    {},
    {"": None},
    {"name": {"name": []}},
    REDACTED,
    UNKNOWN,
    [UNKNOWN],
    {"name": UNKNOWN},
)


def test_nothing_that_stands_in_place_of_what_a_rule_reads_breaks_it():
    done: set[tuple[str, str, str]] = set()
    for path in STACK_FILES:
        for read in reads(path):
            kind = read.rule.id, urns.type_of(read.urn), general(read.keys)
            if kind in done:
                continue
            done.add(kind)
            # What looks at the whole plan takes its time.
            for value in ODD if read.rule.scope == "resource" else ODD[::3]:
                plan = changed(planned(path), read.urn, read.keys, value)
                said(plan, path, read.rule.id, read.judged)
    assert len(done) > len(rules()) * 3
