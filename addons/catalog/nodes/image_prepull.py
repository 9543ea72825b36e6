"""Image pre-pull: large images are on accelerated nodes before the first job asks for them."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import pulumi
from pydantic import Field

from addons.objects import NOT_AWAITED
from addons.registries import eks_registry
from addons.spec import AddOn, AddOnSettings, Objects
from addons.values import pulled_from
from infra.catalog import names
from infra.catalog.instances import AcceleratorKind
from infra.handle import ClusterHandle

_NAME: Final = "image-prepull"
_PAUSE: Final = "eks/pause:3.10"
"""What the AMI itself takes for sandboxes, so that it need not be pulled from far."""
_SMALL: Final = {"cpu": "10m", "memory": "32Mi"}
_DIGEST: Final = "@sha256:[0-9a-f]{64}"
ImageName = Annotated[
    str,
    Field(pattern=rf"^[a-z0-9]+([._/-]+[a-z0-9]+)*(:[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}}({_DIGEST})?|{_DIGEST})$"),
]
"""A full name with a tag, a digest or both."""


class ImagePrepullSettings(AddOnSettings):
    """Which images are pulled to which nodes."""

    images: dict[AcceleratorKind, tuple[ImageName, ...]] = Field(default_factory=dict)
    """Kind of accelerator to images for its nodes, each with its tag or digest, such as
    `nvidia: ["nvcr.io/nvidia/pytorch:26.06-py3"]`. By default the stack's own notebook images for that kind. Each must
    hold `/bin/sh`, as those of every framework do."""

    pulls_at_once: Annotated[int, Field(ge=1, le=100)] = 10
    """Share of nodes, in percent, that pull at a time once the list changes."""


def _objects(handle: ClusterHandle, settings: ImagePrepullSettings) -> list[dict[str, Any]]:
    return [
        _daemon_set(handle, kind, images, settings.pulls_at_once) for kind, images in _wanted(handle, settings).items()
    ]


def _wanted(
    handle: ClusterHandle, settings: ImagePrepullSettings
) -> Mapping[AcceleratorKind, Sequence[pulumi.Input[str]]]:
    """The images of each kind of accelerated node that the cluster has; kinds without images are left out."""
    built = handle.registry.notebook_images if handle.registry else ()
    kinds = sorted({pool.accelerator for pool in handle.node_pools if pool.accelerator})
    found: dict[AcceleratorKind, Sequence[pulumi.Input[str]]] = {
        kind: [pulled_from(image, handle) for image in settings.images[kind]]
        if kind in settings.images
        else [image.uri for image in built if image.accelerator == kind]
        for kind in kinds
    }
    return {kind: images for kind, images in found.items() if images}


def _daemon_set(
    handle: ClusterHandle, kind: AcceleratorKind, images: Sequence[pulumi.Input[str]], share: int
) -> dict[str, Any]:
    """One container per image that ends at once, then one that waits, so that the kubelet does not remove them."""
    labels = {"app.kubernetes.io/name": _NAME, "app.kubernetes.io/component": kind}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {
            "name": f"{_NAME}-{kind}",
            "namespace": _NAME,
            "labels": labels,
            "annotations": dict(NOT_AWAITED),
        },
        "spec": {
            "selector": {"matchLabels": labels},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": f"{share}%"}},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "nodeSelector": {names.ACCELERATOR_LABEL: kind},
                    "tolerations": [taint.toleration for taint in handle.taints],
                    "terminationGracePeriodSeconds": 0,
                    "securityContext": {
                        "runAsNonRoot": True,
                        "runAsUser": 65534,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "initContainers": [
                        {**_container(f"image-{index}", image), "command": ["/bin/sh", "-c", "exit 0"]}
                        for index, image in enumerate(images)
                    ],
                    "containers": [_container("pause", f"{eks_registry(handle.region)}/{_PAUSE}")],
                },
            },
        },
    }


def _container(name: str, image: pulumi.Input[str]) -> dict[str, Any]:
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "resources": {"requests": dict(_SMALL), "limits": dict(_SMALL)},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
    }


ADDON = AddOn(
    name=_NAME,
    group="nodes",
    summary="pulls large images to accelerated nodes before a job asks for them",
    docs="https://kubernetes.io/docs/concepts/containers/images/#pre-pulled-images",
    source=Objects(build=_objects),
    settings=ImagePrepullSettings,
    namespace=_NAME,
    create_namespace=True,
    pod_security="restricted",
)
