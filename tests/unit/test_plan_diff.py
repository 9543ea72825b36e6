"""What `slipway diff` finds between two plans, without any Pulumi program."""

import io
import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway import urns
from slipway.plan import diff_text
from slipway.plan.changes import changes
from slipway.plan.diff import Diff, diff
from slipway.plan.fates import fates
from slipway.plan.model import Plan, Resource
from slipway.plan.tenants import by_tenant, tenants
from slipway.wire import RESOURCE, SIGNATURE

STACK = urns.stack("dev", "demo")
TENANTS = urns.child(STACK, "slipway:tenants:Tenants", "tenants")
TENANT = urns.child(TENANTS, "slipway:tenants:Tenant", "language")
ADDON = urns.child(STACK, "slipway:addons:AddOn", "tenants")
IDENTITY = urns.child(ADDON, "slipway:infra:WorkloadIdentity", "tenants-language")
SPACE = urns.child(ADDON, "kubernetes:core/v1:Namespace", "ns-language")
CLAIM = urns.child(ADDON, "kubernetes:core/v1:PersistentVolumeClaim", "claim-language")
VOLUME = urns.child(ADDON, "kubernetes:core/v1:PersistentVolume", "volume-language")
LOGIN = urns.child(STACK, "aws:cognito/userGroup:UserGroup", "edge-login-language")
QUEUE = urns.child(ADDON, "kubernetes:kueue.x-k8s.io/v1beta2:ClusterQueue", "queue-language")
ROLE = urns.child(IDENTITY, "aws:iam/role:Role", "tenants-language")
POLICY = urns.child(IDENTITY, "aws:iam/rolePolicy:RolePolicy", "tenants-language")
REPOSITORY = urns.child(TENANT, "aws:ecr/repository:Repository", "language")
BUCKET = urns.child(STACK, "aws:s3/bucket:Bucket", "storage-artifacts")
TEMPLATE = urns.child(STACK, "aws:ec2/launchTemplate:LaunchTemplate", "gpu")
GROUP = urns.child(STACK, "aws:eks/nodeGroup:NodeGroup", "gpu")
DATA = ["s3://artifacts-1/tenants/language", "efs home:/tenants/language", "ecr demo/tenants/language"]
COMPONENTS = {STACK, TENANTS, TENANT, ADDON, IDENTITY}
TODAY = date(2026, 11, 22)


def made(urn: str, parent: str = STACK, **given_: Any) -> Resource:
    return Resource(urn=urn, parent="" if urn == STACK else parent, custom=urn not in COMPONENTS, **given_)


def around() -> list[Resource]:
    """What is there with tenants and without."""
    return [
        made(STACK),
        made(TENANTS),
        made(ADDON),
        made(BUCKET, id="artifacts-1", protect=True, retain_on_delete=True),
        made(TEMPLATE, inputs={"imageId": "ami-1"}),
        made(GROUP, inputs={"maxSize": 2}, property_dependencies={"launchTemplate": (TEMPLATE,)}),
    ]


def of_tenant(*, keep: bool) -> list[Resource]:
    """A tenant's resources, as `keepData` has them."""
    return [
        made(TENANT, TENANTS, outputs={"namespace": "language", "data": DATA, "keepData": keep}),
        made(
            REPOSITORY,
            TENANT,
            inputs={"name": "demo/tenants/language", "tags": {"Tenant": "language"}},
            retain_on_delete=keep,
        ),
        made(IDENTITY, ADDON),
        # Registered before the role, and without a tag.
        made(POLICY, IDENTITY, inputs={"policy": '{"Statement": []}'}),
        made(ROLE, IDENTITY, inputs={"tags": {"Tenant": "language"}}),
        made(SPACE, ADDON, inputs={"metadata": {"name": "language"}}, retain_on_delete=keep),
        made(
            VOLUME,
            ADDON,
            inputs={"metadata": {"name": "v"}, "spec": {"claimRef": {"namespace": "language"}}},
            retain_on_delete=keep,
        ),
        made(
            CLAIM,
            ADDON,
            inputs={"metadata": {"name": "c", "namespace": "language"}},
            retain_on_delete=keep,
            deleted_with=SPACE,
        ),
        made(QUEUE, ADDON, inputs={"metadata": {"name": "language"}}),
        made(LOGIN, inputs={"name": "language"}),
    ]


def plan(*resources: Resource) -> Plan:
    return Plan(project="demo", stack="dev", resources=resources)


def without_tenant(*, keep: bool) -> Diff:
    return diff(plan(*around(), *of_tenant(keep=keep)), plan(*around()), TODAY)


def actions(found: Diff) -> dict[str, str]:
    return {entry.urn: entry.action for entry in found.entries}


def page(found: Diff) -> str:
    stream = io.StringIO()
    diff_text.show(found, "earlier.json", stream)
    return stream.getvalue()


# What differs between two values.


def found_in(before: Any, after: Any) -> list[tuple[str, str | None, str | None]]:
    return [(each.path, each.before, each.after) for each in changes("p", before, after)]


