"""How long the policies take over a whole plan, in process: `make bench`.

The rules are loaded and the plan is recorded first. Each run asks all of them anew, with nothing kept from the run
before; then each rule is asked alone.
"""

import argparse
import statistics
import time
from collections.abc import Callable

from policies.around import Around
from policies.environment import environment
from policies.evaluate import ask, evaluate, subjects
from policies.model import Rule
from policies.registry import rules
from slipway import planning, stackfile

SLOWEST = 3


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-s", "--stack", default="prod", help="the environment to measure (default: prod)")
    parser.add_argument("-n", "--runs", type=int, default=9, help="runs of each measurement (default: 9)")
    asked = parser.parse_args()
    file = stackfile.load(asked.stack)
    plan = planning.record(file)
    held = environment(file.config)

    def alone(rule: Rule) -> Callable[[], object]:
        # With an index of its own: what several rules share counts for each.
        return lambda: [list(ask(rule, each, Around(plan=plan, environment=held))) for each in subjects(rule, plan)][:0]

    began = time.perf_counter()
    found = rules()
    loading = time.perf_counter() - began
    runs = [seconds(lambda: evaluate(plan, held)) for _ in range(asked.runs)]
    print(f"{len(found)} policies over {len(plan.resources):,} resources of {asked.stack}, {asked.runs} runs")
    for what, times in (("wall", [wall for wall, _ in runs]), ("processor", [busy for _, busy in runs])):
        print(f"  {what:9}  best {min(times):6.3f} s   median {statistics.median(times):6.3f} s")
    print(f"  loading the rules before that: {loading:.3f} s")
    slow = sorted(((min(seconds(alone(each))[1] for _ in range(SLOWEST)), each.id) for each in found), reverse=True)
    for took, id_ in slow[:SLOWEST]:
        print(f"  {1000 * took:6.1f} ms   {id_}")


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """How long it takes once: on the wall, and of processor."""
    wall, busy = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - busy


if __name__ == "__main__":
    main()
