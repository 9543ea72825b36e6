"""Order among names: who waits for whom. Pure."""

import heapq
from collections.abc import Callable, Mapping, Set
from graphlib import CycleError, TopologicalSorter

Edges = Mapping[str, Set[str]]
"""Each name, and the names it waits for."""


def reachable(start: str, edges: Edges) -> frozenset[str]:
    """Everything that `start` waits for, directly or not."""
    found: set[str] = set()
    todo = [start]
    while todo:
        new = edges.get(todo.pop(), frozenset()) - found
        found |= new
        todo += sorted(new)
    return frozenset(found)


def cycle(edges: Edges) -> str | None:
    """The members of a cycle as a message, or None."""
    try:
        TopologicalSorter({name: sorted(edges[name]) for name in sorted(edges)}).prepare()
    except CycleError as error:
        # graphlib puts a node before the ones that wait for it.
        return f"add-ons wait for each other: {' needs '.join(reversed(error.args[1]))}"
    return None


def ordered(edges: Edges, *, first: Callable[[str], bool]) -> tuple[str, ...]:
    """The names, each after those it waits for.

    Where several could come next, those that `first` holds for do, then the order of names.
    """
    sorter = TopologicalSorter(edges)
    sorter.prepare()
    names: list[str] = []
    ready: list[tuple[bool, str]] = []
    while sorter.is_active():
        for name in sorter.get_ready():
            heapq.heappush(ready, (not first(name), name))
        _, name = heapq.heappop(ready)
        names.append(name)
        sorter.done(name)
    return tuple(names)
