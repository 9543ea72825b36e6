"""Accelerated groups that grow and shrink: what the autoscaler must know, and who decides on sizes."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from infra.catalog import autoscaler, names
from infra.catalog.efa import EFA_HUGEPAGES
from infra.catalog.instances import Accelerator
from policies.around import Around
from policies.kubernetes import RELEASE
from policies.model import Fault, rule
from policies.nodes import GROUPS, Nodes, all_nodes, chart_of, efa_interfaces, mapping, nodes, releases
from policies.values import Inputs, number
from slipway.plan.fleet import NODE_GROUP
from slipway.plan.machines import AUTO_SCALING_GROUP
from slipway.plan.model import Resource

AUTOSCALER: Final = "cluster-autoscaler"
TAG: Final = "aws:autoscaling/tag:Tag"
OVERLAY: Final = "kubernetes:karpenter.sh/v1alpha1:NodeOverlay"
_SIZE: Final = "scalingConfig.desiredSize"
_FLAG: Final = "max-node-provision-time"
_SECONDS: Final[Mapping[str, float]] = {"h": 3600, "m": 60, "s": 1, "ms": 0.001}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_NVIDIA: Final = "nvidia.com/"
_README: Final = "https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/cloudprovider/aws/README.md"


@rule(
    id="gpu-scale-from-zero",
    severity="high",
    title="The autoscaler can tell what a node of a group at zero would offer.",
    why="It knows cpu and memory of a type, and no more for sure: for a pod that asks for EFA, huge pages, Neuron, "
    "shared GPUs or disk it never starts the first node, and the job waits for ever.",
    fix="leave nodeGroups[].autoscaling.enabled on, which writes the tags; or keep a node: nodeGroups[].min",
    source=_README,
    key="nodeGroups",
    types=GROUPS,
    scope="stack",
)
def scale_from_zero(inputs: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """Source: cluster-autoscaler's AWS README, "Auto-discovery setup"; docs/decisions/0008.

    Resources are tags of the node group and of its Auto Scaling group; labels, taints and discovery of the latter.
    GPUs are said too: types that EC2 counts as a part of one (g6f) or that are missing from the autoscaler's own list,
    which clusters without internet use, come out without any. Karpenter knows all but huge pages, which it takes from
    a NodeOverlay.
    """
    group = nodes(resource, around)
    if group.pool:
        yield from _overlaid(group, around)
        return
    found = releases(around, AUTOSCALER)
    if not found or number(inputs.get("scalingConfig.minSize", 0)) != 0:
        return
    own = mapping(inputs.get("tags"))
    scaling = dict(_tags(resource, around))
    for name, wanted in _resources(group, own):
        key = autoscaler.resource_tag(name)
        for where, tags in (("the node group", own), ("its Auto Scaling group", scaling)):
            if key not in tags:
                yield Fault(path="tags", what=f"{where} lacks {key}")
            elif wanted is not None and number(tags[key]) != wanted:
                yield Fault(path="tags", what=f"{key} of {where} is {tags[key]}; it must be {wanted}")
    cluster = Inputs(found[0].inputs).get("values.autoDiscovery.clusterName", "")
    expected = dict(autoscaler.discovery_tags(str(cluster))) if cluster else {}
    expected |= {autoscaler.label_tag(key): str(value) for key, value in group.labels.items()}
    expected |= {autoscaler.taint_tag(each.key): f"{each.value}:{each.effect}" for each in group.taints}
    for key, text in expected.items():
        if key not in scaling:
            yield Fault(path="tags", what=f"its Auto Scaling group lacks {key}")
        elif scaling[key] != text:
            yield Fault(path="tags", what=f"{key} of its Auto Scaling group is {scaling[key]}; it must be {text}")


def _resources(group: Nodes, own: Mapping[str, Any]) -> Iterator[tuple[str, int | None]]:
    """What the autoscaler cannot know of a node, with the amount where it is plain."""
    interfaces = efa_interfaces(group.template)
    if interfaces:
        yield names.EFA_RESOURCE, len(interfaces)
        yield names.HUGEPAGES_RESOURCE, None
    accelerator = next((each.accelerator for each in group.types if each.accelerator), None)
    if accelerator and accelerator.kind == "neuron":
        yield names.NEURON_RESOURCE, accelerator.count
        if accelerator.neuron_cores:
            yield names.NEURON_CORE_RESOURCE, accelerator.neuron_cores
    elif accelerator and accelerator.kind == "nvidia":
        yield _gpus(group, accelerator, own)
    yield names.EPHEMERAL_STORAGE_RESOURCE, None


def _gpus(group: Nodes, accelerator: Accelerator, own: Mapping[str, Any]) -> tuple[str, int | None]:
    """Whole GPUs, or what they are divided into: more of them, or MIG's own resources."""
    if names.DEVICE_PLUGIN_CONFIG_LABEL not in group.labels:
        return names.GPU_RESOURCE, accelerator.count
    prefix = autoscaler.resource_tag(_NVIDIA)
    parts = [key.removeprefix(prefix) for key in own if key.startswith(prefix)]
    return f"{_NVIDIA}{parts[0]}" if parts else names.GPU_RESOURCE, None


