"""What AWS's APIs know of the catalogue's facts, asked through boto3. Reads only; nothing is written here."""

import json
from collections.abc import Iterator, Mapping, Sequence, Sized
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.catalog import amis, eks
from infra.catalog.prices import HOME_REGION
from slipway.aws import rows

if TYPE_CHECKING:
    from types_boto3_ec2.client import EC2Client
    from types_boto3_pricing.client import PricingClient

Row = dict[str, Any]
_Answers = TypeVar("_Answers", bound=Sized)

_SSM_BATCH: Final = 10
"""Names that one GetParameters call takes."""


class RefreshError(Exception):
    """An API did not answer, or with nothing; the message names it, the region and the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """Everything that was asked, as rows of the catalogue's data files.

    Attributes:
        instances: By instance type.
        zones: Zone ids by region, of the regions asked.
        offerings: By instance type: region to zone numbers, of the regions asked.
        prices: By region: instance type to USD an hour.
        quotas: Default values by service and quota code.
        releases: By AMI type: Kubernetes minor to release version.
        addons: By add-on: Kubernetes minor to default version.
    """

    instances: Mapping[str, Row]
    zones: Mapping[str, list[str]]
    offerings: Mapping[str, dict[str, list[int]]]
    prices: Mapping[str, Mapping[str, float]]
    quotas: Mapping[tuple[str, str], int]
    releases: Mapping[str, Mapping[str, str]]
    addons: Mapping[str, Mapping[str, str]]


def fetch(session: boto3.Session, *, regions: Sequence[str], services: Sequence[str]) -> Fetched:
    """Ask every API, for every region where the answer depends on it, and for the first region otherwise.

    Args:
        session: Credentials; needs the read-only calls named in docs/concepts/catalogue.md.
        regions: Regions to ask, at least one.
        services: Service codes whose default quotas are asked.

    Raises:
        RefreshError: A call failed or a list came back empty.
    """
    instances: dict[str, Row] = {}
    offerings: dict[str, list[Row]] = {}
    prices: dict[str, dict[str, float]] = {}
    # The price list has endpoints in few regions; us-east-1 answers for all.
    pricing = session.client("pricing", region_name=HOME_REGION)
    for region in regions:
        with _asking("EC2", region):
            ec2 = session.client("ec2", region_name=region)
        instances.update(_instances(ec2, region))
        offerings[region] = _offerings(ec2, region)
        prices[region] = _prices(pricing, region)
    zones, offering_rows = rows.offering_rows(offerings, instances)
    return Fetched(
        instances=instances,
        zones=zones,
        offerings=offering_rows,
        prices=prices,
        quotas=_quotas(session, regions[0], services),
        releases=_releases(session, regions[0]),
        addons=_addons(session, regions[0]),
    )


@contextmanager
def _asking(call: str, region: str) -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise RefreshError(f"{call} in {region}: {error}") from error


def _some(answers: _Answers, call: str, region: str) -> _Answers:
    """The answers, unless there are none: an empty list would wipe a file out."""
    if not answers:
        raise RefreshError(f"{call} in {region}: the answer is empty")
    return answers


def _instances(ec2: "EC2Client", region: str) -> dict[str, Row]:
    call = "EC2 DescribeInstanceTypes"
    with _asking(call, region):
        pages = ec2.get_paginator("describe_instance_types")
        infos = [info for page in pages.paginate() for info in page["InstanceTypes"]]
    found = {info["InstanceType"]: rows.instance_row(info) for info in infos}
    return _some({name: row for name, row in found.items() if row}, call, region)


def _offerings(ec2: "EC2Client", region: str) -> list[Row]:
    call = "EC2 DescribeInstanceTypeOfferings"
    with _asking(call, region):
        pages = ec2.get_paginator("describe_instance_type_offerings")
        found = [
            dict(offering)
            for page in pages.paginate(LocationType="availability-zone-id")
            for offering in page["InstanceTypeOfferings"]
        ]
    return _some(found, call, region)


def _prices(pricing: "PricingClient", region: str) -> dict[str, float]:
    call = "Pricing GetProducts"
    wanted = {
        "regionCode": region,
        "operatingSystem": "Linux",
        "tenancy": "Shared",
        "preInstalledSw": "NA",
        "capacitystatus": "Used",
        "marketoption": "OnDemand",
    }
    with _asking(call, region):
        pages = pricing.get_paginator("get_products")
        products = [
            json.loads(product)
            for page in pages.paginate(
                ServiceCode="AmazonEC2",
                Filters=[{"Type": "TERM_MATCH", "Field": key, "Value": value} for key, value in wanted.items()],
            )
            for product in page["PriceList"]
        ]
    priced = (rows.on_demand_usd(product) for product in products)
    return _some(dict(price for price in priced if price), call, region)


def _quotas(session: boto3.Session, region: str, services: Sequence[str]) -> dict[tuple[str, str], int]:
    call = "Service Quotas ListAWSDefaultServiceQuotas"
    with _asking(call, region):
        client = session.client("service-quotas", region_name=region)
        pages = client.get_paginator("list_aws_default_service_quotas")
        found = {
            (service, quota["QuotaCode"]): int(quota["Value"])
            for service in services
            for page in pages.paginate(ServiceCode=service)
            for quota in page["Quotas"]
        }
    return _some(found, call, region)


def _releases(session: boto3.Session, region: str) -> dict[str, dict[str, str]]:
    call = "SSM GetParameters"
    wanted = {
        amis.ssm_parameter(kind, version, attribute="release"): (kind, version)
        for kind in amis.ami_types()
        for version in eks.ACCEPTED_VERSIONS
    }
    names = list(wanted)
    found: dict[str, dict[str, str]] = {}
    with _asking(call, region):
        ssm = session.client("ssm", region_name=region)
        for start in range(0, len(names), _SSM_BATCH):
            for parameter in ssm.get_parameters(Names=names[start : start + _SSM_BATCH])["Parameters"]:
                kind, version = wanted[parameter["Name"]]
                found.setdefault(kind, {})[version] = parameter["Value"]
    return _some(found, call, region)


def _addons(session: boto3.Session, region: str) -> dict[str, dict[str, str]]:
    call = "EKS DescribeAddonVersions"
    found: dict[str, dict[str, str]] = {}
    with _asking(call, region):
        pages = session.client("eks", region_name=region).get_paginator("describe_addon_versions")
        for version in eks.ACCEPTED_VERSIONS:
            for page in pages.paginate(kubernetesVersion=version):
                for addon in page["addons"]:
                    default = rows.default_version(addon)
                    if default:
                        found.setdefault(default[0], {})[version] = default[1]
    return _some(found, call, region)
