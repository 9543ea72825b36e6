"""One RDS instance with what is its own: parameter group, security group, log groups, monitoring role."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from infra import handle, naming
from infra.catalog import rds
from infra.database.names import identifier, log_group
from infra.database.parameters import logs, parameters
from infra.database.settings import DatabaseSettings
from infra.identity import account_trust

_LABELS: Final[Mapping[rds.Engine, str]] = {"mysql": "MySQL", "postgres": "PostgreSQL"}
_MONITORING: Final = "monitoring.rds.amazonaws.com"
_MONITORING_POLICY: Final = "service-role/AmazonRDSEnhancedMonitoringRole"
_FREE_INSIGHTS_DAYS: Final = 7


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the instances of a stack are, and what they share."""

    platform: str
    region: str
    partition: str
    account_id: pulumi.Output[str]
    vpc_id: pulumi.Input[str]
    subnet_group: pulumi.Input[str]
    nodes: pulumi.Input[str]
    """The security group that is let in."""
    key_arn: pulumi.Input[str]
    tags: Mapping[str, str]
    permissions_boundary: str | None


def instance(
    name: str, settings: DatabaseSettings, place: Place, *, keep: bool, opts: pulumi.ResourceOptions
) -> handle.Database:
    """Create one instance.

    Args:
        name: Logical name.
        settings: Without problems.
        place: What it shares with the others.
        keep: Protect it, and keep it and what it cannot run without when the stack goes.
        opts: Parent.
    """
    full, port = identifier(place.platform, settings.name), rds.PORTS[settings.engine]
    label = naming.tags(place.tags, full)
    # An instance that stays needs these; RDS and EC2 refuse to delete them from under it.
    kept = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(retain_on_delete=keep))
    group, rule = _security_group(name, settings, place, full, opts=opts, kept=kept)
    version = rds.engine_version(settings.engine, settings.version)
    options = aws.rds.ParameterGroup(
        name,
        family=version.family,
        description=f"{full}: TLS and logs",
        parameters=[
            aws.rds.ParameterGroupParameterArgs(name=key, value=value, apply_method="immediate")
            for key, value in parameters(settings).items()
        ],
        tags=label,
        opts=kept,
    )
    exported = logs(settings)
    groups: list[pulumi.Resource] = [
        aws.cloudwatch.LogGroup(
            # A slash, which no name has: both names and logs have dashes.
            f"{name}/{log}",
            name=log_group(full, log),
            retention_in_days=settings.log_retention_days,
            kms_key_id=place.key_arn,
            tags=label,
            opts=kept,
        )
        for log in exported
    ]
    monitoring = _monitoring_role(name, place, full, kept) if settings.monitoring_seconds else None
    insights = (
        rds.insights(settings.engine, settings.instance_class) if settings.insights is None else settings.insights
    )
    made = aws.rds.Instance(
        name,
        identifier=full,
        engine=settings.engine,
        engine_version=settings.version,
        engine_lifecycle_support=(
            "open-source-rds-extended-support"
            if settings.support == "EXTENDED"
            else "open-source-rds-extended-support-disabled"
        ),
        # A minor version in the stack file stays: RDS would raise it, and the next `up` try to lower it again.
        auto_minor_version_upgrade=settings.version == version.major,
        # The version in the stack file is the decision.
        allow_major_version_upgrade=True,
        apply_immediately=settings.apply_immediately,
        instance_class=settings.instance_class,
        allocated_storage=settings.storage,
        max_allocated_storage=settings.max_storage,
        storage_type="gp3",
        storage_encrypted=True,
        kms_key_id=place.key_arn,
        multi_az=settings.multi_az,
        db_name=settings.database,
        username=settings.username,
        manage_master_user_password=True,
        master_user_secret_kms_key_id=place.key_arn,
        iam_database_authentication_enabled=True,
        ca_cert_identifier=rds.CA_CERTIFICATE,
        port=port,
        publicly_accessible=False,
        db_subnet_group_name=place.subnet_group,
        vpc_security_group_ids=[group.id],
        parameter_group_name=options.name,
        backup_retention_period=settings.backup_days,
        backup_window=settings.backup_window,
        maintenance_window=settings.maintenance_window,
        copy_tags_to_snapshot=True,
        delete_automated_backups=not keep,
        deletion_protection=keep,
        skip_final_snapshot=not keep,
        final_snapshot_identifier=_last_snapshot(full, group) if keep else None,
        enabled_cloudwatch_logs_exports=list(exported) or None,
        database_insights_mode="standard" if insights else None,
        performance_insights_enabled=insights,
        performance_insights_kms_key_id=place.key_arn if insights else None,
        performance_insights_retention_period=_FREE_INSIGHTS_DAYS if insights else None,
        monitoring_interval=settings.monitoring_seconds,
        monitoring_role_arn=monitoring[0].arn if monitoring else None,
        tags=label,
        opts=pulumi.ResourceOptions.merge(
            opts,
            pulumi.ResourceOptions(
                protect=keep,
                retain_on_delete=keep,
                # The identifier is fixed: two cannot be there at once.
                delete_before_replace=True,
                depends_on=[*groups, *([monitoring[1]] if monitoring else [])],
            ),
        ),
    )
    return handle.Database(
        name=settings.name,
        engine=settings.engine,
        instance_id=made.identifier,
        allocated_gib=settings.storage,
        resource_id=made.resource_id,
        # Known once nodes are let in: what is made of it comes after the rule, and goes before it.
        host=pulumi.Output.all(made.address, rule.urn).apply(lambda known: str(known[0])),
        port=port,
        username=settings.username,
        database=settings.database,
        require_tls=settings.require_tls,
        secret_arn=made.master_user_secrets.apply(lambda secrets: str(secrets[0].secret_arn)),
        key_arn=pulumi.Output.from_input(place.key_arn),
        security_group_id=group.id,
    )


