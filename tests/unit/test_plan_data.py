"""The plan as data: look-ups, order, checks, documents and comparison, without any Pulumi program."""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway import urns
from slipway.plan.checks import check
from slipway.plan.compare import compare
from slipway.plan.deployment import DeploymentError, from_document, to_document
from slipway.plan.graph import CycleError, needs, ordered
from slipway.plan.model import Invocation, Message, Plan, Resource, counts
from slipway.wire import ARCHIVE, ASSET, RESOURCE, SIGNATURE, UNKNOWN

STACK = urns.stack("dev", "demo")
NETWORK = urns.child(STACK, "slipway:infra:Network", "network")
PROVIDER = urns.child(STACK, "pulumi:providers:aws", "aws")
VPC = urns.child(NETWORK, "aws:ec2/vpc:Vpc", "vpc")
SUBNET = urns.child(NETWORK, "aws:ec2/subnet:Subnet", "subnet")
CLUSTER = urns.child(NETWORK, "aws:eks/cluster:Cluster", "cluster")
KUBERNETES = urns.child(NETWORK, "pulumi:providers:kubernetes", "k8s")
OBJECT = urns.child(NETWORK, "kubernetes:core/v1:Namespace", "ns")


def resource(urn, **given_):
    parent = given_.pop("parent", "" if urn == STACK else NETWORK if "$" in urn else STACK)
    custom = given_.pop("custom", urn not in (STACK, NETWORK))
    return Resource(urn=urn, custom=custom, parent=parent, **given_)


def sound(vpc="vpc-1", **more):
    """A small sound plan; `vpc` is the id that AWS made up."""
    aws = {"provider": f"{PROVIDER}::p-1"}
    resources = (
        resource(STACK, outputs={"vpcId": vpc, "warnings": ["w"]}),
        resource(NETWORK, outputs={"vpcId": vpc}),
        resource(PROVIDER, id="p-1", inputs={"region": "us-west-2"}),
        resource(VPC, id=vpc, inputs={"cidrBlock": "10.0.0.0/16"}, outputs={"arn": f"arn:aws:ec2:::vpc/{vpc}"}, **aws),
        resource(
            SUBNET,
            id=f"subnet-of-{vpc}",
            inputs={"vpcId": vpc, "cidrBlock": "10.0.0.0/24"},
            outputs={"vpcId": vpc},
            dependencies=(VPC,),
            property_dependencies={"vpcId": (VPC,)},
            **aws,
        ),
        resource(CLUSTER, id="c", inputs={"name": "c"}, **aws),
        resource(
            KUBERNETES,
            id="p-2",
            inputs={"kubeconfig": "..."},
            dependencies=(CLUSTER,),
            property_dependencies={"kubeconfig": (CLUSTER,)},
        ),
        resource(OBJECT, id="ns", inputs={"kind": "Namespace"}, provider=f"{KUBERNETES}::p-2"),
    )
    return Plan(project="demo", stack="dev", resources=resources, **more)


def changed(plan, urn, **given_):
    resources = tuple(replace(each, **given_) if each.urn == urn else each for each in plan)
    return replace(plan, resources=resources)


def test_lookups():
    plan = sound(messages=(Message(severity="warning", text="logged"), Message(severity="info", text="said")))
    assert plan.one("aws:ec2/vpc:Vpc").name == "vpc"
    assert [each.name for each in plan.children(NETWORK)] == ["vpc", "subnet", "cluster", "k8s", "ns"]
    assert plan.descendants(plan.resources[0])[0].urn == NETWORK
    assert {each.name for each in plan.of_type("aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet")} == {"vpc", "subnet"}
    assert VPC in plan
    assert plan.get("urn:no") is None
    assert plan.outputs["vpcId"] == "vpc-1"
    assert plan.warnings == ("w", "logged")
    assert counts(plan)["aws:ec2/vpc:Vpc"] == 1
    with pytest.raises(LookupError, match=r"0 resources aws:ec2/vpc:Vpc other; there are: vpc"):
        plan.one("aws:ec2/vpc:Vpc", "other")


