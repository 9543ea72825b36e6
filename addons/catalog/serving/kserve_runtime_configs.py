"""KServe's own runtimes: which server loads which format of model."""

from typing import Any, Final, Literal

from addons import kserve
from addons.kserve import image
from addons.spec import AddOn, AddOnSettings, Image, Ready, Values
from infra.handle import ClusterHandle

_PATH: Final = "kserve.servingruntime"
Runtime = Literal[
    "autogluon",
    "huggingface",
    "lightgbm",
    "mlserver",
    "paddle",
    "pmml",
    "predictive",
    "sklearn",
    "tensorflow",
    "torchserve",
    "triton",
    "vllm",
    "xgboost",
]
_KEYS: Final[dict[Runtime, str]] = {
    "autogluon": "autogluonserver",
    "huggingface": "huggingfaceserver",
    "lightgbm": "lgbserver",
    "mlserver": "mlserver",
    "paddle": "paddleserver",
    "pmml": "pmmlserver",
    "predictive": "predictiveserver",
    "sklearn": "sklearnserver",
    "tensorflow": "tensorflow",
    "torchserve": "torchserve",
    "triton": "tritonserver",
    "vllm": "vllmserver",
    "xgboost": "xgbserver",
}
"""Where the chart keeps each one."""
_TAGS: Final[dict[Runtime, str]] = {
    # The chart's is from 2023, and knows no GPU after Hopper.
    # renovate: datasource=docker depName=nvcr.io/nvidia/tritonserver
    "triton": "26.06-py3",
    # The chart's is `latest`; this is the one that KServe's server for Hugging Face is built on.
    # renovate: datasource=docker depName=docker.io/vllm/vllm-openai
    "vllm": "v0.24.0",
}


class RuntimesSettings(AddOnSettings):
    """Settings of the runtimes."""

    runtimes: tuple[Runtime, ...] = (
        "huggingface",
        "lightgbm",
        "mlserver",
        "sklearn",
        "tensorflow",
        "torchserve",
        "triton",
        "vllm",
        "xgboost",
    )
    """Which ones InferenceServices may use. The others are there, and switched off."""


def _values(_handle: ClusterHandle, settings: RuntimesSettings) -> Values:
    runtimes: dict[str, Any] = {
        key: {
            "disabled": name not in settings.runtimes,
            **({"tag": _TAGS[name]} if name in _TAGS else {}),
        }
        for name, key in _KEYS.items()
    }
    # Tensor parallelism goes through shared memory, of which a container has 64 MiB by default.
    for key in ("huggingfaceserver", "vllmserver"):
        runtimes[key]["devShm"] = {"enabled": True, "sizeLimit": "8Gi"}
    return {"kserve": {"servingruntime": {"enabled": True, **runtimes}}}


def _runtime(name: Runtime) -> str:
    return f"{_PATH}.{_KEYS[name]}"


def _other(reference: str, name: Runtime) -> Image:
    return Image(reference=reference, repository=f"{_runtime(name)}.image", tag=f"{_runtime(name)}.tag")


ADDON = AddOn(
    name="kserve-runtime-configs",
    group="serving",
    summary="KServe's runtimes: Triton, vLLM, Hugging Face, TorchServe, scikit-learn and others",
    docs="https://kserve.github.io/website/docs/model-serving/predictive-inference/frameworks/overview",
    source=kserve.chart("kserve-runtime-configs"),
    settings=RuntimesSettings,
    presets=("inference",),
    namespace=kserve.NAMESPACE,
    values=_values,
    images=(
        image("autogluonserver", _runtime("autogluon")),
        image("huggingfaceserver", _runtime("huggingface")),
        # Its nodes of several: the same path, and a tag that the chart makes.
        Image(
            reference=f"docker.io/kserve/huggingfaceserver:{kserve.VERSION}-gpu",
            repository=f"{_runtime('huggingface')}.image",
        ),
        image("lgbserver", _runtime("lightgbm")),
        _other("docker.io/seldonio/mlserver:1.5.0", "mlserver"),
        image("paddleserver", _runtime("paddle")),
        image("pmmlserver", _runtime("pmml")),
        image("predictiveserver", _runtime("predictive")),
        image("sklearnserver", _runtime("sklearn")),
        _other("docker.io/tensorflow/serving:2.6.2", "tensorflow"),
        _other("docker.io/pytorch/torchserve-kfs:0.9.0", "torchserve"),
        _other("nvcr.io/nvidia/tritonserver:23.05-py3", "triton"),
        _other("docker.io/vllm/vllm-openai:latest", "vllm"),
        image("xgbserver", _runtime("xgboost")),
    ),
    needs=("kserve-crd", "kserve-resources"),
    creates=frozenset({"ClusterServingRuntime"}),
    ready=(Ready(kind="ClusterServingRuntime", name="kserve-sklearnserver"),),
)
