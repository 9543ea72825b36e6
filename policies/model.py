"""Rules, what they find, and what becomes of it: frozen data."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from policies import ids
from policies.around import Around
from policies.settings import ExceptionSettings
from policies.values import Inputs
from slipway import urns
from slipway.plan.model import Resource

Severity = Literal["critical", "high", "medium", "low"]
"""critical: it opens the account or loses data. high: it stops jobs, or costs much. medium: it costs a night when
something else goes wrong. low: order."""
SEVERITIES: Final[tuple[Severity, ...]] = ("critical", "high", "medium", "low")
Scope = Literal["resource", "stack"]
"""resource: the rule looks at nothing but the resource, so `up` asks it before the resource is made. stack: it also
looks at others, so it is asked when all are known."""
Kind = Literal["violation", "unknown", "exception"]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is wrong with a resource: at which property (empty: the whole of it), and what."""

    path: str = ""
    what: str


Check = Callable[[Inputs, Resource, Around], Iterable[Fault]]
"""The resource's inputs to read, the resource, and what is around it. Raises UnknownUntilUpError."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule of the pack. Made by `rule`."""

    id: str
    severity: Severity
    title: str
    """What must hold, as one sentence."""
    why: str
    """What happens otherwise, in money, data or time."""
    fix: str
    """What to do, naming the key of the stack file where there is one."""
    source: str
    """The page that it comes from, as an address."""
    key: str
    """The section of the stack file that decides it."""
    scope: Scope
    types: tuple[str, ...]
    """Types that it judges. Empty: all of them."""
    check: Check

    @property
    def topic(self) -> str:
        """The group that it belongs to."""
        return ids.topic(self.id)


def rule(
    *,
    id: str,  # noqa: A002  # the word of the field
    severity: Severity,
    title: str,
    why: str,
    fix: str,
    source: str,
    key: str,
    types: tuple[str, ...],
    scope: Scope = "resource",
) -> Callable[[Check], Rule]:
    """Make a rule of the function that checks it; see Rule for the fields.

    Raises:
        KeyError: policies/ids.py does not have the id.
    """
    ids.topic(id)

    def made(check: Check) -> Rule:
        return Rule(
            id=id,
            severity=severity,
            title=title,
            why=why,
            fix=fix,
            source=source,
            key=key,
            scope=scope,
            types=types,
            check=check,
        )

    return made


EXCEPTIONS: Final = "exceptions"
"""What findings about exceptions themselves name as their rule."""
EXCEPTIONS_TITLE: Final = "Every exception is needed, and not past its day."
"""What it holds."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a rule has to say of one resource.

    `violation`: the rule is broken. `unknown`: it cannot be told until up. `exception`: an exception of the stack file
    is past its day, or nothing needs it. `excepted` is the exception that covers a violation.
    """

    rule: str
    kind: Kind
    level: Literal["advisory", "mandatory"]
    severity: Severity
    urn: str
    path: str
    what: str
    fix: str
    excepted: ExceptionSettings | None = None

    @property
    def where(self) -> str:
        """Type, name and property."""
        place = f"{urns.type_of(self.urn)} {urns.name(self.urn)}"
        return f"{place}: {self.path}" if self.path else place

    @property
    def message(self) -> str:
        """One line, the same everywhere: where, what, and what to do."""
        return f"{self.where}: {self.what}" + (f". Fix: {self.fix}" if self.fix else "")

    @property
    def blocks(self) -> bool:
        """Whether it stops `up`."""
        return self.excepted is None and self.level == "mandatory" and self.kind != "unknown"

    def data(self) -> dict[str, Any]:
        """For machines."""
        found: dict[str, Any] = {
            "rule": self.rule,
            "kind": self.kind,
            "level": self.level,
            "severity": self.severity,
            "urn": self.urn,
            "type": urns.type_of(self.urn),
            "name": urns.name(self.urn),
            "path": self.path,
            "what": self.what,
            "fix": self.fix,
        }
        if self.excepted:
            found["exception"] = self.excepted.model_dump(by_alias=True)
        return found


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """All that the rules have to say of a plan. `rules` are those that were asked; `disabled` the others' ids."""

    stack: str
    rules: tuple[Rule, ...]
    disabled: tuple[str, ...]
    findings: tuple[Finding, ...]

    def of(self, *kinds: Kind) -> Iterator[Finding]:
        """The findings of these kinds that no exception covers."""
        return (each for each in self.findings if each.kind in kinds and each.excepted is None)

    @property
    def violations(self) -> tuple[Finding, ...]:
        """What is broken, at whatever level, faults of exceptions among it."""
        return tuple(self.of("violation", "exception"))

    @property
    def unknown(self) -> tuple[Finding, ...]:
        """What cannot be told until up."""
        return tuple(self.of("unknown"))

    @property
    def excepted(self) -> tuple[Finding, ...]:
        """What exceptions cover."""
        return tuple(each for each in self.findings if each.excepted is not None)

    @property
    def blocking(self) -> tuple[Finding, ...]:
        """What stops `up`."""
        return tuple(each for each in self.findings if each.blocks)
