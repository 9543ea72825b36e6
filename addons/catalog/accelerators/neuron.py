"""AWS Neuron: makes Trainium and Inferentia a resource that pods ask for, and watches them for errors."""

from typing import Any, Final

import pulumi

from addons.iam import ANY, allow, policy
from addons.spec import AddOn, AddOnSettings, Chart, Identity, Image, Placement, Ready, Values
from infra.catalog import autoscaler, names
from infra.handle import ClusterHandle

_SYSTEM: Final = "kube-system"
_PROBLEM_DETECTOR: Final = "node-problem-detector"
_METRICS: Final = "NeuronHealthCheck"
"""The CloudWatch namespace that node recovery counts its errors in."""

# What the chart tolerates by itself, but for HyperPod's taint; a list in the values replaces the chart's whole list.
_TOLERATIONS: Final = (
    {"key": "CriticalAddonsOnly", "operator": "Exists"},
    {"key": names.NEURON_TAINT, "operator": "Exists", "effect": "NoSchedule"},
)


class NeuronSettings(AddOnSettings):
    """Settings of the Neuron chart."""

    instance_types: tuple[str, ...] = ()
    """Neuron instance types besides those of the stack's node groups, for nodes that come from elsewhere."""

    scheduler: bool = False
    """Run a scheduler that gives a pod neighbouring devices of a node; the runtime wants them where several pods share
    one. Pods choose it with `schedulerName: my-scheduler`. Where Karpenter makes nodes, they may then ask for 1, 2, 4,
    8 or 16 devices only."""

    problem_detector: bool = True
    """Watch the kernel's log for errors of Neuron devices, and put them onto the node as the condition
    `NeuronHealth`."""

    node_recovery: bool = False
    """Have a node with such an error replaced by its Auto Scaling group. EKS's node auto repair does that by what
    eks-node-monitoring-agent finds; turn this on where it is off."""


def _values(handle: ClusterHandle, settings: NeuronSettings) -> Values:
    ours = {kind for pool in handle.pools("neuron") for kind in pool.instance_types}
    types = sorted(ours | set(settings.instance_types))
    values: Values = {
        "devicePlugin": {
            "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}},
            "tolerations": list(_TOLERATIONS),
        },
        "npd": {
            "enabled": settings.problem_detector,
            # The chart does not make the namespace that it would use.
            "namespaceOverride": _SYSTEM,
            "nodeRecovery": {"enabled": settings.node_recovery},
        },
    }
    if settings.scheduler:
        values["scheduler"] = {
            "enabled": True,
            "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}},
            "customScheduler": {
                # The chart's is of Kubernetes 1.31. It must be of the cluster's minor.
                "image": {
                    "repository": "registry.k8s.io/kube-scheduler",
                    "tag": f"v{handle.kubernetes_version}.0",
                },
            },
        }
    if types:
        # The chart's own list ends with the types of its release: newer ones would get no Neuron resource.
        values["neuronInstances"] = types
    return values


def _policy(handle: ClusterHandle, settings: NeuronSettings) -> dict[str, Any] | None:
    """Let node recovery have a node of this cluster replaced.

    Source: Neuron documentation, "Permissions for Neuron Node Problem Detector and Recovery", narrowed to the groups
    that EKS tagged as this cluster's. Describe calls take no resource.
    """
    if not (settings.problem_detector and settings.node_recovery):
        return None
    groups = pulumi.Output.concat(
        f"arn:{handle.partition}:autoscaling:{handle.region}:", handle.account_id, ":autoScalingGroup:*"
    )
    owned = {f"aws:ResourceTag/{key}": value for key, value in autoscaler.discovery_tags(handle.name).items()}
    return policy(
        allow("autoscaling:DescribeAutoScalingInstances", "ec2:DescribeInstances", on=ANY),
        allow("autoscaling:SetInstanceHealth", on=groups, when={"StringEquals": owned}),
        allow("cloudwatch:PutMetricData", on=ANY, when={"StringEquals": {"cloudwatch:namespace": _METRICS}}),
    )


def _applies(handle: ClusterHandle) -> str | None:
    return None if handle.pools("neuron") else "no node group has Neuron devices"


ADDON = AddOn(
    name="neuron",
    group="accelerators",
    summary="makes Trainium and Inferentia a resource that pods ask for, and watches them for errors",
    docs="https://awsdocs-neuron.readthedocs-hosted.com/en/latest/containers/kubernetes-getting-started.html",
    source=Chart(
        repo="oci://public.ecr.aws/neuron",
        name="neuron-helm-chart",
        # renovate: datasource=docker depName=public.ecr.aws/neuron/neuron-helm-chart
        version="1.9.0",
    ),
    settings=NeuronSettings,
    applies=_applies,
    values=_values,
    images=(
        Image(
            reference="public.ecr.aws/neuron/neuron-device-plugin:2.31.0.0",
            repository="devicePlugin.image.repository",
            tag="devicePlugin.image.tag",
        ),
        Image(
            reference="registry.k8s.io/node-problem-detector/node-problem-detector:v1.35.2",
            repository="npd.nodeProblemDetector.image.repository",
            tag="npd.nodeProblemDetector.image.tag",
        ),
        Image(
            reference="public.ecr.aws/neuron/neuron-node-recovery:1.11.0",
            repository="npd.nodeRecovery.image.repository",
            tag="npd.nodeRecovery.image.tag",
        ),
        Image(
            reference="public.ecr.aws/neuron/neuron-scheduler:2.31.0.0",
            repository="scheduler.image.repository",
            tag="scheduler.image.tag",
        ),
        Image(
            reference="public.ecr.aws/eks-distro/kubernetes/kube-scheduler:v1.31.12-eks-1-31-30",
            repository="scheduler.customScheduler.image.repository",
            tag="scheduler.customScheduler.image.tag",
        ),
    ),
    endpoints=("monitoring",),
    identities=(Identity(service_account=_PROBLEM_DETECTOR, policy=_policy, irsa="npd.serviceAccount.annotations"),),
    creates=frozenset({"Service"}),
    placement=Placement(accelerated=("devicePlugin.tolerations",)),
    ready=(Ready(kind="DaemonSet", name="neuron-device-plugin"),),
)
