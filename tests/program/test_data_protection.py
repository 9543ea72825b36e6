"""Everything that holds data is encrypted with the stack's key, protected and backed up: by type, in every plan."""

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

import pytest

from slipway.plan.model import Plan, Resource
from slipway.plan.reach.members import values
from tests.program.conftest import STACK_FILES, planned

KEY: Final = "aws:kms/key:Key"
BUCKET: Final = "aws:s3/bucket:Bucket"
BUCKET_ENCRYPTION: Final = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
BUCKET_VERSIONING: Final = "aws:s3/bucketVersioning:BucketVersioning"
EFS: Final = "aws:efs/fileSystem:FileSystem"
EFS_BACKUP: Final = "aws:efs/backupPolicy:BackupPolicy"
LUSTRE: Final = "aws:fsx/lustreFileSystem:LustreFileSystem"
LUSTRE_LINK: Final = "aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation"
REPOSITORY: Final = "aws:ecr/repository:Repository"
INSTANCE: Final = "aws:ec2/instance:Instance"
TEMPLATE: Final = "aws:ec2/launchTemplate:LaunchTemplate"
CLUSTER: Final = "aws:eks/cluster:Cluster"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A resource in its plan; `kept` is False where the stack file calls it, or the whole stack, disposable."""

    plan: Plan
    resource: Resource
    kept: bool

    @property
    def key(self) -> str:
        """The ARN of the key of all data (docs/decisions/0009)."""
        return str(self.plan.one(KEY, "data").outputs["arn"])

    def input(self, path: str) -> list[Any]:
        return list(values(self.resource.inputs, path))

    def beside(self, type_: str, key: str) -> list[Resource]:
        """The resources of a type that name this one."""
        own = self.resource.id
        return [each for each in self.plan.of_type(type_) if each.inputs.get(key) == own]


Rule = Callable[[Case], bool]


@dataclass(frozen=True, kw_only=True)
class Holding:
    """How a type shows that its data is safe: a rule, or the reason why there is nothing to show."""

    encrypted: Rule | str
    protected: Rule | str
    backed_up: Rule | str

    def faults(self, case: Case) -> Iterator[str]:
        rules = {"encrypted": self.encrypted, "protected": self.protected, "backed up": self.backed_up}
        for what, rule in rules.items():
            # What may go with the stack needs no copy.
            due = case.kept or what != "backed up"
            if not isinstance(rule, str) and due and not rule(case):
                yield f"{case.resource.type} {case.resource.name} is not {what}"


def keyed(*paths: str) -> Rule:
    """Each of these inputs is the key."""
    return lambda case: all(case.input(path) and set(case.input(path)) == {case.key} for path in paths)


def says(path: str, *allowed: Any) -> Rule:
    """The input is there, and each of its values is one of these."""
    return lambda case: bool(case.input(path)) and all(value in allowed for value in case.input(path))


def follows(path: str, *, kept: Any, else_: Any) -> Rule:
    """The input has one value where the data is kept, and another where it is not."""
    return lambda case: case.input(path) == [kept if case.kept else else_]


def every(*rules: Rule) -> Rule:
    return lambda case: all(rule(case) for rule in rules)


def either(*rules: Rule) -> Rule:
    return lambda case: any(rule(case) for rule in rules)


def guarded(case: Case) -> bool:
    """Pulumi refuses to delete it, and leaves it there when the stack goes."""
    return (case.resource.protect, case.resource.retain_on_delete) == (case.kept, case.kept)


def bucket_encrypted(case: Case) -> bool:
    found = [rule for each in case.beside(BUCKET_ENCRYPTION, "bucket") for rule in values(each.inputs, "rules")]
    defaults = [rule["applyServerSideEncryptionByDefault"] for rule in found]
    if case.resource.name == "storage-logs":
        # S3 and load balancers deliver their logs to buckets with S3's own keys only.
        return defaults == [{"sseAlgorithm": "AES256"}]
    return defaults == [{"sseAlgorithm": "aws:kms", "kmsMasterKeyId": case.key}]


def bucket_versioned(case: Case) -> bool:
    found = case.beside(BUCKET_VERSIONING, "bucket")
    return [each.inputs["versioningConfiguration"]["status"] for each in found] == ["Enabled"]


def efs_backed_up(case: Case) -> bool:
    found = case.beside(EFS_BACKUP, "fileSystemId")
    return [each.inputs["backupPolicy"]["status"] for each in found] == ["ENABLED"]


def is_scratch(case: Case) -> bool:
    """For work that can be done again (FSx for Lustre user guide): no key of ours, no backups, to AWS's own rules."""
    return str(case.resource.inputs["deploymentType"]).startswith("SCRATCH")


