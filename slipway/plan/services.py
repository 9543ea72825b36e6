"""The AWS services around the cluster, as a reader of a plan wants to see them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from infra.catalog.instances import instance_type
from slipway.plan.machines import machines
from slipway.plan.model import Plan, Resource
from slipway.wire import UNKNOWN

LOAD_BALANCER: Final = "aws:lb/loadBalancer:LoadBalancer"
LISTENER: Final = "aws:lb/listener:Listener"
RULE: Final = "aws:lb/listenerRule:ListenerRule"
BINDING: Final = "kubernetes:elbv2.k8s.aws/v1beta1:TargetGroupBinding"
ADDON_COMPONENT: Final = "slipway:addons:AddOn"
CERTIFICATE: Final = "aws:acm/certificate:Certificate"
USER_GROUP: Final = "aws:cognito/userGroup:UserGroup"
DATABASE: Final = "aws:rds/instance:Instance"
REPOSITORY: Final = "aws:ecr/repository:Repository"
CACHE: Final = "aws:ecr/pullThroughCacheRule:PullThroughCacheRule"
BUILD: Final = "aws:codebuild/project:Project"
WORKSPACE: Final = "aws:amp/workspace:Workspace"
ALARM: Final = "aws:cloudwatch/metricAlarm:MetricAlarm"
SUBSCRIPTION: Final = "aws:sns/topicSubscription:TopicSubscription"
BUDGET: Final = "aws:budgets/budget:Budget"
VIRTUAL_CLUSTER: Final = "aws:emrcontainers/virtualCluster:VirtualCluster"
WORKGROUP: Final = "aws:athena/workgroup:Workgroup"
ROLE: Final = "aws:iam/role:Role"
SAGEMAKER: Final = "analytics-sagemaker"
"""The one lasting resource that tells of SageMaker: its execution role."""
ECS: Final = "aws:ecs/cluster:Cluster"


@dataclass(frozen=True, kw_only=True)
class Service:
    """What it is, its name, and what is special."""

    kind: str
    name: str
    detail: str


def services(plan: Plan) -> tuple[Service, ...]:
    """The services of a plan, in the order of its sections in a stack file."""
    return tuple(found for part in _PARTS for found in part(plan))


def _edge(plan: Plan) -> Iterator[Service]:
    addons = _answering(plan)
    for balancer in plan.of_type(LOAD_BALANCER):
        domains = [str(each.inputs.get("domainName", "")) for each in plan.of_type(CERTIFICATE)]
        groups = [str(each.inputs.get("name", "")) for each in plan.of_type(USER_GROUP)]
        actions = {str(each["type"]) for one in plan.of_type(LISTENER) for each in one.inputs.get("defaultActions", [])}
        login = f"login by Cognito (groups {', '.join(sorted(groups))})" if "authenticate-cognito" in actions else ""
        where = "internal" if balancer.inputs.get("internal") else "public"
        yield _service("load balancer", ", ".join(domains) or balancer.name, where, "TLS", login)
    for rule in sorted(plan.of_type(RULE), key=lambda each: each.name):
        asked = [str(each["type"]) for each in rule.inputs.get("actions", [])]
        hosts = [
            str(host)
            for condition in rule.inputs.get("conditions", [])
            for host in condition.get("hostHeader", {}).get("values", [])
        ]
        where = f"to {addons[rule.name]}" if rule.name in addons else ""
        login = "after the login" if "authenticate-cognito" in asked else "with a login of its own"
        yield _service("web page", f"https://{', '.join(hosts)}", where, login)


def _answering(plan: Plan) -> dict[str, str]:
    """A listener rule's name to the add-on that answers: the one whose binding fills the rule's target group."""
    bound = {
        str(each.inputs.get("spec", {}).get("targetGroupARN", "")): component.name
        for component in plan.of_type(ADDON_COMPONENT)
        for each in plan.descendants(component)
        if each.type == BINDING
    }
    bound.pop(UNKNOWN, None)
    return {
        rule.name: bound[str(action["targetGroupArn"])]
        for rule in plan.of_type(RULE)
        for action in rule.inputs.get("actions", [])
        if str(action.get("targetGroupArn", "")) in bound
    }


def _databases(plan: Plan) -> Iterator[Service]:
    for database in plan.of_type(DATABASE):
        inputs = database.inputs
        yield _service(
            "RDS",
            _short(database, "databases"),
            f"{inputs.get('engine')} {inputs.get('engineVersion')} on {inputs.get('instanceClass')}",
            f"{inputs.get('allocatedStorage'):,} GiB",
            "two zones" if inputs.get("multiAz") else "one zone",
            f"{inputs.get('backupRetentionPeriod')} days of backups",
            "protected" if database.protect else "disposable",
        )


def _registry(plan: Plan) -> Iterator[Service]:
    repositories = plan.of_type(REPOSITORY)
    if repositories or plan.of_type(CACHE):
        hosts = sorted(str(each.inputs.get("upstreamRegistryUrl", "")) for each in plan.of_type(CACHE))
        yield _service(
            "ECR", f"{len(repositories)} repositories", f"caches {', '.join(hosts)}" if hosts else "", "scanned on push"
        )
    builds = [_short(each, "registry") for each in plan.of_type(BUILD)]
    if builds:
        yield _service("CodeBuild", ", ".join(sorted(builds)), "on change")


def _observability(plan: Plan) -> Iterator[Service]:
    for workspace in plan.of_type(WORKSPACE):
        yield _service("Prometheus", _short(workspace, "observability"), "managed")
    alarms, told = len(plan.of_type(ALARM)), plan.of_type(SUBSCRIPTION)
    if alarms:
        yield _service(
            "alarms", f"{alarms} alarms", f"to {', '.join(str(each.inputs.get('endpoint')) for each in told)}"
        )
    for budget in plan.of_type(BUDGET):
        yield _service(
            "budget",
            _short(budget, "observability-budget"),
            f"{float(budget.inputs.get('limitAmount', 0)):,.0f} {budget.inputs.get('limitUnit')} a month",
        )


def _analytics(plan: Plan) -> Iterator[Service]:
    for cluster in plan.of_type(VIRTUAL_CLUSTER):
        info = cluster.inputs.get("containerProvider", {}).get("info", {}).get("eksInfo", {})
        yield _service("EMR on EKS", _short(cluster, "analytics"), f"namespace {info.get('namespace')}")
    for group in plan.of_type(WORKGROUP):
        yield _service("Athena", _short(group, "analytics"), "results encrypted")
    for role in plan.of_type(ROLE):
        if role.name == SAGEMAKER:
            yield _service("SageMaker", _short(role, "analytics"), "execution role")


def _machines(plan: Plan) -> Iterator[Service]:
    for machine in machines(plan):
        accelerator = instance_type(machine.types[0]).accelerator
        yield _service(
            "machine" if machine.maximum == machine.desired == 1 else "ECS instances",
            _short_name(machine.name, "workstation"),
            f"{', '.join(machine.types)} {machine.capacity}",
            f"{accelerator.count} x {accelerator.model}" if accelerator else "",
            f"{machine.desired} to {machine.maximum}" if machine.maximum != machine.desired else "",
        )


_PARTS: Final[tuple[Callable[[Plan], Iterator[Service]], ...]] = (
    _edge,
    _databases,
    _registry,
    _observability,
    _analytics,
    _machines,
)


def _service(kind: str, name: str, *details: str) -> Service:
    return Service(kind=kind, name=name, detail=", ".join(detail for detail in details if detail))


def _short(resource: Resource, component: str) -> str:
    return _short_name(resource.name, component)


def _short_name(name: str, component: str) -> str:
    """The logical name without the component's."""
    return name.removeprefix(f"{component}-")
