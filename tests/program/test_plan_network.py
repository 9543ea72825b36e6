"""The network as planned: room, routes, endpoints, and nothing added to an existing VPC."""

import ipaddress
import json
from pathlib import Path

import pytest

from infra.network.endpoints import ENDPOINTS
from slipway.plan.model import Plan

SUBNET = "aws:ec2/subnet:Subnet"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
ROUTE = "aws:ec2/route:Route"


def by_role(plan: Plan, role: str):
    return [subnet for subnet in plan.of_type(SUBNET) if subnet.name.startswith(f"network-{role}-")]


def test_private_subnets_have_room_for_gpu_nodes(prod: Plan):
    private = by_role(prod, "private")
    assert [subnet.inputs["availabilityZoneId"] for subnet in private] == ["usw2-az1", "usw2-az2", "usw2-az3"]
    assert all(ipaddress.IPv4Network(subnet.inputs["cidrBlock"]).prefixlen <= 19 for subnet in private)


def test_subnets_lie_in_the_vpc_and_not_on_each_other(prod: Plan):
    vpc = ipaddress.IPv4Network(prod.one("aws:ec2/vpc:Vpc").inputs["cidrBlock"])
    subnets = [ipaddress.IPv4Network(subnet.inputs["cidrBlock"]) for subnet in prod.of_type(SUBNET)]
    assert all(subnet.subnet_of(vpc) for subnet in subnets)
    assert not any(a.overlaps(b) for i, a in enumerate(subnets) for b in subnets[i + 1 :])


def test_subnets_tell_load_balancers_which_they_may_use(prod: Plan):
    assert all(subnet.inputs["tags"]["kubernetes.io/role/internal-elb"] == "1" for subnet in by_role(prod, "private"))
    assert all(subnet.inputs["tags"]["kubernetes.io/role/elb"] == "1" for subnet in by_role(prod, "public"))


def test_each_zone_leaves_by_its_own_nat(prod: Plan):
    nats = {nat.id: nat for nat in prod.of_type("aws:ec2/natGateway:NatGateway")}
    subnets = {subnet.id: subnet.inputs["availabilityZoneId"] for subnet in prod.of_type(SUBNET)}
    for subnet in by_role(prod, "private"):
        zone = subnet.inputs["availabilityZoneId"]
        nat = nats[prod.one(ROUTE, f"network-private-{zone}").inputs["natGatewayId"]]
        assert subnets[nat.inputs["subnetId"]] == zone


def test_a_single_nat_serves_all_zones(dev: Plan):
    (nat,) = dev.of_type("aws:ec2/natGateway:NatGateway")
    routes = [route for route in dev.of_type(ROUTE) if "natGatewayId" in route.inputs]
    assert len(routes) == 2
    assert {route.inputs["natGatewayId"] for route in routes} == {nat.id}


def test_a_nat_waits_for_the_way_out_and_goes_before_it(prod: Plan):
    """While nodes are drained, controllers still detach volumes and delete load balancers, by calls to AWS."""
    routes = {prod.one(ROUTE, "network-public").urn}
    routes |= {
        each.urn
        for each in prod.of_type("aws:ec2/routeTableAssociation:RouteTableAssociation")
        if each.name.startswith("network-public-")
    }
    assert len(routes) == 4
    assert all(routes <= set(nat.dependencies) for nat in prod.of_type("aws:ec2/natGateway:NatGateway"))


