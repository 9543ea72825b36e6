"""Settings: one machine instead of a cluster, and ECS as the step between."""

from typing import Annotated, Literal

from pydantic import Field

from infra.catalog.machine_images import LEAST_GIB
from infra.model import Model
from infra.network.settings import RetentionDays

_IDLE_STEP = 5
"""Minutes between two figures of EC2's basic monitoring."""


VolumeSize = Annotated[int, Field(ge=LEAST_GIB, le=16384)]


class InstanceSettings(Model):
    """One machine with an AWS Deep Learning AMI, in a private subnet, reached through Session Manager alone."""

    instance_type: str
    """EC2 type, such as g5.xlarge. Its architecture and accelerator choose the image."""
    zone: str | None = None
    """Zone id. By default that of the first file system it mounts that has one, else the first that offers the type."""
    capacity: Literal["on-demand", "spot"] = "on-demand"
    """spot: cheap, and gone with its root volume when EC2 wants it back."""
    volume_size: VolumeSize = 200
    """GiB of the root volume, gp3 and encrypted. The images' snapshots have 75 to 100."""
    mounts: tuple[str, ...] | None = None
    """Names of the file systems to mount, each at /mnt/<name>. By default all of them."""
    stop_after_idle_minutes: Annotated[int, Field(ge=15, le=1440, multiple_of=_IDLE_STEP)] | None = None
    """Stop it after so long without half a vCPU at work, in steps of 5. On demand only: a spot instance cannot stop."""
    detailed_monitoring: bool = False
    """Metrics every minute instead of every five."""
    metadata_hop_limit: Literal[1, 2] = 1
    """2: containers on it reach the instance metadata, and its role; 1: only what runs on the host does."""
    disposable: bool = False
    """`destroy` may delete it, with its root volume."""


class EcsSettings(Model):
    """An ECS cluster whose GPU instances come when a task asks for them, and go when the last one ends."""

    instance_type: str
    """EC2 type with NVIDIA GPUs, such as g5.xlarge."""
    zones: tuple[str, ...] = ()
    """Zone ids. By default every zone of the network that offers the type."""
    capacity: Literal["on-demand", "spot"] = "on-demand"
    """How the instances are bought."""
    max: Annotated[int, Field(ge=1, le=100)] = 1
    """Most instances; the fewest are none."""
    volume_size: VolumeSize = 200
    """GiB of the root volume, gp3 and encrypted, which holds images."""
    container_insights: Literal["enabled", "enhanced", "disabled"] = "enabled"
    """CloudWatch Container Insights; enhanced adds figures of tasks and containers."""
    log_retention_days: RetentionDays = 30
    """Days that the logs of tasks and of commands run in them are kept."""


class WorkstationSettings(Model):
    """One machine instead of a cluster, and ECS as the step between."""

    instance: InstanceSettings | None = None
    """One machine. None: none."""
    ecs: EcsSettings | None = None
    """An ECS cluster with GPUs. None: none."""
