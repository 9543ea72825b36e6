"""SageMaker out of the cluster: jobs, models, endpoints and pipelines as Kubernetes objects."""

from typing import Any, Final

import pulumi

from addons import ack
from addons.iam import allow, policy
from addons.spec import AddOn, AddOnSettings, Identity, Ready, Values
from infra.handle import ClusterHandle

# renovate: datasource=docker depName=public.ecr.aws/aws-controllers-k8s/sagemaker-chart
_VERSION: Final = "1.9.1"
_KINDS: Final = (
    "Endpoint",
    "EndpointConfig",
    "HyperParameterTuningJob",
    "InferenceComponent",
    "Model",
    "ModelPackage",
    "ModelPackageGroup",
    "Pipeline",
    "PipelineExecution",
    "ProcessingJob",
    "TrainingJob",
    "TransformJob",
)
"""Domains, apps, notebook instances and monitors are other services' in this cluster."""
_PLACES: Final = (
    "endpoint",
    "endpoint-config",
    "hyper-parameter-tuning-job",
    "inference-component",
    "model",
    "model-package",
    "model-package-group",
    "pipeline",
    "processing-job",
    "training-job",
    "transform-job",
)
_ACTIONS: Final = (
    "AddTags",
    "CreateEndpoint",
    "CreateEndpointConfig",
    "CreateHyperParameterTuningJob",
    "CreateInferenceComponent",
    "CreateModel",
    "CreateModelPackage",
    "CreateModelPackageGroup",
    "CreatePipeline",
    "CreateProcessingJob",
    "CreateTrainingJob",
    "CreateTransformJob",
    "DeleteEndpoint",
    "DeleteEndpointConfig",
    "DeleteInferenceComponent",
    "DeleteModel",
    "DeleteModelPackage",
    "DeleteModelPackageGroup",
    "DeletePipeline",
    "DescribeEndpoint",
    "DescribeEndpointConfig",
    "DescribeHyperParameterTuningJob",
    "DescribeInferenceComponent",
    "DescribeModel",
    "DescribeModelPackage",
    "DescribeModelPackageGroup",
    "DescribePipeline",
    "DescribePipelineExecution",
    "DescribeProcessingJob",
    "DescribeTrainingJob",
    "DescribeTransformJob",
    "StartPipelineExecution",
    "StopHyperParameterTuningJob",
    "StopPipelineExecution",
    "StopProcessingJob",
    "StopTrainingJob",
    "StopTransformJob",
    "UpdateEndpoint",
    "UpdateInferenceComponent",
    "UpdateModelPackage",
    "UpdatePipeline",
    "UpdatePipelineExecution",
    "UpdateTrainingJob",
)
"""What the controller calls for these kinds (pkg/resource/*/sdk.go of v1.9.1); a creation with tags adds them."""
_CRDS: Final = (
    "apps",
    "dataqualityjobdefinitions",
    "domains",
    "endpointconfigs",
    "endpoints",
    "featuregroups",
    "hyperparametertuningjobs",
    "inferencecomponents",
    "labelingjobs",
    "modelbiasjobdefinitions",
    "modelexplainabilityjobdefinitions",
    "modelpackagegroups",
    "modelpackages",
    "modelqualityjobdefinitions",
    "models",
    "monitoringschedules",
    "notebookinstancelifecycleconfigs",
    "notebookinstances",
    "pipelineexecutions",
    "pipelines",
    "processingjobs",
    "projects",
    "spaces",
    "trainingjobs",
    "transformjobs",
    "userprofiles",
)


class AckSagemakerControllerSettings(AddOnSettings):
    """Settings of the SageMaker controller: none."""


def _values(handle: ClusterHandle, _settings: AckSagemakerControllerSettings) -> Values:
    return ack.values(handle, _KINDS, deletion="delete", memory_mib=256)


def _policy(handle: ClusterHandle, _settings: AckSagemakerControllerSettings) -> dict[str, Any] | None:
    """What is named after the platform, with the stack's execution role.

    Sources: Service Authorization Reference, Amazon SageMaker; SageMaker developer guide, "Amazon SageMaker AI API
        Permissions": who names a KMS key for volumes needs `kms:CreateGrant` on it.
    """
    made = handle.analytics.sagemaker if handle.analytics else None
    if made is None:
        return None
    place = f"arn:{handle.partition}:sagemaker:{handle.region}:"
    key = handle.storage.volume_key_arn
    grants = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    return policy(
        allow(
            *(f"sagemaker:{action}" for action in _ACTIONS),
            on=[pulumi.Output.concat(place, handle.account_id, f":{kind}/{handle.name}-*") for kind in _PLACES],
        ),
        allow(
            "iam:PassRole", on=made.role_arn, when={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
        ),
        *([] if key is None else [allow("kms:CreateGrant", on=key, when=grants), allow("kms:DescribeKey", on=key)]),
    )


def _applies(handle: ClusterHandle) -> str | None:
    made = handle.analytics.sagemaker if handle.analytics else None
    return None if made else "the stack has no execution role for SageMaker (analytics.sagemaker)"


ADDON = AddOn(
    name=ack.account("sagemaker"),
    group="engines",
    summary="SageMaker jobs, endpoints and pipelines as Kubernetes objects",
    docs="https://aws-controllers-k8s.github.io/community/docs/tutorials/sagemaker-example/",
    source=ack.chart("sagemaker", _VERSION),
    settings=AckSagemakerControllerSettings,
    presets=("full",),
    applies=_applies,
    namespace=ack.NAMESPACE,
    values=_values,
    images=(ack.image("sagemaker", _VERSION),),
    endpoints=("sagemaker.api",),
    identities=(Identity(service_account=ack.account("sagemaker"), policy=_policy, irsa="serviceAccount.annotations"),),
    needs=(ack.CRDS, "coredns"),
    stands_on=("analytics.sagemaker",),
    owns_crds=tuple(f"{kind}.sagemaker.services.k8s.aws" for kind in _CRDS),
    ready=(Ready(kind="Deployment", name=ack.deployment("sagemaker")),),
)
