"""The stack's FSx for Lustre and EFS file systems as volumes of Kubernetes, each with a claim to mount it by. Pure."""

from collections.abc import Iterator
from typing import Any, Final, Literal

import pulumi

from infra.catalog import names
from infra.handle import ClusterHandle, EfsVolume, LustreVolume

# A volume needs a capacity; file systems that grow by themselves have none to tell.
_ELASTIC: Final = "1Pi"


def volumes(handle: ClusterHandle, namespace: str, *, joint: str = ".") -> Iterator[dict[str, Any]]:
    """A volume for each file system, and its claim in a namespace, which can be asked for once.

    Args:
        handle: The cluster.
        namespace: Of the claims.
        joint: Stands in the claims' names between a file system and its access point (`claim`).
    """
    for name, capacity, spec in _file_systems(handle, joint):
        yield from _pair(name, namespace, capacity, spec)


def claim(kind: Literal["efs", "lustre"], name: str, access_point: str | None = None, *, joint: str = ".") -> str:
    """The name of the claim of a file system, or of one of its access points.

    With a dot as joint no two are the same, as names of file systems and access points hold none. Kubeflow's forms
    name volumes like claims, and names of volumes hold none either.
    """
    return f"{kind}-{name}" + (f"{joint}{access_point}" if access_point else "")


def _file_systems(handle: ClusterHandle, joint: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Name of the claim, capacity, and what is particular in the volume's spec."""
    for lustre in handle.storage.lustre:
        capacity = _ELASTIC if lustre.capacity_gib is None else f"{lustre.capacity_gib}Gi"
        yield claim("lustre", lustre.name), capacity, _lustre(lustre)
    for efs in handle.storage.efs:
        if not efs.access_points:
            yield claim("efs", efs.name), _ELASTIC, _efs(efs, efs.file_system_id)
        for name, point in sorted(efs.access_points.items()):
            handle_of_point = pulumi.Output.concat(efs.file_system_id, "::", point)
            yield claim("efs", efs.name, name, joint=joint), _ELASTIC, _efs(efs, handle_of_point)


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
