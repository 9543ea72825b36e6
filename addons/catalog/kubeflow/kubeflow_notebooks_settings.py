"""What the notebook service is told of this stack: what people may choose, and when an idle notebook is stopped."""

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

import pulumi
from pydantic import AfterValidator, Field

from addons import profiles, spawner, tenants
from addons.istio import KUBEFLOW_GATEWAY, sidecar_scope
from addons.kubeflow import NAMESPACE, USE_AWS, USE_MLFLOW, USE_PIPELINES
from addons.spec import AddOn, AddOnSettings, Image, Objects
from addons.values import pulled_from
from infra.handle import ClusterHandle
from infra.images import ImageReference
from infra.problems import one_of, shown
from infra.surroundings import Surroundings

_SERVERS: Final = "ghcr.io/kubeflow/kubeflow/notebook-servers"
# renovate: datasource=docker depName=ghcr.io/kubeflow/kubeflow/notebook-servers/jupyter-scipy
_VERSION: Final = "v1.11.0"
_PLAIN: Final = f"{_SERVERS}/jupyter-scipy:{_VERSION}"
_CUDA: Final = f"{_SERVERS}/jupyter-pytorch-cuda-full:{_VERSION}"
"""Where the stack has no notebook images of its own."""
_CODE: Final = f"{_SERVERS}/codeserver-python:{_VERSION}"
_TENSORBOARD: Final = "docker.io/tensorflow/tensorflow:2.19.0"
"""The controller starts /usr/local/bin/tensorboard in it, which TensorFlow's own images have."""
_ANY_HOST: Final = "*"
_CONTROLLER: Final = {"app": "notebook-controller"}
"""The label of its pods."""


def _tagged(image: str) -> str:
    if not ImageReference.parse(image).version:
        raise ValueError(f"{image} has no tag")
    if image.endswith(":latest"):
        raise ValueError(f"{image} is another one every week; name a version")
    return image


ImageName = Annotated[str, Field(pattern=r"^[a-z0-9][^\s]*$"), AfterValidator(_tagged)]


class NotebooksSettings(AddOnSettings):
    """Settings of the notebook service."""

    images: tuple[ImageName, ...] = ()
    """More images with JupyterLab to choose from, with their tags, after those of `registry.notebookImages`."""
    custom_images: bool = True
    """Whether people may name any other image."""
    cpu: Annotated[float, Field(ge=0.1, le=192)] = 1
    """CPUs of a notebook, unless somebody asks for others. It may use more where its node has some to spare."""
    memory_gib: Annotated[float, Field(ge=0.5, le=2048)] = 4
    """Memory of a notebook, unless somebody asks for other."""
    volume_gib: Annotated[int, Field(ge=1, le=16384)] = 20
    """The new volume that is a notebook's home, unless somebody asks for another size or an existing volume."""
    storage_class: Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")] | None = None
    """Its storage class. By default that of claims that name none."""
    mounts: tuple[str, ...] = ()
    """The stack's file systems that a notebook has unless somebody takes them off, such as `efs-home-users` or
    `lustre-training`; the others can be added. A notebook with a file system in one zone runs in that zone. Where the
    stack has tenants, they are directories that every tenant has, such as `efs-home`."""
    groups: tuple[str, ...] | None = None
    """Node groups for notebooks. By default those without EFA and FPGAs, and of those without accelerators the ones
    that are not for the platform's own controllers, where there is one."""
    choose_nodes: bool = True
    """Whether people may choose one of these groups, or none of them and so any node that has what they ask for."""
    idle_minutes: Annotated[int, Field(ge=5)] | None = 240
    """A notebook is stopped after so long without work in a kernel; its volumes stay. What runs in a terminal is not
    seen, nor anything in code-server, which has no kernels: it is stopped so long after its start. null: never."""
    check_minutes: Annotated[int, Field(ge=1, le=60)] = 5
    """How often that is looked at."""


