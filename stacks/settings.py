"""StackSettings: one stack file, composed of the settings of its parts.

Parsing reports every mistake of the file at once: each part is validated by itself, and the rules between parts run on
those that are valid.
"""

import datetime
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import Field

from addons import kueue
from addons import registry as addons_registry
from addons import tenants as tenants_in_kubernetes
from addons.settings import AddonsSettings
from addons.spec import AddOn, AddOnSettings, Entry
from infra import platform as platform_settings
from infra.analytics import rules as analytics_rules
from infra.analytics.settings import AnalyticsSettings
from infra.cluster import hybrid_settings
from infra.cluster import settings as cluster_settings
from infra.cluster.settings import ClusterSettings
from infra.database import rules as database_rules
from infra.database.settings import DatabaseSettings
from infra.edge import rules as edge_rules
from infra.edge.settings import EdgeSettings
from infra.karpenter import groups as karpenter_groups
from infra.model import Model, validate
from infra.network import settings as network_settings
from infra.network.settings import NetworkSettings
from infra.node_groups import rules as node_group_rules
from infra.node_groups import tag_rules
from infra.node_groups.expand import expand
from infra.node_groups.settings import NodeGroupSettings
from infra.observability import rules as observability_rules
from infra.observability.settings import ObservabilitySettings
from infra.platform import PlatformSettings
from infra.problems import Problem, SettingsError, nearest, one_of, shown
from infra.registry import rules as registry_rules
from infra.registry.settings import RegistrySettings
from infra.storage import rules as storage_rules
from infra.storage.settings import StorageSettings
from infra.surroundings import Surroundings
from infra.tenants import rules as tenants_rules
from infra.tenants.settings import TenantName, TenantSettings
from infra.workstation import rules as workstation_rules
from infra.workstation.settings import WorkstationSettings
from policies import settings as policy_settings
from policies.settings import PolicySettings

NAMESPACE = "slipway"
"""Prefix of our keys in a stack file: `slipway:network`."""


class StackSettings(Model):
    """Everything that one environment is."""

    platform: PlatformSettings
    """Name, region, owner, tags."""
    network: NetworkSettings
    """Where the cluster lives."""
    cluster: ClusterSettings = Field(default_factory=ClusterSettings)
    """The EKS control plane."""
    node_groups: tuple[NodeGroupSettings, ...]
    """Nodes; each entry becomes one managed node group per zone."""
    storage: StorageSettings = Field(default_factory=StorageSettings)
    """Shared file systems and buckets."""
    edge: EdgeSettings | None = None
    """The way in: names, certificate, load balancer, login. None: nothing of it."""
    databases: tuple[DatabaseSettings, ...] = ()
    """RDS for metadata."""
    registry: RegistrySettings | None = None
    """ECR: repositories, mirrors of upstream registries, notebook images. None: nothing of it."""
    observability: ObservabilitySettings | None = None
    """Logs, metrics, alarms and budgets. None: nothing of it."""
    analytics: AnalyticsSettings | None = None
    """EMR on EKS, Athena with Glue, SageMaker. None: nothing of it."""
    workstation: WorkstationSettings | None = None
    """One machine instead of a cluster, and ECS as the step between. None: nothing of it."""
    tenants: Mapping[TenantName, TenantSettings] = Field(default_factory=dict)
    """Who shares the platform: each a namespace with its people, quotas and stores."""
    addons: AddonsSettings = Field(default_factory=AddonsSettings)
    """What is installed in Kubernetes."""
    policies: PolicySettings = Field(default_factory=PolicySettings)
    """What the policy pack and `slipway check` hold the environment to."""

    @property
    def tenant_budgets(self) -> bool:
        """Whether any tenant has a budget."""
        return any(each.budget for each in self.tenants.values())


_SERVICES: Mapping[str, Any] = {
    "edge": edge_rules,
    "databases": database_rules,
    "registry": registry_rules,
    "observability": observability_rules,
    "analytics": analytics_rules,
    "workstation": workstation_rules,
    "tenants": tenants_rules,
}
"""The AWS services around the cluster: each has `problems` and `warnings` of one shape."""

