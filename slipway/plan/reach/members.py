"""What has security groups, where its inputs name them and its subnets, and whether it has a public address.

A type that is not here and names a group fails a test over all stack files.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from infra.catalog import names
from slipway.plan.model import Plan, Resource
from slipway.plan.reach.groups import CLUSTER, cluster_group, default_id

CONTROL_PLANE: Final = "control plane"
LOAD_BALANCER: Final = "load balancer"
NODES: Final = "nodes"
NODE_GROUP: Final = "aws:eks/nodeGroup:NodeGroup"
_TEMPLATE: Final = "aws:ec2/launchTemplate:LaunchTemplate"
_SCALING_GROUP: Final = "aws:autoscaling/group:Group"
_EFS: Final = "aws:efs/fileSystem:FileSystem"
_VPC: Final = "aws:ec2/vpc:Vpc"
_DEFAULT_GROUP: Final = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
_DB_SUBNETS: Final = "aws:rds/subnetGroup:SubnetGroup"
_ENDPOINT: Final = "aws:ec2/vpcEndpoint:VpcEndpoint"
_MOUNT_TARGET: Final = "aws:efs/mountTarget:MountTarget"
_SERVICE: Final = re.compile(r"^(?:cn\.)?com\.amazonaws\.[a-z0-9-]+\.")
"""What the names of AWS's own services begin with."""
_EIP: Final = "aws:ec2/eip:Eip"
_EIP_ASSOCIATION: Final = "aws:ec2/eipAssociation:EipAssociation"

Address = Literal["yes", "no", "as its subnet does"]
Inputs = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Member:
    """Something with network interfaces. Several interfaces count as one that has all their groups."""

    kind: str
    name: str
    groups: frozenset[str] | None
    """None where no group stands in the way, as for a network load balancer without one."""
    subnets: frozenset[str]
    """Empty where the plan does not say."""
    address: Address
    """Whether it has a public address."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a type's inputs name groups and subnets, as dotted paths through objects and lists."""

    kind: str
    groups: tuple[str, ...]
    subnets: tuple[str, ...]
    address: Callable[[Inputs], Address] = lambda _: "no"


def _flag(path: str) -> Callable[[Inputs], Address]:
    def address(inputs: Inputs) -> Address:
        value = next(iter(values(inputs, path)), None)
        return "as its subnet does" if value is None else "yes" if value in (True, "true") else "no"

    return address


def _asked(path: str) -> Callable[[Inputs], Address]:
    """An address only where it is asked for."""
    return lambda inputs: "yes" if any(values(inputs, path)) else "no"


