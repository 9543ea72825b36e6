"""The pods that each kind starts: counted by hand from the kinds' own documentation."""

import pytest
import yaml

from slipway.jobs.kinds import jobs
from slipway.jobs.pods import requests

GPU = "nvidia.com/gpu"
MIB = 1024**2


def container(cpu="1", gpus=0, name="main", **more):
    limits = {GPU: str(gpus)} if gpus else {}
    return {
        "name": name,
        "image": "registry.example/a:1",
        "resources": {"requests": {"cpu": cpu, **limits}, "limits": limits},
        **more,
    }


def template(cpu="1", gpus=0, **spec):
    return {"spec": {"containers": [container(cpu, gpus)], **spec}}


def manifest(api, kind, spec, **meta):
    return {"apiVersion": api, "kind": kind, "metadata": {"name": "a", **meta}, "spec": spec}


def read(document, runtimes=None):
    (job,) = jobs([document], runtimes or {})
    return job


def counted(document, runtimes=None):
    """Role to how many pods and how many GPUs each."""
    job = read(document, runtimes)
    assert job.findings == ()
    return {each.name: (each.count, requests(each).get(GPU, 0)) for each in job.podsets}


JOBSET = {
    "replicatedJobs": [
        {"name": "driver", "template": {"spec": {"template": template()}}},
        {"name": "workers", "replicas": 2, "template": {"spec": {"parallelism": 3, "template": template(gpus=8)}}},
    ]
}

OF_A_JOB = template(restartPolicy="Never")
OF_A_JOB_WITH_A_GPU = template(gpus=1, restartPolicy="Never")

