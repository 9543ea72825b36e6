"""Stack files that cannot be planned: exit code 2, one message that says where and what, never a traceback."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.problems import SettingsError
from slipway import cli, stackfile
from slipway.errors import CannotRunError
from slipway.rehearsal.recorder import record
from stacks import load
from tests.strategies import ROOT, STACK_FILES

FIXTURES = {
    path.stem.removeprefix("Pulumi."): path
    for path in sorted((ROOT / "tests" / "fixtures" / "stacks").glob("Pulumi.*.yaml"))
}
EXPECT = "# expect: "


def expected(path: Path) -> list[str]:
    """What the first lines of a fixture say must be said of it."""
    return [line.removeprefix(EXPECT) for line in path.read_text().splitlines() if line.startswith(EXPECT)]


def judged(err: str, path: Path) -> None:
    words = expected(path)
    assert words
    assert [text for text in words if text not in err] == [], err
    assert "Traceback" not in err
    # A heading where there are settings to speak of, and then a line for each mistake.
    assert len(err.splitlines()) <= len(words) + 1, err


@pytest.mark.parametrize("name", FIXTURES)
def test_a_broken_file_ends_with_code_2_and_its_message(name: str, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["slipway", "plan", "-s", str(FIXTURES[name])])
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    with pytest.raises(SystemExit) as ended:
        cli.main()
    captured = capsys.readouterr()
    assert (ended.value.code, captured.out) == (2, "")
    judged(captured.err, FIXTURES[name])


def test_the_command_itself_says_all_ten_mistakes():
    path = FIXTURES["ten-mistakes"]
    assert len(expected(path)) == 10
    done = subprocess.run(
        [sys.executable, "-m", "slipway.cli", "plan", "-s", str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (2, "")
    judged(done.stderr, path)


@st.composite
def broken_texts(draw) -> bytes:
    """A stack file with bytes lost, doubled, moved or put in, as editors, merges and disks leave them."""
    text = STACK_FILES[draw(st.sampled_from(sorted(STACK_FILES)))].read_bytes()
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 40)))
        put = draw(
            st.sampled_from(
                [b"", text[start:end] * 2, b"\t", b"\n", b"<<<<<<< HEAD\n", b"&a [*a]", b"\xff", b"- {", b": "]
            )
            | st.binary(max_size=6)
        )
        text = text[:start] + put + text[end:]
    return text


def read() -> None:
    """A program that stops where the settings are known."""
    load.load()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(broken_texts())
def test_a_damaged_file_is_read_or_refused(tmp_path_factory, text: bytes):
    path = tmp_path_factory.getbasetemp() / "Pulumi.damaged.yaml"
    path.write_bytes(text)
    try:
        file = stackfile.load(str(path))
        record(read, project=file.project, stack=file.stack, config=file.config)
    except (CannotRunError, SettingsError) as error:
        message = str(error)
    else:
        return
    assert message.strip()
    assert "Traceback" not in message
