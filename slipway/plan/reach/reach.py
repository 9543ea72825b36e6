"""Who can reach what on which protocol and ports, and what of it is open to the outside.

Both sides count: the source's groups must let the packet out, the target's must let it in, and from beyond the VPC a
route must carry it to an address that the target has. Answers to what was let in need no rule (security groups are
stateful). What the plan does not hold (groups, subnets and routes of an existing VPC) is taken as open. Network ACLs
are those that EC2 makes, which let everything pass. Load balancers that a controller in the cluster makes are not in a
plan, nor are AWS's own public endpoints (S3, Cognito's login pages, ...).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from slipway.plan.model import Plan
from slipway.plan.reach.groups import (
    ANYWHERE,
    CLUSTER,
    OPEN,
    Group,
    Peer,
    Rule,
    default_group,
    default_id,
    inside,
    overlap,
    security_groups,
)
from slipway.plan.reach.members import CONTROL_PLANE, LOAD_BALANCER, NODES, Member, members
from slipway.plan.reach.ports import Ports, merged
from slipway.plan.reach.routes import Route, Subnet, Way, subnets, vpc_cidrs

INTERNET: Final = "internet"
VPC: Final = "VPC"
OTHER_NETWORK: Final = "other network"
API_SERVER: Final = "API server"
OUTSIDE: Final = frozenset({INTERNET, OTHER_NETWORK})
_JOINED: Final = (Ports("tcp", 443, 443), Ports("tcp", 53, 53), Ports("udp", 53, 53))
_WEB: Final = (Ports("tcp", 80, 80), Ports("tcp", 443, 443), Ports("udp", 443, 443))
_PRIVATE: Final = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
"""Addresses that the internet does not route: RFC 1918, RFC 6598, RFC 4193."""


@dataclass(frozen=True, order=True)
class End:
    """One end of a path: what kind of thing, and which; addresses have their block as name."""

    kind: str
    name: str

    def __str__(self) -> str:
        """Both."""
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, order=True)
class Path:
    """Source reaches target on these ports."""

    source: End
    target: End
    ports: tuple[Ports, ...]

    def data(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "source": {"kind": self.source.kind, "name": self.source.name},
            "target": {"kind": self.target.kind, "name": self.target.name},
            "ports": [
                {"protocol": each.protocol, "first": each.first, "last": each.last, "text": str(each)}
                for each in self.ports
            ],
        }


@dataclass(frozen=True, kw_only=True)
class Reach:
    """Every path of a plan, and those of them from outside that nobody asked for."""

    stack: str
    paths: tuple[Path, ...]
    exposed: tuple[Path, ...]

    def between(self, source: str, target: str) -> tuple[Path, ...]:
        """The paths between two kinds."""
        return tuple(path for path in self.paths if (path.source.kind, path.target.kind) == (source, target))

    def into(self, target: str) -> tuple[Path, ...]:
        """The paths to a kind."""
        return tuple(path for path in self.paths if path.target.kind == target)

    def data(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "stack": self.stack,
            "paths": [path.data() for path in self.paths],
            "exposed": [path.data() for path in self.exposed],
        }


@dataclass(frozen=True, kw_only=True)
class _Host:
    """Members that no rule, route or address tells apart.

    `group` is their groups as one; `open_to` the blocks of all rules in which they have an address.
    """

    end: End
    ids: frozenset[str]
    group: Group
    open_to: frozenset[str]
    routes: frozenset[Route] | None
    """None where the plan does not hold their subnets."""
    public: bool


def reach(plan: Plan) -> Reach:
    """Compute every path.

    Args:
        plan: A recorded one, with ids.

    Raises:
        ValueError: The plan is a preview, in which ids are unknown.
    """
    if plan.preview:
        raise ValueError("a preview does not know the ids that rules refer to; record the plan without it")
    own = vpc_cidrs(plan)
    hosts = _hosts(plan)
    found: dict[tuple[End, End], set[Ports]] = {}
    for source, target, ports in (*_arrivals(hosts, own), *_departures(hosts, own), *_inner(hosts), *_api(plan)):
        found.setdefault((source, target), set()).add(ports)
    paths = tuple(sorted(Path(source, target, merged(ports)) for (source, target), ports in found.items()))
    stated, joined = _stated(plan), _joined(plan)
    exposed = tuple(path for path in paths if path.source.kind in OUTSIDE and not _meant(path, stated, joined))
    return Reach(stack=plan.stack, paths=paths, exposed=exposed)


def _meant(path: Path, stated: frozenset[str], joined: frozenset[str]) -> bool:
    """Whether a path from outside is one that a stack file can ask for.

    To a load balancer; to the API server; from hybrid nodes and their pods, which are the cluster's own, to its control
    plane and its DNS. EKS puts its group on nodes and on the control plane's interfaces.
    """
    if path.source.name in joined and path.target.kind in (CONTROL_PLANE, NODES):
        return all(ports.within(_JOINED) for ports in path.ports)
    if path.target.kind == API_SERVER:
        return path.source.name in stated
    return path.target.kind == LOAD_BALANCER and all(ports.within(_WEB) for ports in path.ports)


def _hosts(plan: Plan) -> tuple[_Host, ...]:
    known, groups = subnets(plan), dict(security_groups(plan))
    everyone = members(plan)
    blocks = {rule.peer.cidr for group in groups.values() for rule in (*group.ingress, *group.egress)}
    blocks = (blocks | set(ANYWHERE)) - {""}
    alike: dict[tuple[Any, ...], set[str]] = {}
    for member in everyone:
        group = _together(member, groups)
        places = [known.get(subnet) for subnet in member.subnets] or [None]
        open_to = frozenset(block for block in blocks if any(_in_block(place, block) for place in places))
        held = [place for place in places if place is not None]
        routes = frozenset(route for place in held for route in place.routes) if len(held) == len(places) else None
        key = (member.kind, member.groups, group, open_to, routes, _public(member, places))
        alike.setdefault(key, set()).add(member.name)
    return tuple(
        _Host(
            end=End(kind, ", ".join(sorted(names))),
            ids=ids or frozenset(),
            group=group,
            open_to=open_to,
            routes=routes,
            public=public,
        )
        for (kind, ids, group, open_to, routes, public), names in alike.items()
    )


def _together(member: Member, groups: Mapping[str, Group]) -> Group:
    """A member's groups as one: the rules of all of them hold."""
    if member.groups is None:
        return OPEN
    each = [groups.get(id_) or _absent(id_) for id_ in sorted(member.groups)]
    return Group(
        ingress=tuple(rule for group in each for rule in group.ingress),
        egress=tuple(rule for group in each for rule in group.egress),
    )


