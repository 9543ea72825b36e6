"""TrainJobs: the runtime's JobSet with what the TrainJob says laid over it. Pure.

Source: kubeflow/trainer v2.3.0, pkg/runtime/core/trainingruntime.go and pkg/runtime/framework/plugins/{jobset,mpi}.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from infra.problems import nearest, one_of
from slipway.jobs.at import At, ShapeError
from slipway.jobs.model import PodSet
from slipway.jobs.overlay import overlaid
from slipway.jobs.pods import pods

_KIND: Final = "ClusterTrainingRuntime"
_STEP: Final = "trainer.kubeflow.org/trainjob-ancestor-step"
_NODE: Final = "node"
_PATH: Final = "spec.runtimeRef"


def podsets(at: At, runtimes: Mapping[tuple[str, str], Mapping[str, Any]]) -> tuple[list[PodSet], bool]:
    """The pods of a TrainJob, and whether it starts again after a failure.

    Raises:
        ShapeError: There is no such runtime, or something has the wrong type.
    """
    reference, asked = at["spec"]["runtimeRef"], at["spec"]["trainer"]
    name, kind = reference["name"].text(), reference["kind"].text(_KIND)
    runtime = At(runtimes.get((kind, name)), f"{_PATH}({name})")
    if not runtime:
        known = sorted(each for which, each in runtimes if which == _KIND)
        raise ShapeError(
            f"{_PATH}.name", f"{name!r} is no {kind} of the plan{nearest(name, known)}; {_there_are(known)}"
        )
    policy = runtime["mlPolicy"]
    jobset = runtime["template"]["spec"].mapping
    for patch in at["spec"]["runtimePatches"].list:
        jobset = overlaid(jobset, patch.below("trainingRuntimeSpec", "template", "spec").mapping)
    launcher_runs = policy["mpi"]["runLauncherAsNode"].flag()
    found = []
    for each in At(jobset, f"{_PATH}({name})")["replicatedJobs"].list:
        job = each["template"]
        step = job["metadata"]["labels"].strings.get(_STEP)
        role = each["name"].text("job")
        podset = pods(job["spec"]["template"], role, job["spec"]["parallelism"].count(1))
        count = podset.count
        if step == "trainer":
            count = policy["numNodes"].count(1)
            if not policy["mpi"]:
                count = asked["numNodes"].count(count, least=1)
        elif role == _NODE and policy["mpi"] and asked["numNodes"]:
            nodes = asked["numNodes"].count(1, least=1)
            count = max(nodes - 1, 1) if launcher_runs else nodes
        spec: Mapping[str, Any] = podset.spec
        counted = asked["numNodes"].path if asked["numNodes"] else ""
        if asked["resourcesPerNode"] and (step == "trainer" or (launcher_runs and role == _NODE)):
            spec = _with_resources(spec, asked["resourcesPerNode"])
        if asked["image"] and step == "trainer":
            spec = _with_container(spec, {"image": asked["image"].text()})
        found.append(replace(podset, count=count, least=count, spec=spec, path=_PATH, made=True, count_path=counted))
    tries = At(jobset)["failurePolicy"]["maxRestarts"].count(0)
    again = [each.below("template", "spec", "backoffLimit").count(6) for each in At(jobset)["replicatedJobs"].list]
    return found, tries + min(again, default=0) > 0


def _there_are(known: list[str]) -> str:
    return f"there are: {one_of(known)}" if known else "there is none: the add-on trainer-runtimes brings them"


def _with_resources(spec: Mapping[str, Any], asked: At) -> Mapping[str, Any]:
    """Requests and limits one by one, those of the TrainJob over the runtime's."""
    for each in ("requests", "limits"):
        _ = asked[each].mapping
    return _with_container(spec, {"resources": asked.mapping})


def _with_container(spec: Mapping[str, Any], more: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        **spec,
        "containers": [
            overlaid(each, more) if each.get("name") == _NODE else each for each in spec.get("containers", ())
        ],
    }
