"""Hybrid nodes as planned: the control plane knows their networks, and they have a role, a way in and a way there."""

import json
from pathlib import Path
from typing import Any

import pytest

from slipway.plan.cost import cost
from slipway.plan.model import Plan
from tests.contract.test_aws_inputs import problems
from tests.program.conftest import planned, settings_of

FILE = Path(__file__).resolve().parents[2] / "examples" / "Pulumi.hybrid.yaml"
CLUSTER = "aws:eks/cluster:Cluster"
ENTRY = "aws:eks/accessEntry:AccessEntry"
RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
ROUTE = "aws:ec2/route:Route"
ATTACHMENT = "aws:ec2transitgateway/vpcAttachment:VpcAttachment"
ANCHOR = "arn:aws:rolesanywhere:eu-central-1:123456789012:trust-anchor/01234567-89ab-cdef-0123-456789abcdef"
MACHINES, PODS = "10.80.0.0/20", "10.84.0.0/16"


@pytest.fixture(name="hybrid")
def _hybrid() -> Plan:
    return planned(FILE)


def with_hybrid(record_settings, **hybrid):
    raw = dict(settings_of(FILE))
    raw["cluster"] = {**raw["cluster"], "hybrid": {"nodeCidrs": [MACHINES], **hybrid}}
    return record_settings(raw)


def actions(plan: Plan) -> dict[str, dict[str, Any]]:
    statements = json.loads(plan.one("aws:iam/rolePolicy:RolePolicy", "cluster-hybrid-node").inputs["policy"])
    found = {}
    for each in statements["Statement"]:
        for action in [each["Action"]] if isinstance(each["Action"], str) else each["Action"]:
            found[action] = each
    return found


