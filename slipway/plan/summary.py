"""What a person wants to know of a plan first, as data."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from infra.catalog import names
from infra.catalog.instances import Accelerator, instance_type
from slipway.plan.bill.lines import Cost
from slipway.plan.bill.types import BUCKET, CLUSTER, EFS, ENDPOINT, LUSTRE, NAT
from slipway.plan.cost import cost
from slipway.plan.fleet import NODE_GROUP, NodeGroup, node_groups
from slipway.plan.model import Plan, Resource, counts
from slipway.plan.services import ADDON_COMPONENT, Service, services
from slipway.wire import UNKNOWN

_EKS_ADDON: Final = "aws:eks/addon:Addon"
_RELEASE: Final = "kubernetes:helm.sh/v3:Release"
_CONFIG_FILE: Final = "kubernetes:yaml/v2:ConfigFile"
_DIRECTORY: Final = "kubernetes:kustomize/v2:Directory"
_ADDON_VERSION: Final = "aws:eks/getAddonVersion:getAddonVersion"
_MOUNT_TARGET: Final = "aws:efs/mountTarget:MountTarget"
_SUBNET: Final = "aws:ec2/subnet:Subnet"
_VPC: Final = "aws:ec2/vpc:Vpc"
_ASSOCIATION: Final = "aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation"


@dataclass(frozen=True, kw_only=True)
class Group:
    """A managed node group in one zone. `accelerators_at_maximum` counts those of all its nodes; 0 without any."""

    name: str
    group: str
    zone: str
    types: tuple[str, ...]
    capacity: str
    minimum: int
    desired: int
    maximum: int
    accelerator: str
    accelerators_at_maximum: int
    efa_interfaces: int
    sharing: str


@dataclass(frozen=True, kw_only=True)
class Store:
    """A place for data: what it is, its name, where it lies, how large, and what is special."""

    kind: str
    name: str
    zone: str
    size: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class AddOn:
    """An installed add-on: `kind` is `EKS`, `Helm`, `YAML`, `kustomize` or `objects`.

    The version is empty for plain objects and unknown (`slipway.wire.UNKNOWN`) where AWS's default at the time of `up`
    decides: what a recording answered in its place is made up.
    """

    name: str
    kind: str
    version: str


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A plan in a page."""

    project: str
    stack: str
    preview: bool
    region: str
    cluster: str
    version: str
    endpoint: str
    zones: tuple[str, ...]
    network: str
    groups: tuple[Group, ...]
    stores: tuple[Store, ...]
    services: tuple[Service, ...]
    addons: tuple[AddOn, ...]
    left_out: Mapping[str, str]
    counts: Mapping[str, int]
    resources: int
    cost: Cost
    warnings: tuple[str, ...]


def summary(plan: Plan, on: date | None = None) -> Summary:
    """Read a plan.

    Args:
        plan: A recorded one.
        on: The day for the prices; today by default.
    """
    clusters = plan.of_type(CLUSTER)
    inputs = clusters[0].inputs if clusters else {}
    groups = node_groups(plan)
    priced = cost(plan, on)
    left_out = plan.outputs.get("leftOut")
    return Summary(
        project=plan.project,
        stack=plan.stack,
        preview=plan.preview,
        region=priced.region,
        cluster=str(inputs.get("name") or (clusters[0].name if clusters else "")),
        version=str(inputs.get("version", "")),
        endpoint=_endpoint(inputs.get("vpcConfig") or {}),
        zones=_zones(plan, groups),
        network=_network(plan),
        groups=tuple(_group(group) for group in groups),
        stores=tuple(_stores(plan)),
        services=services(plan),
        addons=tuple(sorted(_addons(plan), key=lambda addon: (addon.kind, addon.name))),
        left_out=dict(left_out) if isinstance(left_out, Mapping) else {},
        counts=counts(plan.resources),
        resources=len(plan.resources),
        cost=priced,
        warnings=plan.warnings,
    )


def _endpoint(vpc: Mapping[str, Any]) -> str:
    ways = []
    if vpc.get("endpointPublicAccess", True):
        cidrs = vpc.get("publicAccessCidrs") or ["0.0.0.0/0"]
        ways.append(f"public from {', '.join(str(cidr) for cidr in cidrs)}")
    if vpc.get("endpointPrivateAccess"):
        ways.append("private")
    return " and ".join(ways)


def _zones(plan: Plan, groups: tuple[NodeGroup, ...]) -> tuple[str, ...]:
    found = {subnet.inputs.get("availabilityZoneId") for subnet in plan.of_type(_SUBNET)}
    found |= {group.zone for group in groups}
    return tuple(sorted(str(zone) for zone in found if zone))


def _network(plan: Plan) -> str:
    vpcs = plan.of_type(_VPC)
    if not vpcs:
        # Its gateways and endpoints are not the stack's: nothing is known of them here.
        return f"existing VPC {plan.outputs.get('vpcId', '')}".strip()
    parts = [f"VPC {vpcs[0].inputs.get('cidrBlock', '')}"]
    nats = len(plan.of_type(NAT))
    parts.append(f"{nats} NAT gateway{'s' if nats > 1 else ''}" if nats else "no NAT gateway")
    endpoints = len(plan.of_type(ENDPOINT))
    if endpoints:
        parts.append(f"{endpoints} VPC endpoint{'s' if endpoints > 1 else ''}")
    return ", ".join(parts)


