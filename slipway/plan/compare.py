"""Do two plans register the same resources with the same inputs? Ids aside, and what one of them cannot know yet."""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from slipway.plan.model import Plan, Resource
from slipway.wire import ARCHIVE, ASSET, RESOURCE, SIGNATURE, Wire, is_unknown

_OPTIONS = (
    "custom",
    "parent",
    "dependencies",
    "protect",
    "retain_on_delete",
    "external",
    "import_id",
    "aliases",
    "ignore_changes",
    "replace_on_changes",
    "additional_secret_outputs",
    "custom_timeouts",
    "deleted_with",
    "delete_before_replace",
    "provider_urn",
)
_ABSENT = "(absent)"


@dataclass(frozen=True)
class Difference:
    """Where two plans differ: the path (resource, then property) and both values as text."""

    path: str
    left: str
    right: str

    def __str__(self) -> str:
        """`path: left vs right`."""
        return f"{self.path}: {self.left} vs {self.right}"


def compare(left: Plan, right: Plan) -> tuple[Difference, ...]:
    """Every difference in what two plans register, in the order of the first plan.

    An id that AWS makes up counts as the resource that it belongs to. An unknown value equals any value, but only in a
    property that depends on another resource in both plans.

    Args:
        left: A plan of the program; it may be a preview.
        right: Another one.
    """
    masks = _masks(left, right)
    found = [_missing(resource, present=0) for resource in left if resource.urn not in right]
    found += [_missing(resource, present=1) for resource in right if resource.urn not in left]
    for one in left:
        other = right.get(one.urn)
        if other is not None:
            found += _options(one, other)
            found += _inputs(one, other, masks)
    return tuple(found)


def _missing(resource: Resource, *, present: int) -> Difference:
    sides = [_ABSENT, _ABSENT]
    sides[present] = "registered"
    return Difference(_label(resource), *sides)


def _label(resource: Resource) -> str:
    return f"{resource.type} {resource.name}"


def _options(left: Resource, right: Resource) -> Iterator[Difference]:
    for option in _OPTIONS:
        one, other = getattr(left, option), getattr(right, option)
        # None: the state that it was read from does not say.
        if one != other and one is not None and other is not None:
            yield Difference(f"{_label(left)} [{option}]", _shown(one), _shown(other))


def _inputs(left: Resource, right: Resource, masks: "_Masks") -> Iterator[Difference]:
    for key in sorted({*left.inputs, *right.inputs}):
        computed = _computed(key, left, right)
        path = f"{_label(left)}: {key}"
        one, other = left.inputs.get(key, _ABSENT), right.inputs.get(key, _ABSENT)
        yield from _values(path, one, other, computed=computed, masks=masks)


def _computed(key: str, left: Resource, right: Resource) -> bool:
    return bool(left.property_dependencies.get(key) and right.property_dependencies.get(key))


def _values(path: str, left: Wire, right: Wire, *, computed: bool, masks: "_Masks") -> Iterator[Difference]:
    if left == right or (computed and (is_unknown(left) or is_unknown(right))):
        return
    if _reference(left) is not None and _reference(left) == _reference(right):
        return
    left, right = _files(left, right)
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        for key in sorted({*left, *right}):
            one, other = left.get(key, _ABSENT), right.get(key, _ABSENT)
            yield from _values(f"{path}.{key}", one, other, computed=computed, masks=masks)
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for position, pair in enumerate(zip(left, right, strict=True)):
            yield from _values(f"{path}[{position}]", *pair, computed=computed, masks=masks)
    elif not (isinstance(left, str) and isinstance(right, str) and masks.equal(left, right)):
        yield Difference(path, _shown(left), _shown(right))


def _reference(value: Wire) -> str | None:
    """The URN that a resource reference points at; its id may be unknown, and says nothing more."""
    if isinstance(value, Mapping) and value.get(SIGNATURE) == RESOURCE:
        return str(value["urn"])
    return None


