"""`destroy` takes things away in an order that AWS accepts, also where no input of one names the other."""

import functools
from collections.abc import Callable
from typing import Final

import pytest

from slipway.plan.graph import needs
from slipway.plan.model import Plan, Resource
from tests.program.conftest import STACK_FILES, planned

GATEWAY: Final = "aws:ec2/internetGateway:InternetGateway"
LOG_GROUP: Final = "aws:cloudwatch/logGroup:LogGroup"
INSTANCE: Final = "aws:rds/instance:Instance"
CLUSTER: Final = "aws:eks/cluster:Cluster"
VIRTUAL: Final = "aws:emrcontainers/virtualCluster:VirtualCluster"
ROLE: Final = "aws:iam/role:Role"
POLICIES: Final = ("aws:iam/rolePolicy:RolePolicy", "aws:iam/rolePolicyAttachment:RolePolicyAttachment")
WHOSE_USERS_WAIT: Final = (
    "aws:iam/instanceProfile:InstanceProfile",
    "aws:eks/podIdentityAssociation:PodIdentityAssociation",
    "aws:ec2/launchTemplate:LaunchTemplate",
)
"""These hand a role on and do nothing with it themselves."""
SINCE_LATER: Final = {"registry-cache-pulls"}
"""What nodes that are there already may do besides: have ECR make repositories of the cache."""


def reach(plan: Plan) -> Callable[[str], frozenset[str]]:
    """A function from a URN to all that must exist before it, and so is deleted after it."""

    @functools.cache
    def behind(urn: str) -> frozenset[str]:
        resource = plan.get(urn)
        direct = needs(resource) if resource else frozenset()
        return direct.union(*(behind(each) for each in direct))

    return behind


def whose(policy: Resource) -> frozenset[str]:
    """The role that a policy is of; its text may name others, such as those that may be passed on."""
    return frozenset(policy.property_dependencies.get("role", ()))


def own_log(instance: Resource, group: Resource) -> bool:
    return f"/{instance.inputs.get('identifier')}/" in str(group.inputs["name"])


def cluster_log(_cluster: Resource, group: Resource) -> bool:
    return str(group.inputs["name"]).startswith("/aws/eks/")


def own_namespace(virtual: Resource, namespace: Resource) -> bool:
    return namespace.name == f"{virtual.name}-namespace"


def every(_first: Resource, _then: Resource) -> bool:
    return True


ORDER: Final[tuple[tuple[str, str, Callable[[Resource, Resource], bool]], ...]] = (
    # "Network vpc-... has some mapped public address(es)": DetachInternetGateway is refused until they are gone.
    ("aws:ec2/natGateway:NatGateway", GATEWAY, every),
    ("aws:lb/loadBalancer:LoadBalancer", GATEWAY, every),
    # ECS user guide, DeleteCluster: container instances must be deregistered first.
    ("aws:autoscaling/group:Group", "aws:ecs/cluster:Cluster", every),
    # Without its namespace or the API server a virtual cluster ends ARRESTED instead of deleted.
    (VIRTUAL, CLUSTER, every),
    (VIRTUAL, "kubernetes:core/v1:Namespace", own_namespace),
    # Who still writes makes the log group again, which then belongs to nobody.
    (INSTANCE, LOG_GROUP, own_log),
    (CLUSTER, LOG_GROUP, cluster_log),
)


@pytest.mark.parametrize(("first", "then", "meant"), ORDER, ids=[f"{a}-{b}" for a, b, _ in ORDER])
def test_aws_would_accept_the_order(first, then, meant):
    pairs = 0
    for path in STACK_FILES:
        plan = planned(path)
        behind = reach(plan)
        for one in plan.of_type(first):
            for other in plan.of_type(then):
                if meant(one, other):
                    pairs += 1
                    assert other.urn in behind(one.urn), f"{path.stem}: {one.name} may outlive {other.name}"
    assert pairs


def test_who_acts_with_a_role_goes_before_the_roles_policies(plan: Plan):
    """Else AWS fails to take away what the role made: network interfaces, log streams, instances."""
    behind = reach(plan)
    roles = {each.urn for each in plan.of_type(ROLE)}
    policies = [each for each in plan.of_type(*POLICIES) if each.name not in SINCE_LATER]
    handed: dict[str, set[str]] = {}
    wrong: list[str] = []
    for resource in plan:
        if resource.package != "aws" or resource.type in POLICIES:
            continue
        direct = needs(resource)
        acts = (roles & direct).union(*(handed[urn] for urn in direct & handed.keys()))
        if resource.type in WHOSE_USERS_WAIT:
            handed[resource.urn] = acts
            continue
        wrong += [
            f"{resource.type} {resource.name} may outlive {policy.name}"
            for policy in policies
            if whose(policy) & acts and policy.urn not in behind(resource.urn)
        ]
    assert wrong == []
