"""The presets of LLMInferenceService: vLLM on one node, on many, with prefill apart, and the scheduler before them."""

from typing import Final

from addons import kserve
from addons.spec import AddOn, AddOnSettings, Image, Manifest, Ready

_FILE: Final = "charts/kserve-runtime-configs/files/llmisvcconfigs/resources.yaml"
"""What KServe's chart takes in as it is: as a manifest its images can come from a mirror, for which the chart has no
value."""


class LlmConfigsSettings(AddOnSettings):
    """Settings of the presets: none. An LLMInferenceService overrides what it names itself."""


ADDON = AddOn(
    name="kserve-llmisvc-configs",
    group="serving",
    summary="what an LLMInferenceService is made of: vLLM, its scheduler and its routes",
    docs="https://kserve.github.io/website/docs/model-serving/generative-inference/llmisvc/llmisvc-configuration",
    source=Manifest(
        url=f"https://raw.githubusercontent.com/kserve/kserve/{kserve.VERSION}/{_FILE}",
        version=kserve.VERSION,
    ),
    settings=LlmConfigsSettings,
    presets=("inference",),
    namespace=kserve.NAMESPACE,
    images=(
        Image(reference="ghcr.io/llm-d/llm-d-cuda:v0.8.0"),
        Image(reference="ghcr.io/llm-d/llm-d-latency-predictor-prediction-server:v0.8.0"),
        Image(reference="ghcr.io/llm-d/llm-d-latency-predictor-training-server:v0.8.0"),
        Image(reference="ghcr.io/llm-d/llm-d-router-disagg-sidecar:v0.9.0"),
        Image(reference="ghcr.io/llm-d/llm-d-router-endpoint-picker:v0.9.0"),
        Image(reference="ghcr.io/llm-d/llm-d-uds-tokenizer:vllm-v0.19.1"),
    ),
    needs=("kserve-crd", "kserve-llmisvc-crd", "kserve-llmisvc-resources"),
    creates=frozenset({"LLMInferenceServiceConfig"}),
    ready=(Ready(kind="LLMInferenceServiceConfig", name="kserve-config-llm-template"),),
)
