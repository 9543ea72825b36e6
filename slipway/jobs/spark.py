"""SparkApplications: pods as Spark makes them of cores, memory and overhead. Pure.

Sources: kubeflow/spark-operator v2.5.2, api/v1beta2/sparkapplication_types.go; Spark 4.0 "Running Spark on Kubernetes"
(`spark.kubernetes.{driver,executor}.*`, `spark.*.memoryOverheadFactor`) and "Spark Configuration" (memory's spelling).
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from math import ceil
from typing import Any, Final

from infra.problems import shown
from slipway.jobs.at import At, ShapeError
from slipway.jobs.model import PodSet
from slipway.jobs.overlay import overlaid

_MEMORY: Final = re.compile(r"([0-9]{1,12})(?:([kmgtp])b?)?", re.IGNORECASE)
_MIB: Final[Mapping[str, Fraction]] = {
    "k": Fraction(1, 1024),
    "m": Fraction(1),
    "g": Fraction(1024),
    "t": Fraction(1024**2),
    "p": Fraction(1024**3),
}
_LEAST_OVERHEAD: Final = 384
_FACTOR: Final = {"Java": Fraction(1, 10), "Scala": Fraction(1, 10)}
_OTHER_FACTOR: Final = Fraction(2, 5)
_ONE: Final = "1"
_DEFAULT_MEMORY: Final = "1g"
_EXECUTORS: Final = 1
_FACTOR_FORM: Final = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?")


def podsets(spec: At) -> list[PodSet]:
    """The driver and the executors.

    Raises:
        ShapeError: Something has the wrong type or is no memory as Spark spells it.
    """
    for role in ("driver", "executor"):
        if not spec[role]:
            raise ShapeError(spec[role].path, "is missing: an application has a driver and executors")
    dynamic, executor = spec["dynamicAllocation"], spec["executor"]
    conf = spec["sparkConf"].strings
    count = executor["instances"].count(_number(conf.get("spark.executor.instances"), _EXECUTORS))
    found = [_pods(spec, "driver", 1)]
    executors = _pods(spec, "executor", count)
    if dynamic["enabled"].flag():
        least = dynamic["minExecutors"].count(0)
        count = max(least, dynamic["maxExecutors"].count(count))
        executors = replace(executors, count=count, least=min(count, max(least, 1)))
    return [*found, executors]


def restarts(spec: At) -> bool:
    """Whether the application starts again after a failure."""
    return spec["restartPolicy"]["type"].text("Never") != "Never"


def _number(value: str | None, default: int) -> int:
    return int(value) if value is not None and value.isdigit() and len(value) <= 6 else default  # noqa: PLR2004  # a million


def _pods(spec: At, role: str, count: int) -> PodSet:
    at = spec[role]
    conf = spec["sparkConf"].strings
    template = at["template"]
    cores = at["cores"].value if at["cores"] else conf.get(f"spark.{role}.cores", _ONE)
    cpu = at["coreRequest"].text(conf.get(f"spark.kubernetes.{role}.request.cores", str(cores)))
    memory = (
        at["memory"] if at["memory"] else At(conf.get(f"spark.{role}.memory", _DEFAULT_MEMORY), f"{at.path}.memory")
    )
    mib = f"{_memory(spec, at, memory)}Mi"
    requests: dict[str, Any] = {"cpu": cpu, "memory": mib}
    limits: dict[str, Any] = {"memory": mib}
    if at["coreLimit"]:
        limits["cpu"] = at["coreLimit"].text()
    gpu = at["gpu"]
    if gpu:
        limits[gpu["name"].text("nvidia.com/gpu")] = requests[gpu["name"].text("nvidia.com/gpu")] = gpu[
            "quantity"
        ].count(1)
    container = {
        "name": f"spark-kubernetes-{role}",
        "image": at["image"].text(spec["image"].text()),
        "resources": {"requests": requests, "limits": limits},
        "volumeMounts": [dict(each.mapping) for each in at["volumeMounts"].list],
        "securityContext": dict(at["securityContext"].mapping),
        "env": [dict(each.mapping) for each in at["env"].list],
    }
    base = template["spec"].mapping
    first, *others = [dict(each.mapping) for each in template["spec"]["containers"].list] or [{}]
    pod: Mapping[str, Any] = {
        **base,
        "containers": [overlaid(first, container), *others],
        "initContainers": [
            dict(each.mapping) for part in (template["spec"], at) for each in part["initContainers"].list
        ],
        "nodeSelector": {
            **template["spec"]["nodeSelector"].mapping,
            **spec["nodeSelector"].mapping,
            **at["nodeSelector"].mapping,
        },
        "tolerations": [dict(each.mapping) for part in (template["spec"], at) for each in part["tolerations"].list],
        "affinity": dict((at["affinity"] or template["spec"]["affinity"]).mapping),
        "volumes": [dict(each.mapping) for part in (template["spec"], spec) for each in part["volumes"].list],
        "serviceAccountName": at["serviceAccount"].text(template["spec"]["serviceAccountName"].text("default")),
        "priorityClassName": at["priorityClassName"].text(spec["batchSchedulerOptions"]["priorityClassName"].text()),
        "hostNetwork": at["hostNetwork"].flag(),
        "terminationGracePeriodSeconds": at["terminationGracePeriodSeconds"].value,
    }
    return PodSet(
        name=role,
        count=count,
        least=count,
        path=at.path,
        count_path=f"{at.path}.instances" if role == "executor" else "",
        spec={name: value for name, value in pod.items() if value},
        labels={**template["metadata"]["labels"].strings, **at["labels"].strings},
        annotations={**template["metadata"]["annotations"].strings, **at["annotations"].strings},
        made=True,
    )


def _memory(spec: At, at: At, memory: At) -> int:
    """What a pod asks for, MiB: the process's memory and its overhead."""
    mib = _mib(memory)
    if at["memoryOverhead"]:
        return mib + _mib(at["memoryOverhead"])
    factor = _FACTOR.get(spec["type"].text("Scala"), _OTHER_FACTOR)
    said = spec["memoryOverheadFactor"]
    if said:
        if not _FACTOR_FORM.fullmatch(said.text()):
            raise ShapeError(said.path, f"{shown(said.value)} is no factor, such as '0.2'")
        factor = Fraction(said.text())
    return mib + max(_LEAST_OVERHEAD, ceil(mib * factor))


def _mib(at: At) -> int:
    found = _MEMORY.fullmatch(at.text())
    if found is None:
        raise ShapeError(at.path, f"{shown(at.value)} is no memory as Spark spells it, such as 512m or 16g")
    return ceil(int(found[1]) * _MIB[(found[2] or "m").lower()])
