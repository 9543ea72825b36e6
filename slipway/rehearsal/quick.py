"""Parts of Pulumi's SDK that a recording does in its own way: linear in time, and without garbage.

- Against rings the SDK walks everything that a resource stands on, each time that something is declared to depend on
  it: quadratic time, an hour for a thousand tenants. What is registered waits for nobody any more, so here the way
  ends there.
- For each resource in `depends_on` it makes futures, of which a plain resource needs none.
- Its search for unknowns is a function that refers to itself, one for each call: garbage that only the collector finds,
  which has a rest while a program is recorded.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Final

from pulumi import Resource
from pulumi.output import Unknown
from pulumi.runtime import _depends_on, rpc

_DEPENDENCIES: Final = "_direct_computed_dependencies"
"""As the SDK names it (`pulumi/runtime/resource_cycle_breaker.py`)."""


@contextmanager
def quick() -> Iterator[None]:
    """Stand in the SDK's place; everything is put back afterwards."""
    resolve = _depends_on._resolve_depends_on

    async def resolved(depends_on: Any) -> set[Resource]:  # noqa: ANN401 - whatever the SDK takes
        if isinstance(depends_on, list) and all(isinstance(each, Resource) for each in depends_on):
            return set(depends_on)
        found: set[Resource] = await resolve(depends_on)
        return found

    ours: tuple[tuple[ModuleType, Mapping[str, Any]], ...] = (
        (rpc, {"declare_dependency": declared, "contains_unknowns": contains_unknowns}),
        (_depends_on, {"_resolve_depends_on": resolved}),
    )
    theirs = [(module, {name: vars(module)[name] for name in functions}) for module, functions in ours]
    try:
        for module, functions in ours:
            vars(module).update(functions)
        yield
    finally:
        for module, functions in theirs:
            vars(module).update(functions)


def declared(from_resource: Resource, to_resource: Resource) -> bool:
    """Remember that one resource depends on another, unless that closes a ring; returns whether it does not.

    In the place of `pulumi.runtime.resource_cycle_breaker.declare_dependency`.
    """
    if not _registered(to_resource) and _leads(to_resource, from_resource):
        return False
    known: set[Resource] | None = getattr(from_resource, _DEPENDENCIES, None)
    if known is None:
        setattr(from_resource, _DEPENDENCIES, {to_resource})
    else:
        known.add(to_resource)
    return True


def contains_unknowns(value: object) -> bool:
    """Whether there is an unknown in a value, or in its lists and objects.

    In the place of `pulumi.runtime.rpc.contains_unknowns`.
    """
    if isinstance(value, str | int | float) or value is None:
        return False
    seen: set[int] = set()
    waiting = [value]
    while waiting:
        here = waiting.pop()
        if isinstance(here, Unknown):
            return True
        if isinstance(here, dict | list) and id(here) not in seen:
            seen.add(id(here))
            # The SDK's own dicts may have a property called `values`.
            waiting.extend([here[key] for key in here] if isinstance(here, dict) else here)
    return False


def _registered(resource: Resource) -> bool:
    """Whether the resource has its URN, for which it waited until all that it depends on had theirs."""
    urn = resource.__dict__.get("urn")
    return urn is not None and bool(urn._data.done())


def _leads(start: Resource, end: Resource) -> bool:
    """Whether what is declared so far leads from one resource to another that is not registered."""
    seen = {start}
    waiting = [start]
    while waiting:
        here = waiting.pop()
        if here is end:
            return True
        for each in getattr(here, _DEPENDENCIES, ()):
            if each not in seen and not _registered(each):
                seen.add(each)
                waiting.append(each)
    return False
