"""How the rules about networks and Lustre file systems are broken."""

import dataclasses
from collections.abc import Callable

from policies.rules.network import (
    ADDRESS,
    ASSOCIATION,
    DEFAULT_GROUP,
    EGRESS,
    GATEWAY,
    GROUP,
    INGRESS,
    MOUNT_TARGET,
    OLD_RULE,
    PREFIXES,
    ROUTE,
    SUBNET,
    SUBNET_GROUP,
    VPC,
)
from policies.rules.network_lustre import VOLUME
from slipway.plan.bill.types import CLUSTER, LOAD_BALANCER, LUSTRE
from slipway.plan.fleet import LAUNCH_TEMPLATE, NODE_CLASS, NODE_GROUP
from slipway.plan.machines import INSTANCE
from slipway.plan.model import Plan, Resource
from tests.policies.breaking import DROP, Mutation, added, at, changed, removed, replaced, with_input, without

TEXTS = (LUSTRE, INSTANCE, MOUNT_TARGET)
"""What names one subnet, as a text."""


def has_efa(resource: Resource) -> bool:
    """Holds for an EFA-enabled file system."""
    return resource.inputs.get("efaEnabled") is True


def ends(text: str) -> Callable[[Resource], bool]:
    """Holds for a resource whose logical name ends so."""
    return lambda resource: resource.name.endswith(text)


def public(plan: Plan) -> dict[str, Resource]:
    """The public subnets by zone."""
    found = [subnet for subnet in plan.of_type(SUBNET) if "kubernetes.io/role/elb" in subnet.inputs["tags"]]
    return {subnet.inputs["availabilityZoneId"]: subnet for subnet in found}


def behind(plan: Plan, resource: Resource, path: str) -> list[Resource]:
    """The subnets that an input was made from."""
    found = [plan.get(urn) for urn in resource.property_dependencies.get(path, ())]
    return [each for each in found if each is not None and each.type == SUBNET]


def moved(resource: Resource, path: str, *subnets: Resource) -> Resource:
    """The resource in other subnets."""
    ids = [subnet.id for subnet in subnets]
    value = ids[0] if resource.type in TEXTS else ids
    behind = {**resource.property_dependencies, path: tuple(subnet.urn for subnet in subnets)}
    return dataclasses.replace(with_input(resource, path, value), property_dependencies=behind)


def into_public(type_: str, path: str, where: Callable[[Resource], bool] = lambda _: True):
    """The first of a type moves to the public subnet of its own zone."""

    def apply(plan: Plan) -> Plan | None:
        there = public(plan)
        for resource in plan.of_type(type_):
            zones = [each.inputs["availabilityZoneId"] for each in behind(plan, resource, path)]
            if where(resource) and zones and all(zone in there for zone in zones):
                return replaced(plan, moved(resource, path, *(there[zone] for zone in zones)))
        return None

    return apply


def to_another_zone(plan: Plan) -> Plan | None:
    """The first file system goes to a zone without accelerated groups, its volumes with it."""
    for system in plan.of_type(LUSTRE):
        here = behind(plan, system, "subnetIds")
        others = [each for each in plan.of_type(SUBNET) if each.urn not in {subnet.urn for subnet in here}]
        others = [each for each in others if "kubernetes.io/role/internal-elb" in each.inputs["tags"]]
        busy = {
            zone
            for group in plan.of_type(NODE_GROUP)
            if group.inputs["labels"].get("slipway.io/accelerator")
            for zone in [group.inputs["labels"]["slipway.io/zone-id"]]
        }
        free = [each for each in others if each.inputs["availabilityZoneId"] not in busy]
        if here and free:
            return replaced(plan, moved(system, "subnetIds", free[0]))
    return None


def tied_elsewhere(volume: Resource) -> bool:
    """Holds for a volume of a file system that is tied to the file system's zone."""
    return at(volume.inputs, "spec.csi.driver") == "fsx.csi.aws.com" and "nodeAffinity" in volume.inputs["spec"]


SERVERS = ("lustre-servers-988", "lustre-servers-1018")
BOTH_WAYS = ("lustre-servers-efa", "lustre-from-workstation-1018", "lustre-to-workstation-988")
TO_NODES = ("lustre-to-nodes-988", "lustre-to-nodes-1018", "lustre-to-nodes-efa")
FROM_NODES = ("lustre-from-nodes-988", "lustre-from-nodes-1018", "lustre-from-nodes-efa")
"""The platform's rules, by the ends of their names."""


