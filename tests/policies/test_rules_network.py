"""What mutations of real plans do not show of the rules about networks and Lustre file systems."""

import datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from policies.around import Around, Environment
from policies.evaluate import ask
from policies.rules import network, network_lustre
from policies.rules.network import (
    ADDRESS,
    ADDRESS_OF,
    ASSOCIATION,
    EGRESS,
    GATEWAY,
    GROUP,
    INGRESS,
    MAIN_ASSOCIATION,
    MAIN_TABLE,
    OLD_RULE,
    PREFIX,
    PREFIXES,
    ROUTE,
    SUBNET,
    TABLE,
    VPC,
)
from policies.rules.network_lustre import VOLUME
from slipway.plan.bill.types import CLUSTER, LOAD_BALANCER, LUSTRE
from slipway.plan.fleet import LAUNCH_TEMPLATE, NODE_CLASS, NODE_GROUP, NODE_POOL
from slipway.plan.machines import INSTANCE
from slipway.plan.model import Plan, Resource
from slipway.wire import UNKNOWN


def made(type_, name, inputs=None, **behind):
    return Resource(
        urn=f"urn:pulumi:test::slipway::{type_}::{name}",
        custom=True,
        inputs=inputs or {},
        property_dependencies={key: tuple(each.urn for each in found) for key, found in behind.items()},
    )


def told(rule, resource, *others):
    """What a rule says of the first: `path: what` of each violation, or `unknown` with the path."""
    plan = Plan(project="slipway", stack="test", resources=(resource, *others))
    around = Around(plan=plan, environment=Environment(today=datetime.date(2026, 11, 22)))
    return [
        f"{each.path}: {each.what}" if each.kind == "violation" else f"unknown {each.path}"
        for each in ask(rule, resource, around)
    ]


EDGE = made(GROUP, "edge")
BALANCER = made(LOAD_BALANCER, "edge", securityGroups=[EDGE])


