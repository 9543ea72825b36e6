"""Database accounts: where services' accounts on the stack's databases are made, and from where services get them."""

from typing import Any, Final

from addons.accounts import NAMESPACE, READER, STORE, master
from addons.spec import AddOn, AddOnSettings, Objects
from infra.catalog import names
from infra.handle import ClusterHandle

_NAME: Final = "database-accounts"


def _objects(handle: ClusterHandle, _settings: AddOnSettings) -> list[dict[str, Any]]:
    meta = {"name": READER, "namespace": NAMESPACE}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": meta,
            # The store asks whether it may read Secrets at all before the first account is there; each account adds
            # its own name.
            "rules": [{"apiGroups": [""], "resources": ["secrets"], "resourceNames": [READER], "verbs": ["get"]}],
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": meta,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": READER},
            "subjects": [{"kind": "ServiceAccount", "name": READER, "namespace": NAMESPACE}],
        },
        {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ClusterSecretStore",
            "metadata": {"name": STORE},
            "spec": {
                "conditions": [{"namespaceSelector": {"matchLabels": {names.SECRETS_LABEL: names.SECRETS_SHARED}}}],
                "provider": {
                    "kubernetes": {
                        "remoteNamespace": NAMESPACE,
                        "server": {
                            "caProvider": {
                                "type": "ConfigMap",
                                "name": "kube-root-ca.crt",
                                "key": "ca.crt",
                                "namespace": NAMESPACE,
                            }
                        },
                        "auth": {"serviceAccount": {"name": READER, "namespace": NAMESPACE}},
                    }
                },
            },
        },
        *(master(each) for each in handle.databases.values()),
    ]


def _applies(handle: ClusterHandle) -> str | None:
    return None if handle.databases else "databases has none"


ADDON = AddOn(
    name=_NAME,
    group="databases",
    summary="accounts of services on the stack's databases: a user, a password and schemas for each",
    docs="https://external-secrets.io/latest/provider/kubernetes/",
    source=Objects(build=_objects),
    settings=AddOnSettings,
    presets=("full",),
    applies=_applies,
    namespace=NAMESPACE,
    create_namespace=True,
    pod_security="restricted",
    secrets=True,
    needs=("external-secrets-store",),
    stands_on=("databases",),
    creates=frozenset({"ClusterSecretStore", "ExternalSecret"}),
)
