"""What SQS returns for the queue that Karpenter reads."""

from typing import Final

from slipway.rehearsal.answers.request import Answer, Request, Table


def _queue(request: Request) -> Answer:
    name, ids = request.named(), request.ids
    url = f"https://sqs.{ids.region}.{ids.dns_suffix}/{ids.account}/{name}"
    outputs = {
        "arn": ids.arn("sqs", name),
        "url": url,
        "name": name,
        "deduplicationScope": "",
        "fifoThroughputLimit": "",
        "kmsDataKeyReusePeriodSeconds": 300,
        "maxMessageSize": 262144,
        "policy": "",
        "receiveWaitTimeSeconds": 0,
        "redriveAllowPolicy": "",
        "redrivePolicy": "",
        "visibilityTimeoutSeconds": 30,
        **request.tags,
    }
    return Answer(id=url, outputs=outputs)


def _queue_policy(request: Request) -> Answer:
    return Answer(id=request.text("queueUrl", request.name))


RESOURCES: Final[Table] = {
    "aws:sqs/queue:Queue": _queue,
    "aws:sqs/queuePolicy:QueuePolicy": _queue_policy,
}
