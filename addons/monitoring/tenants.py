"""The dashboard of tenants: what each uses of its quota, how long its jobs wait, and what it costs.

A tenant's namespace and its queue have its name. Sources: Kueue 0.19, pkg/metrics/metrics.go; kubelet, "Metrics"
(volume statistics); OpenCost, "Metrics".
"""

from typing import Final

from addons.monitoring import series
from addons.monitoring.panels import Choice, Dashboard, Panel, Unit, query
from infra.catalog import names
from infra.handle import ClusterHandle

OPENCOST: Final = "opencost"
"""The add-on that counts costs."""
_QUEUE: Final = 'cluster_queue=~"$tenant"'
_SPACE: Final = 'namespace=~"$tenant"'
_BY_QUEUE: Final = "sum by (cluster_queue)"
_BY_SPACE: Final = "sum by (namespace)"
_COSTS: Final = (
    ("container_cpu_allocation", "node_cpu_hourly_cost", ""),
    ("container_memory_allocation_bytes", "node_ram_hourly_cost", " / 1024 ^ 3"),
    ("container_gpu_allocation", "node_gpu_hourly_cost", ""),
)
"""What a container takes, what an hour of it costs on its node, and how the first becomes the unit of the second."""


def dashboard(handle: ClusterHandle) -> Dashboard:
    """The dashboard; of accelerators and costs where the cluster has them."""
    devices = sorted({device for pool in handle.node_pools for device in pool.devices})
    return Dashboard(
        uid="slipway-tenants",
        title="Tenants",
        variables=(Choice(name="tenant", values=tuple(each.name for each in handle.tenants)),),
        panels=(
            *(_accelerators(devices) if devices else ()),
            *_workloads(),
            *(_gpus() if handle.pools("nvidia") else ()),
            *_resources(),
            _storage(),
            *((_cost(),) if OPENCOST in handle.addons else ()),
        ),
    )


def _quota(metric: str, resource: str) -> str:
    """Kueue's figures of resources, in cores, bytes and counts."""
    return f'{_BY_QUEUE} (kueue_cluster_queue_{metric}{{{_QUEUE},resource=~"{resource}"}})'


def _accelerators(devices: list[str]) -> tuple[Panel, ...]:
    # A dot of its own, as the text is a pattern.
    which = "|".join(device.replace(".", "[.]") for device in devices)
    by_flavor = {
        metric: f'sum by (cluster_queue, flavor) (kueue_cluster_queue_{metric}{{{_QUEUE},resource=~"{which}"}})'
        for metric in ("resource_usage", "nominal_quota")
    }
    borrowed = f"{by_flavor['resource_usage']} - {by_flavor['nominal_quota']} > 0"
    return (
        _number("Accelerators in use", f"sum({_quota('resource_usage', which)})", "By admitted jobs."),
        _number("Accelerators of its own", f"sum({_quota('nominal_quota', which)})", "Nominal quota."),
        _number("Accelerators waited for", f"sum({_quota('resource_pending', which)})", "Asked for by jobs that wait."),
        _number("Jobs that wait", f"sum(kueue_pending_workloads{{{_QUEUE}}})", "In the queue, not admitted."),
        Panel(
            title="Accelerators in use, and quota",
            description="More than the quota is borrowed, and taken back when its owner asks.",
            targets=[
                query(_quota("resource_usage", which), "{{cluster_queue}} in use"),
                query(_quota("nominal_quota", which), "{{cluster_queue}} quota"),
            ],
        ),
        Panel(
            title="Borrowed accelerators by flavour",
            targets=[query(borrowed, "{{cluster_queue}} {{flavor}}")],
        ),
    )


