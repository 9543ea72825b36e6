"""What the DaemonSets of the platform ask for on one node, against what the sizes of jobs leave to them."""

from pathlib import Path
from typing import Any

import pytest

from addons import registry
from addons.settings import AddonsSettings
from addons.spec import Chart, EksAddon, Objects
from addons.values import objects_of, values_of
from infra.catalog.allocatable import DAEMONS, DAEMONS_ACCELERATED, Room
from slipway import stackfile
from tests.contract import charts, selections
from tests.contract.test_addons_catalogue import CATALOGUE, chart_of
from tests.contract.test_addons_pods import asked, at, requests, workloads

ROOT = Path(__file__).resolve().parents[2]
STACK_FILES = sorted([*ROOT.glob("stacks/config/Pulumi.*.yaml"), *ROOT.glob("examples/Pulumi.*.yaml")])

BUDGETS = {"nvidia": DAEMONS_ACCELERATED, "neuron": DAEMONS_ACCELERATED, "plain": DAEMONS}
KINDS = tuple(BUDGETS)
ONLY = {
    "dcgm-exporter": "nvidia",
    "dra-driver-nvidia-gpu": "nvidia",
    "gpu-operator": "nvidia",
    "hami": "nvidia",
    "nvidia-device-plugin": "nvidia",
    "neuron": "neuron",
}
"""Add-ons whose DaemonSets run beside one kind of accelerator alone; all others run on every node."""
KUBE_PROXY = {"cpu": 0.1, "memory": 0.0}
"""EKS says so in its own manifest."""
HIDDEN: dict[str, dict[str, tuple[str, ...]]] = {
    # The rendering of ../shared/reference has them off, or an operator makes them.
    "amazon-cloudwatch-observability": {
        "nvidia": ("agent.resources", "dcgmExporter.resources"),
        "neuron": ("agent.resources", "neuronMonitor.resources"),
        "plain": ("agent.resources",),
    },
    "neuron": dict.fromkeys(KINDS, ("devicePlugin.resources",)),
    "velero": dict.fromkeys(KINDS, ("nodeAgent.resources",)),
}
"""Value paths of what a pod on every node asks for, besides those that the charts' facts know."""

Load = dict[str, float]


def plus(one: Load, other: Load) -> Load:
    return {kind: one[kind] + other[kind] for kind in ("cpu", "memory")}


def load(addon: Any, handle: Any, settings: Any, kind: str, known: Any) -> Load:
    """Cores and MiB that an add-on's DaemonSets ask for on one node."""
    total: Load = {"cpu": 0.0, "memory": 0.0}
    if ONLY.get(addon.name, kind) != kind:
        return total
    if addon.name == "kube-proxy":
        return KUBE_PROXY
    if isinstance(addon.source, Objects):
        for item in objects_of(addon, settings, handle):
            if item["kind"] == "DaemonSet":
                pod = item["spec"]["template"]["spec"]
                each = {key: sum(asked(one.get("resources"), key) for one in pod["containers"]) for key in total}
                first = [
                    {key: asked(one.get("resources"), key) for key in total} for one in pod.get("initContainers", ())
                ]
                total = plus(total, {key: max([each[key], *(one[key] for one in first)]) for key in total})
        return total
    if not isinstance(addon.source, (Chart, EksAddon)) or not chart_of(addon):
        return total
    values = known(values_of(addon, settings, handle, {}))
    kinds = workloads(addon)
    for pod, asks in requests(addon, values).items():
        off = addon.name == "amazon-cloudwatch-observability" and pod == "DaemonSet/fluent-bit"
        if kinds.get(pod) == "DaemonSet" and not pod.endswith("-windows") and not off:
            total = plus(total, asks)
    whole = charts.merged(charts.chart_values(chart_of(addon)), values) if addon.name in HIDDEN else {}
    for path in HIDDEN.get(addon.name, {}).get(kind, ()):
        found = at(whole, path)
        assert found, f"{addon.name} has no {path}"
        total = plus(total, {key: asked(found, key) for key in total})
    return total


def fits(total: Load, budget: Room) -> bool:
    return total["cpu"] * 1000 <= budget.cpu_millis and total["memory"] <= budget.memory_mib


@pytest.fixture(name="known")
def _known():
    yield from charts.resolver()


@charts.needs_reference
@pytest.mark.parametrize("kind", KINDS)
def test_the_budget_holds_for_all_that_can_be_installed_together(kind, known):
    loads = {}
    for name, addon in CATALOGUE.items():
        found = [load(addon, handle, settings, kind, known) for handle, settings in charts.cases(addon)]
        loads[name] = {key: max((each[key] for each in found), default=0.0) for key in ("cpu", "memory")}
    worst: Load = {"cpu": 0.0, "memory": 0.0}
    for chosen in selections.maximal(CATALOGUE):
        total: Load = {"cpu": 0.0, "memory": 0.0}
        for name in chosen:
            total = plus(total, loads[name])
        asking = {name: each for name, each in loads.items() if name in chosen and any(each.values())}
        assert fits(total, BUDGETS[kind]), f"{total}: {asking}"
        worst = {key: max(worst[key], total[key]) for key in worst}
    # A budget that nothing comes near would waste nodes.
    assert worst["cpu"] * 1000 > BUDGETS[kind].cpu_millis * 0.9, worst
    assert worst["memory"] > BUDGETS[kind].memory_mib * 0.8, worst


@charts.needs_reference
@pytest.mark.parametrize("path", STACK_FILES, ids=lambda path: path.stem.removeprefix("Pulumi."))
def test_the_budget_holds_for_the_stack_files_with_everything_in_full(path, known):
    """What each enables by name, with its settings, together with all of the preset `full` that goes with it."""
    config = stackfile.load(str(path)).config
    asked_for = AddonsSettings.model_validate_json(config["slipway:addons"])
    chosen = {each.addon.name: each.settings for each in registry.select(asked_for)}
    full = AddonsSettings(preset="full")
    for each in registry.select(full):
        if not selections.clashes({*chosen, each.addon.name}, CATALOGUE):
            chosen.setdefault(each.addon.name, each.settings)
    for kind in KINDS:
        total: Load = {"cpu": 0.0, "memory": 0.0}
        for name, settings in chosen.items():
            addon = CATALOGUE[name]
            total = plus(total, load(addon, charts.fitting(addon)[0], settings, kind, known))
        assert fits(total, BUDGETS[kind]), total
        assert total["cpu"] > 0.3, "fewer DaemonSets than a node has"
