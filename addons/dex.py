"""Dex and oauth2-proxy as a login: their addresses, and who vouches for people (connectors)."""

import base64
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from infra.handle import Edge
from infra.model import Model

NAMESPACE: Final = "dex"
"""Of Dex, of oauth2-proxy, and of the secret that they share."""
ENTRY: Final = "kubeflow"
"""The entry whose host they are on."""
DEX_PATH: Final = "/dex"
DEX_PORT: Final = 5556
DEX_URL: Final = f"http://dex.{NAMESPACE}.svc.cluster.local:{DEX_PORT}{DEX_PATH}"
"""Dex for pods; for people it is below the entry's host."""
OAUTH2_PROXY_HOST: Final = f"oauth2-proxy.{NAMESPACE}.svc.cluster.local"
OAUTH2_PROXY_PORT: Final = 80
CLIENT: Final = "kubeflow"
"""oauth2-proxy, as Dex knows it."""
CLIENT_SECRET: Final = "oauth2-proxy-client"  # noqa: S105  # a Secret's name
"""The Secret with `client-id`, `client-secret` and `cookie-secret`, made in the cluster."""
CONNECTORS_SECRET: Final = "dex-connectors"  # noqa: S105  # a Secret's name
"""The Secret with what connectors must not say aloud, kept equal to `<platform>/dex` in Secrets Manager."""
COOKIE: Final = "oauth2_proxy_kubeflow"
SESSION_HOURS: Final = 24
"""How long a login lasts: Dex's tokens, and oauth2-proxy's cookie with one in it."""

Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)]
Text = Annotated[str, Field(min_length=1, max_length=256)]


class GithubOrganisation(Model):
    """An organisation on GitHub whose members may come in."""

    name: Text
    """As in its URL."""
    teams: tuple[Text, ...] = ()
    """Members of these teams only. By default all members."""


class OidcConnector(Model):
    """An OpenID Connect provider, such as Okta, Entra ID, Keycloak or Google."""

    type: Literal["oidc"]
    """Which kind of provider this is."""
    id: Id
    """In URLs and in the names of secrets."""
    name: Text
    """On the login page."""
    issuer: Annotated[str, Field(pattern=r"^https://\S+$")]
    """The provider's issuer URL; Dex reads the rest from its discovery document."""
    client_id: Text
    """Dex's id there. The redirect URL to register there is `https://kubeflow.<domain>/dex/callback`."""
    groups: bool = False
    """Whether to take people's groups from the claim `groups`. They are believed for as long as a login lasts."""
    scopes: tuple[Text, ...] = ("profile", "email")
    """Asked for besides `openid`."""


class GithubConnector(Model):
    """Members of organisations on GitHub."""

    type: Literal["github"]
    """Which kind of provider this is."""
    id: Id
    """In URLs and in the names of secrets."""
    name: Text
    """On the login page."""
    client_id: Text
    """Of the OAuth app, whose callback URL is `https://kubeflow.<domain>/dex/callback`."""
    organisations: Annotated[tuple[GithubOrganisation, ...], Field(min_length=1)]
    """Who may come in. Without one everybody with an account on GitHub could."""
    host: Annotated[str, Field(pattern=r"^[a-z0-9.-]+$")] | None = None
    """A GitHub Enterprise server; by default github.com."""


class LdapConnector(Model):
    """An LDAP directory or Active Directory. Always over TLS: people type their passwords into Dex's page."""

    type: Literal["ldap"]
    """Which kind of provider this is."""
    id: Id
    """In URLs and in the names of secrets."""
    name: Text
    """On the login page."""
    directory: Literal["active-directory", "ldap"] = "active-directory"
    """Which names for users and groups apply: `sAMAccountName` and `member`, or `uid` and `memberUid`."""
    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+(:\d{1,5})?$")]
    """Such as ldap.example.com:636."""
    start_tls: bool = False
    """Begin without TLS and turn to it, as servers on port 389 do."""
    certificate: Annotated[str, Field(pattern=r"^-----BEGIN CERTIFICATE-----")] | None = None
    """The authority that signed the server's certificate, as PEM. By default the public ones."""
    bind_dn: Text
    """The account that looks people up. Its password is `<ID>_BIND_PASSWORD` in `<platform>/dex`."""
    users: Text
    """Where people are, such as ou=people,dc=example,dc=com."""
    user_filter: Text | None = None
    """Who may come in, such as (memberOf=cn=ml,ou=groups,dc=example,dc=com). By default every person there."""
    email: Text = "mail"
    """The attribute with the email address, by which Kubeflow knows people."""
    groups: Text | None = None
    """Where groups are. By default people have none."""

    @model_validator(mode="after")
    def _one_way_to_tls(self) -> "LdapConnector":
        if self.start_tls and self.host.endswith(":636"):
            raise ValueError("startTls is for port 389; port 636 begins with TLS")
        return self


