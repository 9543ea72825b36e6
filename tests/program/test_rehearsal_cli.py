"""The command line on the repository's own stacks: results, exit codes, messages, files."""

import gc
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slipway import cli, planning
from slipway.plan.checks import check
from slipway.plan.compare import compare
from slipway.plan.deployment import from_document
from slipway.stackfile import load

ROOT = Path(__file__).resolve().parents[2]
DEV = ROOT / "stacks" / "config" / "Pulumi.dev.yaml"


@pytest.fixture
def slipway(monkeypatch, capsys, tmp_path):
    """Run the command in this process, in an empty folder: exit code, stdout, stderr."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["slipway", *arguments])
        monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
        monkeypatch.setattr(gc, "set_threshold", lambda *_: None)
        monkeypatch.chdir(tmp_path)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        return ended.value.code or 0, captured.out, captured.err

    return run


@pytest.fixture
def changed_dev(tmp_path):
    """The dev stack file with a text replaced, under a path of its own."""

    def write(old, new):
        text = DEV.read_text()
        assert old in text
        path = tmp_path / "Pulumi.changed.yaml"
        path.write_text(text.replace(old, new))
        return str(path)

    return write


def test_plan_prints_the_page(slipway):
    code, out, err = slipway("plan", "-s", "dev")
    assert (code, err) == (0, "")
    for word in ("us-west-2", "Node groups", "Add-ons", "Resources", "Cost", "Warnings"):
        assert word in out


def test_plan_as_json_is_a_deployment(slipway):
    code, out, err = slipway("plan", "-s", str(DEV), "--format", "json")
    assert (code, err) == (0, "")
    plan = from_document(json.loads(out))
    assert check(plan) == ()
    assert plan == planning.record(load("dev"))


def test_preview_leaves_ids_unknown_and_is_otherwise_the_same(slipway):
    code, out, _ = slipway("plan", "-s", "dev", "--preview", "--format", "json")
    assert code == 0
    plan = from_document(json.loads(out))
    assert not any(resource.id for resource in plan)
    assert compare(plan, planning.record(load("dev"), preview=True)) == ()


def test_out_writes_the_deployment_and_says_so_on_stderr(slipway, tmp_path):
    code, out, err = slipway("plan", "-s", "dev", "--format", "json", "--out", "deep/plan.json")
    assert (code, out, err) == (0, "", "wrote deep/plan.json\n")
    assert from_document(json.loads((tmp_path / "deep" / "plan.json").read_text())).stack == "dev"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["plan.json"]


def test_out_to_an_impossible_place(slipway, tmp_path):
    (tmp_path / "file").write_text("")
    code, out, err = slipway("plan", "-s", "dev", "--out", "file/plan.json")
    assert (code, out) == (2, "")
    assert err.startswith("slipway: file/plan.json: cannot be written")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["plan"], "'-s'"),
        (["plan", "-s", "nope"], "-s nope: unknown environment; there are: dev"),
        (["plan", "-s", "no/file.yaml"], "no/file.yaml: there is no such stack file"),
        (["plan", "-s", "dev", "--format", "xml"], "xml"),
        (["rehearse", "-s", "dev", "-s", "nope"], "-s nope: unknown environment"),
        (["fly"], "fly"),
    ],
)
def test_bad_input_is_one_message_and_exit_2(slipway, arguments, message):
    code, out, err = slipway(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_every_mistake_of_a_stack_file_at_once(slipway, changed_dev):
    path = changed_dev("nat: single", "nat: both\n    zone: x")
    code, out, err = slipway("plan", "-s", path)
    assert (code, out) == (2, "")
    assert "the stack file's settings cannot be used" in err
    assert "network.zone: unknown key" in err
    assert "network.nat" in err
    assert "Traceback" not in err


def test_an_unexpected_error_is_one_line_and_debug_shows_the_rest(slipway, monkeypatch):
    def fail(*_args, **_options):
        raise ZeroDivisionError("oh\nno")

    monkeypatch.setattr(planning, "record", fail)
    code, _, err = slipway("plan", "-s", "dev")
    assert (code, err) == (2, "slipway: ZeroDivisionError: oh no (--debug shows where)\n")
    code, _, err = slipway("plan", "-s", "dev", "--debug")
    assert code == 2
    assert "Traceback" in err


def test_schema_is_a_json_schema_of_stack_files(slipway):
    code, out, _ = slipway("schema")
    assert code == 0
    assert "slipway:nodeGroups" in json.loads(out)["properties"]["config"]["properties"]


def test_rehearse_writes_the_plan_and_closes_with_one_line(slipway, tmp_path):
    code, out, err = slipway("rehearse", "-s", "dev")
    assert (code, err) == (0, "")
    assert "same resources, same inputs, sound graph; out/dev/plan.json" in out
    assert out.splitlines()[-1] == "1 environment rehearsed: all three recordings of each agree"
    written = from_document(json.loads((tmp_path / "out" / "dev" / "plan.json").read_text()))
    assert written == planning.record(load("dev"))


def test_rehearse_finds_a_preview_that_differs(slipway, monkeypatch):
    genuine = planning.record

    def record(file, **options):
        plan = genuine(file, **options)
        return replace(plan, resources=plan.resources[:-1]) if options.get("preview") else plan

    monkeypatch.setattr(planning, "record", record)
    code, out, _ = slipway("rehearse", "-s", "dev")
    assert code == 1
    assert "preview and up differ" in out
    assert out.splitlines()[-1] == "1 environment rehearsed: 1 with faults"


def test_rehearse_goes_on_after_a_stack_file_that_cannot_be_used(slipway, changed_dev):
    path = changed_dev("min: 1", "min: -1")
    code, out, err = slipway("rehearse", "-s", path, "-s", "dev")
    assert code == 2
    assert "changed" in err
    assert "min" in err
    assert "Traceback" not in err
    assert out.splitlines()[-1] == "2 environments rehearsed: 1 cannot be planned"


def test_a_program_that_depends_on_hashing_is_caught():
    """Sets of strings come out in another order in another process; the plan must not."""
    code = (
        "from slipway import output, planning, stackfile\n"
        "print(output.document(planning.record(stackfile.load('dev'))))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


def test_help_and_bad_input_import_no_pulumi():
    code = (
        "import sys; sys.argv = ['slipway', 'plan', '-s', 'nope']\n"
        "from slipway import cli\n"
        "try: cli.main()\n"
        "except SystemExit as end: assert end.code == 2\n"
        "assert 'pulumi' not in sys.modules and 'infra.platform' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)


WORDS = [
    "gpu",
    "system",
    "name",
    "min",
    "max",
    "zones",
    "usw2-az1",
    "spot",
    "1",
    "-1",
    "true",
    "[",
    "{",
    "p5.48xlarge",
    "é",
    "~",
]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_stack_file_gives_a_plan_or_a_message(slipway, tmp_path, data):
    lines = DEV.read_text().splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(lines) - 1))
        word = data.draw(st.sampled_from(WORDS))
        parts = lines[at].split(": ")
        lines[at] = data.draw(st.sampled_from(["", f"{parts[0]}: {word}", f"{lines[at]} {word}", lines[at].upper()]))
    path = tmp_path / "Pulumi.damaged.yaml"
    path.write_text("\n".join(lines))
    code, out, err = slipway("plan", "-s", str(path))
    assert code in (0, 2)
    assert bool(out) is (code == 0)
    assert bool(err) is (code == 2)
    assert "Traceback" not in err
    assert "--debug" not in err


def test_a_terminal_without_unicode_still_gets_the_page():
    command = [sys.executable, "-m", "slipway.cli", "plan", "-s", "dev"]
    done = subprocess.run(
        command, env={"PYTHONIOENCODING": "ascii", "PATH": ""}, cwd=ROOT, capture_output=True, check=True
    )
    assert b"Node groups" in done.stdout


def test_rehearse_tells_machines_what_it_found(slipway, changed_dev):
    refused = changed_dev("nat: single", "nat: sinlge")
    code, out, _ = slipway("rehearse", "-s", "dev", "-s", refused, "--format", "json")
    assert code == 2
    good, bad = json.loads(out)["environments"]
    assert (good["stack"], good["plan"], good["faults"], good["engine"]) == ("dev", "out/dev/plan.json", [], None)
    assert good["resources"] == len(from_document(json.loads(Path(good["plan"]).read_text())).resources)
    assert 0 < good["usdPerHour"]["desired"] <= good["usdPerHour"]["maximum"]
    assert bad["stack"] == "changed"
    assert "network.nat: 'sinlge'" in bad["refused"]
