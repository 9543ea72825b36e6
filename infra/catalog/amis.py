"""Which EKS AMI type a node of an instance type takes, and where SSM keeps its newest release.

Sources: `data/amis.json` (EKS user guide "Use EKS-optimized accelerated AMIs for GPU instances"; eksctl's SSM
resolver) and `data/ami_releases.json` (SSM public parameters, renewed by `slipway catalog refresh`).
"""

from functools import cache
from typing import Any, Final, Literal

from infra.catalog.errors import UnknownNameError
from infra.catalog.instances import InstanceType
from infra.catalog.table import table

_ARCH: Final = {"amd64": "x86_64", "arm64": "ARM_64"}


def ami_type(instance: InstanceType, *, bottlerocket: bool = False) -> str:
    """The `amiType` of a managed node group, such as `AL2023_x86_64_NVIDIA`.

    Neuron devices run on Bottlerocket's plain variant; there is no Neuron variant of it (EKS user guide, same page).
    An FPGA needs nothing of the image, so f2 takes the standard AL2023.

    Raises:
        ValueError: EKS has no such AMI; the message says why and what is possible instead.
    """
    why = _facts(instance.family).get("managed_ami", {}).get("none")
    if why:
        raise ValueError(
            f"{instance.name} has no EKS AMI: {why}; build a custom AMI with "
            "`nvidia_driver_major_version=595` (awslabs/amazon-eks-ami, doc/usage/g7-ami.md) "
            "or choose g7e or g6e"
        )
    name = _bottlerocket(instance) if bottlerocket else _al2023(instance)
    families = _row(name).get("families")
    if families is not None and instance.family not in families:
        possible = "AL2023" if bottlerocket else "a custom AMI"
        raise ValueError(f"{instance.name} is not among the families of {name} ({', '.join(families)}); use {possible}")
    return name


def ami_types() -> tuple[str, ...]:
    """Every AMI type that `ami_type` can give, sorted."""
    return table("amis").names()


def ssm_parameter(ami_type: str, kubernetes_version: str, *, attribute: Literal["image", "release"] = "image") -> str:
    """The public SSM parameter with the newest image id, or release version, of an AMI type.

    Raises:
        UnknownNameError: The catalogue does not have the AMI type.
    """
    row = _row(ami_type)
    leaf: str = row["leaf"][attribute]
    return f"{row['path'].format(version=kubernetes_version)}/{leaf}"


@cache
def release_version(ami_type: str, kubernetes_version: str) -> str | None:
    """The newest `releaseVersion` known for a node group, such as `1.35.6-20260714`; None where none is stored.

    Raises:
        UnknownNameError: The catalogue does not have the AMI type.
    """
    _row(ami_type)
    releases: dict[str, str] = table("ami_releases").row(ami_type) or {}
    return releases.get(kubernetes_version)


def _al2023(instance: InstanceType) -> str:
    kind = instance.accelerator.kind if instance.accelerator else None
    variant = {"nvidia": "NVIDIA", "neuron": "NEURON"}.get(kind or "", "STANDARD")
    return f"AL2023_{_ARCH[instance.arch]}_{variant}"


def _bottlerocket(instance: InstanceType) -> str:
    kind = instance.accelerator.kind if instance.accelerator else None
    if kind == "fpga":
        raise ValueError(f"{instance.name}: no Bottlerocket variant supports FPGAs; use AL2023")
    variant = "_NVIDIA" if kind == "nvidia" else ""
    return f"BOTTLEROCKET_{_ARCH[instance.arch]}{variant}"


def _row(ami_type: str) -> dict[str, Any]:
    found: dict[str, Any] | None = table("amis").row(ami_type)
    if found is None:
        raise UnknownNameError("AMI type", ami_type, ami_types())
    return found


def _facts(family: str) -> dict[str, Any]:
    return table("families").row(family) or {}
