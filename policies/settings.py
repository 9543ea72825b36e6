"""The section `policies` of a stack file: levels, exceptions, and what rules are to hold an environment to."""

import datetime
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from pydantic import Field

from infra.model import Model, validate
from infra.platform import TagKey
from infra.problems import Problem, nearest, one_of, repeated, shown
from policies import ids

Level = Literal["advisory", "mandatory"]
Reason = Annotated[str, Field(min_length=10, max_length=500)]
Name = Annotated[str, Field(min_length=1)]


class ExceptionSettings(Model):
    """One known departure from a rule, until a day."""

    rule: str
    """Id of the rule, such as `cost-kept-accelerators`."""
    resource: Name
    """Logical name of the resource, as a finding names it; `*` and `?` stand for any characters, any one character."""
    reason: Reason
    """Why it is right here."""
    owner: Name
    """Who answers for it: a team or an address."""
    expires: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    """The last day on which it holds, in quotes: `"2027-03-31"`."""

    @property
    def last_day(self) -> datetime.date:
        """`expires` as a date."""
        return datetime.date.fromisoformat(self.expires)

    def is_for(self, rule: str, name: str) -> bool:
        """Whether it is about this rule at the resource of this logical name."""
        return rule == self.rule and matches(name, self.resource)


def matches(name: str, pattern: str) -> bool:
    """Whether a logical name is what a pattern says, in which only `*` and `?` are not themselves."""
    return fnmatchcase(name, pattern.replace("[", "[[]"))


class CeilingSettings(Model):
    """USD an hour, as `slipway plan` counts them."""

    desired: Annotated[float, Field(gt=0)] | None = None
    """At the size that node groups start with."""
    maximum: Annotated[float, Field(gt=0)] | None = None
    """With every node group at its maximum."""


class PolicySettings(Model):
    """What the policy pack holds this environment to."""

    enforcement: Level = "mandatory"
    """Level of every rule that `levels` does not name. advisory: findings are shown. mandatory: they also stop `up`."""
    levels: Mapping[str, Literal["advisory", "mandatory", "disabled"]] = Field(default_factory=dict)
    """Rule id, or topic (gpu, network, eks, iam, data, kubernetes, cost), to level. A rule's own counts before its
    topic's."""
    exceptions: tuple[ExceptionSettings, ...] = ()
    """Known departures. One that is past its day, or that nothing needs, is an error."""
    hourly_ceiling: CeilingSettings = Field(default_factory=CeilingSettings)
    """The most that an hour may cost (rule cost-ceiling). Unset: any price."""
    nat_gateways: Annotated[int, Field(ge=0)] | None = None
    """The most NAT gateways (rule cost-nat-gateways). Unset: any number."""
    multi_az: bool = False
    """Every database has a standby in another zone (rule data-multi-az)."""
    budget: bool = False
    """There is a budget for the whole environment (rule cost-budget)."""
    public_load_balancers: tuple[Name, ...] = ()
    """Logical names of the load balancers that may face the internet; `*` and `?` as in exceptions
    (rule kubernetes-load-balancers)."""
    required_tags: tuple[TagKey, ...] = ("CostCenter", "Environment", "Owner", "Platform")
    """Tags that everything has which takes tags (rule cost-tags)."""
    support_days: Annotated[int, Field(ge=0)] = 30
    """Least days of standard support that the Kubernetes version has left (rule eks-version)."""


def parse(raw: Any) -> tuple[PolicySettings | None, list[Problem]]:  # noqa: ANN401  # whatever the file holds
    """The section as settings and no problems; or None, or what is left without its mistakes, and the problems."""
    settings, found = validate(PolicySettings, raw, ("policies",))
    return settings, [*found, *(problems(settings) if settings else ())]


def problems(settings: PolicySettings) -> Iterator[Problem]:
    """What is wrong between the fields, or with names of rules."""
    for name in settings.levels:
        if name not in ids.ALL and name not in ids.IDS:
            known = (*ids.IDS, *sorted(ids.ALL))
            meant = nearest(name, known)
            topics = one_of(ids.IDS)
            yield Problem(f"policies.levels.{name}", f"no such rule or topic{meant}; topics: {topics}; rules: {_WHERE}")
    seen: set[tuple[str, str]] = set()
    for index, each in enumerate(settings.exceptions):
        here = f"policies.exceptions[{index}]"
        if each.rule not in ids.ALL:
            yield Problem(
                f"{here}.rule", f"{shown(each.rule)}: no such rule{nearest(each.rule, ids.ALL)}; see {_WHERE}"
            )
        elif settings.levels.get(each.rule, settings.levels.get(ids.topic(each.rule))) == "disabled":
            yield Problem(f"{here}.rule", f"{each.rule} is disabled by policies.levels, so nothing is excepted from it")
        try:
            each.last_day  # noqa: B018  # its only fault
        except ValueError:
            yield Problem(f"{here}.expires", f"{shown(each.expires)} is no day of the calendar")
        same = (each.rule, each.resource)
        if same in seen:
            yield Problem(here, f"{each.rule} for {each.resource} stands here twice")
        seen.add(same)
    yield from repeated(settings.public_load_balancers, "policies.publicLoadBalancers")
    yield from repeated(settings.required_tags, "policies.requiredTags")


_WHERE = "docs/reference/policies.md"