def test_nodes_outlive_no_way_to_aws(private: Plan):
    """Without its one rule an endpoint is there and answers nobody."""
    rule = private.one("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "network-endpoints-https").urn
    needed = {rule, *(endpoint.urn for endpoint in private.of_type(ENDPOINT))}
    assert all(needed <= set(group.dependencies) for group in private.of_type("aws:eks/nodeGroup:NodeGroup"))


def test_s3_is_reached_without_the_nat(plan: Plan, stack_file: Path):
    if "existing" in stack_file.name:
        pytest.skip("an existing VPC has its own endpoints")
    gateway = plan.one(ENDPOINT, "network-s3")
    private = {
        table.id for table in plan.of_type("aws:ec2/routeTable:RouteTable") if table.name.startswith("network-private-")
    }
    assert gateway.inputs["vpcEndpointType"] == "Gateway"
    assert set(gateway.inputs["routeTableIds"]) == private


def test_a_private_cluster_has_no_way_out_and_every_endpoint_it_needs(private: Plan):
    for type_ in (
        "aws:ec2/internetGateway:InternetGateway",
        "aws:ec2/natGateway:NatGateway",
        "aws:ec2/eip:Eip",
        ROUTE,
    ):
        assert private.of_type(type_) == ()
    assert by_role(private, "public") == []
    interfaces = {
        endpoint.inputs["serviceName"].removeprefix("com.amazonaws.us-east-2.")
        for endpoint in private.of_type(ENDPOINT)
        if endpoint.inputs["vpcEndpointType"] == "Interface"
    }
    # EKS user guide, private clusters; autoscaler, storage drivers, Session Manager; what services and the file add.
    assert interfaces == {
        *("ec2", "ecr.api", "ecr.dkr", "eks", "eks-auth", "elasticloadbalancing", "logs", "sts", "kms"),
        *("autoscaling", "fsx", "elasticfilesystem", "ssm", "ssmmessages", "ec2messages"),
        *("monitoring", "secretsmanager", "aps-workspaces", "sns"),
        *("ecs", "ecs-agent", "ecs-telemetry"),
    }
    assert interfaces <= set(ENDPOINTS)
    subnets = {subnet.id for subnet in by_role(private, "private")}
    for endpoint in private.of_type(ENDPOINT):
        if endpoint.inputs["vpcEndpointType"] == "Interface":
            assert endpoint.inputs["privateDnsEnabled"] is True
            assert set(endpoint.inputs["subnetIds"]) == subnets


def test_endpoints_let_in_https_from_the_vpc_alone(private: Plan):
    group = private.one("aws:ec2/securityGroup:SecurityGroup", "network-endpoints")
    (rule,) = [
        rule
        for rule in private.of_type("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
        if rule.inputs["securityGroupId"] == group.id
    ]
    assert (rule.inputs["ipProtocol"], rule.inputs["fromPort"], rule.inputs["toPort"]) == ("tcp", 443, 443)
    assert rule.inputs["cidrIpv4"] == private.one("aws:ec2/vpc:Vpc").inputs["cidrBlock"]


def test_nodes_wait_for_the_way_to_aws(plan: Plan, stack_file: Path):
    if "existing" in stack_file.name:
        pytest.skip("an existing VPC has its routes already")
    ways = {
        resource.urn
        for resource in plan.of_type(ENDPOINT, ROUTE, "aws:ec2/routeTableAssociation:RouteTableAssociation")
        if not resource.name.startswith("network-public")
    }
    for group in plan.of_type("aws:eks/nodeGroup:NodeGroup"):
        assert ways <= set(group.dependencies)


def test_an_existing_vpc_gets_nothing_but_security_groups(existing: Plan):
    made = {
        resource.type for resource in existing if resource.package == "aws" and resource.type.startswith("aws:ec2/")
    }
    assert made == {
        "aws:ec2/launchTemplate:LaunchTemplate",
        "aws:ec2/securityGroup:SecurityGroup",
    }
    group = existing.one("aws:eks/nodeGroup:NodeGroup", "b200-use1-az6")
    assert group.inputs["subnetIds"] == ["subnet-0123456789abcdef6"]
    assert existing.one("aws:fsx/lustreFileSystem:LustreFileSystem").inputs["subnetIds"] == "subnet-0123456789abcdef6"


def test_flow_logs_are_written_with_a_role_of_their_own(prod: Plan):
    log = prod.one("aws:ec2/flowLog:FlowLog")
    group = prod.one("aws:cloudwatch/logGroup:LogGroup", "network-flow-logs")
    assert log.inputs["logDestination"] == group.outputs["arn"]
    assert group.inputs["retentionInDays"] == 30
    policy = prod.one("aws:iam/rolePolicy:RolePolicy", "network-flow-logs")
    assert policy.urn in log.dependencies
    actions = {action for each in json.loads(policy.inputs["policy"])["Statement"] for action in each["Action"]}
    # VPC user guide, "IAM role for publishing flow logs to CloudWatch Logs", less logs:CreateLogGroup: a group that the
    # service makes would have no retention, and come back after a destroy.
    assert actions == {
        "logs:CreateLogStream",
        "logs:DescribeLogGroups",
        "logs:DescribeLogStreams",
        "logs:PutLogEvents",
    }


def test_the_role_of_flow_logs_is_taken_for_this_accounts_flow_logs_alone(prod: Plan):
    """VPC user guide, "IAM role for publishing flow logs to CloudWatch Logs"."""
    role = prod.one("aws:iam/role:Role", "network-flow-logs")
    (statement,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
    assert statement["Principal"] == {"Service": "vpc-flow-logs.amazonaws.com"}
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "123456789012"},
        "ArnLike": {"aws:SourceArn": "arn:aws:ec2:us-west-2:123456789012:vpc-flow-log/*"},
    }


def test_a_local_zone_has_nodes_and_nothing_else(record_settings):
    """p6e is sold in a Local Zone alone, where there is no control plane, NAT gateway, endpoint or EFS."""
    plan = record_settings(
        {
            "platform": {"name": "p", "region": "us-east-1", "environment": "t", "owner": "t", "costCenter": "t"},
            "network": {"zones": ["use1-az4", "use1-az6", "use1-dfw2-az1"], "endpoints": ["monitoring"]},
            "nodeGroups": [
                {"name": "system", "system": True, "instanceTypes": ["m7i.large"], "min": 1},
                {
                    "name": "gb200",
                    "instanceTypes": ["p6e-gb200.36xlarge"],
                    "zones": ["use1-dfw2-az1"],
                    "capacity": {"type": "capacity-block", "reservationId": "cr-0123456789abcdef0"},
                    "efa": True,
                },
            ],
            "storage": {"efs": [{"name": "home"}]},
            "addons": {"preset": "training"},
        }
    )
    zones = {subnet.id: subnet.inputs["availabilityZoneId"] for subnet in plan.of_type(SUBNET)}
    local = plan.one(SUBNET, "network-private-use1-dfw2-az1")
    assert plan.one("aws:eks/nodeGroup:NodeGroup", "gb200-use1-dfw2-az1").inputs["subnetIds"] == [local.id]
    assert local.id not in plan.one("aws:eks/cluster:Cluster").inputs["vpcConfig"]["subnetIds"]
    assert local.id not in plan.one(ENDPOINT, "network-monitoring").inputs["subnetIds"]
    assert local.id not in {target.inputs["subnetId"] for target in plan.of_type("aws:efs/mountTarget:MountTarget")}
    nats = {zones[nat.inputs["subnetId"]] for nat in plan.of_type("aws:ec2/natGateway:NatGateway")}
    assert nats == {"use1-az4", "use1-az6"}
    # Its way out is a NAT gateway in the region.
    assert "natGatewayId" in plan.one(ROUTE, "network-private-use1-dfw2-az1").inputs
