"""What Katib is told: its account on a database, its algorithms and collectors, and templates of trials."""

from collections.abc import Iterator
from typing import Annotated, Any, Final

import pulumi
import yaml
from pydantic import Field

from addons import accounts
from addons.kubeflow import NAMESPACE
from addons.spec import AddOn, AddOnSettings, Image, Objects
from addons.values import pulled_from
from infra.handle import ClusterHandle
from infra.surroundings import Surroundings

ENGINES: Final = ("postgres",)
"""Its client for MySQL speaks no TLS, which the stack's databases ask for. Source: kubeflow/katib v0.19.0,
pkg/db/v1beta1/mysql/mysql.go (no `tls` in the connection string) and pkg/db/v1beta1/postgres/postgres.go."""

_SECRET: Final = "katib-database"  # noqa: S105  # a Secret's name
_SCHEMA: Final = "katib"
_REGISTRY: Final = "ghcr.io/kubeflow/katib"
# renovate: datasource=docker depName=ghcr.io/kubeflow/katib/katib-controller depType=follows
_VERSION: Final = "v0.19.0"
_TRIAL_IMAGE: Final = "public.ecr.aws/deep-learning-containers/pytorch:2.12.1-cpu-amzn2023"

_TRIALS: Final = (
    "Job.v1.batch",
    "TrainJob.v1alpha1.trainer.kubeflow.org",
    "PyTorchJob.v1.kubeflow.org",
    "TFJob.v1.kubeflow.org",
    "XGBoostJob.v1.kubeflow.org",
)
"""Kinds of trials: those that its ClusterRole lets it make, without the MPIJob of v1, which nobody here owns."""
_ALGORITHMS: Final = {
    "random": "hyperopt",
    "tpe": "hyperopt",
    "grid": "optuna",
    "multivariate-tpe": "optuna",
    "hyperband": "hyperband",
    "bayesianoptimization": "skopt",
    "cmaes": "goptuna",
    "sobol": "goptuna",
    "enas": "enas",
    "darts": "darts",
    "pbt": "pbt",
}
"""Algorithm to the service that suggests by it; enas and darts search architectures."""
_LOSS: Final = "python -c \"lr = ${trialParameters.learningRate}; print('loss=%.6f' % ((lr - 0.03) ** 2))\""
"""Katib puts the words of a command side by side and gives them to a shell, so one with quotes is a shell's from the
start. Source: kubeflow/katib v0.19.0, pkg/webhook/v1beta1/pod/utils.go."""
_COLLECTORS: Final = {
    "StdOut": "file-metrics-collector",
    "File": "file-metrics-collector",
    "TensorFlowEvent": "tfevent-metrics-collector",
}
_EARLY_STOPPING: Final = "medianstop"
_PBT_GIB: Final = 5


class KatibSettings(AddOnSettings):
    """Settings of Katib."""

    database: str | None = None
    """The Postgres database of the stack that keeps the metrics of trials. By default the first."""

    suggestion_memory_mib: Annotated[int, Field(ge=100, le=16384)] = 512
    """What each running experiment's suggestion service may use, in MiB; architecture search takes the most."""


def _objects(handle: ClusterHandle, settings: KatibSettings) -> list[dict[str, Any]]:
    database = accounts.chosen(handle.databases.values(), ENGINES, settings.database)
    if database is None:
        return []
    held: dict[str, pulumi.Input[str]] = {
        "host": database.host,
        "port": str(database.port),
        "database": _SCHEMA,
        "username": "{{ .username }}",
        "password": "{{ .password }}",
    }
    return [
        *accounts.account(database, "katib", schemas=[_SCHEMA], namespace=NAMESPACE, secret=_SECRET, template=held),
        _config_map("katib-config", {"katib-config.yaml": _yaml(_config(handle, settings))}),
        _config_map(
            "trial-templates",
            {"job.yaml": _yaml(_job(handle)), "trainJob.yaml": _yaml(_train_job(handle))},
            {"katib.kubeflow.org/component": "trial-templates"},
        ),
    ]


def _problems(around: Surroundings, settings: KatibSettings) -> Iterator[tuple[str, str]]:
    yield from accounts.unfit(around, ENGINES, settings.database)


