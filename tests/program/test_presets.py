"""Every preset: on a stack that has everything and on one that has nothing, alone and with one add-on more or less."""

import re
from collections.abc import Mapping
from typing import Any, Final

import pytest
import yaml

from addons import install, registry
from addons.graph import reachable
from addons.presets import PRESETS
from addons.registry import Selected
from addons.settings import AddonsSettings
from addons.spec import Image
from infra.handle import ClusterHandle
from infra.images import ecr_home
from infra.kubernetes import BUILT_IN_NAMESPACES
from infra.problems import Problem
from slipway.plan.checks import check
from tests.contract import charts, selections
from tests.program import conftest, test_addons_private
from tests.program.addon_stacks import (
    CATALOGUE,
    RELEASE,
    Recorded,
    brought,
    leaves,
    of,
    recorded,
)

BARE: Final[Mapping[str, Any]] = {
    "platform": {"name": "bare", "region": "us-west-2", "environment": "test", "owner": "me", "costCenter": "none"},
    "network": {"cidr": "10.0.0.0/16", "zones": ["usw2-az1", "usw2-az2"]},
    "nodeGroups": [{"name": "system", "system": True, "instanceTypes": ["m7i.large"], "min": 1, "max": 2}],
}
"""A stack of which all that may be left out is."""


def reasons(it: Recorded) -> dict[str, str]:
    """What a preset brings and a plan left out, with the reason."""
    found: dict[str, str] = it.plan.outputs["leftOut"]
    return found


# As they are.


@pytest.mark.parametrize("preset", PRESETS)
def test_a_stack_that_has_everything_gets_all_of_a_preset(preset):
    it = recorded(preset)
    assert reasons(it) == {}
    assert set(it.installed()) == brought(preset)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_bare_stack_gets_what_is_of_use_and_a_reason_for_each_other(preset):
    it = of({**BARE, "addons": {"preset": preset}})
    assert list(check(it.plan)) == []
    found = reasons(it)
    assert set(it.installed()) | found.keys() == brought(preset)
    assert not set(it.installed()) & found.keys()
    for name, reason in found.items():
        assert reason == reason.strip(" .")
        assert len(reason.split()) > 2, f"{name}: {reason!r} says nothing"
    # What is there has what it needs.
    for name in it.installed():
        assert set(CATALOGUE[name].needs) <= set(it.installed())
        choice = set(CATALOGUE[name].needs_one_of)
        assert not choice or choice & set(it.installed())


def test_a_larger_preset_brings_all_of_a_smaller_one():
    for name, preset in PRESETS.items():
        for smaller in preset.includes:
            assert brought(smaller) < brought(name)


def test_every_preset_is_used_by_a_stack_file():
    """Their plans go through every test over stack files."""
    used = {yaml.safe_load(path.read_text())["config"]["slipway:addons"]["preset"] for path in conftest.STACK_FILES}
    assert used >= PRESETS.keys()


# With one add-on less, and with one more.


@pytest.mark.parametrize("preset", PRESETS)
def test_one_less_is_sound_or_refused_with_the_way_out(preset):
    legal = 0
    for name in sorted(brought(preset)):
        asked = AddonsSettings(preset=preset, disable=(name,))
        found = registry.problems(asked, CATALOGUE)
        if not found:
            sound(asked)
            legal += 1
            continue
        assert len(found) == 1, name
        assert named(found[0], name), f"{name}: {found[0].message}"
        assert follow_the_way_out(preset, name), name
    assert legal


def named(problem: Problem, name: str) -> bool:
    """Whether a message says what is missing and who needs it."""
    users = [user for user, addon in CATALOGUE.items() if name in (*addon.needs, *addon.needs_one_of)]
    agent = name == registry.POD_IDENTITY_AGENT
    return name in problem.message and (agent or any(user in problem.message for user in users))


def follow_the_way_out(preset: str, name: str) -> bool:
    """Whether leaving out all that need it, too, is legal."""
    needs = {each: {*addon.needs, *addon.needs_one_of} for each, addon in CATALOGUE.items()}
    users = {each for each in brought(preset) if name in reachable(each, needs)}
    identity: Any = "irsa" if name == registry.POD_IDENTITY_AGENT else "pod-identity"
    asked = AddonsSettings(preset=preset, disable=tuple(sorted({name, *users})), identity=identity)
    return registry.problems(asked, CATALOGUE) == []


