"""What CloudWatch alarms, EventBridge, SNS, Amazon Managed Prometheus, Budgets and Cost Explorer return."""

from typing import Final

from slipway.rehearsal.answers.request import Answer, Request, Rule, Table


def _alarm(request: Request) -> Answer:
    name = request.named()
    outputs = {
        "arn": request.ids.arn("cloudwatch", f"alarm:{name}"),
        "name": name,
        "actionsEnabled": True,
        "evaluateLowSampleCountPercentiles": "",
        "treatMissingData": "missing",
        **request.tags,
    }
    return Answer(id=name, outputs=outputs)


def _event_rule(request: Request) -> Answer:
    name = request.named()
    outputs = {
        "arn": request.ids.arn("events", f"rule/{name}"),
        "name": name,
        "eventBusName": "default",
        "forceDestroy": False,
        "state": "ENABLED",
        **request.tags,
    }
    return Answer(id=name, outputs=outputs)


def _event_target(request: Request) -> Answer:
    target = request.named("targetId")
    outputs = {"targetId": target, "eventBusName": "default", "forceDestroy": False}
    return Answer(id=f"{request.text('rule')}-{target}", outputs=outputs)


def _topic(request: Request) -> Answer:
    name, ids = request.named(), request.ids
    arn = ids.arn("sns", name)
    outputs = {
        "arn": arn,
        "name": name,
        "owner": ids.account,
        "beginningArchiveTime": "",
        "fifoThroughputScope": "",
        "signatureVersion": 0,
        "tracingConfig": "",
        **request.tags,
    }
    return Answer(id=arn, outputs=outputs)


def _topic_policy(request: Request) -> Answer:
    return Answer(id=request.text("arn", request.name), outputs={"owner": request.ids.account})


def _subscription(request: Request) -> Answer:
    arn = f"{request.text('topic')}:{request.ids.uuid('sns-subscription', request.name)}"
    outputs = {
        "arn": arn,
        "ownerId": request.ids.account,
        "confirmationTimeoutInMinutes": 1,
        "confirmationWasAuthenticated": False,
        "endpointAutoConfirms": False,
        "filterPolicyScope": "",
        # Until the addressee follows the link in the mail.
        "pendingConfirmation": True,
        "rawMessageDelivery": False,
    }
    return Answer(id=arn, outputs=outputs)


def _workspace(request: Request) -> Answer:
    ids = request.ids
    id_ = f"ws-{ids.uuid('aps', request.name)}"
    outputs = {
        "arn": ids.arn("aps", f"workspace/{id_}"),
        "prometheusEndpoint": f"https://aps-workspaces.{ids.region}.{ids.dns_suffix}/workspaces/{id_}/",
        **request.tags,
    }
    return Answer(id=id_, outputs=outputs)


def _budget(request: Request) -> Answer:
    name, ids = request.named(), request.ids
    outputs = {
        "accountId": ids.account,
        "arn": ids.arn("budgets", f"budget/{name}", regional=False),
        "name": name,
        "timePeriodEnd": "2087-06-15_00:00",
        **request.tags,
    }
    return Answer(id=f"{ids.account}:{name}", outputs=outputs)


def _allocation_tag(request: Request) -> Answer:
    return Answer(id=request.text("tagKey", request.name), outputs={"type": "UserDefined"})


def _of(key: str) -> Rule:
    """A part of another resource: its id is that resource's, as the provider has it."""
    return lambda request: Answer(id=request.text(key, request.name))


RESOURCES: Final[Table] = {
    "aws:amp/alertManagerDefinition:AlertManagerDefinition": _of("workspaceId"),
    "aws:amp/workspace:Workspace": _workspace,
    "aws:amp/workspaceConfiguration:WorkspaceConfiguration": _of("workspaceId"),
    "aws:budgets/budget:Budget": _budget,
    "aws:cloudwatch/eventRule:EventRule": _event_rule,
    "aws:cloudwatch/eventTarget:EventTarget": _event_target,
    "aws:cloudwatch/metricAlarm:MetricAlarm": _alarm,
    "aws:costexplorer/costAllocationTag:CostAllocationTag": _allocation_tag,
    "aws:sns/topic:Topic": _topic,
    "aws:sns/topicPolicy:TopicPolicy": _topic_policy,
    "aws:sns/topicSubscription:TopicSubscription": _subscription,
}
