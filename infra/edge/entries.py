"""Entries: web pages of add-ons behind the load balancer, one host each."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from infra import naming
from infra.edge.load_balancer import authenticate
from infra.handle import Edge

_PRIORITIES: Final = 50_000
"""A listener's rules have priorities from 1 to this, each once (ELBv2 API, CreateRule)."""
_DRAIN_S: Final = 30
"""Notebooks and pages reconnect by themselves; a pod that goes is not kept for the default of five minutes."""


@dataclass(frozen=True, kw_only=True)
class EntryPoint:
    """Where an entry leads.

    Attributes:
        name: The first label of its host.
        port: Of its pods.
        health_path: What answers 200 without a login.
        health_port: Of its pods.
    """

    name: str
    port: int
    health_path: str
    health_port: int


@dataclass(frozen=True, kw_only=True)
class EntriesArgs:
    """What it needs to know of the rest of the stack.

    Attributes:
        nodes: The security group of nodes and their pods.
    """

    entries: Sequence[EntryPoint]
    edge: Edge
    platform: str
    vpc_id: pulumi.Input[str]
    nodes: pulumi.Input[str]
    tags: Mapping[str, str]


class Entries(pulumi.ComponentResource):
    """A target group and a listener rule for each entry, and the way from the load balancer to the pods' ports.

    Where the edge has a login, an entry's rule asks for it first. Which pods are in a target group is kept in step by a
    TargetGroupBinding of the entry's add-on.

    Attributes:
        target_groups: Entry to the ARN of its target group.
    """

    target_groups: Mapping[str, pulumi.Output[str]]

    def __init__(self, name: str, args: EntriesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Create what the entries need."""
        super().__init__(naming.type_token("infra", "Entries"), name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        for port in sorted({port for each in args.entries for port in (each.port, each.health_port)}):
            _way(f"{name}-{port}", port, args, child)
        places = priorities([each.name for each in args.entries])
        self.target_groups = {each.name: self._entry(name, each, places[each.name], args) for each in args.entries}
        self.register_outputs({"targetGroups": dict(self.target_groups)})

    def _entry(self, name: str, entry: EntryPoint, priority: int, args: EntriesArgs) -> pulumi.Output[str]:
        edge, child = args.edge, pulumi.ResourceOptions(parent=self)
        tags = naming.tags(args.tags, f"{args.platform}-{entry.name}")
        logical = f"{name}-{entry.name}"
        group = aws.lb.TargetGroup(
            naming.safe_name(logical, limit=naming.LIMITS["target-group"] - naming.AUTONAME_SUFFIX),
            vpc_id=args.vpc_id,
            target_type="ip",
            protocol="HTTP",
            port=entry.port,
            deregistration_delay=_DRAIN_S,
            health_check=aws.lb.TargetGroupHealthCheckArgs(
                protocol="HTTP", path=entry.health_path, port=str(entry.health_port), matcher="200"
            ),
            tags=tags,
            opts=child,
        )
        forward = aws.lb.ListenerRuleActionArgs(
            type="forward", order=2 if edge.login else 1, target_group_arn=group.arn
        )
        aws.lb.ListenerRule(
            logical,
            listener_arn=edge.listener_arn,
            priority=priority,
            conditions=[
                aws.lb.ListenerRuleConditionArgs(
                    host_header=aws.lb.ListenerRuleConditionHostHeaderArgs(values=[edge.host(entry.name)])
                )
            ],
            actions=[*([_login(edge)] if edge.login else []), forward],
            tags=tags,
            opts=child,
        )
        return group.arn


def priorities(entries: Sequence[str]) -> dict[str, int]:
    """A priority for each entry, which other entries do not change: two rules could not swap theirs.

    Hosts are exact, so that the order of rules decides nothing.
    """
    found: dict[str, int] = {}
    for entry in sorted(entries):
        place = zlib.crc32(entry.encode()) % _PRIORITIES
        while place + 1 in found.values():
            place = (place + 1) % _PRIORITIES
        found[entry] = place + 1
    return found


def _login(edge: Edge) -> aws.lb.ListenerRuleActionArgs:
    assert edge.login is not None, "asked for with a login alone"  # noqa: S101  # narrows the type
    return aws.lb.ListenerRuleActionArgs(
        type="authenticate-cognito",
        order=1,
        authenticate_cognito=aws.lb.ListenerRuleActionAuthenticateCognitoArgs(**authenticate(edge.login)),
    )


def _way(name: str, port: int, args: EntriesArgs, opts: pulumi.ResourceOptions) -> None:
    """Let the load balancer reach a port of pods: one rule a port, as AWS refuses the same rule twice."""
    tags = naming.tags(args.tags, f"{args.platform}-entries-{port}")
    aws.vpc.SecurityGroupEgressRule(
        f"{name}-out",
        security_group_id=args.edge.security_group_id,
        referenced_security_group_id=args.nodes,
        ip_protocol="tcp",
        from_port=port,
        to_port=port,
        description="Pods of entries",
        tags=tags,
        opts=opts,
    )
    aws.vpc.SecurityGroupIngressRule(
        f"{name}-in",
        security_group_id=args.nodes,
        referenced_security_group_id=args.edge.security_group_id,
        ip_protocol="tcp",
        from_port=port,
        to_port=port,
        description="Entries, from the load balancer",
        tags=tags,
        opts=opts,
    )
