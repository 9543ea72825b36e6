"""From an object to the pods that it starts, for each kind that people run. Pure.

Sources: the operators' CRDs (Trainer 2.3, training-operator 1.9, MPI operator 0.8, KubeRay 1.7, Spark operator 2.5,
JobSet 0.12, LeaderWorkerSet 0.10, Katib 0.19, KServe 0.20, Argo Workflows 4.0, Volcano 1.15) and Kubernetes 1.35.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from infra.problems import nearest, one_of
from slipway.jobs import serving, spark, trainer
from slipway.jobs.at import At, ShapeError
from slipway.jobs.model import Finding, Job, Level, PodSet, Unit
from slipway.jobs.pods import pods, with_spec

Runtimes = Mapping[tuple[str, str], Mapping[str, Any]]
_SAGEMAKER: Final = "sagemaker.services.k8s.aws"
_TRIALS: Final = 3
"""Katib's default of `parallelTrialCount`."""
_PARAMETER: Final = "${trialParameters."
_RESTARTING: Final = frozenset({"Always", "OnFailure", "ExitCode"})


@dataclass(frozen=True, kw_only=True)
class Read:
    """What a kind's reader finds."""

    podsets: Sequence[PodSet]
    restarts: bool = True
    notes: tuple[tuple[Level, str, str], ...] = ()
    """Level, path and message."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Of what it starts, where a queue's name may stand too."""
    framework: str = ""
    """Of what it starts, where that is what waits in a queue."""
    unit: Unit = "all"


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
        namespace="",
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


def _named(job: Job, meta: At) -> Job:
    name = meta["name"].text() or meta["generateName"].text()
    if not name:
        raise ShapeError("metadata.name", "is missing")
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


def _pod(at: At, _: Runtimes) -> Read:
    policy = at["spec"]["restartPolicy"].text("Always")
    return Read(podsets=(pods(at, "pod", 1),), restarts=policy != "Never")


def _batch(at: At, _: Runtimes) -> Read:
    return _of_batch(at["spec"])


def _cron(at: At, _: Runtimes) -> Read:
    template = at["spec"]["jobTemplate"]
    return replace(_of_batch(template["spec"]), labels=template["metadata"]["labels"].strings)


def _of_batch(spec: At) -> Read:
    podset = pods(spec["template"], "main", _at_once(spec), counted=spec["parallelism"])
    return Read(podsets=(podset,), restarts=spec["backoffLimit"].count(6) > 0)


def _at_once(spec: At) -> int:
    """Pods of a batch Job that run at a time."""
    parallelism = spec["parallelism"].count(1)
    completions = spec["completions"]
    return min(parallelism, completions.count(1)) if completions else parallelism


def jobset(spec: At) -> tuple[PodSet, ...]:
    """The pods of a JobSet's spec.

    Raises:
        ShapeError: Something has the wrong type, or there is no job in it.
    """
    found = []
    for each in spec["replicatedJobs"].list:
        job = each["template"]["spec"]
        count = each["replicas"].count(1) * _at_once(job)
        found.append(pods(job["template"], each["name"].text("job"), count, counted=each["replicas"]))
    if not found:
        raise ShapeError(f"{spec.path}.replicatedJobs", "is missing: there is no job in it")
    return tuple(found)


def _jobset(at: At, _: Runtimes) -> Read:
    spec = at["spec"]
    tries = spec["failurePolicy"]["maxRestarts"].count(0)
    per_job = min(
        (each.below("template", "spec", "backoffLimit").count(6) for each in spec["replicatedJobs"].list), default=0
    )
    return Read(podsets=jobset(spec), restarts=tries + per_job > 0)


def _replicas(field_: str) -> Callable[[At, Runtimes], Read]:
    """A reader of the training operator's kinds, whose roles stand below one field."""

    def read(at: At, _: Runtimes) -> Read:
        spec = at["spec"]
        elastic = spec["elasticPolicy"]
        found, restarts = [], True
        for role, each in spec[field_].items:
            count = each["replicas"].count(1)
            podset = pods(each["template"], role, count, counted=each["replicas"])
            if elastic and role == "Worker":
                masters = spec[field_]["Master"]["replicas"].count(1) if spec[field_]["Master"] else 0
                # The policy counts all nodes of the rendezvous.
                least = max(0, elastic["minReplicas"].count(1, least=1) - masters)
                podset = replace(podset, least=min(count, least))
            found.append(podset)
            restarts = restarts and each["restartPolicy"].text("Never") in _RESTARTING
        if not found:
            raise ShapeError(f"spec.{field_}", "is missing: there is no role in it, such as Worker")
        return Read(podsets=found, restarts=restarts)

    return read


