"""Kubernetes' own words in settings: names, quantities, and what a quota counts. Pure."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field

QUANTITY: Final = r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$"
"""Source: Kubernetes, "Quantity", without exponents and fractions below one thousandth."""


_COUNTED: Final = frozenset(
    {
        *("cpu", "memory", "pods", "services", "secrets", "configmaps", "persistentvolumeclaims", "resourcequotas"),
        *("replicationcontrollers", "services.loadbalancers", "services.nodeports", "ephemeral-storage"),
        *(f"{side}.{what}" for side in ("requests", "limits") for what in ("cpu", "memory", "ephemeral-storage")),
    }
)
"""What a quota counts by a short name. Source: Kubernetes, pkg/apis/core/helper, `IsStandardQuotaResourceName`."""
_COUNTED_SO: Final = re.compile(
    r"requests\..+/.+|(requests\.)?hugepages-.+|count/.+|.+\.storageclass\.storage\.k8s\.io/.+"
)
"""Extended resources, pages, objects, and volumes of one class. Source: Kubernetes, "Resource Quotas"."""


def _countable(resource: str) -> str:
    """Others are refused by the API server, or, with a slash in them, taken and never counted."""
    if resource in _COUNTED or _COUNTED_SO.fullmatch(resource):
        return resource
    hint = f"requests.{resource}" if "/" in resource else "such as requests.cpu, requests.nvidia.com/gpu or pods"
    raise ValueError(f"a quota does not count {resource}; say {hint}")


def _of_own_volumes(resource: str) -> str:
    if resource == "requests.storage":
        meant = "gp3.storageclass.storage.k8s.io/requests.storage"
        raise ValueError(f"{resource} counts the stack's file systems, which each profile has claims of; say {meant}")
    return resource


Email = Annotated[str, Field(pattern=r"^[^@\s,]+@[^@\s,]+\.[^@\s,]+$")]
Quantity = Annotated[str, Field(pattern=QUANTITY)]
QuotaResource = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?$"),
    AfterValidator(_of_own_volumes),
    AfterValidator(_countable),
]


BUILT_IN_NAMESPACES: Final = frozenset({"default", "kube-system"})
"""Namespaces that every cluster has, so that nobody creates them."""

Namespace = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
"""Source: Kubernetes, "Namespaces": a DNS label."""


def of_people(name: str) -> str:
    """A namespace's name, unless it is one of Kubernetes' own."""
    if name in BUILT_IN_NAMESPACES or name.startswith("kube-"):
        raise ValueError(f"the namespace {name} is Kubernetes' own")
    return name


PeoplesNamespace = Annotated[Namespace, AfterValidator(of_people)]
"""A namespace of people, not one of Kubernetes' own."""