def _workloads() -> tuple[Panel, ...]:
    waited = f"sum by (cluster_queue, le) (rate(kueue_admission_wait_time_seconds_bucket{{{_QUEUE}}}[15m]))"
    evicted = f"sum by (cluster_queue, reason) (increase(kueue_evicted_workloads_total{{{_QUEUE}}}[15m]))"
    preempted = (
        "sum by (preempting_cluster_queue, reason)"
        ' (increase(kueue_preempted_workloads_total{preempting_cluster_queue=~"$tenant"}[15m]))'
    )
    return (
        Panel(
            title="Jobs that wait",
            description="Inadmissible ones wait until the queue or its cohort changes.",
            targets=[
                query(
                    f"sum by (cluster_queue, status) (kueue_pending_workloads{{{_QUEUE}}})",
                    "{{cluster_queue}} {{status}}",
                )
            ],
        ),
        Panel(
            title="Jobs that run",
            targets=[query(f"{_BY_QUEUE} (kueue_admitted_active_workloads{{{_QUEUE}}})", "{{cluster_queue}}")],
        ),
        Panel(
            title="Wait for admission, nine of ten",
            targets=[query(f"histogram_quantile(0.9, {waited})", "{{cluster_queue}}")],
            unit="s",
        ),
        Panel(
            title="Evictions, and preemptions in its favour",
            description="Evicted are its own jobs; preempted are those that made room for its jobs.",
            targets=[
                query(evicted, "{{cluster_queue}} evicted: {{reason}}"),
                query(preempted, "for {{preempting_cluster_queue}}: {{reason}}"),
            ],
        ),
    )


def _gpus() -> tuple[Panel, ...]:
    return (
        Panel(
            title="Utilisation of its GPUs",
            description="Of the GPUs that its pods hold, queued or not. Held and idle is paid for by all.",
            targets=[query(f"avg by (namespace) ({series.GPU_UTILIZATION}{{{_SPACE}}})", "{{namespace}}")],
            unit="percent",
            maximum=100,
        ),
        Panel(
            title="GPUs that its pods hold",
            description="Notebooks and models too, which are in no queue.",
            targets=[query(_asked(series.metric_resource(names.GPU_RESOURCE)), "{{namespace}}")],
        ),
    )


def _resources() -> tuple[Panel, ...]:
    kinds: tuple[tuple[str, str, Unit], ...] = (("cpu", "Processors", "short"), ("memory", "Memory", "bytes"))
    return tuple(
        Panel(
            title=f"{title} asked for by its pods, and quota",
            targets=[
                query(_asked(resource), "{{namespace}} asked"),
                query(_quota("nominal_quota", resource), "{{cluster_queue}} quota"),
            ],
            unit=unit,
        )
        for resource, title, unit in kinds
    )


def _asked(resource: str) -> str:
    """What pods that run ask for."""
    running = 'kube_pod_status_phase{phase="Running"} == 1'
    asked = f'kube_pod_container_resource_requests{{resource="{resource}",{_SPACE}}}'
    return f"{_BY_SPACE} ({asked} * on (namespace, pod) group_left () ({running}))"


def _storage() -> Panel:
    claims = "sum by (namespace, persistentvolumeclaim)"
    return Panel(
        title="Used on its volumes",
        description="Disks of its own. Of shared file systems the drivers tell nothing, or the whole.",
        targets=[
            query(
                f"{claims} (kubelet_volume_stats_used_bytes{{{_SPACE}}})",
                "{{namespace}}/{{persistentvolumeclaim}}",
            )
        ],
        unit="bytes",
    )


def _cost() -> Panel:
    parts = (
        f"({_BY_SPACE} ({used}{{{_SPACE}}}{scale} * on (node) group_left () max by (node) ({price})) or"
        f" {_BY_SPACE} ({used}{{{_SPACE}}}) * 0)"
        for used, price, scale in _COSTS
    )
    return Panel(
        title="Cost by the hour",
        description="Processors, memory and GPUs that its pods take, at their nodes' list price, by OpenCost.",
        targets=[query(" + ".join(parts), "{{namespace}}")],
        unit="currencyUSD",
    )


def _number(title: str, expr: str, description: str) -> Panel:
    return Panel(
        title=title,
        targets=[query(f"{expr} or vector(0)", instant=True)],
        kind="stat",
        width=6,
        description=description,
    )
