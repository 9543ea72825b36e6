"""Settings of a tenant: one entry of `tenants`, from which everything that its people need is made."""

from collections.abc import Mapping
from ipaddress import IPv4Network
from typing import Annotated

from pydantic import AfterValidator, Field

from infra.handle import PodSecurity, Priority
from infra.kubernetes import Email, Namespace, Quantity, QuotaResource, of_people
from infra.model import Model
from infra.observability.settings import BudgetSettings
from infra.registry.settings import TagFilter
from infra.storage.settings import Name

Count = Annotated[int, Field(ge=0, le=1_000_000)]
Prefix = Annotated[str, Field(pattern=r"^[A-Za-z0-9][-A-Za-z0-9_.]*(/[A-Za-z0-9][-A-Za-z0-9_.]*)*$", max_length=200)]


class QuotaSettings(Model):
    """What a tenant may use of one flavour, in one of `nodes`, `accelerators`, `cpus`; memory and EFA come with it."""

    nodes: Count | None = None
    """Whole nodes."""
    accelerators: Count | None = None
    """GPUs or other devices, for accelerated nodes."""
    cpus: Count | None = None
    """Processors, for nodes without accelerators."""
    borrow: Count | None = None
    """How much more, in the same unit, it may use while nobody else does. By default without limit."""
    lend: Count | None = None
    """How much of its own others may use while it does not. By default all."""

    @property
    def amounts(self) -> Mapping[str, int]:
        """What is its own, by unit: one of them where there is no problem."""
        units = {"nodes": self.nodes, "accelerators": self.accelerators, "cpus": self.cpus}
        return {unit: count for unit, count in units.items() if count is not None}


class TenantStorageSettings(Model):
    """Where a tenant keeps its data."""

    prefix: Prefix | None = None
    """Its part of the buckets. By default its name. No two tenants have one, or one inside the other's."""
    efs: tuple[Name, ...] | None = None
    """The EFS file systems on which it has a directory. By default all."""
    lustre: tuple[Name, ...] | None = None
    """The FSx for Lustre file systems on which it has a directory. By default all."""
    uid: Annotated[int, Field(ge=1, le=4_294_967_294)] = 1000
    """The user that owns its directories."""
    gid: Annotated[int, Field(ge=1, le=4_294_967_294)] = 1000
    """The group that owns them."""


class TenantImagesSettings(Model):
    """A private ECR repository of the tenant."""

    mutable_tags: Annotated[tuple[TagFilter, ...], Field(max_length=5)] = ()
    """Tags that a push may overwrite, such as dev-*."""
    keep_images: Annotated[int, Field(ge=1)] = 100
    """Tagged images that are kept; the oldest go first."""


class TenantSettings(Model):
    """People who share a namespace, its quotas and its place in every store."""

    owners: tuple[Email, ...] = ()
    """Who may do everything in it, at least one, by the email address that they log in with."""
    members: tuple[Email, ...] = ()
    """Who may work in it."""
    viewers: tuple[Email, ...] = ()
    """Who may look at what is in it."""
    priority: Priority = "training"
    """Of its jobs, where they name none: serving, interactive, training or opportunistic."""
    quota: Mapping[str, QuotaSettings] = Field(default_factory=dict)
    """What it may use, by flavour: a node group's name, or `<group>-<zone id>` of a group with EFA in several zones."""
    prefer: tuple[str, ...] = ()
    """Flavours of `quota` in order of preference: a job gets the first that it fits in. Those that are not named come
    after these, in the order of nodeGroups. (Pulumi hands the keys of a mapping over by the alphabet.)"""
    limits: Mapping[QuotaResource, Quantity] = Field(default_factory=dict)
    """What all pods and volumes of its namespace may ask for together, queued or not, as a ResourceQuota spells it,
    such as `requests.nvidia.com/gpu: "16"`. Load balancers and Ingresses are none unless it names them."""
    storage: TenantStorageSettings = Field(default_factory=TenantStorageSettings)
    """Where it keeps its data."""
    budget: BudgetSettings | None = None
    """What it may cost a month, of what carries the tag `Tenant` with its name. It only tells."""
    images: TenantImagesSettings | None = None
    """A private ECR repository, `<platform>/tenants/<name>`. None: none."""
    pod_security: PodSecurity = "baseline"
    """The Pod Security Standard that its namespace enforces. GPUs and EFA need no more than baseline."""
    from_namespaces: tuple[Namespace, ...] = ()
    """More namespaces whose pods may reach its pods."""
    to_namespaces: tuple[Namespace, ...] = ()
    """More namespaces whose pods its pods may reach."""
    to_cidrs: tuple[IPv4Network, ...] = (IPv4Network("0.0.0.0/0"),)
    """Addresses outside of the cluster's pods that they may reach, by HTTPS. By default all."""
    keep_data: bool = True
    """What holds data stays when the tenant is taken out of the file: its namespace with its volumes, its directories,
    its repository. Set false, and `up`, before it is taken out with them."""


TenantName = Annotated[str, Field(pattern=r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$"), AfterValidator(of_people)]
"""A tenant is a namespace, a group of the login and part of many names."""
