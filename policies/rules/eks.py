"""The control plane and its nodes."""

from collections.abc import Iterator
from typing import Final

from policies.around import Around
from policies.model import Fault, rule
from policies.values import Inputs
from slipway.plan.model import Resource

CLUSTER: Final = "aws:eks/cluster:Cluster"


@rule(
    id="eks-extended-support",
    severity="high",
    title="The cluster never enters extended support by itself.",
    why="Extended support costs six times the price of the control plane, from the day on which standard ends.",
    fix="take cluster.support out of the stack file (its default is STANDARD), and upgrade in time",
    source="https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html",
    key="cluster",
    types=(CLUSTER,),
)
def extended_support(inputs: Inputs, _: Resource, __: Around) -> Iterator[Fault]:
    """AWS's own default is EXTENDED."""
    path = "upgradePolicy.supportType"
    found = inputs.get(path, "EXTENDED")
    if found != "STANDARD":
        yield Fault(path=path, what=f"{found}; it must be STANDARD")
