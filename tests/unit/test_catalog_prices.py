"""Prices: exact where AWS says them, estimates that say so elsewhere, nothing where nothing is known."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.catalog.errors import UnknownNameError
from infra.catalog.instances import instance_type, instance_types
from infra.catalog.prices import CAPACITIES, HOURS_PER_MONTH, infrastructure, instance_hourly
from infra.catalog.zones import regions


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(instance_types()), st.sampled_from(regions()), st.sampled_from(CAPACITIES))
def test_every_price_is_positive_and_says_where_it_comes_from(name, region, capacity):
    price = instance_hourly(name, region, capacity)
    if price is None:
        return
    assert price.usd_per_hour > 0
    assert price.basis
    if not instance_type(name).on_demand:
        assert capacity == "capacity-block"
    if capacity == "spot":
        on_demand = instance_hourly(name, region, "on-demand")
        assert on_demand is not None
        assert price.usd_per_hour <= on_demand.usd_per_hour
        assert not price.verified


def test_an_exact_price_is_verified_and_dated():
    price = instance_hourly("p5.48xlarge", "us-east-1", "on-demand")
    assert price is not None
    assert (price.usd_per_hour, price.verified) == (55.04, True)
    assert price.basis.startswith("on demand, us-east-1 20")


def test_a_size_takes_the_factor_of_its_family():
    """Only p5.48xlarge has a listed price in us-west-1; the factor is that of its family, 68.8 / 55.04."""
    price = instance_hourly("p5.4xlarge", "us-west-1", "on-demand")
    assert price is not None
    assert price.usd_per_hour == pytest.approx(6.88 * 68.8 / 55.04)
    assert price.verified


def test_a_borrowed_factor_says_whose_it_is_and_is_not_verified():
    price = instance_hourly("m7i.xlarge", "eu-west-1", "on-demand")
    assert price is not None
    assert not price.verified
    assert "region factor of m6id" in price.basis


def test_a_reservation_is_billed_as_on_demand():
    reserved = instance_hourly("p5en.48xlarge", "us-east-2", "reservation")
    on_demand = instance_hourly("p5en.48xlarge", "us-east-2", "on-demand")
    assert reserved is not None
    assert on_demand is not None
    assert reserved.usd_per_hour == on_demand.usd_per_hour
    assert "reservation" in reserved.basis


def test_spot_is_cheaper_by_what_spot_advisor_saves():
    """55.04 USD on demand, 52 % less as Spot Advisor had it for us-east-1 on 2025-06-28."""
    price = instance_hourly("p5.48xlarge", "us-east-1", "spot")
    assert price is not None
    assert price.usd_per_hour == pytest.approx(55.04 * 0.48)
    assert "Spot Advisor 2025-06-28" in price.basis


def test_types_sold_by_capacity_block_only_have_that_price_alone():
    for name in ("p5e.48xlarge", "trn2.48xlarge", "p6e-gb200.36xlarge"):
        assert instance_hourly(name, "us-east-1", "on-demand") is None
        assert instance_hourly(name, "us-east-1", "spot") is None
        assert instance_hourly(name, "us-east-1", "capacity-block") is not None


def test_a_capacity_block_price_of_another_region_is_not_verified():
    there = instance_hourly("p5.48xlarge", "us-west-2", "capacity-block")
    elsewhere = instance_hourly("p5.48xlarge", "ap-south-1", "capacity-block")
    assert there is not None
    assert elsewhere is not None
    assert (there.verified, elsewhere.verified) == (True, False)


@pytest.mark.parametrize(
    ("name", "region", "capacity", "kind"),
    [
        ("p5.48xlarg", "us-east-1", "on-demand", "instance type"),
        ("p5.48xlarge", "us-east1", "on-demand", "region"),
        ("p5.48xlarge", "us-east-1", "ondemand", "capacity"),
    ],
)
def test_a_wrong_name_is_told(name, region, capacity, kind):
    with pytest.raises(UnknownNameError, match=f"unknown {kind}"):
        instance_hourly(name, region, capacity)


def test_extended_support_costs_six_times_the_control_plane():
    assert infrastructure("eks-cluster-extended").usd == pytest.approx(6 * infrastructure("eks-cluster").usd)
    assert HOURS_PER_MONTH == 730
