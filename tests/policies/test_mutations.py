"""Every rule is broken in every plan that has what it judges, and says so; no rule says anything of a clean plan."""

from pathlib import Path

import pytest

from policies import ids
from policies.evaluate import Seen, evaluate
from policies.model import Finding
from policies.registry import rules
from tests.policies.breaking import Mutation, held_to, mutations
from tests.program.conftest import STACK_FILES, planned

SEEN: dict[Path, Seen] = {}
CASES = [
    pytest.param(path, rule.id, id=f"{path.stem.removeprefix('Pulumi.')}-{rule.id}")
    for path in STACK_FILES
    for rule in rules()
]


def test_every_id_has_a_rule_and_every_rule_a_mutation():
    assert {rule.id for rule in rules()} == ids.ALL
    assert set(mutations()) == ids.ALL


@pytest.mark.parametrize("path", STACK_FILES, ids=lambda path: path.stem.removeprefix("Pulumi."))
def test_a_clean_plan_is_clean(path):
    verdict = evaluate(planned(path), held_to(path), SEEN.setdefault(path, {}))
    assert [str(each.message) for each in verdict.findings if each.excepted is None] == []


@pytest.mark.parametrize(("path", "rule"), CASES)
def test_a_broken_plan_is_caught_by_that_rule_alone(path, rule):
    broken = 0
    for mutation in mutations().get(rule, ()):
        plan = mutation.apply(planned(path))
        if plan is None:
            continue
        broken += 1
        assert plan != planned(path), f"{mutation.name}: changes nothing"
        verdict = evaluate(plan, held_to(path), SEEN.setdefault(path, {}))
        found = [each for each in verdict.findings if each.kind == "violation" and each.excepted is None]
        assert {each.rule for each in found} == {rule, *mutation.also}, mutation.name
        named(mutation, [each for each in found if each.rule == rule])
    if not broken:
        pytest.skip("nothing of what this rule judges is in this plan")


def named(mutation: Mutation, found: list[Finding]) -> None:
    """The message names the resource and what to do."""
    for each in found:
        assert not mutation.culprit or each.where.split(" ")[0] in mutation.culprit, each.message
        assert each.where in each.message
        assert each.fix
        assert each.fix in each.message


@pytest.mark.parametrize("rule", sorted(ids.ALL))
def test_every_rule_can_be_broken_in_a_plan_of_the_repository(rule):
    applied = [
        path
        for path in STACK_FILES
        if any(mutation.apply(planned(path)) is not None for mutation in mutations().get(rule, ()))
    ]
    assert applied
