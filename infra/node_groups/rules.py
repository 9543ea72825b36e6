"""What can be wrong with a node group, given the network and the catalogue.

Sources: facts README sections 0, 1, 3.4 and 4; EKS user guide, "Simplify node lifecycle with managed node groups",
"Create a managed node group with Capacity Blocks for ML"; EC2 user guide, "EFA".
"""

from collections.abc import Iterator, Mapping, Sequence

from infra.catalog import amis, efa, mig, names
from infra.catalog.errors import UnknownNameError
from infra.catalog.instances import InstanceType, accelerated_types, instance_type
from infra.catalog.quantities import HUGEPAGE_MIB
from infra.catalog.quotas import quota
from infra.catalog.zones import local_zones, offered_zones, regions
from infra.catalog.zones import zones as region_zones
from infra.naming import AUTONAME_SUFFIX, LIMITS
from infra.node_groups.settings import NodeGroupSettings
from infra.problems import Problem, nearest, one_of, shown

_RESERVED_PREFIXES = ("kubernetes.io/", "k8s.io/", "eks.amazonaws.com/", "node.kubernetes.io/")
_TRAINING_EFA = 4
"""From so many EFA interfaces on a type is bought for jobs over several nodes."""
_PULL_VCPUS, _PULL_MIB, _PULL_THROUGHPUT = 4, 8 * 1024, 600
_IOPS_PER_GIB = 500
_IOPS_PER_MIBPS = 4
"""Source: Amazon EBS user guide, gp3 volumes."""


def problems(group: NodeGroupSettings, here: str, region: str, zones: Sequence[str]) -> Iterator[Problem]:
    """Everything wrong with one group.

    Args:
        group: The group.
        here: Its path, such as `nodeGroups[1]`.
        region: The stack's region.
        zones: The zone ids of the network.
    """
    types, unknown = [], list[Problem]()
    for index, name in enumerate(group.instance_types):
        try:
            types.append(instance_type(name))
        except UnknownNameError as error:
            unknown.append(Problem(f"{here}.instanceTypes[{index}]", str(error)))
    yield from unknown
    yield from _size_problems(group, here)
    yield from _zone_problems(group, here, region, zones, types)
    yield from _label_problems(group, here)
    if unknown:
        return
    yield from _type_problems(group, here, types)
    yield from _capacity_problems(group, here, types)
    yield from _efa_problems(group, here, types)
    yield from _gpu_problems(group, here, types)
    yield from _os_problems(group, here, types)
    if group.fast_image_pull:
        yield from _pull_problems(group, here, types)


def set_problems(by_index: Mapping[int, NodeGroupSettings], *, complete: bool) -> Iterator[Problem]:
    """What is wrong with the groups taken together.

    Args:
        by_index: The groups, by their position in the file.
        complete: Whether all groups of the file are valid; else what is missing may be in an invalid one.
    """
    groups = list(by_index.values())
    seen: dict[str, int] = {}
    for index, group in by_index.items():
        if group.name in seen:
            yield Problem(
                f"nodeGroups[{index}].name",
                f"{shown(group.name)} is the name of nodeGroups[{seen[group.name]}] too",
            )
        seen.setdefault(group.name, index)
    if complete and not any(group.system for group in groups):
        yield Problem(
            "nodeGroups",
            "no group has system: true; the platform's controllers have nowhere to run",
        )


def zones_of(group: NodeGroupSettings, region: str, zones: Sequence[str]) -> tuple[str, ...]:
    """The zones that a group uses: those it names, else each of the network's that offers all its types."""
    if group.zones:
        return group.zones
    offered = [set(_offered(name, region)) for name in group.instance_types]
    return tuple(zone for zone in zones if all(zone in here for here in offered))


def accelerated_zones(groups: Sequence[NodeGroupSettings], region: str, zones: Sequence[str]) -> tuple[str, ...]:
    """The zones of the accelerated groups, in the network's order: those with EFA alone, where there are any.

    A file system belongs beside the nodes that read it fastest.
    """
    accelerated = [group for group in groups if _is_accelerated(group)]
    chosen = [group for group in accelerated if group.efa] or accelerated
    used = {zone for group in chosen for zone in zones_of(group, region, zones)}
    return tuple(dict.fromkeys(zone for zone in zones if zone in used))


