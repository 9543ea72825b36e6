"""The simulated AWS as the engine talks to it, over gRPC; no Pulumi CLI needed."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version

import grpc
import pytest
from google.protobuf import empty_pb2
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime.proto import (
    provider_pb2,
    provider_pb2_grpc,
    resource_pb2,
    resource_pb2_grpc,
)

from slipway import urns
from slipway.rehearsal import construct, engine, plugin
from slipway.rehearsal.structs import to_dict, to_struct
from slipway.wire import OUTPUT_VALUE, SECRET, SIGNATURE, UNKNOWN

VPC = "aws:ec2/vpc:Vpc"
STACK = urns.stack("test", "slipway")
PROVIDER = f"{urns.child(STACK, 'pulumi:providers:aws', 'aws')}::1234"


def urn(type_, name):
    return urns.child(STACK, type_, name)


def request(kind, type_, name, **fields):
    return kind(urn=urn(type_, name), type=type_, name=name, **fields)


def create(stub, type_, name, inputs, *, preview=False):
    sent = request(provider_pb2.CreateRequest, type_, name, properties=to_struct(inputs), preview=preview)
    made = stub.Create(sent)
    return made.id, to_dict(made.properties)


def serve(servicer, add):
    server = grpc.server(ThreadPoolExecutor(max_workers=4))
    add(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, f"127.0.0.1:{port}"


@pytest.fixture
def aws():
    server, address = serve(plugin.Plugin("aws"), provider_pb2_grpc.add_ResourceProviderServicer_to_server)
    with grpc.insecure_channel(address) as channel:
        stub = provider_pb2_grpc.ResourceProviderStub(channel)
        stub.Configure(provider_pb2.ConfigureRequest(args=to_struct({"region": "eu-west-1"})))
        yield stub
    server.stop(None)


def test_the_engine_may_send_secrets_references_and_output_values(aws):
    answer = aws.Handshake(provider_pb2.ProviderHandshakeRequest())
    assert (answer.accept_secrets, answer.accept_resources, answer.accept_outputs) == (True,) * 3
    configured = aws.Configure(provider_pb2.ConfigureRequest())
    assert configured.supportsPreview
    assert configured.acceptSecrets


def test_what_is_made_lies_in_the_region_of_the_provider(aws):
    id_, outputs = create(aws, VPC, "main", {"cidrBlock": "10.0.0.0/16"})
    assert id_.startswith("vpc-")
    assert outputs["cidrBlock"] == "10.0.0.0/16"
    assert outputs["arn"].startswith("arn:aws:ec2:eu-west-1:")


def test_a_preview_knows_what_was_asked_for_and_nothing_else(aws):
    id_, outputs = create(aws, VPC, "main", {"cidrBlock": "10.0.0.0/16"}, preview=True)
    assert id_ == ""
    assert outputs["cidrBlock"] == "10.0.0.0/16"
    assert outputs["arn"] == UNKNOWN


def test_unknown_inputs_stay_unknown(aws):
    _, outputs = create(aws, "aws:ec2/subnet:Subnet", "a", {"vpcId": UNKNOWN}, preview=True)
    assert outputs["vpcId"] == UNKNOWN


def test_secrets_stay_secrets(aws):
    secret = {SIGNATURE: SECRET, "value": "hidden"}
    _, outputs = create(aws, "aws:iam/role:Role", "r", {"description": secret, "assumeRolePolicy": "{}"})
    assert outputs["description"] == secret
    assert "hidden" not in outputs["arn"]


def test_the_same_resource_is_made_the_same_twice(aws):
    assert create(aws, VPC, "main", {}) == create(aws, VPC, "main", {})
    assert create(aws, VPC, "main", {})[0] != create(aws, VPC, "other", {})[0]


def diff(stub, old, new):
    sent = request(provider_pb2.DiffRequest, VPC, "main", old_inputs=to_struct(old), news=to_struct(new))
    return stub.Diff(sent)


def test_a_changed_input_is_an_update_in_place(aws):
    found = diff(aws, {"a": 1, "b": {"c": [1]}}, {"a": 1, "b": {"c": [2]}, "d": True})
    assert found.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert list(found.diffs) == ["b", "d"]
    assert not found.replaces


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_nothing_differs_from_itself(inputs):
    sent = provider_pb2.DiffRequest(old_inputs=to_struct(inputs), news=to_struct(inputs))
    found = plugin.Plugin("aws").Diff(sent, None)
    assert found.changes == provider_pb2.DiffResponse.DIFF_NONE


def test_a_refresh_finds_what_was_left(aws):
    sent = request(
        provider_pb2.ReadRequest,
        VPC,
        "main",
        id="vpc-1",
        properties=to_struct({"cidrBlock": "10.0.0.0/16", "arn": "arn:x"}),
        inputs=to_struct({"cidrBlock": "10.0.0.0/16"}),
    )
    found = aws.Read(sent)
    assert (found.id, found.properties, found.inputs) == (sent.id, sent.properties, sent.inputs)


def test_what_is_not_in_the_state_is_read_from_the_simulated_aws(aws):
    found = aws.Read(request(provider_pb2.ReadRequest, VPC, "main", id="vpc-1"))
    assert found.id == "vpc-1"
    assert to_dict(found.properties)["arn"].startswith("arn:aws:ec2:eu-west-1:")


def test_an_update_keeps_what_aws_made_up(aws):
    id_, before = create(aws, VPC, "main", {"tags": {"a": "1"}})
    sent = request(
        provider_pb2.UpdateRequest,
        VPC,
        "main",
        id=id_,
        olds=to_struct(before),
        news=to_struct({"tags": {"a": "2"}}),
        preview=True,
    )
    after = to_dict(aws.Update(sent).properties)
    assert after["tags"] == {"a": "2"}
    assert after["arn"] == before["arn"]


def test_a_type_without_an_answer_is_named(aws):
    with pytest.raises(grpc.RpcError) as failed:
        create(aws, "aws:chime/voiceConnector:VoiceConnector", "phone", {})
    assert "aws:chime/voiceConnector:VoiceConnector phone" in failed.value.details()


def test_a_data_source_is_answered_in_the_region(aws):
    sent = provider_pb2.InvokeRequest(tok="aws:index/getRegion:getRegion")
    assert to_dict(getattr(aws.Invoke(sent), "return"))["region"] == "eu-west-1"
    with pytest.raises(grpc.RpcError) as failed:
        aws.Invoke(provider_pb2.InvokeRequest(tok="aws:chime/getPhone:getPhone"))
    assert "aws:chime/getPhone:getPhone" in failed.value.details()


@pytest.mark.parametrize("package", plugin.PACKAGES)
def test_the_executable_says_its_port_and_serves_its_package(tmp_path, package):
    engine._plugins(tmp_path / "bin")
    executable = tmp_path / "bin" / f"pulumi-resource-{package}"
    with subprocess.Popen([executable, "127.0.0.1:1"], stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            port = int(running.stdout.readline())
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                stub = provider_pb2_grpc.ResourceProviderStub(channel)
                info = stub.GetPluginInfo(empty_pb2.Empty())
        finally:
            running.terminate()
    assert info.version == version(f"pulumi-{package}")


class Monitor(resource_pb2_grpc.ResourceMonitorServicer):
    """The engine's resource monitor as a component sees it: `known` resources exist already."""

    def __init__(self, *, preview, known):
        self.preview, self.known = preview, known
        self.plugin = plugin.Plugin("aws")
        self.registered, self.outputs = {}, {}

    def RegisterResource(self, sent, _context):  # noqa: N802 the name in gRPC
        made = urns.child(sent.parent or STACK, sent.type, sent.name)
        self.registered[made] = sent
        if not sent.custom:
            return resource_pb2.RegisterResourceResponse(urn=made)
        answer = self.plugin.Create(
            provider_pb2.CreateRequest(
                urn=made,
                type=sent.type,
                name=sent.name,
                properties=sent.object,
                preview=self.preview and not self.known,
            ),
            None,
        )
        return resource_pb2.RegisterResourceResponse(urn=made, id=answer.id, object=answer.properties)

    def RegisterResourceOutputs(self, sent, _context):  # noqa: N802 the name in gRPC
        self.outputs[sent.urn] = to_dict(sent.outputs)
        return empty_pb2.Empty()

    def Invoke(self, sent, _context):  # noqa: N802 the name in gRPC
        asked = provider_pb2.InvokeRequest(tok=sent.tok, args=sent.args)
        answer = resource_pb2.ResourceInvokeResponse()
        getattr(answer, "return").CopyFrom(getattr(self.plugin.Invoke(asked, None), "return"))
        return answer


