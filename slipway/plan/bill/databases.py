"""RDS instances."""

from collections.abc import Iterator
from datetime import date
from typing import cast

from infra.catalog import prices, rds
from infra.catalog.errors import UnknownNameError
from slipway.plan.bill.lines import Line, fixed, line
from slipway.plan.bill.types import DATABASE
from slipway.plan.model import Plan, Resource


def databases(plan: Plan, region: str, day: date) -> Iterator[Line | str]:
    """Hours, storage, secret and extended support of RDS instances. Multi-AZ is billed twice, but for the secret."""
    for database in plan.of_type(DATABASE):
        inputs, name = database.inputs, database.name
        copies = 2 if inputs.get("multiAz") else 1
        zones = ", Multi-AZ" if inputs.get("multiAz") else ""
        yield _hours(database, copies, zones, region)
        gib = inputs.get("allocatedStorage", 0)
        price = prices.infrastructure("rds-gp3-gb-month")
        rate = copies * price.usd / prices.HOURS_PER_MONTH
        most = max(gib, inputs.get("maxAllocatedStorage") or 0)
        yield line("databases", f"{name}: gp3 {gib} GiB{zones}", (gib * rate, most * rate), price, region)
        if inputs.get("manageMasterUserPassword"):
            yield fixed("databases", f"{name}: secret", "secret-month", region)
        yield from _support(database, copies, region, day)


def _hours(database: Resource, copies: int, zones: str, region: str) -> Line | str:
    engine, class_ = str(database.inputs.get("engine")), str(database.inputs.get("instanceClass"))
    try:
        price = rds.hourly(cast("rds.Engine", engine), class_)
    except UnknownNameError:
        price = None
    if price is None:
        return f"{database.name}: {engine} {class_}: no price known"
    hourly = copies * price.usd
    return line("databases", f"{database.name}: {engine} {class_}{zones}", (hourly, hourly), price, region)


def _support(database: Resource, copies: int, region: str, day: date) -> Iterator[Line]:
    """Extended support, billed per vCPU of standbys too (RDS user guide, "Amazon RDS Extended Support charges")."""
    inputs = database.inputs
    if str(inputs.get("engineLifecycleSupport", "")).endswith("-disabled"):
        return
    try:
        version = rds.engine_version(inputs["engine"], str(inputs.get("engineVersion")))
        vcpus = copies * rds.instance_class(str(inputs.get("instanceClass"))).vcpus
    except UnknownNameError:
        return
    if version.support(day) == "extended":
        slug = "rds-extended-third-year-vcpu" if version.third_extended_year(day) else "rds-extended-vcpu"
        yield fixed("databases", f"{database.name}: extended support of {vcpus} vCPUs", slug, region, vcpus)
