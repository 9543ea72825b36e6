"""Who comes in at the gateway, read off recorded plans: by Cognito at the load balancer, by Dex, or not at all."""

import copy
import fnmatch
import functools
import json
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter

from addons.dex import Connector, secret_key
from infra.problems import SettingsError
from slipway.plan.model import Plan, Resource
from tests.contract import charts
from tests.program.addon_stacks import login_at_the_gateway, of
from tests.program.conftest import ROOT, settings_of

GATEWAY = {"app": "istio-ingressgateway", "istio": "ingressgateway"}
HOST = "kubeflow.ml.example.com"
DEX = ("dex", "dex-login", "oauth2-proxy", "external-secrets", "external-secrets-store")
SUB = "7a1c0000-aaaa-bbbb-cccc-000000000001"


def stack(**addons: Any) -> dict[str, Any]:
    settings = copy.deepcopy(dict(settings_of(ROOT / "stacks/config/Pulumi.prod.yaml")))
    return {**settings, "addons": {"preset": "notebooks", **addons}}


def with_dex(**own: Any) -> dict[str, Any]:
    settings = stack(disable=["cognito-login"], enable=DEX, settings={"dex": {"connectors": charts.CONNECTORS}, **own})
    login_at_the_gateway(settings["edge"])
    return settings


@functools.cache
def plan(login: str) -> Plan:
    match login:
        case "cognito":
            return of(stack()).plan
        case "dex":
            return of(with_dex()).plan
    settings = stack()
    settings["edge"].update(login=None, entries=[])
    return of(settings).plan


def objects(plan_: Plan, kind: str) -> list[Resource]:
    return [each for each in plan_ if each.package == "kubernetes" and each.inputs.get("kind") == kind]


def at_the_gateway(plan_: Plan, kind: str) -> list[Mapping[str, Any]]:
    """The specs of what holds for the gateway's pods: what selects them, or in their namespace everybody."""
    found = []
    for each in objects(plan_, kind):
        if each.inputs["metadata"]["namespace"] == "istio-system":
            wanted = each.inputs["spec"].get("selector", {}).get("matchLabels", {})
            if wanted.items() <= GATEWAY.items():
                found.append(each.inputs["spec"])
    return found


def matches(rule: Mapping[str, Any], claims: Mapping[str, Any], path: str) -> bool:
    """Istio, "Authorization Policy": all of `from`, `to` and `when`; what a rule leaves out matches everything."""
    principal = f"{claims['iss']}/{claims['sub']}" if claims else None

    def source(one: Mapping[str, Any]) -> bool:
        return not any(principal and fnmatch.fnmatch(principal, each) for each in one["notRequestPrincipals"])

    def operation(one: Mapping[str, Any]) -> bool:
        return not any(fnmatch.fnmatch(path, each) for each in one["notPaths"])

    def condition(one: Mapping[str, Any]) -> bool:
        claim = one["key"].removeprefix("request.auth.claims[").removesuffix("]")
        said = claims.get(claim, [])
        return not set(one["notValues"]) & set(said if isinstance(said, list) else [said])

    return (
        ("from" not in rule or any(source(each["source"]) for each in rule["from"]))
        and ("to" not in rule or any(operation(each["operation"]) for each in rule["to"]))
        and all(condition(each) for each in rule.get("when", ()))
    )


def comes_in(plan_: Plan, claims: Mapping[str, Any], path: str = "/") -> bool:
    """Whether policies let a request pass whose token was verified, or which has none (no claims)."""
    policies = at_the_gateway(plan_, "AuthorizationPolicy")
    denied = [rule for each in policies if each.get("action") == "DENY" for rule in each["rules"]]
    allowed = [each.get("rules", []) for each in policies if each.get("action", "ALLOW") == "ALLOW"]
    if any(matches(rule, claims, path) for rule in denied):
        return False
    return not allowed or any(matches(rule, claims, path) for rules in allowed for rule in rules)


