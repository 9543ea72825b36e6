"""The team's feature store: features on S3, what is known about them on RDS, their latest values in Redis.

The makers' image has no client with which its offline stores could read S3 by the role of a pod (Feast 0.66: Dask wants
s3fs, which is not in it; DuckDB wants keys, and an extension from the internet). So the folder is a volume.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

import pulumi
from pydantic import Field

from addons.accounts import account, chosen, images, unfit
from addons.feast import CRON_JOB, NAMESPACE, REDIS, SERVER
from addons.iam import policy
from addons.s3 import corner
from addons.spec import AddOn, AddOnSettings, Identity, Image, Objects
from infra.handle import ClusterHandle, Database
from infra.model import Model
from infra.surroundings import Surroundings

_NAME: Final = "feast-store"
_STORE: Final = "store"
"""Of the FeatureStore; what the operator makes of it is named `feast-store`, such as the service account."""
_SERVICE_ACCOUNT: Final = f"feast-{_STORE}"
_REGISTRY: Final = "feast-registry"
_BUCKET: Final = "data"
_ENGINES: Final = ("postgres",)
_FOLDER: Final = "features"
"""The claim on the folder of the bucket, and the path at which servers have it."""
_USER: Final = 1001
"""Of the makers' image."""

Cron = Annotated[str, Field(pattern=r"^\S+( \S+){4}$")]


class RepositorySettings(Model):
    """A Git repository with definitions of features."""

    url: Annotated[str, Field(pattern=r"^https://\S+$")]
    """Where servers clone it from when they start, without a login."""

    ref: Annotated[str, Field(pattern=r"^[\w./-]+$")]
    """A commit, a tag or a branch."""

    path: Annotated[str, Field(pattern=r"^[\w.-]+(/[\w.-]+)*$")] = "feature_repo"
    """The folder with the definitions."""


class FeastStoreSettings(AddOnSettings):
    """Settings of the feature store."""

    project: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")] = "platform"
    """Feast's name for what belongs together: features of two projects never meet."""

    prefix: Annotated[str, Field(pattern=r"^[\w-]+(/[\w-]+)*$")] = "features"
    """The folder of the bucket for data in which sources of features lie, as Parquet files. Servers have it as
    `/features`, and see no other."""

    repository: RepositorySettings | None = None
    """Definitions of features that are applied when a server starts. Without one, people apply theirs by hand."""

    materialize: Cron | None = None
    """When to put the newest values into the online store: minute, hour, day of the month, month, day of the week, in
    UTC. None: whenever somebody does it."""

    database: str | None = None
    """The database of the stack that holds the registry, of engine postgres; the first one by default."""

    memory_mib: Annotated[int, Field(ge=512, le=65_536)] = 1024
    """Memory of the server that reads sources and joins them, in MiB; it needs as much as a join does."""


def _objects(handle: ClusterHandle, settings: FeastStoreSettings) -> list[dict[str, Any]]:
    database = chosen(handle.databases.values(), _ENGINES, settings.database)
    if database is None:
        return []
    return [
        *account(
            database,
            "feast",
            schemas=("feast",),
            namespace=NAMESPACE,
            secret=_REGISTRY,
            template=_registry(database),
        ),
        *_volume(handle, settings),
        # The operator would make it, and adopts this one: it watches only what has its label.
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {
                "name": _SERVICE_ACCOUNT,
                "namespace": NAMESPACE,
                "labels": {"app.kubernetes.io/managed-by": "feast-operator"},
            },
        },
        {
            "apiVersion": "feast.dev/v1",
            "kind": "FeatureStore",
            "metadata": {
                "name": _STORE,
                "namespace": NAMESPACE,
                "annotations": {"pulumi.com/waitFor": "jsonpath={.status.phase}=Ready"},
            },
            "spec": _spec(settings),
        },
    ]


def _volume(handle: ClusterHandle, settings: FeastStoreSettings) -> Iterator[dict[str, Any]]:
    """The folder as a volume, and a claim that nobody else's volume answers.

    Source: examples/kubernetes/static_provisioning of awslabs/mountpoint-s3-csi-driver v2.7.0; doc/CONFIGURATION.md of
    awslabs/mountpoint-s3.
    """
    bucket = handle.storage.buckets.get(_BUCKET)
    if bucket is None:
        return
    common = {"accessModes": ["ReadWriteMany"], "storageClassName": "", "volumeMode": "Filesystem"}
    volume = f"{NAMESPACE}-{_FOLDER}"
    # It must be there and says nothing: a bucket has no size.
    capacity = "1Pi"
    yield {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": volume},
        "spec": {
            **common,
            "capacity": {"storage": capacity},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "name": _FOLDER,
                "namespace": NAMESPACE,
            },
            "persistentVolumeReclaimPolicy": "Retain",
            "mountOptions": [
                f"region {handle.region}",
                f"prefix {settings.prefix}/",
                "allow-other",
                "allow-delete",
                "allow-overwrite",
                f"uid={_USER}",
            ],
            "csi": {
                "driver": "s3.csi.aws.com",
                "volumeHandle": volume,
                "volumeAttributes": {"bucketName": bucket.name},
            },
        },
    }
    yield {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": _FOLDER, "namespace": NAMESPACE},
        "spec": {**common, "resources": {"requests": {"storage": capacity}}, "volumeName": volume},
    }