def _tags(resource: Resource, around: Around) -> Iterator[tuple[str, Any]]:
    for each in around.leading_to(TAG, "autoscalingGroupName", resource):
        inputs = Inputs(each.inputs)
        yield str(inputs.get("tag.key")), inputs.get("tag.value")


def _overlaid(group: Nodes, around: Around) -> Iterator[Fault]:
    if efa_interfaces(group.template) and names.HUGEPAGES_RESOURCE not in _overlays(around).get(_name(group), ()):
        what = f"no NodeOverlay says its nodes have {names.HUGEPAGES_RESOURCE}; EFA reserves {EFA_HUGEPAGES} pages"
        yield Fault(path="spec.template.spec", what=what)


def _name(group: Nodes) -> str:
    return str(group.inputs.get("metadata.name", ""))


def _overlays(around: Around) -> Mapping[str, frozenset[str]]:
    """What overlays say of the nodes of each pool: its name to names of resources."""

    def build() -> Mapping[str, frozenset[str]]:
        found: dict[str, frozenset[str]] = {}
        for each in around.plan.of_type(OVERLAY):
            inputs = Inputs(each.inputs)
            for asked in inputs.each("spec.requirements"):
                if asked.get("key") != "karpenter.sh/nodepool" or asked.get("operator") != "In":
                    continue
                for pool in asked.each("values"):
                    name = str(pool.get())
                    found[name] = found.get(name, frozenset()) | frozenset(mapping(inputs.get("spec.capacity")))
        return found

    return around.once("overlays", build)


@rule(
    id="gpu-provision-time",
    severity="high",
    title="The autoscaler waits as long as the slowest type needs to start.",
    why="It gives up on a node that is still booting, ends it and starts another, or backs off: with p5 and p6 that "
    "is a quarter of an hour of a large instance paid for nothing, again and again.",
    fix="enable cluster-autoscaler by addons: its limit follows the types of nodeGroups",
    source="https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/FAQ.md",
    key="addons",
    types=(RELEASE,),
    scope="stack",
)
def provision_time(inputs: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """The catalogue's minutes by type (infra/catalog/autoscaler.py); the flag's default is 15."""
    if chart_of(resource) != AUTOSCALER:
        return
    slowest = max(
        (
            (autoscaler.provision_minutes(each), each.name)
            for group in all_nodes(around)
            if not group.pool
            for each in group.types
        ),
        default=None,
    )
    if slowest is None:
        return
    minutes, name = slowest
    path = ("values", "extraArgs", _FLAG)
    given = inputs.get(path)
    allowed = _seconds(str(given if given is not None else autoscaler.FLAG_DEFAULTS[_FLAG]))
    if allowed is None or allowed < minutes * 60:
        said = given if given is not None else f"not given, which is {autoscaler.FLAG_DEFAULTS[_FLAG]}"
        yield Fault(path=".".join(path), what=f"{said}; {name} needs {minutes}m")


def _seconds(duration: str) -> float | None:
    """A duration as Go writes it, in seconds; None where it is none."""
    parts = _DURATION.findall(duration)
    if "".join(f"{amount}{unit}" for amount, unit in parts) != duration or not parts:
        return None
    return sum(float(amount) * _SECONDS[unit] for amount, unit in parts)


@rule(
    id="gpu-desired-size",
    severity="high",
    title="Only one side decides how many nodes a group has.",
    why="The next update sets the size back to what the program says: nodes with running jobs are ended, or dear ones "
    "are started for nobody.",
    fix="leave nodeGroups[].autoscaling.enabled on, so that the size is the autoscaler's after creation; or set "
    "nodeGroups[].min and max to one number",
    source="https://docs.aws.amazon.com/eks/latest/APIReference/API_NodegroupScalingConfig.html",
    key="nodeGroups",
    types=(NODE_GROUP, AUTO_SCALING_GROUP),
    scope="stack",
)
def desired_size(inputs: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """Source: EKS API, NodegroupScalingConfig, desiredSize. The program ignores changes of it after creation.

    Cluster-autoscaler finds every managed node group by tags that EKS itself sets. An Auto Scaling group that may grow
    is scaled by somebody, and names no size of its own.
    """
    if resource.type == NODE_GROUP:
        path, low, high = _SIZE, "scalingConfig.minSize", "scalingConfig.maxSize"
        scaled = bool(releases(around, AUTOSCALER))
    else:
        path, low, high = "desiredCapacity", "minSize", "maxSize"
        scaled = inputs.has(path)
    whole = path.partition(".")[0]
    if not scaled or path in resource.ignore_changes or whole in resource.ignore_changes:
        return
    least, most = inputs.get(low), inputs.get(high)
    if least != most:
        yield Fault(path=path, what=f"set by every update, while an autoscaler moves it between {least} and {most}")
