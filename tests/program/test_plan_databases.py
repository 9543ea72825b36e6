"""Databases as planned: private, encrypted, backed up, kept, reached by nodes alone, and without a password."""

import datetime
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import pulumi_aws as aws
import pytest

from slipway.plan.bill.lines import Line
from slipway.plan.checks import check
from slipway.plan.cost import cost
from slipway.plan.model import Plan, Resource
from slipway.rehearsal.recorder import record
from stacks.load import load
from stacks.program import build
from tests.contract.aws_calls_database import CALLS
from tests.contract.test_aws_inputs import GROUP_TEXT, problems
from tests.unit.settings_stack import BASE, patched

INSTANCE = "aws:rds/instance:Instance"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
LOGS = "aws:cloudwatch/logGroup:LogGroup"
PARAMETERS = "aws:rds/parameterGroup:ParameterGroup"
SUBNETS = "aws:rds/subnetGroup:SubnetGroup"
ROLE = "aws:iam/role:Role"
TODAY = datetime.date(2026, 11, 22)

PIPELINES = {
    "name": "pipelines",
    "engine": "mysql",
    "version": "8.4",
    "instanceClass": "db.m6g.large",
    "storage": 100,
    "maxStorage": 500,
    "multiAz": True,
    "database": "mlpipeline",
    "monitoringSeconds": 60,
    "backupDays": 14,
}
TRACKING = {"name": "tracking", "engine": "postgres", "version": "17.10", "database": "mlflow"}
SCRATCH = {"name": "scratch", "engine": "mysql", "version": "8.4", "instanceClass": "db.t4g.micro", "disposable": True}


@pytest.fixture
def plan(record_settings: Callable[..., Plan]) -> Plan:
    return record_settings(patched({"databases": [PIPELINES, TRACKING, SCRATCH]}))


def instance(plan: Plan, name: str) -> Resource:
    return plan.one(INSTANCE, f"databases-{name}")


def before(plan: Plan, resource: Resource) -> set[str]:
    """Everything that the resource waits for, however indirectly."""
    by_urn = {each.urn: each for each in plan}
    seen, waiting = set(), list(resource.dependencies)
    while waiting:
        urn = waiting.pop()
        if urn not in seen:
            seen.add(urn)
            waiting += by_urn[urn].dependencies
    return seen


def test_nothing_of_it_without_its_section(record_settings):
    plan = record_settings(BASE)
    assert not [resource.urn for resource in plan if "rds" in resource.type or resource.name.startswith("databases")]


def test_the_graph_is_sound(plan: Plan):
    assert list(check(plan)) == []


def test_what_is_made_of_the_host_comes_after_the_way_in():
    def program() -> None:
        platform = build(load(TODAY), TODAY)
        aws.ssm.Parameter("client", type="String", insecure_value=platform.handle.databases["pipelines"].host)

    raw = patched({"databases": [PIPELINES]})
    config = {f"slipway:{key}": json.dumps(value) for key, value in raw.items()}
    plan = record(program, project="slipway", stack="test", config=config)
    client = plan.one("aws:ssm/parameter:Parameter", "client")
    assert client.inputs["insecureValue"] == instance(plan, "pipelines").outputs["address"]
    assert plan.one(INGRESS, "databases-pipelines-mysql").urn in before(plan, client)


def test_aws_takes_every_request(plan: Plan):
    ours = [each for each in plan if each.name.startswith("databases") and each.custom]
    assert {each.type for each in ours} >= set(CALLS)
    assert {each.urn: wrong for each in ours if (wrong := problems(each))} == {}
    assert all(GROUP_TEXT.fullmatch(each.inputs.get("description", "")) for each in ours if "ecurityGroup" in each.type)


def test_instances_are_private(plan: Plan):
    private = {each.id for each in plan.of_type("aws:ec2/subnet:Subnet") if each.name.startswith("network-private-")}
    group = plan.one(SUBNETS)
    assert set(group.inputs["subnetIds"]) == private
    assert len(private) == 2
    for found in plan.of_type(INSTANCE):
        assert found.inputs["publiclyAccessible"] is False
        assert found.inputs["dbSubnetGroupName"] == group.outputs["name"]


