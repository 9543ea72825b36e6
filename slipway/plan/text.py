"""The summary of a plan for a terminal, a file or a pipe."""

import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal, TextIO

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.measure import Measurement
from rich.padding import Padding
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from infra.catalog.prices import HOURS_PER_MONTH
from slipway.plan.summary import Summary
from slipway.printable import printable
from slipway.urns import STACK_TYPE
from slipway.wire import is_unknown

PLAIN_WIDTH: Final = 110
"""Columns where the output is no terminal and has no width of its own."""
_INDENT: Final = 2


def show(
    summary: Summary, stream: TextIO, *, brief: bool = False, more: Iterable[tuple[str, RenderableType]] = ()
) -> None:
    """Write a plan's page.

    Args:
        summary: What to show.
        stream: Where to.
        brief: Leave out the add-ons, the counts and the bill's lines.
        more: Sections that come last: what others have to say of the plan, each with its title.
    """
    last = [part for title, body in more for part in _section(title, body)]
    write(Group(*_sections(summary, brief=brief), *last), stream)


def write(page: RenderableType, stream: TextIO) -> None:
    """Write a page: with colour and as wide as it is to a terminal, plain elsewhere. What must not break runs over."""
    if stream.isatty():
        _console(stream).print(_Printable(page), crop=False)
        return
    text = io.StringIO()
    _console(text, width=PLAIN_WIDTH).print(_Printable(page), crop=False)
    lines = text.getvalue().splitlines()
    stream.write("\n".join(line.rstrip() for line in lines) + "\n")


class _Printable:
    """A page in which no name or value speaks to the terminal."""

    def __init__(self, page: RenderableType) -> None:
        """Take the page."""
        self._page = page

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        """The page's own segments: colours are no part of their texts."""
        for each in console.render(self._page, options):
            yield each if each.control else Segment(printable(each.text), each.style)


def _console(stream: TextIO, width: int | None = None) -> Console:
    return Console(file=stream, highlight=False, emoji=False, markup=False, width=width)


def _sections(summary: Summary, *, brief: bool) -> Iterator[RenderableType]:
    yield _title(summary)
    yield _facts(summary)
    if summary.groups:
        yield from _section("Node groups", _groups(summary))
    if summary.stores:
        yield from _section("Storage", _stores(summary))
    if summary.services:
        yield from _section("Services", _services(summary))
    if brief:
        yield Text()
        yield Padding(Text(_in_short(summary)), (0, 0, 0, _INDENT))
        yield from _warnings(summary)
        return
    if summary.addons:
        yield from _section(f"Add-ons ({len(summary.addons)})", _addons(summary))
    yield from _section(f"Resources ({summary.resources})", _counts(summary))
    yield from _section("Cost in USD an hour", _cost(summary))
    yield from _notes(summary)


def _title(summary: Summary) -> Text:
    title = Text.assemble(
        (summary.cluster or summary.stack, "bold"),
        (f"  {summary.stack}, {summary.region}, Kubernetes {summary.version}", ""),
    )
    if summary.preview:
        title.append("  preview: what AWS decides is unknown", "dim")
    return title


def _facts(summary: Summary) -> RenderableType:
    table = _list()
    table.add_row("zones", ", ".join(summary.zones))
    table.add_row("network", summary.network)
    table.add_row("API server", summary.endpoint)
    return Padding(table, (0, 0, 0, _INDENT))


def _section(title: str, body: RenderableType) -> Iterator[RenderableType]:
    yield Text()
    yield Text(title, "bold")
    yield Padding(body, (0, 0, 0, _INDENT))


