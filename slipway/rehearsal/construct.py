"""Remote components for the real engine: registers what the answers table says the component makes.

As the real component does, it waits for each child's state before it makes the next: what the engine knows already
(in a preview of something that exists) is known here, and the rest of a preview is unknown.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2, resource_pb2, resource_pb2_grpc

from slipway import urns
from slipway.rehearsal.answers import Ids, eks_cluster, manifests
from slipway.rehearsal.answers.children import Child, Expansion
from slipway.rehearsal.structs import to_dict, to_struct
from slipway.wire import is_unknown

_REGION = "aws:index/getRegion:getRegion"


class ConstructError(Exception):
    """The component cannot be made; the message says why."""


def construct(
    request: provider_pb2.ConstructRequest, options: Sequence[tuple[str, int]]
) -> provider_pb2.ConstructResponse:
    """Register one component, its children and its outputs with the engine.

    Args:
        request: The engine's.
        options: Of the gRPC channel to the engine's resource monitor.

    Raises:
        ConstructError: The component's type or an argument is not simulated, or the engine's state is at odds with
            the table.
    """
    if request.type not in {eks_cluster.TYPE, *manifests.TYPES}:
        raise ConstructError(f"{request.type} {request.name}: no simulated component of this type")
    with grpc.insecure_channel(request.monitorEndpoint, options=options) as channel:
        monitor = resource_pb2_grpc.ResourceMonitorStub(channel)
        component = monitor.RegisterResource(_component(request))
        if request.type in manifests.TYPES:
            nothing = to_struct(manifests.OUTPUTS)
            monitor.RegisterResourceOutputs(
                resource_pb2.RegisterResourceOutputsRequest(urn=component.urn, outputs=nothing)
            )
            return provider_pb2.ConstructResponse(urn=component.urn, state=nothing)
        provider = request.providers.get("aws", "")
        ids = _ids(monitor, provider)
        inputs = to_dict(request.inputs)
        try:
            made = eks_cluster.expand(urn=component.urn, inputs=inputs, provider=provider, ids=ids)
            hidden = eks_cluster.expand(urn=component.urn, inputs=inputs, provider=provider, ids=ids, preview=True)
        except eks_cluster.UnknownArgumentError as error:
            raise ConstructError(str(error)) from error
        outputs = to_struct(_children(monitor, made, hidden if request.dryRun else made))
        monitor.RegisterResourceOutputs(resource_pb2.RegisterResourceOutputsRequest(urn=component.urn, outputs=outputs))
    return provider_pb2.ConstructResponse(urn=component.urn, state=outputs)


def _component(request: provider_pb2.ConstructRequest) -> resource_pb2.RegisterResourceRequest:
    """The registration of the component itself, with the options that the program gave."""
    return resource_pb2.RegisterResourceRequest(
        type=request.type,
        name=request.name,
        parent=request.parent,
        protect=request.protect if request.HasField("protect") else None,
        dependencies=request.dependencies,
        aliases=request.aliases,
        aliasSpecs=True,
        providers=request.providers,
        retainOnDelete=request.retainOnDelete if request.HasField("retainOnDelete") else None,
        acceptSecrets=True,
        acceptResources=True,
    )


def _ids(monitor: resource_pb2_grpc.ResourceMonitorStub, provider: str) -> Ids:
    """The source of ids in the region that the component's AWS provider works in."""
    if not provider:
        raise ConstructError(f"{eks_cluster.TYPE} was given no aws provider, and default providers are disabled")
    reply = monitor.Invoke(resource_pb2.ResourceInvokeRequest(tok=_REGION, provider=provider))
    return Ids().at(to_dict(getattr(reply, "return"))["region"])


def _children(monitor: resource_pb2_grpc.ResourceMonitorStub, made: Expansion, hidden: Expansion) -> Mapping[str, Any]:
    """Register the children in order; returns the component's outputs.

    Args:
        monitor: The engine's resource monitor.
        made: The children once all exists.
        hidden: The same, with unknown what does not exist yet.
    """
    known: dict[str, bool] = {}
    for child, unmade in zip(made.children, hidden.children, strict=True):
        if not child.custom:
            _register(monitor, child, {})
            continue
        behind = child.property_dependencies
        inputs = {
            key: value if _settled(behind.get(key, ()), known) else unmade.inputs[key]
            for key, value in child.inputs.items()
        }
        reply = _register(monitor, child, inputs)
        known[child.urn] = bool(reply.id) and not is_unknown(reply.id)
        provider = child.type.startswith("pulumi:providers:")
        if known[child.urn] and not provider and reply.id != child.id:
            raise ConstructError(
                f"{child.type} {child.name}: the state has the id {reply.id}, the simulated AWS {child.id}"
            )
    done = _settled(known, known)
    for child, unmade in zip(made.children, hidden.children, strict=True):
        if not child.custom:
            outputs = to_struct(child.outputs if done else unmade.outputs)
            monitor.RegisterResourceOutputs(resource_pb2.RegisterResourceOutputsRequest(urn=child.urn, outputs=outputs))
    return made.outputs if done else hidden.outputs


def _settled(behind: Iterable[str], known: Mapping[str, bool]) -> bool:
    """Whether all of these exist; what is not a child came in with the inputs, as known as it is."""
    return all(known.get(urn, True) for urn in behind)


def _register(
    monitor: resource_pb2_grpc.ResourceMonitorStub, child: Child, inputs: Mapping[str, Any]
) -> resource_pb2.RegisterResourceResponse:
    dependencies = {
        key: resource_pb2.RegisterResourceRequest.PropertyDependencies(urns=behind)
        for key, behind in child.property_dependencies.items()
    }
    reply: resource_pb2.RegisterResourceResponse = monitor.RegisterResource(
        resource_pb2.RegisterResourceRequest(
            type=child.type,
            name=child.name,
            parent=child.parent,
            custom=child.custom,
            object=to_struct(inputs),
            dependencies=child.dependencies,
            propertyDependencies=dependencies,
            provider=child.provider,
            version=child.version,
            ignoreChanges=child.ignore_changes,
            acceptSecrets=True,
            acceptResources=True,
        )
    )
    if reply.urn != child.urn:
        raise ConstructError(f"the engine named {urns.name(child.urn)} {reply.urn}, not {child.urn}")
    return reply
