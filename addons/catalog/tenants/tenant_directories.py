"""Tenants' directories on FSx for Lustre, which has no access points: a Job on each file system makes those missing."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from addons.images import BUSYBOX
from addons.spec import AddOn, AddOnSettings, Image, Objects
from addons.volumes import claim, whole
from infra.handle import ClusterHandle, LustreVolume, Tenant

_NAME: Final = "tenant-directories"
_AT: Final = "/lustre"
_MODE: Final = "0770"
_TRIES: Final = 10
_SECONDS: Final = 900
_SCRIPT: Final = f"""\
set -eu
for each in "$@"; do
  path="{_AT}${{each%%:*}}"
  mkdir -p "$path"
  chown "${{each#*:}}" "$path"
  chmod {_MODE} "$path"
done
"""
"""Each argument is `<directory>:<uid>:<gid>`. What is there stays; what is in it keeps its owner."""


def _objects(handle: ClusterHandle, _settings: AddOnSettings) -> list[dict[str, Any]]:
    return [
        item
        for volume in handle.storage.lustre
        if (tenants := [each for each in handle.tenants if volume.name in each.lustre])
        for item in _on(volume, tenants)
    ]


def _on(volume: LustreVolume, tenants: Sequence[Tenant]) -> Iterator[dict[str, Any]]:
    yield from whole(volume, _NAME)
    yield _job(volume, [f"{each.directory}:{each.uid}:{each.gid}" for each in tenants])


def _job(volume: LustreVolume, directories: Sequence[str]) -> dict[str, Any]:
    """Another Job when the list is another one: Kubernetes changes none."""
    what = json.dumps([BUSYBOX, _SCRIPT, list(directories)])
    digest = hashlib.sha256(what.encode()).hexdigest()[:8]
    mine: Mapping[str, Any] = {"name": "lustre", "persistentVolumeClaim": {"claimName": claim("lustre", volume.name)}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": f"{volume.name}-{digest}",
            "namespace": _NAME,
            # One that failed is made again by the next `up`.
            "annotations": {"pulumi.com/replaceUnready": "true"},
        },
        "spec": {
            "backoffLimit": _TRIES,
            "activeDeadlineSeconds": _SECONDS,
            "template": {
                "spec": {
                    "restartPolicy": "Never",
                    "automountServiceAccountToken": False,
                    "securityContext": {"runAsUser": 0, "seccompProfile": {"type": "RuntimeDefault"}},
                    "containers": [
                        {
                            "name": "make",
                            "image": BUSYBOX,
                            "command": ["/bin/sh", "-c", _SCRIPT, "make"],
                            "args": list(directories),
                            "resources": {
                                "requests": {"cpu": "10m", "memory": "32Mi"},
                                "limits": {"memory": "64Mi"},
                            },
                            "securityContext": {
                                "allowPrivilegeEscalation": False,
                                "readOnlyRootFilesystem": True,
                                "capabilities": {"drop": ["ALL"], "add": ["CHOWN", "DAC_OVERRIDE", "FOWNER"]},
                            },
                            "volumeMounts": [{"name": "lustre", "mountPath": _AT}],
                        }
                    ],
                    "volumes": [mine],
                }
            },
        },
    }


def _applies(handle: ClusterHandle) -> str | None:
    wanted = any(each.lustre for each in handle.tenants)
    return None if wanted else "no tenant has a directory on FSx for Lustre"


ADDON = AddOn(
    name=_NAME,
    group="tenants",
    summary="tenants' directories on FSx for Lustre",
    docs="https://docs.aws.amazon.com/fsx/latest/LustreGuide/mounting-ec2-instance.html",
    source=Objects(build=_objects),
    settings=AddOnSettings,
    presets=("minimal",),
    applies=_applies,
    namespace=_NAME,
    create_namespace=True,
    images=(Image(reference=BUSYBOX),),
    needs=("aws-fsx-csi-driver",),
    creates=frozenset({"Job", "PersistentVolume", "PersistentVolumeClaim", "Pod"}),
)
