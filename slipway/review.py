"""What a change does to an environment, as a comment on a pull request: resources, cost and policy verdicts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from policies.model import SEVERITIES, Finding, Verdict
from slipway import earlier, planning, verdicts
from slipway.markdown import code, folded, prose, table
from slipway.plan import text
from slipway.plan.bill.lines import Cost
from slipway.plan.diff import Action, Bill, Diff, Entry, Figures, diff, month
from slipway.plan.model import Plan
from slipway.plan.tenants import tenants
from slipway.stackfile import StackFile

LIMIT: Final = 65_536
"""Characters of a comment on GitHub (its API refuses more: "Body is too long"). Counted as bytes here: never fewer."""
_ROWS: Final = (100_000, 500, 200, 100, 50, 20, 10, 5, 2, 1, 0)
"""Rows of a table, tried until the comment fits."""
_COUNTED: Final[Mapping[Action, str]] = {
    "add": "added",
    "change": "changed",
    "replace": "replaced",
    "delete": "deleted",
    "keep": "kept outside of the stack",
    "refuse": "refused",
}
_HEADS: Final = ("rule", "severity", "level", "where", "what", "fix")
_NAMES: Final = 25
"""Names of one kind."""
_ARROW: Final = "\u2192"
_MINUS: Final = "\u2212"
_ABOUT: Final = "\u2248"


@dataclass(frozen=True, kw_only=True)
class Review:
    """One environment's change. `first`: there was nothing before."""

    found: Diff
    verdict: Verdict
    first: bool


def review(file: StackFile, source: Path | None) -> Review:
    """Compare an environment with what it was, and ask the policies of what it is to be.

    Args:
        file: The environment.
        source: A plan (`slipway plan --out`) or an older stack file; None where there was no such environment.

    Raises:
        CannotRunError: `source` cannot be used.
        infra.problems.SettingsError: The stack file's settings cannot be used.
    """
    if source is None:
        after = planning.record(file)
        before = Plan(project=file.project, stack=file.stack, resources=())
    else:
        before, after = earlier.both(source, file)
    return Review(found=diff(before, after), verdict=verdicts.verdict(after, file), first=source is None)


def marker(stack: str) -> str:
    """The first line of the comment: who updates it finds it by this."""
    return f"<!-- slipway review: {''.join(each for each in stack if each.isalnum() or each in '-_.')} -->"


def markdown(given: Review) -> str:
    """The comment: whole where it fits into LIMIT, else with tables cut, and a word on that below each."""
    pages = ("\n".join(_page(given, most)) + "\n" for most in _ROWS)
    return next(page for page in pages if len(page.encode()) <= LIMIT)


def _page(given: Review, most: int) -> Iterator[str]:
    found, verdict = given.found, given.verdict
    yield marker(found.after.stack)
    yield f"### {prose(found.after.stack)}"
    yield ""
    yield from _in_short(given)
    yield from _stops(given)
    if found.refused:
        rows = ((_resource(each), prose(each.why)) for each in found.refused)
        yield from ("", "#### Refused", "", *table(("resource", "why"), rows, most=most))
    yield from _policies(verdict, most)
    yield from _resources(found, most)
    yield from _tenants(found, most)
    if found.bill.lines:
        yield from folded("Cost in USD a month", _cost(found.bill, most))


def _in_short(given: Review) -> Iterator[str]:
    found = given.found
    counts = [(len(found.of(action)), word) for action, word in _COUNTED.items()]
    said = ", ".join(f"**{count}** {word}" for count, word in counts if count)
    new = "A new environment: " if given.first else ""
    yield f"{new}{said or 'No resource changes.'}"
    yield ""
    bill = found.bill
    (desired, maximum), (desired_now, maximum_now) = month(bill.before), month(bill.after)
    if (desired, maximum) == (desired_now, maximum_now) and bill.before.verified == bill.after.verified:
        yield f"{_month(bill.after, 0)} USD a month as desired, {_month(bill.after, 1)} at maximum: the same as before."
    else:
        yield (
            f"{_month(bill.before, 0)} {_ARROW} {_month(bill.after, 0)} USD a month as desired"
            f" (**{_signed(desired_now - desired)}**), {_month(bill.before, 1)} {_ARROW} {_month(bill.after, 1)}"
            f" at maximum (**{_signed(maximum_now - maximum)}**)."
        )
    if bill.after.unpriced:
        yield f"{_count(len(bill.after.unpriced), 'item')} of it with no known price."


def _stops(given: Review) -> Iterator[str]:
    """Whether `up` would go through."""
    reasons = []
    if given.found.refused:
        reasons.append(f"{_count(len(given.found.refused), 'protected resource')} would go")
    if given.verdict.blocking:
        reasons.append(_count(len(given.verdict.blocking), "policy violation"))
    if reasons:
        yield from ("", "> [!CAUTION]", f"> `up` would stop: {', '.join(reasons)}.")


