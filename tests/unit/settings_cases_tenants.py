"""Mistakes in tenants: who, what of which nodes, where."""

from collections.abc import Mapping
from typing import Any, Final

from tests.unit.settings_cases_edge import EDGE
from tests.unit.settings_stack import Table

WHO: Final[Mapping[str, Any]] = {"owners": ["ada@example.com"]}
"""All that a tenant has to say."""
EFA: Final[Mapping[str, Any]] = {
    "nodeGroups[1]": {
        "name": "gpu",
        "instanceTypes": ["p4d.24xlarge"],
        "zones": ["usw2-az1", "usw2-az2"],
        "max": 4,
        "efa": True,
    },
    "storage.lustre[0].zone": "usw2-az1",
}
"""A group whose jobs cannot leave their zone, in two of them."""
PLAIN: Final[Mapping[str, Any]] = {"nodeGroups[2]": {"name": "cpu", "instanceTypes": ["m7i.4xlarge"], "max": 3}}
TEAM: Final = "tenants.team"


def with_quota(quota: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"tenants": {"team": {**WHO, "quota": quota}}, **more}


def with_storage(storage: Mapping[str, Any]) -> dict[str, Any]:
    return {"tenants": {"team": {**WHO, "storage": storage}}}


def with_budget(budget: Mapping[str, Any], observability: Mapping[str, Any]) -> dict[str, Any]:
    return {"tenants": {"team": {**WHO, "budget": budget}}, "observability": observability}


def tenants(table: Table) -> None:
    names(table)
    people(table)
    quotas(table)
    stores(table)
    prefixes(table)
    money(table)
    reach(table)


def names(table: Table) -> None:
    add = table.add
    add("tenant-name-illegal", {"tenants": {"Team": WHO}}, "tenants.Team", "'Team' does not match", schema=True)
    add(
        "tenant-name-too-long",
        {"tenants": {"a" * 64: WHO}},
        f"tenants.{'a' * 64}",
        "does not match",
        schema=True,
    )
    add("tenant-of-kubernetes", {"tenants": {"kube-system": WHO}}, "tenants.kube-system", "is Kubernetes' own")
    add(
        "tenant-named-as-the-administrators",
        {"tenants": {"platform-admins": WHO}},
        "tenants.platform-admins",
        "is the group of the platform's administrators; choose another name",
    )
    add(
        "tenant-in-the-namespace-of-emr",
        {"tenants": {"emr": WHO}, "analytics.emr": {}},
        "tenants.emr",
        "is the namespace of analytics.emr; choose another name",
    )
    add(
        "tenant-among-the-groups-of-the-login",
        {"tenants": {"team": WHO}, "edge": {**EDGE, "login": {"groups": ["others", "team"]}}},
        "edge.login.groups[1]",
        "'team' is made for tenants.team",
    )
    add(
        "tenant-beside-a-tag-for-tenants",
        {"tenants": {"team": WHO}, "platform.tags": {"tenant": "all"}},
        "platform.tags.tenant",
        "Tenant says whose a resource is where there are tenants; take it out",
    )
    add(
        "tenant-repository-as-one-of-your-own",
        {"registry.repositories": [{"name": "tenants/team"}]},
        "registry.repositories[0].name",
        "'tenants/team': Slipway's own repositories begin so",
    )


def people(table: Table) -> None:
    add = table.add
    owners = f"{TEAM}.owners"
    add("tenant-without-owners", {"tenants": {"team": {}}}, owners, "is empty; name who answers for it")
    add("tenant-with-no-owner-in-the-list", {"tenants": {"team": {"owners": []}}}, owners, "is empty")
    add(
        "tenant-owned-by-a-name",
        {"tenants": {"team": {"owners": ["ada"]}}},
        f"{owners}[0]",
        "'ada' does not match",
        schema=True,
    )
    add(
        "tenant-with-somebody-twice",
        {"tenants": {"team": {**WHO, "members": ["eve@example.com", "eve@example.com"]}}},
        f"{TEAM}.members[1]",
        "'eve@example.com' is members[0] already: everybody has one role",
    )
    add(
        "tenant-with-somebody-in-two-roles",
        {"tenants": {"team": {**WHO, "viewers": ["Ada@Example.com"]}}},
        f"{TEAM}.viewers[0]",
        "'Ada@Example.com' is owners[0] already",
    )
    add(
        "tenant-with-an-unknown-priority",
        {"tenants": {"team": {**WHO, "priority": "high"}}},
        f"{TEAM}.priority",
        "serving, interactive, training, opportunistic",
        schema=True,
    )


