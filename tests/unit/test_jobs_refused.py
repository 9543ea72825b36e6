"""What a manifest of people's own gets wrong or right, kind by kind: no traceback, nothing refused that would run."""

from dataclasses import replace
from typing import Any

import pytest
import yaml

from infra.handle import NodePool, Taint
from slipway.jobs.cluster import Cluster, Namespace
from slipway.jobs.fit import check
from slipway.jobs.nodes import Group

GPU, GIB = "nvidia.com/gpu", 1024**3
HOST, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"


def group(name, zone, *, gpus=0, nodes=4, pods=110):
    labels = {"slipway.io/group": name, "slipway.io/zone-id": zone}
    pool = NodePool(
        name=f"{name}-{zone}",
        group=name,
        zone_id=zone,
        instance_types=("x.large",),
        capacity="on-demand",
        arch="amd64",
        bottlerocket=False,
        accelerator="nvidia" if gpus else None,
        accelerators_per_node=gpus,
        efa_interfaces=0,
        labels=labels,
        taints=(Taint(key=GPU, value="present", effect="NoSchedule"),) if gpus else (),
        min_size=0,
        max_size=nodes,
        sharing=None,
        provision_minutes=5,
        system=False,
        cpu_millis=15_000,
        memory_mib=50 * 1024,
        hugepages_mib=1024,
        devices={GPU: gpus} if gpus else {},
    )
    known = {**{key: (value,) for key, value in labels.items()}, HOST: (), ZONE: ()}
    return Group(pool=pool, known=known, karpenter=False, pods=pods)


SPACE = Namespace(
    name="team",
    tenant="team",
    accounts=frozenset({"default"}),
    claims={"disk": {"accessModes": ["ReadWriteOnce"]}, "single": {"accessModes": ["ReadWriteOncePod"]}},
    whole=True,
)
CLUSTER = Cluster(
    stack="test",
    platform="test",
    region="us-west-2",
    groups=(group("cpu", "az1"), group("cpu", "az2"), group("gpu", "az1", gpus=4)),
    add_ons=frozenset({"istiod", "katib", "kubeflow-trainer", "argo-crds", "spark-operator", "jobset"}),
    namespaces={"team": SPACE, "other": Namespace(name="other", accounts=frozenset({"default"}), whole=True)},
    flavors={},
    queues={},
    cohorts={},
    topologies={},
    priorities=frozenset(),
    workload_priorities=frozenset(),
    volumes={},
    storage_classes=frozenset({"gp3"}),
    runtimes={},
    excluded=(),
    frameworks=frozenset(),
    buckets={},
    details={},
    images={},
    sagemaker={},
)
CONTAINER = {"name": "main", "image": "train:1"}


def pod(*, labels=None, container=None, **spec):
    meta = {"name": "a", "namespace": "team", "labels": labels or {}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta,
        "spec": {"containers": [{**CONTAINER, **(container or {})}], **spec},
    }


def deployment(replicas, *, labels=None, **spec):
    template = pod(labels=labels, **spec)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "a", "namespace": "team"},
        "spec": {"replicas": replicas, "template": {key: template[key] for key in ("metadata", "spec")}},
    }


def said(*documents, cluster=CLUSTER):
    return check(yaml.safe_dump_all(documents), cluster)


def errors(*documents, cluster=CLUSTER):
    return [f"{each.path}: {each.message}" for each in said(*documents, cluster=cluster).errors]


def asks(**amounts):
    return {"resources": {"limits": amounts, "requests": amounts}}


def apart(key, **selector):
    term = {"topologyKey": key, "labelSelector": selector}
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


def claim(name, namespace, *modes):
    meta = {"name": name, "namespace": namespace}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": meta,
        "spec": {"accessModes": list(modes), "storageClassName": "gp3"},
    }


def mounts(name):
    return [{"name": "data", "persistentVolumeClaim": {"claimName": name}}]


def test_who_asks_for_a_gpu_tolerates_its_taint_as_the_api_server_of_eks_sees_to():
    assert errors(pod(container=asks(**{GPU: "1"}))) == []
    (message,) = errors(pod(nodeSelector={"slipway.io/group": "gpu"}))
    assert message.startswith("spec.tolerations: pod: no node group takes the pod")


