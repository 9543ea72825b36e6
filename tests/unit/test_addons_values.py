"""What the functions of single add-ons make of a cluster and of settings."""

import re
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from addons import registry
from addons.registries import eks_registry
from addons.values import values_of
from infra.catalog import zones
from infra.catalog.prices import Capacity
from infra.handle import GpuSharing, Storage
from infra.node_groups.expand import expand
from infra.node_groups.settings import NodeGroupSettings
from tests.contract import charts

CATALOGUE = registry.discover()
PLUGIN = "nvidia-device-plugin"
TIME_SLICING = GpuSharing(mode="time-slicing", config="time-slicing-4", replicas=4)
MPS = GpuSharing(mode="mps", config="mps-2", replicas=2)
MIG = GpuSharing(mode="mig", config="mig-mixed", mig_strategy="mixed", mig_profile="1g.10gb")


@pytest.fixture(name="known")
def _known():
    yield from charts.resolver()


@pytest.fixture(name="values")
def _values(known):
    """The values of an add-on on the made-up cluster."""

    def values(name: str, settings: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
        addon = CATALOGUE[name]
        parsed = addon.settings.model_validate(settings or {})
        found: dict[str, Any] = known(values_of(addon, parsed, charts.fake_handle(**changes), {}))
        return found

    return values


@pytest.fixture(name="objects")
def _objects(known):
    """The objects of an add-on on the made-up cluster."""

    def objects(name: str, settings: dict[str, Any] | None = None, **changes: Any) -> list[dict[str, Any]]:
        addon: Any = CATALOGUE[name]
        parsed = addon.settings.model_validate(settings or {})
        found: list[dict[str, Any]] = known(addon.source.build(charts.fake_handle(**changes), parsed))
        return found

    return objects


@pytest.fixture(name="reason")
def _reason(known):  # noqa: ARG001  # a handle is made of Outputs, which need the loop
    """Why an add-on does not apply."""
    return lambda name, **changes: CATALOGUE[name].applies(charts.fake_handle(**changes))


# NVIDIA device plugin.


def test_shared_gpus_have_a_configuration_of_the_name_that_their_nodes_carry(values):
    pools = tuple(charts.pool(f"g-{item.mode}", sharing=item) for item in (TIME_SLICING, MPS, MIG))
    config = values(PLUGIN, node_pools=pools)["config"]
    assert config["default"] == "default"
    assert {name: yaml.safe_load(text) for name, text in config["map"].items()} == {
        "default": {"version": "v1", "flags": {"migStrategy": "none"}},
        "time-slicing-4": {
            "version": "v1",
            "flags": {"migStrategy": "none"},
            "sharing": {
                "timeSlicing": {
                    "failRequestsGreaterThanOne": True,
                    "resources": [{"name": "nvidia.com/gpu", "replicas": 4}],
                }
            },
        },
        "mps-2": {
            "version": "v1",
            "flags": {"migStrategy": "none"},
            "sharing": {"mps": {"resources": [{"name": "nvidia.com/gpu", "replicas": 2}]}},
        },
        "mig-mixed": {"version": "v1", "flags": {"migStrategy": "mixed"}},
    }


def test_whole_gpus_need_no_configuration(values):
    assert "config" not in values(PLUGIN)


def test_time_slices_may_be_asked_for_in_numbers_when_the_user_says_so(values):
    pools = (charts.pool(sharing=TIME_SLICING),)
    text = values(PLUGIN, {"failRequestsGreaterThanOne": False}, node_pools=pools)["config"]["map"]["time-slicing-4"]
    assert yaml.safe_load(text)["sharing"]["timeSlicing"]["failRequestsGreaterThanOne"] is False


def test_the_plugin_runs_on_nodes_with_the_label_and_on_no_others(values):
    affinity = values(PLUGIN)["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert affinity == {
        "nodeSelectorTerms": [
            {"matchExpressions": [{"key": "nvidia.com/gpu.present", "operator": "In", "values": ["true"]}]}
        ]
    }


def test_the_plugin_is_of_no_use_without_nvidia_nodes_or_where_it_is_built_in(reason):
    inside = charts.pool("br", bottlerocket=True)
    assert reason(PLUGIN) is None
    assert reason(PLUGIN, node_pools=(charts.SYSTEM,)) == "no node group has NVIDIA GPUs"
    assert "Bottlerocket" in reason(PLUGIN, node_pools=(inside,))
    assert reason(PLUGIN, node_pools=(inside, charts.pool())) is None


# EFA device plugin.


def test_the_efa_plugin_looks_for_the_types_of_the_stack(values):
    """A type newer than the chart's own list would get no EFA resource."""
    pools = (charts.pool("new", instance_type="p9.48xlarge"), charts.pool("none", instance_type="g6.xlarge", efa=0))
    found = values("aws-efa-k8s-device-plugin", {"instanceTypes": ["hpc9.large"]}, node_pools=pools)
    assert found["supportedInstanceLabels"] == {"values": ["hpc9.large", "p9.48xlarge"]}
    assert "supportedInstanceLabels" not in values("aws-efa-k8s-device-plugin", node_pools=(charts.SYSTEM,))


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-west-2", "602401143452.dkr.ecr.us-west-2.amazonaws.com"),
        ("eu-south-2", "455263428931.dkr.ecr.eu-south-2.amazonaws.com"),
        ("us-gov-west-1", "013241004608.dkr.ecr.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "918309763551.dkr.ecr.cn-north-1.amazonaws.com.cn"),
        ("eusc-de-east-1", "877088126301.dkr.ecr.eusc-de-east-1.amazonaws.eu"),
    ],
)
def test_the_efa_image_comes_from_the_region_s_own_registry(region, host, values):
    image = values("aws-efa-k8s-device-plugin", region=region)["image"]
    assert image == {"repository": f"{host}/eks/aws-efa-k8s-device-plugin"}


