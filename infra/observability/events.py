"""EventBridge rules: what AWS says by itself of things that this stack has, passed on to the topic."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from infra import naming


@dataclass(frozen=True, kw_only=True)
class Event:
    """A rule: which events, and why anybody wants to know. `pattern` may hold Outputs."""

    name: str
    description: str
    pattern: Mapping[str, Any]


def rules(
    name: str,
    events: Sequence[Event],
    *,
    platform: str,
    topic_arn: pulumi.Output[str],
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> None:
    """Create the rules with the topic as their target; the topic's policy lets EventBridge in, no role does."""
    for event in events:
        rule = aws.cloudwatch.EventRule(
            f"{name}-{event.name}",
            description=f"{platform}: {event.description}",
            event_pattern=pulumi.Output.json_dumps(event.pattern),
            tags=naming.tags(tags, f"{platform}-{event.name}"),
            opts=opts,
        )
        aws.cloudwatch.EventTarget(f"{name}-{event.name}", rule=rule.name, arn=topic_arn, opts=opts)


def wanted(
    *,
    health: bool,
    reservations: Sequence[str],
    databases: Sequence[pulumi.Output[str]],
    builds: str | None,
) -> Iterator[Event]:
    """The rules worth having.

    Spot interruptions are not among them: they are many, and the node groups answer them by themselves.

    Args:
        health: Pass on AWS Health's events of this account.
        reservations: Ids of the capacity reservations and Capacity Blocks that node groups launch into.
        databases: Identifiers of RDS instances.
        builds: How the names of the stack's CodeBuild projects begin.
    """
    if health:
        # Source: AWS Health user guide, "AWS Health events Amazon EventBridge schema".
        yield Event(
            name="health",
            description="AWS Health: failing hardware, maintenance and ends of support that concern this account",
            pattern={
                "source": ["aws.health"],
                "detail-type": ["AWS Health Event"],
                "detail": {"eventScopeCode": ["ACCOUNT_SPECIFIC"]},
            },
        )
    if reservations:
        # Source: EC2 user guide, "Monitor Capacity Blocks using EventBridge" (40 minutes before the end; instances go
        # 10 minutes later) and "Monitor state changes for future-dated Capacity Reservations".
        yield Event(
            name="capacity",
            description="reserved capacity is there, late, or about to end with its nodes",
            pattern={
                "source": ["aws.ec2"],
                "detail-type": [
                    "Capacity Block Reservation Delivered",
                    "Capacity Block Reservation Expiration Warning",
                    {"prefix": "EC2 Capacity Reservation"},
                ],
                "detail": {"capacity-reservation-id": list(reservations)},
            },
        )
    if databases:
        # Source: RDS user guide, "Amazon RDS event categories and event messages", and "Example of an event for a DB
        # instance" for the names in `detail`.
        yield Event(
            name="databases",
            description="an RDS instance failed, failed over or is out of storage",
            pattern={
                "source": ["aws.rds"],
                "detail-type": ["RDS DB Instance Event"],
                "detail": {
                    "EventCategories": ["failover", "failure", "low storage", "maintenance", "recovery"],
                    "SourceIdentifier": list(databases),
                },
            },
        )
    if builds:
        # Source: CodeBuild user guide, "Build notifications input format reference".
        yield Event(
            name="builds",
            description="a build of images failed",
            pattern={
                "source": ["aws.codebuild"],
                "detail-type": ["CodeBuild Build State Change"],
                "detail": {"build-status": ["FAILED"], "project-name": [{"prefix": builds}]},
            },
        )
