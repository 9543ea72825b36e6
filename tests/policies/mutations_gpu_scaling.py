"""How the rules about groups that grow and shrink are broken."""

import dataclasses
from typing import Any

from policies.kubernetes import RELEASE
from policies.rules.gpu_scaling import OVERLAY, TAG
from slipway.plan.fleet import NODE_GROUP, NODE_POOL
from slipway.plan.machines import AUTO_SCALING_GROUP
from slipway.plan.model import Plan, Resource
from tests.policies.breaking import DROP, Mutation, at, changed, removed, replaced, with_input, without
from tests.policies.gpu_groups import TEMPLATE_TAG, Apply, first, minimum, of_chart


def scaled_by_hand(plan: Plan) -> Plan | None:
    group = first(plan, NODE_GROUP)
    if group is None or first(plan, RELEASE, of_chart("cluster-autoscaler")) is None:
        return None
    return replaced(plan, dataclasses.replace(group, ignore_changes=()))


def resized_by_every_update(plan: Plan) -> Plan | None:
    group = first(plan, AUTO_SCALING_GROUP)
    named = with_input(group, "desiredCapacity", 0) if group else None
    return replaced(plan, dataclasses.replace(named, ignore_changes=())) if named else None


def flag(value: Any) -> Apply:
    """Of cluster-autoscaler, in plans with a type that takes half an hour."""

    def apply(plan: Plan) -> Plan | None:
        path = "values.extraArgs.max-node-provision-time"
        return changed(RELEASE, path, value, lambda each: of_chart("cluster-autoscaler")(each) and slow(each))(plan)

    def slow(release: Resource) -> bool:
        return str(at(release.inputs, "values.extraArgs.max-node-provision-time")) == "30m"

    return apply


def own_tag(resource: str, value: Any = DROP) -> Apply:
    """A node group's own tag for a resource."""
    key = f"{TEMPLATE_TAG}/resources/{resource}"

    def apply(plan: Plan) -> Plan | None:
        if first(plan, RELEASE, of_chart("cluster-autoscaler")) is None:
            return None
        return changed(
            NODE_GROUP, ("tags", key), value, lambda each: minimum(each) == 0 and key in each.inputs["tags"]
        )(plan)

    return apply


def group_tag(key: str, *, value: str | None = None) -> Apply:
    """A tag of the Auto Scaling group of a node group at zero: gone, or with another value."""

    def apply(plan: Plan) -> Plan | None:
        if first(plan, RELEASE, of_chart("cluster-autoscaler")) is None:
            return None
        at_zero = {each.urn for each in plan.of_type(NODE_GROUP) if minimum(each) == 0}
        for tag in plan.of_type(TAG):
            found = tag.inputs["tag"]["key"]
            if found.endswith(key) and at_zero & set(tag.property_dependencies["autoscalingGroupName"]):
                return without(plan, tag) if value is None else replaced(plan, with_input(tag, "tag.value", value))
        return None

    return apply


def undiscovered(plan: Plan) -> Plan | None:
    """Without the tag with the cluster's name."""
    at_zero = {each.urn for each in plan.of_type(NODE_GROUP) if minimum(each) == 0}
    for tag in plan.of_type(TAG):
        owned = tag.inputs["tag"]["value"] == "owned"
        if owned and at_zero & set(tag.property_dependencies["autoscalingGroupName"]):
            return without(plan, tag) if first(plan, RELEASE, of_chart("cluster-autoscaler")) else None
    return None


MUTATIONS = (
    Mutation(
        rule="gpu-desired-size",
        name="a size that is set again and again",
        apply=scaled_by_hand,
        culprit=(NODE_GROUP,),
    ),
    Mutation(
        rule="gpu-desired-size",
        name="an Auto Scaling group with a size of its own",
        apply=resized_by_every_update,
        culprit=(AUTO_SCALING_GROUP,),
    ),
    Mutation(rule="gpu-provision-time", name="too short", apply=flag("15m"), culprit=(RELEASE,)),
    Mutation(rule="gpu-provision-time", name="the default", apply=flag(DROP), culprit=(RELEASE,)),
    Mutation(rule="gpu-provision-time", name="no duration", apply=flag("thirty minutes"), culprit=(RELEASE,)),
    *(
        Mutation(
            rule="gpu-scale-from-zero",
            name=f"the node group does not say {resource}",
            apply=own_tag(resource),
            culprit=(NODE_GROUP,),
        )
        for resource in (
            "vpc.amazonaws.com/efa",
            "hugepages-2Mi",
            "ephemeral-storage",
            "nvidia.com/gpu",
            "aws.amazon.com/neuron",
            "aws.amazon.com/neuroncore",
        )
    ),
    Mutation(
        rule="gpu-scale-from-zero",
        name="fewer EFA interfaces than there are",
        apply=own_tag("vpc.amazonaws.com/efa", "2"),
        culprit=(NODE_GROUP,),
    ),
    *(
        Mutation(
            rule="gpu-scale-from-zero",
            name=f"the Auto Scaling group does not say {key}",
            apply=group_tag(key),
            culprit=(NODE_GROUP,),
        )
        for key in (
            "/resources/hugepages-2Mi",
            "/resources/nvidia.com/gpu",
            "/label/slipway.io/group",
            "/taint/nvidia.com/gpu",
        )
    ),
    Mutation(
        rule="gpu-scale-from-zero",
        name="the Auto Scaling group is not found",
        apply=undiscovered,
        culprit=(NODE_GROUP,),
    ),
    Mutation(
        rule="gpu-scale-from-zero",
        name="the Auto Scaling group says another taint",
        apply=group_tag("/taint/nvidia.com/gpu", value="true:NoSchedule"),
        culprit=(NODE_GROUP,),
    ),
    Mutation(
        rule="gpu-scale-from-zero",
        name="the Auto Scaling group says another label",
        apply=group_tag("/label/slipway.io/group", value="other"),
        culprit=(NODE_GROUP,),
    ),
    Mutation(
        rule="gpu-scale-from-zero",
        name="Karpenter does not know of huge pages",
        apply=removed(OVERLAY),
        culprit=(NODE_POOL,),
    ),
)