_INSTANCE: Final = Place(
    kind="instance",
    groups=("vpcSecurityGroupIds", "securityGroups"),
    subnets=("subnetId",),
    address=_flag("associatePublicIpAddress"),
)
PLACES: Final[Mapping[str, Place]] = {
    "aws:codebuild/project:Project": Place(
        kind="build", groups=("vpcConfig.securityGroupIds",), subnets=("vpcConfig.subnets",)
    ),
    "aws:ec2/instance:Instance": _INSTANCE,
    "aws:ec2/spotInstanceRequest:SpotInstanceRequest": _INSTANCE,
    "aws:ec2/networkInterface:NetworkInterface": Place(
        kind="network interface", groups=("securityGroups",), subnets=("subnetId",)
    ),
    _ENDPOINT: Place(kind="endpoint", groups=("securityGroupIds",), subnets=("subnetIds",)),
    "aws:ecs/service:Service": Place(
        kind="ECS service",
        groups=("networkConfiguration.securityGroups",),
        subnets=("networkConfiguration.subnets",),
        address=_asked("networkConfiguration.assignPublicIp"),
    ),
    _MOUNT_TARGET: Place(kind="EFS", groups=("securityGroups",), subnets=("subnetId",)),
    "aws:fsx/lustreFileSystem:LustreFileSystem": Place(
        kind="Lustre", groups=("securityGroupIds",), subnets=("subnetIds",)
    ),
    "aws:lambda/function:Function": Place(
        kind="function", groups=("vpcConfig.securityGroupIds",), subnets=("vpcConfig.subnetIds",)
    ),
    "aws:lb/loadBalancer:LoadBalancer": Place(
        kind=LOAD_BALANCER,
        groups=("securityGroups",),
        subnets=("subnets", "subnetMappings.subnetId"),
        address=lambda inputs: "no" if inputs.get("internal") else "yes",
    ),
    "aws:rds/instance:Instance": Place(
        kind="database",
        groups=("vpcSecurityGroupIds",),
        subnets=(),
        address=_asked("publiclyAccessible"),
    ),
}
_TEMPLATE_GROUPS: Final = ("vpcSecurityGroupIds", "networkInterfaces.securityGroups")
_TEMPLATE_ADDRESS: Final = _flag("networkInterfaces.associatePublicIpAddress")
_TEMPLATE_OF: Final[Mapping[str, tuple[str, ...]]] = {
    NODE_GROUP: ("launchTemplate.id", "launchTemplate.name"),
    _SCALING_GROUP: (
        "launchTemplate.id",
        "launchTemplate.name",
        "mixedInstancesPolicy.launchTemplate.launchTemplateSpecification.launchTemplateId",
    ),
    "aws:ec2/instance:Instance": ("launchTemplate.id", "launchTemplate.name"),
}
MEMBER_TYPES: Final = frozenset({*PLACES, CLUSTER, NODE_GROUP, _SCALING_GROUP, _TEMPLATE})


def values(inputs: Any, path: str) -> Iterator[Any]:  # noqa: ANN401  # whatever an input holds
    """What a dotted path leads to; lists on the way and at its end are walked."""
    if isinstance(inputs, list | tuple):
        for item in inputs:
            yield from values(item, path)
        return
    if not path:
        if inputs is not None:
            yield inputs
        return
    head, _, rest = path.partition(".")
    if isinstance(inputs, Mapping) and head in inputs:
        yield from values(inputs[head], rest)


def members(plan: Plan) -> tuple[Member, ...]:
    """Everything in the plan that has security groups."""
    addressed = _addressed(plan)
    found = [
        *_control_planes(plan),
        *_nodes(plan),
        *(_scaling_group(plan, resource) for resource in plan.of_type(_SCALING_GROUP)),
        *(
            _placed(plan, resource, place, addressed)
            for type_, place in PLACES.items()
            for resource in plan.of_type(type_)
            if _in_a_vpc(resource, place)
        ),
    ]
    return tuple(found)


def _in_a_vpc(resource: Resource, place: Place) -> bool:
    """Gateway endpoints are routes; functions and builds have interfaces only where they name a VPC."""
    if place.kind == "endpoint":
        return resource.inputs.get("vpcEndpointType") in ("Interface", "GatewayLoadBalancer")
    return place.kind not in ("function", "build") or bool(resource.inputs.get("vpcConfig"))


def _control_planes(plan: Plan) -> Iterator[Member]:
    for cluster in plan.of_type(CLUSTER):
        config = cluster.inputs.get("vpcConfig") or {}
        yield Member(
            kind=CONTROL_PLANE,
            name=str(cluster.inputs.get("name") or cluster.name),
            groups=frozenset({cluster_group(cluster), *_texts(config, "securityGroupIds")}),
            subnets=frozenset(_texts(config, "subnetIds")),
            address="no",
        )


def _nodes(plan: Plan) -> Iterator[Member]:
    clusters = {str(cluster.outputs.get("name")): cluster_group(cluster) for cluster in plan.of_type(CLUSTER)}
    for group in plan.of_type(NODE_GROUP):
        template = _template(plan, group)
        # Without groups in the template EKS puts the cluster's own on the nodes.
        own = clusters.get(str(group.inputs.get("clusterName")), "")
        yield Member(
            kind=NODES,
            name=str((group.inputs.get("labels") or {}).get(names.GROUP_LABEL, group.name)),
            groups=_groups(template, _TEMPLATE_GROUPS) or frozenset({own}),
            subnets=frozenset(_texts(group.inputs, "subnetIds")),
            address=_TEMPLATE_ADDRESS(template),
        )


