"""The requests that create what infra/edge declares. See `aws_calls`."""

from collections.abc import Mapping
from typing import Any, Final

from slipway.plan.model import Resource
from tests.contract.aws_call import Call, autoname

_POOL: Final = "us-west-2_abcdefghi"
_RECORD: Final = "ChangeBatch.Changes.ResourceRecordSet"


def _values(resource: Resource) -> list[dict[str, Any]] | None:
    return [{"Value": value} for value in resource.inputs.get("records", ())] or None


def _alias(resource: Resource) -> dict[str, Any] | None:
    spelling = {"name": "DNSName", "zoneId": "HostedZoneId", "evaluateTargetHealth": "EvaluateTargetHealth"}
    aliases = resource.inputs.get("aliases", ())
    return {spelling[key]: value for key, value in aliases[0].items()} if aliases else None


def _scheme(resource: Resource) -> str:
    return "internal" if resource.inputs["internal"] else "internet-facing"


CALLS: Final[Mapping[str, tuple[Call, ...]]] = {
    "aws:acm/certificate:Certificate": (Call(api="acm.RequestCertificate"),),
    "aws:cognito/userGroup:UserGroup": (Call(api="cognito-idp.CreateGroup", names={"name": "GroupName"}),),
    "aws:cognito/userPool:UserPool": (
        Call(
            api="cognito-idp.CreateUserPool",
            names={"passwordPolicy": "Policies.PasswordPolicy", "tags": "UserPoolTags"},
            given={"PoolName": autoname},
        ),
        Call(
            api="cognito-idp.SetUserPoolMfaConfig",
            only=("softwareTokenMfaConfiguration",),
            given={"UserPoolId": _POOL, "MfaConfiguration": lambda resource: resource.inputs["mfaConfiguration"]},
        ),
    ),
    "aws:cognito/userPoolClient:UserPoolClient": (
        Call(api="cognito-idp.CreateUserPoolClient", given={"ClientName": autoname}),
    ),
    "aws:cognito/userPoolDomain:UserPoolDomain": (Call(api="cognito-idp.CreateUserPoolDomain"),),
    "aws:lb/listener:Listener": (
        Call(
            api="elbv2.CreateListener",
            names={
                "certificateArn": "Certificates.CertificateArn",
                "defaultActions.authenticateCognito": "AuthenticateCognitoConfig",
                "defaultActions.fixedResponse": "FixedResponseConfig",
                "defaultActions.redirect": "RedirectConfig",
            },
        ),
    ),
    "aws:lb/listenerRule:ListenerRule": (
        Call(
            api="elbv2.CreateRule",
            names={
                "actions.authenticateCognito": "AuthenticateCognitoConfig",
                "conditions.hostHeader": "HostHeaderConfig",
            },
            given={"Conditions.Field": lambda _: "host-header"},
        ),
    ),
    "aws:lb/targetGroup:TargetGroup": (
        Call(
            api="elbv2.CreateTargetGroup",
            given={
                "Name": autoname,
                "HealthCheckProtocol": lambda resource: resource.inputs["healthCheck"]["protocol"],
                "HealthCheckPath": lambda resource: resource.inputs["healthCheck"]["path"],
                "HealthCheckPort": lambda resource: resource.inputs["healthCheck"]["port"],
                "Matcher.HttpCode": lambda resource: resource.inputs["healthCheck"]["matcher"],
            },
        ),
    ),
    "aws:lb/loadBalancer:LoadBalancer": (
        Call(
            api="elbv2.CreateLoadBalancer",
            names={"loadBalancerType": "Type"},
            given={"Name": autoname, "Scheme": _scheme},
        ),
    ),
    "aws:route53/record:Record": (
        Call(
            api="route53.ChangeResourceRecordSets",
            inner=_RECORD,
            names={"zoneId": "HostedZoneId"},
            given={
                "ChangeBatch.Changes.Action": lambda resource: (
                    "UPSERT" if resource.inputs.get("allowOverwrite") else "CREATE"
                ),
                f"{_RECORD}.ResourceRecords": _values,
                f"{_RECORD}.AliasTarget": _alias,
            },
        ),
    ),
    "aws:route53/zone:Zone": (
        Call(
            api="route53.CreateHostedZone",
            names={"comment": "HostedZoneConfig.Comment"},
            given={"CallerReference": autoname},
        ),
        Call(
            api="route53.ChangeTagsForResource",
            only=("tags",),
            names={"tags": "AddTags"},
            given={"ResourceType": "hostedzone", "ResourceId": "Z0123456789ABCDEFGHIJ"},
        ),
    ),
}
NO_CALL: Final[Mapping[str, str]] = {
    "aws:acm/certificateValidation:CertificateValidation": "waits until DescribeCertificate says ISSUED",
}
_ATTRIBUTE: Final = "the provider calls ModifyLoadBalancerAttributes with it, as a pair of texts"
NOT_SENT: Final[Mapping[str, str]] = {
    "aws:lb/listener:Listener/routingHttpResponseStrictTransportSecurityHeaderValue": (
        "the provider calls ModifyListenerAttributes with it, as a pair of texts"
    ),
    "aws:lb/targetGroup:TargetGroup/deregistrationDelay": (
        "the provider calls ModifyTargetGroupAttributes with it, as a pair of texts"
    ),
    "aws:lb/targetGroup:TargetGroup/healthCheck": "`HealthCheckPath` and its like say it",
    "aws:lb/loadBalancer:LoadBalancer/accessLogs": _ATTRIBUTE,
    "aws:lb/loadBalancer:LoadBalancer/dropInvalidHeaderFields": _ATTRIBUTE,
    "aws:lb/loadBalancer:LoadBalancer/enableDeletionProtection": _ATTRIBUTE,
    "aws:lb/loadBalancer:LoadBalancer/idleTimeout": _ATTRIBUTE,
    "aws:lb/loadBalancer:LoadBalancer/internal": "`Scheme` says it",
    "aws:route53/record:Record/aliases": "`AliasTarget` says it",
    "aws:route53/record:Record/allowOverwrite": "`Action` says it",
    "aws:route53/record:Record/records": "`ResourceRecords` says it",
    "aws:route53/zone:Zone/forceDestroy": "the provider deletes the records before the zone",
}
