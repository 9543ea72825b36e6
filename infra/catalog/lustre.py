"""Amazon FSx for Lustre: what may be asked for, as data and pure checks.

Sources: FSx for Lustre user guide and API reference (CreateFileSystem, CreateDataRepositoryAssociation), botocore
1.43.67 fsx model, gathered 2026-11-22. A check returns what is wrong in words, or None.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Final, Literal

Deployment = Literal["SCRATCH_1", "SCRATCH_2", "PERSISTENT_1", "PERSISTENT_2"]
StorageType = Literal["SSD", "HDD", "INTELLIGENT_TIERING"]
Compression = Literal["NONE", "LZ4"]

DEPLOYMENTS: Final[tuple[Deployment, ...]] = (
    "SCRATCH_1",
    "SCRATCH_2",
    "PERSISTENT_1",
    "PERSISTENT_2",
)
COMPRESSIONS: Final[tuple[Compression, ...]] = ("NONE", "LZ4")
PORTS: Final = ((988, 988), (1018, 1023))
"""TCP, first and last of each range: between clients and file system and inside the file system's own group."""

THROUGHPUTS: Final[Mapping[tuple[Deployment, StorageType], tuple[int, ...]]] = MappingProxyType(
    {
        ("SCRATCH_1", "SSD"): (),
        ("SCRATCH_2", "SSD"): (),
        ("PERSISTENT_1", "SSD"): (50, 100, 200),
        ("PERSISTENT_1", "HDD"): (12, 40),
        ("PERSISTENT_2", "SSD"): (125, 250, 500, 1000),
        ("PERSISTENT_2", "INTELLIGENT_TIERING"): (),
    }
)
"""Throughput per unit of storage that may be asked for, MB/s per TiB. Empty: it cannot be asked for."""

HDD_DRIVE_CACHES: Final = ("NONE", "READ")
"""PERSISTENT_1 on HDD must say which."""

EFA_MULTIPLE_GIB: Final[Mapping[int, int]] = MappingProxyType({125: 38_400, 250: 19_200, 500: 9_600, 1000: 4_800})
"""EFA-enabled: the capacity of SSD is a multiple of this, by throughput per unit. Only PERSISTENT_2 with metadata."""

METADATA_MODES: Final = ("AUTOMATIC", "USER_PROVISIONED")
TIERING_METADATA_IOPS: Final = (6_000, 12_000)
TIERING_THROUGHPUT_STEP_MBPS: Final = 4_000
TIERING_THROUGHPUT_MAX_MBPS: Final = 2_000_000
TIERING_READ_CACHES: Final = (
    "NO_CACHE",
    "USER_PROVISIONED",
    "PROPORTIONAL_TO_THROUGHPUT_CAPACITY",
)

MAX_ASSOCIATIONS: Final = 8
"""Data repository associations of one file system."""
ASSOCIATION_EVENTS: Final = ("NEW", "CHANGED", "DELETED")
ASSOCIATION_CHUNK_MIB: Final = (1, 1_024, 512_000)
"""Least, default and most MiB of a file that one storage server holds."""

_SMALLEST_METADATA_IOPS: Final = (1_500, 3_000, 6_000, 12_000)
_METADATA_STEP: Final = 12_000
_METADATA_MAX: Final = 192_000
_HDD_STEP_GIB: Final[Mapping[int, int]] = MappingProxyType({12: 6_000, 40: 1_800})


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityRule:
    """Legal capacities: the listed small ones, then every multiple of `step_gib` from `from_gib` on (GiB).

    `offset_gib` is taken off before the multiple is looked for: SCRATCH_1 goes on from 2400 in steps of 3600.
    """

    small_gib: tuple[int, ...]
    from_gib: int
    step_gib: int
    offset_gib: int = 0

    def allows(self, capacity_gib: int) -> bool:
        """Whether a capacity is legal."""
        if capacity_gib in self.small_gib:
            return True
        return capacity_gib >= self.from_gib and (capacity_gib - self.offset_gib) % self.step_gib == 0

    def around(self, capacity_gib: int) -> tuple[int, ...]:
        """The nearest legal capacities below and above, in order."""
        steps = (max(capacity_gib, self.from_gib) - self.offset_gib) // self.step_gib
        near = [self.offset_gib + (steps + more) * self.step_gib for more in (0, 1)]
        legal = [*self.small_gib, *(size for size in near if size >= self.from_gib)]
        below = [size for size in legal if size < capacity_gib]
        above = [size for size in legal if size > capacity_gib]
        return (*([max(below)] if below else []), *([min(above)] if above else []))


def capacity_rule(
    deployment: Deployment, storage: StorageType, per_unit: int | None, *, efa: bool = False
) -> CapacityRule | None:
    """The capacities that go with a kind of file system; None where none may be given (intelligent tiering)."""
    if storage == "INTELLIGENT_TIERING":
        return None
    if efa:
        step = EFA_MULTIPLE_GIB[per_unit or min(EFA_MULTIPLE_GIB)]
        return CapacityRule(small_gib=(), from_gib=step, step_gib=step)
    if storage == "HDD":
        step = _HDD_STEP_GIB[per_unit or min(_HDD_STEP_GIB)]
        return CapacityRule(small_gib=(), from_gib=step, step_gib=step)
    if deployment == "SCRATCH_1":
        return CapacityRule(small_gib=(1_200, 2_400), from_gib=6_000, step_gib=3_600, offset_gib=2_400)
    return CapacityRule(small_gib=(1_200,), from_gib=2_400, step_gib=2_400)


