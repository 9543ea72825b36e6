"""Deliberate mistakes in rendered examples: each is a change to the one object that is no ConfigMap."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

Manifest = dict[str, Any]

GPU: Final = "nvidia.com/gpu"
EFA: Final = "vpc.amazonaws.com/efa"
ZONE: Final = "slipway.io/zone-id"
WORKERS: Final[Mapping[str, tuple[str, ...]]] = {
    "nccl": ("spec", "mpiReplicaSpecs", "Worker", "replicas"),
    "ddp": ("spec", "trainer", "numNodes"),
    "elastic": ("spec", "pytorchReplicaSpecs", "Worker", "replicas"),
    "deepspeed": ("spec", "trainer", "numNodes"),
    "tfjob": ("spec", "tfReplicaSpecs", "Worker", "replicas"),
    "mpi": ("spec", "mpiReplicaSpecs", "Worker", "replicas"),
    "jobset": ("spec", "replicatedJobs", "0", "template", "spec", "parallelism"),
    "ray": ("spec", "rayClusterSpec", "workerGroupSpecs", "0", "replicas"),
    "spark": ("spec", "executor", "instances"),
    "kserve-llm": ("spec", "predictor", "minReplicas"),
    "neuron": ("spec", "trainer", "numNodes"),
}
"""Where an example says how many of its workers there are."""


def inside(part: Any, key: str) -> Iterator[dict[str, Any]]:
    """Every mapping with this key, however deep."""
    if isinstance(part, dict):
        if key in part:
            yield part
        for value in part.values():
            yield from inside(value, key)
    elif isinstance(part, list):
        for item in part:
            yield from inside(item, key)


def setting(key: str, value: Any) -> Callable[[Manifest], None]:
    """The value, wherever the key stands."""

    def change(manifest: Manifest) -> None:
        found = list(inside(manifest, key))
        assert found, f"{key} is nowhere in it"
        for each in found:
            each[key] = value

    return change


def requesting_only(key: str, value: Any) -> Callable[[Manifest], None]:
    """Other requests than limits."""

    def change(manifest: Manifest) -> None:
        found = [each["requests"] for each in inside(manifest, "requests") if key in each["requests"]]
        assert found, f"nobody requests {key}"
        for each in found:
            each[key] = value

    return change


def adding(key: str, more: int) -> Callable[[Manifest], None]:
    """More than it asked for, in requests and limits."""

    def change(manifest: Manifest) -> None:
        found = list(inside(manifest, key))
        assert found, f"{key} is nowhere in it"
        for each in found:
            each[key] = str(int(each[key]) + more)

    return change


def counting(name: str, count: int) -> Callable[[Manifest], None]:
    """So many workers."""

    def change(manifest: Manifest) -> None:
        part: Any = manifest
        *way, last = WORKERS[name]
        for step in way:
            part = part[int(step)] if step.isdigit() else part[step]
        part[last] = count
        for key in ("completions", "minReplicas", "maxReplicas"):
            if key in part:
                part[key] = count
        if "elasticPolicy" in manifest["spec"]:
            manifest["spec"]["elasticPolicy"] |= {"minReplicas": count, "maxReplicas": count}

    return change


def selecting(key: str, value: str) -> Callable[[Manifest], None]:
    """One more label that nodes must have."""

    def change(manifest: Manifest) -> None:
        found = list(inside(manifest, "nodeSelector"))
        assert found
        for each in found:
            each["nodeSelector"] = {**each["nodeSelector"], key: value}

    return change


def mounting(volume: Mapping[str, Any]) -> Callable[[Manifest], None]:
    """One more volume, for every pod."""

    def change(manifest: Manifest) -> None:
        found = list(inside(manifest, "volumes"))
        assert found
        for each in found:
            each["volumes"] = [*each["volumes"], {"name": "odd", **volume}]

    return change


def labelled(key: str, value: str) -> Callable[[Manifest], None]:
    """Another queue or priority."""

    def change(manifest: Manifest) -> None:
        manifest["metadata"]["labels"][key] = value

    return change
