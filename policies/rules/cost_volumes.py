"""Volumes of the generation before."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from policies.around import Around
from policies.kubernetes import RELEASE, STATEFUL_SET
from policies.model import Fault, rule
from policies.values import Inputs, UnknownUntilUpError
from slipway.plan.bill.types import DATABASE
from slipway.plan.fleet import LAUNCH_TEMPLATE, NODE_CLASS
from slipway.plan.machines import INSTANCE
from slipway.plan.model import Resource
from slipway.wire import UNKNOWN

VOLUME: Final = "aws:ebs/volume:Volume"
STORAGE_CLASS: Final = "kubernetes:storage.k8s.io/v1:StorageClass"
CLAIM: Final = "kubernetes:core/v1:PersistentVolumeClaim"
_OLD: Final = "gp2"
_CLASS_KEYS: Final = frozenset({"storageClass", "storageClassName"})
_WHERE: Final = {
    VOLUME: ("type", _OLD),
    DATABASE: ("storageType", _OLD),
    STORAGE_CLASS: ("parameters.type", "gp3"),
    INSTANCE: ("rootBlockDevice.volumeType", ""),
}
"""Where a type says what its volume is, and what it is where nobody says: EC2's, RDS's and the CSI driver's defaults;
an instance's root is as its image has it."""


@rule(
    id="cost-gp2",
    severity="low",
    title="Volumes are gp3, not gp2.",
    why="gp2 costs a quarter more for a GB, and below 1 TB has fewer IOPS than the 3,000 that gp3 begins with.",
    fix="leave the type to nodeGroups[].volume and databases[], which are gp3; in addons.settings name the class gp3",
    source="https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html",
    key="nodeGroups",
    types=(*_WHERE, LAUNCH_TEMPLATE, NODE_CLASS, CLAIM, STATEFUL_SET, RELEASE),
)
def gp2(inputs: Inputs, resource: Resource, _: Around) -> Iterator[Fault]:
    """EC2 and RDS make gp2 where nobody says (CreateVolume, CreateDBInstance); so does the in-tree provisioner.

    EKS leaves a StorageClass gp2 in every cluster, which charts and claims may name.
    """
    if resource.type in (CLAIM, STATEFUL_SET, RELEASE):
        yield from _named(inputs.value, "")
        return
    if resource.type in (LAUNCH_TEMPLATE, INSTANCE, NODE_CLASS):
        yield from _disks(inputs, resource.type)
    if resource.type not in _WHERE:
        return
    path, default = _WHERE[resource.type]
    if resource.type == STORAGE_CLASS:
        provisioner = inputs.get("provisioner")
        if provisioner not in ("ebs.csi.aws.com", "kubernetes.io/aws-ebs"):
            return
        default = default if provisioner == "ebs.csi.aws.com" else _OLD
    if resource.type == DATABASE and inputs.get("iops"):
        default = "io1"
    yield from _old(inputs, path, default)


def _disks(inputs: Inputs, type_: str) -> Iterator[Fault]:
    path = "spec.blockDeviceMappings" if type_ == NODE_CLASS else "blockDeviceMappings"
    for mapping in inputs.each(path):
        disk = mapping.at("ebs")
        if isinstance(disk.value, Mapping):
            yield from _old(disk, "volumeType", _OLD if type_ == LAUNCH_TEMPLATE else "")
    for disk in inputs.each("ebsBlockDevices"):
        yield from _old(disk, "volumeType", _OLD)


def _old(inputs: Inputs, path: str, default: str) -> Iterator[Fault]:
    at = inputs.at(path)
    if at.get(default=default) == _OLD:
        yield Fault(path=at.path, what="gp2" if at.value is not None else "not said, which is gp2; it must be gp3")


def _named(value: Any, path: str) -> Iterator[Fault]:  # noqa: ANN401  # any wire value
    """Where a chart's values or a manifest name the class gp2.

    Raises:
        UnknownUntilUpError: The whole of the inputs, or a class's name, is unknown.
    """
    if isinstance(value, Mapping):
        for key, item in value.items():
            here = f"{path}.{key}" if path else str(key)
            if key in _CLASS_KEYS and isinstance(item, str):
                if item == _OLD:
                    yield Fault(path=here, what="gp2; name the class gp3")
                elif item == UNKNOWN:
                    raise UnknownUntilUpError(here)
            elif isinstance(item, Mapping | list):
                yield from _named(item, here)
            elif not path and key in ("values", "spec") and item == UNKNOWN:
                raise UnknownUntilUpError(here)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, Mapping | list):
                yield from _named(item, f"{path}.{index}")