def _registry(database: Database) -> dict[str, pulumi.Input[str]]:
    """The account's credentials, and the fragment of feature_store.yaml that the operator reads.

    In the fragment stand variables that the servers have, so that the password is in no Deployment.

    Source: Feast documentation, "SQL Registry"; infra/feast-operator/config/samples of feast-dev/feast v0.66.0.
    """
    where = pulumi.Output.concat("@", database.host, f":{database.port}/feast?sslmode=require")
    return {
        "username": "{{ .username }}",
        "password": "{{ .password }}",
        "sql": pulumi.Output.concat(
            "path: postgresql+psycopg://${REGISTRY_USER}:${REGISTRY_PASSWORD}",
            where,
            "\ncache_ttl_seconds: 60\nsqlalchemy_config_kwargs: {echo: false, pool_pre_ping: true}\n",
        ),
    }


def _spec(settings: FeastStoreSettings) -> dict[str, Any]:
    """Source: Feast documentation, "Feast on Kubernetes"; the API of the operator v0.66.0."""
    return {
        "feastProject": settings.project,
        "feastProjectDir": _definitions(settings),
        # Callers show the token of their pod's account. Who may do what is said by Permission objects of Feast.
        "authz": {"kubernetes": {}},
        "services": {
            "initImage": SERVER,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "volumes": [{"name": _FOLDER, "persistentVolumeClaim": {"claimName": _FOLDER}}],
            "offlineStore": {
                "persistence": {"file": {"type": "duckdb"}},
                "server": _server(settings.memory_mib, cpu="250m"),
            },
            "onlineStore": {
                "persistence": {"store": {"type": "redis", "secretRef": {"name": REDIS}}},
                "server": _server(768, cpu="250m"),
            },
            "registry": {
                "local": {
                    "persistence": {"store": {"type": "sql", "secretRef": {"name": _REGISTRY}}},
                    "server": {**_server(512, cpu="100m"), "restAPI": True},
                }
            },
        },
        "cronJob": _cron_job(settings),
    }


def _definitions(settings: FeastStoreSettings) -> dict[str, Any]:
    source = settings.repository
    if source is None:
        return {"init": {"minimal": True}}
    return {"git": {"url": source.url, "ref": source.ref, "featureRepoPath": source.path}}


def _server(memory_mib: int, *, cpu: str) -> dict[str, Any]:
    memory = f"{memory_mib}Mi"
    return {
        "image": SERVER,
        "env": [
            _from(_REGISTRY, "REGISTRY_USER", "username"),
            _from(_REGISTRY, "REGISTRY_PASSWORD", "password"),
            _from(REDIS, "REDIS_PASSWORD", "password"),
        ],
        "resources": {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory}},
        # Any of them may be told to materialize.
        "volumeMounts": [{"name": _FOLDER, "mountPath": f"/{_FOLDER}"}],
    }


def _from(secret: str, name: str, key: str) -> dict[str, Any]:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


def _cron_job(settings: FeastStoreSettings) -> dict[str, Any]:
    """Without a time the operator makes one that never runs by itself, to be started by hand."""
    job: dict[str, Any] = {
        "containerConfigs": {
            "image": CRON_JOB,
            "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
            **(
                {}
                if settings.repository
                else {"commands": ["feast materialize-incremental $(date -u +'%Y-%m-%dT%H:%M:%S')"]}
            ),
        }
    }
    if settings.materialize is not None:
        job |= {"schedule": settings.materialize, "concurrencyPolicy": "Forbid", "timeZone": "Etc/UTC"}
    return job


def _policy(handle: ClusterHandle, settings: FeastStoreSettings) -> Mapping[str, Any] | None:
    bucket = handle.storage.buckets.get(_BUCKET)
    return None if bucket is None else policy(*corner(bucket, settings.prefix, handle.region))


def _problems(around: Surroundings, settings: FeastStoreSettings) -> Iterator[tuple[str, str]]:
    yield from unfit(around, _ENGINES, settings.database)
    if settings.repository is not None and not around.network.internet:
        yield "repository", "servers clone it when they start, which they cannot without network.internet"


def _applies(handle: ClusterHandle) -> str | None:
    if chosen(handle.databases.values(), _ENGINES) is None:
        return "databases has none of engine postgres"
    return None if _BUCKET in handle.storage.buckets else f"the stack has no bucket (storage.buckets.{_BUCKET})"


ADDON = AddOn(
    name=_NAME,
    group="engines",
    summary="the team's feature store, on S3, RDS and Redis",
    docs="https://docs.feast.dev/",
    source=Objects(build=_objects),
    settings=FeastStoreSettings,
    presets=("full",),
    applies=_applies,
    namespace=NAMESPACE,
    images=(
        Image(reference=SERVER),
        Image(reference=CRON_JOB),
        *(Image(reference=each) for each in images(_ENGINES)),
    ),
    identities=(Identity(service_account=_SERVICE_ACCOUNT, policy=_policy),),
    needs=("aws-mountpoint-s3-csi-driver", "database-accounts", "feast-operator", "feast-redis"),
    stands_on=("databases", f"storage.buckets.{_BUCKET}"),
    creates=frozenset({"ExternalSecret"}),
    problems=_problems,
)
