"""What the proxy of JupyterHub keeps from people's servers: the script in front of a server that says what it got."""

import json
import os
import shutil
import subprocess
from typing import Any

import pytest

from addons.catalog.engines import jupyterhub

NODE = shutil.which("node")
COOKIE = "AWSELBAuthSessionCookie"
TOKENS = {
    "x-amzn-oidc-accesstoken": "access",
    "x-amzn-oidc-data": "data",
    "x-amzn-oidc-identity": "sub",
}
# Sends itself one request, and says what came of it.
ECHO = """
const { createServer, request } = await import("node:http");
const { path, headers } = JSON.parse(process.argv[1]);
const answer = (got) => { console.log(JSON.stringify(got.headers)); process.exit(); };
const server = createServer(answer);
server.on("upgrade", answer);
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address();
  request({ host: "127.0.0.1", port, path, headers }).on("error", () => {}).end();
});
"""

pytestmark = pytest.mark.skipif(NODE is None, reason="there is no node")


def passed_on(path: str, headers: dict[str, str]) -> dict[str, Any]:
    said = json.dumps({"path": path, "headers": headers})
    done = subprocess.run(
        [str(NODE), "--input-type=module", "--eval", ECHO, said],
        env={"PATH": os.environ["PATH"], "NODE_OPTIONS": jupyterhub.proxy_options(), "LOGIN_COOKIE": COOKIE},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    "path",
    [
        "/user/eve/lab",
        "/user/eve/hub/",
        "/hub/../user/eve/",
        "/hub/%2e%2e/user/eve/",
        "//hub/user/eve/",
        "/user%2Feve/",
        "/%E0%A4%A",
        "/hubs",
    ],
)
def test_a_server_gets_nobody_s_token(path):
    assert not passed_on(path, TOKENS).keys() & TOKENS.keys()


@pytest.mark.parametrize("path", ["/hub/", "/hub/load-balancer-login?next=%2Fhub%2F"])
def test_the_hub_is_told_who_asks(path):
    assert passed_on(path, TOKENS).items() >= TOKENS.items()


def test_nobody_gets_the_load_balancer_s_session():
    cookies = f"a=1; {COOKIE}-0=x; _xsrf=2;{COOKIE}-1=y"
    assert passed_on("/user/eve/", {"cookie": cookies})["cookie"] == "a=1; _xsrf=2"
    assert passed_on("/hub/", {"cookie": cookies})["cookie"] == "a=1; _xsrf=2"
    assert "cookie" not in passed_on("/user/eve/", {"cookie": f"{COOKIE}=x"})


def test_neither_does_a_kernel_s_channel():
    upgrade = {"connection": "Upgrade", "upgrade": "websocket", "cookie": f"{COOKIE}-0=x", **TOKENS}
    got = passed_on("/user/eve/api/kernels/1/channels", upgrade)
    assert got["upgrade"] == "websocket"
    assert not got.keys() & {"cookie", *TOKENS}
