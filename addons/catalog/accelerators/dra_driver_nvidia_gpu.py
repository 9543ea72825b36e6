"""NVIDIA DRA driver: compute domains, the shared GPU memory of the nodes of a GB200 or GB300 UltraServer."""

from typing import Any, Final

from addons.spec import AddOn, AddOnSettings, Chart, Image, Placement, Ready, Values
from infra.catalog import names
from infra.handle import ClusterHandle

_NAME: Final = "dra-driver-nvidia-gpu"
_PREFIX: Final = "p6e-"
"""The instance family with NVLink among nodes."""
_INSTANCE_TYPE: Final = "node.kubernetes.io/instance-type"

# What the chart tolerates by itself; a list in the values replaces the chart's whole list.
_TOLERATIONS: Final = ({"key": names.GPU_TAINT, "operator": "Exists", "effect": "NoSchedule"},)


class DraDriverNvidiaGpuSettings(AddOnSettings):
    """Settings of the DRA driver.

    A job makes a ComputeDomain, and its pods claim a channel of it. GPUs themselves stay with the device plugin: two
    owners would give one GPU away twice.
    """

    instance_types: tuple[str, ...] = ()
    """Instance types with NVLink among nodes besides those of the stack's node groups, for nodes that come from
    elsewhere."""


def _types(handle: ClusterHandle) -> set[str]:
    return {kind for pool in handle.pools("nvidia") for kind in pool.instance_types if kind.startswith(_PREFIX)}


def _values(handle: ClusterHandle, settings: DraDriverNvidiaGpuSettings) -> Values:
    types = sorted(_types(handle) | set(settings.instance_types))
    node: dict[str, Any] = (
        {"key": _INSTANCE_TYPE, "operator": "In", "values": types}
        if types
        else {"key": names.GPU_PRESENT_LABEL, "operator": "In", "values": ["true"]}
    )
    requests = {"requests": {"cpu": "50m", "memory": "128Mi"}}
    return {
        "resources": {"gpus": {"enabled": False}},
        "controller": {"containers": {"computeDomain": {"resources": requests}}},
        "kubeletPlugin": {
            "affinity": {
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {
                        "nodeSelectorTerms": [{"matchExpressions": [node]}]
                    }
                }
            },
            "containers": {"computeDomains": {"resources": requests}},
            "tolerations": list(_TOLERATIONS),
        },
    }


def _applies(handle: ClusterHandle) -> str | None:
    return None if _types(handle) else "no node group has NVLink among its nodes (p6e)"


ADDON = AddOn(
    name=_NAME,
    group="accelerators",
    summary="makes compute domains: NVLink among the nodes of an UltraServer (p6e)",
    docs="https://docs.aws.amazon.com/eks/latest/userguide/ml-eks-nvidia-ultraserver.html",
    source=Chart(
        repo="oci://registry.k8s.io/dra-driver-nvidia/charts",
        name=_NAME,
        # renovate: datasource=docker depName=registry.k8s.io/dra-driver-nvidia/charts/dra-driver-nvidia-gpu
        version="0.4.1",
    ),
    settings=DraDriverNvidiaGpuSettings,
    applies=_applies,
    namespace=_NAME,
    create_namespace=True,
    # The plugin is privileged, and mounts the node's files.
    pod_security="privileged",
    values=_values,
    images=(
        Image(
            reference="registry.k8s.io/dra-driver-nvidia/dra-driver-nvidia-gpu:v0.4.1",
            repository="image.repository",
            tag="image.tag",
        ),
    ),
    # It brings the same CRDs.
    conflicts=("gpu-operator",),
    owns_crds=("computedomaincliques.resource.nvidia.com", "computedomains.resource.nvidia.com"),
    placement=Placement(accelerated=("kubeletPlugin.tolerations",)),
    ready=(
        Ready(kind="Deployment", name=f"{_NAME}-controller"),
        Ready(kind="DaemonSet", name=f"{_NAME}-kubelet-plugin"),
    ),
)
