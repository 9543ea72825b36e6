"""kube-prometheus-stack: Prometheus, Alertmanager and Grafana, with the rules and dashboards of Kubernetes."""

from typing import Annotated, Any, Final

import pulumi
from pydantic import Field

from addons.grafana import cluster_role, entry, grafana
from addons.iam import ANY, allow, policy
from addons.monitoring.series import NODE_OF_POD
from addons.spec import AddOn, AddOnSettings, Chart, Identity, Image, Placement, Ready, Values, Webhook
from infra.catalog import names
from infra.handle import ClusterHandle, Prometheus

_RELEASE: Final = "kube-prometheus-stack"
_STORAGE_CLASS: Final = "gp3"
_USABLE: Final = 0.85
"""Share of the disk that blocks may fill: the write-ahead log and compaction need the rest."""
_ALERTMANAGER_GIB: Final = 2

# What node-exporter tolerates by itself; a list in the values replaces the chart's whole list.
_TOLERATIONS: Final = ({"effect": "NoSchedule", "operator": "Exists"},)


class KubePrometheusStackSettings(AddOnSettings):
    """Settings of Prometheus, Alertmanager and Grafana."""

    retention_days: Annotated[int, Field(ge=1, le=365)] = 15
    """Days that Prometheus keeps metrics on its disk. A workspace (`observability.prometheus`) keeps them longer."""

    storage_gib: Annotated[int, Field(ge=10, le=16_384)] = 100
    """Prometheus's disk. It drops the oldest metrics before the disk is full, whatever `retentionDays` says."""

    memory_gib: Annotated[int, Field(ge=1, le=256)] = 2
    """What Prometheus asks for; as a rule 1 GiB for 100,000 active series. It must fit a node of a system group."""

    remote_write: bool = True
    """Send all metrics to the stack's Prometheus workspace, where it has one. AWS bills them by sample."""

    anonymous: bool = True
    """Show dashboards to whoever reaches Grafana without a token. Its service is inside the cluster only: pods reach
    it, and people by `kubectl port-forward`. Turn it off where people come through the load balancer's login alone."""


def _values(handle: ClusterHandle, settings: KubePrometheusStackSettings) -> Values:
    return {
        # EKS does not let anybody scrape these; their alerts would fire for ever.
        "kubeControllerManager": {"enabled": False},
        "kubeEtcd": {"enabled": False},
        "kubeScheduler": {"enabled": False},
        # kube-proxy of EKS serves its metrics on the node's loopback only.
        "kubeProxy": {"enabled": False},
        "prometheusOperator": {
            # Otherwise Jobs with an image of their own make certificates at every installation.
            "admissionWebhooks": {"certManager": {"enabled": True}, "failurePolicy": "Ignore"},
            "resources": _requests("100m", "128Mi"),
        },
        "prometheus": {"prometheusSpec": _prometheus(handle, settings)},
        "alertmanager": _alertmanager(handle),
        "kube-state-metrics": {
            # By them alerts and dashboards know a node's group and type.
            "metricLabelsAllowlist": [
                f"nodes=[{','.join((names.GROUP_LABEL, names.CAPACITY_LABEL, 'node.kubernetes.io/instance-type'))}]"
            ],
            "resources": _requests("50m", "192Mi"),
        },
        "prometheus-node-exporter": {
            "prometheus": {"monitor": {"relabelings": [NODE_OF_POD]}},
            "resources": _requests("50m", "64Mi"),
            "tolerations": list(_TOLERATIONS),
        },
        "grafana": grafana(handle, anonymous=settings.anonymous),
        "extraManifests": [cluster_role()],
    }


def _requests(cpu: str, memory: str) -> dict[str, Any]:
    return {"requests": {"cpu": cpu, "memory": memory}}


def _disk(gib: int) -> dict[str, Any]:
    return {
        "volumeClaimTemplate": {
            "spec": {
                "storageClassName": _STORAGE_CLASS,
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": f"{gib}Gi"}},
            }
        }
    }


def _prometheus(handle: ClusterHandle, settings: KubePrometheusStackSettings) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "externalLabels": {"cluster": handle.name},
        "retention": f"{settings.retention_days}d",
        "retentionSize": f"{int(settings.storage_gib * _USABLE)}GiB",
        "storageSpec": _disk(settings.storage_gib),
        "resources": _requests("500m", f"{settings.memory_gib}Gi"),
        # Otherwise it takes only what carries this release's label, and no other add-on's monitors and rules.
        **{
            f"{kind}SelectorNilUsesHelmValues": False
            for kind in ("serviceMonitor", "podMonitor", "probe", "rule", "scrapeConfig")
        },
    }
    workspace = _workspace(handle, settings)
    if workspace:
        url = pulumi.Output.concat(workspace.endpoint, "api/v1/remote_write")
        spec["remoteWrite"] = [{"url": url, "sigv4": {"region": handle.region}}]
    return spec


def _workspace(handle: ClusterHandle, settings: KubePrometheusStackSettings) -> Prometheus | None:
    return handle.observability.prometheus if handle.observability and settings.remote_write else None


