"""Login by Dex at the gateway: whom it lets in and tells Kubeflow of, and the secrets that Dex and its client have."""

from typing import Any

from addons.dex import (
    CLIENT,
    CLIENT_SECRET,
    CONNECTORS_SECRET,
    COOKIE,
    DEX_PATH,
    DEX_PORT,
    DEX_URL,
    NAMESPACE,
    OAUTH2_PROXY_PORT,
    issuer,
)
from addons.identity_filter import last_filter, token_script
from addons.istio import (
    EXTERNAL_AUTHORIZATION,
    GATEWAY_LABELS,
    LOGIN_PATHS,
    authorization_policy,
    request_authentication,
    virtual_service,
)
from addons.secrets import STORE, generated
from addons.spec import AddOn, AddOnSettings, Objects
from infra.handle import ClusterHandle


class DexLoginSettings(AddOnSettings):
    """Settings of the login by Dex: none. Connectors are Dex's."""


def _objects(handle: ClusterHandle, _settings: DexLoginSettings) -> list[dict[str, Any]]:
    """Source: common/oauth2-proxy/overlays/m2m-dex-only of kubeflow/community-distribution 26.03.1."""
    edge = handle.edge
    if edge is None:
        return []
    asked = {
        "action": "CUSTOM",
        "provider": {"name": EXTERNAL_AUTHORIZATION},
        "rules": [
            {
                "to": [{"operation": {"notPaths": [f"{path}*" for path in LOGIN_PATHS]}}],
                # Who brings a token of Dex by himself, such as a program, is not sent to a page.
                "when": [{"key": "request.headers[authorization]", "notValues": ["*"]}],
            }
        ],
    }
    tokens = {
        "issuer": issuer(edge),
        "jwksUri": f"{DEX_URL}/keys",
        "audiences": [CLIENT],
        "fromHeaders": [{"name": "Authorization", "prefix": "Bearer "}],
    }
    return [
        *_secrets(handle),
        virtual_service("dex", namespace=NAMESPACE, prefix=f"{DEX_PATH}/", service="dex", port=DEX_PORT),
        virtual_service(
            "oauth2-proxy", namespace=NAMESPACE, prefix="/oauth2/", service="oauth2-proxy", port=OAUTH2_PROXY_PORT
        ),
        authorization_policy("dex-login", spec=asked, selects=GATEWAY_LABELS),
        request_authentication("dex", rules=[tokens], selects=GATEWAY_LABELS),
        last_filter("dex-identity", token_script(COOKIE, LOGIN_PATHS)),
    ]


def _secrets(handle: ClusterHandle) -> list[dict[str, Any]]:
    connectors: dict[str, Any] = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {
            "name": CONNECTORS_SECRET,
            "namespace": NAMESPACE,
            "annotations": {"pulumi.com/waitFor": "condition=Ready"},
        },
        "spec": {
            "refreshInterval": "15m",
            "secretStoreRef": {"kind": "ClusterSecretStore", "name": STORE},
            "dataFrom": [{"extract": {"key": f"{handle.name}/dex"}}],
            "target": {"name": CONNECTORS_SECRET},
        },
    }
    client = generated(
        NAMESPACE,
        CLIENT_SECRET,
        ("client", "cookie"),
        template={
            "client-id": CLIENT,
            "client-secret": "{{ .client }}",
            "cookie-secret": "{{ .cookie }}",
        },
    )
    return [connectors, *client]


ADDON = AddOn(
    name="dex-login",
    group="login",
    summary="lets in whom Dex has logged in, and tells Kubeflow who it is; the secrets of Dex",
    docs="https://istio.io/latest/docs/tasks/security/authorization/authz-custom/",
    source=Objects(build=_objects),
    settings=DexLoginSettings,
    namespace=NAMESPACE,
    create_namespace=True,
    pod_security="restricted",
    secrets=True,
    needs=(
        "external-secrets",
        "external-secrets-store",
        "istio-base",
        "istio-ingressgateway",
        "istio-policies",
        "istiod",
    ),
    conflicts=("cognito-login",),
    stands_on=("edge",),
    creates=frozenset(
        {"AuthorizationPolicy", "EnvoyFilter", "ExternalSecret", "RequestAuthentication", "VirtualService"}
    ),
)
