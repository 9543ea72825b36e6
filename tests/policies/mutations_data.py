"""How the rules about stored data are broken."""

import base64
import dataclasses
import json
from collections.abc import Callable
from typing import Any

from slipway.plan.model import Plan, Resource
from tests.policies.breaking import DROP, Mutation, added, at, changed, replaced, with_input

Apply = Callable[[Plan], Plan | None]
Where = Callable[[Resource], bool]

BUCKET = "aws:s3/bucket:Bucket"
BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
BUCKET_ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
KEY = "aws:kms/key:Key"
EFS = "aws:efs/fileSystem:FileSystem"
LUSTRE = "aws:fsx/lustreFileSystem:LustreFileSystem"
DATABASE = "aws:rds/instance:Instance"
PARAMETERS = "aws:rds/parameterGroup:ParameterGroup"
INSTANCE = "aws:ec2/instance:Instance"
REPOSITORY = "aws:ecr/repository:Repository"
WORKSPACE = "aws:amp/workspace:Workspace"
WORKGROUP = "aws:athena/workgroup:Workgroup"
USER_POOL = "aws:cognito/userPool:UserPool"
ZONE = "aws:route53/zone:Zone"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
TOPIC = "aws:sns/topic:Topic"
QUEUE = "aws:sqs/queue:Queue"
PROJECT = "aws:codebuild/project:Project"
OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"
PARAMETER = "aws:ssm/parameter:Parameter"
LISTENER = "aws:lb/listener:Listener"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
CLASS = "kubernetes:storage.k8s.io/v1:StorageClass"
VOLUME = "kubernetes:core/v1:PersistentVolume"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
RELEASE = "kubernetes:helm.sh/v3:Release"
STATEFUL_SET = "kubernetes:apps/v1:StatefulSet"
ELSEWHERE = "arn:aws:kms:us-west-2:210987654321:key/0b1c2d3e-0000-4000-8000-000000000000"
# Put together here, so that no scanner of repositories takes them for real.
GITHUB = "ghp_" + "a1B2c3D4e5F6" * 3
PRIVATE_KEY = "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIB\n-----END RSA " + "PRIVATE KEY-----"


def protected(resource: Resource) -> bool:
    """What nothing calls disposable."""
    return resource.protect


def unprotected(type_: str) -> Apply:
    def apply(plan: Plan) -> Plan | None:
        for resource in plan.of_type(type_):
            if resource.protect:
                return replaced(plan, dataclasses.replace(resource, protect=False))
        return None

    return apply


def kept(plan: Plan) -> bool:
    """Whether the plan's data is not disposable as a whole."""
    return plan.one(KEY, "data").protect


def in_kept(apply: Apply) -> Apply:
    """A mutation of what has no protection of its own to tell by."""
    return lambda plan: apply(plan) if kept(plan) else None


def is_ebs(resource: Resource) -> bool:
    return resource.inputs.get("provisioner") == "ebs.csi.aws.com"


def persistent(resource: Resource) -> bool:
    return not str(resource.inputs.get("deploymentType")).startswith("SCRATCH")


def beside(type_: str, property_: str, store: str, change: Callable[[Plan, Resource], Plan], where: Where) -> Apply:
    """A change of what a store's first companion of a type is, for a store that `where` holds for."""

    def apply(plan: Plan) -> Plan | None:
        stores = {each.urn for each in plan.of_type(store) if where(each)}
        for each in plan.of_type(type_):
            if stores & set(each.property_dependencies.get(property_, ())):
                return change(plan, each)
        return None

    return apply


def dropped(type_: str, property_: str, store: str, where: Where = protected) -> Apply:
    """A store's companion is taken out."""

    def drop(plan: Plan, each: Resource) -> Plan:
        return dataclasses.replace(plan, resources=tuple(other for other in plan.resources if other is not each))

    return beside(type_, property_, store, drop, where)


def turned(  # noqa: PLR0917  # companion, store, and the change
    type_: str, property_: str, store: str, path: str, value: Any, where: Where = protected
) -> Apply:
    """One input of a store's companion is changed."""
    return beside(type_, property_, store, lambda plan, each: replaced(plan, with_input(each, path, value)), where)


def foreign(type_: str, path: str, where: Where = lambda _: True) -> Apply:
    """The key is one that nothing of the plan makes."""
    top = path.partition(".")[0]

    def apply(plan: Plan) -> Plan | None:
        for resource in plan.of_type(type_):
            if at(resource.inputs, path) and where(resource):
                behind = {key: found for key, found in resource.property_dependencies.items() if key != top}
                other = with_input(resource, path, ELSEWHERE)
                return replaced(plan, dataclasses.replace(other, property_dependencies=behind))
        return None

    return apply


