"""The series that alerts and dashboards stand on: who exposes them, under which names.

Sources: DCGM's field identifiers and dcgm-exporter's default-counters.csv (4.5.3-4.8.2); kube-state-metrics 2.20,
"Node Metrics" and "Pod Metrics", which spell a resource's name with underscores; cluster-autoscaler's
proposals/metrics.md; EC2 user guide, "Monitor an Elastic Fabric Adapter", for EFA's counters.
"""

from collections.abc import Mapping
from typing import Any, Final

GPU_UTILIZATION: Final = "DCGM_FI_DEV_GPU_UTIL"
TENSOR_ACTIVE: Final = "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE"
GPU_MEMORY_USED: Final = "DCGM_FI_DEV_FB_USED"
GPU_MEMORY_FREE: Final = "DCGM_FI_DEV_FB_FREE"
GPU_POWER: Final = "DCGM_FI_DEV_POWER_USAGE"
GPU_TEMPERATURE: Final = "DCGM_FI_DEV_GPU_TEMP"
SM_CLOCK: Final = "DCGM_FI_DEV_SM_CLOCK"
XID: Final = "DCGM_FI_DEV_XID_ERRORS"
DOUBLE_BIT: Final = "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL"
ROW_REMAP_FAILURE: Final = "DCGM_FI_DEV_ROW_REMAP_FAILURE"
CLOCK_EVENTS: Final = "DCGM_FI_DEV_CLOCKS_EVENT_REASONS"
DCGM_FIELDS: Final = (
    CLOCK_EVENTS,
    DOUBLE_BIT,
    GPU_MEMORY_FREE,
    GPU_MEMORY_USED,
    GPU_POWER,
    GPU_TEMPERATURE,
    GPU_UTILIZATION,
    ROW_REMAP_FAILURE,
    SM_CLOCK,
    TENSOR_ACTIVE,
    XID,
)
"""What dcgm-exporter must be told to expose."""

EFA_COUNTERS: Final = (
    "tx_bytes",
    "rx_bytes",
    "tx_pkts",
    "rx_pkts",
    "rx_drops",
    "rdma_read_bytes",
    "rdma_read_wr_err",
    "rdma_write_bytes",
    "rdma_write_wr_err",
    "retrans_bytes",
    "retrans_pkts",
    "retrans_timeout_events",
    "impaired_remote_conn_events",
    "unresponsive_remote_events",
)
"""Files below `hw_counters` of an EFA device. The last five are there from Nitro v4 on."""

NODE_OF_POD: Final[Mapping[str, Any]] = {
    "sourceLabels": ["__meta_kubernetes_pod_node_name"],
    "targetLabel": "node",
}
"""Which node a target's pod runs on, under the label that kube-state-metrics uses."""


def efa(counter: str) -> str:
    """The series of an EFA counter."""
    return f"efa_{counter}_total"


def metric_resource(resource: str) -> str:
    """A resource's name as kube-state-metrics spells it, such as `nvidia_com_gpu`."""
    return "".join(letter if letter.isalnum() else "_" for letter in resource)


def node_label(label: str) -> str:
    """A node label's name on `kube_node_labels`."""
    return f"label_{metric_resource(label)}"
