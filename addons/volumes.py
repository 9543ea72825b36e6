"""The stack's FSx for Lustre and EFS file systems as volumes of Kubernetes, each with a claim to mount it by. Pure."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal

import pulumi

from infra.catalog import names
from infra.handle import TENANTS, ClusterHandle, EfsVolume, LustreVolume, Tenant

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


def tenant_volumes(handle: ClusterHandle, tenant: Tenant) -> Iterator[dict[str, Any]]:
    """A volume of each of a tenant's directories, and of what all share on Lustre, which it cannot write."""
    directory = tenant.directory
    for lustre in handle.storage.lustre:
        if lustre.name in tenant.lustre:
            capacity = _capacity(lustre)
            yield from _pair(claim("lustre", lustre.name), tenant.name, capacity, _lustre(lustre, directory))
            for path in shared(lustre.repositories):
                spec = _lustre(lustre, path, read_only=True)
                yield from _pair(shared_claim(lustre.name, path), tenant.name, capacity, spec)
    for efs in handle.storage.efs:
        if efs.name in tenant.efs:
            point = pulumi.Output.concat(efs.file_system_id, "::", tenant.efs[efs.name])
            yield from _pair(claim("efs", efs.name), tenant.name, _ELASTIC, _efs(efs, point))


def shared(repositories: Iterable[str]) -> list[str]:
    """The directories on Lustre that all tenants may read: those that are linked to S3.

    Not the whole file system, which has everybody's, nor what lies among tenants' own: one may be linked, too.
    """
    found = ["/" + "/".join(part for part in path.split("/") if part) for path in repositories]
    return [path for path in found if path != "/" and not f"{path}/".startswith(f"{TENANTS}/")]


def shared_claim(file_system: str, path: str) -> str:
    """The name of the claim of a directory on Lustre that all tenants may read."""
    return claim("lustre", file_system, re.sub("[^a-z0-9]+", "-", path.lower()).strip("-"), joint="-")


def whole(volume: LustreVolume, namespace: str) -> Iterator[dict[str, Any]]:
    """A volume of all of a Lustre file system, for any node, and its claim."""
    spec = {key: value for key, value in _lustre(volume).items() if key != "nodeAffinity"}
    yield from _pair(claim("lustre", volume.name), namespace, _capacity(volume), spec)


def claim(kind: Literal["efs", "lustre"], name: str, access_point: str | None = None, *, joint: str = ".") -> str:
    """The name of the claim of a file system, or of one of its access points.

    With a dot as joint no two are the same, as names of file systems and access points hold none. Kubeflow's forms
    name volumes like claims, and names of volumes hold none either.
    """
    return f"{kind}-{name}" + (f"{joint}{access_point}" if access_point else "")


def _file_systems(handle: ClusterHandle, joint: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Name of the claim, capacity, and what is particular in the volume's spec."""
    for lustre in handle.storage.lustre:
        yield claim("lustre", lustre.name), _capacity(lustre), _lustre(lustre)
    for efs in handle.storage.efs:
        if not efs.access_points:
            yield claim("efs", efs.name), _ELASTIC, _efs(efs, efs.file_system_id)
        for name, point in sorted(efs.access_points.items()):
            handle_of_point = pulumi.Output.concat(efs.file_system_id, "::", point)
            yield claim("efs", efs.name, name, joint=joint), _ELASTIC, _efs(efs, handle_of_point)


def _capacity(volume: LustreVolume) -> str:
    return _ELASTIC if volume.capacity_gib is None else f"{volume.capacity_gib}Gi"


def _lustre(volume: LustreVolume, directory: str = "", *, read_only: bool = False) -> dict[str, Any]:
    """Pods are kept in the file system's zone: from another one they would pay for every byte and lose EFA.

    Of a directory the node mounts that alone: Lustre calls it a fileset, and the driver puts what is called the mount
    name behind the servers' address as it is. It takes no other access mode than this one.

    Sources: examples/kubernetes/static_provisioning and pkg/driver/{node,controller}.go of
        kubernetes-sigs/aws-fsx-csi-driver v1.9.0; mount.lustre(8).
    """
    place = volume.mount_name if not directory else pulumi.Output.concat(volume.mount_name, directory)
    own = volume.file_system_id if not directory else pulumi.Output.concat(volume.file_system_id, ":", directory)
    return {
        "csi": {
            "driver": "fsx.csi.aws.com",
            "volumeHandle": own,
            "volumeAttributes": {"dnsname": volume.dns_name, "mountname": place},
        },
        # Locks hold between nodes, as checkpoint libraries expect.
        "mountOptions": ["flock", *(["ro"] if read_only else [])],
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
