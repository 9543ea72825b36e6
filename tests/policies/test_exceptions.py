"""Exceptions and levels: what a stack file may say of a rule, and what becomes of its findings."""

import dataclasses
import datetime
import time

import pytest

from policies.around import Environment
from policies.evaluate import Seen, evaluate
from policies.settings import ExceptionSettings, PolicySettings, matches, parse
from slipway.plan.bill.types import CLUSTER
from slipway.plan.model import Plan, Resource
from slipway.wire import UNKNOWN

DAY = datetime.date(2027, 3, 31)
RULE = "eks-extended-support"


def cluster(name="cluster-eksCluster", support="EXTENDED"):
    return Resource(
        urn=f"urn:pulumi:dev::slipway::{CLUSTER}::{name}",
        custom=True,
        inputs={"upgradePolicy": {"supportType": support}},
    )


def plan(*clusters):
    return Plan(project="slipway", stack="dev", resources=clusters or (cluster(),))


def exception(**change):
    known = {
        "rule": RULE,
        "resource": "cluster-eksCluster",
        "reason": "Bought until the migration ends.",
        "owner": "ml-platform",
        "expires": "2027-03-31",
    }
    return ExceptionSettings(**{**known, **change})


def found(plan_, *exceptions, today=DAY, seen=None, **settings):
    """What is said of the one rule, and of exceptions, as (kind, level, whether it stops `up`, what)."""
    held = Environment(policies=PolicySettings(exceptions=exceptions, **settings), today=today)
    verdict = evaluate(plan_, held, seen)
    return [
        (each.kind, each.level, each.blocks, each.what)
        for each in verdict.findings
        if each.rule in {RULE, "exceptions"}
    ]


BROKEN = "EXTENDED; it must be STANDARD"
UNUSED = f"nothing breaks {RULE} at cluster-eksCluster (owner: ml-platform)"


def test_a_broken_rule_stops_up():
    assert found(plan()) == [("violation", "mandatory", True, BROKEN)]


@pytest.mark.parametrize("pattern", ["cluster-eksCluster", "cluster-*", "*", "cluster-eks?luster"])
def test_an_exception_covers_what_its_pattern_names(pattern):
    assert found(plan(), exception(resource=pattern)) == [("violation", "mandatory", False, BROKEN)]


@pytest.mark.parametrize(
    "pattern", ["cluster", "cluster-eksClusters", "Cluster-*", "cluster-eksCluste??", "[c]luster-*"]
)
def test_an_exception_for_something_else_covers_nothing_and_is_an_error(pattern):
    violation, unused = found(plan(), exception(resource=pattern))
    assert violation == ("violation", "mandatory", True, BROKEN)
    assert unused == ("exception", "mandatory", True, f"nothing breaks {RULE} at {pattern} (owner: ml-platform)")


def test_brackets_in_a_pattern_are_brackets():
    assert matches("tag[owner]", "tag[owner]")
    assert matches("a[b", "?[*")
    assert not matches("tago", "tag[owner]")


@pytest.mark.parametrize(("today", "holds"), [(DAY, True), (DAY + datetime.timedelta(days=1), False)])
def test_an_exception_holds_through_its_last_day(today, holds):
    violation, *rest = found(plan(), exception(), today=today)
    assert violation == ("violation", "mandatory", not holds, BROKEN)
    expired = ("exception", "mandatory", True, "expired on 2027-03-31 (owner: ml-platform)")
    assert rest == ([] if holds else [expired])


def test_an_expired_exception_is_an_error_even_where_nothing_needs_it():
    assert found(plan(cluster(support="STANDARD")), exception(), today=DAY + datetime.timedelta(days=1)) == [
        ("exception", "mandatory", True, "expired on 2027-03-31 (owner: ml-platform)")
    ]


def test_an_exception_that_nothing_needs_is_an_error():
    assert found(plan(cluster(support="STANDARD")), exception()) == [("exception", "mandatory", True, UNUSED)]


def test_an_exception_that_another_makes_needless_is_told_so():
    both = (exception(resource="*"), exception())
    assert found(plan(), *both) == [
        ("violation", "mandatory", False, BROKEN),
        (
            "exception",
            "mandatory",
            True,
            f"another exception covers all that breaks {RULE} at cluster-eksCluster (owner: ml-platform)",
        ),
    ]


def test_where_one_has_expired_the_next_covers():
    later = DAY + datetime.timedelta(days=1)
    both = (exception(resource="*"), exception(expires="2027-12-31"))
    kinds = [(kind, blocks) for kind, _, blocks, _ in found(plan(), *both, today=later)]
    assert kinds == [("violation", False), ("exception", True)]


def test_what_is_unknown_needs_its_exception_perhaps():
    """It says nothing in a preview, and would be missed in `up`."""
    assert found(plan(cluster(support=UNKNOWN)), exception()) == [
        ("unknown", "advisory", False, "unknown until up"),
    ]


def test_one_exception_covers_several_and_no_more():
    two = plan(cluster("cluster-a"), cluster("cluster-b"), cluster("other"))
    assert [blocks for _, _, blocks, _ in found(two, exception(resource="cluster-?"))] == [False, False, True]


def test_what_was_said_before_stays_excepted():
    """Plans that share resources share what was said of them: the exception in it is equal, not the same."""
    seen: Seen = {}
    first = plan()
    again = dataclasses.replace(first, stack="dev")
    for each in (first, again):
        assert found(each, exception(), seen=seen) == [("violation", "mandatory", False, BROKEN)]


@pytest.mark.parametrize(
    ("settings", "level"),
    [
        ({"enforcement": "advisory"}, "advisory"),
        ({"levels": {"eks": "advisory"}}, "advisory"),
        ({"enforcement": "advisory", "levels": {"eks": "mandatory"}}, "mandatory"),
        ({"levels": {"eks": "disabled", RULE: "mandatory"}}, "mandatory"),
        ({"levels": {"eks": "mandatory", RULE: "advisory"}}, "advisory"),
        ({"levels": {"eks-version": "advisory"}}, "mandatory"),
    ],
)
def test_a_rules_own_level_goes_before_its_topics_and_that_before_all(settings, level):
    assert found(plan(), **settings) == [("violation", level, level == "mandatory", BROKEN)]


@pytest.mark.parametrize("levels", [{"eks": "disabled"}, {RULE: "disabled"}])
def test_a_disabled_rule_is_not_asked(levels):
    held = Environment(policies=PolicySettings(levels=levels), today=DAY)
    verdict = evaluate(plan(), held)
    assert RULE in verdict.disabled
    assert RULE not in {each.id for each in verdict.rules}
    assert not [each for each in verdict.findings if each.rule == RULE]


def test_exceptions_are_judged_though_everything_else_is_advisory():
    assert found(plan(cluster(support="STANDARD")), exception(), enforcement="advisory") == [
        ("exception", "mandatory", True, UNUSED)
    ]


def test_ten_thousand_exceptions_take_no_minute():
    """Each is compared with those before it, and with what was found."""
    kept = [exception(resource=f"other-{number}").model_dump(by_alias=True) for number in range(10_000)]
    began = time.process_time()
    settings, problems = parse({"exceptions": [*kept, kept[5]]})
    assert [each.path for each in problems] == ["policies.exceptions[10000]"]
    assert settings is not None
    verdict = evaluate(plan(), Environment(policies=settings, today=DAY))
    assert sum(each.kind == "exception" for each in verdict.findings) == 10_001
    _, problems = parse({"exceptions": [{"rule": RULE}] * 2_000})
    assert len(problems) == 8_000
    assert time.process_time() - began < 10
