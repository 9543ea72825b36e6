"""What AWS returns for the parts of infra/workstation: an instance, an Auto Scaling group, ECS.

Shapes: DescribeInstances, DescribeAutoScalingGroups, and ECS's Describe* calls, as the AWS provider maps them.
"""

from typing import Any, Final

from slipway.rehearsal.answers.request import Answer, Request, Table


def _instance(request: Request) -> Answer:
    id_, ids = request.ids.id("i", request.name), request.ids
    address = ids.address(request.name, "10.0")
    market = request.inputs.get("instanceMarketOptions") or {}
    outputs: dict[str, Any] = {
        "arn": ids.arn("ec2", f"instance/{id_}"),
        "instanceState": "running",
        "privateIp": address,
        "privateDns": f"ip-{address.replace('.', '-')}.{ids.region}.compute.internal",
        "publicIp": "",
        "publicDns": "",
        "primaryNetworkInterfaceId": ids.id("eni", request.name),
        "instanceLifecycle": "spot" if market.get("marketType") == "spot" else "",
        "spotInstanceRequestId": f"sir-{ids.letters('sir', request.name, 8)}" if market else "",
        "tenancy": "default",
        "ebsOptimized": False,
        "sourceDestCheck": True,
        "securityGroups": [],
        **request.tags,
    }
    return Answer(id=id_, outputs=outputs)


def _profile(request: Request) -> Answer:
    name, ids = request.named(), request.ids
    path = request.text("path", "/")
    outputs = {
        "arn": ids.arn("iam", f"instance-profile{path}{name}", regional=False),
        "name": name,
        "path": path,
        "uniqueId": f"AIPA{ids.letters('profile', request.name, 17).upper()}",
        **request.tags,
    }
    return Answer(id=name, outputs=outputs)


def _group(request: Request) -> Answer:
    name, ids = request.named(), request.ids
    uuid = ids.uuid("asg", request.name)
    outputs = {
        "arn": ids.arn("autoscaling", f"autoScalingGroup:{uuid}:autoScalingGroupName/{name}"),
        "name": name,
        "desiredCapacity": request.inputs.get("minSize", 0),
        "defaultCooldown": 300,
        "healthCheckGracePeriod": 300,
        "healthCheckType": "EC2",
    }
    return Answer(id=name, outputs=outputs)


def _cluster(request: Request) -> Answer:
    name, ids = request.named(), request.ids
    arn = ids.arn("ecs", f"cluster/{name}")
    return Answer(id=arn, outputs={"arn": arn, "name": name, **request.tags})


def _capacity_provider(request: Request) -> Answer:
    name, ids = request.named(), request.ids
    arn = ids.arn("ecs", f"capacity-provider/{name}")
    return Answer(id=arn, outputs={"arn": arn, "name": name, **request.tags})


def _providers(request: Request) -> Answer:
    return Answer(id=request.text("clusterName", request.name))


RESOURCES: Final[Table] = {
    "aws:ec2/instance:Instance": _instance,
    "aws:iam/instanceProfile:InstanceProfile": _profile,
    "aws:autoscaling/group:Group": _group,
    "aws:ecs/cluster:Cluster": _cluster,
    "aws:ecs/capacityProvider:CapacityProvider": _capacity_provider,
    "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders": _providers,
}
