"""What rules read of a plan: every use of `Inputs` while a rule judges a resource, noted."""

import copy
import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from policies.around import Around
from policies.evaluate import alone, ask, subjects
from policies.model import Finding, Rule
from policies.registry import rules
from policies.values import Inputs
from slipway.plan.model import Plan, Resource
from tests.policies.breaking import held_to
from tests.policies.sweep_changes import Keys, general
from tests.program.conftest import planned


@dataclass(frozen=True, kw_only=True)
class Read:
    """A rule, judging one resource, took a value out of the inputs of one: its own, or another's."""

    rule: Rule
    judged: str
    urn: str
    keys: Keys
    """Where the value is; something stands there."""


@functools.cache
def reads(file: Path) -> tuple[Read, ...]:
    """What rules read of the clean plan of a stack file: one of each rule, type and path."""
    plan = _own(planned(file))
    around = Around(plan=plan, environment=held_to(file))
    homes = {id(holder): place for each in plan for holder, place in _holders(each.inputs, each.urn, ())}
    found: dict[tuple[str, str, str], Read] = {}
    for rule in rules():
        for resource in subjects(rule, plan):
            with _noted(homes) as noted:
                list(judged(rule, resource, around))
            for urn, keys in noted:
                key = rule.id, urn.rpartition("::")[0], general(keys)
                found.setdefault(key, Read(rule=rule, judged=resource.urn, urn=urn, keys=keys))
    return tuple(found.values())


def judged(rule: Rule, resource: Resource, around: Around) -> Iterator[Finding]:
    """What a rule says of a resource, shown no more than its scope has."""
    return ask(rule, resource, around if rule.scope == "stack" else alone(resource, around))


def _own(plan: Plan) -> Plan:
    """The plan with no list or mapping in two places, so that each tells where it stands."""
    resources = tuple(dataclasses.replace(each, inputs=_copied(each.inputs)) for each in plan.resources)
    return dataclasses.replace(plan, resources=resources)


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else copy.copy(value)


def _holders(value: Any, urn: str, keys: Keys) -> Iterator[tuple[Any, tuple[str, Keys]]]:
    if isinstance(value, Mapping | list):
        yield value, (urn, keys)
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, item in items:
            yield from _holders(item, urn, (*keys, key))


@contextmanager
def _noted(homes: Mapping[int, tuple[str, Keys]]) -> Iterator[list[tuple[str, Keys]]]:
    """Note which values rules take out by `get`, while inside; by `at` and `each` they come to what they take."""
    notes = _Notes(homes)
    own = {name: Inputs.__dict__[name] for name in ("at", "get", "each")}
    # The class itself is changed and put back: rules make their own `Inputs` of other resources.
    try:
        for name in own:
            setattr(Inputs, name, _method(getattr(notes, name)))
        yield notes.found
    finally:
        for name, way in own.items():
            setattr(Inputs, name, way)


def _method(way: Callable[..., Any]) -> Callable[..., Any]:
    def method(*args: Any, **named: Any) -> Any:
        return way(*args, **named)

    return method


_AT, _GET, _EACH = Inputs.at, Inputs.get, Inputs.each
_Path = str | tuple[str, ...]


class _Notes:
    """The methods of `Inputs` as they are, and a note of where what they give comes from."""

    def __init__(self, homes: Mapping[int, tuple[str, Keys]]) -> None:
        self.found: list[tuple[str, Keys]] = []
        self._homes = homes
        # Kept with what they came from, so that their identity is not given to others.
        self._origins: dict[int, tuple[Inputs, tuple[str, Keys]]] = {}

    def at(self, inputs: Inputs, path: _Path) -> Inputs:
        found = _AT(inputs, path)
        keys: Keys = ()
        value = inputs.value
        for key in path.split(".") if isinstance(path, str) else path:
            keys = (*keys, int(key) if isinstance(value, list) and key.isdigit() else key)
            value = _AT(Inputs(value), (key,)).value
        return self._came(found, self._origin(inputs), keys)

    def get(self, inputs: Inputs, path: _Path = (), default: Any = None) -> Any:
        holder = self.at(inputs, path) if path else inputs
        home = self._origin(holder)
        if home is not None and home[1] and holder.value is not None:
            self.found.append(home)
        return _GET(holder, (), default)

    def each(self, inputs: Inputs, path: _Path = ()) -> Iterator[Inputs]:
        holder = self.at(inputs, path) if path else inputs
        items = list(_EACH(holder))
        keys = list(holder.value) if isinstance(holder.value, Mapping) else range(len(items))
        for key, one in zip(keys, items, strict=True):
            yield self._came(one, self._origin(holder), (key,))

    def _origin(self, inputs: Inputs) -> tuple[str, Keys] | None:
        if id(inputs) in self._origins:
            return self._origins[id(inputs)][1]
        return self._homes.get(id(inputs.value))

    def _came(self, found: Inputs, home: tuple[str, Keys] | None, keys: Iterable[str | int]) -> Inputs:
        if home is not None:
            self._origins[id(found)] = found, (home[0], (*home[1], *keys))
        return found
