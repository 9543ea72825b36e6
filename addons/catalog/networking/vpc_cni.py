"""Amazon VPC CNI: gives every pod an address of the VPC."""

from addons.spec import AddOn, EksAddon, Identity, ManagedSettings, Ready, Values
from infra.handle import ClusterHandle


class VpcCniSettings(ManagedSettings):
    """Settings of the VPC CNI."""

    network_policy: bool = False
    """Enforce Kubernetes NetworkPolicy objects on every node."""


def _values(_handle: ClusterHandle, settings: VpcCniSettings) -> Values:
    # The chart and the add-on's schema want the text "true".
    return {"enableNetworkPolicy": "true"} if settings.network_policy else {}


ADDON = AddOn(
    name="vpc-cni",
    group="networking",
    summary="gives every pod an address of the VPC",
    docs="https://docs.aws.amazon.com/eks/latest/userguide/managing-vpc-cni.html",
    source=EksAddon(name="vpc-cni"),
    settings=VpcCniSettings,
    presets=("minimal",),
    values=_values,
    identities=(Identity(service_account="aws-node", managed_policies=("AmazonEKS_CNI_Policy",)),),
    owns_crds=("eniconfigs.crd.k8s.amazonaws.com",),
    # A node is not Ready without it, so a node group that comes first would never become ACTIVE.
    before_nodes=True,
    ready=(Ready(kind="DaemonSet", name="aws-node"),),
)
