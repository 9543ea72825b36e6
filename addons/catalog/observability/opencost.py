"""OpenCost: what each namespace, pod and job costs, out of Prometheus's metrics and AWS's price list."""

from typing import Final

from addons.spec import AddOn, AddOnSettings, Chart, Image, Ready, Values
from infra.handle import ClusterHandle

_PROMETHEUS: Final = {"serviceName": "kube-prometheus-stack-prometheus", "namespaceName": "monitoring", "port": 9090}
# renovate: datasource=docker depName=ghcr.io/opencost/opencost depType=follows
_VERSION: Final = "1.120.1"


class OpencostSettings(AddOnSettings):
    """Settings of OpenCost."""

    ui: bool = True
    """Its own web pages, beside the API and the metrics. Nobody logs in to them; they are inside the cluster only."""


def _values(handle: ClusterHandle, settings: OpencostSettings) -> Values:
    return {
        "opencost": {
            "exporter": {
                "defaultClusterId": handle.name,
                # It reads the price list of the whole region when it starts.
                "resources": {"requests": {"cpu": "100m", "memory": "512Mi"}, "limits": {"memory": "2Gi"}},
            },
            # Prometheus scrapes it, and it asks Prometheus for what it has exposed.
            "metrics": {"serviceMonitor": {"enabled": True}},
            "mcp": {"enabled": False},
            "prometheus": {"internal": dict(_PROMETHEUS)},
            "ui": {"enabled": settings.ui},
        }
    }


def _applies(handle: ClusterHandle) -> str | None:
    return None if handle.internet else "nodes do not reach AWS's public price list (network.internet)"


def _image(name: str, digest: str, path: str) -> Image:
    return Image(
        reference=f"ghcr.io/opencost/{name}:{_VERSION}@sha256:{digest}",
        registry=f"{path}.registry",
        repository=f"{path}.repository",
        tag=f"{path}.tag",
    )


ADDON = AddOn(
    name="opencost",
    group="observability",
    summary="what each namespace, pod and job costs",
    docs="https://opencost.io/docs/",
    source=Chart(
        repo="https://opencost.github.io/opencost-helm-chart",
        name="opencost",
        # renovate: datasource=helm depName=opencost registryUrl=https://opencost.github.io/opencost-helm-chart
        version="2.5.17",
    ),
    settings=OpencostSettings,
    applies=_applies,
    namespace="opencost",
    create_namespace=True,
    values=_values,
    images=(
        _image(
            "opencost",
            "b0701f9b54e43c9abee98f5784792a5b469ca8951e87da32b161c1fa539ab0e1",
            "opencost.exporter.image",
        ),
        _image("opencost-ui", "7c08640291228fd13854c9aa0538a6fdbcc2410bfbb66177a7a40d2634983c52", "opencost.ui.image"),
    ),
    needs=("coredns", "kube-prometheus-stack"),
    # Its prices come from a page of AWS that has no VPC endpoint.
    stands_on=("network.internet",),
    creates=frozenset({"Service", "ServiceMonitor"}),
    ready=(Ready(kind="Deployment", name="opencost"),),
)