def warnings(groups: Sequence[NodeGroupSettings], region: str, zones: Sequence[str]) -> Iterator[str]:
    """What the user should know, though it is allowed."""
    managed = sum(len(zones_of(group, region, zones)) for group in groups)
    most = quota("eks-managed-node-groups-per-cluster").default
    if managed > most:
        yield f"{managed} managed node groups, one per group and zone; by default EKS takes {most} in a cluster"
    for index, group in enumerate(groups):
        here = f"nodeGroups[{index}] {group.name}"
        if _is_accelerated(group) and group.min > 0:
            yield f"{here}: min {group.min} keeps accelerated nodes running when nobody needs them"
        instance = instance_type(group.instance_types[0])
        several = group.max > 1 and not group.gpu.sharing
        if instance.accelerator and instance.efa_interfaces >= _TRAINING_EFA and several and not group.efa:
            yield (
                f"{here}: {instance.name} has {instance.efa_interfaces} EFA interfaces and efa is false; "
                "jobs over several nodes will use TCP"
            )
    if not any(group.autoscaling.enabled for group in groups):
        yield "autoscaling is off for every group; cluster-autoscaler has nothing to do"


def _is_accelerated(group: NodeGroupSettings) -> bool:
    return any(name in accelerated_types() for name in group.instance_types)


def _offered(name: str, region: str) -> tuple[str, ...]:
    try:
        return offered_zones(name, region)
    except UnknownNameError:
        return ()


def _size_problems(group: NodeGroupSettings, here: str) -> Iterator[Problem]:
    if group.min > group.max:
        yield Problem(f"{here}.min", f"{group.min} is more than max, {group.max}")
    if group.desired is not None and not group.min <= group.desired <= group.max:
        yield Problem(
            f"{here}.desired",
            f"{group.desired} is not between min, {group.min}, and max, {group.max}",
        )
    if not group.autoscaling.enabled and group.desired is None and group.min != group.max:
        yield Problem(
            f"{here}.desired",
            "is required where autoscaling.enabled is false and min and max differ",
        )
    volume = group.volume
    if volume.iops > volume.size * _IOPS_PER_GIB:
        yield Problem(
            f"{here}.volume.iops",
            f"{volume.iops} is more than {_IOPS_PER_GIB} per GiB; {volume.size} GiB take {volume.size * _IOPS_PER_GIB}",
        )
    if volume.throughput * _IOPS_PER_MIBPS > volume.iops:
        yield Problem(
            f"{here}.volume.throughput",
            f"{volume.throughput} MiB/s needs {volume.throughput * _IOPS_PER_MIBPS} IOPS; volume.iops is {volume.iops}",
        )
    update = group.update
    if update.max_unavailable is not None and update.max_unavailable_percentage is not None:
        yield Problem(f"{here}.update", "set maxUnavailable or maxUnavailablePercentage, not both")


def _zone_problems(
    group: NodeGroupSettings,
    here: str,
    region: str,
    zones: Sequence[str],
    types: Sequence[InstanceType],
) -> Iterator[Problem]:
    if region not in regions():
        return  # platform.region has its own message
    # What the network names and nobody knows has its message there.
    known = [zone for zone in zones if zone in (*region_zones(region), *local_zones(region))]
    room = LIMITS["eks-nodegroup"] - AUTONAME_SUFFIX
    for index, zone in enumerate(group.zones):
        path = f"{here}.zones[{index}]"
        if group.zones.index(zone) != index:
            yield Problem(path, f"{shown(zone)} stands here twice")
        if zone not in zones:
            yield Problem(
                path,
                f"{shown(zone)} is not a zone of the network{nearest(zone, zones)}; it has: {one_of(zones)}",
            )
            continue
        for each in types if zone in known else ():
            offered = _offered(each.name, region)
            if zone not in offered:
                yield Problem(path, f"{each.name} is not offered in {zone}; {_where(offered, zones, region)}")
    used = zones_of(group, region, zones)
    if types and known and not group.zones and not used:
        common = sorted(set.intersection(*(set(_offered(each.name, region)) for each in types)))
        yield Problem(
            f"{here}.instanceTypes",
            f"no zone of the network offers {one_of(group.instance_types)}; {_where(common, zones, region)}",
        )
    for zone in used:
        name = f"{group.name}-{zone}"
        if len(name) > room:
            yield Problem(
                f"{here}.name",
                f"{shown(name)} has {len(name)} characters; "
                f"a node group's name has {room} at most (and a suffix of {AUTONAME_SUFFIX})",
            )
            break


def _where(offered: Sequence[str], zones: Sequence[str], region: str) -> str:
    inside = [zone for zone in offered if zone in zones]
    if inside:
        return f"in this network it is in: {one_of(inside)}"
    return f"{region} has it in: {one_of(offered)}" if offered else f"{region} does not have it"


