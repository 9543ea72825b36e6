"""DCGM exporter: utilisation, memory, errors and clocks of every NVIDIA GPU, with the pod that has it."""

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import Field

from addons.spec import AddOn, AddOnSettings, Chart, Image, Placement, Ready, Values
from infra.catalog import names
from infra.handle import ClusterHandle

METRICS: Final[Mapping[str, tuple[str, str]]] = {
    "DCGM_FI_DEV_SM_CLOCK": ("gauge", "SM clock (MHz)."),
    "DCGM_FI_DEV_MEM_CLOCK": ("gauge", "Memory clock (MHz)."),
    "DCGM_FI_DEV_CLOCKS_EVENT_REASONS": ("gauge", "Why clocks are held down (bit mask)."),
    "DCGM_FI_DEV_POWER_VIOLATION": ("counter", "Time throttled for power (ns)."),
    "DCGM_FI_DEV_THERMAL_VIOLATION": ("counter", "Time throttled for heat (ns)."),
    "DCGM_FI_DEV_GPU_TEMP": ("gauge", "GPU temperature (C)."),
    "DCGM_FI_DEV_MEMORY_TEMP": ("gauge", "Memory temperature (C)."),
    "DCGM_FI_DEV_POWER_USAGE": ("gauge", "Power draw (W)."),
    "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION": ("counter", "Energy since boot (mJ)."),
    "DCGM_FI_DEV_PCIE_REPLAY_COUNTER": ("counter", "PCIe retries."),
    "DCGM_FI_DEV_GPU_UTIL": ("gauge", "Share of time in which a kernel ran (%)."),
    "DCGM_FI_DEV_MEM_COPY_UTIL": ("gauge", "Memory utilisation (%)."),
    "DCGM_FI_DEV_FB_FREE": ("gauge", "Memory free (MiB)."),
    "DCGM_FI_DEV_FB_USED": ("gauge", "Memory used (MiB)."),
    "DCGM_FI_DEV_FB_RESERVED": ("gauge", "Memory reserved (MiB)."),
    "DCGM_FI_DEV_XID_ERRORS": ("gauge", "The last XID error."),
    "DCGM_FI_DEV_ECC_SBE_VOL_TOTAL": ("counter", "Single-bit ECC errors since boot."),
    "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL": ("counter", "Double-bit ECC errors since boot."),
    "DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS": ("counter", "Rows remapped for correctable errors."),
    "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS": ("counter", "Rows remapped for uncorrectable errors."),
    "DCGM_FI_DEV_ROW_REMAP_FAILURE": ("gauge", "Whether remapping of rows has failed."),
    "DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL": ("counter", "NVLink traffic over all lanes."),
    "DCGM_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL": ("counter", "NVLink flow-control CRC errors."),
    "DCGM_FI_DEV_NVLINK_CRC_DATA_ERROR_COUNT_TOTAL": ("counter", "NVLink data CRC errors."),
    "DCGM_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL": ("counter", "NVLink retries."),
    "DCGM_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL": ("counter", "NVLink recoveries."),
    "DCGM_FI_DRIVER_VERSION": ("label", "Driver version."),
    "DCGM_FI_PROF_GR_ENGINE_ACTIVE": ("gauge", "Share of time in which the graphics engine was active."),
    "DCGM_FI_PROF_SM_ACTIVE": ("gauge", "Share of cycles with a warp on an SM."),
    "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE": ("gauge", "Share of cycles in which tensor cores were active."),
    "DCGM_FI_PROF_DRAM_ACTIVE": ("gauge", "Share of cycles in which memory moved data."),
    "DCGM_FI_PROF_PCIE_TX_BYTES": ("gauge", "Sent over PCIe (bytes per second)."),
    "DCGM_FI_PROF_PCIE_RX_BYTES": ("gauge", "Received over PCIe (bytes per second)."),
}
"""What is exposed: DCGM field to Prometheus type and help. A GPU that lacks a field, as those of G instances lack
NVLink, leaves it out.

Source of names and types: etc/default-counters.csv of NVIDIA/dcgm-exporter 4.5.3-4.8.2, and DCGM's field identifiers.
"""


