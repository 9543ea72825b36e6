"""What can be wrong with analytics, given the buckets, and what is worth a word."""

from collections.abc import Iterator

from infra.analytics.settings import AnalyticsSettings, AthenaSettings, EmrSettings, SagemakerSettings
from infra.problems import Problem, one_of, shown
from infra.storage.settings import BucketRole, StorageSettings
from infra.surroundings import Surroundings

EMR_BUCKETS: tuple[BucketRole, ...] = ("artifacts", "data")
"""What EMR jobs read and write, of the buckets that there are."""
SAGEMAKER_BUCKETS: tuple[BucketRole, ...] = ("artifacts", "data", "models")
"""The same for SageMaker."""
_SYSTEM = "default"


def problems(analytics: AnalyticsSettings, around: Surroundings) -> Iterator[Problem]:
    """What is wrong with these settings."""
    if not (analytics.emr or analytics.athena or analytics.sagemaker):
        yield Problem("analytics", "asks for nothing; give it emr, athena or sagemaker, or leave it out")
    if analytics.emr:
        yield from _emr_problems(analytics.emr, around.storage)
    if analytics.athena:
        yield from _athena_problems(analytics.athena, around.storage)
    if analytics.sagemaker:
        yield from _sagemaker_problems(analytics.sagemaker, around.storage, around.platform.region)


def warnings(analytics: AnalyticsSettings) -> Iterator[str]:
    """What the user should know, though it is allowed."""
    if analytics.athena and analytics.athena.engine == "AUTO":
        yield "analytics.athena.engine AUTO: AWS moves queries to another engine version when it likes"
    if analytics.sagemaker and analytics.sagemaker.processing_in_vpc:
        yield (
            "analytics.sagemaker.processingInVpc: SageMaker asks that the role may make and delete network interfaces "
            "anywhere in the account"
        )


def endpoints(analytics: AnalyticsSettings | None) -> tuple[str, ...]:
    """The interface endpoints that notebooks, jobs and controllers in a private network need for these services.

    Job pods of EMR need none of their own: logs, ECR, S3 and `eks-auth` are there always. SageMaker's containers in
    the VPC send metrics to CloudWatch.
    Source: EMR on EKS development guide, "Connect using an interface VPC endpoint"; Athena and Glue user guides, the
        same; SageMaker developer guide, "Connect to SageMaker within your VPC".
    """
    if analytics is None:
        return ()
    return (
        *(("emr-containers",) if analytics.emr else ()),
        *(("athena", "glue") if analytics.athena else ()),
        *(("monitoring", "sagemaker.api", "sagemaker.runtime") if analytics.sagemaker else ()),
    )


def _emr_problems(emr: EmrSettings, storage: StorageSettings) -> Iterator[Problem]:
    if emr.namespace == _SYSTEM or emr.namespace.startswith("kube-"):
        yield Problem(
            "analytics.emr.namespace",
            f"{shown(emr.namespace)} is one of Kubernetes' own; EMR needs one to itself, such as emr",
        )
    if not storage.buckets.keys() & set(EMR_BUCKETS):
        yield Problem(
            "analytics.emr",
            f"needs a bucket for code, data and results; storage.buckets has none of {_all(EMR_BUCKETS)}",
        )


def _athena_problems(athena: AthenaSettings, storage: StorageSettings) -> Iterator[Problem]:
    have = one_of(storage.buckets) or "none"
    if "data" not in storage.buckets:
        yield Problem("analytics.athena.tables", f"needs storage.buckets.data; the buckets are: {have}")
    elif athena.results not in storage.buckets:
        yield Problem(
            "analytics.athena.results", f"{shown(athena.results)} is not in storage.buckets, which has: {have}"
        )
    elif athena.results == "data" and _nested(athena.results_prefix, athena.tables):
        yield Problem(
            "analytics.athena.resultsPrefix",
            f"{shown(athena.results_prefix)} and tables {shown(athena.tables)} lie in one another: results would be "
            "read as data",
        )


def _sagemaker_problems(sagemaker: SagemakerSettings, storage: StorageSettings, region: str) -> Iterator[Problem]:
    if not storage.buckets.keys() & set(SAGEMAKER_BUCKETS):
        yield Problem(
            "analytics.sagemaker",
            f"needs a bucket for code, data and models; storage.buckets has none of {_all(SAGEMAKER_BUCKETS)}",
        )
    for index, arn in enumerate(sagemaker.repositories):
        where = arn.split(":")[3]
        if where != region:
            yield Problem(
                f"analytics.sagemaker.repositories[{index}]",
                f"{shown(arn)} is in {where}; SageMaker pulls from its own region alone, {region}",
            )


def _all(roles: tuple[BucketRole, ...]) -> str:
    return one_of(sorted(roles))


def _nested(one: str, other: str) -> bool:
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")
