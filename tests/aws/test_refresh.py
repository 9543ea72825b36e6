"""Renewing the catalogue: what AWS says replaces what was known, all of it or nothing."""

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import xform_name
from botocore.stub import Stubber
from moto import mock_aws
from moto.ec2.models import instance_types as moto_types

from infra.catalog import amis, eks
from infra.catalog.table import DATA, Table
from slipway.aws.refresh import FILES, RefreshError, refresh, summary

TODAY = date(2027, 1, 2)
KEPT = ("p5.48xlarge", "p6-b300.48xlarge", "g6f.large", "trn2.48xlarge", "m7i.large", "t2.micro", "mac2.metal")


@cache
def client(service: str, region: str) -> Any:
    """Reading a service's model takes longest of all; one client of each is enough for every test."""
    made: Any = boto3.Session("key", "secret").client  # one signature for all services
    return made(service, region_name=region)


class Session(boto3.Session):
    """Hands out the cached clients, whatever is stubbed on them."""

    def client(self, service_name: str, region_name: str | None = None, *_args: Any, **_kwargs: Any) -> Any:
        return client(service_name, region_name or "us-east-1")


def product(name: str, usd: str, unit: str = "Hrs") -> str:
    """One product as GetProducts returns it: a JSON string, its price in strings."""
    dimension = {"unit": unit, "pricePerUnit": {"USD": usd}, "description": f"${usd} per On Demand Linux {name}"}
    return json.dumps(
        {
            "product": {"productFamily": "Compute Instance", "attributes": {"instanceType": name}},
            "terms": {"OnDemand": {"SKU.JRTCKXETXF": {"priceDimensions": {"SKU.JRTCKXETXF.6YS6EN2CT7": dimension}}}},
        }
    )


def quota(code: str, value: float) -> dict[str, Any]:
    return {"ServiceCode": "ec2", "QuotaCode": code, "QuotaName": code, "Value": value, "Adjustable": True}


def addon(name: str, default: str, older: str) -> dict[str, Any]:
    return {
        "addonName": name,
        "addonVersions": [
            {"addonVersion": older, "compatibilities": [{"clusterVersion": "1.35", "defaultVersion": False}]},
            {"addonVersion": default, "compatibilities": [{"clusterVersion": "1.35", "defaultVersion": True}]},
        ],
    }


PRICES = [[product("p5.48xlarge", "50.0000"), product("m7i.large", "0.1008")], [product("g6f.large", "0.2020")]]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DATA, tmp_path / "data"))


