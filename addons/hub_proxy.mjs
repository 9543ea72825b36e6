// What the proxy of JupyterHub keeps from people's servers. Node loads it before the proxy's own code.
//
// A server runs its owner's code, and the proxy leads everybody to it who follows a link there, before anyone asks who
// they are. With the load balancer's tokens or its session, which come with each request, that code could be them. The
// hub alone gets the tokens; nobody gets the session.
//
// Source: lib/configproxy.js (targetForReq) of jupyterhub/configurable-http-proxy 5: servers are below /user/, and what
// no server has is the hub's.

import http from "node:http";

const TOKENS = ["x-amzn-oidc-accesstoken", "x-amzn-oidc-data", "x-amzn-oidc-identity"];
const SESSION = process.env.LOGIN_COOKIE;

function ofHub(url) {
  try {
    return decodeURIComponent(new URL(url, "http://example.com").pathname).startsWith("/hub/");
  } catch {
    return false;
  }
}

function strip({ headers, url }) {
  if (!ofHub(url)) {
    TOKENS.forEach((name) => delete headers[name]);
  }
  const cookies = (headers.cookie ?? "").split(";").map((cookie) => cookie.trim());
  headers.cookie = cookies.filter((cookie) => !cookie.startsWith(SESSION)).join("; ");
  if (!headers.cookie) {
    delete headers.cookie;
  }
}

const { emit } = http.Server.prototype;

http.Server.prototype.emit = function (event, first, ...rest) {
  if (first instanceof http.IncomingMessage) {
    strip(first);
  }
  return emit.call(this, event, first, ...rest);
};
