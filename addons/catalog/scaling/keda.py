"""KEDA: scales Deployments and Jobs, to zero too, by what happens outside of the cluster or in Prometheus."""

from typing import Any, Final

import pulumi

from addons.iam import ANY, allow, policy
from addons.spec import AddOn, AddOnSettings, Chart, Identity, Image, Ready, Values, Webhook
from infra.handle import ClusterHandle

# renovate: datasource=helm depName=keda registryUrl=https://kedacore.github.io/charts
_VERSION: Final = "2.20.2"
_OPERATOR: Final = "keda-operator"
_KINDS: Final = (
    "CloudEventSource",
    "ClusterCloudEventSource",
    "ClusterTriggerAuthentication",
    "ScaledJob",
    "ScaledObject",
    "TriggerAuthentication",
)


class KedaSettings(AddOnSettings):
    """Settings of KEDA."""

    queues: tuple[str, ...] = ()
    """Names of SQS queues of this account and region whose length it may read, such as `inference-*`. With this and
    `podIdentity: {provider: aws}` a TriggerAuthentication needs no credentials. A private cluster needs the endpoint
    `sqs` in `network.endpoints`."""

    cloudwatch: bool = False
    """Let it read CloudWatch's metrics. There are no permissions for single ones. A private cluster needs the endpoint
    `monitoring` in `network.endpoints`."""

    prometheus: bool = True
    """Let it query the stack's Prometheus workspace, where there is one."""


def _values(_handle: ClusterHandle, _settings: KedaSettings) -> Values:
    return {
        # Two, for the API of external metrics goes with the last: no autoscaler would see a metric meanwhile.
        "metricsServer": {"replicaCount": 2},
        "podDisruptionBudget": {"metricServer": {"maxUnavailable": 1}},
        # Their own certificates, made and renewed by the operator.
        "webhooks": {"failurePolicy": "Ignore"},
    }


def _policy(handle: ClusterHandle, settings: KedaSettings) -> dict[str, Any] | None:
    """Read what the settings name; nothing is changed.

    Sources: KEDA docs, scalers "AWS SQS Queue", "AWS CloudWatch" and "Prometheus" (SigV4); AmazonPrometheusQueryAccess.
    """
    place = f"arn:{handle.partition}:sqs:{handle.region}:"
    queues = [pulumi.Output.concat(place, handle.account_id, f":{name}") for name in settings.queues]
    statements = [allow("sqs:GetQueueAttributes", on=queues)] if queues else []
    if settings.cloudwatch:
        statements.append(allow("cloudwatch:GetMetricData", on=ANY))
    workspace = handle.observability.prometheus if handle.observability and settings.prometheus else None
    if workspace is not None:
        statements.append(allow("aps:GetLabels", "aps:GetMetricMetadata", "aps:QueryMetrics", on=workspace.arn))
    return policy(*statements) if statements else None


ADDON = AddOn(
    name="keda",
    group="scaling",
    summary="scales Deployments and Jobs, to zero too, by queues and metrics",
    docs="https://keda.sh/docs/",
    source=Chart(
        repo="https://kedacore.github.io/charts",
        name="keda",
        version=_VERSION,
    ),
    settings=KedaSettings,
    presets=("inference",),
    namespace="keda",
    create_namespace=True,
    pod_security="restricted",
    values=_values,
    images=tuple(
        Image(
            reference=f"ghcr.io/kedacore/{image}:{_VERSION}",
            registry=f"image.{part}.registry",
            repository=f"image.{part}.repository",
            tag=f"image.{part}.tag",
        )
        for part, image in (
            ("keda", "keda"),
            ("metricsApiServer", "keda-metrics-apiserver"),
            ("webhooks", "keda-admission-webhooks"),
        )
    ),
    identities=(Identity(service_account=_OPERATOR, policy=_policy, irsa="serviceAccount.operator.annotations"),),
    needs=("coredns",),
    owns_crds=(
        "cloudeventsources.eventing.keda.sh",
        "clustercloudeventsources.eventing.keda.sh",
        "clustertriggerauthentications.keda.sh",
        "scaledjobs.keda.sh",
        "scaledobjects.keda.sh",
        "triggerauthentications.keda.sh",
    ),
    webhooks=tuple(Webhook(intercepts=frozenset({kind}), failure_policy="Ignore") for kind in _KINDS),
    creates=frozenset({"Service"}),
    ready=(
        Ready(kind="Deployment", name=_OPERATOR),
        Ready(kind="Deployment", name="keda-operator-metrics-apiserver"),
        Ready(kind="Deployment", name="keda-admission-webhooks"),
    ),
)
