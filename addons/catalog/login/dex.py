"""Dex: logs people in by who already knows them: an OpenID Connect provider, GitHub, LDAP or Active Directory."""

from collections.abc import Iterator
from typing import Any, Final

from addons.dex import (
    CLIENT,
    CLIENT_SECRET,
    CONNECTORS_SECRET,
    ENTRY,
    NAMESPACE,
    SESSION_HOURS,
    Connector,
    connector_config,
    issuer,
    origin,
    repeated_ids,
)
from addons.spec import AddOn, AddOnSettings, Chart, Image, Ready, Values
from infra.handle import ClusterHandle
from infra.surroundings import Surroundings

_NAME: Final = "dex"
_USER: Final = 1001
"""The user of Dex's image."""


class DexSettings(AddOnSettings):
    """Settings of Dex."""

    connectors: tuple[Connector, ...] = ()
    """Who vouches for people; one at least. Dex keeps no accounts and no passwords of its own."""


def _values(handle: ClusterHandle, settings: DexSettings) -> Values:
    return {
        "replicaCount": 2,
        "podDisruptionBudget": {"enabled": True, "maxUnavailable": 1},
        # Secrets stay variables, which Dex fills in when it starts.
        "config": _config(handle, settings),
        "envFrom": [{"secretRef": {"name": CONNECTORS_SECRET}}],
        "envVars": [
            {
                "name": "KUBEFLOW_CLIENT_SECRET",
                "valueFrom": {"secretKeyRef": {"name": CLIENT_SECRET, "key": "client-secret"}},
            }
        ],
        "podSecurityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "resources": {"requests": {"cpu": "25m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
    }


def _config(handle: ClusterHandle, settings: DexSettings) -> dict[str, Any]:
    """Source: Dex 2.44, cmd/dex/config.go; common/dex of kubeflow/community-distribution 26.03.1, without its user."""
    edge = handle.edge
    if edge is None:
        return {}
    return {
        "issuer": issuer(edge),
        # Objects of its own kinds, in its namespace.
        "storage": {"type": "kubernetes", "config": {"inCluster": True}},
        "oauth2": {"skipApprovalScreen": True},
        "enablePasswordDB": False,
        "expiry": {"idTokens": f"{SESSION_HOURS}h"},
        "logger": {"level": "info", "format": "json"},
        "staticClients": [
            {
                "id": CLIENT,
                "name": "Kubeflow",
                "secretEnv": "KUBEFLOW_CLIENT_SECRET",
                "redirectURIs": [f"{origin(edge)}/oauth2/callback"],
            }
        ],
        "connectors": [connector_config(each, f"{issuer(edge)}/callback") for each in settings.connectors],
    }


def _problems(around: Surroundings, settings: DexSettings) -> Iterator[tuple[str, str]]:
    edge = around.edge
    if edge is None:
        return
    if edge.login is not None:
        yield "", "edge.login is on, so people would log in twice; write `login: null` under edge, or use cognito-login"
    if ENTRY not in edge.entries:
        yield "", f"its pages are at {ENTRY}.{edge.domain}; add {ENTRY} to edge.entries"
    if not settings.connectors:
        yield "connectors", "is empty, so nobody could log in; add one of type oidc, github or ldap"
    for name in repeated_ids(settings.connectors):
        yield "connectors", f"two have the id {name!r}"


ADDON = AddOn(
    name=_NAME,
    group="login",
    summary="logs people in by OpenID Connect, GitHub, LDAP or Active Directory",
    docs="https://dexidp.io/docs/",
    source=Chart(
        repo="https://charts.dexidp.io",
        name=_NAME,
        # renovate: datasource=helm depName=dex registryUrl=https://charts.dexidp.io
        version="0.24.0",
    ),
    settings=DexSettings,
    namespace=NAMESPACE,
    values=_values,
    images=(Image(reference="ghcr.io/dexidp/dex:v2.44.0", repository="image.repository", tag="image.tag"),),
    problems=_problems,
    needs=("coredns", "dex-login", "oauth2-proxy"),
    conflicts=("cognito-login", "jupyterhub"),
    stands_on=("edge",),
    creates=frozenset({"Service"}),
    ready=(Ready(kind="Deployment", name=_NAME),),
)
