"""Feast's online store: one Redis in the cluster, with a password that nobody wrote."""

from typing import Annotated, Any, Final

from pydantic import Field, model_validator

from addons.feast import NAMESPACE, REDIS, REDIS_HOST, REDIS_PORT
from addons.secrets import generated
from addons.spec import AddOn, AddOnSettings, Image, Objects
from infra.handle import ClusterHandle

_IMAGE: Final = "public.ecr.aws/docker/library/redis:8.2.2"
_USER: Final = 999
"""The image's."""
_FULL: Final = 0.75
"""Of the pod's memory: rewriting the log of changes takes the rest."""
_LABELS: Final = {"app.kubernetes.io/name": REDIS}
_START: Final = """\
exec redis-server - <<END
dir /data
appendonly yes
save ""
maxmemory ${MAX_MEMORY}
maxmemory-policy noeviction
requirepass ${REDISCLI_AUTH}
END
"""
_ASK: Final = 'test "$(redis-cli ping)" = PONG'


class FeastRedisSettings(AddOnSettings):
    """Settings of Feast's Redis."""

    memory_mib: Annotated[int, Field(ge=128, le=65_536)] = 1024
    """Its memory, in MiB. Three quarters hold features; when they are full, writes are refused."""

    storage_gib: Annotated[int, Field(ge=1, le=1024)] = 8
    """The disk with the log of changes, from which it starts again. Twice its memory at least."""

    @model_validator(mode="after")
    def _room_to_rewrite(self) -> "FeastRedisSettings":
        if self.storage_gib * 1024 < 2 * self.memory_mib:
            raise ValueError(f"storageGib {self.storage_gib} is less than twice memoryMib {self.memory_mib}")
        return self


def _objects(_handle: ClusterHandle, settings: FeastRedisSettings) -> list[dict[str, Any]]:
    meta = {"name": REDIS, "namespace": NAMESPACE, "labels": _LABELS}
    return [
        *generated(NAMESPACE, REDIS, ["password"], template=_secret()),
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": meta,
            "spec": {
                "clusterIP": "None",
                "selector": _LABELS,
                "ports": [{"name": "tcp-redis", "port": REDIS_PORT, "targetPort": "redis"}],
            },
        },
        {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": meta,
            "spec": {
                "replicas": 1,
                "serviceName": REDIS,
                "selector": {"matchLabels": _LABELS},
                "template": {"metadata": {"labels": _LABELS}, "spec": _pod(settings)},
                "volumeClaimTemplates": [_claim(settings)],
            },
        },
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": meta,
            # The feature servers alone: everybody else asks them.
            "spec": {
                "podSelector": {"matchLabels": _LABELS},
                "policyTypes": ["Ingress"],
                "ingress": [{"from": [{"podSelector": {}}], "ports": [{"port": "redis"}]}],
            },
        },
    ]


def _secret() -> dict[str, str]:
    """The password, and the fragment of feature_store.yaml that the operator reads.

    In the fragment stands a variable that the servers have, so that the password is in no Deployment.
    """
    return {
        "password": "{{ .password }}",
        "redis": f"connection_string: {REDIS_HOST}:{REDIS_PORT},password=${{REDIS_PASSWORD}}\n",
    }


def _pod(settings: FeastRedisSettings) -> dict[str, Any]:
    memory = f"{settings.memory_mib}Mi"
    probe = {"exec": {"command": ["sh", "-c", _ASK]}, "timeoutSeconds": 5}
    return {
        "automountServiceAccountToken": False,
        "securityContext": {
            "fsGroup": _USER,
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": "redis",
                "image": _IMAGE,
                "command": ["sh", "-c", _START],
                "env": [
                    {"name": "MAX_MEMORY", "value": f"{int(settings.memory_mib * _FULL)}mb"},
                    # By this name redis-cli takes it, too.
                    {
                        "name": "REDISCLI_AUTH",
                        "valueFrom": {"secretKeyRef": {"name": REDIS, "key": "password"}},
                    },
                ],
                "ports": [{"name": "redis", "containerPort": REDIS_PORT}],
                # Reading its log takes as long as there are features.
                "startupProbe": {**probe, "periodSeconds": 5, "failureThreshold": 60},
                "readinessProbe": probe,
                "livenessProbe": {**probe, "periodSeconds": 20, "failureThreshold": 6},
                "resources": {"requests": {"cpu": "100m", "memory": memory}, "limits": {"memory": memory}},
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                    "readOnlyRootFilesystem": True,
                },
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            }
        ],
    }


def _claim(settings: FeastRedisSettings) -> dict[str, Any]:
    return {
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "gp3",
            "resources": {"requests": {"storage": f"{settings.storage_gib}Gi"}},
        },
    }


ADDON = AddOn(
    name=REDIS,
    group="engines",
    summary="Redis, in which Feast keeps the latest values of features",
    docs="https://docs.feast.dev/reference/online-stores/redis",
    source=Objects(build=_objects),
    settings=FeastRedisSettings,
    presets=("full",),
    namespace=NAMESPACE,
    create_namespace=True,
    # The feature servers have no settings for the standard `restricted`.
    pod_security="baseline",
    secrets=True,
    images=(Image(reference=_IMAGE),),
    needs=("external-secrets-store", "storage-classes"),
    creates=frozenset({"ExternalSecret", "Pod", "Service", "StatefulSet"}),
)
