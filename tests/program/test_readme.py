"""What the README shows is what the commands print."""

import re
import subprocess
import sys
from pathlib import Path

from policies.registry import rules

ROOT = Path(__file__).resolve().parents[2]
BLOCKS = [
    block.strip("\n").split("\n")
    for block in re.findall(r"^```\w*\n(.*?)^```$", (ROOT / "README.md").read_text(), re.S | re.M)
]


def printed(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "slipway.cli", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=300,
        check=False,
    )


def test_the_first_command_prints_what_is_shown(tmp_path: Path):
    (shown,) = [block for block in BLOCKS if block[0].startswith("slipway-dev")]
    done = printed("rehearse", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = iter(done.stdout.split("\n"))
    # "..." stands for lines left out; the others come in this order.
    assert [line for line in shown if line.strip() != "..." and line not in lines] == []
    assert sorted(path.parent.name for path in tmp_path.glob("out/*/plan.json")) == ["dev", "prod"]


def test_mistakes_are_told_as_shown():
    (shown,) = [block for block in BLOCKS if block[0].startswith("$ slipway plan")]
    done = printed(*shown[0].removeprefix("$ slipway ").split(), cwd=ROOT)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.strip("\n").split("\n") == shown[1:]


def test_a_job_is_checked_as_shown():
    (shown,) = [block for block in BLOCKS if block[0].startswith("$ slipway job")]
    done = printed(*shown[0].removeprefix("$ slipway ").split(), cwd=ROOT)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.strip("\n").split("\n") == shown[1:]


def test_the_number_of_policies_is_true():
    assert set(re.findall(r"(\d+) rules\b", (ROOT / "README.md").read_text())) == {str(len(rules()))}


def test_every_file_that_is_linked_is_there():
    for page in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]:
        links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
        missing = [link for link in links if not (page.parent / link).exists()]
        assert missing == [], page
