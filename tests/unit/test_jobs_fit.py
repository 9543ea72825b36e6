"""Whether jobs fit a cluster that is written out here: what is said when not, and that less never fits worse."""

import copy

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.handle import NodePool, Taint
from slipway.jobs.cluster import Cluster, Cohort, FlavorQuota, KueueFlavor, Namespace, Queue, ResourceGroup
from slipway.jobs.fit import check
from slipway.jobs.nodes import Group
from slipway.jobs.read import ManifestError

GPU, EFA, PAGES = "nvidia.com/gpu", "vpc.amazonaws.com/efa", "hugepages-2Mi"
GIB = 1024**3
TAINT = Taint(key=GPU, value="present")
LEVEL = "topology.k8s.aws/network-node-layer-3"


def group(name, zone, *, cpu, gib, nodes, gpus=0, efa=0, pages_mib=0, **more):  # facts of a node
    labels = {"slipway.io/group": name, "slipway.io/zone-id": zone}
    pool = NodePool(
        name=f"{name}-{zone}",
        group=name,
        zone_id=zone,
        instance_types=("x.large",),
        capacity=more.get("capacity", "on-demand"),
        arch="amd64",
        bottlerocket=False,
        accelerator="nvidia" if gpus else None,
        accelerators_per_node=gpus,
        efa_interfaces=efa,
        labels=labels,
        taints=(TAINT,) if gpus else (),
        min_size=more.get("minimum", 0),
        max_size=nodes,
        sharing=None,
        provision_minutes=15,
        system=False,
        cpu_millis=int(cpu * 1000),
        memory_mib=gib * 1024,
        hugepages_mib=pages_mib,
        devices={GPU: gpus} if gpus else {},
    )
    known: dict[str, tuple[str, ...]] = {key: (value,) for key, value in labels.items()}
    known |= {"kubernetes.io/arch": ("amd64",), "topology.kubernetes.io/zone": (), "kubernetes.io/hostname": ()}
    return Group(pool=pool, known=known, karpenter=False)


def quota(cpu, gib, gpus, efa=0, **limits):
    amounts = {"cpu": cpu * 1000, "memory": gib * GIB, GPU: gpus, EFA: efa}
    return {name: FlavorQuota(nominal=amount, **limits) for name, amount in amounts.items()}


FLAVORS = {
    "cpu": KueueFlavor(labels={"slipway.io/group": "cpu"}, taints=(), tolerations=(), topology="", packing={}),
    "h100": KueueFlavor(
        labels={"slipway.io/group": "h100", "slipway.io/zone-id": "az2"},
        taints=({"key": GPU, "value": "present", "effect": "NoSchedule"},),
        tolerations=(),
        topology="net",
        packing={"kueue.x-k8s.io/podset-preferred-topology": LEVEL},
    ),
    "l4": KueueFlavor(
        labels={"slipway.io/group": "l4"},
        taints=({"key": GPU, "value": "present", "effect": "NoSchedule"},),
        tolerations=(),
        topology="",
        packing={},
    ),
}


def queue(name, **flavors):
    listed = tuple(flavors.items())
    return Queue(
        name=name, cohort="platform", groups=(ResourceGroup(resources=("cpu", "memory", GPU, EFA), flavors=listed),)
    )


