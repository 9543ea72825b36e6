"""How the rules about the control plane and its nodes are broken."""

from policies.rules.eks import CLUSTER
from tests.policies.breaking import DROP, Mutation, changed

MUTATIONS = (
    Mutation(
        rule="eks-extended-support",
        name="extended on purpose",
        apply=changed(CLUSTER, "upgradePolicy.supportType", "EXTENDED"),
        culprit=(CLUSTER,),
    ),
    Mutation(
        rule="eks-extended-support",
        name="left to AWS, whose default is extended",
        apply=changed(CLUSTER, "upgradePolicy", DROP),
        culprit=(CLUSTER,),
    ),
)
