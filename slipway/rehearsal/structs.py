"""Protobuf structs to Python values and back; whole numbers stay whole."""

from collections.abc import Mapping
from typing import Any

from google.protobuf.struct_pb2 import Struct, Value


def to_dict(struct: Struct) -> dict[str, Any]:
    """The struct as a dictionary, sorted by key: protobuf's own order changes from run to run."""
    fields = struct.fields
    return {key: _to_python(fields[key]) for key in sorted(fields)}


def to_struct(values: Mapping[str, Any]) -> Struct:
    """The mapping as a struct.

    Raises:
        TypeError: A value is of a type that JSON does not have.
    """
    struct = Struct()
    for key, value in values.items():
        _fill(struct.fields[key], value)
    return struct


def _to_python(value: Value) -> Any:  # noqa: ANN401 - any JSON value
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return value.string_value
    if kind == "struct_value":
        return to_dict(value.struct_value)
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "bool_value":
        return value.bool_value
    if kind == "list_value":
        return [_to_python(item) for item in value.list_value.values]
    return None


def _fill(target: Value, value: object) -> None:
    if isinstance(value, str):
        target.string_value = value
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int | float):
        target.number_value = value
    elif value is None:
        target.null_value = 0  # type: ignore[assignment]  # the stub wants the enum, whose one value is 0
    elif isinstance(value, Mapping):
        # Touching the field makes an empty object an object rather than nothing.
        target.struct_value.SetInParent()
        for key, item in value.items():
            _fill(target.struct_value.fields[key], item)
    elif isinstance(value, list | tuple):
        target.list_value.SetInParent()
        for item in value:
            _fill(target.list_value.values.add(), item)
    else:
        raise TypeError(f"{type(value).__name__} is no JSON value")