_GROUND = ("network.existing", "network.zones", "platform.region")
"""What the rules of all other parts stand on: where one of these is wrong, nothing is said that follows from it."""

KEYS: Mapping[str, str] = {field.alias or name: name for name, field in StackSettings.model_fields.items()}
"""Key in the stack file to field name."""


def parse(raw: Mapping[str, Any], today: datetime.date) -> StackSettings:
    """Turn the `slipway:` part of a stack file into settings.

    Args:
        raw: Key without its namespace (`network`, `nodeGroups`, ...) to value.
        today: Decides which Kubernetes versions are still supported.

    Raises:
        SettingsError: With every problem of the file.
    """
    parts: dict[str, Any] = {}
    found = [
        Problem(key, f"unknown key{nearest(key, KEYS)}; allowed: {one_of(sorted(KEYS))}")
        for key in raw
        if key not in KEYS
    ]
    for key, name in KEYS.items():
        field = StackSettings.model_fields[name]
        if key not in raw:
            if field.is_required():
                found.append(Problem(key, "is required"))
            else:
                parts[name] = field.get_default(call_default_factory=True)
            continue
        if name == "node_groups":
            groups, wrong = _node_groups(raw[key])
            parts["node_groups"] = groups
        else:
            value, wrong = validate(field.annotation, raw[key], (key,))
            if value is not None and not any(problem.path.startswith(_GROUND) for problem in wrong):
                parts[name] = value
        found += wrong
    complete = not any(problem.path.startswith("nodeGroups") for problem in found)
    if "policies" in parts:
        found += policy_settings.problems(parts["policies"])
    found += [later for later in _problems(parts, today, complete=complete) if not _follows(later, found)]
    if found:
        raise SettingsError(found)
    parts["node_groups"] = tuple(parts["node_groups"].values())
    return StackSettings(**parts)


def _follows(later: Problem, found: list[Problem]) -> bool:
    """Whether a rule speaks of what was taken out as a mistake already, or of what held it."""
    return any(_within(later.path, each.path) or _within(each.path, later.path) for each in found)


def _within(path: str, outer: str) -> bool:
    return path == outer or path.startswith((f"{outer}.", f"{outer}["))


def _node_groups(raw: Any) -> tuple[dict[int, NodeGroupSettings], list[Problem]]:  # noqa: ANN401  # whatever the file holds
    """The groups by their position, without their mistakes; and the mistakes."""
    if not isinstance(raw, list):
        return {}, [Problem("nodeGroups", f"{shown(raw)} is not a list")]
    groups, found = {}, []
    for index, item in enumerate(raw):
        group, wrong = validate(NodeGroupSettings, item, ("nodeGroups", index))
        found += wrong
        if group is not None:
            groups[index] = group
    return groups, found


