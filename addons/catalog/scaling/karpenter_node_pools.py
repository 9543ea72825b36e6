"""Karpenter's node pools: the stack's own node groups, each as a NodePool and an EC2NodeClass per zone."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import pulumi
from pydantic import Field

from addons.spec import AddOn, AddOnSettings, Objects
from infra.catalog import names
from infra.catalog.prices import Capacity
from infra.handle import ClusterHandle, KarpenterPool

_WEIGHTS: Final[Mapping[Capacity, int]] = {"reservation": 100, "capacity-block": 100, "spot": 50, "on-demand": 20}
"""What is paid for already first, then what is cheap."""
_CAPACITY_TYPES: Final[Mapping[Capacity, str]] = {
    "reservation": "reserved",
    "capacity-block": "reserved",
    "spot": "spot",
    "on-demand": "on-demand",
}
_ROOT_DEVICE: Final = "/dev/xvda"
_BOTTLEROCKET_DATA_DEVICE: Final = "/dev/xvdb"
_BOTTLEROCKET_ROOT: Final = "4Gi"
Duration = Annotated[str, Field(pattern=r"^(([0-9]+(s|m|h))+|Never)$")]


class KarpenterNodePoolsSettings(AddOnSettings):
    """Which nodes Karpenter makes, and how long it keeps them."""

    groups: tuple[str, ...] | None = None
    """Node groups that Karpenter takes over: their nodes come from it, and there is no managed node group of that
    name. By default every group that it can take; the plan's warnings say which it cannot, and why."""

    consolidate_after: Duration = "10m"
    """How long a node idles before it goes."""

    expire_after: Duration = "720h"
    """How old a node without accelerators may become before it is replaced. Accelerated nodes never expire."""

    max_disrupted: Annotated[str, Field(pattern=r"^((100|[0-9]{1,2})%|[0-9]+)$")] = "10%"
    """Nodes of one pool, a number or a share, that may go at a time. Never an accelerated one on which pods run."""


def _objects(handle: ClusterHandle, settings: KarpenterNodePoolsSettings) -> list[dict[str, Any]]:
    if handle.karpenter is None:
        return []
    pools = handle.karpenter.pools
    return [
        *(_node_class(handle, handle.karpenter.instance_profile, pool) for pool in pools),
        *(_overlay(pool) for pool in pools if pool.unknown_resources),
        *(_node_pool(pool, settings) for pool in pools),
    ]


def _node_class(handle: ClusterHandle, profile: pulumi.Output[str], pool: KarpenterPool) -> dict[str, Any]:
    """How a node is launched.

    Source: EC2NodeClass of karpenter-provider-aws 1.14.1.
    """
    spec: dict[str, Any] = {
        "amiFamily": "Bottlerocket" if pool.pool.bottlerocket else "AL2023",
        "amiSelectorTerms": [dict(pool.image)],
        "instanceProfile": profile,
        "subnetSelectorTerms": [{"id": pool.subnet_id}],
        "securityGroupSelectorTerms": [{"id": group} for group in pool.security_group_ids],
        "blockDeviceMappings": _disks(pool),
        "metadataOptions": {
            "httpEndpoint": "enabled",
            "httpTokens": "required",
            "httpPutResponseHopLimit": pool.metadata_hop_limit,
        },
        # The EBS driver may attach volumes to instances with the tag that EKS gives those of managed node groups.
        "tags": {**handle.tags, names.GROUP_LABEL: pool.pool.group, "eks:cluster-name": handle.name},
    }
    if pool.user_data:
        spec["userData"] = pool.user_data
    if pool.max_pods is not None:
        spec["kubelet"] = {"maxPods": pool.max_pods}
    if pool.instance_store:
        spec["instanceStorePolicy"] = "RAID0"
    if pool.interfaces:
        spec["networkInterfaces"] = [
            {"networkCardIndex": each.card, "deviceIndex": each.device, "interfaceType": each.kind}
            for each in pool.interfaces
        ]
    if pool.placement_group is not None:
        spec["placementGroupSelector"] = {"name": pool.placement_group}
    if pool.reservation_id is not None:
        spec["capacityReservationSelectorTerms"] = [{"id": pool.reservation_id}]
    return {
        "apiVersion": "karpenter.k8s.aws/v1",
        "kind": "EC2NodeClass",
        "metadata": {"name": pool.pool.name},
        "spec": spec,
    }


