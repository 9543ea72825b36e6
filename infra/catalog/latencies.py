"""How long AWS takes to make or remove things. Source: `data/latencies.json`, each row with its own."""

from dataclasses import dataclass
from functools import cache
from typing import Literal

from infra.catalog.errors import UnknownNameError
from infra.catalog.table import table

Status = Literal["measured", "bounded", "documented", "estimate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Seconds from the request to ready.

    Attributes:
        low_s: The quickest seen or said, seconds.
        typical_s: What to expect, seconds.
        high_s: The slowest seen or said, seconds.
        status: `measured` in logs, `bounded` by tests that create and destroy, `documented`, or an `estimate`.
        source: Where the figures come from.
    """

    low_s: int
    typical_s: int
    high_s: int
    status: Status
    source: str


@cache
def latency(slug: str) -> Latency:
    """Look a latency up, such as `eks-cluster-create`.

    Raises:
        UnknownNameError: The catalogue does not have it.
    """
    row = table("latencies").row(slug)
    if row is None:
        raise UnknownNameError("latency", slug, slugs())
    low, typical, high, status, source = row
    return Latency(low_s=low, typical_s=typical, high_s=high, status=status, source=source)


def slugs() -> tuple[str, ...]:
    """The names of all latencies, sorted."""
    return table("latencies").names()
