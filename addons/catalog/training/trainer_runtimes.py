"""Runtimes for TrainJobs: PyTorch, DeepSpeed, JAX and MPI, as upstream names them, and one of each per GPU node group.

Those of a node group ask for its whole nodes, in one zone, with every EFA interface: a TrainJob names the runtime and
how many nodes. Fields are those of Trainer 2.3's CRD.

A pod that fails ends its job, and all pods of the TrainJob start again together, from the last checkpoint. A node that
is taken away counts as no failure. With an elastic runtime the others go on instead, and take the new pod in.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from addons import kueue
from addons.spec import AddOn, AddOnSettings, Image, Objects
from infra.catalog import names, sizes
from infra.flavors import flavors
from infra.handle import ClusterHandle, NodePool
from infra.problems import repeated
from infra.surroundings import Surroundings

Framework = Literal["torch", "deepspeed", "jax", "mpi"]

_ELASTIC: Final = "elastic"
_NAMESPACE: Final = "kubeflow-system"
_API: Final = "trainer.kubeflow.org/v1alpha1"
_NODE: Final = "node"
_ANYWHERE: Final = "distributed"
_STEP: Final = {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}
"""The pods that a TrainJob's `trainer` changes."""

PYTORCH: Final = "public.ecr.aws/deep-learning-containers/pytorch:2.12.1-cu130-amzn2023"
"""With EFA, NCCL's plugin for it, Open MPI, an SSH server, DeepSpeed and nccl-tests; falls back to the CPU. Source:
aws/deep-learning-containers@e0ecedea6a, docker/pytorch/Dockerfile.cuda."""
NEURON: Final = "public.ecr.aws/neuron/pytorch-training-neuronx:2.9.0-neuronx-py312-sdk2.30.0-ubuntu24.04"
JAX: Final = "nvcr.io/nvidia/jax:25.10-py3"
"""As Trainer 2.3's own runtime. NVIDIA's registry is reached from the internet alone, and ECR cannot cache it."""

_SSHD: Final = (
    "ssh-keygen -A && exec /usr/sbin/sshd -D -e -o StrictModes=no -o PermitRootLogin=prohibit-password"
    " -o PasswordAuthentication=no"
)
"""StrictModes: a mounted Secret's directory is writable for all."""
_SSH: Final = "/root/.ssh"
_SSH_AUTH: Final = "/run/mpi-ssh-auth"
_SSH_VOLUME: Final = "ssh"
_SSH_AUTH_VOLUME: Final = "mpi-ssh-auth"
"""Trainer's own, which it adds to the pods. Source: kubeflow/trainer v2.3.0, pkg/constants/constants.go."""
_SMALL: Final = {"cpu": "100m", "memory": "64Mi"}
"""As request and as limit: a pod is Guaranteed where all its containers' are the same, those that end at once too."""
_TAKE_KEY: Final = f"cp -L {_SSH_AUTH}/* {_SSH}/ && chmod 600 {_SSH}/*"
"""Trainer mounts the key readable for a group (0640), as its own images do not run as root. As root, whose files those
of a Secret are, ssh ignores such a key."""


