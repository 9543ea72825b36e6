"""FSx for Lustre: the zone, the ports and the sizes without which nothing mounts it, or only slowly."""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from infra.catalog import lustre as facts
from infra.catalog import names
from infra.catalog.instances import accelerated_types
from policies.around import Around
from policies.model import Fault, rule
from policies.nodes import templates
from policies.rules.network import EGRESS, GROUP, INGRESS, OLD_RULE, SUBNET, VPC
from policies.values import Inputs, UnknownUntilUpError
from slipway.plan.bill.types import CLUSTER, LUSTRE
from slipway.plan.fleet import LAUNCH_TEMPLATE, NODE_CLASS, NODE_GROUP, NODE_POOL
from slipway.plan.machines import INSTANCE
from slipway.plan.model import Resource

VOLUME: Final = "kubernetes:core/v1:PersistentVolume"

_GUIDE: Final = "https://docs.aws.amazon.com/fsx/latest/LustreGuide"
_GROUPS: Final = (GROUP, CLUSTER)
"""What stands for a security group: the one that EKS makes is known by its cluster."""
_EFA: Final = ("efa", "efa-only")
_ZONE_LABELS: Final = (names.NODE_ZONE_LABEL, names.ZONE_ID_LABEL)
_TYPE_LABEL: Final = "node.kubernetes.io/instance-type"
_ALL: Final = (0, 65_535)


@rule(
    id="network-fsx-efa-minimums",
    severity="high",
    title="An EFA-enabled file system has the type, the capacity and the metadata that AWS asks for.",
    why="FSx refuses it after minutes of `up`, and none of these can be changed later.",
    fix="set storage.lustre[].capacity to a multiple that goes with throughputPerTib, with deployment PERSISTENT_2 "
    "and metadata; or take efa out",
    source=f"{_GUIDE}/efa-file-systems.html",
    key="storage",
    types=(LUSTRE,),
)
def efa_minimums(inputs: Inputs, _: Resource, __: Around) -> Iterator[Fault]:
    """The numbers: infra.catalog.lustre (FSx for Lustre user guide, "Working with EFA-enabled file systems")."""
    if inputs.get("efaEnabled") is not True:
        return
    deployment = inputs.get("deploymentType", "SCRATCH_1")
    storage: Any = str(inputs.get("storageType", "SSD"))
    if deployment != "PERSISTENT_2":
        yield Fault(path="deploymentType", what=f"{deployment} cannot be EFA-enabled; use PERSISTENT_2")
        return
    if not inputs.has("metadataConfiguration"):
        yield Fault(path="metadataConfiguration", what="not set; an EFA-enabled file system needs it")
    per_unit, capacity = inputs.get("perUnitStorageThroughput"), inputs.get("storageCapacity")
    wrong = facts.throughput_problem(deployment, storage, per_unit, efa=True)
    if wrong:
        yield Fault(path="perUnitStorageThroughput", what=wrong)
    elif storage == "INTELLIGENT_TIERING":
        return
    elif not isinstance(capacity, int):
        yield Fault(path="storageCapacity", what="not set")
    else:
        wrong = facts.capacity_problem(deployment, storage, capacity, per_unit=per_unit, efa=True)
        if wrong:
            yield Fault(path="storageCapacity", what=wrong)


