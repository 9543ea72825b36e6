"""Rules about stored data, at shapes that the plans of the repository do not have."""

import base64
import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.environment import environment as read
from policies.registry import rules
from policies.rules.data import LOG_GROUP, LUSTRE_LINK, TABLE
from policies.rules.data_encryption import BUCKET_ENCRYPTION, BUCKET_LOGGING, CLASS
from policies.rules.data_transit import BUCKET_POLICY, LISTENERS, PARAMETERS, VOLUME
from slipway.plan.bill.types import BUCKET, DATABASE, EFS, KEY, LUSTRE, REPOSITORY, TOPIC
from slipway.plan.machines import INSTANCE
from slipway.wire import SECRET, SIGNATURE, UNKNOWN
from tests.policies.asking import environment, faults, findings, resource
from tests.program.test_data_protection import HOLDING

CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
RELEASE = "kubernetes:helm.sh/v3:Release"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
PROJECT = "aws:codebuild/project:Project"
ARN = "arn:aws:kms:us-west-2:123456789012:key/0b1c2d3e-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    ("section", "content", "name", "kept"),
    [
        ("storage", {"lustre": [{"name": "scratch", "disposable": True}]}, "storage-scratch", False),
        ("storage", {"lustre": [{"name": "scratch", "disposable": True}]}, "storage-training", True),
        ("storage", {"lustre": [{"name": "scratch", "disposable": True}]}, "scratch", True),
        ("storage", {"lustre": [{"name": "scratch", "disposable": False}]}, "storage-scratch", True),
        ("storage", {"buckets": {"data": {"disposable": True}}}, "storage-data", False),
        ("storage", {"buckets": {"data": {"disposable": True}}}, "databases-data", True),
        ("storage", {"buckets": {"data": {"disposable": True}}}, "storage-raw-data", True),
        ("databases", [{"name": "metadata", "disposable": True}], "databases-metadata", False),
        ("registry", {"repositories": [{"name": "training", "disposable": True}]}, "registry-own-training", False),
        ("workstation", {"instance": {"instanceType": "g6.xlarge", "disposable": True}}, "workstation", False),
        ("workstation", {"instance": {"instanceType": "g6.xlarge"}}, "workstation", True),
        ("tenants", {"vision": {"keepData": False}}, "tenants-vision", False),
        ("tenants", {"vision": {"keepData": False}}, "tenants-language", True),
        ("platform", {"disposable": True}, "storage-data", True),  # a section with mistakes counts for nothing
    ],
)
def test_an_item_of_the_stack_file_may_be_disposable_by_itself(section, content, name, kept):
    found = read({f"slipway:{section}": json.dumps(content)})
    assert found.keeps(resource(BUCKET, name)) == kept


def test_the_whole_stack_may_be_disposable():
    bucket = resource(BUCKET)
    assert faults("data-protected", bucket) == ["protect"]
    assert faults("data-protected", dataclasses.replace(bucket, protect=True)) == []
    assert faults("data-protected", bucket, held_to=environment(disposable=True)) == []


def test_spot_machines_keep_nothing():
    spot = resource(INSTANCE, instanceMarketOptions={"marketType": "spot"}, rootBlockDevice={"encrypted": True})
    assert faults("data-protected", spot) == []
    assert faults("data-retained", spot) == []
    assert faults("data-encrypted", spot) == []
    assert faults("data-encrypted", resource(INSTANCE, rootBlockDevice={"encrypted": True})) == [
        "rootBlockDevice.kmsKeyId"
    ]


