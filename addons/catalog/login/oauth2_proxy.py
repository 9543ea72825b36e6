"""oauth2-proxy: sends people without a session to Dex, and gives the gateway the token of those with one."""

from typing import Final

from addons.dex import (
    CLIENT_SECRET,
    COOKIE,
    DEX_URL,
    NAMESPACE,
    SESSION_HOURS,
    issuer,
    origin,
)
from addons.spec import AddOn, AddOnSettings, Chart, Image, Ready, Values
from infra.handle import ClusterHandle

_NAME: Final = "oauth2-proxy"


class Oauth2ProxySettings(AddOnSettings):
    """Settings of oauth2-proxy."""

    email_domains: tuple[str, ...] = ("*",)
    """Who may come in, by the domain of their email address, such as [example.com]. `*` is everybody whom Dex
    logs in."""


def _values(handle: ClusterHandle, settings: Oauth2ProxySettings) -> Values:
    return {
        "replicaCount": 2,
        "config": {"existingSecret": CLIENT_SECRET, "configFile": _config(handle, settings)},
        # Variables that begin with the service's name are settings to it.
        "enableServiceLinks": False,
        "resources": {"requests": {"cpu": "20m", "memory": "48Mi"}, "limits": {"memory": "128Mi"}},
    }


def _config(handle: ClusterHandle, settings: Oauth2ProxySettings) -> str:
    """Dex by its in-cluster address where pods talk, by its public one where browsers do.

    Source: common/oauth2-proxy of kubeflow/community-distribution 26.03.1.
    """
    edge = handle.edge
    if edge is None:
        return ""
    domains = ", ".join(f'"{each}"' for each in settings.email_domains)
    return f"""\
provider = "oidc"
provider_display_name = "Dex"
scope = "openid profile email groups"
email_domains = [ {domains} ]
oidc_issuer_url = "{issuer(edge)}"
skip_oidc_discovery = true
login_url = "{issuer(edge)}/auth"
redeem_url = "{DEX_URL}/token"
oidc_jwks_url = "{DEX_URL}/keys"
redirect_url = "{origin(edge)}/oauth2/callback"
code_challenge_method = "S256"
# Dex would ask again and again.
prompt = "none"
skip_provider_button = true

# The gateway asks whether a request may go on: it is answered, and not sent on.
upstreams = [ "static://200" ]
set_authorization_header = true
# These are called by pages: a page of HTML is no answer to them.
api_routes = [ "/api/", "/apis/", "^/ml_metadata" ]

cookie_name = "{COOKIE}"
cookie_secure = true
cookie_samesite = "lax"
# As long as Dex's tokens.
cookie_expire = "{SESSION_HOURS}h"
cookie_refresh = 0
"""


ADDON = AddOn(
    name=_NAME,
    group="login",
    summary="sends people without a session to Dex, for the gateway",
    docs="https://oauth2-proxy.github.io/oauth2-proxy/",
    source=Chart(
        repo="https://oauth2-proxy.github.io/manifests",
        name=_NAME,
        # renovate: datasource=helm depName=oauth2-proxy registryUrl=https://oauth2-proxy.github.io/manifests
        version="10.7.0",
    ),
    settings=Oauth2ProxySettings,
    namespace=NAMESPACE,
    values=_values,
    images=(
        Image(
            reference="quay.io/oauth2-proxy/oauth2-proxy:v7.15.3",
            registry="image.registry",
            repository="image.repository",
            tag="image.tag",
        ),
    ),
    needs=("coredns", "dex-login"),
    stands_on=("edge",),
    creates=frozenset({"Service"}),
    ready=(Ready(kind="Deployment", name=_NAME),),
)
