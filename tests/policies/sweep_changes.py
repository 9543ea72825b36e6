"""One small change of a plan, such as a person makes by mistake: an input, a resource taken out, one twice."""

import dataclasses
import functools
import ipaddress
import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from policies.evaluate import upstream
from slipway.plan.model import Plan, Resource
from slipway.wire import RESOURCE, SECRET, SIGNATURE
from tests.policies.breaking import DROP, added, replaced, with_input, without
from tests.program.conftest import STACK_FILES, planned

Keys = tuple[str | int, ...]
ITEM: Final = "#"
"""Any position of a list, in the path of a class."""
KEY: Final = "*"
"""Any key of a free map."""
DOCUMENT: Final = "@"
"""What a text holds as JSON."""
FREE: Final = frozenset(
    {
        "annotations",
        "binaryData",
        "config",
        "data",
        "labels",
        "limits",
        "matchLabels",
        "nodeSelector",
        "parameters",
        "requests",
        "stringData",
        "tags",
        "tagsAll",
        "variables",
    }
)
"""Maps whose keys are the user's."""
_SAME: Final = object()


def general(keys: Keys) -> str:
    """Keys as the path of a class of changes: positions and the keys of free maps made alike."""
    found: list[str] = []
    for key in keys:
        holder = next((each for each in reversed(found) if each not in (ITEM, DOCUMENT)), "")
        found.append(ITEM if isinstance(key, int) else KEY if holder in FREE else str(key))
    return ".".join(found)


