"""metrics-server: CPU and memory of pods and nodes, for `kubectl top` and the pod autoscaler."""

from addons.spec import AddOn, EksAddon, ManagedSettings, Ready

ADDON = AddOn(
    name="metrics-server",
    group="observability",
    summary="measures CPU and memory of pods and nodes, for kubectl top and HPA",
    docs="https://docs.aws.amazon.com/eks/latest/userguide/metrics-server.html",
    source=EksAddon(name="metrics-server"),
    settings=ManagedSettings,
    presets=("minimal",),
    needs=("coredns",),
    creates=frozenset({"Service"}),
    ready=(Ready(kind="Deployment", name="metrics-server"),),
)
