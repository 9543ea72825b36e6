"""Renew the catalogue's data files from AWS: everything is asked before anything is written.

Curated files (families, corrections, region factors, support dates, latencies, ...) are left alone. A region that is
not asked keeps what was known of it.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final

import boto3

from infra.catalog.table import Table, render
from slipway.aws.fetch import Fetched, RefreshError, fetch

__all__ = ["Change", "RefreshError", "Report", "refresh", "summary"]

Rows = dict[str, Any]
File = tuple[dict[str, Any], Rows]
"""The `meta` and the rows of one data file."""

FILES: Final = ("addons", "ami_releases", "instances", "offerings", "prices", "quotas")
_SHOWN: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What became of one data file.

    Attributes:
        file: Its name without suffix.
        added: Names of new rows, sorted.
        removed: Names of rows that are gone, sorted.
        changed: Names of rows whose content differs, sorted.
    """

    file: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]

    @property
    def empty(self) -> bool:
        """Whether the file stayed as it was."""
        return not (self.added or self.removed or self.changed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a refresh did: one change for each file, in order of their names."""

    regions: tuple[str, ...]
    changes: tuple[Change, ...]


def refresh(session: boto3.Session, *, regions: Sequence[str], directory: Path, today: date | None = None) -> Report:
    """Ask AWS and renew the data files in `directory`.

    A file whose rows stay the same is not touched, date included, so a second refresh changes nothing.

    Args:
        session: Credentials with read access to EC2, Pricing, Service Quotas, SSM and EKS.
        regions: Regions to ask; quotas, AMI releases and add-ons are asked in the first.
        directory: Where the data files are, such as `infra/catalog/data`.
        today: The date to write; today's in UTC by default.

    Raises:
        ValueError: No region is given.
        RefreshError: A call failed or came back empty; every file is as it was.
    """
    if not regions:
        raise ValueError("no region is given; name at least one, such as us-east-1")
    before = {name: _read(directory / f"{name}.json") for name in FILES}
    services = sorted({row[0] for row in before["quotas"][1].values() if row[2]})
    fetched = fetch(session, regions=regions, services=services)
    after = _renewed(before, fetched, on=(today or datetime.now(UTC).date()).isoformat())
    changes = tuple(_change(name, before[name][1], after[name][1]) for name in FILES)
    moved = [change.file for change in changes if not change.empty]
    # The zones of a region stand in the offerings' meta: a new zone without an offer changes no row.
    if before["offerings"][0]["zones"] != after["offerings"][0]["zones"] and "offerings" not in moved:
        moved.append("offerings")
    _write({directory / f"{name}.json": render(*after[name]) for name in moved})
    return Report(regions=tuple(regions), changes=changes)


def summary(report: Report) -> str:
    """The report as lines for a person, one for each file."""
    lines = [f"asked {len(report.regions)} region(s): {', '.join(report.regions)}"]
    lines += [f"  {change.file}: {_said(change)}" for change in report.changes]
    return "\n".join(lines)


def _renewed(before: Mapping[str, File], new: Fetched, *, on: str) -> dict[str, File]:
    """Every data file as it should be; pure."""
    asked = sorted(new.zones)
    offerings = _offerings(before["offerings"], new)
    instances = {
        # A type that only regions not asked offer keeps its row.
        **{name: row for name, row in before["instances"][1].items() if name in offerings[1]},
        **new.instances,
    }
    prices = _by_region(before["prices"][1], new.prices, asked)
    meta = {
        "instances": {**before["instances"][0], "source": "EC2 DescribeInstanceTypes", "date": on},
        "offerings": {
            **offerings[0],
            "source": "EC2 DescribeInstanceTypeOfferings, LocationType=availability-zone-id",
            "date": on,
        },
        "prices": {
            **before["prices"][0],
            "as_of": {**before["prices"][0]["as_of"], **dict.fromkeys(asked, on)},
            "date": on,
        },
        "quotas": {**before["quotas"][0], "date": on},
        "ami_releases": {
            "source": "SSM public parameters",
            "date": on,
        },
        "addons": {"source": f"defaults of EKS DescribeAddonVersions in {asked[0]}", "date": on},
    }
    rows: dict[str, Rows] = {
        "instances": instances,
        "offerings": {name: row for name, row in offerings[1].items() if name in instances},
        "prices": {name: row for name, row in prices.items() if name in instances},
        "quotas": _quotas(before["quotas"][1], new.quotas),
        "ami_releases": {kind: dict(releases) for kind, releases in new.releases.items()},
        "addons": _addons(before["addons"][1], new.addons),
    }
    return {name: (meta[name], rows[name]) for name in FILES}


def _offerings(before: File, new: Fetched) -> File:
    meta, old = before
    rows: Rows = {}
    for name in sorted({*old, *new.offerings}):
        kept = {region: ids for region, ids in old.get(name, {}).items() if region not in new.zones}
        row = {**kept, **new.offerings.get(name, {})}
        if row:
            rows[name] = dict(sorted(row.items()))
    return {**meta, "zones": dict(sorted({**meta["zones"], **new.zones}.items()))}, rows


def _by_region(old: Rows, new: Mapping[str, Mapping[str, float]], asked: Sequence[str]) -> Rows:
    rows: Rows = {name: {r: usd for r, usd in row.items() if r not in asked} for name, row in old.items()}
    for region, prices in new.items():
        for name, usd in prices.items():
            rows.setdefault(name, {})[region] = usd
    return {name: row for name, row in rows.items() if row}


def _quotas(old: Rows, new: Mapping[tuple[str, str], int]) -> Rows:
    return {
        slug: [service, name, code, new.get((service, code), default)]
        for slug, (service, name, code, default) in old.items()
    }


def _addons(old: Rows, new: Mapping[str, Mapping[str, str]]) -> Rows:
    """The add-ons the catalogue follows; a minor that AWS gives no default for keeps what was known."""
    source = "default by EKS DescribeAddonVersions"
    return {
        name: {**row, **{minor: [version, source] for minor, version in new.get(name, {}).items()}}
        for name, row in old.items()
    }


def _change(name: str, before: Rows, after: Rows) -> Change:
    # What JSON makes of the rows is compared: a float 1.0 and an int 1 are the same price.
    return Change(
        file=name,
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        changed=tuple(sorted(n for n in before.keys() & after.keys() if before[n] != after[n])),
    )


def _read(path: Path) -> File:
    table = Table(path)
    return table.meta, {name: table.row(name) for name in table.names()}


def _write(texts: Mapping[Path, str]) -> None:
    """Write every file beside its place first, then move all over: no reader ever sees half a file."""
    with ExitStack() as undo:
        ready: list[tuple[str, Path]] = []
        for path, text in sorted(texts.items()):
            with NamedTemporaryFile(
                "w", encoding="utf-8", dir=path.parent, prefix=f".{path.stem}-", delete=False
            ) as file:
                undo.callback(Path(file.name).unlink, missing_ok=True)
                file.write(text)
            Path(file.name).chmod(path.stat().st_mode)
            ready.append((file.name, path))
        for name, path in ready:
            Path(name).replace(path)


def _said(change: Change) -> str:
    if change.empty:
        return "unchanged"
    parts = (("new", change.added), ("gone", change.removed), ("changed", change.changed))
    return "; ".join(f"{len(names)} {what}{_listed(names)}" for what, names in parts if names)


def _listed(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > _SHOWN else ""
    return f" ({', '.join(names[:_SHOWN])}{more})"
