"""The gateway's filter, run as Envoy runs it: by LuaJIT, with a stand-in for the request.

What a client, the load balancer or a pod may put into a request is made up here; what must come out is who Envoy
verified, and nothing that a client said of itself.
"""

import base64
import json
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from addons.identity_filter import Signer, last_filter, load_balancer_script, token_script

lupa = pytest.importorskip("lupa.luajit21", reason="lupa, which brings LuaJIT, is not installed")

COOKIE = "AWSELBAuthSessionCookie"
DEX_COOKIE = "oauth2_proxy_kubeflow"
SUB = "7a1c0000-aaaa-bbbb-cccc-000000000001"
OPEN = ("/dex/", "/oauth2/")
SIGNER = Signer(
    load_balancer="arn:aws:elasticloadbalancing:us-west-2:111122223333:loadbalancer/app/acme/50dc6c495c0c9188",
    client="client",
    host="public-keys.auth.elb.us-west-2.amazonaws.com",
    path="/",
)
KEY_ID = "0f0e0d0c-1111-2222-3333-444455556666"
KEY = ec.generate_private_key(ec.SECP256R1())
PEM = (
    KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
)
TOLD = ("kubeflow-userid", "kubeflow-groups")


@dataclass
class Headers:
    """A request's headers: names are of lower case, as Envoy's."""

    values: dict[str, str]

    def get(self, name: str) -> str | None:
        return self.values.get(name)

    def add(self, name: str, value: str) -> None:
        assert name not in self.values, f"{name} would be there twice"
        self.values[name] = value

    def replace(self, name: str, value: str) -> None:
        self.values[name] = value

    def remove(self, name: str) -> None:
        self.values.pop(name, None)


@dataclass
class Request:
    """What Envoy hands to the script; `answer` is the filter's own, where it gave one, and `fetched` what it called."""

    headers: Headers
    verified: Mapping[str, Any] | None
    answer: tuple[dict[str, str], str] | None = None
    fetched: list[str] = field(default_factory=list)


RUN = """
function(headers, metadata, respond, fetch, verify)
  -- Envoy's objects are called as `object:method(...)`.
  local wrapped = {
    get = function(_, name) return headers.get(name) end,
    add = function(_, name, value) headers.add(name, value) end,
    replace = function(_, name, value) headers.replace(name, value) end,
    remove = function(_, name) headers.remove(name) end,
  }
  local found = { get = function(_, name) return metadata[name] end }
  local info = { dynamicMetadata = function() return found end }
  envoy_on_request({
    headers = function() return wrapped end,
    streamInfo = function() return info end,
    respond = function(_, given, body) respond(given[":status"], body) end,
    httpCall = function(_, cluster, request)
      local status, body = fetch(cluster, request[":method"], request[":authority"], request[":path"])
      return { [":status"] = status }, body
    end,
    importPublicKey = function(_, key, length) return key:sub(1, length) end,
    verifySignature = function(_, hash, key, signature, size, text, length)
      return verify(hash, key, signature:sub(1, size), text:sub(1, length))
    end,
  })
end
"""


def run(
    script: str | Any,
    headers: Mapping[str, str],
    verified: Mapping[str, Any] | None,
    keys: Mapping[str, str] | None = None,
) -> Request:
    lua = script if not isinstance(script, str) else worker(script)
    request = Request(Headers({":path": "/", **headers}), verified)
    metadata: dict[str, Any] = {} if verified is None else {"envoy.filters.http.jwt_authn": {"payload": dict(verified)}}

    def respond(status: str, body: str) -> None:
        request.answer = ({":status": status}, body)

    def fetch(cluster: str, method: str, authority: str, path: str) -> tuple[str, str | None]:
        assert (cluster, method, authority) == (f"outbound|443||{SIGNER.host}", "GET", SIGNER.host)
        request.fetched.append(path)
        found = (keys or {}).get(path)
        return ("503", None) if found is None else ("200", found)

    lua.eval(RUN)(request.headers, lua.table_from(metadata, recursive=True), respond, fetch, verify)
    return request


def worker(script: str) -> Any:
    """A thread of Envoy: what a script keeps is there for the next request."""
    # Bytes one to one: signatures and keys are no text.
    lua = lupa.LuaRuntime(unpack_returned_tuples=True, encoding="latin-1")
    lua.execute(script)
    return lua


