"""Alerts about accelerated nodes, and what they cost when nobody uses them.

Sources: EKS user guide, "Detect node health issues" (which XIDs are faults of a device); NVIDIA, "XID errors" and
NVML's `nvmlClocksEventReasons` (bits); the metrics named in `series`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from addons.monitoring import series
from infra.catalog import names
from infra.catalog.prices import instance_hourly
from infra.handle import ClusterHandle

_DEVICE_XIDS: Final = (48, 63, 64, 74, 79, 94, 95, 119, 120, 121, 140)
"""The device, its memory, its link or its firmware; what a program did wrong (13, 31) is not among them."""
_SLOWDOWN_BITS: Final = (8, 32, 64, 128)
"""Hardware slowdown, software thermal, hardware thermal, power brake. A power cap (4) is how a busy GPU works."""
_NETWORK_CARDS: Final = "(eth|en[ops]|enP).*"
"""The node's own cards, and not the `eni...` of its pods."""
_TYPE_LABEL: Final = series.node_label("node.kubernetes.io/instance-type")
_CAPACITY_LABEL: Final = series.node_label(names.CAPACITY_LABEL)

INSTANCE_PRICE: Final = "slipway:instance_usd_per_hour"
UNUSED_NODE: Final = "slipway:gpu_node_unused"
UNUSED_PRICE: Final = "slipway:gpu_node_unused_usd_per_hour"

