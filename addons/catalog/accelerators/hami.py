"""HAMi: virtual GPUs with a share of memory and of cores, kept within it by a library in the pod."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from addons.spec import AddOn, AddOnSettings, Chart, Image, Placement, Ready, Values, Webhook
from infra.handle import ClusterHandle

_NODE_LABEL: Final = ("gpu", "on")
"""The chart looks for nodes with this label; a value can add labels to it, and not take it away."""

Policy = Literal["binpack", "spread"]


class HamiSettings(AddOnSettings):
    """Settings of HAMi. It works on node groups with `labels: {gpu: "on"}`; their own `sharing` means nothing to it.

    Pods ask for `nvidia.com/gpu` and for `nvidia.com/gpumem` (MiB) or `nvidia.com/gpucores` (percent). Autoscalers do
    not know the last two: a group needs a `min` above zero, or pods that ask for `nvidia.com/gpu` alone.
    """

    split_count: Annotated[int, Field(ge=1, le=100)] = 10
    """How many pods may share one GPU."""

    memory_scaling: Annotated[float, Field(ge=1, le=4)] = 1
    """Above 1, pods are promised more memory than the GPU has; what does not fit goes to the node's memory, slowly."""

    node_policy: Policy = "binpack"
    """binpack: fill nodes one after the other, so that others can go; spread: the opposite."""

    gpu_policy: Policy = "spread"
    """The same among the GPUs of a node."""


def _requests(cpu: str, memory: str) -> dict[str, Any]:
    return {"requests": {"cpu": cpu, "memory": memory}}


def _values(handle: ClusterHandle, settings: HamiSettings) -> Values:
    return {
        "scheduler": {
            # Otherwise Jobs with an image of somebody's own make the webhook's certificate, at every upgrade.
            "certManager": {"enabled": True},
            "defaultSchedulerPolicy": {
                "nodeSchedulerPolicy": settings.node_policy,
                "gpuSchedulerPolicy": settings.gpu_policy,
            },
            "admissionWebhook": {"whitelistNamespaces": ["kube-system"]},
            "kubeScheduler": {
                # The chart pulls it from a registry in China. It must be of the cluster's minor.
                "image": {
                    "registry": "registry.k8s.io",
                    "repository": "kube-scheduler",
                    "tag": f"v{handle.kubernetes_version}.0",
                },
                "resources": _requests("50m", "128Mi"),
            },
            "extender": {"resources": _requests("50m", "128Mi")},
            # Its webhook and metrics are for the cluster, and not for whoever reaches a node.
            "service": {"type": "ClusterIP"},
        },
        "devicePlugin": {
            "deviceSplitCount": settings.split_count,
            "deviceMemoryScaling": settings.memory_scaling,
            "resources": _requests("20m", "64Mi"),
            "monitor": {"resources": _requests("20m", "64Mi")},
            "service": {"type": "ClusterIP"},
            "tolerations": [],
        },
    }


def _applies(handle: ClusterHandle) -> str | None:
    key, value = _NODE_LABEL
    if not handle.pools("nvidia"):
        return "no node group has NVIDIA GPUs"
    if any(pool.labels.get(key) == value and not pool.bottlerocket for pool in handle.pools("nvidia")):
        return None
    return f'no NVIDIA node group has the label {key}: "{value}", or those that have it run Bottlerocket'


def _image(path: str) -> Image:
    return Image(
        reference="docker.io/projecthami/hami:v2.10.0",
        registry=f"{path}.image.registry",
        repository=f"{path}.image.repository",
        tag=f"{path}.image.tag",
    )


ADDON = AddOn(
    name="hami",
    group="accelerators",
    summary="shares GPUs among pods by memory and cores, without MIG",
    docs="https://project-hami.io/docs/",
    source=Chart(
        repo="https://project-hami.github.io/HAMi/",
        name="hami",
        # renovate: datasource=helm depName=hami registryUrl=https://project-hami.github.io/HAMi/
        version="2.10.0",
    ),
    settings=HamiSettings,
    applies=_applies,
    values=_values,
    images=(
        _image("devicePlugin"),
        _image("devicePlugin.monitor"),
        _image("scheduler.extender"),
        Image(
            reference="registry.cn-hangzhou.aliyuncs.com/google_containers/kube-scheduler:v1.35.0",
            registry="scheduler.kubeScheduler.image.registry",
            repository="scheduler.kubeScheduler.image.repository",
            tag="scheduler.kubeScheduler.image.tag",
        ),
    ),
    needs=("cert-manager", "coredns"),
    # All of them hand out nvidia.com/gpu.
    conflicts=("gpu-operator", "nvidia-device-plugin"),
    webhooks=(
        Webhook(intercepts=frozenset({"Pod"}), failure_policy="Ignore", except_namespaces=frozenset({"kube-system"})),
    ),
    creates=frozenset({"Certificate", "Issuer", "Service"}),
    placement=Placement(accelerated=("devicePlugin.tolerations",)),
    ready=(Ready(kind="Deployment", name="hami-scheduler"), Ready(kind="DaemonSet", name="hami-device-plugin")),
)
