"""What jobs of more than one service may do: read and write the stack's buckets."""

from collections.abc import Sequence

from infra.analytics.ground import Ground
from infra.storage import access
from infra.storage.access import Statement
from infra.storage.settings import BucketRole

__all__ = ["Statement", "bucket_statements"]


def bucket_statements(ground: Ground, roles: Sequence[BucketRole]) -> list[Statement]:
    """Read and write what is in the buckets of these roles, of those that there are."""
    buckets = [ground.buckets[role] for role in roles if role in ground.buckets]
    return access.bucket_statements(buckets, key_arn=ground.key_arn, region=ground.region)