def _problems(parts: Mapping[str, Any], today: datetime.date, *, complete: bool) -> Iterator[Problem]:
    platform: PlatformSettings | None = parts.get("platform")
    network: NetworkSettings | None = parts.get("network")
    groups: Mapping[int, NodeGroupSettings] = parts.get("node_groups", {})
    if platform:
        yield from platform_settings.problems(platform)
    if "cluster" in parts and network:
        yield from cluster_settings.problems(parts["cluster"], network.vpc_cidr, network.zone_ids, today)
    if "addons" in parts:
        yield from addons_registry.problems(parts["addons"])
        yield from _ground_of_addons(parts)
    if not (platform and network):
        return
    region, zones = platform.region, network.zone_ids
    yield from network_settings.problems(network, region)
    cluster: ClusterSettings | None = parts.get("cluster")
    if cluster and cluster.hybrid:
        yield from hybrid_settings.problems(
            cluster.hybrid, network, service_cidr=cluster.service_cidr, public=cluster.endpoint.public
        )
    wrong: list[Problem] = []
    for index, group in groups.items():
        here = f"nodeGroups[{index}]"
        own = list(node_group_rules.problems(group, here, region, zones))
        tags = tag_rules.problems(group, here, region=region, zones=zones, cluster=platform.name, sound=not own)
        wrong += [*own, *tags]
    yield from wrong
    if "node_groups" in parts:
        yield from node_group_rules.set_problems(groups, complete=complete)
    if "storage" not in parts:
        return
    known = complete and not wrong
    if known and "addons" in parts and "cluster" in parts:
        yield from _karpenter_groups(parts["addons"], tuple(groups.values()), region, zones, parts["cluster"].version)
    gpu_zones = node_group_rules.accelerated_zones(list(groups.values()), region, zones) if known else None
    yield from storage_rules.problems(parts["storage"], zones, gpu_zones)
    asked = list(addons_registry.settings_of(parts["addons"])) if "addons" in parts else []
    around = Surroundings(
        platform=platform,
        network=network,
        storage=parts["storage"],
        services=frozenset(name for name in _SERVICES if name not in parts or parts[name]),
        gpu_zones=gpu_zones,
        groups=tuple(groups.values()),
        edge=parts.get("edge"),
        databases=parts.get("databases", ()),
        registry=parts.get("registry"),
        analytics=parts.get("analytics"),
        observability=parts.get("observability"),
        tenants=parts.get("tenants", {}),
        addons=frozenset(addon.name for addon, _, _ in asked),
        by_name=frozenset(parts["addons"].enable if "addons" in parts else ()),
        today=today,
    )
    for name, rules in _SERVICES.items():
        if parts.get(name):
            yield from rules.problems(parts[name], around)
    if "addons" in parts:
        yield from _addons_in_place(parts, asked, around)
        yield from (Problem(path, message) for path, message in tenants_in_kubernetes.problems(around))


def _addons_in_place(
    parts: Mapping[str, Any], asked: Sequence[tuple[AddOn[Any], AddOnSettings, list[Problem]]], around: Surroundings
) -> Iterator[Problem]:
    """What add-ons contradict in the rest of the file, those aside that this file has no place for."""
    for addon, own, mistakes in asked:
        if not all(_stands(parts, key) for key in addon.stands_on):
            continue
        given = parts["addons"].settings.get(addon.name, {})
        for key, message in addon.problems(around, own):
            if key and re.split(r"[.\[]", key)[0] not in given and addon.name not in around.by_name:
                continue  # The preset brings it, and the file says nothing of this: it is left out, not wrong.
            place = f"addons.settings.{addon.name}" + (f".{key}" if key else "")
            if not (key and any(each.path.startswith(place) for each in mistakes)):
                yield Problem(place, message)
        for entry in addon.entries if around.edge else ():
            yield from _entry_problems(addon, entry, around)


def _entry_problems(addon: AddOn[Any], entry: Entry, around: Surroundings) -> Iterator[Problem]:
    edge = around.edge
    if edge is None or entry.name not in edge.entries:
        return
    path = f"edge.entries[{edge.entries.index(entry.name)}]"
    if addons_registry.BINDER not in around.addons:
        message = f"{entry.name} leads to {addon.name}, which needs {addons_registry.BINDER}; add it to addons.enable"
        yield Problem(path, message)
    if edge.login is None and not entry.own_login:
        message = f"{entry.name} leads to {addon.name}, which has no login of its own; keep edge.login, or take it out"
        yield Problem(path, message)


def _ground_of_addons(parts: Mapping[str, Any]) -> Iterator[Problem]:
    """What add-ons that are enabled by name stand on, and the file does not have."""
    catalogue = addons_registry.discover()
    for index, name in enumerate(parts["addons"].enable):
        addon = catalogue.get(name)
        for key in addon.stands_on if addon else ():
            if _stands(parts, key) is False:
                yield Problem(f"addons.enable[{index}]", f"{name} needs {key}, which is not set")


def _karpenter_groups(
    addons: AddonsSettings, groups: tuple[NodeGroupSettings, ...], region: str, zones: tuple[str, ...], version: str
) -> Iterator[Problem]:
    """Names of node groups that Karpenter is told to take over and cannot."""
    names = addons.settings.get(karpenter_groups.ADDON, {}).get("groups")
    if isinstance(names, list) and all(isinstance(name, str) for name in names):
        yield from karpenter_groups.problems(names, expand(groups, region, zones), version)


