"""AWS Budgets: what the environment and each tenant may cost a month, by tag."""

from collections.abc import Iterator, Mapping

import pulumi
import pulumi_aws as aws

from infra import naming
from infra.observability.settings import BudgetSettings, BudgetsSettings

PLATFORM_TAG = "Platform"
TENANT_TAG = "Tenant"
_PREFIX_LIMIT = naming.LIMITS["budget"] - 26
"""The longest `namePrefix`: what Budgets takes less the 26 characters that the provider adds."""


def budgets(
    name: str,
    settings: BudgetsSettings,
    *,
    platform: str,
    topic_arn: pulumi.Output[str],
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> None:
    """Create the budgets, and activate their tags where the settings say so."""
    for role, tag, value, budget in _wanted(settings, platform):
        aws.budgets.Budget(
            f"{name}-{role}",
            name_prefix=f"{naming.safe_name(platform, role, limit=_PREFIX_LIMIT - 1)}-",
            budget_type="COST",
            time_unit="MONTHLY",
            limit_amount=f"{budget.monthly:.2f}",
            limit_unit="USD",
            cost_filters=[aws.budgets.BudgetCostFilterArgs(name="TagKeyValue", values=[f"user:{tag}${value}"])],
            notifications=[
                aws.budgets.BudgetNotificationArgs(
                    notification_type=kind,
                    comparison_operator="GREATER_THAN",
                    threshold=percent,
                    threshold_type="PERCENTAGE",
                    subscriber_email_addresses=list(budget.addresses) or None,
                    subscriber_sns_topic_arns=[topic_arn],
                )
                for kind, percents in (("ACTUAL", budget.actual), ("FORECASTED", budget.forecast))
                for percent in percents
            ],
            tags=naming.tags(tags, f"{platform}-{role}"),
            opts=opts,
        )
    if settings.allocation_tags == "activate":
        for tag in sorted({tag for _, tag, _, _ in _wanted(settings, platform)}):
            aws.costexplorer.CostAllocationTag(
                f"{name}-{tag.lower()}",
                tag_key=tag,
                status="Active",
                # Other stacks' budgets see by the same tags.
                opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(retain_on_delete=True)),
            )


def _wanted(settings: BudgetsSettings, platform: str) -> Iterator[tuple[str, str, str, BudgetSettings]]:
    """Role, tag, the tag's value and settings of each budget."""
    if settings.environment:
        yield "environment", PLATFORM_TAG, platform, settings.environment
    for tenant, budget in settings.tenants.items():
        yield f"tenant-{tenant}", TENANT_TAG, tenant, budget
