"""The control plane, and every instance with its volumes."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Final

from infra.catalog import eks, prices
from infra.catalog.errors import UnknownNameError
from slipway.plan.bill.lines import Line, fixed, line
from slipway.plan.bill.types import CLUSTER
from slipway.plan.fleet import NodeGroup, Volume, node_groups
from slipway.plan.machines import Machines
from slipway.plan.machines import machines as machines_of
from slipway.plan.model import Plan

_GP3_IOPS: Final = 3000
_GP3_THROUGHPUT: Final = 125
"""What a gp3 volume's price includes (facts: gp3 0.005/IOPS over 3000 and 0.04 per MB/s over 125)."""


def control_plane(plan: Plan, region: str, day: date) -> Iterator[Line | str]:
    """The EKS control plane, in extended support where its version is."""
    for cluster in plan.of_type(CLUSTER):
        version = str(cluster.inputs.get("version", eks.DEFAULT_VERSION))
        slug = "eks-cluster"
        if (cluster.inputs.get("upgradePolicy") or {}).get("supportType") != "STANDARD":
            slug = "eks-cluster-extended" if eks.support(version, day) == "extended" else slug
        yield fixed("control plane", "EKS cluster", slug, region)


def nodes(plan: Plan, region: str) -> Iterator[Line | str]:
    """Node groups that may have a node."""
    for group in node_groups(plan):
        if group.maximum == 0:
            continue
        yield _instances(group, region)
        yield from _volumes(group, region)


def machines(plan: Plan, region: str) -> Iterator[Line | str]:
    """Instances outside node groups."""
    for each in machines_of(plan):
        yield _instances(each, region, "machines")
        yield from _volumes(each, region, "machines")
        if each.detailed_monitoring:
            yield f"{each.name}: detailed monitoring: no price known"


def _instances(group: NodeGroup | Machines, region: str, area: str = "nodes") -> Line | str:
    found = [(name, price) for name in group.types if (price := _instance(name, region, group)) is not None]
    if not found or len(found) < len(group.types):
        missing = next((name for name in group.types if _instance(name, region, group) is None), "no instance type")
        return f"{group.name}: {missing}, {group.capacity} in {region}: no price known"
    # On demand EKS takes the first type that it can get; on spot any may come, so the dearest stands for all.
    name, price = found[0] if group.capacity != "spot" else max(found, key=lambda pair: pair[1].usd_per_hour)
    several = f", {'dearest' if group.capacity == 'spot' else 'first'} of {len(found)} types" if len(found) > 1 else ""
    return Line(
        area=area,
        item=f"{group.name}: {name} {group.capacity}",
        desired=group.desired * price.usd_per_hour,
        maximum=group.maximum * price.usd_per_hour,
        basis=f"{price.usd_per_hour:.4f} each{several}; {price.basis}",
        verified=price.verified,
    )


def _instance(name: str, region: str, group: NodeGroup | Machines) -> prices.Price | None:
    try:
        price = prices.instance_hourly(name, region, group.capacity)
        if price is not None or group.capacity != "spot":
            return price
        ceiling = prices.instance_hourly(name, region, "on-demand")
    except UnknownNameError:
        return None
    if ceiling is None:
        return None
    # Spot never costs more than on demand (EC2 user guide, Spot Instances), so this errs on the dear side.
    return replace(ceiling, basis=f"at most, spot price not known; {ceiling.basis}", verified=False)


def _volumes(group: NodeGroup | Machines, region: str, area: str = "nodes") -> Iterator[Line | str]:
    hourly = 0.0
    for volume in group.volumes:
        if volume.type != "gp3":
            yield f"{group.name}: EBS {volume.type} volume: no price known"
            continue
        hourly += _gp3(volume)
    if hourly:
        gib = sum(volume.gib for volume in group.volumes)
        yield line(
            area,
            f"{group.name}: gp3 {gib} GiB",
            (group.desired * hourly, group.maximum * hourly),
            prices.infrastructure("gp3-gb-month"),
            region,
        )


def _gp3(volume: Volume) -> float:
    """USD an hour of one gp3 volume with what it has over the included IOPS and throughput."""
    monthly = volume.gib * prices.infrastructure("gp3-gb-month").usd
    monthly += max(0, (volume.iops or 0) - _GP3_IOPS) * prices.infrastructure("gp3-iops-month").usd
    monthly += max(0, (volume.throughput or 0) - _GP3_THROUGHPUT) * prices.infrastructure("gp3-mbps-month").usd
    return monthly / prices.HOURS_PER_MONTH
