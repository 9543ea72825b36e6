"""The whole program: settings in, platform out."""

import dataclasses
import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_eks as eks

from addons import install, registry
from addons.places import by_namespace
from infra.analytics.analytics import Analytics, AnalyticsArgs
from infra.analytics.rules import endpoints as analytics_endpoints
from infra.catalog import zones
from infra.cluster.cluster import Cluster, ClusterArgs
from infra.cluster.settings import control_plane_zones
from infra.database.database import Databases, DatabasesArgs
from infra.database.database import endpoints as database_endpoints
from infra.edge.edge import Edge, EdgeArgs
from infra.edge.entries import Entries, EntriesArgs, EntryPoint
from infra.flavors import flavors
from infra.handle import ClusterHandle, Database
from infra.handle import Registry as RegistryHandle
from infra.images import ImageReference, ecr_home
from infra.karpenter import groups as karpenter_groups
from infra.karpenter.karpenter import Karpenter, KarpenterArgs
from infra.keys import DataKey, DataKeyArgs
from infra.network.network import Network, NetworkArgs
from infra.node_groups.expand import ManagedGroup, expand
from infra.node_groups.launch_template import ClusterInputs
from infra.node_groups.node_groups import NodeGroups, NodeGroupsArgs
from infra.node_groups.rules import accelerated_zones
from infra.observability.observability import Observability, ObservabilityArgs
from infra.observability.topic import publishers
from infra.registry.registry import Registry, RegistryArgs
from infra.registry.settings import RegistrySettings
from infra.storage.lustre import Clients
from infra.storage.storage import Storage, StorageArgs
from infra.tenants.tenants import Tenants, TenantsArgs
from infra.workstation.args import WorkstationArgs
from infra.workstation.place import ecs_zones_in, zone_in
from infra.workstation.place import endpoints as workstation_endpoints
from infra.workstation.workstation import Workstation
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
    common: dict[str, Any] = {
        "account_id": account_id,
        "platform": platform.name,
        "region": region,
        "partition": partition,
        "disposable": platform.disposable,
        "tags": tags,
        "permissions_boundary": platform.permissions_boundary,
    }
    key = DataKey(
        "data",
        DataKeyArgs(
            platform=platform.name,
            region=region,
            partition=partition,
            account_id=account_id,
            linked_to_s3=any(each.repositories for each in settings.storage.lustre),
            publishers=(
                publishers(settings.observability, budgets=settings.tenant_budgets) if settings.observability else ()
            ),
            disposable=platform.disposable,
            tags=tags,
        ),
        under,
    )
    selected = registry.select(settings.addons)
    network = Network(
        "network",
        NetworkArgs(
            settings=network_settings,
            platform=platform.name,
            region=region,
            partition=partition,
            account_id=account_id,
            lustre=bool(settings.storage.lustre),
            efs=bool(settings.storage.efs),
            key_arn=key.arn,
            tags=tags,
            permissions_boundary=platform.permissions_boundary,
            transit=settings.cluster.hybrid.transit if settings.cluster.hybrid else None,
            services=(
                *analytics_endpoints(settings.analytics),
                *database_endpoints(settings.databases),
                *(settings.observability.endpoints if settings.observability else ()),
                *workstation_endpoints(settings.workstation),
                *registry.endpoints(selected),
            ),
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
            account_id=account_id,
            vpc_id=network.vpc_id,
            private_subnets=[network.private_subnets[zone] for zone in core_zones],
            public_subnets=[network.public_subnets[zone] for zone in core_zones if zone in network.public_subnets],
            log_key_arn=key.arn,
            tags=tags,
            disposable=platform.disposable,
            permissions_boundary=platform.permissions_boundary,
        ),
        under,
        eks_provider=eks_provider,
        aws_provider=aws_provider,
    )
    everything = expand(settings.node_groups, region, network_settings.zone_ids)
    by_karpenter = _by_karpenter(selected, everything, settings.cluster.version)
    managed = [each for each in everything if each not in by_karpenter]
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
        node_pools=tuple(each.pool for each in everything),
        tags=tags,
        permissions_boundary=platform.permissions_boundary,
    )
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
            efa_elsewhere=any(each.interfaces for each in by_karpenter),
        ),
        under,
        ready=[*network.ready, *(item for each in first.values() for item in each.resources)],
    )
    karpenter = None
    if any(each.addon.name == karpenter_groups.ADDON for each in selected):
        karpenter = Karpenter(
            "karpenter",
            KarpenterArgs(
                groups=by_karpenter,
                kubernetes_version=settings.cluster.version,
                platform=platform.name,
                node_role_arn=nodes.node_role_arn,
                system=nodes.system,
                subnets=network.private_subnets,
                security_group=cluster.security_group_id,
                efa_security_group=nodes.efa_security_group_id,
                tags=tags,
            ),
            under,
        )
    gpu_zones = accelerated_zones(settings.node_groups, region, network_settings.zone_ids)
    storage = Storage(
        "storage",
        StorageArgs(
            settings=settings.storage,
            platform=platform.name,
            account_id=account_id,
            key_arn=key.arn,
            vpc_id=network.vpc_id,
            subnets=network.private_subnets,
            gpu_zones=gpu_zones,
            clients=Clients(nodes=cluster.security_group_id, efa=nodes.efa_security_group_id),
            load_balancers=settings.edge is not None,
            disposable=platform.disposable,
            tags=tags,
        ),
        under,
        aws_provider=aws_provider,
    )
    edge = None
    if settings.edge:
        edge = Edge(
            "edge",
            EdgeArgs(
                settings=settings.edge,
                tenants=sorted(settings.tenants),
                platform=platform.name,
                region=region,
                vpc_id=network.vpc_id,
                public_subnets=network.public_subnets,
                private_subnets=network.private_subnets,
                routes=network.ready,
                logs=storage.handle.buckets.get("logs"),
                disposable=platform.disposable,
                tags=tags,
            ),
            under,
        )
    databases: Mapping[str, Database] = {}
    if settings.databases:
        databases = Databases(
            "databases",
            DatabasesArgs(
                settings=settings.databases,
                vpc_id=network.vpc_id,
                subnets=network.private_subnets,
                nodes=cluster.security_group_id,
                key_arn=key.arn,
                **common,
            ),
            under,
        ).handles
    observability = None
    if settings.observability:
        observability = Observability(
            "observability",
            ObservabilityArgs(
                settings=settings.observability,
                key_arn=key.arn,
                auto_scaling_groups={
                    each.name: nodes.auto_scaling_groups[each.name]
                    for each in managed
                    if each.settings.autoscaling.enabled and each.pool.min_size < each.pool.max_size
                },
                nat_gateways=network.nat_gateways,
                storage=storage.handle,
                storage_settings=settings.storage,
                databases=databases,
                edge=edge.handle if edge else None,
                reservations=sorted(
                    {each.capacity.reservation_id for each in settings.node_groups if each.capacity.reservation_id}
                ),
                builds=f"{platform.name}-" if settings.registry else None,
                tenants=bool(settings.tenants),
                tenant_budgets=settings.tenant_budgets,
                **common,
            ),
            under,
        )
    handle = dataclasses.replace(
        handle,
        nodes=nodes.system,
        karpenter=karpenter.handle if karpenter else None,
        storage=storage.handle,
        edge=edge.handle if edge else None,
        databases=databases,
        observability=observability.handle if observability else None,
    )
    analytics = None
    if settings.analytics:
        analytics = Analytics(
            "analytics",
            AnalyticsArgs(
                settings=settings.analytics,
                cluster=handle,
                subnets=network.private_subnets,
                key_arn=key.arn,
                **common,
            ),
            under,
        )
        handle = dataclasses.replace(handle, analytics=analytics.handle)
    images = install.images(selected, handle)
    if settings.registry:
        own_registry = Registry(
            "registry",
            RegistryArgs(
                settings=settings.registry,
                key_arn=key.arn,
                artifacts=storage.handle.buckets.get("artifacts"),
                images=[image for each in images.values() for image in each],
                internet=network_settings.internet,
                node_role=nodes.node_role_arn.apply(lambda arn: arn.rpartition("/")[2]),
                network_ready=network.ready,
                **common,
            ),
            under,
        )
        handle = dataclasses.replace(handle, registry=own_registry.handle)
    handle = _with_tenants(handle, settings, selected, key_arn=key.arn, common=common, under=under)
    handle = _with_entries(handle, selected, nodes=cluster.security_group_id, under=under)
    workstation = None
    if settings.workstation:
        workstation = Workstation(
            "workstation",
            WorkstationArgs(
                settings=settings.workstation,
                zone=zone_in(settings.workstation, settings.storage, gpu_zones, region, network_settings.zone_ids),
                ecs_zones=ecs_zones_in(settings.workstation, region, network_settings.zone_ids),
                internet=network_settings.internet,
                vpc_id=network.vpc_id,
                vpc_cidr=network_settings.vpc_cidr,
                subnets=network.private_subnets,
                storage=storage.handle,
                registry=handle.registry,
                key_arn=key.arn,
                network_ready=network.ready,
                **common,
            ),
            under,
        )
    installed = install.install(selected, handle, before_nodes=False, backend=backend, done=first)
    day = today or datetime.datetime.now(datetime.UTC).date()
    return Platform(
        handle=handle,
        outputs={
            "clusterName": cluster.name,
            "clusterEndpoint": cluster.endpoint,
            "kubeconfig": cluster.kubeconfig,
            "vpcId": network.vpc_id,
            **({"hybridNodeRole": cluster.hybrid_role_arn} if cluster.hybrid_role_arn is not None else {}),
            "nodeGroups": {name: group.node_group_name for name, group in nodes.groups.items()},
            "fileSystems": {
                **{volume.name: volume.file_system_id for volume in storage.handle.lustre},
                **{volume.name: volume.file_system_id for volume in storage.handle.efs},
            },
            "buckets": {role: bucket.name for role, bucket in storage.handle.buckets.items()},
            **({"databases": {name: each.outputs for name, each in databases.items()}} if databases else {}),
            **({"edge": edge.outputs} if edge else {}),
            **({"registry": _registry_outputs(handle.registry)} if handle.registry else {}),
            **({"workstation": workstation.outputs} if workstation else {}),
            **({"analytics": analytics.outputs} if analytics else {}),
            "addons": {name: each.version or "" for name, each in installed.items() if each.left_out is None},
            "leftOut": {name: each.left_out for name, each in installed.items() if each.left_out is not None},
            "warnings": [
                *warnings(settings, day),
                *_unscaled(selected, managed, settings.cluster.version),
                *_unreachable_images(handle, images),
                *(warning for each in installed.values() for warning in each.warnings),
            ],
        },
    )


