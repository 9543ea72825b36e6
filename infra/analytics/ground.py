"""What every part of analytics stands on."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from infra import naming
from infra.handle import Bucket, ClusterHandle


@dataclass(frozen=True, kw_only=True)
class Ground:
    """The rest of the stack, as each part needs to know it.

    Attributes:
        cluster: With its storage.
        key_arn: The key of all data.
        disposable: Data may go when the stack goes.
    """

    platform: str
    region: str
    partition: str
    account_id: pulumi.Output[str]
    cluster: ClusterHandle
    key_arn: pulumi.Input[str]
    disposable: bool
    tags: Mapping[str, str]
    permissions_boundary: str | None = None

    @property
    def buckets(self) -> Mapping[str, Bucket]:
        """The stack's buckets by role."""
        return self.cluster.storage.buckets

    def named(self, name: str) -> dict[str, str]:
        """The tags of something of this name."""
        return naming.tags(self.tags, f"{self.platform}-{name}")

    def arn(self, service: str, *path: pulumi.Input[str]) -> pulumi.Output[str]:
        """An ARN of this account and region."""
        return pulumi.Output.concat(f"arn:{self.partition}:{service}:{self.region}:", self.account_id, ":", *path)
