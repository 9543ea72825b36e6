"""Any two add-ons, and all that can be installed together: one owner of each thing, and one order."""

from collections import Counter
from itertools import combinations

import pytest

from addons import registry
from addons.graph import reachable
from addons.presets import PRESETS
from addons.settings import AddonsSettings
from addons.spec import Chart, Objects
from tests.contract import bundles, charts, objects, selections

CATALOGUE = registry.discover()
LARGEST = [pytest.param(each, id=str(index)) for index, each in enumerate(selections.maximal(CATALOGUE))]
COVERING = [pytest.param(each, id=str(index)) for index, each in enumerate(selections.covering(CATALOGUE))]


@pytest.fixture(name="known")
def _known():
    yield from charts.resolver()


def owners(names: frozenset[str]) -> Counter[str]:
    return Counter(crd for name in names for crd in CATALOGUE[name].owns_crds)


def test_every_addon_can_be_installed():
    unusable = {name: selections.clashes(selections.closure([name], CATALOGUE), CATALOGUE) for name in CATALOGUE}
    assert {name: found for name, found in unusable.items() if found} == {}


def test_any_two_addons_either_go_together_or_are_refused_with_both_names():
    """Where it is legal, each CRD has one owner and there is an order. What goes with all has the tests below."""
    bound = selections.bound(CATALOGUE)
    for a, b in combinations(CATALOGUE, 2):
        if not {a, b} & bound:
            continue
        names = selections.closure([a, b], CATALOGUE)
        asked = selections.asking_for(names, CATALOGUE)
        found = registry.problems(asked, CATALOGUE)
        clashes = selections.clashes(names, CATALOGUE)
        for one, other in clashes:
            assert one in CATALOGUE[other].conflicts
            assert any(f"{one} conflicts with {other}" in problem.message for problem in found), (a, b)
        if not clashes:
            assert found == [], (a, b)
            assert [crd for crd, count in owners(names).items() if count > 1] == [], (a, b)
            assert {each.addon.name for each in registry.select(asked, CATALOGUE)} == names


@pytest.mark.parametrize("names", LARGEST)
def test_all_that_can_be_together_has_one_owner_of_each_thing_and_an_order(names):
    selected = registry.select(selections.asking_for(names, CATALOGUE), CATALOGUE)
    assert {each.addon.name for each in selected} == names
    assert [crd for crd, count in owners(names).items() if count > 1] == []
    spaces = Counter(CATALOGUE[name].namespace for name in names if CATALOGUE[name].create_namespace)
    assert [space for space, count in spaces.items() if count > 1] == []


@pytest.mark.parametrize("names", COVERING)
def test_each_comes_after_what_it_waits_for(names):
    selected = registry.select(selections.asking_for(names, CATALOGUE), CATALOGUE)
    seen: set[str] = set()
    for each in selected:
        assert set(each.after) <= seen
        assert each.addon.before_nodes or not any(other.addon.before_nodes for other in selected[len(seen) :])
        seen.add(each.addon.name)


@pytest.mark.parametrize("names", COVERING)
@pytest.mark.parametrize("backend", ["pod-identity", "irsa"])
def test_a_webhook_that_fails_closed_is_there_before_what_it_sees(names, backend):
    asked = selections.asking_for(names, CATALOGUE).model_copy(update={"identity": backend})
    selected = {each.addon.name: each for each in registry.select(asked, CATALOGUE)}
    after = {name: set(each.after) for name, each in selected.items()}
    for provider in names:
        for name in names - {provider}:
            addon = CATALOGUE[name]
            seen = any(hook.blocks(addon.makes, addon.namespace) for hook in CATALOGUE[provider].webhooks)
            if seen and not addon.before_nodes:
                assert provider in reachable(name, after) or name in reachable(provider, after)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_can_be_installed_as_it_is(preset):
    assert registry.problems(AddonsSettings(preset=preset), CATALOGUE) == []


def test_the_few_that_are_recorded_hold_every_legal_pair():
    legal = {
        pair
        for pair in combinations(sorted(CATALOGUE), 2)
        if not selections.clashes(selections.closure(pair, CATALOGUE), CATALOGUE)
    }
    assert {pair for each in selections.covering(CATALOGUE) for pair in combinations(sorted(each), 2)} == legal


# What `creates` says, which the order stands on.

POD_MAKERS = {"Deployment", "DaemonSet", "StatefulSet", "Job", "CronJob", "Pod"}


