"""AWS EFA device plugin: makes EFA interfaces a resource that pods ask for."""

from addons import efa_charts
from addons.spec import AddOn, AddOnSettings, Chart, Image, Placement, Ready, Values
from infra.handle import ClusterHandle


class EfaSettings(AddOnSettings):
    """Settings of the EFA device plugin."""

    instance_types: tuple[str, ...] = ()
    """Instance types with EFA besides those of the stack's node groups, for nodes that come from elsewhere."""


def _values(handle: ClusterHandle, settings: EfaSettings) -> Values:
    return efa_charts.values(handle, "eks/aws-efa-k8s-device-plugin", settings.instance_types)


def _applies(handle: ClusterHandle) -> str | None:
    return None if any(pool.efa_interfaces for pool in handle.node_pools) else "no node group has EFA"


ADDON = AddOn(
    name="aws-efa-k8s-device-plugin",
    group="accelerators",
    summary="makes EFA interfaces a resource that pods ask for",
    docs="https://docs.aws.amazon.com/eks/latest/userguide/node-efa.html",
    source=Chart(
        repo="https://aws.github.io/eks-charts",
        name="aws-efa-k8s-device-plugin",
        # renovate: datasource=helm depName=aws-efa-k8s-device-plugin registryUrl=https://aws.github.io/eks-charts
        version="v0.5.30",
    ),
    settings=EfaSettings,
    presets=("training",),
    applies=_applies,
    values=_values,
    images=(
        Image(
            reference="602401143452.dkr.ecr.us-west-2.amazonaws.com/eks/aws-efa-k8s-device-plugin:v0.5.20",
            repository="image.repository",
            tag="image.tag",
        ),
    ),
    # Both would hand out the same interfaces.
    conflicts=("aws-dranet",),
    placement=Placement(accelerated=("tolerations",)),
    ready=(Ready(kind="DaemonSet", name="aws-efa-k8s-device-plugin"),),
)
