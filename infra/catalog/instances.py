"""EC2 instance types: what AWS's DescribeInstanceTypes says, with curated facts laid over it.

Sources: `data/instances.json` (DescribeInstanceTypes, renewed by `slipway catalog refresh`),
`data/curated_instances.json` (rows the API lacks and values it has wrong) and `data/families.json` (what no API tells);
each names its own sources.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

from infra.catalog import names
from infra.catalog.errors import UnknownNameError
from infra.catalog.table import table

AcceleratorKind = Literal["nvidia", "neuron", "fpga"]
Arch = Literal["amd64", "arm64"]

_RESOURCES: Final = {"nvidia": names.GPU_RESOURCE, "neuron": names.NEURON_RESOURCE, "fpga": None}
# Managed node groups without a custom AMI cap pods at 110 below 30 vCPUs and at 250 from there on (EKS user guide,
# "Create a managed node group"; awsdocs/amazon-eks-user-guide@4d52b4d0).
_MANY_VCPUS: Final = 30
_FEW_PODS: Final = 110
_MANY_PODS: Final = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """The highest application clocks of a GPU, as `nvidia-smi -ac MEMORY,GRAPHICS` takes them (MHz)."""

    memory_mhz: int
    graphics_mhz: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Accelerator:
    """The accelerators of one instance.

    Attributes:
        kind: Who schedules it: NVIDIA's plugin, AWS Neuron's, or none (FPGA).
        model: The model's name without its maker, such as `H100` or `Trainium2`.
        count: How many one node offers. A fraction of a GPU (g6f, gr6f) is offered as one.
        memory_mib: Memory of each, MiB.
        resource: The extended resource that pods ask for; None where there is no device plugin.
        neuron_cores: NeuronCores of the whole node; None unless Neuron.
        interconnect: How the accelerators are linked; None where they are not.
        autoscaler_label: A value for the label `k8s.amazonaws.com/accelerator`: one that cluster-autoscaler knows (see
            `autoscaler.KNOWN_ACCELERATOR_LABELS`) or one of that form. Put it on nodes that offer `nvidia.com/gpu`
            only: cluster-autoscaler holds any node with the label for unready until it does.
        clocks: The highest application clocks; None where the EC2 user guide gives none.
    """

    kind: AcceleratorKind
    model: str
    count: int
    memory_mib: int
    resource: str | None
    neuron_cores: int | None
    interconnect: str | None
    autoscaler_label: str
    clocks: Clocks | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceStore:
    """The local disks of one instance. `total_gb` is decimal, as AWS gives it."""

    count: int
    total_gb: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceType:
    """One EC2 instance type.

    Attributes:
        name: Such as `p5.48xlarge`.
        family: Such as `p5`.
        arch: As Kubernetes spells it.
        vcpus: Default vCPUs.
        memory_mib: Memory, MiB.
        accelerator: Its accelerators, if any.
        instance_store: Its local disks, if any.
        network_cards: How many network cards.
        enis_per_card: How many network interfaces each card takes, in the order of the cards.
        efa_cards: The cards that take an EFA interface, by index.
        efa_interfaces: The most EFA interfaces the instance takes; 0 without EFA.
        ipv4_per_eni: IPv4 addresses of one interface, the primary one included.
        network_gbps: What the network sustains, over all cards and without burst, Gbit/s.
        max_pods: What the VPC CNI can address: ENIs of card 0 x (addresses - 1) + 2 (amazon-vpc-cni-k8s,
            `misc/eni-max-pods.txt`). Ask `max_pods()` for what a node group gets.
        usage_classes: `on-demand`, `spot`, `capacity-block`, as DescribeInstanceTypes says.
        placement_strategies: `cluster`, `partition`, `spread`.
        bare_metal: Whether there is no hypervisor.
        hypervisor: `nitro`, or None on bare metal.
        on_demand: Whether AWS sells it by the hour without a commitment. p5e, trn2 and p6e-gb200 it does not, whatever
            `usage_classes` says.
    """

    name: str
    family: str
    arch: Arch
    vcpus: int
    memory_mib: int
    accelerator: Accelerator | None
    instance_store: InstanceStore | None
    network_cards: int
    enis_per_card: tuple[int, ...]
    efa_cards: tuple[int, ...]
    efa_interfaces: int
    ipv4_per_eni: int
    network_gbps: float
    max_pods: int
    usage_classes: frozenset[str]
    placement_strategies: frozenset[str]
    bare_metal: bool
    hypervisor: str | None
    on_demand: bool


@cache
def instance_types() -> tuple[str, ...]:
    """The names of all instance types in the catalogue, sorted."""
    return tuple(sorted({*table("instances").names(), *_curated_rows()}))


@cache
def accelerated_types() -> tuple[str, ...]:
    """The names of the types with a GPU, Neuron device or FPGA, sorted."""
    found = {*table("instances").names(having="accelerator")}
    curated = {*table("curated_instances").names(having="accelerator")}
    return tuple(sorted((found | curated).intersection(instance_types())))


@cache
def instance_type(name: str) -> InstanceType:
    """Look an instance type up.

    Raises:
        UnknownNameError: The catalogue does not have it; the message gives the nearest names.
    """
    found = table("instances").row(name)
    curated = table("curated_instances").row(name)
    if found is None and (curated is None or curated.get("corrects")):
        raise UnknownNameError("instance type", name, instance_types())
    return _build(name, _laid_over(found or {}, curated or {}))


def max_pods(instance: InstanceType, *, efa: bool) -> int:
    """How many pods a node of a managed group without custom AMI runs.

    An `efa-only` interface on card 0 takes one ENI from the VPC CNI (karpenter-provider-aws, `ENILimitedPods`); on the
    other cards it costs nothing, so p6-b300, whose card 0 has no EFA, keeps its 198 while p5 goes from 100 to 51.

    Args:
        instance: The instance type.
        efa: Whether the node carries the EFA interfaces of `efa.layout`.
    """
    taken = 1 if efa and 0 in instance.efa_cards and instance.enis_per_card[0] > 1 else 0
    cap = _FEW_PODS if instance.vcpus < _MANY_VCPUS else _MANY_PODS
    return min(eni_pods(instance.enis_per_card[0] - taken, instance.ipv4_per_eni), cap)


def eni_pods(enis: int, ipv4_per_eni: int) -> int:
    """Pods that so many interfaces can address; two more share the node's own address (VPC CNI, kube-proxy)."""
    return enis * (ipv4_per_eni - 1) + 2


