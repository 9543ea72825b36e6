"""Logs, metrics, the topic, events and budgets as planned. `test_plan_alarms` has the alarms."""

import datetime
import json
import re
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.naming import AUTONAME_SUFFIX, LIMITS
from infra.problems import SettingsError
from slipway.plan.checks import check
from slipway.plan.model import Plan, Resource
from stacks.settings import parse
from tests.contract.aws_calls import CALLS
from tests.contract.aws_calls_observability import CALLS as OWN
from tests.contract.test_aws_inputs import problems, shape_of
from tests.program.observability_stack import FULL, SMALL, recorded

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
TOPIC = "aws:sns/topic:Topic"


@pytest.fixture
def full() -> Plan:
    """The plan of a stack that has all of it, made once."""
    return recorded()


def statements(resource: Resource, sid: str = "") -> list[dict[str, Any]]:
    return [each for each in json.loads(resource.inputs["policy"])["Statement"] if each["Sid"].startswith(sid)]


def test_the_plan_is_sound_and_aws_takes_every_request(full: Plan):
    assert list(check(full)) == []
    own = [resource for resource in full if resource.type in OWN]
    assert {resource.type for resource in own} == OWN.keys()
    assert {resource.name: wrong for resource in own if (wrong := problems(resource))} == {}


def test_nothing_of_it_without_its_section(record_settings):
    plan = record_settings(SMALL)
    assert not [resource.urn for resource in plan if resource.type in OWN]
    key = plan.one("aws:kms/key:Key", "data")
    assert not statements(key, "Publish")


