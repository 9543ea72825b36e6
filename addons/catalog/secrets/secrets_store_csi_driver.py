"""Secrets Store CSI driver: secrets as files in a pod, fetched when it starts."""

from typing import Annotated, Final

from pydantic import Field

from addons.spec import AddOn, AddOnSettings, Chart, Image, Ready, Values
from infra.handle import ClusterHandle

_NAME: Final = "secrets-store-csi-driver"
# renovate: datasource=helm depName=secrets-store-csi-driver registryUrl=https://kubernetes-sigs.github.io/secrets-store-csi-driver/charts
_VERSION: Final = "1.6.0"
_AUDIENCES: Final = ("sts.amazonaws.com", "pods.eks.amazonaws.com")
"""Tokens that a provider is handed for the pod's service account: for IRSA and for Pod Identity."""


class SecretsStoreSettings(AddOnSettings):
    """Settings of the Secrets Store CSI driver."""

    sync_secrets: bool = False
    """Whether a SecretProviderClass may also keep a Kubernetes Secret, for environment variables. The driver may then
    read and write Secrets of all namespaces."""

    rotation_minutes: Annotated[int, Field(ge=1)] | None = None
    """Fetch mounted secrets anew so often. By default a pod keeps what it started with."""


def _values(_handle: ClusterHandle, settings: SecretsStoreSettings) -> Values:
    values: Values = {
        # CRDs come from the chart's own folder; this would be hooks that apply them once more.
        "linux": {"crds": {"enabled": False}},
        "tokenRequests": [{"audience": audience} for audience in _AUDIENCES],
        "syncSecret": {"enabled": settings.sync_secrets},
        "enableSecretRotation": settings.rotation_minutes is not None,
    }
    if settings.rotation_minutes is not None:
        values["rotationPollInterval"] = f"{settings.rotation_minutes}m"
    return values


ADDON = AddOn(
    name=_NAME,
    group="secrets",
    summary="secrets as files in a pod, fetched when it starts",
    docs="https://secrets-store-csi-driver.sigs.k8s.io/",
    source=Chart(
        repo="https://kubernetes-sigs.github.io/secrets-store-csi-driver/charts",
        name=_NAME,
        version=_VERSION,
    ),
    settings=SecretsStoreSettings,
    values=_values,
    images=(
        Image(
            reference=f"registry.k8s.io/csi-secrets-store/driver:v{_VERSION}",
            repository="linux.image.repository",
            tag="linux.image.tag",
        ),
        Image(
            reference="registry.k8s.io/sig-storage/csi-node-driver-registrar:v2.16.0",
            repository="linux.registrarImage.repository",
            tag="linux.registrarImage.tag",
        ),
        Image(
            reference="registry.k8s.io/sig-storage/livenessprobe:v2.18.0",
            repository="linux.livenessProbeImage.repository",
            tag="linux.livenessProbeImage.tag",
        ),
    ),
    owns_crds=(
        "secretproviderclasses.secrets-store.csi.x-k8s.io",
        "secretproviderclasspodstatuses.secrets-store.csi.x-k8s.io",
    ),
    ready=(Ready(kind="DaemonSet", name=_NAME),),
)
