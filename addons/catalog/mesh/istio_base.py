"""Istio's kinds, and the namespace that its parts live in."""

from typing import Final

from addons.istio import KINDS, NAMESPACE, REPOSITORY, VERSION
from addons.spec import AddOn, AddOnSettings, Chart, Ready, Webhook

_NAME: Final = "istio-base"


class IstioBaseSettings(AddOnSettings):
    """Settings of Istio's kinds: none."""


ADDON = AddOn(
    name=_NAME,
    group="mesh",
    summary="Istio's kinds, and the namespace of its parts",
    docs="https://istio.io/latest/docs/setup/install/helm/",
    source=Chart(repo=REPOSITORY, name="base", version=VERSION),
    settings=IstioBaseSettings,
    presets=("inference", "notebooks"),
    namespace=NAMESPACE,
    create_namespace=True,
    # The node agent, which is privileged, lives in kube-system.
    pod_security="restricted",
    owns_crds=(
        "authorizationpolicies.security.istio.io",
        "destinationrules.networking.istio.io",
        "envoyfilters.networking.istio.io",
        "gateways.networking.istio.io",
        "peerauthentications.security.istio.io",
        "proxyconfigs.networking.istio.io",
        "requestauthentications.security.istio.io",
        "serviceentries.networking.istio.io",
        "sidecars.networking.istio.io",
        "telemetries.telemetry.istio.io",
        "trafficextensions.extensions.istio.io",
        "virtualservices.networking.istio.io",
        "wasmplugins.extensions.istio.io",
        "workloadentries.networking.istio.io",
        "workloadgroups.networking.istio.io",
    ),
    # Served by istiod, which lets it fail closed once it is ready: whoever makes these kinds needs istiod.
    webhooks=(Webhook(intercepts=KINDS, failure_policy="Ignore"),),
    ready=(Ready(kind="CustomResourceDefinition", name="virtualservices.networking.istio.io"),),
)
