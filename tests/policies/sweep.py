"""Random changes of real, clean plans: what the rules catch, and what escapes them.

A class of changes is a type, a path (positions and the keys of free maps made alike) and an operator. Each class is
tried once, at a place that its own seed draws: what is rare counts as much as what is common, and no class moves when
another comes. `python -m tests.policies.sweep` tries them all and writes the report; the tests try a sample.
"""

import functools
import random
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from policies.evaluate import Seen, evaluate, upstream
from policies.model import Finding
from slipway import urns
from slipway.plan.model import Plan, Resource
from slipway.wire import UNKNOWN
from tests.policies.breaking import held_to, replaced
from tests.policies.sweep_changes import Keys, changed, general, of_resource, of_value, rewritten, values
from tests.policies.sweep_refusals import refused
from tests.program.conftest import STACK_FILES, planned

_UNKNOWN: Final = 0.15
"""How much of what is wrong with a ruined plan is unknown."""


@dataclass(frozen=True, order=True, kw_only=True)
class Class:
    """A kind of change. `path` is empty for a change of the resource as a whole."""

    type: str
    path: str
    operator: str


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a change can be made: a resource of a stack file's plan, and the keys to the value."""

    file: Path
    urn: str
    keys: Keys


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the rules said of one change: the ids of those that caught it; none where it escaped."""

    of: Class
    place: Place
    change: str
    caught: tuple[str, ...]
    refused: str
    """Whose schema does not take the resource, where no rule caught the change: `AWS`, `Kubernetes`."""


@functools.cache
def places() -> Mapping[Class, tuple[Place, ...]]:
    """Every class of changes that the plans of all stack files have, and where: of the smallest such plan alone."""
    found: dict[Class, list[Place]] = {}
    for file in sorted(STACK_FILES, key=lambda each: (len(planned(each).resources), each.name)):
        for resource in _subjects(planned(file)):
            for each, keys in _classes(resource):
                here = found.setdefault(each, [])
                if not here or here[0].file == file:
                    here.append(Place(file=file, urn=resource.urn, keys=keys))
    return {each: tuple(found[each]) for each in sorted(found)}


def _subjects(plan: Plan) -> Iterator[Resource]:
    return (each for each in plan if not upstream(each.urn) and each.type != urns.STACK_TYPE)


def _classes(resource: Resource) -> Iterator[tuple[Class, Keys]]:
    for operator in of_resource(resource):
        yield Class(type=resource.type, path="", operator=operator), ()
    for keys, value in values(resource.inputs):
        path = general(keys)
        for operator in of_value(value):
            yield Class(type=resource.type, path=path, operator=operator), keys


def sample(count: int, seed: int = 0) -> tuple[Class, ...]:
    """Some classes, each type as likely as another, and in it each path as likely as another."""
    draw = random.Random(seed)
    by_type: dict[str, dict[str, list[Class]]] = {}
    for each in places():
        by_type.setdefault(each.type, {}).setdefault(each.path, []).append(each)
    found: dict[Class, None] = {}
    while len(found) < min(count, len(places())):
        paths = by_type[draw.choice(list(by_type))]
        found[draw.choice(paths[draw.choice(list(paths))])] = None
    return tuple(found)


def sweep(classes: Iterable[Class], seed: int = 0) -> Iterator[Outcome]:
    """Try each class; those that would change nothing anywhere are left out."""
    for each in classes:
        outcome = attempt(each, seed)
        if outcome is not None:
            yield outcome


def attempt(of: Class, seed: int = 0) -> Outcome | None:
    """Try one class at a drawn place; None where it would change nothing."""
    draw = random.Random(f"{seed} {of.type} {of.path} {of.operator}")
    options = list(places()[of])
    for place in draw.sample(options, len(options)):
        plan = planned(place.file)
        resource = plan.get(place.urn)
        assert resource is not None
        made = changed(plan, resource, place.keys, of.operator, draw)
        if made is not None:
            broken, what = made
            caught = tuple(dict.fromkeys(each.rule for each in violations(broken, place.file)))
            new = broken.get(place.urn)
            by = refused(new) if place.keys and new is not None and not caught else ""
            return Outcome(of=of, place=place, change=what, caught=caught, refused=by)
    return None


def violations(plan: Plan, file: Path) -> tuple[Finding, ...]:
    """What the rules find in a changed plan of a stack file that they do not find in the clean one."""
    seen, before = _clean(file)
    found = evaluate(plan, held_to(file), _Borrowed(seen)).of("violation")
    return tuple(each for each in found if each not in before)


@functools.cache
def _clean(file: Path) -> tuple[Seen, tuple[Finding, ...]]:
    """What the rules said of each resource of the clean plan, and what they found (other tests hold it to nothing)."""
    seen: Seen = {}
    verdict = evaluate(planned(file), held_to(file), seen)
    return seen, verdict.violations


class _Borrowed(dict[Any, Any]):
    """What was seen of a clean plan. What is seen of a changed one is forgotten with it, or memory would fill."""

    def __init__(self, clean: Seen) -> None:
        super().__init__()
        self._clean = clean

    def __missing__(self, key: object) -> object:
        return self._clean[key]  # type: ignore[index]  # the keys of Seen

    def __contains__(self, key: object) -> bool:
        return super().__contains__(key) or key in self._clean


@functools.cache
def ruined(file: Path, count: int = 300, seed: int = 0) -> Plan:
    """The plan of a stack file with many things wrong or unknown at once: for what is true of any plan at all."""
    plan = planned(file)
    draw = random.Random(f"{seed} {file.name}")
    for urn in draw.choices([each.urn for each in _subjects(plan)], k=count):
        resource = plan.get(urn)
        if resource is None:
            continue
        of, keys = draw.choice(list(_classes(resource)))
        if keys and draw.random() < _UNKNOWN:
            plan = replaced(plan, rewritten(plan, resource, keys, UNKNOWN))
        else:
            plan = (changed(plan, resource, keys, of.operator, draw) or (plan,))[0]
    return plan


if __name__ == "__main__":
    from tests.policies.sweep_report import main

    sys.exit(main(*map(int, sys.argv[1:])))
