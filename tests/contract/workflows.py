"""The workflows as data, and their shell blocks to be run."""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = tuple(sorted((ROOT / ".github" / "workflows").glob("*.yml")))
ACTIONS = tuple(sorted((ROOT / ".github" / "actions").glob("*/action.yml")))


@dataclass(frozen=True)
class Step:
    """One step, and where it stands."""

    file: Path
    job: str
    content: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.file.stem if self.job else self.file.parent.name} {self.job} {self.name}"

    @property
    def name(self) -> str:
        return str(self.content.get("name") or self.content.get("id") or self.content.get("uses") or "")

    @property
    def run(self) -> str:
        return str(self.content.get("run", ""))

    @property
    def uses(self) -> str:
        return str(self.content.get("uses", ""))


def load(path: Path) -> dict[str, Any]:
    """A workflow. YAML takes its key `on` for a truth."""
    content = yaml.safe_load(path.read_text())
    return {"on" if key is True else key: value for key, value in content.items()}


def workflow(name: str) -> dict[str, Any]:
    return load(ROOT / ".github" / "workflows" / f"{name}.yml")


def steps() -> Iterator[Step]:
    for path in WORKFLOWS:
        for job, content in load(path)["jobs"].items():
            yield from (Step(path, job, step) for step in content["steps"])
    for path in ACTIONS:
        yield from (Step(path, "", step) for step in load(path)["runs"]["steps"])


def step(file: str, name: str) -> Step:
    """The step of a workflow or an action with this name or id."""
    (found,) = (each for each in steps() if file in (each.file.stem, each.file.parent.name) and each.name == name)
    return found


def run(block: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a block as a runner does: bash, ending at the first error, in pipes too."""
    # https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax (jobs.<job_id>.steps[*].shell)
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", block],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8", **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def commands(block: str) -> Iterator[str]:
    """Simple commands of a block, its continued lines joined."""
    joined = re.sub(r"\\\n\s*", " ", block)
    for line in joined.splitlines():
        yield from (part.strip() for part in re.split(r"&&|\|\||[;|(){}]|\bthen\b|\bif !|\bif\b|\belif\b", line))
