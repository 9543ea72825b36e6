"""How the rules about cost are broken."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

from infra.catalog import prices
from policies.kubernetes import RELEASE
from policies.rules.cost import BLOCK, GROUP_TAG, RESERVATION
from policies.rules.cost_paths import MOUNT_TARGET, ROUTE
from policies.rules.cost_tags import ADDON, TEMPLATE
from policies.rules.cost_volumes import STORAGE_CLASS
from policies.settings import PolicySettings
from slipway.plan.bill.types import ALARM, BUCKET, DATABASE, EFS, ENDPOINT, KEY, NAT
from slipway.plan.fleet import LAUNCH_TEMPLATE, NODE_CLASS, NODE_GROUP, NODE_POOL, node_groups
from slipway.plan.machines import AUTO_SCALING_GROUP, INSTANCE
from slipway.plan.model import Plan, Resource
from slipway.plan.services import BUDGET
from slipway.urns import STACK_TYPE
from tests.policies.breaking import (
    DROP,
    Mutation,
    added,
    at,
    changed,
    held_to,
    removed,
    replaced,
    with_input,
    without,
)
from tests.program.conftest import STACK_FILES

VPC = "aws:ec2/vpc:Vpc"
UNSEEN = frozenset({"gpu-scale-from-zero"})
"""A group that the autoscaler does not see cannot start from zero, whether it is on a reservation or not."""


def plain(group: Resource) -> bool:
    """A group of the machines that controllers run on."""
    return group.name.startswith("system-")


def asked(of: Callable[[PolicySettings], Any], apply: Callable[[Plan], Plan | None]) -> Callable[[Plan], Plan | None]:
    """The mutation where the plan's stack file holds it to something; elsewhere nothing is broken by it."""

    def where(plan: Plan) -> Plan | None:
        (path,) = (each for each in STACK_FILES if each.stem == f"Pulumi.{plan.stack}")
        return apply(plan) if of(held_to(path).policies) else None

    return where


def ceilings(settings: PolicySettings) -> float | None:
    return settings.hourly_ceiling.desired or settings.hourly_ceiling.maximum


def gateways(settings: PolicySettings) -> bool:
    return settings.nat_gateways is not None


def budgets(settings: PolicySettings) -> bool:
    return settings.budget


def many_from_the_start(plan: Plan) -> Plan | None:
    for group in filter(plain, plan.of_type(NODE_GROUP)):
        sizes = {"minSize": 9000, "desiredSize": 9000, "maxSize": 9000}
        return replaced(plan, with_input(group, "scalingConfig", sizes))
    return None


def cheapest_accelerated(plan: Plan) -> Resource | None:
    """The managed group whose one node adds least to the bill, so that no ceiling is broken as well.

    Not one on a reservation: that is paid for whether nodes are kept in it or not.
    """
    paid = {each.urn for block in (True, False) for each in reserved(plan, block=block)}
    groups = [each for each in node_groups(plan) if each.accelerator is not None and each.urn not in paid]
    groups = [each for each in groups if plan.get(each.urn) in plan.of_type(NODE_GROUP)]
    priced = {each.urn: prices.instance_hourly(each.types[0], "us-east-1", "on-demand") for each in groups}
    found = min(groups, key=lambda each: getattr(priced[each.urn], "usd_per_hour", 1000), default=None)
    return plan.get(found.urn) if found is not None else None


def kept(sizes: dict[str, int]) -> Any:
    def apply(plan: Plan) -> Plan | None:
        group = cheapest_accelerated(plan)
        return replaced(plan, with_input(group, "scalingConfig", sizes)) if group is not None else None

    return apply


def no_alarm_stops_it(plan: Plan) -> Plan | None:
    for instance in plan.of_type(INSTANCE):
        alarms = [
            each for each in plan.of_type(ALARM) if instance.urn in each.property_dependencies.get("dimensions", ())
        ]
        return without(plan, *alarms)
    return None


def never_consolidates(resource: Resource) -> bool:
    return "spec" in resource.inputs and resource.name.endswith(("gpu-usw2-az1", "h200-usw2-az2"))


def more_gateways(plan: Plan) -> Plan | None:
    there = plan.of_type(NAT)
    for number in range(9):
        plan = added(plan, there[0], f"network-nat-more-{number}") if there else plan
    return plan if there else None


def reserved(plan: Plan, *, block: bool) -> list[Resource]:
    groups = []
    for group in plan.of_type(NODE_GROUP):
        (template,) = (plan.get(urn) for urn in group.property_dependencies["launchTemplate"])
        assert template is not None
        on_block = group.inputs["capacityType"] == "CAPACITY_BLOCK"
        if on_block == block and "capacityReservationSpecification" in template.inputs:
            groups.append(group)
    return groups


