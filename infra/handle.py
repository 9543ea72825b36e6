"""ClusterHandle: the only thing an add-on is given.

Plain values are known before anything exists (names, zones, counts); `Output`s are ids and ARNs that AWS gives.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pulumi

from infra.catalog import names
from infra.catalog.instances import AcceleratorKind
from infra.catalog.prices import Capacity
from infra.images import ImageReference
from infra.model import Model
from infra.tenants.places import places

TaintEffect = Literal["NoSchedule", "NoExecute", "PreferNoSchedule"]
PodSecurity = Literal["privileged", "baseline", "restricted"]
Priority = Literal["serving", "interactive", "training", "opportunistic"]
"""What a pod is for; the first goes first where nodes are short."""


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
    """One group in one zone, a managed node group or Karpenter's, as far as an add-on may know it."""

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
    cpu_millis: int
    memory_mib: int
    """What people's pods can ask for together on one node of any of the types, in millicores and MiB
    (`infra.catalog.allocatable`)."""
    hugepages_mib: int
    """Huge pages of 2 MiB on one node, MiB."""
    devices: Mapping[str, int]
    """The extended resources that device plugins offer on one node, such as `{"nvidia.com/gpu": 8}`. EFA is
    `efa_interfaces`."""


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
    repositories: tuple[str, ...] = ()
    """Directories that are linked to S3, such as `/data`."""

    @property
    def mount_path(self) -> str:
        """Where people find it, on machines and in notebooks."""
        return mount_path(self.name)


@dataclass(frozen=True, kw_only=True)
class EfsVolume:
    """An EFS file system. `access_points` maps a name to the access point's id."""

    name: str
    file_system_id: pulumi.Output[str]
    zone_id: str | None
    """Set for One Zone file systems only."""
    access_points: Mapping[str, pulumi.Output[str]]

    @property
    def mount_path(self) -> str:
        """Where people find it, on machines and in notebooks."""
        return mount_path(self.name)


TENANTS = "/tenants"
"""Below it each tenant has its directory, on every file system."""


def mount_path(name: str) -> str:
    """Where a file system of this name is mounted; no two have one name."""
    return f"/mnt/{name}"


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """An S3 bucket and the key that encrypts it."""

    role: str
    name: pulumi.Output[str]
    arn: pulumi.Output[str]
    key_arn: pulumi.Output[str] | None
    """None where the bucket takes log deliveries, which S3 and load balancers write with S3's own keys only."""

    @property
    def shared(self) -> bool:
        """Whether people and their pods use it. Logs are evidence, and backups hold every Secret of the cluster."""
        return self.role not in ("backups", "logs")


@dataclass(frozen=True, kw_only=True)
class Storage:
    """What the storage component made."""

    lustre: tuple[LustreVolume, ...] = ()
    efs: tuple[EfsVolume, ...] = ()
    buckets: Mapping[str, Bucket] = field(default_factory=dict)
    volume_key_arn: pulumi.Output[str] | None = None
    """The KMS key for EBS volumes that the CSI driver makes."""
    lustre_security_group_id: pulumi.Output[str] | None = None
    """The Lustre servers' group; a client adds rules both ways (`infra.storage.lustre.lustre_client_rules`)."""
    efs_security_group_id: pulumi.Output[str] | None = None
    """The EFS mount targets' group; a client adds its rules (`infra.storage.efs.efs_client_rules`)."""


