"""What is wrong, or worth a word, in tenants."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from infra.catalog.names import TENANT_TAG
from infra.catalog.quantities import CPU
from infra.catalog.quotas import quota
from infra.edge.rules import ADMINS
from infra.flavors import Flavor, by_key
from infra.observability.rules import budget_problems
from infra.problems import Problem, nearest, one_of, repeated, shown
from infra.surroundings import Surroundings
from infra.tenants.places import places
from infra.tenants.settings import QuotaSettings, TenantSettings
from infra.tenants.subscription import flavors_of, oversubscribed

_HERE: Final = "tenants"
_LIMITS: Final[Mapping[str, str]] = {
    "iam-roles-per-account": "a role each; by default IAM takes {most} in an account",
    "eks-pod-identity-associations-per-cluster": "a Pod Identity association each; EKS takes {most} in a cluster",
    "ecr-repositories-per-region": "a repository each; by default ECR takes {most} in a region",
    "budgets-per-management-account": "a budget each; Budgets takes {most} in a management account",
    "cognito-idp-groups-per-user-pool": "a group of the login each; Cognito takes {most} in a user pool",
}
"""What a new account, or anybody, may have of what each tenant has one of: its quota, and how a warning says it."""


def problems(tenants: Mapping[str, TenantSettings], around: Surroundings) -> Iterator[Problem]:
    """What is wrong with these settings."""
    # Mistakes in node groups leave unknown what they offer.
    known = None if around.gpu_zones is None else flavors_of(around)
    yield from _shared_names(tenants, around)
    yield from _meeting_prefixes(tenants, around)
    emr = around.analytics.emr if around.analytics else None
    for name, tenant in tenants.items():
        here = f"{_HERE}.{name}"
        if name == ADMINS:
            yield Problem(here, "is the group of the platform's administrators; choose another name")
        if emr and name == emr.namespace:
            yield Problem(here, "is the namespace of analytics.emr; choose another name")
        yield from _people(tenant, here)
        if known is not None:
            yield from _quotas(tenant.quota, here, known, around)
        yield from _preferences(tenant, f"{here}.prefer")
        yield from _volumes(tenant, here, around)
        yield from repeated(tenant.from_namespaces, f"{here}.fromNamespaces")
        yield from repeated(tenant.to_namespaces, f"{here}.toNamespaces")
        yield from repeated([str(each) for each in tenant.to_cidrs], f"{here}.toCidrs")
        yield from _budget(tenant, f"{here}.budget", around)


def warnings(tenants: Mapping[str, TenantSettings]) -> Iterator[str]:
    """What the user should know, though it is allowed."""
    counts = {
        "iam-roles-per-account": len(tenants),
        "eks-pod-identity-associations-per-cluster": len(tenants),
        "ecr-repositories-per-region": sum(each.images is not None for each in tenants.values()),
        "budgets-per-management-account": sum(each.budget is not None for each in tenants.values()),
    }
    for slug, count in counts.items():
        yield from _limit(slug, count)


def in_place(tenants: Mapping[str, TenantSettings], around: Surroundings) -> Iterator[str]:
    """What the user should know of tenants in the rest of the stack."""
    if around.edge and around.edge.login:
        yield from _limit("cognito-idp-groups-per-user-pool", len(tenants))
    known = flavors_of(around)
    if not known:
        yield f"{_HERE}: every node group is a system group, so that no queue of theirs has nodes; add another one"
    yield from oversubscribed(tenants, known)
    most = quota("elasticfilesystem-access-points-per-file-system").default
    used = Counter(volume for each in tenants.values() for volume in each.storage.efs or ())
    everywhere = sum(each.storage.efs is None for each in tenants.values())
    for index, efs in enumerate(around.storage.efs):
        count = used[efs.name] + everywhere + len(efs.access_points)
        if count > most:
            yield (
                f"storage.efs[{index}] {efs.name} would have {count} access points, one for each tenant; by default "
                f"EFS takes {most} on a file system"
            )
    budgets = around.observability.budgets if around.observability else None
    if budgets and budgets.allocation_tags == "unconfirmed" and any(each.budget for each in tenants.values()):
        yield (
            f"budgets of {_HERE} count nothing until the tag {TENANT_TAG} is active for cost allocation in the payer's "
            "account; then set observability.budgets.allocationTags: confirmed"
        )


def _limit(slug: str, count: int) -> Iterator[str]:
    most = quota(slug).default
    if count > most:
        yield f"{count} {_HERE} have {_LIMITS[slug].format(most=most)}"


def _shared_names(tenants: Mapping[str, TenantSettings], around: Surroundings) -> Iterator[Problem]:
    """Other sections that speak of a tenant."""
    login = around.edge.login if around.edge else None
    for index, group in enumerate(login.groups if login else ()):
        if group in tenants:
            yield Problem(
                f"edge.login.groups[{index}]", f"{shown(group)} is made for {_HERE}.{group}; take it out here"
            )
    for name in around.observability.budgets.tenants if around.observability else ():
        if name in tenants and tenants[name].budget:
            yield Problem(
                f"observability.budgets.tenants.{name}",
                f"{_HERE}.{name}.budget is a budget of the same; keep one, best there",
            )
    for key in around.platform.tags:
        if key.lower() == TENANT_TAG.lower():
            yield Problem(
                f"platform.tags.{key}", f"{TENANT_TAG} says whose a resource is where there are {_HERE}; take it out"
            )


def _people(tenant: TenantSettings, here: str) -> Iterator[Problem]:
    if not tenant.owners:
        yield Problem(f"{here}.owners", "is empty; name who answers for it, by email address")
    seen: dict[str, str] = {}
    for role in ("owners", "members", "viewers"):
        people: tuple[str, ...] = getattr(tenant, role)
        for index, person in enumerate(people):
            place = f"{role}[{index}]"
            # Logins tell no case in addresses.
            if person.lower() in seen:
                yield Problem(
                    f"{here}.{place}", f"{shown(person)} is {seen[person.lower()]} already: everybody has one role"
                )
            seen.setdefault(person.lower(), place)


def _quotas(
    quotas: Mapping[str, QuotaSettings], here: str, known: Sequence[Flavor], around: Surroundings
) -> Iterator[Problem]:
    named = by_key(known)
    seen: dict[str, str] = {}
    for key, settings in quotas.items():
        path = f"{here}.quota.{key}"
        flavor = named.get(key)
        if flavor is None:
            yield from _nowhere(key, path, known, around)
            continue
        if flavor.name in seen:
            yield Problem(path, f"{shown(key)} is the flavour of {seen[flavor.name]} too")
        seen.setdefault(flavor.name, key)
        yield from _amounts(settings, path, flavor)


def _preferences(tenant: TenantSettings, here: str) -> Iterator[Problem]:
    yield from repeated(tenant.prefer, here)
    for index, key in enumerate(tenant.prefer):
        if key not in tenant.quota:
            yield Problem(
                f"{here}[{index}]",
                f"{shown(key)} is not in quota{nearest(key, tenant.quota)}, which has: "
                f"{one_of(tenant.quota) or 'none'}",
            )


def _nowhere(key: str, path: str, known: Sequence[Flavor], around: Surroundings) -> Iterator[Problem]:
    """A quota of what nobody offers."""
    own = [flavor.name for flavor in known if flavor.group == key]
    if own:
        yield Problem(path, f"{shown(key)} has EFA, and each of its zones is a flavour: name one of {one_of(own)}")
        return
    names = list(by_key(known))
    if any(group.name == key for group in around.groups):
        yield Problem(
            path,
            f"{shown(key)} is a system group, for the platform's own controllers; there is: {one_of(names) or 'none'}",
        )
    else:
        yield Problem(
            path, f"no node group offers {shown(key)}{nearest(key, names)}; there is: {one_of(names) or 'none'}"
        )


def _amounts(settings: QuotaSettings, path: str, flavor: Flavor) -> Iterator[Problem]:
    given = settings.amounts
    if len(given) != 1:
        has = f"has {one_of(given)}" if given else "says nothing"
        yield Problem(path, f"{has}; say exactly one of nodes, accelerators, cpus")
        return
    ((unit, count),) = given.items()
    if unit == "accelerators" and not flavor.accelerators:
        yield Problem(f"{path}.accelerators", f"{flavor.name} has none; use nodes or cpus")
        return
    if unit == "cpus" and flavor.accelerators:
        yield Problem(f"{path}.cpus", f"{flavor.name} is accelerated; use nodes or accelerators")
        return
    most = {
        "nodes": flavor.nodes,
        "accelerators": flavor.accelerators * flavor.nodes,
        "cpus": flavor.capacity[CPU] // 1000,
    }[unit]
    if count > most:
        yield Problem(
            f"{path}.{unit}", f"{count} is more than all of {flavor.name}, which grows to {flavor.nodes} nodes: {most}"
        )
    if settings.lend is not None and settings.lend > count:
        yield Problem(f"{path}.lend", f"{settings.lend} is more than there is to lend: {count}")
    if not count and settings.borrow == 0:
        yield Problem(path, f"nothing of its own and nothing to borrow: no job would ever run on {flavor.name}")


def _volumes(tenant: TenantSettings, here: str, around: Surroundings) -> Iterator[Problem]:
    for kind in ("efs", "lustre"):
        wanted: tuple[str, ...] = getattr(tenant.storage, kind) or ()
        if not wanted:
            continue
        path = f"{here}.storage.{kind}"
        yield from repeated(wanted, path)
        there = [each.name for each in getattr(around.storage, kind)]
        for index, name in enumerate(wanted):
            if name not in there:
                yield Problem(
                    f"{path}[{index}]",
                    f"{shown(name)} is not in storage.{kind}{nearest(name, there)}; it has: {one_of(there) or 'none'}",
                )


def _meeting_prefixes(tenants: Mapping[str, TenantSettings], around: Surroundings) -> Iterator[Problem]:
    """Places in buckets that are one, or one inside the other, of two tenants or of a tenant and something else."""
    prefixes = {name: each.storage.prefix or name for name, each in tenants.items()}
    owners: dict[tuple[str, ...], str] = {}
    # Outer ones come first; of equal ones those that stand first in the file.
    for name, prefix in sorted(prefixes.items(), key=lambda each: each[1]):
        here = f"{_HERE}.{name}.storage.prefix"
        outer = next((parts for parts in _upwards(prefix) if parts in owners), None)
        if outer is not None and "/".join(outer) == prefix:
            yield Problem(here, f"{shown(prefix)} is the prefix of {_HERE}.{owners[outer]} too")
        elif outer is not None:
            yield Problem(
                here, f"{shown(prefix)} is inside the prefix of {_HERE}.{owners[outer]}, {shown('/'.join(outer))}"
            )
        owners.setdefault(tuple(prefix.split("/")), name)
    taken = {(role, place): name for name, prefix in prefixes.items() for role, place in places(prefix).items()}
    around_them = {(role, "/".join(parts)): place for role, place in taken for parts in _upwards(place)}
    for path, role, prefix in _other_prefixes(around):
        inside = next((place for parts in _upwards(prefix) if (role, place := "/".join(parts)) in taken), None)
        met = inside or around_them.get((role, prefix))
        if met is not None:
            yield Problem(
                path, f"{shown(prefix)} meets {met}/ in the bucket {role}, the place of {_HERE}.{taken[role, met]}"
            )


def _upwards(prefix: str) -> Iterator[tuple[str, ...]]:
    """A prefix, and those that it is in."""
    parts = tuple(prefix.split("/"))
    return (parts[:length] for length in range(len(parts), 0, -1))


def _other_prefixes(around: Surroundings) -> Iterator[tuple[str, str, str]]:
    """Where, role of the bucket, and prefix, of what the file puts into buckets besides tenants' places."""
    for index, lustre in enumerate(around.storage.lustre):
        for number, each in enumerate(lustre.repositories):
            if each.prefix:
                path = f"storage.lustre[{index}].repositories[{number}].prefix"
                yield path, each.bucket, each.prefix.strip("/")
    athena = around.analytics.athena if around.analytics else None
    if athena:
        yield "analytics.athena.resultsPrefix", athena.results, athena.results_prefix


def _budget(tenant: TenantSettings, here: str, around: Surroundings) -> Iterator[Problem]:
    if tenant.budget is None:
        return
    if "observability" not in around.services:
        yield Problem(
            here,
            "needs observability, whose topic it tells and whose budgets.allocationTags say what AWS counts by; "
            "`observability: {}` takes its defaults",
        )
    elif around.observability:
        yield from budget_problems(tenant.budget, here, around.observability.addresses)
