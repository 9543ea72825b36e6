"""Kubernetes quantities, against examples of its documentation and of apimachinery's own tests."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.jobs.quantity import QuantityError, compared, is_extended, parse, shown


@pytest.mark.parametrize(
    ("resource", "text", "amount"),
    [
        ("cpu", "1", 1000),
        ("cpu", "250m", 250),
        ("cpu", "0.1", 100),
        ("cpu", ".5", 500),
        ("cpu", 2, 2000),
        ("cpu", 1.5, 1500),
        # A micro-core is rounded up, as the API server does.
        ("cpu", "1u", 1),
        ("memory", "64Gi", 64 * 1024**3),
        ("memory", "128974848", 128974848),
        ("memory", "129e6", 129_000_000),
        ("memory", "129M", 129_000_000),
        ("memory", "123Mi", 123 * 1024**2),
        ("memory", "128974848000m", 128974848),
        ("memory", "1.5Ki", 1536),
        ("nvidia.com/gpu", "8", 8),
        ("hugepages-2Mi", "5Gi", 5 * 1024**3),
        ("ephemeral-storage", "1k", 1000),
    ],
)
def test_a_quantity_is_read_as_kubernetes_reads_it(resource, text, amount):
    assert parse(resource, text) == amount


@pytest.mark.parametrize(
    "value",
    [
        "",
        "eight",
        "1 Gi",
        "1GiB",
        "1gi",
        "0x8",
        "1e",
        "--1",
        "1_000",
        "\u0661",
        None,
        True,
        [],
        {},
        float("nan"),
        "1e999",
    ],
)
def test_what_is_none_is_refused(value):
    with pytest.raises(QuantityError, match="is no quantity"):
        parse("memory", value)


@pytest.mark.parametrize(
    ("value", "why"), [("-1", "negative"), (-3, "negative"), ("9223372036854775808", "larger"), ("9e99", "larger")]
)
def test_a_quantity_out_of_bounds_says_so(value, why):
    with pytest.raises(QuantityError, match=why):
        parse("nvidia.com/gpu", value)


@given(st.text(max_size=12) | st.integers() | st.floats() | st.binary(max_size=4) | st.none())
def test_any_value_is_an_amount_or_refused(value):
    try:
        amount = parse("cpu", value)
    except QuantityError:
        return
    assert amount >= 0


@given(st.integers(0, 10**6), st.sampled_from(["", "m", "k", "Ki", "Mi"]))
def test_more_of_a_suffix_is_more(number, suffix):
    factors = {"": 1, "m": Fraction(1, 1000), "k": 1000, "Ki": 1024, "Mi": 1024**2}
    assert parse("cpu", f"{number}{suffix}") == -(-number * factors[suffix] * 1000 // 1)


@pytest.mark.parametrize(
    ("resource", "amount", "text"),
    [
        ("cpu", 187_400, "187.4"),
        ("cpu", 2000, "2"),
        ("cpu", 5, "0.005"),
        ("memory", 1536 * 1024**2, "1.5Gi"),
        ("memory", 100 * 1024**2, "100Mi"),
        ("memory", 17, "17"),
        ("nvidia.com/gpu", 8, "8"),
    ],
)
def test_an_amount_is_shown_as_people_write_it(resource, amount, text):
    assert shown(resource, amount) == text


def test_two_amounts_that_look_alike_are_shown_apart():
    assert compared("memory", 10250 * 1024**2, 10 * 1024**3) == "10,250.0Mi > 10,240.0Mi"
    assert compared("cpu", 200_000, 187_400) == "200 > 187.4"


def test_extended_resources_are_those_of_device_plugins():
    assert is_extended("vpc.amazonaws.com/efa")
    assert not is_extended("hugepages-2Mi")
    assert not is_extended("cpu")
