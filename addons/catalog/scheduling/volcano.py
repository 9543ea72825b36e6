"""Volcano: a scheduler beside Kubernetes' own, for jobs whose pods start together or not at all."""

from typing import Annotated, Any, Final

import yaml
from pydantic import Field

from addons.batch_queues import network_levels
from addons.spec import AddOn, AddOnSettings, Chart, Image, Ready, Values, Webhook
from infra.handle import ClusterHandle

_NAME: Final = "volcano"
# renovate: datasource=helm depName=volcano registryUrl=https://volcano-sh.github.io/helm-charts
_VERSION: Final = "1.15.1"
_ADMISSIONS: Final = (
    "/jobs/mutate",
    "/jobs/validate",
    # A job that names no queue is in that of its namespace, which an annotation of the namespace names.
    "/podgroups/mutate",
    "/podgroups/validate",
    "/queues/mutate",
    "/queues/validate",
    "/hypernodes/validate",
    "/cronjobs/validate",
)


class VolcanoSettings(AddOnSettings):
    """Settings of Volcano."""

    replicas: Annotated[int, Field(ge=1, le=3)] = 2
    """How many schedulers, controllers and webhook servers there are. One scheduler and one controller lead."""

    memory_mib: Annotated[int, Field(ge=256, le=65536)] = 1024
    """Memory of each scheduler and controller, MiB. They hold all nodes, pods and jobs."""


def _configuration(handle: ClusterHandle) -> dict[str, Any]:
    """What the scheduler does, and what it looks at.

    Without `enqueue`: it lets a job in where the nodes that are there have room, and the autoscaler makes nodes for
    pods alone. `capacity` divides by what is a queue's own, and takes back what others borrowed.
    Source: volcano-sh/volcano v1.15.1, docs/user-guide/how_to_use_capacity_plugin.md and pkg/scheduler.
    """
    devices = list(dict.fromkeys(device for pool in handle.node_pools for device in pool.devices))
    # Accelerators are what a half-used node is too dear for.
    packed = {f"binpack.resources.{device}": 10 for device in devices}
    packing = {"arguments": {"binpack.resources": ", ".join(devices), **packed}} if devices else {}
    return {
        "actions": "allocate, preempt, reclaim, backfill",
        "tiers": [
            {"plugins": [{"name": "priority"}, {"name": "gang", "enablePreemptable": False}, {"name": "conformance"}]},
            {
                "plugins": [
                    {"name": "drf", "enablePreemptable": False},
                    {"name": "predicates"},
                    {"name": "capacity"},
                    {"name": "nodeorder"},
                    {"name": "binpack", **packing},
                    {"name": "network-topology-aware", "arguments": {"weight": 10}},
                ]
            },
        ],
    }


def _discovery(handle: ClusterHandle) -> dict[str, Any]:
    """HyperNodes made of the nodes' labels, kept in step with them. The narrowest is tier 1."""
    labels = [{"nodeLabel": label} for label in network_levels(handle)]
    source = {"source": "label", "enabled": True, "config": {"networkTopologyTypes": {"ec2": labels}}}
    return {"networkTopologyDiscovery": [source]}


def _values(handle: ClusterHandle, settings: VolcanoSettings) -> Values:
    memory = f"{settings.memory_mib}Mi"
    worker: dict[str, Any] = {"requests": {"cpu": "250m", "memory": memory}, "limits": {"memory": memory}}
    return {
        "basic": {"image_pull_policy": "IfNotPresent"},
        "custom": {
            "admission_replicas": settings.replicas,
            "controller_replicas": settings.replicas,
            "scheduler_replicas": settings.replicas,
            "leader_elect_enable": True,
            "enabled_admissions": ",".join(_ADMISSIONS),
            "scheduler_config_override": yaml.safe_dump(_configuration(handle), sort_keys=False),
            # The chart writes it as YAML itself, unlike the scheduler's.
            "controller_config_override": _discovery(handle),
            "admission_resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
            "controller_resources": worker,
            "scheduler_resources": worker,
        },
    }


def _image(part: str) -> Image:
    return Image(reference=f"docker.io/volcanosh/vc-{part}:v{_VERSION}", registry="basic.image_registry")


def _hooks(kind: str, count: int, *, opt_in: bool = False) -> tuple[Webhook, ...]:
    return tuple(Webhook(intercepts=frozenset({kind}), failure_policy="Fail", opt_in=opt_in) for _ in range(count))


ADDON = AddOn(
    name=_NAME,
    group="scheduling",
    summary="a scheduler for jobs whose pods start together or not at all, as near to each other as can be",
    docs="https://volcano.sh/en/docs/",
    source=Chart(
        repo="https://volcano-sh.github.io/helm-charts",
        name=_NAME,
        version=_VERSION,
    ),
    settings=VolcanoSettings,
    namespace="volcano-system",
    create_namespace=True,
    values=_values,
    images=(_image("controller-manager"), _image("scheduler"), _image("webhook-manager")),
    needs=("coredns",),
    # Two schedulers that both fill GPU nodes take each other's room.
    conflicts=("kai-scheduler",),
    owns_crds=(
        "colocationconfigurations.config.volcano.sh",
        "commands.bus.volcano.sh",
        "cronjobs.batch.volcano.sh",
        "hypernodes.topology.volcano.sh",
        "jobflows.flow.volcano.sh",
        "jobs.batch.volcano.sh",
        "jobtemplates.flow.volcano.sh",
        "nodeshards.shard.volcano.sh",
        "numatopologies.nodeinfo.volcano.sh",
        "podgroups.scheduling.volcano.sh",
        "queues.scheduling.volcano.sh",
    ),
    webhooks=(
        # Of kinds of its own, of which two are called as Kubernetes' are.
        *_hooks("Job", 2, opt_in=True),
        *_hooks("CronJob", 1, opt_in=True),
        *_hooks("PodGroup", 2),
        *_hooks("Queue", 2),
        *_hooks("HyperNode", 1),
    ),
    creates=frozenset({"Service"}),
    ready=(
        Ready(kind="Deployment", name="volcano-admission"),
        Ready(kind="Deployment", name="volcano-controllers"),
        Ready(kind="Deployment", name="volcano-scheduler"),
    ),
)
