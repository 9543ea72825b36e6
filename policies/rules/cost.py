"""What an environment costs by the hour: ceilings, budgets, gateways, and machines that are paid for and do nothing."""

from collections.abc import Iterable, Iterator
from typing import Final

from infra.catalog.instances import accelerated_types
from policies.around import Around
from policies.kubernetes import RELEASE, chart
from policies.model import Fault, rule
from policies.nodes import templates
from policies.values import Inputs, UnknownUntilUpError, number
from slipway.plan.bill.lines import Cost, Line
from slipway.plan.bill.types import ALARM, CLUSTER, DATABASE, EFS, ENDPOINT, LOAD_BALANCER, LUSTRE, NAT
from slipway.plan.cost import PROVIDER, cost
from slipway.plan.fleet import LAUNCH_TEMPLATE, NODE_CLASS, NODE_GROUP, NODE_POOL
from slipway.plan.machines import AUTO_SCALING_GROUP, INSTANCE
from slipway.plan.model import Plan, Resource
from slipway.plan.services import BUDGET
from slipway.urns import STACK_TYPE

DATABASE_CLUSTER: Final = "aws:rds/cluster:Cluster"
GROUP_TAG: Final = "aws:autoscaling/tag:Tag"
RESERVATION: Final = "aws:ec2/capacityReservation:CapacityReservation"
BLOCK: Final = "aws:ec2/capacityBlockReservation:CapacityBlockReservation"
_DEAREST: Final = 3
_ENABLED_TAG: Final = "k8s.io/cluster-autoscaler/enabled"
_TARGET: Final = "capacityReservationSpecification.capacityReservationTarget"
_MIXED: Final = "mixedInstancesPolicy"
_BILLED: Final = {
    CLUSTER: ("version", "upgradePolicy"),
    NODE_GROUP: ("scalingConfig", "instanceTypes", "capacityType", "labels"),
    NODE_POOL: ("metadata", "spec"),
    INSTANCE: ("instanceType", "instanceMarketOptions"),
    AUTO_SCALING_GROUP: ("minSize", "maxSize", "desiredCapacity"),
    LAUNCH_TEMPLATE: ("instanceType", "instanceMarketOptions"),
    LUSTRE: (
        "deploymentType",
        "storageType",
        "storageCapacity",
        "perUnitStorageThroughput",
        "metadataConfiguration",
    ),
    EFS: ("provisionedThroughputInMibps",),
    ENDPOINT: ("vpcEndpointType",),
    LOAD_BALANCER: ("internal",),
    DATABASE: ("engine", "engineVersion", "instanceClass", "allocatedStorage", "maxAllocatedStorage", "multiAz"),
    PROVIDER: ("region",),
}
"""What the bill is counted from, by type."""
_COUNTED: Final = {ENDPOINT: "subnetIds", LOAD_BALANCER: "subnets", ALARM: "metricQueries"}
"""Lists whose length alone it needs."""
_DISKS: Final = ("volumeSize", "volumeType", "iops", "throughput")


@rule(
    id="cost-ceiling",
    severity="high",
    title="An hour costs no more than the environment allows.",
    why="One figure in a stack file, such as max of a group of p5, is worth thousands of dollars a day.",
    fix="lower nodeGroups[].min or max, or raise policies.hourlyCeiling",
    source="https://docs.aws.amazon.com/wellarchitected/latest/cost-optimization-pillar/govern-usage.html",
    key="policies",
    types=(STACK_TYPE,),
    scope="stack",
)
def ceiling(_: Inputs, __: Resource, around: Around) -> Iterator[Fault]:
    """The ceilings are the environment's own; the sums are those of `slipway plan`."""
    limits = around.environment.policies.hourly_ceiling
    if limits.desired is None and limits.maximum is None:
        return
    priced = around.once("cost", lambda: _priced(around))
    if isinstance(priced, str):
        yield Fault(what=f"cannot be priced: {priced}")
        return
    if limits.desired is not None and _cents(priced.desired) > limits.desired:
        dearest = _dearest([(line.desired, line) for line in priced.lines])
        yield Fault(what=_over(priced.desired, "at desired size", limits.desired, dearest))
    if limits.maximum is not None and _cents(priced.maximum) > limits.maximum:
        dearest = _dearest([(line.maximum, line) for line in priced.lines])
        yield Fault(what=_over(priced.maximum, "at maximum size", limits.maximum, dearest))


