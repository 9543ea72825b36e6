"""The report of a full sweep: docs/reference/policy-sweep.md."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Final

from policies import ids
from tests.policies.escapes import explained
from tests.policies.sweep import Class, Outcome, sample, sweep

PAGE: Final = Path(__file__).resolve().parents[2] / "docs/reference/policy-sweep.md"
COUNT: Final = 3000
"""How many changes the report tells of: minutes, where all would be a quarter of an hour."""
_EXAMPLE: Final = 90
_PARTS: Final = 16
_HEAD: Final = """\
# What the policies miss

<!-- Written by `python -m tests.policies.sweep`; edit the rules, or tests/policies/escapes.py, instead. -->

Each rule has mutations of its own (tests/policies/mutations_*.py). Beside them small changes of the repository's clean
plans are drawn, each kind once and each type as often as another: an input dropped, emptied, flipped, made ten times as
large, given another value that stands at the same place elsewhere; a resource taken out, or there twice. A kind of
change is a type of resource, a path, and what is done there; positions in lists, and keys such as those of tags, are
alike.

A change is *caught* where a rule breaks that the clean plan does not break; else *refused* where the request model of
AWS (botocore) or the schema of Kubernetes' own kinds does not take the resource, so that nothing is made; else it has
*escaped*, and must have its reason in tests/policies/escapes.py: a change without one fails the sweep. So a type with
many escapes is no gap in itself: read the reasons. The tests make some of these changes every time;
`python -m tests.policies.sweep` makes them all, and writes this page.
"""


def page(outcomes: Iterable[Outcome]) -> str:
    """The report as Markdown."""
    found = list(outcomes)
    return "\n".join([_HEAD, *_totals(found), *_rules(found), *_reasons(found), *_types(found)]) + "\n"


def _totals(found: list[Outcome]) -> Iterator[str]:
    caught = sum(bool(each.caught) for each in found)
    refused = sum(bool(each.refused) for each in found)
    escaped = len(found) - caught - refused
    yield f"{len(found):,} changes: {caught:,} caught, {refused:,} refused, {escaped:,} escaped.\n"


def _rules(found: list[Outcome]) -> Iterator[str]:
    yield "## Caught, by rule\n"
    yield "Rules that are not here need several changes at once, or are not in what was drawn.\n"
    yield "| rule | changes |"
    yield "|---|---:|"
    told = Counter(rule for each in found for rule in each.caught)
    yield from (f"| `{id_}` | {told[id_]} |" for of in ids.IDS.values() for id_ in of if told[id_])
    yield ""


def _reasons(found: list[Outcome]) -> Iterator[str]:
    yield "## Escaped, by reason\n"
    yield "| why that is right | changes | types | such as |"
    yield "|---|---:|---:|---|"
    told: dict[str, list[Outcome]] = {}
    for each in found:
        reason = None if each.caught or each.refused else explained(each.of)
        if reason is not None:
            told.setdefault(reason.reason, []).append(each)
    for reason_, ones in sorted(told.items(), key=lambda item: (-len(item[1]), item[0])):
        yield f"| {reason_} | {len(ones)} | {len({each.of.type for each in ones})} | {_example(ones[0])} |"
    yield ""


def _example(outcome: Outcome) -> str:
    of = outcome.of
    return f"`{f'{of.type} {of.path}'.strip()[:_EXAMPLE]}`: {of.operator}"


def _types(found: list[Outcome]) -> Iterator[str]:
    yield "## By type\n"
    yield "| type | changes | caught | refused | escaped |"
    yield "|---|---:|---:|---:|---:|"
    by_type: dict[str, list[Outcome]] = {}
    for each in found:
        by_type.setdefault(each.of.type, []).append(each)
    yield from (row(type_, by_type[type_]) for type_ in sorted(by_type))


def row(type_: str, outcomes: list[Outcome]) -> str:
    """One type's line of the report."""
    caught = sum(bool(each.caught) for each in outcomes)
    refused = sum(bool(each.refused) for each in outcomes)
    escaped = len(outcomes) - caught - refused
    return f"| `{type_}` | {len(outcomes)} | {caught} | {refused} | {escaped} |"


def unexplained(outcomes: Iterable[Outcome]) -> list[str]:
    """What escaped without a reason, one line each."""
    return [
        f"{each.of.type} | {each.of.path} | {each.of.operator} | {each.change}"
        for each in outcomes
        if not each.caught and not each.refused and explained(each.of) is None
    ]


def tried(count: int) -> list[Outcome]:
    """A sample of all classes, tried on all processors."""
    classes = sample(count)
    with ProcessPoolExecutor() as pool:
        found = [each for part in pool.map(_part, [classes[start::_PARTS] for start in range(_PARTS)]) for each in part]
    return sorted(found, key=lambda each: each.of)


def _part(classes: list[Class]) -> list[Outcome]:
    return list(sweep(classes))


def main(count: int = COUNT) -> int:
    """Write the report; 1, and what escaped without a reason, where something did."""
    outcomes = tried(count)
    lost = unexplained(outcomes)
    sys.stdout.writelines(f"{line}\n" for line in lost)
    if not lost:
        PAGE.write_text(page(outcomes))
    return 1 if lost else 0
