"""The filter at the gateway that turns a verified login into the headers that Kubeflow trusts. Lua, run by Envoy.

Envoy by itself verifies tokens with keys in JWKS form: Cognito's. The load balancer's own token, the only one with the
email address, is signed with a key that it publishes in another form, so the script verifies that one, and takes the
address only where both name the same person. Whatever a client said of itself goes first: Envoy lets a request go on
where a script breaks off.

Sources: ELB user guide, "Authenticate users using an Application Load Balancer"; Envoy, "Lua" (HTTP filter), and its
source/common/crypto; Istio 1.30.3, pilot/pkg/networking/core/listener_builder.go (jwt_authn, then rbac, then router)
and pilot/pkg/security/authn/policy_applier.go (verified claims are at `payload` of jwt_authn's metadata).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi

from addons.istio import GATEWAY_LABELS, GROUPS_HEADER, USER_HEADER, envoy_filter

TOKEN_HEADER: Final = "x-amzn-oidc-accesstoken"  # noqa: S105  # a header's name
"""Cognito's access token: who, which groups, for which client."""
CLAIMS_HEADER: Final = "x-amzn-oidc-data"
"""The load balancer's token: what Cognito says of the person."""
_STRIPPED: Final = (USER_HEADER, GROUPS_HEADER, TOKEN_HEADER, CLAIMS_HEADER, "x-amzn-oidc-identity")

_COOKIES: Final = r"""
-- A pod that sees the cookie of somebody's session could be that person.
local function strip_cookies(headers)
  local cookies = headers:get("cookie")
  if cookies == nil then
    return
  end
  local kept = {}
  for cookie in cookies:gmatch("[^;]+") do
    cookie = cookie:match("^%s*(.-)%s*$")
    if cookie:sub(1, #SESSION) ~= SESSION then
      kept[#kept + 1] = cookie
    end
  end
  if #kept == 0 then
    headers:remove("cookie")
  else
    headers:replace("cookie", table.concat(kept, "; "))
  end
end
"""

_CLAIMS: Final = r"""
local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
local DIGITS = { ["+"] = 62, ["-"] = 62, ["/"] = 63, ["_"] = 63 }
for index = 1, #ALPHABET do
  DIGITS[ALPHABET:sub(index, index)] = index - 1
end

local function decoded(text)
  local bits, count, bytes = 0, 0, {}
  for char in text:gmatch("[^=]") do
    local digit = DIGITS[char]
    if digit == nil then
      return ""
    end
    bits, count = bits * 64 + digit, count + 6
    if count >= 8 then
      count = count - 8
      local byte = math.floor(bits / 2 ^ count)
      bytes[#bytes + 1] = string.char(byte)
      bits = bits - byte * 2 ^ count
    end
  end
  return table.concat(bytes)
end

-- Where the quoted text that begins at a place ends.
local function ending(text, at)
  at = at + 1
  while true do
    local found = text:find('["\\]', at)
    if found == nil or text:sub(found, found) == '"' then
      return found
    end
    at = found + 2
  end
end

-- The texts at the top of a JSON object, as they are written; nothing where a name is there twice.
local function texts(json)
  local found, depth, key, at = {}, 0, nil, 1
  while true do
    local start = json:find('["{}%[%],]', at)
    if start == nil then
      return found
    end
    local char = json:sub(start, start)
    at = start + 1
    if char == '"' then
      local stop = ending(json, start)
      if stop == nil then
        return {}
      end
      local value = json:sub(start + 1, stop - 1)
      at = stop + 1
      if depth == 1 and json:find("^%s*:", at) then
        key = value
      elseif depth == 1 and key ~= nil then
        if found[key] ~= nil then
          return {}
        end
        found[key] = (value:gsub("\\/", "/"))
      end
    elseif char == "{" or char == "[" then
      depth = depth + 1
    elseif char == "}" or char == "]" then
      depth = depth - 1
    elseif depth == 1 then
      key = nil
    end
  end
end
"""

