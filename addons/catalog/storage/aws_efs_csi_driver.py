"""Amazon EFS CSI driver: file systems that many pods share, in all zones."""

from typing import Any, Final

import pulumi

from addons.iam import ANY, allow, policy
from addons.spec import AddOn, EksAddon, Identity, ManagedSettings, Ready
from infra.handle import ClusterHandle

_OURS: Final = "efs.csi.aws.com/cluster"
"""The driver puts this tag, with the value `true`, on every access point it makes."""


def _policy(handle: ClusterHandle, _settings: ManagedSettings) -> dict[str, Any]:
    """What the controller may do: access points, on the file systems of this cluster only.

    Source: docs/iam-policy-example.json of kubernetes-sigs/aws-efs-csi-driver v3.4.1, without
    what it allows for S3 Files.
    """
    arn = pulumi.Output.concat(f"arn:{handle.partition}:elasticfilesystem:{handle.region}:", handle.account_id)
    known = [pulumi.Output.concat(arn, ":file-system/", one.file_system_id) for one in handle.storage.efs]
    systems = known or [pulumi.Output.concat(arn, ":file-system/*")]
    points = pulumi.Output.concat(arn, ":access-point/*")
    asked = {"StringEquals": {f"aws:RequestTag/{_OURS}": "true"}}
    tagged = {"StringEquals": {f"aws:ResourceTag/{_OURS}": "true"}}
    return policy(
        allow(
            "ec2:DescribeAvailabilityZones",
            "elasticfilesystem:DescribeAccessPoints",
            "elasticfilesystem:DescribeFileSystems",
            "elasticfilesystem:DescribeMountTargets",
            on=ANY,
        ),
        allow("elasticfilesystem:CreateAccessPoint", on=systems, when=asked),
        allow("elasticfilesystem:TagResource", on=points, when=tagged),
        allow("elasticfilesystem:DeleteAccessPoint", on=points, when=tagged),
    )


def _applies(handle: ClusterHandle) -> str | None:
    return None if handle.storage.efs else "the stack has no EFS file system"


ADDON = AddOn(
    name="aws-efs-csi-driver",
    group="storage",
    summary="file systems that many pods share, on Amazon EFS",
    docs="https://docs.aws.amazon.com/eks/latest/userguide/efs-csi.html",
    source=EksAddon(name="aws-efs-csi-driver"),
    settings=ManagedSettings,
    presets=("minimal",),
    applies=_applies,
    endpoints=("elasticfilesystem",),
    identities=(Identity(service_account="efs-csi-controller-sa", policy=_policy),),
    needs=("coredns",),
    ready=(
        Ready(kind="Deployment", name="efs-csi-controller"),
        Ready(kind="DaemonSet", name="efs-csi-node"),
    ),
)
