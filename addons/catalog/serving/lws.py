"""LeaderWorkerSet: groups of pods that are made, scaled and replaced as one, for models larger than a node."""

from typing import Final

from addons.spec import AddOn, AddOnSettings, Chart, Image, Ready, Values, Webhook
from infra.handle import ClusterHandle

# renovate: datasource=docker depName=registry.k8s.io/lws/charts/lws
_VERSION: Final = "0.10.0"
_IMAGE: Final = f"registry.k8s.io/lws/lws:v{_VERSION}"


class LwsSettings(AddOnSettings):
    """Settings of LeaderWorkerSet: none."""


def _values(_handle: ClusterHandle, _settings: LwsSettings) -> Values:
    return {
        "replicaCount": 2,
        "podSecurityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "image": {"manager": {"tag": f"v{_VERSION}", "pullPolicy": "IfNotPresent"}},
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
    }


ADDON = AddOn(
    name="lws",
    group="serving",
    summary="LeaderWorkerSet: groups of pods as one replica, for models larger than a node",
    docs="https://lws.sigs.k8s.io/docs/",
    source=Chart(
        repo="oci://registry.k8s.io/lws/charts",
        name="lws",
        version=_VERSION,
    ),
    settings=LwsSettings,
    presets=("inference",),
    namespace="lws-system",
    create_namespace=True,
    pod_security="restricted",
    values=_values,
    images=(Image(reference=_IMAGE, repository="image.manager.repository", tag="image.manager.tag"),),
    needs=("coredns",),
    owns_crds=(
        "disaggregatedsetrolescalers.disaggregatedset.x-k8s.io",
        "disaggregatedsets.disaggregatedset.x-k8s.io",
        "leaderworkersets.leaderworkerset.x-k8s.io",
    ),
    webhooks=(
        *(Webhook(intercepts=frozenset({"LeaderWorkerSet"}), failure_policy="Fail") for _ in range(2)),
        # Pods of LeaderWorkerSets only.
        *(Webhook(intercepts=frozenset({"Pod"}), failure_policy="Fail", opt_in=True) for _ in range(2)),
    ),
    creates=frozenset({"Service"}),
    ready=(Ready(kind="Deployment", name="lws-controller-manager"),),
)
