"""What is wrong, or worth a word, in one machine instead of a cluster, and ECS as the step between.

Sources: EC2 user guide, "Spot Instance interruptions" (only an instance of a persistent request stops); EFS user guide,
"EFS file system types" (One Zone); facts README section 1.6 (zone ids).
"""

from collections.abc import Iterator, Sequence

from infra.catalog.errors import UnknownNameError
from infra.catalog.instances import InstanceType, instance_type
from infra.catalog.machine_images import deep_learning_image, ecs_gpu_image
from infra.catalog.zones import is_local, offered_zones, regions
from infra.catalog.zones import zones as region_zones
from infra.problems import Problem, nearest, one_of, repeated, shown
from infra.surroundings import Surroundings
from infra.workstation import place
from infra.workstation.settings import EcsSettings, InstanceSettings, WorkstationSettings

_INSTANCE, _ECS = "workstation.instance", "workstation.ecs"


def problems(workstation: WorkstationSettings, around: Surroundings) -> Iterator[Problem]:
    """What is wrong with these settings."""
    if workstation.instance is None and workstation.ecs is None:
        yield Problem("workstation", "asks for nothing; give it instance, ecs or both, or leave it out")
    if workstation.instance is not None:
        yield from _instance_problems(workstation.instance, around)
    if workstation.ecs is not None:
        yield from _ecs_problems(workstation.ecs, around)


def warnings(workstation: WorkstationSettings) -> Iterator[str]:
    """What the user should know, though it is allowed."""
    instance = workstation.instance
    if instance is None:
        return
    if instance.capacity == "on-demand" and instance.stop_after_idle_minutes is None:
        yield (
            f"{_INSTANCE} {instance.instance_type} runs until somebody stops it; "
            "stopAfterIdleMinutes stops it when nobody uses it"
        )


def far_mounts(workstation: WorkstationSettings, around: Surroundings) -> Iterator[str]:
    """A word on each file system that the machine mounts across zones."""
    instance, gpu_zones = workstation.instance, around.gpu_zones or ()
    if instance is None:
        return
    here = _zone(instance, around)
    for mount in place.mounts(instance, around.storage, gpu_zones):
        if mount.kind == "lustre" and here is not None and mount.zone != here:
            yield (
                f"{_INSTANCE} is in {here} and mounts {mount.name} of {mount.zone} across zones, "
                "which costs per GB and is slower"
            )


def _zone(instance: InstanceSettings, around: Surroundings) -> str | None:
    return place.zone(instance, around.storage, around.gpu_zones or (), around.platform.region, around.network.zone_ids)


def _instance_problems(settings: InstanceSettings, around: Surroundings) -> Iterator[Problem]:
    try:
        instance = instance_type(settings.instance_type)
    except UnknownNameError as error:
        yield Problem(f"{_INSTANCE}.instanceType", str(error))
        return
    try:
        deep_learning_image(instance)
    except ValueError as error:
        yield Problem(f"{_INSTANCE}.instanceType", str(error))
    yield from _capacity_problems(instance, settings.capacity, _INSTANCE)
    if settings.capacity == "spot" and settings.stop_after_idle_minutes is not None:
        yield Problem(
            f"{_INSTANCE}.stopAfterIdleMinutes",
            f"{settings.stop_after_idle_minutes}: a spot instance cannot be stopped, only lost; leave it out",
        )
    if settings.zone is not None:
        yield from _named_zone_problems(instance, settings.zone, f"{_INSTANCE}.zone", around)
    else:
        yield from _default_zone_problems(instance, settings, around)
    yield from _mount_problems(settings, around)


def _default_zone_problems(
    instance: InstanceType, settings: InstanceSettings, around: Surroundings
) -> Iterator[Problem]:
    if around.gpu_zones is None:
        return  # mistakes in the groups leave the file systems' zones unknown
    offered, zone = _offered(instance, around), _zone(settings, around)
    if not _known_zones(around):
        return
    if not [each for each in offered if each in around.network.zone_ids]:
        yield Problem(
            f"{_INSTANCE}.instanceType",
            f"no zone of the network offers {instance.name}; {_where(offered, around)}",
        )
    elif zone in _known_zones(around) and zone not in offered:
        yield Problem(
            f"{_INSTANCE}.zone",
            f"say which: the file systems it mounts are in {zone}, which does not offer {instance.name}; "
            f"{_where(offered, around)}",
        )


