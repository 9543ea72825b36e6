"""The pack says in the engine's words what `slipway check` says in process; no Pulumi CLI needed."""

import contextlib
import dataclasses
import functools
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from pulumi.runtime.proto import analyzer_pb2

from policies.environment import environment
from policies.evaluate import evaluate
from policies.registry import rules
from slipway import stackfile, urns
from slipway.plan.model import Plan
from slipway.rehearsal.recorder import record
from slipway.rehearsal.said import Said, expected, heard
from stacks.program import main
from tests.policies import pack_server
from tests.policies.breaking import mutations
from tests.program.conftest import ROOT, STACK_FILES, planned

PROD = ROOT / "stacks/config/Pulumi.prod.yaml"
DEV = ROOT / "stacks/config/Pulumi.dev.yaml"
DIRECTORY = "kubernetes:kustomize/v2:Directory"
PRIVATE = ROOT / "examples/Pulumi.private.yaml"


@functools.cache
def recorded(path: Path, *, preview: bool) -> Plan:
    if not preview:
        return planned(path)
    file = stackfile.load(str(path))
    return record(main, project=file.project, stack=file.stack, config=file.config, preview=True)


def broken(plan: Plan) -> Plan:
    """The plan with everything wrong at once that can be."""
    for each in mutations().values():
        for mutation in each:
            # They are written for a clean plan: what an earlier one took away is not there.
            with contextlib.suppress(LookupError, TypeError, AttributeError, ValueError, AssertionError):
                worse = mutation.apply(plan) or plan
                # No two resources of a stack have one URN, and several mutations add one of the same name.
                plan = worse if len({resource.urn for resource in worse}) == len(worse.resources) else plan
    return plan


def both(plan: Plan, config: Mapping[str, str]) -> tuple[frozenset[Said], frozenset[Said]]:
    """What the pack says, and what the rules say in process."""
    with pack_server.pack(config) as stub:
        said = pack_server.ask(stub, plan)
    return said, expected(evaluate(plan, environment(config)))


@pytest.mark.parametrize("path", STACK_FILES, ids=lambda path: path.stem.removeprefix("Pulumi."))
def test_the_pack_and_the_rules_say_the_same(path):
    """Of a preview, in which they say most of a clean plan; of an `up` they say nothing."""
    said, meant = both(recorded(path, preview=True), stackfile.load(str(path)).config)
    assert said == meant
    assert {each.level for each in said} <= {"advisory"}


@pytest.mark.parametrize(("path", "operation"), [(PROD, "preview"), (DEV, "preview"), (DEV, "up")])
def test_they_say_the_same_of_a_plan_in_which_everything_is_wrong(path, operation):
    plan = broken(recorded(path, preview=operation == "preview"))
    said, meant = both(plan, stackfile.load(str(path)).config)
    assert said == meant
    assert len({each.policy for each in said}) > len(rules()) / 2


def test_levels_and_exceptions_come_from_the_stack_file():
    content = yaml.safe_load(DEV.read_text(encoding="utf-8"))["config"]
    content["slipway:policies"] = {
        "enforcement": "advisory",
        "levels": {"eks": "mandatory", "eks-version": "advisory", "data": "disabled"},
        "exceptions": [
            {
                "rule": "eks-extended-support",
                "resource": "cluster-*",
                "reason": "the upgrade waits for a driver",
                "owner": "ml-platform",
                "expires": "2999-12-31",
            },
            {
                "rule": "gpu-one-zone",
                "resource": "nobody",
                "reason": "nothing of this name is there",
                "owner": "ml-platform",
                "expires": "2999-12-31",
            },
        ],
    }
    config = {key: value if isinstance(value, str) else json.dumps(value) for key, value in content.items()}
    plan = broken(planned(DEV))
    said, meant = both(plan, config)
    assert said == meant
    levels = {each.policy: each.level for each in said}
    assert levels["exceptions"] == "mandatory"
    assert levels["gpu-taints-have-values"] == "advisory"
    assert levels["eks-imds"] == "mandatory"
    assert "eks-extended-support" not in levels
    assert not any(name.startswith("data-") for name in levels)
    with pack_server.pack(config) as stub:
        told = {each.name: each for each in pack_server.info(stub).policies}
    assert told["eks-imds"].enforcementLevel == analyzer_pb2.MANDATORY
    assert told["eks-version"].enforcementLevel == analyzer_pb2.ADVISORY
    assert "data-protected" not in told


