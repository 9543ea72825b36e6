"""Training on nodes that may go: what the page says, and what holds for every runtime in prod's plan."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.program.conftest import settings_of
from tests.unit.test_docs_stack_files import merged

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "how-to" / "elastic-training.md"
RUNTIME = "kubernetes:trainer.kubeflow.org/v1alpha1:ClusterTrainingRuntime"
QUEUE = "kubernetes:kueue.x-k8s.io/v1beta2:ClusterQueue"
SPOT_NOTICE = 120
"""Seconds. EC2 user guide, "Spot Instance interruption notices"."""


def blocks() -> list[Any]:
    parts = PAGE.read_text().split("```yaml\n")[1:]
    return [yaml.safe_load(part.partition("```")[0]) for part in parts]


def runtimes(plan: Any) -> dict[str, Any]:
    return {each.inputs["metadata"]["name"]: each.inputs["spec"] for each in plan.of_type(RUNTIME)}


def test_spot_and_on_demand_are_tried_in_the_order_of_the_page(record_settings):
    groups, tenants, _, storage = blocks()
    dev = settings_of(ROOT / "stacks/config/Pulumi.dev.yaml")
    system = [each for each in dev["nodeGroups"] if each.get("system")]
    storage["storage"]["lustre"][0]["zone"] = dev["network"]["zones"][0]
    raw = merged(dev, {"nodeGroups": [*system, *groups], "tenants": tenants, **storage})
    plan = record_settings(merged(raw, {"addons": {"preset": "training"}}))
    (queue,) = [each for each in plan.of_type(QUEUE) if each.inputs["metadata"]["name"] == "vision"]
    (resources,) = queue.inputs["spec"]["resourceGroups"]
    assert [flavor["name"] for flavor in resources["flavors"]] == ["gpu-spot", "gpu"]
    assert {"torch-elastic-gpu-spot", "torch-elastic-gpu"} <= set(runtimes(plan))
    # The scratch file system holds no only copy, so nothing keeps it.
    (scratch,) = plan.of_type("aws:fsx/lustreFileSystem:LustreFileSystem")
    assert (scratch.protect, scratch.retain_on_delete) == (False, False)
    assert scratch.inputs["deploymentType"] == "SCRATCH_2"
    (copies,) = plan.of_type("aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation")
    assert set(copies.inputs["s3"]["autoExportPolicy"]["events"]) == {"NEW", "CHANGED", "DELETED"}


def test_the_job_of_the_page_names_a_runtime_of_it():
    _, _, job, _ = blocks()
    assert job["spec"]["runtimeRef"]["name"] == "torch-elastic-gpu"


def test_every_runtime_of_prod_saves_in_time_and_comes_back(prod):
    found = runtimes(prod)
    assert len(found) > 4
    for name, spec in found.items():
        template = spec["template"]["spec"]
        elastic = name.startswith("torch-elastic-")
        assert template["failurePolicy"]["maxRestarts"] > 0, name
        for job in template["replicatedJobs"]:
            own = job["template"]["spec"]
            pod = own["template"]["spec"]
            assert 30 < pod["terminationGracePeriodSeconds"] < SPOT_NOTICE, name
            assert pod["restartPolicy"] == "Never", name
            (rule,) = own["podFailurePolicy"]["rules"]
            assert rule["onPodConditions"] == [{"type": "DisruptionTarget", "status": "True"}]
            assert rule["action"] == ("Ignore" if elastic else "FailJob"), name
            annotations = own["template"]["metadata"]["annotations"]
            assert annotations["cluster-autoscaler.kubernetes.io/safe-to-evict"] == "false"
            # Karpenter would not drain such pods when a spot node goes, so they could not save.
            assert "karpenter.sh/do-not-disrupt" not in annotations


@pytest.mark.parametrize("group", ["h100", "h200", "inference"])
def test_an_elastic_runtime_takes_whole_nodes_of_its_group(prod, group):
    ours, fixed = (runtimes(prod)[f"torch-{kind}{group}"] for kind in ("elastic-", ""))
    pods = [
        spec["template"]["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"] for spec in (ours, fixed)
    ]
    for key in ("nodeSelector", "tolerations", "volumes"):
        assert pods[0].get(key) == pods[1].get(key)
    assert pods[0]["containers"][0]["resources"] == pods[1]["containers"][0]["resources"]
    env = {each["name"]: each.get("value") for each in pods[0]["containers"][0]["env"]}
    most = max(
        each.inputs["scalingConfig"]["maxSize"]
        for each in prod.of_type("aws:eks/nodeGroup:NodeGroup")
        if each.inputs["labels"].get("slipway.io/group") == group
    )
    assert env["PET_NNODES"] == f"1:{most}"
