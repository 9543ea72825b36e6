"""docs/how-to/add-an-addon.md, followed: its file, added to the catalogue, is all that a new add-on takes."""

import importlib
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import addons.catalog
from addons import registry
from slipway import explain
from tests.contract import charts, test_addons_catalogue, test_addons_pairs, test_addons_pods, test_chart_images
from tests.program.addon_stacks import RELEASE, of
from tests.program.conftest import ROOT, settings_of

PAGE = (ROOT / "docs" / "how-to" / "add-an-addon.md").read_text()
(FILE,) = re.findall(r"`(addons/catalog/[\w/]+\.py)`: the folder", PAGE)
(CODE,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.S | re.M)
(STACK,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.S | re.M)
NAME = Path(FILE).stem.replace("_", "-")
PACKAGE = "catalogue_of_the_how_to"


@pytest.fixture(name="known")
def _known():
    yield from charts.resolver()


@pytest.fixture
def catalogue(tmp_path, monkeypatch):
    """The whole catalogue and the page's file, in place of the catalogue."""
    copy = tmp_path / PACKAGE
    shutil.copytree(Path(addons.catalog.__path__[0]), copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / Path(FILE).relative_to("addons/catalog")).write_text(CODE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    importlib.invalidate_caches()
    found = registry.discover.__wrapped__(PACKAGE)
    monkeypatch.setattr(registry, "discover", lambda: found)
    yield found
    for module in [module for module in sys.modules if module.partition(".")[0] == PACKAGE]:
        del sys.modules[module]


def test_the_file_is_all_that_it_takes(catalogue):
    assert set(catalogue) - set(test_addons_catalogue.CATALOGUE) == {NAME}


def test_it_can_be_explained_as_the_page_says(catalogue):
    assert f"slipway addons {NAME}" in PAGE
    data = explain.one(NAME).data()
    assert data["version"] == catalogue[NAME].source.version
    assert "memoryMib" in data["settings"]["properties"]


def test_the_stack_file_of_the_page_plans_it(catalogue):
    base = dict(settings_of(ROOT / "stacks/config/Pulumi.dev.yaml"))
    asked = yaml.safe_load(STACK)["slipway:addons"]
    it = of({**base, "addons": asked})
    release = it.plan.one(RELEASE, NAME)
    assert release.inputs["version"] == catalogue[NAME].source.version
    assert release.inputs["values"]["resources"]["limits"] == {"memory": "256Mi"}
    for need in catalogue[NAME].needs:
        assert {part.urn for part in it.parts(need) if part.custom} <= it.behind[release.urn]


def held(addon, known):
    """What `make test` asks of a new file, without a word about it in any test."""
    test_addons_catalogue.test_the_chart_was_seen_at_this_version(addon)
    test_addons_catalogue.test_every_value_path_exists_in_the_chart(addon, known)
    test_addons_catalogue.test_tolerations_go_where_the_chart_reads_them(addon)
    test_addons_catalogue.test_daemonsets_reach_every_tainted_node_and_controllers_none(addon, known)
    test_addons_catalogue.test_what_shows_that_it_runs_is_really_there(addon)
    test_addons_catalogue.test_the_crds_and_webhooks_of_the_chart_are_declared(addon)
    test_chart_images.test_every_image_that_the_chart_renders_is_declared_and_no_other(addon)
    test_chart_images.test_the_value_paths_of_images_take_effect(addon)
    test_chart_images.test_one_path_moves_every_container_that_runs_the_image(addon)
    test_addons_pods.test_every_pod_fits_the_smallest_system_node(addon, known)
    test_addons_pods.test_controllers_say_what_they_need(addon, known)
    test_addons_pairs.test_a_chart_s_kinds_that_a_webhook_sees_are_declared(addon)
    test_addons_pairs.test_who_makes_a_custom_resource_needs_somebody_who_brings_its_crd(addon)


@charts.needs_reference
def test_it_passes_the_tests_of_the_catalogue(catalogue, known):
    held(catalogue[NAME], known)


@charts.needs_reference
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('version="3.8.0"', 'version="3.8.1"'),
        ('"serviceMonitor"', '"servicemonitor"'),
        ('"requests": {"cpu": "25m", "memory": memory}, ', ""),
        ('"cpu": "25m"', '"cpu": "25"'),
        ("pushgateway:v1.11.3", "pushgateway:v1.11.2"),
        ('repository="image.repository"', 'repository="image.name"'),
        ('{"Service", "ServiceMonitor"}', '{"ServiceMonitor"}'),
        ('kind="Deployment"', 'kind="StatefulSet"'),
        ('needs=("coredns", "kube-prometheus-stack")', 'needs=("coredns",)'),
    ],
)
def test_the_same_tests_refuse_a_mistake_in_it(known, right, wrong):
    assert right in CODE
    mistaken: dict[str, Any] = {}
    exec(compile(CODE.replace(right, wrong), FILE, "exec"), mistaken)
    with pytest.raises((AssertionError, KeyError)):
        held(mistaken["ADDON"], known)
