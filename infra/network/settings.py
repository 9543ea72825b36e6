"""Settings of the network: a new VPC from one CIDR, or an existing one by ids."""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from infra.catalog import zones as catalog_zones
from infra.catalog.errors import UnknownNameError
from infra.model import Model
from infra.network.cidr import LARGEST_VPC, SMALLEST_VPC, CidrPlanError, plan
from infra.network.endpoints import ENDPOINTS
from infra.problems import Problem, nearest, one_of, shown

RetentionDays = Literal[
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3288,
    3653,
]
"""What CloudWatch Logs accepts (PutRetentionPolicy)."""


def _cidr(text: str) -> str:
    try:
        network = str(ipaddress.IPv4Network(text))
    except ValueError as error:
        raise ValueError(f"not an IPv4 CIDR such as 10.0.0.0/16 ({error})") from None
    if text != network:
        raise ValueError(f"AWS takes address and prefix length only; write {network}")
    return text


Cidr = Annotated[str, AfterValidator(_cidr)]


@dataclass(frozen=True, kw_only=True)
class Transit:
    """A transit gateway, and the addresses that it leads to."""

    gateway: str
    cidrs: tuple[str, ...]


class FlowLogSettings(Model):
    """VPC flow logs to CloudWatch Logs."""

    enabled: bool = True
    """Write flow logs."""
    traffic: Literal["ALL", "ACCEPT", "REJECT"] = "REJECT"
    """Which flows. ALL on a busy training cluster costs more than the cluster's NAT."""
    retention_days: RetentionDays = 30
    """Days that records are kept."""


class ExistingNetwork(Model):
    """A VPC that is there already. Slipway adds nothing to it but security groups."""

    vpc_id: Annotated[str, Field(pattern=r"^vpc-[0-9a-f]{8,17}$")]
    """The VPC's id."""
    cidr: Cidr
    """The VPC's main CIDR, for the check that service addresses do not overlap."""
    private_subnets: dict[str, Annotated[str, Field(pattern=r"^subnet-[0-9a-f]{8,17}$")]]
    """Zone id to the id of its private subnet. Nodes run here."""
    public_subnets: dict[str, Annotated[str, Field(pattern=r"^subnet-[0-9a-f]{8,17}$")]] = Field(default_factory=dict)
    """Zone id to the id of its public subnet, for internet-facing load balancers."""


class NetworkSettings(Model):
    """Where the cluster lives."""

    existing: ExistingNetwork | None = None
    """Use this VPC. Then `zones`, `cidr`, `nat` and what else describes a new VPC must be left out."""
    zones: tuple[str, ...] = ()
    """Zone ids such as `usw2-az1` (names such as us-west-2a differ per account). Add new ones at the end: a
    zone's addresses come from its position. EKS needs at least two. A Local Zone (`use1-dfw2-az1`, for p6e) may stand
    among them: nodes run there, and all else in the others."""
    cidr: Cidr = "10.0.0.0/16"
    """The VPC's addresses, /16 to /28."""
    private_prefix: Annotated[int, Field(ge=16, le=28)] = 19
    """Size of each zone's private subnet. A /19 has 8,187 usable addresses; GPU nodes eat them."""
    public_prefix: Annotated[int, Field(ge=16, le=28)] = 24
    """Size of each zone's public subnet."""
    internet: bool = True
    """False: a private cluster. No internet gateway, no NAT, no public subnets; AWS is reached by endpoints."""
    nat: Literal["per-zone", "single"] = "per-zone"
    """One NAT gateway per zone, or one for all (cheaper; crosses zones and is a single point of failure)."""
    endpoints: tuple[str, ...] = ()
    """Interface endpoints beyond those that the cluster needs, by service name such as `sagemaker.api`."""
    flow_logs: FlowLogSettings = Field(default_factory=FlowLogSettings)
    """VPC flow logs."""

    @property
    def zone_ids(self) -> tuple[str, ...]:
        """The zones, wherever they are said."""
        return tuple(self.existing.private_subnets) if self.existing else self.zones

    @property
    def vpc_cidr(self) -> str:
        """The VPC's main CIDR."""
        return self.existing.cidr if self.existing else self.cidr


def problems(network: NetworkSettings, region: str) -> Iterator[Problem]:
    """What is wrong with the network in this region.

    Sources: EKS user guide, network requirements (two zones at least; VPC of /16 to /28); facts README section 1.6
        (zone ids).
    """
    if network.existing:
        yield from _existing_problems(network)
    here = "network.existing.privateSubnets" if network.existing else "network.zones"
    yield from _zone_problems(network.zone_ids, region, here)
    if network.existing:
        public = network.existing.public_subnets
        for zone in public.keys() - network.existing.private_subnets.keys():
            yield Problem(
                f"network.existing.publicSubnets.{zone}",
                "this zone has no private subnet; nodes could not use it",
            )
        return
    if not LARGEST_VPC <= ipaddress.IPv4Network(network.cidr).prefixlen <= SMALLEST_VPC:
        yield Problem("network.cidr", f"{shown(network.cidr)}: a VPC is /{LARGEST_VPC} to /{SMALLEST_VPC}")
        return
    try:
        plan(
            network.cidr,
            zones=len(network.zones),
            private_prefix=network.private_prefix,
            public_prefix=network.public_prefix if network.internet else None,
        )
    except CidrPlanError as error:
        yield Problem("network.cidr", f"{shown(network.cidr)}: {error}")
    for index, name in enumerate(network.endpoints):
        if name not in ENDPOINTS:
            yield Problem(
                f"network.endpoints[{index}]",
                f"{shown(name)} is not known{nearest(name, ENDPOINTS)}; use one of: {one_of(sorted(ENDPOINTS))}",
            )


def _existing_problems(network: NetworkSettings) -> Iterator[Problem]:
    for field in sorted(network.model_fields_set - {"existing", "internet"}):
        alias = NetworkSettings.model_fields[field].alias
        yield Problem(f"network.{alias}", "describes a new VPC; leave it out beside network.existing")


def _zone_problems(zones: tuple[str, ...], region: str, here: str) -> Iterator[Problem]:
    try:
        known = (*catalog_zones.zones(region), *catalog_zones.local_zones(region))
    except UnknownNameError:
        return  # platform.region has its own message
    for index, zone in enumerate(zones):
        if zone not in known:
            yield Problem(
                f"{here}[{index}]" if here.endswith("zones") else f"{here}.{zone}",
                f"{shown(zone)} is no zone id of {region}{nearest(zone, known)}; use one of: {one_of(known)}",
            )
        if zones.index(zone) != index:
            yield Problem(f"{here}[{index}]", f"{shown(zone)} stands here twice")
    regional = {zone for zone in zones if not catalog_zones.is_local(zone)}
    if len(regional) < 2:  # noqa: PLR2004  # said in the message
        choice = one_of(zone for zone in known if not catalog_zones.is_local(zone))
        yield Problem(here, f"{len(regional)} zone(s); EKS needs at least two: {choice}")


def warnings(network: NetworkSettings) -> Iterator[str]:
    """What the user should know, though it is allowed."""
    if not network.existing and network.internet and network.nat == "single" and len(network.zones) > 1:
        yield "network.nat single: all zones lose the internet with one, and traffic from the others crosses zones"