def _stands(parts: Mapping[str, Any], key: str) -> bool | None:
    """Whether a key of the file is set; None where mistakes in its section leave that unknown."""
    first, _, rest = key.partition(".")
    return _is_set(parts[KEYS[first]], rest) if KEYS[first] in parts else None


def _is_set(part: Any, key: str) -> bool:  # noqa: ANN401  # a model, a mapping or a value
    for name in key.split(".") if key else ():
        if isinstance(part, Mapping):
            part = part.get(name)
        elif part is not None:
            part = getattr(part, next(field for field, info in type(part).model_fields.items() if info.alias == name))
    return bool(part)


def warnings(settings: StackSettings, today: datetime.date) -> tuple[str, ...]:
    """What the user should know, though it is allowed."""
    region, zones = settings.platform.region, settings.network.zone_ids
    gpu_zones = node_group_rules.accelerated_zones(settings.node_groups, region, zones)
    efa = any(group.efa for group in settings.node_groups)
    around = Surroundings(
        platform=settings.platform,
        network=settings.network,
        storage=settings.storage,
        gpu_zones=gpu_zones,
        groups=settings.node_groups,
        edge=settings.edge,
        observability=settings.observability,
        today=today,
    )
    return (
        *cluster_settings.warnings(settings.cluster, today),
        *network_settings.warnings(settings.network),
        *node_group_rules.warnings(settings.node_groups, region, zones),
        *storage_rules.warnings(settings.storage, gpu_zones, efa=efa),
        *(
            warning
            for name, rules in _SERVICES.items()
            if getattr(settings, name)
            for warning in rules.warnings(getattr(settings, name))
        ),
        *(workstation_rules.far_mounts(settings.workstation, around) if settings.workstation else ()),
        *tenants_rules.in_place(settings.tenants, around),
        *_entries_of_nobody(settings),
        *tenants_in_kubernetes.warnings(settings.tenants, settings.addons),
        *kueue.warnings(settings.addons),
    )


def _entries_of_nobody(settings: StackSettings) -> Iterator[str]:
    """Entries that have a name and a login, and that nothing here answers."""
    pages = {entry.name: addon.name for addon in addons_registry.discover().values() for entry in addon.entries}
    asked = {addon.name for addon, _, _ in addons_registry.settings_of(settings.addons)}
    for index, name in enumerate(settings.edge.entries if settings.edge else ()):
        if name not in pages:
            meant = nearest(name, pages)
            yield f"edge.entries[{index}] {name}: no add-on has this page{meant}; it leads to what you put behind it"
        elif pages[name] not in asked:
            yield f"edge.entries[{index}] {name}: its add-on {pages[name]} is not enabled, so it leads nowhere"


def schema() -> dict[str, Any]:
    """The JSON schema of a stack file, for editors: Pulumi's own keys beside ours."""
    ours = StackSettings.model_json_schema(by_alias=True)
    definitions = ours.get("$defs", {})
    addons = definitions["AddonsSettings"]["properties"]["settings"]
    addons.pop("additionalProperties", None)
    addons["additionalProperties"] = False
    addons["properties"] = {}
    for name, addon in addons_registry.settings_schema(taken=definitions).items():
        definitions |= addon.pop("$defs", {})
        addons["properties"][name] = addon
    for definition in (ours, *definitions.values(), *addons["properties"].values()):
        for value in definition.get("properties", {}).values():
            # Where names have a pattern, other names are errors here too.
            if "patternProperties" in value:
                value.setdefault("additionalProperties", False)
    config = {f"{NAMESPACE}:{key}": value for key, value in ours["properties"].items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Slipway stack file",
        "description": "An environment: `stacks/config/Pulumi.<env>.yaml`.",
        "type": "object",
        "properties": {
            "config": {
                "type": "object",
                "properties": config,
                "required": [f"{NAMESPACE}:{key}" for key in ours["required"]],
                # Other namespaces (`aws:`, `pulumi:`) are Pulumi's and the providers'.
                "patternProperties": {f"^(?!{NAMESPACE}:)[^:]+:.+$": True},
                "additionalProperties": False,
            }
        },
        "required": ["config"],
        "$defs": definitions,
    }
