"""Kubernetes quantities as whole numbers: millicores of `cpu`, bytes of memory, counts of the rest. Pure.

Source: apimachinery `pkg/api/resource/quantity.go` (suffixes, rounding up).
"""

import re
from collections.abc import Mapping
from fractions import Fraction
from math import ceil
from typing import Any, Final

from infra.catalog import names
from infra.catalog.quantities import CPU, MEMORY

MIB: Final = 1024**2
_MILLIS: Final = 1000
_FORM: Final = re.compile(
    r"([+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40}))(?:([KMGTPE]i)|([numkMGTPE])|[eE]([+-]?[0-9]{1,2}))?"
)
_BINARY: Final = {f"{letter}i": 1024**power for power, letter in enumerate("KMGTPE", start=1)}
_DECIMAL: Final = {
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "m": Fraction(1, 10**3),
    **{letter: Fraction(10 ** (3 * power)) for power, letter in enumerate("kMGTPE", start=1)},
}
_MOST: Final = 2**63 - 1
_PAGES: Final = {"hugepages-2Mi": 2 * MIB, "hugepages-1Gi": 1024 * MIB}


class QuantityError(ValueError):
    """A value is no quantity; the message says why."""


def parse(resource: str, value: Any) -> int:  # noqa: ANN401  # whatever a manifest holds
    """A quantity in the unit of its resource, rounded up as Kubernetes does.

    Args:
        resource: Such as `cpu`, `memory` or `nvidia.com/gpu`.
        value: Text or a number.

    Raises:
        QuantityError: It is none, is negative, is larger than Kubernetes can hold, or a part of a device or of a page.
    """
    text = value if isinstance(value, str) else repr(value)
    found = None if isinstance(value, bool) or not isinstance(value, str | int | float) else _FORM.fullmatch(text)
    if found is None:
        raise QuantityError("is no quantity; use a number with or without a suffix, such as 500m, 16, 64Gi")
    number, binary, decimal, exponent = found.groups()
    amount = Fraction(number)
    if binary:
        amount *= _BINARY[binary]
    elif decimal:
        amount *= _DECIMAL[decimal]
    elif exponent:
        amount *= Fraction(10) ** int(exponent)
    if amount < 0:
        raise QuantityError("is negative")
    if amount > _MOST:
        raise QuantityError("is larger than Kubernetes can hold")
    if is_extended(resource) and amount.denominator != 1:
        raise QuantityError("is not whole: a container gets whole devices")
    if resource in _PAGES and amount % _PAGES[resource]:
        raise QuantityError("is not a multiple of the size of a page")
    return ceil(amount * _MILLIS) if resource == CPU else ceil(amount)


def readable(amounts: Mapping[str, Any] | None) -> dict[str, int]:
    """Quantities by resource, as a ResourceQuota or a LimitRange has them, without those that are none.

    Args:
        amounts: Resource to quantity; `requests.` or `limits.` may stand before the resource.
    """
    found = {}
    for name, value in (amounts or {}).items():
        try:
            found[name] = parse(name.removeprefix("requests.").removeprefix("limits."), value)
        except QuantityError:
            continue
    return found


def in_bytes(resource: str) -> bool:
    """Whether a resource is counted in bytes."""
    return resource in (MEMORY, names.EPHEMERAL_STORAGE_RESOURCE) or resource.startswith("hugepages-")


def shown(resource: str, amount: int) -> str:
    """An amount as people write it, such as `187.4`, `1.5Gi`, `8`. It is rounded where it is long."""
    if resource == CPU:
        return f"{amount / _MILLIS:g}" if amount < _MILLIS * 10**5 else f"{amount // _MILLIS}"
    if not in_bytes(resource):
        return str(amount)
    for suffix, size in reversed(_BINARY.items()):
        if amount % size == 0 and amount >= size:
            return f"{amount // size}{suffix}"
        # A tenth of a TiB is more than two nodes of a kind differ by.
        if amount >= size and size <= _BINARY["Gi"]:
            return _rounded(amount, suffix)
    return str(amount)


def compared(resource: str, more: int, less: int) -> str:
    """Two amounts, the greater first, such that a reader sees the difference."""
    one, other = shown(resource, more), shown(resource, less)
    if one == other and in_bytes(resource):
        one, other = (f"{amount / MIB:,.1f}Mi" for amount in (more, less))
    return f"{one} > {other}"


def _rounded(amount: int, suffix: str) -> str:
    return f"{amount / _BINARY[suffix]:.1f}".removesuffix(".0") + suffix


def is_extended(resource: str) -> bool:
    """Whether a device plugin offers it: such resources come whole, and their requests equal their limits."""
    return "/" in resource and not resource.partition("/")[0].endswith("kubernetes.io")
