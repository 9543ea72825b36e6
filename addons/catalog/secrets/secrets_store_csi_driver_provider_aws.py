"""The AWS provider of the Secrets Store CSI driver: Secrets Manager and Parameter Store."""

from typing import Final

from addons.spec import AddOn, AddOnSettings, Chart, Image, Placement, Ready, Values
from infra.handle import ClusterHandle

_NAME: Final = "secrets-store-csi-driver-provider-aws"
# renovate: datasource=helm depName=secrets-store-csi-driver-provider-aws registryUrl=https://aws.github.io/secrets-store-csi-driver-provider-aws
_VERSION: Final = "3.1.1"


def _values(handle: ClusterHandle, _settings: AddOnSettings) -> Values:
    return {
        # The driver is an add-on of its own.
        "secrets-store-csi-driver": {"install": False},
        "awsRegion": handle.region,
    }


ADDON = AddOn(
    name=_NAME,
    group="secrets",
    summary="secrets of Secrets Manager and Parameter Store as files, with the pod's own AWS permissions",
    docs="https://docs.aws.amazon.com/secretsmanager/latest/userguide/ascp-eks-installation.html",
    source=Chart(
        repo="https://aws.github.io/secrets-store-csi-driver-provider-aws",
        name=_NAME,
        version=_VERSION,
    ),
    settings=AddOnSettings,
    values=_values,
    images=(
        Image(
            reference=f"public.ecr.aws/aws-secrets-manager/secrets-store-csi-driver-provider-aws:{_VERSION}",
            repository="image.repository",
            tag="image.tag",
        ),
    ),
    # It asks as the pod whose volume it fills. Parameter Store's endpoint every private cluster has.
    endpoints=("secretsmanager",),
    needs=("secrets-store-csi-driver",),
    # Without it the volumes of pods on GPU nodes would wait for ever.
    placement=Placement(accelerated=("tolerations",)),
    ready=(Ready(kind="DaemonSet", name=_NAME),),
)
