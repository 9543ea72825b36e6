"""What EC2 returns: networks, security groups, launch templates.

Shapes: the Describe* calls of the EC2 API as the AWS provider maps them.
"""

from typing import Any, Final

from slipway.rehearsal.answers.request import Answer, Request, Rule, Table
from slipway.wire import Wire


def _made(prefix: str, resource: str, **more: Wire) -> Rule:
    """A tagged EC2 resource whose id has `prefix` and whose ARN names `resource`."""

    def rule(request: Request) -> Answer:
        id_ = request.ids.id(prefix, request.name)
        outputs = {
            "arn": request.ids.arn("ec2", f"{resource}/{id_}"),
            "ownerId": request.ids.account,
            **request.tags,
            **more,
        }
        return Answer(id=id_, outputs=outputs)

    return rule


def _vpc(request: Request) -> Answer:
    id_, ids = request.ids.id("vpc", request.name), request.ids
    outputs = {
        "arn": ids.arn("ec2", f"vpc/{id_}"),
        "ownerId": ids.account,
        "defaultNetworkAclId": ids.id("acl", request.name),
        "defaultRouteTableId": ids.id("rtb", request.name),
        "mainRouteTableId": ids.id("rtb", request.name),
        "defaultSecurityGroupId": ids.id("sg", request.name),
        "dhcpOptionsId": ids.id("dopt", request.name),
        "instanceTenancy": "default",
        "enableDnsSupport": True,
        "enableDnsHostnames": False,
        **request.tags,
    }
    return Answer(id=id_, outputs=outputs)


def _subnet(request: Request) -> Answer:
    id_, ids = request.ids.id("subnet", request.name), request.ids
    zone_id = request.text("availabilityZoneId")
    outputs = {
        "arn": ids.arn("ec2", f"subnet/{id_}"),
        "ownerId": ids.account,
        "mapPublicIpOnLaunch": False,
        **request.tags,
    }
    if zone_id:
        outputs["availabilityZone"] = ids.zone_name(zone_id)
    return Answer(id=id_, outputs=outputs)


def _eip(request: Request) -> Answer:
    id_, ids = request.ids.id("eipalloc", request.name), request.ids
    outputs = {
        "allocationId": id_,
        "arn": ids.arn("ec2", f"elastic-ip/{id_}"),
        "domain": "vpc",
        "publicIp": ids.address(request.name),
        "networkBorderGroup": ids.region,
        "publicIpv4Pool": "amazon",
        **request.tags,
    }
    return Answer(id=id_, outputs=outputs)


def _nat(request: Request) -> Answer:
    ids = request.ids
    outputs = {
        "associationId": ids.id("eipassoc", request.name),
        "networkInterfaceId": ids.id("eni", request.name),
        "privateIp": ids.address(request.name, "10.0"),
        "publicIp": ids.address(request.name),
        "connectivityType": "public",
        **request.tags,
    }
    return Answer(id=ids.id("nat", request.name), outputs=outputs)


def _route(request: Request) -> Answer:
    id_ = f"r-{request.text('routeTableId', request.name)}{request.ids.hex('route', request.name, 10)}"
    return Answer(id=id_, outputs={"origin": "CreateRoute", "state": "active"})


def _association(request: Request) -> Answer:
    return Answer(id=request.ids.id("rtbassoc", request.name))


def _security_group(request: Request) -> Answer:
    id_, ids = request.ids.id("sg", request.name), request.ids
    outputs = {
        "arn": ids.arn("ec2", f"security-group/{id_}"),
        "ownerId": ids.account,
        "name": request.named(),
        "description": "Managed by Pulumi",
        "ingress": [],
        "egress": [],
        **request.tags,
    }
    return Answer(id=id_, outputs=outputs)


def _default_group(request: Request) -> Answer:
    """The group that came with the VPC: adopted, with its rules taken away."""
    id_, ids = request.ids.id("sg", request.name), request.ids
    outputs = {
        "arn": ids.arn("ec2", f"security-group/{id_}"),
        "ownerId": ids.account,
        "name": "default",
        "description": "default VPC security group",
        "ingress": [],
        "egress": [],
        **request.tags,
    }
    return Answer(id=id_, outputs=outputs)


def _rule(request: Request) -> Answer:
    id_ = request.ids.id("sgr", request.name)
    outputs = {
        "arn": request.ids.arn("ec2", f"security-group-rule/{id_}"),
        "securityGroupRuleId": id_,
        **request.tags,
    }
    return Answer(id=id_, outputs=outputs)


