"""The ECR accounts from which EKS serves the images of its own add-ons and charts.

Source: EKS user guide, "View Amazon container image registries for Amazon EKS add-ons"
(awsdocs/amazon-eks-user-guide@1cc6ebb4a1, latest/ug/workloads/add-ons-images.adoc; ap-southeast-5
from the page as published in 2026). The page spells ap-east-2's host with ap-east-1, unlike every
other row; a registry's host carries its own region, so the region is used.
"""

from collections.abc import Mapping
from typing import Final

from infra.catalog.zones import dns_suffix

_COMMON: Final = "602401143452"
_ACCOUNTS: Final[Mapping[str, str]] = {
    "af-south-1": "877085696533",
    "ap-east-1": "800184023465",
    "ap-east-2": "533267051163",
    "ap-northeast-1": _COMMON,
    "ap-northeast-2": _COMMON,
    "ap-northeast-3": _COMMON,
    "ap-south-1": _COMMON,
    "ap-south-2": "900889452093",
    "ap-southeast-1": _COMMON,
    "ap-southeast-2": _COMMON,
    "ap-southeast-3": "296578399912",
    "ap-southeast-4": "491585149902",
    "ap-southeast-5": "151610086707",
    "ap-southeast-6": "333609536671",
    "ap-southeast-7": "121268973566",
    "ca-central-1": _COMMON,
    "ca-west-1": "761377655185",
    "cn-north-1": "918309763551",
    "cn-northwest-1": "961992271922",
    "eu-central-1": _COMMON,
    "eu-central-2": "900612956339",
    "eu-north-1": _COMMON,
    "eu-south-1": "590381155156",
    "eu-south-2": "455263428931",
    "eu-west-1": _COMMON,
    "eu-west-2": _COMMON,
    "eu-west-3": _COMMON,
    "eusc-de-east-1": "877088126301",
    "il-central-1": "066635153087",
    "me-central-1": "759879836304",
    "me-south-1": "558608220178",
    "mx-central-1": "730335286997",
    "sa-east-1": _COMMON,
    "us-east-1": _COMMON,
    "us-east-2": _COMMON,
    "us-gov-east-1": "151742754352",
    "us-gov-west-1": "013241004608",
    "us-west-1": _COMMON,
    "us-west-2": _COMMON,
}


def eks_registry(region: str) -> str:
    """The host of EKS's own image registry in a region.

    Raises:
        ValueError: EKS names no registry for the region.
    """
    if region not in _ACCOUNTS:
        raise ValueError(f"EKS names no image registry for region {region!r}")
    return f"{_ACCOUNTS[region]}.dkr.ecr.{region}.{dns_suffix(region)}"