def cognito(**claims: Any) -> dict[str, Any]:
    (rules,) = [each["jwtRules"] for each in at_the_gateway(plan("cognito"), "RequestAuthentication")]
    client = plan("cognito").one("aws:cognito/userPoolClient:UserPoolClient", "edge-login").id
    return {"iss": rules[0]["issuer"], "sub": SUB, "client_id": client, "token_use": "access", **claims}


def test_cognito_lets_in_whom_the_load_balancer_has_logged_in():
    assert comes_in(plan("cognito"), cognito())


@pytest.mark.parametrize("path", ["/", "/dex/auth", "/oauth2/callback", "/healthz/ready"])
def test_with_cognito_nobody_comes_in_without_a_token(path):
    assert not comes_in(plan("cognito"), {}, path)


@pytest.mark.parametrize(
    "other",
    [{"client_id": "another"}, {"token_use": "id"}, {"iss": "https://cognito-idp.us-west-2.amazonaws.com/us-west-2_2"}],
    ids=lambda other: next(iter(other)),
)
def test_another_token_of_cognito_is_none(other):
    assert not comes_in(plan("cognito"), cognito(**other))


@pytest.mark.parametrize("claim", ["client_id", "token_use"])
def test_a_token_that_does_not_say_what_it_is_for_is_none(claim):
    claims = {key: value for key, value in cognito().items() if key != claim}
    assert not comes_in(plan("cognito"), claims)


def test_cognito_s_token_is_verified_with_its_pool_s_keys_and_ends_at_the_gateway():
    (spec,) = at_the_gateway(plan("cognito"), "RequestAuthentication")
    (rule,) = spec["jwtRules"]
    pool = plan("cognito").one("aws:cognito/userPool:UserPool", "edge-login").outputs
    assert rule["issuer"] == f"https://{pool['endpoint']}"
    assert rule["jwksUri"] == f"https://{pool['endpoint']}/.well-known/jwks.json"
    assert rule["fromHeaders"] == [{"name": "x-amzn-oidc-accesstoken"}]
    assert not rule.get("forwardOriginalToken")


def test_the_load_balancer_s_token_is_verified_with_its_own_keys():
    (found,) = objects(plan("cognito"), "EnvoyFilter")
    (patch,) = found.inputs["spec"]["configPatches"]
    script = patch["patch"]["value"]["typed_config"]["default_source_code"]["inline_string"]
    balancer = plan("cognito").one("aws:lb/loadBalancer:LoadBalancer", "edge")
    client = plan("cognito").one("aws:cognito/userPoolClient:UserPoolClient", "edge-login")
    assert f'local SIGNER = "{balancer.outputs["arn"]}"' in script
    assert f'local CLIENT = "{client.id}"' in script
    (way,) = objects(plan("cognito"), "ServiceEntry")
    (host,) = way.inputs["spec"]["hosts"]
    assert f'local KEYS_CLUSTER = "outbound|443||{host}"' in script
    (rule,) = objects(plan("cognito"), "DestinationRule")
    assert rule.inputs["spec"]["host"] == host
    assert rule.inputs["spec"]["trafficPolicy"]["tls"] == {"mode": "SIMPLE", "sni": host}


def test_without_the_signature_nothing_is_fetched():
    found = of(stack(settings={"cognito-login": {"checkSignature": False}})).plan
    assert not objects(found, "ServiceEntry")
    assert "httpCall" not in json.dumps([dict(each.inputs) for each in objects(found, "EnvoyFilter")])


def test_only_members_of_chosen_groups_come_in():
    settings = stack(settings={"cognito-login": {"groups": ["vision"]}})
    chosen = of(settings).plan
    assert comes_in(chosen, cognito(**{"cognito:groups": ["vision", "other"]}))
    assert not comes_in(chosen, cognito(**{"cognito:groups": ["language"]}))
    assert not comes_in(chosen, cognito())


def test_without_a_login_nobody_comes_in():
    """A client could name itself in the header that Kubeflow believes."""
    assert not at_the_gateway(plan("none"), "RequestAuthentication")
    assert not comes_in(plan("none"), {})


