"""Static volumes: the stack's FSx for Lustre and EFS file systems, ready to mount by name in chosen namespaces."""

from collections.abc import Iterator
from typing import Annotated, Any, Final

import pulumi
from pydantic import Field

from addons.objects import namespace
from addons.spec import BUILT_IN_NAMESPACES, AddOn, AddOnSettings, Objects
from infra.catalog import names
from infra.handle import ClusterHandle, EfsVolume, LustreVolume

# A volume needs a capacity; file systems that grow by themselves have none to tell.
_ELASTIC: Final = "1Pi"

Namespace = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]


class StaticVolumesSettings(AddOnSettings):
    """Settings of the static volumes."""

    namespaces: tuple[Namespace, ...] = ("default",)
    """Namespaces in which pods can mount every file system. The claims are `lustre-<name>` and `efs-<name>`, the
    latter with `.<access point>` where the file system has access points."""

    create_namespaces: bool = True
    """Whether to make those namespaces, except the ones that every cluster has."""


def _objects(handle: ClusterHandle, settings: StaticVolumesSettings) -> list[dict[str, Any]]:
    spaces = dict.fromkeys(settings.namespaces)
    made = [
        namespace(space, "baseline")
        for space in spaces
        if settings.create_namespaces and space not in BUILT_IN_NAMESPACES
    ]
    volumes = [
        item
        for space in spaces
        for name, capacity, spec in _file_systems(handle)
        for item in _pair(name, space, capacity, spec)
    ]
    return [*made, *volumes]


def _file_systems(handle: ClusterHandle) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Name of the claim, capacity, and what is particular in the volume's spec.

    Names of file systems and access points hold no dot, so that no two claims have one name.
    """
    for lustre in handle.storage.lustre:
        capacity = _ELASTIC if lustre.capacity_gib is None else f"{lustre.capacity_gib}Gi"
        yield f"lustre-{lustre.name}", capacity, _lustre(lustre)
    for efs in handle.storage.efs:
        if not efs.access_points:
            yield f"efs-{efs.name}", _ELASTIC, _efs(efs, efs.file_system_id)
        for name, point in sorted(efs.access_points.items()):
            handle_of_point = pulumi.Output.concat(efs.file_system_id, "::", point)
            yield f"efs-{efs.name}.{name}", _ELASTIC, _efs(efs, handle_of_point)


def _lustre(volume: LustreVolume) -> dict[str, Any]:
    """Pods are kept in the file system's zone: from another one they would pay for every byte and lose EFA.

    Source: examples/kubernetes/static_provisioning of kubernetes-sigs/aws-fsx-csi-driver v1.9.0.
    """
    return {
        "csi": {
            "driver": "fsx.csi.aws.com",
            "volumeHandle": volume.file_system_id,
            "volumeAttributes": {"dnsname": volume.dns_name, "mountname": volume.mount_name},
        },
        # Locks hold between nodes, as checkpoint libraries expect.
        "mountOptions": ["flock"],
        "nodeAffinity": _in_zone(volume.zone_id),
    }


def _efs(volume: EfsVolume, volume_handle: pulumi.Output[str]) -> dict[str, Any]:
    """A file system in One Zone is pinned to it; any other has a mount target in each zone."""
    pinned = {"nodeAffinity": _in_zone(volume.zone_id)} if volume.zone_id else {}
    return {"csi": {"driver": "efs.csi.aws.com", "volumeHandle": volume_handle}, **pinned}


def _in_zone(zone_id: str) -> dict[str, Any]:
    term = {"key": names.NODE_ZONE_LABEL, "operator": "In", "values": [zone_id]}
    return {"required": {"nodeSelectorTerms": [{"matchExpressions": [term]}]}}


def _pair(name: str, namespace: str, capacity: str, spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A volume for exactly one claim, and the claim."""
    common = {"accessModes": ["ReadWriteMany"], "storageClassName": "", "volumeMode": "Filesystem"}
    volume = f"{name}.{namespace}"
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": name, "namespace": namespace}
    yield {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": volume},
        "spec": {
            **common,
            "capacity": {"storage": capacity},
            # Nobody else's claim may take it.
            "claimRef": claim,
            "persistentVolumeReclaimPolicy": "Retain",
            **spec,
        },
    }
    yield {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {**common, "resources": {"requests": {"storage": capacity}}, "volumeName": volume},
    }


def _applies(handle: ClusterHandle) -> str | None:
    storage = handle.storage
    return None if storage.lustre or storage.efs else "the stack has no FSx for Lustre or EFS file system"


ADDON = AddOn(
    name="static-volumes",
    group="storage",
    summary="the stack's FSx and EFS file systems, ready to mount by name",
    docs="https://kubernetes.io/docs/concepts/storage/persistent-volumes/",
    source=Objects(build=_objects),
    settings=StaticVolumesSettings,
    presets=("minimal",),
    applies=_applies,
    needs=("aws-efs-csi-driver", "aws-fsx-csi-driver"),
)
