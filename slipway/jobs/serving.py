"""Models that are served: KServe's InferenceService with its runtime, and LLMInferenceService. Pure.

Sources: kserve/kserve v0.20.0, pkg/apis/serving/v1beta1 and pkg/controller/v1beta1/inferenceservice/utils (how a
runtime and a predictor are merged); v1alpha2 LLMInferenceService.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from infra.problems import nearest, one_of
from slipway.jobs.at import At, ShapeError
from slipway.jobs.model import Level, PodSet
from slipway.jobs.overlay import overlaid
from slipway.jobs.pods import pods

Notes = tuple[tuple[Level, str, str], ...]
_RUNTIME: Final = "ClusterServingRuntime"
_SERVER: Final = "kserve-container"
_OWN: Final = frozenset(
    {"model", "minReplicas", "maxReplicas", "scaleTarget", "scaleMetric", "scaleMetricType", "autoScaling"}
    | {"containerConcurrency", "timeout", "canaryTrafficPercent", "logger", "batcher", "labels", "annotations"}
    | {"workerSpec", "deploymentStrategy"}
)
"""Fields of a component that are none of a pod's."""


def inference(spec: At, runtimes: Mapping[tuple[str, str], Mapping[str, Any]]) -> tuple[list[PodSet], Notes]:
    """The pods of an InferenceService.

    Raises:
        ShapeError: There is no predictor, no such runtime, or something has the wrong type.
    """
    if not spec["predictor"]:
        raise ShapeError("spec.predictor", "is missing: there is no model in it")
    found: list[PodSet] = []
    notes: list[tuple[Level, str, str]] = []
    for role in ("predictor", "transformer", "explainer"):
        at = spec[role]
        if not at:
            continue
        pod, note = _pod(at, runtimes)
        notes += note
        least = at["minReplicas"].count(1)
        count = max(least, 1)
        most = at["maxReplicas"].count(0)
        if pod is not None:
            podset = PodSet(
                name=role,
                count=max(count, most),
                least=count,
                path=at.path,
                count_path=f"{at.path}.maxReplicas" if most else f"{at.path}.minReplicas",
                spec=pod,
                labels=at["labels"].strings,
                annotations=at["annotations"].strings,
                made=True,
            )
            found.append(podset)
        worker = at["workerSpec"]
        if worker:
            size = max(1, worker["pipelineParallelSize"].count(2) - 1)
            pods_of = (
                pods(At({"spec": worker.value}, "")["spec"], "worker", size * count) if worker["containers"] else None
            )
            if pods_of is not None:
                found.append(replace(pods_of, path=worker.path))
            else:
                notes.append(("warning", worker.path, "has no containers; the workers are not checked"))
    return found, tuple(notes)


def _pod(at: At, runtimes: Mapping[tuple[str, str], Mapping[str, Any]]) -> tuple[Mapping[str, Any] | None, Notes]:
    """A component's pod: the runtime's, the component's own fields over it, the model's container over its server."""
    own = {name: value for name, value in at.mapping.items() if name not in _OWN}
    for field in ("containers", "initContainers", "tolerations", "volumes"):
        for item in at[field].list:
            _ = item.mapping
    model = at["model"]
    if not model:
        if not at["containers"].list:
            raise ShapeError(f"{at.path}.model", "is missing: a component has a model or containers")
        return own, ()
    server = {name: model[name].value for name in ("resources", "env", "args", "image", "volumeMounts") if model[name]}
    for each in ("requests", "limits"):
        _ = model["resources"][each].mapping
    name = model["runtime"].text()
    if not name:
        note: Notes = (
            ("warning", f"{model.path}.runtime", "is not named: KServe chooses one; only the model's own is checked"),
        )
        return {**own, "containers": [{"name": _SERVER, **server}]}, note
    runtime = runtimes.get((_RUNTIME, name))
    if runtime is None:
        known = sorted(each for kind, each in runtimes if kind == _RUNTIME)
        if name.startswith("kserve-"):
            # Those of KServe's own chart are not in a plan.
            note = (
                (
                    "warning",
                    f"{model.path}.runtime",
                    f"{name!r} is not made by the plan; only the model's own is checked",
                ),
            )
            return {**own, "containers": [{"name": _SERVER, **server}]}, note
        raise ShapeError(
            f"{model.path}.runtime",
            f"{name!r} is no {_RUNTIME} of the plan{nearest(name, known)}; there are: {one_of(known) or 'none'}",
        )
    base = {
        key: value
        for key, value in runtime.items()
        if key in ("containers", "initContainers", "nodeSelector", "tolerations", "affinity", "volumes")
    }
    merged = overlaid(base, own)
    listed = [
        overlaid(each, server) if each.get("name") == _SERVER else each for each in merged.get("containers") or ()
    ]
    tolerations = [*(base.get("tolerations") or ()), *(own.get("tolerations") or ())]
    return {**merged, "containers": listed, **({"tolerations": tolerations} if tolerations else {})}, ()


def llm(spec: At) -> tuple[list[PodSet], Notes]:
    """The pods of an LLMInferenceService, as far as they stand in it.

    Raises:
        ShapeError: Something has the wrong type.
    """
    found: list[PodSet] = []
    notes: list[tuple[Level, str, str]] = []
    for role, at in (("decode", spec), ("prefill", spec["prefill"])):
        if role == "prefill" and not at:
            continue
        for field in ("template", "worker"):
            if at[field]["containers"].list:
                podset = pods(At({"spec": at[field].value}), f"{role} {field}", at["replicas"].count(1))
                found.append(replace(podset, path=at[field].path))
        if not at["template"]:
            path = f"{at.path}.template"
            notes.append(("warning", path, "is missing: its pods come from the presets, which are not checked"))
    return found, tuple(notes)
