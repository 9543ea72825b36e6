"""Whether all pods of a job can run at a time: as many nodes as there can be, pods whole. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from slipway.jobs.model import PodSet
from slipway.jobs.nodes import Group
from slipway.jobs.place import Need, per_node
from slipway.jobs.quantity import compared

_PODS: Final = "pods"
"""What a node has of places for pods, as Kubernetes names it."""


@dataclass(frozen=True, kw_only=True)
class Member:
    """Pods that are alike, with the groups that take them.

    Attributes:
        podset: The pods.
        need: What each asks for.
        groups: Those whose nodes take one.
        one_zone: Whether all must be in one zone.
    """

    podset: PodSet
    need: Need
    groups: tuple[Group, ...]
    one_zone: bool


def room(member: Member) -> tuple[int, str]:
    """How many of the pods can run at a time if nothing else does, and where that is."""
    zones: dict[str, list[Group]] = {}
    for group in member.groups:
        zones.setdefault(group.pool.zone_id if member.one_zone else "", []).append(group)
    counts = {zone: sum(group.nodes * per_node(member.need, group) for group in found) for zone, found in zones.items()}
    if member.need.scattered:
        counts = {zone: len({group.pool.zone_id for group in found}) for zone, found in zones.items()}
    best = max(counts, key=lambda zone: counts[zone], default="")
    places = ", ".join(
        f"{group.name}: {group.nodes} nodes of {per_node(member.need, group)}" for group in zones.get(best, ())
    )
    return counts.get(best, 0), places


def short(members: Sequence[Member]) -> Iterator[tuple[str, int, int, tuple[Group, ...]]]:
    """Resources of which a job's pods together ask for more than all nodes that take them can ever have.

    Yields:
        Resource, what is asked for, what there can be, and the groups.
    """
    seen: set[tuple[str, ...]] = set()
    for member in members:
        names = tuple(group.name for group in member.groups)
        if names in seen:
            continue
        seen.add(names)
        inside = [each for each in members if each.groups and {group.name for group in each.groups} <= set(names)]
        if len(inside) < 2:  # noqa: PLR2004  # one alone is `room`'s
            continue
        totals: dict[str, int] = {}
        for each in inside:
            for resource, amount in each.need.requests.items():
                totals[resource] = totals.get(resource, 0) + amount * each.podset.least
        for resource, total in totals.items():
            if not all(resource in group.free for group in member.groups):
                continue
            most = sum(group.nodes * group.free.get(resource, 0) for group in member.groups)
            if total > most:
                yield resource, total, most, member.groups


def packs(members: Sequence[Member], most_pods: int = 20_000) -> bool:
    """Whether the pods fit whole, the largest first, each on the first node with room; true where they are too many."""
    if sum(each.podset.least for each in members) > most_pods:
        return True
    nodes: dict[str, list[dict[str, int]]] = {}
    for member in sorted(members, key=_weight, reverse=True):
        zones: dict[str, list[Group]] = {}
        for group in member.groups:
            zones.setdefault(group.pool.zone_id if member.one_zone else "", []).append(group)
        if not any(_placed(member, found, nodes) for found in zones.values()):
            return False
    return True


def _weight(member: Member) -> tuple[int, int, int]:
    requests = member.need.requests
    others = sum(amount for resource, amount in requests.items() if "/" in resource)
    return (-len(member.groups), others, requests.get("cpu", 0))


def _placed(member: Member, groups: Sequence[Group], nodes: dict[str, list[dict[str, int]]]) -> bool:
    """Put all of the pods on nodes of these groups; change nothing where they do not all fit."""
    trial = {group.name: [dict(node) for node in nodes.get(group.name, ())] for group in groups}
    left = member.podset.least
    for group in groups:
        have = trial[group.name]
        index = 0
        while left and (index < len(have) or len(have) < group.nodes):
            if index == len(have):
                have.append({**group.free, _PODS: group.pods})
            most = 1 if member.need.alone else left
            asked = {**member.need.requests, _PODS: 1}
            taken = min(left, most, _fits(asked, have[index]))
            for resource, amount in asked.items():
                if resource in have[index]:
                    have[index][resource] -= amount * taken
            left -= taken
            index += 1
    if left:
        return False
    nodes.update(trial)
    return True


def _fits(requests: Mapping[str, int], free: Mapping[str, int]) -> int:
    # A disk of unknown size holds what is written to it.
    return min(free[each] // amount for each, amount in requests.items() if amount and each in free)


def demand(resource: str, total: int, most: int) -> str:
    """What a job asks for against what there can be."""
    return f"{resource} {compared(resource, total, most)}"
