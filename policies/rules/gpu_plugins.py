"""What makes accelerators usable by pods: device plugins, exporters, and agents on the nodes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from infra.catalog import names
from policies.around import Around
from policies.kubernetes import DAEMON_SET, RELEASE
from policies.model import Fault, rule
from policies.nodes import (
    GROUPS,
    Nodes,
    Taint,
    all_nodes,
    chart_of,
    efa_interfaces,
    images,
    mapping,
    nodes,
    releases,
)
from policies.values import Inputs
from slipway.plan.model import Resource

ADDON: Final = "aws:eks/addon:Addon"
NVIDIA_PLUGIN: Final = "nvidia-device-plugin"
GPU_OPERATOR: Final = "gpu-operator"
DRA_DRIVER: Final = "dra-driver-nvidia-gpu"
HAMI: Final = "hami"
NEURON: Final = "neuron-helm-chart"
_OPERANDS: Final = "nvidia.com/gpu.deploy.operands"
_GPU_TAINT: Final = {"key": names.GPU_TAINT, "operator": "Exists", "effect": "NoSchedule"}
_NEURON_TAINT: Final = {"key": names.NEURON_TAINT, "operator": "Exists", "effect": "NoSchedule"}
_AWAY: Final = ("NoSchedule", "NoExecute")


@dataclass(frozen=True, slots=True)
class _Agent:
    """DaemonSets of a chart that must be on the nodes they are for."""

    path: str
    """Where the values have their tolerations."""
    reaches: str
    """The nodes that they are for: a kind of accelerator, or `efa`."""
    default: tuple[Mapping[str, str], ...] = ()
    """What the chart tolerates by itself; a list in the values replaces it."""


_CHARTS: Final[Mapping[str, _Agent]] = {
    "aws-dranet": _Agent("tolerations", "efa"),
    "aws-efa-k8s-device-plugin": _Agent("tolerations", "efa"),
    "dcgm-exporter": _Agent("tolerations", "nvidia"),
    DRA_DRIVER: _Agent("kubeletPlugin.tolerations", "nvidia", (_GPU_TAINT,)),
    GPU_OPERATOR: _Agent("daemonsets.tolerations", "nvidia", (_GPU_TAINT,)),
    HAMI: _Agent("devicePlugin.tolerations", "nvidia"),
    NEURON: _Agent("devicePlugin.tolerations", "neuron", (_NEURON_TAINT,)),
    "node-feature-discovery": _Agent("worker.tolerations", "nvidia"),
    NVIDIA_PLUGIN: _Agent("tolerations", "nvidia", (_GPU_TAINT,)),
}
"""Source: values.yaml of each chart, at the versions that addons/catalog pins."""
_ADDONS: Final[Mapping[str, _Agent]] = {"eks-node-monitoring-agent": _Agent("dcgmAgent.tolerations", "nvidia")}
"""Source: configuration schema of the add-on, v1.3.0 and later: its DCGM server tolerates nothing by itself."""


@rule(
    id="gpu-daemonsets-tolerate",
    severity="high",
    title="What makes accelerators usable tolerates every taint of their nodes.",
    why="A device plugin that does not run on a node leaves its GPUs unseen: the node is paid for, pods wait, and the "
    "autoscaler adds one more of the kind.",
    fix="leave tolerations out of addons.settings: those of all nodeGroups' taints are put there",
    source="https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/",
    key="addons",
    types=(RELEASE, ADDON, DAEMON_SET),
    scope="stack",
)
def daemonsets_tolerate(inputs: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """Source: Kubernetes, "Taints and Tolerations".

    Charts and add-ons that the pack knows are held to the groups that they are for; DaemonSets to the groups that their
    node selector chooses, where they have one.
    """
    if resource.type == DAEMON_SET:
        yield from _daemon_set(inputs, around)
        return
    if resource.type == RELEASE:
        agent, values = _CHARTS.get(chart_of(resource)), inputs.at("values")
    else:
        agent, values = _ADDONS.get(str(inputs.get("addonName"))), _configuration(inputs)
    if agent is None:
        return
    given = values.at(agent.path)
    tolerations = list(given.each()) if given.value is not None else [Inputs(each) for each in agent.default]
    yield from _repelled(given.path, tolerations, _reached(agent.reaches, around))


def _configuration(addon: Inputs) -> Inputs:
    """What an EKS add-on is configured with; nothing where it is no JSON, which EKS refuses."""
    return Inputs(mapping(addon.json("configurationValues")), "configurationValues")


def _daemon_set(inputs: Inputs, around: Around) -> Iterator[Fault]:
    pod = inputs.at("spec.template.spec")
    chosen = mapping(pod.get("nodeSelector"))
    if not chosen:
        return
    reached = [
        each for each in _accelerated(around) if all(each.labels.get(key) == value for key, value in chosen.items())
    ]
    tolerations = pod.at("tolerations")
    yield from _repelled(tolerations.path, list(tolerations.each()), reached)


def _accelerated(around: Around) -> tuple[Nodes, ...]:
    return around.once("accelerated", lambda: tuple(each for each in all_nodes(around) if each.accelerator))


def _reached(what: str, around: Around) -> list[Nodes]:
    """The groups that a chart is for. NVIDIA's run on no Bottlerocket, which has the plugin built in."""
    if what == "efa":
        return [each for each in all_nodes(around) if efa_interfaces(each.template)]
    return [
        each
        for each in _accelerated(around)
        if each.accelerator == what and not (what == "nvidia" and each.bottlerocket)
    ]