def _mpi(at: At, _: Runtimes) -> Read:
    spec = at["spec"]
    found = [
        pods(
            each["template"],
            role,
            each["replicas"].count(1 if role == "Launcher" else 0),
            counted=each["replicas"],
        )
        for role, each in spec["mpiReplicaSpecs"].items
    ]
    if not spec["mpiReplicaSpecs"]["Launcher"]:
        raise ShapeError("spec.mpiReplicaSpecs.Launcher", "is missing: nothing would start the program")
    tries = spec["runPolicy"]["backoffLimit"].count(6)
    return Read(podsets=found, restarts=tries > 0)


def _ray_cluster(at: At, _: Runtimes) -> Read:
    return Read(podsets=_ray(at["spec"]))


def _ray_job(at: At, _: Runtimes) -> Read:
    spec = at["spec"]
    found = list(_ray(spec["rayClusterSpec"])) if spec["rayClusterSpec"] else []
    submitter = spec["submitterPodTemplate"]
    if submitter:
        found.append(pods(submitter, "submitter", 1))
    if not found and not spec["clusterSelector"]:
        raise ShapeError("spec.rayClusterSpec", "is missing: there is no cluster to run on")
    return Read(podsets=found)


def _ray_service(at: At, _: Runtimes) -> Read:
    return Read(podsets=_ray(at["spec"]["rayClusterConfig"]))


def _ray(spec: At) -> list[PodSet]:
    found = [pods(spec["headGroupSpec"]["template"], "head", 1)]
    scaled = spec["enableInTreeAutoscaling"].flag()
    for each in spec["workerGroupSpecs"].list:
        hosts = each["numOfHosts"].count(1, least=1)
        least = each["minReplicas"].count(0)
        # Kept between the two bounds, as the operator does.
        count = max(least, each["replicas"].count(least if scaled else 1))
        if each["maxReplicas"]:
            count = min(count, each["maxReplicas"].count(count))
        podset = pods(each["template"], each["groupName"].text("workers"), count * hosts, counted=each["replicas"])
        found.append(replace(podset, least=least * hosts) if scaled else podset)
    return found


def _spark(at: At, _: Runtimes) -> Read:
    return Read(podsets=spark.podsets(at["spec"]), restarts=spark.restarts(at["spec"]))


def _spark_cron(at: At, _: Runtimes) -> Read:
    return Read(podsets=spark.podsets(at["spec"]["template"]), restarts=spark.restarts(at["spec"]["template"]))


def _train_job(at: At, runtimes: Runtimes) -> Read:
    found, restarts = trainer.podsets(at, runtimes)
    return Read(podsets=found, restarts=restarts)


def _experiment(at: At, runtimes: Runtimes) -> Read:
    """So many trials at a time, each the job of the template."""
    spec = at["spec"]
    trials = spec["parallelTrialCount"].count(_TRIALS, least=1)
    if spec["maxTrialCount"]:
        trials = min(trials, spec["maxTrialCount"].count(trials, least=1))
    template = spec["trialTemplate"]["trialSpec"]
    if not template:
        raise ShapeError("spec.trialTemplate.trialSpec", "is missing: only a trial that stands here can be checked")
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


def _lws(at: At, _: Runtimes) -> Read:
    spec = at["spec"]
    template, replicas = spec["leaderWorkerTemplate"], spec["replicas"].count(1)
    size = template["size"].count(1, least=1)
    leader = template["leaderTemplate"] or template["workerTemplate"]
    found = [pods(leader, "leader", replicas, counted=spec["replicas"])]
    if size > 1:
        found.append(pods(template["workerTemplate"], "worker", replicas * (size - 1), counted=template["size"]))
    return Read(podsets=found)


