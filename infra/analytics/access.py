"""What jobs of more than one service may do: read and write the stack's buckets."""

from collections.abc import Sequence
from typing import Any

import pulumi

from infra.analytics.ground import Ground
from infra.catalog.zones import dns_suffix
from infra.storage.settings import BucketRole

Statement = dict[str, Any]
"""Of an IAM policy; may hold Outputs."""


def bucket_statements(ground: Ground, roles: Sequence[BucketRole]) -> list[Statement]:
    """Read and write what is in the buckets of these roles, with the key that encrypts it, used through S3 alone.

    Source: S3 user guide, "Using server-side encryption with AWS KMS keys"; SageMaker developer guide, "How to use
        SageMaker AI execution roles", which adds `kms:Encrypt`.
    """
    buckets = [ground.buckets[role] for role in roles if role in ground.buckets]
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
            "Resource": ground.key_arn,
            "Condition": {"StringEquals": {"kms:ViaService": f"s3.{ground.region}.{dns_suffix(ground.region)}"}},
        },
    ]
