"""The policy pack as the engine talks to it, over gRPC: requests as the engine makes them, from a recorded plan.

Source: pulumi `pkg/resource/plugin/analyzer_plugin.go` (what is sent), `pkg/resource/deploy/step_generator.go` (inputs
to Analyze before a resource is made, outputs to AnalyzeStack at the end), `sdk/python/cmd/pulumi-language-python`
(how the pack is started, and that the stack's configuration is in PULUMI_CONFIG).
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

from slipway.plan.model import Plan, Resource
from slipway.rehearsal.said import Said, heard
from slipway.rehearsal.structs import to_struct
from slipway.wire import RESOURCE, SECRET, SIGNATURE, UNKNOWN

PACK = Path(__file__).resolve().parents[2] / "policies"
SECRET_TEXT = "hunter2-in-plain-text"
LEVELS = {analyzer_pb2.ADVISORY: "advisory", analyzer_pb2.MANDATORY: "mandatory"}


@contextmanager
def pack(config: Mapping[str, str]) -> Iterator[analyzer_pb2_grpc.AnalyzerStub]:
    """The pack in a process of its own, started as the Python language host starts it."""
    command = [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:1", str(PACK)]
    environment = {**os.environ, "PULUMI_CONFIG": json.dumps(config)}
    process = subprocess.Popen(command, cwd=PACK, env=environment, stdout=subprocess.PIPE)
    try:
        assert process.stdout
        port = int(process.stdout.readline())
        options = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
        with grpc.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
            yield analyzer_pb2_grpc.AnalyzerStub(channel)
    finally:
        process.terminate()
        process.communicate()


def ask(stub: analyzer_pb2_grpc.AnalyzerStub, plan: Plan) -> frozenset[Said]:
    """Everything that the pack says of a plan in one operation."""
    diagnostics: list[Any] = []
    for resource in plan:
        request = analyzer_pb2.AnalyzeRequest(
            type=resource.type,
            properties=to_struct(sent(resource.inputs)),
            urn=resource.urn,
            name=resource.name,
            options=_options(resource),
            provider=_provider(plan, resource),
        )
        assert not stub.Remediate(request).remediations
        diagnostics += stub.Analyze(request).diagnostics
    resources = [_in_stack(plan, resource) for resource in plan]
    diagnostics += stub.AnalyzeStack(analyzer_pb2.AnalyzeStackRequest(resources=resources)).diagnostics
    return frozenset(heard(each.policyName, LEVELS[each.enforcementLevel], each.message) for each in diagnostics)


def info(stub: analyzer_pb2_grpc.AnalyzerStub) -> Any:
    """What the pack says of itself."""
    return stub.GetAnalyzerInfo(empty_pb2.Empty())


def _in_stack(plan: Plan, resource: Resource) -> analyzer_pb2.AnalyzerResource:
    behind = {
        key: analyzer_pb2.AnalyzerPropertyDependencies(urns=urns)
        for key, urns in resource.property_dependencies.items()
        if urns
    }
    return analyzer_pb2.AnalyzerResource(
        type=resource.type,
        properties=to_struct(sent(resource.outputs)),
        urn=resource.urn,
        name=resource.name,
        options=_options(resource),
        provider=_provider(plan, resource),
        parent=resource.parent,
        dependencies=resource.dependencies,
        propertyDependencies=behind,
    )


def _options(resource: Resource) -> analyzer_pb2.AnalyzerResourceOptions:
    return analyzer_pb2.AnalyzerResourceOptions(
        protect=resource.protect,
        ignoreChanges=resource.ignore_changes,
        aliases=resource.aliases,
        additionalSecretOutputs=resource.additional_secret_outputs,
        parent=resource.parent,
    )


def _provider(plan: Plan, resource: Resource) -> analyzer_pb2.AnalyzerProviderResource | None:
    provider = plan.get(resource.provider_urn)
    if provider is None:
        return None
    return analyzer_pb2.AnalyzerProviderResource(
        type=provider.type, properties=to_struct(sent(provider.inputs)), urn=provider.urn, name=provider.name
    )


def sent(value: Any) -> Any:
    """A value as the engine sends it to a pack: secrets wrapped around plain text, references as ids."""
    if isinstance(value, Mapping):
        match value.get(SIGNATURE):
            case signature if signature == SECRET:
                return {SIGNATURE: SECRET, "value": SECRET_TEXT}
            case signature if signature == RESOURCE:
                return (value.get("id") or UNKNOWN) if "id" in value else value["urn"]
            case _:
                return {str(key): sent(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [sent(item) for item in value]
    return value
