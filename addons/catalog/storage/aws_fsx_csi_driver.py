"""Amazon FSx for Lustre CSI driver: fast file systems for training data."""

from typing import Any, Final

import pulumi

from addons.iam import ANY, allow, policy
from addons.spec import AddOn, EksAddon, Identity, ManagedSettings, Ready
from infra.handle import ClusterHandle

_OURS: Final = "CSIVolumeName"
"""The driver puts this tag on every file system it makes (its pkg/cloud/cloud.go)."""


def _policy(handle: ClusterHandle, _settings: ManagedSettings) -> dict[str, Any]:
    """What the controller may do: file systems that it makes itself, and never those of the stack.

    AWS suggests AmazonFSxFullAccess, which may delete every file system of the account.
    Source: docs/install.md of kubernetes-sigs/aws-fsx-csi-driver v1.9.0, without the S3 link's
    service-linked role: the driver has no data repository associations.
    """
    systems = pulumi.Output.concat(f"arn:{handle.partition}:fsx:{handle.region}:", handle.account_id, ":file-system/*")
    asked = {"Null": {f"aws:RequestTag/{_OURS}": "false"}}
    tagged = {"Null": {f"aws:ResourceTag/{_OURS}": "false"}}
    role = f"arn:{handle.partition}:iam::*:role/aws-service-role/fsx.amazonaws.com/*"
    return policy(
        allow("fsx:DescribeFileSystems", on=ANY),
        allow("fsx:CreateFileSystem", "fsx:TagResource", on=systems, when=asked),
        allow("fsx:DeleteFileSystem", "fsx:UpdateFileSystem", on=systems, when=tagged),
        allow(
            "iam:CreateServiceLinkedRole",
            on=role,
            when={"StringEquals": {"iam:AWSServiceName": "fsx.amazonaws.com"}},
        ),
    )


def _applies(handle: ClusterHandle) -> str | None:
    return None if handle.storage.lustre else "the stack has no FSx for Lustre file system"


ADDON = AddOn(
    name="aws-fsx-csi-driver",
    group="storage",
    summary="fast file systems for training data, on FSx for Lustre",
    docs="https://docs.aws.amazon.com/eks/latest/userguide/fsx-csi.html",
    source=EksAddon(name="aws-fsx-csi-driver"),
    settings=ManagedSettings,
    presets=("minimal",),
    applies=_applies,
    endpoints=("fsx",),
    identities=(Identity(service_account="fsx-csi-controller-sa", policy=_policy),),
    needs=("coredns",),
    ready=(
        Ready(kind="Deployment", name="fsx-csi-controller"),
        Ready(kind="DaemonSet", name="fsx-csi-node"),
    ),
)
