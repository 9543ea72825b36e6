"""What a pod needs beside a node and names: whole containers, a volume it can mount, other pods, no side-car. Pure.

Sources: Kubernetes "Persistent Volumes" (access modes), "Assigning Pods to Nodes" (nodeName, inter-pod affinity),
"Runtime Class"; Istio "Installing the Sidecar".
"""

from collections.abc import Iterator, Mapping
from typing import Final

from slipway.jobs.at import At
from slipway.jobs.cluster import Cluster, Namespace
from slipway.jobs.model import Finding, Job, Level, Object, PodSet
from slipway.jobs.place import REQUIRED, selects
from slipway.jobs.pods import containers

_FILLED: Final = frozenset({"InferenceService", "LLMInferenceService"})
"""Kinds whose operators put what is missing into containers."""
_ONE_POD: Final = {"ReadWriteOncePod"}
_ONE_NODE: Final = {"ReadWriteOnce"}
_INJECT: Final = "sidecar.istio.io/inject"


def complete(job: Job, podset: PodSet) -> Iterator[Finding]:
    """A container without a name or an image is refused, unless an operator fills it in."""
    if podset.made or job.kind in _FILLED:
        return
    for container, _ in containers(podset):
        for field in ("name", "image"):
            if not container[field].text():
                yield _finding(job, "error", container.path, f"{field} is missing: the container is refused")


def shared(job: Job, podset: PodSet, space: Namespace, per_node: int) -> Iterator[Finding]:
    """A volume that one node or one pod alone may mount, and more pods than that."""
    for each in At(podset.spec, podset.path)["volumes"].list:
        at = each["persistentVolumeClaim"]["claimName"]
        name = at.text()
        modes = {mode.text() for mode in At(space.claims.get(name))["accessModes"].list}
        if modes not in (_ONE_POD, _ONE_NODE):
            continue
        where = "one pod" if modes == _ONE_POD else f"one node, which holds {per_node} of the pods,"
        if podset.least > (1 if modes == _ONE_POD else per_node):
            message = f"{podset.name}: {podset.least} pods, and {name!r} is {min(modes)}: only {where} can mount it"
            yield _finding(job, "error", job.path(podset, at.path, "claimName", name), message)


def bound(
    job: Job, podset: PodSet, cluster: Cluster, space: Namespace | None, own: Mapping[tuple[str, str], Object]
) -> Iterator[Finding]:
    """What the pods are bound to that no plan knows, and who comes into them."""
    spec = At(podset.spec, podset.path)
    node, runtime = spec["nodeName"].text(), spec["runtimeClassName"].text()
    if node:
        message = f"{node!r}: no plan knows the names of nodes; without such a node the pod never runs"
        yield _finding(job, "warning", job.path(podset, podset.at("nodeName"), "nodeName"), message)
    if runtime and ("RuntimeClass", runtime) not in own:
        message = f"{runtime!r} is no RuntimeClass of this manifest; where nobody has made it, the pod is refused"
        yield _finding(job, "warning", job.path(podset, podset.at("runtimeClassName"), "runtimeClassName"), message)
    for term in spec["affinity"]["podAffinity"][REQUIRED].list:
        if not any(selects(term["labelSelector"], each.labels) for each in job.podsets):
            message = f"{podset.name}: no pod of this job is what it must be beside, so it waits for another job's"
            yield _finding(job, "warning", job.path(podset, term.path, "podAffinity"), message)
    said = str(podset.labels.get(_INJECT, podset.annotations.get(_INJECT, "")))
    injects = space is not None and space.labels.get("istio-injection") == "enabled" and "istiod" in cluster.add_ons
    if job.training and injects and said != "false":
        message = (
            f"{podset.name}: Istio's side-car comes into the pods, between them and beside what they ask for;"
            f' label them {_INJECT}: "false"'
        )
        yield _finding(job, "warning", podset.path, message)


def _finding(job: Job, level: Level, path: str, message: str) -> Finding:
    return Finding(level=level, job=job.title, path=path, message=message)
