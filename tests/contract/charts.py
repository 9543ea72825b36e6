"""What the tests of the add-ons share: a made-up cluster, values without Outputs, and the real charts' facts."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from addons.spec import AddOn, AddOnSettings
from infra.catalog import names
from infra.catalog.prices import Capacity
from infra.handle import (
    Bucket,
    ClusterHandle,
    EfsVolume,
    GpuSharing,
    LustreVolume,
    NodePool,
    Oidc,
    Storage,
    Taint,
)

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
REFERENCE = SHARED / "reference"
needs_reference = pytest.mark.skipif(
    not REFERENCE.is_dir(), reason="../shared/reference, which holds the real charts' facts, is missing"
)

ACCELERATOR_TAINTS = tuple(Taint(key=key, value="present") for key in names.ACCELERATOR_TAINTS.values())
DEDICATED = Taint(key="team", value="vision", effect="NoExecute")


def pool(
    group: str = "gpu",
    zone_id: str = "usw2-az1",
    *,
    instance_type: str = "p4d.24xlarge",
    capacity: Capacity = "on-demand",
    accelerator: Any = "nvidia",
    efa: int = 4,
    bottlerocket: bool = False,
    sharing: GpuSharing | None = None,
    taints: tuple[Taint, ...] | None = None,
    provision_minutes: int = 15,
) -> NodePool:
    """A node pool; by default one of p4d.24xlarge."""
    taint = Taint(key=names.ACCELERATOR_TAINTS[accelerator], value="present") if accelerator else None
    return NodePool(
        name=f"{group}-{zone_id}",
        group=group,
        zone_id=zone_id,
        instance_types=(instance_type,),
        capacity=capacity,
        arch="amd64",
        bottlerocket=bottlerocket,
        accelerator=accelerator,
        accelerators_per_node=8 if accelerator else 0,
        efa_interfaces=efa,
        labels={names.GROUP_LABEL: group, names.NODE_ZONE_LABEL: zone_id},
        taints=taints if taints is not None else ((taint,) if taint else ()),
        min_size=0,
        max_size=4,
        sharing=sharing,
        provision_minutes=provision_minutes,
        system=accelerator is None,
    )


SYSTEM = pool("system", instance_type="m7i.large", accelerator=None, efa=0)
POOLS = (
    SYSTEM,
    pool("gpu", taints=(*ACCELERATOR_TAINTS[:1], DEDICATED)),
    pool("gpu", "usw2-az2", capacity="spot"),
    pool("neuron", instance_type="trn1.32xlarge", accelerator="neuron", efa=8, capacity="reservation"),
    pool("fpga", instance_type="f2.6xlarge", accelerator="fpga", efa=0),
)


def out(value: str) -> pulumi.Output[str]:
    """An id or ARN that AWS gives."""
    return pulumi.Output.from_input(value)


def storage() -> Storage:
    """One file system of each kind, a One Zone one, and buckets."""
    bucket = "arn:aws:s3:::acme"
    key = "arn:aws:kms:us-west-2:111122223333:key/1"
    return Storage(
        lustre=(
            LustreVolume(
                name="scratch",
                file_system_id=out("fs-0a"),
                dns_name=out("fs-0a.fsx.us-west-2.amazonaws.com"),
                mount_name=out("abcdefgh"),
                zone_id="usw2-az2",
                capacity_gib=4800,
            ),
        ),
        efs=(
            EfsVolume(name="home", file_system_id=out("fs-0b"), zone_id=None, access_points={"team": out("fsap-1")}),
            EfsVolume(name="one", file_system_id=out("fs-0c"), zone_id="usw2-az1", access_points={}),
        ),
        buckets={
            role: Bucket(
                role=role,
                name=out(f"acme-{role}"),
                arn=out(f"{bucket}-{role}"),
                key_arn=None if role == "logs" else out(key),
            )
            for role in ("data", "logs")
        },
        volume_key_arn=out(key),
    )


def handle_of(
    aws: pulumi.ProviderResource,
    kubernetes: pulumi.ProviderResource,
    control_plane: pulumi.Resource,
    **changes: Any,
) -> ClusterHandle:
    """A cluster with node pools of every kind and all storage; `changes` replace fields."""
    handle = ClusterHandle(
        name="acme",
        cluster_name=out("acme"),
        region="us-west-2",
        partition="aws",
        account_id=out("111122223333"),
        kubernetes_version="1.35",
        endpoint=out("https://acme.example"),
        vpc_id=out("vpc-1"),
        zones=("usw2-az1", "usw2-az2"),
        internet=True,
        oidc=Oidc(provider_arn=out("arn:aws:iam::111122223333:oidc-provider/issuer"), issuer=out("issuer")),
        aws=aws,
        kubernetes=kubernetes,
        control_plane=control_plane,
        node_pools=POOLS,
        storage=storage(),
        tags={"owner": "ml", "note": "a,b=c"},
    )
    return replace(handle, **changes)


def fake_handle(**changes: Any) -> ClusterHandle:
    """The same outside of a program, for the pure functions, which never look at the resources."""
    nothing: Any = None
    return handle_of(nothing, nothing, nothing, **changes)


def resolver() -> Iterator[Callable[[Any], Any]]:
    """For a fixture: an event loop, which Outputs need, and a function that replaces every Output by what it holds."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield lambda value: loop.run_until_complete(_known(value))
    asyncio.set_event_loop(None)
    loop.close()


