"""What a service may do with its own corner of a bucket."""

from typing import Any

import pulumi

from addons.iam import allow
from infra.catalog.zones import dns_suffix
from infra.handle import Bucket


def corner(bucket: Bucket, prefix: str, region: str) -> list[dict[str, Any]]:
    """Statements that let a service read, write and delete what lies below `<prefix>/`, and nothing beside it.

    It may list the names of the whole bucket's files: of one that is not there S3 says so only to who may list the
    bucket without a prefix, and "forbidden" to others, at which s3fs and S3A fail.

    Args:
        bucket: Where. Its key may be used through S3 alone.
        prefix: Without a slash at the end.
        region: The bucket's.

    Source: S3 API reference, "HeadObject", permissions; S3 user guide, "Using server-side encryption with AWS KMS
    keys"; Service Authorization Reference, Amazon S3.
    """
    through = {"StringEquals": {"kms:ViaService": f"s3.{region}.{dns_suffix(region)}"}}
    key = bucket.key_arn
    return [
        allow("s3:GetBucketLocation", "s3:ListBucket", on=bucket.arn),
        allow(
            "s3:AbortMultipartUpload",
            "s3:DeleteObject",
            "s3:GetObject",
            "s3:ListMultipartUploadParts",
            "s3:PutObject",
            on=pulumi.Output.concat(bucket.arn, f"/{prefix}/*"),
        ),
        *([] if key is None else [allow("kms:Decrypt", "kms:GenerateDataKey", on=key, when=through)]),
    ]
