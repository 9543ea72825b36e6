"""Settings of a node group: one entry of `nodeGroups`, which becomes one managed group per zone."""

from typing import Annotated, Literal

from pydantic import Field

from infra.handle import TaintEffect
from infra.model import Model

LABEL_KEY = r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
LABEL_VALUE = r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$"
"""Source: Kubernetes, "Labels and Selectors", syntax and character set."""

LabelKey = Annotated[str, Field(pattern=LABEL_KEY)]
LabelValue = Annotated[str, Field(pattern=LABEL_VALUE)]
Duration = Annotated[str, Field(pattern=r"^([0-9]+(h|m|s))+$")]


class CapacitySettings(Model):
    """How the instances are bought."""

    type: Literal["on-demand", "spot", "reservation", "capacity-block"] = "on-demand"
    """on-demand, spot, reservation (an On-Demand Capacity Reservation) or capacity-block (Capacity Blocks for ML)."""
    reservation_id: Annotated[str, Field(pattern=r"^cr-[0-9a-f]{8,17}$")] | None = None
    """The reservation or Capacity Block to launch into."""
    resource_group_arn: Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:resource-groups:")] | None = None
    """A resource group of reservations, in place of one `reservationId`; for `reservation` only."""


class VolumeSettings(Model):
    """The root volume: gp3, always encrypted."""

    size: Annotated[int, Field(ge=20, le=16384)] = 100
    """GiB. Images live here unless the instance store takes them; a GPU image is 10 to 20."""
    iops: Annotated[int, Field(ge=3000, le=80000)] = 3000
    """Provisioned IOPS; at most 500 per GiB."""
    throughput: Annotated[int, Field(ge=125, le=2000)] = 125
    """MiB/s; at most a quarter of the IOPS."""


class KubeletSettings(Model):
    """What the kubelet is told."""

    max_pods: Annotated[int, Field(ge=4, le=737)] | None = None
    """Pods per node. By default what the VPC CNI can address with this group's interfaces."""
    cpu_manager_policy: Literal["none", "static"] | None = None
    """static: pods of class Guaranteed with whole CPUs get cores of their own."""
    topology_manager_policy: Literal["none", "best-effort", "restricted", "single-numa-node"] | None = None
    """Keep a pod's CPUs, GPUs and network cards on one NUMA node."""


class SharingSettings(Model):
    """Divide GPUs among pods."""

    mode: Literal["time-slicing", "mps", "mig"]
    """time-slicing (no isolation), mps (memory limits) or mig (hardware partitions: A100, H100 and later)."""
    replicas: Annotated[int, Field(ge=2, le=48)] | None = None
    """Pods per GPU, for time-slicing and mps."""
    mig_profile: Annotated[str, Field(pattern=r"^\d+g\.\d+gb$")] | None = None
    """Each GPU is cut into as many of this profile as it holds, such as 1g.10gb."""
    mig_strategy: Literal["single", "mixed"] = "single"
    """single: pods ask for nvidia.com/gpu; mixed: for nvidia.com/mig-<profile>."""


class GpuSettings(Model):
    """NVIDIA GPUs."""

    persistence: bool = True
    """Keep the driver loaded between jobs (nvidia-smi -pm 1)."""
    clocks: Literal["maximum", "default"] = "maximum"
    """maximum: set the highest application clocks that EC2 documents for the type, where it documents some."""
    sharing: SharingSettings | None = None
    """Divide each GPU among pods."""


class TaintSettings(Model):
    """A taint of your own; accelerated groups have theirs already."""

    key: LabelKey
    """Taint key."""
    value: Annotated[str, Field(pattern=LABEL_VALUE, min_length=1)]
    """Taint value; never empty: cluster-autoscaler skips a taint without one."""
    effect: TaintEffect = "NoSchedule"
    """NoSchedule, NoExecute or PreferNoSchedule."""


class UpdateSettings(Model):
    """How nodes are replaced when the group changes."""

    max_unavailable: Annotated[int, Field(ge=1, le=100)] | None = None
    """Nodes at a time."""
    max_unavailable_percentage: Annotated[int, Field(ge=1, le=100)] | None = None
    """Nodes at a time, in percent."""
    strategy: Literal["DEFAULT", "MINIMAL"] | None = None
    """MINIMAL terminates before it launches: the only way where no spare instance can be had. By default MINIMAL
    for accelerated groups."""


