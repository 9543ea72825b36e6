"""The hub's login (addons/hub_login.py), with tokens that are signed as a load balancer signs them.

JupyterHub, Tornado and PyJWT are in the hub's image alone. Here are stand-ins for the few names that the login uses of
them; that for PyJWT verifies signatures, too.
"""

import asyncio
import base64
import json
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

TEXT = (Path(__file__).resolve().parents[2] / "addons" / "hub_login.py").read_text()
SIGNER = "arn:aws:elasticloadbalancing:us-west-2:111122223333:loadbalancer/app/acme/1"
ISSUER = "https://cognito-idp.us-west-2.amazonaws.com/us-west-2_1"
KEYS = "https://public-keys.auth.elb.us-west-2.amazonaws.com"
KEY_ID = "0f0e0d0c-0b0a-0908-0706-050403020100"
OURS, OTHERS = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
HEADER = {"alg": "ES256", "typ": "JWT", "kid": KEY_ID, "signer": SIGNER, "iss": ISSUER, "client": "client"}
CLAIMS = {"sub": "1b2c", "email": "Anna@Example.com", "email_verified": "true", "username": "1b2c", "iss": ISSUER}


def part(content: dict[str, Any]) -> str:
    # A load balancer leaves the padding in, which the standard takes away.
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode()


