"""The way in as planned: TLS and login before anything answers, one certificate, nothing open that need not be."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.edge.login import prefix_of
from slipway.plan.checks import check
from slipway.plan.cost import cost
from slipway.plan.model import Plan
from slipway.wire import REDACTED
from tests.contract.test_aws_inputs import GROUP_TEXT, problems
from tests.program.test_plan_everywhere import takes_tags
from tests.unit.settings_cases_edge import EDGE, OFFICE
from tests.unit.settings_stack import patched

INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
BALANCER = "aws:lb/loadBalancer:LoadBalancer"
LISTENER = "aws:lb/listener:Listener"
RECORD = "aws:route53/record:Record"
POOL = "aws:cognito/userPool:UserPool"
CLIENT = "aws:cognito/userPoolClient:UserPoolClient"
OWN = ("aws:acm/", "aws:cognito/", "aws:lb/", "aws:route53/", "aws:vpc/")
STACK: dict[str, Any] = {
    "platform": {"name": "p", "region": "us-west-2", "environment": "t", "owner": "t", "costCenter": "t"},
    "network": {"zones": ["usw2-az1", "usw2-az2", "usw2-az3"]},
    "cluster": {},
    "nodeGroups": [{"name": "system", "system": True, "instanceTypes": ["m7i.large"], "min": 1}],
    "storage": {"buckets": {"data": {}, "logs": {}}},
    "addons": {"preset": "minimal"},
    "edge": EDGE,
}


@pytest.fixture
def recorded(record_settings: Callable[..., Plan]) -> Callable[..., Plan]:
    def run(patch=None, *, preview=False, **stack) -> Plan:
        plan = {**STACK, **stack, "edge": patched(patch or {}, EDGE)}
        return record_settings(plan, preview=preview)

    return run


@pytest.fixture
def edge(recorded: Callable[..., Plan]) -> Plan:
    return recorded()


def policy(plan: Plan, bucket: str) -> dict[str, Any]:
    document = json.loads(plan.one("aws:s3/bucketPolicy:BucketPolicy", bucket).inputs["policy"])
    return {statement["Sid"]: statement for statement in document["Statement"]}


def test_without_its_section_there_is_nothing_of_it(record_settings):
    plan = record_settings({key: value for key, value in STACK.items() if key != "edge"})
    assert [each.urn for each in plan if each.type.startswith(OWN[:-1])] == []
    assert "LoadBalancerLogs" not in policy(plan, "storage-logs")


@pytest.mark.parametrize("preview", [False, True])
@pytest.mark.parametrize(
    "patch",
    [
        {},
        {"zone": "new"},
        {"login": None},
        {"loadBalancer.internal": True, "login.threatProtection": "enforced", "login.mfa": "optional"},
        {"zone": None, "certificateArn": "arn:aws:acm:us-west-2:123456789012:certificate/1"},
    ],
    ids=["zone by id", "new zone", "no login", "internal and protected", "DNS elsewhere"],
)
def test_aws_takes_every_request(recorded, patch, preview):
    plan = recorded(patch, preview=preview)
    assert list(check(plan)) == []
    if not preview:
        found = [each for each in plan if each.type.startswith(OWN) and "certificateValidation" not in each.type]
        assert {each.name: wrong for each in found if (wrong := problems(each))} == {}
        texts = [each.inputs["description"] for each in found if "ecurityGroup" in each.type]
        assert all(GROUP_TEXT.fullmatch(text) for text in texts)


def test_everything_on_443_asks_for_a_login_first_and_then_answers_404(edge: Plan):
    (https,) = (each.inputs for each in edge.of_type(LISTENER) if each.inputs["port"] == 443)
    login, nothing = https["defaultActions"]
    assert (login["type"], login["order"]) == ("authenticate-cognito", 1)
    assert (nothing["type"], nothing["order"]) == ("fixed-response", 2)
    assert nothing["fixedResponse"]["statusCode"] == "404"
    ask = login["authenticateCognito"]
    assert ask["onUnauthenticatedRequest"] == "authenticate"
    assert ask["userPoolArn"] == edge.one(POOL).outputs["arn"]
    assert ask["userPoolClientId"] == edge.one(CLIENT).id
    assert ask["userPoolDomain"] == edge.one("aws:cognito/userPoolDomain:UserPoolDomain").inputs["domain"]
    assert ask["sessionTimeout"] == 12 * 3600
    assert set(ask["scope"].split()) == set(edge.one(CLIENT).inputs["allowedOauthScopes"])


def test_every_stack_file_asks_for_a_login_unless_it_says_otherwise(plan: Plan, settings):
    https = [each.inputs for each in plan.of_type(LISTENER) if each.inputs["port"] == 443]
    assert bool(https) == ("edge" in settings)
    asked = "edge" in settings and settings["edge"].get("login", {}) is not None
    assert all((each["defaultActions"][0]["type"] == "authenticate-cognito") == asked for each in https)


def test_all_of_it_carries_the_platforms_tags(recorded):
    plan = recorded({"zone": "new"})
    own = plan.descendants(plan.one("slipway:infra:Edge"))
    bare = [each.urn for each in own if takes_tags(each.type) and each.inputs.get("tags", {}).get("Platform") != "p"]
    assert len(own) > 15
    assert bare == []


def test_without_login_nothing_answers_by_itself(recorded):
    plan = recorded({"login": None})
    (https,) = (each.inputs for each in plan.of_type(LISTENER) if each.inputs["port"] == 443)
    (nothing,) = https["defaultActions"]
    assert (nothing["type"], nothing["fixedResponse"]["statusCode"]) == ("fixed-response", "404")
    assert not [each for each in plan if each.type.startswith("aws:cognito/")]
    assert not [rule for rule in plan.of_type(EGRESS) if rule.name.startswith("edge")]


def test_tls_is_current_and_port_80_only_redirects(edge: Plan):
    ports = {each.inputs["port"]: each.inputs for each in edge.of_type(LISTENER)}
    assert set(ports) == {80, 443}
    # ALB user guide, "Security policies": TLS 1.3 and 1.2, no CBC ciphers.
    assert ports[443]["sslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
    assert ports[443]["routingHttpResponseStrictTransportSecurityHeaderValue"] == "max-age=31536000"
    (redirect,) = ports[80]["defaultActions"]
    assert redirect["type"] == "redirect"
    assert redirect["redirect"] == {"port": "443", "protocol": "HTTPS", "statusCode": "HTTP_301"}


def test_the_certificate_covers_domain_and_wildcard_with_one_proof(edge: Plan):
    certificate = edge.one("aws:acm/certificate:Certificate")
    assert certificate.inputs["domainName"] == "ml.example.com"
    assert certificate.inputs["subjectAlternativeNames"] == ["*.ml.example.com"]
    assert certificate.inputs["validationMethod"] == "DNS"
    options = certificate.outputs["domainValidationOptions"]
    assert [option["domainName"] for option in options] == ["ml.example.com", "*.ml.example.com"]
    (proof,) = (each for each in edge.of_type(RECORD) if each.inputs["type"] == "CNAME")
    assert {option["resourceRecordName"] for option in options} == {proof.inputs["name"]}
    assert {option["resourceRecordValue"] for option in options} == set(proof.inputs["records"])
    assert proof.inputs["allowOverwrite"] is True


def test_https_waits_for_the_issued_certificate(edge: Plan):
    issued = edge.one("aws:acm/certificateValidation:CertificateValidation")
    (https,) = (each for each in edge.of_type(LISTENER) if each.inputs["port"] == 443)
    assert issued.urn in https.dependencies
    # The slowest seen is 532 s (facts, latencies.csv).
    assert issued.custom_timeouts["create"] > 532


def test_names_lead_to_the_load_balancer(edge: Plan):
    balancer = edge.one(BALANCER)
    aliases = {each.inputs["name"]: each.inputs for each in edge.of_type(RECORD) if each.inputs["type"] == "A"}
    assert set(aliases) == {"ml.example.com", "*.ml.example.com"}
    for record in aliases.values():
        assert record["zoneId"] == "Z0123456789ABCDEFGHIJ"
        (alias,) = record["aliases"]
        assert (alias["name"], alias["zoneId"]) == (balancer.outputs["dnsName"], balancer.outputs["zoneId"])


def test_a_new_zone_is_kept_and_tells_its_name_servers(recorded):
    plan = recorded({"zone": "new"})
    zone = plan.one("aws:route53/zone:Zone")
    assert zone.inputs["name"] == "ml.example.com"
    assert (zone.protect, zone.retain_on_delete, zone.inputs["forceDestroy"]) == (True, True, False)
    assert {each.inputs["zoneId"] for each in plan.of_type(RECORD)} == {zone.id}
    assert plan.one("pulumi:pulumi:Stack").outputs["edge"]["nameServers"] == zone.outputs["nameServers"]
    assert len(zone.outputs["nameServers"]) == 4


def test_dns_kept_elsewhere_makes_no_records(recorded):
    arn = "arn:aws:acm:us-west-2:123456789012:certificate/1"
    plan = recorded({"zone": None, "certificateArn": arn})
    assert not plan.of_type(RECORD, "aws:route53/zone:Zone", "aws:acm/certificate:Certificate")
    (https,) = (each.inputs for each in plan.of_type(LISTENER) if each.inputs["port"] == 443)
    assert https["certificateArn"] == arn
    assert plan.one("pulumi:pulumi:Stack").outputs["edge"]["loadBalancer"] == plan.one(BALANCER).outputs["dnsName"]


def test_the_load_balancer_is_in_the_public_subnets_behind_the_gateway(edge: Plan):
    balancer = edge.one(BALANCER)
    public = {each.id for each in edge.of_type("aws:ec2/subnet:Subnet") if each.name.startswith("network-public-")}
    assert set(balancer.inputs["subnets"]) == public
    assert len(public) == 3
    assert balancer.inputs["internal"] is False
    # AWS makes no public load balancer in a VPC without a route to the internet, nor removes the gateway under one.
    before, waiting = set(), [balancer.urn]
    while waiting:
        urn = waiting.pop()
        if urn not in before:
            before.add(urn)
            waiting += next(each for each in edge if each.urn == urn).dependencies
    assert edge.one("aws:ec2/route:Route", "network-public").urn in before
    assert edge.one("aws:ec2/internetGateway:InternetGateway").urn in before
    assert edge.one("aws:eks/cluster:Cluster").urn not in before


def test_an_internal_load_balancer_is_in_the_private_subnets(recorded):
    plan = recorded({"loadBalancer.internal": True})
    private = {each.id for each in plan.of_type("aws:ec2/subnet:Subnet") if each.name.startswith("network-private-")}
    assert set(plan.one(BALANCER).inputs["subnets"]) == private
    assert plan.one(BALANCER).inputs["internal"] is True


def test_local_zones_have_no_load_balancer(recorded):
    zones = ["use1-az1", "use1-az2", "use1-dfw2-az1"]
    plan = recorded(
        {"loadBalancer.internal": True},
        platform={**STACK["platform"], "region": "us-east-1"},
        network={"zones": zones},
    )
    subnets = {each.id: each.inputs["availabilityZoneId"] for each in plan.of_type("aws:ec2/subnet:Subnet")}
    assert {subnets[each] for each in plan.one(BALANCER).inputs["subnets"]} == {"use1-az1", "use1-az2"}


def test_only_clients_come_in_and_only_cognito_is_reached(recorded):
    plan = recorded({"loadBalancer.clients": [OFFICE, "198.51.100.0/24"]})
    group = plan.one(BALANCER).inputs["securityGroups"]
    coming = [each.inputs for each in plan.of_type(INGRESS) if [each.inputs["securityGroupId"]] == group]
    assert sorted((rule["cidrIpv4"], rule["fromPort"], rule["toPort"]) for rule in coming) == [
        ("198.51.100.0/24", 80, 80),
        ("198.51.100.0/24", 443, 443),
        ("203.0.113.0/24", 80, 80),
        ("203.0.113.0/24", 443, 443),
    ]
    (going,) = (each.inputs for each in plan.of_type(EGRESS) if [each.inputs["securityGroupId"]] == group)
    assert (going["cidrIpv4"], going["fromPort"], going["toPort"]) == ("0.0.0.0/0", 443, 443)


def test_the_load_balancer_is_hardened(edge: Plan):
    inputs = edge.one(BALANCER).inputs
    assert inputs["dropInvalidHeaderFields"] is True
    assert inputs["idleTimeout"] == 300
    assert inputs["loadBalancerType"] == "application"


def test_access_logs_may_be_written_before_they_are(edge: Plan):
    """AWS writes a test object when logs are turned on, and refuses where it cannot."""
    balancer, logs = edge.one(BALANCER), edge.one("aws:s3/bucket:Bucket", "storage-logs")
    asked = balancer.inputs["accessLogs"]
    assert asked == {"bucket": logs.outputs["bucket"], "enabled": True, "prefix": "load-balancers"}
    assert edge.one("aws:s3/bucketPolicy:BucketPolicy", "storage-logs").urn in balancer.dependencies
    allow = policy(edge, "storage-logs")["LoadBalancerLogs"]
    assert allow["Principal"] == {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}
    assert allow["Action"] == "s3:PutObject"
    assert allow["Resource"] == f"{logs.outputs['arn']}/{asked['prefix']}/AWSLogs/123456789012/*"
    assert "LoadBalancerLogs" not in policy(edge, "storage-data")


def test_without_a_logs_bucket_there_are_no_access_logs(recorded):
    assert "accessLogs" not in recorded(storage={}).one(BALANCER).inputs


def test_accounts_are_guarded(edge: Plan):
    pool = edge.one(POOL).inputs
    assert pool["mfaConfiguration"] == "ON"
    assert pool["softwareTokenMfaConfiguration"] == {"enabled": True}
    assert pool["adminCreateUserConfig"] == {"allowAdminCreateUserOnly": True}
    assert pool["passwordPolicy"]["minimumLength"] >= 14
    assert all(pool["passwordPolicy"][f"require{kind}"] for kind in ("Lowercase", "Uppercase", "Numbers", "Symbols"))
    assert pool["accountRecoverySetting"] == {"recoveryMechanisms": [{"name": "verified_email", "priority": 1}]}
    assert pool["usernameConfiguration"] == {"caseSensitive": False}
    # People are known by their address; an unproved one must not take effect.
    assert pool["userAttributeUpdateSettings"] == {"attributesRequireVerificationBeforeUpdates": ["email"]}


@pytest.mark.parametrize(("asked", "tier"), [("off", "ESSENTIALS"), ("audit", "PLUS"), ("enforced", "PLUS")])
def test_threat_protection_brings_the_plan_that_has_it(recorded, asked, tier):
    """Cognito refuses the mode on another plan (FeatureUnavailableInTierException)."""
    pool = recorded({"login.threatProtection": asked}).one(POOL).inputs
    assert pool["userPoolTier"] == tier
    assert pool["userPoolAddOns"] == {"advancedSecurityMode": asked.upper()}


def test_people_come_back_to_every_entry_and_nowhere_else(edge: Plan):
    client = edge.one(CLIENT).inputs
    hosts = ["ml.example.com", "kubeflow.ml.example.com", "grafana.ml.example.com"]
    assert client["callbackUrls"] == [f"https://{host}/oauth2/idpresponse" for host in hosts]
    assert client["logoutUrls"] == [f"https://{host}/" for host in hosts]
    assert client["allowedOauthFlows"] == ["code"]
    assert client["generateSecret"] is True
    # With it, whoever has an entry's token could change the account.
    assert "aws.cognito.signin.user.admin" not in client["allowedOauthScopes"]
    assert client["preventUserExistenceErrors"] == "ENABLED"


def test_a_session_lasts_as_long_as_it_can_be_renewed(recorded):
    plan = recorded({"login.sessionHours": 48})
    client = plan.one(CLIENT).inputs
    assert (client["refreshTokenValidity"], client["tokenValidityUnits"]["refreshToken"]) == (48, "hours")
    (https,) = (each.inputs for each in plan.of_type(LISTENER) if each.inputs["port"] == 443)
    assert https["defaultActions"][0]["authenticateCognito"]["sessionTimeout"] == 48 * 3600


def test_the_clients_secret_is_nowhere_in_the_plan(edge: Plan):
    client = edge.one(CLIENT)
    assert "clientSecret" in client.additional_secret_outputs
    assert client.outputs["clientSecret"] == REDACTED
    secrets = [each.urn for each in edge if "clientSecret" in each.outputs and each.urn != client.urn]
    assert secrets == []


def test_administrators_and_tenants_have_groups(edge: Plan):
    groups = {each.inputs["name"] for each in edge.of_type("aws:cognito/userGroup:UserGroup")}
    assert groups == {"platform-admins", "research"}


@pytest.mark.parametrize("disposable", [False, True])
def test_zone_accounts_and_load_balancer_are_kept(recorded, disposable):
    plan = recorded({"zone": "new"}, platform={**STACK["platform"], "disposable": disposable})
    for each in plan.of_type(POOL, "aws:route53/zone:Zone"):
        assert (each.protect, each.retain_on_delete) == (not disposable, not disposable)
    assert plan.one(POOL).inputs["deletionProtection"] == ("INACTIVE" if disposable else "ACTIVE")
    balancer = plan.one(BALANCER)
    assert (balancer.protect, balancer.inputs["enableDeletionProtection"]) == (not disposable, not disposable)
    # A load balancer that stayed would hold its subnets and its security group.
    assert balancer.retain_on_delete is False


@pytest.mark.parametrize(
    ("internal", "lines"),
    [
        # USD an hour, us-east-1: ALB 0.0225, public IPv4 0.005 in each of three zones, zone 0.50 a month.
        (False, {"1 x load balancer": 0.0225, "3 x public IPv4 address of a load balancer": 0.015}),
        (True, {"1 x load balancer": 0.0225}),
    ],
)
def test_what_it_costs(recorded, internal, lines):
    bill = cost(recorded({"zone": "new", "loadBalancer.internal": internal}))
    got = {line.item: line.desired for line in bill.lines if "load balancer" in line.item or "zone" in line.item}
    assert got == pytest.approx({**lines, "1 x hosted zone": 0.5 / 730})
    assert {"load balancer capacity units and traffic", "Cognito's monthly active users"} <= set(bill.by_use)
    assert not [each for each in bill.unpriced if each.startswith(OWN)]


@given(st.lists(st.sampled_from(["a", "ml", "laws", "amazonas", "cognito", "a-b", "x" * 30]), min_size=2, max_size=3))
def test_no_prefix_of_a_domain_is_refused(labels: list[str]):
    prefix = prefix_of(".".join(labels))
    # Cognito developer guide, "Using the Amazon Cognito prefix domain"; CreateUserPoolDomain, Domain.
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", prefix)
    assert not any(word in prefix for word in ("aws", "amazon", "cognito"))


def test_prefixes_of_look_alike_domains_differ():
    plain, dashed = prefix_of("a.b.example.com"), prefix_of("a-b.example.com")
    assert plain != dashed
    assert plain.startswith("a-b-example-com-")
    assert dashed.startswith("a-b-example-com-")
    assert prefix_of("laws.example.com") != prefix_of("paws.example.com")


def test_a_prefix_of_ones_own_is_taken_as_it_is(recorded):
    plan = recorded({"login.prefix": "acme-ml"})
    assert plan.one("aws:cognito/userPoolDomain:UserPoolDomain").inputs["domain"] == "acme-ml"
    login = plan.one("pulumi:pulumi:Stack").outputs["edge"]["login"]
    assert login["url"] == "https://acme-ml.auth.us-west-2.amazoncognito.com"