def no_room(plan: Plan) -> Plan | None:
    for group in reserved(plan, block=True):
        return replaced(plan, with_input(group, "scalingConfig.maxSize", 0))
    return None


def unseen(*, block: bool) -> Any:
    def apply(plan: Plan) -> Plan | None:
        for group in reserved(plan, block=block):
            tags = [
                each
                for each in plan.of_type(GROUP_TAG)
                if group.urn in each.property_dependencies["autoscalingGroupName"]
                and at(each.inputs, "tag.key") == "k8s.io/cluster-autoscaler/enabled"
            ]
            assert len(tags) == 1
            return without(plan, *tags)
        return None

    return apply


def no_autoscaler(plan: Plan) -> Plan | None:
    if not reserved(plan, block=True):
        return None
    return removed(RELEASE, chart("cluster-autoscaler"))(plan)


def never_used(type_: str, **inputs: Any) -> Any:
    def apply(plan: Plan) -> Plan | None:
        key = plan.of_type(KEY)[0]
        more = {"tags": key.inputs["tags"], **inputs}
        return added(
            plan, key, "bought", type_=type_, inputs=more, outputs={}, dependencies=(), property_dependencies={}
        )

    return apply


def no_target_in_a_zone(plan: Plan) -> Plan | None:
    for system in plan.of_type(EFS):
        targets = [each for each in plan.of_type(MOUNT_TARGET) if system.urn in each.dependencies]
        if "availabilityZoneName" not in system.inputs and targets:
            return without(plan, targets[-1])
    return None


def endpoint_in_fewer_zones(plan: Plan) -> Plan | None:
    for endpoint in plan.of_type(ENDPOINT):
        if endpoint.inputs["vpcEndpointType"] == "Interface":
            return replaced(plan, shorter(endpoint, "subnetIds"))
    return None


def table_without_s3(plan: Plan) -> Plan | None:
    for endpoint in plan.of_type(ENDPOINT):
        if endpoint.inputs["serviceName"].endswith(".s3") and plan.of_type(NAT):
            return replaced(plan, shorter(endpoint, "routeTableIds"))
    return None


def shorter(resource: Resource, key: str) -> Resource:
    """Without the last item of a list, and without what it was made from."""
    less = with_input(resource, key, resource.inputs[key][:-1])
    behind = {**resource.property_dependencies, key: resource.property_dependencies[key][:-1]}
    return dataclasses.replace(less, property_dependencies=behind)


def through_another_zone(plan: Plan) -> Plan | None:
    routes = [each for each in plan.of_type(ROUTE) if "natGatewayId" in each.inputs]
    if len({each.property_dependencies["natGatewayId"] for each in routes}) < 2:
        return None
    there = routes[0]
    behind = {**routes[1].property_dependencies, "natGatewayId": there.property_dependencies["natGatewayId"]}
    moved = with_input(routes[1], "natGatewayId", there.inputs["natGatewayId"])
    return replaced(plan, dataclasses.replace(moved, property_dependencies=behind))


def behind_a_gateway(endpoint: Resource) -> bool:
    """The S3 endpoint of a network that has NAT gateways; where there are none, nobody pays them."""
    return endpoint.name == "network-s3" and "slipway-private" not in str(endpoint.inputs["tags"])


def chart(name: str) -> Any:
    return lambda release: str(release.inputs.get("chart")).endswith(name)


def named(text: str) -> Any:
    return lambda resource: text in resource.name


def without_tag(text: str) -> str:
    values = json.loads(text)
    del values["controller"]["extraVolumeTags"]["CostCenter"]
    return json.dumps(values)


def for_instances_alone(specifications: list[Any]) -> list[Any]:
    return [each for each in specifications if each["resourceType"] != "volume"]


def without_owner(tags: list[Any]) -> list[Any]:
    return [each for each in tags if each["key"] != "Owner"]


