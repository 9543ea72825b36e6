"""Workload identities: an IAM role for one service account, by EKS Pod Identity or IRSA."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pulumi
import pulumi_aws as aws

from infra import naming
from infra.handle import Oidc

Backend = Literal["pod-identity", "irsa"]
POD_IDENTITY_SERVICE = "pods.eks.amazonaws.com"


def allowing(*statements: Mapping[str, Any]) -> pulumi.Output[str]:
    """A policy that allows what each statement says by `Action`, `Resource` and `Condition`, which may hold Outputs."""
    return pulumi.Output.json_dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **each} for each in statements]}
    )


def service_trust(service: str, *actions: str) -> str:
    """The trust policy of a role that one AWS service assumes, `sts:AssumeRole` unless said otherwise."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": list(actions) or "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def account_trust(
    service: str,
    *actions: str,
    account_id: pulumi.Input[str],
    conditions: Mapping[str, Mapping[str, pulumi.Input[Any]]] | None = None,
) -> pulumi.Output[str]:
    """The trust policy of a role that a service assumes for this account alone: no confused deputy.

    Args:
        service: The service principal.
        actions: `sts:AssumeRole` unless said otherwise.
        account_id: The account that `aws:SourceAccount` must be.
        conditions: More of them, by operator.
    """
    more = dict(conditions or {})
    equals = {"aws:SourceAccount": account_id, **more.pop("StringEquals", {})}
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": list(actions) or "sts:AssumeRole",
        "Condition": {"StringEquals": equals, **more},
    }
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": [statement]})


@dataclass(frozen=True, kw_only=True)
class WorkloadIdentityArgs:
    """Who may act as what.

    Attributes:
        cluster: The cluster's name, for names and descriptions.
        cluster_name: The same as an input, so that the association waits for the cluster.
        policy: An IAM policy document; may hold Outputs. None: managed policies only.
        managed_policies: Names of AWS managed policies, with their path, such as
            `service-role/AmazonEFSCSIDriverPolicy`.
    """

    cluster: str
    cluster_name: pulumi.Input[str]
    namespace: str
    service_account: str
    oidc: Oidc
    partition: str
    backend: Backend = "pod-identity"
    policy: Mapping[str, Any] | None = None
    managed_policies: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    permissions_boundary: str | None = None


class WorkloadIdentity(pulumi.ComponentResource):
    """A role that exactly one service account of one cluster can assume.

    Attributes:
        role_arn: With IRSA, the service account must carry it as `eks.amazonaws.com/role-arn`.
        ready: Depend on these: the role's policies and the association. A pod that starts before them has no
            credentials until it is restarted.
    """

    role_arn: pulumi.Output[str]
    ready: tuple[pulumi.Resource, ...]

    def __init__(self, name: str, args: WorkloadIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Create the role and bind it."""
        super().__init__(naming.type_token("infra", "WorkloadIdentity"), name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        who = f"{args.namespace}/{args.service_account}"
        role = aws.iam.Role(
            name,
            description=f"{who} in {args.cluster}",
            assume_role_policy=_trust(args),
            permissions_boundary=args.permissions_boundary,
            tags=naming.tags(args.tags, f"{args.cluster}-{args.service_account}"),
            opts=child,
        )
        ready: list[pulumi.Resource] = [
            aws.iam.RolePolicyAttachment(
                f"{name}-{managed.rpartition('/')[2]}",
                role=role.name,
                policy_arn=f"arn:{args.partition}:iam::aws:policy/{managed}",
                opts=child,
            )
            for managed in args.managed_policies
        ]
        if args.policy is not None:
            ready.append(
                aws.iam.RolePolicy(name, role=role.name, policy=pulumi.Output.json_dumps(args.policy), opts=child)
            )
        if args.backend == "pod-identity":
            ready.append(
                aws.eks.PodIdentityAssociation(
                    name,
                    cluster_name=args.cluster_name,
                    namespace=args.namespace,
                    service_account=args.service_account,
                    role_arn=role.arn,
                    tags=naming.tags(args.tags, f"{args.cluster}-{args.service_account}"),
                    opts=pulumi.ResourceOptions(parent=self, depends_on=ready),
                )
            )
        self.role_arn = role.arn
        self.ready = tuple(ready) or (role,)
        self.register_outputs({"roleArn": role.arn})


def _trust(args: WorkloadIdentityArgs) -> pulumi.Input[str]:
    """The role's trust policy.

    Pod Identity needs no cluster in the trust: the association names it, and only `eks:CreatePodIdentityAssociation`
    with `iam:PassRole` can add another. IRSA pins issuer, audience and subject.
    Source: EKS user guide, "Create IAM role with trust policy required by EKS Pod Identity" and "Assign IAM roles to
        Kubernetes service accounts".
    """
    if args.backend == "pod-identity":
        return service_trust(POD_IDENTITY_SERVICE, "sts:AssumeRole", "sts:TagSession")
    subject = f"system:serviceaccount:{args.namespace}:{args.service_account}"
    return pulumi.Output.all(args.oidc.provider_arn, args.oidc.issuer).apply(
        lambda got: json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"Federated": got[0]},
                        "Action": "sts:AssumeRoleWithWebIdentity",
                        "Condition": {
                            "StringEquals": {
                                f"{got[1]}:aud": "sts.amazonaws.com",
                                f"{got[1]}:sub": subject,
                            }
                        },
                    }
                ],
            }
        )
    )