def _table(*columns: str, right: tuple[str, ...] = (), wraps: str | None = None) -> Table:
    """A table without lines. In a narrow terminal the column `wraps` gives way; where none is named, all do."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns:
        justify: Literal["left", "right"] = "right" if column in right else "left"
        table.add_column(column, justify=justify, overflow="fold", no_wrap=wraps not in (None, column))
    return table


def _groups(summary: Summary) -> Table:
    columns = ("group", "zone", "type", "capacity", "min/desired/max", "accelerators", "EFA")
    table = _table(*columns, right=("EFA",), wraps="accelerators")
    for group in summary.groups:
        table.add_row(
            group.group,
            group.zone,
            "\n".join(group.types),
            group.capacity,
            f"{group.minimum}/{group.desired}/{group.maximum}",
            "\n".join(filter(None, [group.accelerator or "-", group.sharing and f"shared: {group.sharing}"])),
            str(group.efa_interfaces or "-"),
        )
    return table


def _stores(summary: Summary) -> Table:
    table = _table("kind", "name", "zone", "size", "", right=("size",))
    for store in summary.stores:
        zone = "by AWS" if is_unknown(store.zone) else store.zone
        table.add_row(store.kind, store.name, zone, store.size, store.detail)
    return table


def _services(summary: Summary) -> Table:
    table = _table("kind", "name", "", wraps="")
    for service in summary.services:
        table.add_row(service.kind, service.name, service.detail)
    return table


def _addons(summary: Summary) -> RenderableType:
    table = _list()
    for kind in dict.fromkeys(addon.kind for addon in summary.addons):
        named = [
            f"{addon.name} {'(version by AWS)' if is_unknown(addon.version) else addon.version}".strip()
            for addon in summary.addons
            if addon.kind == kind
        ]
        table.add_row(kind, Flow(named))
    for name, reason in summary.left_out.items():
        table.add_row("left out", f"{name}: {reason}")
    return table


def _counts(summary: Summary) -> RenderableType:
    table = _list()
    services: dict[str, list[tuple[int, str]]] = {}
    for type_, count in summary.counts.items():
        if type_ != STACK_TYPE:
            service, name = plain(type_)
            services.setdefault(service, []).append((count, name))
    for service, found in sorted(services.items(), key=lambda pair: (-sum(count for count, _ in pair[1]), pair[0])):
        ranked = sorted(found, key=lambda pair: (-pair[0], pair[1]))
        table.add_row(service, Flow([f"{count} {name}" for count, name in ranked]))
    return table


def _list() -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    return table


class Flow:
    """Items with commas between them, which break between items only."""

    def __init__(self, items: Sequence[str]) -> None:
        """Take the items in their order."""
        self._pieces = [f"{item}," for item in items[:-1]] + list(items[-1:])

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """The longest item, and all in one line."""
        del console
        widths = [len(piece) for piece in self._pieces]
        most = sum(widths) + len(widths)
        return Measurement(min(max(widths, default=0), options.max_width), min(most, options.max_width))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """The lines."""
        del console
        line = ""
        for piece in self._pieces:
            if line and len(line) + 1 + len(piece) > options.max_width:
                yield Text(line)
                line = piece
            else:
                line = f"{line} {piece}".strip()
        yield Text(line)


def plain(type_: str) -> tuple[str, str]:
    """The service and class of a type: `aws:ec2/vpc:Vpc` is `ec2` and `Vpc`."""
    package, module, name = type_.split(":", 2)
    if package == "aws":
        return module.partition("/")[0], name
    if module == "providers":
        return module, name
    # The component of pulumi-eks is not the service's own cluster.
    return ("pulumi-eks" if package == "eks" else package), name


def _cost(summary: Summary) -> Table:
    cost = summary.cost
    table = _table("", "desired", "maximum", "basis", right=("desired", "maximum"))
    for line in cost.lines:
        estimate = "" if line.verified else "~"
        now, most = (f"{estimate}{usd:,.3f}" for usd in (line.desired, line.maximum))
        table.add_row(line.item, now, most, Text(line.basis, "dim", overflow="ellipsis", no_wrap=True))
    estimate = "" if cost.verified else "~"
    sums = (f"{estimate}{usd:,.2f}" for usd in (cost.desired, cost.maximum))
    months = (f"{estimate}{usd * HOURS_PER_MONTH:,.0f}" for usd in (cost.desired, cost.maximum))
    table.add_section()
    table.add_row(*(Text(text, "bold") for text in ("total", *sums)))
    table.add_row("a month of 730 hours", *months)
    return table


def _notes(summary: Summary) -> Iterator[RenderableType]:
    if not summary.cost.verified:
        yield Padding(Text("~ an estimate: not AWS's own figure for this region", "dim"), (0, 0, 0, _INDENT))
    if summary.cost.by_use:
        yield Padding(Text(f"billed by use, not counted: {', '.join(summary.cost.by_use)}"), (0, 0, 0, _INDENT))
    for unpriced in summary.cost.unpriced:
        yield Padding(Text(f"not counted: {unpriced}", "yellow"), (0, 0, 0, _INDENT))
    yield from _warnings(summary)


def _in_short(summary: Summary) -> str:
    cost = summary.cost
    estimate = "" if cost.verified else "~"
    accelerators = sum(group.accelerators_at_maximum for group in summary.groups)
    most = f"up to {accelerators} accelerators, " if accelerators else ""
    return (
        f"{summary.resources} resources, {len(summary.addons)} add-ons, {most}"
        f"{estimate}{cost.desired:,.2f} USD an hour as desired, {estimate}{cost.maximum:,.2f} at maximum"
    )


def _warnings(summary: Summary) -> Iterator[RenderableType]:
    if summary.warnings:
        # A column of its own for the dash: the lines of a long warning begin below each other.
        table = Table.grid(padding=(0, 1, 0, 0))
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for warning in summary.warnings:
            table.add_row("-", warning, style="yellow")
        yield from _section("Warnings", table)
