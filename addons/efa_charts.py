"""What AWS's two charts for EFA have in common: the device plugin's, and that of resource claims."""

from collections.abc import Iterable
from typing import Final

from addons.registries import eks_registry
from addons.spec import Values
from infra.handle import ClusterHandle

# What the charts tolerate where their list of tolerations is empty.
_TOLERATIONS: Final = ({"key": "CriticalAddonsOnly", "operator": "Exists"},)


def values(handle: ClusterHandle, image: str, more_types: Iterable[str]) -> Values:
    """Their values.

    Args:
        handle: The cluster.
        image: The image's path in EKS's registry.
        more_types: Instance types with EFA besides those of the stack's node groups.
    """
    ours = {kind for pool in handle.node_pools if pool.efa_interfaces for kind in pool.instance_types}
    types = sorted(ours | set(more_types))
    found: Values = {
        # The charts pull from us-west-2 wherever they run.
        "image": {"repository": f"{eks_registry(handle.region)}/{image}"},
        "tolerations": list(_TOLERATIONS),
    }
    if types:
        # Their own list ends with the types of their release: newer ones would offer nothing.
        found["supportedInstanceLabels"] = {"values": types}
    return found
