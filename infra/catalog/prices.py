"""What things cost, in USD.

Sources: `data/prices.json` (the AWS price list, renewed by `slipway catalog refresh`) and, curated,
`data/region_factors.json`, `data/capacity_blocks.json`, `data/spot.json` and `data/infrastructure_prices.json`. Where a
price is not AWS's own figure, `basis` says what stands in for it and `verified` is False.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from infra.catalog.errors import UnknownNameError
from infra.catalog.instances import InstanceType, instance_type
from infra.catalog.table import table
from infra.catalog.zones import regions

HOURS_PER_MONTH: Final = 730
"""AWS's own convention for a month (AWS Pricing Calculator)."""

HOME_REGION: Final = "us-east-1"
"""The region whose price list is complete; others are reached from it by a factor."""

Capacity = Literal["on-demand", "spot", "reservation", "capacity-block"]
"""How an instance is paid for: by the hour, as Spot, out of an on-demand reservation, or out of a Capacity Block."""
CAPACITIES: Final[tuple[Capacity, ...]] = ("on-demand", "spot", "reservation", "capacity-block")

# Whose region factor stands in for a family that has none, best first.
_ACCELERATED_STAND_INS: Final = ("g6e", "g6", "g5", "g4dn")
_P_STAND_INS: Final = ("p5", "p5en", "p4de", *_ACCELERATED_STAND_INS)
_CPU_STAND_INS: Final = {"c": ("c7i", "m6id")}
_OTHER_CPU_STAND_INS: Final = ("m6id", "c7i")


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """The price of one instance.

    Attributes:
        usd_per_hour: USD an hour, Linux, shared tenancy.
        basis: Where the figure comes from, for a person to read.
        verified: Whether it is AWS's own figure for this type, region and capacity.
    """

    usd_per_hour: float
    basis: str
    verified: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InfraPrice:
    """The price of something other than an instance, in us-east-1.

    Attributes:
        usd: USD for one unit.
        unit: Such as `per hour` or `per GB-month`.
        verified: Whether a public price list or a tool's test data shows it.
        source: Where it was seen.
    """

    usd: float
    unit: str
    verified: bool
    source: str


@cache
def instance_hourly(type_name: str, region: str, capacity: Capacity) -> Price | None:
    """What one instance costs an hour; None when AWS sells it at no such price or none is known.

    Args:
        type_name: Such as `p5.48xlarge`.
        region: Such as `eu-west-1`.
        capacity: A reservation is billed as on demand, whether used or not; a Capacity Block is paid up front.

    Raises:
        UnknownNameError: The catalogue does not have the type, the region or the capacity.
    """
    instance = instance_type(type_name)
    if region not in regions():
        raise UnknownNameError("region", region, regions())
    if capacity not in CAPACITIES:
        raise UnknownNameError("capacity", capacity, CAPACITIES)
    if capacity == "capacity-block":
        return _capacity_block(instance, region)
    price = _on_demand(instance, region)
    if price is None or capacity == "on-demand":
        return price
    if capacity == "spot":
        return _spot(instance, region, price)
    return Price(
        usd_per_hour=price.usd_per_hour,
        basis=f"reservation, billed as on demand: {price.basis}",
        verified=price.verified,
    )


@cache
def infrastructure(slug: str) -> InfraPrice:
    """The price of something other than an instance, in us-east-1, such as `nat-gateway`.

    Raises:
        UnknownNameError: The catalogue does not have it.
    """
    row = table("infrastructure_prices").row(slug)
    if row is None:
        raise UnknownNameError("price", slug, infrastructure_slugs())
    usd, unit, verified, source = row
    return InfraPrice(usd=usd, unit=unit, verified=verified, source=source)


def infrastructure_slugs() -> tuple[str, ...]:
    """The names of all prices that `infrastructure` knows, sorted."""
    return table("infrastructure_prices").names()


def _on_demand(instance: InstanceType, region: str) -> Price | None:
    if not instance.on_demand:
        return None
    exact = _listed(instance.name)
    if region in exact:
        return Price(
            usd_per_hour=exact[region],
            basis=f"on demand, {region} {_as_of(region)}",
            verified=True,
        )
    home = exact.get(HOME_REGION)
    factor = next(_factors(instance, region), None)
    if home is None or factor is None:
        return None
    value, family = factor
    borrowed = "" if family == instance.family else f" of {family}"
    return Price(
        usd_per_hour=round(home * value, 6),
        basis=(f"on demand, {HOME_REGION} {_as_of(HOME_REGION)} x region factor{borrowed} {value:.4g} ({region})"),
        verified=not borrowed,
    )


def _factors(instance: InstanceType, region: str) -> Iterator[tuple[float, str]]:
    """Factors of a region and the family each belongs to, best first."""
    own = _family_factor(instance.family, region)
    if own is not None:
        yield own, instance.family
    if instance.accelerator:
        stand_ins: tuple[str, ...] = _P_STAND_INS if instance.family.startswith("p") else _ACCELERATED_STAND_INS
    else:
        stand_ins = _CPU_STAND_INS.get(instance.family[0], _OTHER_CPU_STAND_INS)
    for family in stand_ins:
        value = _family_factor(family, region)
        if value is not None:
            yield value, family


@cache
def _family_factor(family: str, region: str) -> float | None:
    """The factor of a family, which is the same for its every size: curated, or from a size with a price in both."""
    curated: float | None = (table("region_factors").row(family) or {}).get(region)
    if curated is not None:
        return curated
    prefix = f"{family}."
    for name in _priced_in(region):
        if name.startswith(prefix) and HOME_REGION in (row := _listed(name)):
            return row[region] / row[HOME_REGION]
    return None


@cache
def _priced_in(region: str) -> tuple[str, ...]:
    """The types with a price of their own in a region."""
    return table("prices").names(having=region)


def _spot(instance: InstanceType, region: str, on_demand: Price) -> Price | None:
    if "spot" not in instance.usage_classes:
        return None
    found = (table("spot").row(instance.name) or {}).get(region)
    if found is None:
        return None
    savings, interruption = found
    return Price(
        usd_per_hour=round(on_demand.usd_per_hour * (100 - savings) / 100, 6),
        basis=(
            f"spot, {savings} % below on demand by Spot Advisor {table('spot').meta['date']}, "
            f"interrupted {interruption} a month ({on_demand.basis})"
        ),
        verified=False,
    )


def _capacity_block(instance: InstanceType, region: str) -> Price | None:
    row = table("capacity_blocks").row(instance.name)
    if row is None:
        return None
    listed = region in row["regions"]
    per = f" of {row['ultraserver']}" if "ultraserver" in row else ""
    where = region if listed else f"{', '.join(row['regions'])}; {region} not in the list"
    return Price(
        usd_per_hour=round(row["usd"] / row.get("instances", 1), 6),
        basis=f"Capacity Block{per}, {table('capacity_blocks').meta['date']} ({where})",
        verified=listed,
    )


def _listed(type_name: str) -> dict[str, float]:
    return table("prices").row(type_name) or {}


@cache
def _as_of(region: str) -> str:
    dates: dict[str, str] = table("prices").meta["as_of"]
    return dates.get(region, dates["*"])
