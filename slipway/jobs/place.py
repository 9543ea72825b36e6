"""Which nodes a pod may run on, and why not on the others, as the scheduler and whoever adds nodes decide. Pure.

Sources: Kubernetes "Assigning Pods to Nodes", "Taints and Tolerations"; EKS user guide, "Platform versions" (admission
controllers); cluster-autoscaler FAQ and AWS README (a group
without nodes is known by its tags alone).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from infra.catalog import names
from infra.catalog.quantities import CPU, MEMORY
from infra.handle import Taint
from infra.problems import one_of
from slipway.jobs.at import At
from slipway.jobs.model import PodSet
from slipway.jobs.nodes import HOSTNAME, ZONE, Group
from slipway.jobs.quantity import compared, is_extended

_BLOCKING: Final = frozenset({"NoSchedule", "NoExecute"})
REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
_ZONES: Final = frozenset({ZONE, names.ZONE_ID_LABEL, names.NODE_ZONE_LABEL})
_NUMERIC: Final = frozenset({"Gt", "Lt"})


@dataclass(frozen=True)
class Refusal:
    """Why a node does not take a pod.

    Attributes:
        about: The field of the pod's spec that asks for it; `resources.<name>` for what its containers ask for, empty
            where the group alone is to blame.
        text: The reason.
    """

    about: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Need:
    """What a pod asks of its node.

    Attributes:
        requests: In the units of `quantity`.
        selector: Labels.
        terms: Of the required node affinity, any of which does; none: no more than the selector.
        tolerations: Of taints, with those that the API server gives a pod.
        written: Those that stand in the pod's template.
        zones: Zone ids from which its volumes can be mounted; None: all.
        alone: Whether no two of the pods share a node.
        scattered: Whether no two of them share a zone.
    """

    requests: Mapping[str, int]
    selector: Mapping[str, str]
    terms: tuple[tuple[Mapping[str, Any], ...], ...]
    tolerations: tuple[Mapping[str, Any], ...]
    written: tuple[Mapping[str, Any], ...]
    zones: frozenset[str] | None
    alone: bool
    scattered: bool


def need(podset: PodSet, requests: Mapping[str, int], zones: frozenset[str] | None) -> Need:
    """What the pods ask of a node.

    Raises:
        ShapeError: Something has the wrong type.
    """
    spec = At(podset.spec, podset.path)
    required = spec["affinity"]["nodeAffinity"][REQUIRED]["nodeSelectorTerms"].list
    written = tuple(each.mapping for each in spec["tolerations"].list)
    # EKS has the admission plugin ExtendedResourceToleration: who asks for a device tolerates the taint of its name.
    given = tuple({"key": each, "operator": "Exists"} for each in requests if is_extended(each))
    return Need(
        requests=requests,
        selector=spec["nodeSelector"].strings,
        terms=tuple(
            (
                *(_expression(each) for each in term["matchExpressions"].list),
                # The one field that there is.
                *({**_expression(each), "key": HOSTNAME} for each in term["matchFields"].list),
            )
            for term in required
        ),
        tolerations=(*written, *given),
        written=written,
        zones=zones,
        alone=_alone(spec, podset.labels),
        scattered=bool(_avoided(spec, podset.labels) & _ZONES),
    )


def _expression(at: At) -> Mapping[str, Any]:
    return {**at.mapping, "values": [each.text() for each in at["values"].list]}


def _alone(spec: At, labels: Mapping[str, str]) -> bool:
    """Whether the pods keep off nodes where one of them is: by an anti-affinity, or by a port of the node."""
    ports = any(each["hostPort"] for part in spec["containers"].list for each in part["ports"].list)
    return ports or HOSTNAME in _avoided(spec, labels)


def _avoided(spec: At, labels: Mapping[str, str]) -> set[str]:
    """The topology keys of required anti-affinities that the pods match themselves."""
    terms = spec["affinity"]["podAntiAffinity"][REQUIRED].list
    return {term["topologyKey"].text() for term in terms if selects(term["labelSelector"], labels)}


def selects(selector: At, labels: Mapping[str, str]) -> bool:
    """Whether a label selector matches; none matches nothing, an empty one everything.

    Raises:
        ShapeError: Something has the wrong type.
    """
    if not selector:
        return False
    exact = all(labels.get(key) == value for key, value in selector["matchLabels"].strings.items())
    return exact and all(_expressed(each, labels) for each in selector["matchExpressions"].list)


def _expressed(at: At, labels: Mapping[str, str]) -> bool:
    have, values = labels.get(at["key"].text()), [each.text() for each in at["values"].list]
    return {
        "In": have in values,
        "NotIn": have not in values,
        "Exists": have is not None,
        "DoesNotExist": have is None,
    }.get(at["operator"].text(), False)


def together(podset: PodSet) -> bool:
    """Whether all of the pods must be in one zone: a required affinity to each other, or EFA, which does not leave it.

    Raises:
        ShapeError: Something has the wrong type.
    """
    spec = At(podset.spec, podset.path)
    keys = {each["topologyKey"].text() for each in spec["affinity"]["podAffinity"][REQUIRED].list}
    return bool(keys & _ZONES)


def refusals(wanted: Need, group: Group) -> list[Refusal]:
    """Why a group's nodes do not take the pod; empty where they do."""
    return [
        *_by_labels(wanted, group),
        *(
            Refusal("tolerations", f"taint {_said(taint)} is not tolerated")
            for taint in untolerated(wanted.tolerations, group.pool.taints)
        ),
        *_by_zone(wanted, group),
        *_by_room(wanted.requests, group),
        *([Refusal("", "it has no nodes: max is 0")] if not group.nodes else []),
        *(
            [Refusal("", "nothing adds nodes to it, and it has none")]
            if not group.scaled and not group.pool.min_size
            else []
        ),
    ]


