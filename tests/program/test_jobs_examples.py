"""Each example fits each stack that can run it, by what the tests themselves make of the plan."""

import ast
import itertools
import json
import subprocess
import sys
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.images import ImageReference
from slipway.errors import CannotRunError
from slipway.jobs.examples import examples
from slipway.jobs.fit import check
from slipway.jobs.render import render
from tests.program import conftest, example_jobs, job_shapes
from tests.program.example_jobs import CASES, RUN, STACKS, cluster_of, plan_of, text_of

SDK = conftest.ROOT / ".venv" / "kfp" / "bin" / "python"
SHELLCHECK = Path(sys.executable).parent / "shellcheck"
UNCOUNTED = ("hugepages-", "ephemeral-storage")
IN_PAIRS = ("nvidia.com/gpu", "aws.amazon.com/neuron", "vpc.amazonaws.com/efa", "hugepages-2Mi", "memory")
"""A container's requests of these are its limits: Kubernetes says so of devices and pages, and of memory we do."""
MULTI_NODE = ("nccl", "ddp", "deepspeed", "neuron")
UNQUEUED = ("kserve-llm", "sagemaker")
"""Servers have no end, and SageMaker's machines are not the cluster's."""

every_case = pytest.mark.parametrize(("stack", "name"), CASES)


def manifests(text: str) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all(text) if each]


def main_of(text: str) -> dict[str, Any]:
    """The one object that is not a ConfigMap."""
    (found,) = [each for each in manifests(text) if each["kind"] != "ConfigMap"]
    return found


