"""External Secrets: Kubernetes Secrets kept equal to secrets of AWS Secrets Manager."""

from typing import Any, Final

import pulumi

from addons.iam import allow, policy
from addons.spec import AddOn, AddOnSettings, Chart, Identity, Image, Ready, Values, Webhook
from infra.catalog.zones import dns_suffix
from infra.handle import ClusterHandle

_NAME: Final = "external-secrets"
# renovate: datasource=helm depName=external-secrets registryUrl=https://charts.external-secrets.io
_VERSION: Final = "2.9.0"


class ExternalSecretsSettings(AddOnSettings):
    """Settings of External Secrets."""

    databases: bool = True
    """Whether it may read the master users' secrets of the stack's databases, besides the secrets whose names begin
    with the platform's name and a slash."""


def _values(_handle: ClusterHandle, _settings: ExternalSecretsSettings) -> Values:
    return {
        "installCRDs": True,
        "serviceAccount": {"name": _NAME},
        # Kubernetes' roles `edit` and `admin` do not take up its kinds: a store of somebody's own that names no
        # credentials is read with these, and so is every secret that they open.
        "rbac": {"aggregateToAdmin": False, "aggregateToEdit": False},
        "resources": {"requests": {"cpu": "25m", "memory": "128Mi"}},
        "certController": {"resources": {"requests": {"cpu": "25m", "memory": "64Mi"}}},
        "webhook": {
            "replicaCount": 2,
            "podDisruptionBudget": {"enabled": True, "minAvailable": 1},
            "resources": {"requests": {"cpu": "25m", "memory": "64Mi"}},
        },
    }


def _policy(handle: ClusterHandle, settings: ExternalSecretsSettings) -> dict[str, Any]:
    """Read the secrets `<platform>/...`, and those that RDS made for the stack's databases.

    Source: docs/provider/aws-secrets-manager.md of external-secrets/external-secrets v2.9.0, without listing secrets,
    which takes no resource: `dataFrom.find` finds none.
    """
    ours = pulumi.Output.concat(
        f"arn:{handle.partition}:secretsmanager:{handle.region}:", handle.account_id, f":secret:{handle.name}/*"
    )
    databases = list(handle.databases.values()) if settings.databases else []
    # Secrets of one's own may lie under the stack's key or under AWS's, which needs no permission.
    keys = [key for key in (handle.storage.volume_key_arn, *(each.key_arn for each in databases)) if key is not None]
    through = {"StringEquals": {"kms:ViaService": f"secretsmanager.{handle.region}.{dns_suffix(handle.region)}"}}
    return policy(
        allow(
            "secretsmanager:DescribeSecret",
            "secretsmanager:GetSecretValue",
            on=[ours, *(each.secret_arn for each in databases)],
        ),
        *([allow("kms:Decrypt", on=keys, when=through)] if keys else []),
    )


def _image(path: str) -> Image:
    return Image(reference=f"ghcr.io/external-secrets/external-secrets:v{_VERSION}", repository=path)


ADDON = AddOn(
    name=_NAME,
    group="secrets",
    summary="Kubernetes Secrets kept equal to secrets of AWS Secrets Manager",
    docs="https://external-secrets.io/",
    source=Chart(
        repo="https://charts.external-secrets.io",
        name=_NAME,
        version=_VERSION,
    ),
    settings=ExternalSecretsSettings,
    presets=("full",),
    namespace=_NAME,
    create_namespace=True,
    pod_security="restricted",
    values=_values,
    images=(
        _image("image.repository"),
        _image("webhook.image.repository"),
        _image("certController.image.repository"),
    ),
    endpoints=("secretsmanager",),
    identities=(Identity(service_account=_NAME, policy=_policy, irsa="serviceAccount.annotations"),),
    needs=("coredns",),
    owns_crds=(
        "acraccesstokens.generators.external-secrets.io",
        "beyondtrustworkloadcredentialsdynamicsecrets.generators.external-secrets.io",
        "cloudsmithaccesstokens.generators.external-secrets.io",
        "clusterexternalsecrets.external-secrets.io",
        "clustergenerators.generators.external-secrets.io",
        "clusterpushsecrets.external-secrets.io",
        "clustersecretstores.external-secrets.io",
        "ecrauthorizationtokens.generators.external-secrets.io",
        "externalsecrets.external-secrets.io",
        "fakes.generators.external-secrets.io",
        "gcraccesstokens.generators.external-secrets.io",
        "generatorstates.generators.external-secrets.io",
        "githubaccesstokens.generators.external-secrets.io",
        "gitlabdeploytokens.generators.external-secrets.io",
        "grafanas.generators.external-secrets.io",
        "mfas.generators.external-secrets.io",
        "passwords.generators.external-secrets.io",
        "pushsecrets.external-secrets.io",
        "quayaccesstokens.generators.external-secrets.io",
        "secretstores.external-secrets.io",
        "sshkeys.generators.external-secrets.io",
        "stssessiontokens.generators.external-secrets.io",
        "uuids.generators.external-secrets.io",
        "vaultdynamicsecrets.generators.external-secrets.io",
        "webhooks.generators.external-secrets.io",
    ),
    webhooks=(
        Webhook(intercepts=frozenset({"ExternalSecret"}), failure_policy="Fail"),
        Webhook(intercepts=frozenset({"ClusterSecretStore"}), failure_policy="Fail"),
        Webhook(intercepts=frozenset({"SecretStore"}), failure_policy="Fail"),
    ),
    creates=frozenset({"Service"}),
    ready=(
        Ready(kind="Deployment", name=_NAME),
        Ready(kind="Deployment", name=f"{_NAME}-cert-controller"),
        Ready(kind="Deployment", name=f"{_NAME}-webhook"),
    ),
)
