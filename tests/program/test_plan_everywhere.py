"""What must hold in the plan of every stack file of the repository."""

import functools
import importlib
import inspect
import json
from typing import Any

import pytest

from infra.catalog import names
from infra.naming import AUTONAME_SUFFIX, LIMITS
from slipway.plan.checks import check
from slipway.plan.model import Plan, Resource
from tests.contract import objects

NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
LAUNCH_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
# Physical names come from logical ones, with a suffix.
AUTONAMED = {
    "aws:eks/nodeGroup:NodeGroup": LIMITS["eks-nodegroup"],
    "aws:iam/role:Role": LIMITS["iam-role"],
    "aws:iam/rolePolicy:RolePolicy": LIMITS["iam-policy"],
    "aws:ec2/launchTemplate:LaunchTemplate": LIMITS["launch-template"],
    "aws:ec2/placementGroup:PlacementGroup": LIMITS["placement-group"],
    "aws:ec2/securityGroup:SecurityGroup": LIMITS["security-group"],
    "aws:autoscaling/group:Group": LIMITS["auto-scaling-group"],
    "aws:cloudwatch/eventRule:EventRule": LIMITS["event-rule"],
    "aws:iam/instanceProfile:InstanceProfile": LIMITS["iam-instance-profile"],
    "aws:lb/loadBalancer:LoadBalancer": LIMITS["load-balancer"],
    "aws:lb/targetGroup:TargetGroup": LIMITS["target-group"],
}


@functools.cache
def takes_tags(type_: str) -> bool:
    """Whether the SDK's class for an AWS type has a `tags` input."""
    module, _, name = type_.split(":", 1)[1].partition(":")
    cls = getattr(importlib.import_module(f"pulumi_aws.{module.split('/')[0]}"), name)
    return "tags" in inspect.signature(cls._internal_init).parameters


def tags_of(resource: Resource) -> dict[str, str]:
    """The tags of a resource; Auto Scaling groups have them as a list."""
    tags = resource.inputs.get("tags", {})
    return {tag["key"]: tag["value"] for tag in tags} if isinstance(tags, list) else tags


def test_the_graph_is_sound(plan: Plan):
    assert list(check(plan)) == []


def test_everything_that_takes_tags_carries_the_platforms(plan: Plan, settings):
    platform = settings["platform"]
    wanted = {
        "Platform": platform["name"],
        "Environment": platform["environment"],
        "Owner": platform["owner"],
        "CostCenter": platform["costCenter"],
        "ManagedBy": "slipway",
    }
    bare = [
        resource.urn
        for resource in plan
        if resource.package == "aws" and takes_tags(resource.type) and not wanted.items() <= tags_of(resource).items()
    ]
    assert bare == []


def test_names_fit_with_their_suffix(plan: Plan):
    long = [
        resource.name
        for resource in plan
        if resource.type in AUTONAMED and len(resource.name) + AUTONAME_SUFFIX > AUTONAMED[resource.type]
    ]
    assert long == []


def test_every_managed_group_has_one_subnet_in_the_zone_it_says(plan: Plan):
    zones = {subnet.id: subnet.inputs["availabilityZoneId"] for subnet in plan.of_type("aws:ec2/subnet:Subnet")}
    groups = plan.of_type(NODE_GROUP)
    assert groups
    for group in groups:
        (subnet,) = group.inputs["subnetIds"]
        zone = group.inputs["labels"][names.NODE_ZONE_LABEL]
        assert group.name == f"{group.inputs['labels'][names.GROUP_LABEL]}-{zone}"
        # In an existing VPC the subnets are not resources; the fixture of that example names them by zone.
        assert zones.get(subnet, zone) == zone


def test_taints_always_have_a_value(plan: Plan):
    taints = [taint for group in plan.of_type(NODE_GROUP) for taint in group.inputs.get("taints", [])]
    assert all(taint["value"] for taint in taints)


def test_accelerated_groups_are_tainted_labelled_and_repaired(plan: Plan):
    accelerated = [group for group in plan.of_type(NODE_GROUP) if names.ACCELERATOR_LABEL in group.inputs["labels"]]
    # Karpenter makes the others of its stack.
    assert accelerated or plan.of_type("kubernetes:karpenter.sh/v1:NodePool")
    for group in accelerated:
        kind = group.inputs["labels"][names.ACCELERATOR_LABEL]
        assert names.ACCELERATOR_TAINTS[kind] in {taint["key"] for taint in group.inputs["taints"]}
        # The autoscaler holds nodes with this label unready until they offer nvidia.com/gpu.
        offers = f"k8s.io/cluster-autoscaler/node-template/resources/{names.GPU_RESOURCE}" in group.inputs["tags"]
        assert (names.AUTOSCALER_ACCELERATOR_LABEL in group.inputs["labels"]) == offers
        assert group.inputs["nodeRepairConfig"]["enabled"] is True
        if kind == "nvidia":
            reasons = [
                override["nodeUnhealthyReason"]
                for override in group.inputs["nodeRepairConfig"]["nodeRepairConfigOverrides"]
            ]
            assert reasons == ["NvidiaDoubleBitError", "NvidiaNVLinkError"]
        assert group.inputs["updateConfig"]["updateStrategy"] == "MINIMAL"