@rule(
    id="network-fsx-zone",
    severity="high",
    title="A Lustre file system lies in the zone of the nodes that mount it.",
    why="Every byte that crosses zones is billed, latency grows, and EFA does not reach there at all.",
    fix="set storage.lustre[].zone to the zone of the accelerated groups (nodeGroups[].zones)",
    source=f"{_GUIDE}/efa-file-systems.html",
    key="storage",
    types=(LUSTRE,),
    scope="stack",
)
def fsx_zone(inputs: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """FSx for Lustre user guide, "Working with EFA-enabled file systems": clients in the same zone; facts/fsx_efs.json.

    The zones are those that its volumes are tied to; and those of the groups with EFA where it has EFA, else of the
    accelerated groups, where there are such.
    """
    place = _place(inputs, resource, "subnetIds", around)
    for volume in around.leading_to(VOLUME, "spec", resource):
        tied = _tied(Inputs(volume.inputs))
        if tied and place not in tied:
            yield Fault(path="subnetIds", what=f"{place}; {volume.name} is tied to {', '.join(sorted(tied))}")
    efa = inputs.get("efaEnabled") is True
    clients = around.once("lustre: clients", lambda: tuple(_clients(around)))
    wanted = {each.place for each in clients if each.efa} if efa else set()
    wanted = wanted or {each.place for each in clients if each.accelerated}
    if wanted and place not in wanted:
        kind = "groups with EFA" if efa else "accelerated groups"
        yield Fault(path="subnetIds", what=f"{place}; the {kind} are in {', '.join(sorted(wanted))}")


@dataclass(frozen=True, kw_only=True)
class _Client:
    place: str
    accelerated: bool
    efa: bool


def _clients(around: Around) -> Iterator[_Client]:
    """The node groups and Karpenter's pools, as far as the zone of a file system depends on them."""
    for group in around.plan.of_type(NODE_GROUP):
        inputs = Inputs(group.inputs)
        launched = templates(group, around)
        kinds = [each.get("interfaceType") for template in launched for each in _interfaces(template)]
        types = [each.get() for each in inputs.each("instanceTypes")]
        types += [Inputs(template.inputs).get("instanceType") for template in launched]
        yield _Client(
            place=_place(inputs, group, "subnetIds", around),
            accelerated=any(_accelerated(each) for each in types),
            efa=any(kind in _EFA for kind in kinds),
        )
    classes = {str(Inputs(each.inputs).at("metadata.name").value): each for each in around.plan.of_type(NODE_CLASS)}
    for pool in around.plan.of_type(NODE_POOL):
        spec = Inputs(pool.inputs).at("spec.template.spec")
        asked = {
            str(each.get("key")): list(each.each("values"))
            for each in spec.each("requirements")
            if each.get("operator") == "In"
        }
        zones = [zone.get() for label in _ZONE_LABELS for zone in asked.get(label, ())]
        types = [each.get() for each in asked.get(_TYPE_LABEL, ())]
        class_ = classes.get(str(spec.get("nodeClassRef.name")))
        for zone in zones:
            yield _Client(
                place=str(zone),
                accelerated=any(_accelerated(each) for each in types),
                efa=class_ is not None and any(kind in _EFA for kind in _class_interfaces(class_)),
            )


def _class_interfaces(class_: Resource) -> Iterator[Any]:
    return (each.get("interfaceType") for each in Inputs(class_.inputs).each("spec.networkInterfaces"))


def _interfaces(template: Resource) -> Iterator[Inputs]:
    return Inputs(template.inputs).each("networkInterfaces")


def _accelerated(name: Any) -> bool:  # noqa: ANN401  # any wire value
    return name in accelerated_types()


def _place(inputs: Inputs, resource: Resource, path: str, around: Around) -> str:
    """The zone of what lies in one subnet.

    A subnet that the plan does not make is known by its id alone, and lies where node groups in it say.
    """
    for subnet in around.behind(resource, path, SUBNET):
        zone = Inputs(subnet.inputs).get("availabilityZoneId") or Inputs(subnet.inputs).get("availabilityZone")
        return str(zone or subnet.name)
    found = inputs.get(path)
    # FSx takes one subnet, as a text.
    id_ = str(found if isinstance(found, str) else (found or [""])[0] if isinstance(found, list) else "")
    labelled = around.once("lustre: zones of subnets", lambda: _labelled(around))
    return labelled.get(id_, id_ or "no subnet")


def _labelled(around: Around) -> dict[str, str]:
    """Ids of subnets that the plan does not make, and the zone that node groups in them carry as a label."""
    found: dict[str, str] = {}
    for group in around.plan.of_type(NODE_GROUP):
        inputs = Inputs(group.inputs)
        zone = inputs.get(("labels", names.NODE_ZONE_LABEL))
        if zone is not None and not around.behind(group, "subnetIds", SUBNET):
            found |= {str(each.get()): str(zone) for each in inputs.each("subnetIds")}
    return found


def _tied(volume: Inputs) -> set[str]:
    """The zones that a volume's node affinity names."""
    terms = volume.each("spec.nodeAffinity.required.nodeSelectorTerms")
    return {
        str(value.get())
        for term in terms
        for each in term.each("matchExpressions")
        if each.get("key") in _ZONE_LABELS and each.get("operator") == "In"
        for value in each.each("values")
    }


@rule(
    id="network-fsx-ports",
    severity="high",
    title="File system and nodes let each other in on all of Lustre's ports, and everything with EFA.",
    why="Without 988 nothing mounts; without 1018-1023 it mounts and hangs; without EFA's FSx does not make it.",
    fix="keep both ways between the file system's security group, itself and the nodes' (infra/storage/lustre.py)",
    source=f"{_GUIDE}/limit-access-security-groups.html",
    key="storage",
    types=(LUSTRE,),
    scope="stack",
)
def fsx_ports(_: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """FSx for Lustre user guide, "File system access control with Amazon VPC", and infra.catalog.lustre.PORTS.

    Between servers, and between servers and clients, both ways; with EFA everything. What lets a packet through are two
    rules, one out and one in. The group that EKS makes lets everything out.
    """
    own = _urns(around.behind(resource, "securityGroupIds", GROUP))
    if not own:
        yield Fault(path="securityGroupIds", what="no security group of the plan; the VPC's own lets no node in")
        return
    flows = around.once("lustre: rules", lambda: _Flows.of(around))
    efa = Inputs(resource.inputs).get("efaEnabled") is True
    pairs = [("its own servers", own, own, efa)]
    pairs += [(peer.name, own, peer.groups, efa and peer.efa) for peer in _peers(resource, around)]
    for name, ours, theirs, everything in pairs:
        ways = (("in", theirs, ours), ("out", ours, theirs)) if ours != theirs else (("in and out", ours, ours),)
        closed = [
            f"{_said(ports)} {said}"
            for ports in (*facts.PORTS, *([None] if everything else []))
            for said, source, target in ways
            if not flows.carry(source, target, ports)
        ]
        if closed:
            yield Fault(path="securityGroupIds", what=f"{name}: closed for {', '.join(closed)}")


def _said(ports: tuple[int, int] | None) -> str:
    if ports is None:
        return "EFA"
    return f"TCP {ports[0]}" if ports[0] == ports[1] else f"TCP {ports[0]}-{ports[1]}"


@dataclass(frozen=True, kw_only=True)
class _Peer:
    name: str
    groups: frozenset[str]
    efa: bool


def _peers(resource: Resource, around: Around) -> Iterator[_Peer]:
    """What mounts a file system: all nodes, and the machines whose start-up script knows it."""
    seen: set[tuple[frozenset[str], bool]] = set()
    nodes = around.once("lustre: nodes", lambda: tuple(_nodes(around)))
    # One name stands for all that have the same groups: the same one whatever the order of the plan.
    for name, groups, efa in sorted((*nodes, *_told(resource, around)), key=lambda each: each[0]):
        if (groups, efa) not in seen:
            seen.add((groups, efa))
            yield _Peer(name=name, groups=groups, efa=efa)


def _nodes(around: Around) -> Iterator[tuple[str, frozenset[str], bool]]:
    for group in around.plan.of_type(NODE_GROUP):
        launched = templates(group, around)
        groups = frozenset[str]().union(*(_guards(each, around) for each in launched))
        # Without groups in the template EKS puts its own on the nodes.
        groups = groups or _urns(around.behind(group, "clusterName", CLUSTER))
        efa = any(each.get("interfaceType") in _EFA for template in launched for each in _interfaces(template))
        yield f"nodes of {group.name}", groups, efa
    for each in around.plan.of_type(NODE_CLASS):
        groups = _urns(around.behind(each, "spec", *_GROUPS))
        yield f"nodes of {each.name}", groups, any(kind in _EFA for kind in _class_interfaces(each))


def _told(resource: Resource, around: Around) -> Iterator[tuple[str, frozenset[str], bool]]:
    for type_ in (INSTANCE, LAUNCH_TEMPLATE):
        for each in around.leading_to(type_, "userData", resource):
            yield each.name, _guards(each, around), False


def _guards(resource: Resource, around: Around) -> frozenset[str]:
    """The security groups of an instance, or of what a launch template makes."""
    found = (around.behind(resource, path, *_GROUPS) for path in ("vpcSecurityGroupIds", "networkInterfaces"))
    return _urns(each for groups in found for each in groups)


def _urns(resources: Iterable[Resource]) -> frozenset[str]:
    return frozenset(each.urn for each in resources)


@dataclass(frozen=True, kw_only=True)
class _Flow:
    """One rule of a security group: whom it lets through, by group or by address. Unknown ports are a path."""

    owner: frozenset[str]
    peers: frozenset[str]
    inside: bool
    """It names addresses that hold the whole VPC."""
    ports: tuple[int, int] | None
    """TCP; None where it is everything, of every protocol."""
    unknown: str = ""


@dataclass(frozen=True, kw_only=True)
class _Flows:
    """All rules of the plan's security groups."""

    inwards: Mapping[str, Sequence[_Flow]]
    """By the URN of the group that has the rule."""
    outwards: Mapping[str, Sequence[_Flow]]
    clusters: frozenset[str]

    @classmethod
    def of(cls, around: Around) -> "_Flows":
        """Read them from whatever form they have."""
        blocks = [str(Inputs(vpc.inputs).at("cidrBlock").value) for vpc in around.plan.of_type(VPC)]
        sides: dict[str, list[_Flow]] = {"ingress": [], "egress": []}
        for type_, side in ((INGRESS, "ingress"), (EGRESS, "egress")):
            for each in around.plan.of_type(type_):
                owner = _urns(around.behind(each, "securityGroupId", *_GROUPS))
                peers = _urns(around.behind(each, "referencedSecurityGroupId", *_GROUPS))
                sides[side].append(_flow(Inputs(each.inputs), owner, peers, blocks))
        for each in around.plan.of_type(OLD_RULE):
            owner = _urns(around.behind(each, "securityGroupId", *_GROUPS))
            peers = _urns(around.behind(each, "sourceSecurityGroupId", *_GROUPS))
            entry = Inputs(each.inputs)
            sides["egress" if entry.at("type").value == "egress" else "ingress"].append(
                _flow(entry, owner, peers | (owner if entry.at("self").value is True else frozenset()), blocks)
            )
        for group in around.plan.of_type(GROUP):
            owner = frozenset({group.urn})
            for side, found in sides.items():
                entry = Inputs(group.inputs).at(side)
                peers = _urns(around.behind(group, side, *_GROUPS))
                for item in entry.each() if isinstance(entry.value, list) else ():
                    named = peers if item.has("securityGroups") else frozenset[str]()
                    itself = owner if item.at("self").value is True else frozenset[str]()
                    found.append(_flow(item, owner, named | itself, blocks))
        return cls(
            inwards=_by_owner(sides["ingress"]),
            outwards=_by_owner(sides["egress"]),
            clusters=_urns(around.plan.of_type(CLUSTER)),
        )

    def carry(self, source: frozenset[str], target: frozenset[str], ports: tuple[int, int] | None) -> bool:
        """Whether members of one set of groups reach members of another."""
        # The group that EKS makes lets everything out.
        out = bool(source & self.clusters) or _open(self.outwards, source, target, ports)
        return out and _open(self.inwards, target, source, ports)


def _by_owner(flows: Iterable[_Flow]) -> Mapping[str, Sequence[_Flow]]:
    found: dict[str, list[_Flow]] = {}
    for each in flows:
        for urn in each.owner:
            found.setdefault(urn, []).append(each)
    return found


def _open(
    flows: Mapping[str, Sequence[_Flow]], owner: frozenset[str], peer: frozenset[str], ports: tuple[int, int] | None
) -> bool:
    fitting = [each for urn in sorted(owner) for each in flows.get(urn, ()) if each.inside or each.peers & peer]
    first, last = ports or _ALL
    covered = first
    for low, high in sorted(each.ports or _ALL for each in fitting if not each.unknown and (ports or not each.ports)):
        if low <= covered:
            covered = max(covered, high + 1)
    if covered > last:
        return True
    for each in fitting:
        if each.unknown:
            raise UnknownUntilUpError(each.unknown)
    return False


def _flow(entry: Inputs, owner: frozenset[str], peers: frozenset[str], blocks: list[str]) -> _Flow:
    inside = any(_holds(cidr, blocks) for cidr in _cidrs(entry.value))
    try:
        protocol = str(entry.get("ipProtocol", entry.get("protocol", "-1")))
        first, last = entry.get("fromPort"), entry.get("toPort")
    except UnknownUntilUpError as error:
        return _Flow(owner=owner, peers=peers, inside=inside, ports=None, unknown=error.path)
    if protocol in ("-1", "all"):
        return _Flow(owner=owner, peers=peers, inside=inside, ports=None)
    known = protocol in ("tcp", "6") and isinstance(first, int) and isinstance(last, int)
    return _Flow(owner=owner, peers=peers, inside=inside, ports=(first, last) if known else (1, 0))


def _cidrs(entry: Any) -> Iterator[Any]:  # noqa: ANN401  # any wire value
    if isinstance(entry, Mapping):
        yield entry.get("cidrIpv4")
        blocks = entry.get("cidrBlocks")
        yield from blocks if isinstance(blocks, list) else ()


def _holds(cidr: Any, blocks: list[str]) -> bool:  # noqa: ANN401  # any wire value
    """Whether a block of addresses holds the whole VPC."""
    try:
        outer = ipaddress.IPv4Network(str(cidr), strict=False)
        return bool(blocks) and all(ipaddress.IPv4Network(each).subnet_of(outer) for each in blocks)
    except ValueError:
        return False
