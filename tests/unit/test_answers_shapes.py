"""Every answer fits the SDK: the type exists, and every output that the table names is an output of its class."""

import inspect
import re

import pulumi_aws
import pulumi_kubernetes
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.rehearsal.answers import RESOURCES, Ids, UnansweredError, answer, invoke
from slipway.rehearsal.answers.invokes import INVOKES
from slipway.wire import SECRET, SIGNATURE, UNKNOWN, completed, plain, previewed, redacted

URN = "urn:pulumi:s::p::slipway:infra:Network$aws:ec2/vpc:Vpc::v"
ARGS = {
    "addonName": "vpc-cni",
    "kubernetesVersion": "1.35",
    "zoneId": "usw2-az1",
    "name": "/aws/service/ecs/optimized-ami/amazon-linux-2023/gpu/recommended/image_id",
}


def sdk_class(type_):
    package, module, name = type_.split(":", 2)
    if package == "kubernetes":
        return pulumi_kubernetes.helm.v3.Release
    service = getattr(pulumi_aws, module.partition("/")[0])
    return getattr(service, name)


def snake(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("IPv", "ipv").lower()


@pytest.mark.parametrize("type_", sorted(RESOURCES))
def test_outputs_exist_on_the_sdk_class(type_):
    given_ = {"vpcEndpointType": "Interface", "subnetIds": ["a"], "serviceName": "com.amazonaws.us-west-2.ec2"}
    cls = sdk_class(type_)
    known = {name for name, _ in inspect.getmembers(cls, lambda member: isinstance(member, property))}
    plain_answers = [answer(type_, "x", {}, Ids()), answer(type_, "x", given_, Ids())]
    named = {snake(key) for found in plain_answers for key in found.outputs if key not in given_}
    assert named <= known


@pytest.mark.parametrize("type_", sorted(type_ for type_ in RESOURCES if type_.startswith("aws:")))
def test_the_type_token_is_the_sdks(type_):
    assert f"'{type_}'" in inspect.getsource(sdk_class(type_))


@pytest.mark.parametrize("token", sorted(INVOKES))
def test_data_sources_give_what_the_sdk_reads(token):
    module, name = token.split(":")[1].split("/")
    found = pulumi_aws if module == "index" else getattr(pulumi_aws, module)
    result_class = getattr(found, f"Get{name[3:]}Result")
    known = {name for name, _ in inspect.getmembers(result_class, lambda member: isinstance(member, property))}
    assert {snake(key) for key in invoke(token, ARGS, Ids())} <= known


def test_node_group_names_its_auto_scaling_group_as_eks_does():
    """EKS names them eks-<node group>-<uuid>; the autoscaler's priority expander matches on that."""
    found = answer("aws:eks/nodeGroup:NodeGroup", "gpu-usw2-az1", {"clusterName": "c"}, Ids())
    (resources,) = found.outputs["resources"]
    (group,) = resources["autoscalingGroups"]
    assert re.fullmatch(
        rf"eks-{found.outputs['nodeGroupName']}-[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}", group["name"]
    )


@pytest.mark.parametrize(
    ("deployment", "generated"), [("SCRATCH_1", False), ("SCRATCH_2", True), ("PERSISTENT_2", True)]
)
def test_lustre_mount_name_is_generated_except_on_scratch_1(deployment, generated):
    type_ = "aws:fsx/lustreFileSystem:LustreFileSystem"
    mount = answer(type_, "training", {"deploymentType": deployment}, Ids()).outputs["mountName"]
    assert (mount != "fsx") is generated
    assert re.fullmatch(r"[a-z][a-z0-9]*", mount)


def test_cluster_gives_what_a_kubeconfig_and_an_oidc_provider_need():
    outputs = answer(
        "aws:eks/cluster:Cluster", "c", {"vpcConfig": {"subnetIds": ["s"]}}, Ids(region="eu-west-1")
    ).outputs
    assert re.fullmatch(r"https://[0-9A-F]{32}\.gr7\.eu-west-1\.eks\.amazonaws\.com", outputs["endpoint"])
    issuer = outputs["identities"][0]["oidcs"][0]["issuer"]
    assert re.fullmatch(r"https://oidc\.eks\.eu-west-1\.amazonaws\.com/id/[0-9A-F]{32}", issuer)
    assert outputs["vpcConfig"]["subnetIds"] == ["s"]
    assert outputs["vpcConfig"]["clusterSecurityGroupId"].startswith("sg-0")


def test_an_unknown_type_names_the_file_to_extend():
    with pytest.raises(
        UnansweredError, match=r"aws:fsx/backup:Backup: add it to slipway/rehearsal/answers/storage\.py"
    ):
        answer("aws:fsx/backup:Backup", "b", {}, Ids())
    with pytest.raises(
        UnansweredError, match=r"aws:ec2/getAmi:getAmi: add it to slipway/rehearsal/answers/invokes\.py"
    ):
        invoke("aws:ec2/getAmi:getAmi", {}, Ids())


def test_any_kubernetes_object_has_metadata():
    given_ = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "x", "namespace": "n"}}
    found = answer("kubernetes:example.com/v1:Thing", "thing", given_, Ids())
    assert found.id == "n/x"
    assert found.outputs["metadata"].keys() >= {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"}


def test_other_seed_is_another_account_with_other_ids_and_zone_letters():
    ours, theirs = Ids(), Ids(seed=1)
    assert ours.account == "123456789012"
    assert re.fullmatch(r"\d{12}", theirs.account)
    assert theirs.account != ours.account
    for type_ in ("aws:ec2/vpc:Vpc", "aws:iam/role:Role", "aws:kms/key:Key"):
        assert answer(type_, "x", {}, ours).id != answer(type_, "x", {}, theirs).id
    assert ours.zone_name("usw2-az1") == "us-west-2a"
    assert theirs.zone_name("usw2-az1") != "us-west-2a"


def test_ids_differ_by_region_and_parent_and_not_by_run():
    base = Ids(region="us-west-2")
    assert base.of(URN).id("vpc", "v") == Ids(region="us-west-2").of(URN).id("vpc", "v")
    assert base.of(URN).id("vpc", "v") != base.id("vpc", "v")
    assert base.at("eu-west-1").id("vpc", "v") != base.id("vpc", "v")


@pytest.mark.parametrize(
    ("region", "partition", "suffix"),
    [
        ("us-west-2", "aws", "amazonaws.com"),
        ("us-gov-east-1", "aws-us-gov", "amazonaws.com"),
        ("cn-north-1", "aws-cn", "amazonaws.com.cn"),
    ],
)
def test_partition(region, partition, suffix):
    ids = Ids(region=region)
    assert ids.arn("eks", "cluster/c") == f"arn:{partition}:eks:{region}:123456789012:cluster/c"
    assert ids.dns_suffix == suffix


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(max_size=4), JSON, max_size=4)


