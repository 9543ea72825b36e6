"""What the pages about policies show is what happens."""

import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from policies import ids, model
from policies.around import Around, Environment
from policies.model import Fault
from policies.registry import rules
from policies.values import Inputs
from slipway import check_text, stackfile
from slipway.plan.model import Plan, Resource
from tests.policies import checked
from tests.policies.breaking import DROP, TODAY, Mutation, changed
from tests.policies.test_check_text import page

DOCS = Path(__file__).resolve().parents[2] / "docs"
TABLE = "aws:dynamodb/table:Table"


def test_the_page_of_a_check_is_as_shown():
    block = (DOCS / "how-to/check-policies.md").read_text().partition("```console\n")[2].partition("```")[0]
    (rule,) = [each for each in rules() if each.id == checked.RULE]
    found = checked.checked(stackfile.load("prod"), checked.finding(severity=rule.severity, fix=rule.fix))
    shown = f"{page(found)}{check_text.closing([found])}\n"
    # How many rules there are is theirs to say.
    known, said = (re.sub(r"\d+ rules", "N rules", text) for text in (block, shown))
    assert known == f"$ slipway check -s prod\n{said}"


@functools.cache
def blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", (DOCS / "how-to/write-a-policy.md").read_text(), re.DOTALL)


def test_the_rule_of_the_page_is_broken_by_its_mutation(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ids, "topic", lambda _: "data")
    function, mutation = blocks()
    names = {**globals(), "rule": model.rule, "Iterator": Iterator, "Around": Around, "Fault": Fault}
    exec(function, names)
    broken_by = {"Mutation": Mutation, "changed": changed, "DROP": DROP, "TABLE": TABLE}
    exec(mutation, broken_by)
    (made,) = broken_by["MUTATIONS"]
    urn = f"urn:pulumi:dev::slipway::{TABLE}::table"
    clean = Resource(urn=urn, custom=True, inputs={"pointInTimeRecovery": {"enabled": True}})
    (broken,) = made.apply(Plan(project="slipway", stack="dev", resources=(clean,)))

    def said(resource):
        plan = Plan(project="slipway", stack="dev", resources=(resource,))
        around = Around(plan=plan, environment=Environment(today=TODAY))
        return [
            (each.path, each.what) for each in names["table_recovery"].check(Inputs(resource.inputs), resource, around)
        ]

    assert said(clean) == []
    assert said(broken) == [("pointInTimeRecovery.enabled", "off; it must be true")]


def test_the_exception_of_the_page_is_of_a_rule_that_there_is():
    named = re.findall(r"rule: (\S+)", (DOCS / "how-to/policy-exceptions.md").read_text())
    assert named
    assert set(named) <= ids.ALL
