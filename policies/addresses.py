"""How much of the internet a block of addresses is."""

import ipaddress
from typing import Any, Final

_WIDEST: Final = {4: 8, 6: 16}


def nearly_everywhere(cidr: Any) -> bool:  # noqa: ANN401  # any wire value
    """Whether a block is as good as the whole internet: wider than /8, or for IPv6 than /16.

    No organisation has been given a larger one (IANA, "IPv4 Address Space Registry" and "IPv6 Global Unicast Address
    Assignments"), so it is everybody, however it is cut up.
    """
    try:
        block = ipaddress.ip_network(str(cidr), strict=False)
    except ValueError:
        return False
    return block.prefixlen < _WIDEST[block.version]
