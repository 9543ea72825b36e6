"""The mesh's gateway: web pages of the platform come in here, from the load balancer."""

from typing import Annotated, Any, Final

from pydantic import Field, model_validator

from addons.istio import (
    GATEWAY,
    GATEWAY_ACCOUNT,
    GATEWAY_HEALTH_PORT,
    GATEWAY_LABELS,
    GATEWAY_PORT,
    GATEWAY_TARGET_PORT,
    NAMESPACE,
    REPOSITORY,
    VERSION,
)
from addons.spec import AddOn, AddOnSettings, Chart, Ready, Values
from infra.handle import ClusterHandle

_PROXY: Final = 1337
"""The user that Istio's proxies run as."""


class IstioIngressgatewaySettings(AddOnSettings):
    """Settings of the gateway."""

    min_replicas: Annotated[int, Field(ge=1, le=50)] = 2
    """Pods at least. One can be away while its node is replaced."""
    max_replicas: Annotated[int, Field(ge=1, le=50)] = 5
    """Pods at most, when they are busy."""
    memory_mib: Annotated[int, Field(ge=64, le=8192)] = 128
    """What one pod asks for, in MiB. It grows with the number of routes: each notebook is one."""

    @model_validator(mode="after")
    def _in_order(self) -> "IstioIngressgatewaySettings":
        if self.max_replicas < self.min_replicas:
            raise ValueError(f"maxReplicas {self.max_replicas} is below minReplicas {self.min_replicas}")
        return self


def _values(_handle: ClusterHandle, settings: IstioIngressgatewaySettings) -> Values:
    values: dict[str, Any] = {
        # The load balancer goes to the pods' ports; nothing else comes from outside.
        "service": {
            "type": "ClusterIP",
            "ports": [
                _port("status-port", GATEWAY_HEALTH_PORT, GATEWAY_HEALTH_PORT),
                _port("http2", GATEWAY_PORT, GATEWAY_TARGET_PORT),
            ],
        },
        "serviceAccount": {"name": GATEWAY_ACCOUNT},
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _PROXY,
            "runAsGroup": _PROXY,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "podAnnotations": {
            # The load balancer in front says who asked and how (X-Forwarded-For, X-Forwarded-Proto).
            "proxy.istio.io/config": '{"gatewayTopology":{"numTrustedProxies":1}}',
        },
        "autoscaling": {"minReplicas": settings.min_replicas, "maxReplicas": settings.max_replicas},
        "resources": {
            "requests": {"cpu": "100m", "memory": f"{settings.memory_mib}Mi"},
            "limits": {"cpu": "2000m", "memory": f"{max(1024, 4 * settings.memory_mib)}Mi"},
        },
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": dict(GATEWAY_LABELS)},
            }
        ],
    }
    if settings.min_replicas > 1:
        values["podDisruptionBudget"] = {"maxUnavailable": 1}
    return values


def _port(name: str, port: int, target: int) -> dict[str, Any]:
    return {"name": name, "port": port, "targetPort": target, "protocol": "TCP"}


ADDON = AddOn(
    name=GATEWAY,
    group="mesh",
    summary="the gateway of the platform's web pages, behind the load balancer",
    docs="https://istio.io/latest/docs/setup/additional-setup/gateway/",
    source=Chart(repo=REPOSITORY, name="gateway", version=VERSION),
    settings=IstioIngressgatewaySettings,
    presets=("notebooks",),
    namespace=NAMESPACE,
    values=_values,
    # Its image is the mesh's: istiod's webhook puts it in.
    needs=("istio-base", "istiod"),
    creates=frozenset({"Service"}),
    ready=(Ready(kind="Deployment", name=GATEWAY),),
)
