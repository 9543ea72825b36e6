"""The repository's own stack files, the JSON schema that editors use, and the warnings."""

import datetime
import json
from collections.abc import Mapping
from typing import Any

import jsonschema
import pytest
import yaml

from stacks.settings import NAMESPACE, parse, schema, warnings
from tests.strategies import ROOT, STACK_FILES, sections
from tests.unit.settings_cases import CASES
from tests.unit.settings_stack import BASE, TODAY, Case, patched

SCHEMA = schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def errors(config: Mapping[str, Any]) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors({"config": config})]


def config_of(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{NAMESPACE}:{key}": value for key, value in raw.items()}


def test_there_are_stack_files():
    assert set(STACK_FILES) >= {"dev", "prod", "existing-vpc", "inference", "neuron", "private"}


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", STACK_FILES)
def test_every_stack_file_parses(name: str):
    found = parse(sections(STACK_FILES[name]), TODAY)
    assert name in (found.platform.environment, "existing-vpc")


@pytest.mark.parametrize("name", STACK_FILES)
def test_the_schema_accepts_every_stack_file(name: str):
    path = STACK_FILES[name]
    assert list(VALIDATOR.iter_errors(yaml.safe_load(path.read_text()))) == []
    named = path.read_text().splitlines()[0].partition("$schema=")[2]
    assert (path.parent / named).resolve() == ROOT / "docs/reference/stack.schema.json"


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_schema_rejects_what_a_schema_can_see(case: Case):
    assert bool(errors(config_of(case.raw))) == case.schema


def test_most_cases_need_more_than_a_schema():
    seen = [case for case in CASES.values() if case.schema]
    assert len(seen) >= 30
    assert len(CASES) - len(seen) >= 80


def test_the_schema_leaves_other_namespaces_alone():
    others = {"aws:region": "us-west-2", "pulumi:disable-default-providers": ["*"]}
    assert errors(config_of(BASE) | others) == []
    assert errors(config_of(BASE) | {"region": "us-west-2"})


def test_the_schema_describes_every_key():
    """An editor shows it; a key without a word is a key nobody finds."""
    bare = [
        f"{name}.{key}"
        for name, definition in {**SCHEMA["$defs"], "": SCHEMA["properties"]["config"]}.items()
        for key, value in definition.get("properties", {}).items()
        # What only refers to a part has the part's description.
        if "description" not in {**SCHEMA["$defs"].get(value.get("$ref", "").rpartition("/")[2], {}), **value}
    ]
    assert bare == []


def test_the_schema_is_json():
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


def warned(patch: Mapping[str, Any], today: datetime.date = TODAY) -> tuple[str, ...]:
    """Of the base with one node at most in the GPU group: more of them without EFA are a warning of their own."""
    return warnings(parse(patched({"nodeGroups[1].max": 1, **patch}), today), today)


def test_the_base_warns_of_nothing():
    assert warned({}) == ()


GPU, LUSTRE = "nodeGroups[1]", "storage.lustre[0]"
WARNINGS: Mapping[str, tuple[Mapping[str, Any], str, datetime.date]] = {
    "support-ends": ({"cluster.version": "1.34"}, "1.34: standard support ends on 2026-12-02, in 10 days", TODAY),
    "support-ends-today": ({"cluster.version": "1.34"}, "2026-12-02, in 0 days", datetime.date(2026, 12, 2)),
    "support-extended": ({"cluster.support": "EXTENDED"}, "EXTENDED", TODAY),
    "open-to-the-world": (
        {"cluster.endpoint": {"public": True, "publicCidrs": ["0.0.0.0/0"]}},
        "0.0.0.0/0 opens the API server to the world",
        TODAY,
    ),
    "nobody-has-access": ({"cluster.access": {}}, "cluster.access is empty", TODAY),
    "one-nat": ({"network.nat": "single"}, "network.nat single: all zones lose the internet with one", TODAY),
    "gpus-kept": ({f"{GPU}.min": 1}, "nodeGroups[1] gpu: min 1 keeps accelerated nodes running", TODAY),
    "groups-many": (
        {f"nodeGroups[{index}]": {"name": f"cpu{index}", "instanceTypes": ["m7i.large"]} for index in range(2, 17)},
        "33 managed node groups, one per group and zone; by default EKS takes 30",
        TODAY,
    ),
    "training-without-efa": (
        {f"{GPU}.instanceTypes": ["p5.48xlarge"], f"{GPU}.max": 2},
        "nodeGroups[1] gpu: p5.48xlarge has 32 EFA interfaces and efa is false; jobs over several nodes will use TCP",
        TODAY,
    ),
    "no-autoscaling": (
        {
            "nodeGroups[0].autoscaling": {"enabled": False},
            "nodeGroups[0].desired": 1,
            f"{GPU}.autoscaling": {"enabled": False},
            f"{GPU}.desired": 1,
        },
        "autoscaling is off for every group",
        TODAY,
    ),
    "efa-storage-without-efa-nodes": (
        {LUSTRE: {"name": "fast", "capacity": 4800, "throughputPerTib": 1000, "efa": True, "metadata": {}}},
        "storage.lustre[0] fast is EFA-enabled, and no node group has efa",
        TODAY,
    ),
    "storage-in-another-zone": (
        {f"{LUSTRE}.zone": "usw2-az2"},
        "storage.lustre[0] scratch is in usw2-az2; nodes in usw2-az1 reach it across zones",
        TODAY,
    ),
    "scratch-that-is-kept": (
        {LUSTRE: {"name": "scratch", "deployment": "SCRATCH_2", "capacity": 2400}},
        "storage.lustre[0] scratch is SCRATCH_2: a failed server loses its files",
        TODAY,
    ),
}


@pytest.mark.parametrize(("patch", "text", "today"), WARNINGS.values(), ids=WARNINGS)
def test_what_is_allowed_and_unwise_gives_one_warning(patch: Mapping[str, Any], text: str, today: datetime.date):
    (warning,) = warned(patch, today)
    assert text in warning


@pytest.mark.parametrize(
    ("patch", "today"),
    [
        ({"cluster.version": "1.34"}, datetime.date(2026, 10, 2)),
        ({"network.internet": False, "network.nat": "single"}, TODAY),
        ({f"{LUSTRE}.zone": "usw2-az1"}, TODAY),
        ({"nodeGroups[0].autoscaling": {"enabled": False}, "nodeGroups[0].desired": 1}, TODAY),
        ({LUSTRE: {"name": "s", "deployment": "SCRATCH_2", "capacity": 2400, "disposable": True}}, TODAY),
        (
            {
                f"{GPU}.efa": True,
                LUSTRE: {"name": "s", "capacity": 4800, "throughputPerTib": 1000, "efa": True, "metadata": {}},
            },
            TODAY,
        ),
    ],
)
def test_what_is_wise_gives_none(patch: Mapping[str, Any], today: datetime.date):
    assert warned(patch, today) == ()
