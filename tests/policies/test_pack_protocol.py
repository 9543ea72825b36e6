"""The pack says in the engine's words what `slipway check` says in process; no Pulumi CLI needed."""

import contextlib
import dataclasses
import functools
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from pulumi.runtime.proto import analyzer_pb2

from policies.environment import environment
from policies.evaluate import evaluate
from policies.registry import rules
from slipway import stackfile
from slipway.plan.model import Plan
from slipway.rehearsal.recorder import record
from slipway.rehearsal.said import Said, expected, heard
from stacks.program import main
from tests.policies import pack_server
from tests.policies.breaking import mutations
from tests.program.conftest import ROOT, STACK_FILES, planned

PROD = ROOT / "stacks/config/Pulumi.prod.yaml"
DEV = ROOT / "stacks/config/Pulumi.dev.yaml"
WHICH = {"preview": True, "up": False}


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


@pytest.mark.parametrize("operation", WHICH)
@pytest.mark.parametrize("path", STACK_FILES, ids=lambda path: path.stem.removeprefix("Pulumi."))
def test_the_pack_and_the_rules_say_the_same(path, operation):
    said, meant = both(recorded(path, preview=WHICH[operation]), stackfile.load(str(path)).config)
    assert said == meant
    assert {each.level for each in said} <= {"advisory"}


@pytest.mark.parametrize("operation", WHICH)
@pytest.mark.parametrize("path", [PROD, DEV], ids=["prod", "dev"])
def test_they_say_the_same_of_a_plan_in_which_everything_is_wrong(path, operation):
    plan = broken(recorded(path, preview=WHICH[operation]))
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
    plan = planned(PROD)
    wrapped = dataclasses.replace(
        plan,
        resources=tuple(
            dataclasses.replace(each, inputs={key: _secret(value) for key, value in each.inputs.items()})
            if each.package in ("aws", "kubernetes")
            else each
            for each in plan
        ),
    )
    said, meant = both(wrapped, stackfile.load(str(PROD)).config)
    assert said == meant
    assert not [str(each) for each in said if pack_server.SECRET_TEXT in str(each)]


def _secret(value: object) -> object:
    signature = "4dabf18193072939515e22adb298388d"
    mark = "1b47061264138c4ac30d75fd1eb44270"
    return {signature: mark, "plaintext": '"[secret]"'} if isinstance(value, str) else value


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
