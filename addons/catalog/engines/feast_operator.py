"""Feast's operator: makes the servers of a feature store from a FeatureStore object."""

from addons.feast import CRON_JOB, SERVER, VERSION
from addons.spec import AddOn, AddOnSettings, Image, Kustomization, Ready

_OPERATOR = "feast-operator-controller-manager"


class FeastOperatorSettings(AddOnSettings):
    """Settings of Feast's operator: none."""


ADDON = AddOn(
    name="feast-operator",
    group="engines",
    summary="makes the servers of a feature store from a FeatureStore object",
    docs="https://docs.feast.dev/how-to-guides/feast-on-kubernetes",
    source=Kustomization(version=f"v{VERSION}"),
    settings=FeastOperatorSettings,
    presets=("full",),
    namespace="feast-operator-system",
    create_namespace=True,
    pod_security="restricted",
    images=(
        Image(reference=f"quay.io/feastdev/feast-operator:{VERSION}"),
        # Told to the operator by variables, for stores that name none.
        Image(reference=SERVER),
        Image(reference=CRON_JOB),
    ),
    needs=("coredns",),
    owns_crds=("featurestores.feast.dev",),
    creates=frozenset({"Service"}),
    ready=(Ready(kind="Deployment", name=_OPERATOR),),
)