def _replicated(at: At, _: Runtimes) -> Read:
    spec = at["spec"]
    podset = pods(spec["template"], "pods", spec["replicas"].count(1), counted=spec["replicas"])
    own = [{"name": each["metadata"]["name"].text(), "emptyDir": {}} for each in spec["volumeClaimTemplates"].list]
    if own:
        podset = with_spec(podset, volumes=[*(podset.spec.get("volumes") or []), *own])
    return Read(podsets=(podset,))


def _notebook(at: At, _: Runtimes) -> Read:
    return Read(podsets=(pods(at["spec"]["template"], "notebook", 1),))


def _workflow(at: At, _: Runtimes) -> Read:
    return _steps(at["spec"])


def _cron_workflow(at: At, _: Runtimes) -> Read:
    return _steps(at["spec"]["workflowSpec"])


def _steps(spec: At) -> Read:
    """Each template with a container, as a pod of its own."""
    found, unseen = [], []
    for each in spec["templates"].list:
        if each["podSpecPatch"]:
            unseen.append(("warning", f"{each.path}.podSpecPatch", "is not looked into"))
        containers = [{"name": "main", **part.mapping} for part in (each["container"], each["script"]) if part] or [
            dict(part.mapping) for part in each["containerSet"]["containers"].list
        ]
        if not containers:
            continue
        pod: dict[str, Any] = {
            "containers": containers,
            "initContainers": [dict(part.mapping) for part in each["initContainers"].list],
            "volumes": [dict(part.mapping) for at in (spec, each) for part in at["volumes"].list],
            "tolerations": [dict(part.mapping) for at in (spec, each) for part in at["tolerations"].list],
            "nodeSelector": {**spec["nodeSelector"].mapping, **each["nodeSelector"].mapping},
            "serviceAccountName": each["serviceAccountName"].text(spec["serviceAccountName"].text("default")),
            "affinity": dict((each["affinity"] or spec["affinity"]).mapping),
            "priorityClassName": each["priorityClassName"].text(spec["podPriorityClassName"].text()),
        }
        claims = [
            {"name": part["metadata"]["name"].text(), "emptyDir": {}} for part in spec["volumeClaimTemplates"].list
        ]
        pod["volumes"] += claims
        labels = {**spec["podMetadata"]["labels"].strings, **each["metadata"]["labels"].strings}
        found.append(
            PodSet(
                name=each["name"].text("step"),
                count=1,
                least=1,
                path=each.path,
                spec={name: value for name, value in pod.items() if value},
                labels=labels,
                annotations={**spec["podMetadata"]["annotations"].strings, **each["metadata"]["annotations"].strings},
                made=True,
            )
        )
    if not found and not spec["workflowTemplateRef"]:
        raise ShapeError(f"{spec.path}.templates", "is missing: no template in it has a container")
    return Read(podsets=found, notes=tuple(unseen), unit="each", labels=spec["podMetadata"]["labels"].strings)  # type: ignore[arg-type]  # the levels are literals


def _volcano(at: At, _: Runtimes) -> Read:
    tasks = at["spec"]["tasks"].list
    if not tasks:
        raise ShapeError("spec.tasks", "is missing: there is no task in it")
    found = []
    for each in tasks:
        count = each["replicas"].count(1)
        podset = pods(each["template"], each["name"].text("task"), count, counted=each["replicas"])
        found.append(replace(podset, least=min(count, each["minAvailable"].count(count))))
    return Read(podsets=found, restarts=bool(at["spec"]["maxRetry"].count(3)))


def _inference(at: At, runtimes: Runtimes) -> Read:
    found, notes = serving.inference(at["spec"], runtimes)
    return Read(podsets=found, notes=notes)


def _llm(at: At, _: Runtimes) -> Read:
    found, notes = serving.llm(at["spec"])
    return Read(podsets=found, notes=notes)


def _kubeflow(field_: str, plural: str) -> Kind:
    return Kind(
        versions=("v1",), plural=plural, framework=f"kubeflow.org/{plural.removesuffix('s')}", read=_replicas(field_)
    )


