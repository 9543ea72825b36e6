"""What mutations of the repository's plans do not show of the rules about cost: limits, and shapes of others."""

import dataclasses
import datetime
import json
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.platform import PlatformSettings
from policies.around import Around, Environment
from policies.evaluate import ask, subjects
from policies.kubernetes import RELEASE, STATEFUL_SET
from policies.registry import rules
from policies.rules.cost import BLOCK, DATABASE_CLUSTER, RESERVATION
from policies.rules.cost_paths import ASSOCIATION, ENDPOINT_ROUTES, MOUNT_TARGET, ROUTE, SUBNET, TABLE
from policies.rules.cost_tags import ADDON
from policies.rules.cost_volumes import CLAIM, STORAGE_CLASS, VOLUME
from policies.settings import PolicySettings
from slipway import urns
from slipway.plan.bill.types import DATABASE, EFS, ENDPOINT, NAT
from slipway.plan.cost import PROVIDER
from slipway.plan.fleet import LAUNCH_TEMPLATE, NODE_CLASS, NODE_GROUP, NODE_POOL
from slipway.plan.machines import AUTO_SCALING_GROUP, INSTANCE
from slipway.plan.model import Plan, Resource
from slipway.plan.services import BUDGET
from slipway.urns import STACK_TYPE
from slipway.wire import UNKNOWN
from tests.policies.breaking import replaced, with_input
from tests.program.conftest import ROOT, planned

STACK = urns.stack("test", "slipway")
TODAY = datetime.date(2026, 11, 22)
PROD = ROOT / "stacks/config/Pulumi.prod.yaml"
PLATFORM = {"name": "ml", "region": "us-west-2", "environment": "test", "owner": "ada", "costCenter": "research"}
TAGS = {"CostCenter": "research", "Environment": "test", "Owner": "ada", "Platform": "ml"}


def resource(type_: str, inputs: dict[str, Any], name: str = "it", **behind: Resource) -> Resource:
    """One resource; `behind` says what an input was made from."""
    return Resource(
        urn=urns.child(STACK, type_, name),
        custom=True,
        inputs=inputs,
        property_dependencies={key: (each.urn,) for key, each in behind.items()},
    )


def said(
    rule: str, *resources: Resource, owner: str = "ada", today: datetime.date = TODAY, **settings: Any
) -> list[str]:
    """What one rule says of a plan of these resources, as `name: path: what`."""
    stack = Resource(urn=STACK, custom=False)
    return of_plan(
        rule, Plan(project="slipway", stack="test", resources=(stack, *resources)), owner=owner, today=today, **settings
    )


def of_plan(rule: str, plan: Plan, *, owner: str = "ada", today: datetime.date = TODAY, **settings: Any) -> list[str]:
    environment = Environment(
        policies=PolicySettings.model_validate(settings),
        platform=PlatformSettings.model_validate({**PLATFORM, "owner": owner}),
        today=today,
    )
    around = Around(plan=plan, environment=environment)
    (asked,) = (each for each in rules() if each.id == rule)
    found = [finding for each in subjects(asked, plan) for finding in ask(asked, each, around)]
    return [f"{urns.name(each.urn)}: {each.path}: {each.what}" for each in found]


