"""Argo Workflows: steps and graphs of containers, with their files in the stack's bucket."""

from collections.abc import Iterator
from typing import Annotated, Any, Final

import pulumi
from pydantic import Field

from addons.accounts import chosen, unfit
from addons.argo import ACCOUNT, ARCHIVE, ENGINES, NAMESPACE, PREFIX, SCHEMA
from addons.iam import allow, policy
from addons.s3 import through
from addons.spec import AddOn, AddOnSettings, Chart, Entry, Identity, Image, Ready, Values
from infra.catalog.zones import dns_suffix
from infra.handle import ClusterHandle
from infra.surroundings import Surroundings

_NAME: Final = "argo-workflows"
# renovate: datasource=docker depName=quay.io/argoproj/workflow-controller depType=follows
_VERSION: Final = "v4.0.6"
_SERVER: Final = "argo-workflows-server"
_BUCKET: Final = "artifacts"
_PORT: Final = 2746
_HOURS: Final = 3600


class ArgoWorkflowsSettings(AddOnSettings):
    """Settings of Argo Workflows."""

    keep_hours: Annotated[int, Field(ge=1, le=8760)] = 168
    """Hours that a workflow stays in the cluster once it is done. What it wrote to the bucket stays."""

    parallelism: Annotated[int, Field(ge=1)] | None = None
    """How many workflows run at a time; others wait. None: no limit but the nodes."""

    archive_logs: bool = True
    """Put the logs of the steps into the bucket, where they outlive the pods."""

    archive_days: Annotated[int, Field(ge=1)] | None = None
    """Days that a workflow stays in the stack's Postgres database once it is done, through the add-on
    `argo-workflows-archive`. None: there is no such archive."""


def _values(handle: ClusterHandle, settings: ArgoWorkflowsSettings) -> Values:
    return {
        # The kinds are the add-on argo-crds's; the chart would fetch them from the internet by a Job.
        "crds": {"install": False},
        "images": {"pullPolicy": "IfNotPresent"},
        # Accounts are those of argo-workflows-namespaces, each with a role of its own.
        "workflow": {"rbac": {"create": False}},
        "controller": {
            # Whatever has no such label is for the controller of Kubeflow Pipelines.
            "instanceID": {"enabled": True, "explicitID": _NAME},
            "workflowNamespaces": [],
            "workflowDefaults": {
                "spec": {
                    "serviceAccountName": ACCOUNT,
                    "ttlStrategy": {"secondsAfterCompletion": settings.keep_hours * _HOURS},
                    "podGC": {"strategy": "OnWorkflowSuccess"},
                }
            },
            **({} if settings.parallelism is None else {"parallelism": settings.parallelism}),
            # A second one stands by; the first one's lease goes within seconds.
            "replicas": 2,
            "pdb": {"enabled": True, "maxUnavailable": 1},
            "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
            **_archive(handle, settings),
        },
        "executor": {"resources": {"requests": {"cpu": "20m", "memory": "64Mi"}}},
        "server": {
            # Everybody acts with a token of the cluster, and may do there what its account may do.
            "authModes": ["client"],
            "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}},
        },
        "useStaticCredentials": False,
        **_artifacts(handle, settings),
    }


def _artifacts(handle: ClusterHandle, settings: ArgoWorkflowsSettings) -> Values:
    """Where steps hand their files on; without a bucket only parameters can be."""
    bucket = handle.storage.buckets.get(_BUCKET)
    if bucket is None:
        return {}
    return {
        "artifactRepository": {
            "archiveLogs": settings.archive_logs,
            "s3": {
                "bucket": bucket.name,
                "endpoint": f"s3.{handle.region}.{dns_suffix(handle.region)}",
                "region": handle.region,
                "insecure": False,
                # The role of the pod's account.
                "useSDKCreds": True,
                "keyFormat": f"{PREFIX}/{{{{workflow.namespace}}}}/{{{{workflow.name}}}}/{{{{pod.name}}}}",
            },
        }
    }


def _archive(handle: ClusterHandle, settings: ArgoWorkflowsSettings) -> Values:
    """Workflows that are done, in a table; and those that run and are too large for the cluster's own store.

    Source: Argo Workflows docs, "Workflow Archive" and "Offloading Large Workflows".
    """
    database = chosen(handle.databases.values(), ENGINES)
    if settings.archive_days is None or database is None:
        return {}
    return {
        "persistence": {
            "archive": True,
            "archiveTTL": f"{settings.archive_days}d",
            "nodeStatusOffLoad": True,
            "postgresql": {
                "host": database.host,
                "port": database.port,
                "database": SCHEMA,
                "tableName": "argo_workflows",
                "userNameSecret": {"name": ARCHIVE, "key": "username"},
                "passwordSecret": {"name": ARCHIVE, "key": "password"},
                "ssl": True,
                "sslMode": "require",
            },
        }
    }


def _problems(around: Surroundings, settings: ArgoWorkflowsSettings) -> Iterator[tuple[str, str]]:
    if settings.archive_days is None:
        return
    if ARCHIVE not in around.addons:
        yield "archiveDays", f"{settings.archive_days} needs {ARCHIVE}; add it to addons.enable"
    yield from unfit(around, ENGINES, None, "archiveDays")


def _policy(handle: ClusterHandle, _settings: ArgoWorkflowsSettings) -> dict[str, Any] | None:
    """The server shows files and logs of steps.

    Source: Argo Workflows docs, "Configuring Your Artifact Repository", AWS S3 with IAM roles.
    """
    bucket = handle.storage.buckets.get(_BUCKET)
    if bucket is None:
        return None
    return policy(
        # Without a condition: else S3 answers "forbidden", not "no such key", where a folder was asked for.
        allow("s3:ListBucket", on=bucket.arn),
        allow("s3:GetObject", on=pulumi.Output.concat(bucket.arn, f"/{PREFIX}/*")),
        *([] if bucket.key_arn is None else [allow("kms:Decrypt", on=bucket.key_arn, when=through(handle.region))]),
    )


def _image(part: str, name: str) -> Image:
    return Image(
        reference=f"quay.io/argoproj/{name}:{_VERSION}",
        registry=f"{part}.image.registry",
        repository=f"{part}.image.repository",
        tag=f"{part}.image.tag",
    )


ADDON = AddOn(
    name=_NAME,
    group="engines",
    summary="steps and graphs of containers, with their files in the stack's bucket",
    docs="https://argo-workflows.readthedocs.io/",
    source=Chart(
        repo="https://argoproj.github.io/argo-helm",
        name=_NAME,
        # renovate: datasource=helm depName=argo-workflows registryUrl=https://argoproj.github.io/argo-helm
        version="1.0.18",
        skip_crds=True,
    ),
    settings=ArgoWorkflowsSettings,
    presets=("full",),
    namespace=NAMESPACE,
    values=_values,
    images=(_image("controller", "workflow-controller"), _image("executor", "argoexec"), _image("server", "argocli")),
    identities=(Identity(service_account=_SERVER, policy=_policy, irsa="server.serviceAccount.annotations"),),
    entries=(Entry(name="argo", service=_SERVER, port=_PORT, target_port=_PORT, health_path="/"),),
    needs=("argo-crds", "coredns"),
    follows=(ARCHIVE,),
    problems=_problems,
    creates=frozenset({"Service"}),
    ready=(
        Ready(kind="Deployment", name="argo-workflows-workflow-controller"),
        Ready(kind="Deployment", name=_SERVER),
    ),
)
