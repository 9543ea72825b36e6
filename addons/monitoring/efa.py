"""EFA's counters for Prometheus.

node-exporter shows of EFA devices their state only: its InfiniBand collector reads `counters`, and EFA counts in
`hw_counters` (prometheus/node_exporter#3670). A shell loop reads those files, and busybox serves what it wrote.
"""

from collections.abc import Mapping
from typing import Any, Final

from addons.images import BUSYBOX
from addons.monitoring.series import EFA_COUNTERS, NODE_OF_POD, efa
from addons.objects import NOT_AWAITED
from addons.values import pulled_from
from infra.catalog import names
from infra.handle import ClusterHandle

NAME: Final = "efa-exporter"
_PORT: Final = 9109
_NOBODY: Final = 65534
_PAGE: Final = "/www/metrics.txt"
SCRIPT: Final = f"""\
set -eu
httpd -p {_PORT} -h /www
while true; do
  for counter in {" ".join(EFA_COUNTERS)}; do
    echo "# TYPE {efa("${counter}")} counter"
    for file in /host/sys/class/infiniband/*/ports/*/hw_counters/$counter; do
      [ -r "$file" ] || continue
      rest=${{file#/host/sys/class/infiniband/}}
      port=${{rest#*/ports/}}
      echo "{efa("${counter}")}{{device=\\"${{rest%%/*}}\\",port=\\"${{port%%/*}}\\"}} $(cat "$file")"
    done
  done > {_PAGE}.new
  mv {_PAGE}.new {_PAGE}
  sleep 15
done
"""


def exporter(handle: ClusterHandle, namespace: str) -> list[Mapping[str, Any]]:
    """The DaemonSet on nodes with EFA, and what tells Prometheus of it."""
    labels = {"app.kubernetes.io/name": NAME}
    return [_daemon_set(handle, namespace, labels), _monitor(namespace, labels)]


def _daemon_set(handle: ClusterHandle, namespace: str, labels: Mapping[str, str]) -> dict[str, Any]:
    container = {
        "name": NAME,
        "image": pulled_from(BUSYBOX, handle),
        "command": ["sh", "-c", SCRIPT],
        "ports": [{"name": "metrics", "containerPort": _PORT}],
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [
            {"name": "sys", "mountPath": "/host/sys", "readOnly": True},
            {"name": "www", "mountPath": "/www"},
        ],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {
            "name": NAME,
            "namespace": namespace,
            "labels": dict(labels),
            "annotations": dict(NOT_AWAITED),
        },
        "spec": {
            "selector": {"matchLabels": dict(labels)},
            # One at a time would take hours on a large cluster, and nobody waits for it.
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "20%"}},
            "template": {
                "metadata": {"labels": dict(labels)},
                "spec": {
                    "automountServiceAccountToken": False,
                    # As dcgm-exporter: a job that fills the node would push it out, and nobody sees its network.
                    "priorityClassName": "system-node-critical",
                    "nodeSelector": {names.EFA_LABEL: "true"},
                    "tolerations": [taint.toleration for taint in handle.taints],
                    "securityContext": {
                        "runAsNonRoot": True,
                        "runAsUser": _NOBODY,
                        "runAsGroup": _NOBODY,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "containers": [container],
                    "volumes": [
                        # In a pod's own /sys the devices of other network namespaces have no counters.
                        {"name": "sys", "hostPath": {"path": "/sys", "type": "Directory"}},
                        {"name": "www", "emptyDir": {"medium": "Memory", "sizeLimit": "4Mi"}},
                    ],
                },
            },
        },
    }


def _monitor(namespace: str, labels: Mapping[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": {"name": NAME, "namespace": namespace},
        "spec": {
            "selector": {"matchLabels": dict(labels)},
            # busybox says text/plain without a version, which Prometheus 3 refuses to guess at.
            "fallbackScrapeProtocol": "PrometheusText0.0.4",
            "podMetricsEndpoints": [
                {"port": "metrics", "path": "/metrics.txt", "interval": "30s", "relabelings": [NODE_OF_POD]}
            ],
        },
    }
