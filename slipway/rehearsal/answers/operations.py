"""What CloudWatch Logs and EC2 Auto Scaling return."""

from typing import Final

from slipway.rehearsal.answers.request import Answer, Request, Table


def _log_group(request: Request) -> Answer:
    name = request.named()
    outputs = {
        "arn": request.ids.arn("logs", f"log-group:{name}"),
        "name": name,
        "logGroupClass": "STANDARD",
        **request.tags,
    }
    return Answer(id=name, outputs=outputs)


def _group_tag(request: Request) -> Answer:
    tag = request.inputs.get("tag")
    key = tag.get("key", request.name) if isinstance(tag, dict) else request.name
    return Answer(id=f"{request.text('autoscalingGroupName')},{key}")


RESOURCES: Final[Table] = {
    "aws:cloudwatch/logGroup:LogGroup": _log_group,
    "aws:autoscaling/tag:Tag": _group_tag,
}
