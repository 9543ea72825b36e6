"""The RDS catalogue: versions with their ends, classes with their hardware, prices with their sources."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.catalog import rds
from infra.catalog.errors import UnknownNameError
from infra.catalog.zones import regions

ENGINES = st.sampled_from(["mysql", "postgres"])
CLASSES = st.sampled_from(rds.classes())


def test_majors_are_in_order():
    assert rds.majors("mysql") == ("8.0", "8.4")
    assert rds.majors("postgres") == ("14", "15", "16", "17", "18")


@pytest.mark.parametrize(
    ("engine", "asked", "major", "family"),
    [
        ("mysql", "8.4", "8.4", "mysql8.4"),
        ("mysql", "8.4.11", "8.4", "mysql8.4"),
        ("mysql", "8.0.46", "8.0", "mysql8.0"),
        ("postgres", "17", "17", "postgres17"),
        ("postgres", "16.14", "16", "postgres16"),
    ],
)
def test_a_version_belongs_to_its_major(engine, asked, major, family):
    found = rds.engine_version(engine, asked)
    assert (found.major, found.family) == (major, family)
    assert asked == major or asked in found.minors


@pytest.mark.parametrize(("engine", "asked"), [("mysql", "8"), ("mysql", "17"), ("postgres", "8.4"), ("postgres", "1")])
def test_an_unknown_version_names_known_ones(engine, asked):
    with pytest.raises(UnknownNameError, match=f"unknown {engine} version '{asked}'"):
        rds.engine_version(engine, asked)


def test_minors_are_in_the_order_of_their_numbers():
    assert list(rds.engine_version("postgres", "17").minors) == ["17.5", "17.6", "17.7", "17.8", "17.9", "17.10"]


@pytest.mark.parametrize(
    ("day", "support", "third_year"),
    [
        # RDS user guide: standard support of MySQL 8.0 ends on 31 July 2026, extended support three years later.
        (date(2026, 7, 31), "standard", False),
        (date(2026, 8, 1), "extended", False),
        (date(2028, 7, 31), "extended", False),
        (date(2028, 8, 1), "extended", True),
        (date(2029, 7, 31), "extended", True),
        (date(2029, 8, 1), "ended", True),
    ],
)
def test_support_ends_in_steps(day, support, third_year):
    found = rds.engine_version("mysql", "8.0")
    assert (found.support(day), found.third_extended_year(day)) == (support, third_year)


@pytest.mark.parametrize("engine", ["mysql", "postgres"])
def test_every_major_has_an_end_a_newest_minor_and_three_extended_years(engine):
    for major in rds.majors(engine):
        found = rds.engine_version(engine, major)
        assert found.minors
        assert found.extended_until.year == found.standard_until.year + 3
        assert all(minor.startswith(f"{major}.") for minor in found.minors)


@given(CLASSES)
def test_a_class_has_the_hardware_of_its_ec2_type(name):
    found = rds.instance_class(name)
    assert found.name.startswith("db.")
    assert found.vcpus >= 2
    assert found.memory_mib >= 1024
    assert any(rds.offered(name, region) for region in regions())


def test_known_classes():
    assert rds.instance_class("db.t4g.medium").memory_mib == 4096
    assert rds.instance_class("db.r7g.2xlarge").vcpus == 8
    assert rds.offered("db.t4g.medium", "us-west-2")
    assert not rds.offered("db.m5d.large", "eu-south-2")
    with pytest.raises(UnknownNameError, match=r"nearest: db\.m7g\.large"):
        rds.offered("db.m7g.lrge", "us-west-2")


@pytest.mark.parametrize(
    ("engine", "name", "usd"),
    [
        # Monthly figures of infracost's golden file over its 730 hours.
        ("mysql", "db.t3.large", 99.28 / 730),
        ("postgres", "db.t3.large", 105.85 / 730),
        ("mysql", "db.m5.large", 124.83 / 730),
        ("mysql", "db.t4g.small", 23.36 / 730),
    ],
)
def test_verified_prices(engine, name, usd):
    price = rds.hourly(engine, name)
    assert price is not None
    assert price.usd == pytest.approx(usd, abs=1e-4)
    assert price.verified
    assert "infracost" in price.source


@given(ENGINES, CLASSES)
def test_a_price_is_positive_grows_with_the_size_and_names_its_source(engine, name):
    price = rds.hourly(engine, name)
    if price is None:
        return
    assert price.usd > 0
    assert price.source
    family, _, size = name.rpartition(".")
    larger = {"large": "xlarge", "xlarge": "2xlarge"}.get(size)
    above = rds.hourly(engine, f"{family}.{larger}") if larger else None
    if above:
        assert above.usd == pytest.approx(2 * price.usd, rel=0.01)


def test_a_class_without_a_price_says_so():
    assert rds.hourly("mysql", "db.m8g.large") is None


@pytest.mark.parametrize(
    ("engine", "name", "works"),
    [
        # RDS user guide, "Amazon RDS DB engine, Region, and instance class support for Database Insights".
        ("mysql", "db.t4g.micro", False),
        ("mysql", "db.t4g.small", False),
        ("mysql", "db.t3.small", False),
        ("mysql", "db.t4g.medium", True),
        ("postgres", "db.t4g.micro", True),
    ],
)
def test_where_insights_work(engine, name, works):
    assert rds.insights(engine, name) is works


@pytest.mark.parametrize(
    ("engine", "name", "reserved"),
    [
        # Tried against RDS: aws-cloudformation/cfn-lint#4425.
        ("postgres", "admin", True),
        ("mysql", "admin", False),
        ("postgres", "rdsadmin", True),
        ("mysql", "rdsadmin", True),
        ("postgres", "postgres", False),
        ("postgres", "pg_dba", True),
        ("mysql", "pg_dba", False),
    ],
)
def test_reserved_users(engine, name, reserved):
    assert rds.reserved_user(engine, name) is reserved


@pytest.mark.parametrize(
    ("engine", "name", "reserved"),
    [
        ("mysql", "kubeflow", False),
        ("mysql", "mlpipeline", False),
        ("mysql", "metadb", False),
        ("mysql", "SYS", True),
        ("mysql", "select", True),
        ("postgres", "mlflow", False),
        ("postgres", "katib", False),
        ("postgres", "Template0", True),
        ("postgres", "user", True),
        ("postgres", "pg_stuff", True),
    ],
)
def test_reserved_databases(engine, name, reserved):
    assert rds.reserved_database(engine, name) is reserved