def _scaling_group(plan: Plan, resource: Resource) -> Member:
    template = _template(plan, resource)
    return Member(
        kind="instances",
        name=resource.name,
        groups=_groups(template, _TEMPLATE_GROUPS) or _default(plan),
        subnets=frozenset(_texts(resource.inputs, "vpcZoneIdentifiers")),
        address=_TEMPLATE_ADDRESS(template),
    )


def _placed(plan: Plan, resource: Resource, place: Place, addressed: frozenset[str]) -> Member:
    template = _template(plan, resource)
    groups = _groups(resource.inputs, place.groups) or _groups(template, _TEMPLATE_GROUPS)
    unguarded = resource.inputs.get("loadBalancerType") in ("network", "gateway")
    subnets = {subnet for path in place.subnets for subnet in _texts(resource.inputs, path)}
    subnets |= set(_texts(template, "networkInterfaces.subnetId"))
    address = place.address(resource.inputs)
    if template and address == "as its subnet does":
        address = _TEMPLATE_ADDRESS(template)
    return Member(
        kind=place.kind,
        name=_name(plan, resource),
        groups=groups or (None if unguarded else _default(plan)),
        subnets=frozenset(subnets or _database_subnets(plan, resource)),
        address="yes" if resource.id in addressed else address,
    )


def _name(plan: Plan, resource: Resource) -> str:
    """Mount targets go by the name of their file system, endpoints by their service."""
    if resource.type == _MOUNT_TARGET:
        systems = {system.id: system.name for system in plan.of_type(_EFS)}
        return systems.get(str(resource.inputs.get("fileSystemId")), resource.name)
    if resource.type == _ENDPOINT:
        return _SERVICE.sub("", str(resource.inputs.get("serviceName", resource.name)))
    return resource.name


def _template(plan: Plan, resource: Resource) -> Inputs:
    """The inputs of the launch template that a resource names; empty where it names none that the plan holds."""
    named = {text for path in _TEMPLATE_OF.get(resource.type, ()) for text in _texts(resource.inputs, path)}
    templates = plan.of_type(_TEMPLATE) if named else ()
    return next((each.inputs for each in templates if {each.id, each.outputs.get("name")} & named), {})


def _groups(inputs: Inputs, paths: tuple[str, ...]) -> frozenset[str]:
    return frozenset(group for path in paths for group in _texts(inputs, path))


def _texts(inputs: Inputs, path: str) -> Iterator[str]:
    return (str(value) for value in values(inputs, path))


def _default(plan: Plan) -> frozenset[str]:
    """The default groups of the plan's VPCs, under the id of the resource that adopts them, where one does."""
    adopted = {str(each.inputs.get("vpcId")): each.id for each in plan.of_type(_DEFAULT_GROUP)}
    vpcs = [vpc.id for vpc in plan.of_type(_VPC)] or [""]
    return frozenset(adopted.get(vpc) or default_id(vpc) for vpc in vpcs)


def _database_subnets(plan: Plan, resource: Resource) -> set[str]:
    group = resource.inputs.get("dbSubnetGroupName")
    found = [each for each in plan.of_type(_DB_SUBNETS) if group and group in (each.id, each.outputs.get("name"))]
    return {subnet for each in found for subnet in _texts(each.inputs, "subnetIds")}


def _addressed(plan: Plan) -> frozenset[str]:
    """What has an elastic address."""
    pairs = ((_EIP, ("instance", "networkInterface")), (_EIP_ASSOCIATION, ("instanceId", "networkInterfaceId")))
    return frozenset(
        str(resource.inputs[field])
        for type_, fields in pairs
        for resource in plan.of_type(type_)
        for field in fields
        if resource.inputs.get(field)
    )
