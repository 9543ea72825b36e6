"""The page of `slipway check`: what a person reads of it."""

import dataclasses
import io

import pytest

from slipway.check_text import closing, show
from tests.policies.checked import EACH_KIND, RULE, UNUSED, checked, exception, finding, refused, written


def page(*environments):
    text = io.StringIO()
    for each in environments:
        show(each, text)
    return text.getvalue()


def test_each_kind_of_finding(tmp_path):
    """Whole, so that what changes is seen."""
    lines = page(checked(written(tmp_path), *EACH_KIND, disabled=("eks-version",))).splitlines()
    head, said = lines[:2]
    assert head == "test  Pulumi.test.yaml"
    assert said.endswith(
        " rules asked, 1 disabled: 2 violations that stop `up`, 1 advisory, 1 excepted, 1 unknown until up"
    )
    assert lines[2:] == [
        "",
        "High (2)",
        f"  {RULE}  mandatory  The cluster never enters extended support by itself.",
        "    - aws:eks/cluster:Cluster cluster-eksCluster: upgradePolicy.supportType",
        "      EXTENDED; it must be STANDARD",
        "    - aws:eks/cluster:Cluster advised: upgradePolicy.supportType",
        "      EXTENDED; it must be STANDARD",
        "    fix take cluster.support out of the stack file",
        "    why Extended support costs six times the price of the control plane, from the day on which standard ends.",
        "",
        "Medium (1)",
        "  exceptions  mandatory  Every exception is needed, and not past its day.",
        "    - pulumi:pulumi:Stack slipway-test: policies.exceptions[0]",
        "      expired on 2026-01-31 (owner: ml-platform)",
        "    fix take it out",
        "    why An exception that nothing needs covers the next fault of its kind, which nobody has looked at.",
        "",
        "Excepted (1)",
        f"  {RULE}  ml-platform, until 2027-03-31",
        "    Bought until the migration ends.",
        "    - aws:eks/cluster:Cluster covered: upgradePolicy.supportType",
        "      EXTENDED; it must be STANDARD",
        "",
        "Unknown until up (1)",
        f"  {RULE} aws:eks/cluster:Cluster: upgradePolicy.supportType",
        "                         later",
        "",
    ]


def test_each_finding_stands_above_its_own_fix(tmp_path):
    other = dataclasses.replace(UNUSED, path="policies.exceptions[1]", what="nothing breaks it", fix="mend it")
    text = page(checked(written(tmp_path), UNUSED, other))
    told = ("exceptions[0]", "fix take it out", "exceptions[1]", "fix mend it", "why An exception")
    assert [text.count(each) for each in told] == [1, 1, 1, 1, 1]
    assert sorted(told, key=text.index) == list(told)


def test_the_worst_comes_first(tmp_path):
    found = [finding(severity=each, rule=rule) for each, rule in (("low", "eks-logs"), ("critical", "eks-version"))]
    text = page(checked(written(tmp_path), *found))
    assert text.index("Critical (1)") < text.index("Low (1)")


@pytest.mark.parametrize(
    ("expires", "words"),
    [
        ("2026-12-23", "until 2026-12-23\n"),
        ("2026-12-22", "until 2026-12-22 (30 days left)\n"),
        ("2026-11-23", "until 2026-11-23 (1 day left)\n"),
        ("2026-11-22", "until 2026-11-22 (its last day)\n"),
    ],
)
def test_an_exception_that_ends_soon_says_when(tmp_path, expires, words):
    """The checks of these tests are made on 2026-11-22."""
    assert words in page(checked(written(tmp_path), finding(excepted=exception(expires))))


def test_one_violation_stops_up(tmp_path):
    assert ": 1 violation that stops `up`\n" in page(checked(written(tmp_path), finding()))


def test_clean_is_said(tmp_path):
    assert page(checked(written(tmp_path))).splitlines()[1].endswith(" rules asked: clean")


def test_nothing_is_read_as_markup(tmp_path):
    """A value like [red] is the user's, and must be seen."""
    assert "[red]x[/red] :smile:" in page(checked(written(tmp_path), finding(what="[red]x[/red] :smile:")))


@pytest.mark.parametrize("hostile", ["\x1b[31m", "\x9b2J", "\r", "\u202e", "\ud800", "\x00"])
def test_nothing_speaks_to_the_terminal(tmp_path, hostile):
    """A name in a pull request's stack file must not colour, clear or turn round what is above it."""
    text = page(checked(written(tmp_path), finding(f"a{hostile}b", path=f"a{hostile}b", what=f"a{hostile}b")))
    assert hostile not in text
    assert text.encode()


def test_a_long_value_breaks_and_is_not_cut(tmp_path):
    text = page(checked(written(tmp_path), finding(what="x" * 300)))
    assert text.count("x" * 50) >= 3
    assert sum(line.count("x") for line in text.splitlines() if set(line.strip()) == {"x"}) == 300


def test_the_last_line_names_who_fails(tmp_path):
    good, bad, none = (written(tmp_path, name=f"Pulumi.{name}.yaml") for name in ("good", "bad", "none"))
    clean, broken = checked(good, finding(level="advisory")), checked(bad, finding())
    assert closing([clean]) == "1 environment checked: nothing stops `up`"
    assert closing([clean, broken]) == "2 environments checked: `up` would stop in bad"
    assert closing([clean, broken, refused(none)]) == "3 environments checked: `up` would stop in bad; no plan of none"
