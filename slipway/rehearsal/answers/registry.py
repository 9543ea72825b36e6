"""What ECR and CodeBuild return, and Systems Manager and S3 for a parameter and an object."""

from typing import Final

from slipway.rehearsal.answers.request import Answer, Request, Table


def _repository(request: Request) -> Answer:
    name, ids = request.named(), request.ids
    outputs = {
        "arn": ids.arn("ecr", f"repository/{name}"),
        "name": name,
        "registryId": ids.account,
        "repositoryUrl": f"{ids.account}.dkr.ecr.{ids.region}.{ids.dns_suffix}/{name}",
        "imageTagMutability": "MUTABLE",
        **request.tags,
    }
    return Answer(id=name, outputs=outputs)


def _lifecycle(request: Request) -> Answer:
    return Answer(id=request.text("repository", request.name), outputs={"registryId": request.ids.account})


def _cache_rule(request: Request) -> Answer:
    outputs = {"registryId": request.ids.account, "upstreamRepositoryPrefix": "ROOT"}
    return Answer(id=request.text("ecrRepositoryPrefix", request.name), outputs=outputs)


def _template(request: Request) -> Answer:
    return Answer(id=request.text("prefix", request.name), outputs={"registryId": request.ids.account})


def _project(request: Request) -> Answer:
    name = request.named()
    arn = request.ids.arn("codebuild", f"project/{name}")
    outputs = {
        "arn": arn,
        "name": name,
        "badgeUrl": "",
        "publicProjectAlias": "",
        "projectVisibility": "PRIVATE",
        "queuedTimeout": 480,
        "autoRetryLimit": 0,
        **request.tags,
    }
    return Answer(id=arn, outputs=outputs)


def _parameter(request: Request) -> Answer:
    name = request.named()
    outputs = {
        "arn": request.ids.arn("ssm", f"parameter/{name.removeprefix('/')}"),
        "name": name,
        "dataType": "text",
        "tier": "Standard",
        "version": 1,
        "hasValueWo": False,
        **request.tags,
    }
    return Answer(id=name, outputs=outputs)


def _object(request: Request) -> Answer:
    bucket, key = request.text("bucket", request.name), request.text("key", request.name)
    outputs = {
        "arn": request.ids.arn("s3", f"{bucket}/{key}", regional=False, owned=False),
        "etag": request.ids.hex("etag", request.name, 32),
        "storageClass": "STANDARD",
        "versionId": request.ids.letters("version", request.name, 32),
        **request.tags,
    }
    return Answer(id=key, outputs=outputs)


RESOURCES: Final[Table] = {
    "aws:ecr/repository:Repository": _repository,
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": _lifecycle,
    "aws:ecr/pullThroughCacheRule:PullThroughCacheRule": _cache_rule,
    "aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate": _template,
    "aws:codebuild/project:Project": _project,
    "aws:ssm/parameter:Parameter": _parameter,
    "aws:s3/bucketObjectv2:BucketObjectv2": _object,
}
