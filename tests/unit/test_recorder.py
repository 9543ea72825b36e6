"""The recorder on small programs: what is seen, what is unknown, what stays secret, what goes wrong."""

import asyncio
import gc
import json
import os
import sys
import threading
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_eks as eks
import pytest
from pulumi.runtime import settings

from infra.problems import Problem, SettingsError
from slipway.plan.deployment import to_document
from slipway.rehearsal import loop
from slipway.rehearsal.recorder import RecordingError, record
from slipway.wire import SECRET, SIGNATURE, UNKNOWN

STACK = "urn:pulumi:test::demo::pulumi:pulumi:Stack::demo-test"
CLUSTER: dict[str, Any] = {
    "skip_default_node_group": True,
    "authentication_mode": eks.AuthenticationMode.API,
    "skip_default_security_groups": True,
    "use_default_vpc_cni": True,
    "kube_proxy_addon_options": eks.KubeProxyAddonOptionsArgs(enabled=False),
    "coredns_addon_options": eks.CoreDnsAddonOptionsArgs(enabled=False),
}


def run(program, **options):
    return record(program, project="demo", stack="test", config=options.pop("config", {}), **options)


def under(provider, **more):
    return pulumi.ResourceOptions(provider=provider, **more)


class Network(pulumi.ComponentResource):
    def __init__(self, name, **options):
        super().__init__("slipway:infra:Network", name, None, pulumi.ResourceOptions(**options))
        own = pulumi.ResourceOptions(parent=self)
        self.vpc = aws.ec2.Vpc(f"{name}-vpc", cidr_block="10.0.0.0/16", opts=own)
        self.subnet = aws.ec2.Subnet(
            f"{name}-a", vpc_id=self.vpc.id, cidr_block="10.0.0.0/24", availability_zone_id="usw2-az1", opts=own
        )
        self.register_outputs({"vpcId": self.vpc.id})


def test_urns_hold_the_whole_chain_of_parents():
    """Pulumi's own mocks keep the immediate parent's type only."""

    def program():
        class Outer(pulumi.ComponentResource):
            def __init__(self):
                super().__init__("slipway:infra:Outer", "outer")
                Network("network", parent=self)

        Outer()

    plan = run(program)
    vpc = plan.one("aws:ec2/vpc:Vpc")
    assert vpc.urn == "urn:pulumi:test::demo::slipway:infra:Outer$slipway:infra:Network$aws:ec2/vpc:Vpc::network-vpc"
    assert plan.one("slipway:infra:Outer").parent == STACK
    assert plan.one("slipway:infra:Network").outputs == {"vpcId": vpc.id}


FORMER = "urn:pulumi:test::demo::aws:ec2/launchTemplate:LaunchTemplate::old"


def test_the_whole_request_is_recorded():
    def program():
        provider = aws.Provider("aws", region="eu-west-1")
        network = Network("network", provider=provider)
        aws.ec2.LaunchTemplate(
            "lt",
            image_id=network.vpc.id,
            block_device_mappings=[{"ebs": {"volume_size": 20}}],
            opts=under(
                provider,
                protect=True,
                retain_on_delete=True,
                depends_on=[network.subnet],
                ignore_changes=["imageId"],
                replace_on_changes=["userData"],
                additional_secret_outputs=["arn"],
                delete_before_replace=True,
                custom_timeouts=pulumi.CustomTimeouts(create="1h30m", delete="90s"),
                aliases=[pulumi.Alias(name="older"), FORMER],
                deleted_with=network,
            ),
        )

    plan = run(program)
    template = plan.one("aws:ec2/launchTemplate:LaunchTemplate")
    provider = plan.one("pulumi:providers:aws")
    vpc, subnet = plan.one("aws:ec2/vpc:Vpc"), plan.one("aws:ec2/subnet:Subnet")
    assert template.protect
    assert template.retain_on_delete
    assert template.delete_before_replace
    assert template.dependencies == tuple(sorted([vpc.urn, subnet.urn]))
    assert template.property_dependencies == {"imageId": (vpc.urn,)}
    assert template.provider == f"{provider.urn}::{provider.id}"
    assert template.ignore_changes == ("imageId",)
    assert template.replace_on_changes == ("userData",)
    assert template.custom_timeouts == {"create": 5400, "delete": 90}
    # The engine keeps aliases that are URNs; by name or type it keeps none for a new resource.
    assert template.aliases == (FORMER,)
    assert template.deleted_with == plan.one("slipway:infra:Network").urn
    assert template.additional_secret_outputs == ("arn",)
    assert template.outputs["arn"][SIGNATURE] == SECRET


