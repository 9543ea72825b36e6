"""Which resources of a plan are a tenant's, and what becomes of them and of its data between two plans.

A tenant's are: what is below its component, what carries its tag, its group of the login, the objects in its namespace,
the namespace itself and objects of no namespace with its name, volumes kept for its claims, and its service accounts'
roles.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from infra.catalog import names
from slipway.plan.bill.types import BUCKET, EFS, LUSTRE, REPOSITORY
from slipway.plan.diff import Diff, Entry
from slipway.plan.fates import Fate, metadata, namespace
from slipway.plan.model import Plan, Resource
from slipway.plan.services import USER_GROUP

TENANT: Final = "slipway:tenants:Tenant"
_IDENTITY: Final = "slipway:infra:WorkloadIdentity"
_TAG: Final = "Tenant"
_STORES: Final[Mapping[str, str]] = {"efs": EFS, "lustre": LUSTRE}

Status = Literal["added", "removed", "changed"]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a tenant has data, as its component says it, and whether that stays."""

    place: str
    stays: bool
    why: str


@dataclass(frozen=True, kw_only=True)
class TenantDiff:
    """What happens to one tenant. `keep_data` is the setting as it was before; None where the tenant is new."""

    name: str
    status: Status
    keep_data: bool | None
    entries: tuple[Entry, ...]
    data: tuple[Place, ...]

    def of(self, *actions: str) -> tuple[Entry, ...]:
        """The tenant's entries with these actions."""
        return tuple(entry for entry in self.entries if entry.action in actions)

    def json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "name": self.name,
            "status": self.status,
            "keepData": self.keep_data,
            "goes": [entry.urn for entry in self.of("delete")],
            "stays": [entry.urn for entry in self.of("keep")],
            "data": [{"place": each.place, "stays": each.stays, "why": each.why} for each in self.data],
        }


def by_tenant(plan: Plan) -> dict[str, str]:
    """The name of the tenant that each resource belongs to, by URN; resources that belong to none are left out."""
    spaces = {_space(each): each.name for each in plan.of_type(TENANT)}
    if not spaces:
        return {}
    found: dict[str, str] = {}
    # Parents come before their children.
    for resource in plan:
        owner = resource.name if resource.type == TENANT else found.get(resource.parent) or _owner(resource, spaces)
        if owner is not None:
            found[resource.urn] = owner
            parent = plan.get(resource.parent)
            if parent is not None and parent.type == _IDENTITY:
                found[parent.urn] = owner
    # A role's policies carry no tag, and may stand before what does.
    for identity in plan.of_type(_IDENTITY):
        if identity.urn in found:
            found.update((each.urn, found[identity.urn]) for each in plan.children(identity))
    return found


def tenants(found: Diff) -> tuple[TenantDiff, ...]:
    """The tenants that differ between two plans, by name."""
    sides = [{each.name: each for each in plan.of_type(TENANT)} for plan in (found.before, found.after)]
    owners = {**by_tenant(found.after), **by_tenant(found.before)}
    entries: dict[str, list[Entry]] = {}
    for entry in found.entries:
        if entry.urn in owners:
            entries.setdefault(owners[entry.urn], []).append(entry)
    return tuple(
        TenantDiff(
            name=name,
            status="added" if name not in sides[0] else "removed" if name not in sides[1] else "changed",
            keep_data=sides[0][name].outputs.get("keepData") if name in sides[0] else None,
            entries=tuple(entries.get(name, ())),
            data=tuple(_places(found, sides[0].get(name), sides[1].get(name))),
        )
        for name in sorted({*sides[0], *sides[1]})
        if name in entries or (name in sides[0]) != (name in sides[1])
    )


def _space(tenant: Resource) -> str:
    return str(tenant.outputs.get("namespace", tenant.name))


def _owner(resource: Resource, spaces: Mapping[str, str]) -> str | None:
    """The tenant that a resource says it belongs to."""
    if resource.package == "aws":
        inputs = resource.inputs
        group = inputs.get("name") if resource.type == USER_GROUP else None
        said_by_aws = ((inputs.get("tags") or {}).get(_TAG), inputs.get("namespace"), group)
        return next((spaces[each] for each in said_by_aws if isinstance(each, str) and each in spaces), None)
    space = namespace(resource)
    if space is not None:
        return spaces.get(space)
    if resource.package != "kubernetes" or not resource.custom:
        return None
    about = metadata(resource)
    claim = (resource.inputs.get("spec") or {}).get("claimRef") or {}
    said = ((about.get("labels") or {}).get(names.TENANT_LABEL), claim.get("namespace"), about.get("name"))
    return next((spaces[each] for each in said if isinstance(each, str) and each in spaces), None)


def _places(found: Diff, before: Resource | None, after: Resource | None) -> Iterator[Place]:
    """The places that a tenant has no longer: what becomes of what lies there."""
    if before is None:
        return
    now = set(_data(after)) if after is not None else set()
    for place in _data(before):
        if place not in now:
            fate = _store(found, place)
            if fate is not None and fate.gone:
                yield Place(place=place, stays=False, why=fate.why or "deleted by `up`")
            elif fate is not None:
                yield Place(place=place, stays=True, why=fate.why)
            else:
                yield Place(place=place, stays=True, why="the store stays, and `up` deletes nothing in it")


def _data(tenant: Resource) -> tuple[str, ...]:
    said = tenant.outputs.get("data")
    return tuple(str(each) for each in said) if isinstance(said, list | tuple) else ()


def _store(found: Diff, place: str) -> Fate | None:
    """The fate of the store that a place is in; None where the stack keeps the store."""
    kind, _, rest = place.partition(" ")
    if place.startswith("s3://"):
        kind, rest = "s3", place.removeprefix("s3://").partition("/")[0]
        leaving = [each for each in _leaving(found, BUCKET) if rest in (each.id, each.inputs.get("bucket"))]
    elif kind == "ecr":
        leaving = [each for each in _leaving(found, REPOSITORY) if each.inputs.get("name") == rest]
    else:
        store = rest.partition(":")[0]
        leaving = [each for each in _leaving(found, _STORES.get(kind, "")) if each.name.endswith(f"-{store}")]
    return found.fates[leaving[0].urn] if leaving else None


def _leaving(found: Diff, type_: str) -> list[Resource]:
    return [each for each in found.before.of_type(type_) if each.urn in found.fates]