@pytest.mark.parametrize(
    ("type_", "inputs", "paths"),
    [
        (KEY, {"deletionWindowInDays": 29}, ["deletionWindowInDays"]),
        (KEY, {"deletionWindowInDays": 30}, []),
        (KEY, {}, []),
        ("aws:secretsmanager/secret:Secret", {"recoveryWindowInDays": 0}, ["recoveryWindowInDays"]),
        ("aws:secretsmanager/secret:Secret", {"recoveryWindowInDays": 7}, []),
        (TABLE, {}, ["deletionProtectionEnabled"]),
        (REPOSITORY, {"name": "p/training", "forceDelete": True}, ["forceDelete"]),
        (REPOSITORY, {"name": "p/mirror/quay.io/a", "forceDelete": True}, []),
        (INSTANCE, {}, ["rootBlockDevice.deleteOnTermination", "disableApiTermination"]),
        (DATABASE, {"replicateSourceDb": "primary", "skipFinalSnapshot": True}, []),
        (DATABASE, {"deletionProtection": UNKNOWN, "deleteAutomatedBackups": False}, ["?deletionProtection"]),
    ],
)
def test_what_retains_data(type_, inputs, paths):
    assert faults("data-retained", resource(type_, **inputs)) == paths


def link(store: Any, *events: str) -> Any:
    return resource(
        LUSTRE_LINK,
        f"link-{'-'.join(events)}",
        behind={"fileSystemId": store},
        fileSystemId=UNKNOWN,
        s3={"autoExportPolicy": {"events": list(events)}},
    )


def test_a_linked_file_system_is_backed_up_by_its_bucket():
    store = resource(LUSTRE, deploymentType="PERSISTENT_2", automaticBackupRetentionDays=0)
    assert faults("data-backups", store) == ["automaticBackupRetentionDays"]
    assert faults("data-backups", store, link(store, "NEW", "CHANGED")) == []
    assert faults("data-backups", store, link(store, "CHANGED", "DELETED")) == ["automaticBackupRetentionDays"]
    assert faults("data-backups", store, link(resource(LUSTRE, "other"), "NEW", "CHANGED")) != []
    assert faults("data-backups", resource(LUSTRE, deploymentType="SCRATCH_2")) == []
    assert faults("data-backups", store, held_to=environment(disposable=True)) == []


def test_days_of_backups_are_known_or_told_unknown():
    assert faults("data-backups", resource(DATABASE, backupRetentionPeriod=1)) == []
    assert faults("data-backups", resource(DATABASE, backupRetentionPeriod=UNKNOWN)) == ["?backupRetentionPeriod"]
    assert faults("data-backups", resource(DATABASE, replicateSourceDb="primary")) == []
    assert faults("data-backups", resource(TABLE, pointInTimeRecovery={"enabled": True})) == []
    assert faults("data-backups", resource(TABLE)) == ["pointInTimeRecovery.enabled"]


def test_a_standby_is_there_where_it_is_asked_for():
    one = resource(DATABASE, multiAz=False)
    assert faults("data-multi-az", one) == []
    assert faults("data-multi-az", one, held_to=environment(multi_az=True)) == ["multiAz"]
    assert faults("data-multi-az", resource(DATABASE, multiAz=True), held_to=environment(multi_az=True)) == []
    assert faults("data-multi-az", one, held_to=environment(multi_az=True, disposable=True)) == []


@pytest.mark.parametrize(
    ("inputs", "broken"),
    [
        ({"customerMasterKeySpec": "RSA_4096"}, False),
        ({"customerMasterKeySpec": "HMAC_256"}, False),
        ({"customKeyStoreId": "cks-1"}, False),
        ({"customerMasterKeySpec": "SYMMETRIC_DEFAULT", "enableKeyRotation": False}, True),
    ],
)
def test_kms_rotates_what_it_can(inputs, broken):
    assert bool(faults("data-key-rotation", resource(KEY, **inputs))) == broken


