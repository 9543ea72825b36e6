"""The KMS key of everything that holds data: volumes, file systems, buckets."""

import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from infra import naming


def storage_key(
    name: str,
    *,
    platform: str,
    region: str,
    partition: str,
    account_id: pulumi.Output[str],
    linked_to_s3: bool,
    protect: bool,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> aws.kms.Key:
    """Create the key and its alias.

    Args:
        name: Logical name.
        platform: For descriptions and the alias.
        region: Where it is.
        partition: Of the region.
        account_id: Whose it is; IAM policies of that account decide about its use.
        linked_to_s3: FSx reads and writes objects under this key for data repository associations.
        protect: Refuse to delete it, and keep it when the stack goes.
        tags: The platform's.
        opts: Parent.
    """
    key = aws.kms.Key(
        name,
        description=f"Data of {platform}: volumes, file systems and buckets",
        enable_key_rotation=True,
        deletion_window_in_days=30,
        policy=account_id.apply(
            lambda account: json.dumps(_policy(account, region, partition, linked_to_s3=linked_to_s3))
        ),
        tags=naming.tags(tags, f"{platform}-storage"),
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(protect=protect, retain_on_delete=protect)),
    )
    aws.kms.Alias(name, name=f"alias/slipway/{platform}/storage", target_key_id=key.id, opts=opts)
    return key


def _policy(account: str, region: str, partition: str, *, linked_to_s3: bool) -> dict[str, Any]:
    """Key policy. `*` as resource means this key.

    Source: FSx for Lustre user guide, "Working with server-side encrypted Amazon S3 buckets".
    """
    statements: list[dict[str, Any]] = [
        {
            "Sid": "AccountDecidesByIam",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:{partition}:iam::{account}:root"},
            "Action": "kms:*",
            "Resource": "*",
        }
    ]
    if linked_to_s3:
        statements.append(
            {
                "Sid": "FsxThroughS3",
                "Effect": "Allow",
                "Principal": {"AWS": "*"},
                "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
                "Resource": "*",
                "Condition": {
                    "StringEquals": {"kms:CallerAccount": account, "kms:ViaService": f"s3.{region}.amazonaws.com"},
                    "StringLike": {"aws:userid": "*:FSx"},
                },
            }
        )
    return {"Version": "2012-10-17", "Statement": statements}
