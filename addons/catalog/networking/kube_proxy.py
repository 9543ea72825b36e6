"""kube-proxy: routes a Service's address to its pods, on every node."""

from addons.spec import AddOn, EksAddon, ManagedSettings, Ready

ADDON = AddOn(
    name="kube-proxy",
    group="networking",
    summary="routes a Service's address to its pods, on every node",
    docs="https://docs.aws.amazon.com/eks/latest/userguide/managing-kube-proxy.html",
    source=EksAddon(name="kube-proxy"),
    settings=ManagedSettings,
    presets=("minimal",),
    before_nodes=True,
    ready=(Ready(kind="DaemonSet", name="kube-proxy"),),
)
