"""The catalogue as a whole: finding add-ons, checking them together, selecting and ordering them."""

import importlib
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addons import registry
from addons.checks import check
from addons.presets import PRESETS
from addons.settings import AddonsSettings
from addons.spec import AddOn, AddOnSettings, EksAddon, Entry, Identity, ManagedSettings, Objects, Ready, Webhook
from infra.model import Model
from infra.problems import SettingsError


class Sized(AddOnSettings):
    max_size: int = 1


def addon(name: str, **changes) -> AddOn[Any]:
    given_ = {
        "name": name,
        "group": "test",
        "summary": "s",
        "docs": "https://example.com",
        "source": Objects(build=lambda _handle, _settings: []),
        "settings": AddOnSettings,
        "presets": ("minimal",),
    }
    return AddOn(**{**given_, **changes})


def catalogue(*addons: AddOn[Any]) -> dict[str, AddOn[Any]]:
    return {one.name: one for one in addons}


def messages(settings: AddonsSettings, known) -> list[str]:
    return [str(problem) for problem in registry.problems(settings, known)]


MINIMAL = AddonsSettings(preset="minimal")


# Finding.

FILE = """
from addons.spec import AddOn, AddOnSettings, Objects
ADDON = AddOn(
    name={name!r}, group={group!r}, summary="s", docs="https://example.com", settings=AddOnSettings,
    source=Objects(build=lambda handle, settings: []), presets=("minimal",), needs={needs!r},
)
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An importable package of add-ons, and a function that writes a file of it."""
    name = "made_up_catalogue"
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(path: str, *, name_: str, group: str = "storage", needs: tuple[str, ...] = ()) -> str:
        file = tmp_path / name / path
        file.parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name / "__init__.py").touch()
        file.write_text(FILE.format(name=name_, group=group, needs=needs))
        importlib.invalidate_caches()
        return name

    yield write
    registry.discover.cache_clear()
    for module in [module for module in sys.modules if module.partition(".")[0] == name]:
        del sys.modules[module]


def test_a_new_file_is_all_that_an_addon_takes(package):
    package("storage/my_disks.py", name_="my-disks")
    found = registry.discover(package("network/my_mesh.py", name_="my-mesh", group="network", needs=("my-disks",)))
    assert sorted(found) == ["my-disks", "my-mesh"]
    assert [one.addon.name for one in registry.select(MINIMAL, found)] == ["my-disks", "my-mesh"]


def test_a_file_that_says_another_name_or_group_is_refused(package):
    name = package("storage/my_disks.py", name_="your-disks", group="network")
    with pytest.raises(registry.CatalogueError, match=r"declares network/your-disks, not storage/my-disks"):
        registry.discover(name)


def test_a_file_without_an_addon_is_refused(package, tmp_path):
    name = package("storage/my_disks.py", name_="my-disks")
    (tmp_path / name / "storage" / "empty.py").write_text("X = 1\n")
    with pytest.raises(registry.CatalogueError, match=r"empty\.py: exports no ADDON"):
        registry.discover(name)


# The catalogue together.


def test_every_contradiction_is_named_with_both_sides():
    found = check(
        catalogue(
            addon("a", needs=("bb",), conflicts=("c",), owns_crds=("things.example.com",)),
            addon("b", owns_crds=("things.example.com",), presets=("minimall",)),
            addon("c", before_nodes=True, needs=("d",)),
            addon("d", namespace="monitoring"),
        )
    )
    text = "\n".join(found)
    assert "a: needs names 'bb', which is unknown (did you mean 'b'?)" in text
    assert "a conflicts with c, but c does not say so" in text
    assert "a and b both own CRD things.example.com, and do not declare a conflict" in text
    assert "b: presets names 'minimall', which is unknown (did you mean 'minimal'?)" in text
    assert "c comes before nodes but needs d, which does not" in text
    assert "d: nobody it needs creates the namespace monitoring" in text
    assert len(found) == 6


def test_a_declared_conflict_allows_a_second_owner():
    crd = ("things.example.com",)
    assert not check(
        catalogue(addon("a", owns_crds=crd, conflicts=("b",)), addon("b", owns_crds=crd, conflicts=("a",)))
    )


def test_a_namespace_may_be_shared_with_the_addon_that_makes_it():
    owner = addon("stack", namespace="monitoring", create_namespace=True)
    guest = addon("exporter", namespace="monitoring", needs=("stack",))
    assert not check(catalogue(owner, guest))
    second = addon("other", namespace="monitoring", create_namespace=True)
    assert check(catalogue(owner, second)) == [
        "stack and other both own namespace monitoring, and do not declare a conflict"
    ]


