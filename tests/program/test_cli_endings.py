"""How the command ends where nothing more can be done: interrupts, full disks, closed streams."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from slipway import output
from slipway.errors import CannotRunError
from slipway.stackfile import StackFileError, load

ROOT = Path(__file__).resolve().parents[2]
FULL = Path("/dev/full")
PIPES = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}


def start(*arguments, cwd, **options):
    command = [sys.executable, "-m", "slipway.cli", *arguments]
    return subprocess.Popen(command, cwd=cwd, text=True, start_new_session=True, **options)


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("arguments", [("--help",), ("schema",), ("plan", "-s", "dev")])
def test_a_full_disk_is_one_message(tmp_path, arguments):
    """Short results used to fail in the interpreter's last flush, with a traceback."""
    with FULL.open("w") as full:
        process = start(*arguments, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (2, "slipway: the result cannot be written (No space left on device)\n")


@pytest.mark.parametrize(
    ("closed", "arguments", "message"),
    [(1, ("schema",), "slipway: stdout is closed: there is nowhere to write a result\n"), (2, ("plan", "-s", "x"), "")],
)
def test_a_closed_stream_is_no_traceback(tmp_path, closed, arguments, message):
    process = start(*arguments, cwd=tmp_path, preexec_fn=lambda: os.close(closed), **PIPES)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (2, "", message)


def test_a_reader_that_goes_away_is_no_traceback(tmp_path):
    arguments = ("plan", "-s", "dev", "--format", "json")
    with start(*arguments, cwd=tmp_path, **PIPES) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


def test_ctrl_c_ends_a_rehearsal(tmp_path):
    process = start("rehearse", cwd=tmp_path, **PIPES)
    time.sleep(1.5)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode in (0, 130, -signal.SIGINT)


def test_the_other_process_of_a_rehearsal_does_not_hear_ctrl_c():
    """It used to end with a traceback of its own in the terminal."""
    code = (
        "import os, signal, time\n"
        "from slipway import rehearse\n"
        "with rehearse._elsewhere() as pool:\n"
        "    with rehearse._deaf():\n"
        "        other = pool.submit(os.getpid)\n"
        "    os.kill(other.result(), signal.SIGINT)\n"
        "    time.sleep(0.2)\n"
        "    assert pool.submit(os.getpid).result() == other.result()\n"
        "assert signal.getsignal(signal.SIGINT) is signal.default_int_handler\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_nothing_is_left_of_a_file_that_cannot_be_written(tmp_path):
    (tmp_path / "plan.json").mkdir()
    with pytest.raises(CannotRunError, match=r"plan\.json: cannot be written \(Is a directory\)"):
        output.write(tmp_path / "plan.json", json.dumps({}))
    assert [path.name for path in tmp_path.iterdir()] == ["plan.json"]


def test_a_link_stays_a_link(tmp_path):
    link = tmp_path / "latest.json"
    link.symlink_to(tmp_path / "real.json")
    output.write(link, "1")
    output.write(link, "2")
    assert link.is_symlink()
    assert (tmp_path / "real.json").read_text() == "2"


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path):
    """It used to be replaced by a file: `--out /dev/null` of an administrator took the device away from everybody."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as pool:
        read = pool.submit(pipe.read_text)
        output.write(pipe, "{}")
        assert read.result(timeout=10) == "{}"
    assert pipe.is_fifo()


def test_two_environments_of_one_name_are_refused(tmp_path):
    """The plan of one would replace the plan of the other in out/<name>."""
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {}")
    process = start("rehearse", "-s", "dev", "-s", "./Pulumi.dev.yaml", cwd=tmp_path, **PIPES)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert re.fullmatch(r"slipway: -s: two stack files are called dev: \S+ and Pulumi\.dev\.yaml\n", err)


@pytest.mark.parametrize("name", ["a" * 300, f"./{'a' * 300}.yaml"])
def test_a_name_longer_than_the_file_system_takes(name):
    with pytest.raises(StackFileError, match=r"cannot be read \(File name too long\)"):
        load(name)
