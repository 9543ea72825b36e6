"""The control plane as planned."""

import json

import pytest

from slipway.plan.model import Plan

CLUSTER = "aws:eks/cluster:Cluster"


def test_the_control_plane_is_what_the_settings_say(prod: Plan):
    cluster = prod.one(CLUSTER).inputs
    assert cluster["name"] == "slipway-prod"
    assert cluster["version"] == "1.35"
    assert cluster["accessConfig"]["authenticationMode"] == "API"
    assert cluster["upgradePolicy"] == {"supportType": "STANDARD"}
    assert cluster["deletionProtection"] is True
    assert cluster["kubernetesNetworkConfig"]["serviceIpv4Cidr"] == "172.20.0.0/16"
    assert set(cluster["enabledClusterLogTypes"]) == {
        "api",
        "audit",
        "authenticator",
        "controllerManager",
        "scheduler",
    }
    vpc = cluster["vpcConfig"]
    assert (vpc["endpointPrivateAccess"], vpc["endpointPublicAccess"]) == (True, True)
    assert vpc["publicAccessCidrs"] == ["203.0.113.0/24"]


def test_the_api_server_is_private_by_default(private: Plan):
    vpc = private.one(CLUSTER).inputs["vpcConfig"]
    assert (vpc["endpointPrivateAccess"], vpc["endpointPublicAccess"]) == (True, False)


def test_secrets_are_encrypted_with_a_key_of_ours(plan: Plan):
    config = plan.one(CLUSTER).inputs["encryptionConfig"]
    key = plan.one("aws:kms/key:Key", "cluster-secrets")
    assert config == {"provider": {"keyArn": key.outputs["arn"]}, "resources": ["secrets"]}
    assert key.inputs["enableKeyRotation"] is True


def test_the_log_group_is_there_first(prod: Plan):
    """EKS makes it without retention otherwise, and it stays when the cluster goes."""
    logs = prod.one("aws:cloudwatch/logGroup:LogGroup", "cluster-logs")
    assert logs.inputs["name"] == "/aws/eks/slipway-prod/cluster"
    assert logs.inputs["retentionInDays"] == 365
    assert logs.urn in prod.one("eks:index:Cluster").dependencies


def test_there_is_no_default_node_group_and_no_add_on_of_the_component(plan: Plan):
    below = plan.descendants(plan.one("eks:index:Cluster"))
    assert not {"aws:eks/nodeGroup:NodeGroup", "aws:eks/addon:Addon"} & {resource.type for resource in below}


def test_the_oidc_provider_is_ours(plan: Plan):
    """The component's own opens a TLS connection to the issuer during `up`."""
    provider = plan.one("aws:iam/openIdConnectProvider:OpenIdConnectProvider")
    assert provider.name == "cluster-oidc"
    assert provider.inputs["url"].startswith("https://oidc.eks.")
    assert provider.inputs["clientIdLists"] == ["sts.amazonaws.com"]


def test_access_is_granted_by_entries(prod: Plan, existing: Plan):
    entries = {entry.name: entry for entry in prod.of_type("aws:eks/accessEntry:AccessEntry")}
    assert set(entries) == {"cluster-access-platform-team", "cluster-access-researchers"}
    grant = prod.one("aws:eks/accessPolicyAssociation:AccessPolicyAssociation", "cluster-access-researchers")
    assert grant.inputs["policyArn"] == "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
    assert grant.inputs["accessScope"] == {"type": "cluster"}
    scoped = existing.one("aws:eks/accessPolicyAssociation:AccessPolicyAssociation", "cluster-access-notebooks")
    assert scoped.inputs["accessScope"] == {"type": "namespace", "namespaces": ["notebooks"]}


