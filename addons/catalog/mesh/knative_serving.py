"""Knative Serving: services that scale with their requests, to zero too, over the mesh. For KServe's Knative mode."""

from typing import Annotated, Any, Final

import pulumi
from pydantic import Field

from addons.istio import IMAGES, VERSION, authorization_policy
from addons.istio import NAMESPACE as MESH
from addons.spec import AddOn, AddOnSettings, Image, Objects, Webhook
from infra.handle import ClusterHandle

_NAME: Final = "knative-serving"
# renovate: datasource=github-releases depName=knative/serving extractVersion=^knative-v(?<version>.+)$ depType=follows
_SERVING: Final = "1.23.0"
_GATEWAY: Final = "cluster-local-gateway"
"""Requests from inside the cluster come by this one. The other asks for a login."""
_LABELS: Final = {"app": _GATEWAY, "istio": _GATEWAY}
_PROXY: Final = f"{IMAGES}/proxyv2:{VERSION}"
_PROXY_USER: Final = 1337
_PORT: Final = 8081
_HUB: Final = "gcr.io/knative-releases/knative.dev"
_IMAGES: Final = {
    "activator/activator": f"{_HUB}/serving/cmd/activator@sha256:"
    "e5ab46f3b73fa2e3898fe47f6a3a0c2bd765596f4fb36ceb4c28c35d0a74b2e5",
    "autoscaler/autoscaler": f"{_HUB}/serving/cmd/autoscaler@sha256:"
    "879da127b23db65d862cafa6b23fb987381d0e44150f0027d44e1f5aee83bde2",
    "autoscaler-hpa/autoscaler-hpa": f"{_HUB}/serving/cmd/autoscaler-hpa@sha256:"
    "e2494132a71c23587ac8dd25bc5288f70261e592285487e1d19f8dea1f896133",
    "controller/controller": f"{_HUB}/serving/cmd/controller@sha256:"
    "ca5062ece0329d002a81940cf4268d7898866434d70049bb93f27d3a786d3292",
    "webhook/webhook": f"{_HUB}/serving/cmd/webhook@sha256:"
    "3846e9a416665c5b9ec2e4de246cfcb5c4ab0d01ba19348aa008caf30144b650",
    "queue-proxy": f"{_HUB}/serving/cmd/queue@sha256:a3cc71ce80dbc6df8781f15eac2cf3531a4c9815271799afd8776bef9e6aeaf2",
    "migrate": f"{_HUB}/pkg/apiextensions/storageversion/cmd/migrate@sha256:"
    "2016f5ede9fb269c7cdf0085ff106844dfa36e42a4d768e0a2f51464928a0c2d",
    "cleanup": f"{_HUB}/serving/pkg/cleanup/cmd/cleanup@sha256:"
    "78fbd3df14986cd4831a22e7c2703a3b4f58a6e93cacd6ffbf18b3c787af0c71",
    "net-istio-controller/controller": f"{_HUB}/net-istio/cmd/controller@sha256:"
    "cf1530d3b625d247114f006e4902ba8c0f2a3196d1d7a6b7acbeb7d7db11d148",
    "net-istio-webhook/webhook": f"{_HUB}/net-istio/cmd/webhook@sha256:"
    "ac5c0458f32e353a635919ccd89fe77a7bf650c5354dd76c71e9316eff5de65d",
}
"""Deployment and container, or what the operator calls it, to the image of this version.

Source: cmd/operator/kodata/{knative-serving/1.23.0,ingress/1.23/istio} of knative/operator knative-v1.23.0.
"""
_ALLOWED: Final = (
    "podspec-affinity",
    "podspec-fieldref",
    "podspec-init-containers",
    "podspec-nodeselector",
    "podspec-persistent-volume-claim",
    "podspec-persistent-volume-write",
    "podspec-priorityclassname",
    "podspec-schedulername",
    "podspec-securitycontext",
    "podspec-tolerations",
    "podspec-topologyspreadconstraints",
)
"""What a service's pods may say besides: without these none could ask for a GPU node."""


class KnativeServingSettings(AddOnSettings):
    """Settings of Knative Serving."""

    start_minutes: Annotated[int, Field(ge=2, le=120)] = 30
    """How long a new version may take until it is given up: a GPU node has to start, and the image and the model have
    to be loaded."""
    request_seconds: Annotated[int, Field(ge=1, le=86400)] = 600
    """How long a request may take, unless the service says so itself; at most an hour if it does not say more."""
    idle_seconds: Annotated[int, Field(ge=6, le=3600)] = 60
    """How long nobody has to ask until pods go."""


def _objects(handle: ClusterHandle, settings: KnativeServingSettings) -> list[dict[str, Any]]:
    spec = {
        "version": _SERVING,
        "high-availability": {"replicas": 2},
        "registry": {"override": dict(_IMAGES)},
        "ingress": {
            "istio": {
                "enabled": True,
                "knative-ingress-gateway": {"selector": {"istio": "ingressgateway"}},
                "knative-local-gateway": {"selector": {"istio": _GATEWAY}},
            }
        },
        "services": [{"name": "knative-local-gateway", "selector": {"istio": _GATEWAY}}],
        "config": _config(handle, settings),
    }
    serving = {
        "apiVersion": "operator.knative.dev/v1beta1",
        "kind": "KnativeServing",
        "metadata": {
            "name": _NAME,
            "namespace": _NAME,
            "annotations": {"pulumi.com/waitFor": "condition=Ready"},
        },
        "spec": spec,
    }
    return [*_gateway(), serving]


