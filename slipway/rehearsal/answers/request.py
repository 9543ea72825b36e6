"""What a rule of the answers table is given, and what it gives back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from slipway.rehearsal.answers.ids import Ids


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A resource that is being made: `inputs` are plain, without secrets' wrappers and unknowns."""

    type: str
    name: str
    inputs: Mapping[str, Any]
    ids: Ids

    def text(self, key: str, default: str = "") -> str:
        """An input that is text, or the default where it is absent or unknown."""
        value = self.inputs.get(key)
        return value if isinstance(value, str) else default

    def named(self, key: str = "name") -> str:
        """The physical name: the one asked for, by prefix, or autonamed."""
        given = self.text(key)
        if given:
            return given
        prefix = self.text(f"{key}Prefix")
        return f"{prefix}{self.ids.hex('prefix', self.name, 26)}" if prefix else self.ids.name(self.name)

    @property
    def tags(self) -> dict[str, Any]:
        """The computed `tagsAll`."""
        return {"tagsAll": dict(self.inputs.get("tags") or {})}


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What AWS returns for a resource: its id and its outputs, in the provider's spelling (camelCase)."""

    id: str
    outputs: Mapping[str, Any] = field(default_factory=dict)


Rule = Callable[[Request], Answer]
Table = Mapping[str, Rule]
