"""What the workstation component needs to know of the rest of the stack."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from infra import handle
from infra.workstation.settings import WorkstationSettings


@dataclass(frozen=True, kw_only=True)
class WorkstationArgs:
    """What it needs to know of the rest of the stack.

    Attributes:
        zone: Where the machine is (`place.zone`); None where there is none.
        ecs_zones: Where the ECS instances are (`place.ecs_zones`).
        internet: Whether a private subnet reaches the internet.
        vpc_cidr: The VPC's main CIDR, where interface endpoints are.
        subnets: Zone id to private subnet.
        registry: The stack's own repositories, which its machines and tasks may pull from.
        key_arn: Encrypts the machine's root volume and the logs.
        network_ready: What must exist before an instance can reach AWS.
    """

    settings: WorkstationSettings
    platform: str
    region: str
    partition: str
    account_id: pulumi.Output[str]
    zone: str | None
    ecs_zones: Sequence[str]
    internet: bool
    vpc_id: pulumi.Input[str]
    vpc_cidr: str
    subnets: Mapping[str, pulumi.Output[str]]
    storage: handle.Storage
    registry: handle.Registry | None
    key_arn: pulumi.Input[str]
    network_ready: Sequence[pulumi.Resource]
    disposable: bool
    tags: Mapping[str, str]
    permissions_boundary: str | None = None