def test_whole_numbers_stay_whole():
    """Protobuf knows floats only; a deployment document with 20.0 for a size is not what the engine writes."""

    def program():
        aws.ec2.LaunchTemplate("lt", block_device_mappings=[{"ebs": {"volume_size": 20}}])

    found = run(program).one("aws:ec2/launchTemplate:LaunchTemplate").inputs
    assert json.dumps(found["blockDeviceMappings"]) == '[{"ebs": {"volumeSize": 20}}]'


def test_arns_are_in_the_providers_region():
    def program():
        for region in ("eu-west-1", "us-east-2"):
            aws.ec2.Vpc(region, opts=under(aws.Provider(f"aws-{region}", region=region)))
        aws.ec2.Vpc("default")

    plan = run(program, config={"aws:region": "ap-south-1"})
    arns = {vpc.name: vpc.outputs["arn"].split(":")[3] for vpc in plan.of_type("aws:ec2/vpc:Vpc")}
    assert arns == {"eu-west-1": "eu-west-1", "us-east-2": "us-east-2", "default": "ap-south-1"}


def cluster_program():
    provider, eks_provider = aws.Provider("aws", region="us-west-2"), eks.Provider("eks")
    network = Network("network", provider=provider)
    cluster = eks.Cluster(
        "cluster",
        name="lab",
        version="1.35",
        vpc_id=network.vpc.id,
        private_subnet_ids=[network.subnet.id],
        opts=pulumi.ResourceOptions(providers=[provider, eks_provider]),
        **CLUSTER,
    )
    aws.eks.Addon(
        "addon",
        cluster_name=cluster.eks_cluster.name,
        addon_name="coredns",
        configuration_values=cluster.core.endpoint,
        opts=under(provider),
    )
    pulumi.export("issuer", cluster.eks_cluster.identities[0].oidcs[0].issuer)
    pulumi.export("group", cluster.eks_cluster.vpc_config.cluster_security_group_id)


def test_a_clusters_outputs_can_be_used():
    plan = run(cluster_program)
    cluster = plan.one("aws:eks/cluster:Cluster")
    assert cluster.name == "cluster-eksCluster"
    assert plan.outputs["issuer"] == cluster.outputs["identities"][0]["oidcs"][0]["issuer"]
    assert plan.outputs["group"] == cluster.outputs["vpcConfig"]["clusterSecurityGroupId"]
    addon = plan.one("aws:eks/addon:Addon")
    assert addon.inputs["clusterName"] == "lab"
    assert addon.inputs["configurationValues"] == cluster.outputs["endpoint"]
    assert cluster.urn in addon.property_dependencies["clusterName"]


def test_the_components_children_take_its_aws_provider():
    plan = run(cluster_program)
    provider = plan.one("pulumi:providers:aws")
    component = plan.one("eks:index:Cluster")
    owned = [each for each in plan.descendants(component) if each.package == "aws"]
    assert owned
    assert {each.provider_urn for each in owned} == {provider.urn}


def test_what_aws_computes_is_unknown_in_a_preview():
    plan = run(cluster_program, preview=True)
    addon, subnet = plan.one("aws:eks/addon:Addon"), plan.one("aws:ec2/subnet:Subnet")
    assert plan.preview
    assert addon.inputs["clusterName"] == "lab"
    assert addon.inputs["configurationValues"] == UNKNOWN
    assert plan.outputs["issuer"] == UNKNOWN
    assert plan.outputs["group"] == UNKNOWN
    assert subnet.inputs == {"vpcId": UNKNOWN, "cidrBlock": "10.0.0.0/24", "availabilityZoneId": "usw2-az1"}
    assert all(not resource.id for resource in plan)


def test_an_argument_that_the_expansion_does_not_know_is_an_error():
    def program():
        eks.Cluster("cluster", vpc_id="vpc-1", gpu=True, **CLUSTER)

    with pytest.raises(RecordingError, match=r"eks:index:Cluster cluster: .* does not know the argument gpu"):
        run(program)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"skip_default_node_group": False}, "skipDefaultNodeGroup is False"),
        ({"authentication_mode": eks.AuthenticationMode.CONFIG_MAP}, "authenticationMode is 'CONFIG_MAP'"),
        ({"create_oidc_provider": True}, "createOidcProvider is True"),
        ({"coredns_addon_options": eks.CoreDnsAddonOptionsArgs(enabled=True)}, "corednsAddonOptions.enabled is True"),
    ],
)
def test_a_value_that_the_expansion_does_not_know_is_an_error(change, named):
    def program():
        eks.Cluster("cluster", vpc_id="vpc-1", **{**CLUSTER, **change})

    with pytest.raises(RecordingError, match=named):
        run(program)


