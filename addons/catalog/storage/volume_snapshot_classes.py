"""Volume snapshot classes: snapshots of EBS volumes, by people and by Velero."""

from typing import Any, Literal

from addons.spec import AddOn, AddOnSettings, Objects
from infra.handle import ClusterHandle


class VolumeSnapshotClassesSettings(AddOnSettings):
    """Settings of the volume snapshot classes."""

    deletion_policy: Literal["Delete", "Retain"] = "Delete"
    """Whether a snapshot goes with its VolumeSnapshot object. Those of a Velero backup stay until the backup goes."""


def _objects(_handle: ClusterHandle, settings: VolumeSnapshotClassesSettings) -> list[dict[str, Any]]:
    return [
        {
            "apiVersion": "snapshot.storage.k8s.io/v1",
            "kind": "VolumeSnapshotClass",
            "metadata": {
                "name": "ebs",
                # Velero takes the class that carries it.
                "labels": {"velero.io/csi-volumesnapshot-class": "true"},
                "annotations": {"snapshot.storage.kubernetes.io/is-default-class": "true"},
            },
            "driver": "ebs.csi.aws.com",
            "deletionPolicy": settings.deletion_policy,
        }
    ]


ADDON = AddOn(
    name="volume-snapshot-classes",
    group="storage",
    summary="snapshots of EBS volumes",
    docs="https://kubernetes.io/docs/concepts/storage/volume-snapshot-classes/",
    source=Objects(build=_objects),
    settings=VolumeSnapshotClassesSettings,
    needs=("aws-ebs-csi-driver", "snapshot-controller"),
)
