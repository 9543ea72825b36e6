"""What the machines are told at boot: shell scripts. Pure text.

The machine's script runs at every start, so that a changed list of file systems, or a new kernel, needs a restart and
no new machine; each step can be repeated.

Sources: FSx for Lustre user guide, "Installing the Lustre client" and "Mounting your Amazon FSx file system
automatically"; EFS user guide, "Mounting EFS file systems automatically"; cloud-init, "scripts-user"; Amazon ECS
developer guide, "Amazon ECS container agent configuration".
"""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

_BOUNDARY: Final = "SLIPWAY"
_EVERY_START: Final = "#cloud-config\ncloud_final_modules:\n- [scripts-user, always]\n"
_BEGIN, _END = "# slipway: begin", "# slipway: end"
_PACKAGES: Final = {"lustre": "lustre-client", "efs": "amazon-efs-utils"}
_ATTEMPTS: Final = 60
_PAUSE_SECONDS: Final = 10


@dataclass(frozen=True, kw_only=True)
class Share:
    """A file system to mount.

    Attributes:
        kind: What it is.
        source: As fstab has it: `<dns name>@tcp:/<mount name>` or `<file system id>:/`.
        host: The name to wait for; DNS knows it only some time after the file system is there.
        path: Where it is mounted.
    """

    kind: Literal["lustre", "efs"]
    source: str
    host: str
    path: str

    @property
    def entry(self) -> str:
        """The line of fstab."""
        options = "noatime,flock,_netdev,nofail" if self.kind == "lustre" else "tls,noresvport,noatime,_netdev,nofail"
        return f"{self.source} {self.path} {self.kind} {options} 0 0"


def lustre(dns_name: str, mount_name: str, path: str) -> Share:
    """An FSx for Lustre file system at a path."""
    return Share(kind="lustre", source=f"{dns_name}@tcp:/{mount_name}", host=dns_name, path=path)


def efs(file_system_id: str, host: str, path: str) -> Share:
    """An EFS file system at a path. `host` is the name that its mount targets have in common."""
    return Share(kind="efs", source=f"{file_system_id}:/", host=host, path=path)


def machine(shares: Sequence[Share]) -> str:
    """The user data of the machine, which mounts at least one file system. Not yet base64."""
    script = "\n".join(["#!/usr/bin/env bash", "set -uo pipefail", *_mounts(shares), ""])
    parts = (("text/cloud-config; charset=us-ascii", _EVERY_START), ("text/x-shellscript; charset=us-ascii", script))
    body = "".join(f"--{_BOUNDARY}\nContent-Type: {kind}\n\n{text}\n" for kind, text in parts)
    return f'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="{_BOUNDARY}"\n\n{body}--{_BOUNDARY}--\n'


def ecs(cluster: str) -> str:
    """The user data of an instance of an ECS cluster. Not yet base64."""
    settings = {
        "ECS_CLUSTER": cluster,
        "ECS_ENABLE_GPU_SUPPORT": "true",
        # Tasks move away in the two minutes before a spot instance goes.
        "ECS_ENABLE_SPOT_INSTANCE_DRAINING": "true",
        # Tasks have roles of their own; the instance's is not for them.
        "ECS_AWSVPC_BLOCK_IMDS": "true",
    }
    lines = [f"{key}={value}" for key, value in settings.items()]
    return "\n".join(
        ["#!/usr/bin/env bash", "set -euo pipefail", "cat >> /etc/ecs/ecs.config <<'ECS'", *lines, "ECS", ""]
    )


def _mounts(shares: Sequence[Share]) -> Iterator[str]:
    """Shell lines. One file system that fails leaves the others, and a session to find out why."""
    packages = sorted({_PACKAGES[share.kind] for share in shares})
    yield "try() {"
    yield f"  for _ in $(seq {_ATTEMPTS}); do"
    yield '    "$@" && return'
    yield f"    sleep {_PAUSE_SECONDS}"
    yield "  done"
    yield '  echo "slipway: gave up: $*" >&2'
    yield "}"
    yield f"try dnf install -y {' '.join(packages)}"
    if any(share.kind == "lustre" for share in shares):
        yield "modprobe lustre"
    yield f"sed -i '/^{_BEGIN}$/,/^{_END}$/d' /etc/fstab"
    yield "cat >> /etc/fstab <<'FSTAB'"
    yield _BEGIN
    yield from (share.entry for share in shares)
    yield _END
    yield "FSTAB"
    yield "systemctl daemon-reload"
    for share in shares:
        path = shlex.quote(share.path)
        yield f"mkdir -p {path}"
        yield f"try getent hosts {shlex.quote(share.host)} > /dev/null"
        yield f"mountpoint -q {path} || try mount {path}"
