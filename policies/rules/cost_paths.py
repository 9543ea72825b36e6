"""Ways that data takes: through another zone, or through a NAT gateway, where a free way is there."""

from collections.abc import Iterator
from typing import Final

from infra.catalog.zones import is_local
from policies.around import Around
from policies.model import Fault, rule
from policies.values import Inputs
from slipway.plan.bill.types import EFS, ENDPOINT, NAT
from slipway.plan.fleet import NODE_CLASS, NODE_GROUP
from slipway.plan.model import Resource

SUBNET: Final = "aws:ec2/subnet:Subnet"
ROUTE: Final = "aws:ec2/route:Route"
TABLE: Final = "aws:ec2/routeTable:RouteTable"
ASSOCIATION: Final = "aws:ec2/routeTableAssociation:RouteTableAssociation"
MOUNT_TARGET: Final = "aws:efs/mountTarget:MountTarget"
ENDPOINT_ROUTES: Final = "aws:ec2/vpcEndpointRouteTableAssociation:VpcEndpointRouteTableAssociation"


@rule(
    id="cost-cross-zone",
    severity="medium",
    title="Nodes reach file systems, endpoints and NAT gateways in their own zone where there are any.",
    why="Each GB that crosses zones is billed both ways (0.02 USD together), and a fault of one zone stops two.",
    fix="keep one mount target, endpoint subnet and NAT route in every zone of network.zones that has nodeGroups[]",
    source="https://docs.aws.amazon.com/eks/latest/best-practices/cost-opt-networking.html",
    key="network",
    types=(EFS, ENDPOINT, ROUTE),
    scope="stack",
)
def cross_zone(inputs: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """Files without a mount target in a zone, endpoints without an address in it, routes to another zone's gateway.

    What is chosen by name is left alone: EFS in one zone (oneZone), one NAT gateway for all (nat: single). Local Zones
    have none of the three. Lustre is in one zone by nature: see network-fsx-zone.
    """
    if resource.type == ROUTE:
        yield from _route(resource, around)
    elif resource.type == EFS:
        if not inputs.has("availabilityZoneName"):
            there = _zones(around.leading_to(MOUNT_TARGET, "fileSystemId", resource), "subnetId", around)
            for zone in sorted(_with_nodes(around) - there):
                yield Fault(what=f"no mount target in {zone}, where nodes are")
    elif inputs.get("vpcEndpointType") == "Interface":
        for zone in sorted(_with_nodes(around) - _zones((resource,), "subnetIds", around)):
            yield Fault(path="subnetIds", what=f"none in {zone}, where nodes are")


def _route(route: Resource, around: Around) -> Iterator[Fault]:
    gateways = around.plan.of_type(NAT)
    if len(_zones(gateways, "subnetId", around)) <= 1:
        return
    there = _zones(around.behind(route, "natGatewayId", NAT), "subnetId", around)
    for table in around.behind(route, "routeTableId", TABLE):
        here = _zones(around.leading_to(ASSOCIATION, "routeTableId", table), "subnetId", around)
        for zone in sorted(here - there):
            if there and not is_local(zone):
                yield Fault(path="natGatewayId", what=f"{zone} goes through a gateway in {', '.join(sorted(there))}")


def _with_nodes(around: Around) -> frozenset[str]:
    """The zones with nodes, as far as the plan has their subnets; Local Zones left out."""

    def build() -> frozenset[str]:
        groups = _zones(around.plan.of_type(NODE_GROUP), "subnetIds", around)
        pools = _zones(around.plan.of_type(NODE_CLASS), "spec", around)
        return frozenset(zone for zone in groups | pools if not is_local(zone))

    return around.once("cost: zones with nodes", build)


def _zones(resources: tuple[Resource, ...], property_: str, around: Around) -> set[str]:
    """The zones of the subnets that an input of these was made from."""
    subnets = (subnet for each in resources for subnet in around.behind(each, property_, SUBNET))
    inputs = (Inputs(each.inputs) for each in subnets)
    found = (each.get("availabilityZoneId") or each.get("availabilityZone") for each in inputs)
    return {str(zone) for zone in found if zone}


@rule(
    id="cost-s3-endpoint",
    severity="medium",
    title="What goes through a NAT gateway does not go there for S3.",
    why="Datasets, checkpoints and image layers come from S3: 45 USD a TB through a NAT gateway, nothing through the "
    "gateway endpoint.",
    fix="give the route table to the S3 gateway endpoint, as the network that network.zones makes does",
    source="https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-s3.html",
    key="network",
    types=(ROUTE,),
    scope="stack",
)
def s3_endpoint(inputs: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """Gateway endpoints are free (the source) and catch what is for S3 in the route tables that they are in."""
    if not inputs.has("natGatewayId"):
        return
    for table in around.behind(resource, "routeTableId", TABLE):
        endpoints = list(around.leading_to(ENDPOINT, "routeTableIds", table))
        for each in around.leading_to(ENDPOINT_ROUTES, "routeTableId", table):
            endpoints += around.behind(each, "vpcEndpointId", ENDPOINT)
        if not any(_for_s3(each) for each in endpoints):
            yield Fault(path="natGatewayId", what=f"{table.name} has no gateway endpoint for S3")


def _for_s3(endpoint: Resource) -> bool:
    inputs = Inputs(endpoint.inputs)
    service = inputs.get("serviceName")
    return inputs.get("vpcEndpointType", "Gateway") == "Gateway" and str(service).endswith(".s3")