@pytest.mark.parametrize(
    ("type_", "inputs", "paths"),
    [
        (TABLE, {"serverSideEncryption": {"enabled": True, "kmsKeyArn": ARN}}, []),
        (TABLE, {}, ["serverSideEncryption.enabled"]),
        (EFS, {"encrypted": True, "kmsKeyId": UNKNOWN}, []),
        (EFS, {"encrypted": UNKNOWN, "kmsKeyId": UNKNOWN}, ["?encrypted"]),
        (LUSTRE, {"deploymentType": "SCRATCH_2"}, []),
        (LUSTRE, {}, []),
        (LUSTRE, {"deploymentType": "PERSISTENT_1"}, ["kmsKeyId"]),
        (CLASS, {"provisioner": "efs.csi.aws.com"}, []),
        (CLASS, {"provisioner": "ebs.csi.aws.com", "parameters": {"encrypted": "true"}}, ["parameters.kmsKeyId"]),
        ("aws:ssm/parameter:Parameter", {"type": "String"}, []),
        ("aws:ssm/parameter:Parameter", {"type": "SecureString"}, ["keyId"]),
        ("aws:sqs/queue:Queue", {}, []),
        ("aws:sqs/queue:Queue", {"sqsManagedSseEnabled": False}, ["sqsManagedSseEnabled"]),
        ("aws:sqs/queue:Queue", {"sqsManagedSseEnabled": False, "kmsMasterKeyId": UNKNOWN}, []),
        (DATABASE, {"storageEncrypted": True, "kmsKeyId": ARN, "password": UNKNOWN}, []),
        (
            DATABASE,
            {"storageEncrypted": True, "kmsKeyId": ARN, "manageMasterUserPassword": True},
            ["masterUserSecretKmsKeyId"],
        ),
        (LOG_GROUP, {"kmsKeyId": ""}, ["kmsKeyId"]),
    ],
)
def test_what_encrypts_data(type_, inputs, paths):
    assert faults("data-encrypted", resource(type_, **inputs)) == paths


def test_the_key_is_known_by_what_it_was_made_from():
    key = resource(KEY, "data")
    alias = resource("aws:kms/alias:Alias", "data", behind={"targetKeyId": key})
    assert faults("data-stack-key", resource(TOPIC, behind={"kmsMasterKeyId": key}, kmsMasterKeyId=UNKNOWN), key) == []
    assert (
        faults("data-stack-key", resource(TOPIC, behind={"kmsMasterKeyId": alias}, kmsMasterKeyId=UNKNOWN), alias) == []
    )
    assert faults("data-stack-key", resource(TOPIC, kmsMasterKeyId="alias/aws/sns"), key) == ["kmsMasterKeyId"]
    assert faults("data-stack-key", resource(TOPIC)) == []


def encryption(bucket: Any, **default: Any) -> Any:
    rules = [{"applyServerSideEncryptionByDefault": default}]
    return resource(BUCKET_ENCRYPTION, behind={"bucket": bucket}, bucket=UNKNOWN, rules=rules)


def test_a_bucket_that_takes_logs_has_the_keys_of_s3():
    logs, models = resource(BUCKET, "logs"), resource(BUCKET, "models")
    own = encryption(logs, sseAlgorithm="AES256")
    assert faults("data-buckets-encrypted", logs, own) == [""]
    logging = resource(BUCKET_LOGGING, behind={"bucket": models, "targetBucket": logs})
    assert faults("data-buckets-encrypted", logs, own, logging) == []
    balancer = resource("aws:lb/loadBalancer:LoadBalancer", behind={"accessLogs": logs})
    assert faults("data-buckets-encrypted", logs, own, balancer) == []
    assert faults("data-buckets-encrypted", models, logging) == [""]
    sealed = encryption(models, sseAlgorithm="aws:kms:dsse", kmsMasterKeyId=UNKNOWN)
    assert faults("data-buckets-encrypted", models, sealed) == []


TLS = {
    "Effect": "Deny",
    "Principal": {"AWS": "*"},
    "Action": "*",
    "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"],
    "Condition": {"Bool": {"aws:SecureTransport": False}},
}


