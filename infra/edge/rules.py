"""What is wrong, or worth a word, in the way in: names, certificate, load balancer, login."""

import ipaddress
from collections.abc import Iterator
from typing import Final

from infra.catalog.zones import is_local
from infra.edge.settings import NEW, EdgeSettings, LoginSettings
from infra.problems import Problem, one_of, repeated, shown
from infra.surroundings import Surroundings

ADMINS: Final = "platform-admins"
"""The group that is always there."""
_RESERVED: Final = ("amazon", "aws", "cognito")
"""Cognito takes no prefix with these words in it (developer guide, "Using the Amazon Cognito prefix domain")."""
_ZONES: Final = 2
"""How many zones an ALB needs subnets in (ALB user guide, "Subnets for your load balancer")."""


def reserved(prefix: str) -> str | None:
    """The word in a prefix of the login pages that Cognito refuses, or None."""
    return next((word for word in _RESERVED if word in prefix), None)


def problems(edge: EdgeSettings, around: Surroundings) -> Iterator[Problem]:
    """What is wrong with these settings."""
    yield from repeated(edge.entries, "edge.entries")
    yield from _certificate_problems(edge, around.platform.region)
    yield from _load_balancer_problems(edge, around)
    if edge.login:
        yield from _login_problems(edge.login)
        if not around.network.internet:
            yield Problem(
                "edge.login",
                "network.internet is false: the load balancer could not reach Cognito's login pages, which have no VPC "
                "endpoint; write `login: null`",
            )


def warnings(edge: EdgeSettings) -> Iterator[str]:
    """What the user should know, though it is allowed."""
    login = edge.login
    if login is None:
        yield "edge.login is off: the load balancer lets in whoever is in edge.loadBalancer.clients"
        return
    if not edge.load_balancer.internal and any(_world(cidr) for cidr in edge.load_balancer.clients):
        yield "edge.loadBalancer.clients: 0.0.0.0/0 opens the login page to the world"
    if login.self_sign_up:
        yield "edge.login.selfSignUp: whoever reaches the login page can make an account and come in"
    if not edge.entries:
        yield f"edge.entries is empty: Cognito sends people back to {edge.domain} alone, so logins elsewhere fail"


def _certificate_problems(edge: EdgeSettings, region: str) -> Iterator[Problem]:
    if edge.certificate_arn is None and edge.zone is None:
        yield Problem(
            "edge.zone",
            f"a certificate is proved by a record in the zone of {edge.domain}: {NEW}, or the zone's id such as "
            "Z0123456789ABCDEFGHIJ; or name a certificate that is there with certificateArn",
        )
    if edge.certificate_arn is not None and (own := edge.certificate_arn.split(":")[3]) != region:
        yield Problem(
            "edge.certificateArn",
            f"is of {own}; a load balancer in {region} takes certificates of {region} only",
        )


def _load_balancer_problems(edge: EdgeSettings, around: Surroundings) -> Iterator[Problem]:
    here, balancer = "edge.loadBalancer", edge.load_balancer
    if not balancer.clients:
        yield Problem(
            f"{here}.clients",
            "is empty, so nobody could come in; name networks such as 203.0.113.0/24; 0.0.0.0/0 is the world",
        )
    yield from repeated(balancer.clients, f"{here}.clients")
    if balancer.internal:
        return
    existing = around.network.existing
    public = [zone for zone in existing.public_subnets if not is_local(zone)] if existing else []
    if not around.network.internet:
        yield Problem(
            f"{here}.internal",
            "false: network.internet is false, so there are no public subnets; write `internal: true`",
        )
    elif existing and len(public) < _ZONES:
        yield Problem(
            f"{here}.internal",
            f"false: a public load balancer needs public subnets in {_ZONES} zones, Local Zones not counted; "
            f"network.existing.publicSubnets has: {one_of(public) or 'none'}",
        )
    if edge.login is None:
        for index, cidr in enumerate(balancer.clients):
            if _world(cidr):
                yield Problem(
                    f"{here}.clients[{index}]",
                    f"{shown(cidr)} without edge.login opens every entry to the world; name networks, or leave "
                    "`login: null` out",
                )


def _login_problems(login: LoginSettings) -> Iterator[Problem]:
    here = "edge.login"
    yield from repeated(login.groups, f"{here}.groups")
    if ADMINS in login.groups:
        yield Problem(f"{here}.groups[{login.groups.index(ADMINS)}]", f"{shown(ADMINS)} is always there; leave it out")
    if login.prefix is not None and (word := reserved(login.prefix)):
        yield Problem(
            f"{here}.prefix",
            f"{shown(login.prefix)} has {word!r} in it; Cognito takes no prefix with {one_of(_RESERVED)}",
        )


def _world(cidr: str) -> bool:
    return ipaddress.IPv4Network(cidr).prefixlen == 0
