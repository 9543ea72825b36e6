"""Check environments: the rules of `policies/`, asked of the plan of each."""

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from policies.environment import environment
from policies.evaluate import evaluate
from policies.model import EXCEPTIONS, EXCEPTIONS_TITLE, Finding, Rule, Severity, Verdict
from policies.registry import rules
from slipway import planning, stackfile
from slipway.stackfile import StackFile


@dataclass(frozen=True, kw_only=True)
class Checked:
    """One environment, and what the rules say of it on a day; no verdict where `refused` says why there is no plan."""

    file: StackFile
    today: datetime.date
    verdict: Verdict | None = None
    refused: str = ""

    @property
    def path(self) -> str:
        """Where the stack file is in its repository."""
        return stackfile.in_repository(self.file.path)

    @property
    def blocks(self) -> bool:
        """Whether something found stops `up`."""
        return self.verdict is not None and bool(self.verdict.blocking)

    def data(self) -> dict[str, Any]:
        """The same for machines."""
        named = {"stack": self.file.stack, "file": self.path}
        if self.verdict is None:
            return {**named, "refused": self.refused}
        return {
            **named,
            "blocks": self.blocks,
            "rules": [each.id for each in self.verdict.rules],
            "disabled": list(self.verdict.disabled),
            "findings": [each.data() for each in self.verdict.findings],
        }


@dataclass(frozen=True, kw_only=True)
class About:
    """What reports say of a rule, or of the judgement on exceptions, which is no rule of any topic."""

    id: str
    topic: str
    severity: Severity
    title: str
    why: str
    fix: str
    source: str = ""
    key: str
    """The section of the stack file that decides it."""


_EXCEPTIONS: Final = About(
    id=EXCEPTIONS,
    topic="policies",
    severity="medium",
    title=EXCEPTIONS_TITLE,
    why="An exception that nothing needs covers the next fault of its kind, which nobody has looked at.",
    fix="take it out of policies.exceptions, or give it another day and say why",
    key="policies",
)


def about(rule: Rule) -> About:
    """What reports say of a rule."""
    return About(
        id=rule.id,
        topic=rule.topic,
        severity=rule.severity,
        title=rule.title,
        why=rule.why,
        fix=rule.fix,
        source=rule.source,
        key=rule.key,
    )


def abouts() -> dict[str, About]:
    """All that findings can name as their rule, in the order of the topics; exceptions last."""
    return {**{each.id: about(each) for each in rules()}, EXCEPTIONS: _EXCEPTIONS}


def check(files: Sequence[StackFile], *, preview: bool = False) -> Iterator[Checked]:
    """Ask the rules about environments, one after the other.

    Args:
        files: The environments.
        preview: Ask about what is known before `up`.
    """
    for file in files:
        held = environment(file.config)
        try:
            plan = planning.record(file, preview=preview)
        except Exception as error:
            message = planning.refusal(error)
            if message is None:
                raise
            yield Checked(file=file, today=held.today, refused=message)
            continue
        yield Checked(file=file, today=held.today, verdict=evaluate(plan, held))


def counted(found: Sequence[Finding]) -> dict[str, int]:
    """How many findings stop `up`, advise, are excepted, cannot be told yet."""
    return {
        "block": sum(each.blocks for each in found),
        "advise": sum(_advises(each) for each in found),
        "excepted": sum(each.excepted is not None for each in found),
        "unknown": sum(each.kind == "unknown" for each in found),
    }


def _advises(finding: Finding) -> bool:
    return finding.excepted is None and finding.kind != "unknown" and not finding.blocks
