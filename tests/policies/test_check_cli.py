"""`slipway check`: exit codes, formats, files, messages."""

import gc
import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from slipway import cli

ROOT = Path(__file__).resolve().parents[2]
DEV = ROOT / "stacks" / "config" / "Pulumi.dev.yaml"
RULE = "eks-extended-support"
TOPICS = ("gpu", "network", "eks", "iam", "data", "kubernetes", "cost")
ALONE = dict.fromkeys(TOPICS, "disabled")
"""Levels of a check of one rule, whatever others say of the same file."""


@pytest.fixture(name="slipway")
def _slipway(monkeypatch, capsys, tmp_path):
    """Run the command in this process, in an empty folder: exit code, stdout, stderr."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["slipway", *map(str, arguments)])
        monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
        monkeypatch.setattr(gc, "set_threshold", lambda *_: None)
        monkeypatch.chdir(tmp_path)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        return ended.value.code or 0, captured.out, captured.err

    return run


@pytest.fixture(name="written")
def _written(tmp_path):
    """A function that writes the dev stack file with extended support, held to that rule at a level."""

    def write(level="mandatory", name="Pulumi.test.yaml", **policies):
        content = yaml.safe_load(DEV.read_text())
        content["config"]["slipway:cluster"]["support"] = "EXTENDED"
        content["config"]["slipway:policies"] = {"levels": {**ALONE, RULE: level}, **policies}
        path = tmp_path / name
        path.write_text(yaml.safe_dump(content, sort_keys=False))
        return path

    return write


EXCEPTION = {
    "rule": RULE,
    "resource": "cluster-*",
    "reason": "Bought until the migration ends.",
    "owner": "ml-platform",
    "expires": "2999-12-31",
}


def test_all_environments_are_clean(slipway):
    code, out, err = slipway("check")
    assert (code, err) == (0, ""), out
    assert out.startswith("dev  stacks/config/Pulumi.dev.yaml\n")
    assert "\nprod  stacks/config/Pulumi.prod.yaml\n" in out
    assert out.endswith("\n2 environments checked: nothing stops `up`\n")


def test_a_mandatory_violation_is_code_1(slipway, written):
    code, out, err = slipway("check", "-s", written())
    assert (code, err) == (1, "")
    for words in (
        "  1 rule asked, ",
        "1 violation that stops `up`",
        "aws:eks/cluster:Cluster cluster-eksCluster: upgradePolicy.supportType",
        "EXTENDED; it must be STANDARD",
        "fix take cluster.support out of the stack file",
        "why Extended support costs six times",
    ):
        assert words in out


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"level": "advisory"}, 0),
        ({"level": "disabled"}, 0),
        ({"exceptions": [EXCEPTION]}, 0),
        ({"exceptions": [{**EXCEPTION, "expires": "2026-01-31"}]}, 1),
        ({"level": "advisory", "exceptions": [{**EXCEPTION, "resource": "nothing"}]}, 1),
    ],
)
def test_what_stops_up_is_code_1(slipway, written, change, code):
    found, out, _ = slipway("check", "-s", written(**change), "--format", "json")
    (environment,) = json.loads(out)["environments"]
    assert (found, environment["blocks"]) == (code, bool(code))


def test_json_has_every_finding(slipway, written):
    code, out, _ = slipway("check", "-s", written(exceptions=[EXCEPTION]), "--format", "json")
    (environment,) = json.loads(out)["environments"]
    assert (code, environment["stack"], environment["rules"]) == (0, "test", [RULE])
    assert "eks-version" in environment["disabled"]
    (found,) = environment["findings"]
    assert {key: found[key] for key in ("rule", "kind", "level", "name", "path", "exception")} == {
        "rule": RULE,
        "kind": "violation",
        "level": "mandatory",
        "name": "cluster-eksCluster",
        "path": "upgradePolicy.supportType",
        "exception": EXCEPTION,
    }


def test_a_report_in_a_file_leaves_the_page_to_people(slipway, written, tmp_path):
    code, out, err = slipway("check", "-s", written(), "--format", "sarif", "--out", "found/check.sarif")
    assert (code, err) == (1, "wrote found/check.sarif\n")
    assert out.endswith("`up` would stop in test\n")
    document = json.loads((tmp_path / "found/check.sarif").read_text())
    (result,) = document["runs"][0]["results"]
    line = result["locations"][0]["physicalLocation"]["region"]["startLine"]
    assert (tmp_path / "Pulumi.test.yaml").read_text().splitlines()[line - 1].strip() == "support: EXTENDED"


def test_junit_fails_the_rule(slipway, written):
    code, out, _ = slipway("check", "-s", written(), "--format", "junit")
    root = ElementTree.fromstring(out.encode())
    assert (code, root.get("failures")) == (1, "1")
    assert [each.get("name") for each in root.iter("testcase") if each.find("failure") is not None] == [RULE]


def test_the_page_can_go_to_a_file_too(slipway, written, tmp_path):
    _, out, _ = slipway("check", "-s", written(), "--out", "page.txt")
    assert (tmp_path / "page.txt").read_text() == out


def test_an_environment_without_a_plan_is_code_2_and_the_others_are_checked(slipway, written, tmp_path):
    bad = tmp_path / "Pulumi.bad.yaml"
    bad.write_text("config: {}\n")
    code, out, err = slipway("check", "-s", bad, "-s", written())
    assert code == 2
    assert err.startswith(f"bad ({bad}) cannot be planned:\n  platform: is required\n")
    assert out.endswith("2 environments checked: `up` would stop in test; no plan of bad\n")
    _, out, _ = slipway("check", "-s", bad, "--format", "json")
    (environment,) = json.loads(out)["environments"]
    assert set(environment) == {"stack", "file", "refused"}


def test_a_mistake_in_the_policies_is_code_2(slipway, written):
    code, out, err = slipway("check", "-s", written(multiAz="yes"))
    assert code == 2
    assert "policies.multiAz" in err
    assert "no plan of test" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-s", "nowhere"), "unknown environment"),
        (("-s", "dev", "-s", "dev"), "-s: two stack files are called dev: "),
        (("--format", "xml"), "'xml' is not one of"),
    ],
)
def test_what_cannot_be_asked_is_code_2(slipway, arguments, message):
    code, out, err = slipway("check", *arguments)
    assert (code, out) == (2, "")
    assert message in err


@pytest.mark.parametrize("more", [(), ("--preview",)], ids=["up", "preview"])
def test_only_a_preview_leaves_something_unknown_and_fails_nothing_for_it(slipway, more):
    code, out, _ = slipway("check", "-s", "dev", "--format", "json", *more)
    (environment,) = json.loads(out)["environments"]
    assert (code, any(each["kind"] == "unknown" for each in environment["findings"])) == (0, bool(more))


def test_the_rules_need_no_sdk():
    """They are asked of a recorded plan, so nothing of theirs may make a check slow to start."""
    code = "import sys, slipway.check, slipway.check_reports; print(sorted({'pulumi', 'boto3'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