def _cents(usd: float) -> float:
    """What a plan shows, so that a ceiling which repeats it is kept."""
    return round(usd, 2)


def _over(usd: float, size: str, limit: float, dearest: str) -> str:
    return f"{usd:,.2f} USD an hour {size}; {limit:,.2f} is allowed; dearest: {dearest}"


def _dearest(lines: Iterable[tuple[float, Line]]) -> str:
    found = sorted(lines, key=lambda pair: -pair[0])[:_DEAREST]
    return ", ".join(f"{line.item} {usd:,.2f}" for usd, line in found if usd)


def _priced(around: Around) -> Cost | str:
    """The bill; or why there is none, of a plan that no program of the platform makes.

    Raises:
        UnknownUntilUpError: A count or size in it is unknown.
    """
    for resource in around.plan.of_type(*dict.fromkeys((*_BILLED, *_COUNTED))):
        for path, why in _unknown_sizes(resource):
            raise UnknownUntilUpError(f"{resource.type} {resource.name}: {path}", why)
    try:
        return cost(around.plan, around.environment.today)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # The text of the error may repeat a value.
        return f"a count, size or name in it is not what AWS takes ({type(error).__name__})"


def _unknown_sizes(resource: Resource) -> Iterator[tuple[str, str]]:
    inputs = Inputs(resource.inputs)
    try:
        for path in _BILLED.get(resource.type, ()):
            inputs.get(path)
        for mapping in (*inputs.each("blockDeviceMappings"), inputs.at("rootBlockDevice")):
            disk = mapping if mapping.path == "rootBlockDevice" else mapping.at("ebs")
            for path in _DISKS:
                disk.get(path)
        if resource.type in _COUNTED:
            next(inputs.each(_COUNTED[resource.type]), None)
    except UnknownUntilUpError as error:
        yield error.path, error.why