def _alertmanager(handle: ClusterHandle) -> dict[str, Any]:
    values: dict[str, Any] = {
        "alertmanagerSpec": {"storage": _disk(_ALERTMANAGER_GIB), "resources": _requests("20m", "64Mi")}
    }
    if handle.observability is None:
        return values
    # Watchdog fires always, to show that alerts flow; InfoInhibitor only mutes others.
    quiet = 'alertname =~ "Watchdog|InfoInhibitor"'
    topic = {"topic_arn": handle.observability.topic_arn, "sigv4": {"region": handle.region}, "send_resolved": True}
    values["config"] = {
        "route": {
            "group_by": ["alertname", "namespace"],
            "receiver": "topic",
            "routes": [{"receiver": "null", "matchers": [quiet]}],
        },
        "receivers": [{"name": "null"}, {"name": "topic", "sns_configs": [topic]}],
    }
    return values


def _may_write(handle: ClusterHandle, settings: KubePrometheusStackSettings) -> dict[str, Any] | None:
    """Source: AmazonPrometheusRemoteWriteAccess, on the stack's workspace alone."""
    workspace = _workspace(handle, settings)
    return policy(allow("aps:RemoteWrite", on=workspace.arn)) if workspace else None


def _may_notify(handle: ClusterHandle, _settings: KubePrometheusStackSettings) -> dict[str, Any] | None:
    """Source: Amazon SNS developer guide, "Key management": publishers of an encrypted topic need its key."""
    if handle.observability is None:
        return None
    return policy(
        allow("sns:Publish", on=handle.observability.topic_arn),
        allow("kms:Decrypt", "kms:GenerateDataKey", on=handle.observability.topic_key_arn),
    )


def _may_read(handle: ClusterHandle, _settings: KubePrometheusStackSettings) -> dict[str, Any] | None:
    """Metrics of file systems, which only CloudWatch has. The actions take no resource."""
    if not handle.storage.lustre:
        return None
    return policy(allow("cloudwatch:GetMetricData", "cloudwatch:ListMetrics", on=ANY))


def _image(reference: str, path: str) -> Image:
    return Image(reference=reference, registry=f"{path}.registry", repository=f"{path}.repository", tag=f"{path}.tag")


ADDON = AddOn(
    name=_RELEASE,
    group="observability",
    summary="Prometheus, Alertmanager and Grafana, with the rules and dashboards of Kubernetes",
    docs="https://github.com/prometheus-community/helm-charts/tree/main/charts/kube-prometheus-stack",
    source=Chart(
        repo="https://prometheus-community.github.io/helm-charts",
        name="kube-prometheus-stack",
        # renovate: datasource=helm depName=kube-prometheus-stack registryUrl=https://prometheus-community.github.io/helm-charts
        version="88.5.3",
    ),
    settings=KubePrometheusStackSettings,
    presets=("full",),
    namespace="monitoring",
    create_namespace=True,
    # node-exporter uses the node's network, processes and files.
    pod_security="privileged",
    values=_values,
    images=(
        _image("quay.io/prometheus/prometheus:v3.14.0-distroless", "prometheus.prometheusSpec.image"),
        _image("quay.io/prometheus/alertmanager:v0.34.0", "alertmanager.alertmanagerSpec.image"),
        _image("quay.io/prometheus-operator/prometheus-operator:v0.93.1", "prometheusOperator.image"),
        _image(
            "quay.io/prometheus-operator/prometheus-config-reloader:v0.93.1",
            "prometheusOperator.prometheusConfigReloader.image",
        ),
        _image("quay.io/prometheus/node-exporter:v1.12.1-distroless", "prometheus-node-exporter.image"),
        _image("registry.k8s.io/kube-state-metrics/kube-state-metrics:v2.20.0", "kube-state-metrics.image"),
        _image("docker.io/grafana/grafana:13.2.0", "grafana.image"),
        _image("quay.io/kiwigrid/k8s-sidecar:2.10.1", "grafana.sidecar.image"),
    ),
    endpoints=("sns",),
    identities=(
        Identity(
            service_account=f"{_RELEASE}-prometheus", policy=_may_write, irsa="prometheus.serviceAccount.annotations"
        ),
        Identity(
            service_account=f"{_RELEASE}-alertmanager",
            policy=_may_notify,
            irsa="alertmanager.serviceAccount.annotations",
        ),
        Identity(service_account=f"{_RELEASE}-grafana", policy=_may_read, irsa="grafana.serviceAccount.annotations"),
    ),
    entries=(entry(f"{_RELEASE}-grafana"),),
    needs=("cert-manager", "coredns", "storage-classes"),
    owns_crds=tuple(
        f"{plural}.monitoring.coreos.com"
        for plural in (
            "alertmanagerconfigs",
            "alertmanagers",
            "podmonitors",
            "probes",
            "prometheusagents",
            "prometheuses",
            "prometheusrules",
            "scrapeconfigs",
            "servicemonitors",
            "thanosrulers",
        )
    ),
    webhooks=(
        Webhook(intercepts=frozenset({"PrometheusRule"}), failure_policy="Ignore"),
        Webhook(intercepts=frozenset({"PrometheusRule"}), failure_policy="Ignore"),
        Webhook(intercepts=frozenset({"AlertmanagerConfig"}), failure_policy="Ignore"),
    ),
    creates=frozenset({"Certificate", "Issuer", "PrometheusRule", "Service"}),
    placement=Placement(accelerated=("prometheus-node-exporter.tolerations",)),
    ready=(
        Ready(kind="Deployment", name=f"{_RELEASE}-operator"),
        Ready(kind="Deployment", name=f"{_RELEASE}-grafana"),
        Ready(kind="DaemonSet", name=f"{_RELEASE}-prometheus-node-exporter"),
    ),
)
