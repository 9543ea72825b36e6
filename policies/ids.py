"""The ids of all rules, by topic: the one place in which a rule gets its name.

Stack files speak of rules by id, and a program that only reads a stack file need not load the rules.
"""

from collections.abc import Mapping
from typing import Final

IDS: Final[Mapping[str, tuple[str, ...]]] = {
    "gpu": (
        "gpu-ami-fits",
        "gpu-capacity-type",
        "gpu-daemonsets-tolerate",
        "gpu-desired-size",
        "gpu-efa-device-plugin",
        "gpu-efa-layout",
        "gpu-efa-no-public-ip",
        "gpu-efa-security-group",
        "gpu-one-device-plugin",
        "gpu-one-zone",
        "gpu-placement",
        "gpu-provision-time",
        "gpu-scale-from-zero",
        "gpu-tainted",
        "gpu-taints-have-values",
        "gpu-type-offered",
        "gpu-zone-rebalancing",
    ),
    "network": (
        "network-default-group",
        "network-flow-logs",
        "network-fsx-efa-minimums",
        "network-fsx-ports",
        "network-fsx-zone",
        "network-load-balancer-logs",
        "network-no-open-ingress",
        "network-private-nodes",
    ),
    "eks": (
        "eks-access-entries",
        "eks-addons-pinned",
        "eks-addons-present",
        "eks-deletion-protection",
        "eks-endpoint",
        "eks-extended-support",
        "eks-imds",
        "eks-log-group",
        "eks-logs",
        "eks-node-repair",
        "eks-node-volumes-encrypted",
        "eks-secrets-encrypted",
        "eks-static-keys",
        "eks-version",
        "eks-version-skew",
    ),
    "iam": (
        "iam-any-resource",
        "iam-full-access",
        "iam-pass-role",
        "iam-permissions-boundary",
        "iam-pod-identity",
        "iam-public-principal",
        "iam-self-sign-up",
        "iam-trust",
        "iam-users",
        "iam-wildcards",
    ),
    "data": (
        "data-backups",
        "data-buckets-encrypted",
        "data-encrypted",
        "data-encrypted-in-transit",
        "data-image-scans",
        "data-key-rotation",
        "data-log-retention",
        "data-multi-az",
        "data-plain-secrets",
        "data-protected",
        "data-public-access",
        "data-rds-private",
        "data-retained",
        "data-stack-key",
        "data-tls-listeners",
        "data-versioned",
    ),
    "kubernetes": (
        "kubernetes-charts-pinned",
        "kubernetes-explicit-provider",
        "kubernetes-images-pinned",
        "kubernetes-load-balancers",
        "kubernetes-namespace-quotas",
        "kubernetes-pod-disruption-budgets",
        "kubernetes-pod-security",
        "kubernetes-priority-classes",
        "kubernetes-privileged-tenants",
        "kubernetes-rbac",
        "kubernetes-requests",
        "kubernetes-tenant-networks",
        "kubernetes-webhooks",
    ),
    "cost": (
        "cost-budget",
        "cost-ceiling",
        "cost-cross-zone",
        "cost-database-support",
        "cost-gp2",
        "cost-idle-reservation",
        "cost-kept-accelerators",
        "cost-nat-gateways",
        "cost-s3-endpoint",
        "cost-tags",
    ),
}

_TOPICS: Final[Mapping[str, str]] = {id_: name for name, ids in IDS.items() for id_ in ids}
ALL: Final[frozenset[str]] = frozenset(_TOPICS)


def topic(id_: str) -> str:
    """The topic that a rule belongs to.

    Raises:
        KeyError: There is no such rule.
    """
    return _TOPICS[id_]
