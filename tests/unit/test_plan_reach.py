"""Reachability on small plans made by hand, with what comes out worked out by hand too."""

import io
import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway import urns
from slipway.plan.model import Plan, Resource
from slipway.plan.reach import tables
from slipway.plan.reach.ports import ALL, EVERYTHING, LAST, Ports, merged, ports
from slipway.plan.reach.reach import Reach, reach

TOP = urns.stack("test", "slipway")
PUBLIC, PRIVATE = "subnet-public", "subnet-private"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
_SERIAL = itertools.count()


def made(type_: str, logical: str = "", /, *, outputs: Any = None, **inputs: Any) -> Resource:
    logical = logical or f"r{next(_SERIAL)}"
    urn = urns.child(TOP, type_, logical)
    return Resource(urn=urn, custom=True, id=logical, inputs=inputs, outputs=outputs or {}, parent=TOP)


def group(id_: str, **inputs: Any) -> Resource:
    return made("aws:ec2/securityGroup:SecurityGroup", id_, **inputs)


def rule(direction: str, own: str, protocol: str, *range_: int, **peer: str) -> Resource:
    first, last = (range_ * 2)[:2] if range_ else (None, None)
    type_ = INGRESS if direction == "in" else EGRESS
    return made(type_, securityGroupId=own, ipProtocol=protocol, fromPort=first, toPort=last, **peer)


def instance(name: str, *groups: str, subnet: str = PRIVATE, **more: Any) -> Resource:
    return made("aws:ec2/instance:Instance", name, vpcSecurityGroupIds=list(groups), subnetId=subnet, **more)


def network(*more: Resource) -> tuple[Resource, ...]:
    """A VPC 10.0.0.0/16: 10.0.0.0/24 with an internet gateway, 10.0.1.0/24 with NAT."""
    subnet, table = "aws:ec2/subnet:Subnet", "aws:ec2/routeTable:RouteTable"
    route, association = "aws:ec2/route:Route", "aws:ec2/routeTableAssociation:RouteTableAssociation"
    world = "0.0.0.0/0"
    return (
        made("aws:ec2/vpc:Vpc", "vpc", cidrBlock="10.0.0.0/16", outputs={"mainRouteTableId": "rtb-main"}),
        made(subnet, PUBLIC, vpcId="vpc", cidrBlock="10.0.0.0/24"),
        made(subnet, PRIVATE, vpcId="vpc", cidrBlock="10.0.1.0/24"),
        made(table, "rtb-public", vpcId="vpc"),
        made(table, "rtb-private", vpcId="vpc"),
        made(association, subnetId=PUBLIC, routeTableId="rtb-public"),
        made(association, subnetId=PRIVATE, routeTableId="rtb-private"),
        made(route, routeTableId="rtb-public", destinationCidrBlock=world, gatewayId="igw-1"),
        made(route, routeTableId="rtb-private", destinationCidrBlock=world, natGatewayId="nat-1"),
        *more,
    )


def computed(*resources: Resource) -> Reach:
    stack = Resource(urn=TOP, custom=False)
    return reach(Plan(project="slipway", stack="test", resources=(stack, *resources)))


def lines(found: Reach) -> list[str]:
    return [f"{path.source} > {path.target}: {', '.join(map(str, path.ports))}" for path in found.paths]


