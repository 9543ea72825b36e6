"""One CloudWatch alarm: what it watches, when it tells, and what it says then."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pulumi
import pulumi_aws as aws

from infra import naming

Comparison = Literal[
    "GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanOrEqualToThreshold", "LessThanThreshold"
]
FIVE_MINUTES = 300


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric of one resource. `dimension` is its only dimension, name and value."""

    namespace: str
    name: str
    statistic: Literal["Average", "Maximum", "Minimum", "Sum"]
    dimension: tuple[str, pulumi.Input[str]]


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """An alarm to be.

    Attributes:
        name: What follows the component's name in the logical name.
        description: What it means and what to do; what the mail says.
        metrics: One under any key; or those that `expression` uses, by their names in it.
        expression: Metric math over `metrics`. None: the one metric.
        minutes: How long it must be so.
        missing: What CloudWatch makes of minutes without data. `missing` where the metric is always reported, so that
            an alarm which cannot see says INSUFFICIENT_DATA; `notBreaching` where no data means that nothing happened.
        period: Seconds over which a metric is summed up.
    """

    name: str
    description: str
    metrics: Mapping[str, Metric]
    comparison: Comparison
    threshold: float
    minutes: int
    missing: Literal["missing", "notBreaching"]
    expression: str | None = None
    period: int = FIVE_MINUTES

    @property
    def periods(self) -> int:
        """How many periods `minutes` are."""
        return self.minutes * 60 // self.period


def create(
    name: str,
    alarm: Alarm,
    *,
    platform: str,
    topic_arn: pulumi.Input[str],
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> aws.cloudwatch.MetricAlarm:
    """Make the alarm, which tells the topic when it goes off."""
    only = next(iter(alarm.metrics.values())) if alarm.expression is None else None
    return aws.cloudwatch.MetricAlarm(
        f"{name}-{alarm.name}",
        alarm_description=f"{platform}: {alarm.description}",
        namespace=only.namespace if only else None,
        metric_name=only.name if only else None,
        statistic=only.statistic if only else None,
        dimensions=dict([only.dimension]) if only else None,
        period=alarm.period if only else None,
        metric_queries=None if only else _queries(alarm),
        comparison_operator=alarm.comparison,
        threshold=alarm.threshold,
        evaluation_periods=alarm.periods,
        datapoints_to_alarm=alarm.periods,
        treat_missing_data=alarm.missing,
        alarm_actions=[topic_arn],
        tags=naming.tags(tags, f"{platform}-{alarm.name}"),
        opts=opts,
    )


def _queries(alarm: Alarm) -> list[aws.cloudwatch.MetricAlarmMetricQueryArgs]:
    parts = [
        aws.cloudwatch.MetricAlarmMetricQueryArgs(
            id=key,
            metric=aws.cloudwatch.MetricAlarmMetricQueryMetricArgs(
                namespace=metric.namespace,
                metric_name=metric.name,
                stat=metric.statistic,
                period=alarm.period,
                dimensions=dict([metric.dimension]),
            ),
            return_data=False,
        )
        for key, metric in alarm.metrics.items()
    ]
    whole = aws.cloudwatch.MetricAlarmMetricQueryArgs(
        id="result", expression=alarm.expression, label=alarm.name, return_data=True
    )
    return [*parts, whole]
