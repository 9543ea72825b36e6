"""Runtimes for NVIDIA GPUs: Triton and vLLM with a GPU, shared memory, and leave to go where the GPUs are."""

from typing import Annotated, Any, Final

from pydantic import Field

from addons.spec import AddOn, AddOnSettings, Image, Objects
from infra.catalog import names
from infra.handle import ClusterHandle

_VLLM: Final = "docker.io/vllm/vllm-openai:v0.24.0"
_TRITON: Final = "nvcr.io/nvidia/tritonserver:26.06-py3"
_PORT: Final = 8080
_SCRATCH: Final = "/scratch"
_SHARED_MEMORY: Final = "/dev/shm"  # noqa: S108  # memory that processes share, and no file


class GpuRuntimesSettings(AddOnSettings):
    """Settings of the runtimes for GPUs. An InferenceService overrides resources with its own."""

    gpus: Annotated[int, Field(ge=1, le=8)] = 1
    """How many GPUs a server has that does not say so itself."""

    memory_gib: Annotated[int, Field(ge=4, le=2000)] = 24
    """Memory of its node that such a server has, in GiB, with the shared memory. Weights pass through it."""

    shared_memory_gib: Annotated[int, Field(ge=1, le=1000)] = 8
    """The size of `/dev/shm`, through which the GPUs of a server talk, in GiB."""


def _objects(handle: ClusterHandle, settings: GpuRuntimesSettings) -> list[dict[str, Any]]:
    vllm = {
        "image": _VLLM,
        "command": ["python3", "-m", "vllm.entrypoints.openai.api_server"],
        "args": [f"--port={_PORT}", "--model=/mnt/models", "--served-model-name={{.Name}}"],
        "env": [
            # Where it keeps what it compiles, whoever it runs as.
            {"name": "HOME", "value": _SCRATCH},
            # Otherwise it tells its makers about every start.
            {"name": "VLLM_NO_USAGE_STATS", "value": "1"},
        ],
        # Its image is made for root. Knative would refuse that unless it is said.
        **_security(user=None),
        **_probes("/health"),
    }
    triton = {
        "image": _TRITON,
        "args": [
            "tritonserver",
            "--model-store=/mnt/models",
            "--allow-http=true",
            f"--http-port={_PORT}",
            "--allow-grpc=true",
            "--grpc-port=9000",
        ],
        # NVIDIA, "Triton Inference Server", "Run as a non-root user".
        **_security(user=1000),
        **_probes("/v2/health/ready"),
    }
    return [
        _runtime(handle, settings, "gpu-vllm", vllm, metrics_port=_PORT, formats=("vLLM",), protocols=()),
        _runtime(
            handle,
            settings,
            "gpu-triton",
            triton,
            metrics_port=8002,
            formats=("onnx", "pytorch", "tensorflow", "tensorrt", "triton"),
            protocols=("v2", "grpc-v2"),
        ),
    ]


def _runtime(
    handle: ClusterHandle,
    settings: GpuRuntimesSettings,
    name: str,
    container: dict[str, Any],
    *,
    metrics_port: int,
    formats: tuple[str, ...],
    protocols: tuple[str, ...],
) -> dict[str, Any]:
    """Never chosen by itself: a GPU costs, so an InferenceService names the runtime."""
    wanted = {names.GPU_RESOURCE: str(settings.gpus)}
    memory = f"{settings.memory_gib}Gi"
    return {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "ClusterServingRuntime",
        "metadata": {"name": name},
        "spec": {
            "annotations": {
                "prometheus.kserve.io/path": "/metrics",
                "prometheus.kserve.io/port": str(metrics_port),
            },
            "supportedModelFormats": [{"name": each, "autoSelect": False} for each in formats],
            **({"protocolVersions": list(protocols)} if protocols else {}),
            "containers": [
                {
                    "name": "kserve-container",
                    **container,
                    "resources": {
                        "requests": {"cpu": "2", "memory": memory, **wanted},
                        "limits": {"memory": memory, **wanted},
                    },
                    "volumeMounts": [
                        {"name": "shm", "mountPath": _SHARED_MEMORY},
                        {"name": "scratch", "mountPath": _SCRATCH},
                    ],
                }
            ],
            "volumes": [
                {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": f"{settings.shared_memory_gib}Gi"}},
                {"name": "scratch", "emptyDir": {}},
            ],
            "tolerations": [taint.toleration for taint in handle.taints if taint.key == names.GPU_TAINT],
        },
    }


def _security(*, user: int | None) -> dict[str, Any]:
    who = {"runAsNonRoot": False} if user is None else {"runAsNonRoot": True, "runAsUser": user}
    return {
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "privileged": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
            **who,
        }
    }


def _probes(path: str) -> dict[str, Any]:
    """Half an hour to load the weights and compile, then every ten seconds."""
    probe = {"httpGet": {"path": path, "port": _PORT}, "periodSeconds": 10, "timeoutSeconds": 5}
    return {"startupProbe": {**probe, "failureThreshold": 180}, "readinessProbe": {**probe, "failureThreshold": 3}}


def _applies(handle: ClusterHandle) -> str | None:
    return None if handle.pools("nvidia") else "no node group has NVIDIA GPUs"


ADDON = AddOn(
    name="kserve-gpu-runtimes",
    group="serving",
    summary="the runtimes gpu-vllm and gpu-triton, with a GPU each",
    docs="https://kserve.github.io/website/docs/model-serving/predictive-inference/frameworks/overview",
    source=Objects(build=_objects),
    settings=GpuRuntimesSettings,
    presets=("inference",),
    applies=_applies,
    namespace="kserve",
    images=(Image(reference=_TRITON), Image(reference=_VLLM)),
    needs=("kserve-crd", "kserve-resources"),
    creates=frozenset({"ClusterServingRuntime"}),
)
