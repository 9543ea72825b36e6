"""What the policies say of an environment's plan, in short: for its page, and for a rehearsal."""

from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from policies.environment import environment
from policies.evaluate import evaluate
from policies.model import SEVERITIES, Finding, Verdict
from slipway.check import counted
from slipway.plan.model import Plan
from slipway.stackfile import StackFile

TITLE: Final = "Policies"


def verdict(plan: Plan, file: StackFile) -> Verdict:
    """Ask the rules, at the levels and with the exceptions of the stack file, on the present day."""
    return evaluate(plan, environment(file.config))


def in_short(found: Verdict) -> str:
    """One line: how many rules were asked, what they found, and what they leave open."""
    count = counted(found.findings)
    asked = f"{len(found.rules)} rules" + (f" ({len(found.disabled)} disabled)" if found.disabled else "")
    said = [
        f"{count['block']} found that stop{'s' * (count['block'] == 1)} `up`" if count["block"] else "",
        f"{count['advise']} found, advisory" if count["advise"] else "",
        f"{count['excepted']} excepted" if count["excepted"] else "",
        f"{count['unknown']} unknown until up" if count["unknown"] else "",
    ]
    nothing = [] if count["block"] or count["advise"] else ["nothing found"]
    return ", ".join([asked, *nothing, *filter(None, said)])


def section(found: Verdict) -> RenderableType:
    """The line, then what was found, the worst first: severity, rule, and where and what."""
    rows = sorted(found.violations, key=lambda each: SEVERITIES.index(each.severity))
    headline = Text(in_short(found), "red" if found.blocking else "yellow" if rows else "")
    if not rows:
        return headline
    table = Table.grid(padding=(0, 2, 0, 0))
    for fold in (False, False, True):
        table.add_column(no_wrap=not fold, overflow="fold")
    for each in rows:
        table.add_row(_severity(each), each.rule, f"{each.where}: {each.what}")
    return Group(headline, table)


def _severity(finding: Finding) -> Text:
    return Text(finding.severity if finding.blocks else f"{finding.severity}, advisory", "yellow")


def faults(found: Verdict) -> tuple[str, ...]:
    """What stops `up`, a line each."""
    return tuple(f"policy {each.rule}: {each.message}" for each in found.blocking)
