"""A setting's JSON schema in words: its type, its default, what it refers to. Pure."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]


def linked(model: str) -> str:
    """A model's name as a link to its heading on the same page."""
    return f"[{model}](#{model.lower()})"


def references(field: Schema) -> Iterator[str]:
    """The models that a field's schema refers to, in order."""
    if "$ref" in field:
        yield field["$ref"].rpartition("/")[2]
    for branch in (*field.get("anyOf", []), *field.get("prefixItems", [])):
        yield from references(branch)
    for key in ("items", "additionalProperties"):
        inner = field.get(key)
        if isinstance(inner, Mapping):
            yield from references(inner)


def type_of(field: Schema, *, named: Callable[[str], str] = linked) -> str:  # noqa: PLR0911  # one return per kind
    """A field's type in words.

    Args:
        field: Its schema.
        named: How a model's name is written.
    """
    if "$ref" in field:
        return named(field["$ref"].rpartition("/")[2])
    if "anyOf" in field:
        return " or ".join(type_of(branch, named=named) for branch in field["anyOf"] if branch.get("type") != "null")
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    if field.get("type") == "array":
        return f"list of {type_of(field.get('items', {}), named=named)}"
    if field.get("type") == "object":
        inner = field.get("additionalProperties")
        return f"mapping to {type_of(inner, named=named)}" if isinstance(inner, Mapping) else "mapping"
    return " ".join([str(field.get("type", "any")), *_bounds(field)])


def default_of(field: Schema) -> str:
    """A field's default as JSON; nothing where it is empty."""
    default = field.get("default")
    return "" if default in (None, {}, [], ()) else f"`{json.dumps(default)}`"


def cell(text: str) -> str:
    """A text as one cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")


def _bounds(field: Schema) -> Iterator[str]:
    low, high = field.get("minimum"), field.get("maximum")
    if low is not None or high is not None:
        yield f"{'' if low is None else f'{low:,}'} to {'' if high is None else f'{high:,}'}".strip()
