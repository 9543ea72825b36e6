"""Why it is right that a change escapes the rules: the reasons, by type, path and operator.

The first entry that fits counts. An entry that no change needs fails the full sweep, and so does a change without one.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final, Protocol


class _Change(Protocol):
    @property
    def type(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def operator(self) -> str: ...


@dataclass(frozen=True, kw_only=True)
class Escape:
    """A reason, and the changes that it holds for: patterns of types and paths, and operators (none: all)."""

    reason: str
    types: tuple[str, ...]
    paths: tuple[str, ...]
    operators: tuple[str, ...] = ()


def fits(escape: Escape, change: _Change) -> bool:
    """Whether a reason holds for a kind of change."""
    return (
        any(fnmatchcase(change.type, each) for each in escape.types)
        and any(fnmatchcase(change.path, each) for each in escape.paths)
        and (not escape.operators or change.operator in escape.operators)
    )


def explained(change: _Change) -> Escape | None:
    """The first reason that holds for a kind of change."""
    return next((each for each in ESCAPES if fits(each, change)), None)


_MADE: Final = (
    "What a component makes goes with its key in the stack file alone, and `slipway diff` shows what a change takes "
    "away."
)
_TWICE: Final = (
    "A second one beside the first: of a name that is taken AWS and Kubernetes refuse it, else the plan counts it and "
    "prices it."
)
_NAME: Final = "A name or a description: it opens nothing and costs nothing, and who reads it sees a wrong one."
_TAG: Final = "What a tag says is its owner's: cost-tags asks that those which count are there."
_PLACE: Final = (
    "Which other resource it belongs to: the program passes it on as an output, AWS refuses one that is not there, and "
    "tests/program hold what leads where."
)
_SIZE: Final = (
    "How much, how many or how long: for the user to say; the plan prices it, and cost-ceiling holds the sum."
)
_POLICY: Final = (
    "A policy that already names its actions, resources and principals: what is taken away is refused to its user, and "
    "tests/program and tests/contract hold each grant and its conditions."
)
_ALARM: Final = "What is watched, and from when on it is told: tests/program hold the alarms and the rules of events."
_BUILD: Final = "How an image is built: a wrong build fails, and the image before it stays."
_LOGIN: Final = "How people log in at the edge: a wrong one fails at the first login, and tests/program hold the rest."
_ROUTE: Final = (
    "Addresses, zones and routes: AWS refuses what overlaps or leads nowhere, and the plan draws what reaches what."
)
_OBJECT: Final = "What kind of object it is, or the whole of it: an API server refuses another, or one without."
_CUSTOM: Final = (
    "A field of a custom resource: tests/contract hold it to the real CRD, and what it means to its add-on is held by "
    "that add-on's own tests."
)
_WORKLOAD: Final = (
    "How a pod of ours runs, beside what rules judge (image, requests, priority, privileges): a wrong value keeps it "
    "from starting, and the rollout says so."
)
_CHART: Final = (
    "A value of a chart: tests/contract hold its path to what the real chart renders; rules judge the few that cost "
    "money, data or a night."
)
_RELEASE: Final = "How Helm goes about a release, not what is in it."
_CONFIG: Final = "What a program of its own reads: no rule can know what it means, and its add-on's tests hold it."
_RIGHTS: Final = "What an account may do in the cluster: held, verb by verb, by the tests of the add-on that grants it."
_MESH: Final = "Who may call whom in the mesh, and how: the tests of the add-on hold the whole of each policy."
_QUEUE: Final = "How a queue shares what there is, which is for the user to say; `slipway job` says what a job gets."
_NODE: Final = (
    "How nodes of a group are made, beside what rules judge: AWS refuses what a type cannot have, and no node comes."
)
_STORE: Final = (
    "How a store works, and not who reads it or whether it stays: for the user to say, and the plan prices it."
)
_VOLUME: Final = "How a volume is mounted: with a wrong one the pod does not start."
_PROVIDER: Final = "A provider's own settings: with wrong ones nothing at all is made."
_LABEL: Final = "Labels and annotations: what selects by them is held by the add-on's own tests."
_STANDARD: Final = "A good habit and no more: it costs no money, no data and no night by itself."
_ACCESS: Final = (
    "Who may do how much in the cluster: for the user to say (cluster.access), and tests/program hold what the stack "
    "file says."
)
_PODS: Final = "Whose pods get a role: tests/program hold each namespace and service account to the add-on that has it."
_ADDON: Final = "Which build of an add-on, and how it is set: EKS refuses a build or a setting that it does not know."
_NO_BLOCK: Final = "What is no block of addresses: AWS refuses it."
_POSIX: Final = "As whom an access point writes, and where: tests/program hold the ids and paths of each."
_EMPTY: Final = (
    "A subnet in which nothing of ours is launched: network-private-nodes is for those that hold nodes and data."
)
_INSIDE: Final = (
    "The smallest plan with it has it inside the network: network-load-balancer-logs is for what faces the internet."
)
_LIFE: Final = "What is thrown away, and when: for the user to say, and tests/program hold what the stack file says."


def _of(reason: str, types: str, paths: str, operators: str = "") -> Escape:
    """A reason with patterns that have spaces between them; `-` is the resource as a whole."""
    return Escape(
        reason=reason,
        types=tuple(types.split()),
        paths=tuple("" if each == "-" else each for each in paths.split()),
        operators=tuple(each.replace("_", " ") for each in operators.split()),
    )


ESCAPES: Final[tuple[Escape, ...]] = (
    _of(_TWICE, "*", "-", "twin"),
    _of(_MADE, "*", "-", "gone"),
    # What a wider reason below would cover, and not rightly.
    _of(_ACCESS, "aws:eks/accessEntry:* aws:eks/accessPolicyAssociation:*", "policyArn accessScope* kubernetesG* type"),
    _of(_PODS, "aws:eks/podIdentityAssociation:*", "namespace serviceAccount"),
    _of(_LIFE, "aws:ecr/lifecyclePolicy:*", "policy*"),
    _of(_POSIX, "aws:efs/accessPoint:*", "posixUser* rootDirectory*"),
    # What every type of AWS has.
    _of(_TAG, "aws:*", "tags tags.* tagSpecifications* resourceTags* volumeTags* configurationValues.@.*Tags*"),
    _of(_NAME, "aws:*", "description name alias namePrefix bucketPrefix comment identifier displayName targetId"),
    _of(
        _PLACE,
        "aws:*",
        "vpcId subnetId subnetIds* bucket fileSystemId clusterName roleArn role repository securityGroups* iamRoleArn "
        "vpcSecurityGroupIds* securityGroupIds* workspaceId topic topicArn userPoolId loadBalancerArn listenerArn "
        "zoneId allocationId routeTableId* natGatewayId gatewayId transitGatewayId arn queueUrl targetKeyId "
        "dbSubnetGroupName parameterGroupName monitoringRoleArn serviceRole nodeRoleArn principalArn policyArn "
        "certificateArn vpcZoneIdentifiers* autoscalingGroupName loggingConfiguration* logDestination rule "
        "autoScalingGroupProvider autoScalingGroupProvider.autoScalingGroupArn referencedSecurityGroupId "
        "securityGroupId prefixListId *kmsKeyId *kmsKeyArn *keyArn customRoleArn serviceAccountRoleArn "
        "launchTemplate.id iamInstanceProfile* subnets* targetBucket encryptionKey url clientIdLists*",
    ),
    # Identity.
    _of(
        _POLICY,
        "aws:iam/role*:* aws:kms/key:* aws:*Policy aws:ssm/*",
        "policy policy.@.* assumeRolePolicy assumeRolePolicy.@.* permissionsBoundary",
    ),
    _of(_LIFE, "aws:kms/key:*", "deletionWindowInDays"),
    # What is watched.
    _of(
        _ALARM,
        "aws:cloudwatch/* aws:amp/* aws:budgets/* aws:sns/*",
        "alarm* comparisonOperator datapointsToAlarm dimensions* evaluationPeriods metric* namespace period statistic "
        "threshold treatMissingData definition notifications* costFilters* limit* budgetType timeUnit eventPattern* "
        "scheduleExpression endpoint protocol signatureVersion",
    ),
    _of(_SIZE, "aws:cloudwatch/logGroup:* aws:amp/workspaceConfiguration:*", "retention* logGroupClass"),
    _of(_STANDARD, "aws:ec2/flowLog:*", "logDestinationType trafficType"),
    # Nodes.
    _of(
        _NODE,
        "aws:ec2/launchTemplate:* aws:eks/nodeGroup:* aws:autoscaling/* aws:ec2/instance:*",
        "blockDeviceMappings blockDeviceMappings.# *deviceName *.ebs *iops *throughput *volumeSize "
        "*deleteOnTermination capacityReservationSpecification* imageId ami instance* launchTemplate* "
        "networkInterfaces* placement* updateDefaultVersion userData amiType capacityType labels* nodeRepairConfig* "
        "updateConfig* version rootBlockDevice.volumeType monitoring associatePublicIpAddress forceDelete "
        "waitForCapacityTimeout protectFromScaleIn tag*",
    ),
    _of(
        _NODE, "aws:ec2/*", "metadataOptions.httpEndpoint metadataOptions.*Tags metadataOptions.*Limit", "drop one_more"
    ),
    _of(_NODE, "aws:autoscaling/group:* aws:ec2/instance:*", "-", "ignore_nothing"),
    _of(_SIZE, "aws:eks/nodeGroup:* aws:autoscaling/group:*", "scalingConfig* maxSize minSize desiredCapacity"),
    _of(_SIZE, "aws:ecs/*", "autoScalingGroupProvider.* defaultCapacityProviderStrategies* capacityProviders*"),
    _of(_STANDARD, "aws:ecs/cluster:*", "configuration* settings*"),
    # The control plane.
    _of(_ROUTE, "aws:eks/cluster:*", "kubernetesNetworkConfig* remoteNetworkConfig* vpcConfig.subnetIds*"),
    _of(_NO_BLOCK, "aws:eks/cluster:*", "vpcConfig.publicAccessCidrs.#", "empty star"),
    _of(_ADDON, "aws:eks/addon:*", "addonName addonVersion preserve configurationValues* resolve*"),
    _of(_STANDARD, "aws:eks/cluster:*", "accessConfig* bootstrapSelfManagedAddons enabledClusterLogTypes* version"),
    _of(_STANDARD, "aws:eks/cluster:*", "-", "ignore_nothing"),
    # Networks.
    _of(
        _ROUTE,
        "aws:ec2/* aws:vpc/* aws:ec2transitgateway/* aws:route53/*",
        "cidrBlock availabilityZoneId enableDns* privateDnsEnabled serviceName domain "
        "vpcEndpointType destinationCidrBlock fromPort toPort ipProtocol aliases* records* allowOverwrite ttl type",
    ),
    _of(_EMPTY, "aws:ec2/subnet:*", "mapPublicIpOnLaunch"),
    _of(_ROUTE, "aws:vpc/securityGroupEgressRule:*", "cidrIpv4"),
    _of(_ROUTE, "aws:vpc/securityGroupIngressRule:*", "cidrIpv4", "drop empty other star"),
    _of(_LIFE, "aws:route53/zone:* aws:s3/bucket:* aws:ecr/repository:* aws:athena/workgroup:*", "force*"),
    # The edge.
    _of(_LOGIN, "aws:cognito/* aws:acm/*", "*"),
    _of(
        _LOGIN,
        "aws:lb/listener:* aws:lb/listenerRule:*",
        "defaultActions* actions* conditions* priority port protocol sslPolicy routingHttp*",
    ),
    _of(
        _STANDARD,
        "aws:lb/loadBalancer:*",
        "accessLogs.bucket accessLogs.prefix dropInvalidHeaderFields enableDeletionProtection internal "
        "loadBalancerType",
    ),
    _of(_INSIDE, "aws:lb/loadBalancer:*", "accessLogs accessLogs.enabled", "drop empty flip"),
    _of(_STANDARD, "aws:lb/loadBalancer:*", "-", "unprotect"),
    _of(_SIZE, "aws:lb/*", "idleTimeout deregistrationDelay"),
    _of(_ROUTE, "aws:lb/targetGroup:*", "healthCheck* port protocol targetType"),
    # Images.
    _of(_BUILD, "aws:codebuild/*", "*"),
    _of(_LIFE, "aws:ecr/repositoryCreationTemplate:*", "lifecyclePolicy*"),
    _of(_STANDARD, "aws:ecr/repository:*", "imageScanningConfiguration* imageTagMutability*"),
    _of(_STANDARD, "aws:ecr/repository:*", "-", "unprotect"),
    _of(
        _PLACE,
        "aws:ecr/*",
        "appliedFors* imageTagMutability prefix ecrRepositoryPrefix upstreamRegistryUrl encryption*",
    ),
    # Stores.
    _of(
        _STORE,
        "aws:rds/*",
        "allocatedStorage allowMajorVersionUpgrade applyImmediately auto* backupWindow caCertIdentifier "
        "copyTagsToSnapshot databaseInsightsMode dbName enabledCloudwatchLogsExports* engine* finalSnapshotIdentifier "
        "iamDatabaseAuthenticationEnabled instanceClass m*Window maxAllocatedStorage monitoringInterval multiAz "
        "performanceInsights* port storageType username family parameters* subnetIds* manageMasterUserPassword",
    ),
    _of(_STORE, "aws:rds/* aws:fsx/*", "*ackupRetention*", "one_more ten_times"),
    _of(_STANDARD, "aws:rds/* aws:s3/*", "skipFinalSnapshot", "drop"),
    _of(
        _STORE,
        "aws:fsx/*",
        "dataRepositoryPath batchImport* deleteData* fileSystemPath importedFileChunkSize s3.auto* copyTagsToBackups "
        "dataCompressionType efaEnabled fileSystemTypeVersion skipFinalBackup storageCapacity storageType "
        "deploymentType perUnitStorageThroughput metadataConfiguration*",
    ),
    _of(
        _STORE,
        "aws:efs/*",
        "availabilityZoneName lifecyclePolicies* p*e throughputMode pro*Mibps",
    ),
    _of(_LIFE, "aws:s3/bucketLifecycle*", "rules*"),
    _of(_STANDARD, "aws:s3/bucketServerSide*", "rules.#.bucketKeyEnabled"),
    _of(_CONFIG, "aws:s3/bucketObject* aws:ssm/*", "content* key source insecureValue type"),
    _of(_NAME, "aws:s3/bucketLogging:*", "targetPrefix"),
    _of(_STORE, "aws:sqs/* aws:glue/* aws:athena/* aws:emr*", "message* locationUri configuration* containerProvider*"),
    # Kubernetes: what every kind has.
    _of(_OBJECT, "kubernetes:*", "apiVersion kind metadata spec data", "drop empty star other"),
    _of(_LABEL, "kubernetes:*", "metadata.labels* metadata.annotations*"),
    _of(_NAME, "kubernetes:*", "metadata.name metadata.namespace metadata.generateName description"),
    # Charts.
    _of(_CHART, "kubernetes:helm.sh/*", "values values.*"),
    _of(_RELEASE, "kubernetes:helm.sh/*", "[a-u]* [w-z]* version"),
    # Workloads.
    _of(_WORKLOAD, "kubernetes:apps/* kubernetes:batch/*", "spec.*"),
    _of(_WORKLOAD, "kubernetes:serving.kserve.io/*", "spec.*"),
    _of(_WORKLOAD, "kubernetes:trainer.kubeflow.org/*", "spec.*"),
    _of(_WORKLOAD, "kubernetes:feast.dev/*", "spec.*"),
    _of(_CONFIG, "kubernetes:core/v1:ConfigMap", "data*"),
    _of(_CONFIG, "kubernetes:generators.external-secrets.io/* kubernetes:external-secrets.io/*", "spec.*"),
    _of(_VOLUME, "kubernetes:core/v1:PersistentVolume* kubernetes:storage.k8s.io/* kubernetes:snapshot.*", "*"),
    _of(
        _QUEUE,
        "kubernetes:kueue.x-k8s.io/* kubernetes:scheduling.k8s.io/*",
        "spec.* value globalDefault preemptionPolicy",
    ),
    _of(_QUEUE, "kubernetes:core/v1:LimitRange kubernetes:core/v1:ResourceQuota", "spec.*"),
    _of(_QUEUE, "kubernetes:kubeflow.org/v1:Profile", "spec.*"),
    _of(_NODE, "kubernetes:karpenter.*", "spec.*"),
    _of(_RIGHTS, "kubernetes:rbac.authorization.k8s.io/*", "rules* roleRef* subjects*"),
    _of(
        _MESH,
        "kubernetes:*istio.io/* kubernetes:networking.k8s.io/* kubernetes:gateway.* kubernetes:core/v1:Service "
        "kubernetes:elbv2.k8s.aws/*",
        "spec.*",
    ),
    _of(
        _CUSTOM,
        "kubernetes:monitoring.coreos.com/* kubernetes:cert-manager.io/* kubernetes:kyverno.io/* "
        "kubernetes:kubeflow.org/v1alpha1:* kubernetes:admissionregistration.*",
        "spec.*",
    ),
    _of(_PROVIDER, "pulumi:providers:*", "*"),
)