MUTATIONS = (
    Mutation(
        rule="cost-ceiling",
        name="a typing mistake in a maximum",
        apply=asked(
            lambda settings: settings.hourly_ceiling.maximum,
            changed(NODE_GROUP, "scalingConfig.maxSize", 9000, plain),
        ),
        culprit=(STACK_TYPE,),
    ),
    Mutation(
        rule="cost-ceiling",
        name="many nodes from the start",
        apply=asked(ceilings, many_from_the_start),
        culprit=(STACK_TYPE,),
    ),
    Mutation(
        rule="cost-budget",
        name="none of the environment",
        apply=asked(budgets, removed(BUDGET, named("-environment"))),
        culprit=(STACK_TYPE,),
    ),
    Mutation(
        rule="cost-budget",
        name="of another platform",
        apply=asked(budgets, changed(BUDGET, "costFilters.0.values", ["user:Platform$another"], named("-environment"))),
        culprit=(STACK_TYPE,),
    ),
    Mutation(
        rule="cost-budget",
        name="of use, not of cost",
        apply=asked(budgets, changed(BUDGET, "budgetType", "USAGE", named("-environment"))),
        culprit=(STACK_TYPE,),
    ),
    Mutation(
        rule="cost-budget",
        name="nobody is told",
        apply=asked(budgets, changed(BUDGET, "notifications", [], named("-environment"))),
        culprit=(BUDGET,),
    ),
    Mutation(rule="cost-nat-gateways", name="nine more", apply=asked(gateways, more_gateways), culprit=(STACK_TYPE,)),
    Mutation(
        rule="cost-kept-accelerators",
        name="a minimum of one",
        apply=kept({"minSize": 1, "desiredSize": 1, "maxSize": 1}),
        culprit=(NODE_GROUP,),
    ),
    Mutation(
        rule="cost-kept-accelerators",
        name="one from the start",
        apply=kept({"minSize": 0, "desiredSize": 1, "maxSize": 1}),
        culprit=(NODE_GROUP,),
    ),
    Mutation(
        rule="cost-kept-accelerators",
        name="an Auto Scaling group's minimum",
        apply=changed(AUTO_SCALING_GROUP, "minSize", 1),
        culprit=(AUTO_SCALING_GROUP,),
    ),
    Mutation(
        rule="cost-kept-accelerators", name="nothing stops the machine", apply=no_alarm_stops_it, culprit=(INSTANCE,)
    ),
    Mutation(
        rule="cost-kept-accelerators",
        name="Karpenter never takes it away",
        apply=changed(NODE_POOL, "spec.disruption.consolidateAfter", "Never", never_consolidates),
        culprit=(NODE_POOL,),
    ),
    Mutation(
        rule="cost-kept-accelerators",
        name="Karpenter keeps a number",
        apply=changed(NODE_POOL, "spec.replicas", 1, never_consolidates),
        culprit=(NODE_POOL,),
    ),
    Mutation(rule="cost-idle-reservation", name="no room", apply=no_room, culprit=(NODE_GROUP,)),
    Mutation(
        rule="cost-idle-reservation",
        name="a block that the autoscaler does not see",
        apply=unseen(block=True),
        culprit=(NODE_GROUP,),
        also=UNSEEN,
    ),
    Mutation(
        rule="cost-idle-reservation",
        name="a reservation that the autoscaler does not see",
        apply=unseen(block=False),
        culprit=(NODE_GROUP,),
        also=UNSEEN,
    ),
    Mutation(
        rule="cost-idle-reservation",
        name="no autoscaler",
        apply=no_autoscaler,
        culprit=(NODE_GROUP,),
    ),
    Mutation(
        rule="cost-idle-reservation",
        name="a block that nothing uses",
        apply=never_used(BLOCK, capacityBlockOfferingId="cb-0123456789abcdef0", instancePlatform="Linux/UNIX"),
        culprit=(BLOCK,),
    ),
    Mutation(
        rule="cost-idle-reservation",
        name="a reservation that nothing uses",
        apply=never_used(RESERVATION, instanceCount=2, instanceMatchCriteria="targeted", instanceType="p5.48xlarge"),
        culprit=(RESERVATION,),
    ),
    Mutation(
        rule="cost-idle-reservation",
        name="a class of Karpenter's whose pool does not take reserved capacity",
        apply=changed(
            NODE_CLASS, "spec.capacityReservationSelectorTerms", [{"id": "cr-0123456789abcdef0"}], named("gpu-")
        ),
        culprit=(NODE_CLASS,),
    ),
    Mutation(rule="cost-cross-zone", name="EFS without a zone", apply=no_target_in_a_zone, culprit=(EFS,)),
    Mutation(
        rule="cost-cross-zone", name="an endpoint without a zone", apply=endpoint_in_fewer_zones, culprit=(ENDPOINT,)
    ),
    Mutation(rule="cost-cross-zone", name="another zone's NAT gateway", apply=through_another_zone, culprit=(ROUTE,)),
    Mutation(
        rule="cost-database-support",
        name="left to AWS, whose default is extended",
        apply=changed(DATABASE, "engineLifecycleSupport", DROP),
        culprit=(DATABASE,),
    ),
    Mutation(
        rule="cost-database-support",
        name="extended on purpose",
        apply=changed(DATABASE, "engineLifecycleSupport", "open-source-rds-extended-support"),
        culprit=(DATABASE,),
    ),
    Mutation(
        rule="cost-gp2",
        name="the disk of nodes",
        apply=changed(LAUNCH_TEMPLATE, "blockDeviceMappings.0.ebs.volumeType", "gp2"),
        culprit=(LAUNCH_TEMPLATE,),
    ),
    Mutation(
        rule="cost-gp2",
        name="the disk of nodes, left to EC2",
        apply=changed(LAUNCH_TEMPLATE, "blockDeviceMappings.0.ebs.volumeType", DROP),
        culprit=(LAUNCH_TEMPLATE,),
    ),
    Mutation(
        rule="cost-gp2",
        name="the disk of Karpenter's nodes",
        apply=changed(NODE_CLASS, "spec.blockDeviceMappings.0.ebs.volumeType", "gp2"),
        culprit=(NODE_CLASS,),
    ),
    Mutation(
        rule="cost-gp2",
        name="the disk of a machine",
        apply=changed(INSTANCE, "rootBlockDevice.volumeType", "gp2"),
        culprit=(INSTANCE,),
    ),
    Mutation(
        rule="cost-gp2",
        name="a database, left to RDS",
        apply=changed(DATABASE, "storageType", DROP),
        culprit=(DATABASE,),
    ),
    Mutation(
        rule="cost-gp2",
        name="a storage class",
        apply=changed(STORAGE_CLASS, "parameters.type", "gp2", named("gp3")),
        culprit=(STORAGE_CLASS,),
    ),
    Mutation(
        rule="cost-gp2",
        name="a chart's volume in the class that EKS leaves",
        apply=changed(RELEASE, "values.persistence", [{"storageClassName": "gp2"}]),
        culprit=(RELEASE,),
    ),
    Mutation(
        rule="cost-s3-endpoint",
        name="no endpoint for S3",
        apply=removed(ENDPOINT, behind_a_gateway),
        culprit=(ROUTE,),
    ),
    Mutation(
        rule="cost-s3-endpoint",
        name="an endpoint for something else",
        apply=changed(ENDPOINT, "serviceName", "com.amazonaws.us-west-2.dynamodb", behind_a_gateway),
        culprit=(ROUTE,),
    ),
    Mutation(rule="cost-s3-endpoint", name="a table without it", apply=table_without_s3, culprit=(ROUTE,)),
    Mutation(
        rule="cost-tags", name="no owner of a bucket", apply=changed(BUCKET, "tags.Owner", DROP), culprit=(BUCKET,)
    ),
    Mutation(
        rule="cost-tags",
        name="no cost centre of a node group",
        apply=changed(NODE_GROUP, "tags.CostCenter", DROP),
        culprit=(NODE_GROUP,),
    ),
    Mutation(rule="cost-tags", name="an empty environment", apply=changed(VPC, "tags.Environment", ""), culprit=(VPC,)),
    Mutation(
        rule="cost-tags",
        name="volumes of nodes have none",
        apply=changed(LAUNCH_TEMPLATE, "tagSpecifications", for_instances_alone),
        culprit=(LAUNCH_TEMPLATE,),
    ),
    Mutation(
        rule="cost-tags",
        name="the volume of a machine has none",
        apply=changed(INSTANCE, "volumeTags", DROP),
        culprit=(INSTANCE,),
    ),
    Mutation(
        rule="cost-tags",
        name="an Auto Scaling group",
        apply=changed(AUTO_SCALING_GROUP, "tags", without_owner),
        culprit=(AUTO_SCALING_GROUP,),
    ),
    Mutation(
        rule="cost-tags",
        name="Karpenter's machines have none",
        apply=changed(NODE_CLASS, "spec.tags", DROP),
        culprit=(NODE_CLASS,),
    ),
    Mutation(
        rule="cost-tags",
        name="repositories of a cache",
        apply=changed(TEMPLATE, "resourceTags.Owner", DROP),
        culprit=(TEMPLATE,),
    ),
    Mutation(
        rule="cost-tags",
        name="volumes of pods",
        apply=changed(ADDON, "configurationValues", without_tag, named("aws-ebs-csi-driver")),
        culprit=(ADDON,),
    ),
    Mutation(
        rule="cost-tags",
        name="load balancers of pods",
        apply=changed(RELEASE, "values.defaultTags", DROP, chart("aws-load-balancer-controller")),
        culprit=(RELEASE,),
    ),
)