def seen_by_others(addon, kinds: set[str]) -> set[str]:
    """Those of the kinds that another add-on's webhook holds up while its pods are not ready."""
    # Two may have a kind of one name: the GPU operator's ClusterPolicy is not Kyverno's.
    kinds = (kinds | ({"Pod"} if kinds & POD_MAKERS else set())) - objects.kinds_of(addon.owns_crds)
    hooks = [hook for name, each in CATALOGUE.items() if name != addon.name for hook in each.webhooks]
    return {kind for kind in kinds if any(hook.blocks(frozenset({kind}), addon.namespace) for hook in hooks)}


@charts.needs_reference
@pytest.mark.parametrize(
    "addon", [pytest.param(each, id=name) for name, each in CATALOGUE.items() if isinstance(each.source, Chart)]
)
def test_a_chart_s_kinds_that_a_webhook_sees_are_declared(addon):
    facts = charts.chart_facts(addon.source.name)
    kinds = {workload["kind"] for workload in facts["workloads"]} | set(facts.get("other_objects", {}))
    kinds |= {"Service"} if facts.get("services") else set()
    kinds |= {"CustomResourceDefinition"} if addon.owns_crds else set()
    kinds |= {"ServiceAccount"} if facts["service_accounts"] else set()
    assert seen_by_others(addon, kinds) <= addon.makes


@charts.needs_reference
@pytest.mark.parametrize(
    "addon", [pytest.param(each, id=name) for name, each in CATALOGUE.items() if isinstance(each.source, Objects)]
)
def test_an_object_s_kind_that_a_webhook_sees_is_declared(addon, known):
    kinds: set[str] = set()
    for handle, settings in charts.cases(addon):
        kinds |= {manifest["kind"] for manifest in known(addon.source.build(handle, settings))}
    assert seen_by_others(addon, kinds) <= addon.makes


@charts.needs_reference
@pytest.mark.parametrize(
    "addon", [pytest.param(each, id=name) for name, each in CATALOGUE.items() if isinstance(each.source, Chart)]
)
def test_who_makes_a_custom_resource_needs_somebody_who_brings_its_crd(addon):
    """Webhooks order the two only where both are there; alone, the chart would fail on a kind that nobody knows."""
    needs = {**{name: set(each.needs) for name, each in CATALOGUE.items()}, addon.name: set(addon.needs)}
    there = objects.kinds_of(addon.owns_crds).union(
        *(objects.kinds_of(CATALOGUE[name].owns_crds) for name in reachable(addon.name, needs))
    )
    everybody_s = set[str]().union(*(objects.kinds_of(each.owns_crds) for each in CATALOGUE.values()))
    # Knative has a kind of its own by the name of one of Kubernetes'.
    everybody_s -= set(bundles.PLURALS.values())
    assert addon.creates & everybody_s <= there


def spellings(kind: str) -> set[str]:
    """A kind as a webhook's rule may spell it, in the plural."""
    return {kind.lower(), f"{kind.lower()}s", f"{kind.lower()}es"}


@charts.needs_reference
@pytest.mark.parametrize(
    "addon",
    [
        pytest.param(each, id=name)
        for name, each in CATALOGUE.items()
        if isinstance(each.source, Chart) and each.webhooks
    ],
)
def test_a_webhook_is_declared_with_what_it_sees(addon):
    """The order stands on the kinds, and on that nobody is told to look away who does not."""
    # Those that the software makes when it runs have no rules in the chart.
    hooks = [hook for hook in charts.chart_facts(addon.source.name)["webhooks"] if "rules" in hook]
    universe = objects.kinds_of(addon.owns_crds).union(*(hook.intercepts for hook in addon.webhooks))

    def kinds(rule: str) -> set[str]:
        groups, _, rest = rule.split()[1].partition("/")
        # A rule may name a resource and parts of it: `workloads|workloads/status`.
        resource = rest.partition("|")[0].partition("/")[0]
        if resource != "*":
            return {kind for kind in universe if resource in spellings(kind)}
        # A controller's kinds may come with another add-on.
        there = (crd for each in CATALOGUE.values() for crd in each.owns_crds)
        return objects.kinds_of(crd for crd in there if crd.partition(".")[2] in groups.split("|"))

    seen = [(hook["failure_policy"], frozenset[str]().union(*map(kinds, hook["rules"])), hook) for hook in hooks]
    declared = [(hook.failure_policy, hook.intercepts, hook) for hook in addon.webhooks]
    if hooks:
        assert Counter(each[:2] for each in declared) == Counter(each[:2] for each in seen)
    selective = Counter(each[:2] for each in seen if each[2]["namespace_selector"] or each[2]["object_selector"])
    narrowed = Counter(each[:2] for each in declared if each[2].opt_in or each[2].except_namespaces)
    assert not hooks or narrowed <= selective
