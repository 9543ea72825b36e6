"""Cluster-autoscaler on AWS: tags it reads, options, expanders, image tags and defaults.

Source: kubernetes/autoscaler@55c37cd5eb (2026-08-22), cluster-autoscaler/cloudprovider/aws and FAQ.md.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from infra.catalog.errors import UnknownNameError
from infra.catalog.instances import InstanceType

_PREFIX: Final = "k8s.io/cluster-autoscaler"
_TEMPLATE: Final = f"{_PREFIX}/node-template"

OPTIONS: Final = (
    "scaledownutilizationthreshold",
    "scaledowngpuutilizationthreshold",
    "scaledownunneededtime",
    "scaledownunreadytime",
    "ignoredaemonsetsutilization",
)
"""Options of one node group. They are read from the Auto Scaling group's own tags only, never from the node group's."""

EXPANDERS: Final = ("least-waste", "priority", "least-nodes", "most-pods", "random", "grpc")
"""Expanders that work on AWS (`price` does not), the default first."""

KNOWN_ACCELERATOR_LABELS: Final = (
    "nvidia-tesla-k80",
    "nvidia-tesla-p100",
    "nvidia-tesla-v100",
    "nvidia-tesla-t4",
    "nvidia-tesla-a100",
    "nvidia-a10g",
    "nvidia-l4",
    "nvidia-l40s",
)
"""Values of `k8s.amazonaws.com/accelerator` that its metrics tell apart; any other works, and only they suffer."""

FLAG_DEFAULTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "aws-use-static-instance-list": "false",
        "balance-similar-node-groups": "false",
        "enable-dynamic-resource-allocation": "true",
        "enable-provisioning-requests": "false",
        "expander": "least-waste",
        "frequent-loops-enabled": "true",
        "initial-node-group-backoff-duration": "5m",
        "kube-api-content-type": "application/vnd.kubernetes.protobuf",
        "max-graceful-termination-sec": "600",
        "max-node-group-backoff-duration": "30m",
        "max-node-provision-time": "15m",
        "max-total-unready-percentage": "45",
        "ok-total-unready-count": "3",
        "scale-down-delay-after-add": "10m",
        "scale-down-delay-after-failure": "3m",
        "scale-down-gpu-utilization-threshold": "0.5",
        "scale-down-unneeded-time": "10m",
        "scale-down-unready-time": "20m",
        "scale-down-utilization-threshold": "0.5",
        "scan-interval": "10s",
        "skip-nodes-with-custom-controller-pods": "true",
        "skip-nodes-with-local-storage": "true",
        "skip-nodes-with-system-pods": "true",
    }
)
"""What its flags are when they are not given. `frequent-loops-enabled` is off in 1.34 and before."""

_PROVISION_MINUTES: Final = 15
_LARGE_PROVISION_MINUTES: Final = 30
_LARGE_VCPUS: Final = 96

# Newest patch of each minor seen in registry.k8s.io/autoscaling/cluster-autoscaler on 2026-07-22; one image minor per
# cluster minor.
_IMAGES: Final[Mapping[str, str]] = MappingProxyType(
    {"1.32": "1.32.7", "1.33": "1.33.6", "1.34": "1.34.5", "1.35": "1.35.2", "1.36": "1.36.1"}
)


def discovery_tags(cluster: str) -> dict[str, str]:
    """The tags by which it finds a cluster's Auto Scaling groups. EKS puts both on those of managed node groups."""
    return {f"{_PREFIX}/enabled": "true", f"{_PREFIX}/{cluster}": "owned"}


def label_tag(key: str) -> str:
    """The tag that tells a label of nodes not yet there; its value is the label's."""
    return f"{_TEMPLATE}/label/{key}"


def taint_tag(key: str) -> str:
    """The tag that tells a taint of nodes not yet there; its value is `<value>:<effect>`, and never without a value."""
    return f"{_TEMPLATE}/taint/{key}"


def resource_tag(resource: str) -> str:
    """The tag that tells a resource of nodes not yet there. Only cpu, memory and `nvidia.com/gpu` go without."""
    return f"{_TEMPLATE}/resources/{resource}"


def option_tag(option: str) -> str:
    """The tag that sets an option for one group.

    Raises:
        UnknownNameError: It is not one of `OPTIONS`.
    """
    if option not in OPTIONS:
        raise UnknownNameError("cluster-autoscaler option", option, OPTIONS)
    return f"{_TEMPLATE}/autoscaling-options/{option}"


def provision_minutes(instance: InstanceType) -> int:
    """How long it should wait for a node of a type before it takes the launch for failed.

    Its default is 15 minutes; large accelerated types, such as p5 and p6, need longer (facts README section 6).
    """
    return _LARGE_PROVISION_MINUTES if instance.accelerator and instance.vcpus >= _LARGE_VCPUS else _PROVISION_MINUTES


def image_tag(kubernetes_version: str) -> str:
    """The newest image tag for a Kubernetes minor, such as `v1.35.2`.

    Raises:
        UnknownNameError: No image of that minor is known.
    """
    if kubernetes_version not in _IMAGES:
        raise UnknownNameError("cluster-autoscaler minor", kubernetes_version, _IMAGES)
    return f"v{_IMAGES[kubernetes_version]}"
