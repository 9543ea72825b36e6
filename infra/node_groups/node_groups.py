"""The node groups component: one managed node group per group and zone, keyed by zone, never by index."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra import naming
from infra.identity import service_trust
from infra.node_groups.expand import ManagedGroup, asg_tags, resource_tags
from infra.node_groups.launch_template import ClusterInputs, launch_template

_CAPACITY_TYPES: Mapping[str, str] = {
    "on-demand": "ON_DEMAND",
    "spot": "SPOT",
    "reservation": "ON_DEMAND",
    "capacity-block": "CAPACITY_BLOCK",
}
_TAINT_EFFECTS: Mapping[str, str] = {
    "NoSchedule": "NO_SCHEDULE",
    "NoExecute": "NO_EXECUTE",
    "PreferNoSchedule": "PREFER_NO_SCHEDULE",
}
_NODE_POLICIES = (
    "AmazonEKSWorkerNodePolicy",
    "AmazonEC2ContainerRegistryPullOnly",
    "AmazonSSMManagedInstanceCore",
)
"""What the node itself needs. The CNI has an identity of its own, so AmazonEKS_CNI_Policy is not here."""
_HARDWARE_FAULTS: Mapping[str, Sequence[str]] = {
    "nvidia": ("NvidiaDoubleBitError", "NvidiaNVLinkError"),
    "neuron": ("NeuronDMAError", "NeuronHBMUncorrectableError"),
}
"""Reasons of AcceleratedHardwareReady that EKS answers with Replace.

