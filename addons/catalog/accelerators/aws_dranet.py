"""aws-dranet: gives EFA interfaces to pods by resource claims, next to the GPUs that they belong to."""

from typing import Final

from addons import efa_charts
from addons.spec import AddOn, AddOnSettings, Chart, Image, Placement, Ready, Values
from infra.handle import ClusterHandle

_SINCE: Final = (1, 35)
"""The first minor that AWS's page on EFA by dynamic resource allocation asks for."""


class AwsDranetSettings(AddOnSettings):
    """Settings of aws-dranet.

    Pods claim devices of the class `efa.networking.k8s.aws`. Cluster-autoscaler adds no node for a claim: groups that
    use it need a `min` above zero.
    """

    instance_types: tuple[str, ...] = ()
    """Instance types with EFA besides those of the stack's node groups, for nodes that come from elsewhere."""


def _values(handle: ClusterHandle, settings: AwsDranetSettings) -> Values:
    return efa_charts.values(handle, "eks/dranet", settings.instance_types)


def _applies(handle: ClusterHandle) -> str | None:
    if not any(pool.efa_interfaces for pool in handle.node_pools):
        return "no node group has EFA"
    minor = tuple(int(part) for part in handle.kubernetes_version.split("."))
    return None if minor >= _SINCE else "it needs Kubernetes 1.35 or newer"


ADDON = AddOn(
    name="aws-dranet",
    group="accelerators",
    summary="gives EFA interfaces to pods by resource claims, instead of the EFA plugin",
    docs="https://docs.aws.amazon.com/eks/latest/userguide/device-management-efa.html",
    source=Chart(
        repo="https://aws.github.io/eks-charts",
        name="aws-dranet",
        # renovate: datasource=helm depName=aws-dranet registryUrl=https://aws.github.io/eks-charts
        version="1.0.0",
    ),
    settings=AwsDranetSettings,
    applies=_applies,
    values=_values,
    images=(
        Image(
            reference="602401143452.dkr.ecr.us-west-2.amazonaws.com/eks/dranet:v1.2.0-eksbuild.2",
            repository="image.repository",
            tag="image.tag",
        ),
    ),
    # Both would hand out the same interfaces.
    conflicts=("aws-efa-k8s-device-plugin",),
    placement=Placement(accelerated=("tolerations",)),
    ready=(Ready(kind="DaemonSet", name="aws-dranet"),),
)