def test_local_zones_are_left_out(record_settings):
    plan = record_settings(
        patched(
            {
                "platform.region": "us-east-1",
                "network.zones": ["use1-az4", "use1-az6", "use1-dfw2-az1"],
                "nodeGroups": [BASE["nodeGroups"][0]],
                "storage": {},
                "databases": [TRACKING],
            }
        )
    )
    zones = {each.id: each.inputs["availabilityZoneId"] for each in plan.of_type("aws:ec2/subnet:Subnet")}
    assert {zones[subnet] for subnet in plan.one(SUBNETS).inputs["subnetIds"]} == {"use1-az4", "use1-az6"}


def test_everything_is_encrypted_with_our_key(plan: Plan):
    key = plan.one("aws:kms/key:Key", "data").outputs["arn"]
    for found in plan.of_type(INSTANCE):
        inputs = found.inputs
        assert inputs["storageEncrypted"] is True
        assert {inputs["kmsKeyId"], inputs["masterUserSecretKmsKeyId"]} == {key}
        assert inputs.get("performanceInsightsKmsKeyId", key) == key
    for group in plan.of_type(LOGS):
        if group.name.startswith("databases"):
            assert group.inputs["kmsKeyId"] == key


def test_the_password_is_made_and_kept_by_aws(plan: Plan):
    for found in plan.of_type(INSTANCE):
        assert found.inputs["manageMasterUserPassword"] is True
        assert found.inputs["iamDatabaseAuthenticationEnabled"] is True
        assert not {"password", "passwordWo"} & found.inputs.keys()
        (secret,) = found.outputs["masterUserSecrets"]
        assert secret["secretArn"].startswith("arn:aws:secretsmanager:us-west-2:123456789012:secret:rds!db-")
    told = json.dumps([[dict(each.inputs), dict(each.outputs)] for each in plan if each.name.startswith("databases")])
    mentions = {match.lower() for match in re.findall(r'"(\w*[pP]assword\w*)"', told)}
    assert mentions == {"managemasteruserpassword"}


def test_nodes_alone_get_in_on_the_engines_port_and_nothing_gets_out(plan: Plan):
    nodes = plan.one("aws:eks/cluster:Cluster").outputs["vpcConfig"]["clusterSecurityGroupId"]
    for name, port in {"pipelines": 3306, "tracking": 5432, "scratch": 3306}.items():
        (group,) = instance(plan, name).inputs["vpcSecurityGroupIds"]
        assert instance(plan, name).inputs["port"] == port
        assert group == plan.one(GROUP, f"databases-{name}").id
        assert not {"ingress", "egress"} & plan.one(GROUP, f"databases-{name}").inputs.keys()
        (rule,) = [each for each in plan.of_type(INGRESS) if each.inputs["securityGroupId"] == group]
        assert rule.inputs["referencedSecurityGroupId"] == nodes
        assert (rule.inputs["ipProtocol"], rule.inputs["fromPort"], rule.inputs["toPort"]) == ("tcp", port, port)
        assert not [each for each in plan.of_type(EGRESS) if each.inputs["securityGroupId"] == group]


def test_what_is_kept_is_protected_retained_and_backed_up(plan: Plan):
    for name, days in {"pipelines": 14, "tracking": 7}.items():
        found = instance(plan, name)
        assert (found.protect, found.retain_on_delete) == (True, True)
        assert found.inputs["deletionProtection"] is True
        assert found.inputs["backupRetentionPeriod"] == days
        assert found.inputs["copyTagsToSnapshot"] is True
        assert (found.inputs["skipFinalSnapshot"], found.inputs["deleteAutomatedBackups"]) == (False, False)
        for type_ in (GROUP, PARAMETERS):
            assert plan.one(type_, f"databases-{name}").retain_on_delete
    assert plan.one(SUBNETS).retain_on_delete


