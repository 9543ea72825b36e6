"""How the rules about records, sign-up, image scans and rights inside the cluster are broken."""

from policies.rules.kubernetes_rights import CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING
from policies.rules.network import VPC
from policies.rules.network_records import FLOW_LOG
from slipway.plan.bill.types import LOAD_BALANCER, REPOSITORY, USER_POOL
from tests.policies.breaking import DROP, Mutation, changed, removed

EVERYTHING = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]


def faces_internet(resource):
    return resource.inputs.get("internal") is not True


MUTATIONS = (
    Mutation(rule="network-flow-logs", name="left out", apply=removed(FLOW_LOG), culprit=(VPC,)),
    Mutation(
        rule="network-load-balancer-logs",
        name="off",
        apply=changed(LOAD_BALANCER, "accessLogs.enabled", False, where=faces_internet),
        culprit=(LOAD_BALANCER,),
    ),
    Mutation(
        rule="network-load-balancer-logs",
        name="never asked for",
        apply=changed(LOAD_BALANCER, "accessLogs", DROP, where=faces_internet),
        culprit=(LOAD_BALANCER,),
    ),
    Mutation(
        rule="iam-self-sign-up",
        name="on purpose",
        apply=changed(USER_POOL, "adminCreateUserConfig.allowAdminCreateUserOnly", False),
        culprit=(USER_POOL,),
    ),
    Mutation(
        rule="iam-self-sign-up",
        name="left to Cognito",
        apply=changed(USER_POOL, "adminCreateUserConfig", DROP),
        culprit=(USER_POOL,),
    ),
    Mutation(
        rule="data-image-scans",
        name="off",
        apply=changed(REPOSITORY, "imageScanningConfiguration.scanOnPush", False),
        culprit=(REPOSITORY,),
    ),
    Mutation(
        rule="data-image-scans",
        name="left to ECR",
        apply=changed(REPOSITORY, "imageScanningConfiguration", DROP),
        culprit=(REPOSITORY,),
    ),
    Mutation(
        rule="kubernetes-rbac",
        name="a role of the cluster for everything",
        apply=changed(CLUSTER_ROLE, "rules", EVERYTHING),
        culprit=(CLUSTER_ROLE,),
    ),
    Mutation(
        rule="kubernetes-rbac",
        name="a role of a namespace for everything",
        apply=changed(ROLE, "rules", EVERYTHING),
        culprit=(ROLE,),
    ),
    Mutation(
        rule="kubernetes-rbac",
        name="impersonation of anybody",
        apply=changed(
            CLUSTER_ROLE, "rules", [{"apiGroups": [""], "resources": ["users", "groups"], "verbs": ["impersonate"]}]
        ),
        culprit=(CLUSTER_ROLE,),
    ),
    Mutation(
        rule="kubernetes-rbac",
        name="cluster-admin",
        apply=changed(CLUSTER_ROLE_BINDING, "roleRef.name", "cluster-admin"),
        culprit=(CLUSTER_ROLE_BINDING,),
    ),
    Mutation(
        rule="kubernetes-rbac",
        name="cluster-admin in a namespace",
        apply=changed(
            ROLE_BINDING,
            "roleRef",
            {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        ),
        culprit=(ROLE_BINDING,),
    ),
)
