"""AWS service quotas that a platform runs into. Source: `data/quotas.json`, defaults of new accounts."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

from infra.catalog.errors import UnknownNameError
from infra.catalog.instances import instance_type
from infra.catalog.prices import Capacity
from infra.catalog.table import table

# Which vCPU quota counts a family, by the letters before its first digit (EC2 user guide, "Amazon EC2 service quotas").
_CLASSES: Final = {
    "p": "p", "g": "g-vt", "gr": "g-vt", "vt": "g-vt", "inf": "inf", "trn": "trn", "dl": "dl",
    "f": "f", "x": "x", "hpc": "hpc", "u": "u",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """One service quota.

    Attributes:
        service: The service's code in Service Quotas, such as `ec2`.
        name: What it limits, such as `Running On-Demand P vCPUs`.
        code: Its quota code; None where no stored source gives one.
        default: Its value in a new account: vCPUs for instances, counts otherwise. An account's own may be higher.
    """

    service: str
    name: str
    code: str | None
    default: int


@cache
def quota(slug: str) -> Quota:
    """Look a quota up, such as `eks-managed-node-groups-per-cluster`.

    Raises:
        UnknownNameError: The catalogue does not have it.
    """
    row = table("quotas").row(slug)
    if row is None:
        raise UnknownNameError("quota", slug, slugs())
    service, name, code, default = row
    return Quota(service=service, name=name, code=code, default=default)


def slugs() -> tuple[str, ...]:
    """The names of all quotas, sorted."""
    return table("quotas").names()


@cache
def vcpu_quota(type_name: str, capacity: Capacity) -> Quota:
    """The quota that counts the vCPUs of an instance type.

    A reservation counts as On-Demand (API reference, CreateCapacityReservation). For Capacity Blocks no AWS page was
    found that says: they are counted as On-Demand too, to be on the safe side.

    Raises:
        UnknownNameError: The catalogue does not have the type.
        ValueError: Spot is asked for and AWS does not sell the type as Spot.
    """
    instance = instance_type(type_name)
    family = instance.family
    letters = re.match(r"[a-z]+", family)
    kind = _CLASSES.get(letters[0] if letters else "", "standard")
    if capacity != "spot":
        return quota(f"ec2-on-demand-{kind}-vcpus")
    if "spot" not in instance.usage_classes:
        raise ValueError(f"{type_name} is not sold as Spot; use {' or '.join(sorted(instance.usage_classes))}")
    if kind == "p":
        kind = "p5-p6" if family.startswith(("p5", "p6")) else "p2-p3-p4"
    return quota(f"ec2-spot-{kind}-vcpus")
