"""Which request creates which resource, and where the resource's inputs go in it.

A new type is one entry of `CALLS`, or of `NO_CALL` with the reason, here or in the part's own table. An input goes to
the member of its own name, whatever its case or number; `names` says where else, as a path through
structures and lists.
"""

from collections.abc import Mapping
from typing import Final

from tests.contract import aws_calls_analytics as analytics
from tests.contract import aws_calls_database as database
from tests.contract import aws_calls_edge as edge
from tests.contract import aws_calls_karpenter as karpenter
from tests.contract import aws_calls_observability as observability
from tests.contract import aws_calls_registry as registry
from tests.contract import aws_calls_workstation as workstation
from tests.contract.aws_call import Call, autoname, bucket_call, group_rule, tagged

_TOKEN: Final = "terraform-20261122190000000000000001"
"""What the provider makes by itself, of no resource's name (terraform-plugin-sdk, id.UniqueId)."""

_OWN: Final[Mapping[str, tuple[Call, ...]]] = {
    "aws:autoscaling/tag:Tag": (
        Call(
            api="autoscaling.CreateOrUpdateTags",
            names={"tag": "Tags", "autoscalingGroupName": "Tags.ResourceId"},
            given={"Tags.ResourceType": "auto-scaling-group"},
        ),
    ),
    "aws:cloudwatch/logGroup:LogGroup": (
        Call(api="logs.CreateLogGroup", names={"name": "logGroupName"}),
        Call(
            api="logs.PutRetentionPolicy",
            only=("retentionInDays",),
            given={"logGroupName": lambda resource: resource.inputs["name"]},
        ),
    ),
    "aws:ec2/eip:Eip": (Call(api="ec2.AllocateAddress", **tagged("elastic-ip")),),
    "aws:ec2/flowLog:FlowLog": (
        Call(
            api="ec2.CreateFlowLogs",
            names={"tags": "TagSpecifications.Tags", "iamRoleArn": "DeliverLogsPermissionArn", "vpcId": "ResourceIds"},
            given={"TagSpecifications.ResourceType": "vpc-flow-log", "ResourceType": "VPC"},
        ),
    ),
    "aws:ec2/internetGateway:InternetGateway": (
        Call(api="ec2.CreateInternetGateway", **tagged("internet-gateway")),
        Call(api="ec2.AttachInternetGateway", only=("vpcId",), given={"InternetGatewayId": "igw-0123456789abcdef0"}),
    ),
    "aws:ec2/launchTemplate:LaunchTemplate": (
        Call(
            api="ec2.CreateLaunchTemplate",
            inner="LaunchTemplateData",
            names={
                "description": "VersionDescription",
                "tags": "TagSpecifications.Tags",
                "vpcSecurityGroupIds": "LaunchTemplateData.SecurityGroupIds",
                "networkInterfaces.securityGroups": "Groups",
            },
            given={"TagSpecifications.ResourceType": "launch-template", "LaunchTemplateName": autoname},
        ),
    ),
    "aws:ec2/natGateway:NatGateway": (Call(api="ec2.CreateNatGateway", **tagged("natgateway")),),
    "aws:ec2/placementGroup:PlacementGroup": (
        Call(
            api="ec2.CreatePlacementGroup",
            names={"tags": "TagSpecifications.Tags"},
            given={"TagSpecifications.ResourceType": "placement-group", "GroupName": autoname},
        ),
    ),
    "aws:ec2/route:Route": (Call(api="ec2.CreateRoute"),),
    "aws:ec2/routeTable:RouteTable": (Call(api="ec2.CreateRouteTable", **tagged("route-table")),),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": (Call(api="ec2.AssociateRouteTable"),),
    "aws:ec2/securityGroup:SecurityGroup": (
        Call(
            api="ec2.CreateSecurityGroup",
            names={"tags": "TagSpecifications.Tags"},
            given={"TagSpecifications.ResourceType": "security-group", "GroupName": autoname},
        ),
    ),
    "aws:ec2/subnet:Subnet": (
        Call(api="ec2.CreateSubnet", **tagged("subnet")),
        Call(
            api="ec2.ModifySubnetAttribute",
            only=("mapPublicIpOnLaunch",),
            names={"mapPublicIpOnLaunch": "MapPublicIpOnLaunch.Value"},
            given={"SubnetId": "subnet-0123456789abcdef0"},
        ),
    ),
    "aws:ec2/vpc:Vpc": (
        Call(api="ec2.CreateVpc", **tagged("vpc")),
        Call(
            api="ec2.ModifyVpcAttribute",
            only=("enableDnsHostnames", "enableDnsSupport"),
            names={key: f"{key}.Value" for key in ("enableDnsHostnames", "enableDnsSupport")},
            given={"VpcId": "vpc-0123456789abcdef0"},
        ),
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": (Call(api="ec2.CreateVpcEndpoint", **tagged("vpc-endpoint")),),
    "aws:ec2transitgateway/vpcAttachment:VpcAttachment": (
        Call(api="ec2.CreateTransitGatewayVpcAttachment", **tagged("transit-gateway-attachment")),
    ),
    "aws:efs/accessPoint:AccessPoint": (Call(api="efs.CreateAccessPoint", given={"ClientToken": _TOKEN}),),
    "aws:efs/backupPolicy:BackupPolicy": (Call(api="efs.PutBackupPolicy"),),
    "aws:efs/fileSystem:FileSystem": (
        Call(api="efs.CreateFileSystem", given={"CreationToken": autoname}),
        Call(
            api="efs.PutLifecycleConfiguration",
            only=("lifecyclePolicies",),
            names={"lifecyclePolicies": "LifecyclePolicies"},
            given={"FileSystemId": "fs-0123456789abcdef0"},
        ),
    ),
    "aws:efs/fileSystemPolicy:FileSystemPolicy": (Call(api="efs.PutFileSystemPolicy"),),
    "aws:efs/mountTarget:MountTarget": (Call(api="efs.CreateMountTarget"),),
    "aws:eks/accessEntry:AccessEntry": (Call(api="eks.CreateAccessEntry"),),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": (Call(api="eks.AssociateAccessPolicy"),),
    "aws:eks/addon:Addon": (
        Call(api="eks.CreateAddon", names={"resolveConflictsOnCreate": "resolveConflicts"}),
        Call(
            api="eks.UpdateAddon",
            only=("resolveConflictsOnUpdate",),
            names={"resolveConflictsOnUpdate": "resolveConflicts"},
            given={key: lambda resource, key=key: resource.inputs[key] for key in ("clusterName", "addonName")},
        ),
        Call(
            api="eks.DeleteAddon",
            only=("preserve",),
            given={key: lambda resource, key=key: resource.inputs[key] for key in ("clusterName", "addonName")},
        ),
    ),
    "aws:eks/cluster:Cluster": (
        Call(
            api="eks.CreateCluster",
            names={"vpcConfig": "resourcesVpcConfig", "enabledClusterLogTypes": "logging.clusterLogging.types"},
            given={"logging.clusterLogging.enabled": True},
        ),
    ),
    "aws:eks/nodeGroup:NodeGroup": (
        Call(
            api="eks.CreateNodegroup",
            names={"nodeRoleArn": "nodeRole", "subnetIds": "subnets"},
            given={"nodegroupName": autoname},
        ),
    ),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": (Call(api="eks.CreatePodIdentityAssociation"),),
    "aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation": (
        Call(api="fsx.CreateDataRepositoryAssociation"),
        Call(
            api="fsx.DeleteDataRepositoryAssociation",
            only=("deleteDataInFilesystem",),
            given={"AssociationId": "dra-0123456789abcdef0"},
        ),
    ),
    "aws:fsx/lustreFileSystem:LustreFileSystem": (
        Call(
            api="fsx.CreateFileSystem",
            inner="LustreConfiguration",
            names={
                "dataReadCacheConfiguration.size": "SizeGiB",
                **{
                    key: key[0].upper() + key[1:]
                    for key in (
                        "fileSystemTypeVersion",
                        "kmsKeyId",
                        "securityGroupIds",
                        "storageCapacity",
                        "storageType",
                        "subnetIds",
                        "tags",
                    )
                },
            },
            given={"FileSystemType": "LUSTRE"},
        ),
        Call(
            api="fsx.DeleteFileSystem",
            inner="LustreConfiguration",
            only=("skipFinalBackup",),
            given={"FileSystemId": "fs-0123456789abcdef0"},
        ),
    ),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": (Call(api="iam.CreateOpenIDConnectProvider"),),
    "aws:iam/role:Role": (
        Call(
            api="iam.CreateRole",
            names={"assumeRolePolicy": "AssumeRolePolicyDocument"},
            given={"RoleName": autoname},
        ),
    ),
    "aws:iam/rolePolicy:RolePolicy": (
        Call(
            api="iam.PutRolePolicy",
            names={"role": "RoleName", "policy": "PolicyDocument"},
            given={"PolicyName": autoname},
        ),
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": (
        Call(api="iam.AttachRolePolicy", names={"role": "RoleName"}),
    ),
    "aws:kms/alias:Alias": (Call(api="kms.CreateAlias", names={"name": "AliasName"}),),
    "aws:kms/key:Key": (
        Call(api="kms.CreateKey"),
        Call(
            api="kms.ScheduleKeyDeletion",
            only=("deletionWindowInDays",),
            names={"deletionWindowInDays": "PendingWindowInDays"},
            given={"KeyId": "0"},
        ),
    ),
    "aws:s3/bucket:Bucket": (
        Call(
            api="s3.CreateBucket",
            names={"bucketPrefix": "Bucket"},
            given={"Bucket": lambda resource: resource.inputs["bucketPrefix"] + "0" * 26},
        ),
        Call(api="s3.PutBucketTagging", only=("tags",), names={"tags": "Tagging.TagSet"}, given={"Bucket": autoname}),
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": bucket_call(
        "PutBucketLifecycleConfiguration", "LifecycleConfiguration"
    ),
    "aws:s3/bucketLogging:BucketLogging": bucket_call("PutBucketLogging", "BucketLoggingStatus.LoggingEnabled"),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": bucket_call(
        "PutBucketOwnershipControls", "OwnershipControls"
    ),
    "aws:s3/bucketPolicy:BucketPolicy": bucket_call("PutBucketPolicy", ""),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": bucket_call(
        "PutPublicAccessBlock", "PublicAccessBlockConfiguration"
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": bucket_call(
        "PutBucketEncryption", "ServerSideEncryptionConfiguration"
    ),
    "aws:s3/bucketVersioning:BucketVersioning": bucket_call(
        "PutBucketVersioning", "VersioningConfiguration", versioningConfiguration="VersioningConfiguration"
    ),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": group_rule("AuthorizeSecurityGroupEgress"),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": group_rule("AuthorizeSecurityGroupIngress"),
}
_PARTS: Final = (analytics, database, edge, karpenter, observability, registry, workstation)
CALLS: Final[Mapping[str, tuple[Call, ...]]] = {
    **_OWN,
    **{type_: call for part in _PARTS for type_, call in part.CALLS.items()},
}
NO_CALL: Final[Mapping[str, str]] = {type_: why for part in _PARTS for type_, why in part.NO_CALL.items()} | {
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": "adopts a group that is there: no create call",
}
"""Types without a create call, and why."""
NOT_SENT: Final[Mapping[str, str]] = {key: why for part in _PARTS for key, why in part.NOT_SENT.items()} | {
    "aws:ec2/launchTemplate:LaunchTemplate/updateDefaultVersion": "the provider calls ModifyLaunchTemplate with it",
    "aws:kms/key:Key/enableKeyRotation": "the provider calls EnableKeyRotation, which takes the key alone",
    "aws:s3/bucket:Bucket/forceDestroy": "the provider empties the bucket before it deletes it",
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule/description": "`GROUP_TEXT` is its check",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule/description": "`GROUP_TEXT` is its check",
}
"""Inputs that no request carries, and why."""
