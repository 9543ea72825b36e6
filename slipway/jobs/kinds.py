"""From an object to the pods that it starts, for each kind that people run. Pure.

Source: the operators' CRDs (Katib 0.19; those of the others are with `readers`).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from infra.problems import nearest, one_of, shown
from slipway.jobs import readers
from slipway.jobs.at import At, ShapeError
from slipway.jobs.model import Finding, Job
from slipway.jobs.readers import Read, Runtimes

_SAGEMAKER: Final = "sagemaker.services.k8s.aws"
_NAME: Final = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_TRIALS: Final = 3
"""Katib's default of `parallelTrialCount`."""
_PARAMETER: Final = "${trialParameters."


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind that starts pods.

    Attributes:
        versions: Of its API group, those that its operator serves.
        plural: With the group the name of its CRD; empty for Kubernetes' own.
        read: Its pods.
        framework: Kueue's name for it.
        training: Whether it computes for long.
    """

    versions: tuple[str, ...]
    read: Callable[[At, Runtimes], Read]
    plural: str = ""
    framework: str = ""
    training: bool = True


def jobs(documents: Sequence[Mapping[str, Any]], runtimes: Runtimes) -> tuple[Job, ...]:
    """The objects that start pods, in order; what stands beside them is left out.

    Args:
        documents: Objects (`read.documents`).
        runtimes: Kind and name to the spec of the runtimes that there are.
    """
    return tuple(
        _job(each, runtimes) for each in documents if key(each) in KINDS or key(each)[0] == _SAGEMAKER or _near(each)
    )


def understood() -> str:
    """The kinds, for a message."""
    return one_of(sorted({kind for _, kind in KINDS}))


def key(document: Mapping[str, Any]) -> tuple[str, str]:
    """The API group and the kind of an object."""
    group, slash, _ = str(document["apiVersion"]).rpartition("/")
    return (group if slash else "", str(document["kind"]))


def _near(document: Mapping[str, Any]) -> bool:
    """Whether an object looks like a job of another group, so that leaving it out would say that all is well."""
    return key(document) not in _BESIDE and any(document["kind"] == kind for _, kind in KINDS)


_BESIDE: Final = frozenset[tuple[str, str]]({("serving.knative.dev", "Service")})


def _job(document: Mapping[str, Any], runtimes: Runtimes) -> Job:
    at = At(document)
    group, kind = key(document)
    api = str(document["apiVersion"])
    named = KINDS.get((group, kind))
    job = Job(
        kind=kind,
        api_version=api,
        name="?",
        namespace=_namespace(document.get("metadata")),
        labels={},
        annotations={},
        podsets=(),
        crd=f"{named.plural}.{group}" if named and named.plural else "",
        framework=named.framework if named else "",
        training=bool(named and named.training),
        document=document,
    )
    try:
        job = _named(job, at["metadata"])
        if group == _SAGEMAKER:
            return replace(job, crd=f"{kind.lower()}s.{group}", outside="Amazon SageMaker")
        found = _served(group, kind, api).read(at, runtimes)
    except ShapeError as error:
        return replace(job, findings=(Finding(level="error", job=job.title, path=error.path, message=str(error)),))
    return replace(
        job,
        podsets=tuple(found.podsets),
        restarts=found.restarts,
        unit=found.unit,
        framework=found.framework or job.framework,
        labels={**found.labels, **job.labels},
        findings=tuple(
            Finding(level=level, job=job.title, path=path, message=message) for level, path, message in found.notes
        ),
    )


def _namespace(meta: object) -> str:
    found = meta.get("namespace") if isinstance(meta, Mapping) else None
    return found if isinstance(found, str) else ""


def _named(job: Job, meta: At) -> Job:
    name, prefix = meta["name"].text(), meta["generateName"].text()
    if not name and not prefix:
        raise ShapeError("metadata.name", "is missing")
    if not _NAME.fullmatch(name or f"{prefix}x"):
        at = meta["name"] if name else meta["generateName"]
        raise ShapeError(at.path, f"{shown(at.value)} is no name: use small letters, digits, dashes and dots")
    name = name or prefix
    return replace(
        job,
        name=name,
        namespace=meta["namespace"].text(),
        labels=meta["labels"].strings,
        annotations=meta["annotations"].strings,
    )


def _served(group: str, kind: str, api: str) -> Kind:
    """The kind, if its operator serves this version."""
    named = KINDS.get((group, kind))
    if named is None:
        known = [f"{each}/{found.versions[0]}".strip("/") for (each, name), found in KINDS.items() if name == kind]
        raise ShapeError("apiVersion", f"{api!r} has no {kind} that runs here; use {one_of(sorted(known))}")
    if api.rpartition("/")[2] not in named.versions:
        allowed = [f"{group}/{each}".strip("/") for each in named.versions]
        raise ShapeError("apiVersion", f"{api!r} is not served{nearest(api, allowed)}; use {one_of(allowed)}")
    return named


def _experiment(at: At, runtimes: Runtimes) -> Read:
    """So many trials at a time, each the job of the template."""
    spec = at["spec"]
    trials = spec["parallelTrialCount"].count(_TRIALS, least=1)
    if spec["maxTrialCount"]:
        trials = min(trials, spec["maxTrialCount"].count(trials, least=1))
    template = spec["trialTemplate"]["trialSpec"]
    if not template and spec["trialTemplate"]["configMap"]:
        path = spec["trialTemplate"]["configMap"].path
        return Read(podsets=(), notes=(("warning", path, "only a trial that stands in the experiment is checked"),))
    if not template:
        raise ShapeError("spec.trialTemplate.trialSpec", "is missing: there is no trial in it")
    inner = key({"apiVersion": template["apiVersion"].text(), "kind": template["kind"].text()})
    kind = KINDS.get(inner)
    if kind is None or inner[1] == "Experiment":
        raise ShapeError(f"{template.path}.kind", f"{inner[1]!r} is no kind of job; one of {understood()}")
    filled, open_ = _without_parameters(template.value)
    found = kind.read(At(filled, template.path), runtimes)
    notes = list(found.notes)
    if open_:
        notes.append(("warning", template.path, "resources that trials choose are not checked"))
    return replace(
        found,
        podsets=[
            replace(each, name=f"trial {each.name}", count=each.count * trials, count_path="spec.parallelTrialCount")
            for each in found.podsets
        ],
        notes=tuple(notes),
        labels=template["metadata"]["labels"].strings,
        framework=kind.framework,
        unit="least",
    )


def _without_parameters(value: Any) -> tuple[Any, bool]:  # noqa: ANN401  # JSON
    """The template without the quantities that Katib puts in for each trial, and whether there were any."""
    if isinstance(value, Mapping):
        left, found = {}, False
        for name, item in value.items():
            if name in ("requests", "limits") and isinstance(item, Mapping):
                kept = {each: amount for each, amount in item.items() if _PARAMETER not in str(amount)}
                found |= len(kept) < len(item)
                left[name] = kept
            else:
                left[name], below = _without_parameters(item)
                found |= below
        return left, found
    if isinstance(value, list):
        pairs = [_without_parameters(item) for item in value]
        return [item for item, _ in pairs], any(below for _, below in pairs)
    return value, False


def _kubeflow(field_: str, plural: str) -> Kind:
    return Kind(
        versions=("v1",),
        plural=plural,
        framework=f"kubeflow.org/{plural.removesuffix('s')}",
        read=readers.replicas(field_),
    )


KINDS: Final[Mapping[tuple[str, str], Kind]] = {
    ("", "Pod"): Kind(versions=("v1",), read=readers.pod, framework="pod"),
    ("batch", "Job"): Kind(versions=("v1",), read=readers.batch_job, framework="batch/job"),
    ("batch", "CronJob"): Kind(versions=("v1",), read=readers.cron_job, framework="batch/job"),
    ("apps", "Deployment"): Kind(versions=("v1",), read=readers.replicated, framework="deployment", training=False),
    ("apps", "StatefulSet"): Kind(versions=("v1",), read=readers.replicated, framework="statefulset", training=False),
    ("apps", "ReplicaSet"): Kind(versions=("v1",), read=readers.replicated, training=False),
    ("jobset.x-k8s.io", "JobSet"): Kind(
        versions=("v1alpha2",), plural="jobsets", framework="jobset.x-k8s.io/jobset", read=readers.job_set
    ),
    ("kubeflow.org", "PyTorchJob"): _kubeflow("pytorchReplicaSpecs", "pytorchjobs"),
    ("kubeflow.org", "TFJob"): _kubeflow("tfReplicaSpecs", "tfjobs"),
    ("kubeflow.org", "XGBoostJob"): _kubeflow("xgbReplicaSpecs", "xgboostjobs"),
    ("kubeflow.org", "JAXJob"): _kubeflow("jaxReplicaSpecs", "jaxjobs"),
    ("kubeflow.org", "PaddleJob"): _kubeflow("paddleReplicaSpecs", "paddlejobs"),
    ("kubeflow.org", "MPIJob"): Kind(
        versions=("v2beta1",), plural="mpijobs", framework="kubeflow.org/mpijob", read=readers.mpi_job
    ),
    ("kubeflow.org", "Experiment"): Kind(versions=("v1beta1",), plural="experiments", read=_experiment),
    ("kubeflow.org", "Notebook"): Kind(
        versions=("v1", "v1beta1"), plural="notebooks", read=readers.notebook, training=False
    ),
    ("trainer.kubeflow.org", "TrainJob"): Kind(
        versions=("v1alpha1",), plural="trainjobs", framework="trainer.kubeflow.org/trainjob", read=readers.train_job
    ),
    ("ray.io", "RayJob"): Kind(versions=("v1",), plural="rayjobs", framework="ray.io/rayjob", read=readers.ray_job),
    ("ray.io", "RayCluster"): Kind(
        versions=("v1",), plural="rayclusters", framework="ray.io/raycluster", read=readers.ray_cluster
    ),
    ("ray.io", "RayService"): Kind(
        versions=("v1",), plural="rayservices", framework="ray.io/rayservice", read=readers.ray_service, training=False
    ),
    ("sparkoperator.k8s.io", "SparkApplication"): Kind(
        versions=("v1beta2",),
        plural="sparkapplications",
        framework="sparkoperator.k8s.io/sparkapplication",
        read=readers.spark_application,
    ),
    ("sparkoperator.k8s.io", "ScheduledSparkApplication"): Kind(
        versions=("v1beta2",), plural="scheduledsparkapplications", read=readers.scheduled_spark_application
    ),
    ("leaderworkerset.x-k8s.io", "LeaderWorkerSet"): Kind(
        versions=("v1",),
        plural="leaderworkersets",
        framework="leaderworkerset.x-k8s.io/leaderworkerset",
        read=readers.leader_worker_set,
        training=False,
    ),
    ("argoproj.io", "Workflow"): Kind(
        versions=("v1alpha1",), plural="workflows", framework="pod", read=readers.workflow
    ),
    ("argoproj.io", "WorkflowTemplate"): Kind(
        versions=("v1alpha1",), plural="workflowtemplates", framework="pod", read=readers.workflow
    ),
    ("argoproj.io", "CronWorkflow"): Kind(
        versions=("v1alpha1",), plural="cronworkflows", framework="pod", read=readers.cron_workflow
    ),
    ("batch.volcano.sh", "Job"): Kind(versions=("v1alpha1",), plural="jobs", read=readers.volcano_job),
    ("serving.kserve.io", "InferenceService"): Kind(
        versions=("v1beta1",), plural="inferenceservices", read=readers.inference_service, training=False
    ),
    ("serving.kserve.io", "LLMInferenceService"): Kind(
        versions=("v1alpha1", "v1alpha2"),
        plural="llminferenceservices",
        read=readers.llm_inference_service,
        training=False,
    ),
}