def test_an_entry_at_which_nobody_could_come_in_is_refused():
    raw = stack()
    login_at_the_gateway(raw["edge"])
    with pytest.raises(SettingsError) as error:
        of(raw)
    assert "nobody could come in at kubeflow.ml.example.com: edge.login is null; keep it, or enable dex" in str(
        error.value
    )


def test_dex_lets_in_whom_it_has_logged_in_and_to_its_own_pages_everybody():
    claims = {"iss": f"https://{HOST}/dex", "sub": "x", "aud": "kubeflow"}
    assert comes_in(plan("dex"), claims)
    assert comes_in(plan("dex"), {}, "/dex/auth")
    assert comes_in(plan("dex"), {}, "/oauth2/callback")
    assert not comes_in(plan("dex"), {}, "/")
    assert not comes_in(plan("dex"), {}, "/dexter")


def values(plan_: Plan, release: str) -> Any:
    (found,) = [each for each in plan_.of_type("kubernetes:helm.sh/v3:Release") if each.name == release]
    return found.inputs["values"]


def lines(text: str) -> dict[str, str]:
    pairs = (line.partition(" = ") for line in text.splitlines() if " = " in line)
    return {key: json.loads(value) if value.startswith('"') else value for key, _, value in pairs}


def test_the_parts_of_the_login_by_dex_name_each_other():
    dex = values(plan("dex"), "dex")
    proxy = values(plan("dex"), "oauth2-proxy")
    said = lines(proxy["config"]["configFile"])
    (rule,) = at_the_gateway(plan("dex"), "RequestAuthentication")[0]["jwtRules"]
    (client,) = dex["config"]["staticClients"]
    assert dex["config"]["issuer"] == said["oidc_issuer_url"] == rule["issuer"] == f"https://{HOST}/dex"
    assert [said["redirect_url"]] == client["redirectURIs"] == [f"https://{HOST}/oauth2/callback"]
    assert rule["audiences"] == [client["id"]]
    assert said["oidc_jwks_url"] == rule["jwksUri"]
    secrets = {each.inputs["spec"]["target"]["name"]: each.inputs for each in objects(plan("dex"), "ExternalSecret")}
    shared = secrets[proxy["config"]["existingSecret"]]
    assert shared["metadata"]["namespace"] == "dex"
    assert shared["spec"]["target"]["template"]["data"].keys() == {"client-id", "client-secret", "cookie-secret"}
    assert shared["spec"]["target"]["template"]["data"]["client-id"] == client["id"]
    variables = {each["name"]: each["valueFrom"]["secretKeyRef"] for each in dex["envVars"]}
    assert variables[client["secretEnv"]] == {"name": proxy["config"]["existingSecret"], "key": "client-secret"}
    assert [each["secretRef"]["name"] for each in dex["envFrom"]] == ["dex-connectors"]
    assert secrets["dex-connectors"]["spec"]["dataFrom"] == [{"extract": {"key": "slipway-prod/dex"}}]
    asked = [each for each in at_the_gateway(plan("dex"), "AuthorizationPolicy") if each.get("action") == "CUSTOM"]
    (provider,) = values(plan("dex"), "istiod")["meshConfig"]["extensionProviders"]
    assert [each["provider"]["name"] for each in asked] == [provider["name"]]
    assert provider["envoyExtAuthzHttp"]["service"] == "oauth2-proxy.dex.svc.cluster.local"


def test_dex_s_configuration_holds_no_secret_and_no_password():
    text = yaml.safe_dump(json.loads(json.dumps(values(plan("dex"), "dex")["config"])))
    assert {word for word in text.split() if word.startswith("$")} == {
        "$OKTA_CLIENT_SECRET",
        "$GIT_HUB_CLIENT_SECRET",
        "$AD_BIND_PASSWORD",
    }
    assert values(plan("dex"), "dex")["config"]["enablePasswordDB"] is False
    assert "staticPasswords" not in text