def _absent(id_: str) -> Group:
    """A group that the plan does not hold."""
    prefix = default_id("")
    return default_group(id_.removeprefix(prefix)) if id_.startswith(prefix) else OPEN


def _in_block(place: Subnet | None, block: str) -> bool:
    """Whether a member of a subnet may have an address in a block; in an unknown subnet it may have any private one."""
    cidrs = place.cidrs if place is not None else _PRIVATE
    return any(overlap(block, cidr) for cidr in cidrs)


def _public(member: Member, places: Iterable[Subnet | None]) -> bool:
    if member.address == "as its subnet does":
        return any(place is None or place.gives_addresses for place in places)
    return member.address == "yes"


def _inner(hosts: Iterable[_Host]) -> Iterator[tuple[End, End, Ports]]:
    """Paths between members."""
    for source in hosts:
        for target in hosts:
            outs = [rule.ports for rule in source.group.egress if _meets(rule.peer, target)]
            ins = [rule.ports for rule in target.group.ingress if _meets(rule.peer, source)]
            for sent in outs:
                for let in ins:
                    both = sent & let
                    if both is not None:
                        yield source.end, target.end, both


def _meets(peer: Peer, host: _Host) -> bool:
    return peer.group in host.ids if peer.group else peer.cidr in host.open_to


def _arrivals(hosts: Iterable[_Host], own: tuple[str, ...]) -> Iterator[tuple[End, End, Ports]]:
    """Paths from blocks of addresses."""
    for host in hosts:
        for rule in host.group.ingress:
            if rule.peer.cidr and inside(rule.peer.cidr, own):
                yield End(VPC, rule.peer.cidr), host.end, rule.ports
            else:
                yield from ((end, host.end, rule.ports) for end in _carried(rule, host, inwards=True))


def _departures(hosts: Iterable[_Host], own: tuple[str, ...]) -> Iterator[tuple[End, End, Ports]]:
    """Paths to blocks of addresses beyond the VPC."""
    for host in hosts:
        for rule in host.group.egress:
            if not (rule.peer.cidr and inside(rule.peer.cidr, own)):
                yield from ((host.end, end, rule.ports) for end in _carried(rule, host, inwards=False))


def _carried(rule: Rule, host: _Host, *, inwards: bool) -> Iterator[End]:
    """What lies beyond the VPC on the other side of a rule, as far as routes and addresses carry packets."""
    block = rule.peer.cidr
    if rule.peer.group:
        return
    if not block:
        if _carries(host, None, inwards=inwards):
            yield End(INTERNET, rule.peer.prefix_list)
        return
    if not inside(block, _PRIVATE) and _carries(host, block, inwards=inwards):
        yield End(INTERNET, block)
    if host.routes is None:
        if inside(block, _PRIVATE):
            yield End(OTHER_NETWORK, block)
        return
    for route in host.routes:
        if route.way is Way.PRIVATE and overlap(route.destination, block):
            yield End(OTHER_NETWORK, block if inside(block, (route.destination,)) else route.destination)


def _carries(host: _Host, block: str | None, *, inwards: bool) -> bool:
    """Whether packets pass between a host and addresses of the internet: any, where `block` is None."""
    if host.routes is None:
        return host.public or not inwards
    ways = {route.way for route in host.routes if overlap(route.destination, block or ANYWHERE[0])}
    return (Way.INTERNET in ways and host.public) or (not inwards and Way.OUT in ways)


def _api(plan: Plan) -> Iterator[tuple[End, End, Ports]]:
    """Paths to the public endpoints of control planes, which stand outside the VPC."""
    for cluster in plan.of_type(CLUSTER):
        config = cluster.inputs.get("vpcConfig") or {}
        # EKS's own default is public, and open to everybody.
        if config.get("endpointPublicAccess") is not False:
            name = str(cluster.inputs.get("name") or cluster.name)
            for cidr in config.get("publicAccessCidrs") or ANYWHERE[:1]:
                yield End(INTERNET, str(cidr)), End(API_SERVER, name), Ports("tcp", 443, 443)


def _joined(plan: Plan) -> frozenset[str]:
    """The networks of hybrid nodes and of their pods."""
    configs = [cluster.inputs.get("remoteNetworkConfig") or {} for cluster in plan.of_type(CLUSTER)]
    return frozenset(str(cidr) for config in configs for part in config.values() for cidr in part["cidrs"])


def _stated(plan: Plan) -> frozenset[str]:
    """The blocks that the program lets through to public endpoints of control planes."""
    configs = [cluster.inputs.get("vpcConfig") or {} for cluster in plan.of_type(CLUSTER)]
    return frozenset(str(cidr) for config in configs for cidr in config.get("publicAccessCidrs") or ())