def _disks(pool: KarpenterPool) -> list[dict[str, Any]]:
    main = {
        "volumeSize": f"{pool.volume.gib}Gi",
        "iops": pool.volume.iops,
        "throughput": pool.volume.throughput,
    }
    always = {"volumeType": "gp3", "encrypted": True, "deleteOnTermination": True}
    if not pool.pool.bottlerocket:
        return [{"deviceName": _ROOT_DEVICE, "rootVolume": True, "ebs": {**main, **always}}]
    # Bottlerocket's root holds the system alone; images and pods are on its data volume.
    return [
        {"deviceName": _ROOT_DEVICE, "ebs": {"volumeSize": _BOTTLEROCKET_ROOT, **always}},
        {"deviceName": _BOTTLEROCKET_DATA_DEVICE, "rootVolume": True, "ebs": {**main, **always}},
    ]


def _node_pool(pool: KarpenterPool, settings: KarpenterNodePoolsSettings) -> dict[str, Any]:
    """Which nodes may be launched, how many, and when they go.

    Source: NodePool of karpenter-provider-aws 1.14.1.
    """
    facts = pool.pool
    template: dict[str, Any] = {
        "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": facts.name},
        "requirements": [
            _one_of("node.kubernetes.io/instance-type", *facts.instance_types),
            _one_of("karpenter.sh/capacity-type", _CAPACITY_TYPES[facts.capacity]),
            _one_of("kubernetes.io/arch", facts.arch),
            _one_of("kubernetes.io/os", "linux"),
            _one_of(names.ZONE_ID_LABEL, facts.zone_id),
        ],
        "expireAfter": "Never" if facts.accelerator else settings.expire_after,
    }
    if facts.taints:
        template["taints"] = [
            {"key": taint.key, "value": taint.value, "effect": taint.effect} for taint in facts.taints
        ]
    return {
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodePool",
        "metadata": {"name": facts.name},
        "spec": {
            "weight": _WEIGHTS[facts.capacity],
            "limits": {"nodes": str(facts.max_size)},
            "disruption": _disruption(pool, settings),
            "template": {"metadata": {"labels": dict(facts.labels)}, "spec": template},
        },
    }


def _disruption(pool: KarpenterPool, settings: KarpenterNodePoolsSettings) -> dict[str, Any]:
    """An accelerated node goes when it is empty, and for no other reason: moving a training pod means killing it."""
    budgets: list[dict[str, Any]] = [{"nodes": settings.max_disrupted}]
    if pool.pool.accelerator:
        budgets = [{"nodes": settings.max_disrupted, "reasons": ["Empty"]}]
        budgets.append({"nodes": "0", "reasons": ["Drifted", "Underutilized"]})
    return {
        "consolidationPolicy": "WhenEmpty" if pool.pool.accelerator else "WhenEmptyOrUnderutilized",
        "consolidateAfter": settings.consolidate_after,
        "budgets": budgets,
    }


def _overlay(pool: KarpenterPool) -> dict[str, Any]:
    """What a node offers and Karpenter does not know: without it no node is ever made for a pod that asks for it."""
    return {
        "apiVersion": "karpenter.sh/v1alpha1",
        "kind": "NodeOverlay",
        "metadata": {"name": pool.pool.name},
        "spec": {
            "requirements": [_one_of("karpenter.sh/nodepool", pool.pool.name)],
            "capacity": dict(pool.unknown_resources),
        },
    }


def _one_of(key: str, *values: str) -> dict[str, Any]:
    return {"key": key, "operator": "In", "values": list(values)}


ADDON = AddOn(
    name="karpenter-node-pools",
    group="scaling",
    summary="the stack's node groups as Karpenter's node pools, one per zone",
    docs="https://karpenter.sh/docs/concepts/nodepools/",
    source=Objects(build=_objects),
    settings=KarpenterNodePoolsSettings,
    needs=("karpenter",),
)
