"""The KMS key of everything that holds data: volumes, file systems, buckets, databases, logs, images."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from infra import naming
from infra.catalog.zones import dns_suffix

EVENTS = "events.amazonaws.com"
"""EventBridge's service principal."""


@dataclass(frozen=True, kw_only=True)
class DataKeyArgs:
    """What the key needs to know of the rest of the stack.

    Attributes:
        account_id: Whose it is; IAM policies of that account decide about its use.
        linked_to_s3: FSx reads and writes objects under this key for data repository associations.
        publishers: The service principals that publish to a topic under this key.
        disposable: It may be deleted with the stack.
    """

    platform: str
    region: str
    partition: str
    account_id: pulumi.Output[str]
    linked_to_s3: bool
    publishers: Collection[str]
    disposable: bool
    tags: Mapping[str, str]


class DataKey(pulumi.ComponentResource):
    """The key, with its alias `alias/slipway/<platform>/data`. Made before all else, since logs need it.

    Attributes:
        arn: The key's ARN.
    """

    arn: pulumi.Output[str]

    def __init__(self, name: str, args: DataKeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Create the key."""
        super().__init__(naming.type_token("infra", "DataKey"), name, None, opts)
        keep = not args.disposable
        key = aws.kms.Key(
            name,
            description=f"Data of {args.platform}: volumes, file systems, buckets, databases, logs, images",
            enable_key_rotation=True,
            deletion_window_in_days=30,
            policy=args.account_id.apply(lambda account: json.dumps(_policy(account, args))),
            tags=naming.tags(args.tags, f"{args.platform}-data"),
            opts=pulumi.ResourceOptions(parent=self, protect=keep, retain_on_delete=keep),
        )
        aws.kms.Alias(
            name,
            name=f"alias/slipway/{args.platform}/data",
            target_key_id=key.id,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.arn = key.arn
        self.register_outputs({"arn": key.arn})


def _policy(account: str, args: DataKeyArgs) -> dict[str, Any]:
    """Key policy. `*` as resource means this key.

    Sources: FSx for Lustre user guide, "Working with server-side encrypted Amazon S3 buckets"; CloudWatch Logs user
        guide, "Encrypt log data in CloudWatch Logs using KMS"; SNS developer guide, "Enable compatibility between event
        sources from AWS services and encrypted topics".
    """
    cipher = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
    statements: list[dict[str, Any]] = [
        {
            "Sid": "AccountDecidesByIam",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:{args.partition}:iam::{account}:root"},
            "Action": "kms:*",
            "Resource": "*",
        },
        {
            "Sid": "LogGroups",
            "Effect": "Allow",
            "Principal": {"Service": f"logs.{args.region}.{dns_suffix(args.region)}"},
            "Action": cipher,
            "Resource": "*",
            "Condition": {
                "ArnLike": {
                    "kms:EncryptionContext:aws:logs:arn": (
                        f"arn:{args.partition}:logs:{args.region}:{account}:log-group:*"
                    )
                }
            },
        },
    ]
    if args.linked_to_s3:
        statements.append(
            {
                "Sid": "FsxThroughS3",
                "Effect": "Allow",
                "Principal": {"AWS": "*"},
                "Action": cipher,
                "Resource": "*",
                "Condition": {
                    "StringEquals": {
                        "kms:CallerAccount": account,
                        "kms:ViaService": f"s3.{args.region}.{dns_suffix(args.region)}",
                    },
                    "StringLike": {"aws:userid": "*:FSx"},
                },
            }
        )
    statements += [_publisher(service, account, args) for service in sorted(args.publishers)]
    return {"Version": "2012-10-17", "Statement": statements}


def _publisher(service: str, account: str, args: DataKeyArgs) -> dict[str, Any]:
    """What a service needs to publish to an encrypted topic.

    EventBridge does not say for whom it publishes: with `aws:SourceAccount` its messages are lost without a word. What
    SNS encrypts is bound to the topic's ARN, so that stands in its place.
    Source: SNS developer guide, as above: "not supported for EventBridge-to-encrypted topics".
    """
    topics = f"arn:{args.partition}:sns:{args.region}:{account}:*"
    condition: dict[str, Any] = (
        {"StringLike": {"kms:EncryptionContext:aws:sns:topicArn": topics}}
        if service == EVENTS
        else {"StringEquals": {"aws:SourceAccount": account}}
    )
    return {
        "Sid": f"Publish{service.partition('.')[0].title()}",
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
        "Resource": "*",
        "Condition": condition,
    }
