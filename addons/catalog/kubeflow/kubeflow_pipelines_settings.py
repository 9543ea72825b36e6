"""What Kubeflow Pipelines is told: where artifacts, logs and metadata are kept, and its accounts on the database."""

import json
from collections.abc import Iterator
from typing import Annotated, Any, Final

import pulumi
from pydantic import Field

from addons import accounts
from addons.kubeflow import NAMESPACE
from addons.pipelines import BUCKET, LOGS, RUNS, SPECIFICATIONS, s3_host
from addons.spec import AddOn, AddOnSettings, Image, Objects
from infra.handle import Bucket, ClusterHandle, Database
from infra.surroundings import Surroundings

_NAME: Final = "kubeflow-pipelines-settings"
ENGINES: Final = ("mysql",)
"""On Postgres, two of its three programs speak no TLS, which the stack's databases ask for: the API server says
`sslmode=disable`, and the metadata server's client is built without OpenSSL.

Source: kubeflow/pipelines 2.16.1, backend/src/apiserver/client/sql.go; google/ml-metadata v1.14.0,
ml_metadata/postgresql.BUILD.
"""
_RUNS_SCHEMA: Final = "mlpipeline"
_METADATA_SCHEMA: Final = "metadb"
_CERTIFICATES: Final = "/etc/database-certificates/ca.pem"
"""Where the deployments mount it (addons/kustomize/kubeflow-pipelines)."""
_CIPHERS: Final = (
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
)
"""What RDS for MySQL and BoringSSL both have for TLS 1.2. Naming ciphers, or an authority, is what makes the metadata
server's client (MariaDB Connector/C 3.0.8) speak TLS at all: plugins/auth/my_auth.c there."""
_HOUR: Final = 3600

Certificates = Annotated[str, Field(pattern=r"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----")]
Profile = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]


class KubeflowPipelinesSettings(AddOnSettings):
    """Settings of Kubeflow Pipelines. Its Deployments read them when they start: restart them after a change."""

    database: str | None = None
    """The MySQL database of the stack that keeps runs and metadata. By default the first."""
    database_certificates: Certificates | None = None
    """Authorities of the database's certificate, PEM: the region's bundle from
    <https://truststore.pki.rds.amazonaws.com>. With them, clients make sure that they talk to RDS. Without them the
    connection is encrypted all the same, and nobody checks who is at its other end."""
    caching: bool = True
    """Whether a step that ran before with the same inputs may be skipped. A pipeline can say no for itself."""
    keep_hours: Annotated[int, Field(ge=1, le=24 * 365)] = 24
    """How long the pods of a run stay after its end. Logs and artifacts outlive them."""
    timezone: Annotated[str, Field(pattern=r"^[A-Za-z]+([/_+-][A-Za-z0-9]+)*$")] = "UTC"
    """In which recurring runs are scheduled: a name of the IANA database, such as Europe/Berlin."""
    version1_profiles: tuple[Profile, ...] = ()
    """Profiles that may still run pipelines compiled with version 1 of the SDK. They run without caching and without
    recorded metadata."""


def _objects(handle: ClusterHandle, settings: KubeflowPipelinesSettings) -> list[dict[str, Any]]:
    database = accounts.chosen(handle.databases.values(), ENGINES, settings.database)
    bucket = handle.storage.buckets.get(BUCKET)
    if database is None or bucket is None:
        return []
    return [
        *accounts.account(
            database,
            "pipelines",
            schemas=[_RUNS_SCHEMA],
            namespace=NAMESPACE,
            secret="kubeflow-pipelines-database",  # noqa: S106  # a Secret's name
        ),
        *accounts.account(
            database,
            "pipelines-metadata",
            schemas=[_METADATA_SCHEMA],
            namespace=NAMESPACE,
            secret="kubeflow-pipelines-metadata",  # noqa: S106  # a Secret's name
            template={"config": _metadata_config(database, settings)},
            # google/ml-metadata#178.
            old_client=True,
        ),
        _config_map("kubeflow-pipelines-certificates", {"ca.pem": settings.database_certificates or ""}),
        _config_map(_NAME, _settings(handle, settings, database, bucket)),
        _config_map("kubeflow-pipelines-argo", _argo(handle, bucket)),
    ]


