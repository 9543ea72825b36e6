"""The machine and the ECS cluster as planned: closed, encrypted, beside their files, and from none."""

import base64
import email
import functools
import json
from collections.abc import Mapping
from typing import Any

import pytest

from infra.workstation import place
from slipway.plan.checks import check
from slipway.plan.cost import cost
from slipway.plan.model import Plan, Resource
from slipway.plan.reach.reach import reach
from slipway.rehearsal.recorder import record
from stacks.program import main
from tests.contract import aws_calls
from tests.contract.aws_calls_workstation import CALLS
from tests.contract.test_aws_inputs import problems

INSTANCE, VOLUME_KEY = "aws:ec2/instance:Instance", "aws:kms/key:Key"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
SCALING, TEMPLATE = "aws:autoscaling/group:Group", "aws:ec2/launchTemplate:LaunchTemplate"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
LUSTRE, EFS = "aws:fsx/lustreFileSystem:LustreFileSystem", "aws:efs/fileSystem:FileSystem"
# FSx for Lustre user guide; NFS.
LUSTRE_PORTS, NFS_PORTS = {(988, 988), (1018, 1023)}, {(2049, 2049)}
G5: Mapping[str, Any] = {"instanceType": "g5.xlarge"}

STACK: Mapping[str, Any] = {
    "platform": {"name": "p", "region": "us-west-2", "environment": "t", "owner": "t", "costCenter": "t"},
    "network": {"zones": ["usw2-az1", "usw2-az2"]},
    "nodeGroups": [{"name": "system", "system": True, "instanceTypes": ["m7i.large"], "min": 1}],
    "storage": {
        "lustre": [{"name": "scratch", "zone": "usw2-az2", "capacity": 1200, "throughputPerTib": 125}],
        "efs": [{"name": "home"}],
        "buckets": {"data": {}, "logs": {}},
    },
    "addons": {"preset": "minimal"},
}


def stack(workstation: Mapping[str, Any], **more: Any) -> Mapping[str, Any]:
    return {**STACK, **more, "workstation": workstation}


@functools.cache
def recorded() -> Plan:
    raw = stack({"instance": {**G5, "stopAfterIdleMinutes": 60}, "ecs": {"instanceType": "g6.xlarge", "max": 3}})
    config = {f"slipway:{key}": json.dumps(value) for key, value in raw.items()}
    return record(main, project="slipway", stack="test", config=config)


@pytest.fixture
def both() -> Plan:
    return recorded()


def own(plan: Plan, *types: str) -> list[Resource]:
    """What the component made of these types."""
    below = {each.urn for each in plan.descendants(plan.one("slipway:infra:Workstation"))}
    return [each for each in plan.of_type(*types) if each.urn in below]


def ports(plan: Plan, type_: str, owner: str, peer: str) -> set[tuple[int, int]]:
    return {
        (rule.inputs["fromPort"], rule.inputs["toPort"])
        for rule in plan.of_type(type_)
        if rule.inputs["securityGroupId"] == owner and rule.inputs.get("referencedSecurityGroupId") == peer
    }


def script(plan: Plan) -> str:
    message = email.message_from_string(plan.one(INSTANCE).inputs["userData"])
    found = {part.get_content_type(): str(part.get_payload()) for part in message.walk() if not part.is_multipart()}
    return found["text/x-shellscript"]


def statements(plan: Plan, name: str) -> dict[str, dict[str, Any]]:
    policy = json.loads(plan.one("aws:iam/rolePolicy:RolePolicy", name).inputs["policy"])
    return {statement["Sid"]: statement for statement in policy["Statement"]}


def subnet_zones(plan: Plan) -> dict[str, str]:
    return {each.id: each.inputs["availabilityZoneId"] for each in plan.of_type("aws:ec2/subnet:Subnet")}


def test_nobody_has_one_by_accident(dev: Plan):
    assert not dev.of_type(INSTANCE, SCALING, "slipway:infra:Workstation", "aws:ecs/cluster:Cluster")


def test_the_graph_is_sound(both: Plan):
    assert list(check(both)) == []


def test_aws_takes_every_request(both: Plan):
    made = [
        each for each in both if each.type in CALLS or (each.type in aws_calls.CALLS and "workstation" in each.name)
    ]
    assert {each.type for each in made} >= CALLS.keys()
    assert {each.name: wrong for each in made if (wrong := problems(each))} == {}