def throughput_problem(
    deployment: Deployment, storage: StorageType, per_unit: int | None, *, efa: bool = False
) -> str | None:
    """What is wrong with a throughput per unit (MB/s per TiB), or with the pair of deployment and storage type."""
    allowed = THROUGHPUTS.get((deployment, storage))
    if allowed is None:
        fits = [kind for name, kind in THROUGHPUTS if name == deployment]
        return f"{deployment} does not go with {storage}; use {' or '.join(fits)}"
    if efa and deployment != "PERSISTENT_2":
        return f"{deployment} {storage} cannot be EFA-enabled; use PERSISTENT_2"
    if per_unit in allowed or (not allowed and per_unit is None):
        return None
    if not allowed:
        return f"{deployment} {storage} takes no throughput per unit"
    said = "a throughput per unit is needed" if per_unit is None else f"{per_unit} MB/s per TiB"
    verdict = ":" if per_unit is None else f" is not one {deployment} {storage} has:"
    return f"{said}{verdict} use {', '.join(map(str, allowed))}"


def capacity_problem(
    deployment: Deployment,
    storage: StorageType,
    capacity_gib: int | None,
    *,
    per_unit: int | None = None,
    efa: bool = False,
) -> str | None:
    """What is wrong with a storage capacity (GiB), with the nearest legal ones below and above."""
    wrong = throughput_problem(deployment, storage, per_unit, efa=efa)
    if wrong:
        return wrong
    rule = capacity_rule(deployment, storage, per_unit, efa=efa)
    if rule is None:
        return "intelligent tiering takes no capacity; it grows as needed" if capacity_gib else None
    if capacity_gib is None:
        return f"a capacity is needed; the least is {rule.around(0)[-1]} GiB"
    if rule.allows(capacity_gib):
        return None
    kind = f"{deployment} {storage}" + (" with EFA" if efa else "")
    at = f" at {per_unit} MB/s per TiB" if per_unit else ""
    nearest = " or ".join(map(str, rule.around(capacity_gib)))
    return f"{capacity_gib} GiB is not a capacity of {kind}{at}; nearest: {nearest} GiB"


def metadata_problem(
    deployment: Deployment, storage: StorageType, *, mode: str | None, iops: int | None, efa: bool
) -> str | None:
    """What is wrong with a metadata configuration.

    Args:
        deployment: Deployment type.
        storage: Storage type.
        mode: One of `METADATA_MODES`, or None for no metadata configuration; it cannot be added later.
        iops: Metadata IOPS; only with USER_PROVISIONED.
        efa: Whether the file system is EFA-enabled, which needs a metadata configuration.
    """
    tiering = storage == "INTELLIGENT_TIERING"
    rules = (
        (efa and mode is None, "an EFA-enabled file system needs a metadata configuration"),
        (tiering and mode != "USER_PROVISIONED", "intelligent tiering needs USER_PROVISIONED metadata"),
        (mode is None and iops is not None, "metadata IOPS need USER_PROVISIONED metadata"),
        (
            mode is not None and mode not in METADATA_MODES,
            f"{mode} is not a metadata mode; use {' or '.join(METADATA_MODES)}",
        ),
        (
            mode is not None and deployment != "PERSISTENT_2",
            f"{deployment} has no metadata configuration; use PERSISTENT_2",
        ),
        (mode == "AUTOMATIC" and iops is not None, "AUTOMATIC metadata takes no IOPS"),
    )
    broken = next((problem for wrong, problem in rules if wrong), None)
    if broken or mode != "USER_PROVISIONED":
        return broken
    return _iops_problem(iops, TIERING_METADATA_IOPS if tiering else metadata_iops())


def _iops_problem(iops: int | None, allowed: tuple[int, ...]) -> str | None:
    if iops in allowed:
        return None
    if iops is None:
        return f"USER_PROVISIONED metadata needs its IOPS, {allowed[0]} to {allowed[-1]}"
    near = sorted(sorted(allowed, key=lambda value: abs(value - iops))[:2])
    return f"{iops} metadata IOPS cannot be had; nearest: {' or '.join(map(str, near))}"


def metadata_iops() -> tuple[int, ...]:
    """Metadata IOPS of a PERSISTENT_2 SSD file system."""
    return (
        *_SMALLEST_METADATA_IOPS,
        *range(2 * _METADATA_STEP, _METADATA_MAX + 1, _METADATA_STEP),
    )


def tiering_throughput_problem(mbps: int | None) -> str | None:
    """What is wrong with the throughput of an intelligent-tiering file system, MB/s."""
    step, most = TIERING_THROUGHPUT_STEP_MBPS, TIERING_THROUGHPUT_MAX_MBPS
    if mbps is None:
        return f"intelligent tiering needs a throughput, {step} to {most} MB/s in steps of {step}"
    if step <= mbps <= most and mbps % step == 0:
        return None
    near = min(max(round(mbps / step), 1) * step, most)
    return f"{mbps} MB/s is not a throughput of intelligent tiering; nearest: {near}"


def association_problem(deployment: Deployment, paths: tuple[str, ...]) -> str | None:
    """What is wrong with the data repository associations of a file system, given their paths on it.

    At most eight; paths start with `/`, do not lie inside one another, and `/` stands alone.
    """
    if paths and deployment == "SCRATCH_1":
        return "SCRATCH_1 takes no data repository association; use SCRATCH_2 or PERSISTENT_2"
    if len(paths) > MAX_ASSOCIATIONS:
        return f"{len(paths)} associations; a file system takes {MAX_ASSOCIATIONS}"
    for path in paths:
        if not path.startswith("/"):
            return f"path {path!r} must start with /"
    ordered = sorted(f"{path.rstrip('/')}/" for path in paths)
    for first, second in pairwise(ordered):
        if second.startswith(first):
            return f"paths overlap: {_bare(first)} and {_bare(second)}"
    return None


def _bare(path: str) -> str:
    return path.rstrip("/") or "/"