class TrainerRuntimesSettings(AddOnSettings):
    """Settings of the runtimes."""

    frameworks: tuple[Framework, ...] = Field(default=("torch", "deepspeed", "jax", "mpi"), min_length=1)
    """Which there are. JAX's image comes from nvcr.io, so there is none in a private cluster."""

    groups: bool = True
    """Whether each accelerated node group has runtimes of its own, such as `torch-gpu`, which take whole nodes."""

    elastic: bool = True
    """Whether each NVIDIA node group has a runtime of PyTorch that goes on with fewer nodes, `torch-elastic-gpu`."""

    max_restarts: Annotated[int, Field(ge=0, le=1000)] = 3
    """How often a TrainJob starts again after a failure of its own. Nodes that are taken away do not count."""

    grace_seconds: Annotated[int, Field(ge=1, le=3600)] = 110
    """How long a pod may write its checkpoint after it was told to end (SIGTERM). EC2 takes spot nodes 120 seconds
    after it said so."""

    service_account: str | None = Field(default=None, pattern=r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$")
    """The service account of the pods, in each namespace; `default-editor` where jobs run in Kubeflow profiles, which
    may use the profile's part of the buckets. By default the namespace's own `default`."""

    shared_memory_gib: Annotated[int, Field(ge=1, le=1024)] | None = None
    """Size of `/dev/shm`, which data loaders and NCCL use. By default as large as the node's memory lets it."""


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where the pods of a runtime run, and with what."""

    suffix: str
    accelerator: str | None
    tolerations: tuple[Mapping[str, str], ...]
    pool: NodePool | None = None
    zones: int = 1
    annotations: Mapping[str, str] = field(default_factory=dict)
    """What says to Kueue how near to each other they are."""
    most_nodes: int = 0


def _objects(handle: ClusterHandle, settings: TrainerRuntimesSettings) -> list[dict[str, Any]]:
    places = tuple(_places(handle, settings))
    found = [
        _runtime(framework, place, settings)
        for place in places
        for framework in settings.frameworks
        if (framework != "jax" or handle.internet) and (framework == "torch" or place.accelerator != "neuron")
    ]
    if settings.elastic and "torch" in settings.frameworks:
        found += [_elastic(place, settings) for place in places if place.accelerator == "nvidia"]
    return found


def _problems(around: Surroundings, settings: TrainerRuntimesSettings) -> Iterator[tuple[str, str]]:
    for problem in repeated(settings.frameworks, "frameworks"):
        yield problem.path, problem.message
    if settings.groups and any(group.name == _ANYWHERE for group in around.groups):
        yield "groups", f"a node group named {_ANYWHERE!r} would get the names of the general runtimes; set false"
    named = {group.name for group in around.groups}
    for name in sorted(named) if settings.groups and settings.elastic else ():
        if f"{_ELASTIC}-{name}" in named:
            yield "elastic", f"the node groups {name!r} and '{_ELASTIC}-{name}' would share a runtime's name; set false"


def _places(handle: ClusterHandle, settings: TrainerRuntimesSettings) -> Iterator[_Place]:
    """Anywhere, and whole nodes of each group whose devices are not shared and that has room for pods."""
    nvidia = names.ACCELERATOR_TAINTS["nvidia"]
    anywhere = tuple(taint.toleration for taint in handle.taints if taint.key == nvidia)
    yield _Place(suffix=_ANYWHERE, accelerator=None, tolerations=anywhere)
    groups: dict[str, list[NodePool]] = {}
    for pool in handle.node_pools if settings.groups else ():
        whole_devices = pool.accelerator in ("nvidia", "neuron") and pool.sharing is None
        if whole_devices and pool.arch == "amd64" and sizes.sizes(pool):
            groups.setdefault(pool.group, []).append(pool)
    for group, pools in groups.items():
        taints = dict.fromkeys(taint for pool in pools for taint in pool.taints)
        yield _Place(
            suffix=group,
            accelerator=pools[0].accelerator,
            tolerations=tuple(taint.toleration for taint in taints),
            pool=pools[0],
            zones=len({pool.zone_id for pool in pools}),
            # The pods of a job are in one zone.
            most_nodes=max(pool.max_size for pool in pools),
            annotations=next((kueue.placement(each, handle) for each in flavors(pools)), {}),
        )


def _runtime(framework: Framework, place: _Place, settings: TrainerRuntimesSettings) -> dict[str, Any]:
    image = NEURON if place.accelerator == "neuron" else JAX if framework == "jax" else PYTORCH
    pod = _pod(image, place, settings)
    by_ssh = framework in ("deepspeed", "mpi")
    policy: dict[str, Any] = {"numNodes": 1, framework: {}}
    spec: dict[str, Any] = {"replicatedJobs": [_job(_NODE, pod, place, labels=_STEP)]}
    if by_ssh:
        # The launcher is a node too; the others wait for its connections.
        policy = {
            "numNodes": 1,
            "mpi": {
                "mpiImplementation": "OpenMPI",
                "numProcPerNode": 1,
                "runLauncherAsNode": True,
                "sshAuthMountPath": _SSH_AUTH,
            },
        }
        pod = _with_key(pod)
        spec = {
            # Names of nodes must resolve before their SSH servers answer.
            "network": {"publishNotReadyAddresses": True},
            "successPolicy": {"operator": "All", "targetReplicatedJobs": ["launcher"]},
            "replicatedJobs": [
                _job(_NODE, _listening(pod), place, labels={}),
                _job("launcher", pod, place, labels=_STEP, dependsOn=[{"name": _NODE, "status": "Ready"}]),
            ],
        }
    spec["failurePolicy"] = {"maxRestarts": settings.max_restarts, "rules": [_NODES_GO]}
    return _made(framework, f"{framework}-{place.suffix}", policy, spec)


def _elastic(place: _Place, settings: TrainerRuntimesSettings) -> dict[str, Any]:
    """PyTorch whose `torchrun` goes on with the pods that are there.

    Trainer 2.3 has no elastic policy, and its policy for PyTorch fixes the number of nodes. So there is none, and
    `torchrun` gets what it needs from variables: it reads each of its arguments from one. Whoever comes meets at the
    first pod, whose name stays when it is made again.

    Source: PyTorch, "torchrun (Elastic Launch)"; torch.distributed.argparse_util for the names.
    """
    pod = _pod(PYTORCH, place, settings)
    (container,) = pod["containers"]
    label = "metadata.labels['jobset.sigs.k8s.io/jobset-name']"
    devices = place.pool.accelerators_per_node if place.pool is not None else 1
    variables = {
        "PET_NNODES": f"1:{max(1, place.most_nodes)}",
        "PET_NPROC_PER_NODE": str(devices),
        "PET_RDZV_BACKEND": "c10d",
        "PET_RDZV_ID": f"$({_JOB_NAME})",
        "PET_RDZV_ENDPOINT": f"$({_JOB_NAME})-{_NODE}-0-0.$({_JOB_NAME}):{_RENDEZVOUS}",
        "PET_MAX_RESTARTS": str(_ELASTIC_RESTARTS),
    }
    container["env"] = [
        *container.get("env", ()),
        {"name": _JOB_NAME, "valueFrom": {"fieldRef": {"fieldPath": label}}},
        *({"name": key, "value": value} for key, value in variables.items()),
    ]
    job = _job(_NODE, pod, place, labels=_STEP)
    job["template"]["spec"] |= {
        "backoffLimit": _ELASTIC_FAILURES,
        "podFailurePolicy": {"rules": [{"action": "Ignore", "onPodConditions": [_DISRUPTED]}]},
        # All end together: a pod that waits for a node by then has nothing left to do.
        "successPolicy": {"rules": [{"succeededCount": 1}]},
    }
    spec = {"failurePolicy": {"maxRestarts": settings.max_restarts}, "replicatedJobs": [job]}
    return _made("torch", f"torch-{_ELASTIC}-{place.suffix}", {"numNodes": 1}, spec)


def _made(framework: str, name: str, policy: Mapping[str, Any], spec: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": _API,
        "kind": "ClusterTrainingRuntime",
        "metadata": {"name": name, "labels": {"trainer.kubeflow.org/framework": framework}},
        "spec": {"mlPolicy": policy, "template": {"spec": spec}},
    }


_JOB_NAME: Final = "JOBSET_NAME"
_RENDEZVOUS: Final = 29400
"""Where `torchrun` listens by default."""
_ELASTIC_RESTARTS: Final = 100
"""For the workers of a pod, a node that goes elsewhere is a failure of their own: they lose the connection to it."""
_ELASTIC_FAILURES: Final = 20
"""When the first pod goes, the others fail until it is back."""
_DISRUPTED: Final = {"type": "DisruptionTarget", "status": "True"}
"""A pod that was evicted, preempted, or on a node that went. Source: Kubernetes, "Pod disruption conditions"."""
_NODES_GO: Final = {
    "name": "nodes-go",
    "action": "RestartJobSetAndIgnoreMaxRestarts",
    "onJobFailureReasons": ["PodFailurePolicy"],
}
"""Source: JobSet, examples/failure-policy/host-maintenance-event-model.yaml."""


def _job(
    name: str,
    pod: Mapping[str, Any],
    place: _Place,
    *,
    labels: Mapping[str, str],
    **more: Any,  # noqa: ANN401  # a CRD's own fields
) -> dict[str, Any]:
    template = {
        "metadata": {
            # A sidecar would stand between the nodes of a job, and outlive it.
            "labels": {"sidecar.istio.io/inject": "false"},
            # The autoscaler never moves one pod of a gang to save a node.
            "annotations": {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false", **place.annotations},
        },
        "spec": dict(pod),
    }
    job = {
        # The others wait for a pod that failed, for as long as NCCL does: all start again at once instead.
        "backoffLimit": 0,
        "podFailurePolicy": {"rules": [{"action": "FailJob", "onPodConditions": [_DISRUPTED]}]},
        "template": template,
    }
    metadata = {"metadata": {"labels": dict(labels)}} if labels else {}
    return {"name": name, **more, "template": {**metadata, "spec": job}}


def _listening(pod: Mapping[str, Any]) -> dict[str, Any]:
    (container,) = pod["containers"]
    server = {
        "command": ["/bin/bash", "-c", _SSHD],
        "readinessProbe": {"tcpSocket": {"port": 22}, "initialDelaySeconds": 5},
    }
    return {**pod, "containers": [{**container, **server}]}


def _with_key(pod: Mapping[str, Any]) -> dict[str, Any]:
    """The pod with its job's key where ssh looks for it, as ssh wants it."""
    (container,) = pod["containers"]
    own = {"name": _SSH_VOLUME, "mountPath": _SSH}
    first = {
        "name": "ssh-key",
        "image": container["image"],
        "command": ["/bin/bash", "-c", _TAKE_KEY],
        "resources": {"requests": dict(_SMALL), "limits": dict(_SMALL)},
        "volumeMounts": [{"name": _SSH_AUTH_VOLUME, "mountPath": _SSH_AUTH, "readOnly": True}, own],
    }
    return {
        **pod,
        "initContainers": [first],
        "containers": [{**container, "volumeMounts": [*container["volumeMounts"], own]}],
        "volumes": [*pod["volumes"], {"name": _SSH_VOLUME, "emptyDir": {"medium": "Memory"}}],
    }


def _pod(image: str, place: _Place, settings: TrainerRuntimesSettings) -> dict[str, Any]:
    size = {"sizeLimit": f"{settings.shared_memory_gib}Gi"} if settings.shared_memory_gib else {}
    container: dict[str, Any] = {
        "name": _NODE,
        "image": image,
        "volumeMounts": [{"name": "dshm", "mountPath": "/dev/shm"}],  # noqa: S108  # shared memory, not a file
    }
    pod: dict[str, Any] = {
        # What a pod failure policy needs.
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": settings.grace_seconds,
        "containers": [container],
        "volumes": [{"name": "dshm", "emptyDir": {"medium": "Memory", **size}}],
    }
    env = dict(_env(place))
    if env:
        container["env"] = [{"name": key, "value": value} for key, value in env.items()]
    if settings.service_account:
        pod["serviceAccountName"] = settings.service_account
    if place.tolerations:
        pod["tolerations"] = [dict(each) for each in place.tolerations]
    if place.pool is None:
        pod["affinity"] = _PREFERS_PLAIN_NODES
        return pod
    container["resources"] = sizes.whole(place.pool).resources
    pod["nodeSelector"] = {names.GROUP_LABEL: place.pool.group}
    if place.zones > 1:
        pod["affinity"] = _ONE_ZONE
    return pod


_PREFERS_PLAIN_NODES: Final[Mapping[str, Any]] = {
    "nodeAffinity": {
        "preferredDuringSchedulingIgnoredDuringExecution": [
            {
                "weight": 100,
                "preference": {
                    "matchExpressions": [{"key": names.ACCELERATOR_LABEL, "operator": "DoesNotExist"}],
                },
            }
        ]
    }
}
"""Without a GPU in its TrainJob a pod leaves accelerated nodes to those that have one."""
_ONE_ZONE: Final[Mapping[str, Any]] = {
    "podAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [
            {
                # The name itself may not stand here, too: the API server puts it in for `matchLabelKeys`.
                "labelSelector": {
                    "matchExpressions": [{"key": "jobset.sigs.k8s.io/replicatedjob-name", "operator": "Exists"}]
                },
                "matchLabelKeys": ["jobset.sigs.k8s.io/jobset-name"],
                "topologyKey": "topology.kubernetes.io/zone",
            }
        ]
    }
}
"""The pods of one job are where its first one is: EFA does not leave a zone."""


def _env(place: _Place) -> Iterator[tuple[str, str]]:
    if place.accelerator != "neuron":
        yield "NCCL_DEBUG", "WARN"
    if place.pool is not None and place.pool.efa_interfaces:
        # Fails at once where EFA does not work, rather than training at the speed of TCP.
        yield "FI_PROVIDER", "efa"
        if place.accelerator == "neuron":
            yield "FI_EFA_FORK_SAFE", "1"


ADDON = AddOn(
    name="trainer-runtimes",
    group="training",
    summary="runtimes for TrainJobs: PyTorch, DeepSpeed, JAX, MPI, and one of each per GPU node group with its EFA",
    docs="https://www.kubeflow.org/docs/components/trainer/operator-guides/runtime/",
    source=Objects(build=_objects),
    settings=TrainerRuntimesSettings,
    presets=("training",),
    namespace=_NAMESPACE,
    problems=_problems,
    images=(Image(reference=PYTORCH), Image(reference=NEURON)),
    needs=("kubeflow-trainer",),
    creates=frozenset({"ClusterTrainingRuntime"}),
)
