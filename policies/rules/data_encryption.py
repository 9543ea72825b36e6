"""Data is encrypted where it lies, with a key of the stack, and on its way."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from policies.around import Around
from policies.model import Fault, rule
from policies.values import Inputs
from slipway.plan.bill.types import BUCKET, DATABASE, EFS, LUSTRE, QUEUE, TOPIC
from slipway.plan.machines import INSTANCE
from slipway.plan.model import Resource

BUCKET_ENCRYPTION: Final = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
BUCKET_LOGGING: Final = "aws:s3/bucketLogging:BucketLogging"
OBJECTS: Final = ("aws:s3/bucketObject:BucketObject", "aws:s3/bucketObjectv2:BucketObjectv2")
BALANCER: Final = "aws:lb/loadBalancer:LoadBalancer"
CLASS: Final = "kubernetes:storage.k8s.io/v1:StorageClass"
DATABASE_CLUSTER: Final = "aws:rds/cluster:Cluster"
KEYS: Final = ("aws:kms/key:Key", "aws:kms/replicaKey:ReplicaKey", "aws:kms/alias:Alias")


def _always(_: Inputs) -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class _Sealed:
    """How a type is told to encrypt: inputs that must have a value, and the input with its key.

    Attributes:
        key: Path of the key's ARN; `*` stands for each item of a list.
        on: Paths, and the values that are right there.
        where: The others are encrypted without being told, or hold nothing.
    """

    key: str = ""
    on: Mapping[str, tuple[object, ...]] = field(default_factory=dict)
    where: Callable[[Inputs], bool] = _always


def _persistent(inputs: Inputs) -> bool:
    """FSx encrypts SCRATCH with a key of its own; other file systems take one of ours."""
    return not str(inputs.get("deploymentType", "SCRATCH_1")).startswith("SCRATCH")


def _bought(inputs: Inputs) -> bool:
    """EC2 launches spot instances through a role of its own, which has no grant (docs/decisions/0004)."""
    return bool(inputs.get("instanceMarketOptions.marketType") != "spot")


def _managed(inputs: Inputs) -> bool:
    return bool(inputs.get("manageMasterUserPassword"))


def _insights(inputs: Inputs) -> bool:
    return bool(inputs.get("performanceInsightsEnabled"))


def _by_ebs(inputs: Inputs) -> bool:
    return inputs.get("provisioner") in ("ebs.csi.aws.com", "ebs.csi.eks.amazonaws.com", "kubernetes.io/aws-ebs")


def _runs_commands(inputs: Inputs) -> bool:
    return inputs.has("configuration.executeCommandConfiguration")


def _secure(inputs: Inputs) -> bool:
    return bool(inputs.get("type") == "SecureString")


_ON: Final = (True, "true")
_DATABASE: Final = (
    _Sealed(key="kmsKeyId", on={"storageEncrypted": _ON}),
    _Sealed(key="masterUserSecretKmsKeyId", where=_managed),
    _Sealed(key="performanceInsightsKmsKeyId", where=_insights),
)
_REPOSITORY: Final = (
    _Sealed(
        key="encryptionConfigurations.*.kmsKey",
        on={"encryptionConfigurations.0.encryptionType": ("KMS", "KMS_DSSE")},
    ),
)
_FSX: Final = (_Sealed(key="kmsKeyId"),)
_SEALED: Final[Mapping[str, tuple[_Sealed, ...]]] = {
    "aws:amp/workspace:Workspace": (_Sealed(key="kmsKeyArn"),),
    "aws:athena/workgroup:Workgroup": (
        _Sealed(
            key="configuration.resultConfiguration.encryptionConfiguration.kmsKeyArn",
            on={
                "configuration.resultConfiguration.encryptionConfiguration.encryptionOption": ("SSE_KMS", "CSE_KMS"),
                "configuration.enforceWorkgroupConfiguration": (True, None),
            },
        ),
    ),
    "aws:backup/vault:Vault": (_Sealed(key="kmsKeyArn"),),
    "aws:cloudwatch/logGroup:LogGroup": (_Sealed(key="kmsKeyId"),),
    "aws:codebuild/project:Project": (_Sealed(key="encryptionKey"),),
    "aws:docdb/cluster:Cluster": (_Sealed(key="kmsKeyId", on={"storageEncrypted": _ON}),),
    "aws:dynamodb/table:Table": (
        _Sealed(key="serverSideEncryption.kmsKeyArn", on={"serverSideEncryption.enabled": _ON}),
    ),
    "aws:ebs/volume:Volume": (_Sealed(key="kmsKeyId", on={"encrypted": _ON}),),
    INSTANCE: (
        _Sealed(on={"rootBlockDevice.encrypted": _ON}),
        _Sealed(key="rootBlockDevice.kmsKeyId", where=_bought),
    ),
    "aws:ecr/repository:Repository": _REPOSITORY,
    "aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate": _REPOSITORY,
    "aws:ecs/cluster:Cluster": (
        _Sealed(key="configuration.executeCommandConfiguration.kmsKeyId", where=_runs_commands),
    ),
    EFS: (_Sealed(key="kmsKeyId", on={"encrypted": _ON}),),
    "aws:elasticache/replicationGroup:ReplicationGroup": (
        _Sealed(key="kmsKeyId", on={"atRestEncryptionEnabled": _ON}),
    ),
    LUSTRE: (_Sealed(key="kmsKeyId", where=_persistent),),
    "aws:fsx/ontapFileSystem:OntapFileSystem": _FSX,
    "aws:fsx/openZfsFileSystem:OpenZfsFileSystem": _FSX,
    "aws:fsx/windowsFileSystem:WindowsFileSystem": _FSX,
    "aws:kinesis/stream:Stream": (_Sealed(key="kmsKeyId", on={"encryptionType": ("KMS",)}),),
    "aws:memorydb/cluster:Cluster": (_Sealed(key="kmsKeyArn"),),
    "aws:msk/cluster:Cluster": (_Sealed(key="encryptionInfo.encryptionAtRestKmsKeyArn"),),
    "aws:neptune/cluster:Cluster": (_Sealed(key="kmsKeyArn", on={"storageEncrypted": _ON}),),
    "aws:opensearch/domain:Domain": (_Sealed(key="encryptAtRest.kmsKeyId", on={"encryptAtRest.enabled": _ON}),),
    DATABASE: _DATABASE,
    DATABASE_CLUSTER: _DATABASE,
    "aws:redshift/cluster:Cluster": (_Sealed(key="kmsKeyId", on={"encrypted": _ON}),),
    "aws:secretsmanager/secret:Secret": (_Sealed(key="kmsKeyId"),),
    TOPIC: (_Sealed(key="kmsMasterKeyId"),),
    "aws:ssm/parameter:Parameter": (_Sealed(key="keyId", where=_secure),),
    CLASS: (_Sealed(key="parameters.kmsKeyId", on={"parameters.encrypted": _ON}, where=_by_ebs),),
}
"""Not here: buckets (data-buckets-encrypted); volumes of nodes and the secrets of EKS, which topic eks judges; types
without such an input (Cognito, Glue's catalogue, Route 53)."""


@rule(
    id="data-encrypted",
    severity="critical",
    title="Everything that holds data is told to encrypt it, with a key of its owner's.",
    why="Most stores cannot be encrypted later: the way back is a copy of all data. With AWS's own keys nobody can say "
    "who reads.",
    fix="pass the data key (the program does, for all of storage, databases, registry, observability and analytics)",
    source="https://docs.aws.amazon.com/prescriptive-guidance/latest/encryption-best-practices/welcome.html",
    key="storage",
    types=(*_SEALED, QUEUE, *OBJECTS),
)
def encrypted(inputs: Inputs, resource: Resource, _: Around) -> Iterator[Fault]:
    """The services' user guides, "Encryption at rest"; which key, and what AWS encrypts alone: docs/decisions/0009."""
    if resource.type == QUEUE:
        # SQS encrypts with its own keys unless told not to; a key of ours is better still.
        if inputs.get("sqsManagedSseEnabled") is False and not inputs.has("kmsMasterKeyId"):
            yield Fault(path="sqsManagedSseEnabled", what="false without kmsMasterKeyId; it must be encrypted")
    elif resource.type in OBJECTS and inputs.get("serverSideEncryption") == "AES256":
        yield Fault(path="serverSideEncryption", what="AES256, in place of the bucket's own key")
    for sealed in _SEALED.get(resource.type, ()):
        if sealed.where(inputs):
            yield from _unsealed(inputs, sealed)


def _unsealed(inputs: Inputs, sealed: _Sealed) -> Iterator[Fault]:
    for path, right in sealed.on.items():
        found = inputs.get(path)
        if found not in right:
            yield Fault(path=path, what=f"{_said(found)}; it must be {_said(right[0])}")
            return
    if sealed.key and not any(each.value for each in _each(inputs, sealed.key)):
        yield Fault(path=sealed.key.replace(".*", ""), what="no key; AWS's own would be taken")


def _said(value: object) -> str:
    """A value as a stack file spells it."""
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _each(inputs: Inputs, path: str) -> Iterator[Inputs]:
    """What is at a path, at each item where it has `*`; values may be unknown."""
    holder, many, rest = path.partition(".*.")
    if many:
        yield from (each.at(rest) for each in inputs.each(holder))
    else:
        yield inputs.at(path)


@rule(
    id="data-stack-key",
    severity="high",
    title="The key of stored data is one of the stack's own.",
    why="Data under another stack's key, or another account's, cannot be read on the day that key goes.",
    fix="pass the data key of the stack, which the program makes first (docs/decisions/0009), or name an exception "
    "(policies.exceptions) for a key that others keep",
    source="https://docs.aws.amazon.com/kms/latest/developerguide/deleting-keys.html",
    key="platform",
    types=(*_SEALED, QUEUE, BUCKET_ENCRYPTION),
    scope="stack",
)
def stack_key(inputs: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """KMS developer guide, "Deleting AWS KMS keys"; one key for all data: docs/decisions/0009."""
    for path in _key_paths(resource.type):
        given = any(each.value for each in _each(inputs, path))
        if given and not around.behind(resource, path.partition(".")[0], *KEYS):
            yield Fault(path=path.replace(".*", ""), what="a key that this stack does not make")


def _key_paths(type_: str) -> Iterable[str]:
    if type_ == BUCKET_ENCRYPTION:
        return ("rules.*.applyServerSideEncryptionByDefault.kmsMasterKeyId",)
    if type_ == QUEUE:
        return ("kmsMasterKeyId",)
    return (each.key for each in _SEALED.get(type_, ()) if each.key)


@rule(
    id="data-buckets-encrypted",
    severity="high",
    title="Every bucket encrypts with a KMS key, but those that AWS delivers its logs to.",
    why="With S3's own keys whoever may read the bucket reads all: no key policy stands between, and no trail tells.",
    fix="keep the encryption that the program makes for each of storage.buckets",
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html",
    key="storage",
    types=(BUCKET,),
    scope="stack",
)
def buckets_encrypted(_: Inputs, resource: Resource, around: Around) -> Iterator[Fault]:
    """S3 user guide, "Using server-side encryption with AWS KMS keys".

    Buckets for S3's and load balancers' access logs take S3's own keys only (S3 user guide, "Enabling Amazon S3 server
    access logging"; Application Load Balancers user guide, "Access logs").
    """
    found = around.leading_to(BUCKET_ENCRYPTION, "bucket", resource)
    for each in found:
        for default in Inputs(each.inputs).each("rules"):
            encryption = default.at("applyServerSideEncryptionByDefault")
            algorithm = encryption.get("sseAlgorithm")
            if algorithm in ("aws:kms", "aws:kms:dsse") and encryption.at("kmsMasterKeyId").value:
                return
    if not _takes_logs(resource, around):
        yield Fault(what="no encryption with a KMS key is set for it")


def _takes_logs(bucket: Resource, around: Around) -> bool:
    return bool(
        around.leading_to(BUCKET_LOGGING, "targetBucket", bucket) or around.leading_to(BALANCER, "accessLogs", bucket)
    )