CASES = {
    "pod": (manifest("v1", "Pod", template(gpus=1)["spec"]), {"pod": (1, 1)}),
    "job": (
        manifest("batch/v1", "Job", {"parallelism": 5, "completions": 3, "template": OF_A_JOB}),
        {"main": (3, 0)},
    ),
    "job alone": (manifest("batch/v1", "Job", {"completions": 9, "template": OF_A_JOB}), {"main": (1, 0)}),
    "cron": (
        manifest("batch/v1", "CronJob", {"jobTemplate": {"spec": {"parallelism": 2, "template": OF_A_JOB}}}),
        {"main": (2, 0)},
    ),
    "jobset": (manifest("jobset.x-k8s.io/v1alpha2", "JobSet", JOBSET), {"driver": (1, 0), "workers": (6, 8)}),
    "pytorch": (
        manifest(
            "kubeflow.org/v1",
            "PyTorchJob",
            {
                "pytorchReplicaSpecs": {
                    "Master": {"template": template(gpus=8)},
                    "Worker": {"replicas": 3, "template": template(gpus=8)},
                }
            },
        ),
        {"Master": (1, 8), "Worker": (3, 8)},
    ),
    "tensorflow": (
        manifest(
            "kubeflow.org/v1",
            "TFJob",
            {
                "tfReplicaSpecs": {
                    "Chief": {"template": template()},
                    "PS": {"replicas": 2, "template": template()},
                    "Worker": {"replicas": 4, "template": template(gpus=1)},
                }
            },
        ),
        {"Chief": (1, 0), "PS": (2, 0), "Worker": (4, 1)},
    ),
    "xgboost": (
        manifest("kubeflow.org/v1", "XGBoostJob", {"xgbReplicaSpecs": {"Master": {"template": template()}}}),
        {"Master": (1, 0)},
    ),
    "jax": (
        manifest("kubeflow.org/v1", "JAXJob", {"jaxReplicaSpecs": {"Worker": {"replicas": 2, "template": template()}}}),
        {"Worker": (2, 0)},
    ),
    "mpi": (
        manifest(
            "kubeflow.org/v2beta1",
            "MPIJob",
            {
                "mpiReplicaSpecs": {
                    "Launcher": {"template": template()},
                    "Worker": {"replicas": 4, "template": template(gpus=8)},
                }
            },
        ),
        {"Launcher": (1, 0), "Worker": (4, 8)},
    ),
    "ray": (
        manifest(
            "ray.io/v1",
            "RayJob",
            {
                "rayClusterSpec": {
                    "headGroupSpec": {"template": template()},
                    "workerGroupSpecs": [
                        {"groupName": "gpu", "replicas": 2, "numOfHosts": 2, "template": template(gpus=4)},
                        {"groupName": "few", "replicas": 9, "maxReplicas": 3, "template": template()},
                    ],
                },
                "submitterPodTemplate": template(),
            },
        ),
        {"head": (1, 0), "gpu": (4, 4), "few": (3, 0), "submitter": (1, 0)},
    ),
    "leader and workers": (
        manifest(
            "leaderworkerset.x-k8s.io/v1",
            "LeaderWorkerSet",
            {"replicas": 3, "leaderWorkerTemplate": {"size": 4, "workerTemplate": template(gpus=8)}},
        ),
        {"leader": (3, 8), "worker": (9, 8)},
    ),
    "deployment": (manifest("apps/v1", "Deployment", {"replicas": 7, "template": template()}), {"pods": (7, 0)}),
    "notebook": (manifest("kubeflow.org/v1", "Notebook", {"template": template(gpus=1)}), {"notebook": (1, 1)}),
    "volcano": (
        manifest("batch.volcano.sh/v1alpha1", "Job", {"tasks": [{"name": "w", "replicas": 5, "template": template()}]}),
        {"w": (5, 0)},
    ),
    "katib": (
        manifest(
            "kubeflow.org/v1beta1",
            "Experiment",
            {
                "parallelTrialCount": 4,
                "trialTemplate": {"trialSpec": manifest("batch/v1", "Job", {"template": OF_A_JOB_WITH_A_GPU})},
            },
        ),
        {"trial main": (4, 1)},
    ),
    "argo": (
        manifest(
            "argoproj.io/v1alpha1",
            "Workflow",
            {
                "entrypoint": "all",
                "templates": [
                    {"name": "all", "dag": {"tasks": [{"name": "x", "template": "one"}]}},
                    {"name": "one", "container": container(gpus=1)},
                    {"name": "two", "script": {"image": "a:1", "source": "print()"}},
                ],
            },
        ),
        {"one": (1, 1), "two": (1, 0)},
    ),
    "model": (
        manifest(
            "serving.kserve.io/v1beta1",
            "InferenceService",
            {"predictor": {"minReplicas": 2, "maxReplicas": 5, "containers": [container(gpus=1)]}},
        ),
        {"predictor": (5, 1)},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_each_kind_starts_its_pods(name):
    document, expected = CASES[name]
    assert counted(document) == expected


def test_spark_asks_for_memory_and_its_overhead():
    """Spark: max(10% or 384 MiB) for the JVM, 40% beside other languages; the operator passes factors on as text."""
    spec = {
        "type": "Scala",
        "driver": {"cores": 2, "memory": "1g"},
        "executor": {"instances": 3, "coreRequest": "500m", "memory": "10g", "gpu": {"name": GPU, "quantity": 1}},
    }
    driver, executor = read(manifest("sparkoperator.k8s.io/v1beta2", "SparkApplication", spec)).podsets
    assert requests(driver) == {"cpu": 2000, "memory": (1024 + 384) * MIB}
    assert (executor.count, requests(executor)) == (3, {"cpu": 500, "memory": 11264 * MIB, GPU: 1})
    python = {**spec, "type": "Python"}
    _, executor = read(manifest("sparkoperator.k8s.io/v1beta2", "SparkApplication", python)).podsets
    assert requests(executor)["memory"] == 14336 * MIB
    fixed = {**spec, "executor": {"memory": "512m", "memoryOverhead": "1g"}}
    _, executor = read(manifest("sparkoperator.k8s.io/v1beta2", "SparkApplication", fixed)).podsets
    assert (executor.count, requests(executor)) == (1, {"cpu": 1000, "memory": 1536 * MIB})


def test_an_elastic_job_goes_on_with_fewer():
    """minReplicas counts all nodes of the rendezvous, the master's among them."""
    spec = {
        "elasticPolicy": {"minReplicas": 2, "maxReplicas": 6},
        "pytorchReplicaSpecs": {
            "Master": {"restartPolicy": "OnFailure", "template": template()},
            "Worker": {"replicas": 5, "restartPolicy": "OnFailure", "template": template()},
        },
    }
    job = read(manifest("kubeflow.org/v1", "PyTorchJob", spec))
    assert [(each.name, each.count, each.least) for each in job.podsets] == [("Master", 1, 1), ("Worker", 5, 1)]
    assert job.restarts


RUNTIME = {
    ("ClusterTrainingRuntime", "torch-h100"): {
        "mlPolicy": {"numNodes": 1, "torch": {}},
        "template": {
            "spec": {
                "replicatedJobs": [
                    {
                        "name": "node",
                        "template": {
                            "metadata": {"labels": {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}},
                            "spec": {
                                "template": {
                                    "spec": {
                                        "nodeSelector": {"slipway.io/group": "h100"},
                                        "containers": [container("190", 8, name="node")],
                                        "volumes": [{"name": "dshm", "emptyDir": {"medium": "Memory"}}],
                                    }
                                }
                            },
                        },
                    }
                ]
            }
        },
    },
    ("ClusterTrainingRuntime", "mpi-h100"): {
        "mlPolicy": {"numNodes": 1, "mpi": {"runLauncherAsNode": True}},
        "template": {
            "spec": {
                "replicatedJobs": [
                    {
                        "name": "node",
                        "template": {"spec": {"template": {"spec": {"containers": [container("1", 8, name="node")]}}}},
                    },
                    {
                        "name": "launcher",
                        "template": {
                            "metadata": {"labels": {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}},
                            "spec": {"template": {"spec": {"containers": [container("1", 8, name="node")]}}},
                        },
                    },
                ]
            }
        },
    },
}


def train_job(runtime="torch-h100", patches=(), **trainer):
    return manifest(
        "trainer.kubeflow.org/v1alpha1",
        "TrainJob",
        {"runtimeRef": {"name": runtime}, "trainer": trainer, "runtimePatches": list(patches)},
    )


def test_a_train_job_is_its_runtime_with_what_it_says_itself():
    """As Trainer 2.3 merges: resources key by key, volumes by name, node selectors deeply."""
    patch = {
        "trainingRuntimeSpec": {
            "template": {
                "spec": {
                    "replicatedJobs": [
                        {
                            "name": "node",
                            "template": {
                                "spec": {
                                    "template": {
                                        "spec": {
                                            "nodeSelector": {"slipway.io/zone-id": "usw2-az2"},
                                            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "d"}}],
                                        }
                                    }
                                }
                            },
                        }
                    ]
                }
            }
        }
    }
    document = train_job(numNodes=4, patches=[patch], resourcesPerNode={"limits": {GPU: "4"}, "requests": {GPU: "4"}})
    (podset,) = read(document, RUNTIME).podsets
    assert (podset.name, podset.count) == ("node", 4)
    assert requests(podset) == {"cpu": 190_000, GPU: 4}
    assert podset.spec["nodeSelector"] == {"slipway.io/group": "h100", "slipway.io/zone-id": "usw2-az2"}
    assert [each["name"] for each in podset.spec["volumes"]] == ["dshm", "data"]


