"""Every rule about stack files: what breaks it, where the message points, and what it says."""

import ast
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pulumi.runtime import set_all_config

from infra.problems import Problem, SettingsError
from stacks import load
from stacks.settings import KEYS, parse
from tests.unit.settings_cases import CASES
from tests.unit.settings_stack import BASE, TODAY, Case, patched

ROOT = Path(__file__).resolve().parents[2]
RULES = sorted(path for part in ("infra", "policies", "stacks") for path in (ROOT / part).rglob("*.py"))


def problems(raw, today=TODAY) -> tuple[Problem, ...]:
    with pytest.raises(SettingsError) as caught:
        parse(raw, today)
    return caught.value.problems


def loaded(config: dict[str, str], secret: list[str]) -> tuple[Problem, ...]:
    """The problems of a configuration as the engine hands it over."""
    set_all_config(config, secret)
    try:
        with pytest.raises(SettingsError) as caught:
            load.load(TODAY)
    finally:
        set_all_config({}, [])
    return caught.value.problems


def as_config(raw) -> dict[str, str]:
    return {f"slipway:{key}": json.dumps(value) for key, value in raw.items()}


def test_the_base_has_no_problem():
    settings = parse(dict(BASE), TODAY)
    assert [group.name for group in settings.node_groups] == ["system", "gpu"]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_one_mistake_gives_one_message(case: Case):
    found = problems(case.raw, case.today)
    assert [problem.path for problem in found] == [case.path], [str(problem) for problem in found]
    message = found[0].message
    assert [word for word in case.words if word not in message] == [], message
    assert "\n" not in message


def test_misspelt_keys_hide_no_other_mistake():
    patch = {
        "platform.tgas": {},
        "platform.tags": {"Owner": "me"},
        "network.natt": "single",
        "network.endpoints": ["nowhere"],
        "cluster.version": 1.35,
        "cluster.endpoint": {"public": True},
        "nodeGroups[0].min": 0,
        "nodeGroups[1].max": "many",
        "nodeGroups[1].efaa": True,
        "nodeGroups[2]": {"name": "system", "instanceTypes": ["m7i.lrge"]},
        "storage.lustre[0].size": 1200,
        "storage.lustre[0].capacity": 3000,
        "storge": {},
        "addons.preset": "all",
    }
    assert sorted(problem.path for problem in problems(patched(patch))) == [
        "addons.preset",
        "cluster.endpoint.publicCidrs",
        "cluster.version",
        "network.endpoints[0]",
        "network.natt",
        "nodeGroups[0].min",
        "nodeGroups[1].efaa",
        "nodeGroups[1].max",
        "nodeGroups[2].instanceTypes[0]",
        "nodeGroups[2].name",
        "platform.tags.Owner",
        "platform.tgas",
        "storage.lustre[0].capacity",
        "storage.lustre[0].size",
        "storge",
    ]


def test_ten_mistakes_in_ten_places_give_ten_problems():
    patch = {
        "platform.tags": {"Owner": "me"},
        "network.endpoints": ["nowhere"],
        "cluster.version": "1.21",
        "cluster.serviceCidr": "10.0.128.0/20",
        "nodeGroups[0].system": False,
        "nodeGroups[1].min": 5,
        "nodeGroups[2]": {"name": "gpu", "instanceTypes": ["m7i.large"]},
        "storage.lustre[0].capacity": 3000,
        "storage.efs[0].throughput": "provisioned",
        "addons.enable": ["nothing"],
    }
    assert sorted(problem.path for problem in problems(patched(patch))) == [
        "addons.enable[0]",
        "cluster.serviceCidr",
        "cluster.version",
        "network.endpoints[0]",
        "nodeGroups",
        "nodeGroups[1].min",
        "nodeGroups[2].name",
        "platform.tags.Owner",
        "storage.efs[0].throughput",
        "storage.lustre[0].capacity",
    ]


def test_nothing_at_all_names_what_is_required():
    assert [(problem.path, problem.message) for problem in problems({})] == [
        ("platform", "is required"),
        ("network", "is required"),
        ("nodeGroups", "is required"),
    ]


