"""The nodes of the model cache: their directory, the volume that it is, and the jobs that fill it."""

import json
from typing import Annotated, Any, Final

from pydantic import Field

from addons import kserve
from addons.images import BUSYBOX
from addons.models import STANDS_ON, reader, without_bucket
from addons.objects import NOT_AWAITED, namespace
from addons.spec import AddOn, AddOnSettings, Image, Objects
from infra.handle import ClusterHandle, Taint

_NAMESPACE: Final = "kserve-localmodel-jobs"
"""Where KServe starts the jobs that copy models."""
_NAME: Final = "local-models"
_DIRECTORY: Final = "/models"
"""On the node; it is fixed in KServe's chart."""
_AGENT: Final = 65532
"""The user of KServe's agent, which makes the directory's first level and deletes models (gcr.io/distroless/static)."""
_COPIER: Final = 1000
"""The group that the jobs write as: `localModel.fsGroup` of KServe's configuration."""
_KEEP: Final = f"""\
set -u
mkdir -p {_DIRECTORY}/models
while true; do
  chown -R {_AGENT}:{_COPIER} {_DIRECTORY}
  chmod -R ug+rwX,o+rX {_DIRECTORY}
  find {_DIRECTORY} -type d -exec chmod g+s {{}} +
  sleep 30
done
"""
"""What a job writes is its own: without this the agent could not delete it."""


class LocalModelNodesSettings(AddOnSettings):
    """Settings of the nodes. They are those of node groups with `labels: {kserve/localmodel: worker}`."""

    size_gib: Annotated[int, Field(ge=1, le=65536)] = 100
    """How much of a node's root volume models may take, in GiB. The group's volume must have it to spare."""


def _objects(handle: ClusterHandle, settings: LocalModelNodesSettings) -> list[dict[str, Any]]:
    """The group is `workers`, as in KServe's own examples.

    Source: KServe documentation, "Model cache", and pkg/controller/v1alpha1/localmodelnode of v0.20.0.
    """
    taints = _taints(handle)
    return [
        # Not one of the platform's, which Kyverno leaves alone.
        namespace(_NAMESPACE, "baseline"),
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": _NAME},
            "provisioner": "kubernetes.io/no-provisioner",
            "volumeBindingMode": "WaitForFirstConsumer",
        },
        _node_group(settings),
        _keeper(taints),
        *([_tolerations(taints)] if taints else []),
    ]


def _taints(handle: ClusterHandle) -> list[Taint]:
    key, value = kserve.LOCAL_MODEL_LABEL
    chosen = {taint for pool in handle.node_pools if pool.labels.get(key) == value for taint in pool.taints}
    return [taint for taint in handle.taints if taint in chosen]


def _node_group(settings: LocalModelNodesSettings) -> dict[str, Any]:
    key, value = kserve.LOCAL_MODEL_LABEL
    size = f"{settings.size_gib}Gi"
    volume = {"accessModes": ["ReadWriteOnce"], "storageClassName": _NAME, "volumeMode": "Filesystem"}
    term = {"matchExpressions": [{"key": key, "operator": "In", "values": [value]}]}
    return {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "LocalModelNodeGroup",
        "metadata": {"name": "workers"},
        "spec": {
            "storageLimit": size,
            "persistentVolumeClaimSpec": {**volume, "resources": {"requests": {"storage": size}}},
            "persistentVolumeSpec": {
                **volume,
                "capacity": {"storage": size},
                "local": {"path": _DIRECTORY},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [term]}},
            },
        },
    }


def _keeper(taints: list[Taint]) -> dict[str, Any]:
    """Agent and jobs run as different users, and the directory is made by whoever comes first, as root."""
    key, value = kserve.LOCAL_MODEL_LABEL
    labels = {"app.kubernetes.io/name": _NAME}
    small = {"cpu": "10m", "memory": "32Mi"}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {
            "name": _NAME,
            "namespace": kserve.NAMESPACE,
            "labels": labels,
            "annotations": dict(NOT_AWAITED),
        },
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "automountServiceAccountToken": False,
                    # Without it the node has no models: a job that fills the node would push it out.
                    "priorityClassName": "system-node-critical",
                    "nodeSelector": {key: value},
                    "tolerations": [taint.toleration for taint in taints],
                    "terminationGracePeriodSeconds": 1,
                    "securityContext": {"runAsUser": 0, "seccompProfile": {"type": "RuntimeDefault"}},
                    "containers": [
                        {
                            "name": "keep",
                            "image": BUSYBOX,
                            "command": ["/bin/sh", "-c", _KEEP],
                            "resources": {"requests": dict(small), "limits": {"memory": "64Mi"}},
                            "securityContext": {
                                "allowPrivilegeEscalation": False,
                                "readOnlyRootFilesystem": True,
                                "capabilities": {"drop": ["ALL"], "add": ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID"]},
                            },
                            "volumeMounts": [{"name": "models", "mountPath": _DIRECTORY}],
                        }
                    ],
                    "volumes": [
                        {"name": "models", "hostPath": {"path": _DIRECTORY, "type": "DirectoryOrCreate"}},
                    ],
                },
            },
        },
    }


def _tolerations(taints: list[Taint]) -> dict[str, Any]:
    """KServe's jobs choose their node and tolerate nothing, so none would ever start on a node with GPUs.

    The API server gave the pod tolerations of its own before (DefaultTolerationSeconds), so the list is there.
    """
    operations = [{"op": "add", "path": "/spec/tolerations/-", "value": taint.toleration} for taint in taints]
    return {
        "apiVersion": "kyverno.io/v1",
        "kind": "ClusterPolicy",
        "metadata": {"name": f"{_NAME}-jobs"},
        "spec": {
            "background": False,
            "rules": [
                {
                    "name": "tolerations",
                    "match": {"any": [{"resources": {"kinds": ["Pod"], "namespaces": [_NAMESPACE]}}]},
                    # JSON is YAML, too.
                    "mutate": {"patchesJson6902": json.dumps(operations, sort_keys=True)},
                }
            ],
        },
    }


ADDON = AddOn(
    name="kserve-localmodel-nodes",
    group="serving",
    summary="the nodes of the model cache: their disks, and the jobs that copy models there",
    docs="https://kserve.github.io/website/docs/model-serving/generative-inference/modelcache/localmodel",
    source=Objects(build=_objects),
    settings=LocalModelNodesSettings,
    applies=without_bucket,
    namespace=kserve.NAMESPACE,
    images=(Image(reference=BUSYBOX),),
    # Its jobs name no account.
    identities=(reader("default", namespace=_NAMESPACE),),
    needs=("kserve-crd", "kserve-localmodel-crd", "kserve-localmodel-resources", "kyverno"),
    stands_on=(STANDS_ON,),
    creates=frozenset({"ClusterPolicy", "DaemonSet", "LocalModelNodeGroup", "Namespace", "Pod", "StorageClass"}),
)
