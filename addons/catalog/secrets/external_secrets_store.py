"""The store of External Secrets: AWS Secrets Manager, for namespaces that are let in."""

from typing import Any, Final

from addons.spec import AddOn, AddOnSettings, Objects
from infra.catalog import names
from infra.handle import ClusterHandle
from infra.kubernetes import Namespace

_NAME: Final = "secrets-manager"


class ExternalSecretsStoreSettings(AddOnSettings):
    """Settings of the store."""

    namespaces: tuple[Namespace, ...] = ()
    """Namespaces whose ExternalSecrets may name the store, besides those with the label `slipway.io/secrets: shared`.
    Whoever may make an ExternalSecret there can read everything that the store can, the databases' master passwords
    too: let in the platform's own namespaces, not a tenant's."""


def _objects(handle: ClusterHandle, settings: ExternalSecretsStoreSettings) -> list[dict[str, Any]]:
    """No `auth`: the controller's own identity is used, by Pod Identity or IRSA."""
    conditions: list[dict[str, Any]] = [
        {"namespaceSelector": {"matchLabels": {names.SECRETS_LABEL: names.SECRETS_SHARED}}}
    ]
    if settings.namespaces:
        conditions.append({"namespaces": list(settings.namespaces)})
    return [
        {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ClusterSecretStore",
            "metadata": {"name": _NAME},
            "spec": {
                "conditions": conditions,
                "provider": {"aws": {"service": "SecretsManager", "region": handle.region}},
            },
        }
    ]


ADDON = AddOn(
    name="external-secrets-store",
    group="secrets",
    summary="the store secrets-manager: secrets of the platform and of its databases, for chosen namespaces",
    docs="https://external-secrets.io/latest/provider/aws-secrets-manager/",
    source=Objects(build=_objects),
    settings=ExternalSecretsStoreSettings,
    presets=("full",),
    namespace="external-secrets",
    needs=("external-secrets",),
    creates=frozenset({"ClusterSecretStore"}),
)
