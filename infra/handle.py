"""ClusterHandle: the only thing an add-on is given.

Plain values are known before anything exists (names, zones, counts); `Output`s are ids and ARNs that AWS gives.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pulumi

from infra.catalog.instances import AcceleratorKind
from infra.catalog.prices import Capacity

TaintEffect = Literal["NoSchedule", "NoExecute", "PreferNoSchedule"]


@dataclass(frozen=True, kw_only=True)
class Taint:
    """A node taint, in Kubernetes' spelling."""

    key: str
    value: str
    effect: TaintEffect = "NoSchedule"

    @property
    def toleration(self) -> dict[str, str]:
        """The toleration that admits exactly this taint."""
        return {
            "key": self.key,
            "operator": "Equal",
            "value": self.value,
            "effect": self.effect,
        }


@dataclass(frozen=True, kw_only=True)
class GpuSharing:
    """How the GPUs of a node group are divided among pods.

    `config` is the name of the device plugin's configuration, which the nodes carry as a label. `resources` is what
    one node then advertises, such as `{"nvidia.com/gpu": 32}` or `{"nvidia.com/mig-1g.10gb": 56}`.
    """

    mode: Literal["time-slicing", "mps", "mig"]
    config: str
    replicas: int | None = None
    mig_strategy: Literal["single", "mixed"] | None = None
    mig_profile: str | None = None
    resources: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class NodePool:
    """One managed node group (one group in one zone), as far as an add-on may know it."""

    name: str
    group: str
    zone_id: str
    instance_types: tuple[str, ...]
    capacity: Capacity
    arch: Literal["amd64", "arm64"]
    bottlerocket: bool
    accelerator: AcceleratorKind | None
    accelerators_per_node: int
    efa_interfaces: int
    labels: Mapping[str, str]
    taints: tuple[Taint, ...]
    min_size: int
    max_size: int
    sharing: GpuSharing | None
    provision_minutes: int
    """How long cluster-autoscaler should wait for a node of this group before it gives up."""
    system: bool
    """Whether the platform's own controllers run here."""


@dataclass(frozen=True, kw_only=True)
class Oidc:
    """The cluster's own OIDC provider, for IRSA."""

    provider_arn: pulumi.Output[str]
    issuer: pulumi.Output[str]
    """The issuer without `https://`, as trust policies spell it."""


@dataclass(frozen=True, kw_only=True)
class LustreVolume:
    """An FSx for Lustre file system that pods can mount. `capacity_gib` is None for intelligent tiering."""

    name: str
    file_system_id: pulumi.Output[str]
    dns_name: pulumi.Output[str]
    mount_name: pulumi.Output[str]
    zone_id: str
    capacity_gib: int | None


@dataclass(frozen=True, kw_only=True)
class EfsVolume:
    """An EFS file system. `access_points` maps a name to the access point's id."""

    name: str
    file_system_id: pulumi.Output[str]
    zone_id: str | None
    """Set for One Zone file systems only."""
    access_points: Mapping[str, pulumi.Output[str]]


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """An S3 bucket and the key that encrypts it."""

    role: str
    name: pulumi.Output[str]
    arn: pulumi.Output[str]
    key_arn: pulumi.Output[str] | None
    """None where the bucket takes log deliveries, which S3 and load balancers write with S3's own keys only."""


@dataclass(frozen=True, kw_only=True)
class Storage:
    """What the storage component made."""

    lustre: tuple[LustreVolume, ...] = ()
    efs: tuple[EfsVolume, ...] = ()
    buckets: Mapping[str, Bucket] = field(default_factory=dict)
    volume_key_arn: pulumi.Output[str] | None = None
    """The KMS key for EBS volumes that the CSI driver makes."""


@dataclass(frozen=True, kw_only=True)
class ClusterHandle:
    """A cluster that add-ons can be installed on. Creates nothing."""

    name: str
    cluster_name: pulumi.Output[str]
    """The same name, known once the cluster is there: an input made of it waits for the cluster, and goes before it."""
    region: str
    partition: str
    account_id: pulumi.Output[str]
    kubernetes_version: str
    endpoint: pulumi.Output[str]
    vpc_id: pulumi.Output[str]
    zones: tuple[str, ...]
    """Zone ids, such as `usw2-az1`."""
    internet: bool
    """False where nodes reach nothing outside the VPC."""
    oidc: Oidc
    aws: pulumi.ProviderResource
    kubernetes: pulumi.ProviderResource
    control_plane: pulumi.Resource
    """Depend on this to wait for the API server and the access entries."""
    node_pools: tuple[NodePool, ...]
    nodes: tuple[pulumi.Resource, ...] = ()
    """The node groups of the system pools: add-ons that run pods depend on these. Empty before they exist."""
    storage: Storage = field(default_factory=Storage)
    tags: Mapping[str, str] = field(default_factory=dict)
    permissions_boundary: str | None = None

    @property
    def taints(self) -> tuple[Taint, ...]:
        """Every distinct taint of the node pools, in a stable order."""
        found = {taint for pool in self.node_pools for taint in pool.taints}
        return tuple(sorted(found, key=lambda taint: (taint.key, taint.value, taint.effect)))

    def pools(self, accelerator: AcceleratorKind) -> tuple[NodePool, ...]:
        """The node pools that carry this kind of accelerator."""
        return tuple(pool for pool in self.node_pools if pool.accelerator == accelerator)