CLUSTER = Cluster(
    stack="test",
    platform="test",
    region="us-west-2",
    groups=(
        group("cpu", "az1", cpu=15, gib=50, nodes=10),
        group("cpu", "az2", cpu=15, gib=50, nodes=10),
        group("h100", "az2", cpu=187.4, gib=1800, nodes=8, gpus=8, efa=32, pages_mib=10256),
        group("l4", "az1", cpu=46, gib=170, nodes=5, gpus=4, capacity="spot"),
        group("l4", "az2", cpu=46, gib=170, nodes=5, gpus=4, capacity="spot"),
    ),
    add_ons=frozenset({"kueue", "training-operator", "mpi-operator"}),
    namespaces={
        "language": Namespace(
            name="language",
            tenant="language",
            level="baseline",
            queues={"default": "language"},
            accounts=frozenset({"default", "default-editor"}),
            claims={"lustre": {"volumeName": "lustre"}, "efs": {"volumeName": "efs"}},
            quotas=({"pods": 100, f"requests.{GPU}": 64},),
            limits=(
                {"type": "Container", "defaultRequest": {"cpu": "100m"}, "max": {"memory": "2Ti"}},
                {"type": "Pod", "max": {"cpu": "300"}},
            ),
            whole=True,
        ),
        "default": Namespace(name="default", accounts=frozenset({"default"}), whole=True),
        "strict": Namespace(name="strict", level="restricted", accounts=frozenset({"default"}), whole=True),
        "counted": Namespace(
            name="counted", quotas=({"limits.cpu": 4000},), accounts=frozenset({"default"}), whole=True
        ),
    },
    flavors=FLAVORS,
    queues={
        # Four nodes of its own, four that vision lends.
        "language": queue(
            "language", h100=quota(4 * 187, 4 * 1800, 32, 128), l4=quota(92, 340, 8), cpu=quota(60, 200, 0)
        ),
        "vision": queue("vision", h100=quota(4 * 187, 4 * 1800, 32, 128, lend=None), l4=quota(92, 340, 8, lend=0)),
    },
    cohorts={"platform": Cohort(parent="", quotas={})},
    topologies={"net": ("topology.kubernetes.io/zone", LEVEL, "kubernetes.io/hostname")},
    priorities=frozenset({"slipway-training"}),
    workload_priorities=frozenset({"slipway-training"}),
    volumes={
        "lustre": {
            "nodeAffinity": {
                "required": {
                    "nodeSelectorTerms": [
                        {"matchExpressions": [{"key": "slipway.io/zone-id", "operator": "In", "values": ["az2"]}]}
                    ]
                }
            }
        },
        "efs": {},
    },
    storage_classes=frozenset({"gp3"}),
    runtimes={},
    excluded=("ephemeral-storage", "hugepages-"),
    frameworks=frozenset({"batch/job", "kubeflow.org/pytorchjob", "kubeflow.org/mpijob"}),
    buckets={},
    details={},
    images={},
    sagemaker={},
)

JOB = yaml.safe_load(
    f"""
apiVersion: kubeflow.org/v1
kind: PyTorchJob
metadata:
  name: train
  namespace: language
  labels: {{ kueue.x-k8s.io/queue-name: default, kueue.x-k8s.io/priority-class: slipway-training }}
spec:
  pytorchReplicaSpecs:
    Worker:
      replicas: 4
      restartPolicy: OnFailure
      template:
        metadata:
          annotations: {{ kueue.x-k8s.io/podset-preferred-topology: {LEVEL} }}
        spec:
          serviceAccountName: default-editor
          nodeSelector: {{ slipway.io/group: h100 }}
          tolerations: [{{ key: {GPU}, operator: Equal, value: present, effect: NoSchedule }}]
          containers:
            - name: pytorch
              image: registry.example/train:1
              resources:
                requests: &all {{ cpu: "180", memory: 1700Gi, {GPU}: "8", {EFA}: "32", {PAGES}: 5Gi }}
                limits: *all
              volumeMounts: [{{ name: dshm, mountPath: /dev/shm }}, {{ name: data, mountPath: /data }}]
          volumes:
            - {{ name: dshm, emptyDir: {{ medium: Memory }} }}
            - {{ name: data, persistentVolumeClaim: {{ claimName: lustre }} }}
"""
)
WORKER = ("spec", "pytorchReplicaSpecs", "Worker")
POD = (*WORKER, "template", "spec")
CONTAINER = (*POD, "containers", 0)
HERE = "spec.pytorchReplicaSpecs.Worker"
THERE = f"{HERE}.template.spec"


def changed(*changes):
    """The job with values put in place: a path and a value, where None takes it out."""
    document = copy.deepcopy(JOB)
    # YAML's alias is one object in both places.
    resources = document["spec"]["pytorchReplicaSpecs"]["Worker"]["template"]["spec"]["containers"][0]["resources"]
    resources["limits"] = dict(resources["requests"])
    for path, value in changes:
        at = document
        for key in path[:-1]:
            at = at.setdefault(key, {}) if isinstance(at, dict) else at[key]
        if value is None:
            del at[path[-1]]
        else:
            at[path[-1]] = value
    return document


def said(*documents, cluster=CLUSTER):
    return check(yaml.safe_dump_all(documents), cluster)


def amount(resource, value):
    return [((*CONTAINER, "resources", field, resource), value) for field in ("requests", "limits")]