def test_a_cycle_names_its_members():
    known = catalogue(addon("a", needs=("b",)), addon("b", needs=("c",)), addon("c", needs=("a",)), addon("d"))
    (message,) = check(known)
    start, _, members = message.partition(": ")
    assert start == "add-ons wait for each other"
    # Each member really needs the next one.
    steps = members.split(" needs ")
    assert steps[0] == steps[-1]
    assert all(after in known[before].needs for before, after in pairwise(steps))
    assert set(steps) == {"a", "b", "c"}


# Selecting.


def test_a_preset_brings_the_presets_it_includes():
    known = catalogue(addon("a"), addon("b", presets=("training",)), addon("c", presets=()))
    assert [one.addon.name for one in registry.select(MINIMAL, known)] == ["a"]
    assert [one.addon.name for one in registry.select(AddonsSettings(), known)] == ["a", "b"]
    both = AddonsSettings(enable=("c",), disable=("b",))
    assert [(one.addon.name, one.by_name) for one in registry.select(both, known)] == [("a", False), ("c", True)]


def test_all_mistakes_are_told_at_once():
    known = catalogue(
        addon("disks", conflicts=("tapes",)),
        addon("tapes", presets=(), conflicts=("disks",)),
        addon("volumes", needs=("disks",), settings=Sized),
        addon("extra", presets=(), needs=("more",)),
        addon("more", presets=()),
    )
    settings = AddonsSettings(
        preset="minimal",
        enable=("extra", "tapes", "volume"),
        disable=("disk",),
        settings={"volumes": {"maxSise": 1, "maxSize": "all"}, "more": {}, "robot": {}},
    )
    assert messages(settings, known) == [
        "addons.enable[2]: 'volume' is not an add-on (did you mean 'volumes'?);"
        " known: disks, tapes, volumes, extra, more",
        "addons.disable[0]: 'disk' is not an add-on (did you mean 'disks'?); known: disks, tapes, volumes, extra, more",
        "addons.enable: extra needs more, which preset minimal does not bring; add it",
        "addons.enable: disks conflicts with tapes; add disks to addons.disable",
        "addons.settings.volumes.maxSize: 'all': input should be a valid integer",
        "addons.settings.volumes.maxSise: unknown key (did you mean 'maxSize'?); allowed: maxSize",
        "addons.settings.more: more is not enabled; add it to addons.enable or take its settings out",
        "addons.settings.robot: 'robot' is not an add-on; known: disks, tapes, volumes, extra, more",
    ]
    with pytest.raises(SettingsError) as raised:
        registry.select(settings, known)
    assert list(raised.value.problems) == registry.problems(settings, known)


def test_what_a_conflict_advises_is_legal_itself():
    known = catalogue(addon("disks", conflicts=("tapes",)), addon("tapes", presets=(), conflicts=("disks",)))
    both = AddonsSettings(preset="minimal", enable=("disks", "tapes"))
    assert messages(both, known) == ["addons.enable: disks conflicts with tapes; take one of them out of addons.enable"]
    tapes = AddonsSettings(preset="minimal", enable=("tapes",))
    assert messages(tapes, known) == ["addons.enable: disks conflicts with tapes; add disks to addons.disable"]
    assert messages(tapes.model_copy(update={"disable": ("disks",)}), known) == []


def test_a_need_that_is_disabled_names_both_sides():
    known = catalogue(addon("disks"), addon("volumes", needs=("disks",)), addon("classes", needs=("disks",)))
    assert messages(AddonsSettings(preset="minimal", disable=("disks",)), known) == [
        "addons.disable: disks is needed by classes and volumes; keep it, or disable classes and volumes too"
    ]


def test_an_unknown_preset_lists_the_presets():
    (message,) = messages(AddonsSettings(preset="trainig"), catalogue(addon("a")))
    assert message == (
        "addons.preset: 'trainig' is not a preset (did you mean 'training'?); use one of: " + ", ".join(PRESETS)
    )


def test_enabled_and_disabled_is_a_contradiction():
    known = catalogue(addon("a"))
    assert messages(AddonsSettings(preset="minimal", enable=("a",), disable=("a",)), known) == [
        "addons.disable: a is in addons.enable too"
    ]


def test_the_pod_identity_agent_is_needed_by_identities_unless_they_are_irsa():
    agent = addon(registry.POD_IDENTITY_AGENT)
    known = catalogue(
        agent,
        addon(
            "driver",
            source=EksAddon(name="driver"),
            settings=ManagedSettings,
            ready=(Ready(kind="Deployment", name="driver"),),
            identities=(Identity(service_account="driver-sa", managed_policies=("X",)),),
        ),
    )
    driver, after_agent = (registry.select(MINIMAL, known)[i] for i in (0, 1))
    assert (driver.addon.name, after_agent.after) == (registry.POD_IDENTITY_AGENT, (registry.POD_IDENTITY_AGENT,))
    without = AddonsSettings(preset="minimal", disable=(registry.POD_IDENTITY_AGENT,))
    assert messages(without, known) == [
        "addons.disable: eks-pod-identity-agent is needed by driver; keep it, or disable driver too;"
        " or set addons.identity to irsa"
    ]
    irsa = without.model_copy(update={"identity": "irsa"})
    assert [one.after for one in registry.select(irsa, known)] == [()]