def test_a_mistake_in_a_gpu_group_says_nothing_about_storage():
    """The file system's zone is the GPU group's, which is unknown, not missing."""
    for patch in ({"nodeGroups[1].efaa": True}, {"nodeGroups[1].instanceTypes": ["p4d.24xlrge"]}):
        assert all(problem.path.startswith("nodeGroups[1]") for problem in problems(patched(patch)))


def test_an_error_shows_each_problem_on_its_line():
    error = SettingsError(
        [Problem("network.nat", "first"), Problem("nodeGroups[0]", "second"), Problem("network.nat", "first")]
    )
    assert str(error) == "network.nat: first\nnodeGroups[0]: second"


def test_a_long_value_is_cut():
    (problem,) = problems(patched({"network.nat": "x" * 500}))
    assert "..." in problem.message
    assert len(problem.message) < 200


def test_the_engine_hands_over_json():
    set_all_config(as_config(BASE) | {"aws:region": "us-west-2", "other:key": "{"}, [])
    try:
        assert load.load(TODAY) == parse(dict(BASE), TODAY)
    finally:
        set_all_config({}, [])


def nested(depth: int) -> dict[str, object]:
    inner: dict[str, object] = {}
    for _ in range(depth):
        inner = {"settings": inner}
    return inner


@pytest.mark.parametrize("depth", [300, 50_000])
def test_a_section_nested_without_end_is_a_problem_with_its_name(depth: int):
    (problem,) = problems({**BASE, "addons": nested(depth)})
    assert problem.path == "addons"
    assert "nested too deeply" in problem.message or "recursion limit" in problem.message


def test_a_name_that_is_no_unicode_is_a_problem():
    (problem,) = problems(patched({"platform.owner": "\ud800"}))
    assert problem.path == "platform"
    assert "cannot be read" in problem.message


@pytest.mark.parametrize("text", ["{", "us-west-2", "", "9" * 5000, "[" * 100_000, "NaN", "null"])
def test_a_section_that_is_no_json_is_a_problem_with_its_name(text: str):
    (problem,) = loaded(as_config(BASE) | {"slipway:addons": text}, [])
    assert problem.path == "addons"
    assert "is not a mapping" in problem.message


def test_secret_settings_are_refused_by_name():
    found = loaded(as_config(BASE), ["slipway:platform", "slipway:network"])
    assert [(problem.path, problem.message) for problem in found] == [
        ("network", "is a secret; settings are plain, take `--secret` off"),
        ("platform", "is a secret; settings are plain, take `--secret` off"),
    ]


def sites() -> Iterator[tuple[str, int]]:
    """Where the code makes a problem."""
    for path in RULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Problem":
                yield str(path.relative_to(ROOT)), node.lineno


def test_every_rule_has_a_case(monkeypatch: pytest.MonkeyPatch):
    made: set[tuple[str, int]] = set()
    original = Problem.__init__

    def noted(self, *args, **kwargs):
        caller = sys._getframe(1)
        path = Path(caller.f_code.co_filename)
        if path.is_relative_to(ROOT):
            made.add((str(path.relative_to(ROOT)), caller.f_lineno))
        original(self, *args, **kwargs)

    monkeypatch.setattr(Problem, "__init__", noted)
    for case in CASES.values():
        problems(case.raw, case.today)
    problems({**BASE, "addons": nested(50_000)})
    loaded(as_config(BASE), ["slipway:platform"])
    everywhere = list(sites())
    assert len(everywhere) == len(set(everywhere)) > 80
    assert sorted(set(everywhere) - made) == []


def test_every_section_has_a_case():
    broken = {case.path.partition(".")[0].partition("[")[0] for case in CASES.values()}
    assert broken >= set(KEYS)


def test_a_key_that_is_spelt_like_pydantics_own_mark():
    """Found by the fuzz test: `[key]` is how pydantic says that a key, not its value, is wrong."""
    (problem,) = problems(patched({"addons": {"[key]": None}}))
    assert problem.path == "addons.[key]"
    assert problem.message.startswith("unknown key")
