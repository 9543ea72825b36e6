"""How the rules about accelerated groups are broken."""

import dataclasses
from typing import Any

from infra.catalog import amis
from infra.catalog.instances import InstanceType, accelerated_types, instance_type
from infra.catalog.zones import offered_zones, region_of
from policies.nodes import SUBNET
from slipway.plan.fleet import LAUNCH_TEMPLATE, NODE_CLASS, NODE_GROUP, NODE_POOL
from slipway.plan.machines import AUTO_SCALING_GROUP
from slipway.plan.model import Plan, Resource
from tests.policies.breaking import DROP, Mutation, at, changed, replaced, with_input
from tests.policies.gpu_groups import (
    Apply,
    accelerated,
    first,
    has_efa,
    minimum,
    requirement,
    reserved,
    template_of,
    types_of,
)

ZONE = "topology.k8s.aws/zone-id"


def spread_over(plan: Plan, resource: Resource, property_: str, types: list[InstanceType]) -> Plan | None:
    """A second subnet, in another zone that offers the same types."""
    listed = list(at(resource.inputs, property_))
    behind = resource.property_dependencies.get(property_, ())
    if not behind:
        return replaced(plan, with_input(resource, property_, [*listed, "subnet-0123456789abcdef9"]))
    here = plan.get(behind[0])
    assert here is not None
    for subnet in plan.of_type(SUBNET):
        zone = subnet.inputs["availabilityZoneId"]
        offered = all(zone in offered_zones(each.name, region_of(zone)) for each in types)
        if "private" in subnet.name and zone != here.inputs["availabilityZoneId"] and offered:
            wider = with_input(resource, property_, [*listed, subnet.id])
            dependencies = {**resource.property_dependencies, property_: (*behind, subnet.urn)}
            return replaced(plan, dataclasses.replace(wider, property_dependencies=dependencies))
    return None


def spread_group(*, with_accelerator: bool) -> Apply:
    def apply(plan: Plan) -> Plan | None:
        for group in plan.of_type(NODE_GROUP):
            if accelerated(plan, group) is with_accelerator:
                found = spread_over(plan, group, "subnetIds", types_of(plan, group))
                if found is not None:
                    return found
        return None

    return apply


def two_zones_for_a_pool(plan: Plan) -> Plan | None:
    for pool in plan.of_type(NODE_POOL):
        path = (*requirement(pool, ZONE), "values")
        (zone,) = at(pool.inputs, path)
        for other in sorted({each.inputs["availabilityZoneId"] for each in plan.of_type(SUBNET)} - {zone}):
            types = types_of(plan, pool)
            if accelerated(plan, pool) and all(other in offered_zones(each.name, region_of(other)) for each in types):
                return replaced(plan, with_input(pool, path, [zone, other]))
    return None


def any_zone_for_a_pool(plan: Plan) -> Plan | None:
    """Neither a zone nor a subnet: Karpenter finds subnets by tags."""
    pool = first(plan, NODE_POOL, lambda each: accelerated(plan, each))
    if pool is None:
        return None
    name = at(pool.inputs, "spec.template.spec.nodeClassRef.name")
    class_ = first(plan, NODE_CLASS, lambda each: at(each.inputs, "metadata.name") == name)
    assert class_ is not None
    behind = tuple(urn for urn in class_.property_dependencies["spec"] if "subnet:Subnet" not in urn)
    tagged = with_input(class_, "spec.subnetSelectorTerms", [{"tags": {"karpenter.sh/discovery": "cluster"}}])
    tagged = dataclasses.replace(tagged, property_dependencies={"spec": behind})
    return replaced(plan, with_input(pool, requirement(pool, ZONE), DROP), tagged)


def unprotected_from_scale_in(plan: Plan) -> Plan | None:
    """Where it has several subnets."""
    several = first(plan, AUTO_SCALING_GROUP, lambda each: len(each.inputs["vpcZoneIdentifiers"]) > 1)
    return replaced(plan, with_input(several, "protectFromScaleIn", DROP)) if several else None


def elsewhere(plan: Plan) -> Plan | None:
    """A type of the same make that the zone does not have."""
    for group in plan.of_type(NODE_GROUP):
        old = types_of(plan, group)[0]
        subnet = next(
            (found for urn in group.property_dependencies.get("subnetIds", ()) if (found := plan.get(urn))), None
        )
        if subnet is None or has_efa(template_of(plan, group)) or old.accelerator is None:
            continue
        zone = subnet.inputs["availabilityZoneId"]
        for each in map(instance_type, accelerated_types()):
            if alike(each, old, group.inputs["amiType"]) and zone not in offered_zones(each.name, region_of(zone)):
                return replaced(plan, with_input(group, "instanceTypes", [each.name]))
    return None


