"""Whether the jobs of a manifest can run in a cluster, and exactly why not. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from addons import registry
from infra.catalog import names
from infra.problems import nearest, one_of
from slipway.jobs import beside, kinds, queues, rules, security
from slipway.jobs.at import ShapeError
from slipway.jobs.cluster import DEFAULT_NAMESPACE, Cluster, Namespace
from slipway.jobs.gang import Member, demand, packs, room, short
from slipway.jobs.model import Finding, Job, Object, PodSet
from slipway.jobs.nodes import Group
from slipway.jobs.place import Refusal, need, per_node, refusals, together
from slipway.jobs.pods import Amounts, amounts, containers, requests
from slipway.jobs.read import ManifestError, documents


@dataclass(frozen=True, kw_only=True)
class Placed:
    """Where the pods of one role run: the names of the groups that take them."""

    name: str
    count: int
    groups: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Checked:
    """One job and where it goes."""

    job: Job
    namespace: str
    queue: str
    podsets: tuple[Placed, ...]


@dataclass(frozen=True, kw_only=True)
class Report:
    """What is to be said of a manifest. `findings` are in the order of its jobs, errors before warnings in each."""

    jobs: tuple[Checked, ...]
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Why jobs would not run."""
        return tuple(each for each in self.findings if each.level == "error")

    @property
    def fits(self) -> bool:
        """Whether all jobs can run."""
        return not self.errors

    def data(self) -> dict[str, Any]:
        """For machines."""
        return {
            "fits": self.fits,
            "jobs": [
                {
                    "kind": each.job.kind,
                    "name": each.job.name,
                    "namespace": each.namespace,
                    "queue": each.queue,
                    "outside": each.job.outside,
                    "podSets": [
                        {"name": placed.name, "count": placed.count, "groups": list(placed.groups)}
                        for placed in each.podsets
                    ],
                }
                for each in self.jobs
            ],
            "findings": [each.data() for each in self.findings],
        }


def check(text: str, cluster: Cluster) -> Report:
    """Hold every job of a manifest against a cluster.

    Args:
        text: YAML, any number of documents.
        cluster: Where they are to run.

    Raises:
        ManifestError: It cannot be read, or there is no job in it.
    """
    return checked(documents(text), cluster)


def checked(found: Sequence[Object], cluster: Cluster) -> Report:
    """Hold every job among objects against a cluster.

    Args:
        found: What `read.documents` gives.
        cluster: Where they are to run.

    Raises:
        ManifestError: There is no job among them.
    """
    jobs = kinds.jobs(found, {**cluster.runtimes, **_runtimes(found)})
    if not jobs:
        what = one_of(dict.fromkeys(str(each["kind"]) for each in found))
        raise ManifestError(f"no job in it: {what}; what is understood: {kinds.understood()}")
    verdicts: list[Checked] = []
    findings = list(_claims(found, cluster))
    for job in jobs:
        one, said = _one(job, cluster, _beside(found, job.namespace or DEFAULT_NAMESPACE))
        verdicts.append(one)
        findings += sorted(dict.fromkeys(said), key=lambda each: each.level != "error")
    return Report(jobs=tuple(verdicts), findings=tuple(findings))


def _beside(found: Sequence[Object], namespace: str) -> rules.Own:
    """What the manifest makes for the jobs of a namespace: there, or in none, which is kubectl's own."""
    made: dict[tuple[str, str], Object] = {}
    for each in found:
        meta = each.get("metadata")
        if isinstance(meta, Mapping) and meta.get("namespace") in (None, "", namespace):
            made[str(each["kind"]), str(meta.get("name", ""))] = each
    return made


def _runtimes(found: Sequence[Object]) -> dict[tuple[str, str], Object]:
    """The training runtimes that the manifest brings with it, those of a namespace too."""
    made = {}
    for each in found:
        meta, spec = each.get("metadata"), each.get("spec")
        kind = str(each["kind"])
        if kind in ("ClusterTrainingRuntime", "TrainingRuntime") and isinstance(meta, Mapping):
            made[kind, str(meta.get("name", ""))] = spec if isinstance(spec, Mapping) else {}
    return made


