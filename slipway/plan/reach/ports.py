"""Protocols and ports, as rules of security groups name them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

LAST: Final = 65535
ALL: Final = "all"
_NAMES: Final = {"-1": ALL, "all": ALL, "1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6"}
"""Protocol numbers of IANA that EC2 has names for."""
_WITH_NUMBERS: Final = frozenset({"tcp", "udp"})


@dataclass(frozen=True, order=True)
class Ports:
    """A range of ports of one protocol, both ends included; ICMP has types in their place.

    Every other protocol, and `all`, has no ports: the range is whole.
    """

    protocol: str
    first: int = 0
    last: int = LAST

    def __and__(self, other: "Ports") -> "Ports | None":
        """What both have, or None."""
        if ALL in (self.protocol, other.protocol):
            return other if self.protocol == ALL else self
        first, last = max(self.first, other.first), min(self.last, other.last)
        return Ports(self.protocol, first, last) if self.protocol == other.protocol and first <= last else None

    def __str__(self) -> str:
        """`tcp 443`, `tcp 1018-1023`, `udp`, `all`."""
        if self.first <= 0 and self.last >= LAST:
            return self.protocol
        return f"{self.protocol} {self.first}" + ("" if self.first == self.last else f"-{self.last}")

    def within(self, outer: "Iterable[Ports]") -> bool:
        """Whether one of `outer` has all of these."""
        return any((self & other) == self for other in outer)


EVERYTHING: Final = Ports(ALL)


def ports(protocol: object, first: object, last: object) -> Ports:
    """The ports of a rule, as EC2's API takes them.

    Args:
        protocol: A name or number; `-1` is all.
        first: The first port, or the ICMP type; -1 is all, None where the protocol has none.
        last: The last port, or the ICMP code, which is left out of account.
    """
    name = _NAMES.get(str(protocol).lower(), str(protocol).lower())
    if name.startswith("icmp") and isinstance(first, int | float) and first >= 0:
        return Ports(name, int(first), int(first))
    if name not in _WITH_NUMBERS or not isinstance(first, int | float) or first < 0:
        return Ports(name)
    return Ports(name, int(first), int(last) if isinstance(last, int | float) else int(first))


def merged(found: Iterable[Ports]) -> tuple[Ports, ...]:
    """The same ports in the fewest ranges, in order."""
    kept: list[Ports] = []
    for each in sorted(set(found)):
        if each.protocol == ALL:
            return (EVERYTHING,)
        before = kept[-1] if kept else None
        if before is not None and before.protocol == each.protocol and each.first <= before.last + 1:
            kept[-1] = Ports(each.protocol, before.first, max(before.last, each.last))
        else:
            kept.append(each)
    return tuple(kept)
