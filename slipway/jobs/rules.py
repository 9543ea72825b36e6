"""What a namespace and the API server want of pods, beside a node: names that exist, limits, good manners. Pure.

Sources: Kubernetes "Limit Ranges", "Resource Quotas", "Manage HugePages", "Extended Resources"; NCCL and PyTorch on
shared memory; EC2 user guide, "Spot Instance interruption notices".
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from infra.catalog import names
from infra.problems import nearest, one_of
from slipway.jobs.at import At
from slipway.jobs.cluster import Cluster, Namespace
from slipway.jobs.model import Finding, Job, Object, PodSet, finding
from slipway.jobs.nodes import Group
from slipway.jobs.pods import Amounts, amounts, containers
from slipway.jobs.quantity import compared, is_extended, readable
from slipway.jobs.quantity import shown as amount_shown

_SCHEDULERS: Final[Mapping[str, str]] = {"volcano": "volcano", "kai-scheduler": "kai-scheduler"}
"""Besides Kubernetes' own: name to the add-on that brings it."""
_OWN_SCHEDULER: Final = "default-scheduler"
_SPOT_SECONDS: Final = 120

Own = Mapping[tuple[str, str], Object]
"""The objects of the same manifest by kind and name."""


def names_found(job: Job, podset: PodSet, cluster: Cluster, space: Namespace, own: Own) -> Iterator[Finding]:
    """Accounts, claims, classes and schedulers that a pod names and that are not there."""
    spec = At(podset.spec, podset.path)
    account = spec["serviceAccountName"].text() or spec["serviceAccount"].text()
    account_field = "serviceAccount" if job.kind.endswith("SparkApplication") else "serviceAccountName"
    if account and account not in space.accounts and ("ServiceAccount", account) not in own:
        known = sorted(space.accounts)
        yield finding(
            job,
            "error" if space.whole else "warning",
            job.path(podset, podset.at("serviceAccountName"), account_field, account),
            f"{account!r} is no service account of {space.name} in the plan{nearest(account, known)};"
            f" there are: {one_of(known)}",
        )
    for name, at in _claims(spec):
        if name not in space.claims:
            known = sorted(space.claims)
            yield finding(
                job,
                "error" if space.whole else "warning",
                job.path(podset, at.path, "claimName", name),
                f"{name!r} is no claim of {space.name} in the plan{nearest(name, known)};"
                f" there are: {one_of(known) or 'none'}",
            )
    priority = spec["priorityClassName"].text()
    if priority and priority not in cluster.priorities and ("PriorityClass", priority) not in own:
        known = sorted(cluster.priorities)
        yield finding(
            job,
            "error",
            job.path(podset, podset.at("priorityClassName"), "priorityClassName"),
            f"{priority!r} is no PriorityClass{nearest(priority, known)}; there are: {one_of(known)}",
        )
    scheduler = spec["schedulerName"].text(_OWN_SCHEDULER)
    if scheduler != _OWN_SCHEDULER and _SCHEDULERS.get(scheduler) not in cluster.add_ons:
        there = [_OWN_SCHEDULER, *(name for name, add_on in _SCHEDULERS.items() if add_on in cluster.add_ons)]
        hint = f"; the add-on {_SCHEDULERS[scheduler]} brings it" if scheduler in _SCHEDULERS else ""
        yield finding(
            job,
            "error",
            job.path(podset, podset.at("schedulerName"), "schedulerName"),
            f"{scheduler!r} is no scheduler of this cluster; there are: {one_of(there)}{hint}",
        )


def classes(claim: Object, cluster: Cluster) -> Iterator[Finding]:
    """A claim of the same manifest must name a StorageClass that there is."""
    at = At(claim)
    name = at["spec"]["storageClassName"].text()
    if name and name not in cluster.storage_classes:
        known = sorted(cluster.storage_classes)
        yield Finding(
            level="error",
            job=f"PersistentVolumeClaim/{at['metadata']['name'].text('?')}",
            path="spec.storageClassName",
            message=f"{name!r} is no StorageClass of the plan{nearest(name, known)};"
            f" there are: {one_of(known) or 'none'}",
        )


def claim_zones(podset: PodSet, cluster: Cluster, space: Namespace) -> frozenset[str] | None:
    """The zones from which all that a pod mounts can be mounted; None: all."""
    found: frozenset[str] | None = None
    for name, _ in _claims(At(podset.spec, podset.path)):
        zones = cluster.claim_zones(space.claims.get(name, {}))
        if zones is not None:
            found = zones if found is None else found & zones
    return found


