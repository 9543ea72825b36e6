"""Text that others may have written, for a terminal or a log."""

from typing import Final

_KEPT: Final = frozenset("\n\t")
_DIRECTIONS: Final = (range(0x202A, 0x202F), range(0x2066, 0x206A))
"""Embeddings, overrides and isolates. Source: Unicode Standard Annex #9, 2."""
_HIDDEN: Final = {
    code: "\ufffd"
    for codes in (range(0x20), range(0x7F, 0xA0), *_DIRECTIONS, range(0xD800, 0xE000))
    for code in codes
    if chr(code) not in _KEPT
}


def printable(text: str) -> str:
    """The text without what moves the cursor, changes colours, turns the reading direction, or has no encoding."""
    return text if text.isascii() and text.isprintable() else text.translate(_HIDDEN)
