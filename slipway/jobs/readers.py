"""The pods of each kind that people run, out of its fields. Pure.

Sources: the operators' CRDs (Trainer 2.3, training-operator 1.9, MPI operator 0.8, KubeRay 1.7, Spark operator 2.5,
JobSet 0.12, LeaderWorkerSet 0.10, KServe 0.20, Argo Workflows 4.0, Volcano 1.15) and Kubernetes 1.35.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from infra.problems import one_of, shown
from slipway.jobs import serving, spark, trainer
from slipway.jobs.at import At, ShapeError
from slipway.jobs.model import Level, PodSet, Unit
from slipway.jobs.pods import pods, with_spec

Runtimes = Mapping[tuple[str, str], Mapping[str, Any]]
"""Kind and name to the spec of the runtimes that there are."""
_RESTARTING: Final = frozenset({"Always", "OnFailure", "ExitCode"})
_OF_JOBS: Final = ("OnFailure", "Never")


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


def pod(at: At, _: Runtimes) -> Read:
    """A Pod."""
    policy = at["spec"]["restartPolicy"].text("Always")
    return Read(podsets=(pods(at, "pod", 1),), restarts=policy != "Never")


def batch_job(at: At, _: Runtimes) -> Read:
    """A Job of Kubernetes."""
    return _of_batch(at["spec"])


def cron_job(at: At, _: Runtimes) -> Read:
    """A CronJob of Kubernetes."""
    template = at["spec"]["jobTemplate"]
    return replace(_of_batch(template["spec"]), labels=template["metadata"]["labels"].strings)


def _of_batch(spec: At) -> Read:
    podset = pods(spec["template"], "main", _at_once(spec), counted=spec["parallelism"])
    return Read(podsets=(podset,), restarts=spec["backoffLimit"].count(6) > 0, notes=_of_its_pods(spec["template"]))


def _of_its_pods(template: At) -> tuple[tuple[Level, str, str], ...]:
    """Source: Kubernetes, "Jobs", pod template: the API server refuses others, and the default of pods is Always."""
    policy = template["spec"]["restartPolicy"]
    if policy.text("Always") in _OF_JOBS:
        return ()
    said = shown(policy.text()) if policy else "is missing, and Always, the default of pods,"
    return (("error", policy.path, f"{said} is refused in a Job; use one of: {one_of(_OF_JOBS)}"),)


def _at_once(spec: At) -> int:
    """Pods of a batch Job that run at a time."""
    parallelism = spec["parallelism"].count(1)
    completions = spec["completions"]
    return min(parallelism, completions.count(1)) if completions else parallelism


def _of_jobset(spec: At) -> tuple[PodSet, ...]:
    found = []
    for each in spec["replicatedJobs"].list:
        job = each["template"]["spec"]
        count = each["replicas"].count(1) * _at_once(job)
        found.append(pods(job["template"], each["name"].text("job"), count, counted=each["replicas"]))
    if not found:
        raise ShapeError(f"{spec.path}.replicatedJobs", "is missing: there is no job in it")
    return tuple(found)


def job_set(at: At, _: Runtimes) -> Read:
    """A JobSet."""
    spec = at["spec"]
    tries = spec["failurePolicy"]["maxRestarts"].count(0)
    per_job = min(
        (each.below("template", "spec", "backoffLimit").count(6) for each in spec["replicatedJobs"].list), default=0
    )
    return Read(podsets=_of_jobset(spec), restarts=tries + per_job > 0)


def replicas(field_: str) -> Callable[[At, Runtimes], Read]:
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


def mpi_job(at: At, _: Runtimes) -> Read:
    """An MPIJob."""
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


def ray_cluster(at: At, _: Runtimes) -> Read:
    """A RayCluster."""
    return Read(podsets=_ray(at["spec"]))


def ray_job(at: At, _: Runtimes) -> Read:
    """A RayJob."""
    spec = at["spec"]
    found = list(_ray(spec["rayClusterSpec"])) if spec["rayClusterSpec"] else []
    submitter = spec["submitterPodTemplate"]
    if submitter:
        found.append(pods(submitter, "submitter", 1))
    if not found and not spec["clusterSelector"]:
        raise ShapeError("spec.rayClusterSpec", "is missing: there is no cluster to run on")
    return Read(podsets=found)


def ray_service(at: At, _: Runtimes) -> Read:
    """A RayService."""
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


def spark_application(at: At, _: Runtimes) -> Read:
    """A SparkApplication."""
    return Read(podsets=spark.podsets(at["spec"]), restarts=spark.restarts(at["spec"]))


def scheduled_spark_application(at: At, _: Runtimes) -> Read:
    """A ScheduledSparkApplication."""
    return Read(podsets=spark.podsets(at["spec"]["template"]), restarts=spark.restarts(at["spec"]["template"]))


def train_job(at: At, runtimes: Runtimes) -> Read:
    """A TrainJob."""
    found, restarts = trainer.podsets(at, runtimes)
    return Read(podsets=found, restarts=restarts)


def leader_worker_set(at: At, _: Runtimes) -> Read:
    """A LeaderWorkerSet."""
    spec = at["spec"]
    template, replicas = spec["leaderWorkerTemplate"], spec["replicas"].count(1)
    size = template["size"].count(1, least=1)
    leader = template["leaderTemplate"] or template["workerTemplate"]
    found = [pods(leader, "leader", replicas, counted=spec["replicas"])]
    if size > 1:
        found.append(pods(template["workerTemplate"], "worker", replicas * (size - 1), counted=template["size"]))
    return Read(podsets=found)


def replicated(at: At, _: Runtimes) -> Read:
    """A Deployment, StatefulSet or ReplicaSet."""
    spec = at["spec"]
    podset = pods(spec["template"], "pods", spec["replicas"].count(1), counted=spec["replicas"])
    own = [{"name": each["metadata"]["name"].text(), "emptyDir": {}} for each in spec["volumeClaimTemplates"].list]
    if own:
        podset = with_spec(podset, volumes=[*(podset.spec.get("volumes") or []), *own])
    return Read(podsets=(podset,))


def notebook(at: At, _: Runtimes) -> Read:
    """A Notebook of Kubeflow."""
    return Read(podsets=(pods(at["spec"]["template"], "notebook", 1),))


def workflow(at: At, _: Runtimes) -> Read:
    """A Workflow of Argo, or its template."""
    return _steps(at["spec"])


def cron_workflow(at: At, _: Runtimes) -> Read:
    """A CronWorkflow of Argo."""
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
    if not spec["templates"].list and not spec["workflowTemplateRef"]:
        raise ShapeError(f"{spec.path}.templates", "is missing: there is no template in it")
    if not found:
        # Objects that a template makes are text to Argo.
        unseen.append(("warning", f"{spec.path}.templates", "none has a container: what they start is not checked"))
    return Read(podsets=found, notes=tuple(unseen), unit="each", labels=spec["podMetadata"]["labels"].strings)  # type: ignore[arg-type]  # the levels are literals


def volcano_job(at: At, _: Runtimes) -> Read:
    """A Job of Volcano."""
    tasks = at["spec"]["tasks"].list
    if not tasks:
        raise ShapeError("spec.tasks", "is missing: there is no task in it")
    found = []
    for each in tasks:
        count = each["replicas"].count(1)
        podset = pods(each["template"], each["name"].text("task"), count, counted=each["replicas"])
        found.append(replace(podset, least=min(count, each["minAvailable"].count(count))))
    return Read(podsets=found, restarts=bool(at["spec"]["maxRetry"].count(3)))


def inference_service(at: At, runtimes: Runtimes) -> Read:
    """An InferenceService."""
    found, notes = serving.inference(at["spec"], runtimes)
    return Read(podsets=found, notes=notes)


def llm_inference_service(at: At, _: Runtimes) -> Read:
    """An LLMInferenceService."""
    found, notes = serving.llm(at["spec"])
    return Read(podsets=found, notes=notes)