class TestCeiling:
    @pytest.mark.parametrize("size", ["desired", "maximum"])
    @pytest.mark.parametrize(("limit", "kept"), [(0.14, True), (0.13, False)])
    def test_the_ceiling_itself_is_allowed_in_cents(self, size, limit, kept):
        """Three NAT gateways are 0.135 USD an hour (AWS price list), which a plan shows as 0.14."""
        gateways = [resource(NAT, {}, name) for name in "abc"]
        found = said("cost-ceiling", *gateways, hourlyCeiling={size: limit})
        dearest = "dearest: 3 x NAT gateway 0.14"
        assert found == (
            [] if kept else [f"slipway-test: : 0.14 USD an hour at {size} size; 0.13 is allowed; {dearest}"]
        )

    def test_the_dearest_lines_are_named_first(self):
        (found,) = of_plan("cost-ceiling", planned(PROD), hourlyCeiling={"maximum": 1})
        dearest = found.partition("dearest: ")[2].split(", ")
        assert [each.split(":")[0] for each in dearest] == ["h100-usw2-az2", "h200-usw2-az2", "inference-usw2-az1"]

    def test_the_price_is_that_of_the_day(self):
        """EKS 1.35 leaves standard support on 2027-03-27: extended support costs 0.60 in place of 0.10 USD an hour."""
        cluster = resource("aws:eks/cluster:Cluster", {"version": "1.35"})
        before, after = datetime.date(2027, 1, 1), datetime.date(2028, 1, 1)
        assert said("cost-ceiling", cluster, hourlyCeiling={"desired": 0.2}, today=before) == []
        assert said("cost-ceiling", cluster, hourlyCeiling={"desired": 0.2}, today=after)

    @pytest.mark.parametrize(
        ("type_", "name", "path"),
        [
            (NODE_GROUP, "h100-usw2-az2", "scalingConfig.maxSize"),
            (LAUNCH_TEMPLATE, "h100-usw2-az2", "instanceType"),
            (LAUNCH_TEMPLATE, "h100-usw2-az2", "blockDeviceMappings.0.ebs.volumeSize"),
            (DATABASE, "databases-pipelines", "allocatedStorage"),
            ("aws:fsx/lustreFileSystem:LustreFileSystem", "storage-training", "storageCapacity"),
        ],
    )
    def test_an_unknown_size_is_told_and_never_counted(self, type_, name, path):
        prod = planned(PROD)
        plan = replaced(prod, with_input(prod.one(type_, name), path, UNKNOWN))
        (found,) = of_plan("cost-ceiling", plan, hourlyCeiling={"maximum": 10000})
        assert found == f"slipway-prod: {type_} {name}: {path}: unknown until up"
        assert of_plan("cost-ceiling", plan) == []

    def test_what_cannot_be_priced_is_not_below_a_ceiling(self):
        prod = planned(PROD)
        plan = replaced(prod, with_input(prod.one(DATABASE, "databases-pipelines"), "allocatedStorage", "much"))
        (found,) = of_plan("cost-ceiling", plan, hourlyCeiling={"maximum": 10000})
        assert "cannot be priced" in found


class TestBudget:
    TOLD: ClassVar = {"notifications": [{"subscriberSnsTopicArns": [UNKNOWN]}]}

    @pytest.mark.parametrize(
        ("filters", "counts"),
        [
            ([], True),
            ([{"name": "TagKeyValue", "values": ["user:Platform$ml"]}], True),
            ([{"name": "TagKeyValue", "values": ["user:Tenant$vision"]}], False),
            ([{"name": "Service", "values": ["Amazon Elastic Compute Cloud - Compute"]}], False),
            (
                [
                    {"name": "TagKeyValue", "values": ["user:Platform$ml"]},
                    {"name": "Service", "values": ["Amazon Elastic File System"]},
                ],
                False,
            ),
        ],
    )
    def test_what_is_a_budget_of_the_whole_environment(self, filters, counts):
        budget = resource(BUDGET, {"budgetType": "COST", "costFilters": filters, **self.TOLD})
        found = said("cost-budget", budget, budget=True)
        assert found == ([] if counts else ["slipway-test: : no budget for the whole environment"])

    def test_it_is_asked_where_the_environment_says_so(self):
        assert said("cost-budget") == []
        assert said("cost-budget", budget=True) == ["slipway-test: : no budget for the whole environment"]

    def test_a_notification_needs_somebody(self):
        nobody = resource(BUDGET, {"budgetType": "COST", "notifications": [{"subscriberEmailAddresses": []}]})
        assert said("cost-budget", nobody, budget=True) == ["it: notifications: nobody is told"]


@pytest.mark.parametrize(("allowed", "found"), [(None, 0), (2, 0), (1, 1), (0, 1)])
def test_two_nat_gateways(allowed, found):
    gateways = [resource(NAT, {}, name) for name in ("b", "a")]
    messages = said("cost-nat-gateways", *gateways, natGateways=allowed)
    assert len(messages) == found
    assert all("2 NAT gateways (a, b); " in each for each in messages)


