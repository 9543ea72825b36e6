"""What MLflow needs before it starts: its namespace, its account on the stack's database, and its own keys."""

from collections.abc import Iterator
from typing import Any, Final

from addons.accounts import account, chosen, images, unfit
from addons.secrets import generated
from addons.spec import AddOn, AddOnSettings, Image, Objects
from infra.handle import ClusterHandle
from infra.surroundings import Surroundings

_NAME: Final = "mlflow-database"
_NAMESPACE: Final = "mlflow"
_ACCOUNT: Final = "mlflow-db"
_ENGINES: Final = ("postgres",)


def _objects(handle: ClusterHandle, _settings: AddOnSettings) -> list[dict[str, Any]]:
    database = chosen(handle.databases.values(), _ENGINES)
    if database is None:
        return []
    return [
        *account(database, "mlflow", schemas=("mlflow",), namespace=_NAMESPACE, secret=_ACCOUNT),
        # Under the name that the chart would give one of its own, which it makes only where there is none. MLflow
        # encrypts what people put into its gateway with the second key; without one it uses one that everybody knows.
        *generated(
            _NAMESPACE,
            "mlflow-flask-server-secret-key",
            ["MLFLOW_FLASK_SERVER_SECRET_KEY", "MLFLOW_CRYPTO_KEK_PASSPHRASE"],
        ),
    ]


def _problems(around: Surroundings, _settings: AddOnSettings) -> Iterator[tuple[str, str]]:
    """Where the preset brings it, it is left out, and MLflow with it."""
    asked = {_NAME, "mlflow"} & around.by_name
    return unfit(around, _ENGINES, None, key="") if asked else iter(())


def _applies(handle: ClusterHandle) -> str | None:
    found = chosen(handle.databases.values(), _ENGINES)
    return None if found else "databases has none of engine postgres"


ADDON = AddOn(
    name=_NAME,
    group="engines",
    summary="MLflow's account on the stack's database, and its keys",
    docs="https://mlflow.org/docs/latest/self-hosting/architecture/backend-store/",
    source=Objects(build=_objects),
    settings=AddOnSettings,
    presets=("full",),
    applies=_applies,
    namespace=_NAMESPACE,
    create_namespace=True,
    pod_security="restricted",
    secrets=True,
    images=tuple(Image(reference=each) for each in images(_ENGINES)),
    needs=("database-accounts",),
    stands_on=("databases",),
    creates=frozenset({"ExternalSecret"}),
    problems=_problems,
)
