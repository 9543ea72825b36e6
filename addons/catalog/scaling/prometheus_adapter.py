"""Prometheus adapter: GPU use and queue lengths out of Prometheus as metrics that a HorizontalPodAutoscaler reads."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field

from addons.monitoring import series
from addons.spec import AddOn, AddOnSettings, Chart, Image, Ready, Values
from infra.handle import ClusterHandle
from infra.model import Model

_GPU_METRICS: Final[Mapping[str, str]] = {
    "gpu_utilization": series.GPU_UTILIZATION,
    "gpu_tensor_active": series.TENSOR_ACTIVE,
    "gpu_memory_used_mib": series.GPU_MEMORY_USED,
}
"""Metric of a pod to the series of its GPUs; a pod's is the mean over them."""


class RuleSettings(Model):
    """One more metric of pods."""

    series: Annotated[str, Field(pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$")]
    """Name of the series in Prometheus. It must have the labels `namespace` and `pod`."""
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    """What autoscalers call it."""
    aggregate: Annotated[str, Field(pattern=r"^(avg|max|min|sum)$")] = "sum"
    """How the series of one pod become one number: avg, max, min or sum."""
    rate_minutes: Annotated[int, Field(ge=1, le=60)] | None = None
    """For a counter: its rate by the second over so many minutes."""


class PrometheusAdapterSettings(AddOnSettings):
    """Settings of the Prometheus adapter."""

    rules: tuple[RuleSettings, ...] = ()
    """Metrics besides those of GPUs, such as a model server's `vllm:num_requests_waiting`."""


def _values(_handle: ClusterHandle, settings: PrometheusAdapterSettings) -> Values:
    gpus = [_rule(source, name, f"avg({_SELECTED})") for name, source in _GPU_METRICS.items()]
    return {
        # The service that kube-prometheus-stack makes.
        "prometheus": {"url": "http://kube-prometheus-stack-prometheus.monitoring.svc", "port": 9090},
        "replicas": 2,
        "podDisruptionBudget": {"enabled": True},
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
        "rules": {
            # The chart's own would offer every series of every container.
            "default": False,
            "custom": [*gpus, *(_rule(each.series, each.name, _query(each)) for each in settings.rules)],
        },
    }


_SELECTED: Final = "<<.Series>>{<<.LabelMatchers>>}"


def _query(rule: RuleSettings) -> str:
    inner = _SELECTED if rule.rate_minutes is None else f"rate({_SELECTED}[{rule.rate_minutes}m])"
    return f"{rule.aggregate}({inner})"


def _rule(source: str, name: str, query: str) -> dict[str, Any]:
    """One metric of pods.

    Source: docs/config.md of kubernetes-sigs/prometheus-adapter.
    """
    labels = ("namespace", "pod")
    return {
        "seriesQuery": f'{source}{{namespace!="",pod!=""}}',
        "resources": {"overrides": {label: {"resource": label} for label in labels}},
        "name": {"as": name},
        "metricsQuery": f"{query} by (<<.GroupBy>>)",
    }


ADDON = AddOn(
    name="prometheus-adapter",
    group="scaling",
    summary="GPU use and queue lengths as metrics that a HorizontalPodAutoscaler reads",
    docs="https://github.com/kubernetes-sigs/prometheus-adapter",
    source=Chart(
        repo="https://prometheus-community.github.io/helm-charts",
        name="prometheus-adapter",
        # renovate: datasource=helm depName=prometheus-adapter registryUrl=https://prometheus-community.github.io/helm-charts
        version="5.3.0",
    ),
    settings=PrometheusAdapterSettings,
    namespace="monitoring",
    values=_values,
    images=(
        Image(
            reference="registry.k8s.io/prometheus-adapter/prometheus-adapter:v0.12.0",
            repository="image.repository",
            tag="image.tag",
        ),
    ),
    needs=("kube-prometheus-stack",),
    creates=frozenset({"Service"}),
    ready=(Ready(kind="Deployment", name="prometheus-adapter"),),
)
