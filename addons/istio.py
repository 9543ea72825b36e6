"""Istio, as add-ons that live in the mesh or behind its gateway know it.

Names that have to agree are here once: Kubeflow's policies name the gateway's service account and the headers that say
who somebody is.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

# renovate: datasource=helm depName=istiod registryUrl=https://istio-release.storage.googleapis.com/charts
VERSION: Final = "1.30.3"
REPOSITORY: Final = "https://istio-release.storage.googleapis.com/charts"
IMAGES: Final = "registry.istio.io/release"

NAMESPACE: Final = "istio-system"
"""Of istiod and the gateway. Policies in it that select no pods hold for the whole mesh."""
KINDS: Final = frozenset(
    {
        "AuthorizationPolicy",
        "DestinationRule",
        "EnvoyFilter",
        "Gateway",
        "PeerAuthentication",
        "ProxyConfig",
        "RequestAuthentication",
        "ServiceEntry",
        "Sidecar",
        "Telemetry",
        "TrafficExtension",
        "VirtualService",
        "WasmPlugin",
        "WorkloadEntry",
        "WorkloadGroup",
    }
)
"""Istio's kinds. Whoever makes one needs istiod, whose webhook sees them all."""

GATEWAY: Final = "istio-ingressgateway"
"""The gateway that people come in by: its release, its Deployment and its Service."""
GATEWAY_LABELS: Final[Mapping[str, str]] = {"app": GATEWAY, "istio": "ingressgateway"}
"""Of its pods."""
GATEWAY_ACCOUNT: Final = "istio-ingressgateway-service-account"
"""Its service account, as Kubeflow's policies name it."""
GATEWAY_PORT: Final = 80
GATEWAY_TARGET_PORT: Final = 8080
"""Of the Service and of the pods, for plain HTTP from the load balancer."""
GATEWAY_HEALTH_PORT: Final = 15021
GATEWAY_HEALTH_PATH: Final = "/healthz/ready"
"""What answers without a login."""
KUBEFLOW_GATEWAY: Final = "kubeflow/kubeflow-gateway"
"""The Gateway object that virtual services of web pages name."""

USER_HEADER: Final = "kubeflow-userid"
GROUPS_HEADER: Final = "kubeflow-groups"
"""What the gateway tells of who asks, in place of what the client said: the email address, and the groups."""
LOGIN_PATHS: Final = ("/dex/", "/oauth2/")
"""Where people log in where the gateway itself asks them: nobody has a token there yet."""
EXTERNAL_AUTHORIZATION: Final = "oauth2-proxy"
"""The mesh's name for oauth2-proxy as the one that is asked whether somebody is logged in."""


def authorization_policy(
    name: str, *, namespace: str = NAMESPACE, spec: Mapping[str, Any], selects: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Who may call the pods that `selects` matches; of `istio-system` without it, any pod of the mesh."""
    selector = {"selector": {"matchLabels": dict(selects)}} if selects else {}
    return _object("security.istio.io/v1", "AuthorizationPolicy", name, namespace, {**selector, **spec})


def request_authentication(
    name: str, *, namespace: str = NAMESPACE, rules: Sequence[Mapping[str, Any]], selects: Mapping[str, str]
) -> dict[str, Any]:
    """Which tokens are verified, and with whose keys. A request without one passes: policies say what needs one."""
    spec = {"selector": {"matchLabels": dict(selects)}, "jwtRules": list(rules)}
    return _object("security.istio.io/v1", "RequestAuthentication", name, namespace, spec)


def virtual_service(name: str, *, namespace: str, prefix: str, service: str, port: int) -> dict[str, Any]:
    """Requests for a path, from the gateway to a service of the same namespace.

    Of any host: Envoy looks for a route only among those of the most exact host, and Kubeflow's name none.
    """
    destination = {"host": f"{service}.{namespace}.svc.cluster.local", "port": {"number": port}}
    http = [{"match": [{"uri": {"prefix": prefix}}], "route": [{"destination": destination}]}]
    spec = {"gateways": [KUBEFLOW_GATEWAY], "hosts": ["*"], "http": http}
    return _object("networking.istio.io/v1", "VirtualService", name, namespace, spec)


def sidecar_scope(
    hosts: Sequence[str],
    *,
    name: str = "default",
    namespace: str = NAMESPACE,
    selects: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Which services the proxies beside the pods that `selects` matches are told of, as `<namespace>/<host>`.

    Of all pods of the namespace without it; of `istio-system`, of all pods of the mesh that no other one is for.
    """
    selector = {"workloadSelector": {"labels": dict(selects)}} if selects else {}
    spec = {**selector, "egress": [{"hosts": list(hosts)}]}
    return _object("networking.istio.io/v1", "Sidecar", name, namespace, spec)


def telemetry(name: str, *, namespace: str = NAMESPACE, spec: Mapping[str, Any]) -> dict[str, Any]:
    """What proxies tell of their requests."""
    return _object("telemetry.istio.io/v1", "Telemetry", name, namespace, spec)


def peer_authentication(name: str, *, namespace: str, mode: str) -> dict[str, Any]:
    """Whether pods of a namespace answer clients outside the mesh."""
    return _object("security.istio.io/v1", "PeerAuthentication", name, namespace, {"mtls": {"mode": mode}})


def outside(name: str, host: str, *, namespace: str = NAMESPACE) -> list[dict[str, Any]]:
    """A way over TLS to a host outside the mesh, for proxies of a namespace that speak plain HTTP to it at port 443."""
    port = {"number": 443, "name": "https", "protocol": "HTTPS"}
    entry = {
        "hosts": [host],
        "ports": [port],
        "location": "MESH_EXTERNAL",
        "resolution": "DNS",
        "exportTo": ["."],
    }
    rule = {"host": host, "exportTo": ["."], "trafficPolicy": {"tls": {"mode": "SIMPLE", "sni": host}}}
    return [
        _object("networking.istio.io/v1", "ServiceEntry", name, namespace, entry),
        _object("networking.istio.io/v1", "DestinationRule", name, namespace, rule),
    ]


def envoy_filter(name: str, *, namespace: str = NAMESPACE, spec: Mapping[str, Any]) -> dict[str, Any]:
    """A change of the proxies' own configuration."""
    return _object("networking.istio.io/v1alpha3", "EnvoyFilter", name, namespace, spec)


def _object(api: str, kind: str, name: str, namespace: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": dict(spec),
    }