def test_sizes_belong_to_the_autoscaler_after_creation(plan: Plan):
    for group in plan.of_type(NODE_GROUP):
        assert group.ignore_changes == ("scalingConfig.desiredSize",)


def test_asg_tags_repeat_what_the_node_group_says(plan: Plan):
    """EKS does not copy a node group's tags to its Auto Scaling group; without them nothing wakes from zero."""
    prefix = "k8s.io/cluster-autoscaler/node-template"
    cluster = plan.one("aws:eks/cluster:Cluster").inputs["name"]
    for group in plan.of_type(NODE_GROUP):
        tags = {
            child.inputs["tag"]["key"]: child.inputs["tag"]["value"]
            for child in plan.children(group)
            if child.type == "aws:autoscaling/tag:Tag"
        }
        assert len(tags) <= 50  # tags of one Auto Scaling group
        assert tags["k8s.io/cluster-autoscaler/enabled"] == "true"
        assert f"k8s.io/cluster-autoscaler/{cluster}" in tags
        for key, value in group.inputs["labels"].items():
            assert tags[f"{prefix}/label/{key}"] == value
        effects = {"NO_SCHEDULE": "NoSchedule", "NO_EXECUTE": "NoExecute", "PREFER_NO_SCHEDULE": "PreferNoSchedule"}
        for taint in group.inputs.get("taints", []):
            assert tags[f"{prefix}/taint/{taint['key']}"] == f"{taint['value']}:{effects[taint['effect']]}"
        resources = {key: value for key, value in group.inputs["tags"].items() if key.startswith(prefix)}
        assert resources.items() <= tags.items()
        assert f"{prefix}/resources/ephemeral-storage" in resources


def test_asg_tags_are_on_the_groups_own_asg(plan: Plan):
    for group in plan.of_type(NODE_GROUP):
        asg = group.outputs["resources"][0]["autoscalingGroups"][0]["name"]
        children = [child for child in plan.children(group) if child.type == "aws:autoscaling/tag:Tag"]
        assert {child.inputs["autoscalingGroupName"] for child in children} == {asg}


def test_launch_templates_are_safe(plan: Plan):
    managed = {group.inputs["launchTemplate"]["id"] for group in plan.of_type(NODE_GROUP)}
    for template in plan.of_type(LAUNCH_TEMPLATE):
        inputs = template.inputs
        assert inputs["metadataOptions"]["httpTokens"] == "required"
        assert inputs["metadataOptions"]["httpPutResponseHopLimit"] in (1, 2)
        assert all(disk["ebs"]["encrypted"] == "true" for disk in inputs["blockDeviceMappings"])
        assert all(disk["ebs"]["volumeType"] == "gp3" for disk in inputs["blockDeviceMappings"])
        # EKS refuses these in a managed group's template.
        assert template.id not in managed or not {"iamInstanceProfile", "hibernationOptions"} & inputs.keys()
        interfaces = inputs.get("networkInterfaces", [])
        assert not any({"subnetId", "associatePublicIpAddress"} & interface.keys() for interface in interfaces)
        assert bool(interfaces) != bool(inputs.get("vpcSecurityGroupIds"))
        kinds = {spec["resourceType"] for spec in inputs["tagSpecifications"]}
        assert kinds == {"instance", "volume", "network-interface"}


def test_placement_groups_and_reservations_exclude_each_other(plan: Plan):
    for template in plan.of_type(LAUNCH_TEMPLATE):
        reserved = "capacityReservationSpecification" in template.inputs
        placed = "placement" in template.inputs
        assert not (reserved and placed)
        efa = len(template.inputs.get("networkInterfaces", [])) > 1
        assert placed == (efa and not reserved)


def test_nodes_wait_for_the_cni_and_the_identity_agent(plan: Plan):
    for group in plan.of_type(NODE_GROUP):
        addons = plan.of_type("aws:eks/addon:Addon")
        before = {addon.name for addon in addons if addon.urn in group.dependencies}
        assert before >= {"vpc-cni", "eks-pod-identity-agent"}


def test_what_runs_pods_waits_for_the_system_nodes(plan: Plan):
    system = {group.urn for group in plan.of_type(NODE_GROUP) if group.inputs["labels"][names.GROUP_LABEL] == "system"}
    releases = plan.of_type("kubernetes:helm.sh/v3:Release")
    assert releases
    for release in releases:
        assert system <= set(release.dependencies)


