"""A user's mistakes: where in the file, what is wrong, what is allowed; many at once."""

import difflib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake. `path` is as the stack file spells it, such as `nodeGroups[1].capacity.type`."""

    path: str
    message: str

    def __str__(self) -> str:
        """One line, as the user reads it."""
        return f"{self.path}: {self.message}" if self.path else self.message


class SettingsError(ValueError):
    """The settings cannot be used. `problems` holds every mistake found."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Keep each problem once, in the order found.

        Args:
            problems: At least one.
        """
        self.problems: tuple[Problem, ...] = tuple(dict.fromkeys(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def path_of(parts: Sequence[str | int]) -> str:
    """Join keys and positions: `("nodeGroups", 1, "max")` gives `nodeGroups[1].max`."""
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def shown(value: Any) -> str:  # noqa: ANN401  # whatever the file holds
    """A value as a message shows it, cut where it is long. What YAML has its own words for is in these."""
    text = json.dumps(value) if value is None or isinstance(value, bool) else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004  # one line of a terminal


def repeated(values: Sequence[str], here: str) -> Iterator[Problem]:
    """A problem for each value of the list at `here` that stands before it in the list already."""
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value in seen:
            yield Problem(f"{here}[{index}]", f"{shown(value)} stands here twice")
        seen.add(value)


def one_of(names: Iterable[str]) -> str:
    """The allowed values, in the order given."""
    return ", ".join(names)


def nearest(name: str, names: Iterable[str]) -> str:
    """` (did you mean 'x'?)` where one of the names is close; else nothing."""
    close = difflib.get_close_matches(name, list(names), n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""