def _with_tenants(
    handle: ClusterHandle,
    settings: StackSettings,
    selected: Sequence[registry.Selected],
    *,
    key_arn: pulumi.Output[str],
    common: Mapping[str, Any],
    under: pulumi.ResourceOptions,
) -> ClusterHandle:
    """The handle with the tenants, and what they have in AWS."""
    if not settings.tenants:
        return handle
    tenants = Tenants(
        "tenants",
        TenantsArgs(
            settings=settings.tenants,
            flavors=flavors(handle.node_pools),
            storage=handle.storage,
            by_namespace=by_namespace([each.addon.name for each in selected]),
            key_arn=key_arn,
            untagged_days=(settings.registry or RegistrySettings()).untagged_days,
            topic_arn=handle.observability.topic_arn if handle.observability else None,
            **common,
        ),
        under,
    )
    return dataclasses.replace(handle, tenants=tenants.handles)


def _with_entries(
    handle: ClusterHandle,
    selected: Sequence[registry.Selected],
    *,
    nodes: pulumi.Input[str],
    under: pulumi.ResourceOptions,
) -> ClusterHandle:
    """The handle with a way in to each web page of an add-on that the edge names."""
    named = install.entries(selected, handle)
    if handle.edge is None or not named:
        return handle
    entries = Entries(
        "entries",
        EntriesArgs(
            entries=[
                EntryPoint(
                    name=each.name,
                    port=each.target_port,
                    health_path=each.health_path,
                    health_port=each.health_port or each.target_port,
                )
                for each in named
            ],
            edge=handle.edge,
            platform=handle.name,
            vpc_id=handle.vpc_id,
            nodes=nodes,
            tags=handle.tags,
        ),
        under,
    )
    return dataclasses.replace(handle, edge=dataclasses.replace(handle.edge, target_groups=entries.target_groups))


