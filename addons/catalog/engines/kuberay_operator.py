"""KubeRay: Ray clusters, jobs and services, on nodes that are there while there is work for them."""

from typing import Annotated, Final, Literal

from pydantic import Field

from addons.spec import AddOn, AddOnSettings, Chart, Image, Ready, Values
from infra.handle import ClusterHandle

_NAME: Final = "kuberay-operator"
# renovate: datasource=helm depName=kuberay-operator registryUrl=https://ray-project.github.io/kuberay-helm
_VERSION: Final = "1.7.0"
_SCHEDULERS: Final = ("kai-scheduler", "volcano")
"""Add-ons that are schedulers, as KubeRay calls them too."""


class KuberayOperatorSettings(AddOnSettings):
    """Settings of KubeRay."""

    batch_scheduler: Literal["kai-scheduler", "scheduler-plugins", "volcano", "yunikorn"] | None = None
    """Who places the pods of all Ray clusters, all at once or not at all. It must be in the cluster. By default
    `volcano` or `kai-scheduler` where one of these is installed. Kueue needs no setting here."""

    memory_mib: Annotated[int, Field(ge=256, le=8192)] = 512
    """Memory of the operator, in MiB: about one for each Ray pod."""


def _scheduler(handle: ClusterHandle) -> str:
    return next((name for name in _SCHEDULERS if name in handle.addons), "")


def _values(handle: ClusterHandle, settings: KuberayOperatorSettings) -> Values:
    memory = f"{settings.memory_mib}Mi"
    return {
        "batchScheduler": {"name": settings.batch_scheduler or _scheduler(handle)},
        "resources": {"requests": {"cpu": "100m", "memory": memory}, "limits": {"memory": memory}},
    }


ADDON = AddOn(
    name=_NAME,
    group="engines",
    summary="Ray clusters, jobs and services that grow and shrink with their work",
    docs="https://docs.ray.io/en/latest/cluster/kubernetes/index.html",
    source=Chart(
        repo="https://ray-project.github.io/kuberay-helm",
        name=_NAME,
        version=_VERSION,
    ),
    settings=KuberayOperatorSettings,
    presets=("full",),
    namespace=_NAME,
    create_namespace=True,
    pod_security="restricted",
    values=_values,
    images=(Image(reference=f"quay.io/kuberay/operator:v{_VERSION}", repository="image.repository", tag="image.tag"),),
    needs=("coredns",),
    # Whose kinds it looks for once.
    follows=_SCHEDULERS,
    owns_crds=("rayclusters.ray.io", "raycronjobs.ray.io", "rayjobs.ray.io", "rayservices.ray.io"),
    creates=frozenset({"Service"}),
    ready=(Ready(kind="Deployment", name=_NAME),),
)
