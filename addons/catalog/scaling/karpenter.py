"""Karpenter: makes the node that a waiting pod needs, without a node group, and removes it when it idles."""

from collections.abc import Mapping
from typing import Any, Final

import pulumi

from addons.iam import ANY, allow, policy
from addons.spec import AddOn, AddOnSettings, Chart, Identity, Image, Ready, Values
from infra.handle import ClusterHandle, Karpenter

_POOL_TAG: Final = "karpenter.sh/nodepool"
_LAUNCH: Final = ("ec2:RunInstances", "ec2:CreateFleet")
_MADE: Final = ("fleet", "instance", "launch-template", "network-interface", "spot-instances-request", "volume")
"""What a launch makes, and Karpenter tags."""


class KarpenterSettings(AddOnSettings):
    """Settings of Karpenter's controller. Which nodes it makes is said by `karpenter-node-pools`."""

    node_repair: bool = False
    """Replace nodes that the monitoring agent finds broken, as managed node groups do; with more than a fifth of a pool
    broken, none. A feature of Karpenter in alpha. It waits for no pod."""

    spot_to_spot_consolidation: bool = False
    """Replace a spot node by a cheaper spot node too. Only pools with 15 or more instance types to choose from gain."""


def _of(handle: ClusterHandle) -> Karpenter:
    if handle.karpenter is None:
        raise ValueError("karpenter: the handle has no queue and no instance profile for it")
    return handle.karpenter


def _values(handle: ClusterHandle, settings: KarpenterSettings) -> Values:
    karpenter = _of(handle)
    return {
        "settings": {
            "clusterName": handle.name,
            "clusterEndpoint": handle.endpoint,
            "interruptionQueue": karpenter.queue_name,
            # There is no VPC endpoint of IAM and of the price list; Karpenter brings prices of its release.
            "isolatedVPC": not handle.internet,
            "featureGates": {
                # Alpha, and on only where a pool has resources that Karpenter cannot know otherwise.
                "nodeRepair": settings.node_repair,
                "nodeOverlay": any(pool.unknown_resources for pool in karpenter.pools),
                "spotToSpotConsolidation": settings.spot_to_spot_consolidation,
            },
        },
        # Its replicas never share a node, and never run on nodes of its own: a second one may have no place.
        "replicas": 2 if sum(pool.min_size for pool in handle.node_pools if pool.system) > 1 else 1,
        "controller": {
            "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
        },
    }


