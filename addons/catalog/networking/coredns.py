"""CoreDNS: names inside the cluster."""

from addons.spec import AddOn, EksAddon, ManagedSettings, Ready

ADDON = AddOn(
    name="coredns",
    group="networking",
    summary="resolves names inside the cluster",
    docs="https://docs.aws.amazon.com/eks/latest/userguide/managing-coredns.html",
    source=EksAddon(name="coredns"),
    settings=ManagedSettings,
    presets=("minimal",),
    needs=("kube-proxy", "vpc-cni"),
    creates=frozenset({"Service"}),
    ready=(Ready(kind="Deployment", name="coredns"),),
)