def exported(case: Case) -> bool:
    """What changes goes to S3, whose buckets are versioned; a linked file system has no backups (FSx user guide)."""
    links = case.beside(LUSTRE_LINK, "fileSystemId")
    events = [set(values(each.inputs, "s3.autoExportPolicy.events")) for each in links]
    return any({"NEW", "CHANGED"} <= each for each in events)


def daily(path: str) -> Rule:
    return lambda case: all(days >= 1 for days in case.input(path)) and bool(case.input(path))


def is_copy(case: Case) -> bool:
    """A repository of mirrored images, which the mirror's build fills again."""
    return re.search(r"/mirror/", str(case.resource.inputs.get("name"))) is not None


def left_behind(case: Case) -> bool:
    """A tenant's repository: who takes the tenant out of the file is not refused, and the images stay."""
    return re.search(r"/tenants/", str(case.resource.inputs.get("name"))) is not None and (
        case.resource.protect,
        case.resource.retain_on_delete,
    ) == (False, case.kept)


def is_spot(case: Case) -> bool:
    return case.input("instanceMarketOptions.marketType") == ["spot"]


def in_own_bucket(case: Case) -> bool:
    """The bucket's own encryption holds, and nothing turns it off."""
    own = {bucket.id for bucket in case.plan.of_type(BUCKET)}
    other = {"serverSideEncryption", "kmsKeyId"} & case.resource.inputs.keys()
    return case.resource.inputs["bucket"] in own and not other


def cluster_encrypted(case: Case) -> bool:
    secrets = case.plan.one(KEY, "cluster-secrets").outputs["arn"]
    config = case.resource.inputs.get("encryptionConfig") or {}
    return config.get("provider") == {"keyArn": secrets} and config.get("resources") == ["secrets"]


