"""The requests that create what Karpenter reads: its queue."""

from collections.abc import Mapping
from typing import Any, Final

from slipway.plan.model import Resource
from tests.contract.aws_call import Call, autoname


def _attributes(resource: Resource) -> dict[str, Any]:
    """Attributes are a map of texts."""
    return {
        "MessageRetentionPeriod": str(resource.inputs["messageRetentionSeconds"]),
        "SqsManagedSseEnabled": str(resource.inputs["sqsManagedSseEnabled"]).lower(),
    }


CALLS: Final[Mapping[str, tuple[Call, ...]]] = {
    "aws:sqs/queue:Queue": (
        Call(api="sqs.CreateQueue", only=("tags",), given={"QueueName": autoname, "Attributes": _attributes}),
    ),
    "aws:sqs/queuePolicy:QueuePolicy": (
        Call(
            api="sqs.SetQueueAttributes",
            only=("queueUrl",),
            given={"Attributes": lambda resource: {"Policy": resource.inputs["policy"]}},
        ),
    ),
}
NO_CALL: Final[Mapping[str, str]] = {}
NOT_SENT: Final[Mapping[str, str]] = {
    "aws:sqs/queue:Queue/messageRetentionSeconds": "sent as text among the attributes",
    "aws:sqs/queue:Queue/sqsManagedSseEnabled": "sent as text among the attributes",
    "aws:sqs/queuePolicy:QueuePolicy/policy": "sent among the attributes",
}