@pytest.mark.parametrize(
    ("policy", "name"),
    [
        ("cluster-admin", "AmazonEKSClusterAdminPolicy"),
        ("admin", "AmazonEKSAdminPolicy"),
        ("admin-view", "AmazonEKSAdminViewPolicy"),
        ("edit", "AmazonEKSEditPolicy"),
        ("view", "AmazonEKSViewPolicy"),
    ],
)
def test_a_policy_is_the_one_that_eks_calls_so(record_settings, policy, name):
    """EKS user guide, "Review access policy permissions"."""
    entry = {"principalArn": "arn:aws:iam::123456789012:role/ci", "policy": policy}
    plan = record_settings(
        {
            "platform": {"name": "x", "region": "us-west-2", "environment": "dev", "owner": "x", "costCenter": "x"},
            "network": {"zones": ["usw2-az1", "usw2-az2"]},
            "cluster": {"access": {"ci": entry}},
            "nodeGroups": [{"name": "system", "system": True, "instanceTypes": ["m7i.large"], "min": 1}],
            "addons": {"preset": "minimal"},
        }
    )
    grant = plan.one("aws:eks/accessPolicyAssociation:AccessPolicyAssociation")
    assert grant.inputs["policyArn"] == f"arn:aws:eks::aws:cluster-access-policy/{name}"


def test_a_new_endpoint_does_not_replace_what_kubernetes_holds(prod: Plan):
    provider = prod.one("pulumi:providers:kubernetes", "cluster-kubernetes")
    assert provider.inputs["clusterIdentifier"] == "eks/us-west-2/slipway-prod"


def test_the_kubeconfig_holds_no_credential(plan: Plan):
    config = json.loads(plan.outputs["kubeconfig"])
    (user,) = config["users"]
    assert set(user["user"]) == {"exec"}
    assert "token" not in json.dumps(user["user"]["exec"].get("env", []))


def test_only_the_named_account_may_be_touched(prod: Plan, dev: Plan):
    assert json.loads(prod.one("pulumi:providers:aws").inputs["allowedAccountIds"]) == ["123456789012"]
    assert "allowedAccountIds" not in dev.one("pulumi:providers:aws").inputs


def test_the_permissions_boundary_is_on_every_role(existing: Plan):
    """The component's own service role cannot carry one, and accounts that demand it refuse the first `up`."""
    roles = existing.of_type("aws:iam/role:Role")
    assert {role.inputs.get("permissionsBoundary") for role in roles} == {
        "arn:aws:iam::123456789012:policy/ml-boundary"
    }


def test_the_control_plane_goes_before_its_role(prod: Plan):
    """EKS needs the policy to delete a cluster too."""
    cluster = prod.one(CLUSTER)
    role = prod.one("aws:iam/role:Role", "cluster-service")
    assert cluster.inputs["roleArn"] == role.outputs["arn"]
    policy = prod.one("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "cluster-service-AmazonEKSClusterPolicy")
    assert {role.urn, policy.urn} <= set(cluster.dependencies)


def test_eks_takes_the_control_planes_role_for_this_cluster_alone(prod: Plan):
    """EKS user guide, "Cross-service confused deputy prevention in Amazon EKS"."""
    (statement,) = json.loads(prod.one("aws:iam/role:Role", "cluster-service").inputs["assumeRolePolicy"])["Statement"]
    assert statement["Principal"] == {"Service": "eks.amazonaws.com"}
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "123456789012"},
        "ArnLike": {"aws:SourceArn": "arn:aws:eks:us-west-2:123456789012:cluster/slipway-prod"},
    }


def test_irsa_binds_each_role_to_one_service_account(existing: Plan):
    assert existing.of_type("aws:eks/podIdentityAssociation:PodIdentityAssociation") == ()
    role = existing.one("aws:iam/role:Role", "cluster-autoscaler-cluster-autoscaler")
    (statement,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
    subjects = [value for key, value in statement["Condition"]["StringEquals"].items() if key.endswith(":sub")]
    assert subjects == ["system:serviceaccount:kube-system:cluster-autoscaler"]
    values = existing.one("kubernetes:helm.sh/v3:Release", "cluster-autoscaler").inputs["values"]
    assert values["rbac"]["serviceAccount"]["annotations"] == {"eks.amazonaws.com/role-arn": role.outputs["arn"]}


def test_pod_identity_associations_name_the_cluster(prod: Plan):
    associations = prod.of_type("aws:eks/podIdentityAssociation:PodIdentityAssociation")
    assert {association.inputs["clusterName"] for association in associations} == {"slipway-prod"}
    cluster = prod.one(CLUSTER).urn
    assert all(cluster in association.dependencies for association in associations)
