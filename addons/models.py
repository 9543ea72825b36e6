"""What model servers may do with the stack's buckets: read models, and nothing else."""

from typing import Any, Final

import pulumi

from addons.iam import allow, policy
from addons.s3 import through
from addons.spec import AddOnSettings, Identity
from infra.handle import ClusterHandle

BUCKET: Final = "models"
"""Its role in `storage.buckets`."""
STANDS_ON: Final = f"storage.buckets.{BUCKET}"
ACCOUNT: Final = "models"
"""The service account of model servers, in each namespace where there are some."""


def reader(account: str = ACCOUNT, *, namespace: str | None = None) -> Identity[Any]:
    """An account that may copy models out of the bucket; of the add-on's namespace, where none is named."""
    return Identity(service_account=account, namespace=namespace, policy=_reading)


def _reading(handle: ClusterHandle, _settings: AddOnSettings) -> dict[str, Any] | None:
    """What it takes to copy a model out of the bucket.

    Source: python/storage/kserve_storage of kserve/kserve v0.20.0: it lists what is below the model's place, and gets
    each object.
    """
    bucket = handle.storage.buckets.get(BUCKET)
    if bucket is None:
        return None
    return policy(
        allow("s3:ListBucket", on=bucket.arn),
        allow("s3:GetObject", on=pulumi.Output.concat(bucket.arn, "/*")),
        *([allow("kms:Decrypt", on=bucket.key_arn, when=through(handle.region))] if bucket.key_arn is not None else []),
    )


def without_bucket(handle: ClusterHandle) -> str | None:
    """Why model servers would have nothing to serve, or None."""
    return None if BUCKET in handle.storage.buckets else "the stack has no bucket for models"