class TestKeptAccelerators:
    @pytest.mark.parametrize(
        ("group", "found"),
        [
            ({"instanceTypes": ["m7i.large"], "scalingConfig": {"minSize": 3, "desiredSize": 3}}, []),
            ({"instanceTypes": ["g6.xlarge"], "scalingConfig": {"minSize": 0, "desiredSize": 0}}, []),
            ({"instanceTypes": ["g6.xlarge"]}, []),
            (
                {"instanceTypes": ["inf2.xlarge"], "scalingConfig": {"minSize": 2, "desiredSize": 3}},
                ["scalingConfig.minSize: 2 x inf2.xlarge"],
            ),
            (
                {"instanceTypes": ["f2.6xlarge"], "scalingConfig": {"desiredSize": 1}},
                ["scalingConfig.desiredSize: 1 x f2.6xlarge"],
            ),
            (
                {"instanceTypes": ["g6.xlarge"], "scalingConfig": {"minSize": UNKNOWN}},
                ["scalingConfig.minSize: unknown until up"],
            ),
            ({"instanceTypes": ["m7i.large"], "scalingConfig": {"minSize": UNKNOWN}}, []),
            # A type that came after the catalogue, on an image for GPUs.
            (
                {"amiType": "AL2023_x86_64_NVIDIA", "instanceTypes": ["p9.48xlarge"], "scalingConfig": {"minSize": 1}},
                ["scalingConfig.minSize: 1 x p9.48xlarge"],
            ),
        ],
    )
    def test_groups(self, group, found):
        messages = said("cost-kept-accelerators", resource(NODE_GROUP, group))
        assert len(messages) == len(found)
        assert all(message.startswith(f"it: {part}") for message, part in zip(messages, found, strict=True))

    def test_the_type_may_stand_in_the_launch_template(self):
        template = resource(LAUNCH_TEMPLATE, {"instanceType": "p5.48xlarge"})
        group = resource(NODE_GROUP, {"scalingConfig": {"minSize": 1}}, launchTemplate=template)
        assert said("cost-kept-accelerators", template, group) == [
            "it: scalingConfig.minSize: 1 x p5.48xlarge without work; 0 lets the group start from nothing"
        ]

    @pytest.mark.parametrize(
        ("actions", "stopped"),
        [
            (["arn:aws:automate:us-west-2:ec2:stop"], True),
            ([UNKNOWN, "arn:aws-us-gov:automate:us-gov-west-1:ec2:terminate"], True),
            (["arn:aws:automate:us-west-2:ec2:reboot"], False),
            ([UNKNOWN], False),
            ([], False),
        ],
    )
    def test_what_stops_a_machine(self, actions, stopped):
        machine = resource(INSTANCE, {"instanceType": "g6.xlarge"})
        alarm = resource("aws:cloudwatch/metricAlarm:MetricAlarm", {"alarmActions": actions}, dimensions=machine)
        assert (said("cost-kept-accelerators", machine, alarm) == []) is stopped

    @pytest.mark.parametrize("target", ["capacityReservationId", "capacityReservationResourceGroupArn"])
    def test_what_is_reserved_is_billed_whether_it_runs_or_not(self, target):
        reserved = {"capacityReservationSpecification": {"capacityReservationTarget": {target: UNKNOWN}}}
        template = resource(LAUNCH_TEMPLATE, {"instanceType": "p5.48xlarge", **reserved})
        group = resource(NODE_GROUP, {"scalingConfig": {"minSize": 1, "desiredSize": 2}}, launchTemplate=template)
        assert said("cost-kept-accelerators", template, group) == []
        block = {"capacityType": "CAPACITY_BLOCK", "instanceTypes": ["p5.48xlarge"], "scalingConfig": {"minSize": 1}}
        assert said("cost-kept-accelerators", resource(NODE_GROUP, block)) == []

    def test_the_launch_template_may_be_called_by_its_name(self):
        template = resource(LAUNCH_TEMPLATE, {"name": "fast", "instanceType": "p5.48xlarge"})
        group = resource(NODE_GROUP, {"launchTemplate": {"name": "fast"}, "scalingConfig": {"minSize": 1}})
        assert len(said("cost-kept-accelerators", template, group)) == 1

    def test_the_types_of_a_mixed_group_stand_in_its_policy(self):
        template = resource(LAUNCH_TEMPLATE, {"instanceType": "m7i.large"})
        overrides = [{"instanceType": "m7i.large"}, {"instanceType": "g6.xlarge"}]
        mixed = {"minSize": 1, "mixedInstancesPolicy": {"launchTemplate": {"overrides": overrides}}}
        group = resource(AUTO_SCALING_GROUP, mixed, mixedInstancesPolicy=template)
        assert said("cost-kept-accelerators", template, group) == [
            "it: minSize: 1 x g6.xlarge without work; 0 lets the group start from nothing"
        ]
        alone = resource(LAUNCH_TEMPLATE, {"instanceType": "g6.xlarge"})
        group = resource(AUTO_SCALING_GROUP, {"minSize": 1}, mixedInstancesPolicy=alone)
        assert said("cost-kept-accelerators", alone, group) == [
            "it: minSize: 1 x g6.xlarge without work; 0 lets the group start from nothing"
        ]

    @given(least=st.integers(0, 450), wanted=st.integers(0, 450))
    def test_any_size_above_zero_is_told_once(self, least, wanted):
        sizes = {"minSize": least, "desiredSize": wanted}
        found = said(
            "cost-kept-accelerators", resource(NODE_GROUP, {"instanceTypes": ["g6.xlarge"], "scalingConfig": sizes})
        )
        assert len(found) == (1 if least or wanted else 0)


