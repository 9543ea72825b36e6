"""What `slipway check` found, for a terminal, a file or a pipe."""

import datetime
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TextIO

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from policies.model import SEVERITIES, Finding, Verdict
from policies.settings import ExceptionSettings
from slipway import urns
from slipway.check import About, Checked, abouts, counted
from slipway.plan.text import Flow, write

SOON: Final = 30
"""Days before its end from which an exception is told apart."""
_INDENT: Final = 2
_STYLES: Final = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "dim"}


def show(found: Checked, stream: TextIO) -> None:
    """Write an environment's page; nothing where it was refused."""
    if found.verdict is not None:
        write(Group(*_page(found, found.verdict)), stream)


def closing(found: Sequence[Checked]) -> str:
    """One line about all environments."""
    environments = f"{len(found)} environment{'s' if len(found) > 1 else ''} checked"
    blocked = [each.file.stack for each in found if each.blocks]
    refused = [each.file.stack for each in found if each.verdict is None]
    parts = [f"`up` would stop in {', '.join(blocked)}"] if blocked else []
    parts += [f"no plan of {', '.join(refused)}"] if refused else []
    return f"{environments}: {'; '.join(parts) or 'nothing stops `up`'}"


def _page(found: Checked, verdict: Verdict) -> Iterator[RenderableType]:
    yield Text.assemble((found.file.stack, "bold"), f"  {found.path}")
    yield Padding(_headline(verdict), (0, 0, 0, _INDENT))
    known = abouts()
    for severity in SEVERITIES:
        of_it = [each for each in verdict.violations if each.severity == severity]
        if of_it:
            yield from _section(f"{severity.capitalize()} ({len(of_it)})", _STYLES[severity], _rules(of_it, known))
    if verdict.excepted:
        yield from _section(f"Excepted ({len(verdict.excepted)})", "bold", _excepted(verdict.excepted, found.today))
    if verdict.unknown:
        yield from _section(f"Unknown until up ({len(verdict.unknown)})", "bold", [_unknown(verdict.unknown)])
    yield Text()


def _headline(verdict: Verdict) -> Text:
    count = counted(verdict.findings)
    asked = f"{_number(len(verdict.rules), 'rule')} asked"
    disabled = f", {len(verdict.disabled)} disabled" if verdict.disabled else ""
    said = {
        "block": f"{_number(count['block'], 'violation')} that stop{'s' * (count['block'] == 1)} `up`",
        "advise": f"{count['advise']} advisory",
        "excepted": f"{count['excepted']} excepted",
        "unknown": f"{count['unknown']} unknown until up",
    }
    parts = [words for key, words in said.items() if count[key]]
    style = "red" if count["block"] else "yellow" if count["advise"] else "green"
    return Text.assemble(f"{asked}{disabled}: ", (", ".join(parts) or "clean", style))


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _section(title: str, style: str, body: Iterable[RenderableType]) -> Iterator[RenderableType]:
    yield Text()
    yield Text(title, style)
    yield Padding(Group(*body), (0, 0, 0, _INDENT))


def _rules(found: Sequence[Finding], known: dict[str, About]) -> Iterator[RenderableType]:
    """Each rule with what breaks it. Why and what to do stand once, but where one finding's fix is another's not."""
    for rule in [id_ for id_ in known if any(each.rule == id_ for each in found)]:
        broken = [each for each in found if each.rule == rule]
        fixes = list(dict.fromkeys(each.fix for each in broken))
        yield Text.assemble((rule, "bold"), f"  {broken[0].level}  ", (known[rule].title, "dim"))
        for fix in fixes:
            for each in (each for each in broken if each.fix == fix):
                yield Padding(_lines((each.where, each.what), first="-"), (0, 0, 0, _INDENT))
            yield Padding(_row("fix", fix), (0, 0, 0, _INDENT))
        yield Padding(_row("why", known[rule].why), (0, 0, 0, _INDENT))


def _excepted(found: Sequence[Finding], today: datetime.date) -> Iterator[RenderableType]:
    """Each exception with what it covers."""
    for covering in dict.fromkeys(each.excepted for each in found if each.excepted is not None):
        covered = [each for each in found if each.excepted == covering]
        yield Text.assemble((covering.rule, "bold"), f"  {covering.owner}, until {_until(covering, today)}")
        yield Padding(Text(covering.reason), (0, 0, 0, _INDENT))
        for each in covered:
            yield Padding(_lines((each.where, each.what), first="-"), (0, 0, 0, _INDENT))


def _until(covering: ExceptionSettings, today: datetime.date) -> Text:
    left = (covering.last_day - today).days
    if left > SOON:
        return Text(covering.expires)
    when = "its last day" if left == 0 else f"{_number(left, 'day')} left"
    return Text(f"{covering.expires} ({when})", "yellow")


def _unknown(found: Sequence[Finding]) -> RenderableType:
    """By rule, type and property, for one unknown ARN is often in the policies of many."""
    table = _grid()
    places = [(each.rule, urns.type_of(each.urn), each.path) for each in found]
    told = ""
    for place in dict.fromkeys(places):
        rule, type_, path = place
        names = [urns.name(each.urn) for each, its in zip(found, places, strict=True) if its == place]
        table.add_row("" if rule == told else rule, f"{type_}: {path}" if path else type_)
        table.add_row("", Padding(Flow(names), (0, 0, 0, _INDENT), style="dim"))
        told = rule
    return table


def _lines(texts: Sequence[str], *, first: str) -> Table:
    table = _grid()
    for index, text in enumerate(texts):
        table.add_row("" if index else first, text)
    return table


def _row(title: str, text: str) -> Table:
    table = _grid()
    table.add_row(Text(title, "dim"), text)
    return table


def _grid() -> Table:
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    return table