class DcgmExporterSettings(AddOnSettings):
    """Settings of the DCGM exporter."""

    pod_labels: tuple[Annotated[str, Field(pattern="^[^,]+$")], ...] = ()
    """Regular expressions of pod labels that go onto the metrics, such as `^kueue\\.x-k8s\\.io/.*$`. Each value makes
    series of its own. The exporter may then read all pods. No commas: it takes them for the end of one."""


def _values(handle: ClusterHandle, settings: DcgmExporterSettings) -> Values:
    present = {"key": names.GPU_PRESENT_LABEL, "operator": "In", "values": ["true"]}
    values: Values = {
        "customMetrics": "".join(f"{field}, {kind}, {text}\n" for field, (kind, text) in METRICS.items()),
        # The monitor comes with the alerts (gpu-monitoring), which know whether there is anybody to read it.
        "serviceMonitor": {"enabled": False},
        # By default it runs on every node, where without a GPU it fails for ever. Nodes with Bottlerocket do not carry
        # this label: their runtime gives GPUs to no pod that did not ask for one.
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [{"matchExpressions": [present]}]
                }
            }
        },
        # Eight GPUs with profiling outgrow the chart's 512 MiB and 200m.
        "resources": {
            "requests": {"cpu": "100m", "memory": "256Mi"},
            "limits": {"cpu": "500m", "memory": "1Gi"},
        },
        "tolerations": [],
    }
    if settings.pod_labels:
        values["kubernetes"] = {"enablePodLabels": True, "podLabelAllowlistRegex": list(settings.pod_labels)}
    if _sliced(handle):
        # Otherwise only one of the pods on a GPU would be named.
        values["extraEnv"] = [{"name": "KUBERNETES_VIRTUAL_GPUS", "value": "true"}]
    return values


def _sliced(handle: ClusterHandle) -> bool:
    return any(pool.sharing and pool.sharing.mode in ("time-slicing", "mps") for pool in handle.pools("nvidia"))


def _applies(handle: ClusterHandle) -> str | None:
    pools = handle.pools("nvidia")
    if not pools:
        return "no node group has NVIDIA GPUs"
    if all(pool.bottlerocket for pool in pools):
        return "all NVIDIA node groups run Bottlerocket, which gives GPUs only to pods that ask for them"
    return None


ADDON = AddOn(
    name="dcgm-exporter",
    group="accelerators",
    summary="exposes utilisation, memory, errors and clocks of every NVIDIA GPU, with the pod that has it",
    docs="https://docs.nvidia.com/datacenter/dcgm/latest/gpu-telemetry/dcgm-exporter.html",
    source=Chart(
        repo="https://nvidia.github.io/dcgm-exporter/helm-charts",
        name="dcgm-exporter",
        # renovate: datasource=helm depName=dcgm-exporter registryUrl=https://nvidia.github.io/dcgm-exporter/helm-charts
        version="4.8.2",
    ),
    settings=DcgmExporterSettings,
    presets=("full",),
    applies=_applies,
    namespace="dcgm-exporter",
    create_namespace=True,
    # It mounts the kubelet's directory of pod resources, and profiling needs SYS_ADMIN.
    pod_security="privileged",
    values=_values,
    images=(
        Image(
            reference="nvcr.io/nvidia/k8s/dcgm-exporter:4.5.3-4.8.2-distroless",
            repository="image.repository",
            tag="image.tag",
        ),
    ),
    # It brings an exporter of its own, and two cannot read a GPU's profiling counters.
    conflicts=("amazon-cloudwatch-observability",),
    creates=frozenset({"Service"}),
    placement=Placement(accelerated=("tolerations",)),
    ready=(Ready(kind="DaemonSet", name="dcgm-exporter"),),
)
