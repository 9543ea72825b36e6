"""Stack files on which every add-on can stand, and their plans, for tests over the whole catalogue."""

import copy
import functools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from addons import registry
from addons.presets import PRESETS, brings
from slipway.plan.graph import needs
from slipway.plan.model import Plan, Resource
from slipway.rehearsal.recorder import record
from stacks.program import main
from tests.contract import charts, selections
from tests.program import conftest

CATALOGUE = registry.discover()
COMPONENT: Final = "slipway:addons:AddOn"
DIRECTORY: Final = "kubernetes:kustomize/v2:Directory"
RELEASE: Final = "kubernetes:helm.sh/v3:Release"
MANAGED: Final = "aws:eks/addon:Addon"
NODE_GROUP: Final = "aws:eks/nodeGroup:NodeGroup"

ACCELERATED: Final = (
    {"name": "trainium", "instanceTypes": ["trn1.32xlarge"], "zones": ["usw2-az4"], "max": 1, "efa": True},
    {"name": "fpga", "instanceTypes": ["f2.6xlarge"], "zones": ["usw2-az1"], "max": 1},
)
"""The kinds of accelerators that `prod` has not."""
INTERNET: Final = "network.internet"
OWN_SETTINGS: Final[Mapping[str, Mapping[str, Any]]] = {
    "dex": {"connectors": charts.CONNECTORS},
    "vllm": {"models": [{"name": "qwen", "path": "qwen2.5-7b-instruct"}]},
}
"""What an add-on must be told, where its defaults are not enough."""
COVERING: Final = selections.covering(CATALOGUE)
SELECTIONS: Final = (*PRESETS, *(f"together-{index}" for index in range(len(COVERING))))
"""Every preset, and selections in which every two that can be together are together once."""


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A plan with add-ons.

    Attributes:
        plan: The plan.
        behind: By URN, all that must be there before a resource, directly or not. Pulumi deletes in the opposite
            order: what is behind a resource is there until the resource is gone.
    """

    plan: Plan
    behind: Mapping[str, frozenset[str]]

    def parts(self, addon: str) -> tuple[Resource, ...]:
        """What became of an add-on; nothing where it was left out."""
        found = [each for each in self.plan.of_type(COMPONENT) if each.name == addon]
        return self.plan.descendants(found[0]) if found else ()

    def source(self, addon: str) -> frozenset[str]:
        """The URNs of what an add-on installs: a release, an EKS add-on or its objects, all but its own namespace."""
        own = CATALOGUE[addon].namespace if CATALOGUE[addon].create_namespace else None
        return frozenset(
            part.urn
            for part in self.parts(addon)
            if part.type in (RELEASE, MANAGED)
            or (part.package == "kubernetes" and (_kind(part), _name(part)) != ("Namespace", own))
        )

    def installed(self) -> tuple[str, ...]:
        """The names of the add-ons that are in the plan."""
        return tuple(each.name for each in self.plan.of_type(COMPONENT))


def _kind(resource: Resource) -> str:
    return str(resource.inputs.get("kind", ""))


def _name(resource: Resource) -> str:
    """Of an object; a file of objects has none."""
    return str(resource.inputs.get("metadata", {}).get("name", ""))


@functools.cache
def recorded(what: str) -> Recorded:
    """The plan of one of `SELECTIONS` on the largest stack."""
    return of(asking(what) if what in PRESETS else grounded(COVERING[int(what.partition("-")[2])]))


def asking(preset: str) -> dict[str, Any]:
    """The largest stack with a preset, and all that it stands on."""
    settings = grounded(brought(preset))
    if registry.BINDER not in brought(preset):
        # An entry of an add-on would lead nowhere without it.
        settings["edge"]["entries"] = []
    settings["addons"] = {"preset": preset}
    return settings


def brought(preset: str) -> frozenset[str]:
    """The names of a preset's add-ons."""
    presets = brings(preset)
    return frozenset(name for name, addon in CATALOGUE.items() if presets & set(addon.presets))


def of(settings: Mapping[str, Any]) -> Recorded:
    """The plan of a stack file with these settings."""
    config = {f"slipway:{key}": json.dumps(value) for key, value in settings.items()}
    plan = record(main, project="slipway", stack="addons", config=config)
    behind: dict[str, frozenset[str]] = {}
    for resource in plan:
        direct = needs(resource)
        behind[resource.urn] = direct.union(*(behind[urn] for urn in direct))
    return Recorded(plan=plan, behind=behind)


def grounded(names: Iterable[str], file: str = "stacks/config/Pulumi.prod.yaml") -> dict[str, Any]:
    """A stack file with exactly these add-ons and all that they stand on; `prod` with every kind of accelerator."""
    settings: dict[str, Any] = copy.deepcopy(dict(conftest.settings_of(conftest.ROOT / file)))
    if file.endswith("prod.yaml"):
        settings["nodeGroups"] = [*settings["nodeGroups"], *ACCELERATED]
        settings["network"]["zones"] = [*settings["network"]["zones"], "usw2-az4"]
        settings["storage"]["lustre"][0]["zone"] = "usw2-az2"
    wanted = frozenset(names)
    for key in sorted({key for name in wanted for key in CATALOGUE[name].stands_on}):
        place: dict[str, Any] = settings
        *way, last = key.split(".")
        for part in way:
            place = place.setdefault(part, {})
        # What is missing is a switch that is on by itself, or a section whose settings all have defaults.
        place.setdefault(last, True if key == INTERNET else {})
    if "tenants" not in wanted:
        # Nobody would make them.
        settings.pop("tenants", None)
    own = {name: OWN_SETTINGS[name] for name in sorted(wanted & OWN_SETTINGS.keys())}
    if "multikueue" in wanted:
        secret = f"{settings['platform']['name']}/clusters/frankfurt"
        own["multikueue"] = {"clusters": {"frankfurt": {"secret": secret}}, "quota": {"cpu": "512"}}
    if "jupyterhub" in wanted:
        # Without its entry nobody could sign in to it, which is a mistake.
        settings["edge"]["entries"] = [*settings["edge"].get("entries", ()), "jupyterhub"]
    if "dex" in wanted:
        login_at_the_gateway(settings["edge"])
    if "edge" in settings and registry.BINDER not in wanted:
        # Nobody would keep the members of an entry's target group.
        led = {entry.name for name in wanted for entry in CATALOGUE[name].entries}
        settings["edge"]["entries"] = [each for each in settings["edge"].get("entries", ()) if each not in led]
    settings["addons"] = selections.asking_for(wanted, CATALOGUE, own).model_dump(by_alias=True, mode="json")
    return settings


def login_at_the_gateway(edge: dict[str, Any]) -> None:
    """No login at the load balancer, and no entry that would be open without it."""
    asking = {entry.name for addon in CATALOGUE.values() for entry in addon.entries if entry.own_login}
    edge["login"] = None
    edge["entries"] = sorted({"kubeflow"} | (asking & set(edge.get("entries", ()))))


def leaves(values: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a chart's values that is not a mapping or a list, with the keys that lead there."""
    if isinstance(values, Mapping):
        for key, value in values.items():
            yield from leaves(value, f"{path}.{key}" if path else str(key))
    elif isinstance(values, list):
        for index, value in enumerate(values):
            yield from leaves(value, f"{path}[{index}]")
    else:
        yield path, values
