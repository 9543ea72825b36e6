"""How long a plan takes and how it grows: `make bench`.

First `slipway plan -s prod`, each run a process of its own, as a person waits for it. Then the same with 1, 10 and 100
times the node groups, then with 1, 10, 100 and 1,000 tenants, and the exponent that fits the growth: 1 is linear.
"""

import argparse
import copy
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from slipway import stackfile

TIMES = (1, 10, 100)
GROUPS = "slipway:nodeGroups"
TENANTS = "slipway:tenants"
QUEUES = ("kueue-local-queues", "kueue-queues")
PEOPLE = (1, 10, 100, 1000)
TENANT = {"owners": ["ada@example.com"], "members": ["grace@example.com"]}


@dataclass(frozen=True, kw_only=True)
class Run:
    """One plan: seconds on the wall, seconds of processor, peak megabytes."""

    wall: float
    processor: float
    megabytes: float


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-s", "--stack", default="prod", help="the environment to measure (default: prod)")
    parser.add_argument("-n", "--runs", type=int, default=5, help="runs of each measurement (default: 5)")
    asked = parser.parse_args()
    runs = [measured(asked.stack) for _ in range(asked.runs)]
    walls = [run.wall for run in runs]
    print(f"slipway plan -s {asked.stack}: {asked.runs} processes, one after the other, on {os.cpu_count()} cores")
    print(f"  wall    best {min(walls):6.2f} s   median {statistics.median(walls):6.2f} s")
    print(f"  memory  peak {max(run.megabytes for run in runs):6.0f} MB")
    with tempfile.TemporaryDirectory() as folder:
        groups = [multiplied(asked.stack, times, Path(folder)) for times in TIMES]
        growth(f"node groups of {asked.stack}", groups, asked.runs)
        growth("tenants", [(with_tenants(asked.stack, count, Path(folder)), count) for count in PEOPLE], asked.runs)


def growth(what: str, files: Sequence[tuple[Path, int]], runs: int) -> None:
    """Measure stack files with more and more of something, and print how the time grows with their number."""
    print(f"\n{what:>24}        wall   processor    memory")
    points = []
    for path, count in files:
        # A hundred times as many take long enough to be measured once.
        found = [measured(str(path)) for _ in range(1 if count >= 100 * files[0][1] else runs)]
        best = min(found, key=lambda run: run.processor)
        points.append((count, best.processor))
        print(f"{count:>24,}  {best.wall:8.2f} s {best.processor:9.2f} s {best.megabytes:6.0f} MB")
    print(f"  exponent of processor seconds: {exponent(points):.2f} (1.00 is linear)")
    beyond_first = exponent(beyond(points))
    print(f"  without what the smallest takes, most of it the start of Python and the SDKs: {beyond_first:.2f}")


def measured(stack: str) -> Run:
    """One plan in a process of its own."""
    command = [sys.executable, "-m", "slipway.cli", "plan", "-s", stack]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"the plan of {stack} failed")
    return Run(wall=wall, processor=usage.ru_utime + usage.ru_stime, megabytes=_megabytes(usage))


def _megabytes(usage: resource.struct_rusage) -> float:
    """Linux counts in KiB, macOS in bytes."""
    return usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1024 * 1024)


def multiplied(stack: str, times: int, folder: Path) -> tuple[Path, int]:
    """A stack file with every node group `times` times, under other names; and how many groups that is."""
    content = yaml.safe_load(stackfile.load(stack).path.read_text())
    groups = content["config"][GROUPS]
    more = []
    for number in range(times):
        for group in groups:
            twin = copy.deepcopy(group)
            if number:
                twin["name"] = f"{group['name']}-{number}"
            more.append(twin)
    content["config"][GROUPS] = more
    # A queue of Kueue has 64 flavours at most.
    addons = content["config"].setdefault("slipway:addons", {})
    addons["disable"] = [*addons.get("disable", ()), *QUEUES]
    path = folder / f"Pulumi.times{times}.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path, len(more)


def with_tenants(stack: str, count: int, folder: Path) -> Path:
    """A stack file with so many tenants: copies of its own, or plain ones where it has none."""
    content = yaml.safe_load(stackfile.load(stack).path.read_text())
    models = list(content["config"].get(TENANTS, {}).values()) or [TENANT]
    twins = {f"tenant-{number}": copy.deepcopy(models[number % len(models)]) for number in range(count)}
    for twin in twins.values():
        # No two have one.
        twin.get("storage", {}).pop("prefix", None)
    content["config"][TENANTS] = twins
    path = folder / f"Pulumi.tenants{count}.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def exponent(points: Sequence[tuple[float, float]]) -> float:
    """The slope of the least-squares line through the logarithms."""
    logs = [(math.log(x), math.log(y)) for x, y in points]
    return statistics.linear_regression([x for x, _ in logs], [y for _, y in logs]).slope


def beyond(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points without the fixed cost: what was added to the first, by groups and by seconds."""
    (groups, seconds), *rest = points
    return [(x - groups, y - seconds) for x, y in rest]


if __name__ == "__main__":
    main()