def _group(group: NodeGroup) -> Group:
    accelerator = group.accelerator
    return Group(
        name=group.name,
        group=group.group,
        zone=group.zone,
        types=group.types,
        capacity=group.capacity,
        minimum=group.minimum,
        desired=group.desired,
        maximum=group.maximum,
        accelerator=_accelerator(group, accelerator) if accelerator is not None else "",
        accelerators_at_maximum=group.maximum * accelerator.count if accelerator is not None else 0,
        sharing=group.sharing,
        efa_interfaces=group.efa_interfaces,
    )


def _accelerator(group: NodeGroup, accelerator: Accelerator) -> str:
    found = [instance_type(name).accelerator for name in group.types]
    numbers = sorted({each.count for each in found if each is not None})
    count = str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}"
    memory = f", {accelerator.memory_mib / 1024:.0f} GiB each" if accelerator.memory_mib else ""
    return f"{count} x {accelerator.model}{memory}"


def _stores(plan: Plan) -> Iterator[Store]:
    repositories = plan.of_type(_ASSOCIATION)
    for system in plan.of_type(LUSTRE):
        linked = sum(system.urn in each.dependencies for each in repositories)
        yield _lustre(plan, system, linked)
    for system in plan.of_type(EFS):
        mode = str(system.inputs.get("throughputMode", "bursting"))
        detail = f"{mode} throughput, {_kept(system)}"
        yield Store(kind="EFS", name=_short(system), zone=_efs_zone(plan, system), size="by use", detail=detail)
    for bucket in plan.of_type(BUCKET):
        yield Store(kind="S3", name=_short(bucket), zone="all", size="by use", detail=_kept(bucket))


def _lustre(plan: Plan, system: Resource, linked: int) -> Store:
    inputs = system.inputs
    capacity = inputs.get("storageCapacity")
    rate = inputs.get("perUnitStorageThroughput")
    parts = [
        str(inputs.get("deploymentType", "")),
        f"{rate} MB/s per TiB" if rate else "",
        "EFA" if inputs.get("efaEnabled") else "",
        f"{linked} S3 association{'s' if linked > 1 else ''}" if linked else "",
        _kept(system),
    ]
    return Store(
        kind="FSx for Lustre",
        name=_short(system),
        zone=_zone_of(plan, system),
        size=f"{capacity:,} GiB" if capacity else "by use",
        detail=", ".join(part for part in parts if part),
    )


def _zone_of(plan: Plan, resource: Resource) -> str:
    """The zone of the subnet that a resource lies in; empty where nothing in the plan tells it."""
    needed = resource.property_dependencies
    for urn in (*needed.get("subnetIds", ()), *needed.get("subnetId", ())):
        subnet = plan.get(urn)
        if subnet is not None and subnet.type == _SUBNET:
            return str(subnet.inputs.get("availabilityZoneId", ""))
    # A subnet of an existing VPC is no resource of the plan, but the node groups in it say which zone it is in.
    subnet_id = resource.inputs.get("subnetIds") or resource.inputs.get("subnetId")
    for group in plan.of_type(NODE_GROUP):
        if group.inputs.get("subnetIds") == [subnet_id]:
            return str((group.inputs.get("labels") or {}).get(names.NODE_ZONE_LABEL, ""))
    return ""


def _efs_zone(plan: Plan, system: Resource) -> str:
    """`all`, or the zone's id of a One Zone file system, whose own input is a name that only one account knows."""
    if system.inputs.get("availabilityZoneName") is None:
        return "all"
    targets = [each for each in plan.of_type(_MOUNT_TARGET) if system.urn in each.dependencies]
    return _zone_of(plan, targets[0]) if targets else ""


def _short(resource: Resource) -> str:
    """The logical name without the component's."""
    return resource.name.removeprefix("storage-")


def _kept(resource: Resource) -> str:
    return "protected" if resource.protect else "disposable"


def _addons(plan: Plan) -> Iterator[AddOn]:
    by_aws = {each.result.get("addonName") for each in plan.invocations if each.token == _ADDON_VERSION}
    for component in plan.of_type(ADDON_COMPONENT):
        kind, version = "objects", ""
        for child in plan.descendants(component):
            if child.type == _EKS_ADDON:
                version = (
                    UNKNOWN if child.inputs.get("addonName") in by_aws else str(child.inputs.get("addonVersion", ""))
                )
                kind = "EKS"
            elif child.type == _RELEASE:
                kind, version = "Helm", str(child.inputs.get("version", ""))
            elif child.type == _DIRECTORY:
                kind, version = "kustomize", str(component.outputs.get("version", ""))
            elif child.type == _CONFIG_FILE:
                kind, version = "YAML", str(component.outputs.get("version", ""))
        yield AddOn(name=component.name, kind=kind, version=version)
