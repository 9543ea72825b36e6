"""Where the people of a namespace keep their files in the stack's buckets, and what their pods may do there. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import pulumi

from addons import argo, pipelines
from addons.iam import allow
from addons.s3 import keeping, reading, through
from infra.handle import Bucket, ClusterHandle

Listing = Literal["all", "own"]
"""Whose names of files somebody may see in the bucket for artifacts."""

_ARTIFACTS: Final = "artifacts"
_DATA: Final = "data"
_MODELS: Final = "models"
"""Roles of buckets."""
_ARGO: Final = "argo-workflows"
"""Its workflows leave files of each namespace where it is there."""


def by_namespace(addons: Collection[str]) -> tuple[str, ...]:
    """The prefixes in the bucket for artifacts below which add-ons keep files by namespace: `<prefix>/<namespace>`.

    Args:
        addons: The names of those that there are.
    """
    return (pipelines.RUNS, *((argo.PREFIX,) if _ARGO in addons else ()))


@dataclass(frozen=True, kw_only=True)
class Places:
    """Parts of the buckets, without slashes at their ends.

    Attributes:
        namespace: Whose runs and workflows leave files in places of their own.
        artifacts: In the bucket for artifacts, what its people like.
        models: In the bucket for models, those that they publish.
        listing: What names of files they see in the bucket for artifacts: all, or those of their own places alone.
    """

    namespace: str
    artifacts: str
    models: str
    listing: Listing = "all"

    def written(self, handle: ClusterHandle) -> Mapping[str, list[str]]:
        """Role of a bucket to the prefixes below which they write, of the buckets that there are."""
        runs = [f"{prefix}/{self.namespace}" for prefix in by_namespace(handle.addons)]
        found = {_ARTIFACTS: [self.artifacts, *runs], _MODELS: [self.models]}
        return {role: places for role, places in found.items() if role in handle.storage.buckets}

    def statements(self, handle: ClusterHandle) -> list[dict[str, Any]]:
        """Read data and models; read and write what is the namespace's own. Nothing where there are no buckets.

        Of a file that is not there S3 says so only to who may list the bucket whatever the prefix, and "forbidden" to
        others, at which s3fs and S3A fail.

        Sources: S3 API reference, "HeadObject", permissions; Service Authorization Reference, Amazon S3; S3 user guide,
            "Using server-side encryption with AWS KMS keys".
        """
        buckets = handle.storage.buckets
        read = [buckets[role] for role in (_DATA, _MODELS) if role in buckets]
        written = self.written(handle)
        found = [*(reading(read) if read else ())]
        if _ARTIFACTS in written:
            found += self._seeing(buckets[_ARTIFACTS], written[_ARTIFACTS])
        found += [keeping(buckets[role], place) for role, places in written.items() for place in places]
        # All buckets of a stack have one key.
        keys = [each.key_arn for each in (*read, *(buckets[role] for role in written)) if each.key_arn is not None]
        uses = ("kms:Decrypt", "kms:GenerateDataKey") if written else ("kms:Decrypt",)
        return [*found, *([allow(*uses, on=keys[0], when=through(handle.region))] if keys else ())]

    def _seeing(self, bucket: Bucket, places: list[str]) -> list[dict[str, Any]]:
        if self.listing == "all":
            return [allow("s3:GetBucketLocation", "s3:ListBucket", on=bucket.arn)]
        own = {"StringLike": {"s3:prefix": [f"{place}/*" for place in places]}}
        return [allow("s3:GetBucketLocation", on=bucket.arn), allow("s3:ListBucket", on=bucket.arn, when=own)]

    def variables(self, handle: ClusterHandle) -> list[dict[str, Any]]:
        """What tells a pod the region, and where its places are."""
        buckets = handle.storage.buckets
        own = {_DATA: "", _ARTIFACTS: f"/{self.artifacts}", _MODELS: f"/{self.models}"}
        return [
            {"name": "AWS_REGION", "value": handle.region},
            {"name": "AWS_DEFAULT_REGION", "value": handle.region},
            *(
                {"name": f"S3_{role.upper()}", "value": pulumi.Output.concat("s3://", buckets[role].name, place)}
                for role, place in own.items()
                if role in buckets
            ),
        ]