def _repelled(path: str, tolerations: list[Inputs], groups: list[Nodes]) -> Iterator[Fault]:
    told: set[Taint] = set()
    for group in groups:
        for taint in group.taints:
            if taint in told or taint.effect not in _AWAY or any(_tolerates(each, taint) for each in tolerations):
                continue
            told.add(taint)
            yield Fault(path=path, what=f"nothing tolerates {taint} of {group.resource.name}")


def _tolerates(toleration: Inputs, taint: Taint) -> bool:
    """Source: Kubernetes, "Taints and Tolerations": no key with Exists is every key, no effect is every effect."""
    operator = toleration.get("operator", "Equal") or "Equal"
    key, effect = toleration.get("key") or "", toleration.get("effect") or ""
    if effect not in ("", taint.effect):
        return False
    if operator == "Exists":
        return key in ("", taint.key)
    return bool(key == taint.key and (toleration.get("value") or "") == taint.value)


@rule(
    id="gpu-one-device-plugin",
    severity="high",
    title="One device plugin, and no more, hands out the accelerators of a node.",
    why="Two plugins give one GPU to two pods, which fail in each other's memory; without one, pods that ask for a GPU "
    "wait for ever beside nodes that are paid for.",
    fix=f"addons.enable: one of {NVIDIA_PLUGIN}, {GPU_OPERATOR} and {HAMI} for NVIDIA GPUs, neuron for Neuron devices; "
    f"{DRA_DRIVER} with its GPUs off; Bottlerocket groups away from the operator by labels: "
    f'{{{_OPERANDS}: "false"}}',
    source="https://docs.aws.amazon.com/eks/latest/userguide/device-management-nvidia-dra-device-plugin.html",
    key="addons",
    types=(*GROUPS, RELEASE),
    scope="stack",
)
def one_device_plugin(_: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """Source: EKS user guide, "Use the NVIDIA DRA driver or device plugin"; Bottlerocket's variant has its own."""
    owners = _owners(around)
    if resource.type == RELEASE:
        place = next((index for index, each in enumerate(owners) if each.urn == resource.urn), 0)
        for earlier in owners[:place]:
            yield Fault(path="chart", what=f"{earlier.name} hands out {names.GPU_RESOURCE} already")
        return
    group = nodes(resource, around)
    if group.accelerator == "neuron" and not _offered(around, (NEURON,), "neuron-device-plugin"):
        yield Fault(what=f"nothing offers its {names.NEURON_RESOURCE}")
    if group.accelerator != "nvidia":
        return
    if not group.bottlerocket:
        if not owners and not _offered(around, (), "k8s-device-plugin"):
            yield Fault(what=f"nothing offers its {names.GPU_RESOURCE}")
        return
    for owner in owners:
        if _comes_too(owner, group):
            path = "spec.template.metadata.labels" if group.pool else "labels"
            yield Fault(path=path, what=f"{owner.name} comes to its nodes, and Bottlerocket has a plugin of its own")


def _owners(around: Around) -> tuple[Resource, ...]:
    """The releases that hand out NVIDIA's GPUs, chart by chart."""

    def build() -> tuple[Resource, ...]:
        found = [*releases(around, NVIDIA_PLUGIN, HAMI)]
        found += [each for each in releases(around, GPU_OPERATOR) if _on(each, "devicePlugin.enabled")]
        found += [each for each in releases(around, DRA_DRIVER) if _on(each, "resources.gpus.enabled")]
        return tuple(found)

    return around.once("owners of GPUs", build)


def _on(release: Resource, switch: str) -> bool:
    """Whether a part of a chart is on; all that are asked about are by default."""
    return Inputs(release.inputs).at("values").get(switch, True) is not False


def _offered(around: Around, charts: tuple[str, ...], image: str) -> bool:
    """Whether a chart, or a DaemonSet with an image of this name, is there."""
    return bool(releases(around, *charts)) or any(
        image in each for daemon_set in around.plan.of_type(DAEMON_SET) for each in images(daemon_set)
    )


def _comes_too(owner: Resource, group: Nodes) -> bool:
    """Whether a plugin runs on a group's nodes, by what each chart selects nodes by.

    Source: values.yaml of the charts; GPU operator documentation, "Preventing installation of operands on some nodes".
    """
    labels = group.labels
    chart = chart_of(owner)
    if chart == GPU_OPERATOR:
        return labels.get(_OPERANDS) != "false"
    if chart == HAMI:
        return labels.get("gpu") == "on"
    return labels.get(names.GPU_PRESENT_LABEL) == "true"
