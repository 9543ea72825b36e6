"""What `slipway job` says, for a terminal, a file or a pipe."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, TextIO

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from infra.catalog import names
from infra.catalog.quantities import CPU, MEMORY
from infra.catalog.sizes import Size, sizes
from slipway.errors import CannotRunError
from slipway.jobs.choose import available, choose
from slipway.jobs.cluster import Cluster
from slipway.jobs.examples import examples
from slipway.jobs.fit import Checked, Report
from slipway.jobs.model import Finding
from slipway.plan.text import write

_INDENT: Final = 2
_COLUMNS: Final = ("size", "per node", "cpu", "memory", "EFA", "huge pages", "devices")
_PLAIN: Final = frozenset({CPU, MEMORY, names.EFA_RESOURCE, names.HUGEPAGES_RESOURCE})
_STYLES: Final = {"error": "red", "warning": "yellow"}


def show(report: Report, stream: TextIO) -> None:
    """Write what was found of a manifest."""
    write(Group(*_report(report)), stream)


def _report(report: Report) -> Iterator[RenderableType]:
    titles = {checked.job.title for checked in report.jobs}
    for each in report.findings:
        if each.job not in titles:
            yield Text(each.job, "bold")
            yield Padding(_finding(each), (0, 0, 0, _INDENT))
    for checked in report.jobs:
        found = [each for each in report.findings if each.job == checked.job.title]
        bad = any(each.level == "error" for each in found)
        verdict = "would not run" if bad else "fits"
        yield Text.assemble(
            (checked.job.title, "bold"), f" in {checked.namespace}: ", (verdict, "red" if bad else "green")
        )
        yield Padding(_places(checked), (0, 0, 0, _INDENT))
        for each in found:
            yield Padding(_finding(each), (0, 0, 0, _INDENT))


def _places(checked: Checked) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    if checked.job.outside:
        table.add_row("runs on", checked.job.outside)
    if checked.queue:
        table.add_row("queue", checked.queue)
    for each in checked.podsets:
        table.add_row(f"{each.count} x {each.name}", ", ".join(each.groups) or "nowhere")
    return table


def _finding(finding: Finding) -> RenderableType:
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    said = ": ".join(filter(None, (finding.path, finding.message)))
    table.add_row(Text(finding.level, _STYLES[finding.level]), said)
    for reason in finding.reasons:
        table.add_row("", Text(f"- {reason}", "dim"))
    return table


def listed(cluster: Cluster) -> list[dict[str, Any]]:
    """Each example, and where it would run or why it cannot."""
    rows = []
    for example in examples().values():
        row: dict[str, Any] = {"name": example.name, "summary": example.summary}
        try:
            row |= {"runs": True, "where": choose(example, cluster).text}
        except CannotRunError as error:
            row |= {"runs": False, "why": str(error)}
        rows.append(row)
    return rows


def show_list(rows: Sequence[dict[str, Any]], stream: TextIO) -> None:
    """Write the list of examples."""
    lines: list[RenderableType] = []
    for row in rows:
        style = "bold" if row["runs"] else ""
        lines.append(Text.assemble((f"{row['name']:<11}", style), f" {row['summary']}"))
        detail = row["where"].partition(": ")[2] if row["runs"] else row["why"]
        lines.append(Padding(Text(detail, "dim" if row["runs"] else "yellow"), (0, 0, 0, 12)))
    write(Group(*lines), stream)


def sized(cluster: Cluster) -> list[dict[str, Any]]:
    """The sizes of each flavour's nodes, by group."""
    return [
        {
            "flavor": flavor.name,
            "instanceTypes": list(flavor.pools[0].instance_types),
            "nodes": flavor.nodes,
            "sizes": [_size(each) for each in sizes(flavor.pools[0])],
        }
        for flavor in available(cluster, None)
        if flavor.name in cluster.shares
    ]


def _size(size: Size) -> dict[str, Any]:
    return {"name": size.name, "perNode": size.per_node, "requests": size.requests}


def show_sizes(rows: Sequence[dict[str, Any]], stream: TextIO) -> None:
    """Write the sizes of each flavour."""
    write(Group(*_sizes(rows)), stream)


def _sizes(rows: Sequence[dict[str, Any]]) -> Iterator[RenderableType]:
    for row in rows:
        yield Text.assemble(
            (row["flavor"], "bold"), f"  {', '.join(row['instanceTypes'])}, {row['nodes']} nodes at most"
        )
        table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
        for column in _COLUMNS:
            table.add_column(column, justify="left" if column in ("size", "devices") else "right", no_wrap=True)
        for size in row["sizes"]:
            asked = size["requests"]
            devices = [f"{amount} {name}" for name, amount in asked.items() if name not in _PLAIN]
            table.add_row(
                size["name"],
                str(size["perNode"]),
                asked[CPU],
                asked[MEMORY],
                asked.get(names.EFA_RESOURCE, "-"),
                asked.get(names.HUGEPAGES_RESOURCE, "-"),
                ", ".join(devices) or "-",
            )
        yield Padding(table, (0, 0, 1, _INDENT))