@given(OBJECTS, OBJECTS)
def test_the_state_holds_every_input_as_it_was_given(inputs, computed):
    state = completed(inputs, computed)
    assert state.keys() == inputs.keys() | computed.keys()
    assert all(
        state[key] == value for key, value in inputs.items() if not isinstance(value, dict | list) and value is not None
    )


@given(OBJECTS, OBJECTS)
def test_a_preview_shows_inputs_and_hides_what_is_computed(inputs, computed):
    shown = previewed(inputs, completed(inputs, computed))
    assert shown.keys() == inputs.keys() | computed.keys()
    assert all(shown[key] == UNKNOWN for key in computed.keys() - inputs.keys())
    assert previewed(inputs, inputs) == inputs


@given(st.text(min_size=5))
def test_no_secret_is_read_or_shown(text):
    wrapped = {"a": [{"b": {SIGNATURE: SECRET, "value": {"c": f"s3cret-{text}"}}}]}
    assert f"s3cret-{text}" not in str(plain(wrapped))
    assert f"s3cret-{text}" not in str(redacted(wrapped))
    assert redacted(wrapped)["a"][0]["b"][SIGNATURE] == SECRET


def test_a_secret_input_is_no_part_of_an_id():
    secret = {SIGNATURE: SECRET, "value": "hunter2-bucket"}
    found = answer("aws:s3/bucket:Bucket", "b", {"bucket": secret}, Ids())
    assert "hunter2" not in found.id
    assert found.outputs["bucket"] == secret
    assert "hunter2" not in found.outputs["arn"]