@dataclass(frozen=True, kw_only=True)
class Login:
    """A Cognito user pool, as an ALB's `authenticate-cognito` action and an OIDC client need it."""

    user_pool_id: pulumi.Output[str]
    user_pool_arn: pulumi.Output[str]
    client_id: pulumi.Output[str]
    domain: pulumi.Output[str]
    """The prefix of the hosted login pages' domain, as the ALB takes it."""
    url: pulumi.Output[str]
    """Where the login pages are. To log somebody out, end the ALB's session cookie and send them to
    `<url>/logout?client_id=<client>&logout_uri=https://<host>/`."""
    issuer: pulumi.Output[str]
    """The OIDC issuer's URL."""
    scope: str
    """What an entry's `authenticate-cognito` action asks for."""
    session_cookie: str
    """The ALB's cookie of that action; long ones are cut in parts named with `-0`, `-1`."""
    session_seconds: int
    """How long that action's sessions last."""
    admin_group: str
    """The group of platform administrators, in the claim `cognito:groups` of the access token, which the ALB hands on
    as `x-amzn-oidc-accesstoken`."""
    groups: tuple[str, ...]
    """All groups."""


@dataclass(frozen=True, kw_only=True)
class Edge:
    """The way in: names, certificate, load balancer, login."""

    domain: str
    """Entries are hosts below it, such as `kubeflow.<domain>`."""
    entries: tuple[str, ...]
    """The first labels of the hosts that people may be sent back to after a login, such as `kubeflow`."""
    zone_id: pulumi.Output[str] | None
    """The Route 53 hosted zone; None where DNS is kept elsewhere."""
    certificate_arn: pulumi.Output[str]
    """Of `domain` and `*.domain`; known once it is valid."""
    load_balancer_arn: pulumi.Output[str]
    load_balancer_dns_name: pulumi.Output[str]
    load_balancer_zone_id: pulumi.Output[str]
    """The hosted zone of its DNS name, for alias records."""
    listener_arn: pulumi.Output[str]
    """The HTTPS listener, to which an entry adds its rule."""
    security_group_id: pulumi.Output[str]
    """The load balancer's group: what an entry's pods let in. An entry adds the way out to them, too."""
    login: Login | None
    target_groups: Mapping[str, pulumi.Output[str]] = field(default_factory=dict)
    """Entry to the ARN of its target group, of the entries that an add-on of the stack answers."""

    def host(self, entry: str) -> str:
        """The host of an entry, such as `kubeflow.ml.example.com`."""
        return f"{entry}.{self.domain}"


@dataclass(frozen=True, kw_only=True)
class Database:
    """An RDS instance. The master password is in Secrets Manager, made and rotated by RDS."""

    name: str
    engine: Literal["mysql", "postgres"]
    instance_id: pulumi.Output[str]
    """The DB instance identifier, as the dimension of its metrics and the sources of its events spell it (not what
    the provider calls `id`, which is `resource_id`)."""
    allocated_gib: int
    """Storage at creation; it may grow by itself."""
    resource_id: pulumi.Output[str]
    """What `rds-db:connect` names, for IAM database authentication."""
    host: pulumi.Output[str]
    port: int
    username: str
    """The master user."""
    database: str | None = None
    """Made with the instance; None: only the engine's own."""
    require_tls: bool = True
    """Clients without TLS are refused."""
    secret_arn: pulumi.Output[str]
    """The master user's secret: a JSON object with `username` and `password`."""
    key_arn: pulumi.Output[str]
    """Encrypts storage and secret."""
    security_group_id: pulumi.Output[str]

    @property
    def outputs(self) -> Mapping[str, pulumi.Input[object]]:
        """What a person needs to connect."""
        return {"host": self.host, "port": self.port, "username": self.username, "secretArn": self.secret_arn}


@dataclass(frozen=True, kw_only=True)
class NotebookImage:
    """A notebook image of ours, built in the account."""

    name: str
    accelerator: Literal["nvidia", "neuron"] | None
    uri: pulumi.Output[str]
    """With its tag, which is a hash of what it is built from."""


