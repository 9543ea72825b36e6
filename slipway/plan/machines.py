"""The instances of a plan outside the cluster's node groups: single ones, and Auto Scaling groups of our own."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from infra.catalog.prices import Capacity
from slipway.plan.fleet import Volume, template_of, volumes_of
from slipway.plan.model import Plan, Resource

INSTANCE: Final = "aws:ec2/instance:Instance"
AUTO_SCALING_GROUP: Final = "aws:autoscaling/group:Group"


@dataclass(frozen=True, kw_only=True)
class Machines:
    """A single instance, or what an Auto Scaling group runs. Volumes are those of each instance."""

    name: str
    types: tuple[str, ...]
    capacity: Capacity
    desired: int
    maximum: int
    volumes: tuple[Volume, ...]
    detailed_monitoring: bool


def machines(plan: Plan) -> tuple[Machines, ...]:
    """The instances outside node groups, by name."""
    found = [*_single(plan), *_scaled(plan)]
    return tuple(sorted(found, key=lambda each: each.name))


def _single(plan: Plan) -> Iterator[Machines]:
    for instance in plan.of_type(INSTANCE):
        inputs = instance.inputs
        root = inputs.get("rootBlockDevice") or {}
        yield Machines(
            name=instance.name,
            types=_types(inputs),
            capacity=_capacity(inputs),
            desired=1,
            maximum=1,
            volumes=tuple(volumes_of({"blockDeviceMappings": [{"ebs": root}]})),
            detailed_monitoring=bool(inputs.get("monitoring")),
        )


def _scaled(plan: Plan) -> Iterator[Machines]:
    for group in plan.of_type(AUTO_SCALING_GROUP):
        template = template_of(plan, group)
        yield Machines(
            name=group.name,
            types=_types(template),
            capacity=_capacity(template),
            desired=_desired(group),
            maximum=int(group.inputs.get("maxSize", 0)),
            volumes=tuple(volumes_of(template)),
            detailed_monitoring=bool((template.get("monitoring") or {}).get("enabled")),
        )


def _desired(group: Resource) -> int:
    wanted = group.inputs.get("desiredCapacity", group.inputs.get("minSize"))
    return int(wanted or 0)


def _types(inputs: Mapping[str, Any]) -> tuple[str, ...]:
    return (inputs["instanceType"],) if inputs.get("instanceType") else ()


def _capacity(inputs: Mapping[str, Any]) -> Capacity:
    market = (inputs.get("instanceMarketOptions") or {}).get("marketType")
    return "spot" if market == "spot" else "on-demand"
