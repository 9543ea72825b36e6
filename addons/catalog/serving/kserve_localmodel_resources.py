"""KServe's model cache: copies models to the disks of chosen nodes, where servers find them at once."""

from addons import kserve
from addons.kserve import image
from addons.spec import AddOn, AddOnSettings, Placement, Ready, Values, Webhook
from infra.handle import ClusterHandle


class LocalModelSettings(AddOnSettings):
    """Settings of the model cache: none. Which nodes, and how much of their disks: `kserve-localmodel-nodes`."""


def _values(_handle: ClusterHandle, _settings: LocalModelSettings) -> Values:
    resources = {
        "requests": {"cpu": "20m", "memory": "64Mi"},
        "limits": {"cpu": "500m", "memory": "512Mi"},
    }
    return {
        "kserve": {
            "localmodel": {"controller": {"resources": resources}},
            "localmodelnode": {"controller": {"resources": resources, "tolerations": []}},
        }
    }


def _applies(handle: ClusterHandle) -> str | None:
    key, value = kserve.LOCAL_MODEL_LABEL
    pools = [pool for pool in handle.node_pools if pool.labels.get(key) == value]
    if any(not pool.bottlerocket for pool in pools):
        return None
    return f'no node group has the label {key}: "{value}", or those that have it run Bottlerocket'


ADDON = AddOn(
    name="kserve-localmodel-resources",
    group="serving",
    summary="the model cache: models on the disks of nodes, before a server asks for them",
    docs="https://kserve.github.io/website/docs/model-serving/generative-inference/modelcache/localmodel",
    source=kserve.chart("kserve-localmodel-resources"),
    settings=LocalModelSettings,
    applies=_applies,
    namespace=kserve.NAMESPACE,
    values=_values,
    images=(
        image("kserve-localmodel-controller", "kserve.localmodel.controller"),
        image("kserve-localmodelnode-agent", "kserve.localmodelnode.controller"),
    ),
    needs=("cert-manager", "kserve-crd", "kserve-localmodel-crd", "kserve-resources"),
    # It looks for LLMInferenceServices once, when it starts.
    follows=("kserve-llmisvc-crd",),
    webhooks=(Webhook(intercepts=frozenset({"LocalModelCache"}), failure_policy="Fail"),),
    creates=frozenset({"Certificate", "Service"}),
    placement=Placement(accelerated=("kserve.localmodelnode.controller.tolerations",)),
    ready=(
        Ready(kind="Deployment", name="kserve-localmodel-controller-manager"),
        Ready(kind="DaemonSet", name="kserve-localmodelnode-agent"),
    ),
)
