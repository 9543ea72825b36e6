"""MLflow: experiments, metrics and models of a team, in the stack's database and bucket."""

from collections.abc import Iterator
from typing import Annotated, Any, Final

from pydantic import Field

from addons.accounts import chosen
from addons.iam import policy
from addons.s3 import corner
from addons.spec import AddOn, AddOnSettings, Chart, Entry, Identity, Image, Ready, Values
from infra.handle import ClusterHandle

_NAME: Final = "mlflow"
_IMAGE: Final = "docker.io/burakince/mlflow:3.15.1"
"""The chart's: MLflow's own image lacks the clients of PostgreSQL and S3."""
_BUCKET: Final = "artifacts"
_PREFIX: Final = "mlflow"
_ENGINES: Final = ("postgres",)
_PORT: Final = 80
_POD_PORT: Final = 5000
_USER: Final = 1001


class MlflowSettings(AddOnSettings):
    """Settings of MLflow."""

    replicas: Annotated[int, Field(ge=1, le=10)] = 2
    """Servers. They keep nothing: runs are in the database, files in the bucket."""

    workers: Annotated[int, Field(ge=1, le=16)] = 2
    """Processes of each server; one takes about 400 MiB."""

    memory_mib: Annotated[int, Field(ge=1024, le=16_384)] = 2048
    """Memory of each server, in MiB. Files of runs pass through it, in pieces."""


def _values(handle: ClusterHandle, settings: MlflowSettings) -> Values:
    memory = f"{settings.memory_mib}Mi"
    return {
        "replicaCount": settings.replicas,
        "serviceAccount": {"name": _NAME},
        "podSecurityContext": {
            "fsGroup": _USER,
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "resources": {"requests": {"cpu": "250m", "memory": memory}, "limits": {"memory": memory}},
        "extraArgs": {"workers": str(settings.workers)},
        **_database(handle),
        **_artifacts(handle),
        "serverAllowedHosts": list(_hosts(handle)),
        "corsAllowedOrigins": list(_origins(handle)),
        "extraDeploy": [_disruption_budget()] if settings.replicas > 1 else [],
    }


def _database(handle: ClusterHandle) -> Values:
    """The account that mlflow-database makes; libpq reads all of it from its own variables."""
    database = chosen(handle.databases.values(), _ENGINES)
    if database is None:
        return {}
    return {
        "backendStore": {
            # The schema follows the version before a server of it starts.
            "databaseMigration": True,
            "postgres": {
                "enabled": True,
                "driver": "psycopg2",
                "host": database.host,
                "port": database.port,
                "database": "mlflow",
            },
            "existingDatabaseSecret": {"name": "mlflow-db", "usernameKey": "username", "passwordKey": "password"},
        },
        # The container before it, which has no such value, takes libpq's default: TLS where the server has it.
        "extraEnvVars": {"PGSSLMODE": "require"},
    }


def _artifacts(handle: ClusterHandle) -> Values:
    """Files of runs go through the server, so that whoever logs a run needs no permission on the bucket."""
    bucket = handle.storage.buckets.get(_BUCKET)
    if bucket is None:
        return {}
    return {
        "artifactRoot": {
            "proxiedArtifactStorage": True,
            "s3": {"enabled": True, "bucket": bucket.name, "path": _PREFIX},
        }
    }


def _hosts(handle: ClusterHandle) -> Iterator[str]:
    """What a request may call the server. It answers to no other name: no page of a browser can reach it by one.

    Source: MLflow documentation, "Network Security": a name is compared with its port.
    """
    for name in (_NAME, f"{_NAME}.{_NAME}", f"{_NAME}.{_NAME}.svc", f"{_NAME}.{_NAME}.svc.cluster.local"):
        yield name
        yield f"{name}:{_PORT}"
    # `kubectl port-forward`.
    yield f"localhost:{_POD_PORT}"
    if handle.edge and _NAME in handle.edge.entries:
        yield handle.edge.host(_NAME)


def _origins(handle: ClusterHandle) -> Iterator[str]:
    if handle.edge and _NAME in handle.edge.entries:
        yield f"https://{handle.edge.host(_NAME)}"


def _disruption_budget() -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": _NAME, "app.kubernetes.io/instance": _NAME}
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": _NAME, "namespace": _NAME},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": labels}},
    }


def _policy(handle: ClusterHandle, _settings: MlflowSettings) -> dict[str, Any] | None:
    bucket = handle.storage.buckets.get(_BUCKET)
    return None if bucket is None else policy(*corner(bucket, _PREFIX, handle.region))


def _applies(handle: ClusterHandle) -> str | None:
    if chosen(handle.databases.values(), _ENGINES) is None:
        return "databases has none of engine postgres"
    return None if _BUCKET in handle.storage.buckets else f"the stack has no bucket (storage.buckets.{_BUCKET})"


ADDON = AddOn(
    name=_NAME,
    group="engines",
    summary="experiments, metrics and models, in the stack's database and bucket",
    docs="https://mlflow.org/docs/latest/",
    source=Chart(
        repo="https://community-charts.github.io/helm-charts",
        name=_NAME,
        # renovate: datasource=helm depName=mlflow registryUrl=https://community-charts.github.io/helm-charts
        version="1.11.5",
    ),
    settings=MlflowSettings,
    presets=("full",),
    applies=_applies,
    namespace=_NAME,
    values=_values,
    images=(
        Image(reference=_IMAGE, repository="image.repository", tag="image.tag"),
        Image(
            reference=_IMAGE,
            repository="initImages.mlflowDbMigration.repository",
            tag="initImages.mlflowDbMigration.tag",
        ),
    ),
    identities=(Identity(service_account=_NAME, policy=_policy, irsa="serviceAccount.annotations"),),
    entries=(Entry(name=_NAME, service=_NAME, port=_PORT, target_port=_POD_PORT, health_path="/health"),),
    needs=("coredns", "mlflow-database"),
    stands_on=("databases", f"storage.buckets.{_BUCKET}"),
    creates=frozenset({"PodDisruptionBudget", "Service"}),
    ready=(Ready(kind="Deployment", name=_NAME),),
)
