"""The CRDs of LLMInferenceService: large language models on one or many nodes."""

from typing import Final

from addons import kserve
from addons.spec import AddOn, AddOnSettings, Ready

_GROUP: Final = "serving.kserve.io"


class LlmCrdSettings(AddOnSettings):
    """Settings of the CRDs: none."""


ADDON = AddOn(
    name="kserve-llmisvc-crd",
    group="serving",
    summary="the kinds LLMInferenceService and LLMInferenceServiceConfig",
    docs="https://kserve.github.io/website/docs/model-serving/generative-inference/llmisvc/llmisvc-overview",
    source=kserve.chart("kserve-llmisvc-crd"),
    settings=LlmCrdSettings,
    presets=("inference",),
    namespace=kserve.NAMESPACE,
    # Its templates leave out ClusterStorageContainer, which that one brings, as long as they find it.
    needs=("kserve-crd",),
    owns_crds=(f"llminferenceserviceconfigs.{_GROUP}", f"llminferenceservices.{_GROUP}"),
    ready=(Ready(kind="CustomResourceDefinition", name=f"llminferenceservices.{_GROUP}"),),
)
