"""EKS: Kubernetes versions with their support dates, and versions of managed add-ons.

Sources: `data/eks_versions.json` (curated) and `data/addons.json` (DescribeAddonVersions, renewed by `slipway catalog
refresh`; until then, versions that public sources show for a Kubernetes minor, each with its source).
"""

from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Final, Literal

from infra.catalog.errors import UnknownNameError
from infra.catalog.table import table

DEFAULT_VERSION: Final = "1.35"
ACCEPTED_VERSIONS: Final = ("1.34", "1.35", "1.36")

Support = Literal["standard", "extended", "ended"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EksVersion:
    """A Kubernetes minor on EKS.

    Attributes:
        version: Such as `1.35`.
        released: When EKS released it; None where no stored source says.
        standard_until: The last day of standard support; None where it is over and no stored source gives the day.
        extended_until: The last day of extended support.
    """

    version: str
    released: date | None
    standard_until: date | None
    extended_until: date


@dataclass(frozen=True, slots=True, kw_only=True)
class AddonPin:
    """An exact version of an EKS managed add-on, and where it was seen."""

    version: str
    source: str


@cache
def versions() -> tuple[EksVersion, ...]:
    """Every EKS version in the catalogue, oldest first."""
    names = sorted(table("eks_versions").names(), key=lambda name: tuple(map(int, name.split("."))))
    return tuple(version(name) for name in names)


@cache
def version(name: str) -> EksVersion:
    """Look a Kubernetes minor up.

    Raises:
        UnknownNameError: The catalogue does not have it.
    """
    row: dict[str, str | None] | None = table("eks_versions").row(name)
    if row is None:
        raise UnknownNameError("EKS version", name, table("eks_versions").names())
    extended = _day(row["extended_until"])
    if extended is None:
        raise ValueError(f"data/eks_versions.json: {name} has no end of extended support")
    return EksVersion(
        version=name,
        released=_day(row["released"]),
        standard_until=_day(row["standard_until"]),
        extended_until=extended,
    )


def support(name: str, on: date) -> Support:
    """Which support a Kubernetes minor has on a day. Extended support costs six times the price of the control plane.

    Raises:
        UnknownNameError: The catalogue does not have the version.
    """
    found = version(name)
    if found.standard_until and on <= found.standard_until:
        return "standard"
    return "extended" if on <= found.extended_until else "ended"


@cache
def addon_version(addon: str, kubernetes_version: str) -> AddonPin | None:
    """The version of an EKS managed add-on for a Kubernetes minor; None where no stored source shows one.

    Raises:
        UnknownNameError: The catalogue does not have the add-on at all.
    """
    row: dict[str, list[str]] | None = table("addons").row(addon)
    if row is None:
        raise UnknownNameError("EKS add-on", addon, table("addons").names())
    found = row.get(kubernetes_version)
    return AddonPin(version=found[0], source=found[1]) if found else None


def addons() -> tuple[str, ...]:
    """The names of the EKS managed add-ons in the catalogue, sorted."""
    return table("addons").names()


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
