"""Rendered jobs against a plan, by means of their own: what pods they start, and which nodes take them.

Nothing here comes from `slipway.jobs`: tests hold its answers against this. It reads the kinds of examples/jobs alone,
and takes what Kubernetes does with a pod from its documentation.
"""

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from infra.catalog.instances import instance_type, max_pods
from slipway.plan.model import Plan

NODE_GROUP: Final = "aws:eks/nodeGroup:NodeGroup"
TEMPLATE: Final = "aws:ec2/launchTemplate:LaunchTemplate"
OFFERED: Final = "k8s.io/cluster-autoscaler/node-template/resources/"
EFFECTS: Final = {"NO_SCHEDULE": "NoSchedule", "NO_EXECUTE": "NoExecute", "PREFER_NO_SCHEDULE": "PreferNoSchedule"}
UNITS: Final = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


@dataclass(frozen=True, kw_only=True)
class Nodes:
    """The nodes of one group in one zone: `offers` is what pods can ask for on each."""

    name: str
    labels: Mapping[str, str]
    taints: tuple[Mapping[str, str], ...]
    most: int
    offers: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Pods:
    """Pods that are alike."""

    role: str
    count: int
    spec: Mapping[str, Any]
    annotations: Mapping[str, str]

    @property
    def requests(self) -> Mapping[str, float]:
        """What one of them asks for: its containers together, or more where an init container needs that."""
        total: dict[str, float] = {}
        for container in self.spec["containers"]:
            for resource, amount in asked(container).items():
                total[resource] = total.get(resource, 0) + amount
        for container in self.spec.get("initContainers", ()):
            for resource, amount in asked(container).items():
                total[resource] = max(total.get(resource, 0), amount)
        return total


def asked(container: Mapping[str, Any]) -> dict[str, float]:
    """A container's requests; what it only limits it requests, too."""
    resources = container.get("resources", {})
    return {
        name: quantity(value)
        for name, value in {**resources.get("limits", {}), **resources.get("requests", {})}.items()
    }


def quantity(value: Any) -> float:
    """A quantity of Kubernetes as a number."""
    text = str(value)
    for suffix, factor in UNITS.items():
        if text.endswith(suffix):
            return float(text.removesuffix(suffix)) * factor
    return float(text[:-1]) / 1000 if text.endswith("m") else float(text)


# Nodes.


def nodes(plan: Plan) -> list[Nodes]:
    """All node groups of a plan, those of Karpenter with them."""
    found = [_managed(plan, each.name, each.inputs) for each in plan.of_type(NODE_GROUP)]
    overlays = {each["metadata"]["name"]: each["spec"] for each in objects(plan, "NodeOverlay")}
    classes = {each["metadata"]["name"]: each["spec"] for each in objects(plan, "EC2NodeClass")}
    return found + [_karpenter(each, overlays, classes) for each in objects(plan, "NodePool")]


def _managed(plan: Plan, name: str, inputs: Mapping[str, Any]) -> Nodes:
    types = inputs.get("instanceTypes") or [
        each.inputs["instanceType"]
        for each in plan.of_type(TEMPLATE)
        if each.id == inputs["launchTemplate"]["id"] and each.inputs.get("instanceType")
    ]
    extended = {
        key.removeprefix(OFFERED): quantity(value)
        for key, value in inputs["tags"].items()
        if key.startswith(OFFERED) and not key.endswith("ephemeral-storage")
    }
    return Nodes(
        name=name,
        labels=inputs["labels"],
        taints=tuple(
            {"key": each["key"], "value": each.get("value", ""), "effect": EFFECTS[each["effect"]]}
            for each in inputs["taints"]
        ),
        most=int(inputs["scalingConfig"]["maxSize"]),
        offers={**_room(types, extended), **extended},
    )


def _karpenter(
    pool: Mapping[str, Any], overlays: Mapping[str, Mapping[str, Any]], classes: Mapping[str, Mapping[str, Any]]
) -> Nodes:
    spec = pool["spec"]["template"]["spec"]
    requirements = {each["key"]: each["values"] for each in spec["requirements"] if each["operator"] == "In"}
    types = requirements["node.kubernetes.io/instance-type"]
    kinds = [instance_type(each).accelerator for each in types]
    extended = {each.resource: float(each.count) for each in kinds if each is not None and each.resource}
    interfaces = classes[spec["nodeClassRef"]["name"]].get("networkInterfaces", ())
    efa = sum(each["interfaceType"] in ("efa", "efa-only") for each in interfaces)
    extended |= {"vpc.amazonaws.com/efa": float(efa)} if efa else {}
    for overlay in overlays.values():
        selected = {each["key"]: each["values"] for each in overlay["requirements"]}
        if pool["metadata"]["name"] in selected["karpenter.sh/nodepool"]:
            extended |= {name: quantity(value) for name, value in overlay["capacity"].items()}
    return Nodes(
        name=pool["metadata"]["name"],
        labels=pool["spec"]["template"]["metadata"]["labels"],
        taints=tuple({"value": "", **each} for each in spec.get("taints", ())),
        most=int(pool["spec"]["limits"]["nodes"]),
        offers={**_room(types, extended), **extended},
    )