_TELL: Final = r"""
local function refuse(handle, why)
  handle:respond({ [":status"] = "403", ["content-type"] = "text/plain" }, why)
end

-- What Envoy verified; nothing where there was no token.
local function verified(handle)
  local found = handle:streamInfo():dynamicMetadata():get("envoy.filters.http.jwt_authn")
  return found and found["payload"]
end

local function strip(headers)
  for _, name in ipairs(STRIPPED) do
    headers:remove(name)
  end
end

local function tell(handle, email, groups)
  if type(email) ~= "string" or not email:match("^[^%s%c\\,@]+@[^%s%c\\,@]+$") then
    return refuse(handle, "The account has no email address.")
  end
  handle:headers():add(USER, email:lower())
  if type(groups) == "table" and #groups > 0 then
    handle:headers():add(GROUPS, table.concat(groups, ","))
  end
end
"""

_UNSIGNED: Final = r"""
local function signed()
  return true
end
"""

_SIGNED: Final = r"""
-- What the load balancer's keys are, as they were fetched; it changes them now and then.
local KEYS = {}

local function public_key(handle, id)
  if KEYS[id] == nil then
    local request = { [":method"] = "GET", [":path"] = KEYS_PATH .. id, [":authority"] = KEYS_HOST }
    local answer, body = handle:httpCall(KEYS_CLUSTER, request, nil, 5000)
    if answer[":status"] ~= "200" or body == nil then
      return nil
    end
    KEYS[id] = decoded((body:gsub("%-%-%-%-%-[%u ]+%-%-%-%-%-", ""):gsub("%s", "")))
  end
  return KEYS[id]
end

-- Tokens have the two numbers of a signature side by side; Envoy takes them in ASN.1.
local function number(bytes)
  bytes = bytes:gsub("^%z+", "")
  if bytes == "" or bytes:byte(1) >= 128 then
    bytes = "\0" .. bytes
  end
  return "\2" .. string.char(#bytes) .. bytes
end

local function signed(handle, header, payload, signature)
  local head, pair = texts(decoded(header)), decoded(signature)
  local id = head["kid"] or ""
  if head["alg"] ~= "ES256" or head["signer"] ~= SIGNER or head["client"] ~= CLIENT then
    return false
  end
  if #pair ~= 64 or not id:match("^[%x%-]+$") then
    return false
  end
  local key = public_key(handle, id)
  if key == nil then
    return false
  end
  local numbers = number(pair:sub(1, 32)) .. number(pair:sub(33))
  local asn1 = "\48" .. string.char(#numbers) .. numbers
  local text = header .. "." .. payload
  local good = handle:verifySignature("sha256", handle:importPublicKey(key, #key), asn1, #asn1, text, #text)
  return good == true
end
"""

_BY_LOAD_BALANCER: Final = r"""
function envoy_on_request(handle)
  local headers = handle:headers()
  local told = headers:get(CLAIMS)
  strip(headers)
  strip_cookies(headers)
  local token = verified(handle)
  if token == nil or told == nil then
    return refuse(handle, "Nobody is logged in.")
  end
  local part = "([%w%-_=+/]+)"
  local header, payload, signature = told:match("^" .. part .. "%." .. part .. "%." .. part .. "$")
  local who = texts(decoded(payload or ""))
  if token["sub"] == nil or who["sub"] ~= token["sub"] then
    return refuse(handle, "The two tokens of the load balancer are not of one person.")
  end
  if not signed(handle, header, payload, signature) then
    return refuse(handle, "The load balancer's token is not signed by it.")
  end
  return tell(handle, who["email"], token["cognito:groups"])
end
"""