def test_nothing_gets_in_but_the_lustre_servers_that_call_back(both: Plan):
    groups = {each.id for each in own(both, GROUP)}
    servers = both.one(GROUP, "storage-lustre").id
    inward = [rule.inputs for rule in both.of_type(INGRESS) if rule.inputs["securityGroupId"] in groups]
    assert {rule.get("referencedSecurityGroupId") for rule in inward} == {servers}
    assert {(rule["fromPort"], rule["toPort"]) for rule in inward} == LUSTRE_PORTS


def test_nobody_reaches_it_from_anywhere(both: Plan):
    inward = [path for path in reach(both).paths if path.target.name.startswith("workstation")]
    assert {path.source.kind for path in inward} == {"Lustre"}
    out = {path.target.name for path in reach(both).paths if path.source.name == "workstation"}
    assert out == {"storage-scratch", "storage-home", "0.0.0.0/0"}


def test_there_is_no_key_pair_and_no_address(both: Plan):
    instance = both.one(INSTANCE).inputs
    assert "keyName" not in instance
    assert instance["associatePublicIpAddress"] is False
    private = {each.id for each in both.of_type("aws:ec2/subnet:Subnet") if each.name.startswith("network-private-")}
    assert instance["subnetId"] in private
    assert set(both.one(SCALING).inputs["vpcZoneIdentifiers"]) == private
    assert not {"keyName", "networkInterfaces"} & both.one(TEMPLATE, "workstation-ecs").inputs.keys()
    assert not [each for each in both if each.type.startswith("aws:ec2/keyPair")]


def test_the_metadata_service_asks_for_a_token_one_hop_away(both: Plan):
    for each in (both.one(INSTANCE), both.one(TEMPLATE, "workstation-ecs")):
        assert each.inputs["metadataOptions"]["httpTokens"] == "required"
        assert each.inputs["metadataOptions"]["httpPutResponseHopLimit"] == 1


def test_the_root_volume_is_under_the_stacks_key_and_kept(both: Plan):
    instance = both.one(INSTANCE)
    root = instance.inputs["rootBlockDevice"]
    assert (root["encrypted"], root["volumeType"]) == (True, "gp3")
    assert root["kmsKeyId"] == both.one(VOLUME_KEY, "data").outputs["arn"]
    assert root["deleteOnTermination"] is False
    assert instance.inputs["disableApiTermination"] is True
    assert instance.protect


@pytest.mark.parametrize("how", ["the machine", "the stack"])
def test_a_disposable_machine_goes_with_its_volume(record_settings, how: str):
    platform = {**STACK["platform"], "disposable": how == "the stack"}
    machine = {**G5, "disposable": how == "the machine"}
    instance = record_settings(stack({"instance": machine}, platform=platform)).one(INSTANCE)
    assert instance.inputs["rootBlockDevice"]["deleteOnTermination"] is True
    # Said, not left out: the provider keeps what was set where nothing is said, and could not delete a machine that
    # was protected before (hashicorp/terraform-provider-aws, pull request 43722).
    assert instance.inputs["disableApiTermination"] is False
    assert not instance.protect


def test_spot_needs_no_grant_and_cannot_be_protected(record_settings):
    """EC2's role for spot may not use the stack's key, and spot instances have no termination protection."""
    instance = record_settings(stack({"instance": {**G5, "capacity": "spot"}})).one(INSTANCE)
    assert instance.inputs["instanceMarketOptions"] == {"marketType": "spot"}
    assert "kmsKeyId" not in instance.inputs["rootBlockDevice"]
    assert instance.inputs["rootBlockDevice"]["encrypted"] is True
    assert "disableApiTermination" not in instance.inputs
    assert not instance.protect


def test_what_takes_a_stop_replaces_a_spot_instance_which_cannot_stop(record_settings, both: Plan):
    """EC2 user guide, "Stop a Spot Instance": not where the request is one-time, as it is by default."""
    spot = record_settings(stack({"instance": {**G5, "capacity": "spot"}})).one(INSTANCE)
    assert set(spot.replace_on_changes) == {"instanceType", "userData"} <= set(spot.inputs)
    assert both.one(INSTANCE).replace_on_changes == ()


def test_a_newer_image_replaces_nothing(both: Plan):
    instance = both.one(INSTANCE)
    assert instance.inputs["ami"].startswith("ami-")
    assert instance.ignore_changes == ("ami",)


def test_it_mounts_every_file_system_of_the_stack_by_its_names(both: Plan):
    text = script(both)
    lustre, efs = both.one(LUSTRE), both.one(EFS)
    assert f"{lustre.outputs['dnsName']}@tcp:/{lustre.outputs['mountName']} /mnt/scratch lustre " in text
    assert f"{efs.id}:/ /mnt/home efs tls," in text
    assert f"try getent hosts {efs.outputs['dnsName']} " in text
    assert "\nmountpoint -q /mnt/scratch || try mount /mnt/scratch\n" in text


