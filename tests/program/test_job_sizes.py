"""The runtimes that take whole nodes, against the node groups of the same plan."""

from collections import defaultdict

from infra.catalog.instances import instance_type
from slipway.plan.fleet import node_groups

TAG = "k8s.io/cluster-autoscaler/node-template/resources/"
CORES = "aws.amazon.com/neuroncore"
DAEMONS_AT_LEAST = {"cpu": 300, "memory": 512}
"""Millicores and MiB that no cluster of ours goes without: the network, the device plugin, volumes."""


def units(quantity):
    """Millicores, MiB, or a count."""
    number = quantity.rstrip("mGMi")
    return int(number) * (1024 if quantity.endswith("Gi") else 1)


def whole_nodes(plan):
    """What a pod of each group's PyTorch runtime asks for, by group."""
    for found in plan.of_type("kubernetes:trainer.kubeflow.org/v1alpha1:ClusterTrainingRuntime"):
        (job, *_) = found.inputs["spec"]["template"]["spec"]["replicatedJobs"]
        pod = job["template"]["spec"]["template"]["spec"]
        group = pod.get("nodeSelector", {}).get("slipway.io/group")
        if found.inputs["metadata"]["name"] in (f"torch-{group}", f"torch-elastic-{group}"):
            (container,) = pod["containers"]
            yield group, container["resources"]


def test_a_runtime_of_a_group_takes_all_that_a_node_of_it_offers_and_no_more(plan):
    tags: dict[str, list[dict[str, str]]] = defaultdict(list)
    types: dict[str, set[str]] = defaultdict(set)
    for each in plan.of_type("aws:eks/nodeGroup:NodeGroup"):
        tags[each.inputs["labels"]["slipway.io/group"]].append(each.inputs["tags"])
    for each in node_groups(plan):
        types[each.group].update(each.types)
    for group, resources in whole_nodes(plan):
        asked = resources["requests"]
        assert resources["limits"] == asked
        for found in tags[group]:
            offered = {key.removeprefix(TAG): each for key, each in found.items() if key.startswith(TAG)}
            # A pod asks for devices or for their cores.
            wanted = {key: each for key, each in offered.items() if key not in ("ephemeral-storage", CORES)}
            assert {key: each for key, each in asked.items() if key not in ("cpu", "memory")} == wanted
        # A node may be of any of the group's types: of the smallest, too.
        vcpus = min(instance_type(each).vcpus for each in types[group])
        nominal = min(instance_type(each).memory_mib for each in types[group])
        cores = units(asked["cpu"]) * (1 if asked["cpu"].endswith("m") else 1000)
        memory = units(asked["memory"]) + units(asked.get("hugepages-2Mi", "0Mi"))
        assert vcpus * 600 < cores <= vcpus * 1000 - DAEMONS_AT_LEAST["cpu"]
        assert nominal * 0.6 < memory <= nominal * 0.925 - DAEMONS_AT_LEAST["memory"]


def test_prod_and_dev_have_such_runtimes(prod, dev):
    """So that the test above looks at something."""
    assert {group for group, _ in whole_nodes(prod)} >= {"h100", "h200"}
    assert {group for group, _ in whole_nodes(dev)} == {"gpu"}


def test_a_runtime_says_where_its_pods_go_as_its_flavour_asks(plan):
    """Kueue lets no job into a flavour with a topology that says nothing of one."""
    asked = defaultdict(list)
    for each in plan.of_type("kubernetes:kueue.x-k8s.io/v1beta2:ResourceFlavor"):
        metadata, spec = each.inputs["metadata"], each.inputs["spec"]
        notes = metadata.get("annotations", {}) if "topologyName" in spec else {}
        asked[spec["nodeLabels"]["slipway.io/group"]].append(notes)
    for each in plan.of_type("kubernetes:trainer.kubeflow.org/v1alpha1:ClusterTrainingRuntime"):
        for job in each.inputs["spec"]["template"]["spec"]["replicatedJobs"]:
            pod = job["template"]["spec"]["template"]
            said = {
                key: value for key, value in pod["metadata"]["annotations"].items() if key.startswith("kueue.x-k8s.io/")
            }
            group = pod["spec"].get("nodeSelector", {}).get("slipway.io/group")
            assert all(said == wanted for wanted in asked[group])
            assert group is not None or not said


def test_prods_gangs_over_efa_say_where_they_go(prod):
    notes = {
        each.inputs["metadata"]["name"]: each.inputs["spec"]["template"]["spec"]["replicatedJobs"][0]["template"][
            "spec"
        ]["template"]["metadata"]["annotations"]
        for each in prod.of_type("kubernetes:trainer.kubeflow.org/v1alpha1:ClusterTrainingRuntime")
    }
    level = "topology.k8s.aws/network-node-layer-3"
    for name in ("torch-h100", "torch-elastic-h100", "deepspeed-h200"):
        assert notes[name]["kueue.x-k8s.io/podset-preferred-topology"] == level
    assert "kueue.x-k8s.io/podset-preferred-topology" not in notes["torch-inference"]