def values(value: Any, keys: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """Every value inside one, holders before what they hold; a secret is one value, and so is a reference."""
    if keys and keys[-1] != DOCUMENT:
        yield keys, value
    if isinstance(value, Mapping) and SIGNATURE not in value:
        for key, item in value.items():
            yield from values(item, (*keys, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from values(item, (*keys, index))
    elif (inside := _document(value)) is not None:
        yield from values(inside, (*keys, DOCUMENT))


def _document(value: object) -> Any:
    """The mapping or list that a text holds, else None."""
    if isinstance(value, str) and value[:1] in {"{", "["}:
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            return None
    return None


def of_value(value: Any) -> Iterator[str]:
    """What can be done to a value: names of operators."""
    yield "drop"
    if isinstance(value, bool):
        yield "flip"
    elif isinstance(value, int | float):
        yield from ("zero", "one more", "ten times")
    elif isinstance(value, str):
        yield from ("empty", "other", "star")
        if _narrow(value):
            yield "widen"
    elif isinstance(value, Mapping) and value.get(SIGNATURE) == SECRET:
        yield "plain"
    elif isinstance(value, Mapping | list) and value and SIGNATURE not in value:
        yield "empty"
        if isinstance(value, list) and len(value) > 1 and value[0] != value[1]:
            yield "swap"


def of_resource(resource: Resource) -> Iterator[str]:
    """What can be done to a resource as a whole: names of operators."""
    yield from ("gone", "twin")
    if resource.protect:
        yield "unprotect"
    if resource.provider:
        yield "no provider"
    if resource.ignore_changes:
        yield "ignore nothing"


def _narrow(value: str) -> bool:
    try:
        return "/" in value and ipaddress.ip_network(value).prefixlen > 0
    except ValueError:
        return False


def changed(plan: Plan, resource: Resource, keys: Keys, operator: str, draw: random.Random) -> tuple[Plan, str] | None:
    """The plan with one change, and the change in words; None where it would change nothing.

    Args:
        plan: A whole plan.
        resource: One of its resources.
        keys: Where in its inputs; empty for a change of the resource as a whole.
        operator: Of `of_resource`, or of `of_value` for what stands there.
        draw: Chooses what an `other` text is.
    """
    if not keys:
        return _whole(plan, resource, operator), operator
    old = _at(resource.inputs, keys)
    value = _other(plan, resource, keys, draw) if operator == "other" else _VALUES[operator](old)
    if value is _SAME or value == old:
        return None
    what = f"{_short(old)} -> {'gone' if value is DROP else _short(value)}"
    return replaced(plan, rewritten(plan, resource, keys, value)), what


def _whole(plan: Plan, resource: Resource, operator: str) -> Plan:
    if operator == "gone":
        return without(plan, resource, *(() if resource.custom else plan.descendants(resource)))
    if operator == "twin":
        return added(plan, resource, f"{resource.name}-twin")
    fields: Mapping[str, Mapping[str, Any]] = {
        "unprotect": {"protect": False},
        "no provider": {"provider": ""},
        "ignore nothing": {"ignore_changes": ()},
    }
    return replaced(plan, dataclasses.replace(resource, **fields[operator]))


_VALUES: Final[Mapping[str, Callable[[Any], Any]]] = {
    "drop": lambda _: DROP,
    "flip": lambda old: not old,
    "zero": lambda _: 0,
    "one more": lambda old: old + 1,
    "ten times": lambda old: old * 10,
    "star": lambda _: "*",
    "plain": lambda _: "a-text-that-was-a-secret",
    "widen": lambda old: "::/0" if ":" in old else "0.0.0.0/0",
    "swap": lambda old: [old[1], old[0], *old[2:]],
    "empty": lambda old: type(old)() if isinstance(old, str | list) else {},
}


def _other(plan: Plan, resource: Resource, keys: Keys, draw: random.Random) -> Any:
    """Another text that stands at the same path somewhere: in the clean plan of the stack, else in any."""
    old = _at(resource.inputs, keys)
    clean = sorted(map(planned, STACK_FILES), key=lambda each: each.stack != plan.stack)
    for each in clean:
        options = [text for text in _texts(each.stack)[resource.type, general(keys)] if text != old]
        if options:
            return draw.choice(options)
    return _SAME


@functools.cache
def _texts(stack: str) -> Mapping[tuple[str, str], list[str]]:
    """The texts of a clean plan by type and path."""
    found: dict[tuple[str, str], set[str]] = {}
    for resource in next(plan for plan in map(planned, STACK_FILES) if plan.stack == stack):
        for keys, value in () if upstream(resource.urn) else values(resource.inputs):
            if isinstance(value, str):
                found.setdefault((resource.type, general(keys)), set()).add(value)
    return defaultdict(list, {key: sorted(texts) for key, texts in found.items()})


def rewritten(plan: Plan, resource: Resource, keys: Keys, value: Any) -> Resource:
    """The resource with the value at some keys changed, inside a document too, and what it depends on with it."""
    while DOCUMENT in keys:
        cut = len(keys) - 1 - keys[::-1].index(DOCUMENT)
        inside = _document(_at(resource.inputs, keys[:cut]))
        _put(inside, keys[cut + 1 :], value)
        keys, value = keys[:cut], json.dumps(inside)
    new = with_input(resource, keys, value)
    top = str(keys[0])
    behind = dict(resource.property_dependencies)
    if behind.pop(top, ()) and (found := _behind(plan, resource, new, top)):
        behind[top] = found
    return dataclasses.replace(new, property_dependencies=behind)


def _behind(plan: Plan, old: Resource, new: Resource, top: str) -> tuple[str, ...]:
    """What a property is made from after a change: an id that is gone takes its resource away, a new one brings its."""
    if top not in new.inputs:
        return ()
    before, after = json.dumps(old.inputs.get(top)), json.dumps(new.inputs[top])
    had = old.property_dependencies[top]
    same = (each.property_dependencies.get(top, ()) for each in plan.of_type(old.type))
    found: list[str] = []
    for urn in dict.fromkeys([*had, *(urn for urns in same for urn in urns)]):
        marks = _marks(plan, urn)
        stands = any(mark in after for mark in marks)
        if stands or (urn in had and not any(mark in before for mark in marks)):
            found.append(urn)
    return tuple(found)


def _marks(plan: Plan, urn: str) -> tuple[str, ...]:
    """What shows that a value came from a resource: its id and the like."""
    resource = plan.get(urn)
    outputs = {} if resource is None else {"id": resource.id, **resource.outputs}
    return tuple(each for key, each in outputs.items() if key != "region" and isinstance(each, str) and len(each) > 7)


def _at(value: Any, keys: Keys) -> Any:
    for key in keys:
        value = _document(value) if key == DOCUMENT else value[key]
    return value


def _put(holder: Any, keys: Keys, value: Any) -> None:
    for key in keys[:-1]:
        holder = holder[key]
    if value is DROP:
        del holder[keys[-1]]
    else:
        holder[keys[-1]] = value


def _short(value: Any) -> str:
    if isinstance(value, Mapping) and value.get(SIGNATURE) in {SECRET, RESOURCE}:
        return "[secret]" if value[SIGNATURE] == SECRET else "[reference]"
    shown = json.dumps(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