@pytest.mark.parametrize("preview", [False, True])
def test_no_secret_is_in_the_plan(preview):
    def program():
        secret = pulumi.Output.secret("hunter2")
        provider = aws.Provider("aws", region="us-west-2", secret_key=secret)
        bucket = aws.s3.Bucket(
            "b", bucket=secret, tags={"deep": pulumi.Output.concat("x-", secret)}, opts=under(provider)
        )
        pulumi.export("password", secret)
        pulumi.export("bucket", bucket.bucket)
        pulumi.export("config", pulumi.Config("demo").require_secret("token"))
        aws.eks.get_addon_version_output(addon_name=secret, kubernetes_version="1.35")

    plan = run(program, preview=preview, config={"demo:token": "hunter2"})
    assert "hunter2" not in json.dumps(to_document(plan))
    assert "hunter2" not in repr(plan)
    for name in ("password", "bucket", "config"):
        assert plan.outputs[name] == {SIGNATURE: SECRET, "plaintext": '"[secret]"'}


def test_no_secret_is_in_a_message():
    def program():
        eks.Cluster("cluster", vpc_id="vpc-1", **{**CLUSTER, "authentication_mode": pulumi.Output.secret("hunter2")})

    with pytest.raises(RecordingError, match="authenticationMode is a secret; the expansion knows 'API' only"):
        run(program)


def test_a_resource_that_exists_is_read_and_not_made():
    def program():
        vpc = aws.ec2.Vpc.get("existing", "vpc-0123456789abcdef0", opts=under(aws.Provider("aws", region="us-west-2")))
        pulumi.export("id", vpc.id)

    for preview in (False, True):
        plan = run(program, preview=preview)
        assert plan.one("aws:ec2/vpc:Vpc").external
        assert plan.outputs["id"] == "vpc-0123456789abcdef0"


def test_data_sources_are_answered_and_recorded():
    def program():
        pulumi.export("account", aws.get_caller_identity_output().account_id)

    plan = run(program)
    assert plan.outputs["account"] == "123456789012"
    assert [each.token for each in plan.invocations] == ["aws:index/getCallerIdentity:getCallerIdentity"]
    assert run(program, seed=1).outputs["account"] != "123456789012"


def test_warnings_of_the_program():
    def program():
        pulumi.log.warn("logged")
        pulumi.log.info("only said")
        pulumi.export("warnings", ["exported"])

    assert run(program).warnings == ("exported", "logged")


def test_two_resources_with_one_urn():
    """Pulumi's mocks let the second overwrite the first; the engine refuses."""

    def program():
        aws.ec2.Vpc("v")
        aws.ec2.Vpc("v")

    with pytest.raises(RecordingError, match=r"aws:ec2/vpc:Vpc v: registered twice"):
        run(program)


def test_failures_name_the_resource():
    def missing():
        aws.iam.Role("node")

    def in_an_apply():
        vpc = aws.ec2.Vpc("v")
        aws.ec2.Subnet("s", vpc_id=vpc.id, cidr_block=vpc.id.apply(lambda _: os.environ["NO SUCH VARIABLE"]))

    def no_answer():
        aws.kinesis.Stream("q")

    with pytest.raises(RecordingError, match=r"Role node: TypeError: Missing required property 'assume_role_policy'"):
        run(missing)
    with pytest.raises(RecordingError, match=r"aws:ec2/subnet:Subnet s: KeyError: 'NO SUCH VARIABLE'"):
        run(in_an_apply)
    with pytest.raises(RecordingError, match=r"aws:kinesis/stream:Stream q: no simulated answer"):
        run(no_answer)


def test_an_output_inside_a_string_is_refused():
    """Outside of a rehearsal Pulumi puts the text of a warning into the resource."""

    def program():
        vpc = aws.ec2.Vpc("v")
        aws.ec2.Vpc("w", tags={"of": f"{vpc.id}"})

    with pytest.raises(RecordingError, match="Calling __str__ on an Output"):
        run(program)


def test_settings_errors_pass_untouched():
    wrong = SettingsError([Problem("nodeGroups[0].name", "is missing")])

    def program():
        raise wrong

    with pytest.raises(SettingsError) as caught:
        run(program)
    assert caught.value is wrong