def _policies(verdict: Verdict, most: int) -> Iterator[str]:
    broken = sorted(verdict.violations, key=lambda each: (not each.blocks, SEVERITIES.index(each.severity)))
    said = [
        _count(len(broken), "violation") if broken else "no violation",
        f"{len(verdict.excepted)} excepted",
        f"{len(verdict.unknown)} unknown until up",
    ]
    if verdict.disabled:
        said.append(f"{_count(len(verdict.disabled), 'rule')} disabled")
    yield from ("", f"#### Policies: {', '.join(said)}")
    if broken:
        yield from ("", *table(_HEADS, (_finding(each) for each in broken), most=most))
    if verdict.excepted:
        rows = (
            (code(each.rule), code(each.where), prose(by.reason), prose(by.owner), prose(by.expires))
            for each in verdict.excepted
            if (by := each.excepted) is not None
        )
        heads = ("rule", "where", "reason", "owner", "last day")
        yield from folded(f"Excepted ({len(verdict.excepted)})", table(heads, rows, most=most))
    if verdict.unknown:
        rows_ = ((code(each.rule), code(each.where)) for each in verdict.unknown)
        title = f"Unknown until up ({len(verdict.unknown)})"
        yield from folded(title, table(("rule", "where"), rows_, most=most))


def _finding(found: Finding) -> Sequence[str]:
    return (
        code(found.rule),
        found.severity,
        found.level,
        code(found.where),
        prose(found.what),
        prose(found.fix),
    )


def _resources(found: Diff, most: int) -> Iterator[str]:
    if added := found.of("add"):
        yield from folded(f"Added ({len(added)})", _by_type(added, most))
    if changed := found.of("change"):
        yield from folded(f"Changed ({len(changed)})", _changes(changed, most))
    if replaced := found.of("replace"):
        yield from folded(f"Replaced ({len(replaced)})", _changes(replaced, most))
    if deleted := found.of("delete"):
        yield from folded(f"Deleted ({len(deleted)})", _by_type(deleted, most))
    if kept := found.of("keep"):
        yield from folded(f"Out of the stack, and still there ({len(kept)})", _by_type(kept, most))


def _by_type(entries: Iterable[Entry], most: int) -> list[str]:
    found: dict[str, list[str]] = {}
    for entry in entries:
        found.setdefault(_kind(entry), []).append(entry.name)
    shown = min(most, _NAMES)
    rows = ((prose(kind), str(len(names)), _names(names, shown)) for kind, names in sorted(found.items()))
    return table(("kind", "", "names"), rows, most=most)


def _names(names: Sequence[str], most: int) -> str:
    left = [f"{len(names) - most} more"] if len(names) > most else []
    return ", ".join([*(code(each) for each in names[:most]), *left])


def _changes(entries: Iterable[Entry], most: int) -> list[str]:
    return table(("resource", "property", "before", "after"), _changed(entries), most=most)


def _changed(entries: Iterable[Entry]) -> Iterator[Sequence[str]]:
    for entry in entries:
        for index, change in enumerate(entry.changes):
            resource = "" if index else _resource(entry)
            yield resource, code(change.path), code(change.before or ""), code(change.after or "")
        if entry.why:
            yield "" if entry.changes else _resource(entry), prose(entry.why), "", ""


def _tenants(found: Diff, most: int) -> Iterator[str]:
    people = tenants(found)
    if not people:
        return
    heads = ("tenant", "", "comes", "changes", "goes", "stays", "data")
    rows = (
        (
            code(each.name),
            each.status,
            str(len(each.of("add"))),
            str(len(each.of("change", "replace"))),
            str(len(each.of("delete"))),
            str(len(each.of("keep"))),
            prose("; ".join(f"{place.place} {'stays' if place.stays else 'goes'}" for place in each.data)),
        )
        for each in people
    )
    yield from folded(f"Tenants ({len(people)})", table(heads, rows, most=most))


def _cost(bill: Bill, most: int) -> list[str]:
    # The total first, so that no cut takes it.
    total = _cost_row("**total**", month(bill.before), month(bill.after))
    rows = (total, *(_cost_row(prose(item), before, after) for item, before, after in bill.lines))
    heads = ("item", f"desired, before {_ARROW} after", "difference", f"maximum, before {_ARROW} after", "difference")
    return table(heads, rows, most=most, right=4)


def _cost_row(item: str, before: Figures, after: Figures) -> Sequence[str]:
    cells = [
        cell
        for one, other in zip(before, after, strict=True)
        for cell in (f"{one:,.0f} {_ARROW} {other:,.0f}", _signed(other - one))
    ]
    return item, *cells


def _month(bill: Cost, side: int) -> str:
    return f"{'' if bill.verified else _ABOUT}{month(bill)[side]:,.0f}"


def _signed(figure: float) -> str:
    rounded = round(figure)
    return f"{_MINUS if rounded < 0 else '+'}{abs(rounded):,}" if rounded else "0"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _resource(entry: Entry) -> str:
    return f"{prose(_kind(entry))} {code(entry.name)}"


def _kind(entry: Entry) -> str:
    """The type as a reader knows it."""
    return " ".join(text.plain(entry.type))
