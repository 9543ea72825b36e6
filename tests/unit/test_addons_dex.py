"""Dex's connectors: what a stack file may say of them, and what Dex is told."""

import base64
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from addons.dex import Connector, connector_config, repeated_ids, secret_key

CALLBACK = "https://kubeflow.ml.example.com/dex/callback"
OIDC = {"type": "oidc", "id": "okta", "name": "Okta", "issuer": "https://acme.okta.com", "clientId": "abc"}
GITHUB = {"type": "github", "id": "git-hub", "name": "GitHub", "clientId": "abc", "organisations": [{"name": "acme"}]}
LDAP = {
    "type": "ldap",
    "id": "ad",
    "name": "Acme",
    "host": "ad.acme.example:636",
    "bindDn": "cn=dex,dc=acme",
    "users": "ou=people,dc=acme",
}
ADAPTER: TypeAdapter[Connector] = TypeAdapter(Connector)


def config(raw: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = connector_config(ADAPTER.validate_python(raw), CALLBACK)["config"]
    return found


@pytest.mark.parametrize(
    ("raw", "key"),
    [(OIDC, "OKTA_CLIENT_SECRET"), (GITHUB, "GIT_HUB_CLIENT_SECRET"), (LDAP, "AD_BIND_PASSWORD")],
    ids=["oidc", "github", "ldap"],
)
def test_the_secret_stays_a_variable(raw, key):
    connector = ADAPTER.validate_python(raw)
    assert secret_key(connector) == key
    whole = connector_config(connector, CALLBACK)
    assert {name: whole[name] for name in ("type", "id", "name")} == {
        name: raw[name] for name in ("type", "id", "name")
    }
    assert f"${key}" in whole["config"].values()


def test_openid_connect_takes_groups_only_where_that_is_asked_for():
    assert config(OIDC)["insecureEnableGroups"] is False
    assert config({**OIDC, "groups": True})["insecureEnableGroups"] is True
    assert config({**OIDC, "scopes": ["email", "groups"]})["scopes"] == ["email", "groups"]
    assert config(OIDC)["redirectURI"] == CALLBACK


def test_github_lets_in_organisations_and_teams():
    found = config(
        {**GITHUB, "organisations": [{"name": "acme"}, {"name": "lab", "teams": ["ml"]}], "host": "git.acme"}
    )
    assert found["orgs"] == [{"name": "acme"}, {"name": "lab", "teams": ["ml"]}]
    assert found["hostName"] == "git.acme"


def test_active_directory_and_other_directories_have_their_own_names():
    active = config({**LDAP, "groups": "ou=groups,dc=acme"})
    assert active["userSearch"]["username"] == "sAMAccountName"
    assert active["groupSearch"]["userMatchers"] == [{"userAttr": "DN", "groupAttr": "member"}]
    other = config({**LDAP, "directory": "ldap", "groups": "ou=groups,dc=acme"})
    assert other["userSearch"]["username"] == "uid"
    assert other["groupSearch"]["userMatchers"] == [{"userAttr": "uid", "groupAttr": "memberUid"}]
    assert "groupSearch" not in config(LDAP)


def test_a_filter_narrows_who_comes_in():
    found = config({**LDAP, "userFilter": "(memberOf=cn=ml,dc=acme)"})
    assert found["userSearch"]["filter"] == "(&(objectClass=person)(memberOf=cn=ml,dc=acme))"


def test_a_directory_s_own_authority_is_handed_on():
    pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    assert base64.b64decode(config({**LDAP, "certificate": pem})["rootCAData"]).decode() == pem


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({**OIDC, "issuer": "http://acme.okta.com"}, id="an issuer without TLS"),
        pytest.param({**GITHUB, "organisations": []}, id="everybody on GitHub"),
        pytest.param({**LDAP, "startTls": True}, id="TLS twice"),
        pytest.param({**LDAP, "host": "ldap://ad.acme.example"}, id="a URL for a host"),
        pytest.param({**LDAP, "bindPassword": "secret"}, id="a password in a stack file"),
        pytest.param({**OIDC, "clientSecret": "secret"}, id="a secret in a stack file"),
        pytest.param({**OIDC, "id": "Okta!"}, id="an id that is no name of a variable"),
        pytest.param({**OIDC, "type": "saml"}, id="another kind"),
    ],
)
def test_what_would_be_unsafe_or_wrong_is_refused(wrong):
    with pytest.raises(ValidationError):
        ADAPTER.validate_python(wrong)


def test_two_of_one_id_are_found():
    connectors = [ADAPTER.validate_python(raw) for raw in (OIDC, {**GITHUB, "id": "okta"}, LDAP)]
    assert repeated_ids(connectors) == ("okta",)
