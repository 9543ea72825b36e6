"""Kubeflow Pipelines on S3, as its add-ons and those of profiles know it: what lies where, and what a profile needs."""

import json
from typing import Any, Final

import pulumi

from addons.kubeflow import NAMESPACE
from infra.catalog.zones import dns_suffix
from infra.handle import ClusterHandle

BUCKET: Final = "artifacts"
"""The role of the bucket that holds it all."""
RUNS: Final = "pipelines"
"""The prefix of runs: `pipelines/<profile>/` belongs to one profile."""
SPECIFICATIONS: Final = "pipeline-specs"
"""The prefix of pipelines as they were uploaded."""
LOGS: Final = "logs"
"""Of a profile's prefix, what its steps wrote to standard output."""
METADATA_SERVICE: Final = "metadata-grpc-service"
METADATA_PORT: Final = 8080


def profile_prefix(profile: str) -> str:
    """Where a profile's runs have artifacts and logs, in the bucket of role `artifacts`: `pipelines/<profile>/`.

    Steps read and write there as the profile's service account `default-editor`.
    """
    return f"{RUNS}/{profile}/"


def s3_host(handle: ClusterHandle) -> str:
    """S3's host in the cluster's region."""
    return f"s3.{handle.region}.{dns_suffix(handle.region)}"


def profile_objects(handle: ClusterHandle, profile: str) -> list[dict[str, Any]]:
    """The ConfigMaps by which steps in a profile's namespace find S3 and the metadata service.

    Nothing where the stack has no bucket of role `artifacts`: then it has no Pipelines either.

    Upstream's `sync.py` makes them with keys of a store inside the cluster; these have no keys: the launcher asks AWS
    as `default-editor`. Source: kubeflow/pipelines 2.16.1, backend/src/v2/config/{env,s3}.go.
    """
    bucket = handle.storage.buckets.get(BUCKET)
    if bucket is None:
        return []
    root = pulumi.Output.concat("s3://", bucket.name, f"/{profile_prefix(profile).rstrip('/')}")
    providers = {
        "s3": {
            "default": {"endpoint": s3_host(handle), "region": handle.region, "credentials": {"fromEnv": True}},
        }
    }
    return [
        _config_map(profile, "kfp-launcher", {"defaultPipelineRoot": root, "providers": json.dumps(providers)}),
        _config_map(
            profile,
            "metadata-grpc-configmap",
            {
                "METADATA_GRPC_SERVICE_HOST": f"{METADATA_SERVICE}.{NAMESPACE}",
                "METADATA_GRPC_SERVICE_PORT": str(METADATA_PORT),
            },
        ),
    ]


def _config_map(namespace: str, name: str, data: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data}
