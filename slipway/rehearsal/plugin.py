"""The simulated AWS as resource plugins for the real engine: `pulumi-resource-aws`, `-eks` and `-kubernetes`.

They answer out of the same table as plans do. The engine does the rest itself: order, state, protection, secrets.
What is simulated is a cloud in which every operation succeeds at once and nothing changes behind one's back.

The protocol is served on protobuf structs directly (pulumi `proto/pulumi/provider.proto`): the Python SDK's own
provider framework fails on output values without a `secret` field (docs/decisions/0007-simulated-plugins.md).
"""

import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Any, Final, NoReturn

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from slipway.rehearsal import answers, construct
from slipway.rehearsal.answers import Ids
from slipway.rehearsal.structs import to_dict, to_struct
from slipway.wire import previewed

PACKAGES: Final = ("aws", "eks", "kubernetes")
"""The packages that the program's resources come from."""
OPTIONS: Final = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
]
_WORKERS: Final = 16


class Plugin(provider_pb2_grpc.ResourceProviderServicer):
    """One resource plugin. The names of its methods are the engine's (service ResourceProvider)."""

    def __init__(self, package: str) -> None:
        """A plugin that is not configured yet, so in the default region."""
        self._package = package
        self._ids = Ids()

    # The provider

    def Handshake(  # noqa: N802
        self, _request: provider_pb2.ProviderHandshakeRequest, _context: grpc.ServicerContext
    ) -> provider_pb2.ProviderHandshakeResponse:
        """Say what the engine may send: secrets, references and output values as what they are."""
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, accept_resources=True, accept_outputs=True)

    def GetPluginInfo(  # noqa: N802
        self, _request: empty_pb2.Empty, _context: grpc.ServicerContext
    ) -> plugin_pb2.PluginInfo:
        """The version of the SDK that the program was written against."""
        return plugin_pb2.PluginInfo(version=version(f"pulumi-{self._package}"))

    def CheckConfig(  # noqa: N802
        self, request: provider_pb2.CheckRequest, _context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        """Take any configuration."""
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(  # noqa: N802
        self, request: provider_pb2.DiffRequest, _context: grpc.ServicerContext
    ) -> provider_pb2.DiffResponse:
        """A changed configuration updates the provider and replaces nothing."""
        return _diff(request)

    def Configure(  # noqa: N802
        self, request: provider_pb2.ConfigureRequest, _context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        """Remember the region."""
        region = to_dict(request.args).get("region")
        if isinstance(region, str):
            self._ids = self._ids.at(region)
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, acceptResources=True, acceptOutputs=True, supportsPreview=True
        )

    def Cancel(self, _request: empty_pb2.Empty, _context: grpc.ServicerContext) -> empty_pb2.Empty:  # noqa: N802
        """Nothing takes long enough to be stopped."""
        return empty_pb2.Empty()

    # Resources

    def Check(  # noqa: N802
        self, request: provider_pb2.CheckRequest, _context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        """Take any inputs, and add none: names that AWS or autonaming would make up are outputs here."""
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(  # noqa: N802
        self, request: provider_pb2.DiffRequest, _context: grpc.ServicerContext
    ) -> provider_pb2.DiffResponse:
        """Every change of an input is an update in place; which of them AWS would replace for is not simulated."""
        return _diff(request)

    def Create(  # noqa: N802
        self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CreateResponse:
        """What AWS returns; in a preview, what it computes is unknown."""
        inputs = to_dict(request.properties)
        made = self._answer(request.type, request.name, request.urn, inputs, context)
        if request.preview:
            return provider_pb2.CreateResponse(properties=to_struct(previewed(inputs, made.outputs)))
        return provider_pb2.CreateResponse(id=made.id, properties=to_struct(made.outputs))

    def Read(  # noqa: N802
        self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ReadResponse:
        """The state as it was left; of a resource that is not in the state, what AWS would know of it."""
        properties, inputs = request.properties, request.inputs
        if not properties.fields and not inputs.fields:
            made = self._answer(request.type, request.name, request.urn, {}, context)
            properties = to_struct(made.outputs)
        return provider_pb2.ReadResponse(id=request.id, properties=properties, inputs=inputs)

    def Update(  # noqa: N802
        self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext
    ) -> provider_pb2.UpdateResponse:
        """The new state; ids and ARNs stay, so they are known in a preview too."""
        made = self._answer(request.type, request.name, request.urn, to_dict(request.news), context)
        return provider_pb2.UpdateResponse(properties=to_struct(made.outputs))

    def Delete(  # noqa: N802
        self, _request: provider_pb2.DeleteRequest, _context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """Nothing was there."""
        return empty_pb2.Empty()

    # Functions and components

    def Invoke(  # noqa: N802
        self, request: provider_pb2.InvokeRequest, context: grpc.ServicerContext
    ) -> provider_pb2.InvokeResponse:
        """Answer a data source."""
        try:
            result = answers.invoke(request.tok, to_dict(request.args), self._ids)
        except answers.UnansweredError as error:
            _refuse(context, str(error))
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(to_struct(result))
        return response

    def Construct(  # noqa: N802
        self, request: provider_pb2.ConstructRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConstructResponse:
        """Register a remote component and what is below it."""
        try:
            return construct.construct(request, OPTIONS)
        except construct.ConstructError as error:
            _refuse(context, str(error))

    def _answer(
        self,
        type_: str,
        name: str,
        urn: str,
        inputs: Mapping[str, Any],
        context: grpc.ServicerContext,
    ) -> answers.Answer:
        try:
            return answers.answer(type_, name, inputs, self._ids.of(urn))
        except answers.UnansweredError as error:
            _refuse(context, f"{type_} {name}: {error}")


def _diff(request: provider_pb2.DiffRequest) -> provider_pb2.DiffResponse:
    old, new = to_dict(request.old_inputs), to_dict(request.news)
    changed = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
    some = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
    return provider_pb2.DiffResponse(changes=some, diffs=changed)


def _refuse(context: grpc.ServicerContext, message: str) -> NoReturn:
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, message)
    raise RuntimeError(message)  # never reached: `abort` raises, which its types do not say


def main(package: str) -> None:
    """Serve one package until the engine ends this process; the port is the first line on stdout."""
    server = grpc.server(ThreadPoolExecutor(max_workers=_WORKERS), options=OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Plugin(package), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    server.wait_for_termination()
