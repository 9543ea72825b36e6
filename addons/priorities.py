"""Which work goes first: one table for the scheduler's PriorityClasses and Kueue's WorkloadPriorityClasses. Pure."""

from collections.abc import Mapping
from typing import Final

from infra.handle import Priority

_PREFIX: Final = "slipway"

PRIORITIES: Final[Mapping[Priority, tuple[int, str]]] = {
    "serving": (100_000, "answers users; may push out all below"),
    "interactive": (50_000, "notebooks: a person waits"),
    "training": (10_000, "jobs that wait their turn"),
    # Cluster-autoscaler adds no node for priorities under -10 (its flag expendable-pods-priority-cutoff).
    "opportunistic": (-100, "runs on what is idle; never adds a node, never pushes another pod out"),
}
"""Value and meaning of each."""


def class_name(priority: str) -> str:
    """The name of its PriorityClass, and of its WorkloadPriorityClass."""
    return f"{_PREFIX}-{priority}"
