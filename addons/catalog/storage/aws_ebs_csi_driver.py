"""Amazon EBS CSI driver: a disk of its own for a pod."""

from typing import Any, Final

from addons.iam import ANY, allow, policy
from addons.spec import AddOn, EksAddon, Identity, ManagedSettings, Ready, Values
from addons.tags import separable
from infra.handle import ClusterHandle

_OURS: Final = "ebs.csi.aws.com/cluster"
"""The driver puts this tag, with the value `true`, on every volume and snapshot it makes."""


def _policy(handle: ClusterHandle, _settings: ManagedSettings) -> dict[str, Any]:
    """What the controller may do.

    A document of our own, after AmazonEBSCSIDriverPolicyV2, because AWS's pages do not agree on
    that policy's path; and tighter: only instances of this cluster, which EKS tags, and nothing
    that the driver does for volumes of the in-tree plugin.

    Source: AWS managed policy reference, AmazonEBSCSIDriverPolicyV2 (2026-04-16); EKS user guide,
    "Use Kubernetes volume storage with Amazon EBS", step on KMS keys.
    """
    ec2 = f"arn:{handle.partition}:ec2:{handle.region}:*"
    volumes, snapshots, instances = f"{ec2}:volume/*", f"{ec2}:snapshot/*", f"{ec2}:instance/*"
    asked = {"StringEquals": {f"aws:RequestTag/{_OURS}": "true"}}
    tagged = {"StringEquals": {f"ec2:ResourceTag/{_OURS}": "true"}}
    in_cluster = {"StringEquals": {"ec2:ResourceTag/eks:cluster-name": handle.name}}
    creating = {"StringEquals": {"ec2:CreateAction": ["CreateVolume", "CreateSnapshot", "CopyVolumes"]}}
    statements = [
        allow(
            "ec2:DescribeAvailabilityZones",
            "ec2:DescribeInstances",
            "ec2:DescribeInstanceTypes",
            "ec2:DescribeSnapshots",
            "ec2:DescribeVolumes",
            "ec2:DescribeVolumesModifications",
            "ec2:DescribeVolumeStatus",
            on=ANY,
        ),
        allow("ec2:CopyVolumes", "ec2:CreateVolume", on=volumes, when=asked),
        # A claim whose data source is another claim: the first is the new volume, this the old one.
        allow("ec2:CopyVolumes", on=f"{ec2}:volume/vol-*", when=tagged),
        allow("ec2:CreateVolume", on=snapshots, when=tagged),
        allow("ec2:CreateSnapshot", on=snapshots, when=asked),
        allow("ec2:CreateSnapshot", on=volumes, when=tagged),
        allow("ec2:DeleteSnapshot", on=snapshots, when=tagged),
        allow(
            "ec2:AttachVolume",
            "ec2:DeleteVolume",
            "ec2:DetachVolume",
            "ec2:ModifyVolume",
            on=volumes,
            when=tagged,
        ),
        allow("ec2:AttachVolume", "ec2:DetachVolume", on=instances, when=in_cluster),
        allow("ec2:CreateTags", on=[volumes, snapshots], when=creating),
    ]
    key = handle.storage.volume_key_arn
    if key is not None:
        for_aws = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
        statements += [
            allow("kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant", on=key, when=for_aws),
            allow(
                "kms:Decrypt",
                "kms:DescribeKey",
                "kms:Encrypt",
                "kms:GenerateDataKeyWithoutPlaintext",
                "kms:ReEncryptFrom",
                "kms:ReEncryptTo",
                on=key,
            ),
        ]
    return policy(*statements)


def _values(handle: ClusterHandle, _settings: ManagedSettings) -> Values:
    tags = separable(handle.tags)
    return {"controller": {"extraVolumeTags": tags}} if tags else {}


ADDON = AddOn(
    name="aws-ebs-csi-driver",
    group="storage",
    summary="disks for single pods, on Amazon EBS",
    docs="https://docs.aws.amazon.com/eks/latest/userguide/ebs-csi.html",
    source=EksAddon(name="aws-ebs-csi-driver"),
    settings=ManagedSettings,
    presets=("minimal",),
    values=_values,
    identities=(Identity(service_account="ebs-csi-controller-sa", policy=_policy),),
    # Without the snapshot CRDs its snapshotter does not start.
    needs=("coredns", "snapshot-controller"),
    ready=(
        Ready(kind="Deployment", name="ebs-csi-controller"),
        Ready(kind="DaemonSet", name="ebs-csi-node"),
    ),
)