def _label_problems(group: NodeGroupSettings, here: str) -> Iterator[Problem]:
    for key in group.labels:
        if key.startswith((*_RESERVED_PREFIXES, f"{names.PREFIX}/")) or key == names.AUTOSCALER_ACCELERATOR_LABEL:
            yield Problem(f"{here}.labels.{key}", "is set by Kubernetes, EKS or Slipway; choose another key")
    taints = [(taint.key, taint.effect) for taint in group.taints]
    for index, taint in enumerate(taints):
        if taints.index(taint) != index:
            yield Problem(f"{here}.taints[{index}]", f"{taint[0]}:{taint[1]} stands here twice")
        if taint[0] in names.ACCELERATOR_TAINTS.values():
            yield Problem(f"{here}.taints[{index}].key", f"{taint[0]} is set on every accelerated group already")


def _type_problems(group: NodeGroupSettings, here: str, types: Sequence[InstanceType]) -> Iterator[Problem]:
    shapes = {
        (
            each.arch,
            each.accelerator.kind if each.accelerator else None,
            each.accelerator.count if each.accelerator else 0,
            each.accelerator.model if each.accelerator else None,
        )
        for each in types
    }
    if len(shapes) > 1:
        yield Problem(
            f"{here}.instanceTypes",
            f"{one_of(group.instance_types)} differ in architecture or accelerators; "
            "the autoscaler plans with the first alone: use one group for each",
        )
    smallest = min(types, key=lambda each: each.memory_mib)
    if (group.hugepages or 0) * HUGEPAGE_MIB >= smallest.memory_mib:
        yield Problem(
            f"{here}.hugepages",
            f"{group.hugepages} pages of {HUGEPAGE_MIB} MiB are all the memory of {smallest.name}, "
            f"{smallest.memory_mib} MiB, or more",
        )
    if group.system and types[0].accelerator:
        yield Problem(
            f"{here}.system",
            f"{types[0].name} is accelerated and tainted; controllers would not run there",
        )
    if group.system and group.taints:
        yield Problem(f"{here}.system", "a tainted group keeps the platform's controllers out")
    if group.system and group.capacity.type == "spot":
        yield Problem(
            f"{here}.capacity.type",
            "'spot' may take all controllers away at once; a system group is on-demand or reserved",
        )
    if group.system and group.min < 1:
        yield Problem(
            f"{here}.min",
            f"{group.min}: controllers, the autoscaler among them, need at least 1 node per zone of a system group",
        )


def _capacity_problems(group: NodeGroupSettings, here: str, types: Sequence[InstanceType]) -> Iterator[Problem]:
    capacity, path = group.capacity, f"{here}.capacity"
    reserved = capacity.type in ("reservation", "capacity-block")
    named = capacity.reservation_id is not None, capacity.resource_group_arn is not None
    if capacity.type == "capacity-block" and not named[0]:
        yield Problem(f"{path}.reservationId", "is required: the id of the Capacity Block, cr-...")
    if capacity.type == "capacity-block" and named[1]:
        yield Problem(f"{path}.resourceGroupArn", "a Capacity Block is named by reservationId alone")
    if capacity.type == "reservation" and sum(named) != 1:
        yield Problem(path, "a reservation is named by reservationId or resourceGroupArn: exactly one")
    if not reserved and any(named):
        field = "reservationId" if named[0] else "resourceGroupArn"
        yield Problem(
            f"{path}.type",
            f"{shown(capacity.type)} does not use capacity.{field}; use reservation or capacity-block",
        )
    if reserved and len(group.zones) != 1:
        yield Problem(f"{here}.zones", "name exactly one zone, the one that the reservation is in")
    if reserved and len(types) != 1:
        yield Problem(f"{here}.instanceTypes", "name exactly one type, the one that is reserved")
    for each in types:
        legal = _legal_capacities(each)
        if capacity.type not in legal:
            yield Problem(
                f"{path}.type",
                f"{shown(capacity.type)} is not sold for {each.name}; use one of: {one_of(legal)}",
            )


def _legal_capacities(each: InstanceType) -> tuple[str, ...]:
    return (
        *(("on-demand", "reservation") if each.on_demand else ()),
        *(("spot",) if "spot" in each.usage_classes else ()),
        *(("capacity-block",) if "capacity-block" in each.usage_classes else ()),
    )


