"""Types that no plan of the repository has, of which rules judge what somebody may add.

A rule that leaves one of them out says nothing of it, and neither mutations nor the sweep of clean plans can show that.
"""

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest

from policies.registry import rules
from tests.policies.asking import environment, faults, resource

ANYTHING = json.dumps({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
ANYBODY = json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]})
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
KEY = "arn:aws:kms:us-west-2:123456789012:key/0b1c2d3e-0000-4000-8000-000000000000"
DELETES = {"skipFinalSnapshot": True, "deletionProtection": True}

WRONG: list[tuple[str, str, dict[str, Any], str]] = [
    # rule, type, inputs, where the rule says that it is broken
    ("data-backups", "aws:docdb/cluster:Cluster", {"backupRetentionPeriod": 0}, "backupRetentionPeriod"),
    ("data-backups", "aws:dynamodb/table:Table", {}, "pointInTimeRecovery.enabled"),
    ("data-backups", "aws:fsx/ontapFileSystem:OntapFileSystem", {}, "automaticBackupRetentionDays"),
    ("data-backups", "aws:fsx/openZfsFileSystem:OpenZfsFileSystem", {}, "automaticBackupRetentionDays"),
    (
        "data-backups",
        "aws:fsx/windowsFileSystem:WindowsFileSystem",
        {"automaticBackupRetentionDays": 0},
        "automaticBackupRetentionDays",
    ),
    ("data-backups", "aws:neptune/cluster:Cluster", {"backupRetentionPeriod": 0}, "backupRetentionPeriod"),
    ("data-backups", "aws:rds/cluster:Cluster", {"backupRetentionPeriod": 0}, "backupRetentionPeriod"),
    ("data-encrypted", "aws:backup/vault:Vault", {}, "kmsKeyArn"),
    ("data-encrypted", "aws:docdb/cluster:Cluster", {"storageEncrypted": True}, "kmsKeyId"),
    ("data-encrypted", "aws:docdb/cluster:Cluster", {"kmsKeyId": KEY}, "storageEncrypted"),
    (
        "data-encrypted",
        "aws:dynamodb/table:Table",
        {"serverSideEncryption": {"enabled": True}},
        "serverSideEncryption.kmsKeyArn",
    ),
    ("data-encrypted", "aws:dynamodb/table:Table", {}, "serverSideEncryption.enabled"),
    ("data-encrypted", "aws:ebs/volume:Volume", {"encrypted": True}, "kmsKeyId"),
    ("data-encrypted", "aws:ebs/volume:Volume", {"kmsKeyId": KEY}, "encrypted"),
    (
        "data-encrypted",
        "aws:elasticache/replicationGroup:ReplicationGroup",
        {"kmsKeyId": KEY},
        "atRestEncryptionEnabled",
    ),
    ("data-encrypted", "aws:fsx/ontapFileSystem:OntapFileSystem", {}, "kmsKeyId"),
    ("data-encrypted", "aws:fsx/openZfsFileSystem:OpenZfsFileSystem", {}, "kmsKeyId"),
    ("data-encrypted", "aws:fsx/windowsFileSystem:WindowsFileSystem", {}, "kmsKeyId"),
    ("data-encrypted", "aws:kinesis/stream:Stream", {"kmsKeyId": KEY}, "encryptionType"),
    ("data-encrypted", "aws:memorydb/cluster:Cluster", {}, "kmsKeyArn"),
    ("data-encrypted", "aws:msk/cluster:Cluster", {}, "encryptionInfo.encryptionAtRestKmsKeyArn"),
    ("data-encrypted", "aws:neptune/cluster:Cluster", {"storageEncrypted": True}, "kmsKeyArn"),
    ("data-encrypted", "aws:neptune/cluster:Cluster", {"kmsKeyArn": KEY}, "storageEncrypted"),
    ("data-encrypted", "aws:opensearch/domain:Domain", {"encryptAtRest": {"enabled": True}}, "encryptAtRest.kmsKeyId"),
    ("data-encrypted", "aws:opensearch/domain:Domain", {}, "encryptAtRest.enabled"),
    ("data-encrypted", "aws:rds/cluster:Cluster", {"storageEncrypted": True}, "kmsKeyId"),
    ("data-encrypted", "aws:rds/cluster:Cluster", {"kmsKeyId": KEY}, "storageEncrypted"),
    ("data-encrypted", "aws:redshift/cluster:Cluster", {"encrypted": True}, "kmsKeyId"),
    ("data-encrypted", "aws:s3/bucketObject:BucketObject", {"serverSideEncryption": "AES256"}, "serverSideEncryption"),
    ("data-encrypted", "aws:secretsmanager/secret:Secret", {}, "kmsKeyId"),
    (
        "data-encrypted-in-transit",
        "aws:elasticache/replicationGroup:ReplicationGroup",
        {},
        "transitEncryptionEnabled",
    ),
    (
        "data-encrypted-in-transit",
        "aws:opensearch/domain:Domain",
        {"nodeToNodeEncryption": {"enabled": True}},
        "domainEndpointOptions.enforceHttps",
    ),
    (
        "data-encrypted-in-transit",
        "aws:opensearch/domain:Domain",
        {"domainEndpointOptions": {"enforceHttps": True}},
        "nodeToNodeEncryption.enabled",
    ),
    ("data-encrypted-in-transit", "aws:rds/cluster:Cluster", {}, "dbClusterParameterGroupName"),
    (
        "data-encrypted-in-transit",
        "aws:rds/clusterParameterGroup:ClusterParameterGroup",
        {"family": "aurora-postgresql16"},
        "parameters",
    ),
    ("data-protected", "aws:backup/vault:Vault", {}, "protect"),
    ("data-protected", "aws:docdb/cluster:Cluster", {}, "protect"),
    ("data-protected", "aws:dynamodb/table:Table", {}, "protect"),
    ("data-protected", "aws:ebs/volume:Volume", {}, "protect"),
    ("data-protected", "aws:elasticache/replicationGroup:ReplicationGroup", {}, "protect"),
    ("data-protected", "aws:fsx/ontapFileSystem:OntapFileSystem", {}, "protect"),
    ("data-protected", "aws:fsx/openZfsFileSystem:OpenZfsFileSystem", {}, "protect"),
    ("data-protected", "aws:fsx/windowsFileSystem:WindowsFileSystem", {}, "protect"),
    ("data-protected", "aws:memorydb/cluster:Cluster", {}, "protect"),
    ("data-protected", "aws:msk/cluster:Cluster", {}, "protect"),
    ("data-protected", "aws:neptune/cluster:Cluster", {}, "protect"),
    ("data-protected", "aws:opensearch/domain:Domain", {}, "protect"),
    ("data-protected", "aws:rds/cluster:Cluster", {}, "protect"),
    ("data-protected", "aws:redshift/cluster:Cluster", {}, "protect"),
    ("data-public-access", "aws:s3/bucketAcl:BucketAcl", {"acl": "public-read"}, "acl"),
    (
        "data-rds-private",
        "aws:dms/replicationInstance:ReplicationInstance",
        {"publiclyAccessible": True},
        "publiclyAccessible",
    ),
    ("data-rds-private", "aws:docdb/cluster:Cluster", {}, "dbSubnetGroupName"),
    ("data-rds-private", "aws:elasticache/replicationGroup:ReplicationGroup", {}, "subnetGroupName"),
    ("data-rds-private", "aws:mq/broker:Broker", {"publiclyAccessible": True}, "publiclyAccessible"),
    ("data-rds-private", "aws:opensearch/domain:Domain", {}, "vpcOptions"),
    ("data-rds-private", "aws:rds/cluster:Cluster", {}, "dbSubnetGroupName"),
    ("data-rds-private", "aws:rds/clusterInstance:ClusterInstance", {"publiclyAccessible": True}, "publiclyAccessible"),
    ("data-rds-private", "aws:redshift/cluster:Cluster", {}, "clusterSubnetGroupName"),
    (
        "data-rds-private",
        "aws:redshift/cluster:Cluster",
        {"clusterSubnetGroupName": "private", "publiclyAccessible": True},
        "publiclyAccessible",
    ),
    ("data-retained", "aws:backup/vault:Vault", {"forceDestroy": True}, "forceDestroy"),
    ("data-retained", "aws:docdb/cluster:Cluster", DELETES, "skipFinalSnapshot"),
    ("data-retained", "aws:docdb/cluster:Cluster", {}, "deletionProtection"),
    ("data-retained", "aws:dynamodb/table:Table", {}, "deletionProtectionEnabled"),
    ("data-retained", "aws:neptune/cluster:Cluster", DELETES, "skipFinalSnapshot"),
    ("data-retained", "aws:rds/cluster:Cluster", {**DELETES, "deleteAutomatedBackups": False}, "skipFinalSnapshot"),
    ("data-retained", "aws:redshift/cluster:Cluster", {"skipFinalSnapshot": True}, "skipFinalSnapshot"),
    ("data-retained", "aws:secretsmanager/secret:Secret", {"recoveryWindowInDays": 0}, "recoveryWindowInDays"),
    ("data-tls-listeners", "aws:alb/listener:Listener", {"protocol": "HTTPS"}, "sslPolicy"),
    (
        "iam-full-access",
        "aws:iam/groupPolicyAttachment:GroupPolicyAttachment",
        {"policyArn": ADMINISTRATOR},
        "policyArn",
    ),
    ("iam-full-access", "aws:iam/policyAttachment:PolicyAttachment", {"policyArn": ADMINISTRATOR}, "policyArn"),
    (
        "iam-full-access",
        "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive",
        {"policyArns": [ADMINISTRATOR]},
        "policyArns.0",
    ),
    ("iam-full-access", "aws:iam/userPolicyAttachment:UserPolicyAttachment", {"policyArn": ADMINISTRATOR}, "policyArn"),
    (
        "iam-full-access",
        "aws:ssoadmin/managedPolicyAttachment:ManagedPolicyAttachment",
        {"managedPolicyArn": ADMINISTRATOR},
        "managedPolicyArn",
    ),
    ("iam-users", "aws:iam/groupMembership:GroupMembership", {}, ""),
    ("iam-users", "aws:iam/signingCertificate:SigningCertificate", {}, ""),
    ("iam-users", "aws:iam/user:User", {}, ""),
    ("iam-users", "aws:iam/userPolicy:UserPolicy", {}, ""),
    ("iam-users", "aws:iam/userPolicyAttachment:UserPolicyAttachment", {}, ""),
    ("iam-wildcards", "aws:iam/groupPolicy:GroupPolicy", {"policy": ANYTHING}, "policy.Statement.0"),
    ("iam-wildcards", "aws:iam/policy:Policy", {"policy": ANYTHING}, "policy.Statement.0"),
    ("iam-wildcards", "aws:iam/userPolicy:UserPolicy", {"policy": ANYTHING}, "policy.Statement.0"),
    (
        "iam-wildcards",
        "aws:ssoadmin/permissionSetInlinePolicy:PermissionSetInlinePolicy",
        {"inlinePolicy": ANYTHING},
        "inlinePolicy.Statement.0",
    ),
    ("cost-database-support", "aws:rds/cluster:Cluster", {"engine": "aurora-mysql"}, "engineLifecycleSupport"),
    ("cost-gp2", "aws:ebs/volume:Volume", {}, "type"),
    ("cost-gp2", "aws:ebs/volume:Volume", {"type": "gp2"}, "type"),
    ("kubernetes-load-balancers", "aws:alb/loadBalancer:LoadBalancer", {}, "internal"),
    ("kubernetes-load-balancers", "aws:elb/loadBalancer:LoadBalancer", {}, "internal"),
    (
        "kubernetes-load-balancers",
        "kubernetes:elbv2.k8s.aws/v1beta1:IngressClassParams",
        {"spec": {"scheme": "internet-facing"}},
        "spec.scheme",
    ),
]
OPEN = [
    ("aws:backup/vaultPolicy:VaultPolicy", "policy"),
    ("aws:cloudwatch/eventBusPolicy:EventBusPolicy", "policy"),
    ("aws:cloudwatch/logResourcePolicy:LogResourcePolicy", "policyDocument"),
    ("aws:codebuild/resourcePolicy:ResourcePolicy", "policy"),
    ("aws:dynamodb/resourcePolicy:ResourcePolicy", "policy"),
    ("aws:ecr/registryPolicy:RegistryPolicy", "policy"),
    ("aws:ecr/repositoryPolicy:RepositoryPolicy", "policy"),
    ("aws:glue/resourcePolicy:ResourcePolicy", "policy"),
    ("aws:kinesis/resourcePolicy:ResourcePolicy", "policy"),
    ("aws:kms/keyPolicy:KeyPolicy", "policy"),
    ("aws:opensearch/domain:Domain", "accessPolicies"),
    ("aws:opensearch/domainPolicy:DomainPolicy", "accessPolicies"),
    ("aws:s3/accessPoint:AccessPoint", "policy"),
    ("aws:s3/bucket:Bucket", "policy"),
    ("aws:s3control/accessPointPolicy:AccessPointPolicy", "policy"),
    ("aws:secretsmanager/secret:Secret", "policy"),
    ("aws:secretsmanager/secretPolicy:SecretPolicy", "policy"),
    ("aws:sns/topic:Topic", "policy"),
    ("aws:sqs/queue:Queue", "policy"),
]