A_AND_B = (group("sg-a"), group("sg-b"), instance("a", "sg-a"), instance("b", "sg-b"))


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([], []),
        ([rule("in", "sg-b", "tcp", 5432, referencedSecurityGroupId="sg-a")], []),
        ([rule("out", "sg-a", "tcp", 5432, referencedSecurityGroupId="sg-b")], []),
        (
            [
                rule("in", "sg-b", "tcp", 5432, referencedSecurityGroupId="sg-a"),
                rule("out", "sg-a", "tcp", 5432, referencedSecurityGroupId="sg-b"),
            ],
            ["instance a > instance b: tcp 5432"],
        ),
        (
            # Ports count where both sides have them.
            [
                rule("in", "sg-b", "tcp", 1000, 2000, referencedSecurityGroupId="sg-a"),
                rule("out", "sg-a", "tcp", 1500, 3000, referencedSecurityGroupId="sg-b"),
            ],
            ["instance a > instance b: tcp 1500-2000"],
        ),
        (
            [
                rule("in", "sg-b", "tcp", 80, referencedSecurityGroupId="sg-a"),
                rule("out", "sg-a", "tcp", 443, referencedSecurityGroupId="sg-b"),
            ],
            [],
        ),
        (
            # Let out to others alone.
            [
                rule("in", "sg-b", "tcp", 80, referencedSecurityGroupId="sg-a"),
                rule("out", "sg-a", "tcp", 80, referencedSecurityGroupId="sg-c"),
            ],
            [],
        ),
        (
            # Others alone are let in.
            [
                rule("in", "sg-b", "tcp", 80, referencedSecurityGroupId="sg-c"),
                rule("out", "sg-a", "tcp", 80, referencedSecurityGroupId="sg-b"),
            ],
            [],
        ),
        (
            [
                rule("in", "sg-b", "tcp", 53, referencedSecurityGroupId="sg-a"),
                rule("out", "sg-a", "udp", 53, referencedSecurityGroupId="sg-b"),
            ],
            [],
        ),
        (
            [
                rule("in", "sg-b", "-1", referencedSecurityGroupId="sg-a"),
                rule("out", "sg-a", "udp", 53, referencedSecurityGroupId="sg-b"),
            ],
            ["instance a > instance b: udp 53"],
        ),
        (
            # The block has the private subnet's first half only: b may be there.
            [
                rule("in", "sg-b", "tcp", 22, cidrIpv4="10.0.1.0/24"),
                rule("out", "sg-a", "tcp", 22, cidrIpv4="10.0.1.0/25"),
            ],
            ["VPC 10.0.1.0/24 > instance b: tcp 22", "instance a > instance b: tcp 22"],
        ),
        (
            # The neighbouring subnet: a is not in it, and b cannot be sent to.
            [
                rule("in", "sg-b", "tcp", 22, cidrIpv4="10.0.0.0/24"),
                rule("out", "sg-a", "tcp", 22, cidrIpv4="10.0.0.0/24"),
            ],
            ["VPC 10.0.0.0/24 > instance b: tcp 22"],
        ),
    ],
)
def test_both_sides_count(rules, expected):
    assert lines(computed(*network(*A_AND_B, *rules))) == expected


@pytest.mark.parametrize(
    "rules",
    [
        [rule("in", "sg-a", "-1", referencedSecurityGroupId="sg-a"), rule("out", "sg-a", "-1", cidrIpv4="10.0.0.0/16")],
        [
            made(
                "aws:ec2/securityGroupRule:SecurityGroupRule",
                type=direction,
                securityGroupId="sg-a",
                self=True,
                protocol="-1",
                fromPort=0,
                toPort=0,
            )
            for direction in ("ingress", "egress")
        ],
    ],
)
def test_members_of_a_group_reach_each_other_by_a_rule_to_the_group_itself(rules):
    found = computed(*network(group("sg-a"), instance("a", "sg-a"), instance("b", "sg-a"), *rules))
    assert lines(found) == ["instance a, b > instance a, b: all"]


def test_inline_rules_and_rules_of_an_old_form_count_as_well():
    inline = {"protocol": "tcp", "fromPort": 80, "toPort": 81}
    found = computed(
        *network(
            group("sg-a", egress=[{**inline, "securityGroups": ["sg-b"]}]),
            group("sg-b"),
            made(
                "aws:ec2/securityGroupRule:SecurityGroupRule",
                type="ingress",
                securityGroupId="sg-b",
                sourceSecurityGroupId="123456789012/sg-a",
                **inline,
            ),
            instance("a", "sg-a"),
            instance("b", "sg-b"),
        )
    )
    assert lines(found) == ["instance a > instance b: tcp 80-81"]


