"""Names that fit AWS's limits and stay apart."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.catalog.zones import partition
from infra.naming import AUTONAME_SUFFIX, LIMITS, safe_name, tags, type_token

parts = st.lists(st.from_regex(r"[a-z0-9]{0,40}", fullmatch=True), min_size=1, max_size=4)
limits = st.integers(8, 128)


@given(parts, limits)
def test_no_name_is_longer_than_its_limit(pieces: list[str], limit: int):
    assert len(safe_name(*pieces, limit=limit)) <= limit


@given(parts, limits)
def test_a_short_name_is_left_alone(pieces: list[str], limit: int):
    whole = "-".join(piece for piece in pieces if piece)
    if len(whole) <= limit:
        assert safe_name(*pieces, limit=limit) == whole


@given(parts, limits)
def test_a_name_that_fits_stays_as_it_is(pieces: list[str], limit: int):
    once = safe_name(*pieces, limit=limit)
    assert safe_name(once, limit=limit) == once


@given(st.text(alphabet="ab-", min_size=8, max_size=60), st.text(alphabet="ab-", min_size=8, max_size=60), limits)
def test_two_names_never_become_one(first: str, second: str, limit: int):
    same = safe_name(first, limit=limit) == safe_name(second, limit=limit)
    assert same == (first == second)


@given(parts.filter(any), limits)
def test_a_name_of_letters_and_digits_stays_one(pieces: list[str], limit: int):
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", safe_name(*pieces, limit=limit))


def test_a_cut_name_is_the_same_in_every_run():
    # sha256("slipway-production-eu-central-1-checkpoints") begins with these six digits.
    assert safe_name("slipway-production", "eu-central-1", "checkpoints", limit=30) == "slipway-production-eu-c-0d689d"


@pytest.mark.parametrize("limit", [0, 7])
def test_a_limit_without_room_is_refused(limit: int):
    with pytest.raises(ValueError, match="cannot be told apart"):
        safe_name("a", limit=limit)


def test_every_limit_leaves_room_for_autonaming():
    assert len("-0123abc") == AUTONAME_SUFFIX
    assert all(limit - AUTONAME_SUFFIX >= 8 for limit in LIMITS.values())


def test_later_tags_win():
    assert tags({"Owner": "a", "Name": "x"}, "y", {"Owner": "b"}) == {"Owner": "b", "Name": "y"}
    assert tags({"Owner": "a"}) == {"Owner": "a"}


def test_type_tokens_have_three_parts():
    assert type_token("infra", "Network") == "slipway:infra:Network"


@pytest.mark.parametrize(
    ("region", "name"),
    [
        ("us-west-2", "aws"),
        ("il-central-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("eusc-de-east-1", "aws-eusc"),
    ],
)
def test_the_partition_of_a_region(region: str, name: str):
    assert partition(region) == name