@pytest.mark.parametrize(("rule", "type_", "inputs", "path"), WRONG, ids=lambda each: str(each)[:60])
def test_what_is_wrong_is_told(rule, type_, inputs, path):
    assert path in faults(rule, resource(type_, **inputs))


@pytest.mark.parametrize(("type_", "property_"), OPEN)
def test_a_resource_that_is_open_to_everybody_is_told(type_, property_):
    inputs: dict[str, Any] = {property_: ANYBODY}
    assert faults("iam-public-principal", resource(type_, **inputs)) == [f"{property_}.Statement.0"]


@pytest.mark.parametrize(
    ("type_", "property_"),
    [
        ("aws:backup/vault:Vault", "kmsKeyArn"),
        ("aws:docdb/cluster:Cluster", "kmsKeyId"),
        ("aws:dynamodb/table:Table", "serverSideEncryption.kmsKeyArn"),
        ("aws:ebs/volume:Volume", "kmsKeyId"),
        ("aws:kinesis/stream:Stream", "kmsKeyId"),
        ("aws:memorydb/cluster:Cluster", "kmsKeyArn"),
        ("aws:msk/cluster:Cluster", "encryptionInfo.encryptionAtRestKmsKeyArn"),
        ("aws:secretsmanager/secret:Secret", "kmsKeyId"),
    ],
)
def test_a_key_of_others_is_told(type_, property_):
    holder, _, name = property_.rpartition(".")
    inputs: dict[str, Any] = {holder: {name: KEY}} if holder else {name: KEY}
    assert faults("data-stack-key", resource(type_, **inputs)) == [property_]
    made = resource("aws:kms/key:Key", "data")
    ours = resource(type_, behind={holder or name: made}, **inputs)
    assert faults("data-stack-key", ours, made) == []


