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
    """The add-ons and all that they need, the Pod Identity agent included.

    Where one of several will do, the first that goes together with the rest.
    """
    wanted = frozenset(names)
    ways = list(closures(wanted, catalogue))
    return next((way for way in ways if not clashes(way, catalogue)), ways[0])


def closures(names: frozenset[str], catalogue: Catalogue) -> Iterator[frozenset[str]]:
    """Every way to give the add-ons all that they need."""
    needs = _needs(catalogue)
    found = names.union(*(reachable(name, needs) for name in names))
    open_ = [choice for name in sorted(found) if (choice := catalogue[name].needs_one_of) and not found & set(choice)]
    if not open_:
        yield found
        return
    for other in open_[0]:
        yield from closures(found | {other}, catalogue)


def _needs(catalogue: Catalogue) -> dict[str, set[str]]:
    return {
        name: {*addon.needs, *([POD_IDENTITY_AGENT] if addon.has_identities and name != POD_IDENTITY_AGENT else [])}
        for name, addon in catalogue.items()
    }


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
    alone = {name: closure([name], catalogue) for name in catalogue}
    apart: dict[str, set[str]] = {name: set() for name in catalogue}
    for a, b in combinations(catalogue, 2):
        # What each needs by itself goes together, or another way to give both what they need does.
        if clashes(alone[a] | alone[b], catalogue) and clashes(closure([a, b], catalogue), catalogue):
            apart[a].add(b)
            apart[b].add(a)
    # Two that can be together are together in some: conflicts are between two, so pairs say nearly all.
    free = frozenset(name for name in catalogue if not apart[name])
    found = (_without_unmet(free | each, catalogue) for each in _cliques(frozenset(catalogue) - free, apart))
    return sorted(dict.fromkeys(found), key=sorted)


def bound(catalogue: Catalogue) -> frozenset[str]:
    """The add-ons that some other cannot be together with, by themselves or by what they need."""
    return frozenset(catalogue) - frozenset.intersection(*maximal(catalogue))


def _without_unmet(names: frozenset[str], catalogue: Catalogue) -> frozenset[str]:
    """Leaves out those of which one of several others must be there, and none can be."""
    needs = _needs(catalogue)
    unmet = {name for name in names if (choice := catalogue[name].needs_one_of) and not names & set(choice)}
    return frozenset(name for name in names if name not in unmet and not reachable(name, needs) & unmet)


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
    free = frozenset.intersection(*sets)

    def pairs(names: frozenset[str]) -> set[tuple[str, ...]]:
        # Who is there at all is together with all that are always there.
        return {*combinations(sorted(names - free), 2), *combinations(names - free, 1), ()}

    left = set().union(*(pairs(names) for names in sets))
    found: list[frozenset[str]] = []
    while left:
        best = max(sets, key=lambda names: len(left & pairs(names)))
        left -= pairs(best)
        found.append(best)
    return found
