"""What tenants' quotas come to on every accelerated type, what a thousand tenants cost to check, and AWS's limits."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.catalog import names
from infra.catalog.instances import accelerated_types, instance_type
from infra.catalog.quotas import quota as service_quota
from infra.catalog.sizes import Size, sizes, whole
from infra.edge.settings import EdgeSettings
from infra.flavors import Flavor, flavors
from infra.network.settings import NetworkSettings
from infra.node_groups.expand import expand
from infra.node_groups.settings import NodeGroupSettings
from infra.observability.settings import ObservabilitySettings
from infra.platform import PlatformSettings
from infra.problems import Problem
from infra.storage.settings import StorageSettings
from infra.surroundings import Surroundings
from infra.tenants import rules
from infra.tenants.quotas import quota, quotas
from infra.tenants.settings import QuotaSettings, TenantSettings
from tests.unit.settings_cases_edge import EDGE
from tests.unit.settings_stack import BASE, TODAY

IMAGE = "ami-0123456789abcdef0"
OWNED: Mapping[str, Any] = {"owners": ["ada@example.com"]}


def flavor(type_name: str, *, maximum: int = 450, **more: Any) -> Flavor:
    efa = bool(instance_type(type_name).efa_interfaces) and more.pop("efa", True)
    raw = {
        "name": "g",
        "instanceTypes": [type_name],
        "zones": ["usw2-az1"],
        "efa": efa,
        "max": maximum,
        "imageId": IMAGE,
        **more,
    }
    (found,) = flavors(
        each.pool for each in expand([NodeGroupSettings.model_validate(raw)], "us-west-2", ("usw2-az1",))
    )
    return found


SHARED: Mapping[str, Any] = {"gpu": {"sharing": {"mode": "time-slicing", "replicas": 5}}}
FLAVORS = {
    **{name: flavor(name) for name in accelerated_types()},
    **{f"{name} without EFA": flavor(name, efa=False) for name in ("p5.48xlarge", "p4d.24xlarge", "trn1.32xlarge")},
    "g6.12xlarge shared": flavor("g6.12xlarge", **SHARED),
    "m7i.4xlarge": flavor("m7i.4xlarge"),
}
COUNTED = {name: each for name, each in FLAVORS.items() if each.accelerators}


def asked(workers: Sequence[Size]) -> dict[str, int]:
    """What these workers ask for together, in a flavour's units."""
    found: dict[str, int] = {}
    for each in workers:
        of_one = {"cpu": each.cpu_millis, "memory": each.memory_mib, names.EFA_RESOURCE: each.efa_interfaces}
        for resource, count in {**of_one, **each.devices}.items():
            found[resource] = found.get(resource, 0) + count
    return found


def holds(nominal: Mapping[str, int], workers: Sequence[Size]) -> list[str]:
    """The resources that are short."""
    return [resource for resource, count in asked(workers).items() if count > nominal.get(resource, 0)]


def test_all_types_are_tried():
    assert len(COUNTED) > 60


@given(name=st.sampled_from(sorted(FLAVORS)), nodes=st.integers(0, 1000))
def test_a_quota_of_nodes_holds_a_worker_of_the_whole_node_on_each(name: str, nodes: int):
    found = FLAVORS[name]
    nominal = quota(QuotaSettings(nodes=nodes), found).nominal
    assert nominal == {resource: count * nodes for resource, count in found.per_node.items()}
    if sizes(found.pools[0]) and not (found.pools[0].sharing and found.accelerators > 1):
        assert holds(nominal, [whole(found.pools[0])] * nodes) == []


@given(name=st.sampled_from(sorted(COUNTED)), data=st.data())
def test_a_quota_of_accelerators_holds_any_workers_that_use_them_up(name: str, data: st.DataObject):
    found = COUNTED[name]
    known = [each for each in sizes(found.pools[0]) if each.accelerators]
    if not known:
        return
    workers = data.draw(st.lists(st.sampled_from(known), max_size=40))
    count = sum(each.accelerators for each in workers)
    nominal = quota(QuotaSettings(accelerators=count), found).nominal
    assert holds(nominal, workers) == []


@given(name=st.sampled_from(sorted(COUNTED)), nodes=st.integers(0, 100))
def test_all_accelerators_of_a_node_are_the_node(name: str, nodes: int):
    found = COUNTED[name]
    by_accelerators = quota(QuotaSettings(accelerators=nodes * found.accelerators), found)
    assert by_accelerators.nominal == quota(QuotaSettings(nodes=nodes), found).nominal