def test_nothing_stays_behind():
    def failing():
        aws.ec2.Vpc("v")
        raise KeyError("x")

    thresholds, environment = gc.get_threshold(), dict(os.environ)
    trace = pulumi.runtime.resource._get_stack_trace
    with pytest.raises(RecordingError):
        run(failing)
    first = run(cluster_program)
    with pytest.raises(RecordingError):
        run(failing)
    assert run(cluster_program) == first
    assert settings.get_root_resource() is None
    assert settings.get_monitor() is None
    assert pulumi.Config("demo").get("token") is None
    assert (gc.get_threshold(), dict(os.environ)) == (thresholds, environment)
    assert pulumi.runtime.resource._get_stack_trace is trace


def test_an_asynchronous_program():
    async def program():
        await asyncio.sleep(0)
        pulumi.export("done", aws.ec2.Vpc("v").id)

    assert run(program).outputs["done"].startswith("vpc-0")


def test_the_plan_says_nothing_about_when_things_were_registered():
    def program(names):
        for name in names:
            aws.ec2.Vpc(name)

    one = run(lambda: program("abcd"))
    other = run(lambda: program("dcba"))
    assert json.dumps(to_document(one)) == json.dumps(to_document(other))


def never():
    return pulumi.Output.from_input(asyncio.get_event_loop().create_future())


def waits_for_nobody():
    aws.ec2.Vpc("v", cidr_block=never())


def waits_for_itself():
    missing = asyncio.get_event_loop().create_future()
    one = aws.ec2.Vpc("one", cidr_block=pulumi.Output.from_input(missing))
    two = aws.ec2.Vpc("two", cidr_block=pulumi.Output.all(one.id).apply(lambda ids: ids[0]))
    two.id.apply(missing.set_result)


def exports_what_never_comes():
    pulumi.export("never", never())


async def sleeps_for_ever():
    await asyncio.get_event_loop().create_future()


def waits_while_another_fails():
    waits_for_nobody()
    aws.kinesis.Stream("q")


def waits_and_fails():
    waits_for_nobody()
    raise KeyError("x")


def depends_on_its_own_parent():
    parent = pulumi.ComponentResource("slipway:infra:Ring", "ring")
    aws.ec2.Vpc("v", opts=pulumi.ResourceOptions(parent=parent, depends_on=[parent]))


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (waits_for_nobody, r"a value never comes .*; waiting for it: aws:ec2/vpc:Vpc v$"),
        (waits_for_itself, r"a value never comes .*; waiting for it: aws:ec2/vpc:Vpc one, aws:ec2/vpc:Vpc two$"),
        (exports_what_never_comes, r"a value never comes"),
        (sleeps_for_ever, r"a value never comes"),
        (waits_while_another_fails, r"aws:kinesis/stream:Stream q: no simulated answer"),
        (waits_and_fails, r"KeyError: 'x'"),
        (depends_on_its_own_parent, r"circular dependency"),
    ],
)
def test_a_program_that_can_never_end_is_an_error(program, message, monkeypatch):
    """It used to hang for ever: nothing was left to do, and asyncio waited for a file nobody writes to."""
    monkeypatch.setattr(loop, "_PATIENCE", 0.05)
    with pytest.raises(RecordingError, match=message):
        run(program)
    assert run(cluster_program).one("eks:index:Cluster")


def test_a_thread_of_the_programs_own_may_take_its_time():
    def program():
        events = asyncio.get_event_loop()
        answer = events.create_future()
        threading.Timer(0.2, lambda: events.call_soon_threadsafe(answer.set_result, "10.0.0.0/16")).start()
        aws.ec2.Vpc("v", cidr_block=pulumi.Output.from_input(answer))

    assert run(program).one("aws:ec2/vpc:Vpc").inputs["cidrBlock"] == "10.0.0.0/16"


@pytest.mark.parametrize("interrupted", ["the program", "an apply"])
def test_an_interrupt_ends_a_recording(interrupted):
    def interrupt(_=None):
        raise KeyboardInterrupt

    def program():
        waits_for_nobody()
        vpc = aws.ec2.Vpc("w")
        if interrupted == "an apply":
            vpc.id.apply(interrupt)
        else:
            interrupt()

    with pytest.raises(KeyboardInterrupt):
        run(program)


def test_a_program_that_ends_the_process_is_an_error():
    """Its exit code, 0 too, would be taken for the command's."""
    with pytest.raises(RecordingError, match=r"ended the process itself \(exit code 0\)"):
        run(lambda: sys.exit(0))
