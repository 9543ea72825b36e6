"""MIG: how an NVIDIA GPU can be cut into instances.

Source: `data/mig.json` (EKS user guide, device-management-nvidia-mig).
"""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from infra.catalog.instances import instance_type
from infra.catalog.table import table


@cache
def profiles(type_name: str) -> Mapping[str, int]:
    """The MIG profiles of a type's GPU, each with the most instances of it that one GPU holds.

    Empty when the type has no MIG, and on p6-b300, whose profiles AWS's page lists by size only, without names.

    Raises:
        UnknownNameError: The catalogue does not have the type.
    """
    return MappingProxyType(table("mig").row(instance_type(type_name).family) or {})
