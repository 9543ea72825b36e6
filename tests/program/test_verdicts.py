"""What the page of a plan and a rehearsal say of policies."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from policies.model import Finding, Verdict
from policies.registry import rules
from policies.settings import ExceptionSettings
from slipway import urns, verdicts
from slipway.plan import text
from slipway.plan.summary import summary
from tests.program.conftest import ROOT, planned

DEV = ROOT / "stacks/config/Pulumi.dev.yaml"
ALL = len(rules())
BUCKET = urns.child(urns.stack("dev", "slipway"), "aws:s3/bucket:Bucket", "data")
COVER = ExceptionSettings(rule="cost-tags", resource="data", reason="for this test", owner="ada", expires="2027-01-01")


def finding(**changes) -> Finding:
    usual = {"rule": "cost-tags", "kind": "violation", "level": "mandatory", "severity": "low", "urn": BUCKET}
    return Finding(**{**usual, "path": "tags", "what": "no Owner", "fix": "say who", **changes})


BLOCKS = finding()
ADVISES = finding(level="advisory", rule="cost-gp2", severity="medium")
EXCEPTED = finding(excepted=COVER)
UNKNOWN = finding(kind="unknown", level="advisory", what="unknown until up", fix="")


@pytest.mark.parametrize(
    ("findings", "said"),
    [
        ([], f"{ALL} rules, nothing found"),
        ([BLOCKS], f"{ALL} rules, 1 found that stops `up`"),
        ([BLOCKS, BLOCKS, ADVISES], f"{ALL} rules, 2 found that stop `up`, 1 found, advisory"),
        ([EXCEPTED, UNKNOWN], f"{ALL} rules, nothing found, 1 excepted, 1 unknown until up"),
    ],
)
def test_in_short(findings, said):
    found = Verdict(stack="dev", rules=rules(), disabled=(), findings=tuple(findings))
    assert verdicts.in_short(found) == said
    assert len(verdicts.faults(found)) == findings.count(BLOCKS)


def test_rules_that_are_not_asked_are_told():
    found = Verdict(stack="dev", rules=rules()[2:], disabled=("a", "b"), findings=())
    assert verdicts.in_short(found) == f"{ALL - 2} rules (2 disabled), nothing found"


def test_a_finding_is_one_line_the_worst_first():
    found = Verdict(stack="dev", rules=rules(), disabled=(), findings=(BLOCKS, EXCEPTED, ADVISES))
    stream = io.StringIO()
    text.show(summary(planned(DEV)), stream, brief=True, more=[("Policies", verdicts.section(found))])
    assert stream.getvalue().split("\n")[-5:] == [
        "Policies",
        f"  {ALL} rules, 1 found that stops `up`, 1 found, advisory, 1 excepted",
        "  medium, advisory  cost-gp2   aws:s3/bucket:Bucket data: tags: no Owner",
        "  low               cost-tags  aws:s3/bucket:Bucket data: tags: no Owner",
        "",
    ]


def ran(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "slipway.cli", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture
def held_to(tmp_path):
    """The dev stack file with other policies, under a path of its own."""

    def write(**policies) -> str:
        content = yaml.safe_load(DEV.read_text())
        content["config"]["slipway:policies"] = policies
        path = tmp_path / "Pulumi.held.yaml"
        path.write_text(yaml.safe_dump(content))
        return str(path)

    return write


CHEAP = {"hourlyCeiling": {"desired": 0.1}}
DEAR = "USD an hour at desired size; 0.10 is allowed"


def test_a_plan_shows_what_is_broken_and_does_not_fail(held_to, tmp_path):
    done = ran("plan", "-s", held_to(**CHEAP), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    page = done.stdout.partition("\nPolicies\n")[2]
    assert page.startswith(f"  {ALL} rules, 1 found that stops `up`\n")
    assert " high  cost-ceiling  pulumi:pulumi:Stack slipway-held: 0.38 USD an hour" in page


def test_a_rehearsal_fails_where_up_would_be_stopped(held_to, tmp_path):
    done = ran("rehearse", "-s", held_to(**CHEAP), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert "same resources, same inputs, sound graph" in done.stdout
    assert f"\n  policies: {ALL} rules, 1 found that stops `up`\n" in done.stdout
    assert "    policy cost-ceiling: pulumi:pulumi:Stack slipway-held: 0.38" in done.stdout
    assert done.stdout.splitlines()[-1] == "1 environment rehearsed: 1 with faults"


def test_a_rehearsal_goes_well_where_it_is_told_only(held_to, tmp_path):
    path = held_to(**CHEAP, enforcement="advisory")
    done = ran("rehearse", "-s", path, "--format", "json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    (environment,) = json.loads(done.stdout)["environments"]
    assert environment["policies"] == {"summary": f"{ALL} rules, 1 found, advisory", "blocking": []}
    assert environment["faults"] == []


def test_an_exception_that_ended_is_told_on_the_page(held_to, tmp_path):
    ended = {**COVER.model_dump(), "expires": "2020-01-01"}
    done = ran("plan", "-s", held_to(exceptions=[ended]), cwd=tmp_path)
    assert "expired on 2020-01-01 (owner: ada)" in " ".join(done.stdout.partition("\nPolicies\n")[2].split())
