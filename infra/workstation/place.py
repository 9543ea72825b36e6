"""Where the machine and the ECS instances are, and what the machine mounts: decided from the settings alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from infra.catalog.errors import UnknownNameError
from infra.catalog.zones import is_local, offered_zones
from infra.storage.rules import zone_of
from infra.storage.settings import StorageSettings
from infra.workstation.settings import EcsSettings, InstanceSettings, WorkstationSettings


@dataclass(frozen=True, kw_only=True)
class Mount:
    """A file system that the machine mounts. `zone` is None for an EFS file system with a target in every zone."""

    name: str
    kind: Literal["lustre", "efs"]
    zone: str | None


def available(storage: StorageSettings, gpu_zones: Sequence[str]) -> tuple[Mount, ...]:
    """Every file system of the stack, Lustre first."""
    lustre = (Mount(name=each.name, kind="lustre", zone=zone_of(each, gpu_zones)) for each in storage.lustre)
    efs = (Mount(name=each.name, kind="efs", zone=each.one_zone) for each in storage.efs)
    return (*lustre, *efs)


def mounts(instance: InstanceSettings, storage: StorageSettings, gpu_zones: Sequence[str]) -> tuple[Mount, ...]:
    """What the machine mounts: what it names, else everything."""
    every = available(storage, gpu_zones)
    return every if instance.mounts is None else tuple(each for each in every if each.name in instance.mounts)


def zone(
    instance: InstanceSettings, storage: StorageSettings, gpu_zones: Sequence[str], region: str, zones: Sequence[str]
) -> str | None:
    """The machine's zone: the one it names, else that of a file system it mounts, else the first with the type.

    Args:
        instance: The machine.
        storage: The stack's file systems.
        gpu_zones: The zones of the accelerated groups, beside which a Lustre file system is by default.
        region: The stack's region.
        zones: The zone ids of the network.

    Returns:
        The zone id; None where no zone of the network offers the type.
    """
    if instance.zone is not None:
        return instance.zone
    bound = [each.zone for each in mounts(instance, storage, gpu_zones) if each.zone is not None]
    return next(iter((*bound, *_offered(instance.instance_type, region, zones))), None)


def ecs_zones(ecs: EcsSettings, region: str, zones: Sequence[str]) -> tuple[str, ...]:
    """The zones of the ECS instances: those named, else each of the network's that offers the type."""
    return ecs.zones or tuple(_offered(ecs.instance_type, region, zones))


def _offered(type_name: str, region: str, zones: Sequence[str]) -> Iterator[str]:
    try:
        offered = offered_zones(type_name, region)
    except UnknownNameError:
        return
    yield from (each for each in zones if each in offered and not is_local(each))


def zone_in(
    settings: WorkstationSettings, storage: StorageSettings, gpu_zones: Sequence[str], region: str, zones: Sequence[str]
) -> str | None:
    """`zone` of the machine, where the settings ask for one."""
    return zone(settings.instance, storage, gpu_zones, region, zones) if settings.instance else None


def ecs_zones_in(settings: WorkstationSettings, region: str, zones: Sequence[str]) -> tuple[str, ...]:
    """`ecs_zones` of the cluster, where the settings ask for one."""
    return ecs_zones(settings.ecs, region, zones) if settings.ecs else ()


def endpoints(settings: WorkstationSettings | None) -> tuple[str, ...]:
    """The AWS services that these parts talk to beyond what every cluster does, as in `infra.network.endpoints`."""
    return ("ecs", "ecs-agent", "ecs-telemetry") if settings is not None and settings.ecs is not None else ()