BY_BUCKET: Final = Holding(
    encrypted=in_own_bucket,
    protected="made again by the next `up`, and its bucket is protected",
    backed_up="written from the repository",
)
HOLDING: Final[Mapping[str, Holding]] = {
    "aws:amp/workspace:Workspace": Holding(
        encrypted=keyed("kmsKeyArn"),
        protected=guarded,
        backed_up="the service has no backups; it keeps every sample in three zones",
    ),
    "aws:athena/workgroup:Workgroup": Holding(
        encrypted=every(
            keyed("configuration.resultConfiguration.encryptionConfiguration.kmsKeyArn"),
            says("configuration.enforceWorkgroupConfiguration", True),
        ),
        protected=every(guarded, follows("forceDestroy", kept=False, else_=True)),
        backed_up="results are in a bucket of ours, which is versioned",
    ),
    "aws:cloudwatch/logGroup:LogGroup": Holding(
        encrypted=keyed("kmsKeyId"),
        protected="logs are for a limited time anyhow: what must stay longer is exported",
        # Not a backup, but the promise that a log group makes: so many days, neither for ever nor by accident.
        backed_up=daily("retentionInDays"),
    ),
    "aws:codebuild/project:Project": Holding(
        encrypted=keyed("encryptionKey"),
        protected="holds nothing between builds: no artifacts, no cache",
        backed_up="what it builds is in ECR, what it builds from in the repository",
    ),
    "aws:cognito/userPool:UserPool": Holding(
        encrypted="Cognito encrypts with a key of its own",
        protected=every(guarded, follows("deletionProtection", kept="ACTIVE", else_="INACTIVE")),
        backed_up="the service has no backups; accounts can be invited again",
    ),
    INSTANCE: Holding(
        encrypted=every(
            says("rootBlockDevice.encrypted", True),
            # As with nodes (docs/decisions/0004): EC2 launches spot instances through a role of its own.
            either(is_spot, keyed("rootBlockDevice.kmsKeyId")),
        ),
        # Not retained: a machine that nobody knows of costs by the hour. Its disk stays.
        protected=every(
            lambda case: case.resource.protect == (case.kept and not is_spot(case)),
            lambda case: case.input("rootBlockDevice.deleteOnTermination") == [not case.resource.protect],
        ),
        backed_up="what is to last belongs on the shared file systems, which it mounts",
    ),
    TEMPLATE: Holding(
        encrypted=says("blockDeviceMappings.ebs.encrypted", "true"),
        protected="disks of nodes hold images and scratch (docs/decisions/0004)",
        backed_up="disks of nodes hold images and scratch (docs/decisions/0004)",
    ),
    REPOSITORY: Holding(
        encrypted=every(
            says("encryptionConfigurations.encryptionType", "KMS"), keyed("encryptionConfigurations.kmsKey")
        ),
        protected=either(is_copy, every(either(guarded, left_behind), follows("forceDelete", kept=False, else_=True))),
        backed_up="images are built or copied again; ECR keeps them in S3",
    ),
    "aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate": Holding(
        encrypted=every(
            says("encryptionConfigurations.encryptionType", "KMS"), keyed("encryptionConfigurations.kmsKey")
        ),
        protected="the repositories that ECR makes of it hold copies of public images",
        backed_up="the repositories that ECR makes of it hold copies of public images",
    ),
    EFS: Holding(
        encrypted=every(says("encrypted", True), keyed("kmsKeyId")), protected=guarded, backed_up=efs_backed_up
    ),
    CLUSTER: Holding(
        encrypted=cluster_encrypted,
        protected=either(lambda case: not case.kept, says("deletionProtection", True)),
        backed_up="EKS keeps etcd's backups; what is in it comes from this program and from its users' repositories",
    ),
    LUSTRE: Holding(
        encrypted=either(is_scratch, keyed("kmsKeyId")),
        protected=guarded,
        backed_up=either(is_scratch, daily("automaticBackupRetentionDays"), exported),
    ),
    "aws:glue/catalogDatabase:CatalogDatabase": Holding(
        encrypted="the catalogue's encryption is a setting of the whole account; table definitions hold no rows",
        protected=guarded,
        backed_up="the service has no backups; the tables' data is in S3, and definitions are made again by DDL",
    ),
    KEY: Holding(
        encrypted="a key is what encrypts",
        protected=guarded,
        # A key that somebody deletes can be had back for so long.
        backed_up=every(says("deletionWindowInDays", 30), says("enableKeyRotation", True)),
    ),
    "aws:rds/instance:Instance": Holding(
        encrypted=every(
            says("storageEncrypted", True),
            keyed("kmsKeyId", "masterUserSecretKmsKeyId"),
            says("manageMasterUserPassword", True),
            either(
                lambda case: not any(case.input("performanceInsightsEnabled")), keyed("performanceInsightsKmsKeyId")
            ),
        ),
        protected=every(
            guarded,
            follows("deletionProtection", kept=True, else_=False),
            follows("skipFinalSnapshot", kept=False, else_=True),
        ),
        backed_up=every(daily("backupRetentionPeriod"), says("deleteAutomatedBackups", False)),
    ),
    "aws:route53/zone:Zone": Holding(
        encrypted="what is in it is public",
        protected=every(guarded, follows("forceDestroy", kept=False, else_=True)),
        backed_up="its records come from this program and from controllers",
    ),
    BUCKET: Holding(
        encrypted=bucket_encrypted,
        protected=every(guarded, follows("forceDestroy", kept=False, else_=True)),
        backed_up=bucket_versioned,
    ),
    "aws:s3/bucketObject:BucketObject": BY_BUCKET,
    "aws:s3/bucketObjectv2:BucketObjectv2": BY_BUCKET,
    "aws:sns/topic:Topic": Holding(
        encrypted=keyed("kmsMasterKeyId"),
        protected="messages pass through; it keeps none",
        backed_up="messages pass through; it keeps none",
    ),
}
"""Every type that holds data."""

