"""CodeBuild projects that run when what they work on changes.

A parameter in Systems Manager holds a hash of the work; an EventBridge rule starts the project when it changes. S3
could tell of a new object too, but only some five minutes after it was asked to (S3 user guide, "Amazon S3 Event
Notifications"): the first object, made in the same `up`, would go unnoticed. Once a day the project runs in any case,
which costs a minute where there is nothing to do, and makes good a lost event or a failed run.
"""

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from infra import handle, naming
from infra.catalog.zones import dns_suffix
from infra.identity import account_trust, allowing

IMAGE: Final = "aws/codebuild/amazonlinux-x86_64-standard:5.0"
"""Has docker, buildx, jq and the AWS CLI. Source: aws/aws-codebuild-docker-images, al/x86_64/standard/5.0."""
_OBJECT_TAGS: Final = 10
"""Source: S3 user guide, "Categorizing your objects using tags"."""
_NO_REPORTS: Final[Mapping[str, str]] = {"CODEBUILD_CONFIG_AUTO_DISCOVER": "false"}
"""No search for test reports. CodeBuild adds this variable where a project lacks it, and the next `up` would take it
away (CodeBuild user guide, "Auto-discover reports in CodeBuild"; pulumi/pulumi-aws, issue 3844)."""
_PROJECT_LIMIT: Final = 150
"""Source: CodeBuild API, CreateProject, `name`."""
PUSH: Final = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:GetDownloadUrlForLayer",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
)
"""What pushing takes, and looking first whether it is there. Source: ECR user guide, "Required IAM permissions for
pushing an image"."""
PULL: Final = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")


@dataclass(frozen=True, kw_only=True)
class BuildsArgs:
    """What all builds share.

    Attributes:
        network_ready: The first builds start after these, as nodes do. A new EventBridge rule does not match at once
            (EventBridge API reference, PutRule), and these take minutes to make.
    """

    platform: str
    region: str
    partition: str
    account_id: pulumi.Output[str]
    key_arn: pulumi.Input[str]
    bucket: handle.Bucket
    log_days: int
    network_ready: Sequence[pulumi.Resource]
    tags: Mapping[str, str]
    permissions_boundary: str | None


@dataclass(frozen=True, kw_only=True)
class Build:
    """One project.

    Attributes:
        role: What it is for, in names: `mirror`, `notebook-gpu`.
        script: Bash; exits 0 where all is done.
        environment: Variables of the script.
        reads: Key of the object in the bucket that it works on.
        source: Whether that object is a zip that is unpacked for the script; or the script fetches it by itself.
        statements: What it may do, besides logging in to ECR, writing its log and reading the object.
        state: A hash of the work: when it changes, the project runs.
        before: What must be there before it runs first.
        docker: Whether it needs a docker daemon and room for large images.
        minutes: How long it may take.
    """

    role: str
    description: str
    script: str
    environment: Mapping[str, pulumi.Input[str]]
    reads: str
    source: bool
    statements: Sequence[Mapping[str, Any]]
    state: str
    docker: bool
    minutes: int
    before: Sequence[pulumi.Resource] = field(default_factory=tuple)


def builds(
    name: str, args: BuildsArgs, wanted: Sequence[Build], opts: pulumi.ResourceOptions
) -> dict[str, pulumi.Resource]:
    """Create projects, and what starts them.

    Returns:
        Role to what, once it is there, has started the build.
    """
    if not wanted:
        return {}
    group = aws.cloudwatch.LogGroup(
        f"{name}-builds",
        name=f"/slipway/{args.platform}/image-builds",
        retention_in_days=args.log_days,
        kms_key_id=args.key_arn,
        tags=naming.tags(args.tags, f"{args.platform}-image-builds"),
        opts=opts,
    )
    projects = {each.role: _project(f"{name}-{each.role}", args, each, group, opts) for each in wanted}
    starter, permitted = _starter(f"{name}-start", args, list(projects.values()), opts)
    return {
        each.role: _trigger(
            f"{name}-{each.role}",
            args,
            each,
            project=projects[each.role],
            starter=starter,
            permitted=permitted,
            opts=opts,
        )
        for each in wanted
    }


def object_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """The first of the tags, which are the platform's own: an object takes fewer than other resources do."""
    return dict(itertools.islice(tags.items(), _OBJECT_TAGS))


def project_name(platform: str, role: str) -> str:
    """The name of a build's project, by which a person starts it: `aws codebuild start-build --project-name`."""
    return naming.safe_name(platform, role, limit=_PROJECT_LIMIT)


