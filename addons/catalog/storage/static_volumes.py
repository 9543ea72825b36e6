"""Static volumes: the stack's FSx for Lustre and EFS file systems, ready to mount by name in chosen namespaces."""

from collections.abc import Iterator
from typing import Any, Final

from addons.objects import namespace
from addons.spec import AddOn, AddOnSettings, Objects
from addons.volumes import volumes
from infra.handle import ClusterHandle
from infra.kubernetes import BUILT_IN_NAMESPACES, Namespace
from infra.surroundings import Surroundings

_EFS: Final = "aws-efs-csi-driver"
_LUSTRE: Final = "aws-fsx-csi-driver"


class StaticVolumesSettings(AddOnSettings):
    """Settings of the static volumes."""

    namespaces: tuple[Namespace, ...] = ("default",)
    """Namespaces in which pods can mount every file system. The claims are `lustre-<name>` and `efs-<name>`, the
    latter with `.<access point>` where the file system has access points."""

    create_namespaces: bool = True
    """Whether to make those namespaces, except the ones that every cluster has."""


def _objects(handle: ClusterHandle, settings: StaticVolumesSettings) -> list[dict[str, Any]]:
    spaces = dict.fromkeys(settings.namespaces)
    made = [
        namespace(space, "baseline")
        for space in spaces
        if settings.create_namespaces and space not in BUILT_IN_NAMESPACES
    ]
    return [*made, *(item for space in spaces for item in volumes(handle, space))]


def _applies(handle: ClusterHandle) -> str | None:
    storage = handle.storage
    return None if storage.lustre or storage.efs else "the stack has no FSx for Lustre or EFS file system"


def _problems(around: Surroundings, settings: StaticVolumesSettings) -> Iterator[tuple[str, str]]:
    """A driver is of no use without a file system, and a volume of none without its driver."""
    for made, driver in ((around.storage.efs, _EFS), (around.storage.lustre, _LUSTRE)):
        if made and driver not in around.addons:
            yield "", f"the stack's file systems are mounted by {driver}; add it to addons.enable"
    for index, name in enumerate(settings.namespaces):
        if name in around.tenants:
            yield f"namespaces[{index}]", f"{name} is a tenant, which has directories of its own there; take it out"


ADDON = AddOn(
    name="static-volumes",
    group="storage",
    summary="the stack's FSx and EFS file systems, ready to mount by name",
    docs="https://kubernetes.io/docs/concepts/storage/persistent-volumes/",
    source=Objects(build=_objects),
    settings=StaticVolumesSettings,
    presets=("minimal",),
    applies=_applies,
    problems=_problems,
    needs_one_of=(_EFS, _LUSTRE),
)