def test_a_job_that_fits_says_where_and_nothing_else():
    report = said(changed())
    assert report.findings == ()
    (job,) = report.jobs
    assert (job.namespace, job.queue) == ("language", "default")
    assert [(each.name, each.count, each.groups) for each in job.podsets] == [("Worker", 4, ("h100-az2",))]


NOWHERE = "Worker: no node group takes the pod, so it would stay pending"
ERRORS = {
    "taint": (
        # The API server would let the pod in, but Kueue reads the template.
        [((*POD, "tolerations"), [])],
        f"{HERE}.replicas: Worker: no flavour of the queue language can ever hold its 4 pods",
        f"h100: taint {GPU}=present:NoSchedule is not tolerated",
    ),
    "GPUs": (
        amount(GPU, "9"),
        f"{THERE}.containers[0].resources.requests[{GPU}]: {NOWHERE}",
        f"h100-az2: {GPU} 9 > 8 of a node",
    ),
    "processors": (
        amount("cpu", "200"),
        f"{THERE}.containers[0].resources.requests.cpu: {NOWHERE}",
        "h100-az2: cpu 200 > 187.4 that pods can have of a node",
    ),
    "no EFA": (
        [
            ((*POD, "nodeSelector"), {"slipway.io/group": "l4"}),
            *amount("cpu", "1"),
            *amount("memory", "1Gi"),
            *amount(GPU, "1"),
        ],
        f"{THERE}.containers[0].resources.requests[{EFA}]: {NOWHERE}",
        f"l4-az2: offers no {EFA}; offers no {PAGES}",
    ),
    "label": (
        [((*POD, "nodeSelector"), {"slipway.io/group": "h200"})],
        f"{THERE}.nodeSelector[slipway.io/group]: {NOWHERE}",
        "h100-az2: label slipway.io/group is h100, not h200",
    ),
    "label at boot": (
        [((*POD, "nodeSelector"), {"nvidia.com/gpu.product": "NVIDIA-H100"})],
        f"{THERE}.nodeSelector[nvidia.com/gpu.product]: {NOWHERE}",
        "h100-az2: label nvidia.com/gpu.product appears only once a node runs, so cluster-autoscaler adds none for a"
        " pod that asks for it (asked: nvidia.com/gpu.product=NVIDIA-H100); select slipway.io/group=h100 instead",
    ),
    "affinity": (
        [
            (
                (*POD, "affinity"),
                {
                    "nodeAffinity": {
                        "requiredDuringSchedulingIgnoredDuringExecution": {
                            "nodeSelectorTerms": [
                                {
                                    "matchExpressions": [
                                        {"key": "slipway.io/zone-id", "operator": "NotIn", "values": ["az2"]}
                                    ]
                                }
                            ]
                        }
                    }
                },
            )
        ],
        f"{THERE}.affinity.nodeAffinity: {NOWHERE}",
        "h100-az2: label slipway.io/zone-id is az2, which is excluded",
    ),
    "zone of the volume": (
        [
            ((*POD, "nodeSelector"), {"slipway.io/group": "l4", "slipway.io/zone-id": "az1"}),
            ((*CONTAINER, "resources"), {"limits": {GPU: "1"}}),
        ],
        f"{THERE}.volumes: {NOWHERE}",
        "l4-az1: is in az1, and what the pod mounts is in az2",
    ),
    "more nodes than there can be": (
        [((*WORKER, "replicas"), 9)],
        f"{HERE}.replicas: Worker: 9 pods, and there is room for 8 at a time in one zone",
        "h100-az2: 8 nodes of 1",
    ),
    "more than all lend": (
        # 8 nodes of GPUs may be had, but of processors 8 x 187.
        [((*WORKER, "replicas"), 8), *amount("cpu", "187400m")],
        f"{HERE}.replicas: Worker: no flavour of the queue language can ever hold its 8 pods",
        "h100: cpu 1499.2 > 1496, of which 748 are its own and the others may be borrowed",
    ),
    "no topology asked for": (
        [((*WORKER, "template", "metadata"), {})],
        f"{HERE}.replicas: Worker: no flavour of the queue language can ever hold its 4 pods",
        "h100: takes only pods that ask for a place in its topology; annotate them with"
        f" kueue.x-k8s.io/podset-preferred-topology: {LEVEL}",
    ),
    "a level that it has not": (
        [((*WORKER, "template", "metadata", "annotations"), {"kueue.x-k8s.io/podset-required-topology": "rack"})],
        f"{HERE}.replicas: Worker: no flavour of the queue language can ever hold its 4 pods",
        f"h100: its topology has no level 'rack'; it has topology.kubernetes.io/zone, {LEVEL}, kubernetes.io/hostname",
    ),
    "queue": (
        [(("metadata", "labels", "kueue.x-k8s.io/queue-name"), "defualt")],
        "metadata.labels[kueue.x-k8s.io/queue-name]: 'defualt' is no LocalQueue of the namespace language"
        " (did you mean 'default'?); there are: default",
        None,
    ),
    "priority in the queue": (
        [(("metadata", "labels", "kueue.x-k8s.io/priority-class"), "training")],
        "metadata.labels[kueue.x-k8s.io/priority-class]: 'training' is no WorkloadPriorityClass"
        " (did you mean 'slipway-training'?); there are: slipway-training",
        None,
    ),
    "priority of the pods": (
        [((*POD, "priorityClassName"), "high")],
        f"{THERE}.priorityClassName: 'high' is no PriorityClass; there are: slipway-training",
        None,
    ),
    "namespace": (
        [(("metadata", "namespace"), "languages")],
        "metadata.namespace: 'languages' is no namespace of the plan (did you mean 'language'?);"
        " people's are: language",
        None,
    ),
    "account": (
        [((*POD, "serviceAccountName"), "editor")],
        f"{THERE}.serviceAccountName: 'editor' is no service account of language in the plan"
        " (did you mean 'default-editor'?); there are: default, default-editor",
        None,
    ),
    "claim": (
        [((*POD, "volumes", 1, "persistentVolumeClaim", "claimName"), "luster")],
        f"{THERE}.volumes[1].persistentVolumeClaim.claimName: 'luster' is no claim of language in the plan"
        " (did you mean 'lustre'?); there are: efs, lustre",
        None,
    ),
    "host's files": (
        [((*POD, "volumes", 1), {"name": "data", "hostPath": {"path": "/dev"}})],
        f"{THERE}.volumes[1].hostPath: '/dev': no hostPath is allowed: language enforces the Pod Security Standard"
        " baseline, so the pod is refused",
        None,
    ),
    "privileged": (
        [((*CONTAINER, "securityContext"), {"privileged": True})],
        f"{THERE}.containers[0].securityContext.privileged: true is not allowed: language enforces",
        None,
    ),
    "host's network": (
        [((*POD, "hostNetwork"), True)],
        f"{THERE}.hostNetwork: true is not allowed: language enforces",
        None,
    ),
    "capability": (
        [((*CONTAINER, "securityContext"), {"capabilities": {"add": ["IPC_LOCK"]}})],
        f"{THERE}.containers[0].securityContext.capabilities.add[0]: the capability 'IPC_LOCK' is not allowed",
        None,
    ),
    "requests are not limits": (
        [((*CONTAINER, "resources", "requests", EFA), "16")],
        f"{THERE}.containers[0].resources: requests.{EFA} 16 is not limits.{EFA} 32: they must be the same",
        None,
    ),
    "limit missing": (
        [((*CONTAINER, "resources", "limits", PAGES), None)],
        f"{THERE}.containers[0].resources: limits.{PAGES} is missing: it must be the same as the request",
        None,
    ),
    "no quantity": (
        [((*CONTAINER, "resources", "requests", "memory"), "64GB")],
        f"{THERE}.containers[0].resources.requests.memory: '64GB' is no quantity; use a number",
        None,
    ),
    "limit range of a container": (
        amount("memory", "3Ti"),
        f"{THERE}.containers[0].resources: memory 3Ti > 2Ti, the most that a container of language may have"
        " (LimitRange)",
        None,
    ),
    "limit range of a pod": (
        amount("cpu", "301"),
        f"{THERE}: cpu 301 > 300, the most that a pod of language may have (LimitRange)",
        None,
    ),
    "resource quota": (
        [((*WORKER, "replicas"), 9)],
        f"requests.{GPU} 72 > 64, the ResourceQuota of language",
        None,
    ),
    "scheduler": (
        [((*POD, "schedulerName"), "volcano")],
        f"{THERE}.schedulerName: 'volcano' is no scheduler of this cluster; there are: default-scheduler;"
        " the add-on volcano brings it",
        None,
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_what_keeps_a_job_from_running_is_told_with_path_and_reason(name):
    changes, expected, reason = ERRORS[name]
    report = said(changed(*changes))
    texts = [str(each).removeprefix("PyTorchJob/train: ") for each in report.errors]
    found = [each for each, text in zip(report.errors, texts, strict=True) if text.startswith(expected)]
    assert found, texts
    if reason is not None:
        assert reason in found[0].reasons, found[0].reasons


WARNINGS = {
    "borrows": ([((*WORKER, "replicas"), 5)], "is more than the queue language has of its own: it waits"),
    "image": ([((*CONTAINER, "image"), "registry.example:5000/train")], f"{THERE}.containers[0].image: "),
    "latest": ([((*CONTAINER, "image"), "train:latest")], f"{THERE}.containers[0].image: "),
    "shared memory": (
        [((*CONTAINER, "volumeMounts"), [])],
        f"{THERE}.volumes: Worker: 8 GPUs share 64 MiB of /dev/shm",
    ),
    "EFA without huge pages": (amount(PAGES, None), f"{THERE}: Worker: EFA's provider wants huge pages"),
    "huge pages without EFA": (amount(EFA, None), f"{THERE}: Worker: huge pages without {EFA}"),
}


@pytest.mark.parametrize("name", WARNINGS)
def test_what_a_person_should_know_is_told(name):
    changes, expected = WARNINGS[name]
    report = said(changed(*changes))
    assert report.fits, report.errors
    assert [each for each in report.findings if str(each).removeprefix("PyTorchJob/train: ").startswith(expected)]


SPOT = [
    ((*POD, "nodeSelector"), {"slipway.io/group": "l4"}),
    ((*WORKER, "template", "metadata"), {}),
    ((*CONTAINER, "resources"), {"limits": {"cpu": "4", "memory": "8Gi", GPU: "1"}}),
]


def test_what_runs_on_spot_starts_again_and_ends_in_time():
    assert said(changed(*SPOT)).findings == ()
    findings = said(changed(*SPOT, ((*WORKER, "restartPolicy"), "Never"))).findings
    assert [each.level for each in findings] == ["warning"]
    assert "does not start again when a node goes" in findings[0].message
    (finding,) = said(changed(*SPOT, ((*POD, "terminationGracePeriodSeconds"), 600))).findings
    assert (finding.path, finding.message) == (
        f"{THERE}.terminationGracePeriodSeconds",
        "600 s, but spot capacity goes 120 s after it is told",
    )


def test_a_running_node_may_have_a_label_that_appears_at_boot():
    always = group("h100", "az2", cpu=187.4, gib=1800, nodes=8, gpus=8, efa=32, pages_mib=10256, minimum=1)
    cluster = Cluster(**{**vars_of(CLUSTER), "groups": (always,)})
    job = changed(((*POD, "nodeSelector"), {"slipway.io/group": "h100", "nvidia.com/gpu.product": "x"}))
    assert said(job, cluster=cluster).fits


def vars_of(cluster):
    return {name: getattr(cluster, name) for name in cluster.__dataclass_fields__}


def test_a_kind_whose_add_on_is_missing_names_it():
    cluster = Cluster(**{**vars_of(CLUSTER), "add_ons": frozenset({"kueue"})})
    (finding,) = said(changed(), cluster=cluster).findings
    assert (finding.path, finding.message) == (
        "kind",
        "PyTorchJob is no kind of this cluster: the add-on training-operator brings it, and the stack does not have it",
    )


def test_a_queue_that_prefers_nodes_that_cannot_take_the_pod_is_an_error():
    """Kueue would give it the first flavour that its quota lets it, and no node of that ever takes the pod."""
    first = queue("language", cpu=quota(60, 200, 0), l4=quota(92, 340, 8))
    cluster = Cluster(**{**vars_of(CLUSTER), "queues": {"language": first}})
    document = changed(
        *SPOT,
        ((*POD, "nodeSelector"), {}),
        ((*CONTAINER, "resources"), {"limits": {"cpu": "20", "memory": "8Gi"}}),
        ((*WORKER, "replicas"), 1),
    )
    (finding,) = said(document, cluster=cluster).errors
    assert finding.path == f"{THERE}.nodeSelector"
    assert finding.message == (
        "Worker: the queue language would give it cpu, whose nodes do not take it; select slipway.io/group=l4"
    )
    assert finding.reasons == ("cpu: its nodes do not take the pod",)


def test_what_restricted_wants_is_told():
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "strict"}}
    plain = {"name": "a", "image": "a:1"}
    report = said({**pod, "spec": {"containers": [plain]}})
    assert [each.path for each in report.errors] == [
        "spec.containers[0].securityContext.allowPrivilegeEscalation",
        "spec.containers[0].securityContext.runAsNonRoot",
        "spec.containers[0].securityContext.capabilities.drop",
        "spec.containers[0].securityContext.seccompProfile",
    ]
    safe = {
        "allowPrivilegeEscalation": False,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert said({**pod, "spec": {"containers": [{**plain, "securityContext": safe}]}}).findings == ()


def test_where_a_quota_counts_limits_each_container_has_one():
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "counted"}}
    (finding,) = said({**pod, "spec": {"containers": [{"name": "a", "image": "a:1"}]}}).errors
    assert finding.message == "limits.cpu is missing: counted has a ResourceQuota of it, so each container must say it"


