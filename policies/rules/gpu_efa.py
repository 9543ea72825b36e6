"""EFA: interfaces, security groups, placement, and who offers them to pods."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from infra.catalog import efa, names
from policies.around import Around
from policies.kubernetes import DAEMON_SET
from policies.model import Fault, rule
from policies.nodes import (
    GROUPS,
    TEMPLATES,
    catalogued,
    efa_interfaces,
    images,
    interfaces,
    interfaces_path,
    nodes,
    releases,
    texts,
    users,
)
from policies.values import Inputs, number
from slipway.plan.fleet import LAUNCH_TEMPLATE, NODE_CLASS
from slipway.plan.model import Resource

SECURITY_GROUP: Final = "aws:ec2/securityGroup:SecurityGroup"
INGRESS: Final = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS: Final = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
OLD_RULE: Final = "aws:ec2/securityGroupRule:SecurityGroupRule"
PLACEMENT_GROUP: Final = "aws:ec2/placementGroup:PlacementGroup"
PLUGIN: Final = "aws-efa-k8s-device-plugin"
DRANET: Final = "aws-dranet"
_ANYTHING: Final = "-1"
_WAYS: Final = (("in from", INGRESS, "ingress"), ("out to", EGRESS, "egress"))


@rule(
    id="gpu-efa-layout",
    severity="high",
    title="EFA interfaces stand on the cards and devices that the instance type has for them.",
    why="EC2 refuses a launch with an interface on a card or device that the type does not have; one that is missing "
    "takes its share of the bandwidth from every job, and efa where efa-only will do takes an address of the subnet.",
    fix="nodeGroups[].efa: true gives the type's own layout; take one type for each such group",
    source="https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/efa-acc-inst-types.html",
    key="nodeGroups",
    types=TEMPLATES,
    scope="stack",
)
def layout(_: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """The catalogue's layout (infra/catalog/efa.py): EC2 user guide, "Maximize network bandwidth ..."."""
    if not efa_interfaces(resource):
        for group in users(resource, around):
            if group.labels.get(names.EFA_LABEL) == "true":
                what = f"none with EFA, which {group.resource.name} says its nodes have ({names.EFA_LABEL})"
                yield Fault(path=interfaces_path(resource), what=what)
        return
    found = Counter(_place(each) for each in interfaces(resource))
    for name in _types(resource, around):
        wanted = Counter((each.card, each.device, str(each.kind)) for each in efa.layout(name))
        if not wanted:
            yield Fault(path=interfaces_path(resource), what=f"{name} has no EFA")
            continue
        missing, extra = list((wanted - found).elements()), list((found - wanted).elements())
        told = [f"lacks {_spelled(each)}" for each in missing] + [f"has no room for {_spelled(each)}" for each in extra]
        if told:
            more = f" (and {len(told) - 2} more)" if len(told) > 2 else ""  # noqa: PLR2004  # enough to see which
            yield Fault(path=interfaces_path(resource), what=f"for {name}: {', '.join(told[:2])}{more}")


def _types(template: Resource, around: Around) -> tuple[str, ...]:
    """The types that are launched with a template: its groups', else its own."""
    found = dict.fromkeys(each.name for group in users(template, around) for each in group.types)
    own = None if found else catalogued(Inputs(template.inputs).get("instanceType"))
    return (own.name,) if own else tuple(found)


def _place(interface: Inputs) -> tuple[int, int, str]:
    """Card, device and kind; EC2's defaults are 0, 0 and `interface`."""
    card, device = (number(interface.get(key, 0)) for key in ("networkCardIndex", "deviceIndex"))
    return (
        card if card is not None else -1,
        device if device is not None else -1,
        str(interface.get("interfaceType", "interface")),
    )


def _spelled(place: tuple[int, int, str]) -> str:
    return f"{place[2]} at card {place[0]} device {place[1]}"


@rule(
    id="gpu-efa-no-public-ip",
    severity="high",
    title="A node with several network interfaces asks for no public address.",
    why="EC2 refuses the launch: the group is made, and never gets a node.",
    fix="leave public addresses out: nodes are in private subnets, by default or by network.existing.privateSubnets",
    source="https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceNetworkInterfaceSpecification.html",
    key="nodeGroups",
    types=TEMPLATES,
)
def no_public_ip(inputs: Inputs, resource: Resource, _: Around) -> Iterator[Fault]:
    """Source: EC2 API, InstanceNetworkInterfaceSpecification: AssociatePublicIpAddress with one interface only."""
    listed = interfaces(resource)
    if len(listed) <= 1:
        return
    asking = [each.at("associatePublicIpAddress") for each in listed]
    if resource.type == NODE_CLASS:
        asking.append(inputs.at("spec.associatePublicIPAddress"))
    for each in asking:
        if str(each.get()).lower() == "true":
            yield Fault(path=each.path, what=f"true with {len(listed)} interfaces")


