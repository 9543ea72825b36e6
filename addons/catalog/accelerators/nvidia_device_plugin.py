"""NVIDIA device plugin: makes GPUs a resource that pods ask for, whole, sliced in time, by MPS or by MIG."""

from collections.abc import Mapping
from typing import Any, Final

import yaml

from addons.spec import AddOn, AddOnSettings, Chart, Image, Placement, Ready, Values
from infra.catalog import names
from infra.handle import ClusterHandle, GpuSharing

_DEFAULT: Final = "default"
"""The configuration of nodes that carry no label of their own."""

# What the chart tolerates by itself; a list in the values replaces the chart's whole list.
_TOLERATIONS: Final = (
    {"key": "CriticalAddonsOnly", "operator": "Exists"},
    {"key": names.GPU_TAINT, "operator": "Exists", "effect": "NoSchedule"},
)


class NvidiaDevicePluginSettings(AddOnSettings):
    """Settings of the NVIDIA device plugin."""

    fail_requests_greater_than_one: bool = True
    """Refuse a pod that asks for two slices of a time-sliced GPU: it would get no more than for one."""


def config(sharing: GpuSharing | None, settings: NvidiaDevicePluginSettings) -> dict[str, Any]:
    """One named configuration of the plugin.

    Source: README of NVIDIA/k8s-device-plugin v0.20.0, sections "Configuration Option Details" and "Shared Access to
    GPUs". Flags stand in the file, because a flag in the environment would win over every named configuration.
    """
    strategy = (sharing.mig_strategy if sharing else None) or "none"
    base: dict[str, Any] = {"version": "v1", "flags": {"migStrategy": strategy}}
    if sharing is None or sharing.mode == "mig":
        return base
    resources = [{"name": names.GPU_RESOURCE, "replicas": sharing.replicas}]
    if sharing.mode == "mps":
        return {**base, "sharing": {"mps": {"resources": resources}}}
    time_slicing = {
        "failRequestsGreaterThanOne": settings.fail_requests_greater_than_one,
        "resources": resources,
    }
    return {**base, "sharing": {"timeSlicing": time_slicing}}


def _configs(handle: ClusterHandle, settings: NvidiaDevicePluginSettings) -> Mapping[str, str]:
    """Every configuration that a node may name in its label, as YAML text; none where GPUs are whole."""
    shared = {pool.sharing.config: pool.sharing for pool in handle.pools("nvidia") if pool.sharing}
    if not shared:
        return {}
    found = {_DEFAULT: config(None, settings)}
    found |= {name: config(sharing, settings) for name, sharing in sorted(shared.items())}
    return {name: yaml.safe_dump(item, sort_keys=False) for name, item in found.items()}


def _values(handle: ClusterHandle, settings: NvidiaDevicePluginSettings) -> Values:
    configs = _configs(handle, settings)
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
    if configs:
        values["config"] = {"map": dict(configs), "default": _DEFAULT}
    return values


def _applies(handle: ClusterHandle) -> str | None:
    pools = handle.pools("nvidia")
    if not pools:
        return "no node group has NVIDIA GPUs"
    if all(pool.bottlerocket for pool in pools):
        return "all NVIDIA node groups run Bottlerocket, which has the plugin built in"
    return None


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
    presets=("training",),
    applies=_applies,
    namespace="nvidia-device-plugin",
    create_namespace=True,
    # The plugin mounts the kubelet's socket, and the MPS daemon is privileged.
    pod_security="privileged",
    values=_values,
    images=(
        Image(reference="nvcr.io/nvidia/k8s-device-plugin:v0.20.0", repository="image.repository", tag="image.tag"),
    ),
    placement=Placement(accelerated=("tolerations",)),
    ready=(Ready(kind="DaemonSet", name="nvidia-device-plugin"),),
)
