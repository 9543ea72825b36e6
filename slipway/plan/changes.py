"""Where two values of a property differ, part by part, as a person would look for it."""

import base64
import binascii
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from slipway.wire import ARCHIVE, ASSET, RESOURCE, SECRET, SIGNATURE, Wire, is_unknown

ABSENT: Final = None
"""Where one side has no value."""
_LONGEST: Final = 100


@dataclass(frozen=True, kw_only=True)
class Change:
    """One part of a property: its path, and both values as one line each; None where a side has none.

    Inside a text that holds JSON or base64 the path goes on. `path[]` is a member of a list whose length changed, or a
    line of such a text.
    """

    path: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        """`path: before -> after`."""
        return f"{self.path}: {_side(self.before)} -> {_side(self.after)}"


def changes(path: str, before: Wire, after: Wire) -> Iterator[Change]:
    """What differs between two values.

    Args:
        path: Of the property.
        before: As the engine spells it on the wire; `ABSENT` where there was none.
        after: The same.
    """
    if before == after or _same(before, after):
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping) and SIGNATURE not in {*before, *after}:
        for key in sorted({*before, *after}):
            yield from changes(f"{path}.{key}" if path else key, before.get(key, ABSENT), after.get(key, ABSENT))
        return
    if isinstance(before, list | tuple) and isinstance(after, list | tuple):
        yield from _members(path, before, after)
        return
    if isinstance(before, str) and isinstance(after, str):
        inner = _opened(before), _opened(after)
        # Texts that say the same in other words are two texts.
        if None not in inner and inner[0] != inner[1]:
            yield from changes(path, *inner)
            return
        before, after = _from_first_difference(before, after)
    yield Change(path=path, before=_text(before), after=_text(after))


def _members(path: str, before: Sequence[Wire], after: Sequence[Wire]) -> Iterator[Change]:
    """Member by member where there are as many; else those that only one side has."""
    if len(before) == len(after):
        for number, pair in enumerate(zip(before, after, strict=True)):
            yield from changes(f"{path}[{number}]", *pair)
        return
    keys = [_key(each) for each in before], [_key(each) for each in after]
    gone, come = Counter(keys[0]) - Counter(keys[1]), Counter(keys[1]) - Counter(keys[0])
    if not gone and not come:
        yield Change(path=path, before=f"{len(before)} members", after=f"{len(after)} members")
    for key, member in zip(keys[0], before, strict=True):
        if gone[key] > 0:
            gone[key] -= 1
            yield Change(path=f"{path}[]", before=_text(member), after=ABSENT)
    for key, member in zip(keys[1], after, strict=True):
        if come[key] > 0:
            come[key] -= 1
            yield Change(path=f"{path}[]", before=ABSENT, after=_text(member))


def _same(before: Wire, after: Wire) -> bool:
    """Whether two wrapped values mean the same: a reference is its URN, a file its hash."""
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        return False
    kind = before.get(SIGNATURE)
    if kind is None or kind != after.get(SIGNATURE):
        return False
    if kind == RESOURCE:
        return bool(before["urn"] == after["urn"])
    return kind in (ASSET, ARCHIVE) and "hash" in before and before["hash"] == after.get("hash")


def _opened(text: str) -> Wire | None:
    """The structure inside a text: JSON, else the lines of it or of what it is base64 of; None for one plain line."""
    if text[:1] in ("{", "["):
        try:
            return json.loads(text)
        except ValueError:
            pass
    if "\n" in text:
        return text.splitlines()
    try:
        inner = base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    return inner.splitlines() if "\n" in inner else None


def _from_first_difference(before: str, after: str) -> tuple[str, str]:
    """Two long texts without most of what they begin with alike: their ends are cut off."""
    if max(len(before), len(after)) <= _LONGEST or is_unknown(before) or is_unknown(after):
        return before, after
    alike = next((at for at, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]), _LONGEST)
    start = max(0, alike - _LONGEST // 4)
    return (before, after) if start == 0 else (f"...{before[start:]}", f"...{after[start:]}")


def _key(value: Wire) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)


def _text(value: Wire) -> str | None:
    if value is ABSENT:
        return None
    if isinstance(value, str):
        text = "(known after up)" if is_unknown(value) else " ".join(value.split())
    elif isinstance(value, Mapping) and value.get(SIGNATURE) == SECRET:
        text = "[secret]"
    else:
        text = json.dumps(value, sort_keys=True, default=str)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _side(text: str | None) -> str:
    return "(none)" if text is None else text
