"""Manifests as people write them: text to plain objects, or one message that says what is wrong. Pure."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, Final

import yaml

from infra.problems import shown
from slipway.errors import CannotRunError
from slipway.stackfile import GoLoader

_DEEPEST: Final = 100
_MOST_VALUES: Final = 200_000
_TEMPLATE_MARKS: Final = ("{{", "{%")


class ManifestError(CannotRunError):
    """A manifest cannot be read; the message says why."""


def documents(text: str) -> tuple[Mapping[str, Any], ...]:
    """The objects of a manifest, with the items of a `List` in its place.

    Raises:
        ManifestError: It is no YAML, too large or too deep, empty, or holds something that is no object.
    """
    found = []
    for number, document in enumerate(_loaded(text), start=1):
        if document is None:
            continue
        where = f"document {number}"
        if not isinstance(document, dict):
            raise ManifestError(f"{where}: {shown(document)} is not an object of Kubernetes; it has kind and metadata")
        found += list(_objects(document, where))
    if not found:
        raise ManifestError("empty: there is no object in it")
    return tuple(found)


def _objects(document: dict[str, Any], where: str) -> Iterator[Mapping[str, Any]]:
    kind = document.get("kind")
    if not isinstance(kind, str) or not kind:
        raise ManifestError(f"{where}: kind is missing: not an object of Kubernetes")
    api = document.get("apiVersion")
    if not isinstance(api, str) or not api:
        raise ManifestError(f"{where}: {kind}: apiVersion is missing")
    if kind == "List" and api == "v1":
        items = document.get("items")
        for position, item in enumerate(items if isinstance(items, list) else ()):
            if not isinstance(item, dict):
                raise ManifestError(f"{where}: items[{position}]: {shown(item)} is not an object of Kubernetes")
            yield from _objects(item, f"{where}: items[{position}]")
        return
    yield document


def _loaded(text: str) -> list[Any]:
    """Each document as plain values of JSON's kinds."""
    try:
        _shallow(text)
        budget = itertools.count()
        return [_plain(document, 0, budget) for document in yaml.load_all(text, Loader=GoLoader)]
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        if isinstance(error, ManifestError):
            raise
        if any(mark in text for mark in _TEMPLATE_MARKS):
            raise ManifestError(
                "a template, not a manifest: {{ }} and {% %} are for whoever fills it in;"
                " `slipway job render` prints an example as a manifest"
            ) from error
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}: " if mark is not None else ""
        what = getattr(error, "problem", None) or " ".join(str(error).split())
        raise ManifestError(f"not YAML: {place}{what}") from error
    except RecursionError as error:
        raise ManifestError(f"nested deeper than {_DEEPEST} levels") from error


def _shallow(text: str) -> None:
    """Look at the nesting before anything recursive does."""
    depth = 0
    for event in yaml.parse(text, Loader=GoLoader):
        if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            depth += 1
            if depth > _DEEPEST:
                raise ManifestError(f"nested deeper than {_DEEPEST} levels")
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            depth -= 1


def _plain(value: object, depth: int, budget: "itertools.count[int]") -> Any:  # noqa: ANN401  # JSON
    """A copy without shared parts: each use of an alias counts, and one that holds itself is too deep."""
    if next(budget) > _MOST_VALUES:
        raise ManifestError(f"more than {_MOST_VALUES:,} values, with those that aliases repeat")
    if depth > _DEEPEST:
        raise ManifestError(f"nested deeper than {_DEEPEST} levels, or an alias that holds itself")
    if isinstance(value, dict):
        return {
            key if isinstance(key, str) else shown(key): _plain(item, depth + 1, budget) for key, item in value.items()
        }
    if isinstance(value, list):
        return [_plain(item, depth + 1, budget) for item in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    # Sets, binaries and the like, which no field of Kubernetes takes.
    return str(value)
