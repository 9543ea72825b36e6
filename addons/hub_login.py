"""The hub's login: people are who the load balancer says, in a token that it signs for each request.

JupyterHub runs the text of this file as its configuration; nothing here imports it. What it needs, PyJWT too, is in the
image of the hub (jupyterhub/zero-to-jupyterhub-k8s 4.4.0, images/hub/requirements.txt).

Sources: Application Load Balancer user guide, "Authenticate users", "User claims encoding and signature verification";
JupyterHub documentation, "Authenticators".
"""

import os
import re
import time
from typing import Any

import jwt  # type: ignore[import-not-found]  # of the hub's image alone
from jupyterhub.auth import Authenticator  # type: ignore[import-not-found]
from jupyterhub.handlers import BaseHandler  # type: ignore[import-not-found]
from jupyterhub.utils import url_path_join  # type: ignore[import-not-found]
from tornado import web  # type: ignore[import-not-found]
from tornado.httpclient import AsyncHTTPClient  # type: ignore[import-not-found]

HEADER = "X-Amzn-Oidc-Data"
PAGE = "load-balancer-login"
KEY_ID = re.compile(r"[0-9a-f-]{36}")


class LoadBalancerAuthenticator(Authenticator):  # type: ignore[misc]  # see above
    """Knows people by the address in the load balancer's token."""

    auto_login = True
    keys: dict[str, str] = {}  # noqa: RUF012  # the hub's process has one authenticator

    def login_url(self, base_url: str) -> str:
        """Where people who are not known yet are sent."""
        return str(url_path_join(base_url, PAGE))

    def get_handlers(self, _app: object) -> list[tuple[str, type]]:
        """The page at which they come to be known."""
        return [(f"/{PAGE}", LoadBalancerHandler)]

    async def authenticate(self, handler: Any, _data: object = None) -> str | None:  # noqa: ANN401  # of Tornado
        """Who sends this request; None where the load balancer does not say it."""
        token = handler.request.headers.get(HEADER)
        try:
            return await self.address(token) if token else None
        except (jwt.InvalidTokenError, KeyError, ValueError) as error:
            self.log.warning("a token of the load balancer was refused: %s", error)
            return None

    async def refresh_user(self, user: Any, handler: Any = None) -> bool:  # noqa: ANN401  # of the hub
        """Whether a session goes on: not where somebody else has signed in at the load balancer meanwhile.

        Servers and programs in the cluster come with a token of the hub, past the load balancer.
        """
        if handler is None or HEADER not in handler.request.headers:
            return True
        return bool(await self.authenticate(handler) == user.name)

    async def address(self, token: str) -> str:
        """The address in a token that our load balancer signed for our client, and that is still good.

        Raises:
            jwt.InvalidTokenError: It is not; the message says why.
            KeyError: It lacks what every such token has.
        """
        header = jwt.get_unverified_header(token)
        ours = {"alg": "ES256", "signer": os.environ["LOGIN_SIGNER"], "client": os.environ["LOGIN_CLIENT"]}
        for name, value in ours.items():
            if header.get(name) != value:
                raise jwt.InvalidTokenError(f"its {name} is {header.get(name)!r}")
        if int(header["exp"]) < time.time():
            raise jwt.InvalidTokenError("its time is over")
        key = await self.public_key(header["kid"])
        claims = jwt.decode(token, key, algorithms=["ES256"], issuer=os.environ["LOGIN_ISSUER"])
        if str(claims["email_verified"]).lower() != "true":
            raise jwt.InvalidTokenError(f"{claims['email']} was never confirmed")
        return str(claims["email"]).lower()

    async def public_key(self, key_id: str) -> str:
        """A key of the load balancers of the region, in PEM."""
        if not KEY_ID.fullmatch(key_id):
            raise jwt.InvalidTokenError(f"its kid is {key_id!r}")
        if key_id not in self.keys:
            response = await AsyncHTTPClient().fetch(f"{os.environ['LOGIN_KEYS']}/{key_id}")
            self.keys[key_id] = response.body.decode()
        return self.keys[key_id]


class LoadBalancerHandler(BaseHandler):  # type: ignore[misc]  # see above
    """Makes a session of the hub for whoever the load balancer has signed in."""

    async def get(self) -> None:
        """Send them on to where they wanted."""
        user = await self.login_user()
        if user is None:
            raise web.HTTPError(403, "Sign in at the platform's own address.")
        self.redirect(self.get_next_url(user))


c = get_config()  # type: ignore[name-defined]  # noqa: F821  # given by JupyterHub
c.JupyterHub.authenticator_class = LoadBalancerAuthenticator
