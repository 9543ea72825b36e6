"""Interface endpoints: which services, and why a private cluster needs them.

Source: EKS user guide, "Deploy private clusters with limited internet access"; cluster-autoscaler README (eks,
autoscaling, ec2, sts); facts README section 6.
"""

from collections.abc import Iterable, Mapping
from typing import Final

ENDPOINTS: Final[Mapping[str, str]] = {
    "aps-workspaces": "metrics to Amazon Managed Prometheus",
    "athena": "queries on the data bucket",
    "autoscaling": "cluster-autoscaler",
    "bedrock-runtime": "model calls",
    "ec2": "nodes that join, the CNI, cluster-autoscaler and the EBS CSI driver",
    "ec2messages": "Session Manager",
    "ecr.api": "image pulls",
    "ecr.dkr": "image pulls",
    "ecs": "ECS instances and their tasks",
    "ecs-agent": "ECS instances and their tasks",
    "ecs-telemetry": "ECS instances and their tasks",
    "eks": "nodes that join, and cluster-autoscaler's node group look-ups",
    "eks-auth": "EKS Pod Identity",
    "elasticfilesystem": "the EFS CSI driver",
    "elasticloadbalancing": "load balancer controllers",
    "emr-containers": "EMR on EKS jobs that are started from inside",
    "fsx": "the FSx CSI driver",
    "glue": "the data catalogue",
    "kms": "encrypted volumes and secrets",
    "lambda": "function calls",
    "logs": "container and flow logs",
    "monitoring": "CloudWatch metrics",
    "rds": "database administration",
    "sagemaker.api": "SageMaker jobs",
    "sagemaker.runtime": "SageMaker endpoints",
    "secretsmanager": "secrets",
    "sns": "notifications",
    "sqs": "queues",
    "ssm": "Session Manager and AMI parameters",
    "ssmmessages": "Session Manager",
    "states": "Step Functions",
    "sts": "IRSA and account look-ups",
    "xray": "traces",
}
"""Service name (the part after `com.amazonaws.<region>.`) to what uses it."""

_ALWAYS: Final = (
    "autoscaling",
    "ec2",
    "ec2messages",
    "ecr.api",
    "ecr.dkr",
    "eks",
    "eks-auth",
    "elasticloadbalancing",
    "kms",
    "logs",
    "ssm",
    "ssmmessages",
    "sts",
)


def required(*, internet: bool, lustre: bool, efs: bool, services: Iterable[str] = ()) -> tuple[str, ...]:
    """The interface endpoints that a cluster cannot run without.

    Args:
        internet: Whether nodes reach AWS's public endpoints; then none is needed.
        lustre: Whether there are FSx for Lustre file systems.
        efs: Whether there are EFS file systems.
        services: What else of AWS the stack's own parts are for, as in `ENDPOINTS`.
    """
    if internet:
        return ()
    extra = (*(("fsx",) if lustre else ()), *(("elasticfilesystem",) if efs else ()))
    return tuple(sorted({*_ALWAYS, *extra, *services}))
