"""Mistakes in EMR on EKS, Athena with Glue, SageMaker."""

from collections.abc import Mapping
from typing import Any, Final

from tests.unit.settings_stack import ABSENT, Table

BUCKETS: Final[Mapping[str, Any]] = {"data": {}, "artifacts": {}}


def analytics(table: Table) -> None:
    add = table.add
    add("analytics-of-nothing", {"analytics": {}}, "analytics", "asks for nothing", "emr, athena or sagemaker")
    add(
        "analytics-unknown-part",
        {"analytics": {"emr": {}, "athenna": {}}},
        "analytics.athenna",
        "did you mean 'athena'",
        schema=True,
    )
    _emr(table)
    _athena(table)
    _sagemaker(table)


def _emr(table: Table) -> None:
    add = table.add
    for name in ("kube-system", "default"):
        add(
            f"emr-in-{name}",
            {"analytics": {"emr": {"namespace": name}}},
            "analytics.emr.namespace",
            f"'{name}' is one of Kubernetes' own",
            "such as emr",
        )
    add(
        "emr-namespace-no-label",
        {"analytics": {"emr": {"namespace": "Spark_Jobs"}}},
        "analytics.emr.namespace",
        "'Spark_Jobs' does not match",
        schema=True,
    )
    add(
        "emr-log-retention",
        {"analytics": {"emr": {"logRetentionDays": 31}}},
        "analytics.emr.logRetentionDays",
        "31 is not allowed",
        schema=True,
    )
    add(
        "emr-without-a-bucket",
        {"analytics": {"emr": {}}, "storage.buckets": {"models": {}, "logs": {}}},
        "analytics.emr",
        "needs a bucket",
        "none of artifacts, data",
    )


def _athena(table: Table) -> None:
    add = table.add
    add(
        "athena-without-data",
        {"analytics": {"athena": {}}, "storage.buckets": {"artifacts": {}}},
        "analytics.athena.tables",
        "needs storage.buckets.data",
        "the buckets are: artifacts",
    )
    add(
        "athena-without-any-bucket",
        {"analytics": {"athena": {}}, "storage.buckets": ABSENT},
        "analytics.athena.tables",
        "the buckets are: none",
    )
    add(
        "athena-without-a-place-for-results",
        {"analytics": {"athena": {}}},
        "analytics.athena.results",
        "'artifacts' is not in storage.buckets, which has: data",
    )
    for name, prefix in (("within", "tables/results"), ("same", "tables")):
        add(
            f"athena-results-{name}",
            {"analytics": {"athena": {"results": "data", "resultsPrefix": prefix}}},
            "analytics.athena.resultsPrefix",
            f"'{prefix}' and tables 'tables' lie in one another",
        )
    add(
        "athena-scan-limit-too-low",
        {"analytics": {"athena": {"scanLimitMib": 9}}, "storage.buckets": BUCKETS},
        "analytics.athena.scanLimitMib",
        "greater than or equal to 10",
        schema=True,
    )
    add(
        "athena-database-with-a-dash",
        {"analytics": {"athena": {"database": "ml-lab"}}, "storage.buckets": BUCKETS},
        "analytics.athena.database",
        "'ml-lab' does not match",
        schema=True,
    )
    add(
        "athena-engine-unknown",
        {"analytics": {"athena": {"engine": "Athena engine version 2"}}, "storage.buckets": BUCKETS},
        "analytics.athena.engine",
        "AUTO, Athena engine version 3",
        schema=True,
    )
    add(
        "athena-prefix-with-a-slash-first",
        {"analytics": {"athena": {"tables": "/tables"}}, "storage.buckets": BUCKETS},
        "analytics.athena.tables",
        "'/tables' does not match",
        schema=True,
    )


def _sagemaker(table: Table) -> None:
    add = table.add
    add(
        "sagemaker-without-a-bucket",
        {"analytics": {"sagemaker": {}}, "storage.buckets": {"logs": {}}},
        "analytics.sagemaker",
        "needs a bucket",
        "none of artifacts, data, models",
    )
    add(
        "sagemaker-images-elsewhere",
        {"analytics": {"sagemaker": {"repositories": ["arn:aws:ecr:us-east-1:123456789012:repository/train"]}}},
        "analytics.sagemaker.repositories[0]",
        "is in us-east-1",
        "its own region alone, us-west-2",
    )
    add(
        "sagemaker-images-by-url",
        {"analytics": {"sagemaker": {"repositories": ["123456789012.dkr.ecr.us-west-2.amazonaws.com/train"]}}},
        "analytics.sagemaker.repositories[0]",
        "does not match ^arn:",
        schema=True,
    )