@pytest.fixture(autouse=True)
def ec2(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """moto's EC2 with a handful of AWS's own answers (all of them take seconds to read); yields its instance types."""
    types = [dict(moto_types.InstanceType(name)) for name in KEPT]
    monkeypatch.setattr(moto_types.InstanceTypeBackend, "instance_types", types)
    offerings = moto_types.INSTANCE_TYPE_OFFERINGS["availability-zone-id"]
    for region in ("us-east-1", "eu-west-1"):
        few = [offer for offer in offerings[region] if offer["InstanceType"] in KEPT]
        monkeypatch.setitem(offerings, region, few)
    with mock_aws():
        yield types


@pytest.fixture
def stubs() -> Iterator[dict[str, Stubber]]:
    """Answers for the services moto has not."""
    services = ("pricing", "service-quotas", "ssm", "eks")
    with ExitStack() as stack:
        yield {name: stack.enter_context(Stubber(client(name, "us-east-1"))) for name in services}


def answer_prices(stub: Stubber, region: str, pages: list[list[str]]) -> None:
    wanted = {
        "regionCode": region,
        "operatingSystem": "Linux",
        "tenancy": "Shared",
        "preInstalledSw": "NA",
        "capacitystatus": "Used",
        "marketoption": "OnDemand",
    }
    filters = [{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in wanted.items()]
    for number, page in enumerate(pages):
        asked: dict[str, Any] = {"ServiceCode": "AmazonEC2", "Filters": filters}
        if number:
            asked["NextToken"] = f"page-{number}"
        more = {"NextToken": f"page-{number + 1}"} if number + 1 < len(pages) else {}
        stub.add_response("get_products", {"FormatVersion": "aws_v1", "PriceList": page, **more}, asked)


def answer(stubs: dict[str, Stubber], *, regions: tuple[str, ...] = ("us-east-1",)) -> None:
    """Queue everything one refresh asks, in pages."""
    for region in regions:
        answer_prices(stubs["pricing"], region, PRICES)
    quotas = stubs["service-quotas"]
    services = sorted({row[0] for row in rows(DATA, "quotas").values() if row[2]})
    for service in services:
        first = {"Quotas": [quota("L-417A185B", 8.0)] if service == "ec2" else [], "NextToken": "more"}
        quotas.add_response("list_aws_default_service_quotas", first, {"ServiceCode": service})
        second = {"Quotas": [quota("L-1216C47A", 16.0)] if service == "ec2" else []}
        asked = {"ServiceCode": service, "NextToken": "more"}
        quotas.add_response("list_aws_default_service_quotas", second, asked)
    ssm = stubs["ssm"]
    names = [
        amis.ssm_parameter(kind, version, attribute="release")
        for kind in amis.ami_types()
        for version in eks.ACCEPTED_VERSIONS
    ]
    for start in range(0, len(names), 10):
        batch = names[start : start + 10]
        found = [{"Name": name, "Value": release(name)} for name in batch if "1.34" not in name]
        missing = [name for name in batch if "1.34" in name]
        ssm.add_response("get_parameters", {"Parameters": found, "InvalidParameters": missing}, {"Names": batch})
    for version in eks.ACCEPTED_VERSIONS:
        pages = stubs["eks"]
        vpc = addon("vpc-cni", "v1.30.0-eksbuild.1", "v1.29.0-eksbuild.1")
        pages.add_response(
            "describe_addon_versions", {"addons": [vpc], "nextToken": "more"}, {"kubernetesVersion": version}
        )
        proxy = addon("kube-proxy", f"v{version}.9-eksbuild.2", f"v{version}.1-eksbuild.1")
        other = addon("adot", "v0.1.0-eksbuild.1", "v0.0.1-eksbuild.1")
        asked_next = {"kubernetesVersion": version, "nextToken": "more"}
        pages.add_response("describe_addon_versions", {"addons": [proxy, other]}, asked_next)


def release(parameter: str) -> str:
    return "1.60.0-abcdef12" if "bottlerocket" in parameter else "1.35.9-20270101"


def rows(directory: Path, name: str) -> dict[str, Any]:
    table = Table(directory / f"{name}.json")
    return {row: table.row(row) for row in table.names()}


def texts(directory: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(directory.iterdir())}


def test_every_api_is_read_to_its_last_page(stubs, directory):
    answer(stubs)
    report = refresh(Session(), regions=("us-east-1",), directory=directory, today=TODAY)
    for stub in stubs.values():
        stub.assert_no_pending_responses()
    prices = rows(directory, "prices")
    assert prices["p5.48xlarge"]["us-east-1"] == 50.0
    assert prices["g6f.large"]["us-east-1"] == 0.202
    quotas = {row[2]: row[3] for row in rows(directory, "quotas").values()}
    assert (quotas["L-417A185B"], quotas["L-1216C47A"]) == (8, 16)
    # A quota AWS did not name keeps its value.
    assert quotas["L-6D54EA21"] == 30
    releases = rows(directory, "ami_releases")
    assert releases["AL2023_x86_64_NVIDIA"] == {"1.35": "1.35.9-20270101", "1.36": "1.35.9-20270101"}
    assert releases["BOTTLEROCKET_ARM_64_NVIDIA"]["1.35"] == "1.60.0-abcdef12"
    addons = rows(directory, "addons")
    assert addons["kube-proxy"]["1.36"] == ["v1.36.9-eksbuild.2", "default by EKS DescribeAddonVersions"]
    assert addons["vpc-cni"]["1.34"][0] == "v1.30.0-eksbuild.1"
    # Not followed by the catalogue, and not asked for again: nothing known is lost.
    assert "adot" not in addons
    assert addons["coredns"] == rows(DATA, "addons")["coredns"]
    assert report.regions == ("us-east-1",)
    assert [change.file for change in report.changes] == sorted(FILES)


def test_ec2_is_read_to_its_last_page(stubs, directory):
    """moto answers DescribeInstanceTypes in one page; AWS gives a hundred types at a time."""
    types = [moto_types.INSTANCE_TYPES[name] for name in ("p5.48xlarge", "m7i.large")]
    stub = Stubber(client("ec2", "us-east-1"))
    stub.add_response("describe_instance_types", {"InstanceTypes": types[:1], "NextToken": "more"}, {})
    stub.add_response("describe_instance_types", {"InstanceTypes": types[1:]}, {"NextToken": "more"})
    offers = [
        {"InstanceType": "p5.48xlarge", "Location": "use1-az5", "LocationType": "availability-zone-id"},
        {"InstanceType": "m7i.large", "Location": "use1-az1", "LocationType": "availability-zone-id"},
    ]
    asked = {"LocationType": "availability-zone-id"}
    stub.add_response(
        "describe_instance_type_offerings", {"InstanceTypeOfferings": offers[:1], "NextToken": "more"}, asked
    )
    stub.add_response(
        "describe_instance_type_offerings", {"InstanceTypeOfferings": offers[1:]}, {**asked, "NextToken": "more"}
    )
    answer(stubs)
    with stub:
        refresh(Session(), regions=("us-east-1",), directory=directory, today=TODAY)
    stub.assert_no_pending_responses()
    offerings = rows(directory, "offerings")
    assert offerings["p5.48xlarge"]["us-east-1"] == [5]
    assert offerings["m7i.large"]["us-east-1"] == [1]
    assert Table(directory / "offerings.json").meta["zones"]["us-east-1"] == ["use1-az1", "use1-az5"]


def test_a_new_instance_type_appears_and_other_regions_keep_what_was_known(ec2, stubs, directory, monkeypatch):
    ec2.append({**moto_types.InstanceType("p6-b300.48xlarge"), "InstanceType": "p9.48xlarge"})
    offerings = moto_types.INSTANCE_TYPE_OFFERINGS["availability-zone-id"]
    offers = [
        {"InstanceType": "p9.48xlarge", "Location": zone, "LocationType": "availability-zone-id"}
        for zone in ("use1-az4", "use1-dfw2-az1")
    ]
    monkeypatch.setitem(offerings, "us-east-1", [*offerings["us-east-1"], *offers])
    answer(stubs)
    report = refresh(Session(), regions=("us-east-1",), directory=directory, today=TODAY)
    changes = {change.file: change for change in report.changes}
    assert changes["instances"].added == ("p9.48xlarge",)
    assert rows(directory, "instances")["p9.48xlarge"] == rows(directory, "instances")["p6-b300.48xlarge"]
    # The Local Zone is not an availability zone.
    assert rows(directory, "offerings")["p9.48xlarge"] == {"us-east-1": [4]}
    before, after = rows(DATA, "offerings"), rows(directory, "offerings")
    elsewhere = {region: zones for region, zones in before["p5.48xlarge"].items() if region != "us-east-1"}
    assert {region: zones for region, zones in after["p5.48xlarge"].items() if region != "us-east-1"} == elsewhere
    # c7i.large was not among us-east-1's answers, but other regions still offer it.
    assert "us-east-1" not in after["c7i.large"]
    assert rows(directory, "instances")["c7i.large"] == rows(DATA, "instances")["c7i.large"]
    old_prices, new_prices = rows(DATA, "prices")["p5.48xlarge"], rows(directory, "prices")["p5.48xlarge"]
    assert new_prices["eu-west-2"] == old_prices["eu-west-2"]


def test_rows_are_what_the_catalogue_holds_for_the_same_answers(stubs, directory):
    """moto carries AWS's own answers; those the catalogue was built from must come out as it has them."""
    answer(stubs)
    refresh(Session(), regions=("us-east-1",), directory=directory, today=TODAY)
    before, after = rows(DATA, "instances"), rows(directory, "instances")
    for name in ("p5.48xlarge", "p6-b300.48xlarge", "g6f.large", "m7i.large"):
        assert after[name] == before[name]
    assert {"t2.micro", "mac2.metal"}.isdisjoint(after)


def test_a_second_refresh_changes_nothing(stubs, directory):
    answer(stubs)
    refresh(Session(), regions=("us-east-1",), directory=directory, today=TODAY)
    first = texts(directory)
    answer(stubs)
    report = refresh(Session(), regions=("us-east-1",), directory=directory, today=date(2027, 2, 3))
    assert texts(directory) == first
    assert all(change.empty for change in report.changes)
    assert summary(report).count("unchanged") == len(FILES)


def test_curated_files_are_left_alone(stubs, directory):
    answer(stubs)
    refresh(Session(), regions=("us-east-1",), directory=directory, today=TODAY)
    renewed = {f"{name}.json" for name in FILES}
    before, after = texts(DATA), texts(directory)
    assert before.keys() == after.keys()
    assert {name: after[name] for name in after if name not in renewed} == {
        name: before[name] for name in before if name not in renewed
    }


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("pricing", "GetProducts"),
        ("service-quotas", "ListAWSDefaultServiceQuotas"),
        ("ssm", "GetParameters"),
        ("eks", "DescribeAddonVersions"),
    ],
)
def test_a_failing_service_leaves_every_file_as_it_was(stubs, directory, service, operation):
    before = texts(directory)
    stubs[service].add_client_error(xform_name(operation), "AccessDeniedException", "not authorized", 403)
    answer(stubs)
    with pytest.raises(RefreshError, match=rf"{operation} in us-east-1.*AccessDeniedException.*not authorized"):
        refresh(Session(), regions=("us-east-1",), directory=directory, today=TODAY)
    assert texts(directory) == before