def _room(types: Iterable[str], extended: Mapping[str, float]) -> dict[str, float]:
    """CPU and memory after the kubelet's share, at most: DaemonSets take more.

    Sources: awslabs/amazon-eks-ami, nodeadm, `kubelet/config.go` (CPU by cores, 255 + 11 * pods MiB); Kubernetes,
    "Node-pressure Eviction" (100 MiB); Karpenter, `vm-memory-overhead-percent` (7.5 %).
    """
    cpu, memory = [], []
    for name in types:
        machine = instance_type(name)
        cores = machine.vcpus
        kept = 0.06 + 0.01 * (cores > 1) + 0.005 * min(2, max(0, cores - 2)) + 0.0025 * max(0, cores - 4)
        cpu.append(cores - kept)
        pods = max_pods(machine, efa="vpc.amazonaws.com/efa" in extended)
        memory.append((machine.memory_mib * 0.925 - 255 - 11 * pods - 100) * 2**20)
    return {"cpu": min(cpu), "memory": min(memory) - extended.get("hugepages-2Mi", 0)}


def takes(node: Nodes, pod: Pods) -> str | None:
    """Why such a node does not take such a pod, however empty it is; None where it does."""
    wanted = dict(pod.spec.get("nodeSelector") or {})
    missing = {key: value for key, value in wanted.items() if node.labels.get(key) != value}
    if missing:
        return f"its labels are not {missing}"
    for taint in node.taints:
        if taint["effect"] != "PreferNoSchedule" and not any(
            _tolerates(each, taint) for each in pod.spec.get("tolerations") or ()
        ):
            return f"its taint {taint['key']} is not tolerated"
    short = {name: amount for name, amount in pod.requests.items() if amount > node.offers.get(name, 0)}
    return f"{short} is more than {dict(node.offers)}" if short else None


def _tolerates(toleration: Mapping[str, str], taint: Mapping[str, str]) -> bool:
    """Source: Kubernetes, "Taints and Tolerations"."""
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return toleration.get("key") in (None, "", taint["key"])
    return toleration.get("key") == taint["key"] and toleration.get("value", "") == taint["value"]


# What else a plan has.


def objects(plan: Plan, kind: str) -> list[Mapping[str, Any]]:
    """The Kubernetes objects of a kind."""
    return [each.inputs for each in plan if each.package == "kubernetes" and each.inputs.get("kind") == kind]


def named(plan: Plan, kind: str, namespace: str | None = None) -> dict[str, Mapping[str, Any]]:
    """Objects of a kind by name, of one namespace or of none."""
    return {
        each["metadata"]["name"]: each
        for each in objects(plan, kind)
        if each["metadata"].get("namespace") == namespace or namespace is None
    }


# Pods.


def pods(manifest: Mapping[str, Any], plan: Plan) -> list[Pods]:
    """What a manifest starts; nothing for what starts no pods here."""
    reader = _READERS.get(manifest["kind"])
    return [] if reader is None else list(reader(manifest["spec"], plan))


def _set(role: str, count: int, template: Mapping[str, Any]) -> Pods:
    metadata = template.get("metadata") or {}
    return Pods(role=role, count=count, spec=template["spec"], annotations=metadata.get("annotations") or {})


def _replicas(key: str) -> Any:
    def read(spec: Mapping[str, Any], _plan: Plan) -> Iterator[Pods]:
        for role, each in spec[key].items():
            yield _set(role, each["replicas"], each["template"])

    return read


def _train_job(spec: Mapping[str, Any], plan: Plan) -> Iterator[Pods]:
    """Source: kubeflow/trainer v2.3.0, pkg/runtime/core/clustertrainingruntime.go and the plugins torch and mpi."""
    runtime = named(plan, "ClusterTrainingRuntime")[spec["runtimeRef"]["name"]]["spec"]
    trainer = spec["trainer"]
    jobs = copy.deepcopy(runtime["template"]["spec"]["replicatedJobs"])
    roles = [each["name"] for each in jobs]
    for job in jobs:
        template = job["template"]["spec"]["template"]
        step = (
            (job["template"].get("metadata") or {}).get("labels", {}).get("trainer.kubeflow.org/trainjob-ancestor-step")
        )
        (container,) = template["spec"]["containers"]
        if step == "trainer":
            old = container.get("resources", {})
            container["resources"] = {
                side: {**old.get(side, {}), **trainer.get("resourcesPerNode", {}).get(side, {})}
                for side in ("requests", "limits")
            }
        for patch in spec.get("runtimePatches", ()):
            for each in patch["trainingRuntimeSpec"]["template"]["spec"]["replicatedJobs"]:
                if each["name"] == job["name"]:
                    _patch(template, each["template"]["spec"]["template"])
        count = 1 if job["name"] == "launcher" else trainer["numNodes"] - ("launcher" in roles)
        yield _set(job["name"], count, template)


