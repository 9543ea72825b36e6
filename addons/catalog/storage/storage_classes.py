"""Storage classes: gp3 disks by default, and a directory of its own on each EFS file system.

There is none for FSx for Lustre: a file system takes minutes to make, starts at 1.2 TiB and must lie in the zone of the
nodes that use it, so the stack makes them (`storage.lustre`) and `static-volumes` mounts them.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from addons.spec import AddOn, AddOnSettings, Objects
from infra.handle import ClusterHandle, EfsVolume


class StorageClassesSettings(AddOnSettings):
    """Settings of the storage classes."""

    default: bool = True
    """Whether gp3 is the class of claims that name none."""

    file_system: Literal["ext4", "xfs"] = "ext4"
    """What a new disk is formatted with."""

    iops: Annotated[int, Field(ge=3000, le=80_000)] | None = None
    """IOPS of each disk; gp3 has 3000 at least, and at most 500 per GiB."""

    throughput: Annotated[int, Field(ge=125, le=2000)] | None = None
    """MiB/s of each disk; gp3 has 125 at least, and at most a quarter of the IOPS."""


def _objects(handle: ClusterHandle, settings: StorageClassesSettings) -> list[dict[str, Any]]:
    return [_gp3(handle, settings), *(_efs(volume) for volume in handle.storage.efs)]


def _gp3(handle: ClusterHandle, settings: StorageClassesSettings) -> dict[str, Any]:
    """Encrypted disks, made in the zone of the pod that first uses them.

    Source: docs/parameters.md of kubernetes-sigs/aws-ebs-csi-driver v1.64.0.
    """
    optional = {
        "iops": settings.iops,
        "throughput": settings.throughput,
        "kmsKeyId": handle.storage.volume_key_arn,
    }
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": "gp3",
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true" if settings.default else "false"},
        },
        "provisioner": "ebs.csi.aws.com",
        "parameters": {
            "type": "gp3",
            "encrypted": "true",
            "csi.storage.k8s.io/fstype": settings.file_system,
            **{
                key: str(value) if isinstance(value, int) else value
                for key, value in optional.items()
                if value is not None
            },
        },
        "reclaimPolicy": "Delete",
        "allowVolumeExpansion": True,
        # A disk lies in one zone: it must be the pod's.
        "volumeBindingMode": "WaitForFirstConsumer",
    }


def _efs(volume: EfsVolume) -> dict[str, Any]:
    """An access point of its own for each claim.

    Source: docs/README.md of kubernetes-sigs/aws-efs-csi-driver v3.4.1, "Storage Class Parameters for Dynamic
    Provisioning".
    """
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": f"efs-{volume.name}"},
        "provisioner": "efs.csi.aws.com",
        "parameters": {
            "provisioningMode": "efs-ap",
            "fileSystemId": volume.file_system_id,
            "directoryPerms": "700",
            "basePath": "/claims",
        },
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
    }


ADDON = AddOn(
    name="storage-classes",
    group="storage",
    summary="gp3 disks by default, and claims on each EFS file system",
    docs="https://kubernetes.io/docs/concepts/storage/storage-classes/",
    source=Objects(build=_objects),
    settings=StorageClassesSettings,
    presets=("minimal",),
    needs=("aws-ebs-csi-driver",),
    # There where the stack has file systems; the classes of these are its own.
    follows=("aws-efs-csi-driver",),
)
