"""Settings of the control plane."""

import datetime
import ipaddress
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from pydantic import Field

from infra.catalog import eks
from infra.catalog.errors import UnknownNameError
from infra.catalog.zones import is_local
from infra.cluster import hybrid_settings
from infra.cluster.hybrid_settings import HybridSettings
from infra.model import Model
from infra.network.settings import Cidr, RetentionDays
from infra.problems import Problem, one_of, shown

LogType = Literal["api", "audit", "authenticator", "controllerManager", "scheduler"]
SERVICE_BLOCKS = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
MAX_PUBLIC_CIDRS = 40
"""Source: EKS service quotas, public endpoint access CIDRs (facts/quotas.csv)."""
NO_CONTROL_PLANE_ZONES = ("use1-az3", "usw1-az2", "cac1-az3")
"""Zones where EKS puts no control plane; nodes may run there.

Source: EKS user guide, "View Amazon EKS networking requirements for VPC and subnets"."""
_ANY_ADDRESS = "0.0.0.0/0"


class EndpointSettings(Model):
    """Who reaches the API server. It is always reachable from inside the VPC."""

    public: bool = False
    """Reachable from outside too, for `publicCidrs` only."""
    public_cidrs: tuple[Cidr, ...] = ()
    """Addresses outside the VPC that may connect, such as an office's or a CI runner's."""


class AccessEntry(Model):
    """An IAM principal that may use the Kubernetes API."""

    principal_arn: Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:iam::\d{12}:(role|user)/.+$")]
    """The role or user. The one that creates the cluster is an administrator already: naming it here is refused by
    EKS."""
    policy: Literal["cluster-admin", "admin", "admin-view", "edit", "view"] | None = None
    """The EKS access policy (AmazonEKSClusterAdminPolicy, ...). `admin-view` reads everything, secrets too; `view`
    neither these nor custom resources nor what is outside of namespaces. None: only what `groups` are bound to."""
    namespaces: tuple[str, ...] = ()
    """Limit the policy to these namespaces. Empty: the whole cluster."""
    groups: tuple[str, ...] = ()
    """Kubernetes groups, for role bindings of your own."""


class ControlPlaneLogs(Model):
    """Control plane logs to CloudWatch."""

    types: tuple[LogType, ...] = ("api", "audit", "authenticator", "controllerManager", "scheduler")
    """Which logs."""
    retention_days: RetentionDays = 90
    """Days that they are kept."""


class ClusterSettings(Model):
    """The EKS control plane."""

    version: str = eks.DEFAULT_VERSION
    """Kubernetes minor version, in quotes."""
    endpoint: EndpointSettings = Field(default_factory=EndpointSettings)
    """Who reaches the API server."""
    access: dict[Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")], AccessEntry] = Field(
        default_factory=dict
    )
    """IAM principals by a short name of your choice."""
    logs: ControlPlaneLogs = Field(default_factory=ControlPlaneLogs)
    """Control plane logs."""
    service_cidr: Cidr = "172.20.0.0/16"
    """Addresses of Kubernetes Services. Cannot change later."""
    support: Literal["STANDARD", "EXTENDED"] = "STANDARD"
    """At the end of standard support: STANDARD upgrades the cluster, EXTENDED pays six times the price."""
    deletion_protection: bool = True
    """EKS refuses to delete the cluster until this is false."""
    hybrid: HybridSettings | None = None
    """Machines outside of AWS that join as nodes. None: there are none."""


def control_plane_zones(zones: Sequence[str]) -> tuple[str, ...]:
    """The zones of the network that EKS can put a control plane into."""
    return tuple(zone for zone in zones if zone not in NO_CONTROL_PLANE_ZONES and not is_local(zone))


