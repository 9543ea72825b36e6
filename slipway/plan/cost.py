"""What a plan costs an hour, line by line, at desired and at maximum size.

Prices and their sources are the catalogue's (`infra.catalog.prices`). What has no known price is listed, never counted
as zero, and what is billed by use alone is listed too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Final

from infra.catalog import eks, prices
from infra.catalog.errors import UnknownNameError
from slipway.plan.fleet import NODE_GROUP, NodeGroup, Volume, node_groups
from slipway.plan.model import Plan, Resource

PROVIDER: Final = "pulumi:providers:aws"
CLUSTER: Final = "aws:eks/cluster:Cluster"
LUSTRE: Final = "aws:fsx/lustreFileSystem:LustreFileSystem"
EFS: Final = "aws:efs/fileSystem:FileSystem"
NAT: Final = "aws:ec2/natGateway:NatGateway"
ADDRESS: Final = "aws:ec2/eip:Eip"
ENDPOINT: Final = "aws:ec2/vpcEndpoint:VpcEndpoint"
KEY: Final = "aws:kms/key:Key"
BUCKET: Final = "aws:s3/bucket:Bucket"
LOGS: Final = "aws:cloudwatch/logGroup:LogGroup"
_GP3_IOPS, _GP3_THROUGHPUT = 3000, 125
"""What a gp3 volume's price includes (facts: gp3 0.005/IOPS over 3000 and 0.04 per MB/s over 125)."""