def _policy(handle: ClusterHandle, _settings: KarpenterSettings) -> dict[str, Any]:
    """Make, tag and end instances that carry this cluster's name; give them the nodes' role; read the queue.

    Narrower than the makers' policy: nothing in IAM is changed, since the stack makes the instance profile.
    Source: cloudformation.yaml of karpenter-provider-aws 1.14.1.
    """
    karpenter, region = _of(handle), handle.region
    ec2, own = f"arn:{handle.partition}:ec2:{region}", f"kubernetes.io/cluster/{handle.name}"
    in_account = pulumi.Output.concat(f"{ec2}:", handle.account_id)
    cluster = pulumi.Output.concat(
        f"arn:{handle.partition}:eks:{region}:", handle.account_id, f":cluster/{handle.name}"
    )
    profiles = pulumi.Output.concat(f"arn:{handle.partition}:iam::", handle.account_id, ":instance-profile/*")
    made = [pulumi.Output.concat(in_account, f":{kind}/*") for kind in _MADE]
    instances, templates = (pulumi.Output.concat(in_account, f":{kind}/*") for kind in ("instance", "launch-template"))
    shared = ("capacity-reservation", "placement-group", "security-group", "subnet")
    ours = _tagged("aws:ResourceTag", {own: "owned"})
    asked = _tagged("aws:RequestTag", {own: "owned", "eks:eks-cluster-name": handle.name})
    return policy(
        allow(
            *_LAUNCH,
            on=[
                f"{ec2}::image/*",
                f"{ec2}::snapshot/*",
                # A reservation may be shared by another account.
                *(f"{ec2}:*:{kind}/*" for kind in shared),
            ],
        ),
        allow(*_LAUNCH, on=templates, when=ours),
        allow(*_LAUNCH, "ec2:CreateLaunchTemplate", on=made, when=asked),
        allow(
            "ec2:CreateTags",
            on=made,
            when={
                **asked,
                "StringEquals": {
                    **asked["StringEquals"],
                    "ec2:CreateAction": ["RunInstances", "CreateFleet", "CreateLaunchTemplate"],
                },
            },
        ),
        allow(
            "ec2:CreateTags",
            on=instances,
            when={
                **ours,
                "StringEqualsIfExists": {"aws:RequestTag/eks:eks-cluster-name": handle.name},
                "ForAllValues:StringEquals": {
                    "aws:TagKeys": ["eks:eks-cluster-name", "karpenter.sh/nodeclaim", "Name"]
                },
            },
        ),
        allow("ec2:DeleteLaunchTemplate", "ec2:TerminateInstances", on=[instances, templates], when=ours),
        allow(
            "iam:PassRole",
            on=karpenter.node_role_arn,
            when={"StringEquals": {"iam:PassedToService": ["ec2.amazonaws.com", "ec2.amazonaws.com.cn"]}},
        ),
        allow("eks:DescribeCluster", on=cluster),
        allow("sqs:DeleteMessage", "sqs:GetQueueUrl", "sqs:ReceiveMessage", on=karpenter.queue_arn),
        allow(
            "ec2:DescribeCapacityReservations",
            "ec2:DescribeImages",
            "ec2:DescribeInstanceStatus",
            "ec2:DescribeInstanceTypeOfferings",
            "ec2:DescribeInstanceTypes",
            "ec2:DescribeInstances",
            "ec2:DescribeLaunchTemplates",
            "ec2:DescribePlacementGroups",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSpotPriceHistory",
            "ec2:DescribeSubnets",
            on=ANY,
            when={"StringEquals": {"aws:RequestedRegion": region}},
        ),
        allow("pricing:GetProducts", on=ANY),
        allow("ssm:GetParameter", on=f"arn:{handle.partition}:ssm:{region}::parameter/aws/service/*"),
        # It looks for profiles of its own making, which it would remove, before a node class may go.
        allow("iam:ListInstanceProfiles", on=ANY),
        allow("iam:GetInstanceProfile", on=profiles),
    )


def _tagged(prefix: str, tags: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The condition that a thing carries these tags and is of some node pool."""
    return {
        "StringEquals": {f"{prefix}/{key}": value for key, value in tags.items()},
        "StringLike": {f"{prefix}/{_POOL_TAG}": "*"},
    }


ADDON = AddOn(
    name="karpenter",
    group="scaling",
    summary="makes the node that a waiting pod needs, and removes it when it idles",
    docs="https://karpenter.sh/docs/",
    source=Chart(
        repo="oci://public.ecr.aws/karpenter",
        name="karpenter",
        # renovate: datasource=docker depName=public.ecr.aws/karpenter/karpenter
        version="1.14.1",
        skip_crds=True,
    ),
    settings=KarpenterSettings,
    values=_values,
    images=(
        Image(
            reference=(
                "public.ecr.aws/karpenter/controller:1.14.1"
                "@sha256:723130949e4cab989461ff07d1be4cd781d63515432494641b33c235f300ae23"
            ),
            repository="controller.image.repository",
            tag="controller.image.tag",
        ),
    ),
    identities=(Identity(service_account="karpenter", policy=_policy, irsa="serviceAccount.annotations"),),
    needs=("coredns", "karpenter-crd"),
    endpoints=("sqs",),
    conflicts=("cluster-autoscaler",),
    creates=frozenset({"Service"}),
    ready=(Ready(kind="Deployment", name="karpenter"),),
)