def _patch(template: dict[str, Any], patch: Mapping[str, Any]) -> None:
    metadata = template.setdefault("metadata", {})
    metadata["annotations"] = {
        **(metadata.get("annotations") or {}),
        **(patch.get("metadata", {}).get("annotations") or {}),
    }
    spec, wanted = template["spec"], patch["spec"]
    spec["nodeSelector"] = {**spec.get("nodeSelector", {}), **wanted.get("nodeSelector", {})}
    # An atomic list: what is given replaces what was there.
    spec["tolerations"] = wanted.get("tolerations", spec.get("tolerations", []))
    spec["volumes"] = [*spec.get("volumes", ()), *wanted.get("volumes", ())]
    spec["serviceAccountName"] = wanted.get("serviceAccountName", spec.get("serviceAccountName"))
    for container in wanted.get("containers", ()):
        (own,) = [each for each in spec["containers"] if each["name"] == container["name"]]
        own["volumeMounts"] = [*own.get("volumeMounts", ()), *container.get("volumeMounts", ())]


def _ray_job(spec: Mapping[str, Any], _plan: Plan) -> Iterator[Pods]:
    cluster = spec["rayClusterSpec"]
    yield _set("submitter", 1, spec["submitterPodTemplate"])
    yield _set("head", 1, cluster["headGroupSpec"]["template"])
    for group in cluster["workerGroupSpecs"]:
        yield _set(group["groupName"], group["replicas"], group["template"])


def _spark(spec: Mapping[str, Any], _plan: Plan) -> Iterator[Pods]:
    """Source: Spark, "Running on Kubernetes": a pod asks for memory and overhead together, in MiB."""
    for role, count in (("driver", 1), ("executor", spec["executor"].get("instances", 1))):
        part = spec[role]
        mib = sum(int(part[name].removesuffix("m")) for name in ("memory", "memoryOverhead"))
        container = {"name": role, "resources": {"requests": {"cpu": part["coreRequest"], "memory": f"{mib}Mi"}}}
        more = {"volumes": spec.get("volumes", []), "serviceAccountName": part["serviceAccount"]}
        template = {name: part[name] for name in ("nodeSelector", "tolerations") if name in part}
        yield _set(role, count, {"spec": {"containers": [container], **template, **more}})


def _experiment(spec: Mapping[str, Any], _plan: Plan) -> Iterator[Pods]:
    trial = spec["trialTemplate"]["trialSpec"]
    yield _set("trial", spec["parallelTrialCount"], trial["spec"]["template"])


def _service(spec: Mapping[str, Any], plan: Plan) -> Iterator[Pods]:
    """A server of KServe: its runtime's container, with what the service says of it."""
    predictor = spec["predictor"]
    runtime = named(plan, "ClusterServingRuntime")[predictor["model"]["runtime"]]["spec"]
    (container,) = runtime["containers"]
    resources = {
        side: {**container["resources"].get(side, {}), **predictor["model"]["resources"].get(side, {})}
        for side in ("requests", "limits")
    }
    whole = {**runtime, **{key: predictor[key] for key in predictor if key not in ("model", "labels")}}
    spec = {**whole, "containers": [{**container, "resources": resources}]}
    yield _set("predictor", predictor["minReplicas"], {"spec": spec})


def _job_set(spec: Mapping[str, Any], _plan: Plan) -> Iterator[Pods]:
    for job in spec["replicatedJobs"]:
        inner = job["template"]["spec"]
        yield _set(job["name"], job["replicas"] * inner["parallelism"], inner["template"])


_READERS: Final[Mapping[str, Any]] = {
    "Experiment": _experiment,
    "InferenceService": _service,
    "JobSet": _job_set,
    "MPIJob": _replicas("mpiReplicaSpecs"),
    "PyTorchJob": _replicas("pytorchReplicaSpecs"),
    "RayJob": _ray_job,
    "SparkApplication": _spark,
    "TFJob": _replicas("tfReplicaSpecs"),
    "TrainJob": _train_job,
}


def pipeline_pods(compiled: str) -> list[Pods]:
    """The steps of a compiled pipeline."""
    specification, platform = yaml.safe_load_all(compiled)
    extras = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    found = []
    for name, executor in specification["deploymentSpec"]["executors"].items():
        wanted, more = executor["container"]["resources"], extras.get(name, {})
        sides = {
            side: {
                resource: wanted[key]
                for resource, key in (("cpu", f"resourceCpu{part}"), ("memory", f"resourceMemory{part}"))
                if key in wanted
            }
            for side, part in (("requests", "Request"), ("limits", "Limit"))
        }
        if "accelerator" in wanted:
            device = wanted["accelerator"]
            sides["limits"][device["resourceType"]] = device["resourceCount"]
        spec = {
            "containers": [{"name": name, "image": executor["container"]["image"], "resources": sides}],
            "nodeSelector": more.get("nodeSelector", {}).get("labels", {}),
            "tolerations": more.get("tolerations", []),
        }
        found.append(_set(name, 1, {"spec": spec}))
    return found
