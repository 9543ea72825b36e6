"""What is open to whom: security groups, and where machines and data live."""

from collections.abc import Iterator
from typing import Any, Final

from policies.addresses import nearly_everywhere
from policies.around import Around
from policies.model import Fault, rule
from policies.values import Inputs
from slipway.plan.bill.types import LOAD_BALANCER, LUSTRE
from slipway.plan.fleet import LAUNCH_TEMPLATE, NODE_CLASS, NODE_GROUP
from slipway.plan.machines import AUTO_SCALING_GROUP, INSTANCE
from slipway.plan.model import Resource

GROUP: Final = "aws:ec2/securityGroup:SecurityGroup"
DEFAULT_GROUP: Final = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
INGRESS: Final = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS: Final = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
OLD_RULE: Final = "aws:ec2/securityGroupRule:SecurityGroupRule"
VPC: Final = "aws:ec2/vpc:Vpc"
SUBNET: Final = "aws:ec2/subnet:Subnet"
TABLE: Final = "aws:ec2/routeTable:RouteTable"
ROUTE: Final = "aws:ec2/route:Route"
ASSOCIATION: Final = "aws:ec2/routeTableAssociation:RouteTableAssociation"
MAIN_TABLE: Final = "aws:ec2/defaultRouteTable:DefaultRouteTable"
MAIN_ASSOCIATION: Final = "aws:ec2/mainRouteTableAssociation:MainRouteTableAssociation"
ADDRESS: Final = "aws:ec2/eip:Eip"
ADDRESS_OF: Final = "aws:ec2/eipAssociation:EipAssociation"
PREFIXES: Final = "aws:ec2/managedPrefixList:ManagedPrefixList"
PREFIX: Final = "aws:ec2/managedPrefixListEntry:ManagedPrefixListEntry"
GATEWAY: Final = "aws:ec2/internetGateway:InternetGateway"
MOUNT_TARGET: Final = "aws:efs/mountTarget:MountTarget"
SUBNET_GROUP: Final = "aws:rds/subnetGroup:SubnetGroup"

_TABLES: Final = (TABLE, MAIN_TABLE, VPC)
"""What a route or a subnet names as its table: a VPC has one of its own."""
_VPC_GUIDE: Final = "https://docs.aws.amazon.com/vpc/latest/userguide"
_WEB: Final = (80, 443)
_SUBNETS: Final = {
    NODE_GROUP: "subnetIds",
    AUTO_SCALING_GROUP: "vpcZoneIdentifiers",
    INSTANCE: "subnetId",
    NODE_CLASS: "spec",
    LUSTRE: "subnetIds",
    MOUNT_TARGET: "subnetId",
    SUBNET_GROUP: "subnetIds",
}
"""Where a type's inputs name its subnets."""