def _config(handle: ClusterHandle, settings: KatibSettings) -> dict[str, Any]:
    """Source: kubeflow/katib v0.19.0, pkg/apis/config/v1beta1/types.go."""
    resources = {
        "requests": {"cpu": "50m", "memory": "100Mi"},
        "limits": {"cpu": "2", "memory": f"{settings.suggestion_memory_mib}Mi"},
    }
    shared = next((volume for volume in handle.storage.efs if volume.zone_id is None), None)
    suggestions: list[dict[str, Any]] = [
        {"algorithmName": name, "image": _place(handle, f"suggestion-{service}"), "resources": resources}
        for name, service in _ALGORITHMS.items()
    ]
    for each in suggestions:
        if each["algorithmName"] == "pbt" and shared is not None:
            # Trials hand their checkpoints on through it, from whatever node they run on.
            each["persistentVolumeClaimSpec"] = {
                "accessModes": ["ReadWriteMany"],
                "storageClassName": f"efs-{shared.name}",
                "resources": {"requests": {"storage": f"{_PBT_GIB}Gi"}},
            }
    return {
        "apiVersion": "config.kubeflow.org/v1beta1",
        "kind": "KatibConfig",
        "init": {"controller": {"webhookPort": 8443, "trialResources": list(_TRIALS)}},
        "runtime": {
            "suggestions": [each for each in suggestions if each["algorithmName"] != "pbt" or shared is not None],
            "earlyStoppings": [
                {
                    "algorithmName": _EARLY_STOPPING,
                    "image": _place(handle, f"earlystopping-{_EARLY_STOPPING}"),
                    "resources": resources,
                }
            ],
            "metricsCollectors": [
                {
                    "kind": kind,
                    "image": _place(handle, image),
                    "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "1Gi"}},
                }
                for kind, image in _COLLECTORS.items()
            ],
        },
    }


def _job(handle: ClusterHandle) -> dict[str, Any]:
    """A trial that needs no data: it prints a loss, which Katib reads from its output."""
    container = {
        "name": "training-container",
        "image": pulled_from(_TRIAL_IMAGE, handle),
        "command": ["sh", "-c", _LOSS],
        "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
    }
    pod = {
        # A sidecar would keep the pod from ending.
        "metadata": {"labels": {"sidecar.istio.io/inject": "false"}},
        "spec": {"restartPolicy": "Never", "containers": [container]},
    }
    return {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": pod}}


def _train_job(handle: ClusterHandle) -> dict[str, Any]:
    """The same on two nodes of the runtime `torch-distributed`."""
    return {
        "apiVersion": "trainer.kubeflow.org/v1alpha1",
        "kind": "TrainJob",
        "spec": {
            "runtimeRef": {"name": "torch-distributed"},
            "trainer": {
                "image": pulled_from(_TRIAL_IMAGE, handle),
                "numNodes": 2,
                "command": ["sh", "-c", f"torchrun --no-python {_LOSS}"],
                "resourcesPerNode": {"requests": {"cpu": "1", "memory": "1Gi"}},
            },
        },
    }


def _place(handle: ClusterHandle, name: str) -> pulumi.Input[str]:
    return pulled_from(f"{_REGISTRY}/{name}:{_VERSION}", handle)


def _yaml(document: dict[str, Any]) -> pulumi.Output[str]:
    return pulumi.Output.from_input(document).apply(lambda known: yaml.safe_dump(known, sort_keys=False))


def _config_map(name: str, data: dict[str, pulumi.Input[str]], labels: dict[str, str] | None = None) -> dict[str, Any]:
    metadata = {"name": name, "namespace": NAMESPACE, **({"labels": labels} if labels else {})}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


_NAMES: Final = (
    *(f"suggestion-{service}" for service in dict.fromkeys(_ALGORITHMS.values())),
    f"earlystopping-{_EARLY_STOPPING}",
    *dict.fromkeys(_COLLECTORS.values()),
)


def _applies(handle: ClusterHandle) -> str | None:
    fits = accounts.chosen(handle.databases.values(), ENGINES) is not None
    return None if fits else "databases has no postgres"


ADDON = AddOn(
    name="katib-settings",
    group="kubeflow",
    summary="Katib's account on a database, its algorithms and its templates of trials",
    docs="https://www.kubeflow.org/docs/components/katib/user-guides/katib-config/",
    source=Objects(build=_objects),
    settings=KatibSettings,
    presets=("full",),
    applies=_applies,
    problems=_problems,
    namespace=NAMESPACE,
    images=tuple(
        Image(reference=reference)
        for reference in (
            *(f"{_REGISTRY}/{name}:{_VERSION}" for name in _NAMES),
            _TRIAL_IMAGE,
            *accounts.images(ENGINES),
        )
    ),
    needs=("database-accounts", "kubeflow"),
    stands_on=("databases",),
    creates=frozenset({"ExternalSecret", "Password"}),
)
