"""What the machines may do and reach: statements of IAM policies, roles of instances, and the way out to HTTPS."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from infra import handle, naming
from infra.identity import service_trust
from infra.storage import access
from infra.workstation.args import WorkstationArgs

_ANYWHERE = "0.0.0.0/0"
_HTTPS = 443
_SESSION_MANAGER = "AmazonSSMManagedInstanceCore"
Statement = Mapping[str, Any]


def bucket_statements(buckets: Mapping[str, handle.Bucket], args: WorkstationArgs) -> list[access.Statement]:
    """Read and write the stack's buckets, with the key that encrypts them; not those of logs and backups."""
    keyed = [bucket for _, bucket in sorted(buckets.items()) if bucket.shared]
    if not keyed:
        return []
    return access.bucket_statements(keyed, key_arn=args.key_arn, region=args.region)


def pull_statements(args: WorkstationArgs) -> list[Statement]:
    """Pull images of the stack's own repositories. Nothing where it has none."""
    if args.registry is None or not args.registry.repositories:
        return []
    prefix = pulumi.Output.concat(f"arn:{args.partition}:ecr:{args.region}:", args.account_id, ":repository/")
    urls = [url for _, url in sorted(args.registry.repositories.items())]
    return [
        # The token is the registry's, and no resource can be named.
        {"Sid": "LogIn", "Effect": "Allow", "Action": ["ecr:GetAuthorizationToken"], "Resource": "*"},
        {
            "Sid": "PullImages",
            "Effect": "Allow",
            "Action": ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            "Resource": [pulumi.Output.concat(prefix, url.apply(_repository)) for url in urls],
        },
    ]


def _repository(url: str) -> str:
    return url.partition("/")[2]


def instance_profile(
    name: str,
    *,
    description: str,
    managed: Sequence[str],
    statements: Sequence[Statement],
    args: WorkstationArgs,
    opts: pulumi.ResourceOptions,
) -> tuple[aws.iam.InstanceProfile, list[pulumi.Resource]]:
    """The profile of an instance that Session Manager reaches.

    Args:
        name: Logical name.
        description: Of the role.
        managed: AWS managed policies beside Session Manager's, by name with their path.
        statements: Of its own policy; none makes no policy.
        args: The component's.
        opts: Parent.

    Returns:
        The profile, and the role's policies: an instance that starts before them is refused until it tries again.
    """
    tags = naming.tags(args.tags, f"{args.platform}-{name}")
    role = aws.iam.Role(
        name,
        description=description,
        assume_role_policy=service_trust("ec2.amazonaws.com"),
        permissions_boundary=args.permissions_boundary,
        tags=tags,
        opts=opts,
    )
    ready: list[pulumi.Resource] = [
        aws.iam.RolePolicyAttachment(
            f"{name}-{policy.rpartition('/')[2]}",
            role=role.name,
            policy_arn=f"arn:{args.partition}:iam::aws:policy/{policy}",
            opts=opts,
        )
        for policy in (_SESSION_MANAGER, *managed)
    ]
    if statements:
        document = pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": statements})
        ready.append(aws.iam.RolePolicy(name, role=role.name, policy=document, opts=opts))
    return aws.iam.InstanceProfile(name, role=role.name, tags=tags, opts=opts), ready


def outbound_group(
    name: str, description: str, *, args: WorkstationArgs, opts: pulumi.ResourceOptions
) -> tuple[aws.ec2.SecurityGroup, list[pulumi.Resource]]:
    """A security group that lets nothing in and HTTPS out, and its rules.

    With internet HTTPS goes anywhere; without, to the endpoints in the VPC and to S3, whose gateway endpoint has the
    addresses of a prefix list. The VPC's resolver needs no rule (VPC user guide, "Security groups").
    """
    group = aws.ec2.SecurityGroup(
        name,
        vpc_id=args.vpc_id,
        description=description,
        tags=naming.tags(args.tags, f"{args.platform}-{name}"),
        opts=opts,
    )
    if args.internet:
        return group, [_https(name, group, "HTTPS to anywhere", args, opts, cidr=_ANYWHERE)]
    s3 = aws.ec2.get_managed_prefix_list_output(
        name=f"com.amazonaws.{args.region}.s3", opts=pulumi.InvokeOutputOptions(parent=opts.parent)
    ).id
    return group, [
        _https(f"{name}-endpoints", group, "HTTPS to the endpoints in the VPC", args, opts, cidr=args.vpc_cidr),
        _https(f"{name}-s3", group, "HTTPS to S3", args, opts, prefix_list=s3),
    ]


def _https(
    name: str,
    group: aws.ec2.SecurityGroup,
    description: str,
    args: WorkstationArgs,
    opts: pulumi.ResourceOptions,
    *,
    cidr: str | None = None,
    prefix_list: pulumi.Input[str] | None = None,
) -> pulumi.Resource:
    return aws.vpc.SecurityGroupEgressRule(
        f"{name}-https",
        security_group_id=group.id,
        ip_protocol="tcp",
        from_port=_HTTPS,
        to_port=_HTTPS,
        cidr_ipv4=cidr,
        prefix_list_id=prefix_list,
        description=description,
        tags=naming.tags(args.tags, f"{args.platform}-{name}-https"),
        opts=opts,
    )
