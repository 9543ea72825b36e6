"""Pod Security Standards: what a namespace's level forbids. Pure.

Source: Kubernetes 1.35, "Pod Security Standards".
"""

from collections.abc import Iterator
from typing import Final

from infra.problems import shown
from slipway.jobs.at import At
from slipway.jobs.cluster import Namespace
from slipway.jobs.model import Finding, Job, PodSet
from slipway.jobs.pods import containers

_HARMLESS: Final = frozenset(
    {
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    }
)
"""Capabilities that baseline lets pods add."""
_SAFE_SYSCTLS: Final = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
    }
)
_HOST: Final = ("hostNetwork", "hostPID", "hostIPC")


def check(job: Job, podset: PodSet, space: Namespace) -> Iterator[Finding]:
    """What the namespace's Pod Security Standard forbids."""
    if space.level not in ("baseline", "restricted"):
        return
    spec = At(podset.spec, podset.path)
    for path, why in [*_baseline(spec, podset), *(_restricted(spec, podset) if space.level == "restricted" else ())]:
        message = f"{why}: {space.name} enforces the Pod Security Standard {space.level}, so the pod is refused"
        where = job.path(podset, path, path.rpartition(".")[2])
        yield Finding(level="error", job=job.title, path=where, message=message)


def _baseline(spec: At, podset: PodSet) -> Iterator[tuple[str, str]]:
    for field in _HOST:
        if spec[field].flag():
            yield spec[field].path, "true is not allowed"
    for each in spec["volumes"].list:
        if each["hostPath"]:
            yield each["hostPath"].path, f"{shown(each['hostPath']['path'].value)}: no hostPath is allowed"
    for each in spec["securityContext"]["sysctls"].list:
        if each["name"].text() not in _SAFE_SYSCTLS:
            yield each.path, f"{shown(each['name'].value)} is no sysctl that is allowed"
    yield from _profiles(spec["securityContext"])
    for container, _ in containers(podset):
        yield from _baseline_of(container)


def _baseline_of(container: At) -> Iterator[tuple[str, str]]:
    context = container["securityContext"]
    if context["privileged"].flag():
        yield context["privileged"].path, "true is not allowed"
    for each in context["capabilities"]["add"].list:
        if each.text() not in _HARMLESS:
            yield each.path, f"the capability {shown(each.value)} is not allowed"
    if context["procMount"].text("Default") != "Default":
        yield context["procMount"].path, f"{shown(context['procMount'].value)} is not allowed"
    for each in container["ports"].list:
        if each["hostPort"].count(0):
            yield each["hostPort"].path, f"{each['hostPort'].value}: no host port is allowed"
    yield from _profiles(context)


def _profiles(context: At) -> Iterator[tuple[str, str]]:
    for field in ("seccompProfile", "appArmorProfile"):
        if context[field]["type"].text() == "Unconfined":
            yield context[field]["type"].path, "Unconfined is not allowed"


def _restricted(spec: At, podset: PodSet) -> Iterator[tuple[str, str]]:
    pod = spec["securityContext"]
    for container, _ in containers(podset):
        context = container["securityContext"]
        if context["allowPrivilegeEscalation"].value is not False:
            yield context["allowPrivilegeEscalation"].path, "must be false"
        if not (context["runAsNonRoot"] if context["runAsNonRoot"] else pod["runAsNonRoot"]).flag():
            yield context["runAsNonRoot"].path, "must be true"
        if "ALL" not in [each.text() for each in context["capabilities"]["drop"].list]:
            yield context["capabilities"]["drop"].path, "must hold ALL"
        profile = context["seccompProfile"]["type"].text() or pod["seccompProfile"]["type"].text()
        if profile not in ("RuntimeDefault", "Localhost"):
            yield context["seccompProfile"].path, "must be of type RuntimeDefault or Localhost"
