"""The CIDR plan: subnets that fit, never overlap, and never move when a zone is added."""

import ipaddress
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.network.cidr import CidrPlanError, ZoneCidrs, plan

vpcs = st.builds(
    lambda prefix, block: str(ipaddress.IPv4Network((10 << 24 | (block << (32 - prefix)) % (1 << 24), prefix))),
    st.integers(16, 28),
    st.integers(0, 2**20 - 1),
)
prefixes = st.integers(16, 28)
publics = st.none() | prefixes


@st.composite
def fitting(draw) -> tuple[str, int, int, int | None]:
    """A VPC, zones, and prefixes of subnets that all find room in it."""
    cidr = draw(vpcs)
    zones = draw(st.integers(1, 8))
    # Each zone's share is rounded up to a power of two, and halved where there are public subnets too.
    least = ipaddress.IPv4Network(cidr).prefixlen + (zones - 1).bit_length()
    public = draw(st.none() | st.integers(least + 1, 32))
    return cidr, zones, draw(st.integers(least + (public is not None), 32)), public


def subnets(zones: tuple[ZoneCidrs, ...]) -> list[ipaddress.IPv4Network]:
    # IPv4Network raises where an address is not aligned to its prefix.
    return [ipaddress.IPv4Network(each) for zone in zones for each in (zone.private, zone.public) if each]


def test_the_default_plan_of_three_zones():
    assert plan("10.0.0.0/16", zones=3, private_prefix=19, public_prefix=24) == (
        ZoneCidrs(private="10.0.0.0/19", public="10.0.255.0/24"),
        ZoneCidrs(private="10.0.32.0/19", public="10.0.254.0/24"),
        ZoneCidrs(private="10.0.64.0/19", public="10.0.253.0/24"),
    )


def test_a_private_cluster_has_private_subnets_only():
    assert plan("10.0.0.0/16", zones=2, private_prefix=17, public_prefix=None) == (
        ZoneCidrs(private="10.0.0.0/17", public=None),
        ZoneCidrs(private="10.0.128.0/17", public=None),
    )


@given(fitting())
def test_subnets_lie_inside_and_apart(asked: tuple[str, int, int, int | None]):
    cidr, zones, private, public = asked
    found = plan(cidr, zones=zones, private_prefix=private, public_prefix=public)
    assert len(found) == zones
    nets = subnets(found)
    assert len(nets) == zones * (1 if public is None else 2)
    assert all(net.subnet_of(ipaddress.IPv4Network(cidr)) for net in nets)
    assert not any(first.overlaps(second) for first, second in combinations(nets, 2))
    assert {net.prefixlen for net in nets} == {private, public} - {None}


@given(fitting())
def test_a_zone_added_at_the_end_moves_nobody(asked: tuple[str, int, int, int | None]):
    cidr, zones, private, public = asked
    found = plan(cidr, zones=zones, private_prefix=private, public_prefix=public)
    for fewer in range(zones):
        assert plan(cidr, zones=fewer, private_prefix=private, public_prefix=public) == found[:fewer]


@given(vpcs, st.integers(1, 8), prefixes, publics)
def test_what_is_refused_cannot_fit_and_what_is_advised_does(cidr: str, zones: int, private: int, public: int | None):
    room = ipaddress.IPv4Network(cidr).num_addresses
    sizes = [2 ** (32 - private), 2 ** (32 - public) if public else 0]
    try:
        plan(cidr, zones=zones, private_prefix=private, public_prefix=public)
    except CidrPlanError as error:
        advice = str(error).partition("use a VPC of /")[2].partition(" ")[0]
    else:
        assert zones * sum(sizes) <= room
        return
    assert zones * sum(sizes) > room
    if advice:
        assert int(advice) >= 16
        larger = str(ipaddress.IPv4Network((0, int(advice))))
        assert plan(larger, zones=zones, private_prefix=private, public_prefix=public)


@pytest.mark.parametrize(
    ("cidr", "private", "words"),
    [
        ("10.0.0.0/20", 19, "a subnet of /19 is larger than the VPC"),
        ("10.0.0.0/18", 19, "use a VPC of /17 or smaller subnets"),
        ("10.0.0.0/16", 17, "and it has 65,536; use smaller subnets"),
    ],
)
def test_a_refusal_says_what_would_fit(cidr: str, private: int, words: str):
    with pytest.raises(CidrPlanError) as caught:
        plan(cidr, zones=3, private_prefix=private, public_prefix=24)
    assert words in str(caught.value)
