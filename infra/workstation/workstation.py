"""The workstation component: one machine, and ECS with GPUs."""

from collections.abc import Mapping

import pulumi

from infra import naming
from infra.workstation.args import WorkstationArgs
from infra.workstation.ecs import ecs_cluster
from infra.workstation.machine import machine


class Workstation(pulumi.ComponentResource):
    """One machine, and ECS with GPUs: each where the settings ask for it.

    Attributes:
        outputs: For people: the machine's id and the command that opens a session on it (`instanceId`, `connect`); of
            ECS what a task definition and `run-task` ask for.

    Changing the machine's zone, image, volume size downwards or spot for on demand replaces it. Its type and its
    mounts change with a restart; on spot they replace it.
    """

    outputs: Mapping[str, pulumi.Output[str]]

    def __init__(self, name: str, args: WorkstationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Create what the settings ask for."""
        super().__init__(naming.type_token("infra", "Workstation"), name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        outputs: dict[str, pulumi.Output[str]] = {}
        if args.settings.instance is not None:
            assert args.zone is not None, "rules.problems asks for a zone"  # noqa: S101  # narrows the type
            made = machine(name, args.settings.instance, args.zone, args=args, opts=child)
            connect = pulumi.Output.concat("aws ssm start-session --region ", args.region, " --target ", made.id)
            outputs |= {"instanceId": made.id, "connect": connect}
        if args.settings.ecs is not None:
            cluster = ecs_cluster(f"{name}-ecs", args.settings.ecs, args=args, opts=child)
            outputs |= {
                "ecsCluster": cluster.name,
                "ecsCapacityProvider": cluster.capacity_provider,
                "ecsTaskExecutionRole": cluster.execution_role_arn,
                "ecsTaskLogGroup": cluster.log_group,
                "ecsSecurityGroup": cluster.security_group_id,
            }
        self.outputs = outputs
        self.register_outputs(outputs)
