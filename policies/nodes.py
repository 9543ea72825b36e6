"""What rules read of the groups that nodes come from: EKS's managed node groups and Karpenter's pools.

Everything is read through `Inputs`, so that what is unknown until up is never taken for something known.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from infra.catalog import names
from infra.catalog.errors import UnknownNameError
from infra.catalog.instances import AcceleratorKind, InstanceType, instance_type
from policies.around import Around
from policies.kubernetes import RELEASE
from policies.values import Inputs
from slipway.plan.fleet import LAUNCH_TEMPLATE, NODE_CLASS, NODE_GROUP, NODE_POOL
from slipway.plan.model import Resource
from slipway.wire import UNKNOWN

SUBNET: Final = "aws:ec2/subnet:Subnet"
GROUPS: Final = (NODE_GROUP, NODE_POOL)
TEMPLATES: Final = (LAUNCH_TEMPLATE, NODE_CLASS)
REQUIREMENTS: Final = "spec.template.spec.requirements"
ZONE_LABELS: Final = (names.ZONE_ID_LABEL, "topology.kubernetes.io/zone")
_TYPE_LABEL: Final = "node.kubernetes.io/instance-type"
_EFA: Final = ("efa", "efa-only")
_EFFECTS: Final[Mapping[str, str]] = {
    "NO_SCHEDULE": "NoSchedule",
    "NO_EXECUTE": "NoExecute",
    "PREFER_NO_SCHEDULE": "PreferNoSchedule",
}
"""How EKS spells the effects of taints, and how Kubernetes does."""


@dataclass(frozen=True, slots=True)
class Taint:
    """A taint of a group's nodes, as Kubernetes spells it."""

    key: str
    value: str
    effect: str

    def __str__(self) -> str:
        """As `kubectl taint` takes it."""
        return f"{self.key}={self.value}:{self.effect}"


@dataclass(frozen=True, slots=True)
class Nodes:
    """A managed node group with its launch template, or a pool of Karpenter's with its class."""

    resource: Resource
    template: Resource | None

    @property
    def inputs(self) -> Inputs:
        """Of the group or pool."""
        return Inputs(self.resource.inputs)

    @property
    def pool(self) -> bool:
        """Whether Karpenter makes the nodes."""
        return self.resource.type == NODE_POOL

    @property
    def own_template(self) -> Inputs:
        """Inputs of the launch template, or of the class; nothing in them where the plan has none."""
        return Inputs(self.template.inputs if self.template else {})

    @property
    def type_names(self) -> tuple[Inputs, ...]:
        """The instance types that it names, each with its path.

        Raises:
            UnknownUntilUpError: They are unknown.
        """
        if self.pool:
            asked = self.asked(_TYPE_LABEL)
            return texts(asked) if asked else ()
        named = texts(self.inputs.at("instanceTypes"))
        if named or self.template is None:
            return named
        alone = self.own_template.get("instanceType")
        return (Inputs(alone, "launchTemplate"),) if isinstance(alone, str) else ()

    @property
    def types(self) -> tuple[InstanceType, ...]:
        """The instance types that the catalogue has."""
        return tuple(found for name in self.type_names if (found := catalogued(name.value)))

    @property
    def accelerator(self) -> AcceleratorKind | None:
        """What kind of accelerator its nodes have."""
        return next((each.accelerator.kind for each in self.types if each.accelerator), None)

    @property
    def bottlerocket(self) -> bool:
        """Whether the nodes run Bottlerocket, whose NVIDIA variant has the device plugin built in."""
        if self.pool:
            return str(self.own_template.get("spec.amiFamily")) == "Bottlerocket"
        return str(self.inputs.get("amiType", "")).startswith("BOTTLEROCKET")

    @property
    def labels(self) -> Mapping[str, Any]:
        """The labels that it gives its nodes."""
        return mapping(self.inputs.get("spec.template.metadata.labels" if self.pool else "labels"))

    @property
    def taints(self) -> tuple[Taint, ...]:
        """The taints that it gives its nodes."""
        return tuple(
            Taint(
                key=str(each.get("key", "")),
                value=str(each.get("value", "")),
                effect=_EFFECTS.get(effect := str(each.get("effect", "")), effect),
            )
            for each in self.inputs.each(taints_path(self.resource))
        )

    def asked(self, key: str) -> Inputs | None:
        """The values that a pool requires of a label; None where it allows any."""
        for each in self.inputs.each(REQUIREMENTS):
            if each.get("key") == key and each.get("operator") == "In":
                return each.at("values")
        return None


def taints_path(resource: Resource) -> str:
    """Where a group or a pool has its taints."""
    return "spec.template.spec.taints" if resource.type == NODE_POOL else "taints"


def nodes(resource: Resource, around: Around) -> Nodes:
    """A group or pool with what its nodes are launched from."""
    if resource.type == NODE_POOL:
        return Nodes(resource, _classes(around).get(_class_of(resource)))
    return Nodes(resource, next(iter(templates(resource, around)), None))