def without_rule(type_: str, name: str) -> Callable[[Plan], Plan | None]:
    """One rule of a security group is missing. Nothing is broken where a rule for EFA lets everything through."""

    def apply(plan: Plan) -> Plan | None:
        if name in SERVERS and any(each.name.endswith("lustre-servers-efa") for each in plan.of_type(type_)):
            return None
        return removed(type_, where=ends(name))(plan)

    return apply


def without_group(plan: Plan) -> Plan | None:
    """FSx takes the VPC's default group then."""
    for system in plan.of_type(LUSTRE):
        behind = {key: urns for key, urns in system.property_dependencies.items() if key != "securityGroupIds"}
        broken = with_input(system, "securityGroupIds", DROP)
        return replaced(plan, dataclasses.replace(broken, property_dependencies=behind))
    return None


AFFINITY = "spec.nodeAffinity.required.nodeSelectorTerms.0.matchExpressions.0.values"


def opened(port: int, where: Callable[[Plan], Resource | None], **more: object) -> Callable[[Plan], Plan | None]:
    """One rule more, which lets an address block in."""

    def apply(plan: Plan) -> Plan | None:
        group, like = where(plan), plan.of_type(INGRESS)
        if group is None or not like:
            return None
        inputs = {"securityGroupId": group.id, "ipProtocol": "tcp", "fromPort": port, "toPort": port, **more}
        inputs["tags"] = like[0].inputs["tags"]
        return added(
            plan,
            like[0],
            "opened",
            inputs=inputs,
            outputs=inputs,
            dependencies=(group.urn,),
            property_dependencies={"securityGroupId": (group.urn,)},
        )

    return apply


def cluster(plan: Plan) -> Resource:
    """Stands for the group that EKS puts on nodes."""
    return plan.one(CLUSTER)


def of_load_balancer(plan: Plan) -> Resource | None:
    """The group of the load balancer."""
    for balancer in plan.of_type(LOAD_BALANCER):
        for urn in balancer.property_dependencies["securityGroups"]:
            return plan.get(urn)
    return None


def in_the_old_form(plan: Plan) -> Plan | None:
    """SSH for all, as a rule of the provider's old type."""
    like = plan.of_type(INGRESS)
    group = plan.one(CLUSTER)
    if not like:
        return None
    inputs = {"type": "ingress", "protocol": "tcp", "fromPort": 22, "toPort": 22, "cidrBlocks": ["0.0.0.0/0"]}
    return added(
        plan,
        like[0],
        "ssh",
        type_=OLD_RULE,
        inputs=inputs,
        outputs=inputs,
        property_dependencies={"securityGroupId": (group.urn,)},
    )


def by_a_prefix_list(plan: Plan) -> Plan | None:
    """Everybody, under a name."""
    more = opened(22, cluster, prefixListId="pl-0123456789abcdef0")(plan)
    if more is None:
        return None
    *_, rule = more.of_type(INGRESS)
    entries = [{"cidr": "203.0.113.0/24"}, {"cidr": "0.0.0.0/0"}]
    world = {"addressFamily": "IPv4", "maxEntries": 2, "entries": entries, "tags": rule.inputs["tags"]}
    more = added(more, rule, "world", type_=PREFIXES, inputs=world, outputs=world, property_dependencies={})
    (prefixes,) = more.of_type(PREFIXES)
    behind = {**rule.property_dependencies, "prefixListId": (prefixes.urn,)}
    return replaced(more, dataclasses.replace(rule, property_dependencies=behind))


def with_fixed_address(plan: Plan) -> Plan | None:
    """An elastic address for the workstation, so that it is easily found."""
    for machine in plan.of_type(INSTANCE):
        inputs = {"instance": machine.id, "domain": "vpc", "tags": machine.inputs["tags"]}
        behind = {"instance": (machine.urn,)}
        return added(plan, machine, "fixed", type_=ADDRESS, inputs=inputs, outputs=inputs, property_dependencies=behind)
    return None