def _claims(found: Sequence[Object], cluster: Cluster) -> Iterator[Finding]:
    for each in found:
        if each["kind"] == "PersistentVolumeClaim":
            try:
                yield from rules.classes(each, cluster)
            except ShapeError as error:
                yield Finding(level="error", job="PersistentVolumeClaim", path=error.path, message=str(error))


def _one(job: Job, cluster: Cluster, own: rules.Own) -> tuple[Checked, list[Finding]]:
    said = list(job.findings)
    said += _crd(job, cluster)
    space = _space(job, cluster, own)
    namespace = job.namespace or DEFAULT_NAMESPACE
    if space is None:
        said.append(_no_namespace(job, cluster, namespace))
    elif not job.namespace and cluster.tenants:
        message = f"is missing: kubectl takes its own, here {namespace} is taken; tenants: {one_of(cluster.tenants)}"
        said.append(Finding(level="warning", job=job.title, path="metadata.namespace", message=message))
    members: list[Member] = []
    if job.outside:
        return Checked(job=job, namespace=namespace, queue="", podsets=()), said
    whole = True
    for podset in job.podsets:
        if not podset.count and not podset.least:
            continue
        try:
            member, found = _member(job, podset, cluster, space)
            members.append(member)
            said += found
            said += rules.names_found(job, podset, cluster, space, own) if space else ()
            said += beside.bound(job, podset, cluster, space, own)
        except ShapeError as error:
            whole = False
            said.append(Finding(level="error", job=job.title, path=error.path, message=str(error)))
    if whole and not any(each.level == "error" for each in job.findings):
        try:
            said += _together(job, cluster, space, members)
        except ShapeError as error:
            said.append(Finding(level="error", job=job.title, path=error.path, message=str(error)))
    placed = tuple(
        Placed(name=each.podset.name, count=each.podset.count, groups=tuple(group.name for group in each.groups))
        for each in members
    )
    return Checked(job=job, namespace=namespace, queue=queues.queue_of(job, cluster, space), podsets=placed), said


def _crd(job: Job, cluster: Cluster) -> Iterator[Finding]:
    """The add-on that brings the kind must be there."""
    if not job.crd:
        return
    owners = [name for name, add_on in registry.discover().items() if job.crd in add_on.owns_crds]
    if any(each in cluster.add_ons for each in owners):
        return
    who = f"the add-on {' or '.join(owners)}" if owners else "no add-on"
    message = f"{job.kind} is no kind of this cluster: {who} brings it, and the stack does not have it"
    if not owners:
        message = f"{job.kind} of {job.api_version} is no kind of this cluster: no add-on brings it"
    yield Finding(level="error", job=job.title, path="kind", message=message)


def _space(job: Job, cluster: Cluster, own: rules.Own) -> Namespace | None:
    name = job.namespace or DEFAULT_NAMESPACE
    found = cluster.namespaces.get(name)
    if found is None and ("Namespace", name) in own:
        found = Namespace(name=name, accounts=frozenset({"default"}), whole=True)
    if found is None:
        return None
    made = {name: each.get("spec") for (kind, name), each in own.items() if kind == "PersistentVolumeClaim"}
    claims = {name: spec if isinstance(spec, Mapping) else {} for name, spec in made.items()}
    return replace(found, claims={**found.claims, **claims})


def _no_namespace(job: Job, cluster: Cluster, name: str) -> Finding:
    known = cluster.tenants or tuple(each.name for each in cluster.namespaces.values() if each.whole)
    return Finding(
        level="error",
        job=job.title,
        path="metadata.namespace",
        message=f"{name!r} is no namespace of the plan{nearest(name, cluster.namespaces)};"
        f" people's are: {one_of(sorted(known))}",
    )


