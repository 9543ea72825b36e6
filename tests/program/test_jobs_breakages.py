"""Mistakes that people make in jobs: `slipway job check` names the path, the value and why it would stay pending."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from slipway.jobs.fit import check
from tests.program import job_breakages as broken
from tests.program.example_jobs import CASES, cluster_of, text_of
from tests.program.job_breakages import EFA, GPU

NO_PODS = ("sagemaker", "pipeline")
IN_TRAINER = ("ddp", "deepspeed", "neuron")
CHECKED = [case for case in CASES if case[1] not in NO_PODS]
QUEUED = [case for case in CHECKED if case[0] in ("prod", "dev", "neuron") and case[1] not in ("katib", "kserve-llm")]
ON_GPUS = [case for case in CHECKED if case[1] not in ("mpi", "spark", "neuron")]
OVER_EFA = [case for case in CHECKED if case[1] in ("nccl", "ddp", "deepspeed", "neuron") and case[0] != "dev"]
WHOLE_NODES = [case for case in CHECKED if case[1] in ("nccl", "ddp", "deepspeed") and case[0] != "inference"]
WITH_VOLUMES = [case for case in CHECKED if case[1] not in ("kserve-llm",)]
Change = Callable[[dict[str, Any]], None]


def said(stack: str, name: str, change: Change | None = None) -> list[str]:
    """The errors, each with its reasons; warnings do not count."""
    documents = [each for each in yaml.safe_load_all(text_of(stack, name)) if each]
    (main,) = [each for each in documents if each["kind"] != "ConfigMap"]
    if change:
        change(main)
    report = check(yaml.safe_dump_all(documents), cluster_of(stack))
    assert report.fits == (not report.errors)
    return ["; ".join((str(each), *each.reasons)) for each in report.errors]


def expect(stack: str, name: str, change: Change, pattern: str) -> None:
    found = said(stack, name, change)
    assert any(re.search(pattern, each) for each in found), found
    # The path is one of the manifest's: it starts where objects start.
    assert all(re.search(r"^\w+/[-a-z0-9]+: (spec|metadata)[.\[]", each) for each in found), found


@pytest.mark.parametrize(("stack", "name"), CHECKED)
def test_examples_are_let_through_without_a_word(stack, name):
    report = check(text_of(stack, name), cluster_of(stack))
    assert [str(each) for each in report.findings] == []
    assert all(placed.groups for job in report.jobs for placed in job.podsets)


@pytest.mark.parametrize(("stack", "name"), [case for case in CASES if case[1] == "sagemaker"])
def test_a_job_of_sagemaker_is_said_to_run_elsewhere(stack, name):
    report = check(text_of(stack, name), cluster_of(stack))
    assert report.fits
    assert report.jobs[0].job.outside


@pytest.mark.parametrize(("stack", "name"), [case for case in ON_GPUS if case[1] != "kserve-llm"])
def test_a_toleration_is_missing(stack, name):
    """Kueue reads the template. Without it nothing is wrong: EKS gives pods that ask for a device its toleration."""
    change = broken.setting("tolerations", [])
    if cluster_of(stack).has_queues and cluster_of(stack).tenants:
        expect(
            stack,
            name,
            change,
            r"(tolerations|resourcesPerNode|replicas|parallelTrialCount|numNodes): "
            r".*taint nvidia\.com/gpu=present:NoSchedule is not tolerated",
        )
    else:
        assert said(stack, name, change) == []


@pytest.mark.parametrize(("stack", "name"), WHOLE_NODES)
def test_one_gpu_more_than_a_node_has(stack, name):
    count = 1 if stack == "dev" else 8
    expect(stack, name, broken.adding(GPU, 1), rf"nvidia\.com/gpu {count + 1} > {count} of a node")


@pytest.mark.parametrize(("stack", "name"), ON_GPUS)
def test_more_gpus_than_any_node_has(stack, name):
    expect(stack, name, broken.setting(GPU, "99"), r"nvidia\.com/gpu 99 > \d+ of a node")


@pytest.mark.parametrize(("stack", "name"), OVER_EFA)
def test_one_efa_interface_more_than_a_node_has(stack, name):
    expect(stack, name, broken.adding(EFA, 1), r"vpc\.amazonaws\.com/efa (\d+) > \d+ of a node")


@pytest.mark.parametrize(("stack", "name"), [case for case in CHECKED if case[0] == "dev"])
def test_efa_where_no_node_has_it(stack, name):
    def change(manifest: dict[str, Any]) -> None:
        for sides in [*broken.inside(manifest, "requests"), *broken.inside(manifest, "limits")]:
            for side in ("requests", "limits"):
                sides[side][EFA] = "1"

    expect(stack, name, change, r"(offers no vpc\.amazonaws\.com/efa|vpc\.amazonaws\.com/efa 1 > 0)")


@pytest.mark.parametrize(("stack", "name"), OVER_EFA)
def test_more_huge_pages_than_a_node_has(stack, name):
    expect(stack, name, broken.setting("hugepages-2Mi", "20Gi"), r"hugepages-2Mi 20Gi > 10Gi of a node")


@pytest.mark.parametrize(("stack", "name"), CHECKED)
def test_a_zone_without_such_nodes(stack, name):
    expect(stack, name, broken.selecting(broken.ZONE, "usw2-az9"), r"label slipway\.io/zone-id is .*, not usw2-az9")


@pytest.mark.parametrize(("stack", "name"), CHECKED)
def test_a_label_that_only_a_running_node_has_adds_no_node(stack, name):
    expect(
        stack,
        name,
        broken.selecting("nvidia.com/gpu.product", "NVIDIA-H100-80GB-HBM3"),
        r"label nvidia\.com/gpu\.product appears only once a node runs",
    )


@pytest.mark.parametrize(("stack", "name"), [case for case in CHECKED if case[1] != "spark"])
def test_more_processors_than_a_node_has(stack, name):
    expect(stack, name, broken.setting("cpu", "1000"), r"cpu 1000 > [0-9.]+m?\b.*node")


def test_more_processors_than_a_node_has_for_spark():
    expect("prod", "spark", broken.setting("coreRequest", "1000"), r"spec\.driver.*cpu 1000 > [0-9.]+")


@pytest.mark.parametrize(("stack", "name"), ON_GPUS)
def test_devices_are_requested_as_they_are_limited(stack, name):
    expect(
        stack,
        name,
        broken.requesting_only(GPU, "0"),
        r"requests\.nvidia\.com/gpu 0 is not limits\.nvidia\.com/gpu \d: they must be the same",
    )


@pytest.mark.parametrize(("stack", "name"), QUEUED)
def test_an_unknown_queue(stack, name):
    expect(
        stack,
        name,
        broken.labelled("kueue.x-k8s.io/queue-name", "defualt"),
        r"metadata\.labels\[kueue\.x-k8s\.io/queue-name\]: 'defualt' is no LocalQueue .*did you mean 'default'",
    )


@pytest.mark.parametrize(("stack", "name"), QUEUED)
def test_an_unknown_priority(stack, name):
    expect(
        stack,
        name,
        broken.labelled("kueue.x-k8s.io/priority-class", "slipway-trainng"),
        r"metadata\.labels\[kueue\.x-k8s\.io/priority-class\]: 'slipway-trainng' is no WorkloadPriorityClass",
    )


def test_an_unknown_queue_of_a_trial():
    def change(manifest: dict[str, Any]) -> None:
        trial = manifest["spec"]["trialTemplate"]["trialSpec"]
        trial["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] = "defualt"

    expect("prod", "katib", change, r"'defualt' is no LocalQueue of the namespace")


@pytest.mark.parametrize(("stack", "name"), [case for case in CHECKED if case[1] in broken.WORKERS])
def test_more_workers_than_there_can_be_nodes_for(stack, name):
    expect(stack, name, broken.counting(name, 2000), r"(2000|1999) pods, and there is room for \d+ at a time")


@pytest.mark.parametrize(("stack", "name"), [("prod", "nccl"), ("prod", "ddp"), ("prod", "deepspeed")])
def test_a_gang_beyond_what_the_queue_can_ever_have(stack, name):
    """Six nodes of h100 are the language tenant's and two are lent by vision's queue: all eight can be borrowed."""
    assert said(stack, name, broken.counting(name, 8)) == []
    assert said(stack, name, broken.counting(name, 9)) != []


def test_a_gang_beyond_a_borrowing_limit():
    """Eight GPUs of `inference` are vision's, and it may borrow sixteen: of forty in three zones."""
    from slipway.jobs.render import render  # noqa: PLC0415

    text = render("jobset", cluster_of("prod"), tenant="vision", group="inference")
    manifest = yaml.safe_load(text)
    broken.counting("jobset", 24)(manifest)
    manifest["spec"]["replicatedJobs"][0]["template"]["spec"]["completions"] = 24
    assert check(yaml.safe_dump(manifest), cluster_of("prod")).fits
    broken.counting("jobset", 25)(manifest)
    (error,) = check(yaml.safe_dump(manifest), cluster_of("prod")).errors
    assert "vision" in str(error)
    assert any("nvidia.com/gpu 25 > 24" in each for each in error.reasons), error.reasons