@pytest.mark.parametrize(
    ("change", "open_"),
    [
        ({}, False),
        ({"Action": ["s3:Get*", "s3:PutObject*"]}, False),
        ({"Action": "s3:Get*"}, True),
        ({"Resource": "arn:aws:s3:::b"}, True),
        ({"Condition": {"Bool": {"aws:SecureTransport": True}}}, True),
        ({"Condition": {"Bool": {"aws:SecureTransport": False}, "StringEquals": {"aws:userid": "a"}}}, True),
        ({"Effect": "Allow"}, True),
        ({"NotPrincipal": {"AWS": "*"}}, True),
    ],
)
def test_a_bucket_refuses_plain_requests_for_all_its_objects(change, open_):
    bucket = resource(BUCKET)
    policy = resource(BUCKET_POLICY, behind={"bucket": bucket}, policy=json.dumps({"Statement": [{**TLS, **change}]}))
    assert faults("data-encrypted-in-transit", bucket, policy) == ([""] if open_ else [])


def test_a_policy_that_is_not_known_yet_is_not_held_against_a_bucket():
    bucket = resource(BUCKET)
    policy = resource(BUCKET_POLICY, behind={"bucket": bucket}, policy=UNKNOWN)
    assert faults("data-encrypted-in-transit", bucket, policy) == ["?policy"]


@pytest.mark.parametrize(
    ("family", "parameters", "paths"),
    [
        ("postgres17", {"rds.force_ssl": "1"}, []),
        ("mysql8.4", {"require_secure_transport": "ON"}, []),
        ("mariadb11.4", {"require_secure_transport": "0"}, ["parameters.0.value"]),
        ("postgres17", {"require_secure_transport": "1"}, ["parameters"]),
        ("aurora-postgresql16", {"rds.force_ssl": 1}, []),
        ("aurora-mysql8.0", {"rds.force_ssl": "1"}, ["parameters"]),
        ("oracle-ee-19", {}, []),
    ],
)
def test_each_engine_has_its_own_way_to_force_tls(family, parameters, paths):
    said = [{"name": name, "value": value} for name, value in parameters.items()]
    assert faults("data-encrypted-in-transit", resource(PARAMETERS, family=family, parameters=said)) == paths


def test_volumes_are_mounted_with_tls_unless_told():
    def volume(**attributes: str) -> Any:
        return resource(VOLUME, spec={"csi": {"driver": "efs.csi.aws.com", "volumeAttributes": attributes}})

    assert faults("data-encrypted-in-transit", volume()) == []
    assert faults("data-encrypted-in-transit", volume(encryptInTransit="true")) == []
    assert faults("data-encrypted-in-transit", volume(encryptInTransit="false")) == [
        "spec.csi.volumeAttributes.encryptInTransit"
    ]


@pytest.mark.parametrize(
    ("inputs", "broken"),
    [
        ({"protocol": "HTTPS", "sslPolicy": "ELBSecurityPolicy-TLS13-1-3-2021-06"}, False),
        ({"protocol": "HTTPS", "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"}, False),
        ({"protocol": "TLS", "sslPolicy": "ELBSecurityPolicy-FS-1-2-Res-2020-10"}, False),
        ({"protocol": "HTTPS", "sslPolicy": "ELBSecurityPolicy-TLS13-1-0-2021-06"}, True),
        ({"protocol": "HTTPS", "sslPolicy": "ELBSecurityPolicy-TLS-1-1-2017-01"}, True),
        ({"protocol": "TLS"}, True),
        ({"protocol": "TCP"}, False),
        ({"protocol": "HTTP", "defaultActions": [{"type": "forward"}]}, True),
        ({"protocol": "HTTP", "defaultActions": [{"type": "redirect", "redirect": {"protocol": "HTTPS"}}]}, False),
        ({"protocol": "HTTP", "defaultActions": [{"type": "redirect", "redirect": {"path": "/"}}]}, True),
    ],
)
def test_listeners(inputs, broken):
    assert bool(faults("data-tls-listeners", resource(LISTENERS[0], **inputs))) == broken


