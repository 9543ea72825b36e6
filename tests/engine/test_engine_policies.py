"""The policy pack on the real engine says what `slipway check` says here. Needs the Pulumi CLI on PATH."""

import pytest
import yaml

from policies.environment import environment
from policies.evaluate import evaluate
from slipway import stackfile
from slipway.rehearsal import engine
from slipway.rehearsal.recorder import record
from slipway.rehearsal.said import expected
from stacks.program import main
from tests.engine.broken_program import FAULTS, broken_main

WHY_NOT = engine.available()
pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=f"no real engine: {WHY_NOT}")

ROOT = stackfile.project_folder()
CLUSTER = "aws:eks/cluster:Cluster"
BROKEN = f"""\
import sys
sys.path.insert(0, {str(ROOT)!r})
from tests.engine.broken_program import broken_main
broken_main()
"""


def variant(tmp_path, change):
    """A copy of the stack file `dev` with something changed, loaded."""
    content = yaml.safe_load((ROOT / "stacks/config/Pulumi.dev.yaml").read_text(encoding="utf-8"))
    change(content["config"])
    path = tmp_path / "Pulumi.judged.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return stackfile.load(str(path))


def in_process(file, *, preview, program=main):
    plan = record(program, project=file.project, stack=file.stack, config=file.config, preview=preview)
    return expected(evaluate(plan, environment(file.config)))


def test_prod_is_judged_alike():
    file = stackfile.load("prod")
    with engine.stack(file) as running:
        said = running.judge()
    assert said == in_process(file, preview=True)
    assert {each.level for each in said} <= {"advisory"}


def test_a_stack_file_that_breaks_rules_is_stopped(tmp_path):
    def careless(config):
        config["slipway:cluster"]["support"] = "EXTENDED"
        config["slipway:nodeGroups"][1]["min"] = 1
        config["slipway:policies"] = {
            "levels": {"cost": "advisory"},
            "exceptions": [
                {
                    "rule": "gpu-one-zone",
                    "resource": "*",
                    "reason": "nothing needs this one",
                    "owner": "ml-platform",
                    "expires": "2999-12-31",
                }
            ],
        }

    file = variant(tmp_path, careless)
    with engine.stack(file) as running:
        said = running.judge()
        # The Automation API's `up` comes without a preview.
        unseen = running.judge(up=True)
        assert {each.policy for each in unseen} == {"eks-extended-support"}
        assert not running.state().of_type(CLUSTER), "a rule about one resource is asked before the resource is made"
    assert said == in_process(file, preview=True)
    levels = {each.policy: each.level for each in said}
    assert levels["eks-extended-support"] == levels["exceptions"] == "mandatory"
    assert levels["cost-kept-accelerators"] == "advisory"


def test_what_no_stack_file_can_ask_for_is_judged_alike_from_preview_to_up(tmp_path):
    """Advisory, so that `up` goes on and values that were unknown become known."""

    def shown(config):
        config["slipway:policies"] = {"enforcement": "advisory"}

    file = variant(tmp_path, shown)
    with engine.stack(file) as running:
        (running.root / "stacks/__main__.py").write_text(BROKEN, encoding="utf-8")
        before = running.judge()
        assert before == in_process(file, preview=True, program=broken_main)
        after = in_process(file, preview=False, program=broken_main)
        assert running.judge(up=True) == after
        assert running.judge() == after, "a preview of what is there knows what `up` knew"
    assert len({each.policy for each in after}) >= len(FAULTS) - 2