def quotas(table: Table) -> None:
    add, here = table.add, f"{TEAM}.quota"
    add(
        "quota-of-a-group-that-is-not-there",
        with_quota({"gpus": {"nodes": 1}}),
        f"{here}.gpus",
        "no node group offers 'gpus' (did you mean 'gpu'?); there is: gpu",
    )
    add(
        "quota-of-system-nodes",
        with_quota({"system": {"nodes": 1}}),
        f"{here}.system",
        "'system' is a system group, for the platform's own controllers; there is: gpu",
    )
    add(
        "quota-of-a-group-with-efa-in-two-zones",
        with_quota({"gpu": {"nodes": 1}}, **EFA),
        f"{here}.gpu",
        "'gpu' has EFA, and each of its zones is a flavour: name one of gpu-usw2-az1, gpu-usw2-az2",
    )
    add(
        "quota-twice-by-two-names",
        with_quota({"gpu": {"nodes": 1}, "gpu-usw2-az1": {"nodes": 1}}, **{"nodeGroups[1].efa": True}),
        f"{here}.gpu-usw2-az1",
        "'gpu-usw2-az1' is the flavour of gpu too",
    )
    add("quota-of-nothing", with_quota({"gpu": {}}), f"{here}.gpu", "says nothing; say exactly one of nodes")
    add(
        "quota-in-two-units",
        with_quota({"gpu": {"nodes": 1, "accelerators": 8}}),
        f"{here}.gpu",
        "has nodes, accelerators; say exactly one of nodes, accelerators, cpus",
    )
    add(
        "quota-of-accelerators-on-plain-nodes",
        with_quota({"cpu": {"accelerators": 1}}, **PLAIN),
        f"{here}.cpu.accelerators",
        "cpu has none; use nodes or cpus",
    )
    add(
        "quota-of-processors-on-accelerated-nodes",
        with_quota({"gpu": {"cpus": 1}}),
        f"{here}.gpu.cpus",
        "gpu is accelerated; use nodes or accelerators",
    )
    add(
        "quota-of-more-nodes-than-there-can-be",
        with_quota({"gpu": {"nodes": 5}}),
        f"{here}.gpu.nodes",
        "5 is more than all of gpu, which grows to 4 nodes: 4",
    )
    add(
        "quota-of-more-accelerators-than-there-can-be",
        with_quota({"gpu": {"accelerators": 33}}),
        f"{here}.gpu.accelerators",
        "33 is more than all of gpu, which grows to 4 nodes: 32",
    )
    add(
        "quota-of-more-processors-than-there-can-be",
        # A node of 16 keeps some for the system: in two zones six nodes have less than 96.
        with_quota({"cpu": {"cpus": 96}}, **PLAIN),
        f"{here}.cpu.cpus",
        "96 is more than all of cpu, which grows to 6 nodes: ",
    )
    add(
        "quota-that-lends-more-than-it-has",
        with_quota({"gpu": {"accelerators": 8, "lend": 9}}),
        f"{here}.gpu.lend",
        "9 is more than there is to lend: 8",
    )
    add(
        "quota-that-no-job-ever-has",
        with_quota({"gpu": {"nodes": 0, "borrow": 0}}),
        f"{here}.gpu",
        "nothing of its own and nothing to borrow: no job would ever run on gpu",
    )
    add(
        "quota-of-half-a-node",
        with_quota({"gpu": {"nodes": 0.5}}),
        f"{here}.gpu.nodes",
        "0.5",
        schema=True,
    )
    add(
        "preference-without-a-quota",
        {"tenants": {"team": {**WHO, "quota": {"gpu": {"nodes": 1}}, "prefer": ["gpus"]}}},
        f"{TEAM}.prefer[0]",
        "'gpus' is not in quota (did you mean 'gpu'?), which has: gpu",
    )
    add(
        "preference-twice",
        {"tenants": {"team": {**WHO, "quota": {"gpu": {"nodes": 1}}, "prefer": ["gpu", "gpu"]}}},
        f"{TEAM}.prefer[1]",
        "'gpu' stands here twice",
    )
    add(
        "limit-of-what-no-quota-counts",
        {"tenants": {"team": {**WHO, "limits": {"nvidia.com/gpu": "4"}}}},
        f"{TEAM}.limits.nvidia.com/gpu",
        "say requests.nvidia.com/gpu",
    )


def stores(table: Table) -> None:
    add, here = table.add, f"{TEAM}.storage"
    add(
        "tenant-on-an-efs-that-is-not-there",
        with_storage({"efs": ["home", "homes"]}),
        f"{here}.efs[1]",
        "'homes' is not in storage.efs (did you mean 'home'?); it has: home",
    )
    add(
        "tenant-on-a-lustre-that-is-not-there",
        with_storage({"lustre": ["fast"]}),
        f"{here}.lustre[0]",
        "'fast' is not in storage.lustre; it has: scratch",
    )
    add("tenant-on-an-efs-twice", with_storage({"efs": ["home", "home"]}), f"{here}.efs[1]", "'home' stands here twice")
    add("tenant-of-root", with_storage({"uid": 0}), f"{here}.uid", "0: input should be greater than", schema=True)
    add("tenant-of-roots-group", with_storage({"gid": 0}), f"{here}.gid", "0: input", schema=True)
    add("tenant-prefix-illegal", with_storage({"prefix": "/team"}), f"{here}.prefix", "does not match", schema=True)