def _efa_problems(group: NodeGroupSettings, here: str, types: Sequence[InstanceType]) -> Iterator[Problem]:
    if group.placement_group and group.capacity.type in ("reservation", "capacity-block"):
        yield Problem(
            f"{here}.placementGroup",
            "a reservation has its place; a placement group would strand its instances",
        )
    if group.placement_group:
        for each in types:
            if "cluster" not in each.placement_strategies:
                yield Problem(f"{here}.placementGroup", f"{each.name} cannot be in a cluster placement group")
    if not group.efa:
        return
    if len(types) != 1:
        yield Problem(
            f"{here}.instanceTypes",
            "with EFA name exactly one type: cards differ from size to size",
        )
    for each in types:
        if not efa.layout(each.name):
            siblings = [
                name for name in accelerated_types() if instance_type(name).family == each.family and efa.layout(name)
            ]
            yield Problem(
                f"{here}.efa",
                f"{each.name} has no EFA; "
                + (f"use {one_of(siblings)}" if siblings else f"no size of {each.family} has it"),
            )


def _gpu_problems(group: NodeGroupSettings, here: str, types: Sequence[InstanceType]) -> Iterator[Problem]:
    sharing, path = group.gpu.sharing, f"{here}.gpu.sharing"
    nvidia = all(each.accelerator and each.accelerator.kind == "nvidia" for each in types)
    if group.gpu.model_fields_set and not nvidia:
        yield Problem(f"{here}.gpu", f"{one_of(group.instance_types)} have no NVIDIA GPU")
        return
    if sharing is None:
        return
    if group.efa:
        yield Problem(path, "NCCL works on whole GPUs; an EFA group does not share them")
    if group.os == "bottlerocket":
        yield Problem(
            path,
            "Bottlerocket's built-in device plugin is not configured by Slipway; use os: al2023",
        )
    if sharing.mode == "mig":
        if sharing.replicas is not None:
            yield Problem(f"{path}.replicas", "belongs to time-slicing and mps; mig is divided by migProfile")
        profiles = mig.profiles(types[0].name)
        if not profiles:
            yield Problem(f"{path}.mode", f"{types[0].name} has no MIG; use time-slicing or mps")
        elif sharing.mig_profile not in profiles:
            yield Problem(
                f"{path}.migProfile",
                f"{shown(sharing.mig_profile)} is not a profile of {types[0].name}; use one of: {one_of(profiles)}",
            )
        return
    if sharing.replicas is None:
        yield Problem(f"{path}.replicas", f"is required for {sharing.mode}: pods per GPU")
    if sharing.mig_profile is not None:
        yield Problem(f"{path}.migProfile", f"belongs to mode mig, not {sharing.mode}")


def _pull_problems(group: NodeGroupSettings, here: str, types: Sequence[InstanceType]) -> Iterator[Problem]:
    """Where fast image pulls would be slower, or none.

    Source: awslabs/amazon-eks-ami@81fec2e8, nodeadm/doc/examples.md and internal/containerd/config.go.
    """
    here = f"{here}.fastImagePull"
    if group.os == "bottlerocket":
        yield Problem(here, "is a feature of nodeadm, which Bottlerocket has not; use os: al2023")
    for each in types:
        if each.vcpus < _PULL_VCPUS or each.memory_mib < _PULL_MIB:
            yield Problem(here, f"{each.name} is too small: nodes under 4 vCPUs or 8 GiB ignore it")
    disks = group.instance_store == "raid0" and all(each.instance_store for each in types)
    if not disks and group.volume.throughput < _PULL_THROUGHPUT:
        yield Problem(
            here,
            f"is slower than without it on a volume of {group.volume.throughput} MiB/s; set volume.throughput to "
            f"{_PULL_THROUGHPUT} or more, or take types with local disks",
        )


def _os_problems(group: NodeGroupSettings, here: str, types: Sequence[InstanceType]) -> Iterator[Problem]:
    bottlerocket = group.os == "bottlerocket"
    if group.image_id is None:
        for each in types:
            try:
                amis.ami_type(each, bottlerocket=bottlerocket)
            except ValueError as error:
                yield Problem(f"{here}.os", str(error))
    elif bottlerocket:
        yield Problem(f"{here}.imageId", "is an AL2023 image; leave os out")
    if group.image_id is not None and group.release_version is not None:
        yield Problem(f"{here}.releaseVersion", "is a release of EKS's own AMI; imageId excludes it")
    shell_only = sorted({"clocks", "persistence"} & group.gpu.model_fields_set)
    if bottlerocket and shell_only:
        yield Problem(
            f"{here}.gpu.{shell_only[0]}",
            "is set by a boot script, and Bottlerocket runs none; use os: al2023",
        )