@pytest.mark.parametrize(
    ("inputs", "open_"),
    [
        ({"ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "cidrIpv4": "0.0.0.0/0"}, False),
        ({"ipProtocol": "udp", "fromPort": 443, "toPort": 443, "cidrIpv6": "::/0"}, False),
        ({"ipProtocol": "udp", "fromPort": 80, "toPort": 80, "cidrIpv4": "0.0.0.0/0"}, True),
        ({"ipProtocol": "tcp", "fromPort": 80, "toPort": 443, "cidrIpv4": "0.0.0.0/0"}, True),
        ({"ipProtocol": "-1", "cidrIpv4": "0.0.0.0/0"}, True),
        ({"ipProtocol": "-1", "cidrIpv4": "10.0.0.0/8"}, False),
        ({"ipProtocol": "-1", "cidrIpv4": "0.0.0.0/7"}, True),
    ],
)
def test_a_load_balancer_is_open_on_its_web_ports(inputs, open_):
    rule = made(INGRESS, "rule", inputs, securityGroupId=[EDGE])
    assert bool(told(network.no_open_ingress, rule, EDGE, BALANCER)) == open_


def test_a_group_that_something_else_has_too_is_no_load_balancers():
    web = {"ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "cidrIpv4": "0.0.0.0/0"}
    rule = made(INGRESS, "rule", web, securityGroupId=[EDGE])
    node = made(LAUNCH_TEMPLATE, "node", networkInterfaces=[EDGE])
    assert told(network.no_open_ingress, rule, EDGE, BALANCER, node) == ["cidrIpv4: 0.0.0.0/0 may reach tcp 443"]


def test_what_goes_out_is_nobodys_way_in():
    inputs = {"type": "egress", "protocol": "-1", "fromPort": 0, "toPort": 0, "cidrBlocks": ["0.0.0.0/0"]}
    assert told(network.no_open_ingress, made(OLD_RULE, "rule", inputs, securityGroupId=[EDGE]), EDGE) == []


def test_a_block_that_is_unknown_is_said_to_be():
    inputs = {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "cidrIpv4": UNKNOWN}
    assert told(network.no_open_ingress, made(INGRESS, "rule", inputs)) == ["unknown cidrIpv4"]


def test_a_subnet_is_public_by_a_route_that_stands_in_its_table():
    gateway, subnet = made(GATEWAY, "internet"), made(SUBNET, "a")
    table = made(TABLE, "table", {"routes": [{"cidrBlock": "0.0.0.0/0"}]}, routes=[gateway])
    association = made(ASSOCIATION, "a", routeTableId=[table], subnetId=[subnet])
    group = made(NODE_GROUP, "nodes", subnetIds=[subnet])
    assert told(network.private_nodes, group, gateway, subnet, table, association) == [
        "subnetIds: a has a route to the internet"
    ]
    assert told(network.private_nodes, group, gateway, subnet, table) == []


def test_a_route_to_another_gateway_makes_no_subnet_public():
    subnet, table = made(SUBNET, "a"), made(TABLE, "table")
    route = made(ROUTE, "out", routeTableId=[table], gatewayId=[made("aws:ec2/vpnGateway:VpnGateway", "office")])
    association = made(ASSOCIATION, "a", routeTableId=[table], subnetId=[subnet])
    assert (
        told(network.private_nodes, made(NODE_GROUP, "nodes", subnetIds=[subnet]), subnet, table, route, association)
        == []
    )


@pytest.mark.parametrize("path", ["prefixListId", "prefixListIds", "ingress"])
def test_a_prefix_list_is_as_open_as_its_blocks(path):
    whole = made(PREFIXES, "world", {"entries": [{"cidr": "10.0.0.0/8"}, {"cidr": "0.0.0.0/0"}]})
    office = made(PREFIXES, "office", {"entries": [{"cidr": "203.0.113.0/24"}]})
    beside = made(PREFIX, "late", {"cidr": "128.0.0.0/1"}, prefixListId=[office])

    def rule(prefixes):
        if path == "prefixListId":
            inputs = {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, path: UNKNOWN}
            return made(INGRESS, "rule", inputs, prefixListId=[prefixes], securityGroupId=[EDGE])
        old = {"protocol": "tcp", "fromPort": 22, "toPort": 22, "prefixListIds": [UNKNOWN]}
        if path == "ingress":
            return made(GROUP, "inline", {"ingress": [old]}, ingress=[prefixes])
        return made(OLD_RULE, "rule", {"type": "ingress", **old}, prefixListIds=[prefixes], securityGroupId=[EDGE])

    where = {"ingress": "ingress.0.prefixListIds"}.get(path, path)
    assert told(network.no_open_ingress, rule(whole), EDGE, whole) == [f"{where}: 0.0.0.0/0 of world may reach tcp 22"]
    assert told(network.no_open_ingress, rule(office), EDGE, office) == []
    assert told(network.no_open_ingress, rule(office), EDGE, office, beside) == [
        f"{where}: 128.0.0.0/1 of office may reach tcp 22"
    ]


def test_a_group_that_karpenter_gives_to_nodes_is_no_load_balancers():
    web = {"ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "cidrIpv4": "0.0.0.0/0"}
    rule = made(INGRESS, "rule", web, securityGroupId=[EDGE])
    class_ = made(NODE_CLASS, "node", spec=[EDGE])
    assert told(network.no_open_ingress, rule, EDGE, BALANCER, class_) == ["cidrIpv4: 0.0.0.0/0 may reach tcp 443"]


@pytest.mark.parametrize(("type_", "property_"), [(ADDRESS, "instance"), (ADDRESS_OF, "instanceId")])
def test_a_machine_has_no_elastic_address(type_, property_):
    machine = made(INSTANCE, "workstation")
    assert told(network.private_nodes, machine, made(type_, "fixed", **{property_: [machine]})) == [
        ": fixed gives it a public address; it must have none"
    ]


@pytest.mark.parametrize("inline", [True, False])
def test_a_gateway_may_be_there_already(inline):
    subnet = made(SUBNET, "a")
    away = {"cidrBlock": "0.0.0.0/0", "gatewayId": "igw-0123456789abcdef0"}
    table = made(TABLE, "table", {"routes": [away]} if inline else {})
    route = made(ROUTE, "out", {} if inline else away, routeTableId=[table])
    association = made(ASSOCIATION, "a", routeTableId=[table], subnetId=[subnet])
    group = made(NODE_GROUP, "nodes", subnetIds=[subnet])
    assert told(network.private_nodes, group, subnet, table, route, association) == [
        "subnetIds: a has a route to the internet"
    ]


@pytest.mark.parametrize("made_by", ["default table", "route of the VPC's table", "table made the main one"])
def test_a_subnet_without_a_table_of_its_own_has_the_main_one(made_by):
    vpc, gateway = made(VPC, "vpc"), made(GATEWAY, "internet")
    subnet, with_own = made(SUBNET, "a", vpcId=[vpc]), made(SUBNET, "b", vpcId=[vpc])
    own = made(TABLE, "own", vpcId=[vpc])
    association = made(ASSOCIATION, "b", routeTableId=[own], subnetId=[with_own])
    others = {
        "default table": [made(MAIN_TABLE, "main", {"routes": [{}]}, defaultRouteTableId=[vpc], routes=[gateway])],
        "route of the VPC's table": [made(ROUTE, "out", routeTableId=[vpc], gatewayId=[gateway])],
        "table made the main one": [
            (table := made(TABLE, "chosen", {"routes": [{}]}, vpcId=[vpc], routes=[gateway])),
            made(MAIN_ASSOCIATION, "main", vpcId=[vpc], routeTableId=[table]),
        ],
    }[made_by]
    plan = (vpc, gateway, subnet, with_own, own, association, *others)
    group = made(NODE_GROUP, "nodes", subnetIds=[subnet, with_own])
    assert told(network.private_nodes, group, *plan) == ["subnetIds: a has a route to the internet"]


# Ports: a file system with its group, one node group in EKS's own group.

SERVERS = made(GROUP, "servers")
PLANE = made(CLUSTER, "plane")
TEMPLATE = made(LAUNCH_TEMPLATE, "nodes", vpcSecurityGroupIds=[PLANE])
NODES = made(NODE_GROUP, "nodes", launchTemplate=[TEMPLATE], clusterName=[PLANE])
SYSTEM = made(LUSTRE, "data", {"securityGroupIds": [UNKNOWN]}, securityGroupIds=[SERVERS])
NETWORK = (SERVERS, PLANE, TEMPLATE, NODES)
NEEDED = {988, *range(1018, 1024)}


def ports(first, last, protocol="tcp"):
    return {"ipProtocol": protocol, "fromPort": first, "toPort": last}


def rules(*ranges, owner=SERVERS, peer=SERVERS, types=(INGRESS, EGRESS)):
    """Rules of one group about another."""
    behind = {"securityGroupId": [owner], "referencedSecurityGroupId": [peer]}
    return [
        made(type_, f"{type_}-{owner.name}-{peer.name}-{index}", inputs, **behind)
        for type_ in types
        for index, inputs in enumerate(ranges)
    ]


RIGHT = (
    *rules(ports(988, 988), ports(1018, 1023)),
    *rules(ports(988, 988), ports(1018, 1023), owner=SERVERS, peer=PLANE),
    *rules(ports(988, 988), ports(1018, 1023), owner=PLANE, peer=SERVERS, types=(INGRESS,)),
)


def test_both_ranges_both_ways_are_enough():
    assert told(network_lustre.fsx_ports, SYSTEM, *NETWORK, *RIGHT) == []


def test_without_rules_everything_is_closed():
    assert told(network_lustre.fsx_ports, SYSTEM, *NETWORK) == [
        "securityGroupIds: its own servers: closed for TCP 988 in and out, TCP 1018-1023 in and out",
        "securityGroupIds: nodes of nodes: closed for TCP 988 in, TCP 988 out, TCP 1018-1023 in, TCP 1018-1023 out",
    ]


@example([(988, 0), (1018, 1), (1021, 2)])
@example([(988, 0), (1018, 2), (1021, 2)])
@given(st.lists(st.tuples(st.integers(980, 1030), st.integers(0, 50)), max_size=5))
def test_ranges_are_enough_where_together_they_hold_every_port(found):
    ranges = [ports(first, first + more) for first, more in found]
    held = {port for first, more in found for port in range(first, first + more + 1)}
    to_nodes = RIGHT[4:]
    closed = told(network_lustre.fsx_ports, SYSTEM, *NETWORK, *rules(*ranges), *to_nodes)
    assert (closed == []) == (held >= NEEDED)


@pytest.mark.parametrize(
    ("inputs", "enough"),
    [
        (ports(None, None, "-1"), True),
        (ports(0, 65535, "6"), True),
        (ports(0, 65535, "udp"), False),
        (ports(988, None), False),
    ],
)
def test_protocols_as_ec2_takes_them(inputs, enough):
    assert (told(network_lustre.fsx_ports, SYSTEM, *NETWORK, *rules(inputs), *RIGHT[4:]) == []) == enough


def test_a_rule_whose_ports_are_unknown_may_be_the_one():
    unknown = rules(ports(UNKNOWN, UNKNOWN), types=(INGRESS,))
    outwards = rules(ports(None, None, "-1"), types=(EGRESS,))
    found = told(network_lustre.fsx_ports, SYSTEM, *NETWORK, *unknown, *outwards, *RIGHT[4:])
    assert found == ["unknown fromPort"]


def test_efa_needs_more_than_every_tcp_port():
    efa = made(LUSTRE, "data", {"efaEnabled": True}, securityGroupIds=[SERVERS])
    tcp = rules(ports(0, 65535))
    assert told(network_lustre.fsx_ports, efa, *NETWORK, *tcp, *RIGHT[4:]) == [
        "securityGroupIds: its own servers: closed for EFA in and out"
    ]
    assert told(network_lustre.fsx_ports, efa, *NETWORK, *rules(ports(None, None, "-1")), *RIGHT[4:]) == []


@pytest.mark.parametrize(("block", "enough"), [("10.0.0.0/16", True), ("10.0.0.0/8", True), ("10.0.0.0/20", False)])
def test_an_address_block_is_enough_where_it_holds_the_vpc(block, enough):
    vpc = made(VPC, "vpc", {"cidrBlock": "10.0.0.0/16"})
    own = [
        made(type_, f"all-{type_}", {"ipProtocol": "-1", "cidrIpv4": block}, securityGroupId=[SERVERS])
        for type_ in (INGRESS, EGRESS)
    ]
    back = [made(INGRESS, "back", {"ipProtocol": "-1", "cidrIpv4": block}, securityGroupId=[PLANE])]
    assert (told(network_lustre.fsx_ports, SYSTEM, *NETWORK, vpc, *own, *back) == []) == enough


def test_rules_inside_a_group_and_rules_in_the_old_form_count():
    everything = {"protocol": "-1", "fromPort": 0, "toPort": 0}
    inline = [{**everything, "self": True}, {**everything, "securityGroups": [UNKNOWN]}]
    servers = made(GROUP, "servers", {"ingress": inline, "egress": inline}, ingress=[PLANE], egress=[PLANE])
    old = made(
        OLD_RULE,
        "back",
        {"type": "ingress", "protocol": "tcp", "fromPort": 900, "toPort": 1100},
        securityGroupId=[PLANE],
        sourceSecurityGroupId=[servers],
    )
    assert told(network_lustre.fsx_ports, SYSTEM, servers, PLANE, TEMPLATE, NODES, old) == []
    closed = told(network_lustre.fsx_ports, SYSTEM, servers, PLANE, TEMPLATE, NODES)
    assert closed == ["securityGroupIds: nodes of nodes: closed for TCP 988 out, TCP 1018-1023 out"]


def test_nodes_without_groups_have_the_one_of_their_cluster():
    bare = made(NODE_GROUP, "nodes", launchTemplate=[made(LAUNCH_TEMPLATE, "nodes")], clusterName=[PLANE])
    assert told(network_lustre.fsx_ports, SYSTEM, SERVERS, PLANE, bare, *RIGHT) == []
    assert told(network_lustre.fsx_ports, SYSTEM, SERVERS, PLANE, bare, *RIGHT[:4]) != []


def test_a_machine_that_mounts_the_file_system_must_reach_it():
    desk = made(GROUP, "desk")
    machine = made(INSTANCE, "desk", vpcSecurityGroupIds=[desk], userData=[SYSTEM])
    assert told(network_lustre.fsx_ports, SYSTEM, *NETWORK, *RIGHT, desk, machine) == [
        "securityGroupIds: desk: closed for TCP 988 in, TCP 988 out, TCP 1018-1023 in, TCP 1018-1023 out"
    ]


# Zones.

NEAR, FAR = (made(SUBNET, zone, {"availabilityZoneId": zone}) for zone in ("usw2-az1", "usw2-az2"))
EFA = {"networkInterfaces": [{"interfaceType": "efa"}]}


def gpus(subnet, template=None):
    behind = {"subnetIds": [subnet], "launchTemplate": [template] if template else []}
    return made(NODE_GROUP, f"gpus-{subnet.name}", {"instanceTypes": ["p5.48xlarge"]}, **behind)


def lustre(subnet, **inputs):
    return made(LUSTRE, "data", inputs, subnetIds=[subnet])


def test_a_file_system_is_where_some_accelerated_group_is():
    assert told(network_lustre.fsx_zone, lustre(NEAR), NEAR, FAR, gpus(FAR), gpus(NEAR)) == []
    assert told(network_lustre.fsx_zone, lustre(NEAR), NEAR, FAR, gpus(FAR)) == [
        "subnetIds: usw2-az1; the accelerated groups are in usw2-az2"
    ]


def test_one_with_efa_is_where_a_group_with_efa_is():
    template = made(LAUNCH_TEMPLATE, "efa", EFA)
    others = (NEAR, FAR, template, gpus(NEAR), gpus(FAR, template))
    assert told(network_lustre.fsx_zone, lustre(NEAR), *others) == []
    assert told(network_lustre.fsx_zone, lustre(NEAR, efaEnabled=True), *others) == [
        "subnetIds: usw2-az1; the groups with EFA are in usw2-az2"
    ]


def test_without_accelerators_any_zone_does():
    plain = made(NODE_GROUP, "cpu", {"instanceTypes": ["m7i.large"]}, subnetIds=[FAR])
    assert told(network_lustre.fsx_zone, lustre(NEAR), NEAR, FAR, plain) == []


def test_karpenters_pools_count_by_the_zones_that_they_ask_for():
    requirements = [
        {"key": "node.kubernetes.io/instance-type", "operator": "In", "values": ["p5.48xlarge"]},
        {"key": "topology.k8s.aws/zone-id", "operator": "In", "values": ["usw2-az2"]},
    ]
    spec = {"requirements": requirements, "nodeClassRef": {"name": "efa"}}
    pool = made(NODE_POOL, "gpus", {"spec": {"template": {"spec": spec}}})
    class_ = made(NODE_CLASS, "efa", {"metadata": {"name": "efa"}, "spec": EFA})
    assert told(network_lustre.fsx_zone, lustre(FAR, efaEnabled=True), FAR, pool, class_) == []
    assert told(network_lustre.fsx_zone, lustre(NEAR, efaEnabled=True), NEAR, pool, class_) == [
        "subnetIds: usw2-az1; the groups with EFA are in usw2-az2"
    ]


def test_in_an_existing_vpc_subnets_are_known_by_their_ids():
    labels = {"slipway.io/zone-id": "usw2-az1"}
    group = made(NODE_GROUP, "gpus", {"instanceTypes": ["p5.48xlarge"], "subnetIds": ["subnet-1"], "labels": labels})
    assert told(network_lustre.fsx_zone, made(LUSTRE, "data", {"subnetIds": "subnet-1"}), group) == []
    assert told(network_lustre.fsx_zone, made(LUSTRE, "data", {"subnetIds": "subnet-2"}), group) == [
        "subnetIds: subnet-2; the accelerated groups are in usw2-az1"
    ]


def test_a_volume_that_is_tied_to_no_zone_says_nothing_of_zones():
    system = lustre(NEAR)
    volume = made(VOLUME, "data", {"spec": {"csi": {"driver": "fsx.csi.aws.com"}}}, spec=[system])
    assert told(network_lustre.fsx_zone, system, NEAR, volume) == []


def test_storage_that_grows_as_needed_takes_efa_and_no_capacity():
    tiering = {"efaEnabled": True, "deploymentType": "PERSISTENT_2", "storageType": "INTELLIGENT_TIERING"}
    assert told(network_lustre.efa_minimums, made(LUSTRE, "data", tiering)) == [
        "metadataConfiguration: not set; an EFA-enabled file system needs it"
    ]
    metadata = {"mode": "USER_PROVISIONED", "iops": 6_000}
    assert told(network_lustre.efa_minimums, made(LUSTRE, "data", {**tiering, "metadataConfiguration": metadata})) == []


def test_machines_of_an_auto_scaling_group_are_private_too():
    subnet = made(SUBNET, "a", {"mapPublicIpOnLaunch": True})
    group = made("aws:autoscaling/group:Group", "builds", vpcZoneIdentifiers=[subnet])
    assert told(network.private_nodes, group, subnet) == [
        "vpcZoneIdentifiers: a gives what is launched in it a public address"
    ]


@pytest.mark.parametrize("block", ["cidrBlocks", "ipv6CidrBlocks"])
def test_a_rule_in_the_old_form_may_have_blocks_of_both_kinds(block):
    everybody = {"cidrBlocks": ["0.0.0.0/0"], "ipv6CidrBlocks": ["::/0"]}[block]
    inputs = {"type": "ingress", "protocol": "tcp", "fromPort": 22, "toPort": 22, block: everybody}
    rule = made(OLD_RULE, "rule", inputs, securityGroupId=[EDGE])
    assert told(network.no_open_ingress, rule, EDGE, BALANCER) == [f"{block}.0: {everybody[0]} may reach tcp 22"]


@pytest.mark.parametrize("property_", ["networkInterfaces", "vpcConfig", "networkConfiguration"])
def test_a_group_inside_a_nested_property_is_taken_too(property_):
    web = {"ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "cidrIpv4": "0.0.0.0/0"}
    rule = made(INGRESS, "rule", web, securityGroupId=[EDGE])
    user = made("aws:lambda/function:Function", "user", **{property_: [EDGE]})
    assert told(network.no_open_ingress, rule, EDGE, BALANCER, user) == ["cidrIpv4: 0.0.0.0/0 may reach tcp 443"]


def test_the_default_group_takes_no_rule_in_the_old_form():
    group = made("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "default")
    rule = made(OLD_RULE, "rule", {"type": "ingress"}, securityGroupId=[group])
    assert told(network.default_group, group, rule) == [": rule gives it a rule; it must have none"]


def test_nodes_of_karpenter_must_reach_the_file_system():
    guard = made(GROUP, "guard")
    class_ = made(NODE_CLASS, "pool", {"spec": {}}, spec=[guard])
    closed = told(network_lustre.fsx_ports, SYSTEM, SERVERS, guard, class_, *rules(ports(988, 988), ports(1018, 1023)))
    assert len(closed) == 1
    assert "nodes of pool: closed for TCP 988 in" in closed[0]


def test_nodes_of_karpenter_with_efa_must_reach_all_of_a_file_system_with_efa():
    guard = made(GROUP, "guard")
    plain = made(NODE_CLASS, "pool", {"spec": {}}, spec=[guard])
    fast = made(NODE_CLASS, "pool", {"spec": {"networkInterfaces": [{"interfaceType": "efa"}]}}, spec=[guard])
    system = made(LUSTRE, "data", {"efaEnabled": True}, securityGroupIds=[SERVERS])
    everything = [
        *rules({"ipProtocol": "-1"}),
        *rules(ports(0, 65_535), owner=SERVERS, peer=guard),
        *rules(ports(0, 65_535), owner=guard, peer=SERVERS),
    ]
    assert told(network_lustre.fsx_ports, system, SERVERS, guard, plain, *everything) == []
    (closed,) = told(network_lustre.fsx_ports, system, SERVERS, guard, fast, *everything)
    assert "closed for EFA in, EFA out" in closed


def test_a_block_of_an_inline_rule_is_enough_where_it_holds_the_vpc():
    inline = {"protocol": "-1", "fromPort": 0, "toPort": 0, "cidrBlocks": ["10.0.0.0/8"]}
    servers = made(GROUP, "servers", {"ingress": [inline], "egress": [inline]})
    system = made(LUSTRE, "data", securityGroupIds=[servers])
    vpc = made(VPC, "vpc", {"cidrBlock": "10.1.0.0/16"})
    assert told(network_lustre.fsx_ports, system, servers, vpc) == []
    assert len(told(network_lustre.fsx_ports, system, servers)) == 1
    assert (
        len(told(network_lustre.fsx_ports, system, servers, vpc, made(VPC, "b", {"cidrBlock": "172.16.0.0/16"}))) == 1
    )


@pytest.mark.parametrize(("operator", "meant"), [("In", True), ("NotIn", False)])
def test_zones_that_a_pool_refuses_are_not_its_zones(operator, meant):
    """A file system in az1, and a pool of GPUs that asks for az2, or for any zone but that."""
    zone = {"key": "topology.k8s.aws/zone-id", "operator": operator, "values": ["usw2-az2"]}
    type_ = {"key": "node.kubernetes.io/instance-type", "operator": "In", "values": ["p5.48xlarge"]}
    pool = made(NODE_POOL, "gpu", {"spec": {"template": {"spec": {"requirements": [zone, type_]}}}})
    subnet = made(SUBNET, "a", {"availabilityZoneId": "usw2-az1"})
    assert bool(told(network_lustre.fsx_zone, lustre(subnet), subnet, pool)) == meant