def _by_karpenter(
    selected: Sequence[registry.Selected], groups: Sequence[ManagedGroup], kubernetes_version: str
) -> tuple[ManagedGroup, ...]:
    """The groups whose nodes Karpenter makes in place of a managed node group."""
    for each in selected:
        if each.addon.name == karpenter_groups.ADDON:
            wanted: tuple[str, ...] | None = getattr(each.settings, "groups", None)
            return karpenter_groups.taken(wanted, groups, kubernetes_version)
    return ()


def _unscaled(
    selected: Sequence[registry.Selected], managed: Sequence[ManagedGroup], kubernetes_version: str
) -> Iterator[str]:
    """Groups that Karpenter, which is there instead of cluster-autoscaler, does not have and so nothing scales."""
    if not any(each.addon.name == karpenter_groups.ADDON for each in selected):
        return
    for name, reason in karpenter_groups.unscaled(managed, kubernetes_version).items():
        yield f"node group {name} stays a managed node group, and nothing scales it: {reason}"


def _registry_outputs(registry: RegistryHandle) -> Mapping[str, pulumi.Input[object]]:
    return {
        "host": registry.host,
        "repositories": registry.repositories,
        "notebookImages": {image.name: image.uri for image in registry.notebook_images},
    }


def _unreachable_images(handle: ClusterHandle, images: Mapping[str, Sequence[ImageReference]]) -> Iterator[str]:
    """The images of charts that a private cluster cannot pull: nothing copies them into ECR in its own region."""
    if handle.internet:
        return
    mirrored = handle.registry.mirrors if handle.registry else {}
    far = [
        f"{image} ({name})"
        for name, each in images.items()
        for image in each
        if image.host not in mirrored and (ecr_home(image.host) or ("", ""))[1] != handle.region
    ]
    if far:
        yield (
            f"network.internet is false and these images are not in Amazon ECR: {', '.join(far)}; "
            "set registry.mirror, or copy them and set the values of their charts"
        )


def main() -> None:
    """What `pulumi up` runs, and what `slipway plan` records."""
    platform = build(load())
    for name, value in platform.outputs.items():
        pulumi.export(name, value)
