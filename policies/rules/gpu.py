"""Groups of nodes with accelerators: where they stand, how they are bought, what runs on them."""

from collections.abc import Iterable, Iterator
from typing import Final

from infra.catalog import amis, names
from infra.catalog.errors import UnknownNameError
from infra.catalog.instances import InstanceType, instance_type
from infra.catalog.zones import offered_zones, region_of, regions
from policies.around import Around
from policies.model import Fault, rule
from policies.nodes import (
    GROUPS,
    REQUIREMENTS,
    ZONE_LABELS,
    Nodes,
    nodes,
    taints_path,
    texts,
    unplaced,
    zones_behind,
)
from policies.values import Inputs
from slipway.plan.fleet import NODE_GROUP
from slipway.plan.machines import AUTO_SCALING_GROUP
from slipway.plan.model import Resource

_CAPACITY: Final = "karpenter.sh/capacity-type"
_ARCH: Final = "kubernetes.io/arch"
_RESERVATION: Final = "capacityReservationSpecification.capacityReservationTarget"
_BLOCK_MARKET: Final = "capacity-block"
_FIPS: Final = "_FIPS"
_DEFAULT_TYPE: Final = "t3.medium"
"""Source: EKS API, CreateNodegroup, instanceTypes."""
_CLUSTER_AUTOSCALER: Final = (
    "https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/cloudprovider/aws/README.md"
)


