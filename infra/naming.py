"""Names that fit AWS's limits, tags, and Pulumi type tokens."""

import hashlib
from collections.abc import Mapping
from typing import Final

# Longest physical names, with the 8 characters (a dash and seven hex digits) that Pulumi's autonaming adds counted in.
AUTONAME_SUFFIX: Final = 8
LIMITS: Final[Mapping[str, int]] = {
    "auto-scaling-group": 255,
    "budget": 100,
    "eks-cluster": 100,
    "eks-nodegroup": 63,
    "event-rule": 64,
    "iam-instance-profile": 128,
    "iam-role": 64,
    "iam-policy": 128,
    "launch-template": 128,
    "load-balancer": 32,
    "placement-group": 255,
    "s3-bucket": 63,
    "security-group": 255,
    "target-group": 32,
}
"""Source: the Name constraints of each service's create call in botocore's models; S3 bucket naming rules."""

_HASH: Final = 6


def safe_name(*parts: str, limit: int) -> str:
    """Join parts with dashes; where that is longer than `limit`, cut and end in a hash of the whole.

    Two different long names never become one: the hash is of the uncut name.

    Args:
        parts: The pieces, most significant first; empty ones are left out.
        limit: The most characters allowed, the suffix of autonaming already taken off.

    Raises:
        ValueError: `limit` leaves no room for one character, a dash and the hash.
    """
    if limit < _HASH + 2:
        raise ValueError(f"a name of {limit} characters cannot be told apart")
    whole = "-".join(part for part in parts if part)
    if len(whole) <= limit:
        return whole
    digest = hashlib.sha256(whole.encode()).hexdigest()[:_HASH]
    return f"{whole[: limit - _HASH - 1].rstrip('-')}-{digest}"


def type_token(area: str, name: str) -> str:
    """The Pulumi type of one of our components, such as `slipway:infra:Network`."""
    return f"slipway:{area}:{name}"


def tags(base: Mapping[str, str], name: str | None = None, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The platform's tags, a `Name` and what else this resource needs; later ones win."""
    return {**base, **({"Name": name} if name else {}), **(more or {})}