Severity = Literal["critical", "warning", "info"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """From when on something is worth an alert.

    Attributes:
        idle_percent: A GPU whose use never exceeds this is idle.
        idle_minutes: For so long.
        pending_minutes: How long a pod may wait for an accelerator, for a node to come included.
    """

    idle_percent: int
    idle_minutes: int
    pending_minutes: int


@dataclass(frozen=True, kw_only=True)
class Alert:
    """One alert; labels in its texts are written `{{ $labels.node }}`."""

    name: str
    expr: str
    minutes: int
    severity: Severity
    summary: str
    description: str

    def build(self) -> dict[str, Any]:
        """The rule as Prometheus reads it."""
        return {
            "alert": self.name,
            "expr": self.expr,
            "for": f"{self.minutes}m",
            "labels": {"severity": self.severity},
            "annotations": {"summary": self.summary, "description": self.description},
        }


def rules(handle: ClusterHandle, limits: Limits) -> dict[str, Any]:
    """The groups of one PrometheusRule: what the cluster's node groups can have, and the autoscaler."""
    groups = [("slipway.pods", _pods(handle, limits)), ("slipway.autoscaler", _autoscaler())]
    if handle.pools("nvidia"):
        groups += [("slipway.gpu", _gpus()), ("slipway.gpu-use", _use(limits))]
    if any(pool.efa_interfaces for pool in handle.node_pools):
        groups.append(("slipway.efa", _efa(gpus=bool(handle.pools("nvidia")))))
    built = [{"name": name, "rules": [alert.build() for alert in alerts]} for name, alerts in groups]
    return {"groups": [*_prices(handle), *built]}


def _allocatable(resource: str) -> str:
    return f'max by (node) (kube_node_status_allocatable{{resource="{series.metric_resource(resource)}"}}) > 0'


def _requested(resource: str, phase: str, by: str) -> str:
    """What pods of a phase ask for."""
    name = series.metric_resource(resource)
    return (
        f'sum by ({by}) (kube_pod_container_resource_requests{{resource="{name}"}}'
        f' * on (namespace, pod) group_left () (kube_pod_status_phase{{phase="{phase}"}} == 1))'
    )


def _prices(handle: ClusterHandle) -> Iterator[dict[str, Any]]:
    """Recording rules: what an instance costs, which GPU nodes nobody uses, and what those cost."""
    pools = handle.pools("nvidia")
    if not pools:
        return
    kinds = sorted({(kind, pool.capacity) for pool in pools for kind in pool.instance_types})
    prices = {key: found for key in kinds if (found := instance_hourly(key[0], handle.region, key[1]))}
    used = _requested(names.GPU_RESOURCE, "Running", "node")
    records = [
        {
            "record": INSTANCE_PRICE,
            "expr": f"vector({price.usd_per_hour:g})",
            "labels": {_TYPE_LABEL: kind, _CAPACITY_LABEL: capacity},
        }
        for (kind, capacity), price in prices.items()
    ]
    records.append(
        {"record": UNUSED_NODE, "expr": f"({_allocatable(names.GPU_RESOURCE)}) * 0 + 1 unless on (node) ({used} > 0)"}
    )
    if prices:
        labelled = f"max by (node, {_TYPE_LABEL}, {_CAPACITY_LABEL}) (kube_node_labels)"
        costs = f"{labelled} * on ({_TYPE_LABEL}, {_CAPACITY_LABEL}) group_left () {INSTANCE_PRICE}"
        records.append({"record": UNUSED_PRICE, "expr": f"{UNUSED_NODE} * on (node) group_right () ({costs})"})
    yield {"name": "slipway.cost", "rules": records}


def _pods(handle: ClusterHandle, limits: Limits) -> list[Alert]:
    kinds = {"nvidia": names.GPU_RESOURCE, "neuron": names.NEURON_RESOURCE}
    resources = [kinds[kind] for kind in ("nvidia", "neuron") if handle.pools(kind)]
    found = [
        Alert(
            name="AcceleratedPodPending",
            expr=_requested(resource, "Pending", "namespace, pod") + " > 0",
            minutes=limits.pending_minutes,
            severity="warning",
            summary="{{ $labels.namespace }}/{{ $labels.pod }} waits for " + resource,
            description="No node has what it asks for, and none came: see the pod's events, the cluster-autoscaler's"
            " log and the quota or reservation of the node group.",
        )
        for resource in resources
    ]
    ready = 'max by (node) (kube_node_status_condition{condition="Ready",status="true"}) == 0'
    found += [
        Alert(
            name="AcceleratedNodeNotReady",
            expr=f"({ready}) and on (node) ({_capacity(resource)})",
            minutes=10,
            severity="critical",
            summary="{{ $labels.node }} has accelerators and is not ready",
            description="It costs money and runs nothing. Node repair replaces it where it is on.",
        )
        for resource in resources
    ]
    found.append(
        Alert(
            name="AcceleratedHardwareFault",
            expr='max by (node) (kube_node_status_condition{condition="AcceleratedHardwareReady",status="false"}) == 1',
            minutes=1,
            severity="critical",
            summary="{{ $labels.node }}: EKS's node monitoring agent reports a fault of an accelerator",
            description="The node's events and its condition AcceleratedHardwareReady say which.",
        )
    )
    return found


def _capacity(resource: str) -> str:
    return f'max by (node) (kube_node_status_capacity{{resource="{series.metric_resource(resource)}"}}) > 0'


def _gpus() -> list[Alert]:
    device = "{{ $labels.node }}, GPU {{ $labels.gpu }}"
    faults = " or ".join(f"{series.XID} == {xid}" for xid in _DEVICE_XIDS)
    slow = " + ".join(f"floor({series.CLOCK_EVENTS} / {bit}) % 2" for bit in _SLOWDOWN_BITS)
    return [
        Alert(
            name="GpuDeviceXid",
            expr=faults,
            minutes=0,
            severity="critical",
            summary=device + ": XID {{ $value }}",
            description="The driver reports a fault of the device. Drain the node and replace it; the value is the"
            " last XID and stays until the exporter starts again.",
        ),
        Alert(
            name="GpuProgramXid",
            expr=f"{series.XID} > 0 and changes({series.XID}[15m]) > 0 unless ({faults})",
            minutes=0,
            severity="info",
            summary=device + ": XID {{ $value }}",
            description="As a rule a program's own mistake, such as an access out of bounds. Look at the job's log.",
        ),
        Alert(
            name="GpuDoubleBitError",
            expr=f"increase({series.DOUBLE_BIT}[15m]) > 0",
            minutes=0,
            severity="critical",
            summary=device + ": uncorrectable memory errors",
            description="What ran on the GPU has wrong data or has ended. The row is remapped when the GPU is reset.",
        ),
        Alert(
            name="GpuRowRemapFailure",
            expr=f"{series.ROW_REMAP_FAILURE} > 0",
            minutes=0,
            severity="critical",
            summary=device + ": no spare memory rows are left",
            description="NVIDIA replaces such a device: replace the node.",
        ),
        Alert(
            name="GpuClocksSlowedDown",
            expr=f"({slow}) > 0",
            minutes=10,
            severity="warning",
            summary=device + ": the hardware slows its clocks down",
            description="Heat or power supply, not the usual power cap. One such GPU holds up a whole job.",
        ),
        Alert(
            name="GpuMetricsMissing",
            expr=f"({_allocatable(names.GPU_RESOURCE)}) unless on (node) count by (node) ({series.GPU_UTILIZATION})",
            minutes=15,
            severity="warning",
            summary="{{ $labels.node }} has GPUs and shows no metrics of them",
            description="dcgm-exporter does not run there, or does not answer.",
        ),
    ]


def _use(limits: Limits) -> list[Alert]:
    busiest = f'max_over_time({series.GPU_UTILIZATION}{{pod!=""}}[5m])'
    return [
        Alert(
            name="GpuNodeUnused",
            expr=f"{UNUSED_NODE} == 1",
            minutes=limits.idle_minutes,
            severity="warning",
            summary="{{ $labels.node }}: nobody uses its GPUs",
            description="It is paid for. Cluster-autoscaler removes it unless its group's minimum, a reservation or"
            " a pod without a controller keeps it.",
        ),
        Alert(
            name="GpuHeldIdle",
            expr=f"max by (namespace, pod, node) ({busiest}) < {limits.idle_percent}",
            minutes=limits.idle_minutes,
            severity="info",
            summary="{{ $labels.namespace }}/{{ $labels.pod }} holds GPUs and does not use them",
            description="A notebook that was left open, or a job that hangs.",
        ),
    ]


def _efa(*, gpus: bool) -> list[Alert]:
    sent = f"sum by (node) (rate({series.efa('tx_bytes')}[10m]))"
    by_tcp = f'sum by (node) (rate(node_network_transmit_bytes_total{{device=~"{_NETWORK_CARDS}"}}[10m]))'
    asked = f"({_requested(names.EFA_RESOURCE, 'Running', 'node')} > 0)"
    busy = f" and on (node) (avg by (node) ({series.GPU_UTILIZATION}) > 50)" if gpus else ""
    events = " + ".join(
        f"rate({series.efa(counter)}[10m])" for counter in ("retrans_timeout_events", "unresponsive_remote_events")
    )
    return [
        Alert(
            name="EfaNotUsed",
            # Lustre and S3 are TCP too, but a job over EFA is never silent on it for so long.
            expr=f"{by_tcp} > 100e6 and on (node) ({sent} < 1e5) and on (node) {asked}{busy}",
            minutes=15,
            severity="warning",
            summary="{{ $labels.node }}: pods have EFA devices, and talk over TCP",
            description="NCCL falls back to sockets where libfabric finds no provider: look for `NET/OFI` in the log"
            " with NCCL_DEBUG=INFO, and check aws-ofi-nccl in the image, the security group and the EFA devices asked.",
        ),
        Alert(
            name="EfaPeersUnresponsive",
            expr=f"sum by (node, device) ({events}) > 0",
            minutes=10,
            severity="warning",
            summary="{{ $labels.node }}, {{ $labels.device }}: EFA peers do not answer",
            description="A peer died, or the security group stops traffic among the nodes of the group.",
        ),
        Alert(
            name="EfaMetricsMissing",
            expr=f"({_allocatable(names.EFA_RESOURCE)}) unless on (node) count by (node) ({series.efa('tx_bytes')})",
            minutes=15,
            severity="info",
            summary="{{ $labels.node }} has EFA and shows no counters",
            description="The exporter does not run there, or the driver is too old to count.",
        ),
    ]


def _autoscaler() -> list[Alert]:
    return [
        Alert(
            name="ClusterAutoscalerCannotScale",
            expr="sum by (reason) (increase(cluster_autoscaler_failed_scale_ups_total[30m])) > 0",
            minutes=0,
            severity="warning",
            summary="nodes do not come: {{ $labels.reason }}",
            description="EC2 has no capacity, a quota is used up, or a reservation is full: see the activity history"
            " of the Auto Scaling group.",
        ),
        Alert(
            name="ClusterAutoscalerErrors",
            expr="sum by (type) (increase(cluster_autoscaler_errors_total[15m])) > 0",
            minutes=15,
            severity="warning",
            summary="cluster-autoscaler fails: {{ $labels.type }}",
            description="See its log. As long as it lasts no node comes or goes.",
        ),
        Alert(
            name="ClusterAutoscalerUnsafe",
            expr="max(cluster_autoscaler_cluster_safe_to_autoscale) == 0",
            minutes=15,
            severity="critical",
            summary="cluster-autoscaler has stopped: too many nodes are not ready",
            description="It neither adds nor removes nodes until they are ready or gone.",
        ),
    ]
