"""Cluster-autoscaler: adds nodes for pods that wait, and removes nodes that idle."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import pulumi
from pydantic import Field

from addons.iam import ANY, allow, policy
from addons.spec import AddOn, AddOnSettings, Chart, Identity, Image, Ready, Values
from infra.catalog import autoscaler, names
from infra.catalog.prices import Capacity
from infra.handle import ClusterHandle, NodePool

_SERVICE_ACCOUNT: Final = "cluster-autoscaler"
_PRIORITIES: Final[Mapping[Capacity, int]] = {
    "reservation": 100,
    "capacity-block": 100,
    "spot": 50,
    "on-demand": 20,
}
"""What is paid for already first, then what is cheap."""
_LAST_PRIORITY: Final = 1
_DEFAULT_PROVISION_MINUTES: Final = 15
_REQUESTS: Final = "provisioning-request-crd"
_REQUEST_RULES: Final = [
    {"apiGroups": ["autoscaling.x-k8s.io"], "resources": ["provisioningrequests"], "verbs": ["delete"]},
]
"""It takes old requests away after a week; the chart lets it read and change them. Source: FAQ.md of
kubernetes/autoscaler 1.35.2, "How can I use ProvisioningRequest to run batch workloads"."""
_NOT_IN_STATIC_LIST: Final = ("p6-b300.", "trn2.", "trn2u.")
"""Source: ec2_instance_types.go of kubernetes/autoscaler as of 2026-01-22."""

Minutes = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(gt=0, le=1)]
Expander = Literal["least-waste", "priority", "least-nodes", "most-pods", "random"]


class ClusterAutoscalerSettings(AddOnSettings):
    """Settings of cluster-autoscaler. A node group's own `autoscaling` settings win over these."""

    expander: tuple[Expander, ...] = Field(default=("priority", "least-waste"), min_length=1)
    """How it chooses among groups that would do; each one breaks the ties of the one before."""

    balance_similar_node_groups: bool = False
    """Spread new nodes over the zones of a group. A job that talks over EFA cannot span zones, and each zone has a
    group of its own so that it need not; turn it on only for clusters of independent pods."""

    scale_down_unneeded_minutes: Minutes = 10
    """How long a node idles before it goes."""

    scale_down_delay_after_add_minutes: Minutes = 10
    """How long no node goes after one came."""

    scale_down_utilization_threshold: Share = 0.5
    """Share of requested CPU or memory under which pods of a node are moved to others so that it can go."""

    scale_down_gpu_utilization_threshold: Share = 0.01
    """The same for the GPUs of a GPU node. By default only a node on which no pod has a GPU may go: moving a training
    pod means killing it."""

    skip_nodes_with_local_storage: bool = False
    """Keep nodes whose pods use an emptyDir on disk or a hostPath. Training pods put scratch on NVMe, so that with
    this on no idle GPU node would ever go. Annotate a pod with
    `cluster-autoscaler.kubernetes.io/safe-to-evict: "false"` to keep its node."""

    skip_nodes_with_system_pods: bool = True
    """Keep nodes that run pods of kube-system, other than those of DaemonSets and those with a disruption budget."""

    skip_nodes_with_custom_controller_pods: bool = True
    """Keep nodes that run pods of a custom resource, such as those of a training operator."""


def _priorities(handle: ClusterHandle) -> dict[str, list[str]]:
    """What the priority expander prefers, highest number first; each group's pattern matches its own group only."""
    found: dict[str, list[str]] = {}
    for pool in handle.node_pools:
        found.setdefault(str(_PRIORITIES[pool.capacity]), []).append(_group_pattern(pool))
    # A group that no pattern matches would never be chosen.
    return {**{number: sorted(found[number]) for number in sorted(found, key=int)}, str(_LAST_PRIORITY): [".*"]}


def _group_pattern(pool: NodePool) -> str:
    """The name of the Auto Scaling group: `eks-<node group>-<uuid>`, the node group's name ending in 7 hex digits.

    Anchored through to the uuid, so that `gpu` does not match `gpu-large`. Names hold no character that a pattern would
    read otherwise.
    """
    return f"^eks-{pool.name}-[0-9a-f]{{7}}-[0-9a-f]{{8}}-"


def _values(handle: ClusterHandle, settings: ClusterAutoscalerSettings) -> Values:
    values: Values = {
        "autoDiscovery": {"clusterName": handle.name},
        "awsRegion": handle.region,
        "extraArgs": _arguments(handle, settings),
        # One minor of the autoscaler per minor of Kubernetes; the chart's default lags behind in patches.
        "image": {"tag": autoscaler.image_tag(handle.kubernetes_version)},
        "rbac": {"serviceAccount": {"name": _SERVICE_ACCOUNT}},
        "resources": {"requests": {"cpu": "100m", "memory": "300Mi"}},
    }
    if _REQUESTS in handle.addons:
        values["rbac"]["additionalRules"] = _REQUEST_RULES
    if "priority" in settings.expander:
        values["expanderPriorities"] = _priorities(handle)
    return values


