"""What SageMaker's execution role may do: least privilege for training, processing, models and pipelines.

Source: SageMaker developer guide, "How to use SageMaker AI execution roles"; Service Authorization Reference.
"""

from collections.abc import Sequence
from typing import Final

import pulumi

from infra.analytics.access import Statement, bucket_statements
from infra.analytics.ground import Ground
from infra.analytics.rules import SAGEMAKER_BUCKETS
from infra.catalog import image_registries

SAGEMAKER: Final = "sagemaker.amazonaws.com"
_PIPELINE_STEPS: Final = ("model", "processing-job", "training-job", "transform-job")


def job_statements(ground: Ground, repositories: Sequence[str]) -> list[Statement]:
    """What SageMaker and its containers do with the role. `repositories`: ARNs beside the stack's own and AWS's."""
    return [
        *bucket_statements(ground, SAGEMAKER_BUCKETS),
        {
            "Sid": "KeyOfVolumes",
            "Effect": "Allow",
            "Action": ["kms:CreateGrant"],
            "Resource": ground.key_arn,
            "Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}},
        },
        {"Sid": "DescribeKey", "Effect": "Allow", "Action": ["kms:DescribeKey"], "Resource": ground.key_arn},
        {"Sid": "RegistryLogin", "Effect": "Allow", "Action": ["ecr:GetAuthorizationToken"], "Resource": "*"},
        {
            "Sid": "Images",
            "Effect": "Allow",
            "Action": ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            "Resource": _repositories(ground, repositories),
        },
        {
            "Sid": "Logs",
            "Effect": "Allow",
            "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            "Resource": [ground.arn("logs", "log-group:/aws/sagemaker/*")],
        },
        {
            "Sid": "Metrics",
            "Effect": "Allow",
            "Action": ["cloudwatch:PutMetricData"],
            "Resource": "*",
            "Condition": {"StringLike": {"cloudwatch:namespace": ["/aws/sagemaker/*", "aws/sagemaker/*"]}},
        },
    ]


def pipeline_statements(ground: Ground, role_arn: pulumi.Output[str]) -> list[Statement]:
    """What a pipeline does: make its steps' jobs, which SageMaker calls `pipelines-...`, and pass them the role."""
    return [
        {
            "Sid": "PipelineSteps",
            "Effect": "Allow",
            "Action": [
                "sagemaker:AddTags",
                "sagemaker:CreateModel",
                "sagemaker:CreateProcessingJob",
                "sagemaker:CreateTrainingJob",
                "sagemaker:CreateTransformJob",
                "sagemaker:DescribeModel",
                "sagemaker:DescribeProcessingJob",
                "sagemaker:DescribeTrainingJob",
                "sagemaker:DescribeTransformJob",
                "sagemaker:StopProcessingJob",
                "sagemaker:StopTrainingJob",
                "sagemaker:StopTransformJob",
            ],
            "Resource": [ground.arn("sagemaker", kind, "/pipelines-*") for kind in _PIPELINE_STEPS],
        },
        {
            "Sid": "PassItself",
            "Effect": "Allow",
            "Action": ["iam:PassRole"],
            "Resource": role_arn,
            "Condition": {"StringEquals": {"iam:PassedToService": SAGEMAKER}},
        },
    ]


def network_statements(
    ground: Ground, subnets: Sequence[pulumi.Input[str]], security_group_id: pulumi.Input[str], *, processing: bool
) -> list[Statement]:
    """Network interfaces of jobs and models in the VPC: in these subnets with this security group alone.

    With `processing` anywhere: SageMaker checks the role before it makes a processing job in a VPC, and fails where
    there is any condition or resource filter.
    Source: SageMaker developer guide, "CreateProcessingJob API: Execution Role Permissions".
    """
    make = ["ec2:CreateNetworkInterface"]
    use = [
        "ec2:CreateNetworkInterfacePermission",
        "ec2:DeleteNetworkInterface",
        "ec2:DeleteNetworkInterfacePermission",
    ]
    find: Statement = {
        "Sid": "FindNetwork",
        "Effect": "Allow",
        "Action": [
            "ec2:DescribeDhcpOptions",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcs",
        ],
        "Resource": "*",
    }
    if processing:
        return [{"Sid": "Interfaces", "Effect": "Allow", "Action": [*make, *use], "Resource": "*"}, find]
    interfaces = ground.arn("ec2", "network-interface/*")
    return [
        {
            "Sid": "MakeInterfaces",
            "Effect": "Allow",
            "Action": make,
            "Resource": [
                interfaces,
                *(ground.arn("ec2", "subnet/", subnet) for subnet in subnets),
                ground.arn("ec2", "security-group/", security_group_id),
            ],
        },
        {
            "Sid": "UseInterfaces",
            "Effect": "Allow",
            "Action": use,
            "Resource": interfaces,
            "Condition": {"ArnEquals": {"ec2:Vpc": ground.arn("ec2", "vpc/", ground.cluster.vpc_id)}},
        },
        find,
    ]


def _repositories(ground: Ground, named: Sequence[str]) -> list[pulumi.Input[str]]:
    """The stack's own repositories, which begin with its name, those of the settings, and AWS's for this region.

    By name, since the registry is made after this: its mirror wants to know what add-ons do with analytics.
    """
    accounts = (image_registries.deep_learning(ground.region), image_registries.sagemaker_algorithms(ground.region))
    return [
        ground.arn("ecr", f"repository/{ground.platform}/*"),
        *named,
        *(f"arn:{ground.partition}:ecr:{ground.region}:{account}:repository/*" for account in accounts if account),
    ]
