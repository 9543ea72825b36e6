"""What the pages about policies show is what happens."""

import re
from pathlib import Path
from typing import Any

import pytest

from policies import ids
from policies.around import Around
from policies.evaluate import evaluate
from policies.model import Rule
from policies.registry import rules
from policies.values import Inputs
from slipway import check_text, stackfile
from slipway.plan.model import Plan
from tests.policies import checked
from tests.policies.breaking import held_to
from tests.policies.test_check_text import page
from tests.program.conftest import STACK_FILES, planned

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_page_of_a_check_is_as_shown():
    block = (DOCS / "how-to/check-policies.md").read_text().partition("```console\n")[2].partition("```")[0]
    (rule,) = [each for each in rules() if each.id == checked.RULE]
    found = checked.checked(stackfile.load("prod"), checked.finding(severity=rule.severity, fix=rule.fix))
    shown = f"{page(found)}{check_text.closing([found])}\n"
    # How many rules there are is theirs to say.
    known, said = (re.sub(r"\d+ rules", "N rules", text) for text in (block, shown))
    assert known == f"$ slipway check -s prod\n{said}"


def test_the_rule_of_the_page_is_broken_by_its_mutation(monkeypatch: pytest.MonkeyPatch):
    """Followed word by word: in our own plans it says nothing, and its mutation breaks it and no other."""
    monkeypatch.setattr(ids, "topic", lambda _: "network")
    function, mutation = re.findall(r"```python\n(.*?)```", (DOCS / "how-to/write-a-policy.md").read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(function, names)
    exec(mutation, names)
    monkeypatch.undo()
    rule: Rule = names["invalid_headers"]
    (made,) = names["MUTATIONS"]
    assert rule.id == made.rule
    assert rule.id not in ids.ALL

    def said(plan: Plan, path: Path) -> list[tuple[str, str]]:
        around = Around(plan=plan, environment=held_to(path))
        return [
            (each.path, each.what)
            for resource in plan.of_type(*rule.types)
            for each in rule.check(Inputs(resource.inputs), resource, around)
        ]

    broken = {path: plan for path in STACK_FILES if (plan := made.apply(planned(path))) is not None}
    assert broken
    for path, plan in broken.items():
        assert said(planned(path), path) == []
        assert said(plan, path) == [("dropInvalidHeaderFields", "off; it must be true")]
        assert not [each.message for each in evaluate(plan, held_to(path)).violations]


def test_the_exception_of_the_page_is_of_a_rule_that_there_is():
    named = re.findall(r"rule: (\S+)", (DOCS / "how-to/policy-exceptions.md").read_text())
    assert named
    assert set(named) <= ids.ALL