def test_public_acls_and_databases_without_subnets():
    assert faults("data-public-access", resource("aws:s3/bucketAcl:BucketAcl", acl="public-read-write")) == ["acl"]
    assert faults("data-public-access", resource("aws:s3/bucketAcl:BucketAcl", acl="private")) == []
    assert faults("data-rds-private", resource(DATABASE, dbSubnetGroupName=UNKNOWN)) == []
    assert faults("data-rds-private", resource("aws:rds/clusterInstance:ClusterInstance", publiclyAccessible=True))
    assert faults("data-rds-private", resource("aws:opensearch/domain:Domain")) == ["vpcOptions"]


# Put together here, so that no scanner of repositories takes them for real.
TOKENS = [
    "AKIA" + "ABCDEFGHIJKLMNOP",
    "ASIA" + "ABCDEFGH234567QR",
    "ghp_" + "a1B2c3D4e5F6" * 3,
    "github_pat_" + "a1B2c3D4e5F6" * 6,
    "glpat-" + "a1B2c3D4e5F6g7H8i9J0",
    "hf_" + "abcdefghijklmnopqrstuvwxyzABCDEFGH",
    "xoxb-" + "123456789012-abcdef",
    "AIza" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r",
    "sk-proj-" + "a1B2c3D4e5F6g7H8i9J0",
    "nvapi-" + "a1B2c3D4e5F6" * 4,
    "npm_" + "a1B2c3D4e5F6" * 3,
    "eyJ" + "hbGciOiJIUzI1NiJ9.eyJ" + "zdWIiOiIxMjM0NTY3ODkwIn0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r",
    "-----BEGIN " + "PRIVATE KEY-----\nMIIB",
    "-----BEGIN OPENSSH " + "PRIVATE KEY-----\nb3Bl",
    "mysql://" + "root:hunter2@db:3306/x",
]


@pytest.mark.parametrize("token", TOKENS, ids=lambda token: token[:11].strip("-"))
def test_tokens_are_known_by_their_form_and_never_told(token):
    places = [
        resource(CONFIG_MAP, data={"notes": f"# for now: {token} (rotate!)"}),
        resource(RELEASE, values={"a": [{"b": {"notes": token}}]}),
        resource("aws:ec2/launchTemplate:LaunchTemplate", userData=base64.b64encode(f"x={token}\n".encode()).decode()),
        resource("aws:ec2/instance:Instance", userData=f"#!/bin/sh\nlogin {token}"),
        resource("aws:ssm/parameter:Parameter", insecureValue=token),
        resource("aws:iam/role:Role", description=token, tags={"a": UNKNOWN}),
    ]
    for each in places:
        found = findings("data-plain-secrets", each)
        assert [one.kind for one in found] == ["violation"], each.type
        assert token not in found[0].message
        assert token.rpartition("-")[2] not in found[0].message


@pytest.mark.parametrize(
    "text",
    [
        "task-runner-configuration-with-a-long-name",
        "arn:aws:iam::123456789012:role/AKIAxyz",
        "https://github.com/acme/platform",
        "https://user@example.com/repo.git",
        "postgresql://$(USER):$(PASSWORD)@db:5432/mlflow",
        "postgresql://{{ .user }}:{{ .password }}@db:5432/mlflow",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "git@github.com:acme/platform.git",
        "registry.k8s.io/kueue/kueue@sha256:" + "0a" * 32,
        "eyJ",
        # AWS's own example, and words.
        "AKIA" + "IOSFODNN7EXAMPLE",
        "https://user:password@example.com/",
        "image: sk-learn-something-with-a-long-name",
        "password: ${PASSWORD1}\nsecret_key = os.environ['KEY2']\nadminPasswordKey: key1",
        "passwordSecret: grafana-admin-1\ntoken: <your token 1>\nmax_token=4096",
    ],
)
def test_what_only_looks_like_it(text):
    assert faults("data-plain-secrets", resource(CONFIG_MAP, data={"notes": text})) == []


