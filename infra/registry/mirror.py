"""Images that are copied into ECR beforehand, for clusters whose nodes reach nothing else."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from infra import handle
from infra.images import ImageReference, ecr_home
from infra.registry.builds import PUSH, Build, object_tags
from infra.registry.repositories import RepositoryArgs, repository
from infra.registry.rules import MIRROR

LIST: Final = "registry/mirror.txt"
"""Key of the list: one line per image, what to copy and where to, separated by a space."""
_MINUTES: Final = 120

SCRIPT: Final = r"""
aws ecr get-login-password --region "$AWS_REGION" | docker login --username AWS --password-stdin "$REGISTRY"
for pair in ${SECRETS:-}; do
  secret=$(aws secretsmanager get-secret-value --secret-id "${pair#*=}" --query SecretString --output text)
  user=$(jq -er .username <<<"$secret")
  jq -er .accessToken <<<"$secret" | docker login --username "$user" --password-stdin "${pair%%=*}"
done
copy=(docker buildx imagetools create)
# An image of one platform stays as it is; a buildx without the flag puts it, unchanged, into a list of one.
if [[ "$(docker buildx imagetools create --help)" == *--prefer-index* ]]; then
  copy+=(--prefer-index=false)
fi
aws s3 cp --only-show-errors "$LIST" images.txt
failed=0
while read -r source target; do
  if docker buildx imagetools inspect "$REGISTRY/$target" >/dev/null 2>&1 </dev/null; then
    echo "there: $target"
  elif ! "${copy[@]}" --tag "$REGISTRY/$target" "$source" </dev/null; then
    echo "failed: $source" >&2
    failed=1
  fi
done <images.txt
exit "$failed"
"""
"""Copies manifests and layers from registry to registry, all platforms with their digests. Needs no docker daemon."""


@dataclass(frozen=True, kw_only=True)
class MirrorArgs:
    """What the mirror needs to know.

    Attributes:
        images: What to copy; images in private ECR registries are passed over.
        secrets: Host to the secret to log in with.
        registry: The host of the account's registry.
        repositories_arn: ARN of the account's repositories, to which a name is added.
    """

    images: Sequence[ImageReference]
    secrets: Mapping[str, str]
    platform: str
    registry: pulumi.Output[str]
    repositories_arn: pulumi.Output[str]
    bucket: handle.Bucket
    key_arn: pulumi.Input[str]
    untagged_days: int
    tags: Mapping[str, str]


def place(platform: str, host: str) -> str:
    """The path under which the copies of a host's images are."""
    return f"{platform}/{MIRROR}/{host}"


def copied(images: Sequence[ImageReference]) -> tuple[ImageReference, ...]:
    """The images to copy, sorted, each once: a private ECR registry is within reach by itself, or its owner's."""
    return tuple(sorted({image for image in images if ecr_home(image.host) is None}, key=str))


def mirror(name: str, args: MirrorArgs, opts: pulumi.ResourceOptions) -> tuple[dict[str, str], Build | None]:
    """Create the repositories and the list of images.

    The copies can be made again, so `destroy` deletes them in any stack.

    Returns:
        Host to path in the registry, and the build that copies; nothing where there is no image.
    """
    images = copied(args.images)
    if not images:
        return {}, None
    repositories: list[pulumi.Resource] = [
        repository(
            f"{name}-mirror-{path}",
            RepositoryArgs(
                name=f"{args.platform}/{MIRROR}/{path}",
                key_arn=args.key_arn,
                keep=False,
                keep_images=None,
                untagged_days=args.untagged_days,
                tags=args.tags,
            ),
            opts,
        )
        for path in sorted({image.repository for image in images})
    ]
    text = "".join(f"{image} {_target(args.platform, image)}\n" for image in images)
    listed = aws.s3.BucketObjectv2(
        f"{name}-mirror",
        bucket=args.bucket.name,
        key=LIST,
        content=text,
        content_type="text/plain",
        tags=object_tags(args.tags),
        opts=opts,
    )
    build = Build(
        role="mirror",
        description=f"Copies images into {args.platform}/{MIRROR}",
        script=SCRIPT,
        environment={
            "REGISTRY": args.registry,
            "LIST": pulumi.Output.concat("s3://", args.bucket.name, f"/{LIST}"),
            **(
                {"SECRETS": " ".join(f"{host}={arn}" for host, arn in sorted(args.secrets.items()))}
                if args.secrets
                else {}
            ),
        },
        reads=LIST,
        source=False,
        statements=_statements(args),
        state=hashlib.sha256(text.encode()).hexdigest(),
        before=[listed, *repositories],
        docker=False,
        minutes=_MINUTES,
    )
    return {image.host: place(args.platform, image.host) for image in images}, build


def _target(platform: str, image: ImageReference) -> str:
    """Where a copy goes. Who names a digest pulls by it alone, so its copy's tag is free to be told from others."""
    tag = image.digest.replace(":", "-") if image.digest else image.tag
    return f"{place(platform, image.host)}/{image.path}:{tag}"


def _statements(args: MirrorArgs) -> list[dict[str, Any]]:
    copies = pulumi.Output.concat(args.repositories_arn, f"{args.platform}/{MIRROR}/*")
    statements: list[dict[str, Any]] = [{"Action": list(PUSH), "Resource": copies}]
    if args.secrets:
        statements.append({"Action": "secretsmanager:GetSecretValue", "Resource": sorted(set(args.secrets.values()))})
    return statements