@pytest.mark.parametrize(("stack", "name"), WITH_VOLUMES)
def test_a_claim_that_nobody_makes(stack, name):
    volume = {"persistentVolumeClaim": {"claimName": "lustre-trainig"}}
    expect(stack, name, broken.mounting(volume), r"'lustre-trainig' is no (PersistentVolumeClaim|claim)")


@pytest.mark.parametrize(("stack", "name"), [case for case in WITH_VOLUMES if case[0] in ("prod", "dev", "neuron")])
def test_a_path_of_the_node(stack, name):
    expect(stack, name, broken.mounting({"hostPath": {"path": "/"}}), r"(?i)hostPath.*baseline|baseline.*hostPath")


@pytest.mark.parametrize(("stack", "name"), [case for case in CHECKED if case[1] != "spark"])
def test_an_unknown_account(stack, name):
    expect(
        stack,
        name,
        broken.setting("serviceAccountName", "default-edit"),
        r"'default-edit' is no service account of \w+",
    )


@pytest.mark.parametrize(("stack", "name"), CHECKED)
def test_an_unknown_namespace(stack, name):
    expect(
        stack,
        name,
        lambda manifest: manifest["metadata"].update(namespace="languge"),
        r"metadata\.namespace: 'languge' is no namespace of the plan",
    )


@pytest.mark.parametrize(("stack", "name"), [case for case in CHECKED if case[1] in IN_TRAINER])
def test_an_unknown_runtime(stack, name):
    expect(
        stack,
        name,
        lambda manifest: manifest["spec"]["runtimeRef"].update(name="torch-h10"),
        r"spec\.runtimeRef\.name: 'torch-h10' is no ClusterTrainingRuntime of the plan",
    )


@pytest.mark.parametrize(
    ("name", "addon"),
    [
        ("nccl", "mpi-operator"),
        ("tfjob", "training-operator"),
        ("ray", "kuberay-operator"),
        ("spark", "spark-operator"),
        ("katib", "katib"),
        ("kserve-llm", "kserve-crd"),
        ("sagemaker", "ack-sagemaker-controller"),
    ],
)
def test_a_kind_that_no_add_on_of_the_stack_brings(name, addon):
    report = check(text_of("prod", name), cluster_of("dev"))
    assert any(addon in str(each) for each in report.errors), [str(each) for each in report.errors]
