"""What the rules of one service may know of the rest of the stack."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from infra.analytics.settings import AnalyticsSettings
from infra.database.settings import DatabaseSettings
from infra.edge.settings import EdgeSettings
from infra.network.settings import NetworkSettings
from infra.node_groups.settings import NodeGroupSettings
from infra.observability.settings import ObservabilitySettings
from infra.platform import PlatformSettings
from infra.registry.settings import RegistrySettings
from infra.storage.settings import StorageSettings
from infra.tenants.settings import TenantSettings


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """The parts of the stack file that others stand on, validated."""

    platform: PlatformSettings
    network: NetworkSettings
    storage: StorageSettings
    services: frozenset[str] = frozenset()
    """The sections of AWS services that the file has, such as `edge` and `databases`, those with mistakes too."""
    gpu_zones: Sequence[str] | None = None
    """The zones of the accelerated groups; None where mistakes in the groups leave them unknown."""
    groups: Sequence[NodeGroupSettings] = ()
    """The node groups without mistakes."""
    edge: EdgeSettings | None = None
    databases: Sequence[DatabaseSettings] = ()
    registry: RegistrySettings | None = None
    analytics: AnalyticsSettings | None = None
    observability: ObservabilitySettings | None = None
    tenants: Mapping[str, TenantSettings] = field(default_factory=dict)
    addons: frozenset[str] = frozenset()
    """The names of the add-ons that the file asks for."""
    by_name: frozenset[str] = frozenset()
    """Those that it enables by name, not through its preset."""
    today: datetime.date
    """Decides what is still supported."""
