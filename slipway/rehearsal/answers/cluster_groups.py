"""The default security groups of `eks:index:Cluster`, as pulumi-eks registers them."""

from dataclasses import dataclass
from typing import Final

from slipway.rehearsal.answers.children import Child, Registry
from slipway.wire import UNKNOWN, is_unknown, plain

_EVERYTHING: Final = (0, 0, "-1")
_HTTPS: Final = (443, 443, "tcp")


def control_plane_group(made: Registry) -> Child:
    """The control plane's group, open to the internet on the way out."""
    name = f"{made.name}-eksClusterSecurityGroup"
    group = made.register(
        "aws:ec2/securityGroup:SecurityGroup",
        name,
        {
            "description": "Managed by Pulumi",
            "revokeRulesOnDelete": True,
            "tags": {"Name": name, **(made.value("tags") or {})},
            "vpcId": made.value("vpcId"),
        },
        after={"vpcId": made.needs("vpcId")},
    )
    _security_rule(
        made,
        _Rule(
            role="eksClusterInternetEgressRule",
            group=group,
            source=None,
            direction="egress",
            ports=_EVERYTHING,
            description="Allow internet access.",
        ),
    )
    return group


def node_group_rules(made: Registry, cluster: Child, control: Child) -> tuple[Child, Child]:
    """The nodes' group with its rules, and the rule that lets pods reach the API server."""
    name = f"{made.name}-nodeSecurityGroup"
    tags = {
        "Name": name,
        f"kubernetes.io/cluster/{plain(cluster.output('name'))}": "owned",
        **(made.value("tags") or {}),
    }
    nodes = made.register(
        "aws:ec2/securityGroup:SecurityGroup",
        name,
        {
            "description": "Managed by Pulumi",
            "revokeRulesOnDelete": True,
            "tags": UNKNOWN if is_unknown(cluster.output("name")) else tags,
            "vpcId": made.value("vpcId"),
        },
        after={"tags": (cluster.urn, *made.needs("tags")), "vpcId": made.needs("vpcId")},
    )
    rules = (
        _Rule(
            role="eksNodeIngressRule",
            group=nodes,
            source=nodes,
            direction="ingress",
            ports=_EVERYTHING,
            description="Allow nodes to communicate with each other",
        ),
        _Rule(
            role="eksNodeClusterIngressRule",
            group=nodes,
            source=control,
            direction="ingress",
            ports=(1025, 65535, "tcp"),
            description="Allow worker Kubelets and pods to receive communication from the cluster control plane",
        ),
        _Rule(
            role="eksExtApiServerClusterIngressRule",
            group=nodes,
            source=control,
            direction="ingress",
            ports=_HTTPS,
            description="Allow pods running extension API servers on port 443 to receive communication from "
            "cluster control plane",
        ),
        _Rule(
            role="eksNodeInternetEgressRule",
            group=nodes,
            source=None,
            direction="egress",
            ports=_EVERYTHING,
            description="Allow internet access.",
        ),
    )
    for rule in rules:
        _security_rule(made, rule)
    ingress = _security_rule(
        made,
        _Rule(
            role="eksClusterIngressRule",
            group=control,
            source=nodes,
            direction="ingress",
            ports=_HTTPS,
            description="Allow pods to communicate with the cluster API Server",
        ),
    )
    return nodes, ingress


@dataclass(frozen=True, kw_only=True, slots=True)
class _Rule:
    """A rule of a security group: from or to the world without a source, among itself where the source is the group."""

    role: str
    group: Child
    source: Child | None
    direction: str
    ports: tuple[int, int, str]
    description: str


def _security_rule(made: Registry, rule: _Rule) -> Child:
    group, source, ports = rule.group, rule.source, rule.ports
    own = source is not None and source.urn == group.urn
    other = source is not None and not own
    after = {"securityGroupId": (group.urn,)}
    if source is not None and other:
        after["sourceSecurityGroupId"] = (source.urn,)
    return made.register(
        "aws:ec2/securityGroupRule:SecurityGroupRule",
        f"{made.name}-{rule.role}",
        {
            "cidrBlocks": ["0.0.0.0/0"] if source is None else None,
            "description": rule.description,
            "fromPort": ports[0],
            "protocol": ports[2],
            "securityGroupId": group.id or UNKNOWN,
            "self": True if own else None,
            "sourceSecurityGroupId": (source.id or UNKNOWN) if source is not None and other else None,
            "toPort": ports[1],
            "type": rule.direction,
        },
        after=after,
    )
