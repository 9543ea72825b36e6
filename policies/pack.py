"""The rules as a policy pack for the Pulumi engine.

The engine asks a pack twice: `Analyze` before each resource is made, with its inputs, and `AnalyzeStack` at the end,
with outputs and dependencies. Rules of scope `resource` answer the first, so that `up` stops before the resource is
there; the others answer the second, on a Plan of the inputs seen before and the dependencies told then. No rule
looks at outputs.

The engine hands secrets over in plain text, and the SDK takes their marks off before it asks policies to validate. It
leaves them on where it asks for remediations, which comes first: the pack reads inputs there, and remedies nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import pulumi_policy
from pulumi_policy import proxy
from pulumi_policy.deserialize import serialize_properties
from pulumi_policy.proxy import UnknownValueError

from policies.around import Around, Environment
from policies.evaluate import alone, ask, evaluate, level, ours, subjects, upstream
from policies.model import EXCEPTIONS, EXCEPTIONS_TITLE, Finding, Rule
from policies.registry import rules
from slipway import urns
from slipway.plan.model import Plan, Resource
from slipway.wire import UNKNOWN, redacted

NAME: Final = "slipway"
_SENTINELS: Final = frozenset(
    value for name, value in vars(proxy).items() if name.startswith("UNKNOWN_") and isinstance(value, str)
)
_INTERNAL: Final = "__"
"""How providers begin the names of what is theirs alone, such as `__defaults`."""
_UNMARKED: Final = (
    "this policy is not at its level, so secrets are judged as if they were plain text. "
    'Fix: give it back in the file of --policy-pack-config, after `all` too: {"all": ..., "inputs": "remediate"}'
)
_LEVELS: Final = {
    "advisory": pulumi_policy.EnforcementLevel.ADVISORY,
    "mandatory": pulumi_policy.EnforcementLevel.MANDATORY,
    "disabled": pulumi_policy.EnforcementLevel.DISABLED,
}


class UntilUpError(UnknownValueError):
    """What the engine is told where a rule cannot judge before `up`: shown, and stops nothing."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        """Say why, and which resources: in an order of their own, for the engine shows them in any."""
        super().__init__(proxy.UNKNOWN_STRING_VALUE, [])
        told: dict[str, list[str]] = {}
        for each in findings:
            told.setdefault(each.what, []).append(each.where)
        self.message = "; ".join(f"{why}: {', '.join(sorted(told[why]))}" for why in sorted(told))


class Untold(dict[str, Any]):
    """The inputs of what `--target` leaves out and is not there yet: the engine shows none, so each is unknown.

    Source: pulumi `pkg/resource/deploy/step_generator.go`, where `Check` is left out of what is not targeted.
    """

    def __missing__(self, key: str) -> str:
        """Unknown, whatever it is."""
        return UNKNOWN

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401, ARG002  # as dict has it
        """Unknown, whatever it is."""
        return UNKNOWN


class Session:
    """What the engine has shown the pack so far in one operation."""

    def __init__(self, environment: Environment) -> None:
        """Begin with nothing seen."""
        self.environment = environment
        self._inputs: dict[str, Mapping[str, Any]] = {}
        self._warned = False

    def see(self, args: pulumi_policy.ResourceValidationArgs) -> None:
        """Keep the inputs of a resource."""
        # A provider's `Check` puts something into the inputs of each of its resources.
        self._inputs[args.urn] = known(args.props) if len(args.props) or args.provider is None else Untold()

    def look(self, args: pulumi_policy.ResourceValidationArgs, report: pulumi_policy.ReportViolation) -> None:
        """Say, once, that the engine was told not to ask for remediations."""
        if args.urn not in self._inputs and not self._warned:
            self._warned = True
            report(_UNMARKED, args.urn)
        self._seen(args)

    def _seen(self, args: pulumi_policy.ResourceValidationArgs) -> Mapping[str, Any]:
        """The inputs of a resource; without marks where it was not shown for remediation."""
        if args.urn not in self._inputs:
            self.see(args)
        return self._inputs[args.urn]

    def judge(
        self, rule: Rule
    ) -> Callable[[pulumi_policy.ResourceValidationArgs, pulumi_policy.ReportViolation], None]:
        """A rule of scope `resource` as the engine's callback."""

        def validate(args: pulumi_policy.ResourceValidationArgs, report: pulumi_policy.ReportViolation) -> None:
            inputs = self._seen(args)
            if (rule.types and args.resource_type not in rule.types) or upstream(args.urn):
                return
            if isinstance(inputs, Untold):
                return
            resource = Resource(
                urn=args.urn,
                custom=True,
                inputs=inputs,
                parent=args.opts.parent or "",
                protect=args.opts.protect,
                ignore_changes=tuple(args.opts.ignore_changes),
                provider=f"{args.provider.urn}::" if args.provider else "",
            )
            nothing = Around(plan=Plan(project="", stack="", resources=()), environment=self.environment)
            _say(list(ask(rule, resource, alone(resource, nothing))), report)

        return validate

    def judge_stack(
        self, rule: Rule
    ) -> Callable[[pulumi_policy.StackValidationArgs, pulumi_policy.ReportViolation], None]:
        """A rule of scope `stack` as the engine's callback."""

        def validate(args: pulumi_policy.StackValidationArgs, report: pulumi_policy.ReportViolation) -> None:
            around = Around(plan=self.plan(args.resources), environment=self.environment)
            made = [each for each in subjects(rule, around.plan) if not isinstance(each.inputs, Untold)]
            found = [each for resource in made for each in ask(rule, resource, around)]
            _say(found, report)

        return validate

    def exceptions(self, args: pulumi_policy.StackValidationArgs, report: pulumi_policy.ReportViolation) -> None:
        """Report exceptions that are past their day, or that nothing needs."""
        plan = self.plan(args.resources)
        if any(isinstance(each.inputs, Untold) for each in plan):
            return  # what needs an exception may be left out
        found = evaluate(plan, self.environment).findings
        _say([each for each in found if each.kind == "exception"], report)

    def plan(self, resources: Iterable[pulumi_policy.PolicyResource]) -> Plan:
        """What the engine shows at the end, as a plan."""
        return ours(_plan([self._resource(each) for each in resources]))

    def _resource(self, seen: pulumi_policy.PolicyResource) -> Resource:
        behind = {key: tuple(each.urn for each in found) for key, found in seen.property_dependencies.items()}
        # What was only read is never asked about before: its outputs are all there is.
        inputs = self._inputs[seen.urn] if seen.urn in self._inputs else known(seen.props)
        return Resource(
            urn=seen.urn,
            custom=True,
            inputs=inputs,
            parent=seen.parent.urn if seen.parent else "",
            dependencies=tuple(each.urn for each in seen.dependencies),
            property_dependencies=behind,
            provider=f"{seen.provider.urn}::" if seen.provider else "",
            protect=seen.opts.protect,
            ignore_changes=tuple(seen.opts.ignore_changes),
        )


