"""EKS Pod Identity agent: hands pods the credentials of their role, on every node."""

from addons.spec import AddOn, EksAddon, ManagedSettings, Ready

ADDON = AddOn(
    name="eks-pod-identity-agent",
    group="nodes",
    summary="hands pods the credentials of their role, on every node",
    docs="https://docs.aws.amazon.com/eks/latest/userguide/pod-identities.html",
    source=EksAddon(name="eks-pod-identity-agent"),
    settings=ManagedSettings,
    presets=("minimal",),
    # The VPC CNI gets its permissions through it, and runs on the host's network like it.
    before_nodes=True,
    ready=(Ready(kind="DaemonSet", name="eks-pod-identity-agent"),),
)
