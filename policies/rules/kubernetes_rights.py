"""What roles inside the cluster may do."""

from collections.abc import Iterator
from typing import Final

from policies.around import Around
from policies.model import Fault, rule
from policies.values import Inputs
from slipway.plan.model import Resource

_GROUP: Final = "kubernetes:rbac.authorization.k8s.io/v1"
CLUSTER_ROLE: Final = f"{_GROUP}:ClusterRole"
ROLE: Final = f"{_GROUP}:Role"
CLUSTER_ROLE_BINDING: Final = f"{_GROUP}:ClusterRoleBinding"
ROLE_BINDING: Final = f"{_GROUP}:RoleBinding"
_ALL: Final = "*"
_BEYOND: Final = frozenset({"bind", "escalate", "impersonate"})
"""Verbs that give a role what it does not have."""


@rule(
    id="kubernetes-rbac",
    severity="high",
    title="No role of the stack's own objects may do everything, or give itself more, and none is cluster-admin.",
    why="One pod or person with such a role reads every secret of the cluster, those of all tenants among them.",
    fix="name the verbs and resources in addons/catalog; administrators come in by cluster.access",
    source="https://kubernetes.io/docs/concepts/security/rbac-good-practices/",
    key="addons",
    types=(CLUSTER_ROLE, ROLE, CLUSTER_ROLE_BINDING, ROLE_BINDING),
)
def rbac(inputs: Inputs, resource: Resource, _: Around) -> Iterator[Fault]:
    """Kubernetes, "Role Based Access Control Good Practices". What charts make is not visible."""
    if resource.type in (CLUSTER_ROLE_BINDING, ROLE_BINDING):
        if inputs.get("roleRef.kind") == "ClusterRole" and inputs.get("roleRef.name") == "cluster-admin":
            yield Fault(path="roleRef.name", what="cluster-admin")
        return
    for each in inputs.each("rules"):
        verbs, resources = (_names(each, key) for key in ("verbs", "resources"))
        if _ALL in verbs and _ALL in resources:
            yield Fault(path=each.path, what="every verb on every resource")
        for verb in sorted(_BEYOND & verbs):
            if not _names(each, "resourceNames"):
                yield Fault(path=f"{each.path}.verbs", what=f"{verb} on whatever there is")


def _names(entry: Inputs, key: str) -> frozenset[str]:
    return frozenset(each.get() for each in entry.each(key) if isinstance(each.get(), str))
