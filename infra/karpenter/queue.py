"""The queue of what AWS says about to happen to instances, and the EventBridge rules that fill it."""

from collections.abc import Mapping
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from infra import naming
from infra.keys import EVENTS

_RETENTION_SECONDS: Final = 300
_SOURCES: Final[Mapping[str, tuple[str, str]]] = {
    "health": ("aws.health", "AWS Health Event"),
    "rebalance": ("aws.ec2", "EC2 Instance Rebalance Recommendation"),
    "reservation": ("aws.ec2", "EC2 Capacity Reservation Instance Interruption Warning"),
    "spot": ("aws.ec2", "EC2 Spot Instance Interruption Warning"),
    "state": ("aws.ec2", "EC2 Instance State-change Notification"),
}
"""Rule to source and detail type. Source: cloudformation.yaml of karpenter-provider-aws 1.14.1."""


def queue(
    name: str, *, platform: str, tags: Mapping[str, str], opts: pulumi.ResourceOptions
) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
    """Create the queue, its policy and the rules.

    A message that nobody took for five minutes tells of an instance that is gone. SQS's own keys encrypt them:
    EventBridge could not use the stack's without a statement in the key's policy, and none holds more than ids.

    Args:
        name: Logical name.
        platform: For names.
        tags: The platform's.
        opts: Parent.

    Returns:
        The queue's name, known once EventBridge may send to it, and its ARN.
    """
    made = aws.sqs.Queue(
        name,
        message_retention_seconds=_RETENTION_SECONDS,
        sqs_managed_sse_enabled=True,
        tags=naming.tags(tags, f"{platform}-karpenter"),
        opts=opts,
    )
    rules = [
        aws.cloudwatch.EventRule(
            f"{name}-{short}",
            description=f"{platform}: {detail}, for Karpenter",
            event_pattern=pulumi.Output.json_dumps({"source": [source], "detail-type": [detail]}),
            tags=naming.tags(tags, f"{platform}-karpenter-{short}"),
            opts=opts,
        )
        for short, (source, detail) in _SOURCES.items()
    ]
    policy = aws.sqs.QueuePolicy(
        name,
        queue_url=made.url,
        policy=pulumi.Output.json_dumps(_policy(made.arn, [rule.arn for rule in rules])),
        opts=opts,
    )
    for short, rule in zip(_SOURCES, rules, strict=True):
        aws.cloudwatch.EventTarget(
            f"{name}-{short}",
            rule=rule.name,
            arn=made.arn,
            opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[policy])),
        )
    return pulumi.Output.all(made.name, policy.id).apply(lambda known: str(known[0])), made.arn


def _policy(queue_arn: pulumi.Output[str], rules: list[pulumi.Output[str]]) -> dict[str, Any]:
    """EventBridge may send, for these rules alone, and nobody without TLS.

    Source: EventBridge user guide, "Using resource-based policies", section "Amazon SQS permissions".
    """
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Rules",
                "Effect": "Allow",
                "Principal": {"Service": EVENTS},
                "Action": "sqs:SendMessage",
                "Resource": queue_arn,
                "Condition": {"ArnEquals": {"aws:SourceArn": rules}},
            },
            {
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "sqs:*",
                "Resource": queue_arn,
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            },
        ],
    }