def by_the_table_of_the_network(plan: Plan) -> Plan | None:
    """Subnets without a table of their own, in a network whose own table leads to the internet."""
    vpcs, routes = plan.of_type(VPC), [each for each in plan.of_type(ROUTE) if "natGatewayId" in each.inputs]
    gateways = plan.of_type(GATEWAY)
    if not (vpcs and routes and gateways):
        return None
    to_vpc = {"gatewayId": (gateways[0].urn,), "routeTableId": (vpcs[0].urn,)}
    inputs = {"destinationCidrBlock": "0.0.0.0/0", "gatewayId": gateways[0].id, "routeTableId": "rtb-main"}
    plan = added(plan, routes[0], "main", inputs=inputs, outputs=inputs, property_dependencies=to_vpc)
    # All of one table: the finding must be of a subnet with nodes, wherever those are.
    tables = {urn for each in routes for urn in each.property_dependencies["routeTableId"]}
    own = [each for each in plan.of_type(ASSOCIATION) if tables & {*each.property_dependencies["routeTableId"]}]
    return without(plan, *own)


def rule_of_default_group(plan: Plan) -> Plan | None:
    """Somebody uses the VPC's default group after all."""
    for group in plan.of_type(DEFAULT_GROUP):
        like = plan.of_type(INGRESS)[0]
        behind = {"securityGroupId": (group.urn,), "referencedSecurityGroupId": (group.urn,)}
        inputs = {"ipProtocol": "-1", "tags": like.inputs["tags"]}
        return added(plan, like, "default", inputs=inputs, outputs=inputs, property_dependencies=behind)
    return None


def route_to_internet(plan: Plan) -> Plan | None:
    """A private subnet's route goes to the internet gateway in place of NAT."""
    gateways = plan.of_type(GATEWAY)
    for route in plan.of_type(ROUTE):
        if gateways and "natGatewayId" in route.inputs:
            broken = with_input(with_input(route, "natGatewayId", DROP), "gatewayId", gateways[0].id)
            behind = {key: urns for key, urns in route.property_dependencies.items() if key != "natGatewayId"}
            behind["gatewayId"] = (gateways[0].urn,)
            return replaced(plan, dataclasses.replace(broken, property_dependencies=behind))
    return None


def plain(resource: Resource) -> bool:
    """Holds for a group, or a launch template, without accelerators' interfaces."""
    return not resource.inputs.get("networkInterfaces") and "slipway.io/accelerator" not in resource.inputs.get(
        "labels", {}
    )


def mutation(rule: str, name: str, apply: Callable[[Plan], Plan | None], *culprit: str, also: str = "") -> Mutation:
    """In short."""
    return Mutation(rule=rule, name=name, apply=apply, culprit=culprit, also=frozenset({also} if also else ()))