# Order.


def webhook_for(*kinds: str, policy="Fail", except_=()) -> tuple[Webhook, ...]:
    return (Webhook(intercepts=frozenset(kinds), failure_policy=policy, except_namespaces=frozenset(except_)),)


def after(known, name: str) -> tuple[str, ...]:
    return next(one.after for one in registry.select(MINIMAL, known) if one.addon.name == name)


def test_what_makes_services_waits_for_a_webhook_on_services():
    """Installs in parallel failed with "no endpoints available for service aws-load-balancer-webhook-service"
    (kubernetes-sigs/aws-load-balancer-controller#4140).
    """
    services = frozenset({"Service"})
    known = catalogue(
        addon("balancer", webhooks=webhook_for("Service"), creates=services, needs=("certs",)),
        addon("certs", creates=services),
        addon("dashboard", creates=services),
        addon("classes", creates=frozenset({"StorageClass"})),
        addon("cni", creates=services, before_nodes=True),
    )
    assert after(known, "dashboard") == ("balancer",)
    # What the webhook's own add-on needs, and what comes before nodes, is there before the webhook is.
    assert after(known, "certs") == ()
    assert after(known, "cni") == ()
    assert after(known, "classes") == ()
    assert after(known, "balancer") == ("certs",)


def test_a_webhook_that_is_ignored_or_looks_elsewhere_makes_nobody_wait():
    pods = frozenset({"Pod"})
    for hooks in (webhook_for("Pod", policy="Ignore"), webhook_for("Pod", except_=("kube-system",))):
        assert after(catalogue(addon("queue", webhooks=hooks), addon("job", creates=pods)), "job") == ()


def test_whoever_looks_once_comes_after_what_it_looks_for_where_both_are_there():
    known = catalogue(addon("controller", follows=("kinds",)), addon("kinds", presets=()))
    assert [(one.addon.name, one.after) for one in registry.select(MINIMAL, known)] == [("controller", ())]
    both = AddonsSettings(preset="minimal", enable=("kinds",))
    found = [(one.addon.name, one.after) for one in registry.select(both, known)]
    assert found == [("kinds", ()), ("controller", ("kinds",))]
    assert check(catalogue(addon("controller", follows=("kind",)), addon("kinds"))) == [
        "controller: follows names 'kind', which is unknown (did you mean 'kinds'?)"
    ]
    assert check(catalogue(addon("a", follows=("b",)), addon("b", needs=("a",)))) == [
        "add-ons wait for each other: a needs b needs a"
    ]


@pytest.mark.parametrize("name", ["aws-load-balancer-controller", "external-dns"])
def test_who_serves_the_gateway_api_starts_when_its_kinds_are_there(name):
    # The one looks for them once, when it starts (aws-load-balancer-controller#4602); the other ends without them.
    assert "gateway-api-crds" in registry.discover()[name].follows


def test_webhooks_that_wait_for_each_other_are_an_error_with_their_names():
    both = frozenset({"Service"})
    known = catalogue(
        addon("a", webhooks=webhook_for("Service"), creates=both),
        addon("b", webhooks=webhook_for("Service"), creates=both),
    )
    (message,) = messages(MINIMAL, known)
    assert message in (
        "addons: add-ons wait for each other: a needs b needs a",
        "addons: add-ons wait for each other: b needs a needs b",
    )


@st.composite
def catalogues(draw):
    """Acyclic: an add-on needs only those before it in a random order; those before nodes come first."""
    names = draw(st.permutations([f"addon-{letter}" for letter in "abcdefghij"]))
    first = draw(st.integers(0, len(names)))
    return [
        addon(
            name,
            before_nodes=i < first,
            needs=tuple(sorted(draw(st.sets(st.sampled_from(names[:i]), max_size=3)))) if i else (),
        )
        for i, name in enumerate(names)
    ]


@given(catalogues(), st.randoms())
def test_order_respects_needs_and_does_not_depend_on_the_order_of_files(addons, random):
    chosen = [one.addon.name for one in registry.select(MINIMAL, catalogue(*addons))]
    assert len(chosen) == len(addons)
    for one in addons:
        assert all(chosen.index(need) < chosen.index(one.name) for need in one.needs)
    stages = [catalogue(*addons)[name].before_nodes for name in chosen]
    assert stages == sorted(stages, reverse=True)
    shuffled = list(addons)
    random.shuffle(shuffled)
    assert [one.addon.name for one in registry.select(MINIMAL, catalogue(*shuffled))] == chosen