def test_a_failure_in_the_last_region_leaves_every_file_as_it_was(stubs, directory):
    before = texts(directory)
    answer_prices(stubs["pricing"], "us-east-1", PRICES)
    stubs["pricing"].add_client_error("get_products", "ThrottlingException", "slow down", 400)
    with pytest.raises(RefreshError, match=r"Pricing GetProducts in eu-west-1.*Throttling"):
        refresh(Session(), regions=("us-east-1", "eu-west-1"), directory=directory, today=TODAY)
    assert texts(directory) == before


def test_an_empty_answer_is_a_failure_not_an_empty_file(stubs, directory):
    before = texts(directory)
    answer_prices(stubs["pricing"], "us-east-1", [[product("p5.48xlarge", "0.0000")]])
    with pytest.raises(RefreshError, match=r"Pricing GetProducts in us-east-1: the answer is empty"):
        refresh(Session(), regions=("us-east-1",), directory=directory, today=TODAY)
    assert texts(directory) == before


def test_a_write_that_fails_leaves_every_file_as_it_was(stubs, directory, monkeypatch):
    before = texts(directory)
    answer(stubs)

    def full(*_args: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="no space left"):
        refresh(Session(), regions=("us-east-1",), directory=directory, today=TODAY)
    assert texts(directory) == before