def test_document_is_pulumis_and_reads_back():
    plan = sound()
    document = json.loads(json.dumps(to_document(plan)))
    assert document["version"] == 3
    assert set(document["deployment"]) == {"manifest", "resources", "metadata"}
    subnet = next(each for each in document["deployment"]["resources"] if each["urn"] == SUBNET)
    assert subnet["type"] == "aws:ec2/subnet:Subnet"
    assert subnet["propertyDependencies"] == {"vpcId": [VPC]}
    assert subnet["provider"] == f"{PROVIDER}::p-1"
    assert from_document(document) == plan


def test_reads_what_the_engine_exports():
    """A state of `pulumi stack export` (CLI 3.260) with members that a plan never has."""
    state = {
        "urn": VPC,
        "custom": True,
        "id": "vpc-1",
        "type": "aws:ec2/vpc:Vpc",
        "propertyDependencies": {"cidrBlock": None},
        "created": "2026-11-22T10:00:00Z",
        "modified": "2026-11-22T10:00:00Z",
    }
    root = {"urn": STACK, "custom": False, "type": urns.STACK_TYPE}
    plan = from_document({"version": 3, "deployment": {"resources": [root, state], "pending_operations": None}})
    assert (plan.project, plan.stack) == ("demo", "dev")
    assert plan.one("aws:ec2/vpc:Vpc").property_dependencies == {"cidrBlock": ()}


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"version": 2},
        {"version": 3},
        {"version": 3, "deployment": {"resources": [{}]}},
        {"version": 3, "deployment": {"resources": []}},
    ],
)
def test_other_documents_are_refused_with_a_message(document):
    with pytest.raises(DeploymentError, match=r"version|resources"):
        from_document(document)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"urn": ""}, "deployment.resources[1].urn: '' is no URN"),
        ({"urn": None}, "deployment.resources[1].urn: null is no URN"),
        ({"urn": ["a"]}, "deployment.resources[1].urn: ['a'] is no URN"),
        ({"urn": "a::b::c::d"}, "deployment.resources[1].urn: 'a::b::c::d' is no URN"),
        ({"urn": "urn:pulumi:dev::demo::t"}, "deployment.resources[1].urn: 'urn:pulumi:dev::demo::t' is no URN"),
        ({"inputs": "x"}, "deployment.resources[1].inputs: 'x' is not a mapping"),
        ({"outputs": 1}, "deployment.resources[1].outputs: 1 is not a mapping"),
        ({"propertyDependencies": ["x"]}, "deployment.resources[1].propertyDependencies: ['x'] is not a mapping"),
    ],
)
def test_a_resource_that_is_none_is_named(change, message):
    root = {"urn": STACK, "custom": False, "type": urns.STACK_TYPE}
    state = {"urn": VPC, "custom": True, **change}
    with pytest.raises(DeploymentError) as raised:
        from_document({"version": 3, "deployment": {"resources": [root, state]}})
    assert str(raised.value) == message


NAMES = st.lists(st.integers(0, 30), unique=True, min_size=1, max_size=12)


@given(st.data(), NAMES)
def test_order_puts_needs_first_and_forgets_the_order_given(data, names):
    resources: list[Resource] = []
    for position, name in enumerate(names):
        earlier = [each.urn for each in resources]
        behind = data.draw(st.lists(st.sampled_from(earlier), unique=True, max_size=3)) if earlier else []
        resources.append(
            Resource(urn=urns.child(STACK, "a:b:C", str(name)), custom=True, parent=STACK, dependencies=tuple(behind))
        )
        assert len(resources) == position + 1
    everything = [Resource(urn=STACK, custom=False), *resources]
    found = ordered(data.draw(st.permutations(everything)))
    places = {each.urn: place for place, each in enumerate(found)}
    assert found[0].urn == STACK
    assert all(places[need] < places[each.urn] for each in found for need in needs(each))
    assert found == ordered(everything)