def problems(cluster: ClusterSettings, vpc_cidr: str, zones: Sequence[str], today: datetime.date) -> Iterator[Problem]:
    """What is wrong with the control plane.

    Sources: facts/eks_versions.json; EKS API KubernetesNetworkConfigRequest.serviceIpv4Cidr.
    """
    yield from _version_problems(cluster, today)
    regional = [zone for zone in zones if not is_local(zone)]
    usable = control_plane_zones(regional)
    if len(usable) < 2 <= len(regional):  # noqa: PLR2004  # said in the message
        yield Problem(
            "network",
            f"{one_of(zones)}: EKS needs two zones for its control plane, "
            f"and puts none into {one_of(NO_CONTROL_PLANE_ZONES)}",
        )
    service = ipaddress.IPv4Network(cluster.service_cidr)
    inside = any(service.subnet_of(ipaddress.IPv4Network(block)) for block in SERVICE_BLOCKS)
    if not inside or not 12 <= service.prefixlen <= 24:  # noqa: PLR2004  # said in the message
        yield Problem(
            "cluster.serviceCidr",
            f"{shown(cluster.service_cidr)}: must be /12 to /24 inside one of {one_of(SERVICE_BLOCKS)}",
        )
    if service.overlaps(ipaddress.IPv4Network(vpc_cidr)):
        yield Problem("cluster.serviceCidr", f"{shown(cluster.service_cidr)} overlaps the VPC's {vpc_cidr}")
    endpoint = cluster.endpoint
    if endpoint.public and not endpoint.public_cidrs:
        yield Problem(
            "cluster.endpoint.publicCidrs",
            "say who may connect, such as 203.0.113.0/24; EKS would open it to the world",
        )
    if not endpoint.public and endpoint.public_cidrs:
        yield Problem("cluster.endpoint.publicCidrs", "has no effect while cluster.endpoint.public is false")
    if len(endpoint.public_cidrs) > MAX_PUBLIC_CIDRS:
        yield Problem(
            "cluster.endpoint.publicCidrs",
            f"{len(endpoint.public_cidrs)} CIDRs; EKS takes {MAX_PUBLIC_CIDRS}",
        )
    for name, entry in cluster.access.items():
        if entry.policy is None and not entry.groups:
            yield Problem(f"cluster.access.{name}", "gives no access; set policy or groups")
        if entry.policy is None and entry.namespaces:
            yield Problem(f"cluster.access.{name}.namespaces", "limits a policy, and there is none")


def _version_problems(cluster: ClusterSettings, today: datetime.date) -> Iterator[Problem]:
    allowed = eks.ACCEPTED_VERSIONS
    try:
        version = eks.version(cluster.version)
    except UnknownNameError:  # its nearest names may be versions that are over
        yield Problem("cluster.version", f"{shown(cluster.version)} is no EKS version; use one of: {one_of(allowed)}")
        return
    support = eks.support(cluster.version, today)
    if support == "ended":
        yield Problem(
            "cluster.version",
            f"{shown(cluster.version)}: EKS support ended on {version.extended_until}; use one of: {one_of(allowed)}",
        )
    elif cluster.version not in allowed:
        yield Problem(
            "cluster.version",
            f"{shown(cluster.version)} is not one that the add-ons are checked with; use one of: {one_of(allowed)}",
        )
    elif support == "extended" and cluster.support == "STANDARD":
        yield Problem(
            "cluster.version",
            f"{shown(cluster.version)}: standard support ended on {version.standard_until}; "
            "use a newer one, or cluster.support EXTENDED",
        )


def warnings(cluster: ClusterSettings, today: datetime.date) -> Iterator[str]:
    """What the user should know, though it is allowed."""
    until = eks.version(cluster.version).standard_until
    days = (until - today).days if until else None
    if days is not None and 0 <= days <= 60:  # noqa: PLR2004  # two months: time to plan an upgrade
        yield f"cluster.version {cluster.version}: standard support ends on {until}, in {days} days"
    if cluster.support == "EXTENDED":
        yield "cluster.support EXTENDED: after standard support the control plane costs six times as much"
    if cluster.hybrid:
        yield from hybrid_settings.warnings(cluster.hybrid)
    if _ANY_ADDRESS in cluster.endpoint.public_cidrs:
        yield f"cluster.endpoint.publicCidrs: {_ANY_ADDRESS} opens the API server to the world"
    if not cluster.access:
        yield "cluster.access is empty: only the principal that creates the cluster can use it"