PRICED: Final = frozenset({CLUSTER, LUSTRE, EFS, NAT, ADDRESS, ENDPOINT, KEY, BUCKET, LOGS, NODE_GROUP})
"""Types with a line in the bill, or billed by use."""
FREE: Final = frozenset(
    {
        "aws:autoscaling/tag:Tag",
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        "aws:ec2/flowLog:FlowLog",  # what it writes is billed to the log group
        "aws:ec2/internetGateway:InternetGateway",
        "aws:ec2/launchTemplate:LaunchTemplate",
        "aws:ec2/placementGroup:PlacementGroup",
        "aws:ec2/route:Route",
        "aws:ec2/routeTable:RouteTable",
        "aws:ec2/routeTableAssociation:RouteTableAssociation",
        "aws:ec2/securityGroup:SecurityGroup",
        "aws:ec2/securityGroupRule:SecurityGroupRule",
        "aws:ec2/subnet:Subnet",
        "aws:ec2/vpc:Vpc",
        "aws:efs/accessPoint:AccessPoint",
        "aws:efs/backupPolicy:BackupPolicy",
        "aws:efs/fileSystemPolicy:FileSystemPolicy",
        "aws:efs/mountTarget:MountTarget",
        "aws:eks/accessEntry:AccessEntry",
        "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
        "aws:eks/addon:Addon",
        "aws:eks/podIdentityAssociation:PodIdentityAssociation",
        "aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation",
        "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
        "aws:iam/policy:Policy",
        "aws:iam/role:Role",
        "aws:iam/rolePolicy:RolePolicy",
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        "aws:kms/alias:Alias",
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        "aws:s3/bucketLogging:BucketLogging",
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        "aws:s3/bucketPolicy:BucketPolicy",
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "aws:s3/bucketVersioning:BucketVersioning",
        "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    }
)
"""Types that AWS does not bill. What is in neither set is listed as having no known price."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the bill, USD an hour. `verified` is False where the figure is an estimate; `basis` says of what."""

    area: str
    item: str
    desired: float
    maximum: float
    basis: str
    verified: bool


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a plan costs. `by_use` is billed by use alone, `unpriced` has no known price; neither is in the sums."""

    region: str
    lines: tuple[Line, ...]
    by_use: tuple[str, ...]
    unpriced: tuple[str, ...]

    @property
    def desired(self) -> float:
        """USD an hour at desired size."""
        return sum(line.desired for line in self.lines)

    @property
    def maximum(self) -> float:
        """USD an hour with every node group at its maximum."""
        return sum(line.maximum for line in self.lines)

    @property
    def verified(self) -> bool:
        """Whether every line is AWS's own figure and nothing is left out."""
        return not self.unpriced and all(line.verified for line in self.lines)


def cost(plan: Plan, on: date | None = None) -> Cost:
    """Price a plan.

    Args:
        plan: One whose counts and sizes are known; ids need not be.
        on: The day that decides whether the Kubernetes version is in extended support; today by default.
    """
    day = on or datetime.now(UTC).date()
    region = region_of(plan)
    lines: list[Line] = []
    unpriced: list[str] = []
    for found in (
        _control_plane(plan, region, day),
        _nodes(plan, region),
        _network(plan, region),
        _storage(plan, region),
    ):
        for each in found:
            (lines if isinstance(each, Line) else unpriced).append(each)  # type: ignore[arg-type]  # sorted by type
    unknown = {
        f"{resource.type}: no price known" for resource in plan if resource.package == "aws" and not _known(resource)
    }
    return Cost(
        region=region,
        lines=tuple(lines),
        by_use=tuple(_by_use(plan)),
        unpriced=(*unpriced, *sorted(unknown)),
    )


def region_of(plan: Plan) -> str:
    """The region of the plan's first AWS provider, or of its configuration; us-east-1 where neither says."""
    for provider in plan.of_type(PROVIDER):
        region = provider.inputs.get("region")
        if isinstance(region, str):
            return region
    return prices.HOME_REGION


def _known(resource: Resource) -> bool:
    return resource.type in PRICED or resource.type in FREE


def _control_plane(plan: Plan, region: str, day: date) -> Iterator[Line | str]:
    for cluster in plan.of_type(CLUSTER):
        version = str(cluster.inputs.get("version", eks.DEFAULT_VERSION))
        slug = "eks-cluster"
        if (cluster.inputs.get("upgradePolicy") or {}).get("supportType") != "STANDARD":
            slug = "eks-cluster-extended" if eks.support(version, day) == "extended" else slug
        yield _fixed("control plane", "EKS cluster", slug, region)


def _nodes(plan: Plan, region: str) -> Iterator[Line | str]:
    for group in node_groups(plan):
        if group.maximum == 0:
            continue
        yield _instances(group, region)
        yield from _volumes(group, region)


def _instances(group: NodeGroup, region: str) -> Line | str:
    found = [(name, price) for name in group.types if (price := _instance(name, region, group)) is not None]
    if not found or len(found) < len(group.types):
        missing = next((name for name in group.types if _instance(name, region, group) is None), "no instance type")
        return f"{group.name}: {missing}, {group.capacity} in {region}: no price known"
    # On demand EKS takes the first type that it can get; on spot any may come, so the dearest stands for all.
    name, price = found[0] if group.capacity != "spot" else max(found, key=lambda pair: pair[1].usd_per_hour)
    several = f", {'dearest' if group.capacity == 'spot' else 'first'} of {len(found)} types" if len(found) > 1 else ""
    return Line(
        area="nodes",
        item=f"{group.name}: {name} {group.capacity}",
        desired=group.desired * price.usd_per_hour,
        maximum=group.maximum * price.usd_per_hour,
        basis=f"{price.usd_per_hour:.4f} each{several}; {price.basis}",
        verified=price.verified,
    )


def _instance(name: str, region: str, group: NodeGroup) -> prices.Price | None:
    try:
        price = prices.instance_hourly(name, region, group.capacity)
        if price is not None or group.capacity != "spot":
            return price
        ceiling = prices.instance_hourly(name, region, "on-demand")
    except UnknownNameError:
        return None
    if ceiling is None:
        return None
    # Spot never costs more than on demand (EC2 user guide, Spot Instances), so this errs on the dear side.
    return replace(ceiling, basis=f"at most, spot price not known; {ceiling.basis}", verified=False)


def _volumes(group: NodeGroup, region: str) -> Iterator[Line | str]:
    hourly = 0.0
    for volume in group.volumes:
        if volume.type != "gp3":
            yield f"{group.name}: EBS {volume.type} volume: no price known"
            continue
        hourly += _gp3(volume)
    if hourly:
        gib = sum(volume.gib for volume in group.volumes)
        yield _line(
            "nodes",
            f"{group.name}: gp3 {gib} GiB",
            (group.desired * hourly, group.maximum * hourly),
            prices.infrastructure("gp3-gb-month"),
            region,
        )


def _gp3(volume: Volume) -> float:
    """USD an hour of one gp3 volume with what it has over the included IOPS and throughput."""
    monthly = volume.gib * prices.infrastructure("gp3-gb-month").usd
    monthly += max(0, (volume.iops or 0) - _GP3_IOPS) * prices.infrastructure("gp3-iops-month").usd
    monthly += max(0, (volume.throughput or 0) - _GP3_THROUGHPUT) * prices.infrastructure("gp3-mbps-month").usd
    return monthly / prices.HOURS_PER_MONTH


def _network(plan: Plan, region: str) -> Iterator[Line | str]:
    yield from _counted("NAT gateway", len(plan.of_type(NAT)), "nat-gateway", region)
    yield from _counted("public IPv4 address", len(plan.of_type(ADDRESS)), "public-ipv4", region)
    interfaces = [each for each in plan.of_type(ENDPOINT) if each.inputs.get("vpcEndpointType") == "Interface"]
    zones = sum(len(each.inputs.get("subnetIds") or []) for each in interfaces)
    yield from _counted("interface endpoint and zone", zones, "interface-endpoint", region)


def _counted(item: str, count: int, slug: str, region: str) -> Iterator[Line]:
    if count:
        yield _fixed("network", f"{count} x {item}", slug, region, count)


def _storage(plan: Plan, region: str) -> Iterator[Line | str]:
    for system in plan.of_type(LUSTRE):
        yield from _lustre(system, region)
    for system in plan.of_type(EFS):
        rate = system.inputs.get("provisionedThroughputInMibps")
        if rate:
            yield _fixed("storage", f"{system.name}: {rate} MiB/s", "efs-provisioned-mbps-month", region, rate)
    keys = len(plan.of_type(KEY))
    if keys:
        yield _fixed("storage", f"{keys} x KMS key", "kms-key-month", region, keys)


def _lustre(system: Resource, region: str) -> Iterator[Line | str]:
    inputs = system.inputs
    slug = _lustre_slug(inputs)
    if slug not in prices.infrastructure_slugs():
        yield f"{system.name}: FSx {inputs.get('deploymentType')} {inputs.get('storageType', 'SSD')}: no price known"
        return
    gib = inputs.get("storageCapacity", 0)
    yield _fixed("storage", f"{system.name}: FSx {inputs['deploymentType']} {gib} GiB", slug, region, gib)
    metadata = inputs.get("metadataConfiguration") or {}
    if metadata.get("mode") == "USER_PROVISIONED" and metadata.get("iops"):
        # FSx includes some with the capacity and bills the rest; how many is not in any source at hand, so all count.
        iops = metadata["iops"]
        yield _fixed("storage", f"{system.name}: {iops} metadata IOPS", "fsx-metadata-iops-month", region, iops)


def _lustre_slug(inputs: Mapping[str, Any]) -> str:
    deployment = str(inputs.get("deploymentType", "SCRATCH_1")).lower().replace("_", "-")
    if inputs.get("storageType") == "INTELLIGENT_TIERING":
        return f"fsx-{deployment}-intelligent-tiering"
    tier = inputs.get("perUnitStorageThroughput")
    media = "-hdd" if inputs.get("storageType") == "HDD" else ""
    return f"fsx-{deployment}{media}{f'-{tier}' if tier else ''}-gb-month"


def _by_use(plan: Plan) -> Iterator[str]:
    notes = {
        NAT: "NAT gateway traffic",
        ENDPOINT: "interface endpoint traffic",
        EFS: "EFS storage and transfer",
        BUCKET: "S3 storage and requests",
        LOGS: "CloudWatch Logs",
        LUSTRE: "FSx backups",
    }
    for type_, note in notes.items():
        found = plan.of_type(type_)
        if type_ == ENDPOINT:
            found = tuple(each for each in found if each.inputs.get("vpcEndpointType") == "Interface")
        if found:
            yield note


def _fixed(area: str, item: str, slug: str, region: str, count: float = 1) -> Line:
    """A line that does not change with the number of nodes."""
    price = prices.infrastructure(slug)
    hourly = count * price.usd / (prices.HOURS_PER_MONTH if price.unit.endswith("month") else 1)
    return _line(area, item, (hourly, hourly), price, region)


def _line(area: str, item: str, usd: tuple[float, float], price: prices.InfraPrice, region: str) -> Line:
    home = region == prices.HOME_REGION
    away = "" if home else f", {prices.HOME_REGION} price"
    return Line(
        area=area,
        item=item,
        desired=usd[0],
        maximum=usd[1],
        basis=f"{price.usd:g} USD {price.unit}{away} ({price.source})",
        verified=price.verified and home,
    )
