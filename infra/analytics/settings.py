"""Settings of analytics: EMR on EKS, Athena with Glue, SageMaker."""

from typing import Annotated, Literal

from pydantic import Field

from infra.model import Model
from infra.network.settings import RetentionDays

# EMR Containers API, EksInfo; Kubernetes' DNS labels.
Namespace = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)]
Prefix = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$", max_length=200)]
LEAST_SCAN_MIB = 10
"""Source: Athena user guide, "Configure per-query and per-workgroup data usage controls": 10 MB at least."""


class EmrSettings(Model):
    """Spark by EMR on EKS: a virtual cluster on a namespace of this cluster, and the role of its jobs."""

    namespace: Namespace = "emr"
    """The Kubernetes namespace, which is made and given to EMR. Changing it replaces the virtual cluster."""
    log_retention_days: RetentionDays = 30
    """Days that the jobs' log group keeps."""


class AthenaSettings(Model):
    """SQL on the data bucket: an Athena workgroup and a Glue database."""

    database: Annotated[str, Field(pattern=r"^[a-z0-9_]+$", max_length=255)] | None = None
    """Name of the Glue database; by default the platform's, with `_` for `-`. Changing it replaces the database."""
    tables: Prefix = "tables"
    """Prefix in the data bucket where the database's tables are."""
    results: Literal["artifacts", "data"] = "artifacts"
    """Role of the bucket that query results go to."""
    results_prefix: Prefix = "athena"
    """Prefix of the results."""
    scan_limit_mib: Annotated[int, Field(ge=LEAST_SCAN_MIB)] = 1_048_576
    """A query that reads more than so many MiB is cancelled."""
    engine: Literal["AUTO", "Athena engine version 3"] = "Athena engine version 3"
    """AUTO: AWS moves the workgroup to a newer engine when it likes."""


class SagemakerSettings(Model):
    """The execution role of SageMaker jobs, models and pipelines, and their security group."""

    log_retention_days: RetentionDays | None = None
    """Make SageMaker's log groups, kept for so many days. They are one per account and region: `up` fails where they
    are there already. None: SageMaker makes them at its first job, without retention and key."""
    processing_in_vpc: bool = False
    """Processing jobs run in the VPC too. SageMaker then asks for network interfaces without any limit."""
    repositories: tuple[
        Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:ecr:[a-z0-9-]+:\d{12}:repository/[a-z0-9._/-]+$")], ...
    ] = ()
    """ECR repositories that jobs pull from, as ARNs, beside the stack's own and AWS's."""


class AnalyticsSettings(Model):
    """Batch analytics and managed training beside the cluster. Each part is off until it is there."""

    emr: EmrSettings | None = None
    """EMR on EKS. None: nothing of it."""
    athena: AthenaSettings | None = None
    """Athena and Glue. None: nothing of it."""
    sagemaker: SagemakerSettings | None = None
    """SageMaker. None: nothing of it."""
