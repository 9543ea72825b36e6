"""The base of every settings model, and how pydantic's errors become messages a user can act on."""

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from infra.problems import Problem, nearest, one_of, path_of, shown

Loc = tuple[str | int, ...]
_KEY = "[key]"
"""Where pydantic ends a location, what is wrong is the key itself."""


class Model(BaseModel):
    """Frozen settings: camelCase in YAML, unknown keys are errors, field docstrings become descriptions."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        # Settings come from a file; in code a field goes by its Python name.
        validate_by_alias=True,
        validate_by_name=True,
    )


def validate(kind: Any, raw: Any, path: Loc) -> tuple[Any, list[Problem]]:  # noqa: ANN401  # kind is any type that pydantic knows, and the result is one of it
    """Validate one part of the file, as strictly as the JSON schema does: `"4"` and `true` are no numbers.

    Args:
        kind: A model class or a type such as `tuple[str, ...]`.
        raw: What the file holds there.
        path: Where "there" is.

    Returns:
        The value and no problems. Or what is left of it without its mistakes (None when that is nothing), on which
        rules between fields can still be checked, and at least one problem.
    """
    try:
        return _read(kind, raw), []
    except RecursionError:
        return None, [Problem(path_of(path), "is nested too deeply")]
    except ValidationError as error:
        every = error.errors()
        details = [detail for detail in every if not _follows(detail, every)]
        rest = json.loads(json.dumps(raw))
        for detail in details:
            _take_out(rest, detail["loc"])
        return _read_or_none(kind, rest), [_problem(kind, detail, path, raw) for detail in details]


def _read(kind: Any, raw: Any) -> Any:  # noqa: ANN401  # as in validate
    # As JSON, because strict Python data has no lists for tuples.
    return TypeAdapter(kind).validate_json(json.dumps(raw), strict=True, by_name=False, by_alias=True)


def _read_or_none(kind: Any, raw: Any) -> Any:  # noqa: ANN401  # as in validate
    try:
        return _read(kind, raw)
    except ValidationError:
        return None


def _follows(detail: ErrorDetails, details: list[ErrorDetails]) -> bool:
    """Whether a list is only too short because of mistakes in its items."""
    place = detail["loc"]
    return detail["type"] == "too_short" and any(
        other["loc"][: len(place)] == place and other["loc"] != place for other in details
    )


def _take_out(raw: Any, place: Loc) -> None:  # noqa: ANN401  # as in validate
    """Remove the innermost key that leads to a mistake. Items of lists stay, so that positions do not move."""
    holder, name = None, ""
    for part in place:
        if isinstance(raw, dict) and part in raw:
            holder, name = raw, str(part)
        elif not isinstance(raw, list) or not isinstance(part, int) or part >= len(raw):
            break  # a key that is missing, or the name of a branch of a union
        raw = raw[part]
    if holder is not None:
        del holder[name]


def _problem(kind: Any, detail: ErrorDetails, path: Loc, raw: Any) -> Problem:  # noqa: ANN401  # as in validate
    inside = detail["loc"]
    if inside and inside[-1] == _KEY and detail["type"] != "extra_forbidden":
        inside = inside[:-1]
    return Problem(path_of((*path, *_spelt(raw, inside, detail["type"]))), _message(kind, detail, inside))


def _spelt(raw: Any, place: Loc, mistake: str) -> Iterator[str | int]:  # noqa: ANN401  # as in validate
    """The location as the file spells it: pydantic puts the name of a union's branch between two keys."""
    for index, part in enumerate(place):
        missing = mistake == "missing" and index == len(place) - 1
        if isinstance(part, int) or missing or (isinstance(raw, dict) and part in raw):
            yield part
            raw = _inside(raw, part)


def _inside(raw: Any, part: str | int) -> Any:  # noqa: ANN401  # as in validate
    try:
        return raw[part]
    except (IndexError, KeyError, TypeError):
        return None


def _message(kind: Any, detail: ErrorDetails, inside: Loc) -> str:  # noqa: ANN401, PLR0911  # as in validate; one return per kind of mistake
    value, context = detail["input"], detail.get("ctx", {})
    match detail["type"]:
        case "missing":
            return "is required"
        case "extra_forbidden":
            allowed = sorted(_keys(_model_at(kind, inside[:-1])))
            key = str(inside[-1])
            return f"unknown key{nearest(key, allowed)}; allowed: {one_of(allowed) or 'none'}"
        case "json_invalid":
            return f"cannot be read: {context['error']}"
        case "literal_error":
            allowed = [str(item) for item in _literals(str(context["expected"]))]
            # Numbers that are spelt alike are not near.
            meant = nearest(value, allowed) if isinstance(value, str) else ""
            return f"{shown(value)} is not allowed{meant}; use one of: {one_of(allowed)}"
        case "value_error":
            return f"{shown(value)}: {context['error']}"
        case "string_type" if isinstance(value, int | float):
            what = "a truth value" if isinstance(value, bool) else "a number"
            return f"{shown(value)} is {what} here; quote it: '{shown(value)}'"
        case "string_pattern_mismatch":
            return f"{shown(value)} does not match {context['pattern']}"
        case "model_type" | "model_attributes_type" | "dict_type":
            hint = "; {} takes its defaults" if value is True or _empty(value) else ""
            return f"{'nothing' if _empty(value) else shown(value)} is not a mapping of keys to values{hint}"
        case "tuple_type":
            return f"{'nothing' if _empty(value) else shown(value)} is not a list"
        case _:
            text = detail["msg"][0].lower() + detail["msg"][1:]
            return f"{shown(value)}: {text}"


def _empty(value: Any) -> bool:  # noqa: ANN401  # as in validate
    """Whether a key has no value. Where that is a whole section, Pulumi makes an empty text of it."""
    return value is None or value == ""


def _literals(expected: str) -> Iterator[str]:
    for item in expected.replace(" or ", ", ").split(", "):
        yield item.strip("'")


def _keys(model: type[BaseModel] | None) -> Iterator[str]:
    if model is not None:
        for name, field in model.model_fields.items():
            yield field.alias or name


def _model_at(kind: Any, inside: Loc) -> type[BaseModel] | None:  # noqa: ANN401  # as in validate
    """The model class that a location leads to, through mappings, lists and optional values."""
    models = list(_models(kind))
    if not inside:
        return models[0] if models else None
    for model in models:
        for name, field in model.model_fields.items():
            if (field.alias or name) == inside[0]:
                return _model_at(field.annotation, inside[1:])
    for model in models if len(models) > 1 else ():
        if any(inside[0] in get_args(field.annotation) for field in model.model_fields.values()):
            return _model_at(model, inside[1:])  # the name of the union's branch
    for inner in _inner(kind):
        found = _model_at(inner, inside[1:])
        if found is not None:
            return found
    return None


def _models(kind: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401  # as in validate
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    elif get_origin(kind) is Annotated or get_origin(kind) not in (dict, Mapping, list, tuple):
        for inner in get_args(kind):
            yield from _models(inner)


def _inner(kind: Any) -> Iterator[Any]:  # noqa: ANN401  # as in validate
    origin = get_origin(kind)
    if origin in (dict, Mapping):
        yield get_args(kind)[1]
    elif origin in (list, tuple):
        yield get_args(kind)[0]
    else:
        for inner in get_args(kind):
            yield from _inner(inner)
