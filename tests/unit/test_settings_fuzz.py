"""Whatever a stack file holds, parsing gives settings or messages that point into the file."""

import datetime
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from infra.problems import Problem, SettingsError
from stacks.settings import KEYS as SECTIONS
from stacks.settings import NAMESPACE, parse, schema, warnings
from tests import strategies
from tests.unit.settings_stack import BASE, TODAY

SCHEMA = schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
quickly = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


def _known(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (name.removeprefix(f"{NAMESPACE}:") for name in node.get("properties", {}))
        for inner in node.values():
            yield from _known(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _known(inner)


KEYS = frozenset(_known(SCHEMA))


def leads_into(path: str, value: Any) -> bool:
    """Whether a path leads to something in the file, or from there on by keys that a stack file may have."""
    if not path or all(part in KEYS for part in path.removeprefix(".").split(".")):
        return True
    if isinstance(value, dict):
        return any(
            leads_into(rest[len(key) :], item)
            for rest in {path, path.removeprefix(".")}
            for key, item in value.items()
            if rest == key or rest.startswith((f"{key}.", f"{key}["))
        )
    position = re.match(r"\[(\d+)\]", path)
    if position and isinstance(value, list) and int(position[1]) < len(value):
        return leads_into(path[position.end() :], value[int(position[1])])
    return False


def outcome(raw: dict[str, Any], today: datetime.date) -> tuple[Problem, ...]:
    """What is wrong with it; anything raised but SettingsError fails the test."""
    try:
        found = parse(raw, today)
    except SettingsError as error:
        return error.problems or pytest.fail("an error without a problem")
    assert all(isinstance(text, str) for text in warnings(found, today))
    return ()


def parsed(raw: dict[str, Any]) -> bool:
    """Whether it parses; if not, that the messages are what a user can act on."""
    problems = outcome(raw, TODAY)
    for problem in problems:
        assert problem.path, problem
        assert problem.message.strip(), problem
        assert leads_into(problem.path, raw), (problem, raw)
    return not problems


def sees(raw: dict[str, Any]) -> bool:
    """Whether an editor with the JSON schema accepts the file."""
    return VALIDATOR.is_valid({"config": {f"{NAMESPACE}:{key}": value for key, value in raw.items()}})


@quickly
@given(
    st.dictionaries(
        st.sampled_from(sorted(SECTIONS)) | st.text(min_size=1, max_size=8), strategies.any_json(), max_size=6
    )
)
def test_any_data_gives_settings_or_messages(raw):
    parsed(raw)


@quickly
@given(st.sampled_from(sorted(SECTIONS)), strategies.any_json())
def test_any_data_in_one_section_gives_settings_or_messages(section, value):
    parsed({**BASE, section: value})


@settings(quickly, max_examples=200)
@given(strategies.spoilt(times=3))
def test_a_spoilt_file_gives_settings_or_messages(raw):
    parsed(raw)


@settings(quickly, max_examples=200)
@given(strategies.spoilt())
def test_what_an_editor_refuses_is_refused(raw):
    if not sees(raw):
        assert not parsed(raw)


@settings(quickly, max_examples=50)
@given(strategies.stacks())
def test_a_right_file_parses_and_editors_accept_it(raw):
    parse(raw, TODAY)
    assert sees(raw)


@quickly
@given(strategies.spoilt(times=2), st.dates(datetime.date(2024, 1, 1), datetime.date(2032, 1, 1)))
@example({**BASE, "cluster": {"version": "1.31"}}, datetime.date(2026, 11, 27))
def test_any_day_gives_settings_or_messages(raw, today):
    outcome(raw, today)
