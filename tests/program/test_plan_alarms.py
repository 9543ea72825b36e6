"""Alarms as planned: each on what is really there, and told to the topic."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.observability import alarms
from infra.observability.settings import NatAlarms, NodeGroupAlarms
from slipway.plan.cost import cost
from slipway.plan.model import Plan, Resource
from tests.contract.aws_calls_observability import CALLS as OWN
from tests.program.observability_stack import FULL, SMALL, recorded

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
TOPIC = "aws:sns/topic:Topic"
GIB = 1024**3
# Dimension, and the type of what it names.
WATCHED = {
    "AutoScalingGroupName": "aws:eks/nodeGroup:NodeGroup",
    "FileSystemId": ("aws:fsx/lustreFileSystem:LustreFileSystem", "aws:efs/fileSystem:FileSystem"),
    "NatGatewayId": "aws:ec2/natGateway:NatGateway",
    "DBInstanceIdentifier": "aws:rds/instance:Instance",
    "LoadBalancer": "aws:lb/loadBalancer:LoadBalancer",
}


@pytest.fixture
def full() -> Plan:
    """The plan of a stack that has all of it, made once."""
    return recorded()


def metrics(alarm: Resource) -> list[dict[str, Any]]:
    """What an alarm looks at, whichever way it says so."""
    queries = alarm.inputs.get("metricQueries")
    return [query["metric"] for query in queries if "metric" in query] if queries else [dict(alarm.inputs)]


def of_alarm(plan: Plan, name: str) -> Resource:
    return plan.one(ALARM, f"observability-{name}")


def test_every_alarm_tells_the_topic_what_it_means(full: Plan):
    topic = full.one(TOPIC).outputs["arn"]
    alarms = full.of_type(ALARM)
    for alarm in alarms:
        assert alarm.inputs["alarmActions"] == [topic]
        assert alarm.inputs["alarmDescription"].startswith("ml: ")
        assert len(alarm.inputs["alarmDescription"]) > 60
        assert alarm.inputs["treatMissingData"] in ("missing", "notBreaching")
    assert len({alarm.inputs["alarmDescription"] for alarm in alarms}) == len(alarms)


def test_every_dimension_names_something_of_the_plan(full: Plan):
    def names(resource: Resource) -> str:
        match resource.type:
            case "aws:eks/nodeGroup:NodeGroup":
                name = resource.outputs["resources"][0]["autoscalingGroups"][0]["name"]
            case "aws:rds/instance:Instance":
                name = resource.outputs["identifier"]
            case "aws:lb/loadBalancer:LoadBalancer":
                name = resource.outputs["arn"].partition(":loadbalancer/")[2]
            case _:
                name = resource.id
        return str(name)

    seen = set()
    for alarm in full.of_type(ALARM):
        for metric in metrics(alarm):
            ((dimension, value),) = metric["dimensions"].items()
            types = WATCHED[dimension]
            assert value in {names(each) for each in full.of_type(*([types] if isinstance(types, str) else types))}
            seen.add(dimension)
    assert seen == WATCHED.keys()


def test_metrics_exist_in_their_namespace(full: Plan):
    """The spelling of each service's user guide: an alarm on a metric that is never reported says nothing, ever."""
    found = {(metric["namespace"], metric["metricName"]) for each in full.of_type(ALARM) for metric in metrics(each)}
    assert found == {
        ("AWS/AutoScaling", "GroupDesiredCapacity"),
        ("AWS/AutoScaling", "GroupMaxSize"),
        ("AWS/FSx", "FreeDataStorageCapacity"),
        ("AWS/EFS", "PercentIOLimit"),
        ("AWS/EFS", "BurstCreditBalance"),
        ("AWS/NATGateway", "ErrorPortAllocation"),
        ("AWS/NATGateway", "PacketsDropCount"),
        ("AWS/NATGateway", "PacketsInFromSource"),
        ("AWS/NATGateway", "PacketsInFromDestination"),
        ("AWS/RDS", "CPUUtilization"),
        ("AWS/RDS", "FreeStorageSpace"),
        ("AWS/RDS", "FreeableMemory"),
        ("AWS/RDS", "DatabaseConnections"),
        ("AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count"),
        ("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count"),
    }


def test_alarms_go_off_in_the_direction_of_trouble(full: Plan):
    """Too little of what is free or left; too much of all else."""
    scarce = {"FreeDataStorageCapacity", "BurstCreditBalance", "FreeStorageSpace", "FreeableMemory"}
    seen = set()
    for alarm in full.of_type(ALARM):
        names = {metric["metricName"] for metric in metrics(alarm)}
        direction = "LessThan" if names & scarce else "GreaterThan"
        assert alarm.inputs["comparisonOperator"].startswith(direction), alarm.name
        seen.add(direction)
    assert seen == {"LessThan", "GreaterThan"}