def open_to_the_world(*more: Resource, port: int = 22) -> tuple[Resource, ...]:
    return network(group("sg-a"), rule("in", "sg-a", "tcp", port, cidrIpv4="0.0.0.0/0"), *more)


@pytest.mark.parametrize(
    ("subnet", "address", "outside"),
    [(PUBLIC, True, True), (PUBLIC, False, False), (PUBLIC, None, False), (PRIVATE, True, False)],
)
def test_the_internet_needs_a_route_in_and_an_address(subnet, address, outside):
    more = {} if address is None else {"associatePublicIpAddress": address}
    found = computed(*open_to_the_world(instance("a", "sg-a", subnet=subnet, **more)))
    assert lines(found) == (["internet 0.0.0.0/0 > instance a: tcp 22"] if outside else [])
    assert bool(found.exposed) == outside


def test_a_subnet_may_give_the_address_and_so_may_an_elastic_one():
    gives = made("aws:ec2/subnet:Subnet", "subnet-gives", cidrBlock="10.0.2.0/24", mapPublicIpOnLaunch=True)
    routed = made(
        "aws:ec2/routeTableAssociation:RouteTableAssociation", subnetId="subnet-gives", routeTableId="rtb-public"
    )
    assert computed(*open_to_the_world(gives, routed, instance("a", "sg-a", subnet="subnet-gives"))).exposed
    elastic = made("aws:ec2/eip:Eip", instance="a")
    assert computed(*open_to_the_world(elastic, instance("a", "sg-a", subnet=PUBLIC))).exposed


def test_the_main_route_table_holds_where_no_other_does():
    stray = made("aws:ec2/subnet:Subnet", "subnet-stray", vpcId="vpc", cidrBlock="10.0.3.0/24")
    machine = instance("a", "sg-a", subnet="subnet-stray", associatePublicIpAddress=True)
    route = made("aws:ec2/route:Route", routeTableId="rtb-main", destinationCidrBlock="0.0.0.0/0", gatewayId="igw-1")
    assert not computed(*open_to_the_world(stray, machine)).exposed
    assert computed(*open_to_the_world(stray, machine, route)).exposed


def load_balancer(**more: Any) -> Resource:
    inputs = {"loadBalancerType": "application", "securityGroups": ["sg-a"], "subnets": [PUBLIC], **more}
    return made("aws:lb/loadBalancer:LoadBalancer", "alb", **inputs)


@pytest.mark.parametrize(("port", "exposed"), [(443, False), (80, False), (22, True)])
def test_a_public_load_balancer_is_meant_to_be_reached_for_the_web_only(port, exposed):
    found = computed(*open_to_the_world(load_balancer(), port=port))
    assert lines(found) == [f"internet 0.0.0.0/0 > load balancer alb: tcp {port}"]
    assert bool(found.exposed) == exposed


def test_an_internal_load_balancer_is_not_reached_from_outside():
    assert lines(computed(*open_to_the_world(load_balancer(internal=True), port=443))) == []


def test_an_internal_load_balancer_may_serve_other_networks():
    own = rule("in", "sg-a", "tcp", 443, cidrIpv4="192.168.0.0/16")
    peering = {"destinationCidrBlock": "192.168.0.0/16", "vpcPeeringConnectionId": "pcx-1"}
    route = made("aws:ec2/route:Route", routeTableId="rtb-public", **peering)
    found = computed(*network(group("sg-a"), own, route, load_balancer(internal=True)))
    assert lines(found) == ["other network 192.168.0.0/16 > load balancer alb: tcp 443"]
    assert not found.exposed


def test_a_network_load_balancer_without_a_group_is_open():
    found = computed(*network(load_balancer(loadBalancerType="network", securityGroups=[])))
    assert "internet 0.0.0.0/0 > load balancer alb: all" in lines(found)
    assert found.exposed