@pytest.mark.parametrize(
    "text",
    [
        "#!/bin/sh\nexport DB_PASSWORD=hunter2-hunter2\n",
        'db:\n  password: "hunter2-hunter2"\n',
        json.dumps({"db": {"apiKey": "hunter2-hunter2", "port": 5432}}),
        json.dumps({"config": json.dumps({"client_secret": "hunter2-hunter2"})}),
        "--client-secret=hunter2-hunter2",
        json.dumps({"auths": {"registry": {"auth": base64.b64encode(b"me:hunter2-hunter2").decode()}}}),
        "Authorization: Bearer hunter2-hunter2-hunter2",
        "redis://" + ":hunter2@cache:6379",
    ],
)
def test_secrets_inside_a_text(text):
    places = [
        (resource(CONFIG_MAP, data={"notes": text}), "data.notes"),
        (resource(RELEASE, values={"config": [text]}), "values.config.0"),
        (resource("aws:eks/addon:Addon", configurationValues=text), "configurationValues"),
        (resource(CONFIG_MAP, binaryData={"a": base64.b64encode(text.encode()).decode()}), "binaryData.a"),
        (
            resource("aws:ec2/launchTemplate:LaunchTemplate", userData=base64.b64encode(text.encode()).decode()),
            "userData",
        ),
    ]
    for judged, path in places:
        found = findings("data-plain-secrets", judged)
        assert [each.path for each in found] == [path], judged.type
        assert "hunter2" not in found[0].message


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--db-password", "hunter2"], True),
        (["--use-token", "--verbose"], False),
        (["--password", "$(PASSWORD)"], False),
        (["--token-file", "/var/run/token"], False),
    ],
)
def test_secrets_after_a_flag(args, told):
    judged = resource(DEPLOYMENT, spec={"containers": [{"args": args}]})
    assert faults("data-plain-secrets", judged) == (["spec.containers.0.args.1"] if told else [])


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("DB_PASS", "Tr0ub4dor&3", True),
        ("JWT_SECRET", "4f9c6A0b7d", True),
        ("DB_PASSWORD", "12345678", True),
        ("bypass", "always", False),
        ("tlsSecret", "grafana-tls-1", False),
        ("credentials", "aws-secret", False),
        ("PAD_TOKEN", "<pad>", False),
        ("MAX_TOKEN", "4096", False),
    ],
)
def test_names_that_may_be_of_something_else(name, value, told):
    assert faults("data-plain-secrets", resource(CONFIG_MAP, data={name: value})) == ([f"data.{name}"] if told else [])


@pytest.mark.parametrize(
    ("judged", "paths"),
    [
        (resource(CONFIG_MAP, data={"DB_PASSWORD": "hunter2"}), ["data.DB_PASSWORD"]),
        (resource(CONFIG_MAP, data={"DB_PASSWORD": "$(FROM_SECRET)"}), []),
        (resource(CONFIG_MAP, data={"DB_PASSWORD_FILE": "/run/secrets/db", "tokenPath": "/var/run/t"}), []),
        (resource(CONFIG_MAP, data={"DB_PASSWORD": UNKNOWN}), ["?data.DB_PASSWORD"]),
        (resource(RELEASE, values={"auth": {"adminPassword": "hunter2"}}), ["values.auth.adminPassword"]),
        (resource(RELEASE, values={"auth": {"existingSecret": "db", "secretKeys": {"adminPasswordKey": "p"}}}), []),
        (resource(RELEASE, values={"auth": {"adminPassword": ""}}), []),
        (resource(RELEASE, values={"auth": {"adminPassword": UNKNOWN}}), ["?values.auth.adminPassword"]),
        (resource(RELEASE, values={"vpcId": UNKNOWN}), []),
        (resource(RELEASE, values=UNKNOWN), ["?values"]),
        (resource(RELEASE, values={"auth": {"adminPassword": {SIGNATURE: SECRET, "plaintext": "x"}}}), []),
        (
            resource(DEPLOYMENT, spec={"containers": [{"env": [{"name": "API_KEY", "value": "abc"}]}]}),
            ["spec.containers.0.env.0.value"],
        ),
        (
            resource(
                DEPLOYMENT,
                spec={"env": [{"name": "API_KEY", "valueFrom": {"secretKeyRef": {"name": "a", "key": "api-key"}}}]},
            ),
            [],
        ),
        (
            resource(
                PROJECT,
                environment={
                    "environmentVariables": [
                        {"name": "DOCKER_PASSWORD", "type": "SECRETS_MANAGER", "value": "docker:password"}
                    ]
                },
            ),
            [],
        ),
        (
            resource("aws:lambda/function:Function", environment={"variables": {"clientSecret": "abc"}}),
            ["environment.variables.clientSecret"],
        ),
        (
            resource(
                "aws:ecs/taskDefinition:TaskDefinition",
                containerDefinitions=json.dumps([{"environment": [{"name": "TOKEN", "value": "abc"}]}]),
            ),
            ["containerDefinitions.0.environment.0.value"],
        ),
        (
            resource(
                "aws:batch/jobDefinition:JobDefinition",
                containerProperties=json.dumps({"environment": [{"name": "TOKEN", "value": "abc"}]}),
            ),
            ["containerProperties.environment.0.value"],
        ),
        (resource("kubernetes:core/v1:Secret", stringData={"password": "hunter2", "key": TOKENS[0]}), []),
        (resource("aws:rds/instance:Instance", password=TOKENS[2]), []),
        (resource("aws:ec2/launchTemplate:LaunchTemplate", userData=UNKNOWN), ["?userData"]),
        (resource("aws:ec2/subnet:Subnet", vpcId=UNKNOWN), []),
    ],
    ids=lambda value: None if isinstance(value, list) else value.type.rpartition(":")[2],
)
def test_names_of_settings_tell_secrets(judged, paths):
    assert faults("data-plain-secrets", judged) == paths