Connector = Annotated[OidcConnector | GithubConnector | LdapConnector, Field(discriminator="type")]


def origin(edge: Edge) -> str:
    """Where people see the entry."""
    return f"https://{edge.host(ENTRY)}"


def issuer(edge: Edge) -> str:
    """Who signs the tokens, as they say it."""
    return f"{origin(edge)}{DEX_PATH}"


def secret_key(connector: Connector) -> str:
    """The key in `<platform>/dex` that holds the connector's secret, which is an environment variable of Dex too."""
    kind = "BIND_PASSWORD" if isinstance(connector, LdapConnector) else "CLIENT_SECRET"
    return f"{connector.id.replace('-', '_').upper()}_{kind}"


def connector_config(connector: Connector, callback: str) -> dict[str, Any]:
    """A connector as Dex's configuration spells it; its secret stays a variable.

    Args:
        connector: From the settings.
        callback: Where a provider sends people back to.

    Source: Dex 2.44, connector/{oidc,github,ldap}.
    """
    config = _config(connector, callback, f"${secret_key(connector)}")
    return {"type": connector.type, "id": connector.id, "name": connector.name, "config": config}


def _config(connector: Connector, callback: str, secret: str) -> dict[str, Any]:
    match connector:
        case OidcConnector():
            return _oidc(connector, callback, secret)
        case GithubConnector():
            return _github(connector, callback, secret)
        case LdapConnector():
            return _ldap(connector, secret)


def _oidc(connector: OidcConnector, callback: str, secret: str) -> dict[str, Any]:
    return {
        "issuer": connector.issuer,
        "clientID": connector.client_id,
        "clientSecret": secret,
        "redirectURI": callback,
        "scopes": list(connector.scopes),
        "insecureEnableGroups": connector.groups,
    }


def _github(connector: GithubConnector, callback: str, secret: str) -> dict[str, Any]:
    orgs = [
        {"name": each.name, **({"teams": list(each.teams)} if each.teams else {})} for each in connector.organisations
    ]
    return {
        "clientID": connector.client_id,
        "clientSecret": secret,
        "redirectURI": callback,
        "orgs": orgs,
        **({"hostName": connector.host} if connector.host else {}),
    }


def _ldap(connector: LdapConnector, secret: str) -> dict[str, Any]:
    active = connector.directory == "active-directory"
    person = "(objectClass=person)"
    config: dict[str, Any] = {
        "host": connector.host,
        "startTLS": connector.start_tls,
        "bindDN": connector.bind_dn,
        "bindPW": secret,
        "userSearch": {
            "baseDN": connector.users,
            "filter": f"(&{person}{connector.user_filter})" if connector.user_filter else person,
            "username": "sAMAccountName" if active else "uid",
            "idAttr": "DN",
            "emailAttr": connector.email,
            "nameAttr": "displayName" if active else "cn",
        },
    }
    if connector.certificate:
        config["rootCAData"] = base64.b64encode(connector.certificate.encode()).decode()
    if connector.groups:
        matcher = {"userAttr": "DN", "groupAttr": "member"} if active else {"userAttr": "uid", "groupAttr": "memberUid"}
        config["groupSearch"] = {
            "baseDN": connector.groups,
            "filter": "(objectClass=group)" if active else "(objectClass=posixGroup)",
            "userMatchers": [matcher],
            "nameAttr": "cn",
        }
    return config


def repeated_ids(connectors: Sequence[Connector]) -> tuple[str, ...]:
    """Ids that more than one connector has."""
    ids = [each.id for each in connectors]
    return tuple(sorted({each for each in ids if ids.count(each) > 1}))
