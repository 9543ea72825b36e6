"""What S3 itself asks of whoever looks for files, and what ACK's controller of buckets calls beside the obvious."""

from typing import Any, Final

import pytest

from addons import registry
from tests.contract import charts
from tests.contract.test_addons_iam import documents
from tests.program.iam_evaluation import allows

CATALOGUE = registry.discover()
BUCKETS: Final = ("data", "artifacts", "models", "backups", "logs")


@pytest.fixture(name="known")
def _known():
    yield from charts.resolver()


def handle(**changed: Any) -> Any:
    return charts.fake_handle(storage=charts.storage(BUCKETS), **changed)


def writes(document: Any, bucket: str) -> bool:
    """Whether somewhere in the bucket files are both read and written."""
    start = f"arn:aws:s3:::acme-{bucket}/"
    places: dict[str, set[str]] = {}
    for statement in document["Statement"]:
        resources = statement["Resource"]
        for resource in [resources] if isinstance(resources, str) else resources:
            places.setdefault(resource, set()).update(statement["Action"])
    return any(where.startswith(start) and {"s3:GetObject", "s3:PutObject"} <= may for where, may in places.items())


@pytest.mark.parametrize(("addon", "identity"), documents())
def test_who_keeps_files_is_told_when_one_is_not_there(addon, identity, known):
    """Of a missing object S3 says 404 to who may list the bucket, and 403 to others; HEAD requests have no prefix.

    s3fs and S3A take a 403 for a failure: fsspec/s3fs#591. Source: S3 API reference, "HeadObject".
    """
    cluster = handle()
    given = known(identity.policy(cluster, charts.cases(addon)[-1][1]))
    for bucket in BUCKETS if given is not None else ():
        if writes(given, bucket):
            assert allows([given], "s3:ListBucket", f"arn:aws:s3:::acme-{bucket}", {}), bucket


def test_somebody_keeps_files(known):
    kept = {
        addon.name
        for addon, identity in (each.values for each in documents())
        if (given := known(identity.policy(handle(), charts.cases(addon)[-1][1]))) is not None
        and any(writes(given, bucket) for bucket in BUCKETS)
    }
    assert {"feast-store", "kubeflow-pipelines", "kubeflow-profiles", "mlflow", "ray-namespaces"} <= kept


def test_versions_of_a_bucket_of_ack_s_can_be_kept(known):
    """Before it turns versions on, it takes replication away, whether there is any or not.

    Source: customUpdateBucket in pkg/resource/bucket/hook.go of aws-controllers-k8s/s3-controller v1.10.0.
    """
    addon = CATALOGUE["ack-s3-controller"]
    (identity,) = addon.identities
    assert identity.policy is not None
    given = known(identity.policy(handle(), addon.settings()))
    bucket = "arn:aws:s3:::acme-k8s-scratch"
    assert allows([given], "s3:PutBucketVersioning", bucket, {})
    assert allows([given], "s3:PutReplicationConfiguration", bucket, {})
    # Which is all that keeps it from copying a bucket elsewhere: a rule takes a role.
    assert not allows([given], "iam:PassRole", "arn:aws:iam::111122223333:role/any", {})
