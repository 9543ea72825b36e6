"""What pods may do with the stack's buckets, in statements of IAM policies."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from addons.iam import allow
from infra.catalog.zones import dns_suffix
from infra.handle import Bucket


def through(region: str) -> Mapping[str, Mapping[str, Any]]:
    """The condition under which a bucket's key may be used: by S3, for who reads or writes an object.

    Source: S3 user guide, "Using server-side encryption with AWS KMS keys".
    """
    return {"StringEquals": {"kms:ViaService": f"s3.{region}.{dns_suffix(region)}"}}


def reading(buckets: Sequence[Bucket]) -> list[dict[str, Any]]:
    """Statements that let somebody list and read all of these buckets, but for the use of their key."""
    return [
        allow("s3:GetBucketLocation", "s3:ListBucket", on=[bucket.arn for bucket in buckets]),
        allow("s3:GetObject", on=[pulumi.Output.concat(bucket.arn, "/*") for bucket in buckets]),
    ]


def keeping(bucket: Bucket, prefix: str) -> dict[str, Any]:
    """The statement that lets somebody read, write and delete below `<prefix>/`, but for the use of the key."""
    return allow(
        "s3:AbortMultipartUpload",
        "s3:DeleteObject",
        "s3:GetObject",
        "s3:ListMultipartUploadParts",
        "s3:PutObject",
        on=pulumi.Output.concat(bucket.arn, f"/{prefix}/*"),
    )


def corner(bucket: Bucket, prefix: str, region: str) -> list[dict[str, Any]]:
    """Statements that let a service read, write and delete what lies below `<prefix>/`, and nothing beside it.

    It may list the names of the whole bucket's files: of one that is not there S3 says so only to who may list the
    bucket without a prefix, and "forbidden" to others, at which s3fs and S3A fail.

    Args:
        bucket: Where. Its key may be used through S3 alone.
        prefix: Without a slash at the end.
        region: The bucket's.

    Source: S3 API reference, "HeadObject", permissions; Service Authorization Reference, Amazon S3.
    """
    key = bucket.key_arn
    return [
        allow("s3:GetBucketLocation", "s3:ListBucket", on=bucket.arn),
        keeping(bucket, prefix),
        *([] if key is None else [allow("kms:Decrypt", "kms:GenerateDataKey", on=key, when=through(region))]),
    ]
