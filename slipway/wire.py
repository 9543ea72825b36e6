"""Property values as the engine spells them on the wire: secrets, unknowns, resource references.

Source of the signatures: the Pulumi SDK's `pulumi/runtime/rpc.py` and the engine's `sdk/go/common/resource/sig`.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

Wire: TypeAlias = Any
"""Any value that JSON can hold, secrets and the like wrapped in an object with a signature."""

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a marker, published in Pulumi's source
RESOURCE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
ASSET: Final = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE: Final = "0def7320c3a5731c473e5ecbe6d01bc7"
OUTPUT_VALUE: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def is_unknown(value: object) -> bool:
    """Whether a wire value is the engine's mark for "known after `up`"."""
    return isinstance(value, str) and value == UNKNOWN


def reference(urn: str, id_: str | None = None) -> dict[str, Any]:
    """A reference to a resource; an empty `id_` means that the id is not known yet.

    Args:
        urn: The resource's full URN.
        id_: The physical id; None for components, which have none.
    """
    wire = {SIGNATURE: RESOURCE, "urn": urn, "packageVersion": ""}
    return wire if id_ is None else {**wire, "id": id_}


def plain(value: Wire) -> Wire:
    """What the answers may read: references become ids; unknowns and secrets are left out, or None standing alone.

    Secrets are left out so that no id or ARN is ever made from one.
    """
    if isinstance(value, Mapping):
        if SIGNATURE not in value:
            found = {key: plain(item) for key, item in value.items()}
            return {key: item for key, item in found.items() if item is not None}
        return (value.get("id") or None) if value[SIGNATURE] == RESOURCE else None
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return None if is_unknown(value) else value


def completed(inputs: Wire, computed: Wire) -> Wire:
    """The state that AWS returns: what was asked for, and inside it what AWS adds.

    Objects are merged member by member, lists of equal length item by item; elsewhere the input stands.
    """
    if isinstance(inputs, Mapping) and isinstance(computed, Mapping) and SIGNATURE not in inputs:
        merged = dict(inputs)
        for key, value in computed.items():
            merged[key] = completed(inputs[key], value) if inputs.get(key) is not None else value
        return merged
    if isinstance(inputs, list) and isinstance(computed, list) and len(inputs) == len(computed):
        return [completed(*pair) for pair in zip(inputs, computed, strict=True)]
    return inputs


def previewed(inputs: Wire, outputs: Wire) -> Wire:
    """The state that a preview shows: inputs as they are, everything that AWS computes unknown."""
    if isinstance(inputs, Mapping) and isinstance(outputs, Mapping):
        return {key: previewed(inputs[key], value) if key in inputs else UNKNOWN for key, value in outputs.items()}
    if isinstance(inputs, list) and isinstance(outputs, list) and len(inputs) == len(outputs):
        return [previewed(*pair) for pair in zip(inputs, outputs, strict=True)]
    return inputs


def flattened(value: Wire, found: set[str] | None = None) -> tuple[Wire, frozenset[str]]:
    """A value of a remote component without output values, and the URNs that those depended on.

    An output value without a value is unknown; a secret one becomes a wrapped secret.
    """
    seen: set[str] = set() if found is None else found
    return _flat(value, seen), frozenset(seen)


def _flat(value: Wire, seen: set[str]) -> Wire:
    if isinstance(value, list):
        return [_flat(item, seen) for item in value]
    if not isinstance(value, Mapping):
        return value
    if value.get(SIGNATURE) != OUTPUT_VALUE:
        return {key: _flat(item, seen) for key, item in value.items()}
    seen.update(value.get("dependencies") or ())
    inner = _flat(value["value"], seen) if "value" in value else UNKNOWN
    return {SIGNATURE: SECRET, "value": inner} if value.get("secret") else inner


REDACTED: Final[Mapping[str, str]] = {SIGNATURE: SECRET, "plaintext": '"[secret]"'}
"""A secret as a plan shows it: the engine's own wrapper (apitype.SecretV1) with nothing of the value inside."""


def redacted(value: Wire) -> Wire:
    """The value with every secret's content taken away. What holds no secret is the same object, not a copy."""
    if isinstance(value, dict):
        if value.get(SIGNATURE) == SECRET:
            return REDACTED
        found = {key: redacted(item) for key, item in value.items()}
        return found if any(found[key] is not item for key, item in value.items()) else value
    if isinstance(value, list | tuple):
        items = [redacted(item) for item in value]
        kept = isinstance(value, list) and all(one is other for one, other in zip(items, value, strict=True))
        return value if kept else items
    if isinstance(value, Mapping):
        return redacted(dict(value))
    return value
