"""What the policy pack said through the engine, and what it should have said: the same rules asked in process."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from policies.model import Finding, Verdict
from policies.pack import UntilUpError

_BEFORE_UP: Final = " during preview: "
"""What the policy SDK puts before the text of an unknown value (pulumi_policy.policy, `AnalyzeStack`)."""


@dataclass(frozen=True, kw_only=True, order=True)
class Said:
    """One line of the pack: the rule, its level there, and the text."""

    policy: str
    level: str
    text: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.policy} ({self.level}): {self.text}"


def heard(policy: str, level: str, message: str) -> Said:
    """A violation as the engine tells it: below the rule's title, or behind the SDK's words about unknown values."""
    first, _, rest = message.strip().partition("\n")
    unknown = first.partition(_BEFORE_UP)[2]
    return Said(policy=policy, level=level, text=unknown or rest.strip() or first)


def expected(verdict: Verdict) -> frozenset[Said]:
    """What the pack must say where the rules found this in process."""
    said = {
        Said(policy=each.rule, level=each.level, text=each.message)
        for each in verdict.findings
        if each.kind != "unknown" and each.excepted is None
    }
    for rule in verdict.rules:
        unknown = [each for each in verdict.findings if each.rule == rule.id and each.kind == "unknown"]
        # Asked resource by resource the pack answers for each; asked about the stack, once for all.
        answers: Iterable[list[Finding]] = [unknown] if rule.scope == "stack" else [[each] for each in unknown]
        said |= {Said(policy=rule.id, level="advisory", text=UntilUpError(each).message) for each in answers if each}
    return frozenset(said)