@rule(
    id="network-default-group",
    severity="medium",
    title="The default security group of the VPC is taken over, and lets nothing through.",
    why="Whatever is made without a group gets this one, and is then open to all else that was.",
    fix="keep the DefaultSecurityGroup of infra/network/network.py, without rules",
    source=f"{_VPC_GUIDE}/default-security-group.html",
    key="network",
    types=(VPC, DEFAULT_GROUP),
    scope="stack",
)
def default_group(inputs: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """VPC user guide, "Default security groups for your VPCs"; Security Hub control EC2.2."""
    if resource.type == VPC:
        if not around.leading_to(DEFAULT_GROUP, "vpcId", resource):
            yield Fault(what="its default security group is left as EC2 makes it: open to itself, and everything out")
        return
    for path in ("ingress", "egress"):
        if list(inputs.each(path)):
            yield Fault(path=path, what="has rules; it must have none")
    rules = [each for type_ in _RULES for each in around.leading_to(type_, "securityGroupId", resource)]
    for each in rules:
        yield Fault(what=f"{each.name} gives it a rule; it must have none")


_RULES: Final = (INGRESS, EGRESS, OLD_RULE)


@rule(
    id="network-no-open-ingress",
    severity="critical",
    title="Nothing but the web ports of load balancers is open to the whole internet.",
    why="A port that is open to everybody is found within minutes; behind it are jobs, notebooks or data.",
    fix="name who may connect (edge.loadBalancer.clients), or let a security group in instead of addresses",
    source=f"{_VPC_GUIDE}/security-group-rules.html",
    key="edge",
    types=(INGRESS, OLD_RULE, GROUP),
    scope="stack",
)
def no_open_ingress(inputs: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """VPC user guide, "Security group rules"; Security Hub controls EC2.18 and EC2.19."""
    if resource.type == OLD_RULE and inputs.get("type") != "ingress":
        return
    inline = resource.type == GROUP
    groups = (resource,) if inline else around.behind(resource, "securityGroupId", GROUP)
    for entry in inputs.each("ingress") if inline else [inputs]:
        for path, block, where in _blocks(entry, resource, around):
            if nearly_everywhere(block) and not (_web(entry) and _of_load_balancers(groups, around)):
                yield Fault(path=path, what=f"{block}{where} may reach {_ports(entry)}")


def _blocks(entry: Inputs, resource: Resource, around: Around) -> Iterator[tuple[str, Any, str]]:
    """The address blocks of a rule in all three forms of the provider, each with its path and whose it is.

    Of prefix lists those that the plan makes: AWS's own hold its services' addresses.
    """
    for path in ("cidrIpv4", "cidrIpv6"):
        if entry.has(path):
            yield entry.at(path).path, entry.get(path), ""
    for path in ("cidrBlocks", "ipv6CidrBlocks"):
        yield from ((each.path, each.get(), "") for each in entry.each(path))
    for path in ("prefixListId", "prefixListIds"):
        if entry.has(path):
            for prefixes in around.behind(resource, "ingress" if resource.type == GROUP else path, PREFIXES):
                found = [*Inputs(prefixes.inputs).each("entries")]
                found += [Inputs(each.inputs) for each in around.leading_to(PREFIX, "prefixListId", prefixes)]
                yield from ((entry.at(path).path, each.get("cidr"), f" of {prefixes.name}") for each in found)


def _web(entry: Inputs) -> bool:
    protocol = entry.get("ipProtocol", entry.get("protocol"))
    first, last = entry.get("fromPort"), entry.get("toPort")
    # HTTP/3 comes by UDP.
    return first == last and ((protocol == "tcp" and first in _WEB) or (protocol == "udp" and first == _WEB[1]))


def _ports(entry: Inputs) -> str:
    protocol = entry.get("ipProtocol", entry.get("protocol"))
    if protocol in (None, "-1", -1, "all"):
        return "every port"
    first, last = entry.get("fromPort"), entry.get("toPort")
    return f"{protocol} {first}" if first == last else f"{protocol} {first} to {last}"


def _of_load_balancers(groups: tuple[Resource, ...], around: Around) -> bool:
    """Whether these are groups of load balancers, and of nothing else that the plan names them for."""
    users = around.once("network: users of security groups", lambda: _users(around))
    named = [type_ for group in groups for type_ in users.get(group.urn, ())]
    return bool(named) and set(named) == {LOAD_BALANCER}


def _users(around: Around) -> dict[str, set[str]]:
    """The types of what takes each security group, rules aside."""
    found: dict[str, set[str]] = {}
    for each in around.plan:
        if each.type in (*_RULES, GROUP):
            continue
        for path, behind in each.property_dependencies.items():
            if (
                "securitygroup" in path.lower()
                or path in ("networkInterfaces", "vpcConfig", "networkConfiguration")
                or (each.type == NODE_CLASS and path == "spec")
            ):
                for urn in behind:
                    found.setdefault(urn, set()).add(each.type)
    return found


@rule(
    id="network-private-nodes",
    severity="critical",
    title="Nodes, file systems and databases live in private subnets and have no public address.",
    why="One security group rule too many and the machine is on the internet; each address is billed by the hour too.",
    fix="keep it in private subnets (network.existing.privateSubnets), without a public address",
    source="https://docs.aws.amazon.com/eks/latest/best-practices/subnets.html",
    key="network",
    types=(*_SUBNETS, LAUNCH_TEMPLATE),
    scope="stack",
)
def private_nodes(inputs: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """EKS best practices guide, "VPC and subnet considerations": nodes in private subnets.

    A subnet is public where its routes lead to an internet gateway, or where it gives out addresses. Of a subnet that
    the plan does not make nothing is known. A public address with several interfaces is for gpu-efa-no-public-ip.
    """
    for each in _addresses(inputs, resource):
        if each.get() in (True, "true"):
            yield Fault(path=each.path, what="a public address; it must have none")
    for type_, property_ in ((ADDRESS, "instance"), (ADDRESS_OF, "instanceId")):
        for address in around.leading_to(type_, property_, resource):
            yield Fault(what=f"{address.name} gives it a public address; it must have none")
    path = _SUBNETS.get(resource.type)
    public = around.once("network: public subnets", lambda: _public(around))
    for subnet in around.behind(resource, path, SUBNET) if path else ():
        if subnet.urn in public:
            yield Fault(path=path or "", what=f"{subnet.name} has a route to the internet")
        elif Inputs(subnet.inputs).get("mapPublicIpOnLaunch") is True:
            yield Fault(path=path or "", what=f"{subnet.name} gives what is launched in it a public address")


def _addresses(inputs: Inputs, resource: Resource) -> Iterator[Inputs]:
    """Where a public address is asked for."""
    if resource.type == INSTANCE:
        yield inputs.at("associatePublicIpAddress")
    elif resource.type == NODE_CLASS:
        yield inputs.at("spec.associatePublicIPAddress")
    elif resource.type == LAUNCH_TEMPLATE:
        interfaces = list(inputs.each("networkInterfaces"))
        yield from (each.at("associatePublicIpAddress") for each in interfaces if len(interfaces) == 1)


def _public(around: Around) -> frozenset[str]:
    """The subnets whose route table leads to an internet gateway; without one of its own a subnet has its VPC's.

    VPC user guide, "Route table concepts": the main route table is that of every subnet that is not associated.
    """
    leading_out = _leading_out(around)
    own = {
        subnet.urn: _table(table, around)
        for each in around.plan.of_type(ASSOCIATION)
        for subnet in around.behind(each, "subnetId", SUBNET)
        for table in around.behind(each, "routeTableId", *_TABLES)
    }
    main = {
        vpc.urn: _table(table, around)
        for each in around.plan.of_type(MAIN_ASSOCIATION)
        for vpc in around.behind(each, "vpcId", VPC)
        for table in around.behind(each, "routeTableId", *_TABLES)
    }
    found = set()
    for subnet in around.plan.of_type(SUBNET):
        vpcs = (main.get(vpc.urn, vpc.urn) for vpc in around.behind(subnet, "vpcId", VPC))
        if (own.get(subnet.urn) or next(vpcs, "")) in leading_out:
            found.add(subnet.urn)
    return frozenset(found)


def _leading_out(around: Around) -> frozenset[str]:
    """The route tables with a route to an internet gateway."""
    found = {
        _table(table, around)
        for route in around.plan.of_type(ROUTE)
        if around.behind(route, "gatewayId", GATEWAY) or _by_id(Inputs(route.inputs))
        for table in around.behind(route, "routeTableId", *_TABLES)
    }
    for table in around.plan.of_type(TABLE, MAIN_TABLE):
        listed = Inputs(table.inputs).at("routes")
        by_id = isinstance(listed.value, list) and any(_by_id(each) for each in listed.each())
        if by_id or around.behind(table, "routes", GATEWAY):
            found.add(_table(table, around))
    return frozenset(found)


def _table(table: Resource, around: Around) -> str:
    """What stands for a route table: the VPC for the one that comes with it, whichever of the two is named."""
    its = around.behind(table, "defaultRouteTableId", VPC) if table.type == MAIN_TABLE else ()
    return its[0].urn if its else table.urn


def _by_id(route: Inputs) -> bool:
    """Whether a route names an internet gateway that is there already."""
    return str(route.at("gatewayId").value).startswith("igw-")
