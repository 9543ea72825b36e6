"""LLMInferenceService: large language models with a scheduler that knows their caches, on one or many nodes."""

from typing import Annotated

from pydantic import Field

from addons import kserve
from addons.kserve import image
from addons.spec import AddOn, AddOnSettings, Ready, Values, Webhook
from infra.handle import ClusterHandle


class LlmSettings(AddOnSettings):
    """Settings of LLMInferenceService."""

    memory_mib: Annotated[int, Field(ge=300, le=8192)] = 1024
    """Memory of the controller, in MiB."""


def _values(_handle: ClusterHandle, settings: LlmSettings) -> Values:
    return {
        "kserve": {
            # Configuration, issuer and storage container are those of kserve-resources.
            "createSharedResources": False,
            "llmisvc": {
                # Of the scheduler's release. Nobody else here brings them.
                "createGIECRDs": True,
                "controller": {
                    "resources": {
                        "requests": {"cpu": "50m", "memory": "200Mi"},
                        "limits": {"cpu": "1", "memory": f"{settings.memory_mib}Mi"},
                    },
                    "imagePullPolicy": "IfNotPresent",
                },
            },
        }
    }


def _hook(kind: str) -> Webhook:
    return Webhook(intercepts=frozenset({kind}), failure_policy="Fail")


ADDON = AddOn(
    name="kserve-llmisvc-resources",
    group="serving",
    summary="LLMInferenceService: language models on one or many nodes, with routing that knows their caches",
    docs="https://kserve.github.io/website/docs/model-serving/generative-inference/llmisvc/llmisvc-overview",
    source=kserve.chart("kserve-llmisvc-resources"),
    settings=LlmSettings,
    presets=("inference",),
    namespace=kserve.NAMESPACE,
    values=_values,
    images=(image("llmisvc-controller", "kserve.llmisvc.controller"),),
    needs=("cert-manager", "gateway-api-crds", "kserve-crd", "kserve-llmisvc-crd", "kserve-resources"),
    # It looks for their kinds once, when it starts.
    follows=("keda", "lws"),
    owns_crds=(
        "inferencemodelrewrites.llm-d.ai",
        "inferenceobjectives.llm-d.ai",
        "inferencepools.inference.networking.k8s.io",
        "inferencepools.inference.networking.x-k8s.io",
    ),
    webhooks=(
        *(_hook("LLMInferenceService") for _ in range(4)),
        *(_hook("LLMInferenceServiceConfig") for _ in range(2)),
    ),
    creates=frozenset({"Certificate", "Service"}),
    ready=(Ready(kind="Deployment", name="llmisvc-controller-manager"),),
)