def test_the_pack_says_what_it_is():
    with pack_server.pack({}) as stub:
        info = pack_server.info(stub)
    assert info.name == "slipway"
    names = [each.name for each in info.policies]
    assert names[0] == "inputs"
    assert sorted(names[1:]) == sorted([*(rule.id for rule in rules()), "exceptions"])
    by_id = {rule.id: rule for rule in rules()}
    for each in info.policies:
        rule = by_id.get(each.name)
        if rule:
            assert (each.description, each.remediation_steps, each.url) == (rule.title, rule.fix, rule.source)
            kinds = {"resource": analyzer_pb2.POLICY_TYPE_RESOURCE, "stack": analyzer_pb2.POLICY_TYPE_STACK}
            assert each.policy_type == kinds[rule.scope]
            assert each.enforcementLevel == analyzer_pb2.MANDATORY


def test_settings_with_mistakes_weaken_nothing():
    config = {
        **stackfile.load(str(DEV)).config,
        "slipway:policies": '{"enforcement": "advisry", "levels": {"eks": "disabled"}}',
    }
    with pack_server.pack(config) as stub:
        told = {each.name: each.enforcementLevel for each in pack_server.info(stub).policies}
    assert told.pop("inputs") == analyzer_pb2.REMEDIATE
    assert set(told.values()) == {analyzer_pb2.MANDATORY}


def test_a_secret_is_never_repeated():
    """The engine hands secrets over in plain text."""
    plan = planned(PRIVATE)
    wrapped = dataclasses.replace(
        plan,
        resources=tuple(
            dataclasses.replace(each, inputs={key: _secret(value) for key, value in each.inputs.items()})
            if each.package in ("aws", "kubernetes")
            else each
            for each in plan
        ),
    )
    said, meant = both(wrapped, stackfile.load(str(PRIVATE)).config)
    assert said == meant
    assert not [str(each) for each in said if pack_server.SECRET_TEXT in str(each)]


def _secret(value: object) -> object:
    signature = "4dabf18193072939515e22adb298388d"
    mark = "1b47061264138c4ac30d75fd1eb44270"
    return {signature: mark, "plaintext": '"[secret]"'} if isinstance(value, str) else value


def told_by(overridden: Mapping[str, Any], plan: Plan, path: Path) -> frozenset[Said]:
    """What the pack says of a plan where a file of `--policy-pack-config` has these levels."""
    with pack_server.pack(stackfile.load(str(path)).config) as stub:
        names = [each.name for each in pack_server.info(stub).policies]
        levels = {name: overridden[name] if name in overridden else overridden["all"] for name in names}
        config = {name: analyzer_pb2.PolicyConfig(enforcementLevel=at) for name, at in levels.items()}
        stub.Configure(analyzer_pb2.ConfigureAnalyzerRequest(policyConfig=config))
        return pack_server.ask(stub, plan)


def test_levels_of_the_engine_change_no_verdict_and_what_they_spoil_is_told():
    """`{"all": "advisory"}` also takes the level from the policy that sees which inputs are secrets."""
    plan = broken(recorded(DEV, preview=True))
    said = told_by({"all": analyzer_pb2.ADVISORY}, plan, DEV)
    warnings = [each for each in said if each.policy == "inputs"]
    assert len(warnings) == 1
    assert "plain text" in warnings[0].text
    assert '"inputs": "remediate"' in warnings[0].text
    meant = expected(evaluate(plan, environment(stackfile.load(str(DEV)).config)))
    # Secrets are the one thing that is judged otherwise.
    plain = {(each.policy, each.text) for each in said if each.policy != "inputs"}
    assert {(each.policy, each.text) for each in meant if "marked as a secret" not in each.text} <= plain
    kept = told_by({"all": analyzer_pb2.ADVISORY, "inputs": analyzer_pb2.REMEDIATE}, plan, DEV)
    assert {(each.policy, each.text) for each in kept} == {(each.policy, each.text) for each in meant}


