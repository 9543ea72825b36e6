"""The way to networks outside of AWS: the VPC's attachment to a transit gateway, and the routes through it."""

from collections.abc import Callable, Mapping, Sequence

import pulumi
import pulumi_aws as aws

from infra.network.settings import Transit


def transit(
    name: str,
    settings: Transit,
    *,
    vpc_id: pulumi.Input[str],
    subnets: Sequence[pulumi.Input[str]],
    tables: Mapping[str, aws.ec2.RouteTable],
    tags: Callable[[str], dict[str, str]],
    opts: pulumi.ResourceOptions,
) -> list[pulumi.Resource]:
    """Attach a VPC to a transit gateway and route through it; the routes.

    The way back is in the transit gateway's own route tables: by default it propagates the VPC's addresses to them.

    Args:
        name: Logical name of the network.
        settings: The gateway and where it leads.
        vpc_id: The VPC.
        subnets: One in each zone from which there is a way.
        tables: Route tables by their zones.
        tags: Tags by a name.
        opts: The network's.
    """
    attachment = aws.ec2transitgateway.VpcAttachment(
        f"{name}-transit",
        transit_gateway_id=settings.gateway,
        vpc_id=vpc_id,
        subnet_ids=list(subnets),
        tags=tags("transit"),
        opts=opts,
    )
    # A route to a gateway that the VPC is not attached to is refused.
    after = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[attachment]))
    return [
        aws.ec2.Route(
            f"{name}-transit-{zone}-{cidr.replace('/', '-')}",
            route_table_id=table.id,
            destination_cidr_block=cidr,
            transit_gateway_id=settings.gateway,
            opts=after,
        )
        for zone, table in tables.items()
        for cidr in settings.cidrs
    ]
