"""ProvisioningRequest: how Kueue asks cluster-autoscaler for the nodes of a whole job."""

from typing import Final

from addons.spec import AddOn, AddOnSettings, Manifest, Ready
from infra.handle import ClusterHandle

# renovate: datasource=github-tags depName=kubernetes/autoscaler extractVersion=^cluster-autoscaler-(?<version>.+)$
_VERSION: Final = "1.35.2"
_CRD: Final = "provisioningrequests.autoscaling.x-k8s.io"


def _applies(handle: ClusterHandle) -> str | None:
    return "Karpenter makes nodes for pods that wait, and reads no requests" if handle.karpenter else None


ADDON = AddOn(
    name="provisioning-request-crd",
    group="scheduling",
    summary="ProvisioningRequest, by which Kueue asks cluster-autoscaler for the nodes of a whole job",
    docs="https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/proposals/provisioning-request.md",
    source=Manifest(
        # Minors of the autoscaler differ in descriptions alone.
        url=(
            f"https://raw.githubusercontent.com/kubernetes/autoscaler/cluster-autoscaler-{_VERSION}/"
            "cluster-autoscaler/apis/config/crd/autoscaling.x-k8s.io_provisioningrequests.yaml"
        ),
        version=_VERSION,
    ),
    settings=AddOnSettings,
    presets=("training",),
    applies=_applies,
    owns_crds=(_CRD,),
    ready=(Ready(kind="CustomResourceDefinition", name=_CRD),),
)
