"""EKS node monitoring agent: tells node auto repair about broken GPUs, EFA, disks and kernels."""

from addons.spec import AddOn, EksAddon, ManagedSettings, Placement, Ready

ADDON = AddOn(
    name="eks-node-monitoring-agent",
    group="nodes",
    summary="finds broken GPUs, network cards and kernels, for node auto repair",
    docs="https://docs.aws.amazon.com/eks/latest/userguide/node-health-nma.html",
    source=EksAddon(name="eks-node-monitoring-agent"),
    settings=ManagedSettings,
    presets=("minimal",),
    owns_crds=("nodediagnostics.eks.amazonaws.com",),
    # The agent tolerates everything; its DCGM server, which reads the GPUs, tolerates nothing by
    # default, so that AcceleratedHardwareReady would never be known on tainted GPU nodes. The
    # add-on takes this value since v1.3.0.
    placement=Placement(accelerated=("dcgmAgent.tolerations",)),
    ready=(Ready(kind="DaemonSet", name="eks-node-monitoring-agent"),),
)