@pytest.mark.parametrize("preset", PRESETS)
def test_one_more_is_sound_or_refused_with_both_names(preset):
    for name in sorted(CATALOGUE.keys() - brought(preset)):
        names = selections.closure(brought(preset) | {name}, CATALOGUE)
        asked = AddonsSettings(preset=preset, enable=tuple(sorted(names - brought(preset))))
        found = registry.problems(asked, CATALOGUE)
        clashes = selections.clashes(names, CATALOGUE)
        assert bool(found) == bool(clashes), name
        if found:
            assert {f"{a} conflicts with {b}" for a, b in clashes} == {each.message.partition(";")[0] for each in found}
        else:
            sound(asked)


def sound(asked: AddonsSettings) -> None:
    """One owner of each thing, everything after what it needs, and nobody without it where something is left out."""
    selected = registry.select(asked, CATALOGUE)
    crds = [crd for each in selected for crd in each.addon.owns_crds]
    assert len(crds) == len(set(crds))
    spaces = [each.addon.namespace for each in selected if each.addon.create_namespace]
    assert len(spaces) == len(set(spaces))
    before: set[str] = set()
    for each in selected:
        assert set(each.addon.needs) <= set(each.after)
        assert set(each.after) <= before, f"{each.addon.name} comes before one of {each.after}"
        space = each.addon.namespace
        owners = {other for other in (*before, each.addon.name) if makes_space(other, space)}
        assert space in BUILT_IN_NAMESPACES or owners, f"{each.addon.name}: nobody has made {space}"
        before.add(each.addon.name)
    by_name = [key for each in selected if each.by_name for key in each.addon.stands_on]
    for handle in CLUSTERS:
        if all(charts.is_ground(handle, key) for key in by_name):
            kept(selected, handle)


CLUSTERS = charts.handles()


def makes_space(name: str, space: str) -> bool:
    return CATALOGUE[name].create_namespace and CATALOGUE[name].namespace == space


def kept(selected: tuple[Selected, ...], handle: ClusterHandle) -> None:
    """Whoever is there has what it needs; what is enabled by name is there whatever is not, by the user's word."""
    gone = install.left_out(selected, handle)
    there = {each.addon.name for each in selected} - gone.keys()
    for name in there - {each.addon.name for each in selected if each.by_name}:
        addon = CATALOGUE[name]
        assert set(addon.needs) <= there, f"{name} needs {set(addon.needs) - there}"
        assert not addon.needs_one_of or set(addon.needs_one_of) & there, name
        assert addon.namespace in BUILT_IN_NAMESPACES or any(makes_space(other, addon.namespace) for other in there)


# In a private cluster.


@pytest.fixture(name="private", scope="module")
def _private() -> Recorded:
    """The private example with the whole platform."""
    return of(test_addons_private.platform())


def test_the_whole_platform_can_be_private(private):
    assert list(check(private.plan)) == []
    assert set(private.installed()) >= brought("full") - {"cognito-login"} - reasons(private).keys()
    core = {
        "kubeflow",
        "kubeflow-pipelines",
        "katib",
        "kserve-resources",
        "kubeflow-trainer",
        "mlflow",
        "model-registry",
    }
    assert core <= set(private.installed())


def test_a_private_platform_is_told_of_no_image_outside(private):
    """Neither pods, nor what operators are told to start: no text of a value or of an object names one."""
    assert [warning for warning in private.plan.warnings if "not in Amazon ECR" in warning] == []
    outside = {image.upstream.repository for addon in CATALOGUE.values() for image in addon.images if public(image)}
    # In the account's registry it stands behind the mirror's prefix.
    pattern = re.compile(rf"(?<![\w./-])({'|'.join(map(re.escape, sorted(outside)))})[:@]")
    for name in private.installed():
        for part in private.parts(name):
            if part.package == "kubernetes":
                where = part.inputs["values"] if part.type == RELEASE else part.inputs
                for path, value in leaves(where):
                    told = pattern.search(value) if isinstance(value, str) else None
                    assert not told, f"{name}: {path} names {told}"


def public(image: Image) -> bool:
    return ecr_home(image.upstream.host) is None
