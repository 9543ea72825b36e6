"""What is true of any plan that rules are asked of, clean or not."""

import copy
import dataclasses
import datetime
import functools
import random
from collections import Counter
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies import ids
from policies.around import Around, Environment
from policies.evaluate import Seen, ask, evaluate, subjects
from policies.model import Finding, Verdict
from policies.registry import rules
from policies.settings import ExceptionSettings, PolicySettings
from slipway import urns
from slipway.plan.model import Plan, Resource
from tests.policies.breaking import TODAY, held_to
from tests.policies.sweep import ruined
from tests.program.conftest import ROOT, STACK_FILES, planned

EXISTING = ROOT / "examples/Pulumi.existing-vpc.yaml"
DAY = datetime.timedelta(days=1)


@pytest.fixture(params=STACK_FILES, ids=lambda path: path.stem.removeprefix("Pulumi."))
def file(request: pytest.FixtureRequest) -> Path:
    """Every stack file of the repository in turn."""
    path: Path = request.param
    return path


def told(findings: Iterable[Finding]) -> Counter[str]:
    """Findings in no order."""
    return Counter(f"{each.rule} {each.kind} {each.urn} {each.message}" for each in findings)


def verdict(plan: Plan, file: Path) -> Verdict:
    return evaluate(plan, held_to(file))


def test_a_ruined_plan_breaks_rules_of_every_topic_and_leaves_some_unknown():
    found = [each for file in STACK_FILES for each in verdict(ruined(file), file).findings]
    assert {each.kind for each in found} >= {"violation", "unknown"}
    topics = {rule.id: rule.topic for rule in rules()}
    assert {topics[each.rule] for each in found if each.kind == "violation"} == set(topics.values())


def test_the_same_plan_gets_the_same_verdict_and_stays_as_it_was(file):
    plan = ruined(file)
    before = copy.deepcopy(plan.resources)
    assert verdict(plan, file) == verdict(plan, file)
    assert plan.resources == before


def test_the_order_of_resources_does_not_matter(file):
    plan = ruined(file)
    mixed = list(plan.resources)
    random.Random(1).shuffle(mixed)
    other = dataclasses.replace(plan, resources=tuple(mixed))
    assert told(verdict(other, file).findings) == told(verdict(plan, file).findings)


def test_a_rule_about_one_resource_says_the_same_whatever_stands_around_it(file):
    plan = ruined(file)
    whole = Around(plan=plan, environment=held_to(file))
    nothing = Around(plan=dataclasses.replace(plan, resources=()), environment=held_to(file))
    alone = [each for each in rules() if each.scope == "resource"]
    pairs = [(rule, resource) for rule in alone for resource in subjects(rule, plan)]
    backwards = {(rule.id, resource.urn): list(ask(rule, resource, nothing)) for rule, resource in reversed(pairs)}
    assert [backwards[rule.id, resource.urn] for rule, resource in pairs] == [
        list(ask(rule, resource, whole)) for rule, resource in pairs
    ]


def test_what_was_seen_of_another_plan_does_not_change_a_verdict(file):
    seen: Seen = {}
    clean = evaluate(planned(file), held_to(file), seen)
    assert evaluate(ruined(file), held_to(file), seen) == verdict(ruined(file), file)
    assert evaluate(planned(file), held_to(file), seen) == clean == verdict(planned(file), file)


@pytest.mark.parametrize(
    "hidden",
    [
        pytest.param({"outputs": {}}, id="outputs"),
        pytest.param(
            {
                "custom": True,
                "id": "",
                "retain_on_delete": False,
                "external": False,
                "import_id": "",
                "aliases": (),
                "replace_on_changes": (),
                "additional_secret_outputs": (),
                "custom_timeouts": {},
                "deleted_with": "",
                "delete_before_replace": None,
            },
            id="options",
        ),
    ],
)
def test_what_the_engine_hides_from_a_pack_does_not_matter(file, hidden):
    plan = ruined(file)
    engine = dataclasses.replace(
        plan,
        resources=tuple(dataclasses.replace(each, **hidden) for each in plan.resources),
        invocations=(),
        messages=(),
        preview=not plan.preview,
    )
    assert told(verdict(engine, file).findings) == told(verdict(plan, file).findings)


