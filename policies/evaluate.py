"""Rules asked of a plan. The pack and the command line both come here, so their verdicts are one."""

from collections.abc import Iterable, Iterator, MutableMapping
from dataclasses import replace
from typing import Final, Literal

from policies.around import Around, Environment
from policies.model import EXCEPTIONS, Finding, Rule, Verdict
from policies.registry import rules as all_rules
from policies.settings import ExceptionSettings, PolicySettings
from policies.values import Inputs, UnknownUntilUpError
from slipway import urns
from slipway.plan.model import Plan, Resource

Seen = MutableMapping[tuple[str, int], tuple[Resource, tuple[Finding, ...]]]
"""What rules of scope `resource` said, by rule and identity of the resource, for plans that share resources. Holds the
resource too: the identity of one that is gone would be another's."""
_UPSTREAM: Final = ("kubernetes:kustomize/v2:Directory", "kubernetes:yaml/v2:ConfigFile")


def evaluate(plan: Plan, environment: Environment, seen: Seen | None = None) -> Verdict:
    """Ask every rule that the environment has not disabled.

    Args:
        plan: A recording, or what the engine shows the pack.
        environment: Levels, exceptions and what rules are to hold the plan to.
        seen: Shared by calls whose plans have the same resources, and whose environment is the same.
    """
    plan = ours(plan)
    around = Around(plan=plan, environment=environment)
    settings = environment.policies
    asked = [each for each in all_rules() if level(each, settings) != "disabled"]
    found: list[Finding] = []
    for each in asked:
        for resource in subjects(each, plan):
            found += _told(each, resource, around, seen)
    found += faulty_exceptions(found, environment, plan)
    return Verdict(
        stack=plan.stack,
        rules=tuple(asked),
        disabled=tuple(each.id for each in all_rules() if each not in asked),
        findings=tuple(found),
    )


def ours(plan: Plan) -> Plan:
    """The plan as rules see it, here and in the engine: by URN, and without what upstream's manifests hold.

    The engine shows a stack's resources in any order, and rules name the first that they find. It alone renders
    manifests, so what comes out of them must neither break a rule nor keep it.
    """
    kept = [each for each in plan.resources if not upstream(each.urn)]
    return replace(plan, resources=tuple(sorted(kept, key=lambda each: each.urn)))


def level(rule: Rule, settings: PolicySettings) -> Literal["advisory", "mandatory", "disabled"]:
    """How strictly the environment takes a rule."""
    return settings.levels.get(rule.id, settings.levels.get(rule.topic, settings.enforcement))


def subjects(rule: Rule, plan: Plan) -> tuple[Resource, ...]:
    """The resources that a rule judges, of a plan that is `ours`."""
    return plan.of_type(*rule.types) if rule.types else plan.resources


def upstream(urn: str) -> bool:
    """Whether a resource comes out of a kustomization or a manifest of others."""
    return urns.scope(urn).endswith(_UPSTREAM)


def _told(rule: Rule, resource: Resource, around: Around, seen: Seen | None) -> tuple[Finding, ...]:
    if rule.scope == "stack":
        return tuple(ask(rule, resource, around))
    key = (rule.id, id(resource))
    if seen is None or key not in seen:
        told = tuple(ask(rule, resource, alone(resource, around)))
        if seen is None:
            return told
        seen[key] = (resource, told)
    return seen[key][1]


def alone(resource: Resource, around: Around) -> Around:
    """What a rule of scope `resource` may look at: nothing else of the plan, as the engine would ask it."""
    plan = Plan(project=around.plan.project, stack=around.plan.stack, resources=(resource,))
    return Around(plan=plan, environment=around.environment)


def ask(rule: Rule, resource: Resource, around: Around) -> Iterator[Finding]:
    """What one rule says of one resource."""
    settings = around.environment.policies
    at = level(rule, settings)
    if at == "disabled":
        return
    try:
        for fault in rule.check(Inputs(resource.inputs), resource, around):
            covering = _exception(rule.id, resource, around.environment)
            yield Finding(
                rule=rule.id,
                kind="violation",
                level=at,
                severity=rule.severity,
                urn=resource.urn,
                path=fault.path,
                what=fault.what,
                fix=rule.fix,
                excepted=covering,
            )
    except UnknownUntilUpError as error:
        yield Finding(
            rule=rule.id,
            kind="unknown",
            level="advisory",
            severity=rule.severity,
            urn=resource.urn,
            path=error.path,
            what=error.why,
            fix="",
        )


def _exception(rule: str, resource: Resource, environment: Environment) -> ExceptionSettings | None:
    for each in environment.policies.exceptions:
        if each.is_for(rule, resource.name) and environment.today <= each.last_day:
            return each
    return None


def faulty_exceptions(found: Iterable[Finding], environment: Environment, plan: Plan) -> Iterator[Finding]:
    """Exceptions that are past their day, or that nothing needs."""
    told = list(found)
    for index, each in enumerate(environment.policies.exceptions):
        about = [one for one in told if each.is_for(one.rule, urns.name(one.urn))]
        if environment.today > each.last_day:
            what = f"expired on {each.expires} (owner: {each.owner})"
            fix = "mend what it covers, or give it another day and say why"
        elif any(one.excepted == each or one.kind == "unknown" for one in about):
            continue
        else:
            another = "another exception covers all that" if about else "nothing"
            what = f"{another} breaks {each.rule} at {each.resource} (owner: {each.owner})"
            fix = "take it out"
        yield Finding(
            rule=EXCEPTIONS,
            kind="exception",
            level="mandatory",
            severity="medium",
            urn=urns.stack(plan.stack, plan.project),
            path=f"policies.exceptions[{index}]",
            what=what,
            fix=fix,
        )