def test_every_region_of_the_catalogue_has_a_registry():
    assert all(eks_registry(region).split(".")[3] == region for region in zones.regions())
    with pytest.raises(ValueError, match="no image registry for region 'mars-1'"):
        eks_registry("mars-1")


# Cluster-autoscaler.


def group_name(pool: str, uuid: str = "d6c1f0aa-12ab-4f0e-9c39-5f3e1c2b7a90") -> str:
    """An Auto Scaling group as EKS names it, of a node group as Pulumi names it."""
    return f"eks-{pool}-1a2b3c4-{uuid}"


def preferred(values: dict[str, Any], name: str) -> int:
    """The priority of a group, found as the priority expander does: the highest number with a matching pattern."""
    priorities = values["expanderPriorities"]
    return max(int(n) for n, patterns in priorities.items() if any(re.search(p, name) for p in patterns))


def test_paid_capacity_comes_first_then_spot_then_on_demand(values):
    capacities: tuple[Capacity, ...] = ("on-demand", "spot", "reservation", "capacity-block")
    pools = tuple(charts.pool(item, capacity=item) for item in capacities)
    found = values("cluster-autoscaler", node_pools=pools)
    order = [preferred(found, group_name(pool.name)) for pool in pools]
    assert order[2] == order[3] > order[1] > order[0] > preferred(found, "eks-somebody-else-1a2b3c4-x")


LETTERS = st.text("abz0-", min_size=1, max_size=12).filter(lambda text: text.strip("-") == text)


@given(st.lists(LETTERS, min_size=2, max_size=4, unique=True), st.sampled_from(["usw2-az1", "use1-az10"]))
def test_a_priority_is_of_one_group_only(names, zone):
    """`^eks-gpu-` would give `gpu-large` the priority of `gpu`."""
    resolver = charts.resolver()
    next(resolver)
    try:
        addon = CATALOGUE["cluster-autoscaler"]
        pools = [charts.pool(name, zone) for name in names]
        for pool in pools:
            spot = [replace(other, capacity="spot" if other is pool else "on-demand") for other in pools]
            found = addon.values(charts.fake_handle(node_pools=tuple(spot)), addon.settings())
            for other in pools:
                assert preferred(found, group_name(other.name)) == (50 if other is pool else 20)
    finally:
        next(resolver, None)


