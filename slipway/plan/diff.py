"""What `up` would do to an environment that was made from an earlier plan: what comes, changes, goes and stays.

Only what is sure is said. Whether a changed input replaces a resource is the provider's to know, unless the program
itself asks for it; `pulumi preview` asks the provider.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal, TypeAlias

from infra.catalog.prices import HOURS_PER_MONTH
from slipway.plan.bill.lines import Cost, Line
from slipway.plan.changes import Change, changes
from slipway.plan.cost import cost
from slipway.plan.fates import Fate, fates
from slipway.plan.fleet import LAUNCH_TEMPLATE, NODE_GROUP
from slipway.plan.model import Plan, Resource

Figures: TypeAlias = tuple[float, float]
"""At desired and at maximum size."""
_NOTHING: Final = (0.0, 0.0)
Action = Literal["add", "change", "replace", "delete", "keep", "refuse"]
_OPTIONS: Final = ("protect", "retain_on_delete", "deleted_with", "provider_urn")
"""Options that decide over a resource's life."""
_ALL: Final = "*"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One resource, and what becomes of it.

    `keep`: taken out of the stack, but still there. `refuse`: `up` would stop because of it. `why` says more where
    there is more to say.
    """

    action: Action
    urn: str
    type: str
    name: str
    changes: tuple[Change, ...] = ()
    why: str = ""

    def data(self) -> dict[str, Any]:
        """For machines."""
        parts = [{"path": each.path, "before": each.before, "after": each.after} for each in self.changes]
        found = {"action": self.action, "type": self.type, "name": self.name, "urn": self.urn}
        return {**found, **({"changes": parts} if parts else {}), **({"why": self.why} if self.why else {})}


@dataclass(frozen=True, kw_only=True)
class Bill:
    """What both plans cost, and where they differ."""

    before: Cost
    after: Cost

    @property
    def lines(self) -> tuple[tuple[str, Figures, Figures], ...]:
        """The items whose figures differ: item, before and after, USD a month."""
        before, after = _by_item(self.before), _by_item(self.after)
        return tuple(
            (item, before.get(item, _NOTHING), after.get(item, _NOTHING))
            for item in dict.fromkeys((*before, *after))
            if before.get(item) != after.get(item)
        )

    def data(self) -> dict[str, Any]:
        """For machines."""
        sides = {"before": self.before, "after": self.after}
        sums = {key: {**_figures(month(each)), "verified": each.verified} for key, each in sides.items()}
        lines = [
            {"item": item, "before": _figures(before), "after": _figures(after)} for item, before, after in self.lines
        ]
        return {"unit": "USD a month", **sums, "lines": lines}


def month(bill: Cost | Line) -> Figures:
    """USD a month at desired and at maximum size."""
    return bill.desired * HOURS_PER_MONTH, bill.maximum * HOURS_PER_MONTH


def _figures(figures: Figures) -> dict[str, float]:
    return {"desired": round(figures[0], 2), "maximum": round(figures[1], 2)}


def _by_item(bill: Cost) -> dict[str, Figures]:
    found: dict[str, Figures] = {}
    for line in bill.lines:
        so_far, more = found.get(line.item, _NOTHING), month(line)
        found[line.item] = (so_far[0] + more[0], so_far[1] + more[1])
    return found


@dataclass(frozen=True, kw_only=True)
class Diff:
    """What differs between an earlier plan and a later one. `fates` are of what the later one lacks, by URN."""

    before: Plan
    after: Plan
    entries: tuple[Entry, ...]
    fates: Mapping[str, Fate]
    bill: Bill

    def of(self, *actions: Action) -> tuple[Entry, ...]:
        """The entries with these actions, in order."""
        return tuple(entry for entry in self.entries if entry.action in actions)

    @property
    def refused(self) -> tuple[Entry, ...]:
        """What `up` would stop at."""
        return self.of("refuse")


def diff(before: Plan, after: Plan, on: date | None = None) -> Diff:
    """Compare two recordings of one environment, made with the same seed, so that equal things have equal ids.

    Args:
        before: What is there now.
        after: What there shall be.
        on: The day for the prices; today by default.
    """
    renamed = {alias: each.urn for each in after for alias in each.aliases if alias in before and alias not in after}
    removed = [each for each in before if each.urn not in after and each.urn not in renamed]
    ended = fates(removed)
    old = {renamed.get(each.urn, each.urn): each for each in before}
    entries = [
        *_compared(old, after),
        *(entry for each in removed if (entry := _leaving(each, ended[each.urn])) is not None),
    ]
    bill = Bill(before=cost(before, on), after=cost(after, on))
    return Diff(before=before, after=after, entries=tuple(entries), fates=ended, bill=bill)


def _compared(old: Mapping[str, Resource], after: Plan) -> Iterator[Entry]:
    """What the later plan has: new, changed, or led by something that changed."""
    templates: set[str] = set()
    for resource in after:
        earlier = old.get(resource.urn)
        if earlier is None:
            if _exists(resource):
                yield _entry("add", resource)
            continue
        found = tuple(_changes(earlier, resource))
        if found and resource.type == LAUNCH_TEMPLATE:
            templates.add(resource.urn)
        led = [urn for urn in resource.property_dependencies.get("launchTemplate", ()) if urn in templates]
        why = "its launch template gets a new version, so its nodes are replaced" if led else ""
        if resource.type != NODE_GROUP:
            why = ""
        if found and _replaces(resource, found):
            if earlier.protect:
                yield _entry("refuse", resource, found, "protected, and would be replaced")
            else:
                yield _entry("replace", resource, found, "the program says that this replaces it")
        elif found or why:
            yield _entry("change", resource, found, why)


def _exists(resource: Resource) -> bool:
    """Whether a resource is more than a name in the program."""
    return resource.custom and not resource.external and not resource.type.startswith("pulumi:providers:")


def _entry(action: Action, resource: Resource, found: tuple[Change, ...] = (), why: str = "") -> Entry:
    return Entry(action=action, urn=resource.urn, type=resource.type, name=resource.name, changes=found, why=why)


def _changes(before: Resource, after: Resource) -> Iterator[Change]:
    if before.urn != after.urn:
        yield Change(path="[name]", before=before.name, after=after.name)
    if before.inputs != after.inputs:
        yield from changes("", before.inputs, after.inputs)
    for option in _OPTIONS:
        yield from changes(f"[{option}]", getattr(before, option), getattr(after, option))


def _replaces(resource: Resource, found: tuple[Change, ...]) -> bool:
    """Whether the program itself asks to replace the resource when this changes."""
    asked = resource.replace_on_changes
    return any(
        key in (_ALL, each.path) or each.path.startswith((f"{key}.", f"{key}[")) for key in asked for each in found
    )


def _leaving(resource: Resource, fate: Fate) -> Entry | None:
    match fate.kind:
        case "refused":
            return _entry("refuse", resource, why="protected, and no longer in the stack file")
        case "deleted" | "goes-with":
            return _entry("delete", resource, why=fate.why)
        case "stays":
            return _entry("keep", resource, why=fate.why)
        case "nothing":
            return None
