"""A request that creates a resource, and what the tables of requests share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from slipway.plan.model import Resource

SUFFIX: Final = "-0123456"
"""What the provider's autonaming adds to a logical name."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request: what it takes of a resource's inputs, and where it puts it."""

    api: str
    """`service.Operation`."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Input (nested ones as `outer.inner`) to member, the outer ones as a path from the request's top."""
    inner: str = ""
    """The structure that unnamed inputs go into."""
    only: tuple[str, ...] = ()
    """The only inputs that it takes; by default all that no other call of the resource takes."""
    given: Mapping[str, Any] = field(default_factory=dict)
    """What the provider adds: a value, or a function of the resource, which gives None where it adds nothing."""


def autoname(resource: Resource) -> str:
    return resource.name + SUFFIX


def tagged(kind: str, **names: str) -> dict[str, Any]:
    """Tags as EC2 takes them at creation."""
    return {
        "names": {"tags": "TagSpecifications.Tags", **names},
        "given": {"TagSpecifications.ResourceType": kind},
    }


def group_rule(operation: str) -> tuple[Call, ...]:
    permission = {
        "securityGroupId": "GroupId",
        "tags": "TagSpecifications.Tags",
        "ipProtocol": "IpPermissions.IpProtocol",
        "fromPort": "IpPermissions.FromPort",
        "toPort": "IpPermissions.ToPort",
        "cidrIpv4": "IpPermissions.IpRanges.CidrIp",
        "prefixListId": "IpPermissions.PrefixListIds.PrefixListId",
        "referencedSecurityGroupId": "IpPermissions.UserIdGroupPairs.GroupId",
    }
    kind = {"TagSpecifications.ResourceType": "security-group-rule"}
    return (Call(api=f"ec2.{operation}", names=permission, given=kind),)


def bucket_call(operation: str, inner: str, **names: str) -> tuple[Call, ...]:
    return (Call(api=f"s3.{operation}", inner=inner, names={"bucket": "Bucket", **names}),)
