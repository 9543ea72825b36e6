"""An ACME issuer of certificates for the stack's domain, such as Let's Encrypt."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from addons.spec import AddOn, AddOnSettings, Objects
from infra.handle import ClusterHandle

_NAME: Final = "acme"
_SERVERS: Final = {
    "production": "https://acme-v02.api.letsencrypt.org/directory",
    "staging": "https://acme-staging-v02.api.letsencrypt.org/directory",
}
"""Source: Let's Encrypt, "ACME Protocol Updates" and "Staging Environment"."""

Email = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
Url = Annotated[str, Field(pattern=r"^https://\S+$")]


class CertManagerAcmeSettings(AddOnSettings):
    """Settings of the ACME issuer. By using it you accept the authority's terms."""

    server: Literal["production", "staging"] | Url = "production"
    """Let's Encrypt's servers, or the directory URL of another authority. The staging server's certificates are
    trusted by nobody; its limits are wide."""

    email: Email | None = None
    """Where the authority writes about the account."""


def _objects(handle: ClusterHandle, settings: CertManagerAcmeSettings) -> list[dict[str, Any]]:
    """Challenges by DNS alone: it gives wildcards, too, and nothing has to be reachable from outside.

    The solver names no credentials: a ClusterIssuer may use those of cert-manager's own service account.
    """
    edge = handle.edge
    if edge is None or edge.zone_id is None:
        return []
    acme = {
        "server": _SERVERS.get(settings.server, settings.server),
        **({"email": settings.email} if settings.email else {}),
        "privateKeySecretRef": {"name": f"{_NAME}-account"},
        "solvers": [
            {
                "selector": {"dnsZones": [edge.domain]},
                "dns01": {"route53": {"region": handle.region, "hostedZoneID": edge.zone_id}},
            }
        ],
    }
    return [
        {
            "apiVersion": "cert-manager.io/v1",
            "kind": "ClusterIssuer",
            "metadata": {"name": _NAME},
            "spec": {"acme": acme},
        }
    ]


def _applies(handle: ClusterHandle) -> str | None:
    if not handle.internet:
        return "nodes do not reach the authority: network.internet is false"
    return None if handle.edge and handle.edge.zone_id is not None else "the stack has no hosted zone (edge.zone)"


ADDON = AddOn(
    name="cert-manager-acme",
    group="ingress",
    summary="the issuer acme: certificates for the stack's domain that everybody trusts",
    docs="https://cert-manager.io/docs/configuration/acme/dns01/route53/",
    source=Objects(build=_objects),
    settings=CertManagerAcmeSettings,
    applies=_applies,
    namespace="cert-manager",
    needs=("cert-manager",),
    stands_on=("edge.zone",),
    creates=frozenset({"ClusterIssuer"}),
)
