"""Kubeflow Pipelines: workflows of steps, with what each one read and wrote on record; files on S3, records on RDS."""

from typing import Any, Final

import pulumi

from addons.catalog.kubeflow import kubeflow_pipelines_settings
from addons.iam import allow, policy
from addons.kubeflow import NAMESPACE, RELEASE
from addons.pipelines import BUCKET, RUNS, SPECIFICATIONS
from addons.s3 import corner, through
from addons.spec import AddOn, AddOnSettings, Identity, Image, Kustomization, Ready
from infra.handle import Bucket, ClusterHandle

# renovate: datasource=docker depName=ghcr.io/kubeflow/kfp-api-server depType=follows
_VERSION: Final = "2.16.1"
# renovate: datasource=docker depName=quay.io/argoproj/workflow-controller depType=follows
_ARGO: Final = "v3.7.3"
_PROGRAMS: Final = (
    "api-server",
    "driver",
    "frontend",
    "launcher",
    "metadata-envoy",
    "persistence-agent",
    "scheduled-workflow-controller",
)
_DEPLOYMENTS: Final = (
    "metadata-envoy-deployment",
    "metadata-grpc-deployment",
    "ml-pipeline",
    "ml-pipeline-persistenceagent",
    "ml-pipeline-scheduledworkflow",
    "ml-pipeline-ui",
    "workflow-controller",
)


def _api_server(handle: ClusterHandle, _settings: AddOnSettings) -> dict[str, Any] | None:
    """Keep pipelines as they were uploaded, and read what runs left."""
    bucket = handle.storage.buckets.get(BUCKET)
    if bucket is None:
        return None
    return policy(*corner(bucket, SPECIFICATIONS, handle.region), _read_runs(bucket))


def _web_page(handle: ClusterHandle, _settings: AddOnSettings) -> dict[str, Any] | None:
    """Show artifacts and logs of runs."""
    bucket = handle.storage.buckets.get(BUCKET)
    if bucket is None:
        return None
    return policy(
        _read_runs(bucket),
        *([] if bucket.key_arn is None else [allow("kms:Decrypt", on=bucket.key_arn, when=through(handle.region))]),
    )


def _read_runs(bucket: Bucket) -> dict[str, Any]:
    return allow("s3:GetObject", on=pulumi.Output.concat(bucket.arn, f"/{RUNS}/*"))


ADDON = AddOn(
    name="kubeflow-pipelines",
    group="kubeflow",
    summary="workflows of steps, with what each one read and wrote on record",
    docs="https://www.kubeflow.org/docs/components/pipelines/",
    source=Kustomization(version=RELEASE),
    settings=AddOnSettings,
    presets=("full",),
    applies=kubeflow_pipelines_settings.ADDON.applies,
    namespace=NAMESPACE,
    images=(
        *(Image(reference=f"ghcr.io/kubeflow/kfp-{program}:{_VERSION}") for program in _PROGRAMS),
        Image(reference="gcr.io/tfx-oss-public/ml_metadata_store_server:1.14.0"),
        Image(reference=f"quay.io/argoproj/argoexec:{_ARGO}"),
        Image(reference=f"quay.io/argoproj/workflow-controller:{_ARGO}"),
    ),
    # Steps read and write as their profile's default-editor, Argo's executor in their pods too.
    identities=(
        Identity(service_account="ml-pipeline", policy=_api_server),
        Identity(service_account="ml-pipeline-ui", policy=_web_page),
    ),
    needs=("argo-crds", "istiod", "kubeflow", "kubeflow-pipelines-settings"),
    stands_on=kubeflow_pipelines_settings.ADDON.stands_on,
    owns_crds=("scheduledworkflows.kubeflow.org",),
    creates=frozenset({"AuthorizationPolicy", "DestinationRule", "Service", "VirtualService"}),
    ready=tuple(Ready(kind="Deployment", name=name) for name in _DEPLOYMENTS),
)