WITHOUT_DATA: Final = (
    "aws:acm/*",
    "aws:amp/alertManagerDefinition:*",
    "aws:amp/ruleGroupNamespace:*",
    "aws:amp/workspaceConfiguration:*",
    "aws:autoscaling/*",
    "aws:budgets/*",
    "aws:sqs/*",  # notices of interruptions, for minutes
    "aws:cloudwatch/dashboard:*",
    "aws:cloudwatch/event*",
    "aws:cloudwatch/logResourcePolicy:*",
    "aws:cloudwatch/metricAlarm:*",
    "aws:cognito/userGroup:*",
    "aws:cognito/userPoolClient:*",
    "aws:cognito/userPoolDomain:*",
    "aws:costexplorer/*",
    "aws:ec2/defaultSecurityGroup:*",
    "aws:ec2/eip:*",
    "aws:ec2/flowLog:*",
    "aws:ec2/internetGateway:*",
    "aws:ec2/natGateway:*",
    "aws:ec2/placementGroup:*",
    "aws:ec2/route*",
    "aws:ec2/securityGroup*",
    "aws:ec2/subnet:*",
    "aws:ec2/vpc:*",
    "aws:ec2/vpcEndpoint:*",
    "aws:ec2transitgateway/vpcAttachment:*",
    "aws:ecr/lifecyclePolicy:*",
    "aws:ecr/pullThroughCacheRule:*",
    "aws:ecr/registry*",
    "aws:ecr/repositoryPolicy:*",
    "aws:ecs/capacityProvider:*",
    "aws:ecs/cluster*",
    "aws:efs/accessPoint:*",
    "aws:efs/backupPolicy:*",
    "aws:efs/fileSystemPolicy:*",
    "aws:efs/mountTarget:*",
    "aws:eks/accessEntry:*",
    "aws:eks/accessPolicyAssociation:*",
    "aws:eks/addon:*",
    "aws:eks/nodeGroup:*",  # its disks are the launch template's
    "aws:eks/podIdentityAssociation:*",
    "aws:emrcontainers/virtualCluster:*",  # its jobs write to S3 and to log groups
    "aws:fsx/dataRepositoryAssociation:*",
    "aws:iam/*",
    "aws:kms/alias:*",
    "aws:lambda/permission:*",
    "aws:lb/*",
    "aws:rds/parameterGroup:*",
    "aws:rds/subnetGroup:*",
    "aws:route53/record:*",
    "aws:s3/bucketLifecycleConfiguration:*",
    "aws:s3/bucketLogging:*",
    "aws:s3/bucketNotification:*",
    "aws:s3/bucketOwnershipControls:*",
    "aws:s3/bucketPolicy:*",
    "aws:s3/bucketPublicAccessBlock:*",
    "aws:s3/bucketServerSideEncryptionConfiguration:*",
    "aws:s3/bucketVersioning:*",
    "aws:scheduler/*",
    "aws:sns/topicPolicy:*",
    "aws:sns/topicSubscription:*",
    "aws:ssm/parameter:*",  # a fingerprint of what a build is made of
    "aws:vpc/*",
)
"""Patterns of the types that hold none."""


def disposable(settings: Any) -> Iterator[str]:
    """The names of all that a stack file calls disposable; the whole stack is the empty name."""
    if settings["platform"].get("disposable"):
        yield ""
    for part in (each for key, each in settings.items() if key != "platform"):
        yield from _disposable(part, "")


def _disposable(part: Any, name: str) -> Iterator[str]:
    if isinstance(part, Mapping):
        if part.get("disposable") or part.get("keepData") is False:
            yield str(part.get("name", name))
        for key, each in part.items():
            yield from _disposable(each, str(key))
    if isinstance(part, list):
        for each in part:
            yield from _disposable(each, name)


def faults(plan: Plan, loose: set[str]) -> list[str]:
    found: list[str] = []
    for type_, holding in HOLDING.items():
        for resource in plan.of_type(type_):
            kept = "" not in loose and not any(
                re.search(rf"(^|[-/]){re.escape(name)}$", resource.name) for name in loose
            )
            found += holding.faults(Case(plan=plan, resource=resource, kept=kept))
    return found


def without_data(type_: str) -> bool:
    return any(fnmatchcase(type_, pattern) for pattern in WITHOUT_DATA)


def test_all_data_is_encrypted_protected_and_backed_up(plan: Plan, settings):
    assert faults(plan, set(disposable(settings))) == []


def test_every_type_is_known_to_hold_data_or_not():
    types = {resource.type for path in STACK_FILES for resource in planned(path) if resource.package == "aws"}
    assert sorted(type_ for type_ in types if type_ not in HOLDING and not without_data(type_)) == []


def test_no_type_is_both():
    assert [type_ for type_ in HOLDING if without_data(type_)] == []


@pytest.mark.parametrize("type_", HOLDING)
def test_what_is_not_shown_has_a_reason(type_):
    holding = HOLDING[type_]
    for rule in (holding.encrypted, holding.protected, holding.backed_up):
        assert callable(rule) or len(rule) > 10