class RepairSettings(Model):
    """EKS node auto repair."""

    enabled: bool = True
    """Replace nodes that the monitoring agent finds broken."""
    hardware_action: Literal["Replace", "Reboot", "NoAction"] = "Replace"
    """What to do about a GPU or Neuron device with uncorrectable memory or link errors. For Xid errors EKS chooses
    by code."""
    hardware_wait_minutes: Annotated[int, Field(ge=10, le=1440)] = 10
    """How long such a node is watched first."""
    parallel: Annotated[int, Field(ge=1, le=100)] = 1
    """Nodes repaired at a time."""
    max_unhealthy_percentage: Annotated[int, Field(ge=1, le=100)] = 20
    """With more than this share broken, EKS does nothing: the cause is then hardly the nodes."""


class AutoscalingSettings(Model):
    """Cluster-autoscaler's options for this group."""

    enabled: bool = True
    """Let cluster-autoscaler change the size. False: the size stays at `desired`."""
    scale_down_unneeded_time: Duration | None = None
    """How long a node must be unneeded, such as 20m."""
    scale_down_unready_time: Duration | None = None
    """How long an unready node is kept."""
    scale_down_utilization_threshold: Annotated[float, Field(ge=0, le=1)] | None = None
    """Share of CPU and memory in use below which a node without GPUs may go."""
    scale_down_gpu_utilization_threshold: Annotated[float, Field(ge=0, le=1)] | None = None
    """Share of GPUs in use below which a GPU node may go."""
    ignore_daemonsets_utilization: bool | None = None
    """Leave DaemonSets out of the utilization."""


class NodeGroupSettings(Model):
    """One node group. It becomes one managed node group per zone, named `<name>-<zone id>`."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
    """Short name, such as h100."""
    instance_types: Annotated[tuple[str, ...], Field(min_length=1, max_length=20)]
    """EC2 types. One for accelerated groups with EFA or a reservation; several of the same kind for spot."""
    zones: tuple[str, ...] = ()
    """Zone ids. By default every zone of the network that offers the types."""
    system: bool = False
    """The platform's own controllers run here. At least one group must say so."""
    capacity: CapacitySettings = Field(default_factory=CapacitySettings)
    """How the instances are bought."""
    min: Annotated[int, Field(ge=0, le=450)] = 0
    """Fewest nodes per zone."""
    max: Annotated[int, Field(ge=1, le=450)] = 1
    """Most nodes per zone."""
    desired: Annotated[int, Field(ge=0, le=450)] | None = None
    """Nodes per zone at creation, `min` by default; afterwards the autoscaler's."""
    efa: bool = False
    """All EFA interfaces that the type has."""
    placement_group: bool | None = None
    """A cluster placement group per zone. By default with EFA, and never with a reservation, which has its place."""
    os: Literal["al2023", "bottlerocket"] = "al2023"
    """Amazon Linux 2023 or Bottlerocket."""
    image_id: Annotated[str, Field(pattern=r"^ami-[0-9a-f]{8,17}$")] | None = None
    """An AL2023 AMI of your own, for types that no EKS AMI drives yet (g7 needs driver 595)."""
    release_version: Annotated[str, Field(min_length=3)] | None = None
    """Exact EKS AMI release, such as 1.35.2-20260714. By default the newest at creation."""
    volume: VolumeSettings = Field(default_factory=VolumeSettings)
    """The root volume."""
    instance_store: Literal["raid0", "none"] = "raid0"
    """raid0: local disks become one array that holds images, pod storage and logs. Nothing where the type has none."""
    fast_image_pull: bool = False
    """Pull and unpack the layers of an image side by side (SOCI's parallel mode; AWS calls it experimental), for images
    of many GiB. It takes CPU, memory and disk meanwhile; images need no index."""
    hugepages: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    """Pages of 2 MiB. By default what the EFA driver reserves, with EFA, else none."""
    kubelet: KubeletSettings = Field(default_factory=KubeletSettings)
    """What the kubelet is told."""
    gpu: GpuSettings = Field(default_factory=GpuSettings)
    """NVIDIA GPUs."""
    labels: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    """Labels of your own."""
    taints: tuple[TaintSettings, ...] = ()
    """Taints of your own."""
    metadata_hop_limit: Literal[1, 2] = 2
    """2: pods reach the instance metadata, as several drivers need; 1: only what runs on the host network does."""
    update: UpdateSettings = Field(default_factory=UpdateSettings)
    """How nodes are replaced."""
    repair: RepairSettings = Field(default_factory=RepairSettings)
    """Node auto repair."""
    autoscaling: AutoscalingSettings = Field(default_factory=AutoscalingSettings)
    """Cluster-autoscaler's options."""
