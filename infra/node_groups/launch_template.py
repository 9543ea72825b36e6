"""The launch template of one managed group."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra import naming
from infra.catalog import names
from infra.node_groups.expand import ManagedGroup
from infra.node_groups.user_data import ClusterFacts, user_data

_ROOT_DEVICE = "/dev/xvda"
_BOTTLEROCKET_DATA_DEVICE = "/dev/xvdb"
_BOTTLEROCKET_ROOT_GIB = 4
"""Bottlerocket's root holds the system alone; images and pods are on its data volume."""


@dataclass(frozen=True, kw_only=True)
class ClusterInputs:
    """What a node must be told of its cluster when EKS does not tell it."""

    name: str
    cluster_name: pulumi.Output[str]
    endpoint: pulumi.Output[str]
    certificate_authority: pulumi.Output[str]
    service_cidr: str


def launch_template(
    managed: ManagedGroup,
    *,
    cluster: ClusterInputs,
    security_groups: Sequence[pulumi.Input[str]],
    placement_group: pulumi.Input[str] | None,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> aws.ec2.LaunchTemplate:
    """Create the template.

    It holds no subnet, no instance profile and no public address: EKS refuses the first two, and EC2 the last with
    several interfaces (facts README sections 3.4 and 4.3).
    """
    settings = managed.settings
    named = naming.tags(tags, f"{cluster.name}-{managed.name}", {names.GROUP_LABEL: managed.pool.group})
    return aws.ec2.LaunchTemplate(
        managed.name,
        description=f"{cluster.name}: {managed.pool.group} in {managed.pool.zone_id}",
        update_default_version=True,
        image_id=settings.image_id,
        # A Capacity Block needs the type here; otherwise it stands in the node group, which may name several.
        instance_type=managed.instance.name if settings.capacity.type == "capacity-block" else None,
        block_device_mappings=_disks(managed),
        metadata_options=aws.ec2.LaunchTemplateMetadataOptionsArgs(
            http_endpoint="enabled",
            http_tokens="required",
            http_put_response_hop_limit=settings.metadata_hop_limit,
            instance_metadata_tags="disabled",
        ),
        # With interfaces in the template the security groups go on each of them.
        vpc_security_group_ids=None if managed.interfaces else security_groups,
        network_interfaces=_interfaces(managed, security_groups) or None,
        placement=aws.ec2.LaunchTemplatePlacementArgs(group_name=placement_group)
        if placement_group is not None
        else None,
        instance_market_options=aws.ec2.LaunchTemplateInstanceMarketOptionsArgs(market_type="capacity-block")
        if settings.capacity.type == "capacity-block"
        else None,
        capacity_reservation_specification=_reservation(managed),
        user_data=_user_data(managed, cluster),
        tag_specifications=[
            aws.ec2.LaunchTemplateTagSpecificationArgs(resource_type=kind, tags=named)
            for kind in ("instance", "volume", "network-interface")
        ],
        tags=named,
        opts=opts,
    )


def _disks(managed: ManagedGroup) -> list[aws.ec2.LaunchTemplateBlockDeviceMappingArgs]:
    volume = managed.settings.volume
    main = aws.ec2.LaunchTemplateBlockDeviceMappingArgs(
        device_name=_BOTTLEROCKET_DATA_DEVICE if managed.pool.bottlerocket else _ROOT_DEVICE,
        ebs=aws.ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
            volume_type="gp3",
            volume_size=volume.size,
            iops=volume.iops,
            throughput=volume.throughput,
            encrypted="true",
            delete_on_termination="true",
        ),
    )
    if not managed.pool.bottlerocket:
        return [main]
    system = aws.ec2.LaunchTemplateBlockDeviceMappingArgs(
        device_name=_ROOT_DEVICE,
        ebs=aws.ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
            volume_type="gp3", volume_size=_BOTTLEROCKET_ROOT_GIB, encrypted="true", delete_on_termination="true"
        ),
    )
    return [system, main]


def _interfaces(
    managed: ManagedGroup, security_groups: Sequence[pulumi.Input[str]]
) -> list[aws.ec2.LaunchTemplateNetworkInterfaceArgs]:
    return [
        aws.ec2.LaunchTemplateNetworkInterfaceArgs(
            network_card_index=interface.card,
            device_index=interface.device,
            interface_type=interface.kind,
            security_groups=security_groups,
            delete_on_termination="true",
            description=f"{interface.kind} on card {interface.card}",
        )
        for interface in managed.interfaces
    ]


def _reservation(managed: ManagedGroup) -> aws.ec2.LaunchTemplateCapacityReservationSpecificationArgs | None:
    capacity = managed.settings.capacity
    if capacity.type not in ("reservation", "capacity-block"):
        return None
    # One reservation that is full fails the launch; a group of them would go on at the on-demand price, which the
    # plan did not show. EC2 takes a preference beside a target in that case alone.
    return aws.ec2.LaunchTemplateCapacityReservationSpecificationArgs(
        capacity_reservation_preference="capacity-reservations-only" if capacity.resource_group_arn else None,
        capacity_reservation_target=aws.ec2.LaunchTemplateCapacityReservationSpecificationCapacityReservationTargetArgs(
            capacity_reservation_id=capacity.reservation_id,
            capacity_reservation_resource_group_arn=capacity.resource_group_arn,
        ),
    )


def _user_data(managed: ManagedGroup, cluster: ClusterInputs) -> pulumi.Input[str] | None:
    if managed.settings.image_id is None:
        text = user_data(managed)
        return _encoded(text) if text else None
    return pulumi.Output.all(cluster.cluster_name, cluster.endpoint, cluster.certificate_authority).apply(
        lambda known: _encoded(
            user_data(
                managed,
                ClusterFacts(
                    name=known[0],
                    endpoint=known[1],
                    certificate_authority=known[2],
                    cidr=cluster.service_cidr,
                ),
            )
        )
    )


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