def verify(hash_: str, key: str, signature: str, text: str) -> tuple[bool, str]:
    """As Envoy's verifySignature: BoringSSL's EVP_DigestVerify, which takes a signature in ASN.1."""
    assert hash_ == "sha256"
    public = serialization.load_der_public_key(key.encode("latin-1"))
    assert isinstance(public, ec.EllipticCurvePublicKey)
    try:
        public.verify(signature.encode("latin-1"), text.encode(), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False, "Failed to verify digest."
    return True, ""


def token(claims: Mapping[str, Any] | str, *, padded: bool = True) -> str:
    """A token as the load balancer writes it: with padding, unlike others."""
    text = claims if isinstance(claims, str) else json.dumps(claims)
    parts = ('{"alg":"ES256"}', text, "signature")
    coded = (base64.urlsafe_b64encode(part.encode()).decode() for part in parts)
    return ".".join(part if padded else part.rstrip("=") for part in coded)


def by_load_balancer(
    claims: Mapping[str, Any] | str | None, verified: Mapping[str, Any] | None, **headers: str
) -> Request:
    told = {} if claims is None else {"x-amzn-oidc-data": token(claims)}
    return run(load_balancer_script(COOKIE, None), {**told, **headers}, verified)


def test_it_tells_the_address_of_whom_envoy_verified():
    groups = ["team-vision", "platform-admins"]
    found = by_load_balancer(
        {"sub": SUB, "email": "Ann.Lee@Example.com", "email_verified": "true", "exp": 1},
        {"sub": SUB, "cognito:groups": groups, "client_id": "client"},
    )
    assert found.answer is None
    assert found.headers.values == {
        ":path": "/",
        "kubeflow-userid": "ann.lee@example.com",
        "kubeflow-groups": "team-vision,platform-admins",
    }


def test_who_is_in_no_group_has_no_groups_whatever_the_client_says():
    found = by_load_balancer(
        {"sub": SUB, "email": "a@example.com"}, {"sub": SUB}, **{"kubeflow-groups": "platform-admins"}
    )
    assert found.answer is None
    assert "kubeflow-groups" not in found.headers.values


def test_no_token_and_no_cookie_of_the_login_reaches_a_pod():
    found = by_load_balancer(
        {"sub": SUB, "email": "a@example.com"},
        {"sub": SUB},
        **{
            "cookie": f"_xsrf=1; {COOKIE}-0=secret; {COOKIE}-1=more;theme=dark",
            "x-amzn-oidc-accesstoken": "secret",
            "x-amzn-oidc-identity": SUB,
            "kubeflow-userid": "root@example.com",
            "accept": "text/html",
        },
    )
    assert found.headers.values == {
        ":path": "/",
        "kubeflow-userid": "a@example.com",
        "cookie": "_xsrf=1; theme=dark",
        "accept": "text/html",
    }


def test_a_cookie_header_with_nothing_else_goes():
    found = by_load_balancer({"sub": SUB, "email": "a@example.com"}, {"sub": SUB}, cookie=f"{COOKIE}=secret")
    assert "cookie" not in found.headers.values


@pytest.mark.parametrize(
    ("claims", "verified"),
    [
        pytest.param({"sub": SUB, "email": "a@example.com"}, None, id="no verified token"),
        pytest.param(None, {"sub": SUB}, id="no token of the load balancer"),
        pytest.param({"sub": "another", "email": "a@example.com"}, {"sub": SUB}, id="two people"),
        pytest.param({"email": "a@example.com"}, {"sub": SUB}, id="nobody named"),
        pytest.param({"sub": SUB, "email": "a@example.com"}, {"username": "x"}, id="a verified token of nobody"),
        pytest.param({"sub": SUB}, {"sub": SUB}, id="no address"),
        pytest.param({"sub": SUB, "email": "ann"}, {"sub": SUB}, id="no real address"),
        pytest.param({"sub": SUB, "email": "a@example.com,b@example.com"}, {"sub": SUB}, id="two addresses"),
        pytest.param({"sub": SUB, "email": "a\n@example.com"}, {"sub": SUB}, id="a line break"),
        pytest.param({"profile": {"sub": SUB, "email": "a@example.com"}}, {"sub": SUB}, id="below the top"),
        pytest.param([{"sub": SUB, "email": "a@example.com"}], {"sub": SUB}, id="a list"),
        pytest.param(f'{{"sub":"x","sub":"{SUB}","email":"a@example.com"}}', {"sub": SUB}, id="said twice"),
        pytest.param(f'{{"sub":"{SUB}","email":"a@example.com', {"sub": SUB}, id="cut off"),
        pytest.param("", {"sub": SUB}, id="empty"),
    ],
)
def test_it_refuses_who_is_not_verified_beyond_doubt(claims, verified):
    found = by_load_balancer(claims, verified, **{"kubeflow-userid": "root@example.com"})
    assert found.answer is not None
    assert found.answer[0] == {":status": "403"}
    assert not set(TOLD) & set(found.headers.values)


@pytest.mark.parametrize("told", ["", ".", "a.b", "a.b.c.d", "a.!.c", f"{token({'sub': SUB})},{token({'sub': SUB})}"])
def test_it_refuses_what_is_no_token(told):
    found = run(load_balancer_script(COOKIE, None), {"x-amzn-oidc-data": told}, {"sub": SUB})
    assert found.answer is not None


def test_a_value_cannot_pose_as_another_claim():
    """What people write into their own attributes stands in the same token."""
    claims = {
        "sub": SUB,
        "name": '","email":"root@example.com","x":"',
        "nickname": '"email":"root@example.com"',
        "address": {"email": "root@example.com"},
        "groups": ["email", "root@example.com"],
        "email": "a@example.com",
    }
    found = by_load_balancer(claims, {"sub": SUB})
    assert found.headers.values["kubeflow-userid"] == "a@example.com"


NAMES = st.text(string.printable + 'äé"\\{}[]:,', max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


@given(others=st.dictionaries(NAMES.filter(lambda name: name not in ("sub", "email")), VALUES, max_size=5))
def test_whatever_else_a_token_says_the_address_is_its_own(others):
    found = by_load_balancer({**others, "sub": SUB, "email": "a@example.com"}, {"sub": SUB})
    assert found.answer is None
    assert found.headers.values["kubeflow-userid"] == "a@example.com"


@given(email=st.text(string.ascii_letters + string.digits + ".+_-", min_size=1, max_size=30), padded=st.booleans())
def test_the_address_is_read_whatever_its_length(email, padded):
    told = token({"sub": SUB, "email": f"{email}@example.com"}, padded=padded)
    found = run(load_balancer_script(COOKIE, None), {"x-amzn-oidc-data": told}, {"sub": SUB})
    assert found.headers.values["kubeflow-userid"] == f"{email}@example.com".lower()


def test_the_gateway_s_own_login_tells_of_its_token():
    found = run(
        token_script(DEX_COOKIE, OPEN),
        {"cookie": f"{DEX_COOKIE}_0=a; {DEX_COOKIE}_csrf_x=b; a=1", "kubeflow-groups": "admins"},
        {"sub": "x", "email": "Ann@example.com", "groups": ["ml"]},
    )
    assert found.answer is None
    assert found.headers.values == {
        ":path": "/",
        "cookie": "a=1",
        "kubeflow-userid": "ann@example.com",
        "kubeflow-groups": "ml",
    }


@pytest.mark.parametrize("path", ["/dex/auth?x=1", "/oauth2/callback"])
def test_where_people_log_in_nobody_is_anybody_yet_and_the_cookies_stay(path):
    cookie = f"{DEX_COOKIE}_csrf_x=b"
    found = run(
        token_script(DEX_COOKIE, OPEN), {":path": path, "cookie": cookie, "kubeflow-userid": "root@example.com"}, None
    )
    assert found.answer is None
    assert found.headers.values == {":path": path, "cookie": cookie}


def test_elsewhere_it_refuses_who_has_no_token():
    found = run(token_script(DEX_COOKIE, OPEN), {":path": "/dexter", "kubeflow-userid": "root@example.com"}, None)
    assert found.answer is not None
    assert not set(TOLD) & set(found.headers.values)


def test_a_name_that_lua_would_misread_is_refused():
    with pytest.raises(ValueError, match="cannot be written in Lua"):
        load_balancer_script('x" .. os.exit() .. "', None)


def test_the_filter_comes_right_before_the_request_goes_on():
    (patch,) = last_filter("name", "script")["spec"]["configPatches"]
    assert patch["match"]["context"] == "GATEWAY"
    assert patch["match"]["listener"]["filterChain"]["filter"]["subFilter"] == {"name": "envoy.filters.http.router"}
    assert patch["patch"]["operation"] == "INSERT_BEFORE"


# The load balancer's signature.


def coded(value: bytes | Mapping[str, Any]) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).decode()


def signed(key: ec.EllipticCurvePrivateKey = KEY, numbers: tuple[int, int] | None = None, **head: str) -> str:
    """The load balancer's token, as the user guide has it: padded, and the signature's two numbers side by side."""
    header = {
        "alg": "ES256",
        "kid": KEY_ID,
        "signer": SIGNER.load_balancer,
        "iss": "https://cognito-idp.us-west-2.amazonaws.com/us-west-2_1",
        "client": SIGNER.client,
        "exp": 1795365650,
        **head,
    }
    text = f"{coded(header)}.{coded({'sub': SUB, 'email': 'a@example.com'})}"
    first, second = numbers or decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{text}.{coded(first.to_bytes(32, 'big') + second.to_bytes(32, 'big'))}"


def with_signature(told: str, keys: Mapping[str, str] | None = None, lua: Any = None) -> Request:
    script = lua or load_balancer_script(COOKIE, SIGNER)
    return run(script, {"x-amzn-oidc-data": told}, {"sub": SUB}, {f"/{KEY_ID}": PEM} if keys is None else keys)


def test_a_token_that_the_load_balancer_signed_is_believed():
    # Numbers of a signature are shorter, or begin with a set bit, by chance.
    for _ in range(300):
        found = with_signature(signed())
        assert found.answer is None
        assert found.headers.values["kubeflow-userid"] == "a@example.com"


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(lambda: signed(ec.generate_private_key(ec.SECP256R1())), id="another's signature"),
        pytest.param(lambda: signed(signer=SIGNER.load_balancer.replace("acme", "evil")), id="another load balancer"),
        pytest.param(lambda: signed(client="another"), id="another client"),
        pytest.param(lambda: signed(alg="none"), id="no algorithm"),
        pytest.param(lambda: signed(alg="HS256"), id="another algorithm"),
        pytest.param(lambda: signed(kid="../../x"), id="a key's id that is a path"),
        pytest.param(lambda: signed(kid="ffff"), id="an unknown key"),
        pytest.param(lambda: signed(numbers=(0, 0)), id="nothing for a signature"),
        pytest.param(lambda: signed().rpartition(".")[0] + ".AAAA", id="a short signature"),
        pytest.param(lambda: forged(signed()), id="another address under a good signature"),
    ],
)
def test_any_other_token_is_not(told):
    found = with_signature(told())
    assert found.answer == ({":status": "403"}, "The load balancer's token is not signed by it.")
    assert not set(TOLD) & set(found.headers.values)