def test_disks_of_pods_are_encrypted_with_the_key(plan: Plan):
    key = plan.one(KEY, "data").outputs["arn"]
    classes = plan.of_type("kubernetes:storage.k8s.io/v1:StorageClass")
    disks = [each.inputs["parameters"] for each in classes if each.inputs["provisioner"] == "ebs.csi.aws.com"]
    assert disks
    assert all((disk["encrypted"], disk["kmsKeyId"]) == ("true", key) for disk in disks)


def test_volumes_of_shared_file_systems_outlive_their_claims(plan: Plan):
    for volume in plan.of_type("kubernetes:core/v1:PersistentVolume"):
        assert volume.inputs["spec"]["persistentVolumeReclaimPolicy"] == "Retain"


ARN = "arn:aws:kms:us-west-2:123456789012:key/data"
SECRETS = "arn:aws:kms:us-west-2:123456789012:key/secrets"
KMS = {"encryptionConfigurations": {"encryptionType": "KMS", "kmsKey": ARN}}


def made(type_: str, name: str = "it", arn: str = "", **inputs: Any) -> Resource:
    urn = f"urn:pulumi:test::slipway::{type_}::{name}"
    return Resource(
        urn=urn, custom=True, id=name, inputs=inputs, outputs={"arn": arn}, protect=True, retain_on_delete=True
    )


