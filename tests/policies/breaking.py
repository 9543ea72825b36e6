"""How a clean plan is broken: small changes of a recorded plan, and the mutations that every rule must have."""

import copy
import dataclasses
import datetime
import functools
import importlib
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from policies.around import Environment
from policies.environment import environment
from slipway import stackfile, urns
from slipway.plan.model import Plan, Resource

TODAY = datetime.date(2026, 11, 22)
"""Rules about dates are asked on this day, so that a clean plan stays clean."""


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """One way to break one rule in any plan that has what the rule judges.

    `apply` gives the broken plan, or None where the plan has nothing to break. `culprit` is the type, or types, of the
    resource that the finding must name; empty: any.
    """

    rule: str
    name: str
    apply: Callable[[Plan], Plan | None]
    culprit: tuple[str, ...] = ()
    also: frozenset[str] = frozenset()
    """Other rules that the same change rightly breaks, each said why in a comment. Best none."""


def replaced(plan: Plan, *resources: Resource) -> Plan:
    """The plan with these in place of those of the same URN."""
    new = {each.urn: each for each in resources}
    return dataclasses.replace(plan, resources=tuple(new.get(each.urn, each) for each in plan.resources))


def without(plan: Plan, *resources: Resource) -> Plan:
    """The plan without some resources, and without what pointed to them."""
    gone = {each.urn for each in resources}
    kept = [_let_go(each, gone) for each in plan.resources if each.urn not in gone]
    return dataclasses.replace(plan, resources=tuple(kept))


def _let_go(resource: Resource, gone: set[str]) -> Resource:
    behind = resource.property_dependencies
    if not (gone & set(resource.dependencies) or any(gone & set(found) for found in behind.values())):
        return resource
    return dataclasses.replace(
        resource,
        dependencies=tuple(urn for urn in resource.dependencies if urn not in gone),
        property_dependencies={key: tuple(urn for urn in found if urn not in gone) for key, found in behind.items()},
    )


def added(plan: Plan, like: Resource, name: str, *, type_: str | None = None, **changes: Any) -> Plan:
    """The plan with one resource more, beside `like`; `changes` are fields of Resource."""
    old = like.type
    urn = urns.child(like.parent, type_ or old, name)
    twin = dataclasses.replace(like, urn=urn, **{"aliases": (), **changes})
    return dataclasses.replace(plan, resources=(*plan.resources, twin))


def with_input(resource: Resource, path: str | tuple[str | int, ...], value: Any) -> Resource:
    """The resource with one input changed, in its outputs too where they repeat it.

    `path`: keys and positions with dots between, or a sequence of them. Holders that are missing are made. The value
    `DROP` takes the key or item out.
    """
    keys = [_key(part) for part in path.split(".")] if isinstance(path, str) else list(path)
    inputs = copy.deepcopy(dict(resource.inputs))
    _set(inputs, keys, value)
    outputs = dict(resource.outputs)
    if keys[0] in outputs:
        outputs = copy.deepcopy(outputs)
        _set(outputs, keys, value)
    elif keys[0] in inputs:
        outputs[str(keys[0])] = inputs[str(keys[0])]
    return dataclasses.replace(resource, inputs=inputs, outputs=outputs)


DROP: Any = object()
"""In place of a value: take the key or item out."""


def _key(part: str) -> str | int:
    return int(part) if part.isdigit() else part


def _set(holder: Any, keys: list[str | int], value: Any) -> None:
    for key, following in itertools.pairwise(keys):
        if isinstance(holder, dict) and holder.get(str(key)) is None:
            holder[str(key)] = [] if isinstance(following, int) else {}
        holder = holder[key]
    last = keys[-1]
    if value is DROP and isinstance(holder, dict):
        holder.pop(last, None)
    elif value is DROP:
        del holder[last]
    elif isinstance(holder, list) and last == len(holder):
        holder.append(value)
    else:
        holder[last] = value


def changed(
    type_: str,
    path: str | tuple[str | int, ...],
    value: Any,
    where: Callable[[Resource], bool] = lambda _: True,
) -> Callable[[Plan], Plan | None]:
    """A mutation's `apply`: one input of the first resource of a type that `where` holds for.

    `value`: what stands there then, or a function of what stood there.
    """

    def apply(plan: Plan) -> Plan | None:
        for resource in plan.of_type(type_):
            if where(resource):
                new = value(at(resource.inputs, path)) if callable(value) else value
                return replaced(plan, with_input(resource, path, new))
        return None

    return apply


def removed(type_: str, where: Callable[[Resource], bool] = lambda _: True) -> Callable[[Plan], Plan | None]:
    """A mutation's `apply`: the first resource of a type that `where` holds for is taken out."""

    def apply(plan: Plan) -> Plan | None:
        for resource in plan.of_type(type_):
            if where(resource):
                return without(plan, resource)
        return None

    return apply


def at(inputs: Mapping[str, Any], path: str | tuple[str | int, ...]) -> Any:
    """What stands at a path; None where nothing does."""
    value: Any = inputs
    for key in [_key(part) for part in path.split(".")] if isinstance(path, str) else path:
        if isinstance(value, Mapping):
            value = value.get(str(key))
        elif isinstance(value, list) and isinstance(key, int) and key < len(value):
            value = value[key]
        else:
            return None
    return value


def held_to(path: Path) -> Environment:
    """What a stack file of the repository holds its plan to, on the day of the tests."""
    return environment(stackfile.load(str(path)).config, TODAY)


@functools.cache
def mutations() -> Mapping[str, tuple[Mutation, ...]]:
    """All mutations by rule, from the modules `tests/policies/mutations_<topic>.py`, each with a tuple MUTATIONS."""
    found: dict[str, list[Mutation]] = {}
    for file in sorted(Path(__file__).parent.glob("mutations_*.py")):
        module = importlib.import_module(f"tests.policies.{file.stem}")
        for each in module.MUTATIONS:
            found.setdefault(each.rule, []).append(each)
    return {rule: tuple(each) for rule, each in found.items()}
