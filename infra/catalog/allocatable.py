"""What pods can ask for on a node: its processors and memory less what the system takes.

Three things lessen what EC2 sells. Of the memory, hypervisor, firmware and kernel keep a part before Linux counts it.
The kubelet reserves for itself and for evictions (`allocatable`: what `kubectl describe node` calls Allocatable). And
the platform's DaemonSets ask for their share of that (`room`: what is left to people's pods).

Sources: awslabs/amazon-eks-ami@81fec2e8, nodeadm/internal/kubelet/config.go (Bottlerocket computes the same);
aws/karpenter-provider-aws@1d927085dd, pkg/providers/instancetype/types.go, whose estimate this never exceeds: a pod
that needs more would get no node from Karpenter; Kubernetes, "Reserve Compute Resources for System Daemons".
"""

import math
from dataclasses import dataclass
from typing import Final

from infra.catalog.instances import InstanceType, kube_reserved_memory_mib

EVICTION_MIB: Final = 100
"""The kubelet evicts pods when less is free: `memory.available` of its `evictionHard`, as both systems set it."""

VM_OVERHEAD: Final = 0.075
"""Share of the nominal memory that Linux does not see, at most. Karpenter's `vm-memory-overhead-percent`, chosen so as
not to promise too much on any type (aws/karpenter-provider-aws#7929). Measured: 5.1 % on g5g.xlarge, 2.3 % on
p5.48xlarge, and up to 17 % below 6 GiB, for which `_LEAST_OVERHEAD_MIB` is
(33450d8f82, zz_generated.memory_overhead.go)."""
_LEAST_OVERHEAD_MIB: Final = 460
_ARM_MIB: Final = 64
"""What the kernel of Graviton keeps for contiguous allocations besides."""

_CPU_STEPS: Final = ((1, 600), (2, 100), (4, 50))
"""Up to so many cores the kubelet reserves so much of each, in hundredths of a percent; `_CPU_REST` of all others."""
_CPU_REST: Final = 25
_WHOLE: Final = 10000


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What pods can ask for together on one node: millicores and MiB."""

    cpu_millis: int
    memory_mib: int


DAEMONS: Final = Room(cpu_millis=1000, memory_mib=1536)
"""What the DaemonSets of all add-ons that go together ask for on one node, at most. A test adds up what they do."""
DAEMONS_ACCELERATED: Final = Room(cpu_millis=1350, memory_mib=2048)
"""The same on a node with accelerators, which has device plugins and exporters besides."""


def allocatable(instance: InstanceType, *, pods: int, hugepages_mib: int = 0) -> Room:
    """What the kubelet lets all pods of a node ask for, DaemonSets included; never more than a real node has.

    Args:
        instance: Its type.
        pods: The kubelet's `maxPods`. nodeadm reserves memory for as many pods as the VPC CNI can address, whatever
            `maxPods` says; Bottlerocket for `maxPods`. The greater of both counts here.
        hugepages_mib: Memory set aside as huge pages, MiB.
    """
    reserved = kube_reserved_memory_mib(max(pods, instance.max_pods)) + EVICTION_MIB
    return Room(
        cpu_millis=instance.vcpus * 1000 - _kube_reserved_millis(instance.vcpus),
        memory_mib=max(0, _seen_mib(instance) - reserved - hugepages_mib),
    )


def room(instance: InstanceType, *, pods: int, hugepages_mib: int = 0) -> Room:
    """What is left to people's pods when every DaemonSet runs; nothing on the smallest types.

    Args:
        instance: Its type.
        pods: The kubelet's `maxPods`.
        hugepages_mib: Memory set aside as huge pages, MiB.
    """
    whole = allocatable(instance, pods=pods, hugepages_mib=hugepages_mib)
    daemons = DAEMONS_ACCELERATED if instance.accelerator else DAEMONS
    return Room(
        cpu_millis=max(0, whole.cpu_millis - daemons.cpu_millis),
        memory_mib=max(0, whole.memory_mib - daemons.memory_mib),
    )


def _seen_mib(instance: InstanceType) -> int:
    """The memory that Linux sees at least."""
    nominal = instance.memory_mib - (_ARM_MIB if instance.arch == "arm64" else 0)
    return nominal - max(math.ceil(nominal * VM_OVERHEAD), _LEAST_OVERHEAD_MIB)


def _kube_reserved_millis(vcpus: int) -> int:
    reserved, start = 0, 0
    for end, share in (*_CPU_STEPS, (vcpus, _CPU_REST)):
        reserved += max(0, min(vcpus, end) - start) * 1000 * share // _WHOLE
        start = end
    return reserved
