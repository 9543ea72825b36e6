"""Log groups that agents in the cluster write to, made before them: with retention, and our key."""

from collections.abc import Mapping
from typing import get_args

import pulumi
import pulumi_aws as aws

from infra import naming
from infra.observability.settings import LogRole, LogSettings

_METRICS: LogRole = "performance"
"""Records in the embedded metric format, which the Infrequent Access class does not read.

Source: CloudWatch Logs user guide, "Log classes"."""


def log_groups(
    name: str,
    settings: LogSettings,
    *,
    platform: str,
    key_arn: pulumi.Input[str],
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> dict[str, pulumi.Output[str]]:
    """Create the groups under the names that Fluent Bit and the CloudWatch agent use.

    Returns:
        Role to the group's name.
    """
    roles: tuple[LogRole, ...] = get_args(LogRole)
    return {
        role: aws.cloudwatch.LogGroup(
            f"{name}-{role}",
            name=f"/aws/containerinsights/{platform}/{role}",
            retention_in_days=settings.retention.get(role, settings.retention_days),
            log_group_class="INFREQUENT_ACCESS" if settings.infrequent_access and role != _METRICS else "STANDARD",
            kms_key_id=key_arn,
            tags=naming.tags(tags, f"{platform}-{role}"),
            opts=opts,
        ).name
        for role in roles
    }
