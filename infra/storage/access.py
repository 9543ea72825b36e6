"""What people's jobs and machines may do with the stack's buckets, as statements of IAM policies."""

from collections.abc import Sequence
from typing import Any

import pulumi

from infra.catalog.zones import dns_suffix
from infra.handle import Bucket

Statement = dict[str, Any]
"""Of an IAM policy; may hold Outputs."""


def bucket_statements(buckets: Sequence[Bucket], *, key_arn: pulumi.Input[str], region: str) -> list[Statement]:
    """Read and write what is in these buckets, with the key that encrypts it, used through S3 alone.

    Args:
        buckets: At least one.
        key_arn: Their key.
        region: Theirs, in which S3 calls KMS.

    Source: S3 user guide, "Using server-side encryption with AWS KMS keys"; SageMaker developer guide, "How to use
        SageMaker AI execution roles", which adds `kms:Encrypt`.
    """
    return [
        {
            "Sid": "Objects",
            "Effect": "Allow",
            "Action": [
                "s3:AbortMultipartUpload",
                "s3:DeleteObject",
                "s3:GetObject",
                "s3:ListMultipartUploadParts",
                "s3:PutObject",
            ],
            "Resource": [pulumi.Output.concat(bucket.arn, "/*") for bucket in buckets],
        },
        {
            "Sid": "Buckets",
            "Effect": "Allow",
            "Action": ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"],
            "Resource": [bucket.arn for bucket in buckets],
        },
        {
            "Sid": "KeyOfObjects",
            "Effect": "Allow",
            "Action": ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"],
            "Resource": key_arn,
            "Condition": {"StringEquals": {"kms:ViaService": f"s3.{region}.{dns_suffix(region)}"}},
        },
    ]
