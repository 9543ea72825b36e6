"""istiod: gives the proxies of the mesh their configuration and certificates, and puts them beside pods."""

from typing import Annotated, Any, Final

from pydantic import Field

from addons.dex import OAUTH2_PROXY_HOST
from addons.istio import EXTERNAL_AUTHORIZATION, IMAGES, KINDS, NAMESPACE, REPOSITORY, VERSION
from addons.spec import AddOn, AddOnSettings, Chart, Image, Ready, Values, Webhook
from infra.handle import ClusterHandle

_NAME: Final = "istiod"
_RUNTIME_DEFAULT: Final = {"type": "RuntimeDefault"}


class IstiodSettings(AddOnSettings):
    """Settings of istiod."""

    memory_mib: Annotated[int, Field(ge=256, le=16384)] = 512
    """What one of its pods asks for, in MiB. It grows with the number of services and of pods in the mesh."""
    proxy_memory_mib: Annotated[int, Field(ge=40, le=1024)] = 64
    """What the proxy beside each pod of the mesh asks for, in MiB. It may use up to 1 GiB."""
    metrics: bool = False
    """Whether proxies count requests, for Prometheus. It costs memory in each of them."""


def _values(_handle: ClusterHandle, settings: IstiodSettings) -> Values:
    return {
        "autoscaleMin": 2,
        "cni": {"enabled": True},
        "resources": {"requests": {"cpu": "100m", "memory": f"{settings.memory_mib}Mi"}},
        "seccompProfile": _RUNTIME_DEFAULT,
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": {"istio": "pilot"}},
            }
        ],
        "env": {
            # A proxy that starts before the other containers and ends after them: a Job with one comes to an end.
            "ENABLE_NATIVE_SIDECARS": "true",
            # Gateways of the Gateway API route to pools of model servers.
            "ENABLE_GATEWAY_API_INFERENCE_EXTENSION": "true",
            # A login's new keys are known this soon.
            "PILOT_JWT_PUB_KEY_REFRESH_INTERVAL": "1m",
        },
        # istiod would turn it to this by itself once it is ready.
        "base": {"validationFailurePolicy": "Fail"},
        "telemetry": {"enabled": settings.metrics},
        "gateways": {"seccompProfile": _RUNTIME_DEFAULT},
        "global": {
            "proxy": {
                "resources": {"requests": {"cpu": "20m", "memory": f"{settings.proxy_memory_mib}Mi"}},
                # Pods of the mesh also fit the standard "restricted".
                "seccompProfile": _RUNTIME_DEFAULT,
            }
        },
        "meshConfig": {"extensionProviders": [_external_authorization()]},
    }


def _external_authorization() -> dict[str, Any]:
    """Who is asked by policies with the action CUSTOM; nobody, where none names it.

    Source: common/istio/istio-install/overlays/oauth2-proxy of kubeflow/community-distribution 26.03.1, without `path`,
    which would let the one who answers change where a request goes.
    """
    return {
        "name": EXTERNAL_AUTHORIZATION,
        "envoyExtAuthzHttp": {
            "service": OAUTH2_PROXY_HOST,
            "port": 80,
            "includeRequestHeadersInCheck": ["authorization", "cookie"],
            "headersToUpstreamOnAllow": ["authorization"],
            "headersToDownstreamOnDeny": ["content-type", "set-cookie"],
        },
    }


def _image(name: str, path: str) -> Image:
    return Image(reference=f"{IMAGES}/{name}:{VERSION}", whole=path)


def _injector() -> Webhook:
    """It sees pods in namespaces, and pods, that are labelled to be in the mesh."""
    return Webhook(intercepts=frozenset({"Pod"}), failure_policy="Fail", opt_in=True)


ADDON = AddOn(
    name=_NAME,
    group="mesh",
    summary="the mesh's control plane: configuration, certificates and proxies beside pods",
    docs="https://istio.io/latest/docs/",
    source=Chart(repo=REPOSITORY, name=_NAME, version=VERSION),
    settings=IstiodSettings,
    presets=("inference", "notebooks"),
    namespace=NAMESPACE,
    values=_values,
    images=(
        _image("pilot", "image"),
        # Of the gateways, and beside pods: the first as the proxy, the second to see that the node agent did its part.
        _image("proxyv2", "global.proxy.image"),
        _image("proxyv2", "global.proxy_init.image"),
    ),
    needs=("coredns", "istio-base", "istio-cni"),
    webhooks=(*(_injector() for _ in range(4)), Webhook(intercepts=KINDS, failure_policy="Fail")),
    creates=frozenset({"Service"}),
    ready=(Ready(kind="Deployment", name=_NAME),),
)