def test_where_the_launcher_is_a_node_there_is_one_other_less():
    assert counted(train_job("mpi-h100", numNodes=4), RUNTIME) == {"node": (3, 8), "launcher": (1, 8)}
    assert counted(train_job("mpi-h100"), RUNTIME) == {"node": (1, 8), "launcher": (1, 8)}


def test_a_pod_asks_for_the_most_that_its_init_containers_or_its_containers_need():
    """Kubernetes, "Sidecar Containers": max(init + sidecars before it, containers + all sidecars), and the overhead."""
    spec = {
        "initContainers": [
            container("3", name="first"),
            container("1", name="side", restartPolicy="Always"),
            container("4", name="second"),
        ],
        "containers": [container("2", 1), container("1", name="other")],
        "overhead": {"cpu": "250m"},
    }
    (podset,) = read(manifest("v1", "Pod", spec)).podsets
    assert requests(podset) == {"cpu": 5250, GPU: 1}
    light = {**spec, "initContainers": [*spec["initContainers"]][:2]}
    (podset,) = read(manifest("v1", "Pod", light)).podsets
    assert requests(podset)["cpu"] == 4250
    (podset,) = read(manifest("v1", "Pod", {**spec, "resources": {"requests": {"cpu": "9"}}})).podsets
    assert requests(podset) == {"cpu": 9250, GPU: 1}