@dataclass(frozen=True, kw_only=True)
class Registry:
    """The account's ECR registry."""

    host: pulumi.Output[str]
    """Such as `123456789012.dkr.ecr.us-west-2.amazonaws.com`."""
    repositories: Mapping[str, pulumi.Output[str]]
    """Name to URL, of the stack's own repositories."""
    mirrors: Mapping[str, str]
    """Upstream host, such as `registry.k8s.io`, to the path under `host` where its images are."""
    notebook_images: tuple[NotebookImage, ...] = ()

    def repository(self, image: ImageReference) -> pulumi.Output[str] | None:
        """Where an upstream image is pulled from, without its tag; None where its registry is not mirrored."""
        place = self.mirrors.get(image.host)
        return None if place is None else pulumi.Output.concat(self.host, f"/{place}/{image.path}")


@dataclass(frozen=True, kw_only=True)
class Prometheus:
    """An Amazon Managed Service for Prometheus workspace."""

    workspace_id: pulumi.Output[str]
    arn: pulumi.Output[str]
    endpoint: pulumi.Output[str]
    """Base URL; remote write is at `<endpoint>api/v1/remote_write`."""


@dataclass(frozen=True, kw_only=True)
class Observability:
    """Where logs, metrics and alarms go."""

    log_groups: Mapping[str, pulumi.Output[str]]
    """`application`, `dataplane`, `host`, `performance` to the name of their CloudWatch log group."""
    topic_arn: pulumi.Output[str]
    """The SNS topic of all alarms."""
    topic_key_arn: pulumi.Output[str]
    """The KMS key that encrypts its messages: who publishes needs it, too."""
    prometheus: Prometheus | None


@dataclass(frozen=True, kw_only=True)
class Emr:
    """An EMR on EKS virtual cluster."""

    virtual_cluster_id: pulumi.Output[str]
    virtual_cluster_arn: pulumi.Output[str]
    namespace: str
    job_role_arn: pulumi.Output[str]
    """What StartJobRun is given as execution role; known once its policy and associations are there."""
    log_group: pulumi.Output[str]
    """For a job's CloudWatch monitoring configuration."""


@dataclass(frozen=True, kw_only=True)
class Athena:
    """An Athena workgroup whose settings bind, and a Glue database."""

    workgroup: pulumi.Output[str]
    workgroup_arn: pulumi.Output[str]
    results: pulumi.Output[str]
    """Where the workgroup writes, such as `s3://bucket/athena/`."""
    database: pulumi.Output[str]
    database_arn: pulumi.Output[str]
    tables: pulumi.Output[str]
    """Where the database's tables are, such as `s3://bucket/tables/`."""


@dataclass(frozen=True, kw_only=True)
class Sagemaker:
    """What a SageMaker job, model or pipeline is given."""

    role_arn: pulumi.Output[str]
    """The execution role; known once its policy is there."""
    security_group_id: pulumi.Output[str]
    subnets: Mapping[str, pulumi.Output[str]]
    """Zone id to subnet."""


@dataclass(frozen=True, kw_only=True)
class Analytics:
    """Batch analytics and managed training beside the cluster."""

    emr: Emr | None
    athena: Athena | None
    sagemaker: Sagemaker | None


@dataclass(frozen=True, kw_only=True)
class TenantQuota:
    """What a tenant may use of one flavour: millicores of `cpu`, MiB of `memory`, counts of extended resources."""

    flavor: str
    """The name of a flavour (`infra.flavors`)."""
    nominal: Mapping[str, int]
    """What is the tenant's own."""
    borrow: Mapping[str, int] | None
    """What it may use beyond that while others do not; None: without limit."""
    lend: Mapping[str, int] | None
    """What others may use of its own while it does not; None: all of it."""