def test_a_ring_names_its_members():
    one = resource(VPC, dependencies=(SUBNET,))
    other = resource(SUBNET, dependencies=(VPC,))
    with pytest.raises(CycleError, match=r"subnet -> vpc -> subnet|vpc -> subnet -> vpc"):
        ordered([resource(STACK), resource(NETWORK), one, other])


def test_a_sound_plan_has_no_faults():
    assert check(sound()) == ()


FAULTS: dict[str, tuple[dict[str, Any], str | None]] = {
    "a ring": ({"urn": VPC, "dependencies": (SUBNET,)}, "in a ring"),
    "a missing dependency": ({"urn": VPC, "dependencies": (f"{VPC}-gone",)}, "which is not in the plan"),
    "a reference to nothing": (
        {"urn": VPC, "inputs": {"a": [{SIGNATURE: RESOURCE, "urn": f"{VPC}-gone"}]}},
        "which is not in the plan",
    ),
    "a default provider": ({"urn": VPC, "provider": ""}, "a default one would be used"),
    "another kind of provider": ({"urn": OBJECT, "provider": f"{PROVIDER}::p-1"}, "not a Kubernetes one"),
    "a kubeconfig from elsewhere": ({"urn": KUBERNETES, "property_dependencies": {}}, None),
    "no kubeconfig": ({"urn": KUBERNETES, "inputs": {}}, None),
    "no parent": ({"urn": VPC, "parent": ""}, "has no parent"),
    "no component above": ({"urn": VPC, "parent": STACK}, "directly below the stack"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_found(fault):
    change, message = FAULTS[fault]
    found = check(changed(sound(), **change))
    assert found
    assert (message or "is not made from the plan's cluster") in "\n".join(map(str, found))


def test_an_object_is_made_once():
    def made(logical, **meta):
        urn = urns.child(NETWORK, "kubernetes:core/v1:Namespace", logical)
        inputs = {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}
        return resource(urn, inputs=inputs, provider=f"{KUBERNETES}::p-2")

    plan = sound()
    (found,) = check(replace(plan, resources=(*plan.resources, made("one", name="a"), made("other", name="a"))))
    assert str(found).endswith("other: makes the Namespace a, as one does")
    apart = (made("one", name="a"), made("two", name="b"), made("three", name="a", namespace="x"))
    assert check(replace(plan, resources=(*plan.resources, *apart))) == ()


def test_ids_are_no_difference():
    assert compare(sound("vpc-1"), sound("vpc-2")) == ()


def test_ids_inside_texts_and_base64_are_no_difference():
    def plan(vpc):
        text = json.dumps({"Resource": f"arn:aws:ec2:::vpc/{vpc}"})
        packed = base64.b64encode(f"--id {vpc}".encode()).decode()
        return changed(sound(vpc), CLUSTER, inputs={"name": "c", "policy": text, "userData": packed})

    assert compare(plan("vpc-1"), plan("vpc-2")) == ()


def test_the_account_is_no_difference_when_it_comes_from_a_data_source():
    def plan(account):
        asked = Invocation(token="aws:index/getCallerIdentity", provider="", result={"accountId": account})
        return changed(sound(invocations=(asked,)), CLUSTER, inputs={"arn": f"arn:aws:iam::{account}:root"})

    assert compare(plan("123456789012"), plan("210987654321")) == ()


def test_another_resources_id_is_a_difference():
    """The id that stands in a property must be the same resource's in both plans."""
    other = changed(sound("vpc-2"), SUBNET, inputs={"vpcId": "subnet-of-vpc-2", "cidrBlock": "10.0.0.0/24"})
    (found,) = compare(sound("vpc-1"), other)
    assert found.path == "aws:ec2/subnet:Subnet subnet: vpcId"


def test_a_changed_input_is_a_difference():
    other = changed(sound("vpc-2"), VPC, inputs={"cidrBlock": "10.1.0.0/16"})
    assert [str(each) for each in compare(sound("vpc-1"), other)] == [
        "aws:ec2/vpc:Vpc vpc: cidrBlock: 10.0.0.0/16 vs 10.1.0.0/16"
    ]


def test_a_changed_input_is_a_difference_also_where_aws_repeats_it():
    one, other = (
        changed(sound(), VPC, inputs=inputs, outputs={"arn": arn, **inputs})
        for inputs, arn in (
            ({"cidrBlock": "10.0.0.0/16", "tags": {"Name": "a"}}, "arn:1"),
            ({"cidrBlock": "10.1.0.0/16", "tags": {"Name": "b"}}, "arn:2"),
        )
    )
    assert [str(each) for each in compare(one, other)] == [
        "aws:ec2/vpc:Vpc vpc: cidrBlock: 10.0.0.0/16 vs 10.1.0.0/16",
        "aws:ec2/vpc:Vpc vpc: tags.Name: a vs b",
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"protect": True},
        {"retain_on_delete": True},
        {"ignore_changes": ("tags",)},
        {"custom_timeouts": {"create": 60.0}},
        {"provider": ""},
        {"dependencies": ()},
        {"parent": STACK},
        {"aliases": ("name=x",)},
        {"delete_before_replace": True},
    ],
)
def test_a_changed_option_is_a_difference(change):
    assert compare(sound(), changed(sound(), SUBNET, **change))


