"""Where the packets of a subnet can go: its routes, as far as they leave the VPC."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from slipway.plan.model import Plan, Resource

_SUBNET: Final = "aws:ec2/subnet:Subnet"
_TABLE: Final = "aws:ec2/routeTable:RouteTable"
_ROUTE: Final = "aws:ec2/route:Route"
_ASSOCIATION: Final = "aws:ec2/routeTableAssociation:RouteTableAssociation"
_VPC: Final = "aws:ec2/vpc:Vpc"
_VPC_CIDR: Final = "aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation"
_NAT: Final = "aws:ec2/natGateway:NatGateway"
_PRIVATE_TARGETS: Final = ("transitGatewayId", "vpcPeeringConnectionId", "localGatewayId", "coreNetworkArn")
_OUT_TARGETS: Final = ("natGatewayId", "egressOnlyGatewayId", "networkInterfaceId")


class Way(Enum):
    """What a route leads to."""

    INTERNET = "both ways, for what has a public address"
    OUT = "out only: NAT"
    PRIVATE = "other networks: peering, transit gateway, VPN"


@dataclass(frozen=True)
class Route:
    """A destination outside the VPC, and the way there."""

    destination: str
    way: Way


@dataclass(frozen=True, kw_only=True)
class Subnet:
    """A subnet of the plan: its blocks, whether instances get public addresses, its routes out of the VPC."""

    cidrs: tuple[str, ...]
    gives_addresses: bool
    routes: tuple[Route, ...]


def subnets(plan: Plan) -> Mapping[str, Subnet]:
    """Every subnet that the plan makes, by id."""
    routes: dict[str, list[Route]] = {}
    private = {gateway.id for gateway in plan.of_type(_NAT) if gateway.inputs.get("connectivityType") == "private"}
    for table in plan.of_type(_TABLE):
        for inline in table.inputs.get("routes") or ():
            routes.setdefault(table.id, []).extend(_route(inline, private, "cidrBlock", "ipv6CidrBlock"))
    for resource in plan.of_type(_ROUTE):
        table_id = str(resource.inputs["routeTableId"])
        fields = ("destinationCidrBlock", "destinationIpv6CidrBlock")
        routes.setdefault(table_id, []).extend(_route(resource.inputs, private, *fields))
    tables = {
        str(each.inputs["subnetId"]): str(each.inputs["routeTableId"])
        for each in plan.of_type(_ASSOCIATION)
        if each.inputs.get("subnetId")
    }
    main = {vpc.id: str(vpc.outputs.get("mainRouteTableId", "")) for vpc in plan.of_type(_VPC)}
    return {
        subnet.id: Subnet(
            cidrs=tuple(_cidrs(subnet, "cidrBlock", "ipv6CidrBlock")),
            gives_addresses=bool(
                subnet.inputs.get("mapPublicIpOnLaunch") or subnet.inputs.get("assignIpv6AddressOnCreation")
            ),
            routes=tuple(routes.get(tables.get(subnet.id) or main.get(str(subnet.inputs.get("vpcId")), ""), ())),
        )
        for subnet in plan.of_type(_SUBNET)
    }


def vpc_cidrs(plan: Plan) -> tuple[str, ...]:
    """The blocks of the plan's VPCs; empty where the VPC is there already."""
    found = [cidr for vpc in plan.of_type(_VPC) for cidr in _cidrs(vpc, "cidrBlock", "ipv6CidrBlock")]
    return (*found, *(cidr for each in plan.of_type(_VPC_CIDR) for cidr in _cidrs(each, "cidrBlock")))


def _cidrs(resource: Resource, *fields: str) -> Iterator[str]:
    for field in fields:
        # AWS chooses an IPv6 block itself where one is asked for.
        value = resource.inputs.get(field) or resource.outputs.get(field)
        if value:
            yield str(value)


def _route(inputs: Mapping[str, Any], private: set[str], *fields: str) -> Iterator[Route]:
    way = _way(inputs, private)
    for field in fields:
        if way is not None and inputs.get(field):
            yield Route(str(inputs[field]), way)


def _way(inputs: Mapping[str, Any], private: set[str]) -> Way | None:
    gateway = str(inputs.get("gatewayId") or "")
    if gateway.startswith("igw-"):
        return Way.INTERNET
    if gateway.startswith("vgw-") or any(inputs.get(target) for target in _PRIVATE_TARGETS):
        return Way.PRIVATE
    if inputs.get("natGatewayId") in private:
        return Way.PRIVATE
    # What an interface of the program's own forwards to is not known here: a NAT instance, most often.
    return Way.OUT if any(inputs.get(target) for target in _OUT_TARGETS) else None