def test_a_user_needs_the_boundary_too():
    bounded = environment(boundary="arn:aws:iam::123456789012:policy/boundary")
    assert faults("iam-permissions-boundary", resource("aws:iam/user:User"), held_to=bounded) == ["permissionsBoundary"]


def file_of(type_: str) -> Path:
    """The file of the SDK that has a type of AWS: `aws:fsx/openZfsFileSystem:OpenZfsFileSystem`."""
    found = importlib.util.find_spec("pulumi_aws")
    assert found is not None
    assert found.origin is not None
    module, _, file = type_.split(":")[1].partition("/")
    folder = Path(found.origin).parent / module
    return (folder if folder.is_dir() else folder.with_name(f"{module}_")) / f"{snake(file)}.py"


def snake(name: str) -> str:
    """A property as the SDK spells it."""
    return re.sub(r"([A-Z])", r"_\1", name).lower()


def test_aws_has_every_type_that_a_rule_names():
    types = sorted({type_ for rule in rules() for type_ in rule.types if type_.startswith("aws:")})
    missing = [each for each in types if not file_of(each).is_file()]
    assert missing == []
    assert [each for each in types if f"'{each}'" not in file_of(each).read_text().replace('"', "'")] == []


SPELT = sorted(
    {(type_, key) for _, type_, inputs, path in WRONG for key in {*inputs, path.partition(".")[0]}} | {*OPEN}
)


@pytest.mark.parametrize("type_", sorted({type_ for type_, key in SPELT if type_.startswith("aws:")}))
def test_aws_has_every_property_that_is_looked_for(type_):
    text = file_of(type_).read_text()
    asked = {key for of, key in SPELT if of == type_} - {"", "protect"}
    assert [each for each in sorted(asked) if f"    def {snake(each)}(self)" not in text] == []
