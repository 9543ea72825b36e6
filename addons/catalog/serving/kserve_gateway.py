"""The gateway of model servers: one address in the cluster, and in a browser where the edge lets it out."""

import json
from typing import Annotated, Any, Final

from pydantic import Field

from addons import kserve
from addons.identity_filter import CLAIMS_HEADER, TOKEN_HEADER
from addons.istio import GATEWAY_HEALTH_PATH, GATEWAY_HEALTH_PORT, GROUPS_HEADER, USER_HEADER, envoy_filter
from addons.spec import AddOn, AddOnSettings, Entry, Objects
from infra.handle import ClusterHandle

_POD_LABEL: Final = "gateway.networking.k8s.io/gateway-name"
"""On the pods that Istio makes for a Gateway."""
_PERSONAL: Final = (CLAIMS_HEADER, GROUPS_HEADER, TOKEN_HEADER, USER_HEADER, "cookie", "x-amzn-oidc-identity")
"""Headers of the load balancer, with which a model server could be the person who asked it something."""


class KserveGatewaySettings(AddOnSettings):
    """Settings of the gateway."""

    max_replicas: Annotated[int, Field(ge=2, le=50)] = 5
    """It starts with two pods, and gets more by their CPU."""


def _objects(_handle: ClusterHandle, settings: KserveGatewaySettings) -> list[dict[str, Any]]:
    """A Gateway that Istio serves with pods of its own, and how these are run.

    Sources: Istio, "Kubernetes Gateway API", "Automated deployment" (service type, customization by
    `parametersRef`); KServe, "Kubernetes deployment", "Gateway API".
    """
    resources = {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "1Gi"}}
    parts = {
        "deployment": {
            "spec": {"template": {"spec": {"containers": [{"name": "istio-proxy", "resources": resources}]}}}
        },
        "horizontalPodAutoscaler": {"spec": {"minReplicas": 2, "maxReplicas": settings.max_replicas}},
        "podDisruptionBudget": {"spec": {"minAvailable": 1}},
    }
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": kserve.GATEWAY, "namespace": kserve.NAMESPACE},
            "data": {key: json.dumps(part, sort_keys=True) for key, part in parts.items()},
        },
        {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "Gateway",
            "metadata": {
                "name": kserve.GATEWAY,
                "namespace": kserve.NAMESPACE,
                # Otherwise each Gateway gets a load balancer of its own.
                "annotations": {"networking.istio.io/service-type": "ClusterIP"},
            },
            "spec": {
                "gatewayClassName": "istio",
                "infrastructure": {"parametersRef": {"group": "", "kind": "ConfigMap", "name": kserve.GATEWAY}},
                "listeners": [
                    {
                        "name": "http",
                        "port": 80,
                        "protocol": "HTTP",
                        # KServe makes a route beside each InferenceService.
                        "allowedRoutes": {"namespaces": {"from": "All"}},
                    }
                ],
            },
        },
        envoy_filter(
            f"{kserve.GATEWAY}-headers",
            namespace=kserve.NAMESPACE,
            spec={
                "workloadSelector": {"labels": {_POD_LABEL: kserve.GATEWAY}},
                "configPatches": [
                    {
                        "applyTo": "ROUTE_CONFIGURATION",
                        "match": {"context": "GATEWAY"},
                        "patch": {"operation": "MERGE", "value": {"request_headers_to_remove": list(_PERSONAL)}},
                    }
                ],
            },
        ),
    ]


ADDON = AddOn(
    name="kserve-gateway",
    group="serving",
    summary="the gateway through which model servers are reached",
    docs="https://istio.io/latest/docs/tasks/traffic-management/ingress/gateway-api/",
    source=Objects(build=_objects),
    settings=KserveGatewaySettings,
    presets=("inference",),
    namespace=kserve.NAMESPACE,
    # Istio names what it makes after the Gateway and its class.
    entries=(
        Entry(
            name="models",
            service=f"{kserve.GATEWAY}-istio",
            port=80,
            target_port=80,
            health_path=GATEWAY_HEALTH_PATH,
            health_port=GATEWAY_HEALTH_PORT,
        ),
    ),
    needs=("gateway-api-crds", "istio-base", "istiod", "kserve-crd"),
    creates=frozenset({"EnvoyFilter", "Gateway"}),
)