def test_one_alarm_for_each_node_group_that_can_grow(full: Plan):
    """A group of fixed size, and one that nobody scales, is always at its maximum."""
    groups = {
        alarm.name.removeprefix("observability-nodes-").removesuffix("-at-maximum")
        for alarm in full.of_type(ALARM)
        if "-nodes-" in alarm.name
    }
    assert groups == {"system-usw2-az1", "system-usw2-az2", "h100-usw2-az2"}
    alarm = of_alarm(full, "nodes-h100-usw2-az2-at-maximum").inputs
    assert [query["expression"] for query in alarm["metricQueries"] if query["returnData"]] == [
        "IF(desired >= most, 1, 0)"
    ]
    assert {query["id"] for query in alarm["metricQueries"]} == {"desired", "most", "result"}
    assert alarm["evaluationPeriods"] * 300 == 30 * 60


def test_expressions_use_the_metrics_that_are_there(full: Plan):
    for alarm in full.of_type(ALARM):
        queries = alarm.inputs.get("metricQueries", [])
        for query in queries:
            assert re.fullmatch(r"[a-z][A-Za-z0-9_]*", query["id"])  # MetricDataQuery.Id
            if "expression" in query:
                words = set(re.findall(r"\b[a-z]\w*", query["expression"]))
                assert words == {each["id"] for each in queries if "metric" in each}


def test_expressions_are_fit_for_alarms(full: Plan):
    """An alarm asks for more data points than it judges, and its newest ones come late.

    CloudWatch user guide, "Using metric math": FILL can leave an alarm stuck in OK or ALARM; AVG, DATAPOINT_COUNT, MAX
    and MIN are not recommended in alarms. Arithmetic treats missing values as 0 by itself.
    """
    found = [
        query["expression"]
        for alarm in full.of_type(ALARM)
        for query in alarm.inputs.get("metricQueries") or ()
        if "expression" in query
    ]
    assert found
    assert not [each for each in found if re.search(r"\b(FILL|AVG|DATAPOINT_COUNT|MAX|MIN)\b", each)]


def test_lustre_is_full_by_the_sum_over_one_minute(full: Plan):
    """FSx reports each disk once a minute: a sum over five minutes would show five times what is free."""
    alarm = of_alarm(full, "lustre-fast-full").inputs
    assert (alarm["statistic"], alarm["period"], alarm["comparisonOperator"]) == ("Sum", 60, "LessThanThreshold")
    assert alarm["threshold"] == 2400 * GIB * 15 / 100
    assert alarm["evaluationPeriods"] == 15


def test_only_efs_modes_with_limits_are_watched(full: Plan):
    names = {alarm.name for alarm in full.of_type(ALARM) if "-efs-" in alarm.name}
    assert names == {"observability-efs-old-io", "observability-efs-old-credits"}


def test_intelligent_tiering_is_never_full(record_settings):
    lake = {
        "name": "lake",
        "zone": "usw2-az1",
        "storage": "INTELLIGENT_TIERING",
        "throughputCapacity": 4000,
        "metadata": {"mode": "USER_PROVISIONED", "iops": 6000},
        "readCache": {},
    }
    plan = record_settings({**SMALL, "storage": {"lustre": [lake]}, "observability": {}})
    assert not [alarm for alarm in plan.of_type(ALARM) if "-lustre-" in alarm.name]


def test_databases_are_watched_against_their_size(full: Plan):
    storage, memory = (of_alarm(full, f"database-meta-{role}").inputs for role in ("storage", "memory"))
    assert (storage["statistic"], storage["threshold"]) == ("Minimum", 40 * GIB * 15 / 100)
    assert memory["threshold"] == 128 * 1024**2
    assert of_alarm(full, "database-meta-connections").inputs["threshold"] == 200


def test_alarms_can_be_left_out(record_settings):
    none = dict.fromkeys(("nodeGroups", "lustre", "efs", "nat", "databases", "loadBalancer"))
    plan = record_settings({**FULL, "observability": {"alarms": none}})
    assert not plan.of_type(ALARM)


def test_alarms_are_paid_by_the_metric(full: Plan):
    """0.10 USD a month for each metric (infracost golden cloudwatch_metric_alarm_test, `expression`: two metrics)."""
    # 3 node groups of 2, 1 FSx, 2 EFS, 2 NAT gateways of 1 + 3, 4 of the database, 2 of the load balancer.
    (line,) = [line for line in cost(full).lines if line.area == "observability"]
    assert line.item == "15 x alarm, 23 metrics"
    assert line.desired == pytest.approx(23 * 0.10 / 730)
    assert not [each for each in cost(full).unpriced if any(type_ in each for type_ in OWN)]
    assert {"SNS notifications", "Prometheus samples, storage and queries"} <= set(cost(full).by_use)


@settings(max_examples=20, deadline=None)
@given(minutes=st.integers(1, 288).map(lambda fives: fives * 5))
def test_alarms_look_back_as_long_as_said_and_a_day_at_most(minutes: int):
    """PutMetricAlarm: periods times their length, 86,400 s at most."""
    for alarm in (
        *alarms.nat(NatAlarms(minutes=minutes), {"usw2-az1": "nat-1"}),
        *alarms.node_groups(NodeGroupAlarms(minutes=minutes), {"gpu": "asg"}),
    ):
        wanted = 5 if alarm.name.endswith("-ports") else minutes
        assert alarm.periods * alarm.period == wanted * 60 <= 86_400
