"""Who may do what in OpenSearch: each client is the common name of its certificate."""

from typing import Any, Final

import yaml

NAMESPACE: Final = "logging"
SERVICE: Final = "opensearch-cluster-master"
HOST: Final = f"{SERVICE}.{NAMESPACE}.svc"
PORT: Final = 9200
INDEX: Final = "logs"
"""How indices begin: `logs-2026.11.22`."""

# Common names, which are the names of the certificates' Secrets too.
ADMIN: Final = "opensearch-admin"
NODE: Final = "opensearch-node"
DASHBOARDS: Final = "opensearch-dashboards-client"
JANITOR: Final = "opensearch-janitor"
WRITER: Final = "opensearch-writer"


def security() -> dict[str, str]:
    """The files of the security plugin: no internal user, one way to log in, and a role for each client.

    Source: OpenSearch documentation, "Client certificate authentication", "Default action groups", "Predefined roles".
    """
    login = {
        "http_enabled": True,
        "order": 0,
        "http_authenticator": {"type": "clientcert", "config": {"username_attribute": "cn"}, "challenge": False},
        "authentication_backend": {"type": "noop"},
    }
    dynamic = {"http": {"anonymous_auth_enabled": False}, "authc": {"clientcert_auth_domain": login}}
    roles = {
        "logs_writer": _role(["cluster_monitor", "cluster_composite_ops"], ["create_index", "crud"]),
        "logs_janitor": _role(["cluster_monitor"], ["delete", "indices_monitor", "indices:admin/delete"]),
    }
    mapping = {
        "all_access": [ADMIN],
        "kibana_server": [DASHBOARDS],
        "kibana_user": [DASHBOARDS],
        "readall_and_monitor": [DASHBOARDS],
        "logs_writer": [WRITER],
        "logs_janitor": [JANITOR],
    }
    files = {
        "config": ("config", {"config": {"dynamic": dynamic}}),
        "internal_users": ("internalusers", {}),
        "roles": ("roles", roles),
        "roles_mapping": (
            "rolesmapping",
            {role: {"reserved": False, "users": names} for role, names in mapping.items()},
        ),
        "action_groups": ("actiongroups", {}),
        "tenants": ("tenants", {}),
        "nodes_dn": ("nodesdn", {}),
        "allowlist": ("allowlist", {"config": {"enabled": False}}),
        "audit": ("audit", {"config": {"enabled": False}}),
    }
    return {
        f"{name}.yml": yaml.safe_dump({"_meta": {"type": kind, "config_version": 2}, **content}, sort_keys=False)
        for name, (kind, content) in files.items()
    }


def _role(cluster: list[str], index: list[str]) -> dict[str, Any]:
    return {
        "reserved": False,
        "cluster_permissions": cluster,
        "index_permissions": [{"index_patterns": [f"{INDEX}-*"], "allowed_actions": index}],
    }
