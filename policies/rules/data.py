"""Data stays: protected, retained, backed up, versioned, in two zones, its keys and logs kept in order.

What a stack file calls disposable (platform.disposable, or the item's own `disposable`; of a tenant, `keepData: false`)
may go with the stack.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from policies.around import Around
from policies.model import Fault, rule
from policies.values import Inputs
from slipway.plan.bill.types import BUCKET, DATABASE, EFS, KEY, LUSTRE, REPOSITORY
from slipway.plan.machines import INSTANCE
from slipway.plan.model import Resource

VERSIONING: Final = "aws:s3/bucketVersioning:BucketVersioning"
EFS_BACKUP: Final = "aws:efs/backupPolicy:BackupPolicy"
LUSTRE_LINK: Final = "aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation"
DATABASE_CLUSTER: Final = "aws:rds/cluster:Cluster"
LOG_GROUP: Final = "aws:cloudwatch/logGroup:LogGroup"
TABLE: Final = "aws:dynamodb/table:Table"
VOLUME: Final = "kubernetes:core/v1:PersistentVolume"
OTHER_FSX: Final = (
    "aws:fsx/ontapFileSystem:OntapFileSystem",
    "aws:fsx/openZfsFileSystem:OpenZfsFileSystem",
    "aws:fsx/windowsFileSystem:WindowsFileSystem",
)
OTHER_DATABASES: Final = ("aws:docdb/cluster:Cluster", "aws:neptune/cluster:Cluster")
HOLDING: Final = (
    "aws:amp/workspace:Workspace",
    "aws:athena/workgroup:Workgroup",
    "aws:backup/vault:Vault",
    "aws:cognito/userPool:UserPool",
    TABLE,
    "aws:ebs/volume:Volume",
    INSTANCE,
    EFS,
    "aws:elasticache/replicationGroup:ReplicationGroup",
    LUSTRE,
    *OTHER_FSX,
    "aws:glue/catalogDatabase:CatalogDatabase",
    KEY,
    "aws:memorydb/cluster:Cluster",
    "aws:msk/cluster:Cluster",
    *OTHER_DATABASES,
    "aws:opensearch/domain:Domain",
    DATABASE,
    DATABASE_CLUSTER,
    "aws:redshift/cluster:Cluster",
    "aws:route53/zone:Zone",
    BUCKET,
)
"""Types whose data goes when they go. Not ECR repositories: ECR refuses to delete one with images, unless it is told to
(data-retained)."""


def _is_spot(inputs: Inputs) -> bool:
    """What EC2 may take back at any time keeps nothing."""
    return bool(inputs.get("instanceMarketOptions.marketType") == "spot")


def _is_replica(inputs: Inputs) -> bool:
    """A copy of a database, which holds nothing of its own."""
    return inputs.has("replicateSourceDb") or inputs.has("replicationSourceIdentifier")


def _is_scratch(inputs: Inputs) -> bool:
    """FSx for Lustre user guide: SCRATCH is for work that can be done again; FSx takes no backups of it."""
    return str(inputs.get("deploymentType", "SCRATCH_1")).startswith("SCRATCH")


@rule(
    id="data-protected",
    severity="critical",
    title="Pulumi refuses to delete what holds data.",
    why="A wrong name in a pull request, or a replacement that nobody read, deletes the data with the next `up`.",
    fix="keep `protect` on (the program sets it); where the data may go set `disposable: true` at the item (storage, "
    "databases, workstation), or platform.disposable",
    source="https://www.pulumi.com/docs/iac/concepts/resources/options/protect/",
    key="platform",
    types=HOLDING,
)
def protected(inputs: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """Pulumi, resource option `protect`."""
    if resource.protect or not around.environment.keeps(resource):
        return
    if resource.type == INSTANCE and _is_spot(inputs):
        return
    yield Fault(path="protect", what="false; it must be true")


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """One input that must be so. `default` is AWS's, or the provider's, where nothing is said."""

    path: str
    good: Callable[[Any], bool]
    must: str
    default: Any


def _is(path: str, value: Any, *, default: Any) -> _Asked:  # noqa: ANN401  # any scalar
    return _Asked(path=path, good=lambda found: found == value, must=f"it must be {_told(value)}", default=default)


def _at_least(path: str, least: int, *, default: int) -> _Asked:
    return _Asked(
        path=path,
        good=lambda found: isinstance(found, int) and found >= least,
        must=f"it must be {least} or more",
        default=default,
    )


def _told(value: Any) -> str:  # noqa: ANN401  # any scalar
    return str(value).lower() if isinstance(value, bool) else str(value)


_LAST_SNAPSHOT: Final = (
    _is("deletionProtection", True, default=False),
    _is("skipFinalSnapshot", False, default=False),
)
_RETAINED: Final[Mapping[str, tuple[_Asked, ...]]] = {
    "aws:athena/workgroup:Workgroup": (_is("forceDestroy", False, default=False),),
    "aws:backup/vault:Vault": (_is("forceDestroy", False, default=False),),
    "aws:cognito/userPool:UserPool": (_is("deletionProtection", "ACTIVE", default="INACTIVE"),),
    "aws:docdb/cluster:Cluster": _LAST_SNAPSHOT,
    TABLE: (_is("deletionProtectionEnabled", True, default=False),),
    INSTANCE: (
        _is("rootBlockDevice.deleteOnTermination", False, default=True),
        _is("disableApiTermination", True, default=False),
    ),
    REPOSITORY: (_is("forceDelete", False, default=False),),
    LUSTRE_LINK: (_is("deleteDataInFilesystem", False, default=False),),
    # The longest, and what AWS takes unless told: a key that is deleted by mistake can be had back for so long.
    KEY: (_at_least("deletionWindowInDays", 30, default=30),),
    "aws:neptune/cluster:Cluster": _LAST_SNAPSHOT,
    DATABASE: (*_LAST_SNAPSHOT, _is("deleteAutomatedBackups", False, default=True)),
    DATABASE_CLUSTER: (*_LAST_SNAPSHOT, _is("deleteAutomatedBackups", False, default=True)),
    "aws:redshift/cluster:Cluster": (_is("skipFinalSnapshot", False, default=False),),
    "aws:route53/zone:Zone": (_is("forceDestroy", False, default=False),),
    BUCKET: (_is("forceDestroy", False, default=False),),
    # 7 is the least that Secrets Manager takes; 0 deletes at once.
    "aws:secretsmanager/secret:Secret": (_at_least("recoveryWindowInDays", 7, default=30),),
    VOLUME: (_is("spec.persistentVolumeReclaimPolicy", "Retain", default="Retain"),),
}


@rule(
    id="data-retained",
    severity="critical",
    title="AWS itself refuses to delete stores with their data, or keeps a last snapshot.",
    why="Pulumi's protection is one line of code; these settings still hold when somebody deletes by the console.",
    fix="leave the inputs as the program sets them; where the data may go set `disposable: true` at the item (storage, "
    "databases, registry, workstation)",
    source="https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_DeleteInstance.html",
    key="storage",
    types=tuple(_RETAINED),
)
def retained(inputs: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """RDS user guide, "Deleting a DB instance"; KMS developer guide, "Deleting AWS KMS keys"; defaults: AWS's."""
    if not around.environment.keeps(resource) or _holds_copies(inputs, resource):
        return
    for asked in _RETAINED.get(resource.type, ()):
        found = inputs.get(asked.path, asked.default)
        if not asked.good(found):
            yield Fault(path=asked.path, what=f"{_told(found)}; {asked.must}")


