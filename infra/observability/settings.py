"""Settings: logs, metrics, alarms and budgets."""

from typing import Annotated, Literal

from pydantic import Field

from infra.model import Model
from infra.network.settings import RetentionDays

LogRole = Literal["application", "dataplane", "host", "performance"]
Address = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$", max_length=320)]
Tenant = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", max_length=63)]
Percent = Annotated[int, Field(ge=1, le=100)]
BudgetPercent = Annotated[int, Field(ge=1, le=1000)]
Minutes = Annotated[int, Field(ge=5, le=1440, multiple_of=5)]
"""CloudWatch looks back a day at most (PutMetricAlarm: periods times their length, 86,400 s), here in steps of 5."""

PROMETHEUS_DAYS = (150, 1095)
"""Retention of a workspace: default and most. Source: AMP user guide, "Configure your workspace"; AMP roadmap #2."""
BUDGET_NOTIFICATIONS = 10
BUDGET_ADDRESSES = 10
"""Of one budget, and of one notification. Source: botocore's model of CreateBudget (10 notifications, 11 subscribers);
Budgets API, NotificationWithSubscribers (one topic and 10 addresses)."""


class LogSettings(Model):
    """Log groups of containers and nodes, `/aws/containerinsights/<cluster>/...`, made before the agents write."""

    retention_days: RetentionDays = 30
    """Days that records are kept."""
    retention: dict[LogRole, RetentionDays] = Field(default_factory=dict)
    """Days for one of application, dataplane, host, performance, where it differs."""
    infrequent_access: bool = False
    """The cheaper log class, without live tail, metric and subscription filters. Cannot change later. Not for
    `performance`, out of which CloudWatch makes metrics."""


class PrometheusSettings(Model):
    """An Amazon Managed Service for Prometheus workspace, whose alert manager notifies the topic."""

    retention_days: Annotated[int, Field(ge=1, le=PROMETHEUS_DAYS[1])] = PROMETHEUS_DAYS[0]
    """Days that metrics are kept."""
    log_retention_days: RetentionDays = 30
    """Days that the errors of rules and alerts are kept in CloudWatch Logs."""


class NodeGroupAlarms(Model):
    """A managed node group that can grow has all the nodes that it may have."""

    minutes: Minutes = 30
    """For so long."""


class LustreAlarms(Model):
    """An FSx for Lustre file system is almost full. Not for INTELLIGENT_TIERING, which grows."""

    free_percent: Percent = 15
    """Less than this share of the capacity is free."""
    minutes: Minutes = 15
    """For so long."""


class EfsAlarms(Model):
    """An EFS file system reaches the limits of its modes. Not for elastic throughput."""

    io_percent: Percent = 95
    """General purpose performance: this share of the operations that the mode allows."""
    burst_credit_gib: Annotated[int, Field(ge=1)] = 200
    """Bursting throughput: fewer burst credits than this are left. A new file system has 2.1 TiB."""
    minutes: Minutes = 15
    """For so long."""


class NatAlarms(Model):
    """A NAT gateway has no port left for a connection, or drops packets."""

    dropped_percent: Annotated[float, Field(gt=0, le=100)] = 0.01
    """More than this share of the packets. AWS takes 0.01 as a sign of a fault of its own."""
    minutes: Minutes = 15
    """For so long, for dropped packets; one failed allocation of a port is enough."""


class DatabaseAlarms(Model):
    """An RDS instance is short of processor, storage, memory or connections."""

    cpu_percent: Percent = 80
    """Processor use above this."""
    free_storage_percent: Percent = 15
    """Less than this share of the storage given at creation is free."""
    free_memory_mib: Annotated[int, Field(ge=1)] = 128
    """Less memory than this can be freed, MiB."""
    connections: Annotated[int, Field(ge=1)] | None = None
    """More connections than this. None: no alarm; the most an instance takes depends on its memory."""
    minutes: Minutes = 15
    """For so long."""


class LoadBalancerAlarms(Model):
    """The public load balancer answers with errors (5xx), its own or those of what is behind it."""

    errors: Annotated[int, Field(ge=1)] = 25
    """More than this in five minutes."""
    minutes: Minutes = 10
    """For so long."""


class AlarmSettings(Model):
    """CloudWatch alarms, one for each thing of its kind that the stack has. `null` for a kind: none."""

    node_groups: NodeGroupAlarms | None = Field(default_factory=NodeGroupAlarms)
    """Node groups at their maximum."""
    lustre: LustreAlarms | None = Field(default_factory=LustreAlarms)
    """FSx for Lustre file systems."""
    efs: EfsAlarms | None = Field(default_factory=EfsAlarms)
    """EFS file systems."""
    nat: NatAlarms | None = Field(default_factory=NatAlarms)
    """NAT gateways."""
    databases: DatabaseAlarms | None = Field(default_factory=DatabaseAlarms)
    """RDS instances."""
    load_balancer: LoadBalancerAlarms | None = Field(default_factory=LoadBalancerAlarms)
    """The load balancer of `edge`."""


class BudgetSettings(Model):
    """One monthly cost budget. It only tells: AWS stops nothing when it is spent."""

    monthly: Annotated[float, Field(gt=0, le=1e12)]
    """USD a month."""
    actual: tuple[BudgetPercent, ...] = (80, 100)
    """Tell when so many percent are spent."""
    forecast: tuple[BudgetPercent, ...] = (100,)
    """Tell when so many percent are forecast for the month. AWS needs about five weeks of costs for a forecast."""
    addresses: Annotated[tuple[Address, ...], Field(max_length=BUDGET_ADDRESSES)] = ()
    """Who is told by e-mail, beside the topic."""


class BudgetsSettings(Model):
    """AWS Budgets, which see resources by their tags `Platform` and `Tenant`."""

    environment: BudgetSettings | None = None
    """Of everything that carries this platform's tag `Platform`."""
    tenants: dict[Tenant, BudgetSettings] = Field(default_factory=dict)
    """Of what carries the tag `Tenant` with this name, in the whole account."""
    allocation_tags: Literal["unconfirmed", "confirmed", "activate"] = "unconfirmed"
    """Budgets see a tag only once it is an active cost allocation tag in the payer's account. `confirmed`: somebody
    activated them there; `activate`: this stack does, being in that account, a day after its first `up`."""


class ObservabilitySettings(Model):
    """Logs, metrics, alarms and budgets."""

    addresses: tuple[Address, ...] = ()
    """Who gets every alarm by e-mail. Each must confirm its subscription."""
    logs: LogSettings = Field(default_factory=LogSettings)
    """Log groups for containers and nodes."""
    prometheus: PrometheusSettings | None = None
    """A managed Prometheus workspace. None: none."""
    alarms: AlarmSettings = Field(default_factory=AlarmSettings)
    """Alarms and their thresholds."""
    health_events: bool = True
    """Pass on what AWS Health says of this account: failing hardware, maintenance, ends of support."""
    budgets: BudgetsSettings = Field(default_factory=BudgetsSettings)
    """Cost budgets of the environment and of tenants."""

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Interface endpoints by which a private cluster's agents reach what this makes."""
        return ("monitoring", *(("aps-workspaces",) if self.prometheus else ()))
