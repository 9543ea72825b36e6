"""The order of resources: what a resource needs comes before it."""

import heapq
from collections.abc import Iterable

from slipway import urns
from slipway.plan.model import Resource


class CycleError(ValueError):
    """Resources depend on each other in a ring; `urns` are its members, in order."""

    def __init__(self, members: tuple[str, ...]) -> None:
        """Keep the members of the ring."""
        self.urns = members
        names = " -> ".join(urns.name(urn) for urn in (*members, members[0]))
        super().__init__(f"resources depend on each other in a ring: {names}")


def needs(resource: Resource) -> frozenset[str]:
    """The URNs that must exist before this resource: parent, provider, dependencies, deletedWith."""
    found = {resource.parent, resource.provider_urn, resource.deleted_with, *resource.dependencies}
    for behind in resource.property_dependencies.values():
        found.update(behind)
    return frozenset(found - {""})


def ordered(resources: Iterable[Resource]) -> tuple[Resource, ...]:
    """The resources, needs first; ties go by URN, so that the order says nothing about when they were registered.

    Raises:
        CycleError: There is a ring.
    """
    by_urn = {resource.urn: resource for resource in resources}
    waiting = {urn: {n for n in needs(r) if n in by_urn} for urn, r in by_urn.items()}
    users: dict[str, list[str]] = {}
    for urn, needed in waiting.items():
        for need in needed:
            users.setdefault(need, []).append(urn)
    # The stack comes first, as in the engine's state, then what stands free.
    ready = [(by_urn[urn].type != urns.STACK_TYPE, urn) for urn, needed in waiting.items() if not needed]
    heapq.heapify(ready)
    found: list[Resource] = []
    while ready:
        _, urn = heapq.heappop(ready)
        found.append(by_urn[urn])
        for user in users.get(urn, ()):
            waiting[user].discard(urn)
            if not waiting[user]:
                heapq.heappush(ready, (True, user))
    if len(found) < len(by_urn):
        raise CycleError(_ring({urn: needed for urn, needed in waiting.items() if needed}))
    return tuple(found)


def _ring(stuck: dict[str, set[str]]) -> tuple[str, ...]:
    """One ring among resources that each need another of them."""
    path = [min(stuck)]
    while True:
        following = min(need for need in stuck[path[-1]] if need in stuck)
        if following in path:
            return tuple(path[path.index(following) :])
        path.append(following)
