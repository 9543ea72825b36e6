"""Tags by which a bill is told apart."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from infra.catalog.tagging import takes_tags
from policies.around import Around
from policies.kubernetes import RELEASE, chart
from policies.model import Fault, rule
from policies.values import Inputs
from slipway.plan.fleet import LAUNCH_TEMPLATE, NODE_CLASS
from slipway.plan.machines import AUTO_SCALING_GROUP, INSTANCE
from slipway.plan.model import Resource

ADDON: Final = "aws:eks/addon:Addon"
TEMPLATE: Final = "aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate"
_MADE_BY_CHART: Final = {"aws-load-balancer-controller": ("values", "defaultTags")}
_MADE_BY_ADDON: Final = {"aws-ebs-csi-driver": ("controller", "extraVolumeTags")}
"""Controllers that make what is billed, and where they are told its tags."""
_LAUNCHED: Final = ("instance", "volume")


@rule(
    id="cost-tags",
    severity="low",
    title="Whatever takes tags has those that the environment requires.",
    why="What has no owner and no cost centre is on nobody's bill, and is the last to be deleted.",
    fix="leave the tags to the platform (platform.owner, costCenter, environment, tags), or change "
    "policies.requiredTags",
    source="https://docs.aws.amazon.com/whitepapers/latest/tagging-best-practices/tagging-best-practices.html",
    key="platform",
    types=(),
    scope="stack",
)
def tags(inputs: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """On everything of AWS that has the property (the catalogue's list), and on what others make in our name.

    Instances and volumes of a launch template have the tags of its tagSpecifications alone: EKS does not copy a node
    group's. Volumes and load balancers that controllers make have those that the controllers are told.
    """
    required = around.environment.policies.required_tags
    if resource.package == "aws":
        yield from _aws(inputs, resource, required, around)
    elif resource.type == NODE_CLASS:
        yield from _missing(inputs.at("spec.tags"), required)
    elif resource.type == RELEASE:
        path = _MADE_BY_CHART.get(chart(inputs))
        if path is not None:
            yield from _missing(inputs.at(path), _separable(required, around))


def _aws(inputs: Inputs, resource: Resource, required: tuple[str, ...], around: Around) -> Iterator[Fault]:
    if resource.type == TEMPLATE:
        yield from _missing(inputs.at("resourceTags"), required)
    elif resource.type == AUTO_SCALING_GROUP:
        listed = {str(each.get("key")): each.at("value").value for each in inputs.each("tags")}
        yield from _missing(Inputs(listed, "tags"), required)
    elif takes_tags(resource.type) and list(_missing(inputs.at("tags"), required)):
        by_provider = _defaults(resource, around)
        yield from _missing(inputs.at("tags"), tuple(each for each in required if not by_provider.get(each)))
    if resource.type == LAUNCH_TEMPLATE:
        yield from _launched(inputs, required)
    elif resource.type == INSTANCE and not inputs.has("rootBlockDevice.tags"):
        yield from _missing(inputs.at("volumeTags"), required)
    elif resource.type == ADDON:
        yield from _addon(inputs, _separable(required, around))


def _missing(found: Inputs, required: tuple[str, ...]) -> Iterator[Fault]:
    """A fault where a mapping lacks some, or has them empty; a value that is unknown is there.

    Raises:
        UnknownUntilUpError: The whole mapping is unknown.
    """
    there = {each.path[len(found.path) + 1 :]: each.value for each in found.each()}
    missing = [tag for tag in required if not there.get(tag)]
    if missing:
        yield Fault(path=found.path, what=f"no {', '.join(missing)}")


def _launched(inputs: Inputs, required: tuple[str, ...]) -> Iterator[Fault]:
    given = {str(each.get("resourceType")): each.at("tags") for each in inputs.each("tagSpecifications")}
    for launched in _LAUNCHED:
        missing = [fault.what for fault in _missing(given.get(launched, Inputs(None)), required)]
        if missing:
            yield Fault(path="tagSpecifications", what=f"{launched}: {missing[0]}")


def _addon(inputs: Inputs, required: tuple[str, ...]) -> Iterator[Fault]:
    path = _MADE_BY_ADDON.get(str(inputs.get("addonName")))
    if path is not None:
        yield from (
            Fault(path="configurationValues", what=f"{'.'.join(path)}: {fault.what}")
            for fault in _missing(Inputs(inputs.json("configurationValues")).at(path), required)
        )


def _defaults(resource: Resource, around: Around) -> Mapping[str, Any]:
    """The tags that the resource's provider adds to everything; a provider's own objects are text.

    Raises:
        UnknownUntilUpError: They are unknown.
    """

    def build() -> Mapping[str, Any]:
        provider = around.plan.get(resource.provider_urn)
        inputs = Inputs(provider.inputs if provider is not None else {})
        found = Inputs(inputs.json("defaultTags"), "defaultTags").get("tags")
        return found if isinstance(found, Mapping) else {}

    return around.once(("cost: default tags", resource.provider_urn), build)


def _separable(required: tuple[str, ...], around: Around) -> tuple[str, ...]:
    """Without those whose value a list `key=value,key=value` cannot hold, as which controllers hand tags on."""
    platform = around.environment.platform
    values = platform.all_tags if platform else {}
    return tuple(each for each in required if not set(",=") & set(values.get(each, "")))
