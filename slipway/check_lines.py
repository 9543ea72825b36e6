"""Where in a stack file it is decided what a finding is about."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import yaml

from policies.model import Finding
from slipway import urns
from slipway.check import About
from slipway.stackfile import GoLoader, StackFile

_NAMED: Final = frozenset({"access", "buckets", "settings", "tenants"})
"""Mappings whose keys are names that people give; those of others are settings."""
_COMPONENTS: Final[Mapping[str, str]] = {"AddOn": "addons", "DataKey": "storage", "Entries": "edge"}
"""Components that are not called as the section that makes them."""
_DEPTH: Final = 4
"""How far below a section there are names."""


@dataclass(frozen=True, kw_only=True)
class Region:
    """A part of a line of a file, counted from 1; the end column is behind the last character."""

    line: int
    column: int
    end_column: int


@dataclass(frozen=True)
class _Place:
    """What is marked, and what is inside."""

    mark: yaml.Node
    value: yaml.Node


class Lines:
    """A stack file, to look up findings in."""

    def __init__(self, file: StackFile) -> None:
        """Read the file once more, with positions."""
        self._sections: dict[str, _Place] = {}
        self._config: yaml.Node | None = None
        root = yaml.compose(file.path.read_bytes(), Loader=GoLoader)
        for name, place in _keys(root):
            if name == "config":
                self._config = place.mark
                self._sections = {key.removeprefix(f"{file.project}:"): inside for key, inside in _keys(place.value)}

    def of(self, finding: Finding, rule: About) -> Region:
        """The setting that the rule's fix names, in the item that the resource comes from; else what comes nearest.

        That is the item, the setting in its section, the item or the section that makes the resource, or where the
        configuration begins.
        """
        if finding.kind == "exception":
            return _region(self._at(finding.path))
        own, component = rule.key, _component(finding.urn)
        name = urns.name(finding.urn)
        for place in (
            _inside(self._item(own, name), finding.fix, own),
            self._setting(finding.fix, own),
            _inside(self._item(component, name), finding.fix, component),
            self._sections.get(own),
            self._sections.get(component),
        ):
            if place is not None:
                return _region(place.mark)
        return _region(self._config)

    def _setting(self, fix: str, key: str) -> _Place | None:
        """What a fix names in a section, as far as the section has it; None where it has nothing of it."""
        section = self._sections.get(key)
        found = _deepest(section, _named_in(fix, key)) if section is not None else None
        return None if found is section else found

    def _item(self, key: str, name: str) -> _Place | None:
        """The item of a section whose name stands in a resource's name: the outermost, the longest."""
        found: dict[tuple[int, int], _Place] = {}
        for depth, item, place in _items(key, self._sections.get(key)):
            if re.search(rf"(?<![A-Za-z0-9]){re.escape(item)}(?![A-Za-z0-9])", name):
                found.setdefault((depth, -len(item)), place)
        return found[min(found)] if found else None

    def _at(self, path: str) -> yaml.Node | None:
        key, *inside = re.findall(r"[^.\[\]]+", path)
        section = self._sections.get(key)
        return _deepest(section, inside).mark if section is not None else self._config


def _component(urn: str) -> str:
    """The section that makes a resource, by the component that it is in."""
    for type_ in (*urns.scope(urn).split("$"), urns.type_of(urn)):
        package, _, name = type_.partition(":")
        if package == "slipway":
            last = name.rpartition(":")[2]
            return _COMPONENTS.get(last, last[:1].lower() + last[1:])
    return ""


def _items(key: str, place: _Place | None, depth: int = 0) -> Iterator[tuple[int, str, _Place]]:
    """The named items of a section, and how deep in it they are."""
    if place is None or depth > _DEPTH:
        return
    if isinstance(place.value, yaml.SequenceNode):
        for item in place.value.value:
            name = _name(item)
            if name is not None:
                yield depth, name.value, _Place(name, item)
            yield from _items("", _Place(item, item), depth + 1)
        return
    for name_, inside in _keys(place.value):
        if key in _NAMED:
            yield depth, name_, inside
        yield from _items(name_, inside, depth + 1)


def _name(item: yaml.Node) -> yaml.ScalarNode | None:
    """What an item of a list is called: its `name`, or itself."""
    if isinstance(item, yaml.MappingNode):
        named = next((place.value for key, place in _keys(item) if key == "name"), None)
        return named if isinstance(named, yaml.ScalarNode) else None
    return item if isinstance(item, yaml.ScalarNode) else None


def _inside(item: _Place | None, fix: str, key: str) -> _Place | None:
    """What a fix names in an item, as far as the item has it: of `storage.lustre[].capacity` the part from capacity."""
    if item is None:
        return None
    keys = _named_in(fix, key)
    found = (_deepest(item, keys[start:]) for start in range(len(keys)))
    return next((place for place in found if place is not item), item)


def _named_in(fix: str, key: str) -> tuple[str, ...]:
    """The keys below a section that a fix names: of `set nodeGroups[].capacity.type` capacity and type."""
    found = re.search(rf"\b{re.escape(key)}((?:\[[^\]]*\]|\.<?\w[\w-]*>?)+)", fix) if key else None
    return tuple(re.findall(r"\w[\w-]*", re.sub(r"\[[^\]]*\]", "", found[1]))) if found else ()


def _deepest(place: _Place, keys: tuple[str, ...] | list[str]) -> _Place:
    """As far down these keys and positions as there is something."""
    for key in keys:
        inside = dict(_keys(place.value))
        if isinstance(place.value, yaml.SequenceNode):
            inside = {str(index): _Place(item, item) for index, item in enumerate(place.value.value)}
        if key not in inside:
            break
        place = inside[key]
    return place


def _keys(node: yaml.Node | None) -> Iterator[tuple[str, _Place]]:
    """The keys of a mapping, each where it stands, with its value."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                yield str(key.value), _Place(key, value)


def _region(node: yaml.Node | None) -> Region:
    """Where a node stands; of what goes over several lines the first character, so that it shows at its first line."""
    if node is None:
        return Region(line=1, column=1, end_column=2)
    start, end = node.start_mark, node.end_mark
    line, column = start.line + 1, start.column + 1
    return Region(line=line, column=column, end_column=end.column + 1 if end.line == start.line else column + 1)