def _holds_copies(inputs: Inputs, resource: Resource) -> bool:
    """Whether everything in it is elsewhere too: spot machines, replicas, mirrored images."""
    if resource.type == INSTANCE:
        return _is_spot(inputs)
    if resource.type in {DATABASE, DATABASE_CLUSTER}:
        return _is_replica(inputs)
    # infra/registry: the mirror's build fills these again.
    return resource.type == REPOSITORY and "/mirror/" in str(inputs.get("name"))


@rule(
    id="data-backups",
    severity="high",
    title="Every store that can be backed up is.",
    why="Neither encryption nor a second zone brings back what a job has overwritten.",
    fix="set backupDays (databases, storage.lustre), backups (storage.efs), or repositories with export "
    "(storage.lustre); `disposable: true` where the data may go",
    source="https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithAutomatedBackups.html",
    key="storage",
    types=(DATABASE, DATABASE_CLUSTER, *OTHER_DATABASES, EFS, LUSTRE, *OTHER_FSX, TABLE),
    scope="stack",
)
def backups(inputs: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """RDS user guide, "Introduction to backups"; EFS user guide, "Backing up EFS file systems"; FSx user guides.

    A linked Lustre file system has no backups: what changes in it must go to S3 (FSx for Lustre user guide, "Using data
    repositories").
    """
    if not around.environment.keeps(resource):
        return
    if resource.type == EFS:
        yield from _efs_backup(resource, around)
    elif resource.type == LUSTRE:
        yield from _lustre_backup(inputs, resource, around)
    elif resource.type == TABLE:
        path = "pointInTimeRecovery.enabled"
        if inputs.get(path, False) is not True:
            yield Fault(path=path, what="false; it must be true")
    else:
        yield from _days_kept(inputs, resource)


def _days_kept(inputs: Inputs, resource: Resource) -> Iterator[Fault]:
    """Days, as inputs have them; AWS's defaults are 0 for an RDS instance and FSx's others, 1 for clusters."""
    if resource.type in {DATABASE, DATABASE_CLUSTER} and _is_replica(inputs):
        return
    path = "automaticBackupRetentionDays" if resource.type in OTHER_FSX else "backupRetentionPeriod"
    days = inputs.get(path, 0 if resource.type == DATABASE or resource.type in OTHER_FSX else 1)
    if not isinstance(days, int) or days < 1:
        yield Fault(path=path, what=f"{days}; backups must be kept for a day or more")


def _efs_backup(resource: Resource, around: Around) -> Iterator[Fault]:
    found = around.leading_to(EFS_BACKUP, "fileSystemId", resource)
    statuses = [Inputs(each.inputs).get("backupPolicy.status") for each in found]
    if "ENABLED" not in statuses:
        yield Fault(what="no backup policy is ENABLED for it")


def _lustre_backup(inputs: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    if _is_scratch(inputs):
        return
    days = inputs.get("automaticBackupRetentionDays", 0)
    if isinstance(days, int) and days >= 1:
        return
    for link in around.leading_to(LUSTRE_LINK, "fileSystemId", resource):
        events = [each.get() for each in Inputs(link.inputs).each("s3.autoExportPolicy.events")]
        if "NEW" in events and "CHANGED" in events:
            return
    yield Fault(path="automaticBackupRetentionDays", what=f"{days}, and no linked bucket gets what is NEW and CHANGED")


@rule(
    id="data-versioned",
    severity="high",
    title="Every bucket keeps the versions that are overwritten or deleted.",
    why="A job that writes to the wrong prefix replaces a dataset; without versions it is gone at once.",
    fix="keep the bucket's BucketVersioning Enabled (the program makes it for each of storage.buckets), or set "
    "`disposable: true` there",
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/Versioning.html",
    key="storage",
    types=(BUCKET,),
    scope="stack",
)
def versioned(inputs: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """S3 user guide, "Retaining multiple versions of objects with S3 Versioning"."""
    if not around.environment.keeps(resource) or inputs.get("versioning.enabled") is True:
        return
    found = around.leading_to(VERSIONING, "bucket", resource)
    statuses = [Inputs(each.inputs).get("versioningConfiguration.status") for each in found]
    if "Enabled" not in statuses:
        yield Fault(what="its versioning is not Enabled")


@rule(
    id="data-multi-az",
    severity="high",
    title="Where the environment asks for it, every database has a standby in another zone.",
    why="A zone that fails takes pipelines, experiments and feature store with it, for hours.",
    fix="set multiAz at the database (databases), or policies.multiAz: false where a standby is not worth its price",
    source="https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.MultiAZSingleStandby.html",
    key="databases",
    types=(DATABASE,),
)
def multi_az(inputs: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """RDS user guide, "Multi-AZ DB instance deployments"."""
    asked = around.environment.policies.multi_az and around.environment.keeps(resource)
    if asked and not _is_replica(inputs) and inputs.get("multiAz", False) is not True:
        yield Fault(path="multiAz", what="false; policies.multiAz asks for true")


@rule(
    id="data-key-rotation",
    severity="medium",
    title="KMS rotates every symmetric key.",
    why="What is encrypted under one key for years is lost at once with it.",
    fix="keep enableKeyRotation on at the key; the program's keys (platform) have it",
    source="https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html",
    key="platform",
    types=(KEY,),
)
def key_rotation(inputs: Inputs, _: Resource, __: Around) -> Iterator[Fault]:
    """KMS developer guide, "Rotate AWS KMS keys": symmetric encryption keys with material of KMS alone."""
    spec = inputs.get("customerMasterKeySpec", "SYMMETRIC_DEFAULT")
    rotatable = spec == "SYMMETRIC_DEFAULT" and not inputs.has("customKeyStoreId")
    if rotatable and inputs.get("enableKeyRotation", False) is not True:
        yield Fault(path="enableKeyRotation", what="false; it must be true")


@rule(
    id="data-log-retention",
    severity="medium",
    title="Every log group says for how many days it keeps its records.",
    why="CloudWatch keeps logs for ever unless told: the bill grows every month, and what must be deleted stays.",
    fix="set retentionDays (cluster.logs, network.flowLogs, observability.logs) or logRetentionDays "
    "(analytics.sagemaker)",
    source="https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/Working-with-log-groups-and-streams.html",
    key="observability",
    types=(LOG_GROUP,),
)
def log_retention(inputs: Inputs, _: Resource, __: Around) -> Iterator[Fault]:
    """CloudWatch Logs user guide, "Working with log groups and log streams": 0, or none, is for ever."""
    if inputs.get("logGroupClass") == "DELIVERY":
        return  # AWS keeps these for two days, whatever is said
    days = inputs.get("retentionInDays", 0)
    if not isinstance(days, int) or days < 1:
        yield Fault(path="retentionInDays", what=f"{days}, which is for ever; give a number of days")
