"""The database component: RDS instances, private and encrypted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra import handle, naming
from infra.catalog.zones import is_local
from infra.database.instance import Place, instance
from infra.database.settings import DatabaseSettings


@dataclass(frozen=True, kw_only=True)
class DatabasesArgs:
    """What it needs to know of the rest of the stack.

    Attributes:
        subnets: Zone id to private subnet, of two zones at least that are no Local Zones.
        nodes: The security group of nodes and their pods.
        key_arn: Encrypts storage, snapshots, secrets, logs and insights.
        disposable: The data may go when the stack goes.
    """

    settings: Sequence[DatabaseSettings]
    platform: str
    region: str
    partition: str
    account_id: pulumi.Output[str]
    vpc_id: pulumi.Input[str]
    subnets: Mapping[str, pulumi.Output[str]]
    nodes: pulumi.Input[str]
    key_arn: pulumi.Input[str]
    disposable: bool
    tags: Mapping[str, str]
    permissions_boundary: str | None = None


def endpoints(settings: Sequence[DatabaseSettings]) -> tuple[str, ...]:
    """The AWS services that a private network needs endpoints of: whatever reads a master password."""
    return ("secretsmanager",) if settings else ()


class Databases(pulumi.ComponentResource):
    """RDS instances, in the private subnets of all zones, reached by nodes alone and on the engine's port alone.

    RDS makes the master password, keeps it in Secrets Manager under our key and changes it every seven days; it is in
    no plan, state or log. An instance is protected, retained and guarded by RDS's own deletion protection, unless the
    stack or the item says it is disposable; with it stay the groups, roles and log groups that it needs. Deleting one
    that is kept, its protection taken off first, leaves a last snapshot and the automated backups.

    Attributes:
        handles: Name to what add-ons may know of it.

    Changing an instance's name, engine, initial database or master user replaces it, without its data; so does another
    key. Protection refuses that. A larger class, more storage, Multi-AZ, another version, windows, logs and backups
    change it in place, in the maintenance window unless `apply_immediately`. Storage never shrinks. A new major version
    also needs a new parameter group, which the instance takes at the same time; the old one stays, as it is in use
    until then.
    """

    handles: Mapping[str, handle.Database]

    def __init__(self, name: str, args: DatabasesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Create what the settings ask for."""
        super().__init__(naming.type_token("infra", "Databases"), name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        keep = {each.name: not (args.disposable or each.disposable) for each in args.settings}
        subnet_group = aws.rds.SubnetGroup(
            name,
            description=f"{args.platform}: private subnets of every zone",
            subnet_ids=[subnet for zone, subnet in args.subnets.items() if not is_local(zone)],
            tags=naming.tags(args.tags, f"{args.platform}-{name}"),
            opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(retain_on_delete=any(keep.values()))),
        )
        place = Place(
            platform=args.platform,
            region=args.region,
            partition=args.partition,
            account_id=args.account_id,
            vpc_id=args.vpc_id,
            subnet_group=subnet_group.name,
            nodes=args.nodes,
            key_arn=args.key_arn,
            tags=args.tags,
            permissions_boundary=args.permissions_boundary,
        )
        self.handles = {
            each.name: instance(f"{name}-{each.name}", each, place, keep=keep[each.name], opts=child)
            for each in args.settings
        }
        self.register_outputs({"hosts": {name: made.host for name, made in self.handles.items()}})
