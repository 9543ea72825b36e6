"""How rules read what a resource is asked for, so that nothing unknown is ever taken for something known."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from slipway.wire import SECRET, SIGNATURE, UNKNOWN

UNTIL_UP: Final = "unknown until up"
_DIGITS: Final = 20
"""More than any count that AWS or Kubernetes takes has."""
MARKED: Final = "marked as a secret, which no rule reads"


class UnknownUntilUpError(Exception):
    """A rule needs a value that nobody may read now: `path` is the property's, `why` is UNTIL_UP or MARKED."""

    def __init__(self, path: str, why: str = UNTIL_UP) -> None:
        """Keep the path and the reason."""
        super().__init__(f"{path}: {why}")
        self.path = path
        self.why = why


def number(value: Any) -> int | None:  # noqa: ANN401  # any wire value
    """A whole number, or a text of one, as AWS or a chart may spell it; None for what is none."""
    if isinstance(value, str):
        return int(value) if value.isdecimal() and len(value) <= _DIGITS else None
    whole = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return int(value) if whole else None


class Inputs:
    """A value inside a resource's inputs, and where it is.

    Paths have dots between keys and positions: `networkInterfaces.0.deviceIndex`. A key with dots in it is one item of
    a sequence: `("metadata", "annotations", "a.b/c")`.
    """

    __slots__ = ("path", "value")

    def __init__(self, value: Any, path: str = "") -> None:  # noqa: ANN401  # any wire value
        """Take a wire value as it is."""
        self.value = value
        self.path = path

    def at(self, path: str | tuple[str, ...]) -> "Inputs":
        """What is at a path below this one; a value of None where nothing is.

        Raises:
            UnknownUntilUpError: Something on the way is unknown or a secret.
        """
        value, here = self.value, self.path
        for key in path.split(".") if isinstance(path, str) else path:
            _readable(value, here)
            value = _member(value, key)
            here = f"{here}.{key}" if here else key
        return Inputs(value, here)

    def get(self, path: str | tuple[str, ...] = (), default: Any = None) -> Any:  # noqa: ANN401  # any wire value
        """The value at a path, all of it known; the default where nothing is.

        Raises:
            UnknownUntilUpError: It, or something inside it, is unknown or a secret.
        """
        found = self.at(path) if path else self
        if found.value is None:
            return default
        for inside, why in _unknown(found.value, found.path):
            raise UnknownUntilUpError(inside, why)
        return found.value

    def has(self, path: str | tuple[str, ...]) -> bool:
        """Whether something is there, known or not."""
        return self.at(path).value is not None

    def each(self, path: str | tuple[str, ...] = ()) -> "Iterator[Inputs]":
        """The items of a list, or the values of a mapping, in order; nothing where nothing is.

        Raises:
            UnknownUntilUpError: The whole list or mapping is unknown or a secret.
        """
        found = self.at(path) if path else self
        _readable(found.value, found.path)
        if isinstance(found.value, Mapping):
            for key, item in found.value.items():
                yield Inputs(item, f"{found.path}.{key}" if found.path else str(key))
        elif isinstance(found.value, list | tuple):
            for index, item in enumerate(found.value):
                yield Inputs(item, f"{found.path}.{index}" if found.path else str(index))

    def json(self, path: str | tuple[str, ...] = ()) -> Any:  # noqa: ANN401  # any JSON
        """The document that a text holds, or that is there in place of a text; None where nothing is, or no JSON.

        Who takes a document refuses what is none, so there is nothing to judge.

        Raises:
            UnknownUntilUpError: It is unknown or a secret.
        """
        value = self.get(path)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return None

    @property
    def secret(self) -> bool:
        """Whether the value is marked as a secret."""
        return isinstance(self.value, Mapping) and self.value.get(SIGNATURE) == SECRET


def _member(value: Any, key: str) -> Any:  # noqa: ANN401  # any wire value
    if isinstance(value, Mapping):
        return value.get(key)
    if isinstance(value, list | tuple) and key.isdigit() and int(key) < len(value):
        return value[int(key)]
    return None


def _readable(value: Any, path: str) -> None:  # noqa: ANN401  # any wire value
    if value == UNKNOWN:
        raise UnknownUntilUpError(path)
    if isinstance(value, Mapping) and value.get(SIGNATURE) == SECRET:
        raise UnknownUntilUpError(path, MARKED)


def _unknown(value: Any, path: str) -> Iterator[tuple[str, str]]:  # noqa: ANN401  # any wire value
    """The paths of what nobody may read inside a value, and why."""
    if isinstance(value, str):
        if value == UNKNOWN:
            yield path, UNTIL_UP
    elif isinstance(value, Mapping):
        if value.get(SIGNATURE) == SECRET:
            yield path, MARKED
            return
        for key, item in value.items():
            yield from _unknown(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _unknown(item, f"{path}.{index}" if path else str(index))