def test_the_names_of_stack_and_project_do_not_matter(file):
    plan = ruined(file)
    renamed = dataclasses.replace(
        plan,
        project="other",
        stack="elsewhere",
        resources=tuple(_renamed(each, plan) for each in plan.resources),
    )
    theirs = [
        dataclasses.replace(each, urn=each.urn.replace("elsewhere::other", f"{plan.stack}::{plan.project}", 1))
        for each in verdict(renamed, file).findings
        if each.kind != "exception"
    ]
    ours = [each for each in verdict(plan, file).findings if each.kind != "exception"]
    assert told(theirs) == told(ours)


def _renamed(resource: Resource, plan: Plan) -> Resource:
    def new(urn: str) -> str:
        return urn.replace(f"urn:pulumi:{plan.stack}::{plan.project}::", "urn:pulumi:elsewhere::other::", 1)

    behind = resource.property_dependencies
    return dataclasses.replace(
        resource,
        urn=new(resource.urn),
        parent=new(resource.parent),
        dependencies=tuple(map(new, resource.dependencies)),
        property_dependencies={key: tuple(map(new, found)) for key, found in behind.items()},
        provider=new(resource.provider),
        deleted_with=new(resource.deleted_with),
    )


@functools.cache
def broken() -> tuple[Finding, ...]:
    """What is broken or unknown in the ruined plan of the smallest stack file, with nothing excepted."""
    return evaluate(ruined(EXISTING), bare()).findings


def bare(**policies: Any) -> Environment:
    return dataclasses.replace(held_to(EXISTING), policies=PolicySettings(**policies))


@st.composite
def exceptions(draw: st.DrawFn) -> ExceptionSettings:
    """An exception that covers a part of what is broken, or nothing, around the last day."""
    one = draw(st.sampled_from(broken()))
    name = urns.name(one.urn)
    return ExceptionSettings(
        rule=draw(st.sampled_from([one.rule, *sorted(ids.ALL)])),
        resource=draw(st.sampled_from([name, f"{name[: len(name) // 2]}*", f"?{name[1:]}", "*", "nobody"])),
        reason="known since the first day",
        owner="platform",
        expires=(TODAY + draw(st.integers(-1, 1)) * DAY).isoformat(),
    )


@settings(max_examples=40, deadline=None)
@given(given_=st.lists(exceptions(), max_size=4))
def test_exceptions_cover_what_they_name_until_their_day_and_nothing_else(given_):
    found = evaluate(ruined(EXISTING), bare(exceptions=tuple(given_)))
    valid = [each for each in given_ if each.last_day >= TODAY]

    def covered(finding: Finding) -> bool:
        name = urns.name(finding.urn)
        return any(each.rule == finding.rule and fnmatchcase(name, each.resource) for each in valid)

    violations = [each for each in broken() if each.kind == "violation"]
    assert told(found.excepted) == told([each for each in violations if covered(each)])
    assert not any(each.blocks for each in found.excepted)
    assert told([each for each in found.violations if each.kind != "exception"]) == told(
        [each for each in violations if not covered(each)]
    )
    assert told(found.unknown) == told([each for each in broken() if each.kind == "unknown"])
    faulty = {each.path for each in found.findings if each.kind == "exception"}
    for index, each in enumerate(given_):
        here = f"policies.exceptions[{index}]" in faulty
        could = [one for one in broken() if each.rule == one.rule and fnmatchcase(urns.name(one.urn), each.resource)]
        if each not in valid or not could:
            assert here
        elif given_.index(each) == 0:
            assert not here


@settings(max_examples=25, deadline=None)
@given(
    enforcement=st.sampled_from(["advisory", "mandatory"]),
    levels=st.dictionaries(
        st.one_of(st.sampled_from(sorted(ids.IDS)), st.sampled_from(sorted(ids.ALL))),
        st.sampled_from(["advisory", "mandatory", "disabled"]),
        max_size=8,
    ),
)
def test_levels_decide_what_stops_and_what_is_not_asked(enforcement, levels):
    found = evaluate(ruined(EXISTING), bare(enforcement=enforcement, levels=levels))

    def level(rule: str) -> str:
        topic = next(name for name, of in ids.IDS.items() if rule in of)
        return str(levels.get(rule, levels.get(topic, enforcement)))

    kept = [each for each in broken() if level(each.rule) != "disabled"]
    assert told(found.findings) == told(kept)
    mandatory = [each for each in kept if each.kind == "violation" and level(each.rule) == "mandatory"]
    assert told(found.blocking) == told(mandatory)
    assert {each.id for each in found.rules} == {each.id for each in rules() if level(each.id) != "disabled"}
    assert set(found.disabled) == {each.id for each in rules() if level(each.id) == "disabled"}
