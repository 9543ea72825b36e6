"""Amounts of resources as Kubernetes writes them. Pure.

Everywhere but in objects of Kubernetes they are whole numbers: millicores of `cpu`, MiB of `memory` and of huge pages,
and counts of the rest.
"""

from collections.abc import Sequence
from typing import Final

from infra.catalog.names import HUGEPAGES_RESOURCE

CPU: Final = "cpu"
MEMORY: Final = "memory"
HUGEPAGE_MIB: Final = 2
"""Of one page of `HUGEPAGES_RESOURCE`."""
_DECIMAL: Final = ("", "k", "M", "G", "T")
_BINARY: Final = ("Mi", "Gi", "Ti", "Pi")
_THOUSAND: Final = 1000
_KIBI: Final = 1024


def quantity(resource: str, count: int) -> str:
    """A quantity as Kubernetes itself writes it, so that what is stored is what was sent.

    Args:
        resource: Its name, which says the unit.
        count: Millicores of `cpu`, MiB of `memory` and of huge pages, or a number.
    """
    if resource in (MEMORY, HUGEPAGES_RESOURCE):
        return _scaled(count, _KIBI, _BINARY)
    if resource == CPU:
        return f"{count}m" if count % _THOUSAND else _scaled(count // _THOUSAND, _THOUSAND, _DECIMAL)
    return _scaled(count, _THOUSAND, _DECIMAL)


def _scaled(count: int, base: int, suffixes: Sequence[str]) -> str:
    if not count:
        return "0"
    index = 0
    while count % base == 0 and index < len(suffixes) - 1:
        count, index = count // base, index + 1
    return f"{count}{suffixes[index]}"