def test_the_autoscaler_is_of_the_cluster_and_of_its_minor(values):
    found = values("cluster-autoscaler", kubernetes_version="1.36")
    assert found["image"] == {"tag": "v1.36.1"}
    assert found["autoDiscovery"] == {"clusterName": "acme"}
    assert found["awsRegion"] == "us-west-2"
    assert found["rbac"] == {"serviceAccount": {"name": "cluster-autoscaler"}}


def arguments(values: Any, settings: dict[str, Any] | None = None, **changes: Any) -> dict[str, str]:
    found: dict[str, str] = values("cluster-autoscaler", settings, **changes)["extraArgs"]
    return found


def test_the_autoscaler_waits_for_the_slowest_nodes(values):
    slow = charts.pool("p5", provision_minutes=30)
    assert arguments(values)["max-node-provision-time"] == "15m"
    assert arguments(values, node_pools=(charts.SYSTEM, slow))["max-node-provision-time"] == "30m"
    assert arguments(values, node_pools=())["max-node-provision-time"] == "15m"


def test_by_default_no_running_gpu_pod_is_moved_and_idle_gpu_nodes_go(values):
    found = arguments(values)
    # One GPU of the 16 that a node has at most is over the threshold; none is under it.
    assert 0 < float(found["scale-down-gpu-utilization-threshold"]) < 1 / 16
    assert found["skip-nodes-with-local-storage"] == "false"
    assert found["balance-similar-node-groups"] == "false"
    assert found["expander"] == "priority,least-waste"


def test_zones_are_similar_only_when_nodes_shall_be_balanced(values):
    assert "balancing-ignore-label" not in arguments(values)
    found = arguments(values, {"balanceSimilarNodeGroups": True})
    assert found["balancing-ignore-label"] == "slipway.io/zone-id"
    assert found["balance-similar-node-groups"] == "true"


def test_without_the_priority_expander_there_are_no_priorities(values):
    found = values("cluster-autoscaler", {"expander": ["least-nodes"]})
    assert "expanderPriorities" not in found
    assert found["extraArgs"]["expander"] == "least-nodes"


def test_the_static_list_is_for_clusters_without_internet_whose_types_are_in_it(values):
    key = "aws-use-static-instance-list"
    assert key not in arguments(values)
    assert arguments(values, internet=False)[key] == "true"
    for kind in ("p6-b300.48xlarge", "trn2.48xlarge"):
        new = charts.pool("new", instance_type=kind)
        assert key not in arguments(values, internet=False, node_pools=(charts.SYSTEM, new))


def test_the_autoscaler_changes_only_groups_of_its_cluster(known):
    (identity,) = CATALOGUE["cluster-autoscaler"].identities
    assert identity.policy is not None
    policy = known(identity.policy(charts.fake_handle(), CATALOGUE["cluster-autoscaler"].settings()))
    (change,) = [item for item in policy["Statement"] if "autoscaling:SetDesiredCapacity" in item["Action"]]
    assert change["Condition"] == {
        "StringEquals": {
            "aws:ResourceTag/k8s.io/cluster-autoscaler/enabled": "true",
            "aws:ResourceTag/k8s.io/cluster-autoscaler/acme": "owned",
        }
    }
    assert change["Resource"] == "arn:aws:autoscaling:us-west-2:111122223333:autoScalingGroup:*"
    (groups,) = [item["Resource"] for item in policy["Statement"] if item["Action"] == ["eks:DescribeNodegroup"]]
    assert groups == "arn:aws:eks:us-west-2:111122223333:nodegroup/acme/*/*"


# Storage.


def test_gp3_is_the_encrypted_default_and_waits_for_the_pod(objects):
    gp3 = objects("storage-classes", {"iops": 6000})[0]
    assert gp3["metadata"]["annotations"] == {"storageclass.kubernetes.io/is-default-class": "true"}
    assert gp3["volumeBindingMode"] == "WaitForFirstConsumer"
    assert gp3["parameters"] == {
        "type": "gp3",
        "encrypted": "true",
        "csi.storage.k8s.io/fstype": "ext4",
        "iops": "6000",
        "kmsKeyId": "arn:aws:kms:us-west-2:111122223333:key/1",
    }


