"""A line of the bill, and a whole bill."""

from dataclasses import dataclass

from infra.catalog import prices


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the bill, USD an hour. `verified` is False where the figure is an estimate; `basis` says of what."""

    area: str
    item: str
    desired: float
    maximum: float
    basis: str
    verified: bool


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a plan costs. `by_use` is billed by use alone, `unpriced` has no known price; neither is in the sums."""

    region: str
    lines: tuple[Line, ...]
    by_use: tuple[str, ...]
    unpriced: tuple[str, ...]

    @property
    def desired(self) -> float:
        """USD an hour at desired size."""
        return sum(line.desired for line in self.lines)

    @property
    def maximum(self) -> float:
        """USD an hour with every node group at its maximum."""
        return sum(line.maximum for line in self.lines)

    @property
    def verified(self) -> bool:
        """Whether every line is AWS's own figure and nothing is left out."""
        return not self.unpriced and all(line.verified for line in self.lines)


def fixed(area: str, item: str, slug: str, region: str, count: float = 1) -> Line:
    """A line that does not change with the number of nodes."""
    price = prices.infrastructure(slug)
    hourly = count * price.usd / (prices.HOURS_PER_MONTH if price.unit.endswith("month") else 1)
    return line(area, item, (hourly, hourly), price, region)


def line(area: str, item: str, usd: tuple[float, float], price: prices.InfraPrice, region: str) -> Line:
    """A line whose figures at desired and at maximum size are known."""
    home = region == prices.HOME_REGION
    away = "" if home else f", {prices.HOME_REGION} price"
    return Line(
        area=area,
        item=item,
        desired=usd[0],
        maximum=usd[1],
        basis=f"{price.usd:g} USD {price.unit}{away} ({price.source})",
        verified=price.verified and home,
    )
