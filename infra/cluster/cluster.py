"""The cluster component: control plane, encryption, logs, access, OIDC provider, Kubernetes provider."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
import pulumi_eks as eks
import pulumi_kubernetes as kubernetes

from infra import naming
from infra.cluster.hybrid import Hybrid, HybridArgs, remote_network
from infra.cluster.hybrid_settings import HybridSettings
from infra.cluster.settings import ClusterSettings
from infra.handle import Oidc
from infra.identity import account_trust

_POLICIES: Mapping[str, str] = {
    "cluster-admin": "AmazonEKSClusterAdminPolicy",
    "admin": "AmazonEKSAdminPolicy",
    "admin-view": "AmazonEKSAdminViewPolicy",
    "edit": "AmazonEKSEditPolicy",
    "view": "AmazonEKSViewPolicy",
}
"""Source: EKS user guide, "Review access policy permissions"."""


@dataclass(frozen=True, kw_only=True)
class ClusterArgs:
    """What the cluster needs to know of the rest of the stack."""

    settings: ClusterSettings
    name: str
    region: str
    partition: str
    account_id: pulumi.Input[str]
    vpc_id: pulumi.Input[str]
    private_subnets: Sequence[pulumi.Input[str]]
    public_subnets: Sequence[pulumi.Input[str]]
    log_key_arn: pulumi.Input[str]
    tags: Mapping[str, str]
    disposable: bool
    permissions_boundary: str | None = None


class Cluster(pulumi.ComponentResource):
    """An EKS control plane by `pulumi_eks.Cluster`, without nodes.

    Attributes:
        name: The cluster's name, known once it is there.
        endpoint: URL of the API server.
        certificate_authority: Its CA, base64.
        security_group_id: The group that EKS puts on the control plane and on nodes.
        oidc: Our own OIDC provider, for IRSA.
        hybrid_role_arn: The role of hybrid nodes; None where there are none.
        kubernetes: The provider that every Kubernetes resource must use.
        kubeconfig: JSON that calls `aws eks get-token`; holds no credential.

    Changing `name`, `service_cidr` or the subnets' zones replaces the cluster.
    """

    name: pulumi.Output[str]
    endpoint: pulumi.Output[str]
    certificate_authority: pulumi.Output[str]
    security_group_id: pulumi.Output[str]
    kubeconfig: pulumi.Output[str]
    oidc: Oidc
    hybrid_role_arn: pulumi.Output[str] | None
    kubernetes: kubernetes.Provider

    def __init__(
        self,
        name: str,
        args: ClusterArgs,
        opts: pulumi.ResourceOptions | None = None,
        *,
        eks_provider: pulumi.ProviderResource,
        aws_provider: pulumi.ProviderResource,
    ) -> None:
        """Create the control plane.

        Args:
            name: Logical name.
            args: What it is to be.
            opts: The usual options; `depends_on` is what nodes and the API server need of the network.
            eks_provider: Serves the remote component `pulumi_eks.Cluster`.
            aws_provider: What that component makes its children with.
        """
        super().__init__(naming.type_token("infra", "Cluster"), name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        settings = args.settings
        key = aws.kms.Key(
            f"{name}-secrets",
            description=f"Kubernetes secrets of {args.name}",
            enable_key_rotation=True,
            deletion_window_in_days=30,
            tags=naming.tags(args.tags, f"{args.name}-secrets"),
            opts=pulumi.ResourceOptions(
                parent=self,
                # A cluster whose key is gone cannot be read, nor can its backups.
                protect=not args.disposable,
                retain_on_delete=not args.disposable,
            ),
        )
        aws.kms.Alias(
            f"{name}-secrets",
            name=f"alias/slipway/{args.name}/secrets",
            target_key_id=key.id,
            opts=child,
        )
        # EKS makes this group itself, without retention, when it is not there first.
        logs = aws.cloudwatch.LogGroup(
            f"{name}-logs",
            name=f"/aws/eks/{args.name}/cluster",
            retention_in_days=settings.logs.retention_days,
            kms_key_id=args.log_key_arn,
            tags=naming.tags(args.tags, f"{args.name}-logs"),
            opts=child,
        )
        role = self._service_role(name, args)
        control_plane = eks.Cluster(
            name,
            name=args.name,
            version=settings.version,
            vpc_id=args.vpc_id,
            private_subnet_ids=args.private_subnets,
            public_subnet_ids=args.public_subnets or None,
            service_role=role,
            authentication_mode=eks.AuthenticationMode.API,
            encryption_config_key_arn=key.arn,
            enabled_cluster_log_types=list(settings.logs.types),
            endpoint_private_access=True,
            endpoint_public_access=settings.endpoint.public,
            public_access_cidrs=list(settings.endpoint.public_cidrs) or None,
            kubernetes_service_ip_address_range=settings.service_cidr,
            upgrade_policy=aws.eks.ClusterUpgradePolicyArgs(support_type=settings.support),
            deletion_protection=settings.deletion_protection,
            skip_default_node_group=True,
            skip_default_security_groups=True,
            # Add-ons are ours: versions, settings and identities stand in addons/catalog.
            use_default_vpc_cni=True,
            kube_proxy_addon_options=eks.KubeProxyAddonOptionsArgs(enabled=False),
            coredns_addon_options=eks.CoreDnsAddonOptionsArgs(enabled=False),
            tags=naming.tags(args.tags),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[logs],
                providers=[aws_provider, eks_provider],
                transforms=[remote_network(settings.hybrid)] if settings.hybrid else None,
            ),
        )
        cluster = control_plane.eks_cluster
        self.name = cluster.name
        self.endpoint = cluster.endpoint
        self.certificate_authority = cluster.certificate_authority.data
        self.security_group_id = cluster.vpc_config.cluster_security_group_id
        self.kubeconfig = control_plane.kubeconfig_json
        provider = aws.iam.OpenIdConnectProvider(
            f"{name}-oidc",
            url=control_plane.oidc_provider_url,
            client_id_lists=["sts.amazonaws.com"],
            tags=naming.tags(args.tags, f"{args.name}-oidc"),
            opts=child,
        )
        self.oidc = Oidc(provider_arn=provider.arn, issuer=control_plane.oidc_issuer)
        self._grant_access(name, args, cluster.name)
        self.hybrid_role_arn = self._hybrid(name, args, settings.hybrid) if settings.hybrid else None
        self.kubernetes = kubernetes.Provider(
            f"{name}-kubernetes",
            kubeconfig=self.kubeconfig,
            # Only a change of this replaces what the provider made: not a new endpoint or token command.
            cluster_identifier=f"eks/{args.region}/{args.name}",
            enable_server_side_apply=True,
            opts=child,
        )
        self.register_outputs({"endpoint": self.endpoint, "securityGroupId": self.security_group_id})

    def _hybrid(self, name: str, args: ClusterArgs, settings: HybridSettings) -> pulumi.Output[str]:
        return Hybrid(
            f"{name}-hybrid",
            HybridArgs(
                settings=settings,
                platform=args.name,
                region=args.region,
                partition=args.partition,
                account_id=args.account_id,
                cluster_name=self.name,
                security_group=self.security_group_id,
                tags=args.tags,
                permissions_boundary=args.permissions_boundary,
            ),
            pulumi.ResourceOptions(parent=self),
        ).role_arn

    def _service_role(self, name: str, args: ClusterArgs) -> pulumi.Output[aws.iam.Role]:
        """The control plane's role, given out once its policy is attached: EKS needs it to delete a cluster too."""
        child = pulumi.ResourceOptions(parent=self)
        role = aws.iam.Role(
            f"{name}-service",
            description=f"Control plane of {args.name}",
            assume_role_policy=_service_trust(args),
            permissions_boundary=args.permissions_boundary,
            tags=naming.tags(args.tags, f"{args.name}-service"),
            opts=child,
        )
        attachment = aws.iam.RolePolicyAttachment(
            f"{name}-service-AmazonEKSClusterPolicy",
            role=role.name,
            policy_arn=f"arn:{args.partition}:iam::aws:policy/AmazonEKSClusterPolicy",
            opts=child,
        )
        return pulumi.Output.all(role.arn, attachment.id).apply(lambda _: role)

    def _grant_access(self, name: str, args: ClusterArgs, cluster_name: pulumi.Output[str]) -> None:
        child = pulumi.ResourceOptions(parent=self)
        for short, entry in args.settings.access.items():
            access = aws.eks.AccessEntry(
                f"{name}-access-{short}",
                cluster_name=cluster_name,
                principal_arn=entry.principal_arn,
                kubernetes_groups=list(entry.groups),
                tags=naming.tags(args.tags, f"{args.name}-{short}"),
                opts=child,
            )
            if entry.policy is None:
                continue
            aws.eks.AccessPolicyAssociation(
                f"{name}-access-{short}",
                cluster_name=cluster_name,
                principal_arn=entry.principal_arn,
                policy_arn=f"arn:{args.partition}:eks::aws:cluster-access-policy/{_POLICIES[entry.policy]}",
                access_scope=aws.eks.AccessPolicyAssociationAccessScopeArgs(
                    type="namespace" if entry.namespaces else "cluster",
                    namespaces=list(entry.namespaces) or None,
                ),
                opts=pulumi.ResourceOptions(parent=self, depends_on=[access]),
            )


def _service_trust(args: ClusterArgs) -> pulumi.Output[str]:
    """EKS takes the role for this cluster alone.

    Source: EKS user guide, "Cross-service confused deputy prevention in Amazon EKS".
    """
    source = pulumi.Output.concat(f"arn:{args.partition}:eks:{args.region}:", args.account_id, f":cluster/{args.name}")
    return account_trust(
        "eks.amazonaws.com",
        "sts:AssumeRole",
        "sts:TagSession",
        account_id=args.account_id,
        conditions={"ArnLike": {"aws:SourceArn": source}},
    )
