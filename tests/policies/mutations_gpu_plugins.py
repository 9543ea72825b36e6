"""How the rules about device plugins and agents are broken."""

import json

from policies.kubernetes import DAEMON_SET, RELEASE
from policies.rules.gpu_plugins import ADDON
from policies.rules.gpu_scaling import TAG
from slipway.plan.fleet import NODE_GROUP, NODE_POOL
from slipway.plan.model import Plan, Resource
from tests.policies.breaking import DROP, Mutation, added, at, changed, removed, replaced, with_input, without
from tests.policies.gpu_groups import TEMPLATE_TAG, Apply, first, of_chart, types_of

NAMESPACE = "kubernetes:core/v1:Namespace"
PLUGINS = ("nvidia-device-plugin", "gpu-operator")


def empty_tolerations(chart: str, path: str) -> Apply:
    return changed(RELEASE, f"values.{path}", [], of_chart(chart))


def taint_of_one_s_own(plan: Plan) -> Plan | None:
    """A second taint, which the autoscaler is told of and no add-on is."""
    for group in plan.of_type(NODE_GROUP):
        tags = [each for each in plan.of_type(TAG) if group.urn in each.property_dependencies["autoscalingGroupName"]]
        if not tags or types_of(plan, group)[0].accelerator is None or group.inputs["amiType"].startswith("BOTTLE"):
            continue
        taint = {"key": "team", "value": "vision", "effect": "NO_SCHEDULE"}
        tag = {"key": f"{TEMPLATE_TAG}/taint/team", "value": "vision:NoSchedule", "propagateAtLaunch": False}
        told = added(plan, tags[0], f"{group.name}-taint", inputs={**tags[0].inputs, "tag": tag})
        return replaced(told, with_input(group, "taints", [*group.inputs["taints"], taint]))
    return None


def is_plugin(release: Resource) -> bool:
    return any(of_chart(each)(release) for each in PLUGINS)


def without_plugin(plan: Plan) -> Plan | None:
    """And without its namespace, which nothing else is in."""
    found = first(plan, RELEASE, is_plugin)
    if found is None:
        return None
    spaces = [each for each in plan.of_type(NAMESPACE) if at(each.inputs, "metadata.name") == found.inputs["namespace"]]
    return without(plan, found, *spaces)


def second_plugin(plan: Plan) -> Plan | None:
    found = first(plan, RELEASE, is_plugin)
    return added(plan, found, f"{found.name}-again") if found else None


def dra_driver_with_gpus(plan: Plan) -> Plan | None:
    """Beside a plugin; its chart has its GPUs on by itself."""
    found = first(plan, RELEASE, is_plugin)
    if found is None:
        return None
    values = found.inputs["values"]
    tolerations = values.get("tolerations") or values["daemonsets"]["tolerations"]
    inputs = {**found.inputs, "chart": "oci://registry.k8s.io/dra-driver-nvidia/charts/dra-driver-nvidia-gpu"}
    inputs |= {"name": "dra", "values": {"kubeletPlugin": {"tolerations": tolerations}}}
    return added(plan, found, "dra-driver-nvidia-gpu", inputs=inputs)


def plugin_on_bottlerocket(plan: Plan) -> Plan | None:
    group = first(plan, NODE_GROUP, lambda each: str(each.inputs.get("amiType")) == "BOTTLEROCKET_x86_64_NVIDIA")
    if group is None or first(plan, RELEASE, of_chart("nvidia-device-plugin")) is None:
        return None
    tag = next(each for each in plan.of_type(TAG) if group.urn in each.property_dependencies["autoscalingGroupName"])
    label = {"key": f"{TEMPLATE_TAG}/label/nvidia.com/gpu.present", "value": "true", "propagateAtLaunch": False}
    told = added(plan, tag, f"{group.name}-present", inputs={**tag.inputs, "tag": label})
    return replaced(told, with_input(group, ("labels", "nvidia.com/gpu.present"), "true"))


MUTATIONS = (
    *(
        Mutation(
            rule="gpu-daemonsets-tolerate",
            name=f"{chart} tolerates nothing",
            apply=empty_tolerations(chart, path),
            culprit=(RELEASE,),
        )
        for chart, path in {
            "aws-efa-k8s-device-plugin": "tolerations",
            "dcgm-exporter": "tolerations",
            "gpu-operator": "daemonsets.tolerations",
            "neuron-helm-chart": "devicePlugin.tolerations",
            "node-feature-discovery": "worker.tolerations",
            "nvidia-device-plugin": "tolerations",
        }.items()
    ),
    Mutation(
        rule="gpu-daemonsets-tolerate",
        name="the node monitoring agent is left as it comes",
        apply=changed(
            ADDON,
            "configurationValues",
            json.dumps({}),
            lambda each: "nvidia.com/gpu" in str(each.inputs.get("configurationValues")),
        ),
        culprit=(ADDON,),
    ),
    Mutation(
        rule="gpu-daemonsets-tolerate",
        name="a DaemonSet for accelerated nodes tolerates nothing",
        apply=changed(
            DAEMON_SET,
            "spec.template.spec.tolerations",
            DROP,
            lambda each: "slipway.io/" in str(at(each.inputs, "spec.template.spec.nodeSelector")),
        ),
        culprit=(DAEMON_SET,),
    ),
    Mutation(
        rule="gpu-daemonsets-tolerate",
        name="a taint of one's own that nobody was told of",
        apply=taint_of_one_s_own,
        culprit=(RELEASE, ADDON, DAEMON_SET),
    ),
    Mutation(
        rule="gpu-one-device-plugin",
        name="no plugin for GPUs",
        apply=without_plugin,
        culprit=(NODE_GROUP, NODE_POOL),
    ),
    Mutation(
        rule="gpu-one-device-plugin",
        name="no plugin for Neuron devices",
        apply=removed(RELEASE, of_chart("neuron-helm-chart")),
        culprit=(NODE_GROUP,),
    ),
    Mutation(rule="gpu-one-device-plugin", name="two plugins", apply=second_plugin, culprit=(RELEASE,)),
    Mutation(
        rule="gpu-one-device-plugin", name="the DRA driver's GPUs, too", apply=dra_driver_with_gpus, culprit=(RELEASE,)
    ),
    Mutation(
        rule="gpu-one-device-plugin",
        name="the operator without its plugin",
        apply=changed(RELEASE, "values.devicePlugin.enabled", False, of_chart("gpu-operator")),
        culprit=(NODE_GROUP,),
    ),
    Mutation(
        rule="gpu-one-device-plugin",
        name="a plugin where Bottlerocket has one",
        apply=plugin_on_bottlerocket,
        culprit=(NODE_GROUP,),
    ),
)