@dataclass(frozen=True, kw_only=True)
class Tenant:
    """People who share a namespace, its quotas and its place in every store."""

    name: str
    """Also that of the namespace."""
    owners: tuple[str, ...]
    """Email addresses, at least one: who may do everything in it."""
    members: tuple[str, ...]
    """Who may work in it."""
    viewers: tuple[str, ...]
    """Who may look at what is in it."""
    priority: Priority
    """Of its jobs, where they name none."""
    quotas: tuple[TenantQuota, ...]
    """In order of preference."""
    limits: Mapping[str, str]
    """What all pods and volumes of the namespace may ask for together, as a ResourceQuota spells it."""
    prefix: str
    """Its part of the buckets, without slashes at its ends."""
    efs: Mapping[str, pulumi.Output[str]]
    """EFS file system to the id of the tenant's access point."""
    lustre: tuple[str, ...]
    """The FSx for Lustre file systems on which it has a directory."""
    uid: int
    gid: int
    """The owner of its directories."""
    repository: pulumi.Output[str] | None
    """The URL of its ECR repository."""
    repository_arn: pulumi.Output[str] | None
    pod_security: PodSecurity
    from_namespaces: tuple[str, ...]
    """Namespaces whose pods may reach its pods."""
    to_namespaces: tuple[str, ...]
    """Namespaces whose pods its pods may reach."""
    to_cidrs: tuple[str, ...]
    """Addresses outside of the cluster's pods that they may reach by HTTPS."""
    keep_data: bool
    """What holds data stays when the tenant is taken out of the stack."""

    @property
    def directory(self) -> str:
        """Its directory on every file system."""
        return f"{TENANTS}/{self.name}"

    @property
    def tags(self) -> Mapping[str, str]:
        """The AWS tag of what is its alone."""
        return {names.TENANT_TAG: self.name}

    @property
    def places(self) -> Mapping[str, str]:
        """Its own part of the buckets: role to prefix, without slashes at its ends."""
        return places(self.prefix)


@dataclass(frozen=True, kw_only=True)
class NodeInterface:
    """A network interface of a node; `efa-only` carries no address."""

    card: int
    device: int
    kind: Literal["interface", "efa", "efa-only"]


@dataclass(frozen=True, kw_only=True)
class Volume:
    """A node's gp3 root volume: GiB, provisioned IOPS, MiB/s."""

    gib: int
    iops: int
    throughput: int


@dataclass(frozen=True, kw_only=True)
class KarpenterPool:
    """A node group in one zone whose nodes Karpenter makes, with every decision taken."""

    pool: NodePool
    image: Mapping[str, str]
    """The pinned image: an `alias` or an `id`."""
    user_data: str
    """What nodes are told at boot besides what Karpenter tells them; empty where that is all."""
    volume: Volume
    subnet_id: pulumi.Output[str]
    security_group_ids: tuple[pulumi.Output[str], ...]
    interfaces: tuple[NodeInterface, ...]
    """Empty: one plain interface."""
    placement_group: pulumi.Output[str] | None
    """The name of a cluster placement group."""
    reservation_id: str | None
    """The capacity reservation or Capacity Block to launch into."""
    max_pods: int | None
    instance_store: bool
    """Local disks become one array that holds images and pod storage."""
    metadata_hop_limit: int
    unknown_resources: Mapping[str, str]
    """What a node offers and Karpenter cannot know: extended resource to quantity."""


@dataclass(frozen=True, kw_only=True)
class Karpenter:
    """What Karpenter has of AWS."""

    queue_name: pulumi.Output[str]
    """Of instances about to be interrupted."""
    queue_arn: pulumi.Output[str]
    node_role_arn: pulumi.Output[str]
    instance_profile: pulumi.Output[str]
    """Its name; known once its nodes may join."""
    pools: tuple[KarpenterPool, ...]


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
    edge: Edge | None = None
    databases: Mapping[str, Database] = field(default_factory=dict)
    registry: Registry | None = None
    observability: Observability | None = None
    analytics: Analytics | None = None
    karpenter: Karpenter | None = None
    """There where the add-on `karpenter` is selected."""
    tenants: tuple[Tenant, ...] = ()
    addons: frozenset[str] = frozenset()
    """The names of the add-ons that are installed; none before the first one is."""
    settings: Mapping[str, Model] = field(default_factory=dict)
    """Their settings, for those who have to agree with another one's."""
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
