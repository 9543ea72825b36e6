"""How the rules about EFA are broken."""

import dataclasses
from typing import Any

from policies.kubernetes import RELEASE
from policies.rules.gpu_efa import EGRESS, INGRESS, PLACEMENT_GROUP
from slipway.plan.fleet import LAUNCH_TEMPLATE, NODE_CLASS, NODE_GROUP, NODE_POOL
from slipway.plan.model import Plan, Resource
from tests.policies.breaking import DROP, Mutation, at, changed, removed, replaced, with_input, without
from tests.policies.gpu_groups import Apply, first, has_efa, of_chart, requirement, reserved, template_of


def interface(type_: str, position: int, key: str, value: Any) -> Apply:
    """An interface of the first template with EFA that has so many."""
    path: tuple[str | int, ...] = ("spec", "networkInterfaces") if type_ == NODE_CLASS else ("networkInterfaces",)
    return changed(
        type_,
        (*path, position, key),
        value,
        lambda each: has_efa(each) and len(at(each.inputs, path)) > position,
    )


def another_type_on_the_same_cards(plan: Plan) -> Plan | None:
    group = first(
        plan,
        NODE_GROUP,
        lambda each: has_efa(template_of(plan, each)) and each.inputs.get("instanceTypes") == ["p5en.48xlarge"],
    )
    return replaced(plan, with_input(group, "instanceTypes", ["p5.48xlarge"])) if group else None


def self_rule(plan: Plan, type_: str) -> Resource | None:
    """The rule by which the group on EFA interfaces is open to itself."""
    return first(plan, type_, lambda each: each.name.startswith("nodes-efa"))


def without_self_rule(type_: str) -> Apply:
    def apply(plan: Plan) -> Plan | None:
        found = self_rule(plan, type_)
        return without(plan, found) if found else None

    return apply


def narrowed(plan: Plan) -> Plan | None:
    found = self_rule(plan, INGRESS)
    if found is None:
        return None
    tcp = with_input(found, "ipProtocol", "tcp")
    return replaced(plan, with_input(with_input(tcp, "fromPort", 0), "toPort", 65535))


def to_anywhere(plan: Plan) -> Plan | None:
    """Egress to every address, which does not cover EFA."""
    found = self_rule(plan, EGRESS)
    if found is None:
        return None
    wide = with_input(with_input(found, "referencedSecurityGroupId", DROP), "cidrIpv4", "0.0.0.0/0")
    behind = {key: urns for key, urns in found.property_dependencies.items() if key != "referencedSecurityGroupId"}
    return replaced(plan, dataclasses.replace(wide, property_dependencies=behind))


def left_off_one_interface(plan: Plan) -> Plan | None:
    template = first(plan, LAUNCH_TEMPLATE, has_efa)
    if template is None:
        return None
    last = len(template.inputs["networkInterfaces"]) - 1
    groups = template.inputs["networkInterfaces"][last]["securityGroups"]
    return replaced(plan, with_input(template, f"networkInterfaces.{last}.securityGroups", groups[:1]))


def plugin_for_other_types(plan: Plan) -> Plan | None:
    path = "values.supportedInstanceLabels.values"
    return changed(RELEASE, path, ["hpc7a.96xlarge"], of_chart("aws-efa-k8s-device-plugin"))(plan)


def dranet_with_karpenter(plan: Plan) -> Plan | None:
    if not any(has_efa(each) for each in plan.of_type(NODE_CLASS)):
        return None
    return changed(RELEASE, "chart", "aws-dranet", of_chart("aws-efa-k8s-device-plugin"))(plan)


def grouped_and_reserved(plan: Plan) -> Plan | None:
    template = first(plan, LAUNCH_TEMPLATE, lambda each: has_efa(each) and reserved(each))
    return replaced(plan, with_input(template, "placement.groupName", "training")) if template else None


def pool_grouped_and_reserved(plan: Plan) -> Plan | None:
    class_ = first(plan, NODE_CLASS, has_efa)
    if class_ is None:
        return None
    name = at(class_.inputs, "metadata.name")
    pool = first(plan, NODE_POOL, lambda each: at(each.inputs, "spec.template.spec.nodeClassRef.name") == name)
    assert pool is not None
    named = with_input(class_, "spec.capacityReservationSelectorTerms", [{"id": "cr-0123456789abcdef0"}])
    path = (*requirement(pool, "karpenter.sh/capacity-type"), "values")
    return replaced(plan, named, with_input(pool, path, ["reserved"]))