def test_a_limit_is_a_request_where_there_is_none():
    pod = {"containers": [{"name": "a", "resources": {"limits": {"cpu": "2", GPU: "1"}}}]}
    (podset,) = read(manifest("v1", "Pod", pod)).podsets
    assert requests(podset) == {"cpu": 2000, GPU: 1}


WRONG = {
    "no containers": (manifest("v1", "Pod", {"containers": []}), "spec.containers: is missing"),
    "no spec": ({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}, "spec.containers: is missing"),
    "no name": ({"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": {}}, "metadata.name: is missing"),
    "spec is text": (
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": "x"},
        "spec: 'x' is not a mapping",
    ),
    "containers are a mapping": (manifest("v1", "Pod", {"containers": {}}), "spec.containers: {} is not a list"),
    "a label is a number": (
        manifest("v1", "Pod", template()["spec"], labels={"a": 1}),
        "metadata.labels.a: 1 is not text; put it in quotes",
    ),
    "replicas are text": (
        manifest("apps/v1", "Deployment", {"replicas": "3", "template": template()}),
        "spec.replicas: '3' is not a whole number from 0 to 2,147,483,647",
    ),
    "another version": (
        manifest("kubeflow.org/v1", "MPIJob", {}),
        "apiVersion: 'kubeflow.org/v1' is not served (did you mean 'kubeflow.org/v2beta1'?); use kubeflow.org/v2beta1",
    ),
    "another group": (
        manifest("pytorch.org/v1", "PyTorchJob", {}),
        "apiVersion: 'pytorch.org/v1' has no PyTorchJob that runs here; use kubeflow.org/v1",
    ),
    "a Job that does not say when it starts again": (
        manifest("batch/v1", "Job", {"template": template()}),
        "spec.template.spec.restartPolicy: is missing, and Always, the default of pods, is refused in a Job",
    ),
    "a trial that always starts again": (
        manifest(
            "kubeflow.org/v1beta1",
            "Experiment",
            {
                "trialTemplate": {
                    "trialSpec": manifest("batch/v1", "Job", {"template": template(restartPolicy="Always")})
                }
            },
        ),
        "spec.trialTemplate.trialSpec.spec.template.spec.restartPolicy: 'Always' is refused in a Job",
    ),
    "no role": (manifest("kubeflow.org/v1", "TFJob", {}), "spec.tfReplicaSpecs: is missing"),
    "no launcher": (
        manifest("kubeflow.org/v2beta1", "MPIJob", {"mpiReplicaSpecs": {"Worker": {"template": template()}}}),
        "spec.mpiReplicaSpecs.Launcher: is missing",
    ),
    "no trial": (manifest("kubeflow.org/v1beta1", "Experiment", {}), "spec.trialTemplate.trialSpec: is missing"),
    "memory of Spark's": (
        manifest("sparkoperator.k8s.io/v1beta2", "SparkApplication", {"driver": {"memory": "4Gi"}, "executor": {}}),
        "spec.driver.memory: '4Gi' is no memory as Spark spells it, such as 512m or 16g",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_with_its_path(name):
    document, expected = WRONG[name]
    (finding,) = read(document).findings
    assert finding.level == "error"
    assert f"{finding.path}: {finding.message}".startswith(expected)


def test_an_unknown_runtime_names_the_nearest():
    (finding,) = read(train_job("torch-h10"), RUNTIME).findings
    assert (finding.path, finding.message) == (
        "spec.runtimeRef.name",
        "'torch-h10' is no ClusterTrainingRuntime of the plan (did you mean 'torch-h100'?);"
        " there are: mpi-h100, torch-h100",
    )


def test_a_sagemaker_job_has_no_pods_here():
    job = read(manifest("sagemaker.services.k8s.aws/v1alpha1", "TrainingJob", {}))
    assert (job.podsets, job.outside, job.crd) == ((), "Amazon SageMaker", "trainingjobs.sagemaker.services.k8s.aws")


def test_what_stands_beside_jobs_is_left_out():
    beside = yaml.safe_load_all(
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n---\n"
        "{apiVersion: v1, kind: Service, metadata: {name: a}}"
    )
    assert jobs(list(beside), {}) == ()
