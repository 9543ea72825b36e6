"""What the API server refuses in tenants' namespaces: which requests a rule sees, in which namespaces, and how many."""

from typing import Any, Final

import kubernetes_validate
import pytest

from addons import registry
from addons.values import objects_of
from infra.catalog import names
from tests.contract import charts

TENANTS: Final = registry.discover()["tenants"]
LAID: Final = "admissionregistration.k8s.io/v1"


@pytest.fixture(name="known")
def _known():
    yield from charts.resolver()


@pytest.fixture(name="guards")
def _guards(known):
    """Policies by name, and their bindings by the policy's name."""
    found: dict[str, dict[str, Any]] = {"ValidatingAdmissionPolicy": {}, "ValidatingAdmissionPolicyBinding": {}}
    for each in map(known, objects_of(TENANTS, TENANTS.settings(), charts.fake_handle())):
        if each["kind"] in found:
            assert each["apiVersion"] == LAID
            kubernetes_validate.validate(each, "1.35", strict=True)
            found[each["kind"]][each["metadata"]["name"]] = each["spec"]
    return found


def test_each_rule_holds_in_the_namespaces_of_tenants_and_nowhere_else(guards):
    bindings = guards["ValidatingAdmissionPolicyBinding"]
    assert {each["policyName"] for each in bindings.values()} == set(guards["ValidatingAdmissionPolicy"])
    for each in bindings.values():
        assert each["validationActions"] == ["Deny"]
        assert each["matchResources"]["namespaceSelector"] == {
            "matchExpressions": [{"key": names.TENANT_LABEL, "operator": "Exists"}]
        }


@pytest.mark.parametrize(
    ("group", "resource", "operations", "asks"),
    [
        # `edit` and kubeflow-edit may make and delete them, and one more opens what the tenant's own closes.
        (
            "networking.k8s.io",
            "networkpolicies",
            {"CREATE", "UPDATE", "DELETE"},
            "authorizer.group('').resource('namespaces').name(request.namespace).check('delete').allowed()",
        ),
        ("", "pods", {"CREATE"}, "!object.spec.priorityClassName.startsWith('system-')"),
        # The VPC CNI applies no policy to a pod that nothing owns.
        ("", "pods", {"CREATE"}, "object.metadata.ownerReferences.size() > 0"),
        ("", "services", {"CREATE", "UPDATE"}, "object.spec.externalIPs.size() == 0"),
    ],
)
def test_what_reaches_beyond_a_namespace_is_refused_in_it(guards, group, resource, operations, asks):
    rules = [
        (rule, spec)
        for spec in guards["ValidatingAdmissionPolicy"].values()
        for rule in spec["matchConstraints"]["resourceRules"]
        if (rule["apiGroups"], rule["resources"]) == ([group], [resource])
        and asks in spec["validations"][0]["expression"]
    ]
    ((rule, spec),) = rules
    assert set(rule["operations"]) == operations
    assert len(spec["validations"]) == 1
    # An expression that cannot be evaluated lets nothing through.
    assert spec["failurePolicy"] == "Fail"


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("allowed", [True, False])
def test_pods_that_nothing_owns_may_be_let_in(allowed):
    made = objects_of(TENANTS, TENANTS.settings(lone_pods=allowed), charts.fake_handle())
    assert ("tenants-lone-pods" in {each["metadata"]["name"] for each in made}) is not allowed


@pytest.mark.usefixtures("known")
def test_without_tenants_there_are_none():
    assert objects_of(TENANTS, TENANTS.settings(), charts.fake_handle(tenants=())) == []


@pytest.mark.usefixtures("known")
def test_a_thousand_tenants_have_the_rules_of_one():
    counts = {
        sum(
            each["kind"].startswith("ValidatingAdmission")
            for each in objects_of(TENANTS, TENANTS.settings(), charts.fake_handle(tenants=charts.tenants()[:count]))
        )
        for count in (1, 2)
    }
    assert len(counts) == 1
