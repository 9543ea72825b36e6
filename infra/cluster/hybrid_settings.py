"""Settings of hybrid nodes: machines of one's own, elsewhere, as nodes of the cluster."""

import ipaddress
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Annotated, Final, Literal

from pydantic import Field

from infra.model import Model
from infra.network.settings import Cidr, NetworkSettings, Transit
from infra.problems import Problem, one_of, shown

PRIVATE_BLOCKS: Final = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
"""Source: EKS API, RemoteNodeNetwork and RemotePodNetwork (RFC 1918)."""
MAX_CIDRS: Final = 15
"""Of nodes, and of pods. Source: EKS user guide, "Amazon EKS Hybrid Nodes overview", limits."""
SECURITY_GROUP_RULES: Final = 60
"""Inbound rules of a security group. Source: VPC user guide, "Amazon VPC quotas"."""

_HERE: Final = "cluster.hybrid"


class HybridSettings(Model):
    """Machines in a data centre that join the cluster as nodes (EKS Hybrid Nodes)."""

    node_cidrs: Annotated[tuple[Cidr, ...], Field(min_length=1, max_length=MAX_CIDRS)]
    """The machines' addresses: private ones, apart from the VPC's and the Services'."""
    pod_cidrs: Annotated[tuple[Cidr, ...], Field(max_length=MAX_CIDRS)] = ()
    """The addresses of their pods. Empty where their CNI hides pods behind their machine's address: then no webhook
    can run there."""
    credentials: Literal["ssm", "roles-anywhere"] = "ssm"
    """How a machine proves who it is: by an activation of Systems Manager, or by a certificate."""
    trust_anchor: (
        Annotated[str, Field(pattern=r"^arn:aws:rolesanywhere:[a-z0-9-]+:\d{12}:trust-anchor/[0-9a-f-]{36}$")] | None
    ) = None
    """With roles-anywhere: the trust anchor whose certificates the machines have. The certificate's common name is
    the node's name."""
    gateway: Annotated[str, Field(pattern=r"^tgw-[0-9a-f]{8,17}$")] | None = None
    """A transit gateway that leads there: the VPC is attached to it, and private subnets get routes. Without one,
    attachment and routes are yours."""

    @property
    def cidrs(self) -> tuple[str, ...]:
        """The addresses of machines and pods."""
        return (*self.node_cidrs, *self.pod_cidrs)

    @property
    def transit(self) -> Transit | None:
        """The way there."""
        return Transit(gateway=self.gateway, cidrs=self.cidrs) if self.gateway else None

    @property
    def asking_for_names(self) -> tuple[str, ...]:
        """From where the cluster's DNS is asked: the pods' addresses, or what they hide behind."""
        return self.pod_cidrs or self.node_cidrs


def problems(hybrid: HybridSettings, network: NetworkSettings, *, service_cidr: str, public: bool) -> Iterator[Problem]:
    """What is wrong with the hybrid nodes.

    Args:
        hybrid: The settings.
        network: The VPC's.
        service_cidr: The addresses of Kubernetes Services.
        public: Whether the API server has public addresses.

    Sources: EKS user guide, "Prepare networking for hybrid nodes", "Create an Amazon EKS cluster with hybrid nodes" and
        "Amazon EKS Hybrid Nodes overview".
    """
    if public:
        yield Problem(
            "cluster.endpoint.public",
            "with cluster.hybrid use false: machines outside the VPC would look the API server up at its public"
            " addresses, and not come through the private network",
        )
    if (hybrid.credentials == "roles-anywhere") is not (hybrid.trust_anchor is not None):
        yield Problem(
            f"{_HERE}.trustAnchor",
            "name the one whose certificates the machines have"
            if hybrid.trust_anchor is None
            else f"is for credentials roles-anywhere, not {hybrid.credentials}",
        )
    if hybrid.gateway and network.existing:
        yield Problem(
            f"{_HERE}.gateway", "Slipway adds no routes to network.existing; attach it and add the routes yourself"
        )
    yield from _cidr_problems(hybrid, service_cidr, network.vpc_cidr)


def _cidr_problems(hybrid: HybridSettings, service_cidr: str, vpc_cidr: str) -> Iterator[Problem]:
    placed = [*_placed("nodeCidrs", hybrid.node_cidrs), *_placed("podCidrs", hybrid.pod_cidrs)]
    for path, cidr in placed:
        block = ipaddress.IPv4Network(cidr)
        if not any(block.subnet_of(ipaddress.IPv4Network(private)) for private in PRIVATE_BLOCKS):
            yield Problem(path, f"{shown(cidr)}: must be inside one of {one_of(PRIVATE_BLOCKS)}")
        for whose, other in (("the VPC's", vpc_cidr), ("cluster.serviceCidr", service_cidr)):
            if block.overlaps(ipaddress.IPv4Network(other)):
                yield Problem(path, f"{shown(cidr)} overlaps {whose} {other}")
    for (path, cidr), (later, other) in combinations(placed, 2):
        if ipaddress.IPv4Network(cidr).overlaps(ipaddress.IPv4Network(other)):
            yield Problem(later, f"{shown(other)} overlaps {path}, {cidr}")


def _placed(key: str, cidrs: Sequence[str]) -> list[tuple[str, str]]:
    return [(f"{_HERE}.{key}[{index}]", cidr) for index, cidr in enumerate(cidrs)]


def warnings(hybrid: HybridSettings) -> Iterator[str]:
    """What the user should know, though it is allowed."""
    rules = len(hybrid.cidrs) + 2 * len(hybrid.asking_for_names)
    if rules > SECURITY_GROUP_RULES // 2:
        yield (
            f"{_HERE}: {rules} inbound rules in the cluster's security group, which takes {SECURITY_GROUP_RULES} with"
            " all others; name fewer and larger blocks, or raise the quota"
        )
    if not hybrid.pod_cidrs:
        yield f"{_HERE}.podCidrs is empty: webhooks must not run on hybrid nodes, whose pods no API server reaches"
    if hybrid.gateway is None:
        there = ", ".join(hybrid.cidrs)
        yield f"{_HERE}.gateway is not set: routes to {there} from the private subnets are yours to add"
