"""What a node is told at boot: nodeadm and a short shell script on AL2023, TOML on Bottlerocket. Pure text.

Sources: awslabs/amazon-eks-ami nodeadm API v1alpha1 (facts README section 3.3: later MIME parts override; EKS merges
its own part, and a custom AMI must be told the cluster); Bottlerocket settings reference; EC2 user guide, "Optimize
GPU settings"; NVIDIA MIG user guide.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from infra.node_groups.expand import ManagedGroup

_BOUNDARY = "SLIPWAY"
_BOTTLEROCKET_DATA = ("/var/lib/containerd", "/var/lib/kubelet", "/var/log/pods")
_GPU_UNIT = "slipway-gpu.service"
_NVIDIA_SMI = "/usr/bin/nvidia-smi"
_MIG_REBOOTED = "/var/lib/slipway-mig-rebooted"
_SYSCTL_FILE = "/etc/sysctl.d/90-slipway.conf"
_HUGEPAGE_SYSCTL = "vm.nr_hugepages"


@dataclass(frozen=True, kw_only=True)
class ClusterFacts:
    """What a node with a custom AMI must be told; EKS tells the others."""

    name: str
    endpoint: str
    certificate_authority: str
    cidr: str


def user_data(managed: ManagedGroup, cluster: ClusterFacts | None = None) -> str:
    """The user data of a group, not yet base64; empty when the defaults do.

    Args:
        managed: The group.
        cluster: Given for a custom AMI only.
    """
    if managed.pool.bottlerocket:
        return "".join(_toml(managed))
    parts = []
    spec = _node_config(managed, cluster)
    script = list(_script(managed))
    if spec:
        document = {"apiVersion": "node.eks.aws/v1alpha1", "kind": "NodeConfig", "spec": spec}
        parts.append(("application/node.eks.aws", yaml.safe_dump(document, sort_keys=False)))
    if script:
        parts.append(
            (
                "text/x-shellscript; charset=us-ascii",
                "\n".join(["#!/usr/bin/env bash", "set -euo pipefail", *script, ""]),
            )
        )
    return _mime(parts) if parts else ""


def _mime(parts: list[tuple[str, str]]) -> str:
    body = "".join(f"--{_BOUNDARY}\nContent-Type: {kind}\n\n{text}\n" for kind, text in parts)
    return f'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="{_BOUNDARY}"\n\n{body}--{_BOUNDARY}--\n'


def _node_config(managed: ManagedGroup, cluster: ClusterFacts | None) -> dict[str, Any]:
    kubelet = managed.settings.kubelet
    config = _present(
        {
            "maxPods": managed.max_pods,
            "cpuManagerPolicy": kubelet.cpu_manager_policy,
            "topologyManagerPolicy": kubelet.topology_manager_policy,
        }
    )
    return _present(
        {
            "cluster": {
                "name": cluster.name,
                "apiServerEndpoint": cluster.endpoint,
                "certificateAuthority": cluster.certificate_authority,
                "cidr": cluster.cidr,
            }
            if cluster
            else None,
            "kubelet": {"config": config} if config else None,
            "instance": {"localStorage": {"strategy": "RAID0"}} if managed.raid0 else None,
            "featureGates": {"FastImagePull": True} if managed.settings.fast_image_pull else None,
        }
    )


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _script(managed: ManagedGroup) -> Iterator[str]:
    """Shell lines. What they set must hold at every boot, and cloud-init runs them at the first alone.

    cloud-init comes before nodeadm starts the kubelet, which counts hugepages and devices once, at its start.
    """
    if managed.hugepages:
        yield f"echo '{_HUGEPAGE_SYSCTL} = {managed.hugepages}' > {_SYSCTL_FILE}"
        yield f"sysctl -p {_SYSCTL_FILE}"
    commands = list(_gpu_commands(managed))
    if not commands:
        return
    yield f"cat > /etc/systemd/system/{_GPU_UNIT} <<'UNIT'"
    yield "[Unit]"
    yield "Description=GPU settings of the node group"
    # The AMI has a unit that sets clocks of its own choice.
    yield "After=nvidia-persistenced.service set-nvidia-clocks.service"
    yield "Before=nodeadm-run.service kubelet.service"
    yield "[Service]"
    yield "Type=oneshot"
    yield "RemainAfterExit=yes"
    yield from (f"ExecStart={command}" for command in commands)
    yield "[Install]"
    yield "WantedBy=multi-user.target"
    yield "UNIT"
    yield "systemctl daemon-reload"
    yield f"systemctl enable --now {_GPU_UNIT}"


def _gpu_commands(managed: ManagedGroup) -> Iterator[str]:
    accelerator, gpu = managed.instance.accelerator, managed.settings.gpu
    if accelerator is None or accelerator.kind != "nvidia":
        return
    if gpu.persistence:
        yield f"{_NVIDIA_SMI} -pm 1"
    sharing = managed.pool.sharing
    if sharing and sharing.mig_profile:
        per_gpu = sum(sharing.resources.values()) // accelerator.count
        # An A100 takes the mode at a reset, which the persistence daemon keeps it from (NVIDIA/gpu-operator#118) and a
        # virtual machine may refuse: until a reboot, which the mode outlives there, it is pending.
        yield f"-{_NVIDIA_SMI} -mig 1"
        yield (
            f"/usr/bin/bash -c '{_NVIDIA_SMI} --query-gpu=mig.mode.current --format=csv,noheader | grep -q Disabled "
            f"|| {{ rm -f {_MIG_REBOOTED}; exit 0; }}; "
            # Once: a node that never gets there fails at the next command, where its journal shows why.
            f"test -e {_MIG_REBOOTED} || {{ touch {_MIG_REBOOTED}; /usr/bin/systemctl reboot; sleep infinity; }}'"
        )
        # Instances of an earlier boot may be there; systemd goes on after a command with a dash.
        yield f"-{_NVIDIA_SMI} mig -dci"
        yield f"-{_NVIDIA_SMI} mig -dgi"
        yield f"{_NVIDIA_SMI} mig -cgi {','.join([sharing.mig_profile] * per_gpu)} -C"
    if gpu.clocks == "maximum" and accelerator.clocks:
        yield f"{_NVIDIA_SMI} -ac {accelerator.clocks.memory_mhz},{accelerator.clocks.graphics_mhz}"
    if gpu.clocks == "default":
        yield f"{_NVIDIA_SMI} -rac"


def _toml(managed: ManagedGroup) -> Iterator[str]:
    kubelet = managed.settings.kubelet
    # JSON's strings and integers are TOML's.
    settings = _present(
        {
            "max-pods": managed.max_pods,
            "cpu-manager-policy": kubelet.cpu_manager_policy,
            "topology-manager-policy": kubelet.topology_manager_policy,
        }
    )
    if settings:
        yield "[settings.kubernetes]\n"
        for key, value in settings.items():
            yield f"{key} = {json.dumps(value)}\n"
    if managed.hugepages:
        yield f'[settings.kernel.sysctl]\n"{_HUGEPAGE_SYSCTL}" = "{managed.hugepages}"\n'
    if managed.raid0:
        yield "[settings.bootstrap-commands.instance-store]\n"
        bind = ["apiclient", "ephemeral-storage", "bind", "--dirs", *_BOTTLEROCKET_DATA]
        yield f"commands = {json.dumps([['apiclient', 'ephemeral-storage', 'init'], bind])}\n"
        yield 'mode = "always"\nessential = true\n'