def managed(plan: Plan) -> set[str]:
    attached = plan.of_type("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    return {each.inputs["policyArn"] for each in attached if each.name.startswith("cluster-hybrid-")}


def test_the_control_plane_knows_both_networks(hybrid):
    """`pulumi_eks.Cluster` has no argument for it: a transform of its child says it."""
    cluster = hybrid.one(CLUSTER)
    expected = {"remoteNodeNetworks": {"cidrs": [MACHINES]}, "remotePodNetworks": {"cidrs": [PODS]}}
    assert cluster.inputs["remoteNetworkConfig"] == expected
    assert cluster.outputs["remoteNetworkConfig"] == expected
    assert cluster.inputs["vpcConfig"]["endpointPublicAccess"] is False
    assert cluster.inputs["accessConfig"]["authenticationMode"] == "API"


def test_nothing_of_it_is_there_where_nobody_asked(plan):
    if plan.stack == FILE.suffixes[0].removeprefix("."):
        return
    assert "remoteNetworkConfig" not in plan.one(CLUSTER).inputs
    assert not plan.of_type(ATTACHMENT)
    assert "hybridNodeRole" not in plan.outputs
    assert all(entry.inputs.get("type") != "HYBRID_LINUX" for entry in plan.of_type(ENTRY))


def test_pods_may_have_no_network_of_their_own(record_settings):
    config = with_hybrid(record_settings).one(CLUSTER).inputs["remoteNetworkConfig"]
    assert config == {"remoteNodeNetworks": {"cidrs": [MACHINES]}}


def test_machines_join_by_an_entry_for_their_role(hybrid):
    (entry,) = [each for each in hybrid.of_type(ENTRY) if each.inputs.get("type") == "HYBRID_LINUX"]
    role = hybrid.one("aws:iam/role:Role", "cluster-hybrid-node")
    assert entry.inputs["principalArn"] == role.outputs["arn"] == hybrid.outputs["hybridNodeRole"]
    # EKS refuses both on an entry of this type.
    assert not {"kubernetesGroups", "userName"} & entry.inputs.keys()
    policies = hybrid.of_type("aws:eks/accessPolicyAssociation:AccessPolicyAssociation")
    assert all(each.inputs["principalArn"] != entry.inputs["principalArn"] for each in policies)


def test_systems_manager_alone_takes_the_role_and_for_this_account(hybrid):
    trust = json.loads(hybrid.one("aws:iam/role:Role", "cluster-hybrid-node").inputs["assumeRolePolicy"])
    (statement,) = trust["Statement"]
    account = statement["Condition"]["StringEquals"]["aws:SourceAccount"]
    assert statement == {
        "Effect": "Allow",
        "Principal": {"Service": "ssm.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {
            "StringEquals": {"aws:SourceAccount": account},
            "ArnEquals": {"aws:SourceArn": f"arn:aws:ssm:eu-central-1:{account}:*"},
        },
    }
    assert account.isdigit()


def test_the_role_may_what_eks_asks_for_and_no_more(hybrid):
    """Source: EKS user guide, "Prepare credentials for hybrid nodes"."""
    found = actions(hybrid)
    assert set(found) == {
        "eks:DescribeCluster",
        "eks-auth:AssumeRoleForPodIdentity",
        "ssm:DescribeInstanceInformation",
        "ssm:DeregisterManagedInstance",
    }
    cluster = hybrid.one(CLUSTER).outputs["arn"]
    assert found["eks:DescribeCluster"]["Resource"] == cluster
    # It takes those machines away that were activated for this cluster.
    assert found["ssm:DeregisterManagedInstance"]["Condition"] == {
        "StringEquals": {"ssm:resourceTag/EKSClusterARN": cluster}
    }
    assert found["ssm:DeregisterManagedInstance"]["Resource"].endswith(":managed-instance/*")
    assert managed(hybrid) == {
        "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly",
        "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore",
    }


def test_a_certificate_is_the_node_of_its_own_name(record_settings):
    plan = with_hybrid(record_settings, credentials="roles-anywhere", trustAnchor=ANCHOR)
    trust = json.loads(plan.one("aws:iam/role:Role", "cluster-hybrid-node").inputs["assumeRolePolicy"])
    assert {each["Principal"]["Service"] for each in trust["Statement"]} == {"rolesanywhere.amazonaws.com"}
    assert all(each["Condition"]["ArnEquals"] == {"aws:SourceArn": ANCHOR} for each in trust["Statement"])
    (assume,) = [each for each in trust["Statement"] if each["Action"] == "sts:AssumeRole"]
    assert assume["Condition"]["StringEquals"] == {"sts:RoleSessionName": "${aws:PrincipalTag/x509Subject/CN}"}
    assert not [action for action in actions(plan) if action.startswith("ssm:")]
    assert managed(plan) == {"arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"}


def opened(plan: Plan) -> set[tuple[str, str, int, int]]:
    rules = [each.inputs for each in plan.of_type(RULE) if each.name.startswith("cluster-hybrid-")]
    (group,) = {each["securityGroupId"] for each in rules}
    assert group == plan.one(CLUSTER).outputs["vpcConfig"]["clusterSecurityGroupId"]
    return {(each["cidrIpv4"], each["ipProtocol"], each["fromPort"], each["toPort"]) for each in rules}


def test_machines_reach_the_api_server_and_pods_the_dns(hybrid):
    assert opened(hybrid) == {
        (MACHINES, "tcp", 443, 443),
        (PODS, "tcp", 443, 443),
        (PODS, "udp", 53, 53),
        (PODS, "tcp", 53, 53),
    }


def test_pods_behind_their_machines_ask_for_names_from_there(record_settings):
    assert opened(with_hybrid(record_settings)) == {
        (MACHINES, "tcp", 443, 443),
        (MACHINES, "udp", 53, 53),
        (MACHINES, "tcp", 53, 53),
    }


def test_every_private_subnet_has_the_way_there(hybrid):
    attachment = hybrid.one(ATTACHMENT)
    private = {each.id for each in hybrid.of_type("aws:ec2/subnet:Subnet") if "-private-" in each.name}
    assert set(attachment.inputs["subnetIds"]) == private
    assert len(private) == 2
    routes = [each for each in hybrid.of_type(ROUTE) if each.inputs.get("transitGatewayId")]
    tables = {
        each.inputs["routeTableId"]
        for each in hybrid.of_type("aws:ec2/routeTableAssociation:RouteTableAssociation")
        if each.inputs["subnetId"] in private
    }
    there = {(each.inputs["routeTableId"], each.inputs["destinationCidrBlock"]) for each in routes}
    assert there == {(table, cidr) for table in tables for cidr in (MACHINES, PODS)}
    # AWS refuses a route to a gateway that the VPC is not attached to.
    assert all(attachment.urn in route.dependencies for route in routes)
    assert {each.inputs["transitGatewayId"] for each in routes} == {"tgw-0123456789abcdef0"}


def test_without_a_gateway_the_routes_are_the_users(record_settings):
    plan = with_hybrid(record_settings)
    assert not plan.of_type(ATTACHMENT)
    assert not [each for each in plan.of_type(ROUTE) if each.inputs.get("transitGatewayId")]
    assert any(f"routes to {MACHINES}" in warning for warning in plan.outputs["warnings"])


def test_aws_takes_every_request(hybrid, record_settings):
    certificates = with_hybrid(record_settings, credentials="roles-anywhere", trustAnchor=ANCHOR)
    for plan in (hybrid, certificates):
        ours = [each for each in plan if each.type in {CLUSTER, RULE, ROUTE, ATTACHMENT} or "hybrid" in each.name]
        aws = [each for each in ours if each.package == "aws"]
        assert len(aws) > 10
        assert [problem for each in aws for problem in problems(each)] == []


def test_the_attachment_is_priced(hybrid):
    """5 cents an hour in us-east-1 (AWS's price list as infracost has it)."""
    (line,) = [each for each in cost(hybrid).lines if "transit gateway" in each.item]
    assert line.item == "1 x transit gateway attachment"
    assert "traffic through the transit gateway" in cost(hybrid).by_use