def _settings(
    handle: ClusterHandle, settings: KubeflowPipelinesSettings, database: Database, bucket: Bucket
) -> dict[str, pulumi.Input[str]]:
    """What the deployments' variables point at."""
    # Go's client for MySQL: `true` checks the certificate.
    tls = "true" if settings.database_certificates else "skip-verify"
    return {
        "bucket": bucket.name,
        "s3Host": s3_host(handle),
        "region": handle.region,
        "specifications": SPECIFICATIONS,
        "logKeyFormat": _log_key(),
        "databaseHost": database.host,
        "databasePort": str(database.port),
        "databaseName": _RUNS_SCHEMA,
        "databaseParameters": json.dumps({"tls": tls}),
        "caching": json.dumps(settings.caching),
        "keepSeconds": str(settings.keep_hours * _HOUR),
        "timezone": settings.timezone,
        "version1Namespaces": ",".join(settings.version1_profiles),
    }


def _log_key() -> str:
    """Where Argo puts a step's log, and where the web page looks for it when the pod is gone."""
    day = "/".join(f"{{{{workflow.creationTimestamp.{part}}}}}" for part in "Ymd")
    return f"{RUNS}/{{{{workflow.namespace}}}}/{LOGS}/{{{{workflow.name}}}}/{day}/{{{{pod.name}}}}"


def _argo(handle: ClusterHandle, bucket: Bucket) -> dict[str, pulumi.Input[str]]:
    """The configuration of Pipelines' own Argo controller. It sees workflows without an instance id: Pipelines'.

    Source: argoproj/argo-workflows v3.7.3, docs/{workflow-controller-configmap,configure-artifact-repository}.md.
    """
    repository = {
        "archiveLogs": True,
        "s3": {
            "endpoint": s3_host(handle),
            "region": handle.region,
            "bucket": bucket.name,
            "keyFormat": _log_key(),
            # The pod's own role: its profile's.
            "useSDKCreds": True,
        },
    }
    executor = {
        "imagePullPolicy": "IfNotPresent",
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}},
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    return {"artifactRepository": pulumi.Output.json_dumps(repository), "executor": json.dumps(executor)}


def _metadata_config(database: Database, settings: KubeflowPipelinesSettings) -> pulumi.Output[str]:
    """The metadata server's configuration, a text protobuf of MetadataStoreServerConfig.

    Source: google/ml-metadata v1.14.0, ml_metadata/proto/metadata_store.proto; MariaDB Connector/C 3.0.8,
    libmariadb/secure/openssl.c.
    """
    # Without the second word an authority is read, and what it says of the certificate is not asked for.
    checked = f'ca: "{_CERTIFICATES}" verify_server_cert: true'
    by = checked if settings.database_certificates else f'cipher: "{":".join(_CIPHERS)}"'
    return pulumi.Output.concat(
        "connection_config {\n",
        "  mysql {\n",
        '    host: "',
        database.host,
        '"\n',
        f"    port: {database.port}\n",
        f'    database: "{_METADATA_SCHEMA}"\n',
        '    user: "{{ .username }}"\n',
        '    password: "{{ .password }}"\n',
        f"    ssl_options {{ {by} }}\n",
        "    skip_db_creation: true\n",
        "  }\n",
        "}\n",
        "migration_options { enable_upgrade_migration: true }\n",
    )


def _config_map(name: str, data: dict[str, pulumi.Input[str]]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": NAMESPACE}, "data": data}


def _applies(handle: ClusterHandle) -> str | None:
    if accounts.chosen(handle.databases.values(), ENGINES) is None:
        return "databases has none of engine mysql"
    return (
        None if BUCKET in handle.storage.buckets else f"the stack has no bucket for {BUCKET} (storage.buckets.{BUCKET})"
    )


def _problems(around: Surroundings, settings: KubeflowPipelinesSettings) -> Iterator[tuple[str, str]]:
    yield from accounts.unfit(around, ENGINES, settings.database)


ADDON = AddOn(
    name=_NAME,
    group="kubeflow",
    summary="where Kubeflow Pipelines keeps artifacts, logs and metadata, and its accounts on the database",
    docs="https://www.kubeflow.org/docs/components/pipelines/operator-guides/configure-object-store/",
    source=Objects(build=_objects),
    settings=KubeflowPipelinesSettings,
    presets=("full",),
    applies=_applies,
    problems=_problems,
    namespace=NAMESPACE,
    images=tuple(Image(reference=reference) for reference in accounts.images(ENGINES)),
    needs=("database-accounts", "kubeflow"),
    stands_on=("databases", f"storage.buckets.{BUCKET}"),
    creates=frozenset({"ExternalSecret", "Password"}),
)
