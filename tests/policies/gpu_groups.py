"""What mutations of accelerated groups look for in a plan."""

from collections.abc import Callable

from infra.catalog.instances import InstanceType, instance_type
from slipway.plan.fleet import NODE_CLASS, NODE_POOL
from slipway.plan.model import Plan, Resource
from tests.policies.breaking import at

Apply = Callable[[Plan], Plan | None]
TEMPLATE_TAG = "k8s.io/cluster-autoscaler/node-template"


def types_of(plan: Plan, group: Resource) -> list[InstanceType]:
    """The types of a managed node group, or of a pool."""
    if group.type == NODE_POOL:
        names = at(group.inputs, (*requirement(group, "node.kubernetes.io/instance-type"), "values"))
    else:
        names = group.inputs.get("instanceTypes") or [template_of(plan, group).inputs["instanceType"]]
    return [instance_type(each) for each in names]


def template_of(plan: Plan, group: Resource) -> Resource:
    (urn,) = group.property_dependencies["launchTemplate"]
    found = plan.get(urn)
    assert found is not None
    return found


def accelerated(plan: Plan, group: Resource) -> bool:
    return types_of(plan, group)[0].accelerator is not None


def minimum(group: Resource) -> int:
    return int(group.inputs["scalingConfig"]["minSize"])


def requirement(pool: Resource, key: str) -> tuple[str | int, ...]:
    """The path of what a pool requires of a label."""
    here = ("spec", "template", "spec", "requirements")
    asked = at(pool.inputs, here)
    return (*here, [each["key"] for each in asked].index(key))


def has_efa(resource: Resource) -> bool:
    inputs = resource.inputs.get("spec", {}) if resource.type == NODE_CLASS else resource.inputs
    return any("efa" in each["interfaceType"] for each in inputs.get("networkInterfaces") or [])


def reserved(template: Resource) -> bool:
    return "capacityReservationSpecification" in template.inputs


def first(plan: Plan, type_: str, where: Callable[[Resource], bool] = lambda _: True) -> Resource | None:
    return next((each for each in plan.of_type(type_) if where(each)), None)


def of_chart(name: str) -> Callable[[Resource], bool]:
    return lambda release: str(release.inputs["chart"]).split("/")[-1] == name
