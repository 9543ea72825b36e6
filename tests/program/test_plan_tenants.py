"""Tenants in AWS as planned: each has its own, says whose it is, and leaves its data behind."""

import functools
import json
from collections.abc import Mapping
from typing import Any, Final

import pytest

from addons.places import by_namespace
from infra.naming import LIMITS
from infra.problems import SettingsError
from slipway.plan.checks import check
from slipway.plan.cost import cost
from slipway.plan.model import Plan, Resource
from slipway.rehearsal.recorder import record
from stacks.program import build, main
from stacks.settings import parse
from tests.contract.test_aws_inputs import problems
from tests.program.test_plan_everywhere import takes_tags
from tests.unit.settings_stack import TODAY

TENANTS: Final = "slipway:tenants:Tenants"
TENANT: Final = "slipway:tenants:Tenant"
POINT: Final = "aws:efs/accessPoint:AccessPoint"
REPOSITORY: Final = "aws:ecr/repository:Repository"
LIFECYCLE: Final = "aws:ecr/lifecyclePolicy:LifecyclePolicy"
GROUP: Final = "aws:cognito/userGroup:UserGroup"
BUDGET: Final = "aws:budgets/budget:Budget"
ALLOCATION: Final = "aws:costexplorer/costAllocationTag:CostAllocationTag"
LONG: Final = "a" + "b" * 62
"""As long as a namespace may be."""
STACK: Final[Mapping[str, Any]] = {
    "platform": {"name": "ml", "region": "us-west-2", "environment": "t", "owner": "t", "costCenter": "t"},
    "network": {"zones": ["usw2-az1", "usw2-az2"]},
    "nodeGroups": [
        {"name": "system", "system": True, "instanceTypes": ["m7i.large"], "min": 1, "max": 3},
        {"name": "h100", "instanceTypes": ["p5.48xlarge"], "zones": ["usw2-az2"], "max": 2, "efa": True},
        {"name": "cpu", "instanceTypes": ["m7i.4xlarge"], "max": 3},
    ],
    "storage": {
        "lustre": [
            {"name": "fast", "capacity": 2400, "throughputPerTib": 125, "backupDays": 7},
            {"name": "slow", "capacity": 1200, "throughputPerTib": 125, "backupDays": 7},
        ],
        "efs": [{"name": "home"}, {"name": "attic", "oneZone": "usw2-az1"}],
        "buckets": {"data": {}, "artifacts": {}, "models": {}},
    },
    "edge": {"domain": "ml.example.com", "zone": "new", "loadBalancer": {"clients": ["203.0.113.0/24"]}},
    "observability": {"addresses": ["ml@example.com"], "budgets": {"allocationTags": "activate"}},
    "tenants": {
        "language": {
            "owners": ["ada@example.com"],
            "members": ["grace@example.com"],
            "quota": {"cpu": {"cpus": 16}, "h100": {"accelerators": 8, "lend": 0}},
            "prefer": ["h100"],
            "storage": {"prefix": "nlp", "uid": 2001, "gid": 2002},
            "budget": {"monthly": 500, "addresses": ["language@example.com"]},
            "images": {"mutableTags": ["dev-*"], "keepImages": 7},
        },
        "vision": {
            "owners": ["ann@example.com"],
            "storage": {"efs": ["attic"], "lustre": []},
            "images": {},
            "keepData": False,
        },
        LONG: {"owners": ["eve@example.com"], "budget": {"monthly": 1}, "images": {}},
    },
    "addons": {"preset": "training"},
}


def recorded(raw: Mapping[str, Any], *, preview: bool = False) -> Plan:
    config = {f"slipway:{key}": json.dumps(value) for key, value in raw.items()}
    return record(main, project="slipway", stack="test", config=config, preview=preview)


@functools.cache
def planned(*, preview: bool = False) -> Plan:
    return recorded(STACK, preview=preview)


@pytest.fixture
def plan() -> Plan:
    """The plan of `STACK`, made once."""
    return planned()


def own(plan: Plan, tenant: str) -> list[Resource]:
    """What is below the tenant's component."""
    found = list(plan.children(plan.one(TENANT, tenant)))
    for each in found:
        found += plan.children(each)
    return found


def names(plan: Plan, type_: str) -> set[str]:
    return {each.name for each in plan.of_type(type_)}


@pytest.mark.parametrize("preview", [False, True])
def test_the_plan_is_sound_and_aws_takes_every_request(preview: bool):
    plan = planned(preview=preview)
    assert list(check(plan)) == []
    found = [each for tenant in STACK["tenants"] for each in own(plan, tenant)]
    assert {each.type for each in found} == {POINT, REPOSITORY, LIFECYCLE, BUDGET}
    # A preview does not know ids of AWS, which have a shape of their own.
    for each in () if preview else (*found, *plan.of_type(GROUP)):
        assert list(problems(each)) == [], each.urn


