"""Velero: backups of the cluster's objects, and of volumes by snapshot or by file, in the stack's bucket."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import pulumi
from pydantic import Field

from addons.iam import allow, policy
from addons.spec import AddOn, AddOnSettings, Chart, Identity, Image, Placement, Ready, Values
from infra.handle import Bucket, ClusterHandle
from infra.model import Model

_NAME: Final = "velero"
_BUCKET: Final = "backups"
_SERVICE_ACCOUNT: Final = "velero-server"
_PLUGIN: Final = "docker.io/velero/velero-plugin-for-aws:v1.14.0"
"""Of the minor that goes with Velero 1.18 (its releases are made together)."""

Name = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,40}[a-z0-9])?$")]
Namespace = Annotated[str, Field(pattern=r"^(\*|[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)$")]
Cron = Annotated[str, Field(pattern=r"^\S+( \S+){4}$")]


class ScheduleSettings(Model):
    """Backups that are made again and again."""

    cron: Cron = "0 3 * * *"
    """When, in UTC: minute, hour, day of the month, month, day of the week."""
    keep_days: Annotated[int, Field(ge=1)] = 30
    """Days that each backup is kept. The snapshots of its volumes go with it."""
    namespaces: Annotated[tuple[Namespace, ...], Field(min_length=1)] = ("*",)
    """What is in it."""
    except_namespaces: tuple[Namespace, ...] = ()
    """What is not."""
    volumes: bool = True
    """Whether volumes are in it, too: those of the EBS driver by snapshot. Shared file systems have backups of their
    own (`storage`)."""


class VeleroSettings(AddOnSettings):
    """Settings of Velero."""

    schedules: Mapping[Name, ScheduleSettings] = Field(default_factory=lambda: {"daily": ScheduleSettings()})
    """Backups by name."""

    move_snapshots: bool = False
    """Copy the snapshots' contents into the bucket, and delete the snapshots then. It takes longer, and a backup
    outlives the account's snapshots."""


def _values(handle: ClusterHandle, settings: VeleroSettings) -> Values:
    bucket = handle.storage.buckets.get(_BUCKET)
    return {
        "configuration": {
            "backupStorageLocation": [_location(handle, bucket)] if bucket else [],
            "volumeSnapshotLocation": [],
            "features": "EnableCSI",
            "defaultSnapshotMoveData": settings.move_snapshots,
        },
        "backupsEnabled": bucket is not None,
        # Those of Velero's own; volumes are snapshot by their CSI driver.
        "snapshotsEnabled": False,
        # Its pods have a role of their own: no secret with access keys.
        "credentials": {"useSecret": False},
        "serviceAccount": {"server": {"name": _SERVICE_ACCOUNT}},
        "initContainers": [
            {
                "name": "velero-plugin-for-aws",
                "image": _PLUGIN,
                "imagePullPolicy": "IfNotPresent",
                "volumeMounts": [{"name": "plugins", "mountPath": "/target"}],
            }
        ],
        # CRDs come from the chart's own folder; this would be a hook that may change everything in the cluster.
        "upgradeCRDs": False,
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}},
        # Reads and writes volumes by file, and moves snapshots, on the node that has the volume.
        "deployNodeAgent": True,
        "nodeAgent": {"resources": {"requests": {"cpu": "50m", "memory": "128Mi"}}},
        "schedules": {name: _schedule(each) for name, each in sorted(settings.schedules.items())},
    }


def _location(handle: ClusterHandle, bucket: Bucket) -> dict[str, Any]:
    """The bucket encrypts with the stack's key by itself."""
    return {
        "name": "default",
        "provider": "aws",
        "default": True,
        "bucket": bucket.name,
        "prefix": handle.name,
        "config": {"region": handle.region},
    }


def _schedule(settings: ScheduleSettings) -> dict[str, Any]:
    template: dict[str, Any] = {
        "ttl": f"{settings.keep_days * 24}h",
        "storageLocation": "default",
        "includedNamespaces": list(settings.namespaces),
        "snapshotVolumes": settings.volumes,
    }
    if settings.except_namespaces:
        template["excludedNamespaces"] = list(settings.except_namespaces)
    return {"schedule": settings.cron, "template": template}


def _policy(handle: ClusterHandle, _settings: VeleroSettings) -> dict[str, Any] | None:
    """The objects of its own bucket; snapshots are the EBS driver's to make.

    Source: README of vmware-tanzu/velero-plugin-for-aws@800bcfb14d, without the actions on EC2.
    """
    bucket = handle.storage.buckets.get(_BUCKET)
    if bucket is None:
        return None
    return policy(
        allow("s3:ListBucket", on=bucket.arn),
        allow(
            "s3:AbortMultipartUpload",
            "s3:DeleteObject",
            "s3:GetObject",
            "s3:ListMultipartUploadParts",
            "s3:PutObject",
            on=pulumi.Output.concat(bucket.arn, "/*"),
        ),
        *([allow("kms:Decrypt", "kms:GenerateDataKey", on=bucket.key_arn)] if bucket.key_arn is not None else []),
    )


def _applies(handle: ClusterHandle) -> str | None:
    return (
        None if _BUCKET in handle.storage.buckets else "the stack has no bucket for backups (storage.buckets.backups)"
    )


ADDON = AddOn(
    name=_NAME,
    group="backup",
    summary="backups of the cluster's objects and volumes in the stack's bucket",
    docs="https://velero.io/docs/v1.18/",
    source=Chart(
        repo="https://vmware-tanzu.github.io/helm-charts",
        name=_NAME,
        # renovate: datasource=helm depName=velero registryUrl=https://vmware-tanzu.github.io/helm-charts
        version="12.1.0",
    ),
    settings=VeleroSettings,
    applies=_applies,
    namespace=_NAME,
    create_namespace=True,
    # The node agent reads the volumes of other pods where the kubelet mounts them.
    pod_security="privileged",
    values=_values,
    images=(
        Image(reference="docker.io/velero/velero:v1.18.1", repository="image.repository", tag="image.tag"),
        Image(reference=_PLUGIN, whole="initContainers.0.image"),
    ),
    identities=(Identity(service_account=_SERVICE_ACCOUNT, policy=_policy, irsa="serviceAccount.server.annotations"),),
    needs=("coredns", "volume-snapshot-classes"),
    stands_on=(f"storage.buckets.{_BUCKET}",),
    owns_crds=(
        "backuprepositories.velero.io",
        "backups.velero.io",
        "backupstoragelocations.velero.io",
        "datadownloads.velero.io",
        "datauploads.velero.io",
        "deletebackuprequests.velero.io",
        "downloadrequests.velero.io",
        "podvolumebackups.velero.io",
        "podvolumerestores.velero.io",
        "restores.velero.io",
        "schedules.velero.io",
        "serverstatusrequests.velero.io",
        "volumesnapshotlocations.velero.io",
    ),
    creates=frozenset({"Service"}),
    placement=Placement(accelerated=("nodeAgent.tolerations",)),
    ready=(Ready(kind="Deployment", name=_NAME), Ready(kind="DaemonSet", name="node-agent")),
)