def test_the_path_goes_into_objects_lists_and_json():
    before = {"policy": json.dumps({"Statement": [{"Action": "s3:GetObject"}, {"Action": "s3:ListBucket"}]}), "n": 1}
    after = {"policy": json.dumps({"Statement": [{"Action": "s3:GetObject"}, {"Action": "s3:*"}]}), "n": 1}
    assert found_in(before, after) == [("p.policy.Statement[1].Action", "s3:ListBucket", "s3:*")]


def test_of_a_list_that_grew_or_shrank_only_the_members_of_one_side_are_named():
    assert found_in(["a", "b", "c"], ["c", "a"]) == [("p[]", "b", None)]
    assert found_in(["a"], ["a", "a"]) == [("p[]", None, "a")]


def test_the_lines_of_a_text_are_compared_also_inside_base64():
    assert found_in("one\ntwo\n", "one\n2\n") == [("p[1]", "two", "2")]
    # "one\ntwo\n" and "one\n2\n".
    assert found_in("b25lCnR3bwo=", "b25lCjIK") == [("p[1]", "two", "2")]


def test_two_long_texts_are_shown_where_they_differ():
    ((_, before, after),) = found_in("x" * 300 + "left", "x" * 300 + "right")
    assert before is not None
    assert after is not None
    assert before != after
    assert before.endswith("xleft")
    assert after.endswith("xright")
    assert len(before) <= 100


def test_a_reference_is_the_resource_and_not_its_id():
    one, other = ({SIGNATURE: RESOURCE, "urn": "urn:a", "id": id_} for id_ in ("i-1", "i-2"))
    assert found_in(one, other) == []
    assert len(found_in(one, {**one, "urn": "urn:b"})) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(JSON, JSON)
def test_there_is_a_change_if_and_only_if_two_values_differ(one, other):
    def alike(left: Any, right: Any) -> bool:
        """Nothing and null are one on the wire."""
        if isinstance(left, dict) and isinstance(right, dict):
            return all(alike(left.get(key), right.get(key)) for key in {*left, *right})
        if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
            return all(map(alike, left, right))
        return bool(left == right)

    assert bool(list(changes("p", one, other))) is not alike(one, other)


# What becomes of what is taken out.


def test_the_same_plan_twice_differs_in_nothing():
    whole = plan(*around(), *of_tenant(keep=True))
    found = diff(whole, whole, TODAY)
    assert found.entries == ()
    assert tenants(found) == ()
    assert "No difference" in page(found)


def test_a_tenant_s_data_stays_and_the_rest_goes():
    found = without_tenant(keep=True)
    assert actions(found) == {
        **dict.fromkeys((REPOSITORY, SPACE, VOLUME, CLAIM), "keep"),
        **dict.fromkeys((ROLE, POLICY, QUEUE, LOGIN), "delete"),
    }
    assert found.refused == ()
    (tenant,) = tenants(found)
    assert (tenant.name, tenant.status, tenant.keep_data) == ("language", "removed", True)
    assert {entry.urn for entry in tenant.entries} == {REPOSITORY, SPACE, VOLUME, CLAIM, ROLE, POLICY, QUEUE, LOGIN}
    assert [(each.place, each.stays) for each in tenant.data] == [(place, True) for place in DATA]


def test_without_keep_data_all_of_it_goes_and_what_lies_in_shared_stores_stays():
    found = without_tenant(keep=False)
    assert set(actions(found).values()) == {"delete"}
    (tenant,) = tenants(found)
    assert [each.stays for each in tenant.data] == [True, True, False]
    claim = next(entry for entry in found.entries if entry.urn == CLAIM)
    assert claim.why == "goes with ns-language"
    assert "ecr demo/tenants/language goes" in page(found)


def test_the_page_and_the_data_name_what_goes_and_what_stays():
    found = without_tenant(keep=True)
    text = page(found)
    for words in ("language  taken out", "1 ClusterQueue", "1 Namespace", "Out of the stack, and still there (4)"):
        assert words in text
    (tenant,) = diff_text.data(found, "x")["tenants"]
    assert set(tenant["goes"]) == {ROLE, POLICY, QUEUE, LOGIN}
    assert set(tenant["stays"]) == {REPOSITORY, SPACE, VOLUME, CLAIM}


def test_a_tenant_that_comes_is_new():
    found = diff(plan(*around()), plan(*around(), *of_tenant(keep=True)), TODAY)
    assert set(actions(found).values()) == {"add"}
    assert [(each.name, each.status, each.data) for each in tenants(found)] == [("language", "added", ())]


def test_every_resource_of_a_tenant_is_its_own():
    found = by_tenant(plan(*around(), *of_tenant(keep=True)))
    assert set(found) == {each.urn for each in of_tenant(keep=True)}
    assert set(found.values()) == {"language"}


