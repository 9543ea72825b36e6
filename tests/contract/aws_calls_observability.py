"""The requests that create what infra/observability declares. See `aws_calls`."""

from collections.abc import Mapping
from typing import Any, Final

from slipway.plan.model import Resource
from tests.contract.aws_call import Call, autoname

TOPIC: Final = "arn:aws:sns:us-west-2:123456789012:topic"


def metric(query: Mapping[str, Any]) -> dict[str, Any]:
    """What the provider calls a metric query, as CloudWatch takes it."""
    source = query.get("metric")
    plain = {key: value for key, value in query.items() if key != "metric"}
    if source is None:
        return plain
    named = {"Namespace": source["namespace"], "MetricName": source["metricName"]}
    stat = {"Metric": named | {"Dimensions": pairs(source["dimensions"])}, "Period": source["period"]}
    return plain | {"MetricStat": stat | {"Stat": source["stat"]}}


def pairs(dimensions: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in dimensions.items()]


def told(resource: Resource) -> list[dict[str, Any]]:
    """A budget's notifications with those who get them."""
    return [
        {
            "Notification": {
                "NotificationType": each["notificationType"],
                "ComparisonOperator": each["comparisonOperator"],
                "Threshold": each["threshold"],
                "ThresholdType": each["thresholdType"],
            },
            "Subscribers": [
                {"SubscriptionType": kind, "Address": address}
                for kind, key in (("SNS", "subscriberSnsTopicArns"), ("EMAIL", "subscriberEmailAddresses"))
                for address in each.get(key, [])
            ],
        }
        for each in resource.inputs["notifications"]
    ]


def topic_attribute(key: str, name: str) -> Call:
    return Call(
        api="sns.SetTopicAttributes",
        only=(key,),
        names={key: "AttributeValue"},
        given={"TopicArn": TOPIC, "AttributeName": name},
    )


CALLS: Final[Mapping[str, tuple[Call, ...]]] = {
    "aws:amp/alertManagerDefinition:AlertManagerDefinition": (
        Call(api="amp.CreateAlertManagerDefinition", names={"definition": "data"}),
    ),
    "aws:amp/workspace:Workspace": (Call(api="amp.CreateWorkspace"),),
    "aws:amp/workspaceConfiguration:WorkspaceConfiguration": (Call(api="amp.UpdateWorkspaceConfiguration"),),
    "aws:budgets/budget:Budget": (
        Call(
            api="budgets.CreateBudget",
            inner="Budget",
            names={
                "limitAmount": "Budget.BudgetLimit.Amount",
                "limitUnit": "Budget.BudgetLimit.Unit",
                "tags": "ResourceTags",
            },
            given={
                "AccountId": "123456789012",
                "Budget.BudgetName": lambda resource: resource.inputs["namePrefix"] + "0" * 26,
                "Budget.CostFilters": lambda resource: {
                    each["name"]: each["values"] for each in resource.inputs["costFilters"]
                },
                "NotificationsWithSubscribers": told,
            },
        ),
    ),
    "aws:cloudwatch/eventRule:EventRule": (Call(api="events.PutRule", given={"Name": autoname}),),
    "aws:cloudwatch/eventTarget:EventTarget": (
        Call(
            api="events.PutTargets",
            names={"arn": "Targets.Arn", "roleArn": "Targets.RoleArn", "targetId": "Targets.Id"},
            given={"Targets.Id": autoname},
        ),
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": (
        Call(
            api="cloudwatch.PutMetricAlarm",
            given={
                "AlarmName": autoname,
                "Dimensions": lambda resource: pairs(resource.inputs.get("dimensions", {})),
                "Metrics": lambda resource: [metric(each) for each in resource.inputs.get("metricQueries", [])],
            },
        ),
    ),
    "aws:costexplorer/costAllocationTag:CostAllocationTag": (
        Call(
            api="ce.UpdateCostAllocationTagsStatus",
            names={"tagKey": "CostAllocationTagsStatus.TagKey", "status": "CostAllocationTagsStatus.Status"},
        ),
    ),
    "aws:sns/topic:Topic": (
        Call(api="sns.CreateTopic", given={"Name": autoname}),
        topic_attribute("displayName", "DisplayName"),
        topic_attribute("kmsMasterKeyId", "KmsMasterKeyId"),
    ),
    "aws:sns/topicPolicy:TopicPolicy": (
        Call(
            api="sns.SetTopicAttributes",
            names={"arn": "TopicArn", "policy": "AttributeValue"},
            given={"AttributeName": "Policy"},
        ),
    ),
    "aws:sns/topicSubscription:TopicSubscription": (Call(api="sns.Subscribe", names={"topic": "TopicArn"}),),
}
NO_CALL: Final[Mapping[str, str]] = {}
_RESHAPED: Final = "another shape in the request, where `given` puts it"
NOT_SENT: Final[Mapping[str, str]] = {
    "aws:amp/workspace:Workspace/loggingConfiguration": (
        "the provider calls CreateLoggingConfiguration with the ARN in it, whose pattern `test_plan_observability` has"
    ),
    "aws:budgets/budget:Budget/costFilters": _RESHAPED,
    "aws:budgets/budget:Budget/namePrefix": _RESHAPED,
    "aws:budgets/budget:Budget/notifications": _RESHAPED,
    "aws:cloudwatch/metricAlarm:MetricAlarm/dimensions": _RESHAPED,
    "aws:cloudwatch/metricAlarm:MetricAlarm/metricQueries": _RESHAPED,
    "aws:sns/topic:Topic/signatureVersion": "a number that SetTopicAttributes takes as text",
}
