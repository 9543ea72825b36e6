"""Stack files become the configuration that the engine would hand over; mistakes become one message."""

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slipway import stackfile

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def written(tmp_path):
    def write(text, name="Pulumi.test.yaml"):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


def test_the_project_is_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert stackfile.project_folder() == ROOT


def test_environments_are_the_files_of_the_stack_folder():
    files = (ROOT / "stacks" / "config").glob("Pulumi.*.yaml")
    assert stackfile.environments() == tuple(sorted(path.name.split(".")[1] for path in files))


@pytest.mark.parametrize("name", stackfile.environments())
def test_an_environment_by_name_and_by_path(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    by_name = stackfile.load(name)
    assert (by_name.project, by_name.stack) == ("slipway", name)
    assert stackfile.load(str(by_name.path)).config == by_name.config


def test_values_are_text_as_the_engine_hands_them_over(written):
    """Pulumi: a key without a namespace is the project's, scalars are text, objects and lists JSON."""
    found = stackfile.load(
        written(
            "config:\n  name: x\n  aws:region: us-west-2\n  on: true\n  n: 3\n  half: 0.5\n"
            "  nothing:\n  o: {a: [1, null]}\n"
        )
    )
    assert found.stack == "test"
    assert found.config == {
        "slipway:name": "x",
        "aws:region": "us-west-2",
        "slipway:on": "true",
        "slipway:n": "3",
        "slipway:half": "0.5",
        "slipway:nothing": "",
        "slipway:o": '{"a":[1,null]}',
    }


def test_yaml_is_read_as_the_engine_reads_it(written):
    """PyYAML takes `no` for false and a date for an object; the engine's library takes both for text."""
    found = stackfile.load(written("config:\n  answer: no\n  day: 2026-11-22\n  sure: True\n"))
    assert found.config == {"slipway:answer": "no", "slipway:day": "2026-11-22", "slipway:sure": "true"}


def test_a_file_without_configuration(written):
    assert stackfile.load(written("encryptionsalt: v1:x\n")).config == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("config:\n  a: 1\n  a: 2\n", "yaml:3: the key 'a' is given twice"),
        ("config:\n  n:\n    a: 1\n    b: 1\n    a: 2\n", "yaml:5: the key 'a' is given twice"),
        ("config:\n  a: 1\n  slipway:a: 2\n", "config.slipway:a: given twice"),
        ("- a\n", "not a mapping but a list"),
        ("", "not a mapping but empty"),
        ("config: [", "yaml:2"),
        ("config: 3\n", "config is not a mapping but a number"),
        ("confg: {}\n", "unknown key 'confg'; a stack file has config"),
        ("config:\n  3: x\n", "config: 3 is not a name"),
        ("config:\n  a:\n    b:\n      - secure: v1:x\n", "config.a.b[0]: an encrypted value"),
        ("config:\n  a: {secure: x}\n", "config.a: an encrypted value"),
        ("environment: [prod]\n", "Pulumi ESC"),
        ("config: \x07\n", "control characters"),
        ("a: !!python/object:os.system {}\n", "could not determine a constructor"),
        ("config:\n  a: " + "[" * 2000 + "]" * 2000, "nested too deeply"),
    ],
)
def test_mistakes_are_one_message_with_the_path(written, text, message):
    path = written(text)
    with pytest.raises(stackfile.StackFileError) as caught:
        stackfile.load(path)
    assert str(caught.value).startswith(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text(tmp_path):
    path = tmp_path / "Pulumi.test.yaml"
    path.write_bytes(b"config: \xff\xfe\x00")
    with pytest.raises(stackfile.StackFileError, match="test"):
        stackfile.load(str(path))


@pytest.mark.parametrize("name", ["nope", "", "Dev"])
def test_an_unknown_environment_lists_the_known_ones(name):
    with pytest.raises(stackfile.StackFileError) as caught:
        stackfile.load(name)
    assert ", ".join(stackfile.environments()) in str(caught.value)


def test_a_path_that_is_not_there():
    with pytest.raises(stackfile.StackFileError, match=r"no/such\.yaml: there is no such stack file"):
        stackfile.load("no/such.yaml")


SCALARS = st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8", exclude_categories=["C"]))
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.from_regex(r"[a-z]{1,6}", fullmatch=True), inner, max_size=3)
    ),
    max_leaves=10,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.from_regex(r"[a-z]{1,6}:[a-z]{1,6}", fullmatch=True), VALUES, max_size=4))
def test_what_is_written_is_what_the_program_reads(written, config):
    if any("secure" in yaml.safe_dump(value) for value in config.values()):
        return
    found = stackfile.load(written(yaml.safe_dump({"config": config}, allow_unicode=True))).config
    assert found.keys() == config.keys()
    for key, value in config.items():
        assert found[key] == value if isinstance(value, str) else json.loads(found[key]) == value


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.text(alphabet="config:{}[]&*!|>'\"%@`,?- \n\tab1#~<=\\\x00é", max_size=60))
def test_no_text_gives_anything_but_a_message(written, text):
    path = written(text)
    try:
        stackfile.load(path)
    except stackfile.StackFileError as error:
        assert str(error).startswith(path)  # noqa: PT017 - most texts are wrong, some are not