def alike(new: InstanceType, old: InstanceType, ami_type: str) -> bool:
    """Whether one can stand in for the other in all that other rules look at."""
    if new.accelerator is None or old.accelerator is None or not new.on_demand or "spot" not in new.usage_classes:
        return False
    try:
        fits = amis.ami_type(new, bottlerocket=ami_type.startswith("BOTTLEROCKET")) == ami_type
    except ValueError:
        return False
    shape = (new.accelerator.kind, new.accelerator.count, new.accelerator.neuron_cores, new.arch)
    same = (old.accelerator.kind, old.accelerator.count, old.accelerator.neuron_cores, old.arch)
    return fits and shape == same and new.vcpus <= old.vcpus


def elsewhere_for_a_pool(plan: Plan) -> Plan | None:
    """A zone that the type is not in; the pool's nodes then have no subnet either."""
    for pool in plan.of_type(NODE_POOL):
        offered = offered_zones(types_of(plan, pool)[0].name, "us-west-2")
        for zone in ("usw2-az1", "usw2-az2", "usw2-az3", "usw2-az4"):
            if zone not in offered:
                return replaced(plan, with_input(pool, (*requirement(pool, ZONE), "values"), [zone]))
    return None


def block_template(path: str, value: Any) -> Apply:
    return changed(
        LAUNCH_TEMPLATE,
        path,
        value,
        lambda each: at(each.inputs, "instanceMarketOptions.marketType") == "capacity-block",
    )


def type_in_the_group_alone(plan: Plan) -> Plan | None:
    group = first(plan, NODE_GROUP, lambda each: each.inputs["capacityType"] == "CAPACITY_BLOCK")
    if group is None:
        return None
    template = template_of(plan, group)
    named = with_input(group, "instanceTypes", [template.inputs["instanceType"]])
    return replaced(plan, named, with_input(template, "instanceType", DROP))


def spot_in_a_reservation(plan: Plan) -> Plan | None:
    group = first(
        plan,
        NODE_GROUP,
        lambda each: each.inputs["capacityType"] == "ON_DEMAND" and reserved(template_of(plan, each)),
    )
    return replaced(plan, with_input(group, "capacityType", "SPOT")) if group else None


def pool_requirement(key: str, value: str) -> Apply:
    def apply(plan: Plan) -> Plan | None:
        pool = first(plan, NODE_POOL, lambda each: accelerated(plan, each))
        return replaced(plan, with_input(pool, (*requirement(pool, key), "values"), [value])) if pool else None

    return apply


def image(old: str, new: Any) -> Apply:
    return changed(NODE_GROUP, "amiType", new, lambda each: each.inputs.get("amiType") == old)


def gpu_image_without_gpus(plan: Plan) -> Plan | None:
    group = first(plan, NODE_GROUP, lambda each: minimum(each) == 0 and not accelerated(plan, each))
    return replaced(plan, with_input(group, "amiType", "AL2023_x86_64_NVIDIA")) if group else None


def untainted(type_: str, path: str) -> Apply:
    def apply(plan: Plan) -> Plan | None:
        group = first(plan, type_, lambda each: accelerated(plan, each))
        return replaced(plan, with_input(group, path, [])) if group else None

    return apply


def taint_without_value(plan: Plan) -> Plan | None:
    """On nodes that are there already, and that no add-on is for."""
    group = first(plan, NODE_GROUP, lambda each: minimum(each) > 0)
    taint = {"key": "dedicated", "effect": "NO_SCHEDULE"}
    return replaced(plan, with_input(group, "taints", [taint])) if group else None


def taint_of_a_pool_without_value(plan: Plan) -> Plan | None:
    pool = first(plan, NODE_POOL)
    if pool is None:
        return None
    path = "spec.template.spec.taints"
    taint = {"key": "preferred", "value": "", "effect": "PreferNoSchedule"}
    return replaced(plan, with_input(pool, path, [*(at(pool.inputs, path) or []), taint]))


