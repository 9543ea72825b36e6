"""Login by the load balancer: the gateway lets in whom Cognito has logged in, and tells Kubeflow who it is."""

from collections.abc import Iterator
from typing import Annotated, Any

import pulumi
from pydantic import Field

from addons.identity_filter import TOKEN_HEADER, Signer, last_filter, load_balancer_script
from addons.istio import GATEWAY_LABELS, NAMESPACE, authorization_policy, outside, request_authentication
from addons.spec import AddOn, AddOnSettings, Objects
from infra.edge.rules import ADMINS
from infra.handle import ClusterHandle, Login
from infra.problems import one_of
from infra.surroundings import Surroundings


class CognitoLoginSettings(AddOnSettings):
    """Settings of the login by the load balancer."""

    groups: tuple[Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")], ...] = ()
    """Who may come in: members of one of these groups of `edge.login`. By default everybody with an account."""
    check_signature: bool = True
    """Whether the gateway verifies the load balancer's token, which has the email address, with the load balancer's
    public key. Without that only Cognito's token is verified, and the other one must be of the same person: then a pod
    that gets hold of somebody's tokens can make up the address."""


def _objects(handle: ClusterHandle, settings: CognitoLoginSettings) -> list[dict[str, Any]]:
    """Access tokens name the client that they were made for, not an audience.

    Sources: ELB user guide, "Authenticate users using an Application Load Balancer"; Cognito developer guide,
    "Understanding the access token"; Istio, "RequestAuthentication".
    """
    login = handle.edge.login if handle.edge else None
    if login is None:
        return []
    tokens = request_authentication(
        "cognito",
        rules=[
            {
                "issuer": login.issuer,
                "jwksUri": pulumi.Output.concat(login.issuer, "/.well-known/jwks.json"),
                "fromHeaders": [{"name": TOKEN_HEADER}],
            }
        ],
        selects=GATEWAY_LABELS,
    )
    refused = authorization_policy(
        "cognito", spec={"action": "DENY", "rules": _refused(login, settings)}, selects=GATEWAY_LABELS
    )
    where = _keys(handle) if settings.check_signature else None
    script = _script(handle, login, where)
    way = outside("load-balancer-keys", where[0]) if where else []
    return [tokens, refused, *way, last_filter("cognito-identity", script)]


def _script(handle: ClusterHandle, login: Login, where: tuple[str, str] | None) -> pulumi.Input[str]:
    if where is None or handle.edge is None:
        return load_balancer_script(login.session_cookie, None)
    host, path = where
    return pulumi.Output.all(handle.edge.load_balancer_arn, login.client_id).apply(
        lambda known: load_balancer_script(
            login.session_cookie, Signer(load_balancer=known[0], client=known[1], host=host, path=path)
        )
    )


def _keys(handle: ClusterHandle) -> tuple[str, str]:
    """Where the load balancers of a region publish their keys: the host, and the path before a key's id.

    Source: Application Load Balancer user guide, "User claims encoding and signature verification".
    """
    if handle.partition == "aws-us-gov":
        return f"s3-{handle.region}.amazonaws.com", f"/aws-elb-public-keys-prod-{handle.region}/"
    return f"public-keys.auth.elb.{handle.region}.amazonaws.com", "/"


def _refused(login: Login, settings: CognitoLoginSettings) -> list[dict[str, Any]]:
    """Each rule by itself refuses a request."""
    anybody = pulumi.Output.concat(login.issuer, "/*")
    return [
        {"from": [{"source": {"notRequestPrincipals": [anybody]}}]},
        _unless("client_id", [login.client_id]),
        _unless("token_use", ["access"]),
        *([_unless("cognito:groups", list(settings.groups))] if settings.groups else []),
    ]


def _unless(claim: str, values: list[Any]) -> dict[str, Any]:
    return {"when": [{"key": f"request.auth.claims[{claim}]", "notValues": values}]}


def _problems(around: Surroundings, settings: CognitoLoginSettings) -> Iterator[tuple[str, str]]:
    login = around.edge.login if around.edge else None
    if login is None:
        return
    known = (ADMINS, *login.groups, *around.tenants)
    for group in settings.groups:
        if group not in known:
            yield "groups", f"{group!r} is not a group of edge.login; known: {one_of(known)}"


def _applies(handle: ClusterHandle) -> str | None:
    if handle.edge is None:
        return "there is no edge, so nobody comes in by a load balancer"
    return "edge.login is null: the load balancer asks nobody who they are" if handle.edge.login is None else None


ADDON = AddOn(
    name="cognito-login",
    group="login",
    summary="lets in whom the load balancer has logged in by Cognito, and tells Kubeflow who it is",
    docs="https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html",
    source=Objects(build=_objects),
    settings=CognitoLoginSettings,
    presets=("notebooks",),
    applies=_applies,
    namespace=NAMESPACE,
    problems=_problems,
    needs=("istio-base", "istio-ingressgateway", "istio-policies", "istiod"),
    conflicts=("dex", "dex-login"),
    # Cognito's pages have no endpoint in a VPC.
    stands_on=("edge", "edge.login", "network.internet"),
    creates=frozenset(
        {"AuthorizationPolicy", "DestinationRule", "EnvoyFilter", "RequestAuthentication", "ServiceEntry"}
    ),
)
