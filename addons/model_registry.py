"""The model registry as profiles see it: its page lists the registries of the namespace that the dashboard is in.

There is one registry, in the namespace `kubeflow`. In each profile a Service without pods carries its label, and the
proxy beside the page sends what goes to that Service to the registry. Source: kubeflow/hub v0.3.8,
clients/ui/bff/internal/{repositories/model_registry.go,integrations/kubernetes/shared_k8s_client.go}.
"""

from typing import Any, Final

from addons.istio import sidecar_scope
from addons.kubeflow import NAMESPACE
from addons.objects import NOT_AWAITED

NAME: Final = "model-registry"
"""The add-on, and the registry's name in the page."""
_SERVICE: Final = f"model-registry-service.{NAMESPACE}.svc.cluster.local"
_PORT: Final = 8080
_PAGE: Final = {"app": "model-registry-ui"}
"""The page's pods."""


def profile_objects(profile: str) -> list[dict[str, Any]]:
    """What shows the registry in a profile's namespace."""
    meta = {"name": NAME, "namespace": profile}
    described = {"displayName": "Model registry", "description": "Models of all profiles"}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            # No pod is behind it, so nothing would ever be ready.
            "metadata": {**meta, "labels": {"component": NAME}, "annotations": {**described, **NOT_AWAITED}},
            "spec": {"ports": [{"name": "http-api", "port": _PORT, "appProtocol": "http"}]},
        },
        {
            "apiVersion": "networking.istio.io/v1",
            "kind": "VirtualService",
            "metadata": meta,
            "spec": {
                "hosts": [f"{NAME}.{profile}.svc.cluster.local"],
                "http": [{"route": [{"destination": {"host": _SERVICE, "port": {"number": _PORT}}}]}],
            },
        },
    ]


def page_scope() -> dict[str, Any]:
    """The proxy beside the page is told of the services of profiles too, which others are not."""
    return sidecar_scope(["*/*"], name="model-registry-ui", namespace=NAMESPACE, selects=_PAGE)