def test_without_tenants_there_is_nothing_of_them():
    plan = recorded({key: value for key, value in STACK.items() if key != "tenants"})
    assert [each.urn for each in plan.of_type(TENANTS, TENANT, POINT, REPOSITORY, BUDGET, ALLOCATION)] == []
    assert names(plan, GROUP) == {"edge-login-platform-admins"}
    assert not any("Tenant" in (each.inputs.get("tags") or {}) for each in plan)


def test_each_tenant_is_a_component_of_its_name(plan: Plan):
    assert [each.name for each in plan.children(plan.one(TENANTS))] == [LONG, "language", "vision"]
    assert plan.one(TENANTS).outputs["tenants"] == [LONG, "language", "vision"]


def test_each_has_an_access_point_on_each_of_its_file_systems(plan: Plan):
    found = {each.name: each.inputs for each in plan.of_type(POINT)}
    assert found.keys() == {
        "tenants-language/home",
        "tenants-language/attic",
        "tenants-vision/attic",
        f"tenants-{LONG}/home",
        f"tenants-{LONG}/attic",
    }
    home = plan.one("aws:efs/fileSystem:FileSystem", "storage-home")
    language = found["tenants-language/home"]
    assert language["fileSystemId"] == home.id
    assert language["posixUser"] == {"uid": 2001, "gid": 2002}
    assert language["rootDirectory"] == {
        "path": "/tenants/language",
        "creationInfo": {"ownerUid": 2001, "ownerGid": 2002, "permissions": "0770"},
    }
    assert found["tenants-vision/attic"]["posixUser"] == {"uid": 1000, "gid": 1000}


def test_no_two_tenants_have_one_directory(plan: Plan):
    roots = [(each.inputs["fileSystemId"], each.inputs["rootDirectory"]["path"]) for each in plan.of_type(POINT)]
    assert len(set(roots)) == len(roots)
    assert not any(
        one != other and f"{one[1]}/".startswith(f"{other[1]}/")
        for one in roots
        for other in roots
        if one[0] == other[0]
    )


def test_an_access_point_comes_after_what_a_mount_needs(plan: Plan):
    """It is given to volumes: what is made of it can be mounted."""
    targets = {each.urn for each in plan.of_type("aws:efs/mountTarget:MountTarget") if "home" in each.name}
    assert len(targets) == 2
    seen: set[str] = set()
    waiting = [plan.one(POINT, "tenants-language/home").urn]
    while waiting:
        resource = plan.get(waiting.pop())
        assert resource is not None
        new = set(resource.dependencies) - seen
        seen |= new
        waiting += new
    assert targets <= seen