def policies(environment: Environment) -> list[pulumi_policy.Policy]:
    """The pack: what sees, every rule that is not disabled, and what judges exceptions."""
    session = Session(environment)
    made: list[pulumi_policy.Policy] = [
        pulumi_policy.ResourceValidationPolicy(
            name="inputs",
            description="The pack sees what each resource is asked for, secrets marked. Nothing is changed.",
            remediate=session.see,
            validate=session.look,
            enforcement_level=pulumi_policy.EnforcementLevel.REMEDIATE,
        )
    ]
    made += [_policy(each, session) for each in rules() if level(each, environment.policies) != "disabled"]
    made.append(
        pulumi_policy.StackValidationPolicy(
            name=EXCEPTIONS,
            description=EXCEPTIONS_TITLE,
            validate=session.exceptions,
            enforcement_level=pulumi_policy.EnforcementLevel.MANDATORY,
            severity=pulumi_policy.Severity.MEDIUM,
        )
    )
    return made


def _policy(rule: Rule, session: Session) -> pulumi_policy.Policy:
    common: dict[str, Any] = {
        "name": rule.id,
        "description": rule.title,
        "enforcement_level": _LEVELS[level(rule, session.environment.policies)],
        "severity": pulumi_policy.Severity(rule.severity),
        "tags": [rule.topic],
        "remediation_steps": rule.fix,
        "url": rule.source,
    }
    if rule.scope == "resource":
        return pulumi_policy.ResourceValidationPolicy(validate=session.judge(rule), **common)
    return pulumi_policy.StackValidationPolicy(validate=session.judge_stack(rule), **common)


def _say(found: Sequence[Finding], report: pulumi_policy.ReportViolation) -> None:
    for each in found:
        if each.kind != "unknown" and each.excepted is None:
            report(each.message, each.urn)
    unknown = [each for each in found if each.kind == "unknown"]
    if unknown:
        raise UntilUpError(unknown)


def _plan(resources: Sequence[Resource]) -> Plan:
    # `destroy` asks about a stack that nothing is left of.
    head, project, _, _ = (resources[0].urn if resources else urns.stack("", "")).split("::", 3)
    return Plan(project=project, stack=head.removeprefix("urn:pulumi:"), resources=tuple(resources))


def known(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Properties of the policy SDK as the plan spells them: one mark for what is unknown, nothing inside a secret."""
    found: dict[str, Any] = redacted(_plain(serialize_properties(properties)))
    return found


def _plain(value: Any) -> Any:  # noqa: ANN401  # any wire value
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if not key.startswith(_INTERNAL)}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return UNKNOWN if isinstance(value, str) and value in _SENTINELS else value