def kube_reserved_memory_mib(pods: int) -> int:
    """Memory that nodeadm keeps from pods, MiB: 11 for each of `maxPods`, and 255 (awslabs/amazon-eks-ami, nodeadm)."""
    return 11 * pods + 255


@cache
def _curated_rows() -> dict[str, dict[str, Any]]:
    """The whole rows that stand in for types no API call returns."""
    curated = table("curated_instances")
    rows = {name: curated.row(name) for name in curated.names()}
    return {name: row for name, row in rows.items() if row and not row.get("corrects")}


def _laid_over(row: dict[str, Any], curated: dict[str, Any]) -> dict[str, Any]:
    merged = {**row, **{key: value for key, value in curated.items() if key != "accelerator"}}
    accelerator = {**row.get("accelerator", {}), **curated.get("accelerator", {})}
    return {**merged, "accelerator": accelerator} if accelerator else merged


def _build(name: str, row: dict[str, Any]) -> InstanceType:
    family = name.partition(".")[0]
    facts = table("families").row(family) or {}
    cards = [card for many, *card in row["cards"] for _ in range(many)]
    enis = tuple(int(card[0]) for card in cards)
    store = row.get("store")
    return InstanceType(
        name=name,
        family=family,
        arch=row["arch"],
        vcpus=row["vcpus"],
        memory_mib=row["memory_mib"],
        accelerator=_accelerator(row["accelerator"], facts) if "accelerator" in row else None,
        instance_store=InstanceStore(count=store[0], total_gb=store[1]) if store else None,
        network_cards=len(cards),
        enis_per_card=enis,
        efa_cards=tuple(index for index, card in enumerate(cards) if card[1]),
        efa_interfaces=row.get("efa", 0),
        ipv4_per_eni=row["ipv4"],
        network_gbps=row["gbps"],
        max_pods=eni_pods(enis[0], row["ipv4"]),
        usage_classes=frozenset(row["usage"]),
        placement_strategies=frozenset(row.get("placement", ())),
        bare_metal=row.get("metal", False),
        hypervisor=None if row.get("metal", False) else "nitro",
        on_demand=facts.get("on_demand", True),
    )


def _accelerator(row: dict[str, Any], facts: dict[str, Any]) -> Accelerator:
    kind: AcceleratorKind = row["kind"]
    model = facts.get("model", row["model"])
    clocks = facts.get("clocks")
    return Accelerator(
        kind=kind,
        model=model,
        count=row["count"],
        memory_mib=row["memory_mib"],
        resource=_RESOURCES[kind],
        neuron_cores=row.get("cores"),
        interconnect=facts.get("interconnect") if row["count"] > 1 else None,
        autoscaler_label=facts.get("autoscaler_label") or _label(row["vendor"], model),
        clocks=Clocks(memory_mhz=clocks[0], graphics_mhz=clocks[1]) if clocks else None,
    )


def _label(vendor: str, model: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", f"{vendor} {model}".lower()).strip("-")
