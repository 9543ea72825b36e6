"""KServe: models as services that scale, from a few lines that name a format and a place."""

from collections.abc import Iterator
from typing import Annotated, Final, Literal

from pydantic import Field

from addons import kserve
from addons.kserve import image
from addons.spec import AddOn, AddOnSettings, Image, Ready, Values, Webhook
from infra.handle import ClusterHandle
from infra.surroundings import Surroundings

_MODEL_CACHE: Final = "kserve-localmodel-resources"
_KNATIVE: Final = "knative-serving"
_KINDS: Final = ("ClusterServingRuntime", "InferenceGraph", "InferenceService", "ServingRuntime", "TrainedModel")


class KserveSettings(AddOnSettings):
    """Settings of KServe."""

    mode: Literal["standard", "knative"] = "standard"
    """How an InferenceService is run that does not say so itself in `serving.kserve.io/deploymentMode`: as a Deployment
    with an autoscaler, or as a Knative service, which goes to zero by itself and holds requests while it comes back.
    Knative needs the add-on `knative-serving`; where that is there, single services may use it in either case."""

    domain: (
        Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")] | None
    ) = None
    """Services are the hosts `<name>-<namespace>.<domain>` at the gateway. By default `models.<edge.domain>`, without
    an edge `models.internal`. No DNS record is made: clients in the cluster send the host in the header."""

    memory_mib: Annotated[int, Field(ge=300, le=8192)] = 1024
    """Memory of the controller, in MiB. It keeps every pod and InferenceService of the cluster."""

    download_memory_mib: Annotated[int, Field(ge=256, le=65536)] = 4096
    """How much memory the container may use that copies a model from its bucket, in MiB."""


def _domain(handle: ClusterHandle, settings: KserveSettings) -> str:
    return settings.domain or (handle.edge.host("models") if handle.edge else "models.internal")


def _values(handle: ClusterHandle, settings: KserveSettings) -> Values:
    return {
        "kserve": {
            "controller": {
                "deploymentMode": settings.mode.capitalize(),
                "resources": {
                    "requests": {"cpu": "100m", "memory": "300Mi"},
                    # The chart's 300Mi do not do for a cluster with a few hundred services.
                    "limits": {"cpu": "1", "memory": f"{settings.memory_mib}Mi"},
                },
                "rbacProxy": {
                    "resources": {
                        "requests": {"cpu": "10m", "memory": "32Mi"},
                        "limits": {"cpu": "100m", "memory": "128Mi"},
                    }
                },
                "gateway": {
                    "domain": _domain(handle, settings),
                    "ingressGateway": {
                        "enableGatewayApi": True,
                        "kserveGateway": f"{kserve.NAMESPACE}/{kserve.GATEWAY}",
                    },
                },
            },
            "storage": {
                "resources": {
                    "requests": {"cpu": "100m", "memory": "256Mi"},
                    "limits": {"cpu": "2", "memory": f"{settings.download_memory_mib}Mi"},
                },
                # A region's endpoint, not the global one, which a private network does not reach.
                "s3": {"region": handle.region},
            },
            "localmodel": {"enabled": _MODEL_CACHE in handle.addons},
        }
    }


def _problems(around: Surroundings, settings: KserveSettings) -> Iterator[tuple[str, str]]:
    """Without Knative, KServe would refuse each service later."""
    if settings.mode == "knative" and _KNATIVE not in around.addons:
        yield "mode", f"knative needs the add-on {_KNATIVE}; add it to addons.enable, or use standard"


ADDON = AddOn(
    name="kserve-resources",
    group="serving",
    summary="KServe: models as services, from a format and a place",
    docs="https://kserve.github.io/website/docs/admin-guide/overview",
    source=kserve.chart("kserve-resources"),
    settings=KserveSettings,
    presets=("inference",),
    namespace=kserve.NAMESPACE,
    values=_values,
    images=(
        image("kserve-controller", "kserve.controller"),
        Image(reference="quay.io/brancz/kube-rbac-proxy:v0.18.0", whole="kserve.controller.rbacProxyImage"),
        # What it puts beside model servers.
        image("agent", "kserve.agent"),
        image("router", "kserve.router"),
        image("storage-initializer", "kserve.storage"),
        image("art-explainer", "kserve.servingruntime.art", tag=False),
        Image(
            reference=f"docker.io/kserve/storage-initializer:{kserve.VERSION}",
            repository="kserve.localmodel.defaultJobImage",
        ),
    ),
    problems=_problems,
    needs=("cert-manager", "gateway-api-crds", "kserve-crd", "kserve-gateway"),
    # It looks for their kinds once, when it starts.
    follows=("keda", "knative-serving"),
    webhooks=(
        *(Webhook(intercepts=frozenset({kind}), failure_policy="Fail") for kind in _KINDS),
        Webhook(intercepts=frozenset({"InferenceService"}), failure_policy="Fail"),
        # Pods of model servers only.
        Webhook(intercepts=frozenset({"Pod"}), failure_policy="Fail", opt_in=True),
    ),
    creates=frozenset({"Certificate", "Issuer", "Service"}),
    ready=(Ready(kind="Deployment", name="kserve-controller-manager"),),
)