def test_what_is_known_to_hold_data_is_judged():
    """By the table of types in tests/program/test_data_protection.py, which every type of the plans stands in."""
    judged = {rule.id: set(rule.types) for rule in rules()}
    sealed = judged["data-encrypted"] | judged["data-buckets-encrypted"]
    sealed |= judged["eks-secrets-encrypted"] | judged["eks-node-volumes-encrypted"]
    kept = judged["data-protected"] | judged["data-retained"] | judged["eks-deletion-protection"]
    for type_, holding in HOLDING.items():
        assert isinstance(holding.encrypted, str) or type_ in sealed
        assert isinstance(holding.protected, str) or type_ in kept


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1, 40)
    | st.text(max_size=5)
    | st.sampled_from([UNKNOWN, "Enabled", "HTTPS"]),
    lambda each: (
        st.lists(each, max_size=2)
        | st.dictionaries(
            st.sampled_from(["name", "value", "type", "enabled", "status", "0", "redirect"]), each, max_size=3
        )
    ),
    max_leaves=8,
)
PROPERTIES = (
    (BUCKET, "acl"),
    (DATABASE, "backupRetentionPeriod"),
    (DATABASE, "storageEncrypted"),
    (EFS, "kmsKeyId"),
    (KEY, "deletionWindowInDays"),
    (LOG_GROUP, "retentionInDays"),
    (LUSTRE, "deploymentType"),
    (REPOSITORY, "encryptionConfigurations"),
    (PARAMETERS, "parameters"),
    (PARAMETERS, "family"),
    (LISTENERS[0], "defaultActions"),
    (VOLUME, "spec"),
    (CLASS, "provisioner"),
    (INSTANCE, "rootBlockDevice"),
    (CONFIG_MAP, "data"),
    (RELEASE, "values"),
    (PROJECT, "environment"),
    ("aws:ecs/taskDefinition:TaskDefinition", "containerDefinitions"),
)


@given(st.sampled_from(PROPERTIES), JSON)
def test_no_value_whatever_breaks_a_rule(place, value):
    type_, property_ = place
    judged = resource(type_, **{property_: value})
    for rule in rules():
        if rule.topic == "data" and (not rule.types or type_ in rule.types):
            findings(rule.id, judged)


