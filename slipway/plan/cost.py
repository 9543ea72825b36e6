"""What a plan costs an hour, line by line, at desired and at maximum size.

Prices and their sources are the catalogue's (`infra.catalog.prices`). What has no known price is listed, never counted
as zero, and what is billed by use alone is listed too.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Final

from infra.catalog import prices
from slipway.plan.bill.compute import control_plane, machines, nodes
from slipway.plan.bill.databases import databases
from slipway.plan.bill.lines import Cost, Line
from slipway.plan.bill.network import alarms, network
from slipway.plan.bill.storage import storage
from slipway.plan.bill.types import BY_USE, ECS, ENDPOINT, FREE, PRICED
from slipway.plan.model import Plan, Resource

PROVIDER: Final = "pulumi:providers:aws"
_NO_INSIGHTS: Final = {"name": "containerInsights", "value": "disabled"}


def cost(plan: Plan, on: date | None = None) -> Cost:
    """Price a plan.

    Args:
        plan: One whose counts and sizes are known; ids need not be.
        on: The day that decides whether the Kubernetes version is in extended support; today by default.
    """
    day = on or datetime.now(UTC).date()
    region = region_of(plan)
    lines: list[Line] = []
    unpriced: list[str] = []
    for found in (
        control_plane(plan, region, day),
        nodes(plan, region),
        machines(plan, region),
        network(plan, region),
        storage(plan, region),
        databases(plan, region, day),
        alarms(plan, region),
    ):
        for each in found:
            (lines if isinstance(each, Line) else unpriced).append(each)  # type: ignore[arg-type]  # sorted by type
    unknown = {
        f"{resource.type}: no price known" for resource in plan if resource.package == "aws" and not _known(resource)
    }
    return Cost(
        region=region,
        lines=tuple(lines),
        by_use=tuple(_by_use(plan)),
        unpriced=(*unpriced, *sorted(unknown)),
    )


def region_of(plan: Plan) -> str:
    """The region of the plan's first AWS provider, or of its configuration; us-east-1 where neither says."""
    for provider in plan.of_type(PROVIDER):
        region = provider.inputs.get("region")
        if isinstance(region, str):
            return region
    return prices.HOME_REGION


def _known(resource: Resource) -> bool:
    return resource.type in PRICED or resource.type in FREE


def _by_use(plan: Plan) -> Iterator[str]:
    for type_, note in BY_USE.items():
        found = plan.of_type(type_)
        if type_ == ENDPOINT:
            found = tuple(each for each in found if each.inputs.get("vpcEndpointType") == "Interface")
        if type_ == ECS:
            found = tuple(each for each in found if _NO_INSIGHTS not in (each.inputs.get("settings") or []))
        if found:
            yield note