def test_a_region_that_cannot_be_one_is_told(directory, monkeypatch):
    monkeypatch.setattr(Session, "client", boto3.Session.client)
    with pytest.raises(RefreshError, match="us east 1"):
        refresh(Session("key", "secret"), regions=("us east 1",), directory=directory, today=TODAY)


def test_no_region_is_refused(directory):
    with pytest.raises(ValueError, match="no region"):
        refresh(Session(), regions=(), directory=directory, today=TODAY)


def test_the_summary_names_what_changed(stubs, directory):
    answer(stubs)
    report = refresh(Session(), regions=("us-east-1",), directory=directory, today=TODAY)
    lines = summary(report).splitlines()
    assert lines[0] == "asked 1 region(s): us-east-1"
    assert len(lines) == 1 + len(FILES)
    assert any(line.startswith("  quotas: 2 changed (ec2-on-demand-p-vcpus, ") for line in lines)
    prices = next(line for line in lines if line.startswith("  prices: "))
    assert ", ..." in prices


def test_an_asked_region_dates_its_prices(stubs, directory):
    answer(stubs)
    refresh(Session(), regions=("us-east-1",), directory=directory, today=TODAY)
    as_of = Table(directory / "prices.json").meta["as_of"]
    assert as_of["us-east-1"] == "2027-01-02"
    assert as_of["*"] == Table(DATA / "prices.json").meta["as_of"]["*"]
