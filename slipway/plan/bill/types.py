"""What AWS bills, what it bills by use alone, and what is free, by type."""

from typing import Final

from slipway.plan.fleet import NODE_GROUP
from slipway.plan.machines import AUTO_SCALING_GROUP, INSTANCE

CLUSTER: Final = "aws:eks/cluster:Cluster"
LUSTRE: Final = "aws:fsx/lustreFileSystem:LustreFileSystem"
EFS: Final = "aws:efs/fileSystem:FileSystem"
NAT: Final = "aws:ec2/natGateway:NatGateway"
ADDRESS: Final = "aws:ec2/eip:Eip"
ENDPOINT: Final = "aws:ec2/vpcEndpoint:VpcEndpoint"
TRANSIT: Final = "aws:ec2transitgateway/vpcAttachment:VpcAttachment"
KEY: Final = "aws:kms/key:Key"
BUCKET: Final = "aws:s3/bucket:Bucket"
LOGS: Final = "aws:cloudwatch/logGroup:LogGroup"
ALARM: Final = "aws:cloudwatch/metricAlarm:MetricAlarm"
TOPIC: Final = "aws:sns/topic:Topic"
QUEUE: Final = "aws:sqs/queue:Queue"
PROMETHEUS: Final = "aws:amp/workspace:Workspace"
LOAD_BALANCER: Final = "aws:lb/loadBalancer:LoadBalancer"
ZONE: Final = "aws:route53/zone:Zone"
USER_POOL: Final = "aws:cognito/userPool:UserPool"
WORKGROUP: Final = "aws:athena/workgroup:Workgroup"
GLUE: Final = "aws:glue/catalogDatabase:CatalogDatabase"
EMR: Final = "aws:emrcontainers/virtualCluster:VirtualCluster"
DATABASE: Final = "aws:rds/instance:Instance"
REPOSITORY: Final = "aws:ecr/repository:Repository"
CACHE_RULE: Final = "aws:ecr/pullThroughCacheRule:PullThroughCacheRule"
BUILD: Final = "aws:codebuild/project:Project"
ECS: Final = "aws:ecs/cluster:Cluster"

PRICED: Final = frozenset(
    {
        CLUSTER,
        LUSTRE,
        EFS,
        NAT,
        ADDRESS,
        ENDPOINT,
        TRANSIT,
        KEY,
        BUCKET,
        LOGS,
        ALARM,
        TOPIC,
        QUEUE,
        PROMETHEUS,
        NODE_GROUP,
        DATABASE,
        LOAD_BALANCER,
        ZONE,
        USER_POOL,
        WORKGROUP,
        GLUE,
        EMR,
        ECS,
        INSTANCE,
        AUTO_SCALING_GROUP,
        REPOSITORY,
        CACHE_RULE,
        BUILD,
    }
)
"""Types with a line in the bill, or billed by use."""
FREE: Final = frozenset(
    {
        "aws:acm/certificate:Certificate",
        "aws:acm/certificateValidation:CertificateValidation",
        "aws:amp/alertManagerDefinition:AlertManagerDefinition",
        "aws:amp/workspaceConfiguration:WorkspaceConfiguration",
        "aws:autoscaling/tag:Tag",
        "aws:budgets/budget:Budget",  # without actions, which these have not
        "aws:cloudwatch/eventRule:EventRule",  # AWS's own events on the default bus
        "aws:cloudwatch/eventTarget:EventTarget",
        "aws:cognito/userGroup:UserGroup",
        "aws:cognito/userPoolClient:UserPoolClient",
        "aws:cognito/userPoolDomain:UserPoolDomain",
        "aws:costexplorer/costAllocationTag:CostAllocationTag",
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        "aws:ec2/flowLog:FlowLog",  # what it writes is billed to the log group
        "aws:ec2/internetGateway:InternetGateway",
        "aws:ec2/launchTemplate:LaunchTemplate",
        "aws:ec2/placementGroup:PlacementGroup",
        "aws:ec2/route:Route",
        "aws:ec2/routeTable:RouteTable",
        "aws:ec2/routeTableAssociation:RouteTableAssociation",
        "aws:ec2/securityGroup:SecurityGroup",
        "aws:ec2/securityGroupRule:SecurityGroupRule",
        "aws:ec2/subnet:Subnet",
        "aws:ec2/vpc:Vpc",
        "aws:ecs/capacityProvider:CapacityProvider",
        "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders",
        "aws:ecr/lifecyclePolicy:LifecyclePolicy",
        "aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate",
        "aws:efs/accessPoint:AccessPoint",
        "aws:efs/backupPolicy:BackupPolicy",
        "aws:efs/fileSystemPolicy:FileSystemPolicy",
        "aws:efs/mountTarget:MountTarget",
        "aws:eks/accessEntry:AccessEntry",
        "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
        "aws:eks/addon:Addon",
        "aws:eks/podIdentityAssociation:PodIdentityAssociation",
        "aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation",
        "aws:iam/instanceProfile:InstanceProfile",
        "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
        "aws:iam/policy:Policy",
        "aws:iam/role:Role",
        "aws:iam/rolePolicy:RolePolicy",
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        "aws:kms/alias:Alias",
        "aws:lb/listener:Listener",
        "aws:lb/listenerRule:ListenerRule",
        "aws:lb/targetGroup:TargetGroup",
        "aws:rds/parameterGroup:ParameterGroup",
        "aws:rds/subnetGroup:SubnetGroup",
        "aws:route53/record:Record",
        "aws:s3/bucketObjectv2:BucketObjectv2",  # billed to the bucket
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        "aws:s3/bucketLogging:BucketLogging",
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        "aws:s3/bucketPolicy:BucketPolicy",
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "aws:s3/bucketVersioning:BucketVersioning",
        "aws:sns/topicPolicy:TopicPolicy",
        "aws:sns/topicSubscription:TopicSubscription",
        "aws:sqs/queuePolicy:QueuePolicy",
        "aws:ssm/parameter:Parameter",  # of the standard tier
        "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    }
)
"""Types that AWS does not bill. What is in neither set is listed as having no known price."""

BY_USE: Final = {
    NAT: "NAT gateway traffic",
    ENDPOINT: "interface endpoint traffic",
    TRANSIT: "traffic through the transit gateway",
    EFS: "EFS storage and transfer",
    BUCKET: "S3 storage and requests",
    LOGS: "CloudWatch Logs",
    TOPIC: "SNS notifications",
    QUEUE: "SQS requests",
    PROMETHEUS: "Prometheus samples, storage and queries",
    LOAD_BALANCER: "load balancer capacity units and traffic",
    USER_POOL: "Cognito's monthly active users",
    ZONE: "Route 53 queries",
    LUSTRE: "FSx backups",
    DATABASE: "RDS backups beyond the size of the databases",
    WORKGROUP: "Athena's scanned data",
    GLUE: "Glue catalogue objects and requests over a million",
    REPOSITORY: "ECR storage, and pulls from other regions",
    CACHE_RULE: "ECR storage of cached images",
    BUILD: "CodeBuild minutes",
    EMR: "EMR on EKS, by the vCPU and GB of job pods",
    ECS: "ECS Container Insights",
}
"""Types that are billed by use too, or alone, and what for."""
