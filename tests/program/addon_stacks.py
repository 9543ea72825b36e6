"""Stack files on which every add-on can stand, and their plans, for tests over the whole catalogue."""

import copy
import functools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from addons import registry
from addons.presets import PRESETS
from slipway.plan.graph import needs
from slipway.plan.model import Plan, Resource
from slipway.rehearsal.recorder import record
from stacks.program import main
from tests.contract import selections
from tests.program import conftest

CATALOGUE = registry.discover()
COMPONENT: Final = "slipway:addons:AddOn"
RELEASE: Final = "kubernetes:helm.sh/v3:Release"
MANAGED: Final = "aws:eks/addon:Addon"
NODE_GROUP: Final = "aws:eks/nodeGroup:NodeGroup"

ACCELERATED: Final = (
    {"name": "trainium", "instanceTypes": ["trn1.32xlarge"], "zones": ["usw2-az4"], "max": 1, "efa": True},
    {"name": "fpga", "instanceTypes": ["f2.6xlarge"], "zones": ["usw2-az1"], "max": 1},
)
"""The kinds of accelerators that `prod` has not."""
INTERNET: Final = "network.internet"
SELECTIONS: Final = (*PRESETS, *(f"together-{index}" for index in range(len(selections.covering(CATALOGUE)))))
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
    settings = grounded(selections.covering(CATALOGUE)[int(what.partition("-")[2])] if "-" in what else CATALOGUE)
    if what in PRESETS:
        settings["addons"] = {"preset": what}
    return of(settings)


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
    settings["addons"] = selections.asking_for(wanted, CATALOGUE).model_dump(by_alias=True, mode="json")
    return settings


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
