"""The whole program: settings in, platform out."""

import dataclasses
import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
import pulumi_eks as eks

from addons import install, registry
from addons.spec import Chart
from infra.catalog import zones
from infra.cluster.cluster import Cluster, ClusterArgs
from infra.cluster.settings import control_plane_zones
from infra.handle import ClusterHandle
from infra.network.network import Network, NetworkArgs
from infra.node_groups.expand import expand
from infra.node_groups.launch_template import ClusterInputs
from infra.node_groups.node_groups import NodeGroups, NodeGroupsArgs
from infra.node_groups.rules import accelerated_zones
from infra.storage.lustre import Clients
from infra.storage.storage import Storage, StorageArgs
from stacks.load import load
from stacks.settings import StackSettings, warnings


@dataclass(frozen=True, kw_only=True)
class Platform:
    """What the program made. `outputs` is what the stack exports."""

    handle: ClusterHandle
    outputs: Mapping[str, pulumi.Input[object]]


def build(settings: StackSettings, today: datetime.date | None = None) -> Platform:
    """Build the platform that the settings describe.

    The order: network; control plane; the add-ons that nodes need to join; nodes; storage beside them; the other
    add-ons.

    Args:
        settings: Without problems.
        today: Decides which warnings are shown; the present day by default.
    """
    platform, network_settings = settings.platform, settings.network
    region, partition, tags = platform.region, zones.partition(platform.region), platform.all_tags
    aws_provider = aws.Provider(
        "aws",
        region=region,
        allowed_account_ids=[platform.account_id] if platform.account_id else None,
    )
    eks_provider = eks.Provider("eks")
    under = pulumi.ResourceOptions(providers=[aws_provider, eks_provider])
    account_id = (
        pulumi.Output.from_input(platform.account_id)
        if platform.account_id
        else aws.get_caller_identity_output(opts=pulumi.InvokeOutputOptions(provider=aws_provider)).account_id
    )
    network = Network(
        "network",
        NetworkArgs(
            settings=network_settings,
            platform=platform.name,
            region=region,
            lustre=bool(settings.storage.lustre),
            efs=bool(settings.storage.efs),
            tags=tags,
            permissions_boundary=platform.permissions_boundary,
        ),
        under,
    )
    core_zones = control_plane_zones(network_settings.zone_ids)
    cluster = Cluster(
        "cluster",
        ClusterArgs(
            settings=settings.cluster,
            name=platform.name,
            region=region,
            partition=partition,
            vpc_id=network.vpc_id,
            private_subnets=[network.private_subnets[zone] for zone in core_zones],
            public_subnets=[network.public_subnets[zone] for zone in core_zones if zone in network.public_subnets],
            tags=tags,
            disposable=platform.disposable,
            permissions_boundary=platform.permissions_boundary,
        ),
        under,
        eks_provider=eks_provider,
        aws_provider=aws_provider,
    )
    managed = expand(settings.node_groups, region, network_settings.zone_ids)
    handle = ClusterHandle(
        name=platform.name,
        cluster_name=cluster.name,
        region=region,
        partition=partition,
        account_id=account_id,
        kubernetes_version=settings.cluster.version,
        endpoint=cluster.endpoint,
        vpc_id=network.vpc_id,
        zones=network_settings.zone_ids,
        internet=network_settings.internet,
        oidc=cluster.oidc,
        aws=aws_provider,
        kubernetes=cluster.kubernetes,
        control_plane=cluster,
        node_pools=tuple(each.pool for each in managed),
        tags=tags,
        permissions_boundary=platform.permissions_boundary,
    )
    selected = registry.select(settings.addons)
    backend = settings.addons.identity
    first = install.install(selected, handle, before_nodes=True, backend=backend)
    nodes = NodeGroups(
        "nodes",
        NodeGroupsArgs(
            managed=managed,
            cluster=ClusterInputs(
                name=platform.name,
                cluster_name=cluster.name,
                endpoint=cluster.endpoint,
                certificate_authority=cluster.certificate_authority,
                service_cidr=settings.cluster.service_cidr,
            ),
            kubernetes_version=settings.cluster.version,
            cluster_security_group=cluster.security_group_id,
            vpc_id=network.vpc_id,
            subnets=network.private_subnets,
            partition=partition,
            tags=tags,
            permissions_boundary=platform.permissions_boundary,
        ),
        under,
        ready=[*network.ready, *(item for each in first.values() for item in each.resources)],
    )
    storage = Storage(
        "storage",
        StorageArgs(
            settings=settings.storage,
            platform=platform.name,
            region=region,
            partition=partition,
            account_id=account_id,
            vpc_id=network.vpc_id,
            subnets=network.private_subnets,
            gpu_zones=accelerated_zones(settings.node_groups, region, network_settings.zone_ids),
            clients=Clients(nodes=cluster.security_group_id, efa=nodes.efa_security_group_id),
            disposable=platform.disposable,
            tags=tags,
        ),
        under,
        aws_provider=aws_provider,
    )
    handle = dataclasses.replace(handle, nodes=nodes.system, storage=storage.handle)
    installed = install.install(selected, handle, before_nodes=False, backend=backend, done=first)
    day = today or datetime.datetime.now(datetime.UTC).date()
    return Platform(
        handle=handle,
        outputs={
            "clusterName": cluster.name,
            "clusterEndpoint": cluster.endpoint,
            "kubeconfig": cluster.kubeconfig,
            "vpcId": network.vpc_id,
            "nodeGroups": {name: group.node_group_name for name, group in nodes.groups.items()},
            "fileSystems": {
                **{volume.name: volume.file_system_id for volume in storage.handle.lustre},
                **{volume.name: volume.file_system_id for volume in storage.handle.efs},
            },
            "buckets": {role: bucket.name for role, bucket in storage.handle.buckets.items()},
            "addons": {name: each.version or "" for name, each in installed.items() if each.left_out is None},
            "leftOut": {name: each.left_out for name, each in installed.items() if each.left_out is not None},
            "warnings": [
                *warnings(settings, day),
                *_unreachable_images(settings, selected, installed),
                *(warning for each in installed.values() for warning in each.warnings),
            ],
        },
    )


def _unreachable_images(
    settings: StackSettings, selected: Sequence[registry.Selected], installed: Mapping[str, install.Installed]
) -> Iterator[str]:
    """Charts whose images a private cluster may not reach; those of EKS add-ons come from AWS's own registries."""
    charts = [
        each.addon.name
        for each in selected
        if isinstance(each.addon.source, Chart) and installed[each.addon.name].left_out is None
    ]
    if charts and not settings.network.internet:
        yield f"network.internet is false: mirror the images of {', '.join(charts)} that are not in Amazon ECR"


def main() -> None:
    """What `pulumi up` runs, and what `slipway plan` records."""
    platform = build(load())
    for name, value in platform.outputs.items():
        pulumi.export(name, value)