def _member(job: Job, podset: PodSet, cluster: Cluster, space: Namespace | None) -> tuple[Member, list[Finding]]:
    """The pods with the groups that take them, and what is to be said of one of them."""
    said: list[Finding] = []
    asked = requests(podset, rules.defaults(space))
    zones = rules.claim_zones(podset, cluster, space) if space else None
    wanted = need(podset, asked, zones)
    refused = [(group, refusals(wanted, group)) for group in cluster.groups]
    groups = tuple(group for group, whys in refused if not whys)
    said += beside.complete(job, podset)
    said += rules.resources(job, podset)
    if space is not None:
        said += beside.shared(job, podset, space, max((per_node(wanted, group) for group in groups), default=1))
        said += security.check(job, podset, space)
        said += rules.limits(job, podset, space, asked)
    said += rules.manners(job, podset, asked, groups)
    if not groups:
        said.append(_unplaced(job, podset, refused))
    # EFA does not leave a zone, whatever the pods say.
    one_zone = together(podset) or names.EFA_RESOURCE in asked
    return Member(podset=podset, need=wanted, groups=groups, one_zone=one_zone), said


def _unplaced(job: Job, podset: PodSet, refused: Sequence[tuple[Group, list[Refusal]]]) -> Finding:
    """No group takes the pod: why each does not, the nearest first, by its zone that comes nearest."""
    lines: dict[str, str] = {}
    # Those that the pod selects come first.
    ranked = sorted(refused, key=lambda each: (any(_selects(why) for why in each[1]), len(each[1])))
    for group, whys in ranked:
        # Who selects other nodes need not hear what these lack.
        chosen = [each for each in whys if _selects(each)] or whys
        lines.setdefault(group.pool.group, f"{group.name}: {'; '.join(each.text for each in chosen)}")
    about = ranked[0][1][0].about if ranked and ranked[0][1] else ""
    return Finding(
        level="error",
        job=job.title,
        path=_path(job, podset, about),
        message=f"{podset.name}: no node group takes the pod, so it would stay pending",
        reasons=tuple(lines.values()) or ("the stack has no node groups",),
    )


def _selects(why: Refusal) -> bool:
    return why.about.startswith(("nodeSelector", "affinity"))


def _path(job: Job, podset: PodSet, about: str) -> str:
    """Where the manifest says what keeps the pod off."""
    resource = about.removeprefix("resources.")
    if resource == about:
        field, _, key = about.rstrip("]").partition("[")
        return job.path(podset, podset.at(about), key or field)
    best, most = podset.at("containers"), 0
    for container, _ in containers(podset):
        for field in ("requests", "limits"):
            amount = amounts(container["resources"][field]).get(resource, 0)
            if amount > most:
                best, most = container["resources"][field][resource].path, amount
    return job.path(podset, best, resource)


def _together(job: Job, cluster: Cluster, space: Namespace | None, members: Sequence[Member]) -> Iterator[Finding]:
    """What one pod does not show: enough nodes, quotas, the queue."""
    enough = True
    for member in members:
        if not member.groups:
            enough = False
            continue
        count, places = room(member)
        podset = member.podset
        if count < podset.count:
            short_of = count < podset.least
            enough = enough and not short_of
            where = " in one zone" if member.one_zone else ""
            yield Finding(
                level="error" if short_of else "warning",
                job=job.title,
                path=podset.count_path or podset.path,
                message=f"{podset.name}: {podset.count} pods, and there is room for {count} at a time{where}",
                reasons=(places,),
            )
    if enough and job.unit == "all":
        lacking = list(short(members))
        for resource, total, most, groups in lacking:
            yield Finding(
                level="error",
                job=job.title,
                path="",
                message=f"all pods together ask for {demand(resource, total, most)}, the most that their nodes have",
                reasons=(", ".join(f"{group.name}: {group.nodes} nodes" for group in groups),),
            )
        if not lacking and not packs(members):
            message = "all pods together may not find room at a time: whole pods fit on the nodes only in few ways"
            yield Finding(level="warning", job=job.title, path="", message=message)
    if space is not None:
        asked: list[tuple[PodSet, Amounts]] = [(each.podset, dict(each.need.requests)) for each in members]
        yield from rules.quota(job, space, asked)
    if all(each.groups for each in members):
        yield from queues.check(job, cluster, space, members)
    else:
        # Names are worth a word in any case.
        yield from queues.check(job, cluster, space, [])


__all__ = ["Checked", "ManifestError", "Placed", "Report", "check", "checked"]
