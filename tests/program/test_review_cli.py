"""`slipway review` on the repository's own stacks: what it writes, and how it ends."""

import functools
import gc
import sys
from pathlib import Path

import pytest
import yaml

from slipway import cli

ROOT = Path(__file__).resolve().parents[2]
DEV = ROOT / "stacks" / "config" / "Pulumi.dev.yaml"


@pytest.fixture(name="review")
def _review(monkeypatch, capsys, tmp_path):
    """Run the verb in this process, in an empty folder: exit code, stdout, stderr."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["slipway", "review", *map(str, arguments)])
        monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
        monkeypatch.setattr(gc, "set_threshold", lambda *_: None)
        monkeypatch.chdir(tmp_path)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        return ended.value.code or 0, captured.out, captured.err

    return run


def changed(folder, change, name="Pulumi.dev.yaml"):
    content = yaml.safe_load(DEV.read_text())
    change(content["config"])
    path = folder / name
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


@pytest.fixture(name="written")
def _written(tmp_path):
    return functools.partial(changed, tmp_path)


def test_the_same_is_no_change(review):
    code, page, _ = review("-s", "dev", "--from", DEV)
    assert code == 0
    assert "No resource changes." in page
    assert "the same as before." in page
    assert "#### Policies: no violation, " in page


def test_what_breaks_a_policy_is_told_and_ends_with_0(review, written):
    def change(config):
        config["slipway:cluster"]["support"] = "EXTENDED"
        config["slipway:policies"] = {"enforcement": "mandatory", "levels": {"cost": "disabled"}}

    path = written(change)
    code, page, _ = review("-s", path, "--from", DEV)
    assert code == 0
    assert "> `up` would stop: 1 policy violation.\n" in page
    (row,) = (line for line in page.splitlines() if "eks-extended-support" in line)
    assert row.startswith("| <code>eks-extended-support</code> | high | mandatory | ")
    assert "upgradePolicy.supportType" in row
    assert "EXTENDED; it must be STANDARD" in row
    assert "| eks Cluster " in page
    assert " | <code>upgradePolicy.supportType</code> | <code>STANDARD</code> | <code>EXTENDED</code> |" in page


def test_without_an_earlier_plan_all_is_new(review, tmp_path):
    code, out, said = review("-s", "dev", "--out", tmp_path / "deep" / "page.md")
    assert (code, out) == (0, "")
    assert said == f"wrote {tmp_path / 'deep' / 'page.md'}\n"
    page = (tmp_path / "deep" / "page.md").read_text()
    assert page.startswith("<!-- slipway review: dev -->\n### dev\n\nA new environment: **")
    assert "\n0 \u2192 \u2248" in page


def test_a_plan_of_another_environment_is_refused(review, tmp_path):
    plan = tmp_path / "plan.json"
    plan.write_text('{"version": 3, "deployment": {"manifest": {}, "resources": []}}')
    code, page, said = review("-s", "dev", "--from", plan)
    assert (code, page) == (2, "")
    assert said.startswith("slipway: --from ")


def test_settings_that_cannot_be_used_are_one_message(review, written):
    path = written(lambda config: config["slipway:platform"].update(naem="x"))
    code, page, said = review("-s", path)
    assert (code, page) == (2, "")
    assert "platform.naem" in said