def output(value=None, *behind):
    known = {} if value is None else {"value": value}
    return {SIGNATURE: OUTPUT_VALUE, "dependencies": list(behind), **known}


def cluster(*, preview, known, vpc="vpc-1", providers=(("aws", PROVIDER),)):
    monitor = Monitor(preview=preview, known=known)
    server, address = serve(monitor, resource_pb2_grpc.add_ResourceMonitorServicer_to_server)
    inputs = {
        "authenticationMode": "API",
        "corednsAddonOptions": {"enabled": False},
        "endpointPrivateAccess": True,
        "name": "ml",
        "skipDefaultNodeGroup": True,
        "subnetIds": [output("subnet-1", urn("aws:ec2/subnet:Subnet", "a"))],
        "useDefaultVpcCni": True,
        "version": "1.35",
        "vpcId": output(vpc, urn(VPC, "main")),
    }
    sent = provider_pb2.ConstructRequest(
        type="eks:index:Cluster",
        name="c",
        parent=STACK,
        monitorEndpoint=address,
        dryRun=preview,
        inputs=to_struct(inputs),
        providers=dict(providers),
        protect=True,
    )
    try:
        answer = construct.construct(sent, plugin.OPTIONS)
    finally:
        server.stop(None)
    return monitor, answer, {key.rpartition("::")[2]: made for key, made in monitor.registered.items()}