BAD = {
    "a name that is none": (
        {**pod(), "metadata": {"name": "My_Job", "namespace": "team"}},
        "metadata.name: 'My_Job' is no name: use small letters, digits, dashes and dots",
    ),
    "a template's name": (
        {**pod(), "metadata": {"name": "{{ .Values.name }}", "namespace": "team"}},
        "metadata.name: '{{ .Values.name }}' is no name",
    ),
    "no image": (pod(container={"image": ""}), "spec.containers[0]: image is missing: the container is refused"),
    "an empty container": (
        {**pod(), "spec": {"containers": [None]}},
        "spec.containers[0]: is empty: a container has a name and an image",
    ),
    "a container that is text": ({**pod(), "spec": {"containers": ["x"]}}, "spec.containers[0]: 'x' is not a mapping"),
    "half a GPU": (
        pod(container=asks(**{GPU: "500m"})),
        f"spec.containers[0].resources.requests[{GPU}]: '500m' is not whole: a container gets whole devices",
    ),
    "half a page": (
        pod(container=asks(**{"hugepages-2Mi": "3Mi", "cpu": "1"})),
        "spec.containers[0].resources.requests.hugepages-2Mi: '3Mi' is not a multiple of the size of a page",
    ),
    "a number as a value of an affinity": (
        pod(
            affinity={
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {
                        "nodeSelectorTerms": [
                            {"matchExpressions": [{"key": "slipway.io/group", "operator": "In", "values": 1}]}
                        ]
                    }
                }
            }
        ),
        "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0]"
        ".matchExpressions[0].values: 1 is not a list",
    ),
    "no driver": (
        {
            "apiVersion": "sparkoperator.k8s.io/v1beta2",
            "kind": "SparkApplication",
            "metadata": {"name": "a", "namespace": "team"},
            "spec": {"executor": {}},
        },
        "spec.driver: is missing: an application has a driver and executors",
    ),
    "more pods than places for them": (
        deployment(1000, container=asks(cpu="1m")),
        "spec.replicas: pods: 1000 pods, and there is room for 880 at a time",
    ),
    "no two in a zone": (
        deployment(3, labels={"app": "a"}, affinity=apart(ZONE, matchLabels={"app": "a"})),
        "spec.replicas: pods: 3 pods, and there is room for 2 at a time",
    ),
    "no two on a node": (
        deployment(
            9,
            labels={"app": "a"},
            affinity=apart(HOST, matchExpressions=[{"key": "app", "operator": "In", "values": ["a", "b"]}]),
        ),
        "spec.replicas: pods: 9 pods, and there is room for 8 at a time",
    ),
    "a volume of one node": (
        deployment(8, volumes=mounts("disk"), container=asks(cpu="10")),
        "spec.template.spec.volumes[0].persistentVolumeClaim.claimName: pods: 8 pods, and 'disk' is ReadWriteOnce: only"
        " one node, which holds 1 of the pods, can mount it",
    ),
    "a volume of one pod": (
        deployment(2, volumes=mounts("single")),
        "spec.template.spec.volumes[0].persistentVolumeClaim.claimName: pods: 2 pods, and 'single' is ReadWriteOncePod:"
        " only one pod can mount it",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_refused_or_never_runs_is_told(name):
    document, expected = BAD[name]
    assert [each for each in errors(document) if each.startswith(expected)], errors(document)


def test_several_pods_of_one_node_share_its_volume():
    assert errors(deployment(8, volumes=mounts("disk"), container=asks(cpu="1"))) == []
    assert errors(deployment(1, volumes=mounts("single"))) == []


def test_a_claim_of_another_namespace_in_the_same_file_is_not_there():
    job = deployment(8, volumes=mounts("own"), container=asks(cpu="10"))
    assert errors(claim("own", "team", "ReadWriteMany"), job) == []
    (found,) = errors(claim("own", "other", "ReadWriteMany"), job)
    assert "'own' is no claim of team in the plan" in found
    (found,) = errors(claim("own", "team", "ReadWriteOnce"), job)
    assert "'own' is ReadWriteOnce: only one node" in found
    assert said({**claim("own", "team"), "spec": "x"}, pod(volumes=mounts("own"))).errors[0].message == (
        "'x' is not a mapping"
    )


NOTED = {
    "node": (pod(nodeName="ip-10-0-0-1"), "spec.nodeName: 'ip-10-0-0-1': no plan knows the names of nodes"),
    "runtime class": (pod(runtimeClassName="gvisor"), "spec.runtimeClassName: 'gvisor' is no RuntimeClass"),
    "beside another job": (
        pod(
            affinity={
                "podAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": [
                        {"topologyKey": HOST, "labelSelector": {"matchLabels": {"app": "cache"}}}
                    ]
                }
            }
        ),
        "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0]: pod: no pod of this job is what",
    ),
}


