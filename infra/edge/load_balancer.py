"""The Application Load Balancer: who reaches it, what it listens to, and what it says where no entry answers."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from infra import naming
from infra.edge.settings import LoadBalancerSettings
from infra.handle import Bucket, Login
from infra.network.network import ANYWHERE
from infra.storage.buckets import LOAD_BALANCER_LOGS

HTTPS: Final = 443
HTTP: Final = 80
TLS_POLICY: Final = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
"""TLS 1.3 and 1.2 with forward secrecy and authenticated ciphers only (ALB user guide, "Security policies")."""
_YEAR_S: Final = 31_536_000


def security_group(
    name: str,
    clients: Sequence[str],
    *,
    platform: str,
    vpc_id: pulumi.Input[str],
    to_cognito: bool,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> aws.ec2.SecurityGroup:
    """Clients come in on both ports. What goes out to an entry's pods is that entry's rule.

    Args:
        name: Logical name.
        clients: CIDRs.
        platform: For names.
        vpc_id: Where it is.
        to_cognito: The load balancer fetches tokens from Cognito, whose addresses are not known beforehand.
        tags: The platform's.
        opts: Parent.
    """
    group = aws.ec2.SecurityGroup(
        name,
        vpc_id=vpc_id,
        description="Load balancer of the web entries",
        tags=naming.tags(tags, f"{platform}-edge"),
        opts=opts,
    )
    for role, port in (("https", HTTPS), ("http", HTTP)):
        for cidr in clients:
            aws.vpc.SecurityGroupIngressRule(
                f"{name}-{role}-{cidr}",
                security_group_id=group.id,
                cidr_ipv4=cidr,
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                description=f"{role.upper()} from clients",
                tags=naming.tags(tags, f"{platform}-edge-{role}"),
                opts=opts,
            )
    if to_cognito:
        aws.vpc.SecurityGroupEgressRule(
            f"{name}-cognito",
            security_group_id=group.id,
            cidr_ipv4=ANYWHERE,
            ip_protocol="tcp",
            from_port=HTTPS,
            to_port=HTTPS,
            description="Tokens from Cognito",
            tags=naming.tags(tags, f"{platform}-edge-cognito"),
            opts=opts,
        )
    return group


def load_balancer(
    name: str,
    settings: LoadBalancerSettings,
    *,
    platform: str,
    subnets: Sequence[pulumi.Input[str]],
    group: pulumi.Input[str],
    logs: Bucket | None,
    keep: bool,
    ready: Sequence[pulumi.Resource],
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> aws.lb.LoadBalancer:
    """Create the load balancer.

    Args:
        name: Logical name.
        settings: Without problems.
        platform: For names.
        subnets: In two zones at least.
        group: Its security group.
        logs: Takes its access logs; its name is known once its policy lets the load balancer write.
        keep: AWS and Pulumi refuse to delete it.
        ready: Routes: AWS makes no public load balancer in a VPC without an internet gateway, and takes no gateway away
            from one that has public addresses.
        tags: The platform's.
        opts: Parent.
    """
    return aws.lb.LoadBalancer(
        name,
        load_balancer_type="application",
        internal=settings.internal,
        subnets=list(subnets),
        security_groups=[group],
        idle_timeout=settings.idle_timeout,
        drop_invalid_header_fields=True,
        enable_deletion_protection=keep,
        access_logs=aws.lb.LoadBalancerAccessLogsArgs(enabled=True, bucket=logs.name, prefix=LOAD_BALANCER_LOGS)
        if logs
        else None,
        tags=naming.tags(tags, f"{platform}-edge"),
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(protect=keep, depends_on=list(ready))),
    )


def listeners(
    name: str,
    balancer: aws.lb.LoadBalancer,
    *,
    platform: str,
    certificate_arn: pulumi.Input[str],
    login: Login | None,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> aws.lb.Listener:
    """Port 80, which sends everybody to 443; and 443, to which entries add their rules. Returns the latter."""
    aws.lb.Listener(
        f"{name}-http",
        load_balancer_arn=balancer.arn,
        port=HTTP,
        protocol="HTTP",
        default_actions=[
            aws.lb.ListenerDefaultActionArgs(
                type="redirect",
                redirect=aws.lb.ListenerDefaultActionRedirectArgs(
                    protocol="HTTPS", port=str(HTTPS), status_code="HTTP_301"
                ),
            )
        ],
        tags=naming.tags(tags, f"{platform}-edge-http"),
        opts=opts,
    )
    nothing = aws.lb.ListenerDefaultActionFixedResponseArgs(
        content_type="text/plain", message_body="There is no entry of this name.", status_code="404"
    )
    return aws.lb.Listener(
        f"{name}-https",
        load_balancer_arn=balancer.arn,
        port=HTTPS,
        protocol="HTTPS",
        ssl_policy=TLS_POLICY,
        certificate_arn=certificate_arn,
        routing_http_response_strict_transport_security_header_value=f"max-age={_YEAR_S}",
        default_actions=[
            *([_authenticate(login)] if login else []),
            aws.lb.ListenerDefaultActionArgs(type="fixed-response", order=2 if login else 1, fixed_response=nothing),
        ],
        tags=naming.tags(tags, f"{platform}-edge-https"),
        opts=opts,
    )


def authenticate(login: Login) -> dict[str, Any]:
    """The arguments of an `authenticate-cognito` action."""
    return {
        "user_pool_arn": login.user_pool_arn,
        "user_pool_client_id": login.client_id,
        "user_pool_domain": login.domain,
        "on_unauthenticated_request": "authenticate",
        "scope": login.scope,
        "session_cookie_name": login.session_cookie,
        "session_timeout": login.session_seconds,
    }


def _authenticate(login: Login) -> aws.lb.ListenerDefaultActionArgs:
    return aws.lb.ListenerDefaultActionArgs(
        type="authenticate-cognito",
        order=1,
        authenticate_cognito=aws.lb.ListenerDefaultActionAuthenticateCognitoArgs(**authenticate(login)),
    )