def test_a_new_cluster_is_made_of_what_the_component_makes():
    monitor, answer, made = cluster(preview=False, known=False)
    assert answer.urn == urn("eks:index:Cluster", "c")
    assert made["c"].protect
    control_plane = made["c-eksCluster"]
    inputs = to_dict(control_plane.object)
    assert inputs["roleArn"].startswith("arn:aws:iam::")
    assert inputs["version"] == "1.35"
    assert control_plane.provider == PROVIDER
    assert urn("aws:ec2/subnet:Subnet", "a") in control_plane.dependencies
    assert monitor.outputs[answer.urn] == to_dict(answer.state)
    assert to_dict(answer.state)["oidcProviderUrl"].startswith("https://oidc.eks.")


def test_in_the_first_preview_of_a_cluster_what_does_not_exist_is_unknown():
    _, answer, made = cluster(preview=True, known=False, vpc=None)
    inputs = to_dict(made["c-eksCluster"].object)
    assert inputs["roleArn"] == UNKNOWN
    assert inputs["name"] == "ml"
    assert to_dict(answer.state)["oidcProviderUrl"] == UNKNOWN


def test_a_preview_of_a_cluster_that_exists_registers_what_the_up_did():
    _, left, after_up = cluster(preview=False, known=False)
    _, right, in_preview = cluster(preview=True, known=True)
    for name, made in after_up.items():
        assert in_preview[name] == made, name
    assert right.state == left.state


def test_a_cluster_without_an_aws_provider_is_refused():
    with pytest.raises(construct.ConstructError, match="no aws provider"):
        cluster(preview=False, known=False, providers=())


def test_another_component_is_refused():
    sent = provider_pb2.ConstructRequest(type="eks:index:NodeGroupV2", name="n", monitorEndpoint="127.0.0.1:1")
    with pytest.raises(construct.ConstructError, match="eks:index:NodeGroupV2 n"):
        construct.construct(sent, plugin.OPTIONS)