SOUND: Final[Mapping[str, tuple[dict[str, Any], tuple[Resource, ...]]]] = {
    "aws:amp/workspace:Workspace": ({"kmsKeyArn": ARN}, ()),
    "aws:athena/workgroup:Workgroup": (
        {
            "configuration": {
                "resultConfiguration": {"encryptionConfiguration": {"kmsKeyArn": ARN}},
                "enforceWorkgroupConfiguration": True,
            },
            "forceDestroy": False,
        },
        (),
    ),
    "aws:cloudwatch/logGroup:LogGroup": ({"kmsKeyId": ARN, "retentionInDays": 30}, ()),
    "aws:codebuild/project:Project": ({"encryptionKey": ARN}, ()),
    "aws:cognito/userPool:UserPool": ({"deletionProtection": "ACTIVE"}, ()),
    INSTANCE: ({"rootBlockDevice": {"encrypted": True, "kmsKeyId": ARN, "deleteOnTermination": False}}, ()),
    TEMPLATE: ({"blockDeviceMappings": [{"ebs": {"encrypted": "true"}}]}, ()),
    REPOSITORY: ({**KMS, "forceDelete": False}, ()),
    "aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate": (KMS, ()),
    EFS: (
        {"encrypted": True, "kmsKeyId": ARN},
        (made(EFS_BACKUP, fileSystemId="it", backupPolicy={"status": "ENABLED"}),),
    ),
    CLUSTER: (
        {"encryptionConfig": {"provider": {"keyArn": SECRETS}, "resources": ["secrets"]}, "deletionProtection": True},
        (),
    ),
    LUSTRE: (
        {"deploymentType": "PERSISTENT_2", "kmsKeyId": ARN},
        (made(LUSTRE_LINK, fileSystemId="it", s3={"autoExportPolicy": {"events": ["NEW", "CHANGED"]}}),),
    ),
    "aws:glue/catalogDatabase:CatalogDatabase": ({}, ()),
    KEY: ({"deletionWindowInDays": 30, "enableKeyRotation": True}, ()),
    "aws:rds/instance:Instance": (
        {
            "storageEncrypted": True,
            "kmsKeyId": ARN,
            "manageMasterUserPassword": True,
            "masterUserSecretKmsKeyId": ARN,
            "deletionProtection": True,
            "skipFinalSnapshot": False,
            "backupRetentionPeriod": 7,
            "deleteAutomatedBackups": False,
        },
        (),
    ),
    "aws:route53/zone:Zone": ({"forceDestroy": False}, ()),
    BUCKET: (
        {"forceDestroy": False},
        (
            made(
                BUCKET_ENCRYPTION,
                bucket="it",
                rules=[{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": ARN}}],
            ),
            made(BUCKET_VERSIONING, bucket="it", versioningConfiguration={"status": "Enabled"}),
        ),
    ),
    "aws:s3/bucketObject:BucketObject": ({"bucket": "other"}, ()),
    "aws:s3/bucketObjectv2:BucketObjectv2": ({"bucket": "other"}, ()),
    "aws:sns/topic:Topic": ({"kmsMasterKeyId": ARN}, ()),
}
"""Of each type one that is as it should be, with what stands beside it. Each input is there because it must be."""
KEYS: Final = (
    made(KEY, "data", ARN, deletionWindowInDays=30, enableKeyRotation=True),
    made(KEY, "cluster-secrets", SECRETS, deletionWindowInDays=30, enableKeyRotation=True),
)


def judged(resource: Resource, *beside: Resource, kept: bool = True) -> list[str]:
    plan = Plan(project="slipway", stack="test", resources=(*KEYS, *beside, resource))
    return list(HOLDING[resource.type].faults(Case(plan=plan, resource=resource, kept=kept)))


def example(type_: str) -> tuple[Resource, tuple[Resource, ...]]:
    inputs, beside = SOUND[type_]
    other = (made(BUCKET, "other"),) if type_.startswith("aws:s3/bucketObject") else ()
    return made(type_, **inputs), (*beside, *other)


def test_every_type_has_its_example():
    assert SOUND.keys() == HOLDING.keys()


@pytest.mark.parametrize("type_", HOLDING)
def test_one_that_is_as_it_should_be_passes(type_):
    resource, beside = example(type_)
    assert judged(resource, *beside) == []


def without(inputs: Any) -> Iterator[Any]:
    """The inputs with each leaf left out in turn."""
    for key, value in inputs.items():
        rest = {other: each for other, each in inputs.items() if other != key}
        nested = value[0] if isinstance(value, list) and value and isinstance(value[0], Mapping) else value
        if isinstance(nested, Mapping):
            for inner in without(nested):
                yield {**rest, key: [inner] if isinstance(value, list) else inner}
        else:
            yield rest


@pytest.mark.parametrize("type_", [type_ for type_, (inputs, _) in SOUND.items() if inputs])
def test_each_of_its_inputs_counts(type_):
    resource, beside = example(type_)
    for inputs in without(
        {key: value for key, value in resource.inputs.items() if key not in ("bucket", "deploymentType")}
    ):
        kept = {key: resource.inputs[key] for key in ("bucket", "deploymentType") if key in resource.inputs}
        assert judged(dataclasses.replace(resource, inputs={**inputs, **kept}), *beside), inputs


@pytest.mark.parametrize("type_", [EFS, LUSTRE, BUCKET, "aws:s3/bucketObject:BucketObject"])
def test_what_stands_beside_it_counts(type_):
    resource, beside = example(type_)
    for gone in beside:
        assert judged(resource, *(each for each in beside if each is not gone)), gone.urn


@pytest.mark.parametrize("type_", [type_ for type_, holding in HOLDING.items() if callable(holding.protected)])
def test_protection_is_for_what_is_kept_and_for_that_alone(type_):
    resource, beside = example(type_)
    if type_ != CLUSTER:  # EKS's own protection stands for Pulumi's
        assert judged(dataclasses.replace(resource, protect=False), *beside)
        assert judged(resource, *beside, kept=False)


def test_a_tenants_repository_stays_though_nothing_refuses_to_take_it_out():
    guarded_one, _ = example(REPOSITORY)
    kept = dataclasses.replace(guarded_one, protect=False, inputs={**guarded_one.inputs, "name": "ml/tenants/vision"})
    assert judged(kept) == []
    assert judged(dataclasses.replace(kept, retain_on_delete=False))
    assert judged(dataclasses.replace(kept, inputs={**kept.inputs, "name": "ml/vision"}))
    assert judged(dataclasses.replace(kept, inputs={**kept.inputs, "forceDelete": True}))
    gone = dataclasses.replace(kept, retain_on_delete=False, inputs={**kept.inputs, "forceDelete": True})
    assert judged(gone, kept=False) == []


def test_another_key_is_not_ours():
    resource, beside = example(EFS)
    assert judged(dataclasses.replace(resource, inputs={**resource.inputs, "kmsKeyId": SECRETS}), *beside)


def test_only_what_the_stack_file_calls_disposable_is():
    settings = {
        "platform": {"disposable": False},
        "storage": {
            "lustre": [{"name": "a", "disposable": True}, {"name": "b"}],
            "buckets": {"data": {"disposable": True}},
        },
        "databases": [{"name": "c", "disposable": True}],
        "tenants": {"d": {"keepData": False}, "e": {"keepData": True}, "f": {}},
    }
    assert set(disposable(settings)) == {"a", "data", "c", "d"}
    assert "" in set(disposable({"platform": {"disposable": True}}))
