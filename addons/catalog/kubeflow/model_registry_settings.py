"""The model registry's account on a database of the stack, and what its page may reach."""

from collections.abc import Iterator
from typing import Any, Final

from addons import accounts, model_registry
from addons.kubeflow import NAMESPACE
from addons.spec import AddOn, AddOnSettings, Image, Objects
from infra.handle import ClusterHandle
from infra.surroundings import Surroundings

_ENGINES: Final = ("postgres",)
"""What the distribution's manifests start its server with. It reads whether to use TLS from the connection string.
Source: kubeflow/hub, internal/platform/db/postgres/connect.go."""
_SECRET: Final = "model-registry-database"  # noqa: S105  # a Secret's name
_SCHEMA: Final = "model_registry"


class ModelRegistrySettings(AddOnSettings):
    """Settings of the model registry."""

    database: str | None = None
    """The Postgres database of the stack that keeps the models. By default the first."""


def _objects(handle: ClusterHandle, settings: ModelRegistrySettings) -> list[dict[str, Any]]:
    """The keys are variables of the server, which its connection string names."""
    database = accounts.chosen(handle.databases.values(), _ENGINES, settings.database)
    if database is None:
        return []
    account = accounts.account(
        database,
        "model-registry",
        schemas=[_SCHEMA],
        namespace=NAMESPACE,
        secret=_SECRET,
        template={
            "POSTGRES_HOST": database.host,
            "POSTGRES_PORT": str(database.port),
            "POSTGRES_DB": _SCHEMA,
            "POSTGRES_USER": "{{ .username }}",
            "POSTGRES_PASSWORD": "{{ .password }}",
        },
    )
    return [*account, model_registry.page_scope()]


def _problems(around: Surroundings, settings: ModelRegistrySettings) -> Iterator[tuple[str, str]]:
    yield from accounts.unfit(around, _ENGINES, settings.database)


def _applies(handle: ClusterHandle) -> str | None:
    fits = accounts.chosen(handle.databases.values(), _ENGINES) is not None
    return None if fits else "databases has no postgres"


ADDON = AddOn(
    name="model-registry-settings",
    group="kubeflow",
    summary="the model registry's account on a database, and what its page may reach",
    docs="https://www.kubeflow.org/docs/components/model-registry/installation/",
    source=Objects(build=_objects),
    settings=ModelRegistrySettings,
    presets=("full",),
    applies=_applies,
    problems=_problems,
    namespace=NAMESPACE,
    images=tuple(Image(reference=reference) for reference in accounts.images(_ENGINES)),
    needs=("database-accounts", "istiod", "kubeflow"),
    stands_on=("databases",),
    creates=frozenset({"ExternalSecret", "Password", "Sidecar"}),
)