def forged(told: str) -> str:
    header, _, signature = told.split(".")
    return f"{header}.{coded({'sub': SUB, 'email': 'root@example.com'})}.{signature}"


def test_keys_that_cannot_be_had_let_nobody_in():
    assert with_signature(signed(), keys={}).answer is not None


def test_a_key_is_fetched_once_and_again_where_that_failed():
    lua = worker(load_balancer_script(COOKIE, SIGNER))
    assert with_signature(signed(), {}, lua).fetched == [f"/{KEY_ID}"]
    assert with_signature(signed(), None, lua).fetched == [f"/{KEY_ID}"]
    later = with_signature(signed(), None, lua)
    assert later.fetched == []
    assert later.answer is None


def test_slashes_may_be_escaped():
    """JSON allows it, and some writers do."""
    told = signed()
    header = base64.urlsafe_b64decode(told.split(".")[0]).replace(b"/", b"\\/")
    text = f"{coded(header)}.{told.split('.')[1]}"
    first, second = decode_dss_signature(KEY.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    assert with_signature(f"{text}.{coded(first.to_bytes(32, 'big') + second.to_bytes(32, 'big'))}").answer is None


def test_the_signature_reaches_envoy_as_it_was():
    first, second = 1, 2**255
    assert encode_dss_signature(first, second)[:2] == b"\x30\x26"
    # Whether it is good is Envoy's to say: here only that odd numbers are written as ASN.1 has them.
    seen = []

    def spy(_hash: str, _key: str, signature: str, _text: str) -> tuple[bool, str]:
        seen.append(signature.encode("latin-1"))
        return False, ""

    lua = worker(load_balancer_script(COOKIE, SIGNER))
    metadata = {"envoy.filters.http.jwt_authn": {"payload": {"sub": SUB}}}
    headers = Headers({":path": "/", "x-amzn-oidc-data": signed(numbers=(first, second))})
    lua.eval(RUN)(headers, lua.table_from(metadata, recursive=True), print, lambda *_: ("200", PEM), spy)
    assert seen == [encode_dss_signature(first, second)]
