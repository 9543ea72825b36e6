"""Node Feature Discovery: labels nodes with what their hardware and kernel can do."""

from addons.spec import AddOn, AddOnSettings, Chart, Image, Placement, Ready, Values
from infra.handle import ClusterHandle


class NodeFeatureDiscoverySettings(AddOnSettings):
    """Settings of Node Feature Discovery."""

    label_namespaces: tuple[str, ...] = ()
    """Namespaces of labels that rules may set besides `feature.node.kubernetes.io`."""


def _values(_handle: ClusterHandle, settings: NodeFeatureDiscoverySettings) -> Values:
    values: Values = {
        # A Job that takes the labels off at the end; nodes go with the cluster, and other nodes keep harmless labels.
        "postDeleteCleanup": False,
        "master": {"resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "1Gi"}}},
        "gc": {"resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}}},
    }
    if settings.label_namespaces:
        values["master"]["extraLabelNs"] = list(settings.label_namespaces)
    return values


ADDON = AddOn(
    name="node-feature-discovery",
    group="nodes",
    summary="labels nodes with what their hardware and kernel can do",
    docs="https://kubernetes-sigs.github.io/node-feature-discovery/stable/get-started/",
    source=Chart(
        repo="oci://registry.k8s.io/nfd/charts",
        name="node-feature-discovery",
        # renovate: datasource=docker depName=registry.k8s.io/nfd/charts/node-feature-discovery
        version="0.19.0",
    ),
    settings=NodeFeatureDiscoverySettings,
    namespace="node-feature-discovery",
    create_namespace=True,
    # The worker mounts /sys, /boot and /usr/lib of its node.
    pod_security="privileged",
    values=_values,
    images=(
        Image(
            reference="registry.k8s.io/nfd/node-feature-discovery:v0.19.0",
            repository="image.repository",
            tag="image.tag",
        ),
    ),
    owns_crds=(
        "nodefeaturegroups.nfd.k8s-sigs.io",
        "nodefeaturerules.nfd.k8s-sigs.io",
        "nodefeatures.nfd.k8s-sigs.io",
    ),
    placement=Placement(accelerated=("worker.tolerations",)),
    ready=(
        Ready(kind="Deployment", name="node-feature-discovery-master"),
        Ready(kind="DaemonSet", name="node-feature-discovery-worker"),
    ),
)
