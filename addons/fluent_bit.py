"""Fluent Bit's classic configuration: what is read on a node, and what Kubernetes knows of it."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

STATE: Final = "/var/fluent-bit/state"
"""Where it keeps its place in the files, and what it could not send yet: on the node, for the next pod."""
_PLATFORM: Final = "kube-system"
_UNITS: Final = ("kubelet.service", "containerd.service")
_HOST: Final = ("_TRANSPORT=kernel", "_SYSTEMD_UNIT=nodeadm-config.service", "_SYSTEMD_UNIT=nodeadm-run.service")
"""The kernel's log holds the XIDs of GPUs and what the EFA driver says; nodeadm's why a node does not join."""
VOLUMES: Final = (
    {"name": "varlog", "hostPath": {"path": "/var/log"}},
    {"name": "state", "hostPath": {"path": STATE, "type": "DirectoryOrCreate"}},
)
MOUNTS: Final = (
    {"name": "varlog", "mountPath": "/var/log", "readOnly": True},
    {"name": "state", "mountPath": STATE},
)
NODE_NAME: Final = {"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}


def section(kind: str, entries: Mapping[str, Any], *more: tuple[str, str]) -> str:
    """A section of Fluent Bit's classic configuration; `more` are keys that come more than once."""
    width = max(map(len, entries))
    lines = [f"    {key:<{width}} {value}" for key, value in (*entries.items(), *more)]
    return "\n".join([f"[{kind}]", *lines])


SERVICE: Final = f"""\
Flush                     5
Grace                     30
Log_Level                 warn
HTTP_Server               On
HTTP_Listen               0.0.0.0
HTTP_Port                 2020
Health_Check              On
HC_Errors_Count           5
HC_Retry_Failure_Count    5
HC_Period                 60
storage.path              {STATE}/storage/
storage.sync              normal
storage.max_chunks_up     64
storage.backlog.mem_limit 5M
"""


def inputs(exclude_namespaces: Iterable[str], own: str) -> list[str]:
    """The inputs `application`, `dataplane.containers`, `dataplane.units` and `host`, by how their tags begin.

    Args:
        exclude_namespaces: Whose containers are not read.
        own: How the names of Fluent Bit's own pods begin: what it says of a failure would be one more record to send.

    Source: CloudWatch user guide, "Set up Fluent Bit as a DaemonSet", for containerd and journald.
    """
    left = tuple(exclude_namespaces)
    spaces = dict.fromkeys((_PLATFORM, *left))
    excluded = (*(f"*_{name}_*.log" for name in spaces), f"{own}-*.log")
    platform = () if _PLATFORM in left else (_tail("dataplane.containers", f"*_{_PLATFORM}_*"),)
    return [
        _tail("application", "*", exclude=",".join(f"/var/log/containers/{each}" for each in excluded)),
        *platform,
        _journal("dataplane.units", [f"_SYSTEMD_UNIT={unit}" for unit in _UNITS]),
        _journal("host", _HOST),
    ]


def _tail(tag: str, files: str, *, exclude: str = "") -> str:
    return section(
        "INPUT",
        {
            "Name": "tail",
            "Tag": f"{tag}.*",
            "Path": f"/var/log/containers/{files}.log",
            **({"Exclude_Path": exclude} if exclude else {}),
            "multiline.parser": "cri",
            "DB": f"{STATE}/{tag}.db",
            "Mem_Buf_Limit": "50MB",
            "Skip_Long_Lines": "On",
            "Refresh_Interval": 10,
            "Rotate_Wait": 30,
            "storage.type": "filesystem",
        },
    )


def _journal(tag: str, filters: tuple[str, ...] | list[str]) -> str:
    return section(
        "INPUT",
        {
            "Name": "systemd",
            "Tag": f"{tag}.*",
            "Path": "/var/log/journal",
            "DB": f"{STATE}/{tag}.db",
            "Read_From_Tail": "On",
            "Lowercase": "On",
            "Strip_Underscores": "On",
            "Systemd_Filter_Type": "Or",
            "storage.type": "filesystem",
        },
        *(("Systemd_Filter", each) for each in filters),
    )


def kubernetes(tag: str) -> str:
    """A filter that adds namespace, pod and labels to what an input with this tag read."""
    return section(
        "FILTER",
        {
            "Name": "kubernetes",
            "Match": f"{tag}.*",
            "Kube_URL": "https://kubernetes.default.svc:443",
            "Kube_Tag_Prefix": f"{tag}.var.log.containers.",
            "Merge_Log": "On",
            "Merge_Log_Key": "log_processed",
            "Keep_Log": "Off",
            "K8S-Logging.Parser": "On",
            "K8S-Logging.Exclude": "On",
            "Labels": "On",
            "Annotations": "Off",
            "Buffer_Size": 0,
        },
    )