MUTATIONS = (
    mutation("network-default-group", "left as it is", removed(DEFAULT_GROUP), VPC),
    mutation("network-default-group", "with a rule beside it", rule_of_default_group, DEFAULT_GROUP),
    mutation(
        "network-default-group",
        "with a rule of its own",
        changed(DEFAULT_GROUP, "ingress", [{"protocol": "-1", "self": True, "fromPort": 0, "toPort": 0}]),
        DEFAULT_GROUP,
    ),
    *(
        mutation("network-fsx-efa-minimums", name, changed(LUSTRE, path, value, where=has_efa), LUSTRE)
        for name, path, value in (
            ("half the capacity", "storageCapacity", 4_800),
            ("the capacity of no EFA", "storageCapacity", 12_000),
            ("no capacity", "storageCapacity", DROP),
            ("a throughput that needs more", "perUnitStorageThroughput", 250),
            ("a throughput of another generation", "perUnitStorageThroughput", 200),
            ("no metadata", "metadataConfiguration", DROP),
            ("a type without EFA", "deploymentType", "SCRATCH_2"),
            ("storage of another generation", "storageType", "HDD"),
        )
    ),
    mutation("network-fsx-zone", "away from the accelerated groups", to_another_zone, LUSTRE),
    mutation(
        "network-fsx-zone",
        "in a subnet of an existing VPC where no group is",
        changed(
            LUSTRE,
            "subnetIds",
            "subnet-0fffffffffffffff1",
            where=lambda each: not each.property_dependencies.get("subnetIds"),
        ),
        LUSTRE,
    ),
    mutation(
        "network-fsx-zone",
        "a volume that is tied to another zone",
        changed(VOLUME, AFFINITY, ["usw2-az4"], where=tied_elsewhere),
        LUSTRE,
    ),
    *(
        mutation("network-fsx-ports", f"no way in: {rule}", without_rule(INGRESS, rule), LUSTRE)
        for rule in (*SERVERS, *BOTH_WAYS, *TO_NODES, *FROM_NODES)
    ),
    *(
        # What nodes send is let out by the group that EKS makes, whatever else there is.
        mutation("network-fsx-ports", f"no way out: {rule}", without_rule(EGRESS, rule), LUSTRE)
        for rule in (*SERVERS, *BOTH_WAYS, *TO_NODES)
    ),
    mutation(
        "network-fsx-ports",
        "a range that ends too soon",
        changed(INGRESS, "toPort", 1020, where=ends("lustre-from-nodes-1018")),
        LUSTRE,
    ),
    mutation(
        "network-fsx-ports",
        "by UDP",
        changed(INGRESS, "ipProtocol", "udp", where=ends("lustre-from-nodes-988")),
        LUSTRE,
    ),
    mutation(
        "network-fsx-ports",
        "in the VPC's own group",
        without_group,
        LUSTRE,
    ),
    mutation("network-no-open-ingress", "SSH for all", opened(22, cluster, cidrIpv4="0.0.0.0/0"), INGRESS),
    mutation("network-no-open-ingress", "notebooks for all, by IPv6", opened(8888, cluster, cidrIpv6="::/0"), INGRESS),
    mutation("network-no-open-ingress", "half the world", opened(22, cluster, cidrIpv4="128.0.0.0/1"), INGRESS),
    mutation("network-no-open-ingress", "web ports of nodes", opened(443, cluster, cidrIpv4="0.0.0.0/0"), INGRESS),
    mutation(
        "network-no-open-ingress",
        "another port of the load balancer",
        opened(8080, of_load_balancer, cidrIpv4="0.0.0.0/0"),
        INGRESS,
    ),
    mutation("network-no-open-ingress", "in the old form", in_the_old_form, OLD_RULE),
    mutation("network-no-open-ingress", "by a prefix list", by_a_prefix_list, INGRESS),
    mutation(
        "network-no-open-ingress",
        "inside a group",
        changed(
            GROUP,
            "ingress",
            [{"protocol": "tcp", "fromPort": 1, "toPort": 9, "cidrBlocks": ["10.0.0.0/8", "0.0.0.0/0"]}],
        ),
        GROUP,
    ),
    mutation("network-private-nodes", "a node group", into_public(NODE_GROUP, "subnetIds", where=plain), NODE_GROUP),
    mutation("network-private-nodes", "a file system", into_public(LUSTRE, "subnetIds"), LUSTRE),
    mutation("network-private-nodes", "a mount target", into_public(MOUNT_TARGET, "subnetId"), MOUNT_TARGET),
    mutation("network-private-nodes", "the workstation", into_public(INSTANCE, "subnetId"), INSTANCE),
    mutation("network-private-nodes", "databases", into_public(SUBNET_GROUP, "subnetIds"), SUBNET_GROUP),
    mutation("network-private-nodes", "a route past NAT", route_to_internet),
    mutation("network-private-nodes", "a fixed address of the workstation", with_fixed_address, INSTANCE),
    mutation("network-private-nodes", "the network's own table", by_the_table_of_the_network),
    mutation(
        "network-private-nodes",
        "a subnet that gives out addresses",
        changed(SUBNET, "mapPublicIpOnLaunch", True, where=lambda each: "-private-" in each.name),
    ),
    mutation(
        "network-private-nodes",
        "an address of the workstation",
        changed(INSTANCE, "associatePublicIpAddress", True),
        INSTANCE,
    ),
    mutation(
        "network-private-nodes",
        "addresses of plain nodes",
        changed(LAUNCH_TEMPLATE, "networkInterfaces", [{"associatePublicIpAddress": "true"}], where=plain),
        LAUNCH_TEMPLATE,
    ),
    mutation(
        "network-private-nodes",
        "addresses of Karpenter's nodes",
        changed(NODE_CLASS, "spec.associatePublicIPAddress", True),
        NODE_CLASS,
    ),
)
