"""Grafana without a password: who may look is decided by the load balancer's login, or by who reaches the service.

There is no administrator's account, so there is no password that a manifest, a state or a Secret could hold. Dashboards
and data sources are code, Grafana keeps nothing, and it asks for nothing from the internet.
"""

from typing import Any, Final

import pulumi

from addons.spec import Entry
from infra.handle import ClusterHandle, Edge, Login

ENTRY: Final = "grafana"
"""The first label of its host, where the stack's entries have it."""
CLOUDWATCH: Final = "cloudwatch"
PROMETHEUS: Final = "prometheus"
"""Unique ids of the data sources; the latter is the chart's."""
CLUSTER_ROLE: Final = "grafana-configmaps"
"""What its pod may do: `cluster_role`."""
DASHBOARD_LABEL: Final = {"grafana_dashboard": "1"}
"""A ConfigMap with this label holds dashboards, in any namespace."""
FOLDER_ANNOTATION: Final = "grafana_folder"
"""And with this annotation it says in which folder."""


def grafana(handle: ClusterHandle, *, anonymous: bool) -> dict[str, Any]:
    """The values of Grafana's chart.

    Args:
        handle: The cluster.
        anonymous: Whether people without a token are viewers.
    """
    return {
        # The chart then makes no Secret and asks for none: its random password would differ at each rendering.
        "env": {"GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION": "true"},
        # The chart's own role reads every Secret of the cluster, for dashboards that are kept in Secrets.
        "rbac": {"useExistingClusterRole": CLUSTER_ROLE},
        "grafana.ini": _ini(handle.edge, anonymous=anonymous),
        "sidecar": {
            # Without an administrator nobody may call the API that reloads: Grafana looks at the files itself, and data
            # sources are there before it starts.
            "dashboards": {
                "resource": "configmap",
                "skipReload": True,
                "folderAnnotation": FOLDER_ANNOTATION,
                "provider": {"foldersFromFilesStructure": True},
            },
            "datasources": {
                "initDatasources": True,
                "resource": "configmap",
                "skipReload": True,
                "watchMethod": "LIST",
            },
            "resources": {"requests": {"cpu": "20m", "memory": "96Mi"}},
        },
        **({"additionalDataSources": [_cloudwatch(handle.region)]} if handle.storage.lustre else {}),
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}},
    }


def entry(service: str) -> Entry:
    """Its web page, behind the load balancer's login."""
    return Entry(name=ENTRY, service=service, port=80, target_port=3000, health_path="/api/health")


def cluster_role() -> dict[str, Any]:
    """The role that lets it find dashboards and data sources in ConfigMaps."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": CLUSTER_ROLE},
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]}],
    }


def _cloudwatch(region: str) -> dict[str, Any]:
    return {
        "name": "CloudWatch",
        "type": "cloudwatch",
        "uid": CLOUDWATCH,
        "access": "proxy",
        "jsonData": {"authType": "default", "defaultRegion": region},
    }


def _ini(edge: Edge | None, *, anonymous: bool) -> dict[str, Any]:
    """Source: Grafana documentation, "Configure Grafana" (13.2)."""
    ini: dict[str, Any] = {
        "analytics": {
            "check_for_plugin_updates": False,
            "check_for_updates": False,
            "feedback_links_enabled": False,
            "reporting_enabled": False,
        },
        "auth": {"disable_login_form": True},
        "auth.anonymous": {"enabled": anonymous, "org_role": "Viewer"},
        "auth.basic": {"enabled": False},
        "news": {"news_feed_enabled": False},
        # Data sources are in the image; the rest would come from grafana.com at every start.
        "plugins": {"plugin_admin_enabled": False, "preinstall_disabled": True},
        "users": {"allow_sign_up": False},
    }
    if edge and ENTRY in edge.entries:
        ini["server"] = {"root_url": f"https://{edge.host(ENTRY)}/"}
    if edge and edge.login:
        ini["auth.jwt"] = _jwt(edge.login)
    return ini


def _jwt(login: Login) -> dict[str, Any]:
    """Log in whom the load balancer has logged in, by the access token that it hands on.

    The token is verified against the user pool's keys, so a pod that calls the service with a header of its own gets
    nowhere. Access tokens name the client, not an audience.

    Sources: Grafana documentation, "Configure JWT authentication"; ELB user guide, "User claims encoding"; Cognito
    developer guide, "Understanding the access token".
    """
    return {
        "enabled": True,
        "header_name": "X-Amzn-Oidc-Accesstoken",
        "jwk_set_url": pulumi.Output.concat(login.issuer, "/.well-known/jwks.json"),
        "cache_ttl": "60m",
        "expect_claims": pulumi.Output.json_dumps(
            {"iss": login.issuer, "client_id": login.client_id, "token_use": "access"}
        ),
        "username_claim": "username",
        "auto_sign_up": True,
        "role_attribute_path": role_attribute_path(login.admin_group),
    }


def role_attribute_path(admin_group: str) -> str:
    """The role out of a token's claims, as a JMESPath expression: administrators of the platform are Grafana's."""
    return f"contains(not_null(\"cognito:groups\", `[]`), '{admin_group}') && 'Admin' || 'Viewer'"