Source: EKS user guide, "Detect node health issues with the EKS node monitoring agent"."""
_CPU_UPDATE_PERCENTAGE = 33


@dataclass(frozen=True, kw_only=True)
class NodeGroupsArgs:
    """What node groups need to know of the rest of the stack."""

    managed: Sequence[ManagedGroup]
    cluster: ClusterInputs
    kubernetes_version: str
    cluster_security_group: pulumi.Input[str]
    vpc_id: pulumi.Input[str]
    subnets: Mapping[str, pulumi.Input[str]]
    partition: str
    tags: Mapping[str, str]
    permissions_boundary: str | None = None
    efa_elsewhere: bool = False
    """Whether nodes that are in none of these groups need the EFA security group too."""


class NodeGroups(pulumi.ComponentResource):
    """Managed node groups with their launch templates, placement groups, EFA security group, role and autoscaler tags.

    Attributes:
        node_role_arn: The role of every node.
        efa_security_group_id: Open to itself both ways; None without EFA groups.
        groups: Managed group name (`<group>-<zone id>`) to the node group.
        auto_scaling_groups: Managed group name to the name of its Auto Scaling group.
        system: The node groups that controllers run on.

    Changing a group's types, capacity, zones or operating system replaces its node groups, new before old.
    """

    node_role_arn: pulumi.Output[str]
    efa_security_group_id: pulumi.Output[str] | None
    groups: Mapping[str, aws.eks.NodeGroup]
    auto_scaling_groups: Mapping[str, pulumi.Output[str]]
    system: tuple[pulumi.Resource, ...]

    def __init__(
        self,
        name: str,
        args: NodeGroupsArgs,
        opts: pulumi.ResourceOptions | None = None,
        *,
        ready: Sequence[pulumi.Resource],
    ) -> None:
        """Create the groups.

        Args:
            name: Logical name.
            args: What they are to be.
            opts: The usual options.
            ready: What a node needs to join: routes, endpoints, the CNI, the Pod Identity agent.
        """
        super().__init__(naming.type_token("infra", "NodeGroups"), name, None, opts)
        self._name = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        role, attachments = self._role()
        self.node_role_arn = role.arn
        efa = args.efa_elsewhere or any(each.interfaces for each in args.managed)
        self.efa_security_group_id = self._efa_group() if efa else None
        waits = [*ready, *attachments]
        self.groups = {managed.name: self._group(managed, waits) for managed in args.managed}
        self.auto_scaling_groups = {
            name: group.resources[0].autoscaling_groups[0].name for name, group in self.groups.items()
        }
        for managed in args.managed:
            self._autoscaler_tags(managed)
        self.system = tuple(self.groups[managed.name] for managed in args.managed if managed.pool.system)
        self.register_outputs({"nodeRoleArn": role.arn})

    def _tags(self, name: str, more: Mapping[str, str] | None = None) -> dict[str, str]:
        return naming.tags(self._args.tags, f"{self._args.cluster.name}-{name}", more)

    def _role(self) -> tuple[aws.iam.Role, list[pulumi.Resource]]:
        role = aws.iam.Role(
            f"{self._name}-node",
            description=f"Nodes of {self._args.cluster.name}",
            assume_role_policy=service_trust("ec2.amazonaws.com"),
            permissions_boundary=self._args.permissions_boundary,
            tags=self._tags("node"),
            opts=self._child,
        )
        attachments: list[pulumi.Resource] = [
            aws.iam.RolePolicyAttachment(
                f"{self._name}-node-{policy}",
                role=role.name,
                policy_arn=f"arn:{self._args.partition}:iam::aws:policy/{policy}",
                opts=self._child,
            )
            for policy in _NODE_POLICIES
        ]
        return role, attachments

    def _efa_group(self) -> pulumi.Output[str]:
        group = aws.ec2.SecurityGroup(
            f"{self._name}-efa",
            vpc_id=self._args.vpc_id,
            description="EFA: everything between members, both ways",
            tags=self._tags("efa"),
            opts=self._child,
        )
        # EFA needs a rule to the group itself: an egress to 0.0.0.0/0 does not cover its traffic, and NCCL falls back
        # to TCP.
        aws.vpc.SecurityGroupIngressRule(
            f"{self._name}-efa-from-itself",
            security_group_id=group.id,
            referenced_security_group_id=group.id,
            ip_protocol="-1",
            description="EFA between nodes",
            tags=self._tags("efa-from-itself"),
            opts=self._child,
        )
        aws.vpc.SecurityGroupEgressRule(
            f"{self._name}-efa-to-itself",
            security_group_id=group.id,
            referenced_security_group_id=group.id,
            ip_protocol="-1",
            description="EFA between nodes",
            tags=self._tags("efa-to-itself"),
            opts=self._child,
        )
        return group.id

    def _group(self, managed: ManagedGroup, waits: Sequence[pulumi.Resource]) -> aws.eks.NodeGroup:
        args, settings, pool = self._args, managed.settings, managed.pool
        placement = (
            aws.ec2.PlacementGroup(managed.name, strategy="cluster", tags=self._tags(managed.name), opts=self._child)
            if managed.placement_group
            else None
        )
        efa = [self.efa_security_group_id] if managed.interfaces and self.efa_security_group_id is not None else []
        template = launch_template(
            managed,
            cluster=args.cluster,
            security_groups=[args.cluster_security_group, *efa],
            placement_group=placement.name if placement is not None else None,
            tags=args.tags,
            opts=self._child,
        )
        return aws.eks.NodeGroup(
            managed.name,
            cluster_name=args.cluster.cluster_name,
            node_role_arn=self.node_role_arn,
            subnet_ids=[args.subnets[pool.zone_id]],
            # A custom AMI excludes these three (CreateNodegroup).
            ami_type=None if settings.image_id else managed.ami_type,
            version=None if settings.image_id else args.kubernetes_version,
            release_version=settings.release_version,
            capacity_type=_CAPACITY_TYPES[pool.capacity],
            instance_types=None if pool.capacity == "capacity-block" else list(pool.instance_types),
            launch_template=aws.eks.NodeGroupLaunchTemplateArgs(
                id=template.id, version=template.latest_version.apply(str)
            ),
            scaling_config=aws.eks.NodeGroupScalingConfigArgs(
                min_size=pool.min_size,
                max_size=pool.max_size,
                desired_size=pool.min_size if settings.desired is None else settings.desired,
            ),
            labels=dict(pool.labels),
            taints=[
                aws.eks.NodeGroupTaintArgs(key=taint.key, value=taint.value, effect=_TAINT_EFFECTS[taint.effect])
                for taint in pool.taints
            ],
            update_config=_update(managed),
            node_repair_config=_repair(managed),
            tags=self._tags(managed.name, resource_tags(managed) if settings.autoscaling.enabled else None),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=list(waits),
                # After creation the size is the autoscaler's.
                ignore_changes=["scalingConfig.desiredSize"] if settings.autoscaling.enabled else None,
            ),
        )

    def _autoscaler_tags(self, managed: ManagedGroup) -> None:
        group = self.groups[managed.name]
        asg = self.auto_scaling_groups[managed.name]
        for key, value in sorted(asg_tags(managed, self._args.cluster.name).items()):
            aws.autoscaling.Tag(
                f"{managed.name}-{key.removeprefix('k8s.io/cluster-autoscaler/')}",
                autoscaling_group_name=asg,
                tag=aws.autoscaling.TagTagArgs(key=key, value=value, propagate_at_launch=False),
                opts=pulumi.ResourceOptions(parent=group),
            )


def _update(managed: ManagedGroup) -> aws.eks.NodeGroupUpdateConfigArgs:
    update, accelerated = managed.settings.update, managed.pool.accelerator is not None
    count, percentage = update.max_unavailable, update.max_unavailable_percentage
    if count is None and percentage is None:
        count, percentage = (1, None) if accelerated else (None, _CPU_UPDATE_PERCENTAGE)
    return aws.eks.NodeGroupUpdateConfigArgs(
        max_unavailable=count,
        max_unavailable_percentage=percentage,
        update_strategy=update.strategy or ("MINIMAL" if accelerated else "DEFAULT"),
    )


def _repair(managed: ManagedGroup) -> aws.eks.NodeGroupNodeRepairConfigArgs:
    repair = managed.settings.repair
    if not repair.enabled:
        return aws.eks.NodeGroupNodeRepairConfigArgs(enabled=False)
    faults = _HARDWARE_FAULTS.get(managed.pool.accelerator or "", ())
    return aws.eks.NodeGroupNodeRepairConfigArgs(
        enabled=True,
        max_parallel_nodes_repaired_count=repair.parallel,
        max_unhealthy_node_threshold_percentage=repair.max_unhealthy_percentage,
        node_repair_config_overrides=[
            aws.eks.NodeGroupNodeRepairConfigNodeRepairConfigOverrideArgs(
                node_monitoring_condition="AcceleratedHardwareReady",
                node_unhealthy_reason=fault,
                min_repair_wait_time_mins=repair.hardware_wait_minutes,
                repair_action=repair.hardware_action,
            )
            for fault in faults
        ]
        or None,
    )