def test_one_day_of_backups_is_enough_for_a_file_system():
    assert faults("data-backups", resource(LUSTRE, deploymentType="PERSISTENT_2", automaticBackupRetentionDays=1)) == []


def test_a_cluster_that_copies_another_holds_nothing_of_its_own():
    copy = resource("aws:rds/cluster:Cluster", replicationSourceIdentifier="primary", backupRetentionPeriod=0)
    assert faults("data-backups", copy) == []


@pytest.mark.parametrize(
    ("type_", "broken"),
    [
        ("aws:redshift/cluster:Cluster", []),
        ("aws:ecr/repository:Repository", []),
        ("aws:route53/zone:Zone", []),
        ("aws:s3/bucket:Bucket", []),
        ("aws:athena/workgroup:Workgroup", []),
        ("aws:backup/vault:Vault", []),
        ("aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation", []),
        ("aws:cognito/userPool:UserPool", ["deletionProtection"]),
    ],
)
def test_what_aws_does_with_a_store_of_which_nothing_is_said(type_, broken):
    assert faults("data-retained", resource(type_)) == broken


@pytest.mark.parametrize("option", ["SSE_KMS", "CSE_KMS"])
def test_athena_encrypts_on_either_side(option):
    result = {"encryptionConfiguration": {"encryptionOption": option, "kmsKeyArn": ARN}}
    configuration = {"resultConfiguration": result}
    assert faults("data-encrypted", resource("aws:athena/workgroup:Workgroup", configuration=configuration)) == []


@pytest.mark.parametrize("acl", ["private", "log-delivery-write", "bucket-owner-full-control"])
def test_acls_for_nobody_outside(acl):
    assert faults("data-public-access", resource("aws:s3/bucketAcl:BucketAcl", acl=acl)) == []


@pytest.mark.parametrize(
    "name",
    [
        "DB_PASSWORD",
        "PASSWD",
        "key-passphrase",
        "API_TOKEN",
        "openaiApiKey",
        "ACCESS_KEY",
        "secretKey",
        "AWS_SECRET_ACCESS_KEY",
        "privateKey",
        "OAUTH_CLIENT_SECRET",
        "cookieSecret",
        "encryptionKey",
        "credentials",
    ],
)
def test_how_secrets_are_called(name):
    assert faults("data-plain-secrets", resource(CONFIG_MAP, data={name: "Tr0ub4dor&3xyz"})) == [f"data.{name}"]


def test_logs_for_delivery_have_a_time_of_their_own():
    assert faults("data-log-retention", resource(LOG_GROUP, logGroupClass="DELIVERY")) == []
    assert faults("data-log-retention", resource(LOG_GROUP, logGroupClass="STANDARD")) == ["retentionInDays"]


@pytest.mark.parametrize(
    ("policy", "broken"),
    [
        ("ELBSecurityPolicy-TLS-1-2-Ext-2018-06", False),
        ("ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09", False),
        ("ELBSecurityPolicy-TLS-1-1-2017-01", True),
        ("ELBSecurityPolicy-TLS13-1-0-2021-06", True),
        ("ELBSecurityPolicy-FS-1-1-2019-08", True),
    ],
)
def test_what_policies_of_listeners_speak(policy, broken):
    listener = resource(LISTENERS[0], protocol="HTTPS", sslPolicy=policy)
    assert bool(faults("data-tls-listeners", listener)) == broken


def test_tls_may_be_asked_for_where_the_key_is_missing_too():
    queue = resource("aws:sqs/queue:Queue")
    said = {"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Condition": {}}
    for operator, closed in (("Bool", True), ("BoolIfExists", True), ("StringLike", False)):
        statement = {**said, "Condition": {operator: {"aws:SecureTransport": "false"}}}
        policy = resource(
            "aws:sqs/queuePolicy:QueuePolicy",
            "policy",
            behind={"queueUrl": queue},
            policy=json.dumps({"Statement": [statement]}),
        )
        assert (faults("data-encrypted-in-transit", queue, policy) == []) == closed
