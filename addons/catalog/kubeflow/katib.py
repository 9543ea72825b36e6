"""Katib: hyperparameter tuning, early stopping and architecture search, with its metrics in a database of the stack."""

from typing import Final

from addons.catalog.kubeflow import katib_settings
from addons.kubeflow import NAMESPACE, RELEASE
from addons.spec import AddOn, AddOnSettings, Image, Kustomization, Ready, Webhook

# renovate: datasource=docker depName=ghcr.io/kubeflow/katib/katib-controller depType=follows
_VERSION: Final = "v0.19.0"
_PARTS: Final = ("katib-controller", "katib-db-manager", "katib-ui")


ADDON = AddOn(
    name="katib",
    group="kubeflow",
    summary="hyperparameter tuning, early stopping and neural architecture search",
    docs="https://www.kubeflow.org/docs/components/katib/",
    source=Kustomization(version=RELEASE),
    settings=AddOnSettings,
    presets=("full",),
    applies=katib_settings.ADDON.applies,
    namespace=NAMESPACE,
    images=tuple(Image(reference=f"ghcr.io/kubeflow/katib/{part}:{_VERSION}") for part in _PARTS),
    # It watches the kinds of trials whose CRDs are there when it starts.
    follows=("kubeflow-trainer", "training-operator"),
    needs=("cert-manager", "istiod", "katib-settings", "kubeflow"),
    stands_on=("databases",),
    owns_crds=("experiments.kubeflow.org", "suggestions.kubeflow.org", "trials.kubeflow.org"),
    webhooks=(
        Webhook(intercepts=frozenset({"Experiment"}), failure_policy="Fail"),
        Webhook(intercepts=frozenset({"Experiment"}), failure_policy="Fail"),
        # In namespaces with the label katib.kubeflow.org/metrics-collector-injection: profiles.
        Webhook(intercepts=frozenset({"Pod"}), failure_policy="Fail", opt_in=True),
    ),
    creates=frozenset({"AuthorizationPolicy", "Certificate", "Issuer", "Service", "VirtualService"}),
    ready=tuple(Ready(kind="Deployment", name=part) for part in _PARTS),
)
