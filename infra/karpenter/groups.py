"""Which node groups Karpenter takes over, and why others stay managed node groups. Pure."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from infra.catalog import amis, names
from infra.node_groups.expand import ManagedGroup
from infra.problems import Problem, nearest, one_of

ADDON = "karpenter-node-pools"
"""The add-on whose presence hands groups over."""
_SETTING = f"addons.settings.{ADDON}.groups"
_AL2023_RELEASE = re.compile(r"\d+\.\d+\.\d+-(?P<day>\d{8})")
_ULTRASERVERS = ("p6e", "trn2u")
_NO_GPU_COUNT = ("g6f", "gr6f")
"""Families of which EC2 reports no GPU, though a node offers one (facts README section 1.4)."""


def taken(
    groups: Collection[str] | None, managed: Sequence[ManagedGroup], kubernetes_version: str
) -> tuple[ManagedGroup, ...]:
    """The groups, one per zone, whose nodes Karpenter makes.

    Args:
        groups: Names of node groups; None for all that it can take.
        managed: All groups of the stack.
        kubernetes_version: The cluster's minor.
    """
    return tuple(
        each
        for each in managed
        if (groups is None or each.pool.group in groups) and stays(each, kubernetes_version) is None
    )


def unscaled(managed: Sequence[ManagedGroup], kubernetes_version: str) -> Mapping[str, str]:
    """Groups that Karpenter did not take though their size was meant to change, and why, by name; not the system's."""
    return {
        each.pool.group: stays(each, kubernetes_version) or "the setting `groups` does not name it"
        for each in managed
        if not each.pool.system and each.settings.autoscaling.enabled and each.pool.min_size < each.pool.max_size
    }


def problems(
    groups: Collection[str] | None, managed: Sequence[ManagedGroup], kubernetes_version: str
) -> Iterator[Problem]:
    """What is wrong with the names in `groups`."""
    known = {each.pool.group: each for each in managed}
    for index, name in enumerate(groups or ()):
        path = f"{_SETTING}[{index}]"
        if name not in known:
            message = f"{name!r} is not a node group{nearest(name, known)}; known: {one_of(sorted(known))}"
            yield Problem(path, message)
            continue
        reason = stays(known[name], kubernetes_version)
        if reason is not None:
            yield Problem(path, f"{name} cannot be Karpenter's: {reason}")


def stays(group: ManagedGroup, kubernetes_version: str) -> str | None:  # noqa: PLR0911  # one return per reason
    """Why a group stays a managed node group, or None.

    Sources: kubernetes-sigs/karpenter issue 729 (shared GPUs); EC2NodeClass of karpenter-provider-aws 1.14.1 (network
    interfaces, capacity reservations by id, placement groups); facts README section 1.3 (UltraServers).
    """
    settings, pool = group.settings, group.pool
    if pool.system:
        return "Karpenter itself runs on system groups, and never on nodes of its own"
    if not settings.autoscaling.enabled:
        return "autoscaling.enabled is false, and the size of a managed node group is what `desired` says"
    if pool.min_size:
        return f"min is {pool.min_size}, and Karpenter keeps no nodes that no pod asks for"
    if pool.sharing:
        return "gpu.sharing divides its GPUs, and Karpenter counts whole ones"
    if settings.capacity.resource_group_arn:
        return "capacity.resourceGroupArn names a group of reservations, and Karpenter takes one by its id"
    if group.instance.family.startswith(_ULTRASERVERS):
        return f"{group.instance.name} comes in UltraServers, which Karpenter does not launch"
    if any(each.kind == "efa" for each in group.interfaces):
        return f"the EFA interface of {group.instance.name} carries the node's address, as Karpenter's never do"
    if image(group, kubernetes_version) is None:
        return "no release of its image is known to pin; set releaseVersion"
    return None


def image(group: ManagedGroup, kubernetes_version: str) -> Mapping[str, str] | None:
    """The pinned image as an `amiSelectorTerms` entry; None where no release is known.

    Never `@latest`: each new image would replace every node.
    Source: karpenter-provider-aws 1.14.1, `pkg/providers/amifamily/{al2023,bottlerocket}.go`.
    """
    settings = group.settings
    if settings.image_id:
        return {"id": settings.image_id}
    release = settings.release_version
    if group.pool.bottlerocket:
        return {"alias": f"bottlerocket@v{release.removeprefix('v')}"} if release else None
    found = _AL2023_RELEASE.fullmatch(release or amis.release_version(group.ami_type, kubernetes_version) or "")
    return {"alias": f"al2023@v{found['day']}"} if found else None


def unknown_resources(group: ManagedGroup) -> dict[str, str]:
    """What a node offers and Karpenter does not know of: extended resource to quantity."""
    found = {name: group.resources[name] for name in (names.HUGEPAGES_RESOURCE,) if name in group.resources}
    if group.instance.family in _NO_GPU_COUNT:
        found[names.GPU_RESOURCE] = group.resources[names.GPU_RESOURCE]
    return found
