"""AWS Load Balancer Controller: load balancers for Ingresses and Services, and pods as targets of the stack's own."""

from typing import Any, Final

import pulumi

from addons.iam import ANY, allow, policy
from addons.spec import AddOn, AddOnSettings, Chart, Identity, Image, Ready, Values, Webhook
from addons.tags import separable
from infra.handle import ClusterHandle

_NAME: Final = "aws-load-balancer-controller"
# renovate: datasource=helm depName=aws-load-balancer-controller registryUrl=https://aws.github.io/eks-charts
_VERSION: Final = "3.5.0"
_CLUSTER: Final = "elbv2.k8s.aws/cluster"
"""The tag that the controller puts on whatever it makes; its value is the cluster's name."""
_READS: Final = (
    "acm:DescribeCertificate",
    "acm:ListCertificates",
    "ec2:DescribeAccountAttributes",
    "ec2:DescribeAddresses",
    "ec2:DescribeAvailabilityZones",
    "ec2:DescribeInstances",
    "ec2:DescribeInternetGateways",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeTags",
    "ec2:DescribeVpcPeeringConnections",
    "ec2:DescribeVpcs",
    "ec2:GetSecurityGroupsForVpc",
    "elasticloadbalancing:DescribeCapacityReservation",
    "elasticloadbalancing:DescribeListenerAttributes",
    "elasticloadbalancing:DescribeListenerCertificates",
    "elasticloadbalancing:DescribeListeners",
    "elasticloadbalancing:DescribeLoadBalancerAttributes",
    "elasticloadbalancing:DescribeLoadBalancers",
    "elasticloadbalancing:DescribeRules",
    "elasticloadbalancing:DescribeSSLPolicies",
    "elasticloadbalancing:DescribeTags",
    "elasticloadbalancing:DescribeTargetGroupAttributes",
    "elasticloadbalancing:DescribeTargetGroups",
    "elasticloadbalancing:DescribeTargetHealth",
    "elasticloadbalancing:DescribeTrustStores",
    "iam:GetServerCertificate",
    "iam:ListServerCertificates",
)
_CHANGES: Final = (
    "elasticloadbalancing:AddListenerCertificates",
    "elasticloadbalancing:CreateListener",
    "elasticloadbalancing:CreateRule",
    "elasticloadbalancing:DeleteListener",
    "elasticloadbalancing:DeleteLoadBalancer",
    "elasticloadbalancing:DeleteRule",
    "elasticloadbalancing:DeleteTargetGroup",
    "elasticloadbalancing:ModifyCapacityReservation",
    "elasticloadbalancing:ModifyListener",
    "elasticloadbalancing:ModifyListenerAttributes",
    "elasticloadbalancing:ModifyLoadBalancerAttributes",
    "elasticloadbalancing:ModifyRule",
    "elasticloadbalancing:ModifyTargetGroup",
    "elasticloadbalancing:ModifyTargetGroupAttributes",
    "elasticloadbalancing:RemoveListenerCertificates",
    "elasticloadbalancing:SetIpAddressType",
    "elasticloadbalancing:SetRulePriorities",
    "elasticloadbalancing:SetSecurityGroups",
    "elasticloadbalancing:SetSubnets",
)
"""Of what it made itself. A listener is made on a load balancer, a rule on a listener: theirs is the tag then."""


class LoadBalancerControllerSettings(AddOnSettings):
    """Settings of the AWS Load Balancer Controller."""

    wafv2: bool = False
    """Whether an Ingress may name a web ACL of AWS WAF for its load balancer. It needs a way to WAF's endpoint, which
    a private cluster lacks."""


