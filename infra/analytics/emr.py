"""EMR on EKS: a virtual cluster on a namespace of this cluster, and the role that its jobs act with."""

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes

from infra import handle
from infra.analytics.access import Statement, bucket_statements
from infra.analytics.ground import Ground
from infra.analytics.rules import EMR_BUCKETS
from infra.analytics.settings import EmrSettings
from infra.identity import POD_IDENTITY_SERVICE, account_trust
from infra.storage.ready import once

_COMPONENTS = ("client", "driver", "executor")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def emr(
    name: str,
    settings: EmrSettings,
    ground: Ground,
    opts: pulumi.ResourceOptions,
    *,
    catalog: Sequence[Statement] = (),
) -> handle.Emr:
    """Create the namespace, the job role and the virtual cluster.

    EMR's service-linked role and the access entry with AmazonEMRJobPolicy for it are EMR's to make, in
    CreateVirtualCluster, with the rights of who calls it: EKS lets nobody else make an access entry for a
    service-linked role.

    Args:
        name: Logical name.
        settings: What it is to be.
        ground: What it stands on.
        opts: Of its resources.
        catalog: What jobs may read of the Glue catalogue.

    Source: EMR on EKS development guide, "Enable cluster access for Amazon EMR on EKS"; EKS user guide, "Create access
        entries"; hashicorp/terraform-provider-aws#36447.
    """
    logs = aws.cloudwatch.LogGroup(
        f"{name}-jobs",
        name=f"/slipway/{ground.platform}/emr",
        retention_in_days=settings.log_retention_days,
        kms_key_id=ground.key_arn,
        tags=ground.named("emr-jobs"),
        opts=opts,
    )
    role_arn = _job_role(name, settings, ground, [*_statements(ground, logs), *catalog], opts)
    namespace = kubernetes.core.v1.Namespace(
        f"{name}-namespace",
        metadata=kubernetes.meta.v1.ObjectMetaArgs(
            name=settings.namespace,
            # Spark's own pods are within baseline; node-local shuffle by hostPath is not.
            labels={f"pod-security.kubernetes.io/{mode}": "baseline" for mode in ("enforce", "audit", "warn")},
        ),
        opts=pulumi.ResourceOptions.merge(
            opts,
            pulumi.ResourceOptions(provider=ground.cluster.kubernetes, depends_on=[ground.cluster.control_plane]),
        ),
    )
    virtual = aws.emrcontainers.VirtualCluster(
        name,
        container_provider=aws.emrcontainers.VirtualClusterContainerProviderArgs(
            type="EKS",
            id=ground.cluster.cluster_name,
            info=aws.emrcontainers.VirtualClusterContainerProviderInfoArgs(
                eks_info=aws.emrcontainers.VirtualClusterContainerProviderInfoEksInfoArgs(
                    namespace=namespace.metadata.name
                )
            ),
        ),
        tags=ground.named("emr"),
        # Without its namespace or the API server a virtual cluster ends ARRESTED instead of deleted.
        opts=pulumi.ResourceOptions.merge(
            opts, pulumi.ResourceOptions(depends_on=[namespace, ground.cluster.control_plane])
        ),
    )
    return handle.Emr(
        virtual_cluster_id=virtual.id,
        virtual_cluster_arn=virtual.arn,
        namespace=settings.namespace,
        job_role_arn=role_arn,
        log_group=logs.name,
    )


def base36(text: str) -> str:
    """The text's bytes as one number to the base of 36: how EMR writes a role's name into service accounts.

    Source: EMR on EKS development guide, "Option 1: Enable EKS Pod Identity on the EKS Cluster"; aws-cli
        `emr-containers create-role-associations`.
    """
    number, digits = int.from_bytes(text.encode(), "big"), ""
    while number:
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits or _DIGITS[0]


def service_account(component: str, account_id: str, role_name: str) -> str:
    """The service account that EMR makes for a part of a Spark job: `client`, `driver` or `executor`."""
    return f"emr-containers-sa-spark-{component}-{account_id}-{base36(role_name)}"


def _job_role(
    name: str, settings: EmrSettings, ground: Ground, statements: Sequence[Statement], opts: pulumi.ResourceOptions
) -> pulumi.Output[str]:
    """The role, given out once its policy and associations are there."""
    role = aws.iam.Role(
        name,  # short: service accounts carry it in base 36, and EKS limits what it puts into a session
        description=f"EMR jobs in {ground.platform}/{settings.namespace}",
        assume_role_policy=account_trust(
            POD_IDENTITY_SERVICE,
            "sts:AssumeRole",
            "sts:TagSession",
            account_id=ground.account_id,
            conditions={
                "StringEquals": {
                    "aws:RequestTag/eks-cluster-name": ground.cluster.name,
                    "aws:RequestTag/kubernetes-namespace": settings.namespace,
                },
                "StringLike": {
                    "aws:RequestTag/kubernetes-service-account": pulumi.Output.concat(
                        "emr-containers-sa-spark-*-", ground.account_id, "-*"
                    )
                },
            },
        ),
        permissions_boundary=ground.permissions_boundary,
        tags=ground.named("emr"),
        opts=opts,
    )
    policy = aws.iam.RolePolicy(
        name,
        role=role.name,
        policy=pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": statements}),
        opts=opts,
    )
    associations = [
        aws.eks.PodIdentityAssociation(
            f"{name}-{component}",
            cluster_name=ground.cluster.cluster_name,
            namespace=settings.namespace,
            service_account=_account_of(component, ground, role),
            role_arn=role.arn,
            tags=ground.named(f"emr-{component}"),
            opts=opts,
        )
        for component in _COMPONENTS
    ]
    return once([policy, *associations], role.arn)


def _account_of(component: str, ground: Ground, role: aws.iam.Role) -> pulumi.Output[str]:
    return pulumi.Output.all(ground.account_id, role.name).apply(lambda got: service_account(component, got[0], got[1]))


def _statements(ground: Ground, logs: aws.cloudwatch.LogGroup) -> list[Statement]:
    """Source: EMR on EKS development guide, "Create a job execution role"."""
    return [
        *bucket_statements(ground, EMR_BUCKETS),
        {
            "Sid": "Logs",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            "Resource": [logs.arn, pulumi.Output.concat(logs.arn, ":*")],
        },
        # A job looks for its group among all of them.
        {"Sid": "FindLogs", "Effect": "Allow", "Action": ["logs:DescribeLogGroups"], "Resource": "*"},
    ]
