"""Kubeflow's dashboard: the first page, the profiles' controller, and PodDefaults."""

from typing import Final

from addons.kubeflow import NAMESPACE, RELEASE
from addons.spec import AddOn, AddOnSettings, Image, Kustomization, Ready, Webhook

_NAME: Final = "kubeflow-dashboard"
_IMAGES: Final = "ghcr.io/kubeflow/dashboard"
# renovate: datasource=docker depName=ghcr.io/kubeflow/dashboard/dashboard depType=follows
_VERSION: Final = "v2.0.0"


ADDON = AddOn(
    name=_NAME,
    group="kubeflow",
    summary="the first page that people see, profiles with their namespaces, and defaults for pods",
    docs="https://www.kubeflow.org/docs/components/central-dash/",
    source=Kustomization(version=RELEASE),
    settings=AddOnSettings,
    presets=("notebooks",),
    namespace=NAMESPACE,
    images=tuple(
        Image(reference=f"{_IMAGES}/{name}:{_VERSION}")
        for name in ("access-management", "dashboard", "poddefaults-webhook", "profile-controller")
    ),
    needs=("cert-manager", "istio-base", "istiod", "kubeflow", "kubeflow-dashboard-settings"),
    owns_crds=("poddefaults.kubeflow.org", "profiles.kubeflow.org"),
    # In the namespaces of profiles.
    webhooks=(Webhook(intercepts=frozenset({"Pod"}), failure_policy="Fail", opt_in=True),),
    creates=frozenset({"AuthorizationPolicy", "Certificate", "Deployment", "Issuer", "Service", "VirtualService"}),
    ready=(
        Ready(kind="Deployment", name="dashboard"),
        Ready(kind="Deployment", name="poddefaults-webhook-deployment"),
        Ready(kind="Deployment", name="profiles-deployment"),
    ),
)