def _arguments(handle: ClusterHandle, settings: ClusterAutoscalerSettings) -> dict[str, str]:
    provision = max((pool.provision_minutes for pool in handle.node_pools), default=_DEFAULT_PROVISION_MINUTES)
    arguments = {
        "balance-similar-node-groups": _flag(settings.balance_similar_node_groups),
        "expander": ",".join(settings.expander),
        # p5 and p6 take longer than the default of 15 minutes; giving up early asks for a second one.
        "max-node-provision-time": f"{provision}m",
        "scale-down-delay-after-add": f"{settings.scale_down_delay_after_add_minutes}m",
        "scale-down-gpu-utilization-threshold": str(settings.scale_down_gpu_utilization_threshold),
        "scale-down-unneeded-time": f"{settings.scale_down_unneeded_minutes}m",
        "scale-down-utilization-threshold": str(settings.scale_down_utilization_threshold),
        "skip-nodes-with-custom-controller-pods": _flag(settings.skip_nodes_with_custom_controller_pods),
        "skip-nodes-with-local-storage": _flag(settings.skip_nodes_with_local_storage),
        "skip-nodes-with-system-pods": _flag(settings.skip_nodes_with_system_pods),
    }
    if settings.balance_similar_node_groups:
        # Groups of different zones are never similar while this label of ours counts.
        arguments["balancing-ignore-label"] = names.NODE_ZONE_LABEL
    if _REQUESTS in handle.addons:
        arguments |= {
            "enable-provisioning-requests": "true",
            # One request a round: the next round is at once, not after the scan interval. Off before 1.35.
            "frequent-loops-enabled": "true",
            # Custom resources have no protobuf.
            "kube-api-content-type": "application/json",
        }
    if _static_list(handle):
        arguments["aws-use-static-instance-list"] = "true"
    return arguments


def _static_list(handle: ClusterHandle) -> bool:
    """Whether to use the built-in list of instance types, which needs no call at start-up.

    Only without internet, and not where a type is missing from the list: then the call through the EC2 endpoint is
    the only way to scale such a group from zero.
    """
    types = [kind for pool in handle.node_pools for kind in pool.instance_types]
    return not handle.internet and not any(kind.startswith(_NOT_IN_STATIC_LIST) for kind in types)


def _flag(on: bool) -> str:
    return "true" if on else "false"


def _policy(handle: ClusterHandle, _settings: ClusterAutoscalerSettings) -> dict[str, Any]:
    """Read everything it needs; change only Auto Scaling groups that EKS tagged as this cluster's.

    Source: cluster-autoscaler/cloudprovider/aws/README.md of kubernetes/autoscaler@55c37cd5eb.
    """
    groups = pulumi.Output.concat(
        f"arn:{handle.partition}:autoscaling:{handle.region}:", handle.account_id, ":autoScalingGroup:*"
    )
    node_groups = pulumi.Output.concat(
        f"arn:{handle.partition}:eks:{handle.region}:", handle.account_id, f":nodegroup/{handle.name}/*/*"
    )
    owned = {f"aws:ResourceTag/{key}": value for key, value in autoscaler.discovery_tags(handle.name).items()}
    return policy(
        allow(
            "autoscaling:DescribeAutoScalingGroups",
            "autoscaling:DescribeAutoScalingInstances",
            "autoscaling:DescribeLaunchConfigurations",
            "autoscaling:DescribeScalingActivities",
            "ec2:DescribeImages",
            "ec2:DescribeInstanceTypes",
            "ec2:DescribeLaunchTemplateVersions",
            "ec2:GetInstanceTypesFromInstanceRequirements",
            on=ANY,
        ),
        allow("eks:DescribeNodegroup", on=node_groups),
        allow(
            "autoscaling:SetDesiredCapacity",
            "autoscaling:TerminateInstanceInAutoScalingGroup",
            on=groups,
            when={"StringEquals": owned},
        ),
    )


ADDON = AddOn(
    name="cluster-autoscaler",
    group="nodes",
    summary="adds nodes for pods that wait, and removes nodes that idle",
    docs="https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/cloudprovider/aws/README.md",
    source=Chart(
        repo="https://kubernetes.github.io/autoscaler",
        name="cluster-autoscaler",
        # renovate: datasource=helm depName=cluster-autoscaler registryUrl=https://kubernetes.github.io/autoscaler
        version="9.59.0",
    ),
    settings=ClusterAutoscalerSettings,
    presets=("minimal",),
    values=_values,
    images=(
        Image(
            reference="registry.k8s.io/autoscaling/cluster-autoscaler:v1.35.0",
            repository="image.repository",
            tag="image.tag",
        ),
    ),
    identities=(
        Identity(
            service_account=_SERVICE_ACCOUNT,
            policy=_policy,
            irsa="rbac.serviceAccount.annotations",
        ),
    ),
    needs=("coredns",),
    # It reads requests if their kind is there when it starts.
    follows=(_REQUESTS,),
    # Both would answer the same pods that wait.
    conflicts=("karpenter",),
    creates=frozenset({"Service"}),
    ready=(Ready(kind="Deployment", name="cluster-autoscaler-aws-cluster-autoscaler"),),
)