@rule(
    id="cost-budget",
    severity="medium",
    title="A budget watches the whole environment, and tells somebody.",
    why="What nobody watches is seen on the invoice, weeks after a job was left running.",
    fix="set observability.budgets.environment (monthly), and observability.addresses",
    source="https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-managing-costs.html",
    key="observability",
    types=(STACK_TYPE, BUDGET),
    scope="stack",
)
def budget(inputs: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """Asked where `policies.budget` says so. A budget without subscribers is shown in the console alone.

    The whole environment: what has the tag Platform, or, without a filter, the account.
    """
    if not around.environment.policies.budget:
        return
    if resource.type == STACK_TYPE:
        budgets = [Inputs(each.inputs) for each in around.plan.of_type(BUDGET)]
        if not any(_of_environment(each, around) for each in budgets):
            yield Fault(what="no budget for the whole environment")
        return
    if not _of_environment(inputs, around):
        return
    told = [
        each
        for each in inputs.each("notifications")
        if each.has("subscriberEmailAddresses.0") or each.has("subscriberSnsTopicArns.0")
    ]
    if not told:
        yield Fault(path="notifications", what="nobody is told")


def _of_environment(inputs: Inputs, around: Around) -> bool:
    if inputs.get("budgetType") != "COST":
        return False
    platform = around.environment.platform
    wanted = f"user:Platform${platform.name}" if platform else "user:Platform$"
    values = [value.get() for each in inputs.each("costFilters") for value in each.each("values")]
    return all(isinstance(value, str) and value.startswith(wanted) for value in values)


@rule(
    id="cost-nat-gateways",
    severity="low",
    title="There are no more NAT gateways than the environment allows.",
    why="Each costs about 33 USD a month before the first byte, which a small environment does not need thrice.",
    fix="set network.nat to single, or raise policies.natGateways",
    source="https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-pricing.html",
    key="network",
    types=(STACK_TYPE,),
    scope="stack",
)
def nat_gateways(_: Inputs, __: Resource, around: Around) -> Iterator[Fault]:
    """The number is the environment's own; the price is the catalogue's `nat-gateway`, 730 hours of it."""
    allowed = around.environment.policies.nat_gateways
    found = around.plan.of_type(NAT)
    if allowed is not None and len(found) > allowed:
        names = ", ".join(sorted(each.name for each in found))
        yield Fault(what=f"{len(found)} NAT gateways ({names}); {allowed} allowed")


@rule(
    id="cost-kept-accelerators",
    severity="high",
    title="No accelerated machine is kept running without work.",
    why="A p5.48xlarge that waits costs more than 1,000 USD a day, nights and weekends too.",
    fix="set nodeGroups[].min and desired to 0 (workstation.instance: stopAfterIdleMinutes), or say why under "
    "policies.exceptions",
    source="https://docs.aws.amazon.com/eks/latest/best-practices/aiml-compute.html",
    key="nodeGroups",
    types=(NODE_GROUP, NODE_POOL, AUTO_SCALING_GROUP, INSTANCE),
    scope="stack",
)
def kept_accelerators(inputs: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """A group may start from zero: cluster-autoscaler and Karpenter add nodes when pods ask for them.

    Karpenter: a pool keeps nodes where it never consolidates, or has a fixed number of replicas. A single machine is
    kept where no alarm stops it. Nodes in a reservation or a Capacity Block cost nothing more: it is billed whether
    they run or not (EC2 user guide, "Capacity Reservation pricing and billing").
    """
    names = list(_types(inputs, resource, around))
    image = inputs.get("amiType", "") if resource.type == NODE_GROUP else ""
    fast = [name for name in names if name in accelerated_types()]
    if not fast and not str(image).endswith(("_NVIDIA", "_NEURON", "_GPU")):
        return
    if resource.type == NODE_GROUP and _reserved(inputs, resource, around):
        return
    machine = next(iter((*fast, *names)), "accelerated")
    if resource.type == NODE_POOL:
        yield from _pool_keeps(inputs, machine)
    elif resource.type == INSTANCE:
        if not _stopped(resource, around):
            yield Fault(path="instanceType", what=f"{machine}, and no alarm stops it when it is idle")
    else:
        paths = (
            ("scalingConfig.minSize", "scalingConfig.desiredSize")
            if resource.type == NODE_GROUP
            else ("minSize", "desiredCapacity")
        )
        kept = {path: number(inputs.get(path)) or 0 for path in paths}
        for path, count in kept.items():
            if count > 0:
                yield Fault(path=path, what=f"{count} x {machine} without work; 0 lets the group start from nothing")
                return


def _pool_keeps(inputs: Inputs, machine: str) -> Iterator[Fault]:
    if replicas := number(inputs.get("spec.replicas")):
        yield Fault(path="spec.replicas", what=f"{replicas} x {machine} without work")
    after = "spec.disruption.consolidateAfter"
    if inputs.get(after) == "Never":
        yield Fault(path=after, what=f"Never: {machine} stays when its pods are gone")


def _types(inputs: Inputs, resource: Resource, around: Around) -> Iterator[str]:
    """The instance types that a group or machine may have, as far as it or its launch template says."""
    if resource.type == NODE_POOL:
        for each in inputs.each("spec.template.spec.requirements"):
            if each.get("key") == "node.kubernetes.io/instance-type" and each.get("operator") == "In":
                yield from (str(value.get()) for value in each.each("values"))
        return
    if inputs.get("instanceType"):
        yield str(inputs.get("instanceType"))
    yield from (str(each.get()) for each in inputs.each("instanceTypes"))
    for each in inputs.each(f"{_MIXED}.launchTemplate.overrides"):
        if each.has("instanceType"):
            yield str(each.get("instanceType"))
    for template in (*templates(resource, around), *around.behind(resource, _MIXED, LAUNCH_TEMPLATE)):
        name = Inputs(template.inputs).get("instanceType")
        if name:
            yield str(name)


def _stopped(instance: Resource, around: Around) -> bool:
    actions = [
        action.value
        for alarm in around.leading_to(ALARM, "dimensions", instance)
        for action in Inputs(alarm.inputs).each("alarmActions")
    ]
    return any(isinstance(each, str) and each.endswith((":ec2:stop", ":ec2:terminate")) for each in actions)


@rule(
    id="cost-idle-reservation",
    severity="high",
    title="Every Capacity Block and capacity reservation has nodes that can use it.",
    why="A block is paid up front and a reservation by the second, whether anything runs in it or not.",
    fix="let the group grow (nodeGroups[].max, autoscaling.enabled, the add-on cluster-autoscaler), or give the "
    "reservation up",
    source="https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/capacity-reservations-pricing-billing.html",
    key="nodeGroups",
    types=(NODE_GROUP, NODE_CLASS, RESERVATION, BLOCK),
    scope="stack",
)
def idle_reservation(inputs: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """A group on a reservation must be able to get a node: from the start, or by cluster-autoscaler.

    Cluster-autoscaler finds groups by the tag k8s.io/cluster-autoscaler/enabled of the Auto Scaling group. A class of
    Karpenter's that selects reservations must have a pool that may take capacity of the type `reserved`. Blocks and
    targeted reservations that the stack makes must be used by something in it (an open reservation is by any instance
    that matches).
    """
    if resource.type == NODE_GROUP:
        if _reserved(inputs, resource, around):
            yield from _idle_group(inputs, resource, around)
    elif resource.type == NODE_CLASS:
        yield from _idle_class(inputs, around)
    elif (
        resource.type == BLOCK or inputs.get("instanceMatchCriteria", "open") == "targeted"
    ) and resource.urn not in around.once("cost: pointed to", lambda: _pointed_to(around.plan)):
        yield Fault(what="no launch template or node class of the stack uses it")


def _reserved(inputs: Inputs, group: Resource, around: Around) -> bool:
    if inputs.get("capacityType") == "CAPACITY_BLOCK":
        return True
    return any(Inputs(each.inputs).has(_TARGET) for each in templates(group, around))


def _idle_group(inputs: Inputs, group: Resource, around: Around) -> Iterator[Fault]:
    if inputs.has("scalingConfig.maxSize") and number(inputs.get("scalingConfig.maxSize")) == 0:
        yield Fault(path="scalingConfig.maxSize", what="0: no node can use what is reserved")
        return
    if any(number(inputs.get(f"scalingConfig.{size}")) for size in ("minSize", "desiredSize")):
        return
    if not any(chart(Inputs(each.inputs)) == "cluster-autoscaler" for each in around.plan.of_type(RELEASE)):
        yield Fault(path="scalingConfig.desiredSize", what="0, and there is no cluster-autoscaler to start a node")
    elif not _seen_by_autoscaler(group, around):
        yield Fault(path="scalingConfig.desiredSize", what=f"0, and without the tag {_ENABLED_TAG} it stays at that")


def _seen_by_autoscaler(group: Resource, around: Around) -> bool:
    tags = around.leading_to(GROUP_TAG, "autoscalingGroupName", group)
    return any(Inputs(each.inputs).get("tag.key") == _ENABLED_TAG for each in tags)


def _idle_class(inputs: Inputs, around: Around) -> Iterator[Fault]:
    terms = "spec.capacityReservationSelectorTerms"
    if not inputs.has(f"{terms}.0"):
        return
    name = inputs.get("metadata.name")
    for pool in around.plan.of_type(NODE_POOL):
        spec = Inputs(pool.inputs).at("spec")
        if spec.get("template.spec.nodeClassRef.name") == name and _takes_reserved(spec):
            return
    yield Fault(path=terms, what="no node pool of the class takes capacity of the type reserved")


def _takes_reserved(spec: Inputs) -> bool:
    if spec.has("limits.nodes") and number(spec.get("limits.nodes")) == 0:
        return False
    asked = [
        [value.get() for value in each.each("values")]
        for each in spec.each("template.spec.requirements")
        if each.get("key") == "karpenter.sh/capacity-type" and each.get("operator") == "In"
    ]
    return all("reserved" in values for values in asked)


def _pointed_to(plan: Plan) -> frozenset[str]:
    """The URNs that an input of something was made from."""
    return frozenset(
        urn for each in plan for behind in each.property_dependencies.values() for urn in behind if each.urn != urn
    )


@rule(
    id="cost-database-support",
    severity="medium",
    title="No database enters extended support by itself.",
    why="RDS bills it per vCPU and hour, standbys too, from the day on which standard support of the version ends.",
    fix="take databases[].support out of the stack file (its default is STANDARD), and upgrade in time",
    source="https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/extended-support-creating-db-instance.html",
    key="databases",
    types=(DATABASE, DATABASE_CLUSTER),
)
def database_support(inputs: Inputs, _: Resource, __: Around) -> Iterator[Fault]:
    """The API's own default enrols the database, for all its life; engines other than these two families have none."""
    engine = inputs.get("engine", "")
    path = "engineLifecycleSupport"
    found = inputs.get(path, "open-source-rds-extended-support")
    if str(engine).endswith(("mysql", "postgres", "postgresql")) and not str(found).endswith("-disabled"):
        yield Fault(path=path, what=f"{found}; it must be open-source-rds-extended-support-disabled")
