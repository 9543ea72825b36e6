"""The SNS topic of alarms, events and budgets: who may publish, and who is told."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from infra import naming
from infra.keys import EVENTS
from infra.observability.settings import ObservabilitySettings

ALARMS = "cloudwatch.amazonaws.com"
BUDGETS = "budgets.amazonaws.com"
PROMETHEUS = "aps.amazonaws.com"


def publishers(settings: ObservabilitySettings, *, budgets: bool) -> tuple[str, ...]:
    """The service principals that publish to the topic, and so need its key.

    Args:
        settings: Without problems.
        budgets: Whether there are budgets besides those of the settings.
    """
    budgets = budgets or bool(settings.budgets.environment or settings.budgets.tenants)
    return (ALARMS, EVENTS, *((BUDGETS,) if budgets else ()), *((PROMETHEUS,) if settings.prometheus else ()))


def topic(
    name: str,
    settings: ObservabilitySettings,
    *,
    platform: str,
    region: str,
    partition: str,
    account_id: pulumi.Output[str],
    key_arn: pulumi.Input[str],
    workspace_arn: pulumi.Output[str] | None,
    budgets: bool,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> pulumi.Output[str]:
    """Create the topic, its policy and its subscriptions.

    Args:
        name: Logical name.
        settings: Without problems.
        platform: For names; mails come from it.
        region: The stack's.
        partition: The stack's.
        account_id: The only account whose alarms, budgets and workspace may publish.
        key_arn: Encrypts messages at rest.
        workspace_arn: The Prometheus workspace that may publish.
        budgets: Whether there are budgets besides those of the settings.
        tags: The platform's.
        opts: Parent.

    Returns:
        The topic's ARN, known once its policy is there: Budgets and AMP refuse a topic that they may not publish to.
    """
    made = aws.sns.Topic(
        name,
        display_name=platform,
        kms_master_key_id=key_arn,
        signature_version=2,
        tags=naming.tags(tags, f"{platform}-alarms"),
        opts=opts,
    )
    sources = {
        ALARMS: pulumi.Output.concat(f"arn:{partition}:cloudwatch:{region}:", account_id, ":alarm:*"),
        BUDGETS: pulumi.Output.concat(f"arn:{partition}:budgets::", account_id, ":*"),
        **({PROMETHEUS: workspace_arn} if workspace_arn is not None else {}),
    }
    policy = aws.sns.TopicPolicy(
        name,
        arn=made.arn,
        policy=pulumi.Output.json_dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    *(
                        _may_publish(each, made.arn, account_id, sources.get(each))
                        for each in publishers(settings, budgets=budgets)
                    ),
                    _tls_only(made.arn),
                ],
            }
        ),
        opts=opts,
    )
    for address in settings.addresses:
        aws.sns.TopicSubscription(f"{name}-{address}", topic=made.arn, protocol="email", endpoint=address, opts=opts)
    return pulumi.Output.all(made.arn, policy.id).apply(lambda known: str(known[0]))


def _may_publish(
    service: str,
    arn: pulumi.Output[str],
    account_id: pulumi.Output[str],
    source: pulumi.Output[str] | None,
) -> dict[str, Any]:
    """A statement for one service, for resources of this account alone.

    EventBridge has none of the condition's keys in its request: a statement with a condition never allows it.
    Sources: AWS Cost Management user guide, "Creating an Amazon SNS topic for budget notifications"; AMP user guide,
        "Giving Amazon Managed Service for Prometheus permission to send alert messages to your Amazon SNS topic";
        EventBridge user guide, "Using resource-based policies" ("You can't use Condition blocks in Amazon SNS topic
        policies for EventBridge").
    """
    statement: dict[str, Any] = {
        "Sid": service.partition(".")[0].title(),
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": ["sns:Publish", "sns:GetTopicAttributes"] if service == PROMETHEUS else "sns:Publish",
        "Resource": arn,
    }
    if source is not None:
        statement["Condition"] = {
            "StringEquals": {"aws:SourceAccount": account_id},
            "ArnLike": {"aws:SourceArn": source},
        }
    return statement


def _tls_only(arn: pulumi.Output[str]) -> dict[str, Any]:
    return {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sns:Publish",
        "Resource": arn,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
