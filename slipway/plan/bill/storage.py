"""File systems and keys."""

from collections.abc import Iterator, Mapping
from typing import Any

from infra.catalog import prices
from slipway.plan.bill.lines import Line, fixed
from slipway.plan.bill.types import EFS, KEY, LUSTRE
from slipway.plan.model import Plan, Resource


def storage(plan: Plan, region: str) -> Iterator[Line | str]:
    """File systems by their capacity, and keys."""
    for system in plan.of_type(LUSTRE):
        yield from _lustre(system, region)
    for system in plan.of_type(EFS):
        rate = system.inputs.get("provisionedThroughputInMibps")
        if rate:
            yield fixed("storage", f"{system.name}: {rate} MiB/s", "efs-provisioned-mbps-month", region, rate)
    keys = len(plan.of_type(KEY))
    if keys:
        yield fixed("storage", f"{keys} x KMS key", "kms-key-month", region, keys)


def _lustre(system: Resource, region: str) -> Iterator[Line | str]:
    inputs = system.inputs
    slug = _lustre_slug(inputs)
    if slug not in prices.infrastructure_slugs():
        yield f"{system.name}: FSx {inputs.get('deploymentType')} {inputs.get('storageType', 'SSD')}: no price known"
        return
    gib = inputs.get("storageCapacity", 0)
    yield fixed("storage", f"{system.name}: FSx {inputs['deploymentType']} {gib} GiB", slug, region, gib)
    metadata = inputs.get("metadataConfiguration") or {}
    if metadata.get("mode") == "USER_PROVISIONED" and metadata.get("iops"):
        # FSx includes some with the capacity and bills the rest; how many is not in any source at hand, so all count.
        iops = metadata["iops"]
        yield fixed("storage", f"{system.name}: {iops} metadata IOPS", "fsx-metadata-iops-month", region, iops)


def _lustre_slug(inputs: Mapping[str, Any]) -> str:
    deployment = str(inputs.get("deploymentType", "SCRATCH_1")).lower().replace("_", "-")
    if inputs.get("storageType") == "INTELLIGENT_TIERING":
        return f"fsx-{deployment}-intelligent-tiering"
    tier = inputs.get("perUnitStorageThroughput")
    media = "-hdd" if inputs.get("storageType") == "HDD" else ""
    return f"fsx-{deployment}{media}{f'-{tier}' if tier else ''}-gb-month"