def test_it_mounts_only_what_it_names(record_settings):
    plan = record_settings(stack({"instance": {**G5, "mounts": ["home"]}}))
    assert "lustre" not in script(plan)
    group, servers = plan.one(GROUP, "workstation").id, plan.one(GROUP, "storage-lustre").id
    assert not ports(plan, INGRESS, servers, group)
    assert not [rule for rule in plan.of_type(INGRESS) if rule.inputs["securityGroupId"] == group]


def test_without_file_systems_there_is_no_script(record_settings):
    plan = record_settings(stack({"instance": {**G5, "mounts": []}}))
    assert "userData" not in plan.one(INSTANCE).inputs


def test_it_is_in_the_zone_of_its_lustre_file_system(both: Plan):
    zones = subnet_zones(both)
    assert zones[both.one(INSTANCE).inputs["subnetId"]] == zones[both.one(LUSTRE).inputs["subnetIds"]] == "usw2-az2"


def test_a_zone_of_its_own_wins(record_settings):
    plan = record_settings(stack({"instance": {**G5, "zone": "usw2-az1"}}))
    assert subnet_zones(plan)[plan.one(INSTANCE).inputs["subnetId"]] == "usw2-az1"


def test_file_systems_ports_are_open_both_ways(both: Plan):
    client = both.one(GROUP, "workstation").id
    servers, targets = both.one(GROUP, "storage-lustre").id, both.one(GROUP, "storage-efs").id
    for type_ in (INGRESS, EGRESS):
        assert ports(both, type_, servers, client) == LUSTRE_PORTS
        assert ports(both, type_, client, servers) == LUSTRE_PORTS
    assert ports(both, INGRESS, targets, client) == NFS_PORTS
    assert ports(both, EGRESS, client, targets) == NFS_PORTS
    assert not ports(both, INGRESS, client, targets)


