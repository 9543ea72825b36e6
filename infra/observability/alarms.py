"""Which alarms a stack has: one function for each kind of thing that is watched.

Sources of metrics, dimensions and statistics: EC2 Auto Scaling user guide, "Amazon CloudWatch metrics for Amazon EC2
Auto Scaling" (EKS turns group metrics on for managed node groups: EKS user guide, "View metrics for Amazon EC2 Auto
Scaling groups"); FSx for Lustre user guide, "Amazon FSx for Lustre metrics and dimensions"; EFS user guide, "CloudWatch
metrics for Amazon EFS"; VPC user guide, "Monitor NAT gateways with Amazon CloudWatch"; RDS user guide, "Amazon
CloudWatch metrics for Amazon RDS"; ELB user guide, "CloudWatch metrics for your Application Load Balancer".
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import pulumi

from infra import handle
from infra.observability.alarm import Alarm, Comparison, Metric
from infra.observability.settings import (
    DatabaseAlarms,
    EfsAlarms,
    LoadBalancerAlarms,
    LustreAlarms,
    NatAlarms,
    NodeGroupAlarms,
)
from infra.storage.settings import EfsSettings

_MINUTE = 60
_GIB = 1024**3
_MIB = 1024**2


def node_groups(settings: NodeGroupAlarms, groups: Mapping[str, pulumi.Input[str]]) -> Iterator[Alarm]:
    """Groups that have as many nodes as they may.

    Args:
        settings: For how long.
        groups: Managed group name to the name of its Auto Scaling group, of those that can grow.
    """
    for group, asg in groups.items():
        dimension = ("AutoScalingGroupName", asg)
        yield Alarm(
            name=f"nodes-{group}-at-maximum",
            description=(
                f"node group {group} has had its maximum of nodes for {settings.minutes} minutes. Pods that need more "
                "stay pending. Raise nodeGroups max (and the vCPU quota), or see who holds the nodes."
            ),
            metrics={
                "desired": Metric(
                    namespace="AWS/AutoScaling", name="GroupDesiredCapacity", statistic="Minimum", dimension=dimension
                ),
                "most": Metric(
                    namespace="AWS/AutoScaling", name="GroupMaxSize", statistic="Maximum", dimension=dimension
                ),
            },
            expression="IF(desired >= most, 1, 0)",
            comparison="GreaterThanOrEqualToThreshold",
            threshold=1,
            minutes=settings.minutes,
            missing="missing",
        )


def lustre(settings: LustreAlarms, volumes: Sequence[handle.LustreVolume]) -> Iterator[Alarm]:
    """File systems of a fixed size that are almost full."""
    for volume in volumes:
        if volume.capacity_gib is None:
            continue
        yield Alarm(
            name=f"lustre-{volume.name}-full",
            description=(
                f"FSx for Lustre {volume.name} has less than {settings.free_percent} % of {volume.capacity_gib} GiB "
                "free. Writes fail when one of its disks is full, which comes earlier. Delete or release files, or "
                "raise storage.lustre capacity (again after six hours at the soonest)."
            ),
            metrics={
                # One value per disk and minute: only over one minute is their sum what is free.
                "free": Metric(
                    namespace="AWS/FSx",
                    name="FreeDataStorageCapacity",
                    statistic="Sum",
                    dimension=("FileSystemId", volume.file_system_id),
                )
            },
            period=_MINUTE,
            comparison="LessThanThreshold",
            threshold=volume.capacity_gib * _GIB * settings.free_percent / 100,
            minutes=settings.minutes,
            missing="missing",
        )


def efs(settings: EfsAlarms, volumes: Sequence[handle.EfsVolume], modes: Mapping[str, EfsSettings]) -> Iterator[Alarm]:
    """File systems at the limits of their modes.

    Args:
        settings: Thresholds.
        volumes: The file systems.
        modes: Their settings, by name.
    """
    for volume in volumes:
        dimension = ("FileSystemId", volume.file_system_id)
        mode = modes[volume.name]
        if mode.performance == "generalPurpose" and mode.throughput != "elastic":
            yield Alarm(
                name=f"efs-{volume.name}-io",
                description=(
                    f"EFS {volume.name} does {settings.io_percent} % or more of the operations that general purpose "
                    "performance allows; all who use it wait. Set storage.efs throughput: elastic, or keep small "
                    "files elsewhere."
                ),
                metrics={
                    "used": Metric(namespace="AWS/EFS", name="PercentIOLimit", statistic="Average", dimension=dimension)
                },
                comparison="GreaterThanOrEqualToThreshold",
                threshold=settings.io_percent,
                minutes=settings.minutes,
                missing="notBreaching",
            )
        if mode.throughput == "bursting":
            yield Alarm(
                name=f"efs-{volume.name}-credits",
                description=(
                    f"EFS {volume.name} has less than {settings.burst_credit_gib} GiB of burst credits; without any it "
                    "falls to 50 KiB/s per GiB stored. Set storage.efs throughput: elastic."
                ),
                metrics={
                    "credits": Metric(
                        namespace="AWS/EFS", name="BurstCreditBalance", statistic="Minimum", dimension=dimension
                    )
                },
                comparison="LessThanThreshold",
                threshold=settings.burst_credit_gib * _GIB,
                minutes=settings.minutes,
                missing="notBreaching",
            )


def nat(settings: NatAlarms, gateways: Mapping[str, pulumi.Input[str]]) -> Iterator[Alarm]:
    """NAT gateways that cannot open connections, or lose packets. `gateways`: zone id to gateway id."""
    for zone, gateway in gateways.items():
        dimension = ("NatGatewayId", gateway)

        def metric(name: str, dimension: tuple[str, pulumi.Input[str]] = dimension) -> Metric:
            return Metric(namespace="AWS/NATGateway", name=name, statistic="Sum", dimension=dimension)

        yield Alarm(
            name=f"nat-{zone}-ports",
            description=(
                f"the NAT gateway of {zone} had no source port for a connection: too many at once to one address, "
                "mostly image or data pulls. Use an endpoint or a mirror for that address, or add addresses to the "
                "gateway."
            ),
            metrics={"errors": metric("ErrorPortAllocation")},
            comparison="GreaterThanThreshold",
            threshold=0,
            minutes=5,
            missing="notBreaching",
        )
        yield Alarm(
            name=f"nat-{zone}-drops",
            description=(
                f"the NAT gateway of {zone} drops more than {settings.dropped_percent:g} % of its packets. That is "
                "a fault of AWS or too much traffic for one gateway: see AWS Health, and what sends most."
            ),
            metrics={
                "dropped": metric("PacketsDropCount"),
                "outward": metric("PacketsInFromSource"),
                "inward": metric("PacketsInFromDestination"),
            },
            expression="100 * dropped / (outward + inward)",
            comparison="GreaterThanThreshold",
            threshold=settings.dropped_percent,
            minutes=settings.minutes,
            missing="notBreaching",
        )


def databases(settings: DatabaseAlarms, instances: Mapping[str, handle.Database]) -> Iterator[Alarm]:
    """RDS instances that are short of something."""
    for name, instance in instances.items():
        yield from _database(settings, name, instance)


def _database(settings: DatabaseAlarms, name: str, instance: handle.Database) -> Iterator[Alarm]:
    def alarm(role: str, metric: Metric, comparison: Comparison, threshold: float, description: str) -> Alarm:
        return Alarm(
            name=f"database-{name}-{role}",
            description=f"database {name} {description}",
            metrics={role: metric},
            comparison=comparison,
            threshold=threshold,
            minutes=settings.minutes,
            missing="missing",
        )

    def metric(metric: str, statistic: Literal["Average", "Minimum"]) -> Metric:
        dimension = ("DBInstanceIdentifier", instance.instance_id)
        return Metric(namespace="AWS/RDS", name=metric, statistic=statistic, dimension=dimension)

    yield alarm(
        "cpu",
        metric("CPUUtilization", "Average"),
        "GreaterThanThreshold",
        settings.cpu_percent,
        f"uses more than {settings.cpu_percent} % of its processor. Look for slow queries in Performance Insights, or "
        "take a larger class.",
    )
    yield alarm(
        "storage",
        metric("FreeStorageSpace", "Minimum"),
        "LessThanThreshold",
        instance.allocated_gib * _GIB * settings.free_storage_percent / 100,
        f"has less than {settings.free_storage_percent} % of {instance.allocated_gib} GiB free, and stops when there "
        "is none. Delete old runs, or give it more storage.",
    )
    yield alarm(
        "memory",
        metric("FreeableMemory", "Minimum"),
        "LessThanThreshold",
        settings.free_memory_mib * _MIB,
        f"has less than {settings.free_memory_mib} MiB of memory to free. It will swap, or be restarted. Take a larger "
        "class, or fewer connections.",
    )
    if settings.connections is not None:
        yield alarm(
            "connections",
            metric("DatabaseConnections", "Average"),
            "GreaterThanThreshold",
            settings.connections,
            f"has more than {settings.connections} connections. Look for clients that do not close theirs; a larger "
            "class takes more.",
        )


def load_balancer(settings: LoadBalancerAlarms, arn: pulumi.Output[str]) -> Iterator[Alarm]:
    """Errors of the public load balancer. Its metrics go by the end of its ARN, `app/<name>/<id>`."""
    dimension = ("LoadBalancer", arn.apply(lambda arn: arn.partition(":loadbalancer/")[2]))
    yield Alarm(
        name="edge-errors",
        description=(
            f"the load balancer answered more than {settings.errors} requests in five minutes with an error (5xx). "
            "502 to 504: pods are gone or slow, see their target group; 500: see the application's log."
        ),
        metrics={
            "own": Metric(
                namespace="AWS/ApplicationELB", name="HTTPCode_ELB_5XX_Count", statistic="Sum", dimension=dimension
            ),
            "behind": Metric(
                namespace="AWS/ApplicationELB", name="HTTPCode_Target_5XX_Count", statistic="Sum", dimension=dimension
            ),
        },
        # Without an error there is no value at all. A sum takes what is missing as 0; FILL can leave an alarm stuck
        # (CloudWatch user guide, "Using metric math").
        expression="own + behind",
        comparison="GreaterThanThreshold",
        threshold=settings.errors,
        minutes=settings.minutes,
        missing="notBreaching",
    )
