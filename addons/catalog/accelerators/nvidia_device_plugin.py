"""NVIDIA device plugin: makes GPUs a resource that pods ask for, whole, sliced in time, by MPS or by MIG."""

from typing import Final

from addons.gpu_sharing import DEFAULT, configs, plugin_is_needed
from addons.spec import AddOn, AddOnSettings, Chart, Image, Placement, Ready, Values
from infra.catalog import names
from infra.handle import ClusterHandle

# What the chart tolerates by itself; a list in the values replaces the chart's whole list.
_TOLERATIONS: Final = (
    {"key": "CriticalAddonsOnly", "operator": "Exists"},
    {"key": names.GPU_TAINT, "operator": "Exists", "effect": "NoSchedule"},
)


class NvidiaDevicePluginSettings(AddOnSettings):
    """Settings of the NVIDIA device plugin."""

    fail_requests_greater_than_one: bool = True
    """Refuse a pod that asks for two slices of a time-sliced GPU: it would get no more than for one."""


def _values(handle: ClusterHandle, settings: NvidiaDevicePluginSettings) -> Values:
    found = configs(handle, one_slice=settings.fail_requests_greater_than_one)
    present = {"key": names.GPU_PRESENT_LABEL, "operator": "In", "values": ["true"]}
    values: Values = {
        # Node feature discovery, whose labels the chart's own affinity waits for, is not installed. Nodes with
        # Bottlerocket do not carry this label: their plugin is built in.
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [{"matchExpressions": [present]}]
                }
            }
        },
        "gfd": {"enabled": False},
        # Mounting the InfiniBand devices would collide with the EFA plugin (NVIDIA/k8s-device-plugin#1837).
        "mofedEnabled": False,
        "tolerations": list(_TOLERATIONS),
    }
    if found:
        values["config"] = {"map": found, "default": DEFAULT}
    return values


ADDON = AddOn(
    name="nvidia-device-plugin",
    group="accelerators",
    summary="makes NVIDIA GPUs a resource that pods ask for, whole or shared",
    docs="https://github.com/NVIDIA/k8s-device-plugin",
    source=Chart(
        repo="https://nvidia.github.io/k8s-device-plugin",
        name="nvidia-device-plugin",
        # renovate: datasource=helm depName=nvidia-device-plugin registryUrl=https://nvidia.github.io/k8s-device-plugin
        version="0.20.0",
    ),
    settings=NvidiaDevicePluginSettings,
    presets=("inference", "notebooks", "training"),
    applies=plugin_is_needed,
    namespace="nvidia-device-plugin",
    create_namespace=True,
    # The plugin mounts the kubelet's socket, and the MPS daemon is privileged.
    pod_security="privileged",
    values=_values,
    images=(
        Image(reference="nvcr.io/nvidia/k8s-device-plugin:v0.20.0", repository="image.repository", tag="image.tag"),
    ),
    # All of them hand out nvidia.com/gpu.
    conflicts=("gpu-operator", "hami"),
    placement=Placement(accelerated=("tolerations",)),
    ready=(Ready(kind="DaemonSet", name="nvidia-device-plugin"),),
)
