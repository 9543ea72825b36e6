"""The Karpenter component: what its controller and its nodes need of AWS. The controller itself is an add-on."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra import naming
from infra.handle import Karpenter as Handle
from infra.handle import KarpenterPool, NodeInterface, Volume
from infra.karpenter.groups import image, unknown_resources
from infra.karpenter.queue import queue
from infra.node_groups.expand import ManagedGroup
from infra.node_groups.user_data import user_data


@dataclass(frozen=True, kw_only=True)
class KarpenterArgs:
    """What it needs to know of the rest of the stack.

    Attributes:
        groups: The groups, one per zone, whose nodes Karpenter makes.
        node_role_arn: The role of all nodes, which EKS lets join since the first managed node group.
        system: The managed node groups; the role may join once they are there.
        subnets: Zone id to the private subnet.
        security_group: The cluster's, for every node.
        efa_security_group: Of nodes with EFA.
    """

    groups: Sequence[ManagedGroup]
    kubernetes_version: str
    platform: str
    node_role_arn: pulumi.Output[str]
    system: Sequence[pulumi.Resource]
    subnets: Mapping[str, pulumi.Output[str]]
    security_group: pulumi.Output[str]
    efa_security_group: pulumi.Output[str] | None
    tags: Mapping[str, str]


class Karpenter(pulumi.ComponentResource):
    """The interruption queue with its rules, the nodes' instance profile and placement groups.

    Nodes have the role of the managed node groups, so that what one may pull and read all may. The instance profile is
    made here and not by the controller, which then may change nothing in IAM, and which in a private cluster could not
    reach IAM at all.

    Attributes:
        handle: What the add-ons are given.
    """

    handle: Handle

    def __init__(self, name: str, args: KarpenterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Create everything."""
        super().__init__(naming.type_token("infra", "Karpenter"), name, None, opts)
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        queue_name, queue_arn = queue(name, platform=args.platform, tags=args.tags, opts=self._child)
        profile = aws.iam.InstanceProfile(
            f"{name}-node",
            role=args.node_role_arn.apply(lambda arn: arn.rpartition("/")[2]),
            tags=naming.tags(args.tags, f"{args.platform}-karpenter-node"),
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(args.system)),
        )
        self.handle = Handle(
            queue_name=queue_name,
            queue_arn=queue_arn,
            node_role_arn=args.node_role_arn,
            instance_profile=profile.name,
            pools=tuple(self._pool(group) for group in args.groups),
        )
        self.register_outputs({"queue": queue_name})

    def _pool(self, group: ManagedGroup) -> KarpenterPool:
        args, settings = self._args, group.settings
        efa = [args.efa_security_group] if group.interfaces and args.efa_security_group is not None else []
        return KarpenterPool(
            pool=group.pool,
            image=image(group, args.kubernetes_version) or {},
            # What the node class says itself is left out.
            user_data=user_data(dataclasses.replace(group, max_pods=None, raid0=False)),
            volume=Volume(gib=settings.volume.size, iops=settings.volume.iops, throughput=settings.volume.throughput),
            subnet_id=args.subnets[group.pool.zone_id],
            security_group_ids=(args.security_group, *efa),
            interfaces=tuple(
                NodeInterface(card=each.card, device=each.device, kind=each.kind) for each in group.interfaces
            ),
            placement_group=self._placement_group(group),
            reservation_id=settings.capacity.reservation_id,
            max_pods=group.max_pods,
            instance_store=group.raid0,
            metadata_hop_limit=settings.metadata_hop_limit,
            unknown_resources=unknown_resources(group),
        )

    def _placement_group(self, group: ManagedGroup) -> pulumi.Output[str] | None:
        if not group.placement_group:
            return None
        return aws.ec2.PlacementGroup(
            f"karpenter-{group.name}",
            strategy="cluster",
            tags=naming.tags(self._args.tags, f"{self._args.platform}-{group.name}"),
            opts=self._child,
        ).name
