"""The analytics component: EMR on EKS, Athena with Glue, SageMaker."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from infra import handle, naming
from infra.analytics.athena import athena, read_catalog
from infra.analytics.emr import emr
from infra.analytics.ground import Ground
from infra.analytics.sagemaker import sagemaker
from infra.analytics.settings import AnalyticsSettings


@dataclass(frozen=True, kw_only=True)
class AnalyticsArgs(Ground):
    """What it needs to know of the rest of the stack.

    Attributes:
        subnets: Zone id to private subnet, where SageMaker's jobs may run.
    """

    settings: AnalyticsSettings
    subnets: Mapping[str, pulumi.Output[str]]


class Analytics(pulumi.ComponentResource):
    """EMR on EKS, Athena with Glue, SageMaker: each where the settings have it.

    Attributes:
        handle: What add-ons may know of it.
        outputs: What the stack exports of it: what people start jobs and queries with.

    Changing EMR's namespace replaces the virtual cluster; changing Athena's database replaces the database.
    """

    handle: handle.Analytics
    outputs: Mapping[str, pulumi.Output[Any]]

    def __init__(self, name: str, args: AnalyticsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Create what the settings ask for."""
        super().__init__(naming.type_token("infra", "Analytics"), name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        settings = args.settings
        queries = athena(f"{name}-athena", settings.athena, args, child) if settings.athena else None
        catalog = read_catalog(queries, args) if queries else []
        self.handle = handle.Analytics(
            athena=queries,
            emr=emr(f"{name}-emr", settings.emr, args, child, catalog=catalog) if settings.emr else None,
            sagemaker=sagemaker(f"{name}-sagemaker", settings.sagemaker, args, child, subnets=args.subnets)
            if settings.sagemaker
            else None,
        )
        self.outputs = _outputs(self.handle, args)
        self.register_outputs(dict(self.outputs))


def _outputs(made: handle.Analytics, args: AnalyticsArgs) -> dict[str, pulumi.Output[Any]]:
    found: dict[str, pulumi.Output[Any]] = {}
    if made.emr:
        found |= {
            "emrVirtualCluster": made.emr.virtual_cluster_id,
            "emrJobRole": made.emr.job_role_arn,
            "emrLogGroup": made.emr.log_group,
        }
    if made.athena:
        found |= {"athenaWorkgroup": made.athena.workgroup, "glueDatabase": made.athena.database}
    if made.sagemaker:
        found |= {
            "sagemakerRole": made.sagemaker.role_arn,
            "sagemakerSecurityGroup": made.sagemaker.security_group_id,
            "sagemakerSubnets": pulumi.Output.all(*args.subnets.values()),
        }
    return found
