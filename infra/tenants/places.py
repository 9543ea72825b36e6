"""Where a tenant has its own part of the buckets. Pure."""

from collections.abc import Mapping


def places(prefix: str) -> Mapping[str, str]:
    """Role of a bucket to the tenant's prefix in it, without slashes at the ends."""
    return {"artifacts": f"tenants/{prefix}", "models": prefix}