def content(text: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def token(key: ec.EllipticCurvePrivateKey = OURS, claims: Any = None, **header: Any) -> str:
    """A token of the load balancer, good for two minutes; header fields and claims that are None are left out."""
    good = time.time() + 120
    head = {**HEADER, "exp": int(good), **header}
    body = {**CLAIMS, "exp": int(good), **(claims or {})}
    signed = ".".join(part({k: v for k, v in each.items() if v is not None}) for each in (head, body))
    r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    signature = base64.urlsafe_b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big")).decode()
    return f"{signed}.{signature}"


class InvalidTokenError(Exception):
    """As PyJWT's."""


def decode(text: str, key: str, *, algorithms: list[str], issuer: str) -> dict[str, Any]:
    """As PyJWT's for ES256 with an issuer."""
    signed, _, signature = text.rpartition(".")
    assert algorithms == ["ES256"]
    raw = base64.urlsafe_b64decode(signature + "==")
    public: Any = serialization.load_pem_public_key(key.encode())
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    try:
        public.verify(der, signed.encode(), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise InvalidTokenError("signature") from None
    claims: dict[str, Any] = content(signed.partition(".")[2])
    if claims.get("iss") != issuer or claims.get("exp", time.time()) < time.time():
        raise InvalidTokenError("claims")
    return claims


class Authenticator:
    def __init__(self) -> None:
        self.said: list[str] = []
        self.log = SimpleNamespace(warning=lambda text, *rest: self.said.append(text % rest))


@pytest.fixture(name="login")
def _login(monkeypatch):
    """The configuration's names, as JupyterHub would see them."""
    asked: list[str] = []

    class Client:
        async def fetch(self, url: str) -> Any:
            asked.append(url)
            pem = OURS.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            return SimpleNamespace(body=pem)

    modules: dict[str, dict[str, Any]] = {
        "jwt": {
            "InvalidTokenError": InvalidTokenError,
            "decode": decode,
            "get_unverified_header": lambda text: content(text.partition(".")[0]),
        },
        "jupyterhub": {},
        "jupyterhub.auth": {"Authenticator": Authenticator},
        "jupyterhub.handlers": {"BaseHandler": object},
        "jupyterhub.utils": {"url_path_join": lambda *parts: "/".join(each.strip("/") for each in parts)},
        "tornado": {"web": SimpleNamespace(HTTPError=type("HTTPError", (Exception,), {}))},
        "tornado.httpclient": {"AsyncHTTPClient": Client},
    }
    for name, members in modules.items():
        module = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)
    for name, value in {"SIGNER": SIGNER, "CLIENT": "client", "ISSUER": ISSUER, "KEYS": KEYS}.items():
        monkeypatch.setenv(f"LOGIN_{name}", value)
    configuration = SimpleNamespace(JupyterHub=SimpleNamespace())
    names: dict[str, Any] = {"get_config": lambda: configuration, "asked": asked}
    exec(compile(TEXT, "hub_login.py", "exec"), names)  # as JupyterHub does
    assert configuration.JupyterHub.authenticator_class is names["LoadBalancerAuthenticator"]
    return names


def who(login, text: str | None) -> tuple[str | None, list[str]]:
    """Whom a request with this token is of, and what the log says."""
    authenticator = login["LoadBalancerAuthenticator"]()
    headers = {} if text is None else {"X-Amzn-Oidc-Data": text}
    handler = SimpleNamespace(request=SimpleNamespace(headers=headers))
    return asyncio.run(authenticator.authenticate(handler)), authenticator.said


def test_somebody_whom_the_load_balancer_signed_in_is_known_by_their_address(login):
    assert who(login, token()) == ("anna@example.com", [])
    assert login["asked"] == [f"{KEYS}/{KEY_ID}"]


def test_a_key_is_asked_for_once(login):
    for _ in range(3):
        who(login, token())
    assert len(login["asked"]) == 1


def test_nobody_comes_without_a_token(login):
    assert who(login, None) == (None, [])


@pytest.mark.parametrize(
    ("forged", "why"),
    [
        ({"key": OTHERS}, "signature"),
        ({"signer": SIGNER.replace("acme", "evil")}, "its signer is"),
        ({"signer": None}, "its signer is None"),
        ({"client": "another"}, "its client is 'another'"),
        ({"alg": "none"}, "its alg is 'none'"),
        ({"alg": "HS256"}, "its alg is 'HS256'"),
        ({"exp": 1}, "its time is over"),
        ({"exp": None}, "exp"),
        ({"kid": "../../keys"}, "its kid is '../../keys'"),
        ({"kid": None}, "kid"),
        ({"claims": {"iss": "https://elsewhere"}}, "claims"),
        ({"claims": {"exp": 1}}, "claims"),
        ({"claims": {"email": None}}, "email"),
        ({"claims": {"email_verified": "false"}}, "Anna@Example.com was never confirmed"),
        ({"claims": {"email_verified": None}}, "email_verified"),
    ],
    ids=lambda each: each if isinstance(each, str) else "-".join(each),
)
def test_a_token_that_is_not_ours_lets_nobody_in(login, forged, why):
    name, said = who(login, token(**forged))
    assert name is None
    assert why in "".join(said)


def test_what_is_no_token_lets_nobody_in(login):
    for text in ("x", "x.y.z", token()[:-8], "e30=.e30=.e30="):
        assert who(login, text)[0] is None


@pytest.mark.parametrize(
    ("given", "goes_on"),
    [({}, True), ({"claims": {"email": "ben@example.com"}}, False), ({"key": OTHERS}, False), (None, True)],
    ids=["the-same", "another", "forged", "past-the-load-balancer"],
)
def test_a_session_ends_when_somebody_else_has_signed_in(login, given, goes_on):
    authenticator = login["LoadBalancerAuthenticator"]()
    headers = {} if given is None else {"X-Amzn-Oidc-Data": token(**given)}
    handler = SimpleNamespace(request=SimpleNamespace(headers=headers))
    user = SimpleNamespace(name="anna@example.com")
    assert asyncio.run(authenticator.refresh_user(user, handler)) is goes_on
    assert asyncio.run(authenticator.refresh_user(user)) is True


def test_people_who_are_not_known_are_sent_to_the_page_that_knows_them(login):
    authenticator = login["LoadBalancerAuthenticator"]()
    ((path, handler),) = authenticator.get_handlers(None)
    assert authenticator.auto_login
    assert authenticator.login_url("/hub/").endswith(path.strip("/"))

    sent: list[str] = []
    page = handler()
    page.get_next_url = lambda user: f"/user/{user.name}"
    page.redirect = sent.append

    async def found():
        return SimpleNamespace(name="anna@example.com")

    async def nobody():
        return None

    page.login_user = found
    asyncio.run(page.get())
    assert sent == ["/user/anna@example.com"]
    page.login_user = nobody
    with pytest.raises(Exception, match="Sign in"):
        asyncio.run(page.get())
