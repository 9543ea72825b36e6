"""The dashboards: GPUs, EFA, FSx for Lustre, Kueue's queues, and tenants.

Sources: the metrics named in `series`; FSx for Lustre user guide, "Metrics and dimensions"; Kueue documentation,
"Prometheus Metrics" (those of quotas need `metrics.enableClusterQueueResources`).
"""

from typing import Any, Final

from addons.grafana import CLOUDWATCH
from addons.monitoring import alerts, series, tenants
from addons.monitoring.panels import Dashboard, Panel, Unit, Variable, query
from infra.catalog import names
from infra.handle import ClusterHandle, LustreVolume

_ON_NODE: Final = '{node=~"$node"}'
_MINUTE: Final = "60"


def dashboards(handle: ClusterHandle) -> dict[str, Dashboard]:
    """The dashboards of what the cluster has, by the name of their file."""
    found = {"kueue": _kueue()}
    if handle.pools("nvidia"):
        found["gpu"] = _gpu()
    if any(pool.efa_interfaces for pool in handle.node_pools):
        found["efa"] = _efa()
    if handle.tenants:
        found["tenants"] = tenants.dashboard(handle)
    if handle.storage.lustre:
        found["lustre"] = _lustre(handle.storage.lustre, handle.region)
    return found


def _gpu() -> Dashboard:
    asked = f'kube_pod_container_resource_requests{{resource="{series.metric_resource(names.GPU_RESOURCE)}"}}'
    allocatable = f'kube_node_status_allocatable{{resource="{series.metric_resource(names.GPU_RESOURCE)}"}}'
    pending = f'{asked} * on (namespace, pod) group_left () (kube_pod_status_phase{{phase="Pending"}} == 1)'
    running = f'{asked} * on (namespace, pod) group_left () (kube_pod_status_phase{{phase="Running"}} == 1)'
    per_node = f"avg by (node) ({series.GPU_UTILIZATION}{_ON_NODE})"
    memory = (
        f"100 * sum by (node) ({series.GPU_MEMORY_USED}{_ON_NODE})"
        f" / sum by (node) ({series.GPU_MEMORY_USED}{_ON_NODE} + {series.GPU_MEMORY_FREE}{_ON_NODE})"
    )
    return Dashboard(
        uid="slipway-gpu",
        title="GPUs",
        variables=(Variable(name="node", metric=series.GPU_UTILIZATION, label="node"),),
        panels=(
            _number("GPUs", f"sum({allocatable})", "On nodes that are there now."),
            _number("In use", f"sum({running})", "Asked for by pods that run."),
            _number("Waited for", f"sum({pending}) or vector(0)", "Asked for by pods that have no node."),
            _number(
                "Unused nodes, USD an hour",
                f"sum({alerts.UNUSED_PRICE}) or vector(0)",
                "GPU nodes on which no pod asks for a GPU, at the price of their capacity.",
                unit="currencyUSD",
            ),
            Panel(
                title="Utilisation by node",
                description="Share of time in which any kernel ran; 100 % says nothing about how well.",
                targets=[query(per_node, "{{node}}")],
                unit="percent",
                maximum=100,
            ),
            Panel(
                title="Tensor cores by node",
                description="Share of cycles in which the tensor cores worked: how well a training job uses its GPUs.",
                targets=[query(f"100 * avg by (node) ({series.TENSOR_ACTIVE}{_ON_NODE})", "{{node}}")],
                unit="percent",
                maximum=100,
            ),
            Panel(
                title="Utilisation by pod",
                targets=[
                    query(
                        f'avg by (namespace, pod) ({series.GPU_UTILIZATION}{{node=~"$node",pod!=""}})',
                        "{{namespace}}/{{pod}}",
                    )
                ],
                unit="percent",
                maximum=100,
            ),
            Panel(title="Memory by node", targets=[query(memory, "{{node}}")], unit="percent", maximum=100),
            Panel(
                title="Power by node",
                targets=[query(f"sum by (node) ({series.GPU_POWER}{_ON_NODE})", "{{node}}")],
                unit="watt",
            ),
            Panel(
                title="Hottest GPU by node",
                targets=[query(f"max by (node) ({series.GPU_TEMPERATURE}{_ON_NODE})", "{{node}}")],
                unit="celsius",
            ),
            Panel(
                title="Slowest clock by node (MHz)",
                description="One slow GPU holds up a whole job.",
                targets=[query(f"min by (node) ({series.SM_CLOCK}{_ON_NODE})", "{{node}}")],
            ),
            Panel(
                title="Last XID by GPU",
                targets=[query(f"{series.XID}{_ON_NODE} > 0", "{{node}} GPU {{gpu}}")],
            ),
        ),
    )


def _number(title: str, expr: str, description: str, unit: Unit = "short") -> Panel:
    return Panel(
        title=title, targets=[query(expr, instant=True)], kind="stat", width=6, description=description, unit=unit
    )


