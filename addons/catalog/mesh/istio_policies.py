"""What holds for the whole mesh: who may call whom, what proxies are told of, what the gateway asks for and logs."""

from typing import Any, Final

from addons.istio import (
    GATEWAY_LABELS,
    LOGIN_PATHS,
    NAMESPACE,
    authorization_policy,
    peer_authentication,
    sidecar_scope,
    telemetry,
)
from addons.spec import AddOn, AddOnSettings, Objects
from infra.handle import ClusterHandle
from infra.kubernetes import Namespace

_MANAGED: Final = {"gateway.istio.io/managed": "istio.io-gateway-controller"}
"""Of the pods that istiod makes for gateways of the Gateway API, in any namespace."""
_KNOWN: Final = ("./*", "istio-system/*", "kubeflow/*", "kubeflow-system/*", "knative-serving/*")
"""Services that a proxy is told of. What is left out is reached as by a pod without a proxy."""


class IstioPoliciesSettings(AddOnSettings):
    """Settings of the mesh's policies."""

    deny_by_default: bool = True
    """Whether pods of the mesh answer only whom a policy lets in. Kubeflow's parts bring theirs."""
    strict_namespaces: tuple[Namespace, ...] = ()
    """Namespaces whose pods answer no client outside the mesh. Not those of webhooks, which the API server calls."""
    access_logs: bool = True
    """Whether the gateway logs each request: who, what, and how it went."""


def _objects(_handle: ClusterHandle, settings: IstioPoliciesSettings) -> list[dict[str, Any]]:
    """Source: common/istio/istio-install/overlays/oauth2-proxy of kubeflow/community-distribution 26.03.1."""
    nobody = {"source": {"notRequestPrincipals": ["*"]}}
    elsewhere = {"operation": {"notPaths": [f"{path}*" for path in LOGIN_PATHS]}}
    found = [
        sidecar_scope(_KNOWN),
        # The login's add-on says whose tokens count. Without one nobody comes in: what a client says of itself in a
        # header would be believed.
        authorization_policy(
            "gateway-asks-for-a-login",
            spec={"action": "DENY", "rules": [{"from": [nobody], "to": [elsewhere]}]},
            selects=GATEWAY_LABELS,
        ),
        *(peer_authentication("strict", namespace=each, mode="STRICT") for each in settings.strict_namespaces),
    ]
    if settings.deny_by_default:
        anybody: dict[str, Any] = {"rules": [{}]}
        found += [
            authorization_policy("deny-by-default", spec={}),
            # Gateways decide by policies of their own: what the login asks for, what a route allows.
            authorization_policy("allow-to-gateway", spec=anybody, selects=GATEWAY_LABELS),
            authorization_policy("allow-to-managed-gateways", spec=anybody, selects=_MANAGED),
        ]
    if settings.access_logs:
        logging = [{"providers": [{"name": "envoy"}]}]
        found.append(
            telemetry(
                "gateway-access-logs",
                spec={"selector": {"matchLabels": dict(GATEWAY_LABELS)}, "accessLogging": logging},
            )
        )
    return found


ADDON = AddOn(
    name="istio-policies",
    group="mesh",
    summary="what holds for the whole mesh: calls are refused unless allowed, at the gateway too",
    docs="https://istio.io/latest/docs/concepts/security/",
    source=Objects(build=_objects),
    settings=IstioPoliciesSettings,
    presets=("notebooks",),
    namespace=NAMESPACE,
    needs=("istio-base", "istiod"),
    creates=frozenset({"AuthorizationPolicy", "PeerAuthentication", "Sidecar", "Telemetry"}),
)