def test_objects_of_the_same_file_count():
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "own"}}
    job = changed(((*POD, "volumes", 1, "persistentVolumeClaim", "claimName"), "own"))
    assert said(claim, job).fits


def test_a_claim_of_the_same_file_names_a_storage_class_that_there_is():
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "own"}}
    (finding,) = said({**claim, "spec": {"storageClassName": "gp2"}}, changed()).findings
    assert str(finding) == (
        "PersistentVolumeClaim/own: spec.storageClassName: 'gp2' is no StorageClass of the plan"
        " (did you mean 'gp3'?); there are: gp3"
    )
    assert said({**claim, "spec": {"storageClassName": "gp3"}}, changed()).findings == ()


def test_a_file_without_a_job_names_what_is_understood():
    with pytest.raises(ManifestError, match="no job in it: ConfigMap; what is understood: CronJob, CronWorkflow, "):
        check("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}", CLUSTER)


def test_roles_that_fit_alone_and_not_together_are_told():
    """Eight nodes hold eight workers, or seven and a master that takes a whole node, too."""
    master = copy.deepcopy(changed()["spec"]["pytorchReplicaSpecs"]["Worker"]) | {"replicas": 1}
    job = changed((("spec", "pytorchReplicaSpecs", "Master"), master), ((*WORKER, "replicas"), 8))
    messages = [each.message for each in said(job).errors]
    assert f"all pods together ask for {GPU} 72 > 64, the most that their nodes have" in messages