@rule(
    id="gpu-efa-security-group",
    severity="high",
    title="A security group on every EFA interface lets everything in from itself, and out to itself.",
    why="EFA's traffic is dropped otherwise, even where egress to 0.0.0.0/0 is allowed: NCCL falls back to TCP, many "
    "times slower, or hangs.",
    fix="nodeGroups[].efa: true makes such a group with both rules, protocol -1, and puts it on every interface",
    source="https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/efa-start.html",
    key="nodeGroups",
    types=TEMPLATES,
    scope="stack",
)
def security_group(_: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """Source: EC2 user guide, "Get started with EFA and MPI", step 1."""
    listed = efa_interfaces(resource)
    if not listed:
        return
    karpenter = resource.type == NODE_CLASS
    path = "spec.securityGroupSelectorTerms" if karpenter else interfaces_path(resource)
    groups = around.behind(resource, "spec" if karpenter else path, SECURITY_GROUP)
    shut = {group.name: [way for way in _WAYS if not _lets(way, group, around)] for group in groups}
    if not any(not ways for ways in shut.values()):
        half = min((each for each in shut.items() if len(each[1]) < len(_WAYS)), default=None)
        what = (
            f"{half[0]} lets nothing {half[1][0][0]} itself"
            if half
            else "no security group of the plan lets everything in from itself and out to itself"
        )
        yield Fault(path=path, what=what)
    if karpenter:
        return
    counts = [len(list(each.each("securityGroups"))) for each in listed]
    for each, count in zip(listed, counts, strict=True):
        if count < max(counts):
            what = f"{count} where other EFA interfaces have {max(counts)}"
            yield Fault(path=f"{each.path}.securityGroups", what=what)


def _lets(way: tuple[str, str, str], group: Resource, around: Around) -> bool:
    """Whether a group has a rule for all traffic with itself in one direction, in any of the provider's three forms."""
    _, type_, own = way
    if any(
        str(Inputs(each.inputs).get("ipProtocol")) == _ANYTHING
        and group.urn in each.property_dependencies.get("referencedSecurityGroupId", ())
        for each in around.leading_to(type_, "securityGroupId", group)
    ):
        return True
    rules = [(each, own, False) for each in Inputs(group.inputs).each(own)]
    for old in around.leading_to(OLD_RULE, "securityGroupId", group):
        itself = group.urn in old.property_dependencies.get("sourceSecurityGroupId", ())
        rules.append((Inputs(old.inputs), str(Inputs(old.inputs).get("type")), itself))
    return any(
        kind == own and (itself or each.get("self") is True) and str(each.get("protocol")) in (_ANYTHING, "all")
        for each, kind, itself in rules
    )


@rule(
    id="gpu-efa-device-plugin",
    severity="high",
    title="Something offers the EFA interfaces of every group to pods.",
    why="A pod that asks for vpc.amazonaws.com/efa waits for ever, and one that does not uses TCP.",
    fix=f"addons.enable: [{PLUGIN}], or {DRANET} where EKS makes the nodes; types that it does not know go into "
    "its addons.settings, instanceTypes",
    source="https://docs.aws.amazon.com/eks/latest/userguide/device-management-efa.html",
    key="addons",
    types=GROUPS,
    scope="stack",
)
def device_plugin(_: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """Source: EKS user guide, "Manage EFA devices": no image of EKS has the plugin; DRANET is not for Karpenter.

    Both charts run on the types that they list, and on no others.
    """
    group = nodes(resource, around)
    if not efa_interfaces(group.template):
        return
    path = interfaces_path(group.template) if group.pool and group.template else "launchTemplate"
    charts = (PLUGIN,) if group.pool else (PLUGIN, DRANET)
    found = releases(around, *charts)
    if not found and not _by_hand(around, group.pool):
        other = f"; {DRANET} does not work with Karpenter" if releases(around, DRANET) else ""
        yield Fault(path=path, what=f"nothing offers {names.EFA_RESOURCE}{other}")
        return
    for release in found:
        listed = texts(Inputs(release.inputs).at("values.supportedInstanceLabels.values"))
        left_out = [each.name for each in group.types if listed and each.name not in {one.value for one in listed}]
        for name in left_out:
            yield Fault(path=path, what=f"{release.name} does not run on {name}")


def _by_hand(around: Around, karpenter: bool) -> bool:
    marks = (PLUGIN,) if karpenter else (PLUGIN, "dranet")
    return any(mark in image for each in around.plan.of_type(DAEMON_SET) for image in images(each) for mark in marks)


@rule(
    id="gpu-placement",
    severity="medium",
    title="Nodes with EFA are placed together by a cluster placement group or by their reservation, never by both.",
    why="Without either, the nodes of a job may stand at the two ends of a zone; with both, the launch fails, for "
    "reserved instances are where they are, and hours that are paid for pass.",
    fix="leave nodeGroups[].placementGroup out: it is on with efa, and off with a reservation",
    source="https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/placement-strategies.html",
    key="nodeGroups",
    types=TEMPLATES,
    scope="stack",
)
def placement(inputs: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """Source: EC2 user guide, "Placement strategies for your placement groups"; EFA recommends the cluster strategy."""
    if resource.type == LAUNCH_TEMPLATE:
        path = property_ = "placement"
        grouped = inputs.has("placement.groupName") or inputs.has("placement.groupId")
        target = inputs.at("capacityReservationSpecification.capacityReservationTarget")
        reserved = target.has("capacityReservationId") or target.has("capacityReservationResourceGroupArn")
    else:
        path, property_ = "spec.placementGroupSelector", "spec"
        grouped = inputs.has(path)
        reserved = inputs.has("spec.capacityReservationSelectorTerms.0")
    if grouped and reserved:
        yield Fault(path=path, what="a placement group beside a reservation, which has its place")
    elif efa_interfaces(resource) and not (grouped or reserved):
        yield Fault(path=path, what="none: nodes with EFA stand anywhere in the zone")
    for each in around.behind(resource, property_, PLACEMENT_GROUP) if efa_interfaces(resource) else ():
        strategy = Inputs(each.inputs).get("strategy")
        if strategy != "cluster":
            yield Fault(path=path, what=f"{each.name} has the strategy {strategy}; EFA needs cluster")