# The real catalogue.

REAL = registry.discover()
NAMES = sorted(REAL)


@pytest.mark.parametrize("preset", sorted(PRESETS))
@pytest.mark.parametrize("identity", ["pod-identity", "irsa"])
def test_every_preset_can_be_installed(preset, identity):
    selected = registry.select(AddonsSettings(preset=preset, identity=identity))
    assert selected
    place = {one.addon.name: i for i, one in enumerate(selected)}
    assert all(place[name] < place[one.addon.name] for one in selected for name in one.after)


def choose(preset: str, enable: tuple[str, ...], disable: tuple[str, ...]) -> None:
    """What is asked for is chosen, or the message names who is in whose way."""
    try:
        selected = registry.select(AddonsSettings(preset=preset, enable=enable, disable=disable))
    except SettingsError as error:
        for problem in error.problems:
            named = [name for name in NAMES if name in problem.message]
            assert len(named) >= 2 or named == list({*enable, *disable}), problem
        return
    chosen = {item.addon.name for item in selected}
    assert set(enable) <= chosen
    assert not set(disable) & chosen


RELATED = sorted(
    {
        (name, other)
        for name, each in REAL.items()
        for other in (*each.needs, *each.needs_one_of, *each.follows, *each.conflicts)
    }
)


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_two_that_know_each_other_can_be_selected_or_the_message_names_both_sides(preset):
    for one, other in RELATED:
        for enable, disable in (((one, other), ()), ((one,), (other,)), ((other,), (one,)), ((), (one, other))):
            choose(preset, enable, disable)


@given(
    st.sampled_from(sorted(PRESETS)),
    st.lists(st.sampled_from(NAMES), unique=True, max_size=4),
    st.lists(st.sampled_from(NAMES), unique=True, max_size=4),
)
@settings(deadline=None)
def test_any_choice_can_be_selected_or_the_message_names_who_is_in_whose_way(preset, enable, disable):
    choose(preset, tuple(enable), tuple(name for name in disable if name not in enable))


def test_the_editor_schema_has_the_settings_as_yaml_spells_them():
    schema = registry.settings_schema()
    assert sorted(schema) == NAMES
    autoscaler = schema["cluster-autoscaler"]
    assert "scaleDownGpuUtilizationThreshold" in autoscaler["properties"]
    assert autoscaler["additionalProperties"] is False


def test_discovery_needs_no_list():
    files = [path for path in Path(registry.__file__).parent.joinpath("catalog").rglob("*.py") if path.stem[0] != "_"]
    assert len(files) == len(REAL)


class Owner(Model):
    """A definition in the settings of one add-on."""

    name: str


class FirstSettings(AddOnSettings):
    owner: Owner | None = None


def second_settings() -> type[AddOnSettings]:
    class Owner(Model):
        """Another one of the same name."""

        owners: tuple[str, ...] = ()

    class SecondSettings(AddOnSettings):
        owner: Owner | None = None

    return SecondSettings


def test_definitions_of_one_name_are_kept_apart():
    catalogue = {"a": addon("a", settings=FirstSettings), "b": addon("b", settings=second_settings())}
    schemas = registry.settings_schema(catalogue, taken=["Owner"])
    names = [set(schema["$defs"]) for schema in schemas.values()]
    assert names == [{"FirstSettingsOwner"}, {"SecondSettingsOwner"}]
    assert schemas["b"]["properties"]["owner"]["anyOf"][0] == {"$ref": "#/$defs/SecondSettingsOwner"}
    assert "owners" in schemas["b"]["$defs"]["SecondSettingsOwner"]["properties"]


def test_an_addon_that_chooses_among_others_needs_one_of_them():
    catalogue = {
        "page": addon("page", needs_one_of=("front", "side")),
        "front": addon("front", presets=()),
        "side": addon("side", presets=()),
    }
    (problem,) = registry.problems(AddonsSettings(preset="minimal"), catalogue)
    assert problem.path == "addons.enable"
    assert problem.message == "page needs one of: front, side; add one"
    selected = registry.select(AddonsSettings(preset="minimal", enable=("side",)), catalogue)
    assert {each.addon.name: each.after for each in selected} == {"side": (), "page": ("side",)}


def test_a_web_page_comes_after_what_binds_it_to_the_load_balancer():
    entry = Entry(name="page", service="page", port=80, target_port=8080, health_path="/")
    catalogue = {
        "page": addon("page", entries=(entry,)),
        registry.BINDER: addon(registry.BINDER),
    }
    selected = registry.select(AddonsSettings(preset="minimal"), catalogue)
    assert {each.addon.name: each.after for each in selected}["page"] == (registry.BINDER,)
