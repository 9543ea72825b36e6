"""Which add-ons may be installed together: closed under needs, and without a conflict."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any

from addons.graph import reachable
from addons.registry import POD_IDENTITY_AGENT
from addons.settings import AddonsSettings
from addons.spec import AddOn

Catalogue = Mapping[str, AddOn[Any]]


def closure(names: Iterable[str], catalogue: Catalogue) -> frozenset[str]:
    """The add-ons and all that they need, the Pod Identity agent included."""
    needs = {
        name: {*addon.needs, *([POD_IDENTITY_AGENT] if addon.identities and name != POD_IDENTITY_AGENT else [])}
        for name, addon in catalogue.items()
    }
    return frozenset(names).union(*(reachable(name, needs) for name in names))


def clashes(names: Iterable[str], catalogue: Catalogue) -> list[tuple[str, str]]:
    """The pairs among these add-ons that conflict."""
    return [(a, b) for a, b in combinations(sorted(names), 2) if b in catalogue[a].conflicts]


def asking_for(names: Iterable[str], catalogue: Catalogue, settings: Mapping[str, Any] | None = None) -> AddonsSettings:
    """What a stack file says to get exactly these."""
    wanted = set(names)
    brought = {name for name, addon in catalogue.items() if "minimal" in addon.presets}
    return AddonsSettings(
        preset="minimal",
        enable=tuple(sorted(wanted)),
        disable=tuple(sorted(brought - wanted)),
        settings=settings or {},
    )


def maximal(catalogue: Catalogue) -> list[frozenset[str]]:
    """Every legal selection to which nothing can be added."""
    closures = {name: closure([name], catalogue) for name in catalogue}
    apart: dict[str, set[str]] = {name: set() for name in catalogue}
    for a, b in combinations(catalogue, 2):
        if clashes(closures[a] | closures[b], catalogue):
            apart[a].add(b)
            apart[b].add(a)
    # Two that can be together are together in some: conflicts are between two, so pairs say it all.
    free = frozenset(name for name in catalogue if not apart[name])
    return sorted((free | each for each in _cliques(frozenset(catalogue) - free, apart)), key=sorted)


def _cliques(names: frozenset[str], apart: Mapping[str, set[str]]) -> list[frozenset[str]]:
    """The largest sets of names of which no two are apart (Bron and Kerbosch)."""
    together = {name: names - apart[name] - {name} for name in names}

    def grow(chosen: frozenset[str], open_: frozenset[str], done: frozenset[str]) -> Iterator[frozenset[str]]:
        if not open_ and not done:
            yield chosen
            return
        pivot = max(sorted(open_ | done), key=lambda name: len(open_ & together[name]))
        for name in sorted(open_ - together[pivot]):
            yield from grow(chosen | {name}, open_ & together[name], done & together[name])
            open_, done = open_ - {name}, done | {name}

    return list(grow(frozenset(), names, frozenset()))


def covering(catalogue: Catalogue) -> list[frozenset[str]]:
    """A few of the largest selections, in which every two that can be together are together once."""
    sets = maximal(catalogue)
    left = {pair for each in sets for pair in combinations(sorted(each), 2)}
    found: list[frozenset[str]] = []
    while left:
        best = max(sets, key=lambda each: len(left & set(combinations(sorted(each), 2))))
        left -= set(combinations(sorted(best), 2))
        found.append(best)
    return found