def test_it_starts_once_it_can_reach_aws_and_its_files(both: Plan):
    instance = both.one(INSTANCE)
    group = both.one(GROUP, "workstation").id
    rules = [
        rule.urn
        for rule in both.of_type(INGRESS, EGRESS)
        if group in (rule.inputs["securityGroupId"], rule.inputs.get("referencedSecurityGroupId"))
    ]
    routes = [each.urn for each in both.of_type("aws:ec2/route:Route") if "private" in each.name]
    policies = [
        each.urn
        for each in both.of_type("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "aws:iam/rolePolicy:RolePolicy")
        if each.inputs["role"] == both.one("aws:iam/role:Role", "workstation").outputs["name"]
    ]
    assert rules
    assert routes
    assert len(policies) == 2
    assert {*rules, *routes, *policies} <= set(instance.dependencies)
    targets = [each.urn for each in both.of_type("aws:efs/mountTarget:MountTarget")]
    assert set(targets) <= set(instance.dependencies)


def test_people_on_it_may_use_the_stacks_buckets_and_nothing_else(both: Plan):
    found = statements(both, "workstation")
    data = both.one("aws:s3/bucket:Bucket", "storage-data").outputs["arn"]
    assert found["Buckets"]["Resource"] == [data]
    assert found["Objects"]["Resource"] == [f"{data}/*"]
    key = found["KeyOfObjects"]
    assert key["Resource"] == both.one(VOLUME_KEY, "data").outputs["arn"]
    assert key["Condition"] == {"StringEquals": {"kms:ViaService": "s3.us-west-2.amazonaws.com"}}
    assert found.keys() == {"Buckets", "Objects", "KeyOfObjects"}


def test_of_awss_policies_machines_have_those_of_their_agents_alone(both: Plan):
    """Systems Manager user guide, "Step 1: configure instance permissions"; ECS developer guide, "Container instance
    IAM role".
    """
    found = {
        name: {
            each.inputs["policyArn"].partition("policy/")[2]
            for each in both.of_type("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
            if each.inputs["role"] == both.one("aws:iam/role:Role", name).outputs["name"]
        }
        for name in ("workstation", "workstation-ecs")
    }
    session = "AmazonSSMManagedInstanceCore"
    assert found == {
        "workstation": {session},
        "workstation-ecs": {session, "service-role/AmazonEC2ContainerServiceforEC2Role"},
    }


def test_an_idle_machine_stops(both: Plan):
    alarm = both.one(ALARM, "workstation-idle").inputs
    assert alarm["alarmActions"] == ["arn:aws:automate:us-west-2:ec2:stop"]
    assert alarm["dimensions"] == {"InstanceId": both.one(INSTANCE).id}
    assert alarm["period"] * alarm["evaluationPeriods"] == 3600
    assert (alarm["statistic"], alarm["comparisonOperator"]) == ("Maximum", "LessThanThreshold")
    # Half of a g5.xlarge's four vCPUs is 12.5 %; an idle one uses less than 5.
    assert alarm["threshold"] == 5
    # A machine that starts again would stop at once.
    assert alarm["treatMissingData"] == "notBreaching"


def test_a_machine_that_nobody_guards_has_no_alarm(record_settings):
    assert not record_settings(stack({"instance": G5})).of_type(ALARM)


def test_ecs_starts_from_none_and_follows_its_tasks(both: Plan):
    group = both.one(SCALING)
    assert (group.inputs["minSize"], group.inputs["maxSize"]) == (0, 3)
    assert "desiredCapacity" not in group.inputs
    assert "desiredCapacity" in group.ignore_changes
    provider = both.one("aws:ecs/capacityProvider:CapacityProvider")
    settings = provider.inputs["autoScalingGroupProvider"]
    assert settings["autoScalingGroupArn"] == group.outputs["arn"]
    assert settings["managedScaling"]["status"] == "ENABLED"
    assert settings["managedDraining"] == "ENABLED"
    # ECS refuses managed termination protection where new instances are not protected from scale-in.
    assert settings["managedTerminationProtection"] == "ENABLED"
    assert group.inputs["protectFromScaleIn"] is True
    joined = both.one("aws:ecs/clusterCapacityProviders:ClusterCapacityProviders").inputs
    assert joined["capacityProviders"] == [provider.outputs["name"]]
    assert joined["defaultCapacityProviderStrategies"][0]["capacityProvider"] == provider.outputs["name"]
    assert joined["clusterName"] == both.one("aws:ecs/cluster:Cluster").outputs["name"]


def test_ecs_instances_join_their_cluster_with_gpus(both: Plan):
    template = both.one(TEMPLATE, "workstation-ecs").inputs
    text = base64.b64decode(template["userData"]).decode()
    assert f"ECS_CLUSTER={both.one('aws:ecs/cluster:Cluster').outputs['name']}\n" in text
    assert template["imageId"].startswith("resolve:ssm:/aws/service/ecs/optimized-ami/amazon-linux-2023/gpu/")
    (disk,) = template["blockDeviceMappings"]
    # An Auto Scaling group's role may not use the stack's key (docs/decisions/0004).
    assert disk["ebs"]["encrypted"] == "true"
    assert "kmsKeyId" not in disk["ebs"]
    profile = both.one("aws:iam/instanceProfile:InstanceProfile", "workstation-ecs")
    assert template["iamInstanceProfile"] == {"arn": profile.outputs["arn"]}


def test_ecs_on_spot(record_settings):
    plan = record_settings(stack({"ecs": {**G5, "capacity": "spot", "zones": ["usw2-az1"]}}))
    assert plan.one(TEMPLATE, "workstation-ecs").inputs["instanceMarketOptions"] == {"marketType": "spot"}
    (subnet,) = plan.one(SCALING).inputs["vpcZoneIdentifiers"]
    assert subnet_zones(plan)[subnet] == "usw2-az1"
    assert not plan.of_type(INSTANCE)


def test_commands_in_tasks_are_logged_under_the_key(both: Plan):
    execute = both.one("aws:ecs/cluster:Cluster").inputs["configuration"]["executeCommandConfiguration"]
    key = both.one(VOLUME_KEY, "data").outputs["arn"]
    assert execute["kmsKeyId"] == key
    assert execute["logConfiguration"]["cloudWatchLogGroupName"] == "/slipway/p/ecs/exec"
    for role in ("exec", "tasks"):
        assert both.one("aws:cloudwatch/logGroup:LogGroup", f"workstation-ecs-{role}").inputs["kmsKeyId"] == key


def test_only_ecs_of_this_account_takes_the_execution_role(both: Plan):
    role = both.one("aws:iam/role:Role", "workstation-ecs-execution")
    (trust,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
    assert trust["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
    assert trust["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "123456789012"},
        "ArnLike": {"aws:SourceArn": "arn:aws:ecs:us-west-2:123456789012:*"},
    }
    assert statements(both, "workstation-ecs-execution")["WriteLogs"]["Resource"].endswith(
        ":log-group:/slipway/p/ecs/tasks:*"
    )


def test_without_internet_https_goes_to_the_endpoints_and_s3_alone(record_settings):
    network = {"zones": ["usw2-az1", "usw2-az2"], "internet": False, "cidr": "10.9.0.0/16"}
    plan = record_settings(stack({"instance": G5, "ecs": G5}, network=network))
    for name in ("workstation", "workstation-ecs"):
        group = plan.one(GROUP, name).id
        rules = [rule.inputs for rule in plan.of_type(EGRESS) if rule.inputs["securityGroupId"] == group]
        https = [rule for rule in rules if rule["fromPort"] == 443]
        assert sorted(rule.get("cidrIpv4", "S3") for rule in https) == ["10.9.0.0/16", "S3"]
        assert [rule["prefixListId"][:3] for rule in https if "prefixListId" in rule] == ["pl-"]
        assert all("referencedSecurityGroupId" in rule for rule in rules if rule not in https)
    services = {each.inputs["serviceName"] for each in plan.of_type("aws:ec2/vpcEndpoint:VpcEndpoint")}
    wanted = ("ecs", "ecs-agent", "ecs-telemetry", "ssm", "ssmmessages", "logs", "ecr.api", "ecr.dkr", "s3")
    assert services >= {f"com.amazonaws.us-west-2.{name}" for name in wanted}
    assert {each.name: wrong for each in own(plan, EGRESS) if (wrong := problems(each))} == {}


def test_ecs_endpoints_are_for_ecs_alone(record_settings):
    network = {"zones": ["usw2-az1", "usw2-az2"], "internet": False}
    plan = record_settings(stack({"instance": G5}, network=network))
    services = {each.inputs["serviceName"] for each in plan.of_type("aws:ec2/vpcEndpoint:VpcEndpoint")}
    assert not [name for name in services if name.rpartition(".")[2].startswith("ecs")]
    assert place.endpoints(None) == ()


def test_its_hours_and_disks_are_in_the_bill(both: Plan):
    """us-west-2 on demand: g5.xlarge 1.006 and g6.xlarge 0.8048 USD an hour, gp3 0.08 USD per GiB and month."""
    found = cost(both)
    lines = {line.item: line for line in found.lines if line.area == "machines"}
    disk = 200 * 0.08 / 730
    assert lines["workstation: g5.xlarge on-demand"].desired == pytest.approx(1.006)
    assert lines["workstation: gp3 200 GiB"].desired == pytest.approx(disk)
    assert lines["workstation-ecs: g6.xlarge on-demand"].desired == 0
    assert lines["workstation-ecs: g6.xlarge on-demand"].maximum == pytest.approx(3 * 0.8048)
    assert lines["workstation-ecs: gp3 200 GiB"].maximum == pytest.approx(3 * disk)
    assert len(lines) == 4
    assert "ECS Container Insights" in found.by_use
    assert not [text for text in found.unpriced if "ecs" in text or "ec2" in text or "autoscaling" in text]


def test_spot_and_silent_ecs_in_the_bill(record_settings):
    plan = record_settings(
        stack(
            {
                "instance": {**G5, "capacity": "spot", "detailedMonitoring": True},
                "ecs": {**G5, "containerInsights": "disabled"},
            }
        )
    )
    found = cost(plan)
    (line,) = [line for line in found.lines if line.item == "workstation: g5.xlarge spot"]
    assert 0 < line.desired < 1.006
    assert not line.verified
    assert "ECS Container Insights" not in found.by_use
    assert "workstation: detailed monitoring: no price known" in found.unpriced


def test_the_stack_says_how_to_get_in(both: Plan):
    out = both.one("pulumi:pulumi:Stack").outputs["workstation"]
    instance = both.one(INSTANCE).id
    assert out["instanceId"] == instance
    assert out["connect"] == f"aws ssm start-session --region us-west-2 --target {instance}"
    assert out["ecsCluster"] == both.one("aws:ecs/cluster:Cluster").outputs["name"]
    assert out["ecsCapacityProvider"] == both.one("aws:ecs/capacityProvider:CapacityProvider").outputs["name"]


def test_images_of_the_stacks_registry_may_be_pulled(record_settings):
    plan = record_settings(stack({"instance": G5, "ecs": G5}, registry={"repositories": [{"name": "team/train"}]}))
    urls = [each.outputs["repositoryUrl"] for each in plan.of_type("aws:ecr/repository:Repository")]
    assert urls
    wanted = {f"arn:aws:ecr:us-west-2:123456789012:repository/{url.partition('/')[2]}" for url in urls}
    for name in ("workstation", "workstation-ecs-execution"):
        assert set(statements(plan, name)["PullImages"]["Resource"]) == wanted
