"""What Argo's archive needs before the controller starts: its account on the stack's database."""

from collections.abc import Iterator
from typing import Any, Final

from addons.accounts import account, chosen, images, unfit
from addons.argo import ARCHIVE, ENGINES, NAMESPACE, SCHEMA
from addons.spec import AddOn, AddOnSettings, Image, Objects
from infra.handle import ClusterHandle
from infra.surroundings import Surroundings

_SERVICE: Final = "argo"


def _objects(handle: ClusterHandle, _settings: AddOnSettings) -> list[dict[str, Any]]:
    database = chosen(handle.databases.values(), ENGINES)
    if database is None:
        return []
    return account(database, _SERVICE, schemas=(SCHEMA,), namespace=NAMESPACE, secret=ARCHIVE)


def _problems(around: Surroundings, _settings: AddOnSettings) -> Iterator[tuple[str, str]]:
    return unfit(around, ENGINES, None, key="")


ADDON = AddOn(
    name=ARCHIVE,
    group="engines",
    summary="the account of Argo's archive on the stack's database (argo-workflows.archiveDays)",
    docs="https://argo-workflows.readthedocs.io/en/latest/workflow-archive/",
    source=Objects(build=_objects),
    settings=AddOnSettings,
    namespace=NAMESPACE,
    images=tuple(Image(reference=each) for each in images(ENGINES)),
    needs=("argo-crds", "database-accounts"),
    stands_on=("databases",),
    creates=frozenset({"ExternalSecret"}),
    problems=_problems,
)
