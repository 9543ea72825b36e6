"""EFA: the network interfaces an instance takes, and what EFA reserves.

The rule (EC2 user guide, "Maximize network bandwidth on Amazon EC2 instances with multiple network cards"; EKS user
guide, "Run machine learning training with EFA"): card 0 device 0 carries the node's address as a plain interface; card
0 device 1 is `efa-only` where card 0 takes EFA; every further card that takes EFA gets `efa-only` at device 0. Which
cards take EFA is a fact of the type: on p6-b300 all but card 0, on p6e-gb200 the odd ones, and one `efa` on every card
is refused there.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from infra.catalog.instances import instance_type

EFA_HUGEPAGES: Final = 5128
"""Pages of 2 MiB that the EFA driver reserves on a node (EKS user guide, "Run machine learning training with EFA")."""

InterfaceKind = Literal["interface", "efa", "efa-only"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkInterface:
    """One entry of a launch template's `networkInterfaces`.

    Attributes:
        card: `networkCardIndex`.
        device: `deviceIndex`, counted from 0 on each card.
        kind: `interfaceType`. `efa-only` takes no IP address.
    """

    card: int
    device: int
    kind: InterfaceKind


@cache
def layout(type_name: str) -> tuple[NetworkInterface, ...]:
    """The interfaces of a node with every EFA it can have, the node's own first; empty when the type has no EFA.

    Where card 0 takes a single interface (hpc6id), that one is both: an `efa`, which carries the node's address too.

    Raises:
        UnknownNameError: The catalogue does not have the type.
    """
    instance = instance_type(type_name)
    if not instance.efa_interfaces:
        return ()
    combined = 0 in instance.efa_cards and instance.enis_per_card[0] == 1
    first = NetworkInterface(card=0, device=0, kind="efa" if combined else "interface")
    further = [
        NetworkInterface(card=card, device=0 if card else 1, kind="efa-only")
        for card in instance.efa_cards
        if card or not combined
    ]
    return (first, *further[: instance.efa_interfaces - combined])
