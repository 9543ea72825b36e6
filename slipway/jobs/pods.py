"""Pod templates: found, overlaid, and what a pod of one asks for. Pure.

Sources: Kubernetes "Resource Management for Pods and Containers", "Sidecar Containers" (resource sharing within
containers), "Pod Overhead", "Assign Pod-level CPU and memory resources".
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from infra.problems import shown
from slipway.jobs.at import At, ShapeError
from slipway.jobs.model import PodSet
from slipway.jobs.quantity import QuantityError, parse

Amounts = dict[str, int]
_POD_LEVEL: Final = ("cpu", "memory", "hugepages-2Mi", "hugepages-1Gi")


def pods(template: At, name: str, count: int, *, counted: At | None = None) -> PodSet:
    """A pod template with its place.

    Args:
        template: Metadata and spec.
        name: The role.
        count: How many there are.
        counted: Where that stands.

    Raises:
        ShapeError: It has no containers, or something has the wrong type.
    """
    spec = template["spec"]
    if not spec["containers"].list:
        raise ShapeError(f"{spec.path}.containers".lstrip("."), "is missing: a pod has at least one container")
    for each in (*spec["initContainers"].list, *spec["containers"].list):
        if not each:
            raise ShapeError(each.path, "is empty: a container has a name and an image")
        _ = each.mapping
    meta = template["metadata"]
    return PodSet(
        name=name,
        count=count,
        least=count,
        path=spec.path,
        spec=spec.mapping,
        labels=meta["labels"].strings,
        annotations=meta["annotations"].strings,
        count_path=counted.path if counted else "",
    )


def with_spec(podset: PodSet, **more: Any) -> PodSet:  # noqa: ANN401  # fields of a pod's spec
    """The pods with other fields in their spec."""
    return replace(podset, spec={**podset.spec, **more})


def containers(podset: PodSet) -> Iterator[tuple[At, bool]]:
    """Its containers with their places, and whether they are init containers."""
    spec = At(podset.spec, podset.path)
    for each in spec["initContainers"].list:
        yield each, True
    for each in spec["containers"].list:
        yield each, False


def requests(podset: PodSet, defaults: Mapping[str, Mapping[str, int]] | None = None) -> Amounts:
    """What the scheduler counts for one pod.

    Args:
        podset: The pods.
        defaults: What a LimitRange gives containers that name nothing: `requests` and `limits`.

    Raises:
        ShapeError: A quantity is none; the path says which.
    """
    init: Amounts = {}
    side: Amounts = {}
    main: Amounts = {}
    for each, first in containers(podset):
        own = asked(each, defaults)
        if not first:
            _add(main, own)
        elif each["restartPolicy"].text() == "Always":
            _add(side, own)
            _at_least(init, side)
        else:
            _at_least(init, _sum(side, own))
    _add(main, side)
    _at_least(main, init)
    spec = At(podset.spec, podset.path)
    whole = asked(spec, None)
    main |= {resource: amount for resource, amount in whole.items() if resource in _POD_LEVEL}
    _add(main, amounts(spec["overhead"]))
    return {resource: amount for resource, amount in main.items() if amount}


def asked(container: At, defaults: Mapping[str, Mapping[str, int]] | None) -> Amounts:
    """What a container asks for: a limit is a request where there is none; then comes the namespace's default.

    Raises:
        ShapeError: A quantity is none; the path says which.
    """
    found = amounts(container["resources"]["requests"])
    limits = amounts(container["resources"]["limits"])
    given = defaults or {}
    return {**given.get("limits", {}), **given.get("requests", {}), **limits, **found}


def amounts(at: At) -> Amounts:
    """A mapping of resources to quantities.

    Raises:
        ShapeError: A quantity is none; the path says which.
    """
    found = {}
    for resource, each in at.items:
        try:
            found[resource] = parse(resource, each.value)
        except QuantityError as error:
            raise ShapeError(each.path, f"{shown(each.value)} {error}") from error
    return found


def _add(total: Amounts, more: Mapping[str, int]) -> None:
    for resource, amount in more.items():
        total[resource] = total.get(resource, 0) + amount


def _sum(one: Mapping[str, int], other: Mapping[str, int]) -> Amounts:
    total = dict(one)
    _add(total, other)
    return total


def _at_least(total: Amounts, other: Mapping[str, int]) -> None:
    for resource, amount in other.items():
        total[resource] = max(total.get(resource, 0), amount)
