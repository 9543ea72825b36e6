"""The runtimes of Kubeflow Trainer: which there are on a cluster, and what their pods ask for."""

import dataclasses
import stat
import subprocess
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from addons.catalog.training.trainer_runtimes import ADDON, JAX
from addons.values import objects_of
from infra.catalog import names
from tests.contract import charts

GPU, OTHER_ZONE = charts.pool("gpu"), charts.pool("gpu", "usw2-az2")
NEURON = charts.pool("neuron", instance_type="trn1.32xlarge", accelerator="neuron", efa=8)
PLAIN = charts.pool("plain", instance_type="g6.xlarge", efa=0)


@pytest.fixture(autouse=True, name="known")
def _known():
    """Outputs need an event loop."""
    yield from charts.resolver()


def runtimes(*pools: Any, internet: bool = True, **settings: Any) -> dict[str, dict[str, Any]]:
    handle = charts.fake_handle(node_pools=(charts.SYSTEM, *pools), internet=internet)
    found = objects_of(ADDON, ADDON.settings.model_validate(settings), handle)
    return {each["metadata"]["name"]: each["spec"] for each in found}


def pods(runtime: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for job in runtime["template"]["spec"]["replicatedJobs"]:
        yield job["name"], job["template"]["spec"]["template"]


def spec(runtime: Mapping[str, Any], job: str = "node") -> Mapping[str, Any]:
    found: Mapping[str, Any] = dict(pods(runtime))[job]["spec"]
    return found


def container(runtime: Mapping[str, Any], job: str = "node") -> Mapping[str, Any]:
    found: list[Mapping[str, Any]] = spec(runtime, job)["containers"]
    (only,) = found
    return only


def test_every_cluster_has_one_per_framework():
    assert set(runtimes()) == {f"{name}-distributed" for name in ("torch", "deepspeed", "jax", "mpi")}


def test_a_gpu_group_has_one_per_framework_and_a_neuron_group_one():
    found = set(runtimes(GPU, OTHER_ZONE, NEURON))
    assert {name for name in found if name.endswith("-gpu")} == {
        *("torch-gpu", "deepspeed-gpu", "jax-gpu", "mpi-gpu"),
        "torch-elastic-gpu",
    }
    assert {name for name in found if name.endswith("-neuron")} == {"torch-neuron"}


@pytest.mark.parametrize("sharing", charts.SHARING)
def test_a_group_whose_gpus_are_shared_has_none(sharing):
    assert "torch-gpu" not in runtimes(dataclasses.replace(GPU, sharing=sharing))


def test_a_group_on_graviton_has_none():
    """The images are for x86 alone."""
    assert "torch-gpu" not in runtimes(dataclasses.replace(GPU, arch="arm64"))


def test_groups_can_do_without():
    assert "torch-gpu" not in runtimes(GPU, groups=False)


def test_frameworks_can_be_chosen():
    assert set(runtimes(GPU, frameworks=["mpi"])) == {"mpi-distributed", "mpi-gpu"}


def test_a_private_cluster_has_no_image_from_nvidia_s_registry():
    images = {container(each)["image"] for each in runtimes(GPU, internet=False).values()}
    assert JAX not in images
    assert images == {image.reference for image in ADDON.images if "neuron" not in image.reference}


def test_a_group_s_runtime_takes_a_whole_node():
    """What charts.pool says is left of a node, in whole cores and GiB; limits are the same, for cores of its own."""
    found = runtimes(GPU, NEURON)
    whole = {
        "cpu": "90",
        "memory": "976Gi",
        "nvidia.com/gpu": "8",
        "vpc.amazonaws.com/efa": "4",
        "hugepages-2Mi": "10256Mi",
    }
    assert container(found["torch-gpu"])["resources"] == {"requests": whole, "limits": whole}
    neuron = container(found["torch-neuron"])["resources"]["limits"]
    assert neuron["aws.amazon.com/neuron"] == str(NEURON.devices["aws.amazon.com/neuron"])


def test_a_node_without_room_has_no_runtime():
    assert "torch-gpu" not in runtimes(dataclasses.replace(GPU, memory_mib=0))


def test_every_container_of_a_whole_node_s_pod_is_guaranteed():
    """One container whose limits are not its requests, and the kubelet gives the pod no cores of its own."""
    for name, runtime in runtimes(GPU, NEURON).items():
        for job, _ in pods(runtime) if not name.endswith("-distributed") else ():
            pod = spec(runtime, job)
            for each in (*pod.get("initContainers", ()), *pod["containers"]):
                assert each["resources"]["limits"] == each["resources"]["requests"]
                assert {"cpu", "memory"} <= each["resources"]["limits"].keys()


def test_both_kinds_of_pods_of_an_mpi_job_take_a_whole_node():
    found = runtimes(GPU)["mpi-gpu"]
    assert container(found, "launcher")["resources"] == container(found, "node")["resources"]


def test_a_group_without_efa_asks_for_none():
    found = container(runtimes(PLAIN)["torch-plain"])
    assert set(found["resources"]["limits"]) == {"cpu", "memory", "nvidia.com/gpu"}
    assert "FI_PROVIDER" not in {each["name"] for each in found["env"]}


def test_efa_is_asked_for_where_it_is():
    env = {each["name"]: each["value"] for each in container(runtimes(GPU)["torch-gpu"])["env"]}
    assert env["FI_PROVIDER"] == "efa"


@pytest.mark.parametrize("pools", [(GPU, NEURON), charts.POOLS])
def test_pods_tolerate_their_group_and_go_nowhere_else(pools):
    for name, runtime in runtimes(*(pool for pool in pools if pool.accelerator)).items():
        for job, _ in pods(runtime):
            pod = spec(runtime, job)
            chosen = pod.get("nodeSelector", {}).get(names.GROUP_LABEL)
            assert (chosen is None) is name.endswith("-distributed")
            for pool in pools:
                if pool.group == chosen:
                    assert all(taint.toleration in pod["tolerations"] for taint in pool.taints)


def test_general_runtimes_tolerate_gpus_and_no_taint_of_a_team():
    found = runtimes(*charts.POOLS[1:])["torch-distributed"]
    assert [each["key"] for each in spec(found)["tolerations"]] == ["nvidia.com/gpu"]


def test_a_job_stays_in_one_zone_where_its_group_has_several():
    assert "affinity" not in spec(runtimes(GPU)["torch-gpu"])
    (term,) = spec(runtimes(GPU, OTHER_ZONE)["torch-gpu"])["affinity"]["podAffinity"][
        "requiredDuringSchedulingIgnoredDuringExecution"
    ]
    assert term["topologyKey"] == "topology.kubernetes.io/zone"
    # Of the same job, not of any.
    assert term["matchLabelKeys"] == ["jobset.sigs.k8s.io/jobset-name"]
    # The API server refuses a pod whose selector has such a key, too, and one without a selector.
    assert {each["key"] for each in term["labelSelector"]["matchExpressions"]}.isdisjoint(term["matchLabelKeys"])


def test_no_pod_has_a_sidecar_between_it_and_the_others():
    for runtime in runtimes(GPU, NEURON).values():
        for _, template in pods(runtime):
            assert template["metadata"]["labels"]["sidecar.istio.io/inject"] == "false"


def test_trainer_finds_the_container_that_a_trainjob_changes():
    """Source: kubeflow/trainer v2.3.0, pkg/constants: the container `node` of the pods of step `trainer`."""
    for runtime in runtimes(GPU, NEURON).values():
        steps = [
            job
            for job in runtime["template"]["spec"]["replicatedJobs"]
            if job["template"].get("metadata", {}).get("labels", {})
            == {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}
        ]
        assert len(steps) == 1
        assert container(runtime, steps[0]["name"])["name"] == "node"


def test_whoever_is_started_over_ssh_answers_before_the_launcher_starts():
    found = runtimes()["mpi-distributed"]
    node = container(found)
    assert "sshd" in node["command"][-1]
    assert node["readinessProbe"]["tcpSocket"]["port"] == 22
    launcher = found["template"]["spec"]["replicatedJobs"][1]
    assert launcher["dependsOn"] == [{"name": "node", "status": "Ready"}]
    assert "command" not in container(found, "launcher")


@pytest.mark.parametrize("name", ["mpi-distributed", "deepspeed-gpu"])
def test_ssh_takes_the_key_that_trainer_makes(name, tmp_path):
    """Trainer mounts it readable for its group (v2.3.0, pkg/constants: 0640), and ssh ignores a key of its own user
    that others may read; a Secret's files are root's."""
    runtime = runtimes(GPU)[name]
    place = runtime["mlPolicy"]["mpi"]["sshAuthMountPath"]
    for job, _ in pods(runtime):
        pod = spec(runtime, job)
        (first,) = pod["initContainers"]
        mounts = {each["name"]: each["mountPath"] for each in first["volumeMounts"]}
        # The volume of this name is Trainer's.
        assert mounts.pop("mpi-ssh-auth") == place
        ((volume, home),) = mounts.items()
        assert home == "/root/.ssh" != place
        assert {"name": volume, "mountPath": home} in container(runtime, job)["volumeMounts"]
        assert volume in {each["name"] for each in pod["volumes"]}
        theirs, ours = tmp_path / job / "theirs", tmp_path / job / "ours"
        for each in (theirs, ours):
            each.mkdir(parents=True)
        for key in ("id_rsa", "id_rsa.pub", "authorized_keys"):
            (theirs / key).write_text(key)
            (theirs / key).chmod(0o640)
        shell, flag, script = first["command"]
        script = script.replace(place, str(theirs)).replace(home, str(ours))
        subprocess.run([shell, flag, script], check=True)
        found = {each.name: stat.S_IMODE(each.stat().st_mode) for each in ours.iterdir()}
        assert found == dict.fromkeys(("id_rsa", "id_rsa.pub", "authorized_keys"), 0o600)


def test_the_account_and_the_size_of_shared_memory_are_settings():
    pod = spec(runtimes(serviceAccount="default-editor", sharedMemoryGib=64)["torch-distributed"])
    assert pod["serviceAccountName"] == "default-editor"
    assert pod["volumes"] == [{"name": "dshm", "emptyDir": {"medium": "Memory", "sizeLimit": "64Gi"}}]
    assert "serviceAccountName" not in spec(runtimes()["torch-distributed"])


def jobs(runtime: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = runtime["template"]["spec"]["replicatedJobs"]
    return found


def test_a_node_that_goes_starts_a_gang_again_and_is_no_failure():
    """Source: JobSet, examples/failure-policy/host-maintenance-event-model.yaml."""
    found = runtimes(GPU, NEURON)
    for name, runtime in found.items():
        if name.startswith("torch-elastic"):
            continue
        policy = runtime["template"]["spec"]["failurePolicy"]
        assert policy["maxRestarts"] == 3
        (rule,) = policy["rules"]
        assert (rule["action"], rule["onJobFailureReasons"]) == (
            "RestartJobSetAndIgnoreMaxRestarts",
            ["PodFailurePolicy"],
        )
        for job in jobs(runtime):
            own = job["template"]["spec"]
            assert own["backoffLimit"] == 0
            (each,) = own["podFailurePolicy"]["rules"]
            assert (each["action"], each["onPodConditions"][0]["type"]) == ("FailJob", "DisruptionTarget")


def test_the_others_of_an_elastic_job_go_on():
    runtime = runtimes(GPU)["torch-elastic-gpu"]
    # Trainer's policy would fix the number of nodes.
    assert runtime["mlPolicy"] == {"numNodes": 1}
    (job,) = jobs(runtime)
    own = job["template"]["spec"]
    (rule,) = own["podFailurePolicy"]["rules"]
    assert (rule["action"], rule["onPodConditions"][0]["type"]) == ("Ignore", "DisruptionTarget")
    assert own["backoffLimit"] > 0
    assert own["successPolicy"] == {"rules": [{"succeededCount": 1}]}
    env = {each["name"]: each.get("value") for each in container(runtime)["env"]}
    assert env["PET_NNODES"] == f"1:{GPU.max_size}"
    assert env["PET_NPROC_PER_NODE"] == "8"
    assert env["PET_RDZV_BACKEND"] == "c10d"
    # Pods of a JobSet are named <jobset>-<job>-<number of the job>-<number of the pod>, below a service with its name.
    assert env["PET_RDZV_ENDPOINT"] == "$(JOBSET_NAME)-node-0-0.$(JOBSET_NAME):29400"
    # A variable is put in only where it stands before.
    order = [each["name"] for each in container(runtime)["env"]]
    assert order.index("JOBSET_NAME") < min(order.index(name) for name in env if name.startswith("PET_"))
    assert spec(runtime)["nodeSelector"] == spec(runtimes(GPU)["torch-gpu"])["nodeSelector"]


def test_every_pod_may_save_its_work_before_a_spot_node_goes():
    """EC2 gives 120 seconds; a pod failure policy needs pods that are not started again in place."""
    for runtime in runtimes(GPU, NEURON, PLAIN).values():
        for _, pod in pods(runtime):
            assert pod["spec"]["terminationGracePeriodSeconds"] == 110
            assert pod["spec"]["restartPolicy"] == "Never"
            assert pod["metadata"]["annotations"] == {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}


def test_restarts_grace_and_elastic_runtimes_are_settings():
    found = runtimes(GPU, maxRestarts=7, graceSeconds=600)
    assert spec(found["mpi-gpu"], "launcher")["terminationGracePeriodSeconds"] == 600
    assert found["torch-gpu"]["template"]["spec"]["failurePolicy"]["maxRestarts"] == 7
    assert "torch-elastic-gpu" not in runtimes(GPU, elastic=False)
    assert "torch-elastic-gpu" not in runtimes(GPU, frameworks=["jax"])
    assert not {name for name in runtimes(NEURON) if "elastic" in name}


def test_two_groups_never_share_the_name_of_a_runtime():
    around: Any = SimpleNamespace(groups=[SimpleNamespace(name=name, efa=False) for name in ("gpu", "elastic-gpu")])
    told = dict(ADDON.problems(around, ADDON.settings()))
    assert told == {
        "elastic": "the node groups 'gpu' and 'elastic-gpu' would share a runtime's name; set false",
    }
    assert not list(ADDON.problems(around, ADDON.settings(elastic=False)))
