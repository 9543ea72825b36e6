"""Mountpoint for Amazon S3 CSI driver: buckets as directories."""

from typing import Annotated, Any

import pulumi
from pydantic import Field

from addons.iam import allow, policy
from addons.spec import AddOn, EksAddon, Identity, ManagedSettings, Ready
from infra.handle import Bucket, ClusterHandle


class MountpointSettings(ManagedSettings):
    """Settings of Mountpoint for S3."""

    buckets: tuple[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")], ...] = ()
    """Names of buckets outside the stack that pods may mount too, such as a public data set."""


def _buckets(handle: ClusterHandle) -> list[Bucket]:
    buckets = sorted(handle.storage.buckets.items())
    return [bucket for _, bucket in buckets if bucket.shared]


def _policy(handle: ClusterHandle, settings: MountpointSettings) -> dict[str, Any] | None:
    """What a mount may do: read and write the stack's buckets except those of logs and backups, read others.

    Source: doc/CONFIGURATION.md of awslabs/mountpoint-s3 (2026-08-22), sections on IAM and KMS.
    """
    ours: list[pulumi.Input[str]] = [bucket.arn for bucket in _buckets(handle)]
    others: list[pulumi.Input[str]] = [f"arn:{handle.partition}:s3:::{name}" for name in settings.buckets]
    keys = [bucket.key_arn for bucket in _buckets(handle) if bucket.key_arn is not None]
    everything = [pulumi.Output.concat(arn, "/*") for arn in (*ours, *others)]
    inside = [pulumi.Output.concat(arn, "/*") for arn in ours]
    write = ("s3:AbortMultipartUpload", "s3:DeleteObject", "s3:PutObject")
    if not everything:
        return None
    return policy(
        allow("s3:ListBucket", on=[*ours, *others]),
        allow("s3:GetObject", on=everything),
        *([allow(*write, on=inside)] if inside else []),
        *([allow("kms:Decrypt", "kms:GenerateDataKey", on=keys)] if keys else []),
    )


def _applies(handle: ClusterHandle) -> str | None:
    return None if _buckets(handle) else "the stack has no S3 bucket for pods"


ADDON = AddOn(
    name="aws-mountpoint-s3-csi-driver",
    group="storage",
    summary="S3 buckets as directories",
    docs="https://docs.aws.amazon.com/eks/latest/userguide/s3-csi.html",
    source=EksAddon(name="aws-mountpoint-s3-csi-driver"),
    settings=MountpointSettings,
    presets=("minimal",),
    applies=_applies,
    identities=(Identity(service_account="s3-csi-driver-sa", policy=_policy),),
    needs=("coredns",),
    owns_crds=("mountpoints3podattachments.s3.csi.aws.com",),
    ready=(
        Ready(kind="Deployment", name="s3-csi-controller"),
        Ready(kind="DaemonSet", name="s3-csi-node"),
    ),
)