class TestIdleReservation:
    @pytest.mark.parametrize(
        ("type_", "inputs", "idle"),
        [
            (BLOCK, {}, True),
            (RESERVATION, {"instanceMatchCriteria": "targeted"}, True),
            (RESERVATION, {"instanceMatchCriteria": "open"}, False),
            (RESERVATION, {}, False),
        ],
    )
    def test_what_the_stack_reserves_must_be_used(self, type_, inputs, idle):
        bought = resource(type_, inputs)
        user = resource(LAUNCH_TEMPLATE, {}, "user", capacityReservationSpecification=bought)
        assert (said("cost-idle-reservation", bought) != []) is idle
        assert said("cost-idle-reservation", bought, user) == []

    @pytest.mark.parametrize(
        ("values", "nodes", "idle"),
        [
            (["reserved"], "4", False),
            (["on-demand", "reserved"], None, False),
            (["on-demand"], "4", True),
            (["reserved"], "0", True),
            (None, "4", False),
        ],
    )
    def test_a_pool_of_karpenters(self, values, nodes, idle):
        terms = [{"id": "cr-0123456789abcdef0"}]
        class_ = resource(
            NODE_CLASS, {"metadata": {"name": "h100"}, "spec": {"capacityReservationSelectorTerms": terms}}
        )
        asked = [{"key": "karpenter.sh/capacity-type", "operator": "In", "values": values}] if values else []
        template = {"spec": {"nodeClassRef": {"name": "h100"}, "requirements": asked}}
        pool = resource(NODE_POOL, {"spec": {"template": template, **({"limits": {"nodes": nodes}} if nodes else {})}})
        assert (said("cost-idle-reservation", class_, pool) != []) is idle

    def test_nodes_from_the_start_need_no_autoscaler(self):
        group = {"capacityType": "CAPACITY_BLOCK", "scalingConfig": {"minSize": 0, "desiredSize": 2, "maxSize": 2}}
        assert said("cost-idle-reservation", resource(NODE_GROUP, group)) == []
        group["scalingConfig"] = {"minSize": 0, "desiredSize": 0, "maxSize": 2}
        assert said("cost-idle-reservation", resource(NODE_GROUP, group)) == [
            "it: scalingConfig.desiredSize: 0, and there is no cluster-autoscaler to start a node"
        ]