def compiled(folder: Path, name: str, text: str) -> str:
    """What the SDK makes of a pipeline."""
    program = folder / f"{name}.py"
    program.write_text(text)
    done = subprocess.run(
        [SDK, "-W", "ignore", program.name], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return (folder / f"{name}.yaml").read_text()


def pods_of(stack: str, name: str, folder: Path) -> list[job_shapes.Pods]:
    return pods_in(text_of(stack, name), stack, folder)


def pods_in(text: str, stack: str, folder: Path) -> list[job_shapes.Pods]:
    if "from kfp import" in text:
        if not SDK.is_file():
            pytest.skip("the pipelines SDK is not installed in .venv/kfp")
        return job_shapes.pipeline_pods(compiled(folder, "pipeline", text))
    return [pods for each in manifests(text) for pods in job_shapes.pods(each, plan_of(stack))]


def containers(pods: job_shapes.Pods) -> list[Mapping[str, Any]]:
    return [*pods.spec["containers"], *pods.spec.get("initContainers", ())]


# The index.


def test_the_index_names_the_files_that_are_there():
    files = {each.name.partition(".")[0] for each in example_jobs.FOLDER.iterdir()} - {"README", "index"}
    assert files == set(examples())


def test_the_issues_examples_are_there():
    wanted = {"nccl", "ddp", "elastic", "deepspeed", "tfjob", "mpi", "ray", "spark", "pipeline", "katib", "kserve-llm"}
    assert wanted | {"sagemaker", "neuron", "jobset"} == set(examples())


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_runs_what_it_has_nodes_and_kinds_for(stack):
    refused = {}
    for name in examples():
        try:
            text_of(stack, name)
        except CannotRunError as error:
            refused[name] = str(error)
    assert set(examples()) - refused.keys() == RUN[stack]
    assert all(message.startswith(f"{name} ") for name, message in refused.items()), refused


# Nodes.


@every_case
def test_every_pod_of_an_example_finds_nodes_enough(stack, name, tmp_path):
    faults = list(without_nodes(pods_of(stack, name, tmp_path), stack))
    assert faults == []


def without_nodes(found: list[job_shapes.Pods], stack: str) -> Iterator[str]:
    """Pods that no group takes, or not so many."""
    groups = job_shapes.nodes(plan_of(stack))
    for pods in found:
        refusals = {node.name: job_shapes.takes(node, pods) for node in groups}
        places = [node for node in groups if refusals[node.name] is None]
        if not places:
            yield f"{pods.role}: {refusals}"
            continue
        held = {
            node.name: node.most
            * min(int(node.offers[each] // amount) for each, amount in pods.requests.items() if amount)
            for node in places
        }
        # EFA does not leave a zone.
        most = max(held.values()) if pods.requests.get("vpc.amazonaws.com/efa") else sum(held.values())
        if most < pods.count:
            yield f"{pods.role}: {pods.count}, but {held}"


@every_case
def test_accelerators_and_pages_are_requested_as_they_are_limited(stack, name, tmp_path):
    for pods in pods_of(stack, name, tmp_path):
        for container in containers(pods):
            sides = container["resources"]
            assert {"cpu", "memory"} <= sides["requests"].keys() or name == "pipeline", container["name"]
            if name == "spark":
                continue  # the operator makes the limits
            for resource in IN_PAIRS:
                if resource in sides["limits"]:
                    requested = sides["requests"].get(resource, sides["limits"][resource])
                    assert job_shapes.quantity(requested) == job_shapes.quantity(sides["limits"][resource])


@pytest.mark.parametrize(("stack", "name"), [case for case in CASES if case[1] in MULTI_NODE])
def test_a_gang_over_efa_takes_whole_nodes_in_one_zone(stack, name, tmp_path):
    groups = {each.name: each for each in job_shapes.nodes(plan_of(stack))}
    found = [pods for pods in pods_of(stack, name, tmp_path) if pods.requests.get("vpc.amazonaws.com/efa")]
    assert found or stack == "dev"
    for pods in found:
        (node,) = [each for each in groups.values() if job_shapes.takes(each, pods) is None]
        for resource in ("vpc.amazonaws.com/efa", "nvidia.com/gpu", "aws.amazon.com/neuron"):
            assert pods.requests.get(resource) == node.offers.get(resource)
        assert pods.requests["hugepages-2Mi"] > 0
        env = {each["name"]: each.get("value") for each in pods.spec["containers"][0].get("env", ())}
        text = text_of(stack, name)
        assert "FI_PROVIDER" in env or "FI_PROVIDER" in text


# Queues.


@every_case
def test_the_queue_is_there_and_the_gang_within_its_quota(stack, name, tmp_path):
    text = text_of(stack, name)
    plan = plan_of(stack)
    queue, namespace = queued(text)
    tenants = {each["metadata"]["name"] for each in job_shapes.objects(plan, "ClusterQueue")}
    if not tenants or name in UNQUEUED:
        assert queue is None
        return
    assert queue is not None
    local = job_shapes.named(plan, "LocalQueue", namespace)[queue]
    spec = job_shapes.named(plan, "ClusterQueue")[local["spec"]["clusterQueue"]]["spec"]
    short = list(over_quota(pods_of(stack, name, tmp_path), plan, spec))
    assert short == []


def queued(text: str) -> tuple[str | None, str]:
    """The LocalQueue of an example and its namespace."""
    if "from kfp import" in text:
        values = {
            node.targets[0].id: ast.literal_eval(node.value)
            for node in ast.parse(text).body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        return values["QUEUE"] or None, text.partition('namespace="')[2].partition('"')[0]
    main = main_of(text)
    labels = main["metadata"].get("labels", {})
    if main["kind"] == "Experiment":
        labels = main["spec"]["trialTemplate"]["trialSpec"].get("metadata", {}).get("labels", {})
    return labels.get("kueue.x-k8s.io/queue-name"), main["metadata"]["namespace"]


def over_quota(found: list[job_shapes.Pods], plan: Any, spec: Mapping[str, Any]) -> Iterator[str]:
    """What a gang asks for beyond what is the queue's own.

    Source: Kueue, "ClusterQueue": a pod set gets the first flavour whose labels and taints suit it.
    """
    flavors = job_shapes.named(plan, "ResourceFlavor")
    total: dict[tuple[str, str], float] = {}
    (group,) = spec["resourceGroups"]
    quotas = {
        (each["name"], resource["name"]): job_shapes.quantity(resource["nominalQuota"])
        for each in group["flavors"]
        for resource in each["resources"]
    }
    known = {key for each in group["flavors"] for key in flavors[each["name"]]["spec"]["nodeLabels"]}
    for pods in found:
        wanted = {key: value for key, value in (pods.spec.get("nodeSelector") or {}).items() if key in known}
        suiting = []
        for each in group["flavors"]:
            flavor = flavors[each["name"]]["spec"]
            node = job_shapes.Nodes(
                name=each["name"],
                labels=flavor["nodeLabels"],
                taints=tuple(flavor.get("nodeTaints", ())),
                most=0,
                offers=dict.fromkeys(pods.requests, float("inf")),
            )
            bare = job_shapes.Pods(role="", count=1, spec={**pods.spec, "nodeSelector": wanted}, annotations={})
            if job_shapes.takes(node, bare) is None:
                suiting.append(each["name"])
        if not suiting:
            yield f"{pods.role}: no flavour suits it"
            continue
        for resource, amount in pods.requests.items():
            if not resource.startswith(UNCOUNTED):
                key = (suiting[0], resource)
                total[key] = total.get(key, 0) + amount * pods.count
    for key, amount in total.items():
        if amount > quotas.get(key, 0):
            yield f"{key}: {amount} of {quotas.get(key)}"


@every_case
def test_the_priority_is_a_class_of_the_plan(stack, name):
    if name == "pipeline" or name in UNQUEUED:
        return
    main = main_of(text_of(stack, name))
    source = main["spec"]["trialTemplate"]["trialSpec"] if main["kind"] == "Experiment" else main
    labels = source.get("metadata", {}).get("labels", {})
    known = {each["metadata"]["name"] for each in job_shapes.objects(plan_of(stack), "WorkloadPriorityClass")}
    assert labels.get("kueue.x-k8s.io/priority-class") in (known if queued(text_of(stack, name))[0] else {None})


# Names.


@every_case
def test_what_an_example_names_is_there(stack, name, tmp_path):
    plan, text = plan_of(stack), text_of(stack, name)
    namespace = queued(text)[1]
    assert namespace == "default" or namespace in job_shapes.named(plan, "Namespace")
    accounts = {"default", *job_shapes.named(plan, "ServiceAccount", namespace)}
    claims = set(job_shapes.named(plan, "PersistentVolumeClaim", namespace))
    own = {
        each["metadata"]["name"]
        for each in (manifests(text) if name != "pipeline" else ())
        if each["kind"] == "ConfigMap" and each["metadata"]["namespace"] == namespace
    }
    for pods in pods_of(stack, name, tmp_path):
        assert pods.spec.get("serviceAccountName", "default") in accounts
        for volume in pods.spec.get("volumes", ()):
            if "persistentVolumeClaim" in volume:
                assert volume["persistentVolumeClaim"]["claimName"] in claims
            if "configMap" in volume:
                assert volume["configMap"]["name"] in own
        mounted = {mount["name"] for each in containers(pods) for mount in each.get("volumeMounts", ())}
        # Trainer adds its own.
        assert mounted - {"mpi-ssh-auth"} <= {volume["name"] for volume in pods.spec.get("volumes", ())}


@pytest.mark.parametrize("name", ["ddp", "deepspeed", "elastic"])
def test_checkpoints_are_on_a_file_system_that_all_nodes_share(name, tmp_path):
    for pods in pods_of("prod", name, tmp_path):
        text = text_of("prod", name)
        value = text.partition("name: CHECKPOINTS, value: ")[2].partition(" ")[0]
        (container,) = pods.spec["containers"]
        holder = [mount for mount in container["volumeMounts"] if value.startswith(mount["mountPath"] + "/")]
        claimed = {each["name"] for each in pods.spec["volumes"] if "persistentVolumeClaim" in each}
        assert {each["name"] for each in holder} & claimed, value


def test_the_sagemaker_job_has_the_stacks_role_network_and_buckets():
    plan, spec = plan_of("prod"), main_of(text_of("prod", "sagemaker"))["spec"]
    assert spec["roleARN"] == plan.outputs["analytics"]["sagemakerRole"]
    assert spec["trainingJobName"].startswith("slipway-prod-")
    subnets = {each.id for each in plan.of_type("aws:ec2/subnet:Subnet") if not each.inputs.get("mapPublicIpOnLaunch")}
    assert len(spec["vpcConfig"]["subnets"]) == 3
    assert set(spec["vpcConfig"]["subnets"]) <= subnets
    (group,) = spec["vpcConfig"]["securityGroupIDs"]
    assert group in {each.id for each in plan.of_type("aws:ec2/securityGroup:SecurityGroup")}
    assert spec["outputDataConfig"]["s3OutputPath"].startswith(f"s3://{plan.outputs['buckets']['models']}/")


# What is in the pods.


@every_case
def test_pods_keep_to_the_pod_security_standard_baseline(stack, name, tmp_path):
    """Source: Kubernetes, "Pod Security Standards"."""
    for pods in pods_of(stack, name, tmp_path):
        assert not {"hostNetwork", "hostPID", "hostIPC"} & {key for key, value in pods.spec.items() if value is True}
        assert not [each for each in pods.spec.get("volumes", ()) if "hostPath" in each]
        for container in containers(pods):
            security = container.get("securityContext", {})
            assert not security.get("privileged")
            assert not security.get("capabilities", {}).get("add")
            assert not [port for port in container.get("ports", ()) if port.get("hostPort")]


@every_case
def test_pods_with_accelerators_have_shared_memory_within_their_memory(stack, name, tmp_path):
    """Without it /dev/shm has 64 MiB, and what is in it counts as the container's memory."""
    if name == "pipeline":
        return  # a mount of the compiled pipeline: below
    for pods in pods_of(stack, name, tmp_path):
        if not {"nvidia.com/gpu", "aws.amazon.com/neuron"} & pods.requests.keys():
            continue
        (container,) = pods.spec["containers"]
        mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        (volume,) = [each for each in pods.spec["volumes"] if each["name"] == mounts["/dev/shm"]]
        limit = volume["emptyDir"].get("sizeLimit", "0")
        assert volume["emptyDir"]["medium"] == "Memory"
        assert job_shapes.quantity(limit) <= pods.requests["memory"]


@every_case
def test_images_have_a_version(stack, name, tmp_path):
    for pods in pods_of(stack, name, tmp_path):
        for container in containers(pods):
            if "image" in container and "{{" not in container["image"]:
                assert ImageReference.parse(container["image"]).tag not in (None, "latest")


@every_case
def test_pods_have_no_sidecar(stack, name):
    """It would stand between the nodes of a job, and keep the job from ending."""
    text = text_of(stack, name)
    if name in ("ddp", "deepspeed", "neuron", "pipeline", "sagemaker"):
        return  # the runtimes' pods say it, Pipelines' steps have theirs, SageMaker's are elsewhere
    templates = text.count("nodeSelector:")
    assert templates
    assert text.count('sidecar.istio.io/inject: "false"') == templates


@pytest.mark.parametrize(("stack", "name"), [case for case in CASES if case[1] == "nccl"])
def test_nccls_processes_are_one_for_each_gpu_and_have_what_efa_needs(stack, name):
    """A process on a worker has the variables alone that `-x` names."""
    spec = main_of(text_of(stack, name))["spec"]
    (launcher,) = spec["mpiReplicaSpecs"]["Launcher"]["template"]["spec"]["containers"]
    worker = spec["mpiReplicaSpecs"]["Worker"]
    (container,) = worker["template"]["spec"]["containers"]
    gpus = int(container["resources"]["limits"]["nvidia.com/gpu"])
    command = launcher["command"]
    pairs = list(itertools.pairwise(command))
    assert spec["slotsPerWorker"] == gpus
    assert ("-np", str(gpus * worker["replicas"])) in pairs
    assert ("-N", str(gpus)) in pairs
    assert {value for key, value in pairs if key == "-x"} == {"PATH", "LD_LIBRARY_PATH", "FI_PROVIDER", "NCCL_DEBUG"}
    assert {each["name"]: each["value"] for each in launcher["env"]} == {"FI_PROVIDER": "efa", "NCCL_DEBUG": "INFO"}
    assert "all_reduce_perf" in command
    assert "nvidia.com/gpu" not in launcher["resources"].get("limits", {})


@pytest.mark.parametrize("name", ["nccl", "mpi"])
def test_ssh_is_not_asked_about_hosts_that_it_does_not_know(name):
    (launcher,) = main_of(text_of("prod", name))["spec"]["mpiReplicaSpecs"]["Launcher"]["template"]["spec"][
        "containers"
    ]
    value = launcher["command"][launcher["command"].index("plm_rsh_args") + 1]
    assert "StrictHostKeyChecking=no" in value
    assert "UserKnownHostsFile=/dev/null" in value


@pytest.mark.parametrize(
    ("group", "processes"),
    # Sixteen chips of eight cores, two of which a program sees as one; sixteen chips of two cores.
    [("trn2", 64), ("trn1", 32)],
)
def test_neuron_starts_one_process_for_each_logical_core(group, processes):
    """Source: AWS Neuron documentation, "Logical NeuronCore configuration"."""
    main = main_of(render("neuron", cluster_of("neuron"), group=group))
    assert main["spec"]["trainer"]["numProcPerNode"] == processes
    assert main["spec"]["runtimeRef"]["name"] == f"torch-{group}"


def test_rays_autoscaler_is_off_and_its_cluster_goes_with_the_job():
    """Kueue admits a RayJob as a whole, and takes no other (kubernetes-sigs/kueue v0.19.2, rayjob_webhook.go)."""
    spec = main_of(text_of("prod", "ray"))["spec"]
    assert spec["shutdownAfterJobFinishes"] is True
    assert spec["rayClusterSpec"]["enableInTreeAutoscaling"] is False
    (group,) = spec["rayClusterSpec"]["workerGroupSpecs"]
    assert group["replicas"] == group["minReplicas"] == group["maxReplicas"]


def test_an_executor_of_spark_has_the_memory_of_its_size_in_two_parts():
    spec = main_of(text_of("prod", "spark"))["spec"]
    driver, executor = (pods.requests for pods in job_shapes.pods(main_of(text_of("prod", "spark")), plan_of("prod")))
    assert executor["memory"] > driver["memory"]
    assert int(spec["executor"]["memory"][:-1]) > 2 * int(spec["executor"]["memoryOverhead"][:-1])
    assert spec["executor"]["cores"] >= 1


# The pipeline.


@pytest.mark.skipif(not SDK.is_file(), reason="the pipelines SDK is not installed in .venv/kfp")
def test_the_pipeline_caches_its_first_step_and_puts_the_second_on_a_gpu(tmp_path):
    specification, platform = yaml.safe_load_all(compiled(tmp_path, "pipeline", text_of("prod", "pipeline")))
    tasks = specification["root"]["dag"]["tasks"]
    assert tasks["prepare"]["cachingOptions"] == {"enableCache": True}
    assert not tasks["train"]["cachingOptions"].get("enableCache")
    assert tasks["train"]["dependentTasks"] == ["prepare"]
    executors = specification["deploymentSpec"]["executors"]
    assert executors["exec-train"]["container"]["resources"]["accelerator"]["resourceType"] == "nvidia.com/gpu"
    assert "accelerator" not in executors["exec-prepare"]["container"]["resources"]
    more = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert more.keys() == {"exec-train"}
    assert more["exec-train"]["nodeSelector"]["labels"]["slipway.io/group"] == "inference"
    assert more["exec-train"]["tolerations"] == [
        {"key": "nvidia.com/gpu", "operator": "Equal", "value": "present", "effect": "NoSchedule"}
    ]
    assert more["exec-train"]["emptyDirMounts"][0]["mountPath"] == "/dev/shm"
    assert more["exec-train"]["podMetadata"]["labels"] == {"kueue.x-k8s.io/queue-name": "default"}


# Programs in ConfigMaps.


def programs() -> list[Any]:
    found: dict[tuple[str, str], str] = {}
    for stack, name in CASES:
        for each in manifests(text_of(stack, name)) if name != "pipeline" else ():
            for file, body in each.get("data", {}).items() if each["kind"] == "ConfigMap" else ():
                found.setdefault((name, file), body)
    return [pytest.param(name, file, body, id=f"{name}-{file}") for (name, file), body in sorted(found.items())]


def loaded(name: str, file: str, stack: str = "prod") -> dict[str, Any]:
    """A program's names, without it being run."""
    (body,) = [each["data"][file] for each in manifests(text_of(stack, name)) if each["kind"] == "ConfigMap"]
    space: dict[str, Any] = {"__name__": "loaded"}
    exec(compile(body, file, "exec"), space)
    return space


def test_programs_are_programs():
    found = programs()
    assert {f"{each.values[0]}/{each.values[1]}" for each in found} >= {
        *("ddp/train.py", "elastic/train.py", "deepspeed/train.py", "deepspeed/start.sh", "tfjob/train.py"),
        *("mpi/pi.py", "ray/main.py", "spark/count.py", "katib/train.py", "neuron/train.py"),
    }
    for each in found:
        name, file, body = each.values
        if file.endswith(".py"):
            tree = ast.parse(body, f"{name}/{file}")
            assert ast.get_docstring(tree), f"{name}/{file}"


def scripts() -> Iterator[tuple[str, str]]:
    for each in programs():
        name, file, body = each.values
        if file.endswith(".sh"):
            yield name, body
    for stack, name in CASES:
        for document in manifests(text_of(stack, name)) if name != "pipeline" else ():
            for command in commands(document):
                if len(command) == 3 and command[:2] in (["/bin/bash", "-c"], ["bash", "-c"], ["sh", "-c"]):
                    yield name, f"#!/bin/bash\n{command[2]}"


def commands(part: Any) -> Iterator[list[str]]:
    if isinstance(part, Mapping):
        for key, value in part.items():
            if key == "command" and isinstance(value, list):
                yield value
            else:
                yield from commands(value)
    elif isinstance(part, list):
        for item in part:
            yield from commands(item)


def test_scripts_pass_shellcheck():
    found = sorted(set(scripts()))
    assert {name for name, _ in found} >= {"nccl", "mpi", "deepspeed"}
    for name, body in found:
        # Katib puts the trial's value where ${trialParameters...} stands.
        text = body.replace("${trialParameters.learningRate}", "0.1")
        done = subprocess.run([SHELLCHECK, "-"], input=text, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"{name}: {done.stdout}"


def test_the_mpi_program_adds_up_what_all_processes_threw(capsys, monkeypatch):
    class World:
        rank, size = 0, 1

        def reduce(self, hits):
            return hits

    module = types.SimpleNamespace(MPI=types.SimpleNamespace(COMM_WORLD=World()))
    monkeypatch.setitem(sys.modules, "mpi4py", module)
    monkeypatch.setattr(sys, "argv", ["pi.py", "200000"])
    loaded("mpi", "pi.py")
    said = capsys.readouterr().out
    assert abs(float(said.split()[3].rstrip(",")) - 3.14159) < 0.02


def test_the_ray_program_shares_its_work_out(monkeypatch):
    module = types.SimpleNamespace(remote=lambda **_options: lambda function: function)
    monkeypatch.setitem(sys.modules, "ray", module)
    part = loaded("ray", "main.py")["part"]
    parts = [part(list(range(10)), index, 3) for index in range(3)]
    assert sorted(number for each in parts for number in each) == list(range(10))


def test_the_spark_program_counts_words_without_their_marks():
    assert loaded("spark", "count.py")["words"]('Ships, and "ships" again.') == ["ships", "and", "ships", "again"]


def test_the_katib_program_prints_what_the_collector_reads():
    """Source: Katib, "Metrics Collector": lines of `name=value`, with the objective's name."""
    main = main_of(text_of("prod", "katib"))
    line = loaded("katib", "train.py")["line"](3, 0.5)
    assert f"{main['spec']['objective']['objectiveMetricName']}=0.500000" in line.split()


def test_the_elastic_program_saves_at_once_when_its_node_goes():
    due = loaded("elastic", "train.py")["due"]
    assert [due(100, told=False), due(101, told=False), due(101, told=True)] == [True, False, True]


def test_the_tensorflow_program_knows_its_role():
    role = loaded("tfjob", "train.py")["role"]
    assert role({"TF_CONFIG": json.dumps({"cluster": {}, "task": {"type": "ps", "index": 0}})}) == "ps"


def test_the_deepspeed_program_reads_open_mpis_variables():
    said = {"OMPI_COMM_WORLD_RANK": "9", "OMPI_COMM_WORLD_LOCAL_RANK": "1", "OMPI_COMM_WORLD_SIZE": "16"}
    assert loaded("deepspeed", "train.py")["by_mpi"](said) == {"RANK": "9", "LOCAL_RANK": "1", "WORLD_SIZE": "16"}


def test_the_elastic_job_goes_on_when_a_node_goes():
    spec = main_of(text_of("prod", "elastic"))["spec"]
    worker = spec["pytorchReplicaSpecs"]["Worker"]
    assert (spec["elasticPolicy"]["minReplicas"], spec["elasticPolicy"]["maxReplicas"]) == (1, worker["replicas"])
    assert worker["restartPolicy"] == "OnFailure"
    # EC2 takes a spot instance two minutes after it says so.
    assert worker["template"]["spec"]["terminationGracePeriodSeconds"] < 120


# Other wishes.


@settings(max_examples=60, deadline=None)
@given(
    case=st.sampled_from([case for case in CASES if case[1] not in ("pipeline", "sagemaker")]),
    workers=st.none() | st.integers(1, 12),
    size=st.sampled_from([None, "gpu-s", "gpu-m", "gpu-l", "gpu-node", "cpu-m", "neuron-node"]),
    tenant=st.sampled_from([None, "language", "vision"]),
    name=st.sampled_from([None, "a", "resnet-50"]),
)
def test_whatever_is_wished_what_is_rendered_fits(case, workers, size, tenant, name):
    stack, example = case
    if stack != "prod":
        tenant = None
    try:
        text = render(example, cluster_of(stack), workers=workers, size=size, tenant=tenant, name=name)
    except CannotRunError:
        return
    main = main_of(text)
    assert main["metadata"]["name"] == (name or example)
    found = [pods for each in manifests(text) for pods in job_shapes.pods(each, plan_of(stack))]
    assert list(without_nodes(found, stack)) == []
    assert [str(each) for each in check(text, cluster_of(stack)).errors] == []
