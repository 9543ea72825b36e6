"""Mistakes in hybrid nodes, and in what other schedulers and other clusters are given."""

from typing import Any, Final

from tests.unit.settings_cases_tenants import WHO
from tests.unit.settings_stack import EXISTING, Table

HYBRID: Final[dict[str, Any]] = {
    "nodeCidrs": ["10.80.0.0/20"],
    "podCidrs": ["10.84.0.0/16"],
    "gateway": "tgw-0123456789abcdef0",
}
"""Nothing is wrong with it."""
ANCHOR: Final = "arn:aws:rolesanywhere:us-west-2:123456789012:trust-anchor/01234567-89ab-cdef-0123-456789abcdef"
KUEUE: Final = ["kueue", "kueue-queues", "kueue-local-queues"]
ELSEWHERE: Final[dict[str, Any]] = {
    "clusters": {"datacentre": {"secret": "ml/clusters/datacentre"}},
    "quota": {"cpu": "512"},
}
SECRETS: Final = ["external-secrets", "external-secrets-store"]


def hybrid(table: Table) -> None:
    add = table.add
    here = "cluster.hybrid"

    def wrong(name: str, path: str, *words: str, patch: dict[str, Any], **changes: Any) -> None:
        add(name, {here: {**HYBRID, **changes}, **patch}, path, *words)

    nothing: dict[str, Any] = {}
    wrong(
        "hybrid-nodes-and-a-public-endpoint",
        "cluster.endpoint.public",
        "use false",
        "public addresses",
        patch={"cluster.endpoint": {"public": True, "publicCidrs": ["203.0.113.0/24"]}},
    )
    wrong(
        "certificates-of-nobody",
        f"{here}.trustAnchor",
        "name the one",
        patch=nothing,
        credentials="roles-anywhere",
    )
    wrong("an-anchor-for-nothing", f"{here}.trustAnchor", "roles-anywhere, not ssm", patch=nothing, trustAnchor=ANCHOR)
    wrong(
        "routes-into-an-existing-vpc",
        f"{here}.gateway",
        "adds no routes to network.existing",
        patch={"network": {"existing": EXISTING}},
    )
    wrong(
        "machines-with-public-addresses",
        f"{here}.nodeCidrs[1]",
        "'203.0.113.0/24'",
        "192.168.0.0/16",
        patch=nothing,
        nodeCidrs=["10.80.0.0/20", "203.0.113.0/24"],
    )
    wrong(
        "machines-in-the-vpc",
        f"{here}.nodeCidrs[0]",
        "'10.0.64.0/20' overlaps the VPC's 10.0.0.0/16",
        patch=nothing,
        nodeCidrs=["10.0.64.0/20"],
    )
    wrong(
        "pods-where-services-are",
        f"{here}.podCidrs[0]",
        "'172.20.0.0/14' overlaps cluster.serviceCidr 172.20.0.0/16",
        patch=nothing,
        podCidrs=["172.20.0.0/14"],
    )
    wrong(
        "pods-among-the-machines",
        f"{here}.podCidrs[0]",
        "'10.80.8.0/24' overlaps cluster.hybrid.nodeCidrs[0], 10.80.0.0/20",
        patch=nothing,
        podCidrs=["10.80.8.0/24"],
    )
    add(
        "machines-nowhere",
        {here: {**HYBRID, "nodeCidrs": []}},
        f"{here}.nodeCidrs",
        "at least 1",
        schema=True,
    )
    add(
        "machines-in-too-many-networks",
        {here: {**HYBRID, "nodeCidrs": [f"10.80.{index}.0/24" for index in range(16)]}},
        f"{here}.nodeCidrs",
        "at most 15",
        schema=True,
    )
    add(
        "a-gateway-of-another-kind",
        {here: {**HYBRID, "gateway": "vgw-0123456789abcdef0"}},
        f"{here}.gateway",
        "does not match",
        schema=True,
    )


def schedulers(table: Table) -> None:
    add = table.add
    volcano = {"addons.enable": ["volcano", "volcano-queues"], "addons.disable": KUEUE}
    kai = {"addons.enable": ["kai-scheduler", "kai-config", "kai-queues"], "addons.disable": KUEUE}
    add(
        "tenant-named-as-a-queue-of-volcano",
        {"tenants": {"root": WHO}, **volcano},
        "addons.settings.volcano-queues",
        "tenants.root",
        "another name",
    )
    add(
        "tenant-named-as-the-queue-above-all",
        {"tenants": {"all-tenants": WHO}, **kai},
        "addons.settings.kai-queues",
        "tenants.all-tenants",
    )
    burst = {"addons.enable": ["multikueue", *SECRETS]}
    settings = "addons.settings.multikueue"
    add("no-cluster-to-go-to", burst, f"{settings}.clusters", "there is none")
    add(
        "nothing-may-go",
        {**burst, "addons.settings": {"multikueue": {**ELSEWHERE, "quota": {}}}},
        f"{settings}.quota",
        "no job would leave",
    )
    add(
        "a-kubeconfig-that-nobody-may-read",
        {
            **burst,
            "addons.settings": {"multikueue": {**ELSEWHERE, "clusters": {"datacentre": {"secret": "clusters/one"}}}},
        },
        f"{settings}.clusters.datacentre.secret",
        "'clusters/one'",
        "ml/",
    )
    add(
        "preferred-cluster-that-there-is-not",
        {**burst, "addons.settings": {"multikueue": {**ELSEWHERE, "prefer": ["datacenter"]}}},
        f"{settings}.prefer[0]",
        "'datacenter'",
        "did you mean 'datacentre'",
    )
    add(
        "cluster-preferred-twice",
        {**burst, "addons.settings": {"multikueue": {**ELSEWHERE, "prefer": ["datacentre", "datacentre"]}}},
        f"{settings}.prefer[1]",
        "twice",
    )
    add(
        "tenant-named-as-the-queue-for-elsewhere",
        {**burst, "addons.settings": {"multikueue": ELSEWHERE}, "tenants": {"burst": WHO}},
        settings,
        "tenants.burst",
    )
    add(
        "node-group-named-as-the-flavour-for-elsewhere",
        {**burst, "addons.settings": {"multikueue": ELSEWHERE}, "nodeGroups[1].name": "burst"},
        settings,
        "the node group burst",
        "give the group another",
    )
    add(
        "quota-elsewhere-of-what-is-no-resource",
        {**burst, "addons.settings": {"multikueue": {**ELSEWHERE, "quota": {"nvidia gpu": "8"}}}},
        f"{settings}.quota.nvidia gpu",
        "does not match",
        schema=True,
    )
    add(
        "two-owners-of-quotas",
        {"addons.enable": ["volcano", "volcano-queues"]},
        "addons.enable",
        "volcano-queues",
        "kueue-queues",
    )
    add(
        "two-more-schedulers",
        {"addons.enable": ["volcano", "kai-scheduler"]},
        "addons.enable",
        "volcano",
        "kai-scheduler",
    )
