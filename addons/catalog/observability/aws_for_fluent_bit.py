"""AWS for Fluent Bit: logs of containers and nodes to CloudWatch Logs."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import pulumi
from pydantic import Field

from addons.fluent_bit import MOUNTS, NODE_NAME, SERVICE, VOLUMES, inputs, kubernetes, section
from addons.iam import allow, policy
from addons.spec import AddOn, AddOnSettings, Chart, Identity, Image, Placement, Ready, Values
from infra.handle import ClusterHandle

_NAME: Final = "aws-for-fluent-bit"
_ROLES: Final = ("application", "dataplane", "host")
"""Log groups that it writes; `performance` is the CloudWatch agent's."""


class AwsForFluentBitSettings(AddOnSettings):
    """Settings of Fluent Bit. Groups and their retention are `observability.logs`."""

    exclude_namespaces: tuple[Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")], ...] = ()
    """Namespaces whose containers' logs stay on the node. A single pod opts out by the annotation
    `fluentbit.io/exclude: "true"`."""

    memory_mib: Annotated[int, Field(ge=100, le=4096)] = 256
    """The most that it may take on a node. More than it can hold goes to the node's disk."""


def _values(handle: ClusterHandle, settings: AwsForFluentBitSettings) -> Values:
    groups = handle.observability.log_groups if handle.observability else {}
    roles = [role for role in _ROLES if role in groups]
    return {
        "service": {"extraService": SERVICE},
        # The chart's own part knows one input and one group.
        "input": {"enabled": False},
        "filter": {"enabled": False},
        "cloudWatchLogs": {"enabled": False},
        "additionalInputs": "\n".join(inputs(settings.exclude_namespaces, _NAME)),
        "additionalFilters": "\n".join(kubernetes(tag) for tag in ("application", "dataplane.containers")),
        "additionalOutputs": _outputs(handle.region, {role: groups[role] for role in roles}),
        "env": [NODE_NAME],
        "volumes": list(VOLUMES),
        "volumeMounts": list(MOUNTS),
        "resources": {
            "requests": {"cpu": "50m", "memory": "100Mi"},
            "limits": {"memory": f"{settings.memory_mib}Mi"},
        },
    }


def _outputs(region: str, groups: Mapping[str, pulumi.Output[str]]) -> pulumi.Input[str]:
    """One per log group, which is there already, with its retention."""

    def output(role: str) -> pulumi.Output[str]:
        # What stands after the name is known; the name is AWS's.
        head, tail = section(
            "OUTPUT",
            {
                "Name": "cloudwatch_logs",
                "Match": f"{role}.*",
                "region": region,
                "log_group_name": "%",
                "log_stream_prefix": "${NODE_NAME}-",
                "auto_create_group": "Off",
                "retry_limit": 10,
                "storage.total_limit_size": "1G",
            },
        ).split("%")
        return pulumi.Output.concat(head, groups[role], tail, "\n")

    return pulumi.Output.concat(*(output(role) for role in groups)) if groups else ""


def _policy(handle: ClusterHandle, _settings: AwsForFluentBitSettings) -> dict[str, Any] | None:
    """New streams and records in the stack's own groups; no group, no retention.

    Source: Fluent Bit documentation, "Amazon CloudWatch", permissions, without the creation of groups.
    """
    if handle.observability is None:
        return None
    streams = [
        pulumi.Output.concat(
            f"arn:{handle.partition}:logs:{handle.region}:",
            handle.account_id,
            ":log-group:",
            handle.observability.log_groups[role],
            ":log-stream:*",
        )
        for role in _ROLES
    ]
    return policy(allow("logs:CreateLogStream", "logs:PutLogEvents", on=streams))


def _applies(handle: ClusterHandle) -> str | None:
    return None if handle.observability else "the stack has no log groups (observability)"


ADDON = AddOn(
    name=_NAME,
    group="observability",
    summary="logs of containers and nodes to CloudWatch Logs",
    docs="https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Container-Insights-setup-logs-FluentBit.html",
    source=Chart(
        repo="https://aws.github.io/eks-charts",
        name="aws-for-fluent-bit",
        # renovate: datasource=helm depName=aws-for-fluent-bit registryUrl=https://aws.github.io/eks-charts
        version="0.2.0",
    ),
    settings=AwsForFluentBitSettings,
    applies=_applies,
    namespace="logging",
    create_namespace=True,
    # It reads the node's log files, and keeps its place in them on the node.
    pod_security="privileged",
    values=_values,
    images=(
        Image(
            reference="public.ecr.aws/aws-observability/aws-for-fluent-bit:3.2.1",
            repository="image.repository",
            tag="image.tag",
        ),
    ),
    identities=(Identity(service_account=_NAME, policy=_policy, irsa="serviceAccount.annotations"),),
    needs=("coredns",),
    # Both bring the namespace, and one reader of the node's files is enough.
    conflicts=("opensearch",),
    stands_on=("observability",),
    creates=frozenset({"Service"}),
    placement=Placement(accelerated=("tolerations",)),
    ready=(Ready(kind="DaemonSet", name=_NAME),),
)