def plain(type_: str, change: Callable[[list[dict[str, Any]]], object]) -> Apply:
    """The policy of a store, with its statements changed in place."""

    def new(text: str) -> str:
        document = json.loads(text)
        change(document["Statement"])
        return json.dumps(document)

    return changed(type_, "policy", new)


def allowing(found: list[dict[str, Any]]) -> None:
    """Nothing is denied."""
    found[:] = [each for each in found if each["Effect"] == "Allow"] or [
        {
            "Effect": "Allow",
            "Principal": {"Service": "logging.s3.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": found[0]["Resource"],
        }
    ]


def half(found: list[dict[str, Any]]) -> None:
    """Only reading is denied, and only of the bucket."""
    for each in found:
        if each["Effect"] == "Deny":
            each["Action"] = "s3:GetObject"


def some(found: list[dict[str, Any]]) -> None:
    """Only one principal is denied."""
    for each in found:
        if each["Effect"] == "Deny":
            each["Principal"] = {"AWS": "arn:aws:iam::123456789012:role/one"}


def unlinked(plan: Plan) -> Plan | None:
    """A Lustre file system whose changes no longer go to S3."""
    for link in plan.of_type("aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation"):
        behind = link.property_dependencies.get("fileSystemId", ())
        links = [
            each
            for each in plan.of_type(link.type)
            if set(each.property_dependencies.get("fileSystemId", ())) == set(behind)
        ]
        lean = [with_input(each, "s3.autoExportPolicy.events", ["NEW", "DELETED"]) for each in links]
        return replaced(plan, *lean)
    return None


def default_parameters(plan: Plan) -> Plan | None:
    for database in plan.of_type(DATABASE):
        behind = {key: each for key, each in database.property_dependencies.items() if key != "parameterGroupName"}
        bare = with_input(database, "parameterGroupName", DROP)
        return replaced(plan, dataclasses.replace(bare, property_dependencies=behind))
    return None


def parameter(value: Any) -> Apply:
    """What forces TLS gets another value; DROP: it is left out."""

    def apply(plan: Plan) -> Plan | None:
        for group in plan.of_type(PARAMETERS):
            said = [dict(each) for each in group.inputs["parameters"]]
            tls = [each for each in said if each["name"] in ("rds.force_ssl", "require_secure_transport")]
            rest = [each for each in said if each not in tls]
            new = rest if value is DROP else [*rest, *({**each, "value": value} for each in tls)]
            return replaced(plan, with_input(group, "parameters", new))
        return None

    return apply


def env(name: str, value: str) -> Callable[[Any], Any]:
    """One variable more."""
    return lambda found: [*(found or []), {"name": name, "value": value}]


def hidden(text: str) -> Callable[[Any], str]:
    """User data with a line more."""
    return lambda found: base64.b64encode(base64.b64decode(found or "") + f"\n# {text}\n".encode()).decode()


def config_map(**texts: str) -> Apply:
    def apply(plan: Plan) -> Plan | None:
        for each in plan.of_type(CONFIG_MAP):
            if "$kubernetes:kustomize" in each.urn or "$kubernetes:yaml" in each.urn:
                continue
            inputs = {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "extra", "namespace": at(each.inputs, "metadata.namespace")},
                "data": texts,
            }
            return added(plan, each, "extra", inputs=inputs, outputs=inputs)
        return None

    return apply


def set_of_values(path: tuple[str, ...], value: Any) -> Apply:
    return changed(RELEASE, ("values", *path), value, lambda each: isinstance(each.inputs.get("values"), dict))


def _mutations(rule: str, *culprit: str, **cases: Apply) -> tuple[Mutation, ...]:
    return tuple(
        Mutation(rule=rule, name=name.replace("_", " "), apply=apply, culprit=culprit) for name, apply in cases.items()
    )