MUTATIONS = (
    Mutation(
        rule="gpu-efa-device-plugin",
        name="no plugin",
        apply=removed(RELEASE, of_chart("aws-efa-k8s-device-plugin")),
        culprit=(NODE_GROUP, NODE_POOL),
    ),
    Mutation(
        rule="gpu-efa-device-plugin",
        name="a plugin that runs on other types",
        apply=plugin_for_other_types,
        culprit=(NODE_GROUP, NODE_POOL),
    ),
    Mutation(
        rule="gpu-efa-device-plugin",
        name="resource claims with Karpenter",
        apply=dranet_with_karpenter,
        culprit=(NODE_POOL,),
    ),
    *(
        Mutation(rule="gpu-efa-layout", name=f"{name} ({type_})", apply=apply, culprit=(type_,))
        for type_ in (LAUNCH_TEMPLATE, NODE_CLASS)
        for name, apply in {
            "efa on every card": interface(type_, 1, "interfaceType", "efa"),
            "device 1 on a further card": interface(type_, 2, "deviceIndex", 1),
            "a card that is not there": interface(type_, 1, "networkCardIndex", 40),
        }.items()
    ),
    Mutation(
        rule="gpu-efa-layout",
        name="no interfaces where nodes are said to have EFA",
        apply=changed(LAUNCH_TEMPLATE, "networkInterfaces", DROP, has_efa),
        culprit=(LAUNCH_TEMPLATE,),
    ),
    Mutation(
        rule="gpu-efa-layout",
        name="no interfaces where a pool's nodes are said to have EFA",
        apply=changed(NODE_CLASS, "spec.networkInterfaces", DROP, has_efa),
        culprit=(NODE_CLASS,),
    ),
    Mutation(
        rule="gpu-efa-layout",
        name="the cards of another type",
        apply=another_type_on_the_same_cards,
        culprit=(LAUNCH_TEMPLATE,),
    ),
    Mutation(
        rule="gpu-efa-no-public-ip",
        name="a public address",
        apply=interface(LAUNCH_TEMPLATE, 0, "associatePublicIpAddress", "true"),
        culprit=(LAUNCH_TEMPLATE,),
    ),
    Mutation(
        rule="gpu-efa-no-public-ip",
        name="a public address from Karpenter",
        apply=changed(NODE_CLASS, "spec.associatePublicIPAddress", True, has_efa),
        culprit=(NODE_CLASS,),
        # Nodes have no public address at all.
        also=frozenset({"network-private-nodes"}),
    ),
    Mutation(
        rule="gpu-efa-security-group",
        name="nothing in from itself",
        apply=without_self_rule(INGRESS),
        culprit=(LAUNCH_TEMPLATE, NODE_CLASS),
    ),
    Mutation(
        rule="gpu-efa-security-group",
        name="nothing out to itself",
        apply=without_self_rule(EGRESS),
        culprit=(LAUNCH_TEMPLATE, NODE_CLASS),
    ),
    Mutation(
        rule="gpu-efa-security-group",
        name="TCP alone",
        apply=narrowed,
        culprit=(LAUNCH_TEMPLATE, NODE_CLASS),
    ),
    Mutation(
        rule="gpu-efa-security-group",
        name="out to every address",
        apply=to_anywhere,
        culprit=(LAUNCH_TEMPLATE, NODE_CLASS),
    ),
    Mutation(
        rule="gpu-efa-security-group",
        name="left off one interface",
        apply=left_off_one_interface,
        culprit=(LAUNCH_TEMPLATE,),
    ),
    Mutation(
        rule="gpu-placement",
        name="no placement group",
        apply=changed(LAUNCH_TEMPLATE, "placement", DROP, lambda each: has_efa(each) and "placement" in each.inputs),
        culprit=(LAUNCH_TEMPLATE,),
    ),
    Mutation(
        rule="gpu-placement",
        name="a placement group beside a reservation",
        apply=grouped_and_reserved,
        culprit=(LAUNCH_TEMPLATE,),
    ),
    Mutation(
        rule="gpu-placement",
        name="placed far from each other",
        apply=changed(PLACEMENT_GROUP, "strategy", "spread"),
        culprit=(LAUNCH_TEMPLATE, NODE_CLASS),
    ),
    Mutation(
        rule="gpu-placement",
        name="a pool without a placement group",
        apply=changed(NODE_CLASS, "spec.placementGroupSelector", DROP, has_efa),
        culprit=(NODE_CLASS,),
    ),
    Mutation(
        rule="gpu-placement",
        name="a pool with a placement group beside a reservation",
        apply=pool_grouped_and_reserved,
        culprit=(NODE_CLASS,),
    ),
)
