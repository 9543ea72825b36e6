"""A value of a manifest together with its path, so that whoever finds a mistake can say where. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra.problems import shown

_MOST = 2**31 - 1
"""What Kubernetes counts with has 32 bits."""


class ShapeError(ValueError):
    """A value has the wrong type. `path` and the message say where and what is allowed."""

    def __init__(self, path: str, message: str) -> None:
        """Keep both."""
        super().__init__(message)
        self.path = path


@dataclass(frozen=True)
class At:
    """A value, absent as None, and where it stands."""

    value: Any
    path: str = ""

    def __getitem__(self, key: str) -> "At":
        """The value below a key; absent where this one is."""
        # Dots within a key would read as two.
        step = f"[{key}]" if "." in key else key if not self.path else f".{key}"
        return At(self.mapping.get(key), f"{self.path}{step}")

    def __bool__(self) -> bool:
        """Whether it is there."""
        return self.value is not None

    def below(self, *keys: str) -> "At":
        """The value below several keys."""
        here = self
        for key in keys:
            here = here[key]
        return here

    @property
    def mapping(self) -> Mapping[str, Any]:
        """It as a mapping, empty where absent.

        Raises:
            ShapeError: It is something else.
        """
        if self.value is None:
            return {}
        if not isinstance(self.value, Mapping):
            raise ShapeError(self.path, f"{shown(self.value)} is not a mapping")
        return self.value

    @property
    def items(self) -> Iterator[tuple[str, "At"]]:
        """Its keys and values."""
        return ((key, self[key]) for key in self.mapping)

    @property
    def list(self) -> "list[At]":
        """It as a list, empty where absent.

        Raises:
            ShapeError: It is something else.
        """
        if self.value is None:
            return []
        if not isinstance(self.value, list | tuple):
            raise ShapeError(self.path, f"{shown(self.value)} is not a list")
        return [At(item, f"{self.path}[{index}]") for index, item in enumerate(self.value)]

    @property
    def strings(self) -> Mapping[str, str]:
        """It as a mapping of text to text, such as labels."""
        return {key: at.text() for key, at in self.items}

    def text(self, default: str = "") -> str:
        """It as text.

        Raises:
            ShapeError: It is no text.
        """
        if self.value is None:
            return default
        if not isinstance(self.value, str):
            raise ShapeError(self.path, f"{shown(self.value)} is not text; put it in quotes")
        return self.value

    def count(self, default: int, *, least: int = 0) -> int:
        """It as a whole number.

        Raises:
            ShapeError: It is none, or too small, or larger than Kubernetes can count.
        """
        if self.value is None:
            return default
        if isinstance(self.value, bool) or not isinstance(self.value, int) or not least <= self.value <= _MOST:
            raise ShapeError(self.path, f"{shown(self.value)} is not a whole number from {least:,} to {_MOST:,}")
        return self.value

    def flag(self) -> bool:
        """It as a truth value, false where absent.

        Raises:
            ShapeError: It is something else.
        """
        if self.value is None:
            return False
        if not isinstance(self.value, bool):
            raise ShapeError(self.path, f"{shown(self.value)} is not true or false")
        return self.value


def find(at: At, key: str, value: Any = None) -> str | None:  # noqa: ANN401  # whatever a manifest holds
    """The path of the first place below which holds a key, with this value where one is given; None: nowhere."""
    if isinstance(at.value, Mapping):
        for name, below in at.items:
            if name == key and value in (None, below.value):
                return below.path
        return next((found for _, below in at.items if (found := find(below, key, value))), None)
    if isinstance(at.value, list):
        return next((found for below in at.list if (found := find(below, key, value))), None)
    return None