MUTATIONS = (
    *(
        Mutation(rule="data-protected", name=type_, apply=unprotected(type_), culprit=(type_,))
        for type_ in (
            BUCKET,
            KEY,
            EFS,
            LUSTRE,
            DATABASE,
            INSTANCE,
            WORKSPACE,
            WORKGROUP,
            USER_POOL,
            ZONE,
            "aws:glue/catalogDatabase:CatalogDatabase",
        )
    ),
    *_mutations("data-retained", BUCKET, bucket=changed(BUCKET, "forceDestroy", True, protected)),
    *_mutations(
        "data-retained",
        DATABASE,
        deletion_protection=changed(DATABASE, "deletionProtection", False, protected),
        last_snapshot=changed(DATABASE, "skipFinalSnapshot", True, protected),
        automated_backups=changed(DATABASE, "deleteAutomatedBackups", True, protected),
        automated_backups_by_default=changed(DATABASE, "deleteAutomatedBackups", DROP, protected),
    ),
    *_mutations(
        "data-retained",
        REPOSITORY,
        images=changed(REPOSITORY, "forceDelete", True, lambda each: at(each.inputs, "forceDelete") is False),
    ),
    *_mutations("data-retained", KEY, window=changed(KEY, "deletionWindowInDays", 7, protected)),
    *_mutations("data-retained", USER_POOL, accounts=changed(USER_POOL, "deletionProtection", DROP, protected)),
    *_mutations("data-retained", ZONE, records=changed(ZONE, "forceDestroy", True, protected)),
    *_mutations("data-retained", WORKGROUP, queries=changed(WORKGROUP, "forceDestroy", True, protected)),
    *_mutations(
        "data-retained",
        INSTANCE,
        disk=changed(INSTANCE, "rootBlockDevice.deleteOnTermination", True, protected),
        machine=changed(INSTANCE, "disableApiTermination", False, protected),
    ),
    *_mutations(
        "data-retained",
        VOLUME,
        claim=in_kept(changed(VOLUME, "spec.persistentVolumeReclaimPolicy", "Delete")),
    ),
    *_mutations(
        "data-retained",
        "aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation",
        link=in_kept(
            changed("aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation", "deleteDataInFilesystem", True)
        ),
    ),
    *_mutations(
        "data-backups",
        DATABASE,
        no_days=changed(DATABASE, "backupRetentionPeriod", 0, protected),
        days_by_default=changed(DATABASE, "backupRetentionPeriod", DROP, protected),
    ),
    *_mutations(
        "data-backups",
        EFS,
        policy_dropped=dropped("aws:efs/backupPolicy:BackupPolicy", "fileSystemId", EFS),
        policy_disabled=turned(
            "aws:efs/backupPolicy:BackupPolicy", "fileSystemId", EFS, "backupPolicy.status", "DISABLED"
        ),
    ),
    *_mutations(
        "data-backups",
        LUSTRE,
        lustre_without_days=changed(
            LUSTRE,
            "automaticBackupRetentionDays",
            0,
            lambda each: each.protect and bool(at(each.inputs, "automaticBackupRetentionDays")),
        ),
        lustre_without_export=in_kept(unlinked),
    ),
    *_mutations(
        "data-versioned",
        BUCKET,
        dropped=dropped("aws:s3/bucketVersioning:BucketVersioning", "bucket", BUCKET),
        suspended=turned(
            "aws:s3/bucketVersioning:BucketVersioning", "bucket", BUCKET, "versioningConfiguration.status", "Suspended"
        ),
    ),
    *_mutations(
        "data-multi-az",
        DATABASE,
        # Only prod asks for it.
        one_zone=lambda plan: changed(DATABASE, "multiAz", False)(plan) if plan.stack == "prod" else None,
        one_zone_by_default=lambda plan: changed(DATABASE, "multiAz", DROP)(plan) if plan.stack == "prod" else None,
    ),
    *_mutations(
        "data-key-rotation",
        KEY,
        off=changed(KEY, "enableKeyRotation", False),
        off_by_default=changed(KEY, "enableKeyRotation", DROP),
    ),
    *_mutations(
        "data-log-retention",
        LOG_GROUP,
        for_ever=changed(LOG_GROUP, "retentionInDays", 0),
        for_ever_by_default=changed(LOG_GROUP, "retentionInDays", DROP),
    ),
    *(
        Mutation(
            rule="data-encrypted", name=f"{type_}: {path}", apply=changed(type_, path, DROP, where), culprit=(type_,)
        )
        for type_, path, where in (
            (EFS, "kmsKeyId", lambda _: True),
            (LUSTRE, "kmsKeyId", persistent),
            (DATABASE, "kmsKeyId", lambda _: True),
            (DATABASE, "masterUserSecretKmsKeyId", lambda _: True),
            (
                DATABASE,
                "performanceInsightsKmsKeyId",
                lambda each: bool(each.inputs.get("performanceInsightsEnabled")),
            ),
            (REPOSITORY, "encryptionConfigurations.0.kmsKey", lambda _: True),
            (REPOSITORY, "encryptionConfigurations", lambda _: True),
            (
                "aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate",
                "encryptionConfigurations",
                lambda _: True,
            ),
            (WORKSPACE, "kmsKeyArn", lambda _: True),
            (WORKGROUP, "configuration.resultConfiguration.encryptionConfiguration", lambda _: True),
            (LOG_GROUP, "kmsKeyId", lambda _: True),
            (PROJECT, "encryptionKey", lambda _: True),
            (INSTANCE, "rootBlockDevice.kmsKeyId", lambda each: "instanceMarketOptions" not in each.inputs),
            (TOPIC, "kmsMasterKeyId", lambda _: True),
            ("aws:ecs/cluster:Cluster", "configuration.executeCommandConfiguration.kmsKeyId", lambda _: True),
            (CLASS, "parameters.kmsKeyId", is_ebs),
            (CLASS, "parameters.encrypted", is_ebs),
        )
    ),
    *_mutations("data-encrypted", EFS, in_plain=changed(EFS, "encrypted", False)),
    *_mutations("data-encrypted", DATABASE, in_plain=changed(DATABASE, "storageEncrypted", False)),
    *_mutations("data-encrypted", INSTANCE, in_plain=changed(INSTANCE, "rootBlockDevice.encrypted", False)),
    *_mutations("data-encrypted", QUEUE, in_plain=changed(QUEUE, "sqsManagedSseEnabled", False)),
    *_mutations(
        "data-encrypted",
        REPOSITORY,
        with_keys_of_s3=changed(REPOSITORY, "encryptionConfigurations.0.encryptionType", "AES256"),
    ),
    *_mutations("data-encrypted", OBJECT, with_keys_of_s3=changed(OBJECT, "serverSideEncryption", "AES256")),
    *_mutations(
        "data-encrypted",
        WORKGROUP,
        clients_decide=changed(WORKGROUP, "configuration.enforceWorkgroupConfiguration", False),
    ),
    *(
        Mutation(rule="data-stack-key", name=f"{type_}: {path}", apply=foreign(type_, path), culprit=(type_,))
        for type_, path in (
            (EFS, "kmsKeyId"),
            (LUSTRE, "kmsKeyId"),
            (DATABASE, "kmsKeyId"),
            (DATABASE, "masterUserSecretKmsKeyId"),
            (LOG_GROUP, "kmsKeyId"),
            (REPOSITORY, "encryptionConfigurations.0.kmsKey"),
            (BUCKET_ENCRYPTION, "rules.0.applyServerSideEncryptionByDefault.kmsMasterKeyId"),
            (WORKGROUP, "configuration.resultConfiguration.encryptionConfiguration.kmsKeyArn"),
            (CLASS, "parameters.kmsKeyId"),
        )
    ),
    *_mutations(
        "data-buckets-encrypted",
        BUCKET,
        dropped=dropped(BUCKET_ENCRYPTION, "bucket", BUCKET, lambda each: not each.name.endswith("-logs")),
        with_keys_of_s3=turned(
            BUCKET_ENCRYPTION,
            "bucket",
            BUCKET,
            "rules.0.applyServerSideEncryptionByDefault",
            {"sseAlgorithm": "AES256"},
            lambda each: not each.name.endswith("-logs"),
        ),
        with_the_accounts_own_key=turned(
            BUCKET_ENCRYPTION,
            "bucket",
            BUCKET,
            "rules.0.applyServerSideEncryptionByDefault.kmsMasterKeyId",
            DROP,
            lambda each: not each.name.endswith("-logs"),
        ),
    ),
    *_mutations(
        "data-encrypted-in-transit",
        BUCKET,
        bucket_without_policy=dropped(BUCKET_POLICY, "bucket", BUCKET, lambda _: True),
        bucket_that_denies_nothing=plain(BUCKET_POLICY, allowing),
        bucket_that_denies_reading_alone=plain(BUCKET_POLICY, half),
        bucket_that_denies_one=plain(BUCKET_POLICY, some),
    ),
    *_mutations(
        "data-encrypted-in-transit",
        EFS,
        file_system_without_policy=dropped(
            "aws:efs/fileSystemPolicy:FileSystemPolicy", "fileSystemId", EFS, lambda _: True
        ),
        file_system_that_denies_nothing=plain("aws:efs/fileSystemPolicy:FileSystemPolicy", allowing),
    ),
    *_mutations("data-encrypted-in-transit", TOPIC, topic=plain("aws:sns/topicPolicy:TopicPolicy", allowing)),
    *_mutations("data-encrypted-in-transit", QUEUE, queue=plain("aws:sqs/queuePolicy:QueuePolicy", allowing)),
    *_mutations("data-encrypted-in-transit", DATABASE, default_parameters=default_parameters),
    *_mutations("data-encrypted-in-transit", PARAMETERS, tls_is_off=parameter("0"), tls_is_not_said=parameter(DROP)),
    *_mutations(
        "data-encrypted-in-transit",
        VOLUME,
        mounted_in_plain=changed(
            VOLUME,
            ("spec", "csi", "volumeAttributes", "encryptInTransit"),
            "false",
            lambda each: at(each.inputs, ("spec", "csi", "driver")) == "efs.csi.aws.com",
        ),
    ),
    *_mutations(
        "data-tls-listeners",
        LISTENER,
        old_protocols=changed(
            LISTENER, "sslPolicy", "ELBSecurityPolicy-2016-08", lambda each: each.inputs["protocol"] == "HTTPS"
        ),
        by_default=changed(LISTENER, "sslPolicy", DROP, lambda each: each.inputs["protocol"] == "HTTPS"),
        plain_http_answers=changed(
            LISTENER,
            "defaultActions",
            [{"type": "fixed-response", "fixedResponse": {"contentType": "text/plain", "statusCode": "200"}}],
            lambda each: each.inputs["protocol"] == "HTTP",
        ),
        redirects_to_plain_http=changed(
            LISTENER, "defaultActions.0.redirect.protocol", "HTTP", lambda each: each.inputs["protocol"] == "HTTP"
        ),
    ),
    *_mutations(
        "data-public-access",
        BUCKET,
        block_dropped=dropped(
            "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "bucket", BUCKET, lambda _: True
        ),
        policies_not_blocked=changed(
            "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "blockPublicPolicy", False
        ),
        nothing_restricted=changed(
            "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "restrictPublicBuckets", DROP
        ),
        readable=changed(BUCKET, "acl", "public-read"),
    ),
    *_mutations(
        "data-rds-private",
        DATABASE,
        public=changed(DATABASE, "publiclyAccessible", True),
        in_the_default_vpc=changed(DATABASE, "dbSubnetGroupName", DROP),
    ),
    *_mutations(
        "data-plain-secrets",
        CONFIG_MAP,
        token_in_a_config_map=config_map(notes=f"use {GITHUB} for now"),
        password_in_a_config_map=config_map(DB_PASSWORD="hunter2-and-more"),
        private_key_in_a_config_map=config_map(**{"id_rsa": PRIVATE_KEY}),
        password_in_a_file=config_map(**{"settings.yaml": "db:\n  password: hunter2-and-more\n"}),
        password_in_an_address=config_map(url="postgresql://" + "mlflow:hunter2@db.example.com:5432/mlflow"),
    ),
    *_mutations(
        "data-plain-secrets",
        RELEASE,
        password_in_values=set_of_values(("adminPassword",), "hunter2-and-more"),
        token_deep_in_values=set_of_values(("config", "registry", "notes"), f"token={GITHUB}"),
        variable_of_a_chart=set_of_values(("extraEnv",), [{"name": "HF_TOKEN", "value": "not-so-secret"}]),
    ),
    *_mutations(
        "data-plain-secrets",
        TEMPLATE,
        key_in_user_data=changed(TEMPLATE, "userData", hidden("AKIA" + "ABCDEFGHIJKLMNOP")),
    ),
    *_mutations(
        "data-plain-secrets",
        PROJECT,
        variable_of_a_build=changed(
            PROJECT,
            "environment.environmentVariables",
            lambda found: [*found, {"name": "DOCKER_PASSWORD", "type": "PLAINTEXT", "value": "hunter2-and-more"}],
        ),
    ),
    *_mutations("data-plain-secrets", PARAMETER, parameter=changed(PARAMETER, "insecureValue", GITHUB)),
    *_mutations(
        "data-plain-secrets",
        "kubernetes:batch/v1:Job",
        variable_of_a_container=changed(
            "kubernetes:batch/v1:Job", "spec.template.spec.containers.0.env", env("WANDB_API_KEY", "not-so-secret")
        ),
    ),
)
