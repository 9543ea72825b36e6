"""Pull-through cache rules: ECR copies an upstream image into the account when it is pulled first."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra import naming
from infra.catalog.upstreams import hosts, upstream
from infra.identity import allowing, service_trust
from infra.registry.repositories import lifecycle
from infra.registry.settings import UpstreamSettings

_PREFIX_LIMIT = 30
"""Source: ECR API reference, CreatePullThroughCacheRule, `ecrRepositoryPrefix`."""


@dataclass(frozen=True, kw_only=True)
class CacheArgs:
    """What the caches need to know.

    Attributes:
        repositories_arn: ARN of the account's repositories, to which a name is added.
        node_role: Name of the role of the nodes, which pull.
    """

    upstreams: Sequence[UpstreamSettings]
    platform: str
    repositories_arn: pulumi.Output[str]
    key_arn: pulumi.Input[str]
    node_role: pulumi.Input[str]
    untagged_days: int
    tags: Mapping[str, str]
    permissions_boundary: str | None


def prefix(platform: str, host: str) -> str:
    """The path under which ECR keeps what it caches of a host."""
    room = _PREFIX_LIMIT - 1 - max(len(upstream(each).slug) for each in hosts())
    return f"{naming.safe_name(platform, limit=room)}/{upstream(host).slug}"


def caches(name: str, args: CacheArgs, opts: pulumi.ResourceOptions) -> tuple[dict[str, str], list[pulumi.Resource]]:
    """Create the rules, and what repositories that ECR creates are to be like.

    ECR makes those repositories itself; they stay when the stack goes. Scanning them is a setting of the whole
    registry, which is the account's, so it is left alone.

    Returns:
        Host to path in the registry, and what must be there before a pull.
    """
    if not args.upstreams:
        return {}, []
    places = {each.host: prefix(args.platform, each.host) for each in args.upstreams}
    arns = [pulumi.Output.concat(args.repositories_arn, f"{place}/*") for place in places.values()]
    role, permitted = _creation_role(f"{name}-cache", args, arns, opts)
    ready: list[pulumi.Resource] = [
        aws.iam.RolePolicy(
            f"{name}-cache-pulls",
            role=args.node_role,
            # What a first pull takes beyond what any pull does. Source: ECR user guide, "IAM permissions required to
            # sync an upstream registry".
            policy=allowing(
                {
                    "Action": ["ecr:BatchImportUpstreamImage", "ecr:CreateRepository", "ecr:TagResource"],
                    "Resource": arns,
                }
            ),
            opts=opts,
        )
    ]
    for each in args.upstreams:
        about = upstream(each.host)
        template = aws.ecr.RepositoryCreationTemplate(
            f"{name}-cache-{about.slug}",
            prefix=places[each.host],
            description=f"Images of {each.host}, cached for {args.platform}",
            applied_fors=["PULL_THROUGH_CACHE"],
            custom_role_arn=role.arn,
            # ECR brings a moved upstream tag up to date, which it could not do with immutable ones.
            image_tag_mutability="MUTABLE",
            encryption_configurations=[
                aws.ecr.RepositoryCreationTemplateEncryptionConfigurationArgs(
                    encryption_type="KMS", kms_key=args.key_arn
                )
            ],
            lifecycle_policy=json.dumps(lifecycle(args.untagged_days, None)),
            resource_tags=naming.tags(args.tags, places[each.host]),
            opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[permitted])),
        )
        ready.append(
            aws.ecr.PullThroughCacheRule(
                f"{name}-cache-{about.slug}",
                ecr_repository_prefix=places[each.host],
                upstream_registry_url=about.url,
                credential_arn=each.secret_arn,
                # A repository that is made before its template is not like it.
                opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[template])),
            )
        )
    return places, ready


def _creation_role(
    name: str, args: CacheArgs, arns: Sequence[pulumi.Output[str]], opts: pulumi.ResourceOptions
) -> tuple[aws.iam.Role, pulumi.Resource]:
    """The role with which ECR creates repositories that have a key of ours and tags.

    Source: ECR user guide, "Create an IAM role for repository creation templates", "Create a custom policy ...".
    """
    role = aws.iam.Role(
        name,
        description=f"ECR creates repositories for cached images of {args.platform}",
        assume_role_policy=service_trust("ecr.amazonaws.com"),
        permissions_boundary=args.permissions_boundary,
        tags=naming.tags(args.tags, f"{args.platform}-image-cache"),
        opts=opts,
    )
    policy = aws.iam.RolePolicy(
        name,
        role=role.name,
        policy=allowing(
            {"Action": ["ecr:CreateRepository", "ecr:TagResource"], "Resource": list(arns)},
            {"Action": ["kms:CreateGrant", "kms:RetireGrant", "kms:DescribeKey"], "Resource": args.key_arn},
        ),
        opts=opts,
    )
    return role, policy