def _old_rule(request: Request) -> Answer:
    id_ = request.ids.id("sgr", request.name)
    return Answer(id=id_.replace("sgr-0", "sgrule-"), outputs={"securityGroupRuleId": id_})


def _launch_template(request: Request) -> Answer:
    id_ = request.ids.id("lt", request.name)
    outputs = {
        "arn": request.ids.arn("ec2", f"launch-template/{id_}"),
        "name": request.named(),
        "latestVersion": 1,
        "defaultVersion": 1,
        **request.tags,
    }
    return Answer(id=id_, outputs=outputs)


def _placement_group(request: Request) -> Answer:
    name = request.named()
    outputs = {
        "arn": request.ids.arn("ec2", f"placement-group/{name}"),
        "name": name,
        "placementGroupId": request.ids.id("pg", request.name),
        **request.tags,
    }
    return Answer(id=name, outputs=outputs)


def _endpoint(request: Request) -> Answer:
    id_, ids = request.ids.id("vpce", request.name), request.ids
    outputs: dict[str, Any] = {
        "arn": ids.arn("ec2", f"vpc-endpoint/{id_}"),
        "ownerId": ids.account,
        "requesterManaged": False,
        "state": "available",
        **request.tags,
    }
    if request.text("vpcEndpointType") == "Interface":
        service = request.text("serviceName").rpartition(".")[2]
        subnets = request.inputs.get("subnetIds") or []
        outputs["networkInterfaceIds"] = [ids.id("eni", f"{request.name}-{n}") for n, _ in enumerate(subnets)]
        outputs["dnsEntries"] = [
            {
                "dnsName": f"{id_}.{service}.{ids.region}.vpce.{ids.dns_suffix}",
                "hostedZoneId": f"Z{ids.hex('zone', service, 13).upper()}",
            }
        ]
    else:
        outputs["prefixListId"] = ids.id("pl", request.name)
        outputs["vpcEndpointType"] = "Gateway"
        outputs["cidrBlocks"] = []
    return Answer(id=id_, outputs=outputs)


def _flow_log(request: Request) -> Answer:
    id_ = request.ids.id("fl", request.name)
    outputs = {
        "arn": request.ids.arn("ec2", f"vpc-flow-log/{id_}"),
        "logFormat": "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} "
        "${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${log-status}",
        **request.tags,
    }
    return Answer(id=id_, outputs=outputs)


def _attachment(request: Request) -> Answer:
    id_, ids = request.ids.id("tgw-attach", request.name), request.ids
    outputs = {
        "arn": ids.arn("ec2", f"transit-gateway-attachment/{id_}"),
        "applianceModeSupport": "disable",
        "dnsSupport": "enable",
        "ipv6Support": "disable",
        "securityGroupReferencingSupport": "disable",
        "transitGatewayDefaultRouteTableAssociation": True,
        "transitGatewayDefaultRouteTablePropagation": True,
        "vpcOwnerId": ids.account,
        **request.tags,
    }
    return Answer(id=id_, outputs=outputs)


RESOURCES: Final[Table] = {
    "aws:ec2/vpc:Vpc": _vpc,
    "aws:ec2/subnet:Subnet": _subnet,
    "aws:ec2/internetGateway:InternetGateway": _made("igw", "internet-gateway"),
    "aws:ec2/eip:Eip": _eip,
    "aws:ec2/natGateway:NatGateway": _nat,
    "aws:ec2/routeTable:RouteTable": _made("rtb", "route-table", propagatingVgws=[]),
    "aws:ec2/route:Route": _route,
    "aws:ec2/routeTableAssociation:RouteTableAssociation": _association,
    "aws:ec2/securityGroup:SecurityGroup": _security_group,
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": _default_group,
    "aws:ec2/securityGroupRule:SecurityGroupRule": _old_rule,
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _rule,
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _rule,
    "aws:ec2/launchTemplate:LaunchTemplate": _launch_template,
    "aws:ec2/placementGroup:PlacementGroup": _placement_group,
    "aws:ec2/vpcEndpoint:VpcEndpoint": _endpoint,
    "aws:ec2/flowLog:FlowLog": _flow_log,
    "aws:ec2transitgateway/vpcAttachment:VpcAttachment": _attachment,
}