def test_each_with_images_has_a_repository(plan: Plan):
    found = {each.name: each.inputs for each in plan.of_type(REPOSITORY)}
    assert {each["name"] for each in found.values()} == {
        "ml/tenants/language",
        "ml/tenants/vision",
        f"ml/tenants/{LONG}",
    }
    language = found["tenants-language"]
    assert language["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert [each["filter"] for each in language["imageTagMutabilityExclusionFilters"]] == ["dev-*"]
    assert found["tenants-vision"]["imageTagMutability"] == "IMMUTABLE"
    rules = json.loads(plan.one(LIFECYCLE, "tenants-language").inputs["policy"])["rules"]
    # Untagged ones by the registry's default, since the stack has no section `registry`.
    assert [each["selection"]["countNumber"] for each in rules] == [14, 7]


def test_the_registrys_days_are_those_of_tenants_too():
    plan = recorded({**STACK, "registry": {"untaggedDays": 3}})
    rules = json.loads(plan.one(LIFECYCLE, "tenants-vision").inputs["policy"])["rules"]
    assert rules[0]["selection"]["countNumber"] == 3


def test_images_stay_when_the_tenant_goes_unless_it_says_otherwise(plan: Plan):
    """`up` is not refused, so nothing of a tenant's is protected: what is retained stays in AWS."""
    kept = {each.name: (each.retain_on_delete, each.inputs["forceDelete"]) for each in plan.of_type(REPOSITORY)}
    assert kept == {
        "tenants-language": (True, False),
        "tenants-vision": (False, True),
        f"tenants-{LONG}": (True, False),
    }
    for tenant in STACK["tenants"]:
        assert [each.urn for each in own(plan, tenant) if each.protect] == []


def test_a_disposable_platform_keeps_nothing():
    plan = recorded({**STACK, "platform": {**STACK["platform"], "disposable": True}})
    assert {each.retain_on_delete for each in plan.of_type(REPOSITORY)} == {False}
    assert {each.outputs["keepData"] for each in plan.of_type(TENANT)} == {False}


def test_each_is_a_group_of_the_login(plan: Plan):
    assert {each.inputs["name"] for each in plan.of_type(GROUP)} == {"platform-admins", *STACK["tenants"]}


def test_a_group_of_the_login_that_becomes_a_tenants_is_the_same_one(plan: Plan):
    """Else it would be deleted and made anew, without its people."""
    edge = {**STACK["edge"], "login": {"groups": ["language"]}}
    before = recorded({**{key: value for key, value in STACK.items() if key != "tenants"}, "edge": edge})
    assert before.one(GROUP, "edge-login-language").urn == plan.one(GROUP, "edge-login-language").urn
    assert before.one(GROUP, "edge-login-language").inputs == plan.one(GROUP, "edge-login-language").inputs


def test_without_a_login_there_are_no_groups():
    plan = recorded({**STACK, "edge": {**STACK["edge"], "login": None}})
    assert plan.of_type(GROUP) == ()
    plan = recorded({key: value for key, value in STACK.items() if key != "edge"})
    assert plan.of_type(GROUP) == ()
    assert len(plan.of_type(TENANT)) == 3


def test_an_entry_may_let_in_a_tenants_group():
    settings = {"cognito-login": {"groups": ["platform-admins", "vision"]}}
    raw = {**STACK, "addons": {"preset": "minimal", "enable": ["cognito-login", "istiod"], "settings": settings}}
    wrong = []
    try:
        parse(raw, TODAY)
    except SettingsError as error:
        wrong = [each.path for each in error.problems if "cognito-login" in each.path]
    assert wrong == []


def test_a_budget_counts_its_tag_and_tells_the_topic(plan: Plan):
    found = {each.name: each.inputs for each in plan.of_type(BUDGET)}
    assert found.keys() == {"tenants-language", f"tenants-{LONG}"}
    language = found["tenants-language"]
    assert language["limitAmount"] == "500.00"
    assert language["costFilters"] == [{"name": "TagKeyValue", "values": ["user:Tenant$language"]}]
    topic = plan.one("aws:sns/topic:Topic").outputs["arn"]
    for each in language["notifications"]:
        assert each["subscriberSnsTopicArns"] == [topic]
        assert each["subscriberEmailAddresses"] == ["language@example.com"]


def test_the_topic_and_its_key_let_budgets_in_for_tenants_alone(plan: Plan):
    """No budget stands in `observability` itself; without leave Budgets refuses to make one that tells the topic."""

    def publishers(found: Plan) -> set[str]:
        policies = [
            found.one("aws:sns/topicPolicy:TopicPolicy").inputs["policy"],
            found.one("aws:kms/key:Key", "data").inputs["policy"],
        ]
        return {text for text in ("budgets.amazonaws.com",) if all(text in policy for policy in policies)}

    assert publishers(plan) == {"budgets.amazonaws.com"}
    poor = {name: {**each, "budget": None} for name, each in STACK["tenants"].items()}
    assert publishers(recorded({**STACK, "tenants": poor})) == set()


def test_the_tag_of_tenants_is_activated_where_the_stack_may(plan: Plan):
    assert {each.inputs["tagKey"] for each in plan.of_type(ALLOCATION)} == {"Tenant"}
    asked = {**STACK, "observability": {"addresses": ["ml@example.com"]}}
    unconfirmed = recorded(asked)
    assert unconfirmed.of_type(ALLOCATION) == ()
    (warning,) = [each for each in unconfirmed.outputs["warnings"] if "cost allocation" in each]
    assert warning.startswith("budgets of tenants count nothing until the tag Tenant is active")


def test_all_of_a_tenants_says_whose_it_is(plan: Plan):
    for tenant in STACK["tenants"]:
        tagged = [each for each in own(plan, tenant) if takes_tags(each.type)]
        assert {each.inputs["tags"]["Tenant"] for each in tagged} == {tenant}
        assert all(each.inputs["tags"]["Platform"] == "ml" for each in tagged)
        roles = plan.of_type("aws:iam/role:Role")
        assert [each for each in roles if each.inputs["tags"].get("Tenant") == tenant]
    others = plan.of_type("aws:ec2/subnet:Subnet", "aws:eks/cluster:Cluster")
    assert others
    assert not any("Tenant" in each.inputs["tags"] for each in others)


def test_each_tells_where_its_data_is(plan: Plan):
    buckets = {each.name.removeprefix("storage-"): each.id for each in plan.of_type("aws:s3/bucket:Bucket")}
    language = plan.one(TENANT, "language").outputs
    assert language["namespace"] == "language"
    assert language["keepData"] is True
    assert language["data"] == [
        f"s3://{buckets['artifacts']}/tenants/nlp",
        f"s3://{buckets['models']}/nlp",
        f"s3://{buckets['artifacts']}/pipelines/language",
        "efs home:/tenants/language",
        "efs attic:/tenants/language",
        "lustre fast:/tenants/language",
        "lustre slow:/tenants/language",
        "ecr ml/tenants/language",
    ]
    vision = plan.one(TENANT, "vision").outputs
    assert vision["keepData"] is False
    assert vision["data"][3:] == ["efs attic:/tenants/vision", "ecr ml/tenants/vision"]


def test_workflows_leave_files_of_a_tenant_too():
    assert by_namespace({"argo-workflows"}) == ("pipelines", "argo")


def test_names_of_the_longest_tenant_fit(plan: Plan):
    """Budgets: what AWS takes less what the provider adds; ECR: CreateRepository, `repositoryName`."""
    prefix = plan.one(BUDGET, f"tenants-{LONG}").inputs["namePrefix"]
    assert len(prefix) + 26 <= LIMITS["budget"]
    other = f"{LONG[:-1]}c"
    tenants = {name: {"owners": ["a@example.com"], "budget": {"monthly": 1}} for name in (LONG, other)}
    both = recorded({**STACK, "tenants": tenants})
    assert len({each.inputs["namePrefix"] for each in both.of_type(BUDGET)}) == 2
    assert max(len(each.inputs["name"]) for each in plan.of_type(REPOSITORY)) <= 256


def test_the_same_file_gives_the_same_plan(plan: Plan):
    again = recorded(STACK)
    assert [(each.urn, each.inputs, each.outputs) for each in again] == [
        (each.urn, each.inputs, each.outputs) for each in plan
    ]


def backwards(raw: Any) -> Any:
    """The same with the keys of every mapping the other way round."""
    if isinstance(raw, Mapping):
        return {key: backwards(raw[key]) for key in reversed(raw)}
    return [backwards(each) for each in raw] if isinstance(raw, list) else raw


def test_the_order_of_keys_counts_for_nothing(plan: Plan):
    """Pulumi hands mappings over by the alphabet: a plan that heeds the file's order is not what `up` does."""
    other = recorded({**STACK, "tenants": backwards(STACK["tenants"])})
    assert [(each.urn, each.inputs, each.outputs) for each in other] == [
        (each.urn, each.inputs, each.outputs) for each in plan
    ]


def test_one_tenant_more_changes_nothing_of_the_others(plan: Plan):
    more = recorded({**STACK, "tenants": {"audio": {"owners": ["amy@example.com"]}, **STACK["tenants"]}})
    for tenant in STACK["tenants"]:
        assert [(each.urn, each.inputs) for each in own(more, tenant)] == [
            (each.urn, each.inputs) for each in own(plan, tenant)
        ]


def test_tenants_cost_nothing_by_themselves_but_their_images(plan: Plan):
    before = cost(recorded({key: value for key, value in STACK.items() if key != "tenants"}))
    after = cost(plan)
    assert after.desired == pytest.approx(before.desired)
    assert {line.item for line in after.lines} == {line.item for line in before.lines}


def test_add_ons_are_told_of_each():
    """Recorded by hand: the handle is what add-ons see."""
    seen: list[Any] = []

    def program() -> None:
        seen.append(build(parse(STACK, TODAY), TODAY).handle)

    record(program, project="slipway", stack="test", config={})
    _, language, vision = seen[0].tenants
    assert (language.owners, language.members, language.priority) == (
        ("ada@example.com",),
        ("grace@example.com",),
        "training",
    )
    assert [each.flavor for each in language.quotas] == ["h100-usw2-az2", "cpu"]
    assert language.quotas[0].nominal["nvidia.com/gpu"] == 8
    assert (set(language.efs), language.lustre, language.uid, language.gid) == (
        {"home", "attic"},
        ("fast", "slow"),
        2001,
        2002,
    )
    assert (language.prefix, language.directory) == ("nlp", "/tenants/language")
    assert language.places == {"artifacts": "tenants/nlp", "models": "nlp"}
    assert (set(vision.efs), vision.lustre, vision.keep_data, vision.prefix) == ({"attic"}, (), False, "vision")
    assert vision.to_cidrs == ("0.0.0.0/0",)