def test_what_is_disposable_goes_without_a_trace(plan: Plan):
    found = instance(plan, "scratch")
    assert (found.protect, found.retain_on_delete) == (False, False)
    assert found.inputs["deletionProtection"] is False
    assert (found.inputs["skipFinalSnapshot"], found.inputs["deleteAutomatedBackups"]) == (True, True)
    assert "finalSnapshotIdentifier" not in found.inputs
    for type_ in (GROUP, PARAMETERS):
        assert not plan.one(type_, "databases-scratch").retain_on_delete


def test_a_disposable_stack_keeps_no_database(record_settings):
    plan = record_settings(patched({"platform.disposable": True, "databases": [PIPELINES, TRACKING]}))
    ours = [each for each in plan if each.name.startswith("databases")]
    assert not [each.urn for each in ours if each.protect or each.retain_on_delete]
    assert all(each.inputs["deletionProtection"] is False for each in plan.of_type(INSTANCE))


def test_the_last_snapshot_has_a_legal_name_that_no_later_instance_repeats(plan: Plan):
    names = set()
    for name in ("pipelines", "tracking"):
        snapshot = instance(plan, name).inputs["finalSnapshotIdentifier"]
        # CreateDBSnapshot: letters, digits and single hyphens, a letter first, no hyphen last, 255 at most.
        assert re.fullmatch(r"[a-z](-?[a-z0-9])*", snapshot)
        assert len(snapshot) <= 255
        # The group is made and deleted with the instance, and its id is never given again.
        assert snapshot.endswith(plan.one(GROUP, f"databases-{name}").id.removeprefix("sg-"))
        names.add(snapshot)
    assert len(names) == 2


def test_log_groups_are_there_first_with_retention(plan: Plan):
    wanted = {
        "pipelines": {"error", "slowquery"},
        "tracking": {"postgresql", "upgrade"},
        "scratch": {"error", "slowquery"},
    }
    for name, logs in wanted.items():
        found = instance(plan, name)
        assert set(found.inputs["enabledCloudwatchLogsExports"]) == logs
        groups = [plan.one(LOGS, f"databases-{name}/{log}") for log in sorted(logs)]
        assert [group.inputs["name"] for group in groups] == [
            f"/aws/rds/instance/{found.inputs['identifier']}/{log}" for log in sorted(logs)
        ]
        assert all(group.inputs["retentionInDays"] == 30 for group in groups)
        assert {group.urn for group in groups} <= before(plan, found)


def test_parameters_ask_for_tls(plan: Plan):
    for name, family, key in (
        ("pipelines", "mysql8.4", "require_secure_transport"),
        ("tracking", "postgres17", "rds.force_ssl"),
    ):
        group = plan.one(PARAMETERS, f"databases-{name}")
        assert group.inputs["family"] == family
        assert {each["name"]: each["value"] for each in group.inputs["parameters"]}[key] == "1"
        assert instance(plan, name).inputs["parameterGroupName"] == group.outputs["name"]
        assert instance(plan, name).inputs["caCertIdentifier"] == "rds-ca-rsa2048-g1"


def test_multi_az_and_growth_as_asked(plan: Plan):
    pipelines, tracking = instance(plan, "pipelines").inputs, instance(plan, "tracking").inputs
    assert (pipelines["multiAz"], tracking["multiAz"]) == (True, False)
    assert (pipelines["storageType"], pipelines["allocatedStorage"], pipelines["maxAllocatedStorage"]) == (
        "gp3",
        100,
        500,
    )
    assert "maxAllocatedStorage" not in tracking
    assert (pipelines["dbName"], tracking["dbName"]) == ("mlpipeline", "mlflow")


