"""Issuers of certificates: an authority of the cluster's own."""

from typing import Any, Final

from addons.spec import AddOn, AddOnSettings, Objects
from infra.handle import ClusterHandle

_NAMESPACE: Final = "cert-manager"
"""Where cert-manager looks for the secrets of issuers that are not in a namespace."""
_API: Final = "cert-manager.io/v1"
_SELF_SIGNED: Final = "self-signed"
_CA: Final = "cluster-ca"
_CA_HOURS: Final = 10 * 365 * 24
_RENEW_HOURS: Final = 90 * 24


def _objects(handle: ClusterHandle, _settings: AddOnSettings) -> list[dict[str, Any]]:
    """The authority's key is made in the cluster and never leaves it."""
    certificate = {
        "apiVersion": _API,
        "kind": "Certificate",
        "metadata": {"name": _CA, "namespace": _NAMESPACE},
        "spec": {
            "isCA": True,
            "commonName": handle.name,
            "secretName": _CA,
            "duration": f"{_CA_HOURS}h0m0s",
            "renewBefore": f"{_RENEW_HOURS}h0m0s",
            "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
            "issuerRef": {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": _SELF_SIGNED},
        },
    }
    return [_issuer(_SELF_SIGNED, {"selfSigned": {}}), certificate, _issuer(_CA, {"ca": {"secretName": _CA}})]


def _issuer(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": _API, "kind": "ClusterIssuer", "metadata": {"name": name}, "spec": spec}


ADDON = AddOn(
    name="cert-manager-issuers",
    group="ingress",
    summary="the issuers self-signed and cluster-ca: certificates that only the cluster trusts",
    docs="https://cert-manager.io/docs/configuration/ca/",
    source=Objects(build=_objects),
    settings=AddOnSettings,
    presets=("inference", "notebooks"),
    namespace=_NAMESPACE,
    needs=("cert-manager",),
    creates=frozenset({"Certificate", "ClusterIssuer"}),
)