def test_each_efs_file_system_has_a_class(objects):
    found = {item["metadata"]["name"]: item for item in objects("storage-classes")}
    assert sorted(found) == ["efs-home", "efs-one", "gp3"]
    assert found["efs-home"]["parameters"]["fileSystemId"] == "fs-0b"
    assert found["efs-home"]["parameters"]["provisioningMode"] == "efs-ap"
    assert "annotations" not in found["efs-home"]["metadata"]


def test_every_file_system_can_be_claimed_in_every_namespace(objects):
    found = objects("static-volumes", {"namespaces": ["default", "team"]})
    claims = [item for item in found if item["kind"] == "PersistentVolumeClaim"]
    volumes = {item["metadata"]["name"]: item["spec"] for item in found if item["kind"] == "PersistentVolume"}
    assert sorted((item["metadata"]["namespace"], item["metadata"]["name"]) for item in claims) == [
        (space, name) for space in ("default", "team") for name in ("efs-home.team", "efs-one", "lustre-scratch")
    ]
    for claim in claims:
        volume = volumes.pop(claim["spec"]["volumeName"])
        # Each for the other and for nobody else.
        assert volume["claimRef"]["name"] == claim["metadata"]["name"]
        assert volume["claimRef"]["namespace"] == claim["metadata"]["namespace"]
        assert volume["persistentVolumeReclaimPolicy"] == "Retain"
        assert volume["storageClassName"] == claim["spec"]["storageClassName"] == ""
        assert volume["accessModes"] == claim["spec"]["accessModes"] == ["ReadWriteMany"]
        assert volume["capacity"] == claim["spec"]["resources"]["requests"]
    assert not volumes
    assert [item["metadata"]["name"] for item in found if item["kind"] == "Namespace"] == ["team"]
    kept = objects("static-volumes", {"namespaces": ["team"], "createNamespaces": False})
    assert not [item for item in kept if item["kind"] == "Namespace"]


def test_a_zonal_file_system_keeps_its_pods_in_its_zone(objects):
    specs = {
        item["spec"]["csi"]["volumeHandle"]: item["spec"] for item in objects("static-volumes") if "csi" in item["spec"]
    }
    lustre, regional, one_zone = specs["fs-0a"], specs["fs-0b::fsap-1"], specs["fs-0c"]
    assert lustre["csi"] == {
        "driver": "fsx.csi.aws.com",
        "volumeHandle": "fs-0a",
        "volumeAttributes": {"dnsname": "fs-0a.fsx.us-west-2.amazonaws.com", "mountname": "abcdefgh"},
    }
    assert lustre["mountOptions"] == ["flock"]
    assert lustre["capacity"] == {"storage": "4800Gi"}

    def zones_of(spec: dict[str, Any]) -> list[str]:
        (term,) = spec["nodeAffinity"]["required"]["nodeSelectorTerms"][0]["matchExpressions"]
        assert term["key"] == "slipway.io/zone-id"
        found: list[str] = term["values"]
        return found

    assert zones_of(lustre) == ["usw2-az2"]
    assert zones_of(one_zone) == ["usw2-az1"]
    assert "nodeAffinity" not in regional


def test_drivers_are_of_no_use_without_what_they_mount(reason):
    empty = Storage()
    assert reason("aws-fsx-csi-driver", storage=empty) == "the stack has no FSx for Lustre file system"
    assert reason("aws-efs-csi-driver", storage=empty) == "the stack has no EFS file system"
    assert reason("aws-mountpoint-s3-csi-driver", storage=empty) == "the stack has no S3 bucket for pods"
    assert reason("static-volumes", storage=empty) is not None
    for name in ("aws-fsx-csi-driver", "aws-efs-csi-driver", "aws-mountpoint-s3-csi-driver", "static-volumes"):
        assert reason(name) is None


def policy(known: Any, name: str, settings: dict[str, Any] | None = None, **changes: Any) -> Any:
    addon = CATALOGUE[name]
    (identity,) = addon.identities
    assert identity.policy is not None
    return known(identity.policy(charts.fake_handle(**changes), addon.settings.model_validate(settings or {})))


def allowed(document: Any, action: str) -> list[Any]:
    """The resources that an action is allowed on."""
    found = [item["Resource"] for item in document["Statement"] if action in item["Action"]]
    return [arn for item in found for arn in ([item] if isinstance(item, str) else item)]