@pytest.mark.parametrize(
    ("type_", "inputs", "found"),
    [
        (DATABASE_CLUSTER, {"engine": "aurora-postgresql"}, 1),
        (DATABASE_CLUSTER, {"engine": "aurora-mysql", "engineLifecycleSupport": UNKNOWN}, 1),
        (DATABASE, {"engine": "mariadb"}, 0),
        (DATABASE, {"engine": "sqlserver-ex"}, 0),
        (DATABASE, {"engine": "mysql", "engineLifecycleSupport": "open-source-rds-extended-support-disabled"}, 0),
    ],
)
def test_engines_with_extended_support(type_, inputs, found):
    assert len(said("cost-database-support", resource(type_, inputs))) == found


class TestPaths:
    def zone(self, zone: str, **more: Any) -> Resource:
        return resource(SUBNET, {"availabilityZoneId": zone, **more}, zone)

    def nodes(self, subnet: Resource) -> Resource:
        return resource(NODE_GROUP, {}, f"in-{subnet.name}", subnetIds=subnet)

    def test_files_in_one_zone_are_so_by_choice(self):
        subnet = self.zone("usw2-az2")
        assert (
            said("cost-cross-zone", subnet, self.nodes(subnet), resource(EFS, {"availabilityZoneName": UNKNOWN})) == []
        )
        assert said("cost-cross-zone", subnet, self.nodes(subnet), resource(EFS, {})) == [
            "it: : no mount target in usw2-az2, where nodes are"
        ]

    def test_local_zones_have_no_mount_targets(self):
        """Facts: EFS and endpoints are in the region's zones alone; use1-dfw2-az1 sells p6e."""
        here, local = self.zone("use1-az6"), self.zone("use1-dfw2-az1")
        files = resource(EFS, {})
        target = resource(MOUNT_TARGET, {}, fileSystemId=files, subnetId=here)
        assert said("cost-cross-zone", here, local, self.nodes(here), self.nodes(local), files, target) == []

    def test_a_subnet_whose_zone_is_not_known_yet(self):
        subnet = self.zone(UNKNOWN)
        found = said("cost-cross-zone", subnet, self.nodes(subnet), resource(EFS, {}))
        assert found == ["it: availabilityZoneId: unknown until up"]

    def test_zones_may_be_named_by_their_letter(self):
        subnet = resource(SUBNET, {"availabilityZone": "us-west-2a"})
        found = said(
            "cost-cross-zone", subnet, self.nodes(subnet), resource(ENDPOINT, {"vpcEndpointType": "Interface"})
        )
        assert found == ["it: subnetIds: none in us-west-2a, where nodes are"]

    @pytest.mark.parametrize(("there", "found"), [("usw2-az1", []), ("usw2-az2", ["usw2-az1 goes through"])])
    def test_a_single_gateway_is_chosen_and_of_several_the_own_is_meant(self, there, found):
        subnets = {zone: self.zone(zone) for zone in ("usw2-az1", "usw2-az2")}
        gateways = {zone: resource(NAT, {}, f"nat-{zone}", subnetId=subnet) for zone, subnet in subnets.items()}
        table = resource(TABLE, {})
        association = resource(ASSOCIATION, {}, routeTableId=table, subnetId=subnets["usw2-az1"])
        route = resource(ROUTE, {"natGatewayId": UNKNOWN}, routeTableId=table, natGatewayId=gateways[there])
        everything = (*subnets.values(), *gateways.values(), table, association, route)
        messages = said("cost-cross-zone", *everything)
        assert [part in message for part, message in zip(found, messages, strict=True)] == [True] * len(found)
        single = [each for each in everything if each.type != NAT or each is gateways[there]]
        assert said("cost-cross-zone", *single) == []

    def test_a_local_zone_has_no_gateway_of_its_own(self):
        subnets = {zone: self.zone(zone) for zone in ("use1-az4", "use1-az6", "use1-dfw2-az1")}
        gateways = [resource(NAT, {}, zone, subnetId=subnets[zone]) for zone in ("use1-az4", "use1-az6")]
        table = resource(TABLE, {})
        association = resource(ASSOCIATION, {}, routeTableId=table, subnetId=subnets["use1-dfw2-az1"])
        route = resource(ROUTE, {"natGatewayId": UNKNOWN}, routeTableId=table, natGatewayId=gateways[0])
        assert said("cost-cross-zone", *subnets.values(), *gateways, table, association, route) == []

    @pytest.mark.parametrize(
        ("service", "kind", "found"),
        [
            ("com.amazonaws.us-west-2.s3", "Gateway", 0),
            ("com.amazonaws.us-west-2.s3", "Interface", 1),
            ("com.amazonaws.us-west-2.dynamodb", "Gateway", 1),
            ("com.amazonaws.us-west-2.s3express", "Gateway", 1),
        ],
    )
    def test_the_endpoint_may_be_joined_by_a_resource_of_its_own(self, service, kind, found):
        table = resource(TABLE, {})
        route = resource(ROUTE, {"natGatewayId": UNKNOWN}, routeTableId=table)
        endpoint = resource(ENDPOINT, {"serviceName": service, "vpcEndpointType": kind})
        joined = resource(ENDPOINT_ROUTES, {}, routeTableId=table, vpcEndpointId=endpoint)
        assert len(said("cost-s3-endpoint", table, route, endpoint, joined)) == found

    def test_routes_elsewhere_need_none(self):
        table = resource(TABLE, {})
        assert said("cost-s3-endpoint", table, resource(ROUTE, {"gatewayId": UNKNOWN}, routeTableId=table)) == []


