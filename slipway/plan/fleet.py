"""The managed node groups and Karpenter's node pools of a plan, read from what was registered."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from infra.catalog import names
from infra.catalog.instances import Accelerator, instance_type
from infra.catalog.prices import CAPACITIES, Capacity
from slipway.plan.model import Plan, Resource

NODE_GROUP: Final = "aws:eks/nodeGroup:NodeGroup"
LAUNCH_TEMPLATE: Final = "aws:ec2/launchTemplate:LaunchTemplate"
NODE_POOL: Final = "kubernetes:karpenter.sh/v1:NodePool"
NODE_CLASS: Final = "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass"
_TYPE_LABEL: Final = "node.kubernetes.io/instance-type"
_CAPACITY: Final[Mapping[str, Capacity]] = {
    "ON_DEMAND": "on-demand",
    "SPOT": "spot",
    "CAPACITY_BLOCK": "capacity-block",
}
_EFA_KINDS: Final = frozenset({"efa", "efa-only"})


@dataclass(frozen=True, kw_only=True)
class Volume:
    """An EBS volume of every node: size in GiB, IOPS and MB/s where they are set."""

    type: str
    gib: int
    iops: int | None
    throughput: int | None


@dataclass(frozen=True, kw_only=True)
class NodeGroup:
    """One managed node group with its launch template, or one of Karpenter's pools with its class.

    `types` are in the order in which EKS tries them.
    """

    urn: str
    name: str
    group: str
    zone: str
    types: tuple[str, ...]
    capacity: Capacity
    minimum: int
    desired: int
    maximum: int
    accelerator: Accelerator | None
    efa_interfaces: int
    sharing: str
    """The device plugin's configuration, such as `time-slicing-4`; empty where each pod has whole GPUs."""
    volumes: tuple[Volume, ...]


def node_groups(plan: Plan) -> tuple[NodeGroup, ...]:
    """The node groups, by group and zone."""
    found = [_read(plan, resource) for resource in plan.of_type(NODE_GROUP)]
    classes = {each.inputs["metadata"]["name"]: each.inputs["spec"] for each in plan.of_type(NODE_CLASS)}
    found += [_pool(resource, classes) for resource in plan.of_type(NODE_POOL)]
    return tuple(sorted(found, key=lambda each: (each.accelerator is not None, each.group, each.zone)))


def _read(plan: Plan, resource: Resource) -> NodeGroup:
    inputs = resource.inputs
    template = template_of(plan, resource)
    labels: Mapping[str, str] = inputs.get("labels") or {}
    scaling: Mapping[str, Any] = inputs.get("scalingConfig") or {}
    types = tuple(inputs.get("instanceTypes") or [])
    if not types and template.get("instanceType"):
        types = (template["instanceType"],)
    return NodeGroup(
        urn=resource.urn,
        name=resource.name,
        group=labels.get(names.GROUP_LABEL, resource.name),
        zone=labels.get(names.NODE_ZONE_LABEL, ""),
        types=types,
        capacity=_capacity(inputs, labels),
        minimum=int(scaling.get("minSize", 0)),
        desired=int(scaling.get("desiredSize", 0)),
        maximum=int(scaling.get("maxSize", 0)),
        accelerator=instance_type(types[0]).accelerator if types else None,
        efa_interfaces=sum(each.get("interfaceType") in _EFA_KINDS for each in template.get("networkInterfaces") or []),
        sharing=labels.get(names.DEVICE_PLUGIN_CONFIG_LABEL, ""),
        volumes=tuple(volumes_of(template)),
    )


def _pool(resource: Resource, classes: Mapping[str, Mapping[str, Any]]) -> NodeGroup:
    """A pool of Karpenter's, which starts without nodes."""
    spec = resource.inputs["spec"]
    labels: Mapping[str, str] = spec["template"]["metadata"]["labels"]
    template = spec["template"]["spec"]
    asked = {each["key"]: each["values"] for each in template["requirements"]}
    types = tuple(asked.get(_TYPE_LABEL, ()))
    name = resource.inputs["metadata"]["name"]
    node_class = classes.get(template["nodeClassRef"]["name"], {})
    return NodeGroup(
        urn=resource.urn,
        name=name,
        group=labels.get(names.GROUP_LABEL, name),
        zone=labels.get(names.NODE_ZONE_LABEL, ""),
        types=types,
        capacity=_capacity({}, labels),
        minimum=0,
        desired=0,
        maximum=int(spec.get("limits", {}).get("nodes", 0)),
        accelerator=instance_type(types[0]).accelerator if types else None,
        efa_interfaces=sum(each["interfaceType"] in _EFA_KINDS for each in node_class.get("networkInterfaces", ())),
        sharing="",
        volumes=tuple(
            Volume(
                type=disk["volumeType"],
                gib=int(disk["volumeSize"].removesuffix("Gi")),
                iops=disk.get("iops"),
                throughput=disk.get("throughput"),
            )
            for disk in (mapping["ebs"] for mapping in node_class.get("blockDeviceMappings", ()))
        ),
    )


def template_of(plan: Plan, resource: Resource) -> Mapping[str, Any]:
    """The inputs of the launch template that a node group or an Auto Scaling group depends on, or nothing."""
    for urn in resource.property_dependencies.get("launchTemplate", ()):
        found = plan.get(urn)
        if found is not None and found.type == LAUNCH_TEMPLATE:
            return found.inputs
    return {}


def _capacity(inputs: Mapping[str, Any], labels: Mapping[str, str]) -> Capacity:
    # The label alone tells a reservation from plain on demand.
    label = labels.get(names.CAPACITY_LABEL, "")
    for capacity in CAPACITIES:
        if capacity == label:
            return capacity
    return _CAPACITY[str(inputs.get("capacityType", "ON_DEMAND"))]


def volumes_of(template: Mapping[str, Any]) -> list[Volume]:
    """The EBS volumes that a launch template names with their size."""
    disks = [mapping.get("ebs") or {} for mapping in template.get("blockDeviceMappings") or []]
    return [
        Volume(
            type=disk.get("volumeType", "gp2"),
            gib=int(disk["volumeSize"]),
            iops=disk.get("iops"),
            throughput=disk.get("throughput"),
        )
        for disk in disks
        if disk.get("volumeSize")
    ]
