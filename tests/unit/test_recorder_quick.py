"""What stands in the SDK's place while a program is recorded gives the SDK's results."""

from types import SimpleNamespace
from typing import Any

import pulumi
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.output import UNKNOWN
from pulumi.runtime import _depends_on, resource_cycle_breaker, rpc

from slipway.rehearsal import quick
from slipway.rehearsal.recorder import RecordingError, record

NODES = 6


class Node:
    """What the two functions read of a resource."""

    def __init__(self, *, registered: bool) -> None:
        self.urn = SimpleNamespace(_data=SimpleNamespace(done=lambda: registered))


def node(*, registered: bool) -> Any:
    return Node(registered=registered)


edges = st.lists(st.tuples(st.integers(0, NODES - 1), st.integers(0, NODES - 1)), max_size=20)


@given(edges)
def test_rings_are_found_as_by_the_sdk(pairs):
    ours, theirs = ([node(registered=False) for _ in range(NODES)] for _ in range(2))
    for one, other in pairs:
        expected = resource_cycle_breaker.declare_dependency(theirs[one], theirs[other])
        assert quick.declared(ours[one], ours[other]) is expected


def test_what_is_registered_is_not_looked_into():
    """The way through everything that a resource stands on is what took an hour."""
    looked = []

    class Registered(Node):
        def __getattr__(self, name: str) -> Any:
            looked.append(name)
            raise AttributeError(name)

    below: Any = Registered(registered=True)
    assert quick.declared(node(registered=False), below)
    assert looked == []


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.just(UNKNOWN),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(values)
def test_unknowns_are_found_as_by_the_sdk(value):
    assert quick.contains_unknowns(value) is rpc.contains_unknowns(value)


def test_a_value_that_holds_itself_has_an_end():
    ring: list[Any] = []
    ring.append({"ring": ring})
    assert not quick.contains_unknowns(ring)
    ring.append(UNKNOWN)
    assert quick.contains_unknowns(ring)


def test_everything_is_put_back_also_after_a_failure():
    def standing() -> tuple[Any, ...]:
        names = vars(rpc)
        return names["declare_dependency"], names["contains_unknowns"], _depends_on._resolve_depends_on

    def failing() -> None:
        with quick.quick():
            assert all(one is not other for one, other in zip(before, standing(), strict=True))
            raise ZeroDivisionError

    before = standing()
    with pytest.raises(ZeroDivisionError):
        failing()
    assert standing() == before


def test_outputs_in_depends_on_go_the_sdk_s_way():
    found: dict[str, set[str]] = {}

    async def program() -> None:
        given_: Any
        first, second = (pulumi.ComponentResource("demo:a:A", name) for name in ("first", "second"))
        for name, given_ in (("plain", [first]), ("all", [first, pulumi.Output.from_input(second)])):
            found[name] = {each._name for each in await _depends_on._resolve_depends_on(given_)}

    record(program, project="demo", stack="dev", config={})
    assert found == {"plain": {"first"}, "all": {"first", "second"}}


def test_a_ring_ends_the_recording_with_a_message():
    def program() -> None:
        first = pulumi.ComponentResource("demo:a:A", "first")
        below = pulumi.ComponentResource("demo:a:A", "below", None, pulumi.ResourceOptions(parent=first))
        pulumi.ComponentResource("demo:a:A", "deeper", None, pulumi.ResourceOptions(parent=below, depends_on=[first]))

    with pytest.raises(RecordingError, match="circular dependency"):
        record(program, project="demo", stack="dev", config={})
