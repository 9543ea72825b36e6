"""What is true of the whole platform: its name, region, owner and tags."""

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import Field

from infra.catalog import zones
from infra.catalog.errors import UnknownNameError
from infra.model import Model
from infra.naming import LIMITS
from infra.problems import Problem, shown

TAG_VALUE = r"^[\w .:/=+\-@]+$"
TagKey = Annotated[str, Field(pattern=r"^[\w .:/=+\-@]{1,128}$")]
TagValue = Annotated[str, Field(pattern=TAG_VALUE, max_length=256)]
"""Source: AWS General Reference, "Tag naming limits and requirements"."""

_OURS = ("CostCenter", "Environment", "ManagedBy", "Name", "Owner", "Platform")
"""IAM tells no case in keys (IAM user guide, "Tags for IAM resources"), so neither `owner` can be had."""


class PlatformSettings(Model):
    """The platform."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
    """Name of the platform and of its cluster. Cannot change later."""
    region: str
    """AWS region, such as us-west-2."""
    environment: TagValue
    """Tag `Environment`, such as dev or prod. Nothing else depends on it."""
    owner: TagValue
    """Tag `Owner`: a team or an address."""
    cost_center: TagValue
    """Tag `CostCenter`."""
    tags: dict[TagKey, TagValue] = Field(default_factory=dict, max_length=30)
    """More tags, on everything that takes tags. AWS takes 50; Slipway, EKS and cluster-autoscaler need the others."""
    account_id: Annotated[str, Field(pattern=r"^\d{12}$")] | None = None
    """The only AWS account that this stack may touch, in quotes."""
    permissions_boundary: Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:iam::\d{12}:policy/.+$")] | None = None
    """Policy that bounds every IAM role of the stack."""
    disposable: bool = False
    """The data may go when the stack goes. False: file systems, buckets and keys are protected and kept."""

    @property
    def all_tags(self) -> Mapping[str, str]:
        """The tags of every resource."""
        return {
            "CostCenter": self.cost_center,
            "Environment": self.environment,
            "ManagedBy": "slipway",
            "Owner": self.owner,
            "Platform": self.name,
            **self.tags,
        }


def problems(platform: PlatformSettings) -> Iterator[Problem]:
    """What is wrong with the platform's own settings."""
    most = LIMITS["eks-cluster"]
    if len(platform.name) > most:
        yield Problem(
            "platform.name",
            f"{shown(platform.name)} has {len(platform.name)} characters; an EKS cluster's name has {most} at most",
        )
    try:
        zones.zones(platform.region)
    except UnknownNameError as error:
        yield Problem("platform.region", str(error))
    taken = {key.lower(): key for key in _OURS}
    for key in platform.tags:
        if key.lower().startswith("aws:") or taken.get(key.lower()) in _OURS:
            yield Problem(f"platform.tags.{key}", "is set by Slipway or reserved by AWS; choose another key")
        elif key.lower() in taken:
            yield Problem(
                f"platform.tags.{key}", f"differs from {taken[key.lower()]} in case alone; to IAM they are one"
            )
        else:
            taken[key.lower()] = key