@pytest.mark.parametrize(
    ("type_", "inputs", "paths"),
    [
        (VOLUME, {"type": "gp2"}, ["type"]),
        (VOLUME, {"size": 100}, ["type"]),
        (VOLUME, {"type": "io2"}, []),
        (VOLUME, {"type": UNKNOWN}, ["type"]),
        (DATABASE, {"iops": 3000}, []),
        (DATABASE, {"storageType": "gp2"}, ["storageType"]),
        (INSTANCE, {}, []),
        (INSTANCE, {"rootBlockDevice": {"volumeSize": 8}}, []),
        (INSTANCE, {"ebsBlockDevices": [{"deviceName": "/dev/xvdb"}]}, ["ebsBlockDevices.0.volumeType"]),
        (LAUNCH_TEMPLATE, {"blockDeviceMappings": [{"deviceName": "/dev/xvda", "noDevice": "true"}]}, []),
        (NODE_CLASS, {"spec": {"blockDeviceMappings": [{"ebs": {"volumeSize": "100Gi"}}]}}, []),
        (STORAGE_CLASS, {"provisioner": "ebs.csi.aws.com"}, []),
        (STORAGE_CLASS, {"provisioner": "kubernetes.io/aws-ebs"}, ["parameters.type"]),
        (STORAGE_CLASS, {"provisioner": "efs.csi.aws.com", "parameters": {"type": "gp2"}}, []),
        (CLAIM, {"spec": {"storageClassName": "gp2"}}, ["spec.storageClassName"]),
        (CLAIM, {"spec": {"resources": {}}}, []),
        (
            STATEFUL_SET,
            {"spec": {"volumeClaimTemplates": [{"spec": {"storageClassName": "gp2"}}]}},
            ["spec.volumeClaimTemplates.0.spec.storageClassName"],
        ),
        (RELEASE, {"values": {"a": {"storageClass": UNKNOWN}}}, ["values.a.storageClass"]),
        (RELEASE, {"values": UNKNOWN}, ["values"]),
        (RELEASE, {"values": {"roleArn": UNKNOWN, "name": "gp2", "storageClass": {"name": "gp2"}}}, []),
    ],
)
def test_where_gp2_may_stand(type_, inputs, paths):
    found = said("cost-gp2", resource(type_, inputs))
    assert [each.split(": ")[1] for each in found] == paths


