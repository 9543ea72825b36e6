"""Amazon Managed Service for Prometheus: a workspace, its log, and an alert manager that tells the topic."""

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from infra import naming
from infra.handle import Prometheus
from infra.observability.settings import PrometheusSettings

_DEFINITION = """\
alertmanager_config: |
  route:
    receiver: topic
    group_by: [alertname]
    repeat_interval: 4h
  receivers:
    - name: topic
      sns_configs:
        - topic_arn: {topic}
          sigv4:
            region: {region}
"""
"""Source: AMP user guide, "Creating an alert manager configuration": all of Alertmanager's own lies below
`alertmanager_config`, and SNS is the only receiver."""


def workspace(
    name: str,
    settings: PrometheusSettings,
    *,
    platform: str,
    key_arn: pulumi.Input[str],
    keep: bool,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> Prometheus:
    """Create the workspace with its retention and its log.

    Args:
        name: Logical name.
        settings: Without problems.
        platform: For names.
        key_arn: Encrypts metrics and log.
        keep: Protect it, and keep it when the stack goes.
        tags: The platform's.
        opts: Parent.
    """
    logs = aws.cloudwatch.LogGroup(
        name,
        # AWS lets services write to groups below this prefix without a policy of its own for each.
        name=f"/aws/vendedlogs/prometheus/{platform}",
        retention_in_days=settings.log_retention_days,
        kms_key_id=key_arn,
        tags=naming.tags(tags, f"{platform}-prometheus"),
        opts=opts,
    )
    made = aws.amp.Workspace(
        name,
        alias=platform,
        kms_key_arn=key_arn,
        logging_configuration=aws.amp.WorkspaceLoggingConfigurationArgs(
            log_group_arn=pulumi.Output.concat(logs.arn, ":*")
        ),
        tags=naming.tags(tags, platform),
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(protect=keep, retain_on_delete=keep)),
    )
    aws.amp.WorkspaceConfiguration(
        name, workspace_id=made.id, retention_period_in_days=settings.retention_days, opts=opts
    )
    return Prometheus(workspace_id=made.id, arn=made.arn, endpoint=made.prometheus_endpoint)


def alert_manager(
    name: str,
    *,
    workspace_id: pulumi.Output[str],
    topic_arn: pulumi.Output[str],
    region: str,
    opts: pulumi.ResourceOptions,
) -> None:
    """Send what alerting rules of the workspace find to the topic. The rules come with the add-ons."""
    aws.amp.AlertManagerDefinition(
        name,
        workspace_id=workspace_id,
        definition=topic_arn.apply(lambda topic: _DEFINITION.format(topic=topic, region=region)),
        opts=opts,
    )