def _values(handle: ClusterHandle, settings: LoadBalancerControllerSettings) -> Values:
    return {
        "clusterName": handle.name,
        "region": handle.region,
        # Otherwise it would ask the instance metadata, which pods do not reach.
        "vpcId": handle.vpc_id,
        "serviceAccount": {"name": _NAME},
        # The chart's own certificate is made anew each time it is rendered.
        "enableCertManager": True,
        # It would stand before every Service of the cluster, and refuse them while its pods start.
        "enableServiceMutatorWebhook": False,
        # The chart's spelling. It still checks every Ingress, but holds up none.
        "webhookConfig": {"ingressValdationFailurePolicy": "Ignore"},
        "ingressClassConfig": {"default": False},
        # Pods are targets by their address: nodes come and go.
        "defaultTargetType": "ip",
        "enableShield": False,
        "enableWaf": False,
        "enableWafv2": settings.wafv2,
        "defaultTags": separable(handle.tags),
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}},
        "podDisruptionBudget": {"maxUnavailable": 1},
    }


def _policy(handle: ClusterHandle, settings: LoadBalancerControllerSettings) -> dict[str, Any]:
    """Read everything it needs; change what carries the controller's tag with this cluster's name.

    Source: docs/install/iam_policy.json of kubernetes-sigs/aws-load-balancer-controller v3.5.0, narrowed: the account
    and region, the stack's VPC for rules of security groups, the tag's value rather than its presence, and tags for
    listeners and rules, which the controller tags since 2.2. WAF only if asked for; Shield, WAF Classic, Outposts
    and address pools never.
    """
    ours = {f"aws:ResourceTag/{_CLUSTER}": handle.name}
    asked = {f"aws:RequestTag/{_CLUSTER}": handle.name}
    owned = {"StringEquals": ours}
    kept = {"StringEquals": ours, "Null": {f"aws:RequestTag/{_CLUSTER}": "true"}}
    groups = _arn(handle, "ec2", "security-group/*")
    vpc = pulumi.Output.concat(_arn(handle, "ec2", "vpc/"), handle.vpc_id)
    in_vpc = {"ArnEquals": {"ec2:Vpc": vpc}}
    # The first part is `app` or `net`.
    balancers = _elb(handle, "loadbalancer/*/*/*")
    listeners = _elb(handle, "listener/*/*/*/*")
    rules = _elb(handle, "listener-rule/*/*/*/*/*")
    targets = _elb(handle, "targetgroup/*/*")
    everything = [balancers, listeners, rules, targets]
    service_role = (
        f"arn:{handle.partition}:iam::*:role/aws-service-role/elasticloadbalancing.amazonaws.com/"
        "AWSServiceRoleForElasticLoadBalancing"
    )
    return policy(
        allow(*_READS, on=ANY),
        allow(
            "iam:CreateServiceLinkedRole",
            on=service_role,
            when={"StringEquals": {"iam:AWSServiceName": "elasticloadbalancing.amazonaws.com"}},
        ),
        # Security groups: its own, and rules for its load balancers in those of the nodes.
        allow("ec2:CreateSecurityGroup", on=vpc),
        allow("ec2:CreateSecurityGroup", on=groups, when={"StringEquals": asked}),
        allow(
            "ec2:CreateTags",
            on=groups,
            when={"StringEquals": {"ec2:CreateAction": "CreateSecurityGroup", **asked}},
        ),
        allow("ec2:CreateTags", "ec2:DeleteTags", on=groups, when=kept),
        allow("ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress", on=groups, when=in_vpc),
        allow("ec2:DeleteSecurityGroup", on=groups, when=owned),
        # Load balancers.
        allow(
            "elasticloadbalancing:CreateLoadBalancer",
            "elasticloadbalancing:CreateTargetGroup",
            on=[balancers, targets],
            when={"StringEquals": asked},
        ),
        allow(
            "elasticloadbalancing:AddTags",
            on=everything,
            when={
                "StringEquals": {
                    "elasticloadbalancing:CreateAction": [
                        "CreateListener",
                        "CreateLoadBalancer",
                        "CreateRule",
                        "CreateTargetGroup",
                    ],
                    **asked,
                }
            },
        ),
        allow("elasticloadbalancing:AddTags", "elasticloadbalancing:RemoveTags", on=everything, when=kept),
        allow(*_CHANGES, on=everything, when=owned),
        # The stack's own target groups, too, which a TargetGroupBinding names.
        allow("elasticloadbalancing:DeregisterTargets", "elasticloadbalancing:RegisterTargets", on=targets),
        *_login(handle),
        *(_wafv2(handle, balancers) if settings.wafv2 else ()),
    )