def _config(handle: ClusterHandle, settings: KnativeServingSettings) -> dict[str, dict[str, Any]]:
    """ConfigMaps of Knative, without the prefix `config-`.

    Source: cmd/operator/kodata/knative-serving/1.23.0/2-serving-core.yaml, the examples in its ConfigMaps.
    """
    features = {f"kubernetes.{name}": "enabled" for name in _ALLOWED}
    # Its own look-up of a tag's digest knows no login for the account's registry. The kubelet does.
    untouched: list[pulumi.Input[str]] = ["kind.local,ko.local,dev.local"]
    if handle.registry:
        untouched.append(handle.registry.host)
    return {
        "autoscaler": {
            "allow-zero-initial-scale": "true",
            "scale-to-zero-grace-period": "30s",
            "stable-window": f"{settings.idle_seconds}s",
        },
        "defaults": {
            "max-revision-timeout-seconds": str(max(3600, settings.request_seconds)),
            "revision-timeout-seconds": str(settings.request_seconds),
        },
        "deployment": {
            "progress-deadline": f"{settings.start_minutes * 60}s",
            "queue-sidecar-image": _IMAGES["queue-proxy"],
            "registries-skipping-tag-resolving": untouched[0]
            if len(untouched) == 1
            else pulumi.Output.concat(untouched[0], ",", untouched[1]),
        },
        # Services are reached from inside the cluster, and by nobody else.
        "domain": {"svc.cluster.local": ""},
        "features": {**features, "secure-pod-defaults": "enabled"},
        "network": {"ingress-class": "istio.ingress.networking.knative.dev"},
    }


def _gateway() -> list[dict[str, Any]]:
    """Two pods for requests from inside the cluster.

    Source: common/istio/cluster-local-gateway of kubeflow/community-distribution 26.03.1.
    """
    where = {"name": _GATEWAY, "namespace": MESH}
    pod = {
        "serviceAccountName": _GATEWAY,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _PROXY_USER,
            "runAsGroup": _PROXY_USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": "istio-proxy",
                # istiod's webhook puts in the rest.
                "image": _PROXY,
                "ports": [{"containerPort": _PORT, "name": "http", "protocol": "TCP"}],
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                    "readOnlyRootFilesystem": True,
                    "runAsNonRoot": True,
                },
                "resources": {
                    "requests": {"cpu": "50m", "memory": "128Mi"},
                    "limits": {"cpu": "2000m", "memory": "1024Mi"},
                },
            }
        ],
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": dict(_LABELS)},
            }
        ],
    }
    template = {
        "metadata": {
            "labels": {**_LABELS, "sidecar.istio.io/inject": "true"},
            "annotations": {"inject.istio.io/templates": "gateway"},
        },
        "spec": pod,
    }
    selector = {"matchLabels": dict(_LABELS)}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": dict(where)},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {**where, "labels": dict(_LABELS)},
            "spec": {"replicas": 2, "selector": selector, "template": template},
        },
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": dict(where),
            "spec": {"maxUnavailable": 1, "selector": selector},
        },
        authorization_policy(f"allow-to-{_GATEWAY}", spec={"rules": [{}]}, selects=_LABELS),
    ]


ADDON = AddOn(
    name=_NAME,
    group="mesh",
    summary="services that scale with their requests, to zero too; for KServe's Knative mode",
    docs="https://knative.dev/docs/serving/",
    source=Objects(build=_objects),
    settings=KnativeServingSettings,
    namespace=_NAME,
    create_namespace=True,
    pod_security="restricted",
    images=(*(Image(reference=each) for each in _IMAGES.values()), Image(reference=_PROXY)),
    needs=("istio-base", "istio-ingressgateway", "istiod", "knative-operator"),
    # The operator makes them when it runs.
    owns_crds=(
        "certificates.networking.internal.knative.dev",
        "clusterdomainclaims.networking.internal.knative.dev",
        "configurations.serving.knative.dev",
        "domainmappings.serving.knative.dev",
        "images.caching.internal.knative.dev",
        "ingresses.networking.internal.knative.dev",
        "metrics.autoscaling.internal.knative.dev",
        "podautoscalers.autoscaling.internal.knative.dev",
        "revisions.serving.knative.dev",
        "routes.serving.knative.dev",
        "serverlessservices.networking.internal.knative.dev",
        "services.serving.knative.dev",
    ),
    # Knative's own kinds Service, Ingress and Certificate are others than those of that name elsewhere.
    webhooks=(
        Webhook(
            intercepts=frozenset(
                {"Configuration", "DomainMapping", "Metric", "PodAutoscaler", "Revision", "Route", "ServerlessService"}
            ),
            failure_policy="Fail",
        ),
    ),
    creates=frozenset({"AuthorizationPolicy", "Deployment", "KnativeServing", "Pod", "Service"}),
    timeout_minutes=30,
)
