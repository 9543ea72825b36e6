"""gpu-monitoring: alerts and dashboards of GPUs, EFA, Lustre, Kueue and the autoscaler, and EFA's counters."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import pulumi
from pydantic import Field

from addons.grafana import DASHBOARD_LABEL, FOLDER_ANNOTATION
from addons.monitoring import efa
from addons.monitoring.alerts import Limits, rules
from addons.monitoring.dashboards import dashboards
from addons.monitoring.series import NODE_OF_POD
from addons.spec import AddOn, AddOnSettings, Objects
from infra.handle import ClusterHandle

_NAMESPACE: Final = "monitoring"
_FOLDER: Final = "Slipway"

Minutes = Annotated[int, Field(ge=1, le=1440)]


class GpuMonitoringSettings(AddOnSettings):
    """Settings of the alerts and dashboards."""

    idle_percent: Annotated[int, Field(ge=1, le=100)] = 5
    """A GPU that a pod holds is idle while its utilisation stays under this."""

    idle_minutes: Minutes = 60
    """How long a GPU or a whole GPU node idles before somebody is told."""

    pending_minutes: Minutes | None = None
    """How long a pod waits for an accelerator before somebody is told. By default twice as long as the slowest node
    group's nodes take."""


def _objects(handle: ClusterHandle, settings: GpuMonitoringSettings) -> list[Mapping[str, Any]]:
    slowest = max((pool.provision_minutes for pool in handle.node_pools), default=15)
    limits = Limits(
        idle_percent=settings.idle_percent,
        idle_minutes=settings.idle_minutes,
        pending_minutes=settings.pending_minutes or 2 * slowest,
    )
    with_efa = any(pool.efa_interfaces for pool in handle.node_pools)
    return [
        _object("monitoring.coreos.com/v1", "PrometheusRule", "slipway-accelerators", spec=rules(handle, limits)),
        _monitor("cluster-autoscaler", {"app.kubernetes.io/name": "aws-cluster-autoscaler"}, "http"),
        *([_gpu_exporter()] if handle.pools("nvidia") else []),
        *(efa.exporter(handle, _NAMESPACE) if with_efa else []),
        *(_dashboard(name, board.build()) for name, board in sorted(dashboards(handle).items())),
    ]


def _object(api_version: str, kind: str, name: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401  # any part of it
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, "namespace": _NAMESPACE},
        **fields,
    }


def _monitor(name: str, labels: Mapping[str, str], port: str) -> dict[str, Any]:
    return _object(
        "monitoring.coreos.com/v1",
        "ServiceMonitor",
        name,
        spec={
            "selector": {"matchLabels": dict(labels)},
            "namespaceSelector": {"any": True},
            "endpoints": [{"port": port, "interval": "30s"}],
        },
    )


def _gpu_exporter() -> dict[str, Any]:
    """Metrics keep the labels of the pod that holds the GPU, and have none of the exporter's own.

    A GPU that nobody holds comes without them (NVIDIA/dcgm-exporter#277): it would seem to be the exporter's.
    """
    monitor = _monitor("gpus", {"app.kubernetes.io/name": "dcgm-exporter"}, "metrics")
    (endpoint,) = monitor["spec"]["endpoints"]
    own = {"action": "labeldrop", "regex": "container|namespace|pod"}
    endpoint.update(honorLabels=True, relabelings=[NODE_OF_POD, own])
    return monitor


def _dashboard(name: str, board: Mapping[str, Any]) -> dict[str, Any]:
    made = _object(
        "v1",
        "ConfigMap",
        f"dashboard-{name}",
        data={f"slipway-{name}.json": pulumi.Output.json_dumps(board, sort_keys=True)},
    )
    made["metadata"] |= {"labels": dict(DASHBOARD_LABEL), "annotations": {FOLDER_ANNOTATION: _FOLDER}}
    return made


def _applies(handle: ClusterHandle) -> str | None:
    if any(pool.accelerator or pool.efa_interfaces for pool in handle.node_pools):
        return None
    return "no node group has accelerators or EFA"


ADDON = AddOn(
    name="gpu-monitoring",
    group="observability",
    summary="alerts and dashboards of GPUs, EFA, Lustre, Kueue and the autoscaler",
    docs="https://docs.aws.amazon.com/eks/latest/userguide/ml-realtime-inference-observability.html",
    source=Objects(build=_objects),
    settings=GpuMonitoringSettings,
    presets=("full",),
    applies=_applies,
    namespace=_NAMESPACE,
    needs=("kube-prometheus-stack",),
    creates=frozenset({"ConfigMap", "DaemonSet", "PodMonitor", "PrometheusRule", "ServiceMonitor"}),
)