def test_an_identity_is_complete_before_its_pods(plan: Plan):
    """A pod that starts before its association has no credentials until somebody restarts it."""
    for addon in plan.of_type("slipway:addons:AddOn"):
        below = plan.descendants(addon)
        identities = [
            resource
            for resource in below
            if resource.type
            in (
                "aws:eks/podIdentityAssociation:PodIdentityAssociation",
                "aws:iam/rolePolicy:RolePolicy",
                "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
            )
        ]
        runs = [r for r in below if r.type in ("kubernetes:helm.sh/v3:Release", "aws:eks/addon:Addon")]
        for run in runs:
            assert {identity.urn for identity in identities} <= set(run.dependencies)


def test_buckets_are_private_versioned_and_tls_only(plan: Plan):
    for bucket in plan.of_type("aws:s3/bucket:Bucket"):
        block = plan.one("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", bucket.name).inputs
        assert all(
            block[key] for key in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
        )
        versioning = plan.one("aws:s3/bucketVersioning:BucketVersioning", bucket.name).inputs
        assert versioning["versioningConfiguration"]["status"] == "Enabled"
        policy = json.loads(plan.one("aws:s3/bucketPolicy:BucketPolicy", bucket.name).inputs["policy"])
        deny = next(statement for statement in policy["Statement"] if statement["Sid"] == "TlsOnly")
        assert deny["Effect"] == "Deny"
        assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert deny["Resource"] == [bucket.outputs["arn"], f"{bucket.outputs['arn']}/*"]


def test_subnets_give_no_public_addresses(plan: Plan):
    assert not any(subnet.inputs["mapPublicIpOnLaunch"] for subnet in plan.of_type("aws:ec2/subnet:Subnet"))


def _policies(plan: Plan) -> list[tuple[Resource, dict[str, Any]]]:
    """Every document that allows a principal something, with its resource."""
    types = ("aws:iam/rolePolicy:RolePolicy", "aws:iam/policy:Policy")
    return [(resource, json.loads(resource.inputs["policy"])) for resource in plan.of_type(*types)]


def test_iam_documents_are_narrow(plan: Plan):
    documents = _policies(plan)
    assert documents
    for resource, document in documents:
        for statement in document["Statement"]:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            targets = statement.get("Resource", [])
            targets = targets if isinstance(targets, list) else [targets]
            wild = [action for action in actions if action == "*" or action.endswith(":*")]
            assert not (wild and "*" in targets), (resource.urn, statement)


def test_trust_is_narrow(plan: Plan):
    """A role is assumed by one service, or by one service account of this cluster alone."""
    issuer = plan.one("aws:iam/openIdConnectProvider:OpenIdConnectProvider")
    url = issuer.inputs["url"].removeprefix("https://")
    for role in plan.of_type("aws:iam/role:Role"):
        (statement,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
        principal = statement["Principal"]
        if "Service" in principal:
            services = principal["Service"] if isinstance(principal["Service"], list) else [principal["Service"]]
            assert len(services) == 1
            assert services[0].endswith(".amazonaws.com")
        else:
            assert principal == {"Federated": issuer.outputs["arn"]}
            equals = statement["Condition"]["StringEquals"]
            assert equals[f"{url}:aud"] == "sts.amazonaws.com"
            assert equals[f"{url}:sub"].startswith("system:serviceaccount:")
            assert "*" not in equals[f"{url}:sub"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_kubernetes_objects_fit_the_clusters_version(plan: Plan):
    version = plan.one("aws:eks/cluster:Cluster").inputs["version"]
    made = [r for r in plan if r.package == "kubernetes" and r.custom]  # what is in a remote file is not known here
    manifests = [r.inputs for r in made if r.type != "kubernetes:helm.sh/v3:Release"]
    assert objects.validate_all(manifests, version)


def test_kubernetes_resources_are_on_the_clusters_own_provider(plan: Plan):
    provider = plan.one("pulumi:providers:kubernetes", "cluster-kubernetes")
    for resource in plan:
        if resource.package == "kubernetes" and resource.custom:
            assert resource.provider_urn == provider.urn


@pytest.mark.parametrize("plugin", ["aws-efa-k8s-device-plugin", "nvidia-device-plugin"])
def test_device_plugins_reach_the_nodes_they_are_for(plan: Plan, plugin: str):
    """A plugin that does not tolerate the taint advertises nothing, and jobs wait or fall back to TCP."""
    found = [release for release in plan.of_type("kubernetes:helm.sh/v3:Release") if release.name == plugin]
    taints = {taint["key"] for group in plan.of_type(NODE_GROUP) for taint in group.inputs.get("taints", [])}
    for release in found:
        tolerated = {toleration["key"] for toleration in release.inputs["values"]["tolerations"]}
        assert taints <= tolerated