def test_minor_versions_rise_by_themselves_unless_one_is_named(plan: Plan):
    assert instance(plan, "pipelines").inputs["autoMinorVersionUpgrade"] is True
    assert instance(plan, "tracking").inputs["autoMinorVersionUpgrade"] is False
    assert instance(plan, "tracking").outputs["engineVersionActual"] == "17.10"
    assert instance(plan, "pipelines").outputs["engineVersionActual"] == "8.4.11"
    supports = {each.inputs["engineLifecycleSupport"] for each in plan.of_type(INSTANCE)}
    assert supports == {"open-source-rds-extended-support-disabled"}


def test_insights_where_the_class_has_them(plan: Plan):
    assert instance(plan, "pipelines").inputs["performanceInsightsEnabled"] is True
    assert instance(plan, "pipelines").inputs["performanceInsightsRetentionPeriod"] == 7
    assert instance(plan, "scratch").inputs["performanceInsightsEnabled"] is False
    assert "performanceInsightsKmsKeyId" not in instance(plan, "scratch").inputs


def test_monitoring_has_a_role_for_this_instance_alone(plan: Plan):
    found = instance(plan, "pipelines")
    role = plan.one(ROLE, "databases-pipelines-monitoring")
    assert (found.inputs["monitoringInterval"], found.inputs["monitoringRoleArn"]) == (60, role.outputs["arn"])
    (statement,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
    assert statement["Principal"] == {"Service": "monitoring.rds.amazonaws.com"}
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "123456789012"},
        "ArnLike": {"aws:SourceArn": found.outputs["arn"]},
    }
    policy = plan.one("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "databases-pipelines-monitoring")
    assert policy.inputs["policyArn"] == "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
    assert policy.urn in before(plan, found)
    assert not [each for each in plan.of_type(ROLE) if each.name.startswith("databases-tracking")]


def test_identifiers_carry_the_platforms_name_and_no_stacks(plan: Plan):
    assert {each.inputs["identifier"] for each in plan.of_type(INSTANCE)} == {
        "ml-pipelines",
        "ml-tracking",
        "ml-scratch",
    }


def test_a_replacement_does_not_meet_its_predecessor(plan: Plan):
    assert all(each.delete_before_replace for each in plan.of_type(INSTANCE))


def test_databases_do_not_wait_for_the_control_plane(plan: Plan):
    types = {urn.rpartition("::")[0].rpartition("$")[2] for urn in before(plan, instance(plan, "pipelines"))}
    assert not {type_ for type_ in types if "eks" in type_}


def test_the_stack_says_how_to_connect(plan: Plan):
    said = plan.outputs["databases"]["pipelines"]
    found = instance(plan, "pipelines")
    assert said == {
        "host": found.outputs["address"],
        "port": 3306,
        "username": "dbadmin",
        "secretArn": found.outputs["masterUserSecrets"][0]["secretArn"],
    }


def test_a_private_cluster_reaches_the_secret(record_settings):
    plan = record_settings(patched({"network.internet": False, "databases": [TRACKING]}))
    services = {each.inputs["serviceName"] for each in plan.of_type("aws:ec2/vpcEndpoint:VpcEndpoint")}
    assert "com.amazonaws.us-west-2.secretsmanager" in services
    without = record_settings(patched({"network.internet": False}))
    services = {each.inputs["serviceName"] for each in without.of_type("aws:ec2/vpcEndpoint:VpcEndpoint")}
    assert "com.amazonaws.us-west-2.secretsmanager" not in services


def test_hosts_are_in_their_region(record_settings):
    plan = record_settings(
        patched(
            {
                "platform.region": "eu-central-1",
                "network.zones": ["euc1-az1", "euc1-az2"],
                "nodeGroups": [BASE["nodeGroups"][0]],
                "storage": {},
                "databases": [PIPELINES],
            }
        )
    )
    assert instance(plan, "pipelines").outputs["address"].endswith(".eu-central-1.rds.amazonaws.com")


def bill(plan: Plan, on: datetime.date = TODAY) -> Mapping[str, Line]:
    return {line.item.removeprefix("databases-"): line for line in cost(plan, on).lines if line.area == "databases"}


def test_the_bill(record_settings):
    found = bill(
        record_settings(
            patched(
                {
                    "platform.region": "us-east-1",
                    "network.zones": ["use1-az4", "use1-az6"],
                    "nodeGroups": [BASE["nodeGroups"][0]],
                    "storage": {},
                    "databases": [
                        {**PIPELINES, "instanceClass": "db.m5.large"},
                        {**TRACKING, "instanceClass": "db.t3.large"},
                    ],
                }
            )
        )
    )
    # By hand: infracost's 124.83 and 105.85 USD a month, twice for Multi-AZ; 0.115 a GiB and month; 0.40 a secret.
    hours = found["pipelines: mysql db.m5.large, Multi-AZ"]
    assert hours.desired == pytest.approx(2 * 124.83 / 730, rel=1e-3)
    assert hours.verified
    assert found["tracking: postgres db.t3.large"].desired == pytest.approx(105.85 / 730, rel=1e-3)
    storage = found["pipelines: gp3 100 GiB, Multi-AZ"]
    assert storage.desired == pytest.approx(2 * 100 * 0.115 / 730)
    assert storage.maximum == pytest.approx(2 * 500 * 0.115 / 730)
    assert found["tracking: gp3 20 GiB"].maximum == pytest.approx(20 * 0.115 / 730)
    assert found["tracking: secret"].desired == pytest.approx(0.4 / 730)


def test_extended_support_is_billed_per_vcpu_of_standbys_too(record_settings):
    old = {**PIPELINES, "version": "8.0", "support": "EXTENDED"}
    plan = record_settings(patched({"databases": [old]}))
    item = "pipelines: extended support of 4 vCPUs"
    assert bill(plan)[item].desired == pytest.approx(0.4)
    assert bill(plan, datetime.date(2028, 8, 1))[item].desired == pytest.approx(0.8)
    assert item not in bill(plan, datetime.date(2026, 7, 31))
    assert not [name for name in bill(record_settings(patched({"databases": [PIPELINES]}))) if "extended" in name]


def test_an_unknown_price_is_listed_and_not_guessed(record_settings):
    plan = record_settings(patched({"databases": [{**TRACKING, "instanceClass": "db.m8g.large"}]}))
    found = cost(plan, TODAY)
    assert "databases-tracking: postgres db.m8g.large: no price known" in found.unpriced
    assert "RDS backups beyond the size of the databases" in found.by_use
    assert not any("rds" in each for each in found.unpriced)


def test_settings_reach_aws(record_settings):
    more: dict[str, Any] = {
        "backupWindow": "23:30-00:30",
        "maintenanceWindow": "tue:04:00-tue:05:30",
        "username": "owner",
        "applyImmediately": True,
        "requireTls": False,
        "logs": ["iam-db-auth-error"],
        "logRetentionDays": 90,
        "insights": False,
        "support": "EXTENDED",
    }
    plan = record_settings(patched({"databases": [{**TRACKING, **more}]}))
    inputs = instance(plan, "tracking").inputs
    assert (inputs["backupWindow"], inputs["maintenanceWindow"]) == ("23:30-00:30", "tue:04:00-tue:05:30")
    assert (inputs["username"], inputs["applyImmediately"]) == ("owner", True)
    assert inputs["enabledCloudwatchLogsExports"] == ["iam-db-auth-error"]
    assert plan.one(LOGS, "databases-tracking/iam-db-auth-error").inputs["retentionInDays"] == 90
    assert inputs["performanceInsightsEnabled"] is False
    assert inputs["engineLifecycleSupport"] == "open-source-rds-extended-support"
    parameters = plan.one(PARAMETERS, "databases-tracking").inputs["parameters"]
    assert {"name": "rds.force_ssl", "value": "0", "applyMethod": "immediate"} in parameters
    warnings = [each for each in plan.outputs["warnings"] if each.startswith("databases[0] tracking")]
    assert len(warnings) == 3
