"""Regions, availability zones by id, and which instance types they offer.

Zones are named by id (`use1-az4`), never by name (`us-east-1a`): names are dealt out anew in every account. Source:
`data/offerings.json`, DescribeInstanceTypeOfferings with `LocationType=availability-zone-id`, and, curated,
`data/local_zones.json`.
"""

from functools import cache
from typing import Any, Final

from infra.catalog.errors import UnknownNameError
from infra.catalog.instances import instance_type
from infra.catalog.table import table

_PARTITIONS: Final = (
    ("cn-", "aws-cn"),
    ("us-gov-", "aws-us-gov"),
    ("us-isob-", "aws-iso-b"),
    ("us-iso-", "aws-iso"),
    ("eusc-", "aws-eusc"),
)
_DOMAINS: Final = {
    "aws-cn": "amazonaws.com.cn",
    "aws-eusc": "amazonaws.eu",
    "aws-iso": "c2s.ic.gov",
    "aws-iso-b": "sc2s.sgov.gov",
}


@cache
def regions() -> tuple[str, ...]:
    """The names of all regions in the catalogue, sorted."""
    return tuple(sorted(_zones()))


def zones(region: str) -> tuple[str, ...]:
    """The zone ids of a region, in order.

    Raises:
        UnknownNameError: The catalogue does not have the region.
    """
    if region not in _zones():
        raise UnknownNameError("region", region, regions())
    return _zones()[region]


def region_of(zone_id: str) -> str:
    """The region a zone id belongs to.

    Raises:
        UnknownNameError: The catalogue does not have the zone.
    """
    if zone_id not in _homes():
        raise UnknownNameError("zone id", zone_id, _homes())
    return _homes()[zone_id]


def partition(region: str) -> str:
    """The AWS partition of a region, the second field of every ARN there.

    Source: botocore's `partitions.json`.
    """
    for prefix, name in _PARTITIONS:
        if region.startswith(prefix):
            return name
    return "aws"


def dns_suffix(region: str) -> str:
    """The domain of AWS's endpoints and service principals in a region, such as `amazonaws.com`.

    Source: botocore's `partitions.json`.
    """
    return _DOMAINS.get(partition(region), "amazonaws.com")


def local_zones(region: str) -> tuple[str, ...]:
    """The ids of the region's Local Zones that a machine-learning type is sold in. A cluster cannot start in one.

    Raises:
        UnknownNameError: The catalogue does not have the region.
    """
    zones(region)
    return tuple(zone for zone, row in _local().items() if row["region"] == region)


def is_local(zone_id: str) -> bool:
    """Whether it is a Local Zone: nodes run there, while control planes, NAT gateways, endpoints and EFS do not."""
    return zone_id in _local()


@cache
def offered_zones(type_name: str, region: str) -> tuple[str, ...]:
    """The zone ids of a region in which an instance type can be had, in order; empty where it cannot.

    UltraServer types are sold in Local Zones, whose ids come last.

    Raises:
        UnknownNameError: The catalogue does not have the type or the region.
    """
    here = zones(region)
    name = instance_type(type_name).name
    numbers = (table("offerings").row(name) or {}).get(region, ())
    local = (zone for zone in local_zones(region) if name in _local()[zone]["types"])
    return (*(zone for zone in here if int(zone.rpartition("-az")[2]) in numbers), *local)


@cache
def _zones() -> dict[str, tuple[str, ...]]:
    return {region: tuple(ids) for region, ids in table("offerings").meta["zones"].items()}


@cache
def _local() -> dict[str, dict[str, Any]]:
    found = table("local_zones")
    return {name: row for name in found.names() if (row := found.row(name))}


@cache
def _homes() -> dict[str, str]:
    homes = {zone: region for region, ids in _zones().items() for zone in ids}
    return {**homes, **{zone: row["region"] for zone, row in _local().items()}}
