"""How the NVIDIA device plugin divides GPUs among pods: one named configuration for each kind of sharing. Pure.

Whoever runs the plugin, its own chart or the GPU operator, reads the same configurations; a node names its own in the
label `nvidia.com/device-plugin.config`.
"""

from typing import Any, Final

import yaml

from infra.catalog import names
from infra.handle import ClusterHandle, GpuSharing

DEFAULT: Final = "default"
"""The configuration of nodes that carry no label of their own."""


def config(sharing: GpuSharing | None, *, one_slice: bool) -> dict[str, Any]:
    """One named configuration of the plugin.

    Source: README of NVIDIA/k8s-device-plugin v0.20.0, sections "Configuration Option Details" and "Shared Access to
    GPUs". Flags stand in the file, because a flag in the environment would win over every named configuration.

    Args:
        sharing: How the GPUs are divided; None where they are whole.
        one_slice: Refuse a pod that asks for two slices of a time-sliced GPU.
    """
    strategy = (sharing.mig_strategy if sharing else None) or "none"
    base: dict[str, Any] = {"version": "v1", "flags": {"migStrategy": strategy}}
    if sharing is None or sharing.mode == "mig":
        return base
    resources = [{"name": names.GPU_RESOURCE, "replicas": sharing.replicas}]
    if sharing.mode == "mps":
        return {**base, "sharing": {"mps": {"resources": resources}}}
    return {**base, "sharing": {"timeSlicing": {"failRequestsGreaterThanOne": one_slice, "resources": resources}}}


def configs(handle: ClusterHandle, *, one_slice: bool) -> dict[str, str]:
    """Every configuration that a node may name in its label, as YAML text; none where GPUs are whole."""
    shared = {pool.sharing.config: pool.sharing for pool in handle.pools("nvidia") if pool.sharing}
    if not shared:
        return {}
    found = {DEFAULT: config(None, one_slice=one_slice)}
    found |= {name: config(sharing, one_slice=one_slice) for name, sharing in sorted(shared.items())}
    return {name: yaml.safe_dump(item, sort_keys=False) for name, item in found.items()}


def plugin_is_needed(handle: ClusterHandle) -> str | None:
    """Why installing the plugin is of no use, or None."""
    pools = handle.pools("nvidia")
    if not pools:
        return "no node group has NVIDIA GPUs"
    if all(pool.bottlerocket for pool in pools):
        return "all NVIDIA node groups run Bottlerocket, which has the plugin built in"
    return None
