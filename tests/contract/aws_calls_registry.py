"""The requests that create what infra/registry declares. See `aws_calls`."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from slipway.plan.model import Resource
from tests.contract.aws_call import Call


def _tagging(resource: Resource) -> str:
    return urlencode(resource.inputs["tags"])


def _tags(resource: Resource) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in resource.inputs["tags"].items()]


def _encryption(resource: Resource) -> dict[str, str]:
    (only,) = resource.inputs["encryptionConfigurations"]
    return dict(only)


CALLS: Final[Mapping[str, tuple[Call, ...]]] = {
    "aws:codebuild/project:Project": (
        Call(
            api="codebuild.CreateProject",
            names={
                "buildTimeout": "timeoutInMinutes",
                "logsConfig.cloudwatchLogs": "cloudWatchLogs",
            },
            given={"tags": _tags},
        ),
    ),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": (
        Call(api="ecr.PutLifecyclePolicy", names={"repository": "repositoryName", "policy": "lifecyclePolicyText"}),
    ),
    "aws:ecr/pullThroughCacheRule:PullThroughCacheRule": (Call(api="ecr.CreatePullThroughCacheRule"),),
    "aws:ecr/repository:Repository": (
        Call(
            api="ecr.CreateRepository",
            names={"name": "repositoryName"},
            given={"encryptionConfiguration": _encryption},
        ),
    ),
    "aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate": (
        Call(
            api="ecr.CreateRepositoryCreationTemplate",
            given={"encryptionConfiguration": _encryption},
        ),
    ),
    "aws:s3/bucketObjectv2:BucketObjectv2": (
        Call(
            api="s3.PutObject",
            names={"content": "Body"},
            given={"Tagging": _tagging},
        ),
    ),
    "aws:ssm/parameter:Parameter": (Call(api="ssm.PutParameter", names={"insecureValue": "Value"}),),
}
NO_CALL: Final[Mapping[str, str]] = {}
NOT_SENT: Final[Mapping[str, str]] = {
    "aws:codebuild/project:Project/tags": "given, spelt `key` and `value`",
    "aws:ecr/repository:Repository/encryptionConfigurations": "given as the one it is",
    "aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate/encryptionConfigurations": "given as the one it is",
    "aws:ecr/repository:Repository/forceDelete": "the provider passes it to DeleteRepository as `force`",
    "aws:s3/bucketObjectv2:BucketObjectv2/source": "the engine makes a file of the archive, which is the body",
    "aws:s3/bucketObjectv2:BucketObjectv2/tags": "`Tagging` has them, as a query",
}