sizes = st.fixed_dictionaries(
    {
        "replicas": st.integers(1, 10),
        "cpu": st.integers(1, 200),
        "memory": st.integers(1, 2000),
        GPU: st.integers(1, 9),
        EFA: st.integers(1, 33),
    }
)


def sized(values):
    return changed(
        ((*WORKER, "replicas"), values["replicas"]),
        *amount("cpu", str(values["cpu"])),
        *amount("memory", f"{values['memory']}Gi"),
        *amount(GPU, str(values[GPU])),
        *amount(EFA, str(values[EFA])),
    )


@given(sizes, st.data())
@settings(max_examples=60, deadline=None)
def test_what_fits_still_fits_when_less_is_asked_for(values, data):
    if not said(sized(values)).fits:
        return
    less = {key: data.draw(st.integers(1, value), label=key) for key, value in values.items()}
    assert said(sized(less)).fits


junk = (
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.text(max_size=5)
    | st.lists(st.none(), max_size=2)
    | st.just({"a": 1})
)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_no_mistake_ends_in_a_traceback(data):
    """Any value of the manifest in the place of any other: findings or a message, never another error."""
    document = changed()
    path: list[str | int] = []
    at = document
    while isinstance(at, dict | list) and at and (not path or data.draw(st.booleans())):
        key = data.draw(st.sampled_from(sorted(at) if isinstance(at, dict) else list(range(len(at)))))
        path.append(key)
        at = at[key]
    holder = document
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = data.draw(junk)
    try:
        report = said(document)
    except ManifestError:
        return
    assert all(each.message for each in report.findings)