def _claims(spec: At) -> Iterator[tuple[str, At]]:
    for each in spec["volumes"].list:
        at = each["persistentVolumeClaim"]["claimName"]
        if at:
            yield at.text(), at


def resources(job: Job, podset: PodSet) -> Iterator[Finding]:
    """What the API server refuses: devices and huge pages that are not limits and requests alike."""
    for container, _ in containers(podset):
        at = container["resources"]
        asked, limits = amounts(at["requests"]), amounts(at["limits"])
        where = job.path(podset, at.path, "limits")
        for resource in dict.fromkeys((*asked, *limits)):
            if resource in asked and resource in limits and asked[resource] > limits[resource]:
                have, most = (amount_shown(resource, each[resource]) for each in (asked, limits))
                yield finding(job, "error", where, f"requests.{resource} {have} > limits.{resource} {most}")
            elif not is_extended(resource) and not resource.startswith("hugepages-"):
                continue
            elif resource not in limits:
                yield finding(job, "error", where, f"limits.{resource} is missing: it must be the same as the request")
            elif asked.get(resource, limits[resource]) != limits[resource]:
                have, most = (amount_shown(resource, each[resource]) for each in (asked, limits))
                yield finding(
                    job,
                    "error",
                    where,
                    f"requests.{resource} {have} is not limits.{resource} {most}: they must be the same",
                )
        whole = {*asked, *limits}
        if any(each.startswith("hugepages-") for each in whole) and not whole & {"cpu", "memory"}:
            yield finding(job, "error", where, "asks for huge pages without cpu or memory, which Kubernetes refuses")


def defaults(space: Namespace | None) -> dict[str, dict[str, int]]:
    """What the namespace's LimitRanges give containers that name nothing: `requests` and `limits`."""
    found: dict[str, dict[str, int]] = {"requests": {}, "limits": {}}
    for item in space.limits if space else ():
        if item.get("type") == "Container":
            for key, field in (("requests", "defaultRequest"), ("limits", "default")):
                found[key] |= readable(item.get(field))
    return found


def limits(job: Job, podset: PodSet, space: Namespace, requests: Amounts) -> Iterator[Finding]:
    """What the namespace's LimitRanges forbid one container, or one pod."""
    for item in space.limits:
        if item.get("type") == "Pod":
            yield from _within(job, podset.at(""), f"a pod of {space.name}", requests, item)
        elif item.get("type") == "Container":
            for container, _ in containers(podset):
                asked = {**amounts(container["resources"]["requests"]), **amounts(container["resources"]["limits"])}
                where = job.path(podset, container["resources"].path, "resources")
                yield from _within(job, where, f"a container of {space.name}", asked, item)


def _within(job: Job, path: str, whose: str, asked: Mapping[str, int], item: Mapping[str, Any]) -> Iterator[Finding]:
    least, most = readable(item.get("min")), readable(item.get("max"))
    for resource, amount in asked.items():
        if resource in most and amount > most[resource]:
            message = f"{resource} {compared(resource, amount, most[resource])}"
            yield finding(job, "error", path, f"{message}, the most that {whose} may have (LimitRange)")
        if resource in least and amount < least[resource]:
            message = f"{resource} {amount_shown(resource, amount)} < {amount_shown(resource, least[resource])}"
            yield finding(job, "error", path, f"{message}, the least that {whose} must ask for (LimitRange)")


def quota(job: Job, space: Namespace, podsets: Sequence[tuple[PodSet, Amounts]]) -> Iterator[Finding]:
    """What the namespace's ResourceQuotas never let run together."""
    totals: dict[str, int] = {"pods": sum(podset.least for podset, _ in podsets)}
    for podset, requests in podsets:
        ceilings = _ceilings(podset)
        for resource, amount in requests.items():
            for key in (
                (resource, f"requests.{resource}") if resource in ("cpu", "memory") else (f"requests.{resource}",)
            ):
                totals[key] = totals.get(key, 0) + amount * podset.least
        for resource, amount in ceilings.items():
            totals[f"limits.{resource}"] = totals.get(f"limits.{resource}", 0) + amount * podset.least
    for hard in space.quotas:
        for key, most in hard.items():
            resource = key.removeprefix("requests.").removeprefix("limits.")
            total = totals.get(key, 0)
            if total > most:
                message = f"{key} {compared(resource, total, most)}"
                yield finding(job, "error", "", f"{message}, the ResourceQuota of {space.name}")
        yield from _unsaid(job, space, hard, podsets)