def test_the_topic_lets_in_each_publisher_for_this_account_over_tls(full: Plan):
    topic = full.one(TOPIC)
    arn, workspace = topic.outputs["arn"], full.one("aws:amp/workspace:Workspace").outputs["arn"]
    assert topic.inputs["kmsMasterKeyId"] == full.one("aws:kms/key:Key", "data").outputs["arn"]
    found = {each["Sid"]: each for each in statements(full.one("aws:sns/topicPolicy:TopicPolicy"))}
    assert {each["Principal"]["Service"] for each in found.values() if each["Effect"] == "Allow"} == {
        "aps.amazonaws.com",
        "budgets.amazonaws.com",
        "cloudwatch.amazonaws.com",
        "events.amazonaws.com",
    }
    assert all(each["Resource"] == arn for each in found.values())
    account = {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    assert found["Cloudwatch"]["Condition"] == {
        **account,
        "ArnLike": {"aws:SourceArn": "arn:aws:cloudwatch:us-west-2:123456789012:alarm:*"},
    }
    assert found["Budgets"]["Condition"] == {
        **account,
        "ArnLike": {"aws:SourceArn": "arn:aws:budgets::123456789012:*"},
    }
    assert found["Aps"]["Condition"] == {**account, "ArnLike": {"aws:SourceArn": workspace}}
    # EventBridge user guide: "You can't use Condition blocks in Amazon SNS topic policies for EventBridge".
    assert "Condition" not in found["Events"]
    assert found["TlsOnly"]["Effect"] == "Deny"
    assert found["TlsOnly"]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_publishers_may_use_the_topics_key(full: Plan):
    found = {each["Principal"]["Service"]: each for each in statements(full.one("aws:kms/key:Key", "data"), "Publish")}
    assert found.keys() == {
        "aps.amazonaws.com",
        "budgets.amazonaws.com",
        "cloudwatch.amazonaws.com",
        "events.amazonaws.com",
    }
    assert all(each["Action"] == ["kms:Decrypt", "kms:GenerateDataKey*"] for each in found.values())
    events = found.pop("events.amazonaws.com")
    # SNS developer guide: aws:SourceAccount "is not supported for EventBridge-to-encrypted topics".
    assert events["Condition"] == {
        "StringLike": {"kms:EncryptionContext:aws:sns:topicArn": "arn:aws:sns:us-west-2:123456789012:*"}
    }
    assert all(each["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}} for each in found.values())


def test_who_needs_the_policy_waits_for_it(full: Plan):
    """Budgets and AMP look whether they may publish when they are made."""
    policy = full.one("aws:sns/topicPolicy:TopicPolicy").urn
    for type_ in (
        "aws:budgets/budget:Budget",
        "aws:amp/alertManagerDefinition:AlertManagerDefinition",
        "aws:cloudwatch/eventTarget:EventTarget",
        ALARM,
    ):
        assert full.of_type(type_)
        assert all(policy in each.dependencies for each in full.of_type(type_))


def test_everybody_is_subscribed(full: Plan):
    topic = full.one(TOPIC).outputs["arn"]
    subscriptions = [each.inputs for each in full.of_type("aws:sns/topicSubscription:TopicSubscription")]
    assert {each["endpoint"] for each in subscriptions} == {"ml@example.com", "on-call@example.com"}
    assert all((each["protocol"], each["topic"]) == ("email", topic) for each in subscriptions)


def test_log_groups_are_there_before_the_agents_with_retention_and_our_key(full: Plan):
    key = full.one("aws:kms/key:Key", "data").outputs["arn"]
    groups = {each.inputs["name"]: each.inputs for each in full.of_type("aws:cloudwatch/logGroup:LogGroup")}
    assert all(each["kmsKeyId"] == key and each["retentionInDays"] > 0 for each in groups.values())
    ours = {name: groups[f"/aws/containerinsights/ml/{name}"] for name in ("application", "dataplane", "host")}
    assert {name: each["retentionInDays"] for name, each in ours.items()} == {
        "application": 60,
        "dataplane": 60,
        "host": 7,
    }
    assert {each["logGroupClass"] for each in ours.values()} == {"INFREQUENT_ACCESS"}
    # Metrics are made of these records, which Infrequent Access does not do.
    assert groups["/aws/containerinsights/ml/performance"]["logGroupClass"] == "STANDARD"


def test_the_workspace_is_kept_encrypted_logged_and_tells_the_topic(full: Plan):
    workspace = full.one("aws:amp/workspace:Workspace")
    assert (workspace.protect, workspace.retain_on_delete) == (True, True)
    assert workspace.inputs["kmsKeyArn"] == full.one("aws:kms/key:Key", "data").outputs["arn"]
    group = workspace.inputs["loggingConfiguration"]["logGroupArn"]
    assert group == full.one("aws:cloudwatch/logGroup:LogGroup", "observability-prometheus").outputs["arn"] + ":*"
    arn = shape_of("amp.CreateLoggingConfiguration").members["logGroupArn"]
    assert re.fullmatch(arn.metadata["pattern"], group)
    configuration = full.one("aws:amp/workspaceConfiguration:WorkspaceConfiguration").inputs
    assert configuration == {"workspaceId": workspace.id, "retentionPeriodInDays": 400}
    definition = yaml.safe_load(full.one("aws:amp/alertManagerDefinition:AlertManagerDefinition").inputs["definition"])
    config = yaml.safe_load(definition["alertmanager_config"])
    (receiver,) = config["receivers"]
    assert config["route"]["receiver"] == receiver["name"]
    topic = full.one(TOPIC).outputs["arn"]
    assert receiver["sns_configs"] == [{"topic_arn": topic, "sigv4": {"region": "us-west-2"}}]


def test_a_disposable_workspace_goes_with_the_stack(record_settings):
    platform = {**SMALL["platform"], "disposable": True}
    plan = record_settings({**SMALL, "platform": platform, "observability": {"prometheus": {}}})
    workspace = plan.one("aws:amp/workspace:Workspace")
    assert (workspace.protect, workspace.retain_on_delete) == (False, False)


def test_budgets_see_the_tags_that_resources_carry(full: Plan):
    budget = full.one("aws:budgets/budget:Budget", "observability-budget-environment").inputs
    (cost_filter,) = budget["costFilters"]
    assert cost_filter["name"] == "TagKeyValue"
    tag, _, value = cost_filter["values"][0].removeprefix("user:").partition("$")
    group = full.one("aws:eks/nodeGroup:NodeGroup", "system-usw2-az1")
    assert group.inputs["tags"][tag] == value == "ml"
    tenant = full.one("aws:budgets/budget:Budget", "observability-budget-tenant-vision").inputs
    assert tenant["costFilters"] == [{"name": "TagKeyValue", "values": ["user:Tenant$vision"]}]
    activated = {each.inputs["tagKey"] for each in full.of_type("aws:costexplorer/costAllocationTag:CostAllocationTag")}
    assert activated == {"Platform", "Tenant"}


def test_budgets_tell_the_topic_and_their_own_addresses(full: Plan):
    topic = full.one(TOPIC).outputs["arn"]
    environment = full.one("aws:budgets/budget:Budget", "observability-budget-environment").inputs
    assert (environment["limitAmount"], environment["limitUnit"]) == ("250000.00", "USD")
    assert [(each["notificationType"], each["threshold"]) for each in environment["notifications"]] == [
        ("ACTUAL", 50),
        ("ACTUAL", 80),
        ("ACTUAL", 100),
        ("FORECASTED", 100),
        ("FORECASTED", 120),
    ]
    tenant = full.one("aws:budgets/budget:Budget", "observability-budget-tenant-vision").inputs
    assert tenant["limitAmount"] == "999.50"
    for each in (*environment["notifications"], *tenant["notifications"]):
        assert each["subscriberSnsTopicArns"] == [topic]
    assert {tuple(each["subscriberEmailAddresses"]) for each in tenant["notifications"]} == {("vision@example.com",)}


def test_events_are_passed_on(full: Plan):
    rules = {
        each.name.removeprefix("observability-"): each for each in full.of_type("aws:cloudwatch/eventRule:EventRule")
    }
    patterns = {
        name: json.loads(rule.inputs["eventPattern"]) for name, rule in rules.items() if "observability" in rule.name
    }
    assert patterns.keys() == {"health", "capacity", "databases"}
    assert patterns["health"]["detail"] == {"eventScopeCode": ["ACCOUNT_SPECIFIC"]}
    assert patterns["capacity"]["detail"] == {"capacity-reservation-id": ["cr-0123456789abcdef0"]}
    assert "Capacity Block Reservation Expiration Warning" in patterns["capacity"]["detail-type"]
    database = full.one("aws:rds/instance:Instance").outputs["identifier"]
    assert patterns["databases"]["detail"]["SourceIdentifier"] == [database]
    # RDS user guide, "Amazon RDS event categories and event messages": the categories of DB instances.
    assert "failover" in patterns["databases"]["detail"]["EventCategories"]
    targets = {each.inputs["rule"]: each.inputs for each in full.of_type("aws:cloudwatch/eventTarget:EventTarget")}
    for name in patterns:
        target = targets[rules[name].outputs["name"]]
        assert target["arn"] == full.one(TOPIC).outputs["arn"]
        assert "roleArn" not in target


def test_failed_builds_of_the_registry_are_passed_on(record_settings):
    plan = record_settings({**SMALL, "observability": {}, "registry": {}})
    rule = plan.one("aws:cloudwatch/eventRule:EventRule", "observability-builds").inputs
    assert json.loads(rule["eventPattern"])["detail"] == {
        "build-status": ["FAILED"],
        "project-name": [{"prefix": "ml-"}],
    }


def test_a_private_cluster_reaches_what_its_agents_write_to(record_settings):
    private = {**SMALL, "network": {**SMALL["network"], "internet": False}}

    def endpoints(plan: Plan) -> set[str]:
        return {
            each.inputs["serviceName"].removeprefix("com.amazonaws.us-west-2.")
            for each in plan.of_type("aws:ec2/vpcEndpoint:VpcEndpoint")
        }

    without = endpoints(record_settings(private))
    assert endpoints(record_settings({**private, "observability": {}})) - without == {"monitoring"}
    both = endpoints(record_settings({**private, "observability": {"prometheus": {}}}))
    assert both - without == {"monitoring", "aps-workspaces"}
    assert "logs" in both


def test_a_preview_shows_the_same_resources(record_settings):
    """Counts never hang on what AWS gives."""
    preview = record_settings(FULL, preview=True)
    assert {each.urn for each in preview} == {each.urn for each in recorded()}


def test_every_type_has_a_request():
    assert OWN.items() <= CALLS.items()


def test_names_of_event_rules_fit_with_their_suffix(full: Plan):
    names = [each.name for each in full.of_type("aws:cloudwatch/eventRule:EventRule") if "observability" in each.name]
    assert names
    assert max(map(len, names)) + AUTONAME_SUFFIX <= LIMITS["event-rule"]


PERCENTS = st.lists(st.integers(1, 1000), max_size=8)


@settings(max_examples=50, deadline=None)
@given(actual=PERCENTS, forecast=PERCENTS)
def test_budgets_take_few_percentages_in_order(actual: list[int], forecast: list[int]):
    budget = {"monthly": 10, "actual": actual, "forecast": forecast}
    raw = {**SMALL, "observability": {"addresses": ["ml@example.com"], "budgets": {"environment": budget}}}
    ordered = all(list(each) == sorted(set(each)) for each in (actual, forecast))
    fine = ordered and 0 < len(actual) + len(forecast) <= 10
    day = datetime.date(2026, 11, 22)
    if fine:
        assert parse(raw, day).observability is not None
        return
    with pytest.raises(SettingsError) as caught:
        parse(raw, day)
    assert all(each.path.startswith("observability.budgets.environment") for each in caught.value.problems)
