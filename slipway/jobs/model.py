"""What a manifest comes to: jobs, and the sets of like pods that they start. Frozen data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from slipway.jobs.at import At, find

Level = Literal["error", "warning"]
Object = Mapping[str, Any]
Unit = Literal["all", "least", "each"]
"""What waits for its quota as one: all pods, the least that go on, or each pod by itself."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What is to be said of a manifest.

    Attributes:
        level: `error` where it cannot run as it is, `warning` where it can and a person should know.
        job: Such as `PyTorchJob/resnet`; empty where it is about the whole file.
        path: As the manifest spells it; empty where it is about the whole object.
        message: The value and what is allowed.
        reasons: One line per node group or flavour: why it does not take the pod.
    """

    level: Level
    job: str
    path: str
    message: str
    reasons: tuple[str, ...] = ()

    def __str__(self) -> str:
        """One line, as the user reads it."""
        return ": ".join(filter(None, (self.job, self.path, self.message)))

    def data(self) -> dict[str, Any]:
        """For machines."""
        return {
            "level": self.level,
            "job": self.job,
            "path": self.path,
            "message": self.message,
            "reasons": list(self.reasons),
        }


@dataclass(frozen=True, kw_only=True)
class PodSet:
    """Pods that are alike.

    Attributes:
        name: The role in the job, such as `Worker`.
        count: How many there are at a time.
        least: With how many of them the job can go on; `count` unless it is elastic.
        path: Where the pod's spec is in the manifest.
        spec: The pod's spec, as Kubernetes would get it.
        labels: Of the pods.
        annotations: Of the pods.
    """

    name: str
    count: int
    least: int
    path: str
    spec: Object
    labels: Mapping[str, Any] = field(default_factory=dict)
    annotations: Mapping[str, Any] = field(default_factory=dict)
    count_path: str = ""
    """Where their number stands."""
    made: bool = False
    """Whether an operator puts the spec together, so that `path` is as near as the manifest goes."""

    def at(self, below: str) -> str:
        """The path of something in the spec, as the manifest spells it."""
        return self.path if self.made or not below else f"{self.path}.{below}".lstrip(".")


@dataclass(frozen=True, kw_only=True)
class Job:
    """One object that starts pods.

    Attributes:
        kind: As in the manifest.
        api_version: As in the manifest.
        name: Its name, or what it is generated from.
        namespace: Empty where it names none.
        labels: Of the object.
        annotations: Of the object.
        podsets: Empty where it runs outside of the cluster.
        crd: The custom resource definition that it needs, such as `rayjobs.ray.io`; empty for Kubernetes' own kinds.
        framework: Kueue's name of the integration that would queue it; empty where there is none.
        training: Whether it computes for long and would lose work when a node goes.
        restarts: Whether it starts again after a node has gone.
        unit: What starts together.
        findings: What was wrong or is to be known already.
        outside: Where it runs, if not in the cluster.
    """

    kind: str
    api_version: str
    name: str
    namespace: str
    labels: Mapping[str, Any]
    annotations: Mapping[str, Any]
    podsets: Sequence[PodSet]
    crd: str = ""
    framework: str = ""
    training: bool = True
    restarts: bool = True
    unit: Unit = "all"
    findings: tuple[Finding, ...] = ()
    outside: str = ""
    document: Object = field(default_factory=dict, repr=False)
    """The object itself."""

    def path(self, podset: PodSet, path: str, key: str = "", value: Any = None) -> str:  # noqa: ANN401  # JSON
        """Where the manifest says something of a pod's spec.

        Args:
            podset: The pods.
            path: In the spec; not in the manifest where an operator puts the spec together.
            key: The field, to look for there.
            value: Its value, if it has just one.
        """
        if not podset.made:
            return path
        return (find(At(self.document), key, value) if key else None) or podset.path

    @property
    def title(self) -> str:
        """`<kind>/<name>`."""
        return f"{self.kind}/{self.name}"


def finding(job: Job, level: Level, path: str, message: str, reasons: tuple[str, ...] = ()) -> Finding:
    """What is said of a job, under its title."""
    return Finding(level=level, job=job.title, path=path, message=message, reasons=reasons)