def test_pods_reach_the_stack_s_buckets_but_not_its_logs_and_only_read_others(known):
    name = "aws-mountpoint-s3-csi-driver"
    document = policy(known, name, {"buckets": ["open-data"]})
    assert allowed(document, "s3:PutObject") == ["arn:aws:s3:::acme-data/*"]
    assert allowed(document, "s3:GetObject") == ["arn:aws:s3:::acme-data/*", "arn:aws:s3:::open-data/*"]
    assert allowed(document, "kms:Decrypt") == ["arn:aws:kms:us-west-2:111122223333:key/1"]
    assert policy(known, name, storage=Storage()) is None


def test_the_fsx_driver_cannot_delete_the_file_systems_of_the_stack(known):
    document = policy(known, "aws-fsx-csi-driver")
    (deleting,) = [item for item in document["Statement"] if "fsx:DeleteFileSystem" in item["Action"]]
    assert deleting["Condition"] == {"Null": {"aws:ResourceTag/CSIVolumeName": "false"}}


def test_the_efs_driver_makes_access_points_on_the_stack_s_file_systems_only(known):
    document = policy(known, "aws-efs-csi-driver")
    arn = "arn:aws:elasticfilesystem:us-west-2:111122223333:file-system"
    assert allowed(document, "elasticfilesystem:CreateAccessPoint") == [f"{arn}/fs-0b", f"{arn}/fs-0c"]


def test_the_ebs_driver_uses_the_key_of_the_stack_and_instances_of_the_cluster(known):
    document = policy(known, "aws-ebs-csi-driver")
    assert allowed(document, "kms:CreateGrant") == ["arn:aws:kms:us-west-2:111122223333:key/1"]
    (instances,) = [item for item in document["Statement"] if item["Resource"] == "arn:aws:ec2:us-west-2:*:instance/*"]
    assert instances["Condition"] == {"StringEquals": {"ec2:ResourceTag/eks:cluster-name": "acme"}}
    assert not allowed(policy(known, "aws-ebs-csi-driver", storage=Storage()), "kms:CreateGrant")


def test_volumes_carry_the_tags_that_the_driver_can_read(values):
    assert values("aws-ebs-csi-driver") == {"controller": {"extraVolumeTags": {"owner": "ml"}}}


# Scheduling.


def test_only_opportunistic_pods_add_no_node_and_push_nobody_out(objects):
    found = {item["metadata"]["name"]: item for item in objects("priority-classes")}
    # Cluster-autoscaler ignores pods whose priority is under -10.
    ignored = [name for name, item in found.items() if item["value"] < -10]
    assert ignored == [name for name, item in found.items() if item["preemptionPolicy"] == "Never"]
    assert ignored == ["slipway-opportunistic"]
    assert not [name for name, item in found.items() if item["globalDefault"]]
    order = ["slipway-serving", "slipway-interactive", "slipway-training", "slipway-opportunistic"]
    assert sorted(found, key=lambda name: -found[name]["value"]) == order
    chosen = objects("priority-classes", {"default": "training"})
    assert [item["metadata"]["name"] for item in chosen if item["globalDefault"]] == ["slipway-training"]


# Agreement with the node groups.


def test_nodes_name_a_configuration_that_the_plugin_has(values):
    """The plugin does not start on a node whose label names no configuration."""
    group = {"name": "shared", "instanceTypes": ["p4d.24xlarge"], "efa": False, "min": 0, "max": 1}
    sharing = [
        {"mode": "time-slicing", "replicas": 4},
        {"mode": "mps", "replicas": 2},
        {"mode": "mig", "migProfile": "1g.5gb", "migStrategy": "mixed"},
    ]
    settings = [
        NodeGroupSettings.model_validate({**group, "name": f"shared{i}", "gpu": {"sharing": item}})
        for i, item in enumerate(sharing)
    ]
    pools = tuple(managed.pool for managed in expand(settings, "us-west-2", zones.zones("us-west-2")[:1]))
    assert len(pools) == len(sharing)
    configs = values(PLUGIN, node_pools=pools)["config"]["map"]
    for pool in pools:
        assert pool.labels["nvidia.com/device-plugin.config"] in configs
        assert pool.labels["nvidia.com/gpu.present"] == "true"