def test_one_rule_alone_reads_inputs_too():
    """The engine shows a stack's resources with outputs, which in a preview know less."""
    plan = broken(recorded(DEV, preview=True))
    meant = expected(evaluate(plan, environment(stackfile.load(str(DEV)).config)))
    one = "gpu-one-zone"
    assert any(each.policy == one for each in meant)
    alone = {"all": analyzer_pb2.DISABLED, "inputs": analyzer_pb2.REMEDIATE, one: analyzer_pb2.MANDATORY}
    assert {each.text for each in told_by(alone, plan, DEV)} == {each.text for each in meant if each.policy == one}


def test_the_order_of_resources_changes_nothing():
    """The engine shows a stack's resources in any."""
    plan = broken(recorded(PROD, preview=True))
    turned = dataclasses.replace(plan, resources=tuple(reversed(plan.resources)))
    held = environment(stackfile.load(str(PROD)).config)
    assert expected(evaluate(plan, held)) == expected(evaluate(turned, held))


def test_what_upstream_manifests_hold_neither_breaks_a_rule_nor_keeps_it():
    """The engine alone renders them, so verdicts would differ."""
    clean = recorded(DEV, preview=False)
    plan = broken(clean)
    rendered = tuple(
        dataclasses.replace(
            each, urn=urns.child(urns.child(plan.resources[0].urn, DIRECTORY, "x"), each.type, each.name)
        )
        for each in clean
        if each.package == "kubernetes"
    )
    assert len(rendered) > 20
    held = environment(stackfile.load(str(DEV)).config)
    more = dataclasses.replace(plan, resources=plan.resources + rendered)
    assert expected(evaluate(more, held)) == expected(evaluate(plan, held))
    with pack_server.pack(stackfile.load(str(DEV)).config) as stub:
        assert pack_server.ask(stub, more) == expected(evaluate(plan, held))


def test_what_a_target_leaves_out_breaks_nothing():
    """The engine shows it without a single input, and makes it another time."""
    plan = recorded(PROD, preview=True)
    held = environment(stackfile.load(str(PROD)).config)
    targeted = dataclasses.replace(
        plan,
        resources=tuple(
            dataclasses.replace(each, inputs={}, outputs={})
            if each.provider and each.type != "aws:s3/bucket:Bucket"
            else each
            for each in plan
        ),
    )
    assert any(each.kind == "violation" for each in evaluate(targeted, held).findings)
    with pack_server.pack(stackfile.load(str(PROD)).config) as stub:
        said = pack_server.ask(stub, targeted)
    assert {each.level for each in said} == {"advisory"}
    assert all(each.text.startswith("unknown until up: ") for each in said)
    assert len(said) < 20


def test_words_of_the_engine_are_taken_apart():
    violation = heard("a-rule", "mandatory", "The title.\naws:x/y:Z name: p: what. Fix: this\n")
    assert violation == Said(policy="a-rule", level="mandatory", text="aws:x/y:Z name: p: what. Fix: this")
    text = "can't run policy 'a-rule' from policy pack 'slipway@v0.0.1' during preview: unknown until up: x y: p"
    assert heard("a-rule", "advisory", text).text == "unknown until up: x y: p"


def test_importing_the_pack_starts_nothing():
    done = subprocess.run(
        [sys.executable, "-c", "import policies.pack, policies.registry; print(len(policies.registry.rules()) > 0)"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "True\n"
