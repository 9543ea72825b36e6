"""When a machine counts as idle."""

from dataclasses import dataclass
from typing import Final

PERIOD_SECONDS: Final = 300
"""One figure of EC2's basic monitoring."""
_BUSY_VCPUS: Final = 0.5
_MOST_PERCENT: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """So many periods of `PERIOD_SECONDS` in a row whose busiest moment stays under `percent` CPU."""

    percent: float
    periods: int


def idle(minutes: int, vcpus: int) -> Idle:
    """The figures of an alarm.

    A job on a GPU keeps one vCPU at work however large the machine is, and `CPUUtilization` is the share of all: on 192
    vCPUs one is 0.5 %. Half a vCPU tells a job from an idle machine; where that is much of a small one, 5 % does.

    Args:
        minutes: How long it must be idle, a multiple of five.
        vcpus: Of the instance type.
    """
    return Idle(percent=round(min(_MOST_PERCENT, 100 * _BUSY_VCPUS / vcpus), 3), periods=minutes * 60 // PERIOD_SECONDS)
