"""Right stack files of any shape are planned, and the plan is sound."""

import json
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings

from slipway.plan.checks import check
from slipway.plan.reach.reach import reach
from slipway.plan.summary import summary
from slipway.rehearsal.recorder import record
from stacks.program import main
from tests import strategies
from tests.contract.aws_calls import CALLS
from tests.contract.test_aws_inputs import problems


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # A plan takes a second: shrinking a failure would take many minutes and the failing file is readable as it is.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(strategies.stacks())
def test_a_right_stack_file_is_planned(raw: dict[str, Any]):
    config = {f"slipway:{key}": json.dumps(value) for key, value in raw.items()}
    plan = record(main, project="slipway", stack="fuzz", config=config)
    assert list(check(plan)) == []
    assert reach(plan).exposed == ()
    for resource in plan:
        assert not (resource.type in CALLS and problems(resource)), resource.urn
        tags = resource.inputs.get("tags")
        # AWS General Reference, "Tag naming limits and requirements". Objects of Kubernetes have none.
        if resource.package == "aws" and isinstance(tags, dict):
            assert len(tags) <= 50, resource.urn
            assert all(0 < len(key) <= 128 and len(value) <= 256 for key, value in tags.items()), resource.urn
    found = summary(plan)
    groups = {group.group for group in found.groups}
    assert groups == {group["name"] for group in raw["nodeGroups"]}