def prefixes(table: Table) -> None:
    add = table.add
    add(
        "prefix-of-two-tenants",
        {"tenants": {"a": {**WHO, "storage": {"prefix": "shared"}}, "b": {**WHO, "storage": {"prefix": "shared"}}}},
        "tenants.b.storage.prefix",
        "'shared' is the prefix of tenants.a too",
    )
    add(
        "prefix-of-a-tenant-and-name-of-another",
        {"tenants": {"a": WHO, "b": {**WHO, "storage": {"prefix": "a"}}}},
        "tenants.b.storage.prefix",
        "'a' is the prefix of tenants.a too",
    )
    add(
        "prefix-inside-that-of-another",
        {"tenants": {"a": {**WHO, "storage": {"prefix": "b/c/d"}}, "a-b": WHO, "b": WHO}},
        "tenants.a.storage.prefix",
        "'b/c/d' is inside the prefix of tenants.b, 'b'",
    )
    repositories = [{"path": "/models", "bucket": "models", "prefix": "team/new"}]
    add(
        "prefix-that-a-file-system-is-linked-to",
        {"tenants": {"team": WHO}, "storage.buckets.models": {}, "storage.lustre[0].repositories": repositories},
        "storage.lustre[0].repositories[0].prefix",
        "'team/new' meets team/ in the bucket models, the place of tenants.team",
    )
    whole = [{"path": "/all", "bucket": "artifacts", "prefix": "tenants/"}]
    add(
        "prefix-inside-what-a-file-system-is-linked-to",
        {"tenants": {"team": WHO}, "storage.buckets.artifacts": {}, "storage.lustre[0].repositories": whole},
        "storage.lustre[0].repositories[0].prefix",
        "'tenants' meets tenants/team/ in the bucket artifacts, the place of tenants.team",
    )
    add(
        "prefix-that-query-results-go-to",
        {
            "tenants": {"team": WHO},
            "storage.buckets.artifacts": {},
            "analytics.athena": {"resultsPrefix": "tenants/team/athena"},
        },
        "analytics.athena.resultsPrefix",
        "'tenants/team/athena' meets tenants/team/ in the bucket artifacts",
    )


def money(table: Table) -> None:
    add, here = table.add, f"{TEAM}.budget"
    add(
        "tenant-budget-without-observability",
        {"tenants": {"team": {**WHO, "budget": {"monthly": 100, "addresses": ["ada@example.com"]}}}},
        here,
        "needs observability, whose topic it tells",
        "`observability: {}` takes its defaults",
    )
    add(
        "tenant-budget-that-tells-nobody",
        with_budget({"monthly": 100}, {}),
        f"{here}.addresses",
        "nobody is told: name an address here or in observability.addresses",
    )
    add(
        "tenant-budget-of-nothing",
        with_budget({"monthly": 0, "addresses": ["ada@example.com"]}, {}),
        f"{here}.monthly",
        "0: input should be greater than 0",
        schema=True,
    )
    add(
        "tenant-with-two-budgets",
        with_budget(
            {"monthly": 100, "addresses": ["ada@example.com"]},
            {"addresses": ["ops@example.com"], "budgets": {"tenants": {"team": {"monthly": 200}}}},
        ),
        "observability.budgets.tenants.team",
        "tenants.team.budget is a budget of the same",
    )
    add(
        "tenant-images-with-too-many-mutable-tags",
        {"tenants": {"team": {**WHO, "images": {"mutableTags": list("abcdef")}}}},
        f"{TEAM}.images.mutableTags",
        "at most 5",
        schema=True,
    )


def reach(table: Table) -> None:
    add = table.add
    add(
        "tenant-reached-from-a-namespace-twice",
        {"tenants": {"team": {**WHO, "fromNamespaces": ["a", "a"]}}},
        f"{TEAM}.fromNamespaces[1]",
        "'a' stands here twice",
    )
    add(
        "tenant-reaches-a-namespace-twice",
        {"tenants": {"team": {**WHO, "toNamespaces": ["a", "a"]}}},
        f"{TEAM}.toNamespaces[1]",
        "'a' stands here twice",
    )
    add(
        "tenant-reaches-a-network-twice",
        {"tenants": {"team": {**WHO, "toCidrs": ["10.0.0.0/8", "10.0.0.0/8"]}}},
        f"{TEAM}.toCidrs[1]",
        "'10.0.0.0/8' stands here twice",
    )
    add(
        "tenant-reaches-half-a-network",
        {"tenants": {"team": {**WHO, "toCidrs": ["10.0.0.1/8"]}}},
        f"{TEAM}.toCidrs[0]",
        "10.0.0.1/8",
    )
    add(
        "tenant-with-no-such-pod-security",
        {"tenants": {"team": {**WHO, "podSecurity": "strict"}}},
        f"{TEAM}.podSecurity",
        "privileged, baseline, restricted",
        schema=True,
    )