def _mount_problems(settings: InstanceSettings, around: Surroundings) -> Iterator[Problem]:
    every = {each.name: each for each in place.available(around.storage, around.gpu_zones or ())}
    names = settings.mounts or ()
    for index, name in enumerate(names):
        path = f"{_INSTANCE}.mounts[{index}]"
        if name not in every:
            have = one_of(every) or "none"
            yield Problem(path, f"{shown(name)} is not in storage{nearest(name, every)}, which has: {have}")
    yield from repeated(names, f"{_INSTANCE}.mounts")
    here = _zone(settings, around)
    for mount in place.mounts(settings, around.storage, around.gpu_zones or ()):
        bound = mount.kind == "efs" and mount.zone in _known_zones(around)
        if bound and here in _known_zones(around) and mount.zone != here:
            yield Problem(
                f"{_INSTANCE}.mounts",
                f"{mount.name} is One Zone, in {mount.zone}, and the machine is in {here}; "
                "name the others, or the same zone",
            )


def _ecs_problems(settings: EcsSettings, around: Surroundings) -> Iterator[Problem]:
    try:
        instance = instance_type(settings.instance_type)
    except UnknownNameError as error:
        yield Problem(f"{_ECS}.instanceType", str(error))
        return
    try:
        ecs_gpu_image(instance)
    except ValueError as error:
        yield Problem(f"{_ECS}.instanceType", str(error))
        return
    yield from _capacity_problems(instance, settings.capacity, _ECS)
    yield from repeated(settings.zones, f"{_ECS}.zones")
    for index, zone in enumerate(settings.zones):
        path = f"{_ECS}.zones[{index}]"
        if settings.zones.index(zone) == index:
            yield from _named_zone_problems(instance, zone, path, around)
    if _known_zones(around) and not place.ecs_zones(settings, around.platform.region, around.network.zone_ids):
        yield Problem(
            f"{_ECS}.instanceType",
            f"no zone of the network offers {instance.name}; {_where(_offered(instance, around), around)}",
        )


def _capacity_problems(instance: InstanceType, capacity: str, here: str) -> Iterator[Problem]:
    legal = (
        *(("on-demand",) if instance.on_demand else ()),
        *(("spot",) if "spot" in instance.usage_classes else ()),
    )
    if capacity not in legal:
        instead = f"use {one_of(legal)}" if legal else "choose another type"
        yield Problem(f"{here}.capacity", f"{shown(capacity)} is not sold for {instance.name}; {instead}")


def _named_zone_problems(instance: InstanceType, zone: str, path: str, around: Surroundings) -> Iterator[Problem]:
    zones = around.network.zone_ids
    if zone not in zones:
        yield Problem(
            path,
            f"{shown(zone)} is not a zone of the network{nearest(zone, zones)}; it has: {one_of(zones)}",
        )
    elif is_local(zone):
        yield Problem(path, f"{zone} is a Local Zone, which EFS and Session Manager's endpoints do not reach")
    elif zone in _known_zones(around) and zone not in _offered(instance, around):
        yield Problem(path, f"{instance.name} is not offered in {zone}; {_where(_offered(instance, around), around)}")


def _known_zones(around: Surroundings) -> Sequence[str]:
    """The network's zones that there are: what it names and nobody knows, region or zone, has its message there."""
    region = around.platform.region
    return [zone for zone in around.network.zone_ids if region in regions() and zone in region_zones(region)]


def _offered(instance: InstanceType, around: Surroundings) -> Sequence[str]:
    try:
        offered = offered_zones(instance.name, around.platform.region)
    except UnknownNameError:
        return ()  # platform.region has its own message
    return [zone for zone in offered if not is_local(zone)]


def _where(offered: Sequence[str], around: Surroundings) -> str:
    inside = [zone for zone in offered if zone in around.network.zone_ids]
    if inside:
        return f"in this network it is in: {one_of(inside)}"
    region = around.platform.region
    return f"{region} has it in: {one_of(offered)}" if offered else f"{region} does not have it"
