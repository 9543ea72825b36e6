"""The observability component: log groups, metrics workspace, topic, alarms, budgets."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pulumi

from infra import handle, naming
from infra.observability import alarms, events
from infra.observability.alarm import Alarm, create
from infra.observability.budgets import budgets
from infra.observability.logs import log_groups
from infra.observability.prometheus import alert_manager, workspace
from infra.observability.settings import ObservabilitySettings
from infra.observability.topic import topic
from infra.storage.settings import StorageSettings


@dataclass(frozen=True, kw_only=True)
class ObservabilityArgs:
    """What it needs to know of the rest of the stack.

    Attributes:
        auto_scaling_groups: Managed group name to the name of its Auto Scaling group, of those that can grow.
        nat_gateways: Zone id to gateway id.
        storage: What the storage component made of `storage_settings`.
        databases: By name.
        edge: The way in, with its load balancer.
        reservations: Ids of the capacity reservations and Capacity Blocks that node groups launch into.
        builds: How the names of the registry's CodeBuild projects begin; None without them.
        tenants: Whether the stack has tenants.
        tenant_budgets: Whether any of them has a budget, which tells the topic.
    """

    settings: ObservabilitySettings
    platform: str
    region: str
    partition: str
    account_id: pulumi.Output[str]
    key_arn: pulumi.Input[str]
    auto_scaling_groups: Mapping[str, pulumi.Output[str]]
    nat_gateways: Mapping[str, pulumi.Output[str]]
    storage: handle.Storage
    storage_settings: StorageSettings
    databases: Mapping[str, handle.Database]
    edge: handle.Edge | None
    reservations: Sequence[str]
    builds: str | None
    tenants: bool
    tenant_budgets: bool
    disposable: bool
    tags: Mapping[str, str]
    permissions_boundary: str | None = None


class Observability(pulumi.ComponentResource):
    """Log groups, metrics workspace, topic, alarms, events, budgets.

    Attributes:
        handle: What add-ons may know of it.

    Changing `logs.infrequent_access` replaces log groups and their records.
    """

    handle: handle.Observability

    def __init__(self, name: str, args: ObservabilityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Create what the settings ask for."""
        super().__init__(naming.type_token("infra", "Observability"), name, None, opts)
        settings, platform, tags = args.settings, args.platform, args.tags
        child = pulumi.ResourceOptions(parent=self)
        groups = log_groups(
            f"{name}-logs", settings.logs, platform=platform, key_arn=args.key_arn, tags=tags, opts=child
        )
        prometheus = (
            workspace(
                f"{name}-prometheus",
                settings.prometheus,
                platform=platform,
                key_arn=args.key_arn,
                keep=not args.disposable,
                tags=tags,
                opts=child,
            )
            if settings.prometheus
            else None
        )
        topic_arn = topic(
            f"{name}-alarms",
            settings,
            platform=platform,
            region=args.region,
            partition=args.partition,
            account_id=args.account_id,
            key_arn=args.key_arn,
            workspace_arn=prometheus.arn if prometheus else None,
            budgets=args.tenant_budgets,
            tags=tags,
            opts=child,
        )
        if prometheus:
            alert_manager(
                f"{name}-prometheus",
                workspace_id=prometheus.workspace_id,
                topic_arn=topic_arn,
                region=args.region,
                opts=child,
            )
        for alarm in _alarms(args):
            create(name, alarm, platform=platform, topic_arn=topic_arn, tags=tags, opts=child)
        wanted = events.wanted(
            health=settings.health_events,
            reservations=args.reservations,
            databases=[each.instance_id for each in args.databases.values()],
            builds=args.builds,
        )
        events.rules(name, list(wanted), platform=platform, topic_arn=topic_arn, tags=tags, opts=child)
        budgets(
            f"{name}-budget",
            settings.budgets,
            platform=platform,
            tenants=args.tenants,
            topic_arn=topic_arn,
            tags=tags,
            opts=child,
        )
        self.handle = handle.Observability(
            log_groups=groups,
            topic_arn=topic_arn,
            topic_key_arn=pulumi.Output.from_input(args.key_arn),
            prometheus=prometheus,
        )
        self.register_outputs({"topicArn": topic_arn})


def _alarms(args: ObservabilityArgs) -> Iterator[Alarm]:
    """Every alarm that the settings leave on, for what the stack has."""
    wanted, storage = args.settings.alarms, args.storage
    if wanted.node_groups:
        yield from alarms.node_groups(wanted.node_groups, args.auto_scaling_groups)
    if wanted.lustre:
        yield from alarms.lustre(wanted.lustre, storage.lustre)
    if wanted.efs:
        yield from alarms.efs(wanted.efs, storage.efs, {each.name: each for each in args.storage_settings.efs})
    if wanted.nat:
        yield from alarms.nat(wanted.nat, args.nat_gateways)
    if wanted.databases:
        yield from alarms.databases(wanted.databases, args.databases)
    if wanted.load_balancer and args.edge:
        yield from alarms.load_balancer(wanted.load_balancer, args.edge.load_balancer_arn)