def _login(handle: ClusterHandle) -> list[dict[str, Any]]:
    """What an Ingress that asks for a login by Cognito needs: the stack's own pool."""
    login = handle.edge.login if handle.edge else None
    return [allow("cognito-idp:DescribeUserPoolClient", on=login.user_pool_arn)] if login else []


def _wafv2(handle: ClusterHandle, balancers: pulumi.Output[str]) -> list[dict[str, Any]]:
    """Any web ACL for any load balancer of the account: WAF's actions on load balancers know no tags.

    Source: AWS WAF developer guide, "How AWS WAF works with IAM", permissions to associate with a load balancer.
    """
    acls = _arn(handle, "wafv2", "regional/webacl/*/*")
    return [
        allow("wafv2:AssociateWebACL", "wafv2:DisassociateWebACL", "wafv2:GetWebACL", on=[acls, balancers]),
        allow("wafv2:GetWebACLForResource", on=ANY),
        allow("elasticloadbalancing:SetWebAcl", on=balancers),
    ]


def _elb(handle: ClusterHandle, resource: str) -> pulumi.Output[str]:
    return _arn(handle, "elasticloadbalancing", resource)


def _arn(handle: ClusterHandle, service: str, resource: str) -> pulumi.Output[str]:
    return pulumi.Output.concat(f"arn:{handle.partition}:{service}:{handle.region}:", handle.account_id, f":{resource}")


def _opt_in(kind: str) -> Webhook:
    return Webhook(intercepts=frozenset({kind}), failure_policy="Fail", opt_in=True)


def _of_its_own(kind: str) -> Webhook:
    return Webhook(intercepts=frozenset({kind}), failure_policy="Fail")


def _applies(handle: ClusterHandle) -> str | None:
    return None if handle.edge else "no edge in the stack file"


ADDON = AddOn(
    name=_NAME,
    group="ingress",
    summary="load balancers for Ingresses and Services, and pods as targets of the stack's own",
    docs="https://kubernetes-sigs.github.io/aws-load-balancer-controller/",
    source=Chart(
        repo="https://aws.github.io/eks-charts",
        name=_NAME,
        version=_VERSION,
    ),
    settings=LoadBalancerControllerSettings,
    presets=("notebooks",),
    applies=_applies,
    values=_values,
    images=(
        Image(
            reference=f"public.ecr.aws/eks/aws-load-balancer-controller:v{_VERSION}",
            repository="image.repository",
            tag="image.tag",
        ),
    ),
    identities=(Identity(service_account=_NAME, policy=_policy, irsa="serviceAccount.annotations"),),
    needs=("cert-manager", "coredns"),
    # It serves the Gateway API if it finds its kinds when it starts, and not otherwise.
    follows=("gateway-api-crds",),
    owns_crds=(
        "albtargetcontrolconfigs.elbv2.k8s.aws",
        "globalaccelerators.aga.k8s.aws",
        "ingressclassparams.elbv2.k8s.aws",
        "listenerruleconfigurations.gateway.k8s.aws",
        "loadbalancerconfigurations.gateway.k8s.aws",
        "targetgroupbindings.elbv2.k8s.aws",
        "targetgroupconfigurations.gateway.k8s.aws",
    ),
    webhooks=(
        # Agents of target control, by namespace and by pod; readiness gates; server ids of QUIC.
        _opt_in("Pod"),
        _opt_in("Pod"),
        Webhook(intercepts=frozenset({"Pod"}), failure_policy="Ignore", opt_in=True),
        _opt_in("Pod"),
        Webhook(intercepts=frozenset({"Ingress"}), failure_policy="Ignore"),
        _of_its_own("IngressClassParams"),
        _of_its_own("TargetGroupBinding"),
        _of_its_own("TargetGroupBinding"),
    ),
    creates=frozenset({"Certificate", "Issuer", "Service"}),
    ready=(Ready(kind="Deployment", name=_NAME),),
)
