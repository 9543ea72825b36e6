"""Hybrid nodes: what lets machines outside of AWS join the cluster, and reach its control plane and its DNS."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from infra import naming
from infra.cluster.hybrid_settings import HybridSettings
from infra.identity import account_trust, allowing

_CLUSTER: Final = "aws:eks/cluster:Cluster"
_PORTS: Final = (("https", "tcp", 443),)
_DNS: Final = (("dns-udp", "udp", 53), ("dns-tcp", "tcp", 53))
_MANAGED: Final[Mapping[str, tuple[str, ...]]] = {
    "ssm": ("AmazonEC2ContainerRegistryPullOnly", "AmazonSSMManagedInstanceCore"),
    "roles-anywhere": ("AmazonEC2ContainerRegistryPullOnly",),
}
ACTIVATION_TAG: Final = "EKSClusterARN"
"""The tag of an SSM activation that says of which cluster its machines are nodes: the key of AWS's own template."""


def remote_network(
    settings: HybridSettings,
) -> Callable[[pulumi.ResourceTransformArgs], pulumi.ResourceTransformResult | None]:
    """A transform that tells the control plane below `pulumi_eks.Cluster` where hybrid nodes and their pods are.

    The component has no argument for it. EKS takes changes of it in place.
    """
    config: dict[str, Any] = {"remoteNodeNetworks": {"cidrs": list(settings.node_cidrs)}}
    if settings.pod_cidrs:
        config["remotePodNetworks"] = {"cidrs": list(settings.pod_cidrs)}

    def change(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        if args.type_ != _CLUSTER:
            return None
        return pulumi.ResourceTransformResult({**args.props, "remoteNetworkConfig": config}, args.opts)

    return change


@dataclass(frozen=True, kw_only=True)
class HybridArgs:
    """What hybrid nodes need to know of the rest of the stack."""

    settings: HybridSettings
    platform: str
    region: str
    partition: str
    account_id: pulumi.Input[str]
    cluster_name: pulumi.Input[str]
    security_group: pulumi.Input[str]
    tags: Mapping[str, str]
    permissions_boundary: str | None = None


class Hybrid(pulumi.ComponentResource):
    """The role of the machines, its access entry, and the rules that let them in.

    The control plane calls them through the security group's own rule, which lets everything out.

    Attributes:
        role_arn: The role, for the activation or the profile that the machines are given.
    """

    role_arn: pulumi.Output[str]

    def __init__(self, name: str, args: HybridArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Create the role, the entry and the rules."""
        super().__init__(naming.type_token("infra", "Hybrid"), name, None, opts)
        self._name = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        cluster_arn = pulumi.Output.concat(
            f"arn:{args.partition}:eks:{args.region}:", args.account_id, f":cluster/{args.platform}"
        )
        role, policies = self._role(cluster_arn)
        self.role_arn = role.arn
        aws.eks.AccessEntry(
            name,
            cluster_name=args.cluster_name,
            principal_arn=role.arn,
            type="HYBRID_LINUX",
            tags=self._tags("nodes"),
            # Machines join once their role may do all that it must.
            opts=pulumi.ResourceOptions.merge(self._child, pulumi.ResourceOptions(depends_on=policies)),
        )
        self._rules()
        self.register_outputs({"roleArn": role.arn})

    def _tags(self, name: str) -> dict[str, str]:
        return naming.tags(self._args.tags, f"{self._args.platform}-hybrid-{name}")

    def _role(self, cluster_arn: pulumi.Output[str]) -> tuple[aws.iam.Role, list[pulumi.Resource]]:
        """The role, and its policies. Source: EKS user guide, "Prepare credentials for hybrid nodes"."""
        args = self._args
        role = aws.iam.Role(
            f"{self._name}-node",
            description=f"Hybrid nodes of {args.platform}",
            assume_role_policy=self._trust(),
            permissions_boundary=args.permissions_boundary,
            tags=self._tags("node"),
            opts=self._child,
        )
        attached = [
            aws.iam.RolePolicyAttachment(
                f"{self._name}-node-{policy}",
                role=role.name,
                policy_arn=f"arn:{args.partition}:iam::aws:policy/{policy}",
                opts=self._child,
            )
            for policy in _MANAGED[args.settings.credentials]
        ]
        own = aws.iam.RolePolicy(
            f"{self._name}-node",
            role=role.name,
            policy=allowing(*self._statements(cluster_arn)),
            opts=self._child,
        )
        return role, [*attached, own]

    def _trust(self) -> pulumi.Output[str]:
        args, anchor = self._args, self._args.settings.trust_anchor
        if anchor is None:
            source = pulumi.Output.concat(f"arn:{args.partition}:ssm:{args.region}:", args.account_id, ":*")
            return account_trust(
                "ssm.amazonaws.com", account_id=args.account_id, conditions={"ArnEquals": {"aws:SourceArn": source}}
            )
        service = {"Effect": "Allow", "Principal": {"Service": "rolesanywhere.amazonaws.com"}}
        from_anchor = {"ArnEquals": {"aws:SourceArn": anchor}}
        # A machine is the node of its certificate's name and no other: access entries take the session's name for it.
        own_name = {"StringEquals": {"sts:RoleSessionName": "${aws:PrincipalTag/x509Subject/CN}"}}
        statements = [
            {**service, "Action": ["sts:TagSession", "sts:SetSourceIdentity"], "Condition": from_anchor},
            {**service, "Action": "sts:AssumeRole", "Condition": {**from_anchor, **own_name}},
        ]
        return pulumi.Output.from_input(json.dumps({"Version": "2012-10-17", "Statement": statements}))

    def _statements(self, cluster_arn: pulumi.Output[str]) -> Iterator[dict[str, Any]]:
        args = self._args
        yield {"Action": ["eks:DescribeCluster", "eks-auth:AssumeRoleForPodIdentity"], "Resource": cluster_arn}
        if args.settings.credentials == "ssm":
            # It lists, and takes no resource.
            yield {"Action": "ssm:DescribeInstanceInformation", "Resource": "*"}
            yield {
                "Action": "ssm:DeregisterManagedInstance",
                "Resource": pulumi.Output.concat(
                    f"arn:{args.partition}:ssm:{args.region}:", args.account_id, ":managed-instance/*"
                ),
                "Condition": {"StringEquals": {f"ssm:resourceTag/{ACTIVATION_TAG}": cluster_arn}},
            }

    def _rules(self) -> None:
        """Source: EKS user guide, "Prepare networking for hybrid nodes", cluster security group configuration."""
        settings = self._args.settings
        for cidrs, ports, what in (
            (settings.cidrs, _PORTS, "Hybrid nodes and their pods to the API server"),
            (settings.asking_for_names, _DNS, "Pods on hybrid nodes to the DNS of the cluster"),
        ):
            for cidr in cidrs:
                for role, protocol, port in ports:
                    place = cidr.replace("/", "-")
                    aws.vpc.SecurityGroupIngressRule(
                        f"{self._name}-{role}-{place}",
                        security_group_id=self._args.security_group,
                        cidr_ipv4=cidr,
                        ip_protocol=protocol,
                        from_port=port,
                        to_port=port,
                        description=what,
                        tags=self._tags(f"{role}-{place}"),
                        opts=self._child,
                    )
