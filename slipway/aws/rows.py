"""What AWS's APIs answer, as rows of the catalogue's data files. Pure: no call is made here."""

import re
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any, Final

_ARCHES: Final = {"x86_64": "amd64", "arm64": "arm64"}
_ZONE: Final = re.compile(r"[a-z]+\d-az\d+")
"""An availability zone's id; Local Zones (`use1-dfw2-az1`) and Wavelength Zones have a part more."""

_PERFORMANCE: Final = re.compile(r"(?:(?P<times>\d+)x )?(?P<gbps>[\d.]+) Gigabit")


def instance_row(info: Mapping[str, Any]) -> dict[str, Any] | None:
    """One answer of DescribeInstanceTypes as a row, or None for a type that cannot be an EKS node here.

    Left out: types without the Nitro system (Xen), Mac, and accelerators that no EKS AMI drives (AMD and Habana GPUs,
    Qualcomm and media accelerators).
    """
    arch = [a for a in info["ProcessorInfo"]["SupportedArchitectures"] if a in _ARCHES]
    metal = bool(info["BareMetal"])
    if not arch or not (metal or info.get("Hypervisor") == "nitro"):
        return None
    accelerator = _accelerator(info)
    if accelerator is None and _accelerated(info):
        return None
    network = info["NetworkInfo"]
    row: dict[str, Any] = {
        "arch": _ARCHES[arch[0]],
        "vcpus": info["VCpuInfo"]["DefaultVCpus"],
        "memory_mib": info["MemoryInfo"]["SizeInMiB"],
        "cards": _cards(network["NetworkCards"]),
        "gbps": _gbps(network),
        "ipv4": network["Ipv4AddressesPerInterface"],
        "usage": sorted(info["SupportedUsageClasses"]),
    }
    optional = {
        "accelerator": accelerator,
        "efa": network.get("EfaInfo", {}).get("MaximumEfaInterfaces", 0),
        "metal": metal,
        "placement": sorted(info.get("PlacementGroupInfo", {}).get("SupportedStrategies", ())),
        "store": _store(info.get("InstanceStorageInfo", {})),
    }
    return {**row, **{key: value for key, value in optional.items() if value}}


def offering_rows(
    offerings: Mapping[str, Iterable[Mapping[str, Any]]], types: Iterable[str]
) -> tuple[dict[str, list[str]], dict[str, dict[str, list[int]]]]:
    """DescribeInstanceTypeOfferings of several regions as (zones by region, rows by type).

    Args:
        offerings: Per region, the answers with `LocationType=availability-zone-id`.
        types: The instance types to keep.
    """
    zones: dict[str, set[str]] = {region: set() for region in offerings}
    rows: dict[str, dict[str, list[int]]] = {name: {} for name in types}
    for region, answers in offerings.items():
        for answer in answers:
            zone = answer["Location"]
            if not _ZONE.fullmatch(zone):
                continue
            zones[region].add(zone)
            if answer["InstanceType"] in rows:
                rows[answer["InstanceType"]].setdefault(region, []).append(zone_number(zone))
    ordered = {name: {r: sorted(row[r]) for r in sorted(row)} for name, row in rows.items() if row}
    return {r: sorted(ids, key=zone_number) for r, ids in sorted(zones.items())}, ordered


def zone_number(zone_id: str) -> int:
    """The last number of a zone id: 4 for `use1-az4`."""
    return int(zone_id.rpartition("-az")[2])


def on_demand_usd(product: Mapping[str, Any]) -> tuple[str, float] | None:
    """Instance type and hourly on-demand price (USD) of one product of the price list, or None where it has none."""
    name = product["product"]["attributes"].get("instanceType")
    for offer in product.get("terms", {}).get("OnDemand", {}).values():
        for dimension in offer["priceDimensions"].values():
            usd = float(dimension["pricePerUnit"].get("USD", 0))
            if name and dimension["unit"] == "Hrs" and usd > 0:
                return name, usd
    return None


def default_version(answer: Mapping[str, Any]) -> tuple[str, str] | None:
    """Add-on and default version out of one entry of DescribeAddonVersions (asked for one Kubernetes version)."""
    for offered in answer.get("addonVersions", ()):
        if any(c.get("defaultVersion") for c in offered.get("compatibilities", ())):
            return answer["addonName"], offered["addonVersion"]
    return None


def _cards(cards: Iterable[Mapping[str, Any]]) -> list[list[int]]:
    """Runs of equal cards: [how many, ENIs each, 1 where EFA fits]."""
    ordered = sorted(cards, key=lambda card: card["NetworkCardIndex"])
    plain = [(card["MaximumNetworkInterfaces"], int("efa-only" in card.get("InterfaceTypes", ()))) for card in ordered]
    return [[len(list(run)), *card] for card, run in groupby(plain)]


def _gbps(network: Mapping[str, Any]) -> float:
    """What the network sustains, Gbit/s.

    `NetworkPerformance` where it is a plain figure (the cards' own figures do not add up on every type: g6e.48xlarge
    has four cards of 400 and 400 in all); where it is only "Up to", the baseline of the cards.
    """
    said = _PERFORMANCE.fullmatch(network["NetworkPerformance"])
    if said:
        return float(said["gbps"]) * int(said["times"] or 1)
    return float(sum(card["BaselineBandwidthInGbps"] for card in network["NetworkCards"]))


def _accelerator(info: Mapping[str, Any]) -> dict[str, Any] | None:
    for gpu in info.get("GpuInfo", {}).get("Gpus", ()):
        if gpu["Manufacturer"] == "NVIDIA":
            # A fraction of a GPU has Count 0 and LogicalGpuCount 1: the device plugin offers one.
            return _device("nvidia", gpu, count=gpu["Count"] or gpu["LogicalGpuCount"])
    for device in info.get("NeuronInfo", {}).get("NeuronDevices", ()):
        cores = device["Count"] * device["CoreInfo"]["Count"]
        return {**_device("neuron", {**device, "Manufacturer": "AWS"}), "cores": cores}
    for fpga in info.get("FpgaInfo", {}).get("Fpgas", ()):
        return _device("fpga", fpga)
    return None


def _device(kind: str, device: Mapping[str, Any], *, count: int | None = None) -> dict[str, Any]:
    return {
        "kind": kind,
        "vendor": device["Manufacturer"],
        "model": device["Name"],
        "count": device["Count"] if count is None else count,
        "memory_mib": device["MemoryInfo"]["SizeInMiB"],
    }


def _accelerated(info: Mapping[str, Any]) -> bool:
    kinds = ("GpuInfo", "NeuronInfo", "FpgaInfo", "InferenceAcceleratorInfo", "MediaAcceleratorInfo")
    return any(kind in info for kind in kinds)


def _store(storage: Mapping[str, Any]) -> list[int]:
    disks = sum(disk["Count"] for disk in storage.get("Disks", ()))
    return [disks, storage["TotalSizeInGB"]] if disks else []