def test_ipv6_is_a_way_in_of_its_own():
    six = made("aws:ec2/subnet:Subnet", "subnet-six", ipv6CidrBlock="2600:1f14::/64", assignIpv6AddressOnCreation=True)
    table = made(
        "aws:ec2/routeTableAssociation:RouteTableAssociation", subnetId="subnet-six", routeTableId="rtb-public"
    )
    route = made("aws:ec2/route:Route", routeTableId="rtb-public", destinationIpv6CidrBlock="::/0", gatewayId="igw-1")
    opened = rule("in", "sg-a", "tcp", 22, cidrIpv6="::/0")
    parts = (six, table, group("sg-a"), opened, instance("a", "sg-a", subnet="subnet-six"))
    assert lines(computed(*network(*parts))) == []
    assert lines(computed(*network(*parts, route))) == ["internet ::/0 > instance a: tcp 22"]


@pytest.mark.parametrize("target", [{"transitGatewayId": "tgw-1"}, {"gatewayId": "vgw-1"}])
def test_other_networks_need_a_route_to_them(target):
    office = rule("in", "sg-a", "tcp", 443, cidrIpv4="192.168.0.0/16")
    parts = network(group("sg-a"), office, instance("a", "sg-a", associatePublicIpAddress=True))
    private = {"routeTableId": "rtb-private", **target}
    elsewhere = made("aws:ec2/route:Route", destinationCidrBlock="172.16.0.0/12", **private)
    assert lines(computed(*parts, elsewhere)) == []
    route = made("aws:ec2/route:Route", destinationCidrBlock="192.168.0.0/16", **private)
    found = computed(*parts, route)
    assert lines(found) == ["other network 192.168.0.0/16 > instance a: tcp 443"]
    assert found.exposed


def test_a_wide_rule_lets_in_what_is_routed_of_it():
    wide = rule("in", "sg-a", "tcp", 443, cidrIpv4="0.0.0.0/0")
    route = {"routeTableId": "rtb-private", "destinationCidrBlock": "192.168.0.0/16", "gatewayId": "vgw-1"}
    found = computed(*network(group("sg-a"), wide, made("aws:ec2/route:Route", **route), instance("a", "sg-a")))
    assert lines(found) == ["other network 192.168.0.0/16 > instance a: tcp 443"]


def test_the_way_out_is_by_nat_or_by_a_public_address():
    out = rule("out", "sg-a", "tcp", 443, cidrIpv4="0.0.0.0/0")
    parts = network(group("sg-a"), out)
    assert lines(computed(*parts, instance("a", "sg-a"))) == ["instance a > internet 0.0.0.0/0: tcp 443"]
    assert lines(computed(*parts, instance("a", "sg-a", subnet=PUBLIC))) == []
    addressed = instance("a", "sg-a", subnet=PUBLIC, associatePublicIpAddress=True)
    assert lines(computed(*parts, addressed)) == ["instance a > internet 0.0.0.0/0: tcp 443"]


def test_prefix_lists_are_what_they_list_or_the_internet():
    listed = rule("in", "sg-a", "tcp", 443, prefixListId="pl-1")
    parts = network(group("sg-a"), listed, load_balancer())
    assert lines(computed(*parts)) == ["internet pl-1 > load balancer alb: tcp 443"]
    own = made("aws:ec2/managedPrefixList:ManagedPrefixList", "pl-1", entries=[{"cidr": "198.51.100.0/24"}])
    assert lines(computed(*parts, own)) == ["internet 198.51.100.0/24 > load balancer alb: tcp 443"]


