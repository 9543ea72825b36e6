"""S3 out of the cluster: buckets as Kubernetes objects, with names of their own and never open to the world."""

from typing import Any, Final

from addons import ack
from addons.iam import ANY, allow, policy
from addons.spec import AddOn, AddOnSettings, Identity, Ready, Values
from infra.handle import ClusterHandle

# renovate: datasource=docker depName=public.ecr.aws/aws-controllers-k8s/s3-chart
_VERSION: Final = "1.10.0"
_PLACE: Final = "k8s"
"""After the platform's name. The stack's own buckets are named after their roles."""
_READ: Final = (
    "GetAccelerateConfiguration",
    "GetAnalyticsConfiguration",
    "GetBucketAbac",
    "GetBucketAcl",
    "GetBucketCORS",
    "GetBucketLogging",
    "GetBucketNotification",
    "GetBucketObjectLockConfiguration",
    "GetBucketOwnershipControls",
    "GetBucketPolicy",
    "GetBucketPublicAccessBlock",
    "GetBucketRequestPayment",
    "GetBucketTagging",
    "GetBucketVersioning",
    "GetBucketWebsite",
    "GetEncryptionConfiguration",
    "GetIntelligentTieringConfiguration",
    "GetInventoryConfiguration",
    "GetLifecycleConfiguration",
    "GetMetricsConfiguration",
    "GetReplicationConfiguration",
)
"""The controller looks at all of these, whatever an object says."""
_WRITE: Final = (
    "CreateBucket",
    "DeleteBucket",
    "PutBucketCORS",
    "PutBucketTagging",
    "PutBucketVersioning",
    "PutEncryptionConfiguration",
    "PutIntelligentTieringConfiguration",
    "PutLifecycleConfiguration",
    "PutMetricsConfiguration",
    # It takes replication away before it turns versions on. A rule of its own would take a role, which it cannot pass.
    "PutReplicationConfiguration",
)


class AckS3ControllerSettings(AddOnSettings):
    """Settings of the S3 controller: none."""


def _values(handle: ClusterHandle, _settings: AckS3ControllerSettings) -> Values:
    return ack.values(handle, ["Bucket"], deletion="retain", memory_mib=128)


def _policy(handle: ClusterHandle, _settings: AckS3ControllerSettings) -> dict[str, Any]:
    """Buckets `<platform>-k8s-...`, as private as S3 makes them.

    No policies, ACLs, websites, replication or notifications. The block of public access and the ownership of objects
    stay as they are: an object that does not state them asks for their removal, which is refused.

    Source: pkg/resource/bucket/hook.go of aws-controllers-k8s/s3-controller v1.10.0; Service Authorization Reference,
        Amazon S3.
    """
    buckets = f"arn:{handle.partition}:s3:::{handle.name}-{_PLACE}-*"
    return policy(
        allow("s3:ListAllMyBuckets", on=ANY),
        allow(*(f"s3:{action}" for action in (*_READ, *_WRITE)), on=buckets),
    )


ADDON = AddOn(
    name=ack.account("s3"),
    group="engines",
    summary="S3 buckets as Kubernetes objects, with names of their own",
    docs="https://aws-controllers-k8s.github.io/community/docs/community/services/",
    source=ack.chart("s3", _VERSION),
    settings=AckS3ControllerSettings,
    presets=("full",),
    namespace=ack.NAMESPACE,
    values=_values,
    images=(ack.image("s3", _VERSION),),
    identities=(Identity(service_account=ack.account("s3"), policy=_policy, irsa="serviceAccount.annotations"),),
    needs=(ack.CRDS, "coredns"),
    owns_crds=("buckets.s3.services.k8s.aws",),
    ready=(Ready(kind="Deployment", name=ack.deployment("s3")),),
)