def templates(resource: Resource, around: Around) -> tuple[Resource, ...]:
    """What a group or machine is launched from: the launch templates behind it, else the one whose name it states."""
    found = around.behind(resource, "launchTemplate", LAUNCH_TEMPLATE)
    name = None if found else Inputs(resource.inputs).at("launchTemplate.name").value
    if not isinstance(name, str):
        return found
    return around.once("named templates", lambda: _by_name(around)).get(name, ())


def _by_name(around: Around) -> Mapping[str, tuple[Resource, ...]]:
    """Without those whose names are unknown, or chosen by the engine."""
    named = ((Inputs(each.inputs).at("name").value, each) for each in around.plan.of_type(LAUNCH_TEMPLATE))
    return {name: (each,) for name, each in named if isinstance(name, str) and name != UNKNOWN}


def all_nodes(around: Around) -> tuple[Nodes, ...]:
    """Every group and pool of the plan."""
    return around.once("nodes", lambda: tuple(nodes(each, around) for each in around.plan.of_type(*GROUPS)))


def users(template: Resource, around: Around) -> tuple[Nodes, ...]:
    """The groups or pools whose nodes are launched from a template or a class."""

    def build() -> Mapping[str, tuple[Nodes, ...]]:
        found: dict[str, list[Nodes]] = {}
        for each in all_nodes(around):
            if each.template is not None:
                found.setdefault(each.template.urn, []).append(each)
        return {urn: tuple(each) for urn, each in found.items()}

    return around.once("users of templates", build).get(template.urn, ())


def interfaces(template: Resource | None) -> tuple[Inputs, ...]:
    """The network interfaces that a launch template or a class lists."""
    if template is None:
        return ()
    return tuple(Inputs(template.inputs).each(interfaces_path(template)))


def interfaces_path(template: Resource) -> str:
    """Where a launch template or a class has its network interfaces."""
    return "spec.networkInterfaces" if template.type == NODE_CLASS else "networkInterfaces"


def efa_interfaces(template: Resource | None) -> tuple[Inputs, ...]:
    """Those with EFA among them."""
    return tuple(each for each in interfaces(template) if each.get("interfaceType") in _EFA)


def zones_behind(resource: Resource, property_: str, around: Around) -> tuple[str, ...]:
    """The zones of the subnets that an input was made from, sorted.

    A zone is an id or a name, as the subnet has it; a subnet that has neither counts as a zone of its own.

    Raises:
        UnknownUntilUpError: A zone is unknown.
    """
    return tuple(sorted({zone_of(each) or each.name for each in around.behind(resource, property_, SUBNET)}))


def unplaced(resource: Resource, property_: str, around: Around) -> int:
    """How many subnets an input names whose zones the plan does not have.

    Raises:
        UnknownUntilUpError: The whole list is unknown.
    """
    listed = len(list(Inputs(resource.inputs).each(property_)))
    return max(listed - len(around.behind(resource, property_, SUBNET)), 0)


def zone_of(subnet: Resource) -> str:
    """The id of a subnet's zone, or its name; empty where AWS chooses."""
    inputs = Inputs(subnet.inputs)
    return str(inputs.get("availabilityZoneId") or inputs.get("availabilityZone") or "")


def releases(around: Around, *charts: str) -> tuple[Resource, ...]:
    """The Helm releases of charts, by the charts' own names."""

    def build() -> Mapping[str, tuple[Resource, ...]]:
        found: dict[str, list[Resource]] = {}
        for each in around.plan.of_type(RELEASE):
            found.setdefault(chart_of(each), []).append(each)
        return {chart: tuple(each) for chart, each in found.items()}

    by_chart = around.once("releases", build)
    return tuple(each for chart in charts for each in by_chart.get(chart, ()))


def chart_of(release: Resource) -> str:
    """The name of a release's chart, without where it comes from."""
    return str(Inputs(release.inputs).get("chart", "")).rpartition("/")[2]


def images(daemon_set: Resource) -> Iterator[str]:
    """The images of a DaemonSet that are known."""
    for each in Inputs(daemon_set.inputs).each("spec.template.spec.containers"):
        image = each.at("image").value
        if isinstance(image, str):
            yield image


def catalogued(name: Any) -> InstanceType | None:  # noqa: ANN401  # whatever stands in the plan
    """The instance type of a name, where the catalogue has it."""
    try:
        return instance_type(name) if isinstance(name, str) else None
    except UnknownNameError:
        return None


def texts(inputs: Inputs) -> tuple[Inputs, ...]:
    """The texts of a list, each with its path.

    Raises:
        UnknownUntilUpError: One of them is unknown.
    """
    return tuple(each for each in inputs.each() if isinstance(each.get(), str))


def mapping(value: Any) -> Mapping[str, Any]:  # noqa: ANN401  # whatever stands in the plan
    """The value where it is a mapping; else an empty one."""
    return value if isinstance(value, Mapping) else {}


def _class_of(pool: Resource) -> str:
    return str(Inputs(pool.inputs).get("spec.template.spec.nodeClassRef.name", ""))


def _classes(around: Around) -> Mapping[str, Resource]:
    return around.once(
        "node classes",
        lambda: {str(Inputs(each.inputs).get("metadata.name", "")): each for each in around.plan.of_type(NODE_CLASS)},
    )
