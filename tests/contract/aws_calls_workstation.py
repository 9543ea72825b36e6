"""The requests that create what infra/workstation declares. See `aws_calls`."""

from collections.abc import Mapping
from typing import Final

from tests.contract.aws_call import Call, autoname

CALLS: Final[Mapping[str, tuple[Call, ...]]] = {
    "aws:autoscaling/group:Group": (
        Call(
            api="autoscaling.CreateAutoScalingGroup",
            names={
                "launchTemplate.id": "LaunchTemplateId",
                "protectFromScaleIn": "NewInstancesProtectedFromScaleIn",
            },
            given={
                "AutoScalingGroupName": autoname,
                "VPCZoneIdentifier": lambda resource: ",".join(resource.inputs["vpcZoneIdentifiers"]),
            },
        ),
        Call(api="autoscaling.DeleteAutoScalingGroup", only=("forceDelete",), given={"AutoScalingGroupName": autoname}),
    ),
    "aws:ec2/instance:Instance": (
        Call(
            api="ec2.RunInstances",
            names={
                "ami": "ImageId",
                # With a choice of public address all of these go on the interface.
                "associatePublicIpAddress": "NetworkInterfaces.AssociatePublicIpAddress",
                "subnetId": "NetworkInterfaces.SubnetId",
                "vpcSecurityGroupIds": "NetworkInterfaces.Groups",
                "iamInstanceProfile": "IamInstanceProfile.Name",
                "monitoring": "Monitoring.Enabled",
                "rootBlockDevice": "BlockDeviceMappings.Ebs",
                "tags": "TagSpecifications.Tags",
            },
            given={
                "BlockDeviceMappings.DeviceName": "/dev/xvda",
                "NetworkInterfaces.DeviceIndex": 0,
                "TagSpecifications.ResourceType": "instance",
                "MinCount": 1,
                "MaxCount": 1,
            },
        ),
        Call(
            api="ec2.CreateTags",
            only=("volumeTags",),
            names={"volumeTags": "Tags"},
            given={"Resources": "vol-0123456789abcdef0"},
        ),
    ),
    "aws:ecs/capacityProvider:CapacityProvider": (Call(api="ecs.CreateCapacityProvider", given={"name": autoname}),),
    "aws:ecs/cluster:Cluster": (Call(api="ecs.CreateCluster", given={"clusterName": autoname}),),
    "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders": (
        Call(
            api="ecs.PutClusterCapacityProviders",
            names={
                "clusterName": "cluster",
                "defaultCapacityProviderStrategies": "defaultCapacityProviderStrategy",
            },
        ),
    ),
    "aws:iam/instanceProfile:InstanceProfile": (
        Call(api="iam.CreateInstanceProfile", given={"InstanceProfileName": autoname}),
        Call(
            api="iam.AddRoleToInstanceProfile",
            only=("role",),
            names={"role": "RoleName"},
            given={"InstanceProfileName": autoname},
        ),
    ),
}
NO_CALL: Final[Mapping[str, str]] = {}
NOT_SENT: Final[Mapping[str, str]] = {
    "aws:autoscaling/group:Group/vpcZoneIdentifiers": "sent as one text with commas",
    "aws:autoscaling/group:Group/waitForCapacityTimeout": "how long the provider waits",
}