def test_what_names_no_group_has_the_vpcs_default_one():
    parts = network(instance("a"), instance("b"))
    everything = ["instance a, b > instance a, b: all", "instance a, b > internet 0.0.0.0/0: all"]
    assert lines(computed(*parts)) == everything
    adopted = made("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "sg-default", vpcId="vpc")
    assert lines(computed(*parts, adopted)) == []


def test_what_the_plan_does_not_hold_is_taken_as_open():
    foreign = instance("a", "sg-elsewhere", subnet="subnet-elsewhere")
    assert "internet 0.0.0.0/0 > instance a: all" in lines(computed(foreign))
    # One rule that the program adds says nothing of those that are there already.
    known = rule("in", "sg-elsewhere", "tcp", 443, cidrIpv4="10.0.0.0/16")
    assert "internet 0.0.0.0/0 > instance a: all" in lines(computed(foreign, known))


PEERS = st.sampled_from(
    [
        {"referencedSecurityGroupId": "sg-a"},
        {"referencedSecurityGroupId": "sg-b"},
        {"cidrIpv4": "10.0.0.0/16"},
        {"cidrIpv4": "10.0.1.0/24"},
        {"cidrIpv4": "0.0.0.0/0"},
        {"prefixListId": "pl-1"},
    ]
)
RULES = st.builds(
    lambda direction, own, protocol, first, peer: rule(direction, own, protocol, first, first + 10, **peer),
    st.sampled_from(["in", "out"]),
    st.sampled_from(["sg-a", "sg-b"]),
    st.sampled_from(["tcp", "udp", "-1"]),
    st.integers(0, 30),
    PEERS,
)


@given(st.lists(RULES, max_size=8), RULES)
def test_another_rule_only_ever_opens(rules, more):
    both = (*A_AND_B, load_balancer(securityGroups=["sg-a", "sg-b"]))
    before = computed(*network(*both, *rules))
    after = {(path.source, path.target): path.ports for path in computed(*network(*both, *rules, more)).paths}
    for path in before.paths:
        # Members that a rule tells apart become rows of their own: look them up by name.
        found = [
            ports
            for (source, target), wider in after.items()
            for ports in wider
            if source.kind == path.source.kind
            and target.kind == path.target.kind
            and set(source.name.split(", ")) & set(path.source.name.split(", "))
            and set(target.name.split(", ")) & set(path.target.name.split(", "))
        ]
        assert all(each.within(merged(found)) for each in path.ports)


CLUSTER = "aws:eks/cluster:Cluster"


def cluster(**vpc_config: Any) -> Resource:
    config = {"subnetIds": [PRIVATE], **vpc_config}
    outputs = {"name": "c", "vpcConfig": {**config, "clusterSecurityGroupId": "sg-eks"}}
    return made(CLUSTER, "c", name="c", vpcConfig=config, outputs=outputs)


def node_group(name: str, template: str) -> Resource:
    return made(
        "aws:eks/nodeGroup:NodeGroup", name, clusterName="c", launchTemplate={"id": template}, subnetIds=[PRIVATE]
    )


def test_the_group_that_eks_makes_lets_members_in_and_everything_out():
    template = made("aws:ec2/launchTemplate:LaunchTemplate", "lt", vpcSecurityGroupIds=["sg-eks"])
    found = computed(*network(cluster(endpointPublicAccess=False), template, node_group("n", "lt")))
    assert lines(found) == [
        "control plane c > control plane c: all",
        "control plane c > internet 0.0.0.0/0: all",
        "control plane c > nodes n: all",
        "nodes n > control plane c: all",
        "nodes n > internet 0.0.0.0/0: all",
        "nodes n > nodes n: all",
    ]


def test_nodes_have_the_groups_of_their_interfaces_and_by_default_the_clusters():
    interfaces = [{"securityGroups": ["sg-eks", "sg-efa"]}, {"securityGroups": ["sg-efa"]}]
    found = computed(
        *network(
            cluster(endpointPublicAccess=False),
            group("sg-efa"),
            rule("in", "sg-efa", "udp", 9, referencedSecurityGroupId="sg-none"),
            made("aws:ec2/launchTemplate:LaunchTemplate", "lt", networkInterfaces=interfaces),
            made("aws:ec2/launchTemplate:LaunchTemplate", "lt-bare"),
            node_group("efa", "lt"),
            node_group("bare", "lt-bare"),
            node_group("bare-too", "lt-bare"),
        )
    )
    assert {path.source.name for path in found.between("nodes", "nodes")} == {"efa", "bare, bare-too"}


@pytest.mark.parametrize(
    ("config", "expected", "exposed"),
    [
        ({"endpointPublicAccess": False}, [], False),
        ({"endpointPublicAccess": True, "publicAccessCidrs": ["203.0.113.0/24"]}, ["203.0.113.0/24"], False),
        # Left out, EKS opens it to everybody: nobody stated that.
        ({"endpointPublicAccess": True}, ["0.0.0.0/0"], True),
        ({}, ["0.0.0.0/0"], True),
    ],
)
def test_the_api_servers_public_endpoint_is_for_the_stated_blocks(config, expected, exposed):
    found = computed(*network(cluster(**config)))
    assert [path.source.name for path in found.into("API server")] == expected
    assert bool(found.exposed) == exposed


def test_a_preview_is_refused():
    with pytest.raises(ValueError, match="preview"):
        reach(Plan(project="slipway", stack="test", resources=(Resource(urn=TOP, custom=False),), preview=True))


def test_the_page_and_the_markdown_say_what_is_exposed():
    exposed = computed(*open_to_the_world(instance("a", "sg-a", subnet=PUBLIC, associatePublicIpAddress=True)))
    page = io.StringIO()
    tables.show(exposed, page)
    assert "Exposed: internet 0.0.0.0/0 reaches instance a on tcp 22" in page.getvalue()
    assert "- **Exposed:** internet 0.0.0.0/0 reaches instance a on tcp 22" in list(tables.markdown(exposed))
    sound = computed(*network())
    assert "Nothing but load balancers' web ports" in "\n".join(tables.markdown(sound))


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        (("-1", 0, 0), "all"),
        (("all", None, None), "all"),
        (("6", 80, 80), "tcp 80"),
        (("17", 0, 65535), "udp"),
        (("tcp", 0, 0), "tcp 0"),
        (("TCP", 1018, 1023), "tcp 1018-1023"),
        (("icmp", -1, -1), "icmp"),
        (("icmp", 8, -1), "icmp 8"),
        (("50", None, None), "50"),
    ],
)
def test_ports_as_ec2_states_them(stated, expected):
    assert str(ports(*stated)) == expected