def _files(left: Wire, right: Wire) -> tuple[Wire, Wire]:
    """Two assets or archives in what both say of them; other values as they are.

    A program names files. The engine adds a hash of what they hold, and after a refresh it keeps that alone.
    """
    kinds = [value.get(SIGNATURE) if isinstance(value, Mapping) else None for value in (left, right)]
    if kinds not in ([ASSET, ASSET], [ARCHIVE, ARCHIVE]):
        return left, right
    if "hash" in left and "hash" in right:
        return left["hash"], right["hash"]
    one, other = ({key: item for key, item in value.items() if key != "hash"} for value in (left, right))
    return one, other


class _Masks:
    """What AWS makes up, per plan, under a name that both plans share."""

    def __init__(self, pairs: Iterable[tuple[str, str, str]]) -> None:
        """Take triples of name, value in one plan, value in the other."""
        self._names: tuple[dict[str, str], dict[str, str]] = ({}, {})
        for name, one, other in pairs:
            self._names[0].setdefault(one, name)
            self._names[1].setdefault(other, name)
        # The longest first: an ARN holds an id, and both are known.
        self._patterns = tuple(
            re.compile("|".join(re.escape(v) for v in sorted(names, key=len, reverse=True)) or "(?!)")
            for names in self._names
        )

    def equal(self, left: str, right: str) -> bool:
        """Whether two texts differ in made-up values only, also inside base64."""
        if self._masked(0, left) == self._masked(1, right):
            return True
        one, other = _decoded(left), _decoded(right)
        if one is None or other is None:
            return False
        return self._masked(0, one) == self._masked(1, other)

    def _masked(self, side: int, text: str) -> str:
        names = self._names[side]
        return self._patterns[side].sub(lambda match: f"<{names[match.group()]}>", text)


def _masks(left: Plan, right: Plan) -> _Masks:
    """Pair what differs at the same place in the outputs and data sources of two plans."""
    pairs: list[tuple[str, str, str]] = []
    for one in left:
        other = right.get(one.urn)
        if other is not None:
            # What a program makes of AWS's values, such as a hash, is told from them by nothing but its dependencies.
            own = {key for key in one.inputs if not _computed(key, one, other)}
            answers = [
                {"id": each.id, **_added({key: each.inputs.get(key) for key in own}, each.outputs)}
                for each in (one, other)
            ]
            pairs += _differing(one.urn, *answers)
    for first, second in zip(left.invocations, right.invocations, strict=False):
        if first.token == second.token:
            pairs += _differing(first.token, first.result, second.result)
    return _Masks(pairs)


_ECHO: Final = None
"""Stands where AWS repeats an input: were it taken for AWS's own, no changed input would ever be seen."""


def _added(inputs: Wire, outputs: Wire) -> Wire:
    """What AWS adds to the inputs, at its place."""
    if isinstance(inputs, Mapping) and isinstance(outputs, Mapping):
        return {key: _added(inputs[key], value) if key in inputs else value for key, value in outputs.items()}
    if isinstance(inputs, list) and isinstance(outputs, list) and len(inputs) == len(outputs):
        return [_added(*pair) for pair in zip(inputs, outputs, strict=True)]
    return _ECHO if inputs == outputs else outputs


def _differing(path: str, left: Wire, right: Wire) -> Iterator[tuple[str, str, str]]:
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        for key in sorted(left.keys() & right.keys()):
            yield from _differing(f"{path}.{key}", left[key], right[key])
    elif isinstance(left, list) and isinstance(right, list):
        for position, pair in enumerate(zip(left, right, strict=False)):
            yield from _differing(f"{path}[{position}]", *pair)
    elif isinstance(left, str) and isinstance(right, str) and _made_up(left, right):
        yield path, left, right


def _made_up(left: str, right: str) -> bool:
    """Whether two values at one place are known and differ, so that they must be AWS's own."""
    return left != right and bool(left and right) and not is_unknown(left) and not is_unknown(right)


def _decoded(text: str) -> str | None:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None


def _shown(value: Wire) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."  # noqa: PLR2004 - one line of a message
