"""What is written down of the traffic, for the day on which somebody asks."""

from collections.abc import Iterator
from typing import Final

from policies.around import Around
from policies.model import Fault, rule
from policies.rules.network import VPC
from policies.values import Inputs
from slipway.plan.bill.types import LOAD_BALANCER
from slipway.plan.model import Resource

FLOW_LOG: Final = "aws:ec2/flowLog:FlowLog"


@rule(
    id="network-flow-logs",
    severity="medium",
    title="The VPC has flow logs.",
    why="Without them nobody can say afterwards who was refused, or where data went: logs begin when they are made.",
    fix="leave network.flowLogs.enabled out of the stack file, or set it to true",
    source="https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs.html",
    key="network",
    types=(VPC,),
    scope="stack",
)
def flow_logs(_: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """VPC user guide, "Logging IP traffic using VPC Flow Logs"; Security Hub control EC2.6."""
    if not around.leading_to(FLOW_LOG, "vpcId", resource):
        yield Fault(what="has no flow log")


@rule(
    id="network-load-balancer-logs",
    severity="medium",
    title="A load balancer that faces the internet writes access logs.",
    why="Who came from where, and what they asked for, stands nowhere else once a login has been abused.",
    fix="add a bucket called logs (storage.buckets)",
    source="https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html",
    key="storage",
    types=(LOAD_BALANCER,),
)
def load_balancer_logs(inputs: Inputs, _: Resource, __: Around) -> Iterator[Fault]:
    """ELB user guide, "Access logs for your Application Load Balancer"; Security Hub control ELB.5."""
    if inputs.get("internal") is not True and inputs.get("accessLogs.enabled") is not True:
        yield Fault(path="accessLogs", what="off")
