"""Manifests that cannot be read: one message each, whatever they hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.errors import CannotRunError
from slipway.jobs import source
from slipway.jobs.read import ManifestError, documents

POD = "apiVersion: v1\nkind: Pod\nmetadata: { name: a }\nspec: { containers: [] }\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty: there is no object in it"),
        ("---\n---\n# nothing\n", "empty: there is no object in it"),
        ("a: [1", "not YAML: line 2: "),
        ("a: 1\na: 2\n", "not YAML: line 2: the key 'a' is given twice"),
        ("a: \x00", "not YAML: "),
        ("hello", "document 1: 'hello' is not an object of Kubernetes; it has kind and metadata"),
        (f"{POD}---\n- 1\n", "document 2: [1] is not an object of Kubernetes; it has kind and metadata"),
        ("metadata: {}", "document 1: kind is missing: not an object of Kubernetes"),
        ("kind: Pod", "document 1: Pod: apiVersion is missing"),
        ("apiVersion: v1\nkind: List\nitems: [3]", "document 1: items[0]: 3 is not an object of Kubernetes"),
        ("kind: {{ kind }}\n", "a template, not a manifest"),
        ("kind: Pod\n{% if x %}\n", "a template, not a manifest"),
        ("[" * 5000, "nested deeper than 100 levels"),
        ("{a: " * 300 + "1" + "}" * 300, "nested deeper than 100 levels"),
        (
            "a: &a { b: *a }\nkind: Pod\napiVersion: v1\n",
            "nested deeper than 100 levels, or an alias that holds itself",
        ),
    ],
)
def test_one_message_says_what_is_wrong(text, message):
    with pytest.raises(ManifestError) as raised:
        documents(text)
    assert str(raised.value).startswith(message)
    assert "\n" not in str(raised.value)


def test_aliases_of_aliases_are_refused_before_they_are_written_out():
    """Nine levels of ten are a thousand million values."""
    bomb = "\n".join(
        ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
        + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    )
    with pytest.raises(ManifestError, match="more than 200,000 values"):
        documents(bomb)


def test_a_list_is_its_items():
    items = documents(f"apiVersion: v1\nkind: List\nitems:\n- {POD.replace(chr(10), chr(10) + '  ')}\n")
    assert [each["kind"] for each in items] == ["Pod"]


def test_yes_and_dates_are_text_as_kubectl_reads_them():
    (found,) = documents("apiVersion: v1\nkind: Pod\nmetadata: { labels: { a: yes, b: 2026-01-01 } }\n")
    assert found["metadata"]["labels"] == {"a": "yes", "b": "2026-01-01"}


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
def test_any_text_is_objects_or_a_message(text):
    try:
        found = documents(text)
    except ManifestError:
        return
    assert all(isinstance(each["kind"], str) for each in found)


def test_a_file_that_cannot_be_read_says_why(tmp_path):
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"name: caf\xe9")
    for path, why in (
        (tmp_path / "none.yaml", "cannot be read (No such file or directory)"),
        (tmp_path, "cannot be read (Is a directory)"),
        (latin, "not text in UTF-8"),
    ):
        with pytest.raises(CannotRunError) as raised:
            source.text(str(path))
        assert str(raised.value) == f"{path}: {why}"


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    path = tmp_path / "marked.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + POD.encode())
    assert source.text(str(path)) == POD
