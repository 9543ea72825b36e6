"""What Kueue would do with a job: which queue, which flavours, whether the gang's quota is ever enough. Pure.

Source: kubernetes-sigs/kueue v0.19.2, pkg/scheduler/flavorassigner/flavorassigner.go (`findFlavorForPodSets`,
`checkFlavorForPodSets`), pkg/cache/scheduler/resource_node.go; site docs, "ClusterQueue", "LocalQueue defaulting".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from addons.kueue import GROUP, LOCAL_QUEUE, POD_SET
from infra.handle import Taint
from infra.problems import nearest, one_of, shown
from slipway.jobs.cluster import Cluster, KueueFlavor, Namespace, Queue, ResourceGroup
from slipway.jobs.gang import Member, room
from slipway.jobs.model import Finding, Job, finding
from slipway.jobs.place import Need, untolerated
from slipway.jobs.quantity import compared
from slipway.jobs.quantity import shown as amount_shown

QUEUE_LABEL: Final = f"{GROUP}/queue-name"
PRIORITY_LABEL: Final = f"{GROUP}/priority-class"
_LEVELS: Final = (f"{POD_SET}required-topology", f"{POD_SET}preferred-topology")
_UNCONSTRAINED: Final = f"{POD_SET}unconstrained-topology"
_LABELS: Final = "metadata.labels"


@dataclass(frozen=True, kw_only=True)
class _Ask:
    """What one pod set needs of a resource group of its queue.

    Attributes:
        cluster: Where.
        queue: Whose quota.
        member: The pods.
        amounts: What all of them ask for of the group's resources.
        used: Flavour and resource to what the job's other pods have been given.
    """

    cluster: Cluster
    queue: Queue
    member: Member
    amounts: Mapping[str, int]
    used: Mapping[tuple[str, str], int]


@dataclass(frozen=True, kw_only=True)
class _Tried:
    """One flavour tried: why it does not do, and whether Kueue sees that."""

    flavor: str
    why: str
    seen: bool


def queue_of(job: Job, cluster: Cluster, space: Namespace | None) -> str:
    """The LocalQueue that a job goes into; empty where none takes it."""
    asked = str(job.labels.get(QUEUE_LABEL, ""))
    if not cluster.has_queues or not takes(job, cluster):
        return ""
    return asked or (LOCAL_QUEUE if space is not None and LOCAL_QUEUE in space.queues else "")


def takes(job: Job, cluster: Cluster) -> bool:
    """Whether Kueue looks after jobs of this kind."""
    return bool(job.framework) and (not cluster.frameworks or job.framework in cluster.frameworks)


def check(job: Job, cluster: Cluster, space: Namespace | None, members: Sequence[Member]) -> Iterator[Finding]:
    """What is to be said of a job's queue and quota.

    Args:
        job: The job.
        cluster: Where.
        space: Its namespace; None where there is none of that name.
        members: Its pods, with the groups that take them.
    """
    label = str(job.labels.get(QUEUE_LABEL, ""))
    yield from _priority(job, cluster)
    if label and not cluster.has_queues:
        yield finding(job, "warning", f"{_LABELS}[{QUEUE_LABEL}]", f"{label!r} has no effect: there is no Kueue")
    elif label and not takes(job, cluster):
        yield finding(
            job, "warning", f"{_LABELS}[{QUEUE_LABEL}]", f"{label!r} has no effect: no {job.kind} is queued here"
        )
    name = queue_of(job, cluster, space)
    if not name or space is None:
        return
    if name not in space.queues:
        known = sorted(space.queues)
        there = f"there are: {one_of(known)}" if known else "it has none"
        yield finding(
            job,
            "error",
            f"{_LABELS}[{QUEUE_LABEL}]",
            f"{name!r} is no LocalQueue of the namespace {space.name}{nearest(name, known)}; {there}",
        )
        return
    queue = cluster.queues.get(space.queues[name])
    if queue is None:
        yield finding(
            job,
            "error",
            f"{_LABELS}[{QUEUE_LABEL}]",
            f"{name!r} leads to {space.queues[name]!r}, which is no ClusterQueue",
        )
        return
    yield from _quota(job, cluster, queue, members)


def _priority(job: Job, cluster: Cluster) -> Iterator[Finding]:
    name = str(job.labels.get(PRIORITY_LABEL, ""))
    if name and cluster.has_queues and name not in cluster.workload_priorities:
        known = sorted(cluster.workload_priorities)
        yield finding(
            job,
            "error",
            f"{_LABELS}[{PRIORITY_LABEL}]",
            f"{name!r} is no WorkloadPriorityClass{nearest(name, known)}; there are: {one_of(known) or 'none'}",
        )


def _quota(job: Job, cluster: Cluster, queue: Queue, members: Sequence[Member]) -> Iterator[Finding]:
    """Give each pod set a flavour of each resource group, as an idle queue would, and see what is left over."""
    used: dict[tuple[str, str], int] = {}
    borrowed: list[str] = []
    for member in members:
        if job.unit == "each":
            used = {}
        count = member.podset.count if job.unit == "all" else member.podset.least
        asked = {
            resource: amount * count
            for resource, amount in member.need.requests.items()
            if amount and not resource.startswith(cluster.excluded or ("\0",))
        }
        covered = {resource for group in queue.groups for resource in group.resources}
        for resource in asked:
            if resource not in covered:
                yield finding(
                    job,
                    "error",
                    member.podset.at(""),
                    f"{member.podset.name}: the queue {queue.name} has no quota of {resource}, so the job is never"
                    f" admitted; it has {one_of(sorted(covered)) or 'none'}",
                )
                return
        for group in queue.groups:
            part = {resource: asked[resource] for resource in group.resources if resource in asked}
            if not part:
                continue
            ask = _Ask(cluster=cluster, queue=queue, member=member, amounts=part, used=used)
            flavor, tried = _flavor(group, ask)
            if flavor is None:
                yield finding(
                    job,
                    "error",
                    member.podset.count_path or member.podset.path,
                    f"{member.podset.name}: no flavour of the queue {queue.name} can ever hold its"
                    f" {count} pod{'s' if count > 1 else ''}",
                    tuple(f"{each.flavor}: {each.why}" for each in tried),
                )
                return
            unseen = [each for each in tried if not each.seen]
            if unseen:
                yield finding(
                    job,
                    "error",
                    job.path(member.podset, member.podset.at("nodeSelector"), "nodeSelector"),
                    f"{member.podset.name}: the queue {queue.name} would give it {unseen[0].flavor}, whose nodes do not"
                    f" take it; select {_labels(cluster.flavors[flavor].labels)}",
                    tuple(f"{each.flavor}: {each.why}" for each in unseen),
                )
                return
            for resource, amount in part.items():
                key = (flavor, resource)
                used[key] = used.get(key, 0) + amount
                nominal = queue.quotas[key].nominal
                if used[key] > nominal:
                    borrowed.append(f"{flavor}: {resource} {compared(resource, used[key], nominal)}")
    if borrowed:
        yield finding(
            job,
            "warning",
            "",
            f"is more than the queue {queue.name} has of its own: it waits until others in {queue.cohort} lend",
            tuple(dict.fromkeys(borrowed)),
        )


def _flavor(group: ResourceGroup, ask: _Ask) -> tuple[str | None, list[_Tried]]:
    """The first flavour that does, and those before it that do not."""
    tried: list[_Tried] = []
    for name, _ in group.flavors:
        flavor = ask.cluster.flavors.get(name)
        if flavor is None:
            tried.append(_Tried(flavor=name, why="there is no such ResourceFlavor", seen=True))
            continue
        why = next(_unfit(name, flavor, ask), None)
        if why is not None:
            tried.append(_Tried(flavor=name, why=why, seen=True))
            continue
        why = _no_nodes(ask.cluster, name, ask.member)
        if why is None:
            return name, tried
        # With a topology Kueue looks at nodes, too, and goes on.
        tried.append(_Tried(flavor=name, why=why, seen=bool(flavor.topology)))
    return None, tried


def _unfit(name: str, flavor: KueueFlavor, ask: _Ask) -> Iterator[str]:
    """Why Kueue does not give the flavour."""
    taints = tuple(
        Taint(key=each["key"], value=str(each.get("value", "")), effect=each["effect"]) for each in flavor.taints
    )
    # Kueue reads templates, which the API server has given no tolerations.
    for taint in untolerated((*ask.member.need.written, *flavor.tolerations), taints):
        yield f"taint {taint.key}={taint.value}:{taint.effect} is not tolerated"
    yield from _by_labels(ask.member.need, flavor.labels)
    yield from _by_topology(ask.cluster, ask.queue, flavor, ask.member)
    short = []
    for resource, amount in ask.amounts.items():
        most = ask.cluster.most(ask.queue, name, resource)
        total = amount + ask.used.get((name, resource), 0)
        if most is None:
            yield f"has no quota of {resource}"
        elif total > most:
            own = _own(ask.queue, name, resource, most)
            short.append(f"{resource} {amount_shown(resource, total)} > {amount_shown(resource, most)}{own}")
    if short:
        yield "; ".join(short)


def _by_topology(cluster: Cluster, queue: Queue, flavor: KueueFlavor, member: Member) -> Iterator[str]:
    """A flavour with a topology takes pods that ask for a place in it, the others take the others."""
    annotations = member.podset.annotations
    asked = [each for each in (*_LEVELS, _UNCONSTRAINED) if annotations.get(each)]
    flavors = [name for group in queue.groups for name, _ in group.flavors]
    found = [cluster.flavors[name].topology for name in flavors if name in cluster.flavors]
    if not flavor.topology:
        if asked:
            yield f"has no topology, and the pods ask for one ({asked[0]})"
        return
    levels = cluster.topologies.get(flavor.topology, ())
    for each in asked:
        if each in _LEVELS and annotations[each] not in levels:
            yield f"its topology has no level {shown(annotations[each])}; it has {one_of(levels) or 'none'}"
    if not asked and not all(found):
        said = ", ".join(f"{key}: {value}" for key, value in flavor.packing.items()) or _LEVELS[1]
        yield f"takes only pods that ask for a place in its topology; annotate them with {said}"


def _own(queue: Queue, flavor: str, resource: str, most: int) -> str:
    nominal = queue.quotas[flavor, resource].nominal
    if most == nominal:
        return " of the queue"
    return f", of which {amount_shown(resource, nominal)} are its own and the others may be borrowed"


def _by_labels(need: Need, labels: Mapping[str, str]) -> Iterator[str]:
    """Only what is about the flavour's own labels counts."""
    for key, value in need.selector.items():
        if key in labels and labels[key] != value:
            yield f"its nodes have {key}={labels[key]}, not {value}"
    terms = [[each for each in term if each.get("key") in labels] for term in need.terms]
    if terms and all(terms) and not any(all(_holds(each, labels) for each in term) for term in terms):
        yield f"the node affinity keeps pods off {_labels(labels)}"


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value = labels[str(expression["key"])]
    values = [str(each) for each in expression.get("values") or ()]
    return {
        "In": value in values,
        "NotIn": value not in values,
        "Exists": True,
        "DoesNotExist": False,
    }.get(str(expression.get("operator")), True)


def _no_nodes(cluster: Cluster, flavor: str, member: Member) -> str | None:
    """Why the flavour's nodes do not hold the pods; None where they do."""
    inside = {group.name for group in cluster.groups_of(flavor)}
    groups = tuple(group for group in member.groups if group.name in inside)
    if not groups:
        return "its nodes do not take the pod"
    count, places = room(Member(podset=member.podset, need=member.need, groups=groups, one_zone=member.one_zone))
    if count < member.podset.least:
        return f"its nodes hold {count} of {member.podset.least} pods ({places})"
    return None


def _labels(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in labels.items())
