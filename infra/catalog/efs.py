"""Amazon EFS: modes and limits.

Sources: botocore 1.43.67 efs model; EFS user guide (performance, limits, mounting with the DNS name).
"""

from typing import Final, Literal

ThroughputMode = Literal["bursting", "provisioned", "elastic"]
PerformanceMode = Literal["generalPurpose", "maxIO"]

THROUGHPUT_MODES: Final[tuple[ThroughputMode, ...]] = ("bursting", "provisioned", "elastic")
"""The API's own default is bursting."""

PERFORMANCE_MODES: Final[tuple[PerformanceMode, ...]] = ("generalPurpose", "maxIO")
"""Cannot be changed later; maxIO does not go with elastic throughput."""

PROVISIONED_MIBPS: Final = (1, 3414)
"""Least and most provisioned throughput, MiB/s."""

NFS_PORT: Final = 2049
MAX_ACCESS_POINTS: Final = 10_000
"""Access points of one file system."""


def throughput_problem(
    throughput: ThroughputMode, *, performance: PerformanceMode, provisioned_mibps: float | None
) -> str | None:
    """What is wrong with a file system's modes, or None.

    Args:
        throughput: Throughput mode.
        performance: Performance mode.
        provisioned_mibps: Provisioned throughput, MiB/s; only with `provisioned`.
    """
    low, high = PROVISIONED_MIBPS
    if throughput == "elastic" and performance == "maxIO":
        return "elastic throughput does not go with maxIO; use generalPurpose"
    if throughput != "provisioned":
        if provisioned_mibps is None:
            return None
        return f"{throughput} throughput takes no provisioned MiB/s; use provisioned"
    if provisioned_mibps is None:
        return f"provisioned throughput needs its MiB/s, {low} to {high}"
    if not low <= provisioned_mibps <= high:
        return f"{provisioned_mibps:g} MiB/s is not between {low} and {high}"
    return None
