"""Every AWS resource of every stack file, as the request that creates it, against botocore's own service models.

The table of calls is `aws_calls`; a new type is an entry there.
"""

import copy
import functools
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import botocore.session
import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape
from botocore.validate import ParamValidator

from slipway.plan.model import Resource
from tests.contract.aws_call import Call
from tests.contract.aws_calls import CALLS, NO_CALL, NOT_SENT
from tests.program.conftest import STACK_FILES, planned

NOT_AT_FIRST: Final = {
    # AWS knows a tag a day after the first `up`: `test_plan_observability` has it.
    "aws:costexplorer/costAllocationTag:CostAllocationTag",
}
"""What no stack file has."""
DEV: Final = next(path for path in STACK_FILES if path.name == "Pulumi.dev.yaml")
GROUP_TEXT: Final = re.compile(r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{0,255}")
"""Descriptions of security groups and of their rules: EC2 API, CreateSecurityGroup; the model has no pattern."""

JAVA: Final = {
    r"\p{L}": r"\w",
    r"\p{N}": r"\d",
    r"\p{Z}": r"\s",
    # Of marks, punctuation and symbols those that are ASCII, which is narrower.
    r"\p{M}": "",
    r"\p{P}": r"!-#%-*,-/:;?@\[-\]_{}",
    r"\p{S}": r"$+<=>\^`|~",
    r"\uD800\uDC00-\uDBFF\uDFFF": r"\U00010000-\U0010FFFF",
    "(?i)": "",
}
"""What Python has for classes of characters by Unicode property and for pairs of surrogates. It takes no flag inside a
pattern; the one that has some (`BudgetName`) means a word that no name of ours has."""


@functools.cache
def shape_of(api: str) -> StructureShape:
    service, operation = api.split(".")
    model = botocore.session.get_session().get_service_model(service)
    shape = model.operation_model(operation).input_shape
    assert shape is not None
    return shape


def member(shape: StructureShape, key: str) -> str:
    """The member that a key means."""
    plain = key.lower().removesuffix("s")
    found = [name for name in shape.members if name.lower().removesuffix("s") == plain]
    exact = [name for name in found if name.lower() == key.lower()]
    if not found:
        raise LookupError(f"{shape.name} has no {key}; it has {', '.join(shape.members)}")
    return (exact or found)[0]


def converted(value: Any, source: str, names: Mapping[str, str], shape: Shape) -> Any:
    """A value in the request's spelling. The provider writes lists of one as objects, and some flags as text."""
    match shape:
        case ListShape():
            entry = getattr(shape.member, "members", {})
            pair = next(
                (
                    pair
                    for pair in (("Key", "Value"), ("key", "value"), ("TagKey", "TagValue"))
                    if set(pair) == set(entry)
                ),
                None,
            )
            if pair and isinstance(value, Mapping):
                return [dict(zip(pair, item, strict=True)) for item in value.items()]
            items = value if isinstance(value, list | tuple) else [value]
            return [converted(item, source, names, shape.member) for item in items]
        case StructureShape() if isinstance(value, Mapping):
            paths = {key: f"{source}.{key}" for key in value}
            return {
                (to := member(shape, names.get(path, key))): converted(value[key], path, names, shape.members[to])
                for key, path in paths.items()
            }
        case MapShape():
            return dict(value)
    if shape.type_name == "boolean" and value in ("true", "false"):
        return value == "true"
    return value


def put(request: dict[str, Any], shape: Any, path: str, value: Callable[[Shape], Any]) -> None:
    """Set what a path leads to; a list on the way has one entry."""
    head, _, rest = path.partition(".")
    to = member(shape, head)
    below: Any = shape.members[to]
    if not rest:
        request[to] = value(below)
    elif isinstance(below, ListShape):
        put(request.setdefault(to, [{}])[0], below.member, rest, value)
    else:
        put(request.setdefault(to, {}), below, rest, value)


def request_of(resource: Resource, call: Call) -> dict[str, Any]:
    taken = {key for other in CALLS[resource.type] if other is not call for key in other.only}
    unsent = {key.rpartition("/")[2] for key in NOT_SENT if key.startswith(f"{resource.type}/")}
    keys = [key for key in resource.inputs if (key in call.only if call.only else key not in taken | unsent)]
    inner = f"{call.inner}." if call.inner else ""
    shape, request = shape_of(call.api), dict[str, Any]()
    paths = {key: call.names.get(key, f"{inner}{key}") for key in keys}
    for key in sorted(keys, key=lambda key: paths[key].count(".")):
        put(request, shape, paths[key], functools.partial(converted, resource.inputs[key], key, call.names))
    for path, value in call.given.items():
        given = value(resource) if callable(value) else value
        if given is not None:
            put(request, shape, path, functools.partial(converted, given, path, {}))
    return request


def faults(value: Any, shape: Shape, path: str) -> Iterator[str]:
    """What `ParamValidator` leaves to the service: values, patterns and greatest lengths."""
    if isinstance(shape, StructureShape):
        for key, item in value.items():
            yield from faults(item, shape.members[key], f"{path}.{key}")
        return
    if isinstance(shape, MapShape):
        for key, item in value.items():
            yield from faults(key, shape.key, f"{path}[{key}]")
            yield from faults(item, shape.value, f"{path}[{key}]")
    if isinstance(shape, ListShape):
        for index, item in enumerate(value):
            yield from faults(item, shape.member, f"{path}[{index}]")
    allowed, pattern, most = (shape.metadata.get(key) for key in ("enum", "pattern", "max"))
    if allowed and value not in allowed:
        yield f"{path}: {value!r} is none of {', '.join(allowed)}"
    if pattern and not compiled(pattern).search(str(value)):
        yield f"{path}: {value!r} does not match {pattern}"
    size = value if isinstance(value, int | float) else len(value)
    if most is not None and size > most:
        yield f"{path}: {size} is more than {most}"


@functools.cache
def compiled(pattern: str) -> re.Pattern[str]:
    """A pattern of the service models, which are Java's and hold for the whole value."""
    for java, python in JAVA.items():
        pattern = pattern.replace(java, python)
    return re.compile(pattern if pattern.startswith("^") else rf"^(?:{pattern})$")


def problems(resource: Resource) -> list[str]:
    found = []
    for call in CALLS[resource.type]:
        if call.only and not set(call.only) & set(resource.inputs):
            continue
        request = request_of(resource, call)
        report = ParamValidator().validate(request, shape_of(call.api)).generate_report()
        found += [f"{call.api}: {report}"] if report else []
        found += [f"{call.api}{fault}" for fault in faults(request, shape_of(call.api), "")] if not report else []
    return found


def resources(path: Path) -> list[Resource]:
    return [each for each in planned(path) if each.type.startswith("aws:") and each.custom]


@pytest.fixture(params=STACK_FILES, ids=lambda path: path.stem.removeprefix("Pulumi."))
def stack_file(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_every_type_has_its_call_or_a_reason():
    types = {resource.type for path in STACK_FILES for resource in resources(path)} | NOT_AT_FIRST
    assert types == CALLS.keys() | NO_CALL.keys()
    assert not CALLS.keys() & NO_CALL.keys()


def test_aws_takes_every_request(stack_file):
    found = {
        resource.name: wrong
        for resource in resources(stack_file)
        if resource.type in CALLS and (wrong := problems(resource))
    }
    assert not found


def test_descriptions_of_security_groups_hold_what_ec2_allows(stack_file):
    texts = {
        str(resource.inputs["description"])
        for resource in resources(stack_file)
        if "ecurityGroup" in resource.type and "description" in resource.inputs
    }
    assert texts
    assert not [text for text in texts if not GROUP_TEXT.fullmatch(text)]


@pytest.mark.parametrize(
    ("type_", "path", "value", "says"),
    [
        ("aws:eks/nodeGroup:NodeGroup", ("capacityType",), "SPOTT", "is none of ON_DEMAND, SPOT"),
        ("aws:eks/nodeGroup:NodeGroup", ("scalingConfig", "maxSize"), 0, "valid min value: 1"),
        ("aws:eks/nodeGroup:NodeGroup", ("clusterName",), None, "Invalid type"),
        ("aws:ec2/launchTemplate:LaunchTemplate", ("metadataOptions", "httpTokens"), "always", "is none of"),
        ("aws:logs", ("retentionInDays",), "many", "Invalid type"),
        ("aws:kms/alias:Alias", ("name",), "alias/a b", "does not match"),
        ("aws:iam/role:Role", ("description",), "x" * 1001, "is more than 1000"),
        ("aws:iam/role:Role", ("tags", "Owner"), "who?", "does not match"),
    ],
)
def test_a_wrong_input_is_found(type_, path, value, says):
    type_ = {"aws:logs": "aws:cloudwatch/logGroup:LogGroup"}.get(type_, type_)
    right = next(each for each in resources(DEV) if each.type == type_)
    inputs: Any = copy.deepcopy(dict(right.inputs))
    inner = functools.reduce(lambda found, key: found[key], path[:-1], inputs)
    inner[path[-1]] = value
    wrong = Resource(urn=right.urn, custom=True, inputs=inputs)
    assert not problems(right)
    assert any(says in each for each in problems(wrong))


def test_an_input_that_no_request_has_is_found():
    right = next(each for each in resources(DEV) if each.type == "aws:ec2/subnet:Subnet")
    with pytest.raises(LookupError, match="has no zone"):
        problems(Resource(urn=right.urn, custom=True, inputs={**right.inputs, "zone": "use1-az1"}))
