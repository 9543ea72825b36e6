"""Whether what cluster-autoscaler must know of a group fits into the tags of its Auto Scaling group.

Source: AWS General Reference, "Tag naming limits and requirements".
"""

from collections.abc import Iterator, Sequence
from typing import Final

from infra.catalog import autoscaler
from infra.node_groups.expand import asg_tags, expand
from infra.node_groups.settings import NodeGroupSettings
from infra.problems import Problem

_MAX_KEY: Final = 128
_MAX_TAGS: Final = 50
_TAGS_OF_EKS: Final = 3
"""`eks:cluster-name`, `eks:nodegroup-name` and `kubernetes.io/cluster/<name>`; the discovery tags are in `asg_tags`."""


def problems(
    group: NodeGroupSettings, here: str, *, region: str, zones: Sequence[str], cluster: str, sound: bool
) -> Iterator[Problem]:
    """What does not fit.

    Args:
        group: The group.
        here: Its path, such as `nodeGroups[1]`.
        region: The stack's region.
        zones: The zone ids of the network.
        cluster: The cluster's name.
        sound: Whether nothing else is wrong with the group, so that it can be expanded and its tags counted.
    """
    if not group.autoscaling.enabled:
        return
    for key in group.labels:
        yield from _key_problem(key, f"{here}.labels.{key}", _MAX_KEY - len(autoscaler.label_tag("")))
    for index, taint in enumerate(group.taints):
        yield from _key_problem(taint.key, f"{here}.taints[{index}].key", _MAX_KEY - len(autoscaler.taint_tag("")))
    for managed in expand([group], region, zones)[:1] if sound else ():
        count = len(asg_tags(managed, cluster)) + _TAGS_OF_EKS
        if count > _MAX_TAGS:
            yield Problem(
                here,
                f"its labels and taints make {count} tags on an Auto Scaling group, which takes {_MAX_TAGS}; "
                f"take {count - _MAX_TAGS} away",
            )


def _key_problem(key: str, path: str, room: int) -> Iterator[Problem]:
    if len(key) > room:
        yield Problem(
            path,
            f"has {len(key)} characters; {room} at most fit into the tag by which cluster-autoscaler knows it",
        )
