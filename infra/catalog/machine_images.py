"""Which public image a single machine, or an instance of an ECS cluster, takes.

Images are named by the public SSM parameter that holds the newest id. All are Amazon Linux 2023, whose packages are in
S3: a machine without internet installs them through the gateway endpoint.

Source: `data/machine_images.json` (release notes of the AWS Deep Learning AMIs, Neuron DLAMI user guide, AWS Batch user
guide).
"""

from dataclasses import dataclass
from typing import Any, Final

from infra.catalog.instances import InstanceType
from infra.catalog.table import table

LEAST_GIB: Final = 100
"""The least root volume: the Deep Learning AMIs' snapshots have 75 GiB, Neuron's 100."""
_DEEP_LEARNING: Final = ("base-amd64", "single-cuda-amd64", "base-arm64", "neuron-amd64")
_ECS: Final = ("ecs-gpu-amd64",)
_PLAIN: Final = {"amd64": "base-amd64", "arm64": "base-arm64"}


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineImage:
    """A public image.

    Attributes:
        name: Its row in the catalogue, such as `base-amd64`.
        title: AWS's name for it.
        parameter: The public SSM parameter that holds the newest image id of a region.
    """

    name: str
    title: str
    parameter: str


def deep_learning_image(instance: InstanceType) -> MachineImage:
    """The Deep Learning Base AMI for a type.

    A type without an accelerator takes the GPU image of its architecture: what is installed is the same on all types
    (DLAMI developer guide, "Features of DLAMI").

    Raises:
        ValueError: No Deep Learning AMI drives its accelerator; the message names the families that one does.
    """
    if instance.accelerator is None:
        return _image(_PLAIN[instance.arch])
    return _for_family(instance, _DEEP_LEARNING, "Deep Learning AMI")


def ecs_gpu_image(instance: InstanceType) -> MachineImage:
    """The ECS-optimized GPU AMI for a type.

    Raises:
        ValueError: It does not drive this type; the message names the families that it does.
    """
    return _for_family(instance, _ECS, "ECS-optimized GPU AMI")


def _for_family(instance: InstanceType, names: tuple[str, ...], kind: str) -> MachineImage:
    for name in names:
        if instance.family in _row(name)["families"]:
            return _image(name)
    families = sorted({family for name in names for family in _row(name)["families"]})
    raise ValueError(f"{instance.name}: no {kind} drives {instance.family}; use one of: {', '.join(families)}")


def _image(name: str) -> MachineImage:
    row = _row(name)
    return MachineImage(name=name, title=row["title"], parameter=row["parameter"])


def _row(name: str) -> dict[str, Any]:
    found: dict[str, Any] = table("machine_images").row(name) or {}
    return found