MUTATIONS = (
    Mutation(
        rule="gpu-ami-fits",
        name="an image without the driver",
        apply=image("AL2023_x86_64_NVIDIA", "AL2023_x86_64_STANDARD"),
        culprit=(NODE_GROUP,),
    ),
    Mutation(
        rule="gpu-ami-fits",
        name="an image of the other architecture",
        apply=image("AL2023_x86_64_NEURON", "AL2023_ARM_64_NVIDIA"),
        culprit=(NODE_GROUP,),
    ),
    Mutation(
        rule="gpu-ami-fits",
        name="an image for GPUs where there are none",
        apply=gpu_image_without_gpus,
        culprit=(NODE_GROUP,),
    ),
    Mutation(
        rule="gpu-ami-fits",
        name="left to EKS, which chooses one without a driver",
        apply=image("AL2023_x86_64_NVIDIA", DROP),
        culprit=(NODE_GROUP,),
    ),
    Mutation(
        rule="gpu-ami-fits",
        name="a pool of the other architecture",
        apply=pool_requirement("kubernetes.io/arch", "arm64"),
        culprit=(NODE_POOL,),
    ),
    Mutation(
        rule="gpu-capacity-type",
        name="a Capacity Block without its market",
        apply=block_template("instanceMarketOptions", DROP),
        culprit=(NODE_GROUP,),
    ),
    Mutation(
        rule="gpu-capacity-type",
        name="a Capacity Block by a group of reservations",
        apply=block_template(
            "capacityReservationSpecification.capacityReservationTarget",
            {"capacityReservationResourceGroupArn": "arn:aws:resource-groups:us-west-2:123456789012:group/blocks"},
        ),
        culprit=(NODE_GROUP,),
    ),
    Mutation(
        rule="gpu-capacity-type",
        name="a Capacity Block whose type is in the group",
        apply=type_in_the_group_alone,
        culprit=(NODE_GROUP,),
    ),
    Mutation(
        rule="gpu-capacity-type",
        name="a Capacity Block called on demand",
        apply=changed(
            NODE_GROUP, "capacityType", "ON_DEMAND", lambda each: each.inputs["capacityType"] == "CAPACITY_BLOCK"
        ),
        culprit=(NODE_GROUP,),
    ),
    Mutation(
        rule="gpu-capacity-type", name="spot in a reservation", apply=spot_in_a_reservation, culprit=(NODE_GROUP,)
    ),
    Mutation(
        rule="gpu-capacity-type",
        name="a pool of a reservation that its class does not name",
        apply=pool_requirement("karpenter.sh/capacity-type", "reserved"),
        culprit=(NODE_POOL,),
    ),
    Mutation(
        rule="gpu-one-zone",
        name="two zones",
        apply=spread_group(with_accelerator=True),
        culprit=(NODE_GROUP,),
    ),
    Mutation(rule="gpu-one-zone", name="a pool in two zones", apply=two_zones_for_a_pool, culprit=(NODE_POOL,)),
    Mutation(rule="gpu-one-zone", name="a pool in any zone", apply=any_zone_for_a_pool, culprit=(NODE_POOL,)),
    Mutation(rule="gpu-tainted", name="no taint", apply=untainted(NODE_GROUP, "taints"), culprit=(NODE_GROUP,)),
    Mutation(
        rule="gpu-tainted",
        name="a pool without taint",
        apply=untainted(NODE_POOL, "spec.template.spec.taints"),
        culprit=(NODE_POOL,),
    ),
    Mutation(
        rule="gpu-taints-have-values",
        name="a taint without value",
        apply=taint_without_value,
        culprit=(NODE_GROUP,),
    ),
    Mutation(
        rule="gpu-taints-have-values",
        name="an empty value",
        apply=taint_of_a_pool_without_value,
        culprit=(NODE_POOL,),
    ),
    Mutation(
        rule="gpu-type-offered",
        name="a type that the zone does not have",
        apply=elsewhere,
        culprit=(NODE_GROUP,),
    ),
    Mutation(
        rule="gpu-type-offered",
        name="left to EKS, which takes a small one",
        apply=changed(
            NODE_GROUP,
            "instanceTypes",
            DROP,
            lambda each: bool(each.inputs.get("taints") and each.inputs.get("instanceTypes")),
        ),
        culprit=(NODE_GROUP,),
    ),
    Mutation(
        rule="gpu-type-offered",
        name="a pool in a zone without its type",
        apply=elsewhere_for_a_pool,
        culprit=(NODE_POOL,),
    ),
    Mutation(
        rule="gpu-zone-rebalancing",
        name="plain nodes in two zones",
        apply=spread_group(with_accelerator=False),
        culprit=(NODE_GROUP,),
    ),
    Mutation(
        rule="gpu-zone-rebalancing",
        name="instances that may be moved",
        apply=unprotected_from_scale_in,
        culprit=(AUTO_SCALING_GROUP,),
    ),
)
