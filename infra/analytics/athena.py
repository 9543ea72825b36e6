"""Athena and Glue: a workgroup whose settings bind, and a database on the data bucket."""

import pulumi
import pulumi_aws as aws

from infra import handle
from infra.analytics.access import Statement
from infra.analytics.ground import Ground
from infra.analytics.settings import AthenaSettings

_MIB = 1024**2


def athena(name: str, settings: AthenaSettings, ground: Ground, opts: pulumi.ResourceOptions) -> handle.Athena:
    """Create the workgroup and the database. Both hold what people made (saved queries, tables): kept as data is."""
    keep = not ground.disposable
    kept = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(protect=keep, retain_on_delete=keep))
    results = pulumi.Output.concat("s3://", ground.buckets[settings.results].name, f"/{settings.results_prefix}/")
    workgroup = aws.athena.Workgroup(
        name,
        description=f"Queries of {ground.platform}",
        force_destroy=not keep,
        configuration=aws.athena.WorkgroupConfigurationArgs(
            enforce_workgroup_configuration=True,
            bytes_scanned_cutoff_per_query=settings.scan_limit_mib * _MIB,
            publish_cloudwatch_metrics_enabled=True,
            requester_pays_enabled=False,
            engine_version=aws.athena.WorkgroupConfigurationEngineVersionArgs(selected_engine_version=settings.engine),
            result_configuration=aws.athena.WorkgroupConfigurationResultConfigurationArgs(
                output_location=results,
                expected_bucket_owner=ground.account_id,
                encryption_configuration=aws.athena.WorkgroupConfigurationResultConfigurationEncryptionConfigurationArgs(
                    encryption_option="SSE_KMS", kms_key_arn=ground.key_arn
                ),
            ),
        ),
        tags=ground.named("athena"),
        opts=kept,
    )
    tables = pulumi.Output.concat("s3://", ground.buckets["data"].name, f"/{settings.tables}/")
    database = aws.glue.CatalogDatabase(
        name,
        # Athena's SQL takes no dash, which autonaming would put in.
        name=settings.database or ground.platform.replace("-", "_"),
        description=f"Tables of {ground.platform}",
        location_uri=tables,
        tags=ground.named("athena"),
        opts=kept,
    )
    return handle.Athena(
        workgroup=workgroup.name,
        workgroup_arn=workgroup.arn,
        results=results,
        database=database.name,
        database_arn=database.arn,
        tables=tables,
    )


def read_catalog(made: handle.Athena, ground: Ground) -> list[Statement]:
    """Read the database, its tables and functions.

    Spark asks for the database `default` whatever it works on, and makes it where the account has none.

    Source: Glue developer guide, "Specifying AWS Glue resource ARNs": a table needs its database and the catalogue;
        "Troubleshooting AWS Glue Data Quality errors" and awslabs/aws-glue-data-catalog-client-for-apache-hive-
        metastore, issue 67, on `default`.
    """
    catalog, default = ground.arn("glue", "catalog"), ground.arn("glue", "database/default")
    return [
        {
            "Sid": "Catalogue",
            "Effect": "Allow",
            "Action": [
                "glue:BatchGetPartition",
                "glue:GetDatabase",
                "glue:GetPartition",
                "glue:GetPartitions",
                "glue:GetTable",
                "glue:GetTables",
                "glue:GetUserDefinedFunction",
                "glue:GetUserDefinedFunctions",
            ],
            "Resource": [
                catalog,
                default,
                made.database_arn,
                ground.arn("glue", "table/", made.database, "/*"),
                ground.arn("glue", "userDefinedFunction/", made.database, "/*"),
            ],
        },
        {
            "Sid": "DefaultDatabase",
            "Effect": "Allow",
            "Action": ["glue:CreateDatabase"],
            "Resource": [catalog, default],
        },
    ]
