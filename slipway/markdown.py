"""Markdown for a code host's comments, out of text that anybody may have written.

A name in a plan is a pull request's author's: it must not end a table's cell, begin a link or HTML, or call people.
"""

import functools
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

_LONGEST: Final = 300
"""Characters of one text."""
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9 .,:;/()+\-]|:(?=/)")
_HOST: Final = re.compile(r"\bwww\b", re.IGNORECASE)
_CALL: Final = re.compile(r"(@|#)(?=[A-Za-z0-9])|\b(GH-)(?=[0-9])", re.IGNORECASE)
"""What calls people, and what tells an issue that it was mentioned (GitHub docs, "Autolinked references and URLs")."""
_INVISIBLE: Final = ("Cc", "Cf", "Cs", "Co", "Cn")
"""Unicode categories that change how others are read, or that no encoding has: controls, directions, surrogates."""


def prose(text: str) -> str:
    """Words that may hold a value: no character of them is Markdown or HTML, and nobody is mentioned."""
    # Entities are undone before a host looks for mentions, so those are broken by a space that has no width.
    return _entities(_CALL.sub("\\g<0>\u200b", _one_line(text)))


def code(text: str) -> str:
    """A name or a value, to be copied: as it is, in the type of code. Code hosts look for no mentions in it."""
    line = _one_line(text)
    return f"<code>{_entities(line)}</code>" if line else ""


@functools.lru_cache(maxsize=100_000)
def _one_line(text: str) -> str:
    if not (text.isascii() and text.isprintable()):
        text = "".join(each for each in text if _shows(each))
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."


def _shows(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) not in _INVISIBLE


@functools.lru_cache(maxsize=100_000)
def _entities(text: str) -> str:
    """Entities never have the meaning of the character: neither in a table's row nor between a name and its value."""
    escaped = _UNSAFE.sub(lambda found: _entity(found[0]), text)
    return _HOST.sub(lambda found: _entity(found[0][0]) + found[0][1:], escaped)


def _entity(character: str) -> str:
    return f"&#{ord(character)};" if ord(character) < 128 else character  # noqa: PLR2004  # ASCII


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, most: int, right: int = 0) -> list[str]:
    """Lines of a table.

    Args:
        columns: Heads.
        rows: Cells that are Markdown already.
        most: How many rows are shown; how many are not is said below.
        right: How many columns, from the last, hold figures.
    """
    every = list(rows)
    if not every[:most]:
        return [f"_{_left_out(len(every), 'rows')}_"]
    lines = [
        _row(columns),
        _row(["---"] * (len(columns) - right) + ["---:"] * right),
        *(_row(each) for each in every[:most]),
    ]
    left = len(every) - most
    return [*lines, "", f"_{_left_out(left, 'more rows')}_"] if left > 0 else lines


def _left_out(count: int, what: str) -> str:
    return f"{count} {what.removesuffix('s') if count == 1 else what} left out: a comment has its limit"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def folded(title: str, body: Iterable[str]) -> list[str]:
    """Lines that a reader opens; `title` is HTML already."""
    # A blank line ends the HTML, so that what follows is Markdown again.
    return ["", f"<details><summary>{title}</summary>", "", *body, "", "</details>"]
