"""Reachability as a page for people and as Markdown."""

from collections.abc import Iterator, Sequence
from typing import Final, TextIO

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from slipway.plan import text
from slipway.plan.reach.reach import OUTSIDE, Path, Reach

_INDENT: Final = 2
_NOBODY: Final = "Nothing can be reached."
_AS_MEANT: Final = "Nothing but load balancers' web ports and the API server's stated CIDRs is open to the outside."


def sections(found: Reach) -> Iterator[tuple[str, tuple[Path, ...]]]:
    """The paths by what a reader asks for: what comes in, what is reached inside, what goes out."""
    yield "From outside", tuple(path for path in found.paths if path.source.kind in OUTSIDE)
    yield (
        "Inside the VPC",
        tuple(path for path in found.paths if not {path.source.kind, path.target.kind} & OUTSIDE),
    )
    yield "To the outside", tuple(path for path in found.paths if path.target.kind in OUTSIDE)


def show(found: Reach, stream: TextIO) -> None:
    """Write the tables and the verdict."""
    text.write(Group(*_page(found)), stream)


def markdown(found: Reach) -> Iterator[str]:
    """The same as lines of Markdown."""
    for title, paths in sections(found):
        yield f"## {title}\n"
        if not paths:
            yield f"{_NOBODY}\n"
            continue
        yield "| target | source | ports |"
        yield "|---|---|---|"
        for path in _by_target(paths):
            yield f"| {path.target} | {path.source} | {_ports(path)} |"
        yield ""
    yield from (f"- **Exposed:** {path.source} reaches {path.target} on {_ports(path)}" for path in found.exposed)
    if not found.exposed:
        yield _AS_MEANT


def _page(found: Reach) -> Iterator[RenderableType]:
    yield Text(f"Reachability of {found.stack}", "bold")
    for title, paths in sections(found):
        yield Text()
        yield Text(title, "bold")
        yield Padding(_table(_by_target(paths)) if paths else Text(_NOBODY, "dim"), (0, 0, 0, _INDENT))
    yield Text()
    if not found.exposed:
        yield Text(_AS_MEANT)
    for path in found.exposed:
        yield Text(f"Exposed: {path.source} reaches {path.target} on {_ports(path)}", "yellow")


def _table(paths: Sequence[Path]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("target", overflow="fold", ratio=2)
    table.add_column("source", overflow="fold", ratio=2)
    table.add_column("ports", overflow="fold", ratio=1)
    before = ""
    for path in paths:
        target = str(path.target)
        table.add_row("" if target == before else target, str(path.source), _ports(path))
        before = target
    return table


def _by_target(paths: Sequence[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: (path.target, path.source))


def _ports(path: Path) -> str:
    return ", ".join(str(each) for each in path.ports)