def test_their_pages_are_on_the_gateway_of_kubeflow():
    routes = {each.inputs["metadata"]["name"]: each.inputs["spec"] for each in objects(plan("dex"), "VirtualService")}
    for name, prefix in (("dex", "/dex/"), ("oauth2-proxy", "/oauth2/")):
        assert routes[name]["gateways"] == ["kubeflow/kubeflow-gateway"]
        assert routes[name]["http"][0]["match"] == [{"uri": {"prefix": prefix}}]
        # Envoy routes by the most exact host alone: a named one would hide Kubeflow's pages, which name none.
        assert routes[name]["hosts"] == ["*"]


@pytest.mark.parametrize("login", ["cognito", "dex"])
def test_the_filter_is_the_gateway_s(login):
    (found,) = objects(plan(login), "EnvoyFilter")
    assert found.inputs["metadata"]["namespace"] == "istio-system"
    assert found.inputs["spec"]["workloadSelector"] == {"labels": GATEWAY}


def test_the_gateway_is_as_kubeflow_s_policies_name_it():
    gateway = values(plan("cognito"), "istio-ingressgateway")
    assert gateway["serviceAccount"]["name"] == "istio-ingressgateway-service-account"
    ports = {port["name"]: (port["port"], port["targetPort"]) for port in gateway["service"]["ports"]}
    assert ports == {"http2": (80, 8080), "status-port": (15021, 15021)}
    (group,) = [
        each.inputs
        for each in plan("cognito").of_type("aws:lb/targetGroup:TargetGroup")
        if each.inputs.get("healthCheck", {}).get("path") == "/healthz/ready"
    ]
    assert (group["port"], group["healthCheck"]["port"]) == (8080, "15021")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            lambda raw: raw["edge"].update(login={}),
            "addons.settings.dex: edge.login is on, so people would log in twice",
            id="twice",
        ),
        pytest.param(
            lambda raw: raw["edge"].update(entries=[]),
            "addons.settings.dex: its pages are at kubeflow.ml.example.com; add kubeflow to edge.entries",
            id="nowhere",
        ),
        pytest.param(
            lambda raw: raw["addons"].update(settings={}),
            "addons.settings.dex.connectors: is empty, so nobody could log in; add one of type oidc, github or ldap",
            id="by nobody",
        ),
        pytest.param(
            lambda raw: raw["addons"].update(settings={"dex": {"connectors": [charts.CONNECTORS[0]] * 2}}),
            "addons.settings.dex.connectors: two have the id 'okta'",
            id="one id",
        ),
        pytest.param(
            lambda raw: raw["addons"].update(disable=[], enable=[*DEX, "cognito-login"]),
            "cognito-login conflicts with dex",
            id="both",
        ),
    ],
)
def test_a_login_that_cannot_work_is_refused(change, message):
    raw = with_dex()
    change(raw)
    with pytest.raises(SettingsError) as error:
        of(raw)
    assert message in str(error.value)


def test_a_group_that_is_none_of_the_login_s_is_refused():
    with pytest.raises(SettingsError) as error:
        of(stack(settings={"cognito-login": {"groups": ["vision", "visoin"]}}))
    assert "addons.settings.cognito-login.groups: 'visoin' is not a group of edge.login" in str(error.value)


def test_the_page_s_stack_file_is_one():
    text = (ROOT / "docs/how-to/sign-in-with-dex.md").read_text()
    said = yaml.safe_load(text.partition("```yaml\n")[2].partition("```")[0])
    shown = {key.removeprefix("slipway:"): value for key, value in said.items()}
    assert {"dex", "dex-login", "oauth2-proxy"} <= set(of({**stack(), **shown}).installed())


def test_the_page_s_secret_has_the_keys_that_dex_reads():
    text = (ROOT / "docs/how-to/sign-in-with-dex.md").read_text()
    said = yaml.safe_load(text.partition("```yaml\n")[2].partition("```")[0])
    secret = json.loads(text.partition("```json\n")[2].partition("```")[0])
    connectors = said["slipway:addons"]["settings"]["dex"]["connectors"]
    assert secret.keys() == {secret_key(TypeAdapter(Connector).validate_python(each)) for each in connectors}
