"""SageMaker: the execution role of jobs, models and pipelines, their security group and their log groups."""

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from infra import handle
from infra.analytics.ground import Ground
from infra.analytics.sagemaker_policy import SAGEMAKER, job_statements, network_statements, pipeline_statements
from infra.analytics.settings import SagemakerSettings
from infra.identity import account_trust
from infra.storage.ready import once

_JOBS = {"training": "TrainingJobs", "processing": "ProcessingJobs", "transform": "TransformJobs"}
_HTTPS = 443
_ANYWHERE = "0.0.0.0/0"


def sagemaker(
    name: str,
    settings: SagemakerSettings,
    ground: Ground,
    opts: pulumi.ResourceOptions,
    *,
    subnets: Mapping[str, pulumi.Output[str]],
) -> handle.Sagemaker:
    """Create role, security group and log groups. What runs is made by who passes the role.

    Args:
        name: Logical name.
        settings: What it is to be.
        ground: What it stands on.
        opts: Of its resources.
        subnets: Zone id to subnet, where jobs may run.
    """
    group, rules = _security_group(f"{name}-jobs", ground, opts)
    logs = _log_groups(name, settings.log_retention_days, ground, opts)
    role = aws.iam.Role(
        name,
        description=f"SageMaker jobs, models and pipelines of {ground.platform}",
        assume_role_policy=account_trust(SAGEMAKER, account_id=ground.account_id),
        permissions_boundary=ground.permissions_boundary,
        tags=ground.named("sagemaker"),
        opts=opts,
    )
    allowed = [
        *job_statements(ground, settings.repositories),
        *network_statements(ground, tuple(subnets.values()), group.id, processing=settings.processing_in_vpc),
        *pipeline_statements(ground, role.arn),
    ]
    policy = aws.iam.RolePolicy(
        name,
        role=role.name,
        policy=pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": allowed}),
        opts=opts,
    )
    return handle.Sagemaker(
        role_arn=once([policy, *logs], role.arn),
        security_group_id=once(rules, group.id),
        subnets=subnets,
    )


def _security_group(
    name: str, ground: Ground, opts: pulumi.ResourceOptions
) -> tuple[aws.ec2.SecurityGroup, list[pulumi.Resource]]:
    """Jobs talk among themselves, as distributed training does, and to AWS.

    Source: SageMaker developer guide, "Give SageMaker AI Training Jobs Access to Resources in Your Amazon VPC".
    """
    group = aws.ec2.SecurityGroup(
        name,
        vpc_id=ground.cluster.vpc_id,
        description="SageMaker jobs: each other, and AWS by HTTPS",
        tags=ground.named("sagemaker-jobs"),
        opts=opts,
    )
    return group, [
        aws.vpc.SecurityGroupIngressRule(
            f"{name}-from-jobs",
            security_group_id=group.id,
            referenced_security_group_id=group.id,
            ip_protocol="-1",
            description="The other instances of a job",
            tags=ground.named("sagemaker-from-jobs"),
            opts=opts,
        ),
        aws.vpc.SecurityGroupEgressRule(
            f"{name}-to-jobs",
            security_group_id=group.id,
            referenced_security_group_id=group.id,
            ip_protocol="-1",
            description="The other instances of a job",
            tags=ground.named("sagemaker-to-jobs"),
            opts=opts,
        ),
        aws.vpc.SecurityGroupEgressRule(
            f"{name}-to-aws",
            security_group_id=group.id,
            cidr_ipv4=_ANYWHERE,
            ip_protocol="tcp",
            from_port=_HTTPS,
            to_port=_HTTPS,
            # S3's gateway endpoint has public addresses, so the VPC's own would not do in a private network either.
            description="AWS APIs and S3",
            tags=ground.named("sagemaker-to-aws"),
            opts=opts,
        ),
    ]


def _log_groups(name: str, days: int | None, ground: Ground, opts: pulumi.ResourceOptions) -> list[pulumi.Resource]:
    """The groups that SageMaker would else make itself, without retention and our key."""
    if days is None:
        return []
    return [
        aws.cloudwatch.LogGroup(
            f"{name}-{short}",
            name=f"/aws/sagemaker/{kind}",
            retention_in_days=days,
            kms_key_id=ground.key_arn,
            tags=ground.named(f"sagemaker-{short}"),
            # Other stacks' jobs write to them too.
            opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(retain_on_delete=True)),
        )
        for short, kind in _JOBS.items()
    ]