RANGES = st.builds(
    lambda protocol, ends: Ports(protocol, min(ends), max(ends)),
    st.sampled_from(["tcp", "udp"]),
    st.tuples(st.integers(0, LAST), st.integers(0, LAST)),
) | st.just(EVERYTHING)
POINTS = st.tuples(st.sampled_from(["tcp", "udp"]), st.integers(0, LAST))


def has(range_: Ports, point: tuple[str, int]) -> bool:
    return range_.protocol in (ALL, point[0]) and range_.first <= point[1] <= range_.last


@given(RANGES, RANGES, POINTS)
def test_what_two_ranges_share_is_what_is_in_both(one, other, point):
    both = one & other
    assert (both is not None and has(both, point)) == (has(one, point) and has(other, point))
    assert one.within([other]) == (both == one)


def test_neighbouring_ranges_become_one():
    assert merged([Ports("tcp", 81, 90), Ports("tcp", 80, 80), Ports("udp", 91, 91)]) == (
        Ports("tcp", 80, 90),
        Ports("udp", 91, 91),
    )


@given(st.lists(RANGES), POINTS)
def test_merging_keeps_every_port_and_leaves_gaps_between_ranges(found, point):
    kept = merged(found)
    assert any(has(each, point) for each in kept) == any(has(each, point) for each in found)
    for before, after in itertools.pairwise(kept):
        assert before.protocol < after.protocol or before.last + 1 < after.first
