"""What becomes of resources that a stack no longer has.

Source: the Pulumi engine's `DeleteStep.Apply` (pkg/resource/deploy/step.go). It asks, in this order, whether the
resource is protected, was only read, is retained, or goes with another resource of the same operation, and deletes what
is left. For what goes with another it sends no call, so the other decides: a retained one takes nothing along.
Kubernetes then deletes everything in a namespace that goes, retained or not.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

from slipway.plan.bill.types import CLUSTER
from slipway.plan.model import Resource

Kind = Literal["refused", "deleted", "goes-with", "stays", "nothing"]
NAMESPACE: Final = "kubernetes:core/v1:Namespace"
_KUBERNETES: Final = "kubernetes"
_PROVIDERS: Final = "pulumi:providers:"


@dataclass(frozen=True, kw_only=True)
class Fate:
    """What becomes of one resource.

    `refused`: protected, so `up` stops. `deleted`, or `goes-with` another that does. `stays`: the stack lets go of it,
    and it is there as before. `nothing`: nothing is there to delete, as with components.
    """

    kind: Kind
    why: str = ""
    """What it goes with, or why it stays, for a person."""

    @property
    def gone(self) -> bool:
        """Whether it is no longer there afterwards."""
        return self.kind in ("deleted", "goes-with")


def fates(removed: Iterable[Resource]) -> dict[str, Fate]:
    """The fate of each of these, by URN. They go in one `up`, or a `destroy`.

    Args:
        removed: As the state has them, which decides, not the program as it is now.
    """
    leaving = {resource.urn: resource for resource in removed}
    found: dict[str, Fate] = {}
    for urn in leaving:
        _engine(urn, leaving, found)
    clusters = [each for each in leaving.values() if each.type == CLUSTER and found[each.urn].gone]
    spaces = {_name(each): each for each in leaving.values() if each.type == NAMESPACE and found[each.urn].gone}
    for urn, resource in leaving.items():
        if found[urn].kind != "stays" or resource.package != _KUBERNETES:
            continue
        if clusters:
            found[urn] = Fate(kind="goes-with", why=f"retained, but the cluster {clusters[0].name} goes")
        elif (space := namespace(resource)) in spaces:
            found[urn] = Fate(kind="goes-with", why=f"retained, but its namespace {space} goes")
    return found


def namespace(resource: Resource) -> str | None:
    """The namespace of a Kubernetes object; None for what is in none, and for other resources."""
    if resource.package != _KUBERNETES:
        return None
    space = metadata(resource).get("namespace")
    return space if isinstance(space, str) else None


def metadata(resource: Resource) -> dict[str, Any]:
    """The metadata of a Kubernetes object, empty where it has none that is known."""
    found = resource.inputs.get("metadata")
    return dict(found) if isinstance(found, dict) else {}


def _name(resource: Resource) -> str:
    return str(metadata(resource).get("name", resource.name))


def _engine(urn: str, leaving: dict[str, Resource], found: dict[str, Fate]) -> Fate:
    """The engine's part; what a resource goes with is decided before it."""
    if urn in found:
        return found[urn]
    chain = [urn]
    # Others may stand between it and what decides.
    while (above := leaving[chain[-1]].deleted_with) in leaving and above not in found and above not in chain:
        chain.append(above)
    for each in reversed(chain):
        found[each] = _decided(leaving[each], found)
    return found[urn]


def _decided(resource: Resource, found: dict[str, Fate]) -> Fate:
    if resource.protect:
        return Fate(kind="refused", why="protected")
    if not resource.custom or resource.external or resource.type.startswith(_PROVIDERS):
        return Fate(kind="nothing")
    if resource.retain_on_delete:
        return Fate(kind="stays", why="retained")
    above = found.get(resource.deleted_with)
    if above is None:
        return Fate(kind="deleted")
    name = resource.deleted_with.rpartition("::")[2]
    if above.gone:
        return Fate(kind="goes-with", why=f"goes with {name}")
    return Fate(kind="stays", why=f"would go with {name}, which stays")
