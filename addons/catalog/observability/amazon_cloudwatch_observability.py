"""Amazon CloudWatch Observability: Container Insights with GPUs, Neuron and EFA, in CloudWatch."""

from typing import Final

from addons.spec import AddOn, EksAddon, Identity, ManagedSettings, Ready, Values, Webhook
from infra.handle import ClusterHandle

_AGENT: Final = "AmazonCloudWatchAgent"
_INSTRUMENTATION: Final = "Instrumentation"
_INTERCEPTED: Final = (
    (_AGENT,),
    (_AGENT,),
    (_AGENT,),
    (_INSTRUMENTATION,),
    (_INSTRUMENTATION,),
    (_INSTRUMENTATION,),
    ("Namespace",),
    ("Pod",),
    ("DaemonSet", "Deployment", "StatefulSet"),
)


def _values(_handle: ClusterHandle, _settings: ManagedSettings) -> Values:
    return {
        # Programs are instrumented by rewriting their pods.
        "applicationSignals": {"enabled": False},
        # aws-for-fluent-bit writes logs, into the same groups.
        "containerLogs": {"enabled": False},
    }


def _applies(handle: ClusterHandle) -> str | None:
    return None if handle.observability else "the stack has no log groups (observability)"


ADDON = AddOn(
    name="amazon-cloudwatch-observability",
    group="observability",
    summary="Container Insights with GPUs, Neuron and EFA, in CloudWatch",
    docs="https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/install-CloudWatch-Observability-EKS-addon.html",
    source=EksAddon(name="amazon-cloudwatch-observability"),
    settings=ManagedSettings,
    applies=_applies,
    namespace="amazon-cloudwatch",
    create_namespace=True,
    # The agent reads the node's processes and files.
    pod_security="privileged",
    values=_values,
    identities=(Identity(service_account="cloudwatch-agent", managed_policies=("CloudWatchAgentServerPolicy",)),),
    needs=("coredns",),
    # It brings an exporter of its own, and two cannot read a GPU's profiling counters.
    conflicts=("dcgm-exporter",),
    # The agent writes to the group `performance`, which without the section would be made without an end.
    stands_on=("observability",),
    owns_crds=tuple(
        f"{plural}.cloudwatch.aws.amazon.com"
        for plural in ("amazoncloudwatchagents", "dcgmexporters", "instrumentations", "neuronmonitors")
    ),
    webhooks=tuple(Webhook(intercepts=frozenset(kinds), failure_policy="Ignore") for kinds in _INTERCEPTED),
    creates=frozenset({"Service"}),
    ready=(Ready(kind="Deployment", name="amazon-cloudwatch-observability-controller-manager"),),
)
