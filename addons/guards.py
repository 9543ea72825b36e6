"""What the API server refuses in tenants' namespaces, whatever their people's roles say. Pure.

Kubernetes' roles `edit` and `admin`, and Kubeflow's, let people do things that reach beyond their namespace. Each rule
is one object for all tenants. Source: Kubernetes, "Validating Admission Policy" and "Multi-tenancy".
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from infra.catalog import names

_API: Final = "admissionregistration.k8s.io/v1"


@dataclass(frozen=True, kw_only=True)
class _Guard:
    """What is refused unless the expression, in CEL, is true."""

    name: str
    group: str
    resource: str
    operations: Sequence[str]
    expression: str
    message: str


_GUARDS: Final = (
    # Policies add up: one more opens what the tenant's own closes. Whoever may delete the namespace may change them,
    # which is the platform, and Kubernetes' own controllers that take down what is in a namespace that goes.
    _Guard(
        name="tenants-network-policies",
        group="networking.k8s.io",
        resource="networkpolicies",
        operations=("CREATE", "UPDATE", "DELETE"),
        expression=("authorizer.group('').resource('namespaces').name(request.namespace).check('delete').allowed()"),
        message="a tenant's network policy is made from its fromNamespaces, toNamespaces and toCidrs in the stack file",
    ),
    # They would push out the platform's pods, and everybody else's.
    _Guard(
        name="tenants-priorities",
        group="",
        resource="pods",
        operations=("CREATE",),
        expression="!has(object.spec.priorityClassName) || !object.spec.priorityClassName.startsWith('system-')",
        message="priority classes whose names begin with system- are for the cluster's own pods",
    ),
    # A Service would draw what others' pods send to any address. Source: CVE-2020-8554.
    _Guard(
        name="tenants-external-ips",
        group="",
        resource="services",
        operations=("CREATE", "UPDATE"),
        expression="!has(object.spec.externalIPs) || object.spec.externalIPs.size() == 0",
        message="a Service of a tenant has no externalIPs",
    ),
)


_LONE_PODS: Final = _Guard(
    name="tenants-lone-pods",
    group="",
    resource="pods",
    operations=("CREATE",),
    expression="has(object.metadata.ownerReferences) && object.metadata.ownerReferences.size() > 0",
    message="make a Job or a Deployment: network policies hold for no pod that nothing owns",
)
"""Source: EKS user guide, "Limit Pod traffic with Kubernetes network policies", considerations."""


def guards(*, lone_pods: bool) -> Iterator[dict[str, Any]]:
    """Each rule, and what puts it in force in the namespaces of tenants, those that were kept included.

    Args:
        lone_pods: Whether people may make pods that nothing owns.
    """
    for each in (*_GUARDS, *(() if lone_pods else (_LONE_PODS,))):
        rule = {
            "apiGroups": [each.group],
            "apiVersions": ["*"],
            "operations": list(each.operations),
            "resources": [each.resource],
        }
        yield {
            "apiVersion": _API,
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": each.name},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": [rule]},
                "validations": [{"expression": each.expression, "message": each.message}],
            },
        }
        tenants = {"matchExpressions": [{"key": names.TENANT_LABEL, "operator": "Exists"}]}
        yield {
            "apiVersion": _API,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": each.name},
            "spec": {
                "policyName": each.name,
                "validationActions": ["Deny"],
                "matchResources": {"namespaceSelector": tenants},
            },
        }
