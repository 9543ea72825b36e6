"""One CIDR plan: private subnets from the front of the VPC, public ones from its end.

A zone's subnets depend on its position alone, so a zone added at the end moves nobody.
"""

import ipaddress
from dataclasses import dataclass
from typing import Final

LARGEST_VPC: Final = 16
SMALLEST_VPC: Final = 28
"""Prefix lengths. Source: VPC user guide, "VPC CIDR blocks"."""


class CidrPlanError(ValueError):
    """The subnets do not fit."""


@dataclass(frozen=True)
class ZoneCidrs:
    """The addresses of one zone. `public` is None in a private cluster."""

    private: str
    public: str | None


def plan(cidr: str, *, zones: int, private_prefix: int, public_prefix: int | None) -> tuple[ZoneCidrs, ...]:
    """Divide a VPC among zones.

    Args:
        cidr: The VPC's addresses.
        zones: How many zones.
        private_prefix: Prefix length of each private subnet.
        public_prefix: Prefix length of each public subnet; None for no public subnets.

    Raises:
        CidrPlanError: The subnets do not fit; says what would.
    """
    vpc = ipaddress.IPv4Network(cidr)
    if private_prefix < vpc.prefixlen or (public_prefix or 32) < vpc.prefixlen:
        raise CidrPlanError(f"a subnet of /{min(private_prefix, public_prefix or 32)} is larger than the VPC")
    private_size = 2 ** (32 - private_prefix)
    public_size = 2 ** (32 - public_prefix) if public_prefix is not None else 0
    needed = zones * private_size + zones * public_size
    if needed > vpc.num_addresses:
        public = f" and {zones} public ones of /{public_prefix}" if public_prefix is not None else ""
        larger = 32 - (needed - 1).bit_length()
        vpc_of = f"a VPC of /{larger} or " if larger >= LARGEST_VPC else ""
        raise CidrPlanError(
            f"{zones} private subnets of /{private_prefix}{public} need {needed:,} addresses and it has "
            f"{vpc.num_addresses:,}; use {vpc_of}smaller subnets"
        )
    first, last = int(vpc.network_address), int(vpc.broadcast_address) + 1
    return tuple(
        ZoneCidrs(
            private=str(ipaddress.IPv4Network((first + index * private_size, private_prefix))),
            public=str(ipaddress.IPv4Network((last - (index + 1) * public_size, public_prefix)))
            if public_prefix is not None
            else None,
        )
        for index in range(zones)
    )