def _objects(handle: ClusterHandle, settings: NotebooksSettings) -> list[dict[str, Any]]:
    """Source: applications/notebooks-v1/upstream of kubeflow/community-distribution 26.03.1."""
    mesh = {"ISTIO_GATEWAY": KUBEFLOW_GATEWAY, "ISTIO_HOST": _ANY_HOST}
    return [
        _config("notebooks-spawner", {"spawner_ui_config.yaml": _form(handle, settings)}),
        _config(
            "notebooks-controller",
            {
                **mesh,
                "CLUSTER_DOMAIN": "cluster.local",
                "USE_ISTIO": "true",
                "ENABLE_CULLING": json.dumps(settings.idle_minutes is not None),
                "CULL_IDLE_TIME": str(settings.idle_minutes or 0),
                "IDLENESS_CHECK_PERIOD": str(settings.check_minutes),
            },
        ),
        _config(
            "tensorboard-controller-config", {**mesh, "RWO_PVC_SCHEDULING": "True", "TENSORBOARD_IMAGE": _TENSORBOARD}
        ),
        # It asks notebooks whether a kernel works. Its proxy, told of no service in profiles, would do so as nobody and
        # be refused, and a notebook that does not answer is stopped as idle.
        sidecar_scope(["*/*"], name="notebook-controller", namespace=NAMESPACE, selects=_CONTROLLER),
    ]


def _config(name: str, data: Mapping[str, pulumi.Input[str]]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(data)}


def _form(handle: ClusterHandle, settings: NotebooksSettings) -> pulumi.Output[str]:
    there = {USE_PIPELINES: "kubeflow-pipelines", USE_MLFLOW: "mlflow"}
    known = tenants.mounts(handle.storage, handle.tenants) if handle.tenants else profiles.mounts(handle.storage)
    # JSON is YAML too.
    return pulumi.Output.json_dumps(
        spawner.form(
            images=_images(handle, settings),
            code_images=[pulled_from(_CODE, handle)],
            custom_images=settings.custom_images,
            cpu=settings.cpu,
            memory_gib=settings.memory_gib,
            volume_gib=settings.volume_gib,
            storage_class=settings.storage_class,
            mounts={claim: known[claim] for claim in settings.mounts if claim in known},
            offered=spawner.groups(handle.node_pools, settings.groups),
            choose_nodes=settings.choose_nodes,
            defaults=[USE_AWS, *(name for name, addon in there.items() if addon in handle.addons)],
        ),
        indent=1,
    )


def _images(handle: ClusterHandle, settings: NotebooksSettings) -> list[pulumi.Input[str]]:
    """The stack's own, each where the cluster has what it is for; else the makers'."""
    kinds = {pool.accelerator for pool in handle.node_pools}
    own = handle.registry.notebook_images if handle.registry else ()
    fitting: list[pulumi.Input[str]] = [
        image.uri for image in own if image.accelerator is None or image.accelerator in kinds
    ]
    if not fitting:
        fitting = [pulled_from(image, handle) for image in (_PLAIN, *((_CUDA,) if "nvidia" in kinds else ()))]
    return [*fitting, *(pulled_from(image, handle) for image in settings.images)]


def _problems(around: Surroundings, settings: NotebooksSettings) -> Iterator[tuple[str, str]]:
    everybody = around.tenants.values()
    known = sorted(tenants.claims(around.storage, everybody) if everybody else profiles.claims(around.storage))
    what = "directory of every tenant" if everybody else "file system of storage"
    for index, name in enumerate(settings.mounts):
        if name not in known:
            yield (
                f"mounts[{index}]",
                f"{shown(name)} is no {what}; there are: {one_of(known) or 'none'}",
            )
    groups = sorted(group.name for group in around.groups)
    for index, name in enumerate(settings.groups or ()):
        if name not in groups:
            yield f"groups[{index}]", f"{shown(name)} is no node group; there are: {one_of(groups)}"


ADDON = AddOn(
    name="kubeflow-notebooks-settings",
    group="kubeflow",
    summary="what people may choose for a notebook: images, devices, nodes, volumes; and when it is stopped",
    docs="https://www.kubeflow.org/docs/components/notebooks/",
    source=Objects(build=_objects),
    settings=NotebooksSettings,
    presets=("notebooks",),
    problems=_problems,
    namespace=NAMESPACE,
    images=tuple(Image(reference=reference) for reference in (_PLAIN, _CUDA, _CODE, _TENSORBOARD)),
    needs=("istiod", "kubeflow"),
    creates=frozenset({"ConfigMap", "Sidecar"}),
)