KINDS: Final[Mapping[tuple[str, str], Kind]] = {
    ("", "Pod"): Kind(versions=("v1",), read=_pod, framework="pod"),
    ("batch", "Job"): Kind(versions=("v1",), read=_batch, framework="batch/job"),
    ("batch", "CronJob"): Kind(versions=("v1",), read=_cron, framework="batch/job"),
    ("apps", "Deployment"): Kind(versions=("v1",), read=_replicated, framework="deployment", training=False),
    ("apps", "StatefulSet"): Kind(versions=("v1",), read=_replicated, framework="statefulset", training=False),
    ("apps", "ReplicaSet"): Kind(versions=("v1",), read=_replicated, training=False),
    ("jobset.x-k8s.io", "JobSet"): Kind(
        versions=("v1alpha2",), plural="jobsets", framework="jobset.x-k8s.io/jobset", read=_jobset
    ),
    ("kubeflow.org", "PyTorchJob"): _kubeflow("pytorchReplicaSpecs", "pytorchjobs"),
    ("kubeflow.org", "TFJob"): _kubeflow("tfReplicaSpecs", "tfjobs"),
    ("kubeflow.org", "XGBoostJob"): _kubeflow("xgbReplicaSpecs", "xgboostjobs"),
    ("kubeflow.org", "JAXJob"): _kubeflow("jaxReplicaSpecs", "jaxjobs"),
    ("kubeflow.org", "PaddleJob"): _kubeflow("paddleReplicaSpecs", "paddlejobs"),
    ("kubeflow.org", "MPIJob"): Kind(
        versions=("v2beta1",), plural="mpijobs", framework="kubeflow.org/mpijob", read=_mpi
    ),
    ("kubeflow.org", "Experiment"): Kind(versions=("v1beta1",), plural="experiments", read=_experiment),
    ("kubeflow.org", "Notebook"): Kind(versions=("v1", "v1beta1"), plural="notebooks", read=_notebook, training=False),
    ("trainer.kubeflow.org", "TrainJob"): Kind(
        versions=("v1alpha1",), plural="trainjobs", framework="trainer.kubeflow.org/trainjob", read=_train_job
    ),
    ("ray.io", "RayJob"): Kind(versions=("v1",), plural="rayjobs", framework="ray.io/rayjob", read=_ray_job),
    ("ray.io", "RayCluster"): Kind(
        versions=("v1",), plural="rayclusters", framework="ray.io/raycluster", read=_ray_cluster
    ),
    ("ray.io", "RayService"): Kind(
        versions=("v1",), plural="rayservices", framework="ray.io/rayservice", read=_ray_service, training=False
    ),
    ("sparkoperator.k8s.io", "SparkApplication"): Kind(
        versions=("v1beta2",),
        plural="sparkapplications",
        framework="sparkoperator.k8s.io/sparkapplication",
        read=_spark,
    ),
    ("sparkoperator.k8s.io", "ScheduledSparkApplication"): Kind(
        versions=("v1beta2",), plural="scheduledsparkapplications", read=_spark_cron
    ),
    ("leaderworkerset.x-k8s.io", "LeaderWorkerSet"): Kind(
        versions=("v1",),
        plural="leaderworkersets",
        framework="leaderworkerset.x-k8s.io/leaderworkerset",
        read=_lws,
        training=False,
    ),
    ("argoproj.io", "Workflow"): Kind(versions=("v1alpha1",), plural="workflows", framework="pod", read=_workflow),
    ("argoproj.io", "WorkflowTemplate"): Kind(
        versions=("v1alpha1",), plural="workflowtemplates", framework="pod", read=_workflow
    ),
    ("argoproj.io", "CronWorkflow"): Kind(
        versions=("v1alpha1",), plural="cronworkflows", framework="pod", read=_cron_workflow
    ),
    ("batch.volcano.sh", "Job"): Kind(versions=("v1alpha1",), plural="jobs", read=_volcano),
    ("serving.kserve.io", "InferenceService"): Kind(
        versions=("v1beta1",), plural="inferenceservices", read=_inference, training=False
    ),
    ("serving.kserve.io", "LLMInferenceService"): Kind(
        versions=("v1alpha1", "v1alpha2"), plural="llminferenceservices", read=_llm, training=False
    ),
}


def items() -> Iterator[tuple[str, str]]:
    """API group and kind of everything that is understood."""
    return iter(KINDS)