def test_what_is_retained_in_a_namespace_that_goes_is_lost():
    """Kubernetes deletes everything in a namespace, whatever Pulumi was told."""
    resources = {each.urn: each for each in of_tenant(keep=True)}
    resources[SPACE] = replace(resources[SPACE], retain_on_delete=False)
    resources[CLAIM] = replace(resources[CLAIM], deleted_with="")
    found = fates(resources.values())
    assert (found[CLAIM].kind, found[CLAIM].gone) == ("goes-with", True)
    assert "namespace language" in found[CLAIM].why
    # A volume is in no namespace.
    assert found[VOLUME].kind == "stays"


def test_with_the_cluster_everything_in_it_goes():
    cluster = made(urns.child(STACK, "aws:eks/cluster:Cluster", "cluster"))
    kept = made(VOLUME, ADDON, retain_on_delete=True)
    assert fates([cluster, kept])[VOLUME].gone
    assert not fates([kept])[VOLUME].gone


def test_what_would_go_with_something_that_is_retained_stays():
    resources = [made(SPACE, ADDON, retain_on_delete=True), made(CLAIM, ADDON, deleted_with=SPACE)]
    assert fates(resources)[CLAIM].kind == "stays"
    # The other way about, and through another one.
    middle = made(VOLUME, ADDON, deleted_with=SPACE)
    chain = [made(CLAIM, ADDON, deleted_with=VOLUME), middle, made(SPACE, ADDON)]
    assert fates(chain)[CLAIM].why == "goes with volume-language"


def test_up_refuses_to_delete_what_is_protected_even_where_it_is_retained():
    before = plan(*around())
    found = diff(before, plan(*(each for each in before if each.urn != BUCKET)), TODAY)
    assert [entry.urn for entry in found.refused] == [BUCKET]
    assert f"pulumi state unprotect '{BUCKET}'" in page(found)
    assert diff_text.data(found, "x")["refused"] == [
        "s3 Bucket storage-artifacts: protected, and no longer in the stack file"
    ]


def test_components_and_what_was_read_are_not_named_as_deleted():
    read = made(urns.child(STACK, "aws:ec2/vpc:Vpc", "existing"), external=True)
    provider = made(urns.child(STACK, "pulumi:providers:aws", "aws"))
    found = diff(plan(made(STACK), read, provider, made(TENANTS)), plan(made(STACK)), TODAY)
    assert found.entries == ()


# What is changed.


def changed(urn: str, **given_: Any) -> tuple[Plan, Plan]:
    before = plan(*around())
    return before, plan(*(replace(each, **given_) if each.urn == urn else each for each in before))


def test_a_changed_input_is_named_and_nothing_is_said_of_a_replacement():
    (entry,) = diff(*changed(GROUP, inputs={"maxSize": 4}), TODAY).entries
    assert (entry.action, [str(each) for each in entry.changes]) == ("change", ["maxSize: 2 -> 4"])


def test_the_nodes_of_a_changed_launch_template_are_replaced():
    found = diff(*changed(TEMPLATE, inputs={"imageId": "ami-2"}), TODAY)
    assert actions(found) == {TEMPLATE: "change", GROUP: "change"}
    assert "its nodes are replaced" in page(found)


def test_what_the_program_says_replaces_a_resource_does():
    before, after = changed(GROUP, inputs={"userData": {"a": 1}}, replace_on_changes=("userData",))
    (entry,) = diff(before, after, TODAY).entries
    assert entry.action == "replace"
    # `user` alone is another property.
    before, after = changed(GROUP, inputs={"userData": {"a": 1}}, replace_on_changes=("user",))
    assert diff(before, after, TODAY).entries[0].action == "change"


def test_a_protected_resource_is_not_replaced():
    before, after = changed(BUCKET, inputs={"bucket": "other"}, replace_on_changes=("bucket",))
    assert [entry.urn for entry in diff(before, after, TODAY).refused] == [BUCKET]


def test_protection_that_is_taken_away_is_a_change():
    (entry,) = diff(*changed(BUCKET, protect=False), TODAY).entries
    assert [str(each) for each in entry.changes] == ["[protect]: true -> false"]


def test_a_resource_with_another_name_and_an_alias_is_the_same_one():
    before = plan(*around())
    other = made(urns.child(STACK, "aws:s3/bucket:Bucket", "storage-others"), id="artifacts-1", aliases=(BUCKET,))
    rest = [each for each in before if each.urn != BUCKET]
    found = diff(before, plan(*rest, replace(other, protect=True, retain_on_delete=True)), TODAY)
    assert [(entry.action, str(entry.changes[0])) for entry in found.entries] == [
        ("change", "[name]: storage-artifacts -> storage-others")
    ]


@pytest.mark.parametrize("keep", [True, False])
def test_a_difference_is_data_for_machines(keep):
    found = diff_text.data(without_tenant(keep=keep), "earlier.json")
    assert json.loads(json.dumps(found)) == found
    assert set(found) == {"project", "environment", "from", "refused", "resources", "tenants", "cost"}