def _efa() -> Dashboard:
    def by_node(counter: str) -> str:
        return f"sum by (node) (rate({series.efa(counter)}{_ON_NODE}[5m]))"

    tcp = 'sum by (node) (rate(node_network_transmit_bytes_total{node=~"$node",device=~"(eth|en[ops]|enP).*"}[5m]))'
    problems = ("rx_drops", "retrans_timeout_events", "impaired_remote_conn_events", "unresponsive_remote_events")
    return Dashboard(
        uid="slipway-efa",
        title="EFA",
        variables=(Variable(name="node", metric=series.efa("tx_bytes"), label="node"),),
        panels=(
            Panel(title="Sent over EFA", targets=[query(by_node("tx_bytes"), "{{node}}")], unit="Bps"),
            Panel(title="Received over EFA", targets=[query(by_node("rx_bytes"), "{{node}}")], unit="Bps"),
            Panel(
                title="Sent over TCP and the like",
                description="Where this is high and EFA is silent, a job has fallen back to TCP.",
                targets=[query(tcp, "{{node}}")],
                unit="Bps",
            ),
            Panel(
                title="RDMA",
                targets=[
                    query(by_node("rdma_read_bytes"), "{{node}} read"),
                    query(by_node("rdma_write_bytes"), "{{node}} written"),
                ],
                unit="Bps",
            ),
            Panel(
                title="Sent by device of a node",
                description="Devices of one node carry about the same; a silent one is not used or broken.",
                targets=[
                    query(
                        f"sum by (node, device) (rate({series.efa('tx_bytes')}{_ON_NODE}[5m]))", "{{node}} {{device}}"
                    )
                ],
                unit="Bps",
            ),
            Panel(
                title="Sent again",
                targets=[query(by_node("retrans_bytes"), "{{node}}")],
                unit="Bps",
            ),
            Panel(
                title="Drops, timeouts, peers that do not answer",
                targets=[query(by_node(counter), "{{node}} " + counter) for counter in problems],
                unit="ops",
                width=24,
            ),
        ),
    )


def _lustre(volumes: tuple[LustreVolume, ...], region: str) -> Dashboard:
    def rate(title: str, metric: str, unit: Unit) -> Panel:
        targets = [
            target
            for number, volume in enumerate(volumes)
            for target in (
                {**_cloudwatch(volume, region, metric, "Sum"), "id": f"m{number}", "hide": True},
                {**_math(f"m{number} / PERIOD(m{number})", volume, region), "id": f"r{number}"},
            )
        ]
        return _fsx(title, targets, unit)

    free = [
        {**_cloudwatch(volume, region, "FreeDataStorageCapacity", "Sum"), "id": f"m{number}"}
        for number, volume in enumerate(volumes)
    ]
    return Dashboard(
        uid="slipway-lustre",
        title="FSx for Lustre",
        panels=(
            rate("Read", "DataReadBytes", "Bps"),
            rate("Written", "DataWriteBytes", "Bps"),
            rate("Metadata operations", "MetadataOperations", "ops"),
            # One value per disk and minute: only over one minute is their sum what is free.
            _fsx("Free capacity", free, "bytes"),
        ),
    )


def _fsx(title: str, targets: list[dict[str, Any]], unit: Unit) -> Panel:
    return Panel(title=title, targets=targets, unit=unit, datasource=(CLOUDWATCH, CLOUDWATCH))


def _query(volume: LustreVolume, region: str) -> dict[str, Any]:
    return {
        "datasource": {"type": CLOUDWATCH, "uid": CLOUDWATCH},
        "queryMode": "Metrics",
        "metricQueryType": 0,
        "region": region,
        "period": _MINUTE,
        "label": volume.name,
    }


def _cloudwatch(volume: LustreVolume, region: str, metric: str, statistic: str) -> dict[str, Any]:
    return {
        **_query(volume, region),
        "metricEditorMode": 0,
        "namespace": "AWS/FSx",
        "metricName": metric,
        "dimensions": {"FileSystemId": volume.file_system_id},
        "matchExact": True,
        "statistic": statistic,
        "expression": "",
    }


def _math(expression: str, volume: LustreVolume, region: str) -> dict[str, Any]:
    return {**_query(volume, region), "metricEditorMode": 1, "expression": expression}


def _kueue() -> Dashboard:
    of_queue = '{cluster_queue=~"$queue"}'
    waited = "sum by (cluster_queue, le) (rate(kueue_admission_wait_time_seconds_bucket" + of_queue + "[15m]))"
    nvidia = '{cluster_queue=~"$queue",resource="' + names.GPU_RESOURCE + '"}'
    return Dashboard(
        uid="slipway-kueue",
        title="Kueue",
        variables=(Variable(name="queue", metric="kueue_pending_workloads", label="cluster_queue"),),
        panels=(
            Panel(
                title="Workloads that wait",
                description="Inadmissible ones wait until the queue or its cohort changes.",
                targets=[
                    query(
                        f"sum by (cluster_queue, status) (kueue_pending_workloads{of_queue})",
                        "{{cluster_queue}} {{status}}",
                    )
                ],
            ),
            Panel(
                title="Workloads that run",
                targets=[
                    query(
                        f"sum by (cluster_queue) (kueue_admitted_active_workloads{of_queue})",
                        "{{cluster_queue}}",
                    )
                ],
            ),
            Panel(
                title="Wait for admission, nine of ten",
                targets=[query(f"histogram_quantile(0.9, {waited})", "{{cluster_queue}}")],
                unit="s",
            ),
            Panel(
                title="Evictions",
                targets=[
                    query(
                        f"sum by (cluster_queue, reason) (increase(kueue_evicted_workloads_total{of_queue}[15m]))",
                        "{{cluster_queue}} {{reason}}",
                    )
                ],
            ),
            Panel(
                title="GPUs in use",
                targets=[
                    query(
                        f"sum by (cluster_queue, flavor) (kueue_cluster_queue_resource_usage{nvidia})",
                        "{{cluster_queue}} {{flavor}}",
                    )
                ],
            ),
            Panel(
                title="GPU quota",
                targets=[
                    query(
                        f"sum by (cluster_queue, flavor) (kueue_cluster_queue_nominal_quota{nvidia})",
                        "{{cluster_queue}} {{flavor}}",
                    )
                ],
            ),
        ),
    )