def _security_group(
    name: str,
    settings: DatabaseSettings,
    place: Place,
    full: str,
    *,
    opts: pulumi.ResourceOptions,
    kept: pulumi.ResourceOptions,
) -> tuple[aws.ec2.SecurityGroup, pulumi.Resource]:
    """The instance's group, which lets nodes in on its port and nothing out. Pods use the nodes' group."""
    label, port = _LABELS[settings.engine], rds.PORTS[settings.engine]
    group = aws.ec2.SecurityGroup(
        name,
        vpc_id=place.vpc_id,
        description=f"{full}: {label} from nodes",
        tags=naming.tags(place.tags, full),
        opts=kept,
    )
    rule = aws.vpc.SecurityGroupIngressRule(
        f"{name}-{settings.engine}",
        security_group_id=group.id,
        referenced_security_group_id=place.nodes,
        ip_protocol="tcp",
        from_port=port,
        to_port=port,
        description=f"{label} from nodes",
        tags=naming.tags(place.tags, f"{full}-{settings.engine}"),
        opts=opts,
    )
    return group, rule


def _last_snapshot(full: str, group: aws.ec2.SecurityGroup) -> pulumi.Output[str]:
    """The name of the snapshot that deletion leaves.

    A fixed name would make the second deletion of an instance made anew fail, as its snapshot is there already. The
    security group is made and deleted with the instance, and AWS gives no id twice.
    """
    return group.id.apply(lambda id_: f"{full}-last-{id_.removeprefix('sg-')}")


def _monitoring_role(
    name: str, place: Place, full: str, opts: pulumi.ResourceOptions
) -> tuple[aws.iam.Role, pulumi.Resource]:
    """The role by which RDS writes the operating system's metrics of this instance to CloudWatch Logs.

    Source: RDS user guide, "Setting up and enabling Enhanced Monitoring", with its advice on the confused deputy.
    """
    source = pulumi.Output.concat(f"arn:{place.partition}:rds:{place.region}:", place.account_id, f":db:{full}")
    role = aws.iam.Role(
        f"{name}-monitoring",
        description=f"Enhanced monitoring of {full}",
        assume_role_policy=account_trust(
            _MONITORING,
            account_id=place.account_id,
            conditions={"ArnLike": {"aws:SourceArn": source}},
        ),
        permissions_boundary=place.permissions_boundary,
        tags=naming.tags(place.tags, f"{full}-monitoring"),
        opts=opts,
    )
    attachment = aws.iam.RolePolicyAttachment(
        f"{name}-monitoring",
        role=role.name,
        policy_arn=f"arn:{place.partition}:iam::aws:policy/{_MONITORING_POLICY}",
        opts=opts,
    )
    return role, attachment
