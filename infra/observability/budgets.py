"""AWS Budgets: what the environment and each tenant may cost a month, by tag."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra import naming
from infra.catalog.names import TENANT_TAG
from infra.observability.settings import BudgetSettings, BudgetsSettings

PLATFORM_TAG = "Platform"
_PREFIX_LIMIT = naming.LIMITS["budget"] - 26
"""The longest `namePrefix`: what Budgets takes less the 26 characters that the provider adds."""


@dataclass(frozen=True, kw_only=True)
class BudgetArgs:
    """One budget.

    Attributes:
        role: For names, such as `environment`.
        tag: What carries this tag
        value: with this value counts.
        tags: Of the budget itself.
    """

    settings: BudgetSettings
    platform: str
    role: str
    tag: str
    value: str
    topic_arn: pulumi.Input[str]
    tags: Mapping[str, str]


def budget(name: str, args: BudgetArgs, opts: pulumi.ResourceOptions) -> None:
    """Create one budget of what carries a tag."""
    settings = args.settings
    aws.budgets.Budget(
        name,
        name_prefix=f"{naming.safe_name(args.platform, args.role, limit=_PREFIX_LIMIT - 1)}-",
        budget_type="COST",
        time_unit="MONTHLY",
        limit_amount=f"{settings.monthly:.2f}",
        limit_unit="USD",
        cost_filters=[aws.budgets.BudgetCostFilterArgs(name="TagKeyValue", values=[f"user:{args.tag}${args.value}"])],
        notifications=[
            aws.budgets.BudgetNotificationArgs(
                notification_type=kind,
                comparison_operator="GREATER_THAN",
                threshold=percent,
                threshold_type="PERCENTAGE",
                subscriber_email_addresses=list(settings.addresses) or None,
                subscriber_sns_topic_arns=[args.topic_arn],
            )
            for kind, percents in (("ACTUAL", settings.actual), ("FORECASTED", settings.forecast))
            for percent in percents
        ],
        tags=naming.tags(args.tags, f"{args.platform}-{args.role}"),
        opts=opts,
    )


def budgets(
    name: str,
    settings: BudgetsSettings,
    *,
    platform: str,
    tenants: bool,
    topic_arn: pulumi.Output[str],
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> None:
    """Create the budgets, and activate their tags where the settings say so.

    Args:
        name: Start of logical names.
        settings: Without problems.
        platform: For names, and the value of the tag of its environment.
        tenants: Whether the stack has tenants, what they have carries their tag.
        topic_arn: Who is told.
        tags: The platform's.
        opts: Parent.
    """
    wanted = tuple(_wanted(settings, platform))
    for role, tag, value, each in wanted:
        args = BudgetArgs(
            settings=each, platform=platform, role=role, tag=tag, value=value, topic_arn=topic_arn, tags=tags
        )
        budget(f"{name}-{role}", args, opts)
    if settings.allocation_tags == "activate":
        for tag in sorted({*(tag for _, tag, _, _ in wanted), *([TENANT_TAG] if tenants else [])}):
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
    for tenant, each in settings.tenants.items():
        yield tenant_role(tenant), TENANT_TAG, tenant, each


def tenant_role(tenant: str) -> str:
    """The role of a tenant's budget in names."""
    return f"tenant-{tenant}"
