"""The generated reference is what the code says now."""

import ast
from pathlib import Path

import pytest

from addons import registry
from policies import ids
from policies.settings import PolicySettings
from slipway import reference
from slipway.fields import references

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "reference"


@pytest.mark.parametrize("name", reference.PAGES)
def test_the_reference_is_current(name: str):
    assert (FOLDER / name).read_text() == reference.PAGES[name](), "run `make reference`"


def test_the_reference_is_written_once_all_of_it_is_defined():
    """`make reference` runs the module from its top: what stands below the call would not be there yet."""
    last = ast.parse(Path(reference.__file__).read_text()).body[-1]
    assert isinstance(last, ast.If)
    assert ast.unparse(last.test) == "__name__ == '__main__'"


def test_every_setting_is_described():
    undescribed = [
        line
        for line in reference.PAGES["settings.md"]().splitlines()
        if line.startswith("| `") and line.endswith("|  |")
    ]
    assert undescribed == []


def test_every_limit_of_the_policies_names_a_rule_that_there_is():
    """The page of the rules says which settings a rule reads, out of what the settings say of themselves."""
    named = reference.policy_settings()
    assert set(named) <= ids.ALL
    about_all = {"enforcement", "levels", "exceptions"}
    limits = {field.alias or name for name, field in PolicySettings.model_fields.items()} - about_all
    assert {key for keys in named.values() for key in keys} == limits


def test_there_is_a_page_of_every_addon_and_of_nothing_else():
    pages = {f"addons/{path.name}" for path in (FOLDER / "addons").iterdir()}
    assert pages == {name for name in reference.PAGES if name.startswith("addons/")}


@pytest.mark.parametrize("name", registry.discover())
def test_every_setting_of_an_addon_is_described(name: str):
    settings = (registry.discover()[name].settings.model_json_schema(), *_models(name))
    undescribed = [
        key
        for schema in settings
        for key, field in schema.get("properties", {}).items()
        if "description" not in field and not list(references(field))
    ]
    assert undescribed == []


def _models(name: str):
    return registry.discover()[name].settings.model_json_schema().get("$defs", {}).values()
