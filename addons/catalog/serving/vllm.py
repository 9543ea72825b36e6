"""vLLM's production stack: language models behind one router, without KServe."""

from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal

import pulumi
from pydantic import Field

from addons import kserve
from addons.models import ACCOUNT, BUCKET, STANDS_ON, without_bucket
from addons.spec import AddOn, AddOnSettings, Chart, Image, Ready, Values
from infra.catalog import names
from infra.handle import ClusterHandle
from infra.images import ImageReference
from infra.model import Model
from infra.problems import repeated
from infra.surroundings import Surroundings

_NAME: Final = "vllm"
_ENGINE: Final = "docker.io/vllm/vllm-openai:v0.24.0"
_COPIER: Final = f"docker.io/kserve/storage-initializer:{kserve.VERSION}"
"""Takes a place and a directory, and the role of its pod."""
_PLACE: Final = "/weights"


class VllmModel(Model):
    """A model in the bucket for models, and what one of its servers has."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,28}[a-z0-9])?$")]
    """What clients ask for, and the name of its servers."""

    path: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")]
    """Where it lies in the bucket, such as `qwen2.5-7b-instruct`."""

    replicas: Annotated[int, Field(ge=1, le=100)] = 1
    """How many servers."""

    gpus: Annotated[int, Field(ge=1, le=16)] = 1
    """GPUs of one server, over which the model is spread."""

    cpu: Annotated[int, Field(ge=1, le=192)] = 4
    """Cores of one server."""

    memory_gib: Annotated[int, Field(ge=4, le=2000)] = 32
    """Memory of one server, in GiB, with the shared memory of its GPUs (a quarter of it)."""

    max_model_len: Annotated[int, Field(ge=256)] | None = None
    """Tokens of a request and its answer together. By default what the model was made for."""

    args: tuple[str, ...] = ()
    """More arguments of `vllm serve`."""


class VllmSettings(AddOnSettings):
    """Settings of vLLM's stack."""

    models: tuple[VllmModel, ...] = ()
    """The models. Each has servers of its own; the router knows which have which."""

    image: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9./_-]*:[A-Za-z0-9_][A-Za-z0-9_.-]*$")] = _ENGINE
    """The servers' image, with its tag. It holds `vllm` on its path."""

    routing: Literal["prefixaware", "roundrobin"] = "roundrobin"
    """Which server a request goes to: the next one, or the one that had a request that began alike."""


def _values(handle: ClusterHandle, settings: VllmSettings) -> Values:
    return {
        "servingEngineSpec": {
            "modelSpec": [_model(handle, settings, model) for model in settings.models],
            "tolerations": [taint.toleration for taint in handle.taints if taint.key == names.GPU_TAINT],
            # Nodes with GPUs need none: theirs is the default one.
            "runtimeClassName": "",
            "imagePullPolicy": "IfNotPresent",
            # Half an hour, of ten seconds each, to load the weights and compile.
            "startupProbe": {"failureThreshold": 180},
            "containerSecurityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        },
        "routerSpec": {
            # The chart's is `latest`.
            # renovate: datasource=docker depName=docker.io/lmcache/lmstack-router depType=follows
            "tag": "v0.1.12",
            "imagePullPolicy": "IfNotPresent",
            "replicaCount": 2,
            "routingLogic": settings.routing,
            "resources": {"requests": {"cpu": "200m", "memory": "512Mi"}, "limits": {"memory": "1Gi"}},
            "containerSecurityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        },
    }


def _model(handle: ClusterHandle, settings: VllmSettings, model: VllmModel) -> dict[str, Any]:
    engine = ImageReference.parse(settings.image)
    weights = {"name": "weights", "mountPath": _PLACE}
    gpus, memory = {names.GPU_RESOURCE: str(model.gpus)}, f"{model.memory_gib}Gi"
    limit = {"maxModelLen": model.max_model_len} if model.max_model_len else {}
    return {
        "name": model.name,
        "repository": _repository(handle, engine),
        "tag": engine.version.removeprefix(":"),
        "modelURL": _PLACE,
        "serviceAccountName": ACCOUNT,
        "replicaCount": model.replicas,
        "resources": {
            "requests": {"cpu": str(model.cpu), "memory": memory, **gpus},
            "limits": {"memory": memory, **gpus},
        },
        "vllmConfig": {
            "enablePrefixCaching": True,
            "tensorParallelSize": model.gpus,
            **limit,
            "extraArgs": ["--served-model-name", model.name, *model.args],
        },
        "shmSize": f"{max(1, model.memory_gib // 4)}Gi",
        "env": [{"name": "VLLM_NO_USAGE_STATS", "value": "1"}],
        "initContainer": {
            "name": "weights",
            "image": _image(handle, _COPIER),
            "args": [_source(handle, model), _PLACE],
            "resources": {"requests": {"cpu": "500m", "memory": "512Mi"}, "limits": {"memory": "4Gi"}},
            "extraVolumeMounts": [weights],
        },
        "extraVolumes": [{"name": "weights", "emptyDir": {}}],
        "extraVolumeMounts": [{**weights, "readOnly": True}],
    }


def _source(handle: ClusterHandle, model: VllmModel) -> pulumi.Input[str]:
    return pulumi.Output.concat("s3://", handle.storage.buckets[BUCKET].name, "/", model.path)


def _repository(handle: ClusterHandle, image: ImageReference) -> pulumi.Input[str]:
    """Where the image is pulled from, without its tag: the registry that mirrors its own, where one does."""
    mirrored = handle.registry.repository(image) if handle.registry else None
    return image.repository if mirrored is None else mirrored


def _image(handle: ClusterHandle, name: str) -> pulumi.Input[str]:
    image = ImageReference.parse(name)
    return pulumi.Output.concat(_repository(handle, image), image.version)


def _problems(_around: Surroundings, settings: VllmSettings) -> Iterator[tuple[str, str]]:
    if not settings.models:
        yield "models", "is empty, so the router would have no server; name one at least"
    for problem in repeated([model.name for model in settings.models], "models"):
        yield f"{problem.path}.name", problem.message
    if settings.image.endswith(":latest"):
        yield "image", f"{settings.image!r} is another one every week; name a version"


def _applies(handle: ClusterHandle) -> str | None:
    return without_bucket(handle) if handle.pools("nvidia") else "no node group has NVIDIA GPUs"


ADDON = AddOn(
    name=_NAME,
    group="serving",
    summary="vLLM's production stack: language models behind one router",
    docs="https://docs.vllm.ai/projects/production-stack/",
    source=Chart(
        repo="https://vllm-project.github.io/production-stack",
        name="vllm-stack",
        # renovate: datasource=helm depName=vllm-stack registryUrl=https://vllm-project.github.io/production-stack
        version="0.1.12",
    ),
    settings=VllmSettings,
    applies=_applies,
    problems=_problems,
    namespace=_NAME,
    values=_values,
    images=(
        Image(
            reference="docker.io/lmcache/lmstack-router:latest",
            repository="routerSpec.repository",
            tag="routerSpec.tag",
        ),
    ),
    needs=("coredns", "vllm-models"),
    stands_on=(STANDS_ON,),
    owns_crds=("loraadapters.production-stack.vllm.ai",),
    creates=frozenset({"Service"}),
    ready=(Ready(kind="Deployment", name="vllm-deployment-router"),),
    # A node with GPUs comes first, then tens of gigabytes of image and weights.
    timeout_minutes=60,
)
