"""From settings to managed groups: one per group and zone, every decision taken, nothing created yet."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from infra.catalog import amis, autoscaler, efa, mig, names
from infra.catalog.allocatable import room
from infra.catalog.instances import InstanceType, instance_type, max_pods
from infra.catalog.quantities import HUGEPAGE_MIB, quantity
from infra.handle import GpuSharing, NodePool, Taint
from infra.node_groups.rules import zones_of
from infra.node_groups.settings import NodeGroupSettings

_GIB_PER_GB = 1000**3 / 1024**3
_OVERHEAD = 0.9
"""Share of a disk that pods can use: the file system, the images' layers and kubelet's eviction threshold take the
rest."""


@dataclass(frozen=True, kw_only=True)
class ManagedGroup:
    """One managed node group to be: `pool` is what others may know of it."""

    pool: NodePool
    settings: NodeGroupSettings
    instance: InstanceType
    ami_type: str
    interfaces: tuple[efa.NetworkInterface, ...]
    hugepages: int
    max_pods: int | None
    raid0: bool
    placement_group: bool
    resources: Mapping[str, str] = field(default_factory=dict)
    """What cluster-autoscaler cannot learn from the instance type: extended resource to quantity, for scale from
    zero."""

    @property
    def name(self) -> str:
        """`<group>-<zone id>`."""
        return self.pool.name


def expand(groups: Sequence[NodeGroupSettings], region: str, zones: Sequence[str]) -> tuple[ManagedGroup, ...]:
    """The managed groups of a stack, in the order of the settings and then of the zones.

    Args:
        groups: Settings without problems (`rules.problems`).
        region: The stack's region.
        zones: The zone ids of the network.
    """
    return tuple(_managed(group, zone) for group in groups for zone in zones_of(group, region, zones))


def _managed(group: NodeGroupSettings, zone: str) -> ManagedGroup:
    instance = instance_type(group.instance_types[0])
    accelerator = instance.accelerator
    interfaces = efa.layout(instance.name) if group.efa else ()
    hugepages = group.hugepages if group.hugepages is not None else efa.EFA_HUGEPAGES if group.efa else 0
    sharing = _sharing(group, instance)
    raid0 = instance.instance_store is not None and group.instance_store == "raid0"
    pods = group.kubelet.max_pods or (max_pods(instance, efa=True) if interfaces else None)
    hugepages_mib = hugepages * HUGEPAGE_MIB
    types = [instance_type(each) for each in group.instance_types]
    rooms = [
        room(each, pods=pods or max_pods(each, efa=bool(interfaces)), hugepages_mib=hugepages_mib) for each in types
    ]
    pool = NodePool(
        name=f"{group.name}-{zone}",
        group=group.name,
        zone_id=zone,
        instance_types=group.instance_types,
        capacity=group.capacity.type,
        arch=instance.arch,
        bottlerocket=group.os == "bottlerocket",
        accelerator=accelerator.kind if accelerator else None,
        accelerators_per_node=accelerator.count if accelerator else 0,
        efa_interfaces=instance.efa_interfaces if group.efa else 0,
        labels=dict(_labels(group, zone, instance, sharing)),
        taints=tuple(_taints(group, instance)),
        min_size=group.min,
        max_size=group.max,
        sharing=sharing,
        provision_minutes=autoscaler.provision_minutes(instance),
        system=group.system,
        cpu_millis=min(each.cpu_millis for each in rooms),
        memory_mib=min(each.memory_mib for each in rooms),
        hugepages_mib=hugepages_mib,
        devices={name: int(count) for name, count in _devices(instance, sharing).items()},
    )
    return ManagedGroup(
        pool=pool,
        settings=group,
        instance=instance,
        ami_type="CUSTOM" if group.image_id else amis.ami_type(instance, bottlerocket=pool.bottlerocket),
        interfaces=interfaces,
        hugepages=hugepages,
        max_pods=pods,
        raid0=raid0,
        placement_group=_placement_group(group),
        resources=dict(_resources(group, instance, sharing, hugepages, raid0=raid0)),
    )


def _placement_group(group: NodeGroupSettings) -> bool:
    if group.capacity.type in ("reservation", "capacity-block"):
        return False
    return group.efa if group.placement_group is None else group.placement_group


def _sharing(group: NodeGroupSettings, instance: InstanceType) -> GpuSharing | None:
    settings, accelerator = group.gpu.sharing, instance.accelerator
    if settings is None or accelerator is None:
        return None
    if settings.mode == "mig" and settings.mig_profile is not None:
        count = accelerator.count * mig.profiles(instance.name)[settings.mig_profile]
        resource = names.GPU_RESOURCE if settings.mig_strategy == "single" else f"nvidia.com/mig-{settings.mig_profile}"
        return GpuSharing(
            mode="mig",
            config=f"mig-{settings.mig_strategy}",
            mig_strategy=settings.mig_strategy,
            mig_profile=settings.mig_profile,
            resources={resource: count},
        )
    replicas = settings.replicas or 1
    return GpuSharing(
        mode=settings.mode,
        config=f"{settings.mode}-{replicas}",
        replicas=replicas,
        resources={names.GPU_RESOURCE: accelerator.count * replicas},
    )


def _labels(
    group: NodeGroupSettings, zone: str, instance: InstanceType, sharing: GpuSharing | None
) -> Iterator[tuple[str, str]]:
    yield names.GROUP_LABEL, group.name
    yield names.NODE_ZONE_LABEL, zone
    yield names.CAPACITY_LABEL, group.capacity.type
    if instance.accelerator:
        yield names.ACCELERATOR_LABEL, instance.accelerator.kind
        # Cluster-autoscaler holds a node with this label unready until nvidia.com/gpu is allocatable on it.
        if names.GPU_RESOURCE in _devices(instance, sharing):
            yield names.AUTOSCALER_ACCELERATOR_LABEL, instance.accelerator.autoscaler_label
        # Bottlerocket has its own device plugin; this label is what Slipway's selects nodes by.
        if instance.accelerator.kind == "nvidia" and group.os == "al2023":
            yield names.GPU_PRESENT_LABEL, "true"
    if group.efa:
        yield names.EFA_LABEL, "true"
    if sharing:
        yield names.DEVICE_PLUGIN_CONFIG_LABEL, sharing.config
        if sharing.mode == "mps":
            yield names.MPS_CAPABLE_LABEL, "true"
    yield from group.labels.items()


def _taints(group: NodeGroupSettings, instance: InstanceType) -> Iterator[Taint]:
    if instance.accelerator:
        yield Taint(key=names.ACCELERATOR_TAINTS[instance.accelerator.kind], value=names.TAINT_VALUE)
    for taint in group.taints:
        yield Taint(key=taint.key, value=taint.value, effect=taint.effect)


def _devices(instance: InstanceType, sharing: GpuSharing | None) -> dict[str, str]:
    """What device plugins advertise on a node: extended resource to count.

    Said of GPUs too, though the autoscaler knows most: g6f reports none, and shared ones are more than there are.
    """
    accelerator = instance.accelerator
    if accelerator is None or accelerator.resource is None:
        return {}
    if sharing:
        return {resource: str(count) for resource, count in sharing.resources.items()}
    cores = {names.NEURON_CORE_RESOURCE: str(accelerator.neuron_cores)} if accelerator.neuron_cores else {}
    return {accelerator.resource: str(accelerator.count), **cores}


def _resources(
    group: NodeGroupSettings,
    instance: InstanceType,
    sharing: GpuSharing | None,
    hugepages: int,
    *,
    raid0: bool,
) -> Iterator[tuple[str, str]]:
    yield from _devices(instance, sharing).items()
    if group.efa:
        yield names.EFA_RESOURCE, str(instance.efa_interfaces)
    if hugepages:
        yield names.HUGEPAGES_RESOURCE, quantity(names.HUGEPAGES_RESOURCE, hugepages * HUGEPAGE_MIB)
    disk = instance.instance_store.total_gb * _GIB_PER_GB if raid0 and instance.instance_store else group.volume.size
    yield names.EPHEMERAL_STORAGE_RESOURCE, f"{int(disk * _OVERHEAD)}Gi"


def asg_tags(managed: ManagedGroup, cluster: str) -> dict[str, str]:
    """Tags that cluster-autoscaler reads from the Auto Scaling group: discovery, template and options.

    EKS does not copy a node group's tags to its Auto Scaling group (facts README section 6).
    """
    options = managed.settings.autoscaling
    if not options.enabled:
        return {}
    pool = managed.pool
    found = dict(autoscaler.discovery_tags(cluster))
    labels = {**pool.labels, names.ZONE_ID_LABEL: pool.zone_id}
    found |= {autoscaler.label_tag(key): value for key, value in labels.items()}
    found |= {autoscaler.taint_tag(taint.key): f"{taint.value}:{taint.effect}" for taint in pool.taints}
    found |= resource_tags(managed)
    for option, value in {
        "scaledownunneededtime": options.scale_down_unneeded_time,
        "scaledownunreadytime": options.scale_down_unready_time,
        "scaledownutilizationthreshold": options.scale_down_utilization_threshold,
        "scaledowngpuutilizationthreshold": options.scale_down_gpu_utilization_threshold,
        "ignoredaemonsetsutilization": options.ignore_daemonsets_utilization,
    }.items():
        if value is not None:
            found[autoscaler.option_tag(option)] = str(value).lower() if isinstance(value, bool) else str(value)
    return found


def resource_tags(managed: ManagedGroup) -> dict[str, str]:
    """The same resources as the node group's own tags, which DescribeNodegroup hands to the autoscaler."""
    return {autoscaler.resource_tag(name): quantity for name, quantity in managed.resources.items()}