def _unsaid(
    job: Job, space: Namespace, hard: Mapping[str, int], podsets: Sequence[tuple[PodSet, Amounts]]
) -> Iterator[Finding]:
    """Where there is a quota of cpu or memory, each container must say what it asks for."""
    given = defaults(space)
    for podset, _ in podsets:
        for container, _first in containers(podset):
            asked, most = amounts(container["resources"]["requests"]), amounts(container["resources"]["limits"])
            said = {
                **{f"limits.{each}": each in most or each in given["limits"] for each in ("cpu", "memory")},
                **{
                    key: each in asked or each in most or each in given["requests"] or each in given["limits"]
                    for each in ("cpu", "memory")
                    for key in (each, f"requests.{each}")
                },
            }
            missing = [key for key in hard if not said.get(key, True)]
            if missing:
                field = missing[0] if "." in missing[0] else f"requests.{missing[0]}"
                yield finding(
                    job,
                    "error",
                    job.path(podset, container["resources"].path, "resources"),
                    f"{field} is missing: {space.name} has a ResourceQuota of it, so each container must say it",
                )


def _ceilings(podset: PodSet) -> Amounts:
    found: Amounts = {}
    for container, first in containers(podset):
        if not first:
            for resource, amount in amounts(container["resources"]["limits"]).items():
                found[resource] = found.get(resource, 0) + amount
    return {resource: amount for resource, amount in found.items() if resource in ("cpu", "memory")}


def manners(job: Job, podset: PodSet, requests: Mapping[str, int], groups: Sequence[Group]) -> Iterator[Finding]:
    """What runs, and would better be otherwise."""
    spec = At(podset.spec, podset.path)
    for container, _ in containers(podset):
        image = container["image"].text()
        name = image.rpartition("/")[2]
        if image and "@" not in name and ("latest" in name.partition(":")[2].split("-") or ":" not in name):
            where = job.path(podset, container["image"].path, "image", image)
            yield finding(job, "warning", where, f"{image!r} may be another image tomorrow; name a version")
    gpus = sum(amount for resource, amount in requests.items() if resource.startswith("nvidia.com/"))
    if gpus > 1 and job.training and not _has_shared_memory(podset):
        message = f"{podset.name}: {gpus} GPUs share 64 MiB of /dev/shm; mount an emptyDir of medium Memory there"
        yield finding(job, "warning", podset.at("volumes"), message)
    efa = requests.get(names.EFA_RESOURCE, 0)
    pages = [resource for resource in requests if resource.startswith("hugepages-")]
    if efa and not pages:
        message = f"{podset.name}: EFA's provider wants huge pages; ask for {names.HUGEPAGES_RESOURCE}"
        yield finding(job, "warning", podset.at(""), message)
    if pages and not efa:
        yield finding(
            job, "warning", podset.at(""), f"{podset.name}: huge pages without {names.EFA_RESOURCE}: who uses them?"
        )
    if not efa and gpus and "efa" in _environment(podset, "FI_PROVIDER"):
        message = f"{podset.name}: FI_PROVIDER is efa, and the pod asks for no {names.EFA_RESOURCE}: it would fail"
        yield finding(job, "warning", podset.at(""), message)
    yield from _on_spot(job, podset, spec, groups)


def _on_spot(job: Job, podset: PodSet, spec: At, groups: Sequence[Group]) -> Iterator[Finding]:
    if not groups or any(group.pool.capacity != "spot" for group in groups):
        return
    grace = spec["terminationGracePeriodSeconds"].count(30)
    if grace > _SPOT_SECONDS:
        message = f"{grace} s, but spot capacity goes {_SPOT_SECONDS} s after it is told"
        yield finding(
            job,
            "warning",
            job.path(podset, podset.at("terminationGracePeriodSeconds"), "terminationGracePeriodSeconds"),
            message,
        )
    if job.training and not job.restarts:
        yield finding(
            job,
            "warning",
            "",
            f"{podset.name}: runs on spot capacity alone, and the job does not start again when a node goes: give it a"
            " restart policy, and let it go on from checkpoints",
        )


def _has_shared_memory(podset: PodSet) -> bool:
    spec = At(podset.spec, podset.path)
    memory = {each["name"].text() for each in spec["volumes"].list if each["emptyDir"]["medium"].text() == "Memory"}
    return (
        any(
            mount["mountPath"].text().rstrip("/") == "/dev/shm" and mount["name"].text() in memory  # noqa: S108  # in the pod
            for container, _ in containers(podset)
            for mount in container["volumeMounts"].list
        )
        or spec["hostIPC"].flag()
    )


def _environment(podset: PodSet, name: str) -> set[str]:
    return {
        str(each["value"].value)
        for container, _ in containers(podset)
        for each in container["env"].list
        if each["name"].text() == name
    }
