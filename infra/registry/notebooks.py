"""Notebook images: built in the account from the folder images/ when its contents change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from infra import handle
from infra.images import ecr_home
from infra.registry.builds import PULL, PUSH, Build, object_tags
from infra.registry.images import NotebookSource, sources
from infra.registry.repositories import RepositoryArgs, repository
from infra.registry.rules import NOTEBOOK
from infra.registry.settings import Notebook

_KEPT: Final = 20
"""Builds that are kept: notebooks that run may still be of an earlier one."""
_MINUTES: Final = 120

SCRIPT: Final = r"""
login() {
  aws ecr get-login-password --region "$2" | docker login --username AWS --password-stdin "$1"
}
login "${IMAGE%%/*}" "$AWS_REGION"
if docker buildx imagetools inspect "$IMAGE" >/dev/null 2>&1; then
  echo "there: $IMAGE"
else
  if [[ -n "${BASE_REGION:-}" ]]; then
    login "${BASE%%/*}" "$BASE_REGION"
  fi
  docker buildx build --push --provenance=false --build-arg "BASE=$BASE" --file "$DOCKERFILE" --tag "$IMAGE" .
fi
"""


@dataclass(frozen=True, kw_only=True)
class NotebooksArgs:
    """What the images need to know.

    Attributes:
        keep: Protect and retain the repositories.
    """

    wanted: Sequence[Notebook]
    platform: str
    partition: str
    bucket: handle.Bucket
    key_arn: pulumi.Input[str]
    keep: bool
    untagged_days: int
    tags: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class NotebookBuild:
    """An image and the build that makes it."""

    image: handle.NotebookImage
    build: Build


def notebooks(name: str, args: NotebooksArgs, opts: pulumi.ResourceOptions) -> list[NotebookBuild]:
    """Create a repository for each image, and put what it is built from into the bucket."""
    if not args.wanted:
        return []
    known = sources()
    return [_notebook(name, known[f"{NOTEBOOK}{each}"], args, opts) for each in args.wanted]


def _notebook(name: str, source: NotebookSource, args: NotebooksArgs, opts: pulumi.ResourceOptions) -> NotebookBuild:
    made = repository(
        f"{name}-{source.name}",
        RepositoryArgs(
            name=f"{args.platform}/{source.name}",
            key_arn=args.key_arn,
            keep=args.keep,
            keep_images=_KEPT,
            untagged_days=args.untagged_days,
            tags=args.tags,
        ),
        opts,
    )
    key = f"images/{source.name}/{source.tag}.zip"
    sent = aws.s3.BucketObjectv2(
        f"{name}-{source.name}",
        bucket=args.bucket.name,
        key=key,
        source=source.archive,
        content_type="application/zip",
        tags=object_tags(args.tags),
        opts=opts,
    )
    uri = pulumi.Output.concat(made.repository_url, ":", source.tag)
    build = Build(
        role=source.name,
        description=f"Builds {args.platform}/{source.name}",
        script=SCRIPT,
        environment={
            "IMAGE": uri,
            "BASE": str(source.base),
            "DOCKERFILE": source.dockerfile,
            **_base_region(source),
        },
        reads=key,
        source=True,
        statements=[{"Action": list(PUSH), "Resource": made.arn}, *_base_statements(source, args.partition)],
        state=source.tag,
        before=[sent],
        docker=True,
        minutes=_MINUTES,
    )
    image = handle.NotebookImage(name=source.name, accelerator=source.accelerator, uri=uri)
    return NotebookBuild(image=image, build=build)


def _base_region(source: NotebookSource) -> dict[str, str]:
    """Where the base image's registry is, for those that ask for a login: private ones in ECR."""
    home = ecr_home(source.base.host)
    return {"BASE_REGION": home[1]} if home else {}


def _base_statements(source: NotebookSource, partition: str) -> list[dict[str, Any]]:
    home = ecr_home(source.base.host)
    if home is None:
        return []
    account, region = home
    return [{"Action": list(PULL), "Resource": f"arn:{partition}:ecr:{region}:{account}:repository/{source.base.path}"}]
