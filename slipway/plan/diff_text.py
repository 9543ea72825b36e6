"""What differs between two plans, for a terminal, a file or a pipe, and for machines."""

from collections.abc import Iterable, Iterator
from typing import Any, Final, TextIO

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from slipway.plan import text
from slipway.plan.bill.lines import Cost
from slipway.plan.diff import Diff, Entry, month
from slipway.plan.tenants import TenantDiff, tenants

_INDENT: Final = 2
_TITLES: Final = {"added": "new", "removed": "taken out", "changed": "changed"}


def show(found: Diff, source: str, stream: TextIO) -> None:
    """Write the page; `source` says what it is compared with."""
    text.write(Group(*_page(found, source)), stream)


def data(found: Diff, source: str) -> dict[str, Any]:
    """The same for machines."""
    return {
        "project": found.after.project,
        "environment": found.after.stack,
        "from": source,
        "refused": [_refusal(entry) for entry in found.refused],
        "resources": [entry.data() for entry in found.entries],
        "tenants": [each.json() for each in tenants(found)],
        "cost": found.bill.data(),
    }


def _page(found: Diff, source: str) -> Iterator[RenderableType]:
    yield Text.assemble((found.after.stack, "bold"), f"  compared with {source}")
    if not found.entries:
        yield Text("No difference.")
        return
    yield Padding(Text(_in_short(found)), (0, 0, 0, _INDENT))
    if found.refused:
        yield from _refusals(found.refused)
    people = tenants(found)
    if people:
        yield from _section("Tenants", _tenants(people))
    added = found.of("add")
    if added:
        yield from _section(f"Added ({len(added)})", _by_type(added))
    changed = found.of("change", "replace")
    if changed:
        yield from _section(f"Changed ({len(changed)})", _changed(changed))
    deleted = found.of("delete")
    if deleted:
        yield from _section(f"Deleted ({len(deleted)})", _by_type(deleted))
    kept = found.of("keep")
    if kept:
        yield from _section(f"Out of the stack, and still there ({len(kept)})", _by_type(kept))
    if found.bill.lines:
        yield from _section("Cost in USD a month", _cost(found))


def _section(title: str, body: RenderableType) -> Iterator[RenderableType]:
    yield Text()
    yield Text(title, "bold")
    yield Padding(body, (0, 0, 0, _INDENT))


def _in_short(found: Diff) -> str:
    counts = {
        "added": found.of("add"),
        "changed": found.of("change"),
        "replaced": found.of("replace"),
        "deleted": found.of("delete"),
        "kept outside of the stack": found.of("keep"),
        "refused": found.refused,
    }
    said = ", ".join(f"{len(entries)} {word}" for word, entries in counts.items() if entries)
    bill = found.bill
    return f"{said}; {_month(bill.before)} -> {_month(bill.after)} USD a month as desired"


def _month(bill: Cost) -> str:
    return f"{'' if bill.verified else '~'}{month(bill)[0]:,.0f}"


def _refusal(entry: Entry) -> str:
    """What keeps `up` from going on."""
    return f"{_kind(entry.type)} {entry.name}: {entry.why}"


def _refusals(entries: Iterable[Entry]) -> Iterator[RenderableType]:
    yield Text()
    yield Text("Refused: `up` would stop here", "bold red")
    yield Text("  Take the change back, or unprotect first what shall go:")
    for entry in entries:
        yield Text(f"  - {_refusal(entry)}")
        # In one piece, to be copied.
        yield Text(f"    pulumi state unprotect '{entry.urn}'", "dim", no_wrap=True, overflow="ignore")


def _kind(type_: str) -> str:
    """A type as a reader knows it: `aws:iam/role:Role` is `iam Role`."""
    return " ".join(text.plain(type_))


def _tenants(people: Iterable[TenantDiff]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for each in people:
        table.add_row(each.name, _TITLES[each.status], "")
        for word, actions in (
            ("comes", ("add",)),
            ("changes", ("change", "replace")),
            ("goes", ("delete",)),
            ("stays", ("keep",)),
        ):
            entries = each.of(*actions)
            if entries:
                table.add_row("", word, text.Flow(_kinds(entries)))
        for place in each.data:
            table.add_row("", "data", f"{place.place} {'stays' if place.stays else 'goes'}: {place.why}")
    return table


def _kinds(entries: Iterable[Entry]) -> list[str]:
    """How many of each kind: `3 PersistentVolume`."""
    counts: dict[str, int] = {}
    for entry in entries:
        kind = entry.type.rpartition(":")[2]
        counts[kind] = counts.get(kind, 0) + 1
    return [f"{count} {kind}" for kind, count in sorted(counts.items())]


def _by_type(entries: Iterable[Entry]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    found: dict[str, list[str]] = {}
    for entry in entries:
        found.setdefault(_kind(entry.type), []).append(entry.name)
    for kind, named in sorted(found.items()):
        table.add_row(kind, text.Flow(named))
    return table


def _changed(entries: Iterable[Entry]) -> Table:
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(overflow="fold")
    for entry in entries:
        replaced = ("  replaced: ", "red") if entry.action == "replace" else ("", "")
        table.add_row(
            Text.assemble((f"{_kind(entry.type)} ", "dim"), entry.name, replaced, entry.why if replaced[0] else "")
        )
        for change in entry.changes:
            table.add_row(Text(f"  {change}"))
        if entry.why and entry.action == "change":
            table.add_row(Text(f"  {entry.why}", "yellow"))
    return table


def _cost(found: Diff) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("", overflow="fold")
    for column in ("desired", "", "maximum", ""):
        table.add_column(column, justify="right", no_wrap=True)
    rows = [*found.bill.lines, ("total", month(found.bill.before), month(found.bill.after))]
    for item, before, after in rows:
        pairs = zip(before, after, strict=True)
        cells = [cell for one, other in pairs for cell in (f"{one:,.0f}", f"-> {other:,.0f}" if one != other else "")]
        table.add_row(item, *cells)
    return table