class TestTags:
    BUCKET = "aws:s3/bucket:Bucket"

    def with_provider(self, inputs: dict[str, Any], tags: dict[str, str]) -> tuple[Resource, Resource]:
        provider = resource(PROVIDER, inputs, "aws")
        bucket = resource(self.BUCKET, {"tags": tags})
        return provider, dataclasses.replace(bucket, provider=f"{provider.urn}::{UNKNOWN}")

    def test_the_provider_may_give_them(self):
        """A provider's objects are JSON on the wire (pulumi-aws: `defaultTags`)."""
        default = {"defaultTags": json.dumps({"tags": {"CostCenter": "research", "Platform": "ml"}})}
        assert said("cost-tags", *self.with_provider(default, {"Owner": "ada", "Environment": "test"})) == []
        assert said("cost-tags", *self.with_provider(default, {"Owner": "ada"})) == ["it: tags: no Environment"]
        assert said("cost-tags", *self.with_provider({"defaultTags": UNKNOWN}, {"Owner": "ada"})) == [
            "it: defaultTags: unknown until up"
        ]
        assert said("cost-tags", *self.with_provider({"defaultTags": UNKNOWN}, TAGS)) == []

    @pytest.mark.parametrize(
        ("type_", "inputs", "found"),
        [
            (BUCKET, {"tags": TAGS}, []),
            (BUCKET, {"tags": {**TAGS, "Owner": UNKNOWN}}, []),
            (BUCKET, {"tags": {**TAGS, "Owner": ""}}, ["it: tags: no Owner"]),
            (BUCKET, {"tags": UNKNOWN}, ["it: tags: unknown until up"]),
            (BUCKET, {}, ["it: tags: no CostCenter, Environment, Owner, Platform"]),
            ("aws:dynamodb/table:Table", {}, ["it: tags: no CostCenter, Environment, Owner, Platform"]),
            ("aws:iam/accessKey:AccessKey", {}, []),
            ("kubernetes:core/v1:Namespace", {}, []),
            (INSTANCE, {"tags": TAGS, "rootBlockDevice": {"tags": TAGS}}, []),
        ],
    )
    def test_what_has_them(self, type_, inputs, found):
        assert said("cost-tags", resource(type_, inputs)) == found

    def test_the_environment_says_which(self):
        bucket = resource(self.BUCKET, {"tags": {"Team": "vision"}})
        assert said("cost-tags", bucket, requiredTags=["Team"]) == []
        assert said("cost-tags", bucket, requiredTags=["Team", "Project"]) == ["it: tags: no Project"]

    def test_controllers_cannot_be_told_every_value(self):
        """The CSI driver takes `key=value,key=value`: a value with a comma cannot be handed on."""
        handed = {key: value for key, value in TAGS.items() if key != "Owner"}
        values = json.dumps({"controller": {"extraVolumeTags": handed}})
        addon = resource(ADDON, {"addonName": "aws-ebs-csi-driver", "configurationValues": values, "tags": TAGS})
        assert said("cost-tags", addon, owner="a=b") == []
        assert said("cost-tags", addon) == ["it: configurationValues: controller.extraVolumeTags: no Owner"]


def test_the_stack_is_what_ceilings_budgets_and_gateways_are_about():
    assert {each.id for each in rules() if STACK_TYPE in each.types} >= {
        "cost-ceiling",
        "cost-budget",
        "cost-nat-gateways",
    }


@pytest.mark.parametrize("least", ["minSize", "desiredCapacity"])
def test_an_auto_scaling_group_keeps_what_it_starts_with(least):
    template = resource(LAUNCH_TEMPLATE, {"instanceType": "g6.xlarge"}, "template")
    group = resource(AUTO_SCALING_GROUP, {"minSize": 0, least: 1}, launchTemplate=template)
    assert [each.split(": ")[1] for each in said("cost-kept-accelerators", group, template)] == [least]


def test_a_budget_may_tell_people_or_a_topic():
    for key, value in (("subscriberEmailAddresses", "ops@example.org"), ("subscriberSnsTopicArns", UNKNOWN)):
        inputs = {"budgetType": "COST", "notifications": [{key: [value]}]}
        assert said("cost-budget", resource(BUDGET, inputs), budget=True) == []


@pytest.mark.parametrize(("operator", "kept"), [("In", True), ("NotIn", False)])
def test_types_that_a_pool_refuses_are_not_its_types(operator, kept):
    asked = [{"key": "node.kubernetes.io/instance-type", "operator": operator, "values": ["g6.xlarge"]}]
    template = {"spec": {"requirements": asked}}
    pool = resource(NODE_POOL, {"spec": {"template": template, "disruption": {"consolidateAfter": "Never"}}})
    assert bool(said("cost-kept-accelerators", pool)) == kept
