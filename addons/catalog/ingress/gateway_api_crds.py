"""Gateway API: the kinds Gateway, HTTPRoute and so on, of the standard channel. Who acts on them is another add-on."""

from typing import Final

from addons.spec import AddOn, AddOnSettings, Manifest, Ready

# renovate: datasource=github-releases depName=kubernetes-sigs/gateway-api
_VERSION: Final = "v1.6.1"
_GROUP: Final = "gateway.networking.k8s.io"
_KINDS: Final = (
    "backendtlspolicies",
    "gatewayclasses",
    "gateways",
    "grpcroutes",
    "httproutes",
    "listenersets",
    "referencegrants",
    "tcproutes",
    "tlsroutes",
    "udproutes",
)


class GatewayApiSettings(AddOnSettings):
    """Settings of the Gateway API: none."""


ADDON = AddOn(
    name="gateway-api-crds",
    group="ingress",
    summary="the kinds of the Gateway API, for controllers that serve them",
    docs="https://gateway-api.sigs.k8s.io",
    source=Manifest(
        url=f"https://github.com/kubernetes-sigs/gateway-api/releases/download/{_VERSION}/standard-install.yaml",
        version=_VERSION,
    ),
    settings=GatewayApiSettings,
    presets=("inference",),
    owns_crds=tuple(f"{kind}.{_GROUP}" for kind in _KINDS),
    ready=(Ready(kind="CustomResourceDefinition", name=f"gateways.{_GROUP}"),),
)