def per_node(wanted: Need, group: Group) -> int:
    """How many of the pods a node holds at a time."""
    if wanted.alone:
        return 1
    counts = [
        group.free.get(resource, 0) // amount
        for resource, amount in wanted.requests.items()
        if amount and (resource in group.free or resource != names.EPHEMERAL_STORAGE_RESOURCE)
    ]
    return min([*counts, group.pods])


def untolerated(tolerations: tuple[Mapping[str, Any], ...], taints: tuple[Taint, ...]) -> Iterator[Taint]:
    """The taints that keep a pod with these tolerations off."""
    for taint in taints:
        if taint.effect in _BLOCKING and not any(_tolerates(each, taint) for each in tolerations):
            yield taint


def _tolerates(toleration: Mapping[str, Any], taint: Taint) -> bool:
    if toleration.get("effect") not in (None, "", taint.effect):
        return False
    key, operator = toleration.get("key"), toleration.get("operator") or "Equal"
    if not key:
        return bool(operator == "Exists")
    if key != taint.key:
        return False
    return bool(operator == "Exists" or (operator == "Equal" and (toleration.get("value") or "") == taint.value))


def _said(taint: Taint) -> str:
    return f"{taint.key}={taint.value}:{taint.effect}"


def _by_labels(wanted: Need, group: Group) -> Iterator[Refusal]:
    for key, value in wanted.selector.items():
        if _absent(key, group):
            yield Refusal(f"nodeSelector[{key}]", _unknown(f"{key}={value}", key, group))
        elif not _may_be(group.known.get(key, ()), value):
            yield Refusal(f"nodeSelector[{key}]", f"label {key} is {_values(group, key)}, not {value}")
    if wanted.terms:
        whys = [list(_by_term(term, group)) for term in wanted.terms]
        if all(whys):
            text = whys[0][0] if len(whys) == 1 else f"no term of the node affinity: {whys[0][0]}"
            yield Refusal("affinity.nodeAffinity", text)


def _absent(key: str, group: Group) -> bool:
    """Whether no node has a label: a running one may have those that appear at boot."""
    return key not in group.known and not (group.pool.min_size and group.only_at_boot(key))


def _by_term(term: tuple[Mapping[str, Any], ...], group: Group) -> Iterator[str]:
    if not term:
        # Kubernetes: an empty term matches no node.
        yield "an empty term of the node affinity matches no node"
    for each in term:
        key, operator = str(each.get("key", "")), str(each.get("operator", ""))
        values = list(each["values"])
        there = not _absent(key, group)
        have = group.known.get(key, ())
        if operator in ("In", "Exists", *_NUMERIC) and not there:
            yield _unknown(f"{key} {operator} {one_of(values)}".strip(), key, group)
        elif operator == "In" and not any(_may_be(have, value) for value in values):
            yield f"label {key} is {_values(group, key)}, not one of {one_of(values)}"
        elif operator == "NotIn" and have and set(have) <= set(values):
            yield f"label {key} is {_values(group, key)}, which is excluded"
        elif operator == "DoesNotExist" and there:
            yield f"has the label {key}, which must not be there"
        elif operator in _NUMERIC and have and not any(_compares(operator, each, values) for each in have):
            yield f"label {key} is {_values(group, key)}, not {operator} {one_of(values)}"
        elif operator not in ("In", "NotIn", "Exists", "DoesNotExist", *_NUMERIC):
            yield f"{operator!r} is no operator of a node affinity"


def _compares(operator: str, have: str, values: list[str]) -> bool:
    if not have.lstrip("-").isdigit() or len(values) != 1 or not values[0].lstrip("-").isdigit():
        return False
    return int(have) > int(values[0]) if operator == "Gt" else int(have) < int(values[0])


def _may_be(have: tuple[str, ...], value: str) -> bool:
    """Where only AWS knows the value, it may be this one."""
    return not have or value in have


def _values(group: Group, key: str) -> str:
    return " or ".join(group.known[key]) or "given by AWS"


def _unknown(asked: str, key: str, group: Group) -> str:
    if not group.only_at_boot(key):
        return f"has no label {key} (asked: {asked})"
    who = "Karpenter" if group.karpenter else "cluster-autoscaler"
    return (
        f"label {key} appears only once a node runs, so {who} adds none for a pod that asks for it (asked: {asked});"
        f" select {names.GROUP_LABEL}={group.pool.group} instead"
    )


def _by_zone(wanted: Need, group: Group) -> Iterator[Refusal]:
    if wanted.zones is not None and group.pool.zone_id not in wanted.zones:
        where = one_of(sorted(wanted.zones)) or "no zone that all of them have"
        yield Refusal("volumes", f"is in {group.pool.zone_id}, and what the pod mounts is in {where}")


def _by_room(requests: Mapping[str, int], group: Group) -> Iterator[Refusal]:
    # Devices are what people choose nodes by.
    for resource, amount in sorted(requests.items(), key=lambda each: "/" not in each[0]):
        free = group.free.get(resource)
        if free is None and resource == names.EPHEMERAL_STORAGE_RESOURCE:
            continue
        about = f"resources.{resource}"
        if free is None:
            yield Refusal(about, f"offers no {resource}")
        elif amount > free:
            what = "that pods can have of a node" if resource in (CPU, MEMORY) else "of a node"
            yield Refusal(about, f"{resource} {compared(resource, amount, free)} {what}")
