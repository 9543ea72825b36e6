"""ECR repositories: encrypted, scanned on push, with a lifecycle."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from infra import naming


@dataclass(frozen=True, kw_only=True)
class RepositoryArgs:
    """One repository.

    Attributes:
        name: Its name in ECR.
        keep: Retain it, and refuse to delete it with images in it.
        protect: Refuse to take it out of the stack too; by default where it is kept.
        keep_images: Tagged images that are kept; None for all.
        untagged_days: Days that images without a tag are kept.
        mutable_tags: Tags that a push may overwrite; no others.
    """

    name: str
    key_arn: pulumi.Input[str]
    keep: bool
    keep_images: int | None
    untagged_days: int
    tags: Mapping[str, str]
    mutable_tags: Sequence[str] = ()
    protect: bool | None = None


def repository(name: str, args: RepositoryArgs, opts: pulumi.ResourceOptions) -> aws.ecr.Repository:
    """Create a repository and its lifecycle."""
    protect = args.keep if args.protect is None else args.protect
    made = aws.ecr.Repository(
        name,
        name=args.name,
        image_tag_mutability="IMMUTABLE_WITH_EXCLUSION" if args.mutable_tags else "IMMUTABLE",
        image_tag_mutability_exclusion_filters=[
            aws.ecr.RepositoryImageTagMutabilityExclusionFilterArgs(filter=each, filter_type="WILDCARD")
            for each in args.mutable_tags
        ]
        or None,
        image_scanning_configuration=aws.ecr.RepositoryImageScanningConfigurationArgs(scan_on_push=True),
        encryption_configurations=[
            aws.ecr.RepositoryEncryptionConfigurationArgs(encryption_type="KMS", kms_key=args.key_arn)
        ],
        force_delete=not args.keep,
        tags=naming.tags(args.tags, args.name),
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(protect=protect, retain_on_delete=args.keep)),
    )
    aws.ecr.LifecyclePolicy(
        name,
        repository=made.name,
        policy=json.dumps(lifecycle(args.untagged_days, args.keep_images)),
        opts=opts,
    )
    return made


def lifecycle(untagged_days: int, keep_images: int | None) -> dict[str, Any]:
    """A lifecycle policy. Platforms of an image of several have no tag; ECR keeps them as long as the image.

    Source: ECR user guide, "Lifecycle policy properties" and "Automate the cleanup of images".
    """
    untagged = {
        "rulePriority": 1,
        "description": f"Images without a tag go after {untagged_days} days",
        "selection": {
            "tagStatus": "untagged",
            "countType": "sinceImagePushed",
            "countUnit": "days",
            "countNumber": untagged_days,
        },
        "action": {"type": "expire"},
    }
    if keep_images is None:
        return {"rules": [untagged]}
    tagged = {
        "rulePriority": 2,
        "description": f"The newest {keep_images} stay",
        "selection": {
            "tagStatus": "tagged",
            "tagPatternList": ["*"],
            "countType": "imageCountMoreThan",
            "countNumber": keep_images,
        },
        "action": {"type": "expire"},
    }
    return {"rules": [untagged, tagged]}
