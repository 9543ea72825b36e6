"""NVIDIA GPU operator: device plugin, labels of GPUs, checks of nodes and, if wanted, MIG by a label."""

from typing import Any, Final

import yaml

from addons.gpu_sharing import DEFAULT, configs, plugin_is_needed
from addons.spec import AddOn, AddOnSettings, Chart, Image, Placement, Ready, Values
from infra.catalog import mig, names
from infra.handle import ClusterHandle

# renovate: datasource=helm depName=gpu-operator registryUrl=https://helm.ngc.nvidia.com/nvidia
_VERSION: Final = "v26.7.0"
_PLUGIN_CONFIG: Final = "slipway-device-plugin"
_MIG_CONFIG: Final = "slipway-mig"
_UNNAMED_PROFILES: Final = ("p6-b300.",)
"""Types with MIG whose profiles the catalogue lacks."""

# What the chart tolerates by itself; a list in the values replaces the chart's whole list.
_TOLERATIONS: Final = ({"key": names.GPU_TAINT, "operator": "Exists", "effect": "NoSchedule"},)
_OFF: Final = ("driver", "toolkit", "dcgmExporter", "ccManager")
"""EKS's images have driver and toolkit; the add-on dcgm-exporter exposes metrics, so that alerts and dashboards see the
same with and without the operator; confidential computing needs hosts of one's own."""


class GpuOperatorSettings(AddOnSettings):
    """Settings of the GPU operator.

    Bottlerocket node groups, whose plugin is built in, keep it away with
    `labels: {nvidia.com/gpu.deploy.operands: "false"}`.
    """

    fail_requests_greater_than_one: bool = True
    """Refuse a pod that asks for two slices of a time-sliced GPU: it would get no more than for one."""

    mig_manager: bool = False
    """Run MIG manager, which divides a node's GPUs anew when its label `nvidia.com/mig.config` says so, as
    `all-<profile>`, `all-enabled` or `all-disabled`; pods on the GPUs must be gone first. It leaves nodes without that
    label alone, so that those of a group with `sharing.mode: mig` keep what they did at boot: do not label them."""


def mig_configs(handle: ClusterHandle) -> dict[str, Any]:
    """What MIG manager may make of a GPU: each profile of the cluster's types, as often as it fits.

    Source: README of NVIDIA/mig-parted, "Example: configuration file".
    """
    found: dict[str, Any] = {
        "all-disabled": [{"devices": "all", "mig-enabled": False}],
        "all-enabled": [{"devices": "all", "mig-enabled": True, "mig-devices": {}}],
    }
    counts: dict[str, dict[int, set[str]]] = {}
    for pool in handle.pools("nvidia"):
        for kind in pool.instance_types:
            for profile, count in mig.profiles(kind).items():
                counts.setdefault(profile, {}).setdefault(count, set()).add(kind)
    for profile, by_count in sorted(counts.items()):
        # One name, one layout: where types differ, as A100 of 40 and of 80 GB do, each count has its own.
        for count in sorted(by_count):
            name = f"all-{profile}" if len(by_count) == 1 else f"all-{profile}-{count}"
            found[name] = [{"devices": "all", "mig-enabled": True, "mig-devices": {profile: count}}]
    return {"version": "v1", "mig-configs": found}


def _mig_config(handle: ClusterHandle) -> Values:
    """Where the layouts stand; nowhere if they are not all known, so that each node finds its own."""
    types = {kind for pool in handle.pools("nvidia") for kind in pool.instance_types}
    if not any(mig.profiles(kind) for kind in types) or any(kind.startswith(_UNNAMED_PROFILES) for kind in types):
        return {}
    data = yaml.safe_dump(mig_configs(handle), sort_keys=False)
    return {"create": True, "name": _MIG_CONFIG, "data": {"config.yaml": data}}


def _strategy(handle: ClusterHandle) -> str:
    """The strategy of all groups with MIG; where they differ, none, so that the plugin takes each node's own."""
    found = {pool.sharing.mig_strategy for pool in handle.pools("nvidia") if pool.sharing and pool.sharing.mig_strategy}
    if len(found) > 1:
        return ""
    # Without MIG it means nothing; what MIG manager makes is then `nvidia.com/gpu`, as pods ask for it anyway.
    return found.pop() if found else "single"


def _values(handle: ClusterHandle, settings: GpuOperatorSettings) -> Values:
    values: Values = {name: {"enabled": False} for name in _OFF}
    values |= {
        # The add-on node-feature-discovery owns it, and its CRDs.
        "nfd": {"enabled": False},
        "daemonsets": {"tolerations": list(_TOLERATIONS)},
        "mig": {"strategy": _strategy(handle)},
        "migManager": {"enabled": settings.mig_manager},
    }
    if settings.mig_manager:
        # By default the operator labels every node that could have MIG `all-disabled`: what was made at boot would go.
        values["migManager"]["config"] = {"default": "", **_mig_config(handle)}
    found = configs(handle, one_slice=settings.fail_requests_greater_than_one)
    if found:
        values["devicePlugin"] = {"config": {"create": True, "name": _PLUGIN_CONFIG, "default": DEFAULT, "data": found}}
    return values


def _image(reference: str, operand: str) -> Image:
    return Image(reference=reference, registry=f"{operand}.repository", repository=f"{operand}.image")


ADDON = AddOn(
    name="gpu-operator",
    group="accelerators",
    summary="runs NVIDIA's device plugin, labels and checks GPU nodes, and divides GPUs by MIG on demand",
    docs="https://docs.nvidia.com/datacenter/cloud-native/gpu-operator/latest/amazon-eks.html",
    source=Chart(
        repo="https://helm.ngc.nvidia.com/nvidia",
        name="gpu-operator",
        version=_VERSION,
    ),
    settings=GpuOperatorSettings,
    applies=plugin_is_needed,
    namespace="gpu-operator",
    create_namespace=True,
    # The operands mount the node's devices, and most are privileged.
    pod_security="privileged",
    values=_values,
    images=(
        _image(f"nvcr.io/nvidia/gpu-operator:{_VERSION}", "operator"),
        _image(f"nvcr.io/nvidia/gpu-operator:{_VERSION}", "validator"),
        _image("nvcr.io/nvidia/k8s-device-plugin:v0.20.0", "devicePlugin"),
        _image("nvcr.io/nvidia/k8s-device-plugin:v0.20.0", "gfd"),
        _image("nvcr.io/nvidia/cloud-native/k8s-mig-manager:v0.15.0", "migManager"),
    ),
    needs=("node-feature-discovery",),
    # HAMi and the plugin hand out nvidia.com/gpu, too; the DRA driver brings the same CRDs.
    conflicts=("dra-driver-nvidia-gpu", "hami", "nvidia-device-plugin"),
    owns_crds=(
        "clusterpolicies.nvidia.com",
        "computedomaincliques.resource.nvidia.com",
        "computedomains.resource.nvidia.com",
        "gpuclusters.nvidia.com",
        "nvidiadrivers.nvidia.com",
    ),
    placement=Placement(accelerated=("daemonsets.tolerations",)),
    ready=(Ready(kind="Deployment", name="gpu-operator"),),
)