@rule(
    id="gpu-one-zone",
    severity="high",
    title="All nodes of an accelerated group are in one zone.",
    why="EFA does not leave its zone, and volumes and Lustre file systems stay in theirs: a job that is started over "
    "two zones hangs at its first collective, or pays for every byte between them.",
    fix="one subnet for each group: nodeGroups[].zones makes a group of its own for every zone",
    source="https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/efa.html",
    key="nodeGroups",
    types=GROUPS,
    scope="stack",
)
def one_zone(_: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """Source: EC2 user guide, "Elastic Fabric Adapter", limitations: EFA traffic cannot cross zones.

    Zones come from the subnets behind the group. Where those are given by id, and the plan has none of them, one is
    enough.
    """
    group = nodes(resource, around)
    if group.accelerator is None:
        return
    if not group.pool:
        yield from _over_zones(resource, "subnetIds", around)
        return
    asked = [found for label in ZONE_LABELS if (found := group.asked(label))]
    for values in asked:
        if len(texts(values)) > 1 and not any(len(texts(each)) == 1 for each in asked):
            yield Fault(path=values.path, what=f"{_listed(each.value for each in texts(values))}; name one zone")
    if asked:
        return
    zones = zones_behind(group.template, "spec", around) if group.template else ()
    if len(zones) != 1:
        what = _listed(zones) if zones else "no zone is asked for"
        yield Fault(path=REQUIREMENTS, what=f"{what}; name one zone by {ZONE_LABELS[0]}")


@rule(
    id="gpu-zone-rebalancing",
    severity="high",
    title="No Auto Scaling group moves its nodes between zones.",
    why="A group over several zones ends instances where there are more and starts others where there are fewer, "
    "without draining them first: pods die, hours of training among them.",
    fix="one subnet for each group (nodeGroups[].zones makes a group of its own for every zone), or suspend "
    "AZRebalance, or protect its instances from scale-in",
    source="https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-suspend-resume-processes.html",
    key="nodeGroups",
    types=(NODE_GROUP, AUTO_SCALING_GROUP),
    scope="stack",
)
def zone_rebalancing(inputs: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """Source: EC2 Auto Scaling user guide, "Suspend and resume processes"; cluster-autoscaler's AWS README, gotchas.

    Accelerated node groups are gpu-one-zone's. The processes of a node group's own Auto Scaling group cannot be said.
    """
    if resource.type == NODE_GROUP:
        if nodes(resource, around).accelerator is None:
            yield from _over_zones(resource, "subnetIds", around)
        return
    suspended = {each.value for each in texts(inputs.at("suspendedProcesses"))}
    if "AZRebalance" in suspended or inputs.get("protectFromScaleIn") is True:
        return
    yield from _over_zones(resource, "vpcZoneIdentifiers", around)


def _over_zones(resource: Resource, property_: str, around: Around) -> Iterator[Fault]:
    zones = zones_behind(resource, property_, around)
    if len(zones) > 1:
        yield Fault(path=property_, what=f"in {_listed(zones)}; all nodes of a group are in one zone")
        return
    unknown = unplaced(resource, property_, around)
    if unknown and unknown + len(zones) > 1:
        yield Fault(path=property_, what=f"{unknown} subnets whose zones the plan does not have; name one subnet")


@rule(
    id="gpu-type-offered",
    severity="high",
    title="AWS offers every instance type of a group in the group's zone.",
    why="A group whose type its zone does not have is made without complaint, and never gets a node.",
    fix="choose one of the type's zones in nodeGroups[].zones, or another type in nodeGroups[].instanceTypes",
    source="https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypeOfferings.html",
    key="nodeGroups",
    types=GROUPS,
    scope="stack",
)
def type_offered(_: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """The catalogue's offerings: DescribeInstanceTypeOfferings by zone id.

    Names of zones differ from account to account: where a subnet has only that, the type must be in the region.
    """
    group = nodes(resource, around)
    zones = _zones(group, around)
    if not group.pool and not group.type_names:
        yield Fault(path="instanceTypes", what=f"none: EKS takes {_DEFAULT_TYPE}")
    for each in group.type_names:
        try:
            instance_type(each.value)
        except UnknownNameError as error:
            yield Fault(path=each.path, what=str(error))
            continue
        for zone in zones:
            yield from _offered(each, zone)


def _offered(name: Inputs, zone: str) -> Iterator[Fault]:
    try:
        region = region_of(zone)
    except UnknownNameError as error:
        region = next((each for each in regions() if zone.startswith(each)), "")
        if not region:
            yield Fault(path=name.path, what=str(error))
        elif not offered_zones(name.value, region):
            yield Fault(path=name.path, what=f"{name.value} is not offered in {region}")
        return
    offered = offered_zones(name.value, region)
    if zone not in offered:
        where = _listed(offered) if offered else f"no zone of {region}"
        yield Fault(path=name.path, what=f"{name.value} is not offered in {zone}; it is in {where}")


def _zones(group: Nodes, around: Around) -> tuple[str, ...]:
    """The zones in which nodes may be launched, as far as they are known."""
    if group.pool:
        for label in ZONE_LABELS:
            if asked := group.asked(label):
                return tuple(each.value for each in texts(asked))
        return zones_behind(group.template, "spec", around) if group.template else ()
    zones = zones_behind(group.resource, "subnetIds", around)
    named = group.labels.get(names.NODE_ZONE_LABEL)
    return zones or ((named,) if isinstance(named, str) else ())


@rule(
    id="gpu-capacity-type",
    severity="high",
    title="A group buys its instances in a way in which AWS sells them.",
    why="A Capacity Block that is paid for stays empty when the template does not name it, and a type that is not "
    "sold as spot or on demand never starts: the queue waits for ever.",
    fix="nodeGroups[].capacity: type, and reservationId where it is a reservation or a Capacity Block",
    source="https://docs.aws.amazon.com/eks/latest/userguide/capacity-blocks-mng.html",
    key="nodeGroups",
    types=GROUPS,
    scope="stack",
)
def capacity_type(inputs: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """Source: EKS user guide, "Create a managed node group with Capacity Blocks for ML".

    How a type is sold is in the catalogue: DescribeInstanceTypes' usage classes, and the types without a price by the
    hour.
    """
    group = nodes(resource, around)
    if group.pool:
        yield from _pool_capacity(group)
        return
    capacity = inputs.get("capacityType", "ON_DEMAND")
    template = group.own_template
    path = "capacityType"
    block_market = template.get("instanceMarketOptions.marketType") == _BLOCK_MARKET
    if capacity == "CAPACITY_BLOCK":
        if not block_market:
            yield Fault(path=path, what=f"CAPACITY_BLOCK, and the launch template's market type is not {_BLOCK_MARKET}")
        if not template.has(f"{_RESERVATION}.capacityReservationId"):
            yield Fault(path=path, what="CAPACITY_BLOCK, and the launch template names no reservation")
        if not template.has("instanceType"):
            yield Fault(path=path, what="CAPACITY_BLOCK, and the launch template has no instance type")
    elif block_market:
        yield Fault(
            path=path, what=f"{capacity}; the launch template's market type {_BLOCK_MARKET} needs CAPACITY_BLOCK"
        )
    if capacity == "SPOT" and template.has(_RESERVATION):
        yield Fault(path=path, what="SPOT, which does not start instances in a reservation; it must be ON_DEMAND")
    yield from _sold(group, str(capacity), path)


def _pool_capacity(group: Nodes) -> Iterator[Fault]:
    asked = group.asked(_CAPACITY)
    for each in texts(asked) if asked else ():
        if each.value == "reserved":
            if not group.own_template.has("spec.capacityReservationSelectorTerms.0"):
                yield Fault(path=each.path, what="reserved, and the node class names no reservation")
        else:
            yield from _sold(group, each.value, each.path)


def _sold(group: Nodes, capacity: str, path: str) -> Iterator[Fault]:
    """Whether AWS sells the types so; whatever EKS or Karpenter call it."""
    bought = capacity.lower().replace("_", "-")
    for each in group.types:
        if bought == "on-demand":
            possible = each.on_demand
        elif bought in ("spot", _BLOCK_MARKET):
            possible = bought in each.usage_classes
        else:
            continue
        if not possible:
            yield Fault(path=path, what=f"{capacity}; {each.name} is sold as {_listed(_ways(each))}")


def _ways(instance: InstanceType) -> Iterator[str]:
    for way in sorted(instance.usage_classes):
        if way != "on-demand" or instance.on_demand:
            yield way


@rule(
    id="gpu-ami-fits",
    severity="high",
    title="The image of a group fits the accelerators and the architecture of its types.",
    why="A node with an image for other hardware boots without a driver, or not at all; EKS notices after half an "
    "hour, and a GPU that costs by the hour offers nothing until then.",
    fix="nodeGroups[].os chooses the family, and the type the variant; nodeGroups[].imageId is for images of your own",
    source="https://docs.aws.amazon.com/eks/latest/userguide/ml-eks-optimized-ami.html",
    key="nodeGroups",
    types=GROUPS,
    scope="stack",
)
def ami_fits(inputs: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """Source: EKS user guide, "Use EKS-optimized accelerated AMIs for GPU instances"; the catalogue's AMI types.

    Karpenter chooses the variant by the instance it launches, so that only the architecture can be wrong.
    """
    group = nodes(resource, around)
    if group.pool:
        asked = group.asked(_ARCH)
        allowed = {each.value for each in texts(asked)} if asked else set()
        for each in group.types:
            if asked and each.arch not in allowed:
                yield Fault(path=asked.path, what=f"{_listed(sorted(allowed))}; {each.name} is {each.arch}")
        return
    found = inputs.get("amiType")
    if found == "CUSTOM" or group.own_template.has("imageId"):
        return
    for each in group.types:
        if found is None and each.accelerator is None:
            continue
        fitting = tuple(_images(each))
        name = str(found).removesuffix(_FIPS)
        windows = name.startswith("WINDOWS_") and each.accelerator is None and each.arch == "amd64"
        if name not in fitting and not windows:
            takes = f"takes {_listed(fitting)}" if fitting else "has no EKS image"
            yield Fault(path="amiType", what=f"{found or 'missing'}; {each.name} {takes}")


def _images(instance: InstanceType) -> Iterator[str]:
    for bottlerocket in (False, True):
        try:
            yield amis.ami_type(instance, bottlerocket=bottlerocket)
        except ValueError:
            continue


@rule(
    id="gpu-taints-have-values",
    severity="medium",
    title="Every taint of a group has a value.",
    why="Cluster-autoscaler skips a taint without one: for a group at zero it then plans a node that pods may use "
    "which in truth may not, adds it, and finds them still waiting.",
    fix="give each of nodeGroups[].taints a value",
    source=_CLUSTER_AUTOSCALER,
    key="nodeGroups",
    types=GROUPS,
)
def taints_have_values(inputs: Inputs, resource: Resource, _: Around) -> Iterator[Fault]:
    """Source: kubernetes/autoscaler, cloudprovider/aws/managed_nodegroup_cache.go: a null value makes it skip one."""
    for each in inputs.each(taints_path(resource)):
        if not each.get("value"):
            yield Fault(path=f"{each.path}.value", what=f"none for {each.get('key')}; any text will do")


@rule(
    id="gpu-tainted",
    severity="medium",
    title="Accelerated nodes are tainted.",
    why="Pods that need no accelerator settle on the dearest nodes of the cluster, and keep them from going when the "
    "jobs are done.",
    fix="leave the taint of accelerated nodeGroups as it is; more go into nodeGroups[].taints",
    source="https://docs.aws.amazon.com/eks/latest/userguide/node-taints-managed-node-groups.html",
    key="nodeGroups",
    types=GROUPS,
    scope="stack",
)
def tainted(_: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """Source: EKS user guide, "Prevent pods from being scheduled on specific nodes".

    Any taint that keeps pods away will do, whatever its key.
    """
    group = nodes(resource, around)
    if group.accelerator and not any(each.effect in ("NoSchedule", "NoExecute") for each in group.taints):
        key = names.ACCELERATOR_TAINTS[group.accelerator]
        yield Fault(path=taints_path(resource), what=f"none keeps other pods away; {key} is usual")


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)
