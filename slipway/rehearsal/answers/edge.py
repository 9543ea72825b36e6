"""What AWS returns for the parts of infra/edge: ACM, Cognito, Elastic Load Balancing and Route 53."""

from typing import Final

from slipway.rehearsal.answers.eks import CREATED
from slipway.rehearsal.answers.request import Answer, Request, Table
from slipway.wire import SECRET, SIGNATURE


def _certificate(request: Request) -> Answer:
    ids = request.ids
    arn = ids.arn("acm", f"certificate/{ids.uuid('certificate', request.name)}")
    domain = request.text("domainName", request.name)
    domains = [domain, *(name for name in request.inputs.get("subjectAlternativeNames") or () if name != domain)]
    outputs = {
        "arn": arn,
        "domainValidationOptions": [_proof(request, each) for each in domains],
        "keyAlgorithm": "RSA_2048",
        "pendingRenewal": False,
        "renewalEligibility": "INELIGIBLE",
        "renewalSummaries": [],
        "status": "PENDING_VALIDATION",
        "type": "AMAZON_ISSUED",
        "validationEmails": [],
        **request.tags,
    }
    return Answer(id=arn, outputs=outputs)


def _proof(request: Request, domain: str) -> dict[str, str]:
    # ACM gives a wildcard the record of the domain that it is of.
    bare = domain.removeprefix("*.")
    key, value = (request.ids.hex(kind, bare, 32) for kind in ("acm-name", "acm-value"))
    return {
        "domainName": domain,
        "resourceRecordName": f"_{key}.{bare}.",
        "resourceRecordType": "CNAME",
        "resourceRecordValue": f"_{value}.{request.ids.letters('acm-zone', bare, 10)}.acm-validations.aws.",
    }


def _issued(_request: Request) -> Answer:
    return Answer(id=CREATED)


def _zone(request: Request) -> Answer:
    ids = request.ids
    id_ = f"Z{ids.letters('hosted-zone', request.name, 20).upper()}"
    number = int(ids.hex("name-servers", request.name, 4), 16)
    servers = [
        f"ns-{number % 500 + 512 * place}.awsdns-{number % 64:02}.{suffix}"
        for place, suffix in enumerate(("com", "net", "org", "co.uk"))
    ]
    outputs = {
        "arn": ids.arn("route53", f"hostedzone/{id_}", regional=False, owned=False),
        "nameServers": servers,
        "primaryNameServer": servers[0],
        "zoneId": id_,
        **request.tags,
    }
    return Answer(id=id_, outputs=outputs)


def _record(request: Request) -> Answer:
    name = request.text("name", request.name).removesuffix(".")
    return Answer(id=f"{request.text('zoneId')}_{name}_{request.text('type')}", outputs={"fqdn": name})


def _load_balancer(request: Request) -> Answer:
    name, ids = request.named(), request.ids
    suffix = f"app/{name}/{ids.hex('load-balancer', request.name, 16)}"
    arn = ids.arn("elasticloadbalancing", f"loadbalancer/{suffix}")
    number = int(ids.hex("load-balancer-name", request.name, 8), 16)
    inside = "internal-" if request.inputs.get("internal") else ""
    outputs = {
        "arn": arn,
        "arnSuffix": suffix,
        "dnsName": f"{inside}{name}-{number}.{ids.region}.elb.{ids.dns_suffix}",
        "ipAddressType": "ipv4",
        "name": name,
        "zoneId": f"Z{ids.hex('load-balancer-zone', ids.region, 13).upper()}",
        **request.tags,
    }
    return Answer(id=arn, outputs=outputs)


def _listener(request: Request) -> Answer:
    balancer = request.text("loadBalancerArn") or request.ids.arn("elasticloadbalancing", "loadbalancer/app/x/0")
    arn = f"{balancer.replace(':loadbalancer/', ':listener/')}/{request.ids.hex('listener', request.name, 16)}"
    return Answer(id=arn, outputs={"arn": arn, **request.tags})


def _listener_rule(request: Request) -> Answer:
    listener = request.text("listenerArn") or request.ids.arn("elasticloadbalancing", "listener/app/x/0/0")
    arn = f"{listener.replace(':listener/', ':listener-rule/')}/{request.ids.hex('listener-rule', request.name, 16)}"
    return Answer(id=arn, outputs={"arn": arn, **request.tags})


def _target_group(request: Request) -> Answer:
    name, ids = request.named(), request.ids
    suffix = f"targetgroup/{name}/{ids.hex('target-group', request.name, 16)}"
    arn = ids.arn("elasticloadbalancing", suffix)
    outputs = {
        "arn": arn,
        "arnSuffix": suffix,
        "ipAddressType": "ipv4",
        "loadBalancerArns": [],
        "loadBalancingAlgorithmType": "round_robin",
        "name": name,
        "protocolVersion": "HTTP1",
        **request.tags,
    }
    return Answer(id=arn, outputs=outputs)


def _user_pool(request: Request) -> Answer:
    ids = request.ids
    id_ = f"{ids.region}_{ids.letters('user-pool', request.name, 9)}"
    outputs = {
        "arn": ids.arn("cognito-idp", f"userpool/{id_}"),
        "creationDate": CREATED,
        "endpoint": f"cognito-idp.{ids.region}.{ids.dns_suffix}/{id_}",
        "estimatedNumberOfUsers": 0,
        "lastModifiedDate": CREATED,
        "name": request.named(),
        **request.tags,
    }
    return Answer(id=id_, outputs=outputs)


def _user_pool_domain(request: Request) -> Answer:
    domain, ids = request.text("domain", request.name), request.ids
    outputs = {
        "awsAccountId": ids.account,
        "cloudfrontDistribution": f"{ids.letters('login-pages', request.name, 14)}.cloudfront.net",
        "s3Bucket": f"aws-cognito-prod-{ids.region}-assets",
        "version": "20260101000000",
    }
    return Answer(id=domain, outputs=outputs)


def _user_pool_client(request: Request) -> Answer:
    outputs: dict[str, object] = {"name": request.named()}
    if request.inputs.get("generateSecret"):
        secret = request.ids.letters("client-secret", request.name, 52)
        outputs["clientSecret"] = {SIGNATURE: SECRET, "value": secret}
    return Answer(id=request.ids.letters("client", request.name, 26), outputs=outputs)


def _user_group(request: Request) -> Answer:
    return Answer(id=f"{request.text('userPoolId')}/{request.text('name', request.name)}")


RESOURCES: Final[Table] = {
    "aws:acm/certificate:Certificate": _certificate,
    "aws:acm/certificateValidation:CertificateValidation": _issued,
    "aws:cognito/userGroup:UserGroup": _user_group,
    "aws:cognito/userPool:UserPool": _user_pool,
    "aws:cognito/userPoolClient:UserPoolClient": _user_pool_client,
    "aws:cognito/userPoolDomain:UserPoolDomain": _user_pool_domain,
    "aws:lb/listener:Listener": _listener,
    "aws:lb/listenerRule:ListenerRule": _listener_rule,
    "aws:lb/loadBalancer:LoadBalancer": _load_balancer,
    "aws:lb/targetGroup:TargetGroup": _target_group,
    "aws:route53/record:Record": _record,
    "aws:route53/zone:Zone": _zone,
}