async def _known(value: Any) -> Any:
    if isinstance(value, pulumi.Output):
        return await _known(await value.future())
    if isinstance(value, Mapping):
        return {key: await _known(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [await _known(item) for item in value]
    return value


@cache
def chart_facts(name: str) -> dict[str, Any]:
    """What Helm renders for a chart (../shared/reference/chart-facts.json)."""
    facts: dict[str, Any] = _facts()["charts"][name]
    return facts


@cache
def _facts() -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((REFERENCE / "chart-facts.json").read_text())
    return facts


@cache
def chart_values(name: str) -> dict[str, Any]:
    """The chart's own default values."""
    values: dict[str, Any] = yaml.safe_load((REFERENCE / name / "chart" / "values.yaml").read_text())
    return values


def chart_schema(name: str) -> dict[str, Any] | None:
    """The chart's JSON schema of its values, where it has one."""
    path = REFERENCE / name / "chart" / "values.schema.json"
    return json.loads(path.read_text()) if path.is_file() else None


def unknown_paths(values: Mapping[str, Any], defaults: Any, path: str = "") -> list[str]:
    """Value paths that the chart does not have. What it leaves empty is free-form."""
    found = []
    for key, value in values.items():
        here = f"{path}.{key}" if path else key
        if key not in defaults:
            found.append(here)
        elif isinstance(value, Mapping) and defaults[key]:
            found += unknown_paths(value, defaults[key], here)
    return found


SHARING = (
    GpuSharing(mode="time-slicing", config="time-slicing-4", replicas=4),
    GpuSharing(mode="mps", config="mps-2", replicas=2),
    GpuSharing(mode="mig", config="mig-mixed", mig_strategy="mixed", mig_profile="1g.10gb"),
)
SETTINGS: dict[str, list[dict[str, Any]]] = {
    "aws-efa-k8s-device-plugin": [{"instanceTypes": ["p9.48xlarge"]}],
    "aws-mountpoint-s3-csi-driver": [{"buckets": ["open-data"]}],
    "cluster-autoscaler": [{"balanceSimilarNodeGroups": True}, {"expander": ["random"]}],
    "priority-classes": [{"default": "training"}],
    "static-volumes": [{"namespaces": ["default", "team-a", "team-b"]}],
    "storage-classes": [{"iops": 6000, "throughput": 500, "fileSystem": "xfs", "default": False}],
    "vpc-cni": [{"networkPolicy": True}],
}
"""Settings that change what is installed, besides the defaults."""


def handles() -> list[ClusterHandle]:
    """Clusters that differ in what the functions of add-ons look at."""
    shared = tuple(pool(f"gpu-{sharing.mode}", sharing=sharing) for sharing in SHARING)
    return [
        fake_handle(),
        fake_handle(node_pools=(SYSTEM, *shared), internet=False, region="eu-south-2"),
        fake_handle(node_pools=(), storage=Storage(), tags={}, region="cn-north-1", partition="aws-cn"),
    ]


def cases(addon: AddOn[Any]) -> list[tuple[ClusterHandle, AddOnSettings]]:
    settings = [addon.settings.model_validate(raw) for raw in ({}, *SETTINGS.get(addon.name, []))]
    return [(handle, item) for handle in handles() for item in settings]
