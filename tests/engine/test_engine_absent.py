"""Where the real engine is missing, that is said, and nothing else happens."""

import sys

import pytest

from slipway import cli, stackfile
from slipway.rehearsal import engine

TOOLS = ("pulumi", "pulumi-language-python", "pulumi-language-python-exec")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def put(folder, *tools):
    for tool in tools:
        path = folder / tool
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)


@pytest.mark.parametrize("missing", TOOLS)
def test_the_missing_tool_is_named(folder, missing):
    put(folder, *(tool for tool in TOOLS if tool != missing))
    assert engine.available() == f"{missing} is not on PATH"


def test_nothing_is_missing_where_all_tools_are(folder):
    put(folder, *TOOLS)
    assert engine.available() is None


@pytest.mark.usefixtures("folder")
def test_a_stack_needs_the_engine():
    file = stackfile.load("dev")
    with (
        pytest.raises(engine.EngineError, match="pulumi is not on PATH"),
        engine.stack(file),
    ):
        pytest.fail("there is no engine")


@pytest.mark.usefixtures("folder")
def test_the_command_says_so_before_it_plans(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["slipway", "rehearse", "--engine", "-s", "dev"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    captured = capsys.readouterr()
    assert (ended.value.code, captured.out) == (2, "")
    assert captured.err == "slipway: --engine: pulumi is not on PATH\n"
