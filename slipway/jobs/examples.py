"""The examples: what `examples/jobs/index.yaml` says of each. Pure but for reading those files."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

import yaml

from infra.problems import nearest, one_of
from slipway.errors import CannotRunError
from slipway.stackfile import project_folder

Accelerator = Literal["nvidia", "neuron", "any", "none"]
Efa = Literal["required", "preferred", "none"]
_SUFFIXES: Final = (".yaml", ".py.j2")


@dataclass(frozen=True, kw_only=True)
class Example:
    """One example.

    Attributes:
        name: Also that of its file.
        summary: In a line.
        accelerator: What its workers compute on.
        efa: Whether they talk over it.
        workers: How many there are by default.
        size: Of each by default, without the `gpu-` or `cpu-` of the size's name.
        needs: Add-ons.
        path: The template.
        whole: Whether its workers are whole nodes, and cannot be less.
    """

    name: str
    summary: str
    accelerator: Accelerator
    efa: Efa
    workers: int
    size: str
    needs: tuple[str, ...]
    path: Path
    whole: bool

    @property
    def template(self) -> str:
        """The template's text."""
        return self.path.read_text(encoding="utf-8")


@cache
def examples() -> Mapping[str, Example]:
    """Every example by name, in the index's order.

    Raises:
        CannotRunError: The checkout is not whole.
    """
    folder = project_folder() / "examples" / "jobs"
    try:
        index = yaml.safe_load((folder / "index.yaml").read_text(encoding="utf-8"))
    except OSError as error:
        raise CannotRunError(f"{folder / 'index.yaml'}: cannot be read ({error.strerror})") from error
    return {
        name: Example(
            name=name,
            summary=each["summary"],
            accelerator=each["accelerator"],
            efa=each["efa"],
            workers=each["workers"],
            size=each["size"],
            needs=tuple(each["needs"]),
            path=_file(folder, name),
            whole=each.get("whole", False),
        )
        for name, each in index.items()
    }


def example(name: str) -> Example:
    """One example.

    Raises:
        CannotRunError: There is none of that name; the message has the nearest.
    """
    known = examples()
    if name not in known:
        raise CannotRunError(f"{name!r} is no example{nearest(name, known)}; there are: {one_of(known)}")
    return known[name]


def _file(folder: Path, name: str) -> Path:
    found = [folder / f"{name}{suffix}" for suffix in _SUFFIXES if (folder / f"{name}{suffix}").is_file()]
    if not found:
        raise CannotRunError(f"{folder / name}.yaml: not found; the index names it")
    return found[0]