@given(parts=st.lists(st.integers(0, 64), min_size=1, max_size=20), name=st.sampled_from(sorted(COUNTED)))
def test_shares_are_rounded_by_less_than_one_each(parts: list[int], name: str):
    """Tenants that share out what there is ask for no more than that, but for the rounding."""
    found = COUNTED[name]
    together = quota(QuotaSettings(accelerators=sum(parts)), found).nominal
    each = [quota(QuotaSettings(accelerators=part), found).nominal for part in parts]
    for resource, count in together.items():
        assert count <= sum(one[resource] for one in each) < count + len(parts)


def test_processors_bring_memory_in_proportion():
    found = FLAVORS["m7i.4xlarge"]
    half = quota(QuotaSettings(cpus=found.per_node["cpu"] // 2000), found).nominal
    assert half["cpu"] == found.per_node["cpu"] // 2000 * 1000
    assert half["memory"] == pytest.approx(found.per_node["memory"] * half["cpu"] / found.per_node["cpu"], abs=1)


def test_a_quota_of_p5_by_hand():
    """p5.48xlarge: 8 GPUs and 32 EFA interfaces (EC2 user guide); two GPUs are a quarter of the node."""
    found = quota(QuotaSettings(accelerators=2, borrow=8, lend=0), FLAVORS["p5.48xlarge"])
    node = FLAVORS["p5.48xlarge"].per_node
    assert found.flavor == "g-usw2-az1"
    assert (found.nominal["nvidia.com/gpu"], found.nominal["vpc.amazonaws.com/efa"]) == (2, 8)
    assert 4 * found.nominal["cpu"] >= node["cpu"] > 4 * (found.nominal["cpu"] - 1)
    assert found.borrow == node
    assert found.lend == dict.fromkeys(node, 0)


def test_without_a_word_borrowing_and_lending_have_no_limit():
    found = quota(QuotaSettings(nodes=1), FLAVORS["p5.48xlarge"])
    assert (found.borrow, found.lend) == (None, None)


@given(order=st.permutations(["b", "a", "d", "c"]), preferred=st.lists(st.sampled_from("abcd"), unique=True))
def test_what_is_preferred_comes_first_and_the_rest_as_the_node_groups(order: list[str], preferred: list[str]):
    raw = [{"name": name, "instanceTypes": ["m7i.large"], "max": 2} for name in "dbac"]
    groups = [NodeGroupSettings.model_validate(each) for each in raw]
    known = flavors(each.pool for each in expand(groups, "us-west-2", ("usw2-az1",)))
    tenant = TenantSettings.model_validate(
        {**OWNED, "quota": {name: {"nodes": 1} for name in order}, "prefer": preferred}
    )
    found = [each.flavor for each in quotas(tenant, known)]
    assert found == [*preferred, *(name for name in "dbac" if name not in preferred)]


def around(**more: Any) -> Surroundings:
    groups = [NodeGroupSettings.model_validate(each) for each in BASE["nodeGroups"]]
    return Surroundings(
        platform=PlatformSettings.model_validate(BASE["platform"]),
        network=NetworkSettings.model_validate(BASE["network"]),
        storage=more.pop("storage", StorageSettings.model_validate({"efs": [{"name": "home"}]})),
        services=frozenset({"tenants", *more}),
        gpu_zones=("usw2-az1",),
        groups=groups,
        today=TODAY,
        **more,
    )


def some(count: int, **more: Any) -> dict[str, TenantSettings]:
    raw = {**OWNED, "quota": {"gpu": {"nodes": 1}}, **more}
    return {f"t-{number}": TenantSettings.model_validate(raw) for number in range(count)}


def checked(tenants: Mapping[str, TenantSettings], place: Surroundings) -> list[Problem]:
    return list(rules.problems(tenants, place))


def test_the_work_grows_with_the_tenants_and_no_faster():
    """Quadratic work would take sixteen times as long for four times as many."""
    place = around(observability=ObservabilitySettings.model_validate({"addresses": ["ml@example.com"]}))

    def best(tenants: Mapping[str, TenantSettings]) -> float:
        taken = []
        for _ in range(3):
            start = time.perf_counter()
            assert checked(tenants, place) == []
            assert list(rules.in_place(tenants, place)) == []
            taken.append(time.perf_counter() - start)
        return min(taken)

    few, many = (some(count, quota={"gpu": {"nodes": 0}}) for count in (1000, 4000))
    assert best(many) < 8 * best(few) + 0.05


@given(
    prefixes=st.lists(
        st.lists(st.sampled_from(["a", "b", "a-b", "a.b"]), min_size=1, max_size=3).map("/".join), max_size=6
    )
)
def test_prefixes_meet_where_one_is_or_holds_the_other(prefixes: list[str]):
    tenants = {
        f"t{number}": TenantSettings.model_validate({**OWNED, "storage": {"prefix": prefix}})
        for number, prefix in enumerate(prefixes)
    }
    found = {each.path.split(".")[1] for each in checked(tenants, around())}
    pairs = [
        (one, other)
        for one, mine in enumerate(prefixes)
        for other, theirs in enumerate(prefixes)
        if one != other and f"{mine}/".startswith(f"{theirs}/")
    ]
    # Of each pair one is told: it is inside, or it comes later.
    wrong = {f"t{one}" for one, other in pairs if prefixes[one] != prefixes[other] or one > other}
    assert found == wrong


def test_mistakes_in_node_groups_say_nothing_of_quotas():
    place = around()
    unknown = Surroundings(**{**vars(place), "gpu_zones": None, "groups": ()})
    assert checked(some(1), unknown) == []


LIMITS: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "iam-roles-per-account": ({}, "have a role each; by default IAM takes 2 in an account"),
    "eks-pod-identity-associations-per-cluster": ({}, "have a Pod Identity association each; EKS takes 2 in a cluster"),
    "ecr-repositories-per-region": ({"images": {}}, "have a repository each; by default ECR takes 2 in a region"),
    "budgets-per-management-account": (
        {"budget": {"monthly": 1}},
        "have a budget each; Budgets takes 2 in a management account",
    ),
    "cognito-idp-groups-per-user-pool": ({}, "have a group of the login each; Cognito takes 2 in a user pool"),
    "elasticfilesystem-access-points-per-file-system": (
        {},
        "storage.efs[0] home would have {count} access points, one for each tenant; by default EFS takes 2",
    ),
}


def warned(tenants: Mapping[str, TenantSettings], place: Surroundings) -> list[str]:
    return [*rules.warnings(tenants), *rules.in_place(tenants, place)]


@pytest.mark.parametrize("slug", LIMITS)
def test_limits_of_accounts_are_told_when_they_are_passed(slug: str, monkeypatch: pytest.MonkeyPatch):
    more, text = LIMITS[slug]

    class Least:
        default = 2

    monkeypatch.setattr(rules, "quota", lambda name: Least if name == slug else service_quota(name))
    place = around(edge=EdgeSettings.model_validate(EDGE))
    assert warned(some(2, **more), place) == []
    (warning,) = warned(some(3, **more), place)
    assert text.format(count=3) in warning


def test_access_points_of_the_file_system_itself_count():
    storage = StorageSettings.model_validate(
        {"efs": [{"name": "home", "accessPoints": [{"name": f"p-{n}", "path": f"/p{n}"} for n in range(9_999)]}]}
    )
    place = around(storage=storage)
    assert warned(some(1), place) == []
    assert "home would have 10001 access points" in "".join(warned(some(2), place))
    assert warned(some(2, storage={"efs": []}), place) == []


@pytest.mark.parametrize(
    ("slug", "default"),
    [
        ("iam-roles-per-account", 1_000),  # EKS best practices, "Known Limits and Service Quotas"
        ("eks-pod-identity-associations-per-cluster", 5_000),  # EKS user guide, "EKS Pod Identity", limits
        ("ecr-repositories-per-region", 100_000),  # EKS best practices, "Known Limits and Service Quotas"
        ("budgets-per-management-account", 20_000),  # Cost Management user guide, "Quotas and restrictions"
        ("cognito-idp-groups-per-user-pool", 10_000),  # Cognito developer guide, "Quotas in Amazon Cognito"
        ("elasticfilesystem-access-points-per-file-system", 10_000),  # EFS user guide, "Creating access points"
    ],
)
def test_the_limits_are_those_that_aws_documents(slug: str, default: int):
    assert service_quota(slug).default == default
