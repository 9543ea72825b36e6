"""One rule asked of resources that stand in no plan of the repository."""

import datetime
from typing import Any

from infra.platform import PlatformSettings
from policies.around import Around, Environment
from policies.evaluate import alone, ask
from policies.model import Finding
from policies.registry import rules
from policies.settings import PolicySettings
from slipway.plan.model import Plan, Resource

TODAY = datetime.date(2026, 11, 22)


def resource(type_: str, name: str = "it", /, *, behind: dict[str, Resource] | None = None, **inputs: Any) -> Resource:
    """A resource below the stack.

    Args:
        type_: Its type.
        name: Its logical name.
        behind: What each of its inputs was made from.
        inputs: As the plan has them.
    """
    return Resource(
        urn=f"urn:pulumi:test::slipway::{type_}::{name}",
        custom=True,
        inputs=inputs,
        property_dependencies={key: (each.urn,) for key, each in (behind or {}).items()},
    )


def environment(*, disposable: bool = False, boundary: str | None = None, **policies: Any) -> Environment:
    """An environment in us-west-2."""
    platform = PlatformSettings(
        name="test",
        region="us-west-2",
        environment="test",
        owner="ml",
        cost_center="research",
        disposable=disposable,
        permissions_boundary=boundary,
    )
    return Environment(policies=PolicySettings(**policies), platform=platform, today=TODAY)


def findings(rule: str, judged: Resource, *others: Resource, held_to: Environment | None = None) -> list[Finding]:
    """What a rule says of a resource among others."""
    (asked,) = [each for each in rules() if each.id == rule]
    assert not asked.types or judged.type in asked.types, f"{rule} does not judge {judged.type}"
    plan = Plan(project="slipway", stack="test", resources=(*others, judged))
    around = Around(plan=plan, environment=held_to or environment())
    return list(ask(asked, judged, alone(judged, around) if asked.scope == "resource" else around))


def faults(rule: str, judged: Resource, *others: Resource, held_to: Environment | None = None) -> list[str]:
    """Where the rule is broken: paths, or `?` and the path of what is unknown."""
    found = findings(rule, judged, *others, held_to=held_to)
    return [f"?{each.path}" if each.kind == "unknown" else each.path for each in found]
