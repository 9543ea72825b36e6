"""Security groups with their rules, wherever a plan states them.

Sources: VPC user guide, "Security group rules": a group without rules lets nothing in, and the AWS provider takes the
outbound rule away that EC2 adds to a new group; EKS user guide, "View Amazon EKS security group requirements for
clusters": the group that EKS makes lets everything out and its own members in.
"""

import functools
import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from slipway.plan.model import Plan, Resource
from slipway.plan.reach.ports import EVERYTHING, Ports, ports

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

CLUSTER: Final = "aws:eks/cluster:Cluster"
_GROUPS: Final = ("aws:ec2/securityGroup:SecurityGroup", "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")
_OLD_RULE: Final = "aws:ec2/securityGroupRule:SecurityGroupRule"
_INGRESS: Final = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
_EGRESS: Final = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
_PREFIX_LIST: Final = "aws:ec2/managedPrefixList:ManagedPrefixList"
ANYWHERE: Final = ("0.0.0.0/0", "::/0")
RULE_TYPES: Final = frozenset({*_GROUPS, _OLD_RULE, _INGRESS, _EGRESS, _PREFIX_LIST})


@dataclass(frozen=True)
class Peer:
    """The other side of a rule: the one of the three that is not empty."""

    cidr: str = ""
    group: str = ""
    prefix_list: str = ""
    """One whose entries the plan does not hold: addresses of an AWS service, or a list made elsewhere."""


@dataclass(frozen=True)
class Rule:
    """One permission: these ports, with this peer."""

    ports: Ports
    peer: Peer


@dataclass(frozen=True)
class Group:
    """A security group: what it lets in and what it lets out."""

    ingress: tuple[Rule, ...] = ()
    egress: tuple[Rule, ...] = ()


_OUT: Final = tuple(Rule(EVERYTHING, Peer(cidr=cidr)) for cidr in ANYWHERE)
_IPV4, _IPV6 = _OUT
OPEN: Final = Group(ingress=_OUT, egress=_OUT)
"""What is assumed of a group that the plan names and does not hold, and of what has no group at all."""


@functools.cache
def network(cidr: str) -> Network:
    """A CIDR block, parsed; bits beyond the prefix are left out of account, as EC2 does."""
    return ipaddress.ip_network(cidr, strict=False)


def overlap(one: str, other: str) -> bool:
    """Whether two CIDR blocks share an address."""
    return network(one).version == network(other).version and network(one).overlaps(network(other))


def inside(inner: str, outer: Iterable[str]) -> bool:
    """Whether a CIDR block lies within one of others."""
    block = network(inner)
    return any(
        # The versions are equal; the annotation cannot say so.
        block.version == network(each).version and block.subnet_of(network(each))  # type: ignore[arg-type]
        for each in outer
    )


def default_group(vpc: str) -> Group:
    """The group that EC2 gives a VPC, and what has none named: open to itself, and everything out."""
    return Group(ingress=(Rule(EVERYTHING, Peer(group=default_id(vpc))),), egress=(_IPV4,))


def default_id(vpc: str) -> str:
    """The name under which a VPC's default group is known where the plan does not adopt it."""
    return f"default of {vpc}"


def security_groups(plan: Plan) -> Mapping[str, Group]:
    """Every group of the plan, those included that EKS makes, by id."""
    found: dict[str, tuple[list[Rule], list[Rule]]] = {}
    lists = _prefix_lists(plan)

    def add(group: str, direction: str, rules: Iterable[Rule]) -> None:
        sides = found.setdefault(_plain(group), ([], []))
        sides[direction == "egress"].extend(rules)

    for resource in plan.of_type(*_GROUPS):
        for direction in ("ingress", "egress"):
            inline = resource.inputs.get(direction) or []
            add(resource.id, direction, [rule for each in inline for rule in _inline(each, resource.id, lists)])
    for cluster in plan.of_type(CLUSTER):
        own = cluster_group(cluster)
        add(own, "ingress", [Rule(EVERYTHING, Peer(group=own))])
        family = (cluster.inputs.get("kubernetesNetworkConfig") or {}).get("ipFamily")
        add(own, "egress", [_IPV6 if family == "ipv6" else _IPV4, Rule(EVERYTHING, Peer(group=own))])
    held = frozenset(found)
    for resource in plan.of_type(_OLD_RULE):
        group = str(resource.inputs["securityGroupId"])
        add(group, str(resource.inputs["type"]), _inline(resource.inputs, group, lists))
    for type_, direction in ((_INGRESS, "ingress"), (_EGRESS, "egress")):
        for resource in plan.of_type(type_):
            add(str(resource.inputs["securityGroupId"]), direction, _single(resource.inputs, lists))
    return {id_: Group(tuple(ingress), tuple(egress)) for id_, (ingress, egress) in found.items() if id_ in held}


def cluster_group(cluster: Resource) -> str:
    """The id of the group that EKS makes for a cluster and puts on control plane and nodes."""
    return str((cluster.outputs.get("vpcConfig") or {}).get("clusterSecurityGroupId", ""))


def _single(inputs: Mapping[str, Any], lists: Mapping[str, tuple[str, ...]]) -> Iterator[Rule]:
    """The rule of a resource that holds one peer."""
    allowed = ports(inputs.get("ipProtocol"), inputs.get("fromPort"), inputs.get("toPort"))
    for cidr in (inputs.get("cidrIpv4"), inputs.get("cidrIpv6")):
        if cidr:
            yield Rule(allowed, Peer(cidr=str(cidr)))
    if inputs.get("referencedSecurityGroupId"):
        yield Rule(allowed, Peer(group=_plain(str(inputs["referencedSecurityGroupId"]))))
    if inputs.get("prefixListId"):
        yield from _listed(allowed, str(inputs["prefixListId"]), lists)


def _inline(each: Mapping[str, Any], own: str, lists: Mapping[str, tuple[str, ...]]) -> Iterator[Rule]:
    """The rules of an entry of a group's `ingress` or `egress`, or of a rule in the old form."""
    allowed = ports(each.get("protocol"), each.get("fromPort"), each.get("toPort"))
    for cidr in (*(each.get("cidrBlocks") or ()), *(each.get("ipv6CidrBlocks") or ())):
        yield Rule(allowed, Peer(cidr=str(cidr)))
    others = [*(each.get("securityGroups") or ()), *filter(None, [each.get("sourceSecurityGroupId")])]
    for group in (*others, *([own] if each.get("self") else [])):
        yield Rule(allowed, Peer(group=_plain(str(group))))
    for list_ in each.get("prefixListIds") or ():
        yield from _listed(allowed, str(list_), lists)


def _listed(allowed: Ports, list_: str, lists: Mapping[str, tuple[str, ...]]) -> Iterator[Rule]:
    if list_ in lists:
        yield from (Rule(allowed, Peer(cidr=cidr)) for cidr in lists[list_])
    else:
        yield Rule(allowed, Peer(prefix_list=list_))


def _prefix_lists(plan: Plan) -> dict[str, tuple[str, ...]]:
    return {
        resource.id: tuple(str(entry["cidr"]) for entry in resource.inputs.get("entries") or ())
        for resource in plan.of_type(_PREFIX_LIST)
    }


def _plain(group: str) -> str:
    """A group's id without the account that a rule may put before it."""
    return group.rpartition("/")[2]