_BY_DEX: Final = r"""
function envoy_on_request(handle)
  local headers = handle:headers()
  local path = headers:get(":path")
  strip(headers)
  for _, prefix in ipairs(OPEN) do
    if path:sub(1, #prefix) == prefix then
      return
    end
  end
  strip_cookies(headers)
  local token = verified(handle)
  if token == nil then
    return refuse(handle, "Nobody is logged in.")
  end
  return tell(handle, token["email"], token["groups"])
end
"""


def _local(name: str, value: str | Sequence[str]) -> str:
    if isinstance(value, str):
        return f"local {name} = {_quoted(value)}\n"
    return f"local {name} = {{ {', '.join(_quoted(each) for each in value)} }}\n"


def _quoted(text: str) -> str:
    if set(text) & set('"\\\n'):
        raise ValueError(f"{text!r} cannot be written in Lua as it is")
    return f'"{text}"'


@dataclass(frozen=True, kw_only=True)
class Signer:
    """Who signs the load balancer's token, and where its keys are.

    Attributes:
        load_balancer: ARN.
        client: Of the user pool, as which it logs people in.
        host: Of its keys.
        path: Of a key, before the key's id.
    """

    load_balancer: str
    client: str
    host: str
    path: str

    @property
    def cluster(self) -> str:
        """What Envoy calls the way there."""
        return f"outbound|443||{self.host}"


def load_balancer_script(session_cookie: str, signer: Signer | None) -> str:
    """The Lua code for a login by the load balancer: tells who asks, and keeps tokens and cookies from the pods.

    Args:
        session_cookie: The load balancer's; long ones are cut in parts, whose names begin with it.
        signer: None where the signature is not looked at.

    Raises:
        ValueError: One of the names has a quotation mark or the like in it.
    """
    signed = _UNSIGNED if signer is None else f"{_signer(signer)}{_SIGNED}"
    return "".join(
        (_local("CLAIMS", CLAIMS_HEADER), _shared(session_cookie), _CLAIMS, _TELL, signed, _BY_LOAD_BALANCER)
    )


def _signer(signer: Signer) -> str:
    constants = {
        "SIGNER": signer.load_balancer,
        "CLIENT": signer.client,
        "KEYS_CLUSTER": signer.cluster,
        "KEYS_HOST": signer.host,
        "KEYS_PATH": signer.path,
    }
    return "".join(_local(name, value) for name, value in constants.items())


def token_script(session_cookie: str, open_paths: Sequence[str]) -> str:
    """The Lua code for a login that the gateway asks for: its token has the email address and the groups.

    Args:
        session_cookie: What the names of the login's cookies begin with.
        open_paths: Prefixes of paths where people log in: nobody is known there, and the cookies are needed.

    Raises:
        ValueError: One of them has a quotation mark or the like in it.
    """
    return "".join((_local("OPEN", list(open_paths)), _shared(session_cookie), _TELL, _BY_DEX))


def _shared(session_cookie: str) -> str:
    constants = {"SESSION": session_cookie, "USER": USER_HEADER, "GROUPS": GROUPS_HEADER, "STRIPPED": list(_STRIPPED)}
    return "".join((*(_local(name, value) for name, value in constants.items()), _COOKIES))


def last_filter(name: str, script: pulumi.Input[str]) -> dict[str, Any]:
    """A filter of the gateway that runs this Lua code after tokens and policies, right before the request goes on."""
    router = {"name": "envoy.filters.http.router"}
    manager = {"name": "envoy.filters.network.http_connection_manager", "subFilter": router}
    value = {
        "name": f"slipway.{name}",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
            "default_source_code": {"inline_string": script},
        },
    }
    patch = {
        "applyTo": "HTTP_FILTER",
        "match": {"context": "GATEWAY", "listener": {"filterChain": {"filter": manager}}},
        "patch": {"operation": "INSERT_BEFORE", "value": value},
    }
    return envoy_filter(name, spec={"workloadSelector": {"labels": dict(GATEWAY_LABELS)}, "configPatches": [patch]})
