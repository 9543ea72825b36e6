"""Data files with one row a line: a diff shows the rows that changed, and a look-up parses the asked row alone.

The format is plain JSON, `{"meta": {...}, "rows": {...}}`, with every row on a line of its own. Parsing the asked rows
takes microseconds each, parsing a whole file milliseconds: that is what keeps a plan quick.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parent / "data"
_ROWS = '\n"rows": {\n'


def render(meta: Mapping[str, Any], rows: Mapping[str, Any]) -> str:
    """The text of a data file: `meta` first, then the rows in order of their names, one a line."""
    lines = ",\n".join(f"{_dump(name)}: {_dump(rows[name])}" for name in sorted(rows))
    return f'{{"meta": {json.dumps(meta, indent=1, sort_keys=True)},{_ROWS}{lines}\n}}}}\n'


class Table:
    """A data file whose rows are parsed when they are asked for."""

    def __init__(self, path: Path) -> None:
        """Read the text and find its rows; none is parsed yet.

        Raises:
            FileNotFoundError: The file is not there.
            ValueError: It is not a file of this form.
        """
        self._head, separator, body = path.read_text(encoding="utf-8").partition(_ROWS)
        if not separator:
            raise ValueError(f"{path.name}: not a catalogue file: it has no rows")
        lines = (line.partition('": ') for line in body.splitlines() if line[:1] == '"')
        self._lines = {name[1:]: row for name, _, row in lines}

    @property
    def meta(self) -> dict[str, Any]:
        """Where the rows come from: source, date and what is left out."""
        found: dict[str, Any] = json.loads(self._head.rstrip(",") + "}")["meta"]
        return found

    def names(self, *, having: str = "") -> tuple[str, ...]:
        """The names of the rows, sorted; with `having`, of those rows that carry this key."""
        key = f'"{having}":' if having else ""
        return tuple(name for name, row in self._lines.items() if key in row)

    def row(self, name: str) -> Any | None:  # noqa: ANN401 (a row is whatever JSON the file holds)
        """The row of that name, or None."""
        line = self._lines.get(name)
        return None if line is None else json.loads(line.rstrip(","))


@cache
def table(name: str) -> Table:
    """The data file `data/<name>.json`, read once."""
    return Table(DATA / f"{name}.json")


def _dump(value: Any) -> str:  # noqa: ANN401 (any JSON value)
    return json.dumps(value, separators=(",", ":"), sort_keys=True)