def test_what_a_state_does_not_carry_is_no_difference():
    plan = changed(sound(), SUBNET, delete_before_replace=True)
    exported = from_document(to_document(plan))
    assert compare(plan, exported) == compare(exported, plan) == ()


def archive(path="../a.sh", **hashed):
    """An archive of one file; the engine adds a hash to each part."""
    part = {SIGNATURE: ASSET, "path": path, **({"hash": "f0"} if hashed else {})}
    return {SIGNATURE: ARCHIVE, "assets": {"hash": part}, **hashed}


@pytest.mark.parametrize(
    ("left", "right", "where"),
    [
        (archive(), archive(hash="a1"), None),
        (archive(hash="a1"), {SIGNATURE: ARCHIVE, "hash": "a1"}, None),
        (archive(), archive("../b.sh", hash="a1"), "source.assets.hash.path"),
        (archive(hash="a1"), archive(hash="b2"), "source"),
        (archive(), {SIGNATURE: ASSET, "hash": "a1"}, f"source.{SIGNATURE}"),
    ],
)
def test_files_are_compared_by_what_both_plans_say_of_them(left, right, where):
    one, other = (changed(sound(), VPC, inputs={"source": each}) for each in (left, right))
    found = [difference.path.partition(": ")[2] for difference in compare(one, other)]
    assert found[:1] == ([] if where is None else [where])
    assert compare(other, one) == () if where is None else compare(other, one)


def test_a_missing_resource_is_a_difference():
    fewer = replace(sound(), resources=sound().resources[:-1])
    assert [str(each) for each in compare(sound(), fewer)] == [
        "kubernetes:core/v1:Namespace ns: registered vs (absent)"
    ]
    assert [str(each) for each in compare(fewer, sound())] == [
        "kubernetes:core/v1:Namespace ns: (absent) vs registered"
    ]


def test_unknown_equals_what_comes_from_another_resource_and_nothing_else():
    computed = changed(sound(), SUBNET, inputs={"vpcId": UNKNOWN, "cidrBlock": "10.0.0.0/24"})
    assert compare(computed, sound()) == ()
    own = changed(sound(), SUBNET, inputs={"vpcId": "vpc-1", "cidrBlock": UNKNOWN})
    (found,) = compare(own, sound())
    assert found.path == "aws:ec2/subnet:Subnet subnet: cidrBlock"