@pytest.mark.parametrize("name", NOTED)
def test_what_a_plan_does_not_know_is_a_warning(name):
    document, expected = NOTED[name]
    report = said(document)
    assert report.fits
    assert [each for each in report.findings if f"{each.path}: {each.message}".startswith(expected)], report.findings


def test_where_istio_injects_its_side_car_a_job_is_told_to_keep_it_out():
    space = replace(SPACE, labels={"istio-injection": "enabled"})
    here = replace(CLUSTER, namespaces={"team": space})
    (warning,) = said(pod(), cluster=here).findings
    assert warning.message.startswith("pod: Istio's side-car comes into the pods")
    assert said(pod(labels={"sidecar.istio.io/inject": "false"}), cluster=here).findings == ()
    assert said(pod()).findings == ()


def test_a_runtime_of_the_same_file_is_there():
    template = {"spec": {"containers": [{"name": "node", "image": "train:1"}]}}
    runtime = {
        "apiVersion": "trainer.kubeflow.org/v1alpha1",
        "kind": "TrainingRuntime",
        "metadata": {"name": "mine", "namespace": "team"},
        "spec": {
            "mlPolicy": {"numNodes": 2},
            "template": {
                "spec": {
                    "replicatedJobs": [
                        {
                            "name": "node",
                            "template": {
                                "metadata": {"labels": {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}},
                                "spec": {"template": template},
                            },
                        }
                    ]
                }
            },
        },
    }
    job = {
        "apiVersion": "trainer.kubeflow.org/v1alpha1",
        "kind": "TrainJob",
        "metadata": {"name": "a", "namespace": "team"},
        "spec": {"runtimeRef": {"kind": "TrainingRuntime", "name": "mine"}},
    }
    report = said(runtime, job)
    assert (report.fits, [(each.name, each.count) for each in report.jobs[0].podsets]) == (True, [("node", 2)])
    assert not said(job).fits


def test_what_cannot_be_seen_is_a_warning():
    """Trials that lie in a ConfigMap, and workflows that make objects: both run."""
    meta = {"name": "a", "namespace": "team"}
    experiment = {
        "apiVersion": "kubeflow.org/v1beta1",
        "kind": "Experiment",
        "metadata": meta,
        "spec": {"trialTemplate": {"configMap": {"configMapName": "trials"}}},
    }
    workflow = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": meta,
        "spec": {"templates": [{"name": "make", "resource": {"action": "create", "manifest": "kind: Job"}}]},
    }
    for document in (experiment, workflow):
        report = said(document)
        assert [each.level for each in report.findings] == ["warning"]


def test_a_warning_does_not_hide_that_there_is_no_room():
    trial: dict[str, Any] = {
        "parallelism": 9,
        "template": {"spec": {"restartPolicy": "Never", "containers": [dict(CONTAINER)]}},
    }
    container = trial["template"]["spec"]["containers"][0]
    container["resources"] = {"requests": {"cpu": "14", "memory": "${trialParameters.memory}"}}
    experiment = {
        "apiVersion": "kubeflow.org/v1beta1",
        "kind": "Experiment",
        "metadata": {"name": "a", "namespace": "team"},
        "spec": {
            "parallelTrialCount": 1,
            "trialTemplate": {"trialSpec": {"apiVersion": "batch/v1", "kind": "Job", "spec": trial}},
        },
    }
    report = said(experiment)
    assert {each.level for each in report.findings} == {"warning", "error"}
    (found,) = errors(experiment)
    assert found.endswith("9 pods, and there is room for 8 at a time")


def test_as_many_tries_as_kubernetes_can_count():
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "a", "namespace": "team"},
        "spec": {
            "backoffLimit": 2**31 - 1,
            "template": {"spec": {"restartPolicy": "Never", "containers": [CONTAINER]}},
        },
    }
    assert said(job).fits