def _project(
    name: str, args: BuildsArgs, build: Build, group: aws.cloudwatch.LogGroup, opts: pulumi.ResourceOptions
) -> aws.codebuild.Project:
    project = project_name(args.platform, build.role)
    role = aws.iam.Role(
        f"{name}-build",
        description=build.description,
        assume_role_policy=_trust(args, "codebuild", f"codebuild:{args.region}", f"project/{project}"),
        permissions_boundary=args.permissions_boundary,
        tags=naming.tags(args.tags, f"{args.platform}-{build.role}-build"),
        opts=opts,
    )
    policy = aws.iam.RolePolicy(
        f"{name}-build", role=role.name, policy=allowing(*_permissions(args, build, group)), opts=opts
    )
    source = (
        {"type": "NO_SOURCE"}
        if not build.source
        else {
            "type": "S3",
            "location": pulumi.Output.concat(args.bucket.name, "/", build.reads),
        }
    )
    return aws.codebuild.Project(
        name,
        name=project,
        description=build.description,
        service_role=role.arn,
        source=aws.codebuild.ProjectSourceArgs(**source, buildspec=buildspec(build.script)),
        artifacts=aws.codebuild.ProjectArtifactsArgs(type="NO_ARTIFACTS"),
        environment=aws.codebuild.ProjectEnvironmentArgs(
            type="LINUX_CONTAINER",
            image=IMAGE,
            image_pull_credentials_type="CODEBUILD",
            compute_type="BUILD_GENERAL1_LARGE" if build.docker else "BUILD_GENERAL1_SMALL",
            privileged_mode=build.docker,
            environment_variables=[
                aws.codebuild.ProjectEnvironmentEnvironmentVariableArgs(name=key, value=value, type="PLAINTEXT")
                for key, value in {**_NO_REPORTS, **build.environment}.items()
            ],
        ),
        logs_config=aws.codebuild.ProjectLogsConfigArgs(
            cloudwatch_logs=aws.codebuild.ProjectLogsConfigCloudwatchLogsArgs(
                status="ENABLED", group_name=group.name, stream_name=build.role
            )
        ),
        encryption_key=args.key_arn,
        build_timeout=build.minutes,
        tags=naming.tags(args.tags, project),
        # A build that starts before its role may do anything fails.
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[policy])),
    )


def buildspec(script: str) -> str:
    """A buildspec of one bash script. In a subshell, so that its options and its end are its own."""
    return json.dumps(
        {
            "version": 0.2,
            "env": {"shell": "bash"},
            "phases": {"build": {"commands": [f"(\nset -euo pipefail\n{script.strip()}\n)\n"]}},
        }
    )


def _permissions(args: BuildsArgs, build: Build, group: aws.cloudwatch.LogGroup) -> list[Mapping[str, Any]]:
    """Source: CodeBuild user guide, "Allow CodeBuild to interact with other AWS services"."""
    bucket = args.bucket
    return [
        {
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": [group.arn, pulumi.Output.concat(group.arn, ":*")],
        },
        {"Action": "ecr:GetAuthorizationToken", "Resource": "*"},
        {
            "Action": ["s3:GetObject", *(["s3:GetObjectVersion"] if build.source else [])],
            "Resource": pulumi.Output.concat(bucket.arn, "/", build.reads),
        },
        *([{"Action": ["s3:GetBucketAcl", "s3:GetBucketLocation"], "Resource": bucket.arn}] if build.source else []),
        {
            "Action": "kms:Decrypt",
            "Resource": bucket.key_arn,
            "Condition": {"StringEquals": {"kms:ViaService": f"s3.{args.region}.{dns_suffix(args.region)}"}},
        },
        *build.statements,
    ]


def _starter(
    name: str, args: BuildsArgs, projects: Sequence[aws.codebuild.Project], opts: pulumi.ResourceOptions
) -> tuple[aws.iam.Role, pulumi.Resource]:
    role = aws.iam.Role(
        name,
        description=f"EventBridge starts image builds of {args.platform}",
        assume_role_policy=_trust(args, "events", f"events:{args.region}", "rule/*"),
        permissions_boundary=args.permissions_boundary,
        tags=naming.tags(args.tags, f"{args.platform}-image-builds-start"),
        opts=opts,
    )
    policy = aws.iam.RolePolicy(
        name,
        role=role.name,
        policy=allowing({"Action": "codebuild:StartBuild", "Resource": [each.arn for each in projects]}),
        opts=opts,
    )
    return role, policy


def _trigger(
    name: str,
    args: BuildsArgs,
    build: Build,
    *,
    project: aws.codebuild.Project,
    starter: aws.iam.Role,
    permitted: pulumi.Resource,
    opts: pulumi.ResourceOptions,
) -> pulumi.Resource:
    parameter = f"/slipway/{args.platform}/builds/{build.role}"
    rule = aws.cloudwatch.EventRule(
        name,
        description=f"{build.description}: when it changes, and daily",
        # Source: Systems Manager user guide, "Configuring EventBridge rules for parameters".
        event_pattern=json.dumps(
            {
                "source": ["aws.ssm"],
                "detail-type": ["Parameter Store Change"],
                "detail": {"name": [parameter], "operation": ["Create", "Update"]},
            }
        ),
        schedule_expression="rate(1 day)",
        tags=naming.tags(args.tags, f"{args.platform}-{build.role}"),
        opts=opts,
    )
    target = aws.cloudwatch.EventTarget(
        name,
        rule=rule.name,
        target_id="build",
        arn=project.arn,
        role_arn=starter.arn,
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[permitted])),
    )
    return aws.ssm.Parameter(
        name,
        name=parameter,
        type="String",
        # No secret, so that a plan shows it.
        insecure_value=build.state,
        description=f"{build.description}; a change starts the build",
        tags=naming.tags(args.tags, f"{args.platform}-{build.role}"),
        # Its own making is the first change, which nothing may miss.
        opts=pulumi.ResourceOptions.merge(
            opts, pulumi.ResourceOptions(depends_on=[target, *args.network_ready, *build.before])
        ),
    )


def _trust(args: BuildsArgs, service: str, where: str, what: str) -> pulumi.Output[str]:
    """The trust in one service, for one kind of resource of this account alone.

    Source: CodeBuild and EventBridge user guides, "Cross-service confused deputy prevention".
    """
    source = pulumi.Output.concat(f"arn:{args.partition}:{where}:", args.account_id, f":{what}")
    return account_trust(
        f"{service}.amazonaws.com",
        account_id=args.account_id,
        conditions={"ArnLike": {"aws:SourceArn": source}},
    )
