"""The resource monitor that records: it stands where the engine would, and answers as AWS would."""

from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

import pulumi
from google.protobuf import empty_pb2
from pulumi.runtime import mocks
from pulumi.runtime.proto import callback_pb2, engine_pb2, resource_pb2

from slipway import urns
from slipway.plan.model import Invocation, Message, Resource
from slipway.rehearsal import answers
from slipway.rehearsal.answers import Ids, eks_cluster, manifests
from slipway.rehearsal.answers.children import Change, Child
from slipway.rehearsal.structs import to_dict, to_struct
from slipway.wire import SECRET, SIGNATURE, flattened, previewed, redacted

GET_RESOURCE: Final = "pulumi:pulumi:getResource"
_PROVIDER: Final = "pulumi:providers:"


class RecordingError(Exception):
    """The program cannot be recorded; the message names the resource where it is known."""


class _Unasked(mocks.Mocks):
    """MockMonitor wants one; this monitor answers before it would be asked."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        raise NotImplementedError(args.typ)

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        raise NotImplementedError(args.token)


class Monitor(mocks.MockMonitor):
    """Records every registration whole, and returns what the answers table says.

    The names of its methods are the engine's (`proto/pulumi/resource.proto`, service ResourceMonitor).
    """

    def __init__(self, *, project: str, stack: str, preview: bool, ids: Ids) -> None:
        """A monitor for one run of one program."""
        super().__init__(_Unasked())
        self._stack = urns.stack(stack, project)
        self._preview = preview
        self._ids = ids
        self._states: dict[str, Resource] = {}
        self._wire: dict[str, Mapping[str, Any]] = {}
        self._texts: dict[str, str] = {}
        self._lists: dict[tuple[str, ...], tuple[str, ...]] = {}
        self.invocations: list[Invocation] = []
        self.callbacks = Callbacks()

    @property
    def registered(self) -> tuple[Resource, ...]:
        """What was registered so far, in order."""
        return tuple(self._states.values())

    def GetDeploymentInfo(self, request: empty_pb2.Empty) -> resource_pb2.DeploymentInfo:  # noqa: N802
        """As the mocks', and output values: remote components then say what each argument depends on.

        Transforms of remote components may be given; those of a cluster change its children, as the engine has them do.
        """
        info: resource_pb2.DeploymentInfo = super().GetDeploymentInfo(request)  # type: ignore[no-untyped-call]  # pulumi's
        info.supportedFeatures.append(resource_pb2.RESOURCE_MONITOR_FEATURE_OUTPUT_VALUES)
        info.supportedFeatures.append(resource_pb2.RESOURCE_MONITOR_FEATURE_TRANSFORMS)
        return info

    def RegisterResource(  # noqa: N802
        self, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        """Record a resource and answer with its state."""
        urn = self._urn(request.parent, request.type, request.name)
        inputs = to_dict(request.object)
        if request.type.startswith(_PROVIDER) and request.version:
            inputs = {"version": request.version, **inputs}
        if request.remote:
            return self._register_remote(request, urn, inputs)
        if not request.custom:
            self._record(urn, request, inputs={}, outputs={}, id_="")
            return resource_pb2.RegisterResourceResponse(urn=urn)
        reply = self._answer(request.type, urn, request.provider, inputs)
        outputs = previewed(inputs, reply.outputs) if self._preview else dict(reply.outputs)
        for key in request.additionalSecretOutputs:
            if key in outputs:
                outputs[key] = {SIGNATURE: SECRET, "value": outputs[key]}
        id_ = "" if self._preview else request.importId or reply.id
        self._record(urn, request, inputs=inputs, outputs=outputs, id_=id_)
        return resource_pb2.RegisterResourceResponse(urn=urn, id=id_, object=to_struct(outputs))

    def ReadResource(  # noqa: N802
        self, request: resource_pb2.ReadResourceRequest
    ) -> resource_pb2.ReadResourceResponse:
        """Record a resource that exists already; its outputs are known in a preview too."""
        urn = self._urn(request.parent, request.type, request.name)
        inputs = to_dict(request.properties)
        reply = self._answer(request.type, urn, request.provider, inputs)
        self._add(
            Resource(
                urn=urn,
                custom=True,
                external=True,
                id=request.id,
                inputs=redacted(inputs),
                outputs=redacted(reply.outputs),
                parent=request.parent or self._stack,
                dependencies=tuple(sorted(request.dependencies)),
                provider=request.provider,
            ),
            reply.outputs,
        )
        return resource_pb2.ReadResourceResponse(urn=urn, id=request.id, properties=to_struct(reply.outputs))

    def Invoke(  # noqa: N802
        self, request: resource_pb2.ResourceInvokeRequest
    ) -> resource_pb2.ResourceInvokeResponse:
        """Answer a data source, or give the state of a resource that a reference points at."""
        args = to_dict(request.args)
        if request.tok == GET_RESOURCE:
            result = self._state(args["urn"])
        else:
            try:
                result = answers.invoke(request.tok, args, self._ids_for(request.provider))
            except answers.UnansweredError as error:
                raise RecordingError(str(error)) from error
            self.invocations.append(Invocation(token=request.tok, provider=request.provider, result=result))
        response = resource_pb2.ResourceInvokeResponse()
        getattr(response, "return").CopyFrom(to_struct(result))
        return response

    def Call(self, request: resource_pb2.ResourceCallRequest) -> resource_pb2.ResourceInvokeResponse:  # noqa: N802
        """Refuse a method of a component: none is simulated."""
        raise RecordingError(f"no simulated answer for the method {request.tok}")

    def RegisterResourceOutputs(  # noqa: N802
        self, request: resource_pb2.RegisterResourceOutputsRequest
    ) -> empty_pb2.Empty:
        """Keep what a component, or the stack, says about itself in the end."""
        state = self._states[request.urn]
        outputs = to_dict(request.outputs)
        self._states[request.urn] = _with_outputs(state, outputs)
        self._wire[request.urn] = outputs
        return empty_pb2.Empty()

    def _register_remote(
        self,
        request: resource_pb2.RegisterResourceRequest,
        urn: str,
        inputs: dict[str, Any],
    ) -> resource_pb2.RegisterResourceResponse:
        if request.type in manifests.TYPES:
            # As below: without inputs.
            self._record(urn, request, inputs={}, outputs=manifests.OUTPUTS, id_="")
            return resource_pb2.RegisterResourceResponse(urn=urn, object=to_struct(manifests.OUTPUTS))
        if request.type != eks_cluster.TYPE:
            raise RecordingError(
                f"{request.type} {request.name}: no simulated component of this type; "
                "add its children beside slipway/rehearsal/answers/eks_cluster.py"
            )
        provider = request.providers.get("aws", "")
        try:
            expansion = eks_cluster.expand(
                urn=urn,
                inputs=inputs,
                provider=provider,
                ids=self._ids_for(provider),
                preview=self._preview,
                change=self.callbacks.change(request.transforms),
            )
        except eks_cluster.UnknownArgumentError as error:
            raise RecordingError(str(error)) from error
        # The engine keeps no inputs of remote components.
        self._record(urn, request, inputs={}, outputs=expansion.outputs, id_="")
        for child in expansion.children:
            self._add(_recorded(child), child.outputs)
        return resource_pb2.RegisterResourceResponse(urn=urn, object=to_struct(expansion.outputs))

    def _urn(self, parent: str, type_: str, name: str) -> str:
        if type_ == urns.STACK_TYPE:
            return self._stack
        return urns.child(parent or self._stack, type_, name)

    def _answer(self, type_: str, urn: str, provider: str, inputs: Mapping[str, Any]) -> answers.Answer:
        try:
            return answers.answer(type_, urns.name(urn), inputs, self._ids_for(provider).of(urn))
        except answers.UnansweredError as error:
            raise RecordingError(f"{type_} {urns.name(urn)}: {error}") from error

    def _ids_for(self, provider: str) -> Ids:
        """The source of ids in the region that the provider (a reference) works in."""
        state = self._states.get(provider.rpartition("::")[0])
        region = state.inputs.get("region") if state is not None else None
        return self._ids.at(region) if isinstance(region, str) else self._ids

    def _state(self, urn: str) -> dict[str, Any]:
        state = self._states.get(urn)
        if state is None:
            raise RecordingError(f"the program refers to a resource that does not exist: {urn}")
        return {"urn": urn, "id": state.id, "state": self._wire[urn]}

    def _record(
        self,
        urn: str,
        request: resource_pb2.RegisterResourceRequest,
        *,
        inputs: Mapping[str, Any],
        outputs: Mapping[str, Any],
        id_: str,
    ) -> None:
        dependencies = {
            key: self._known(value.urns) for key, value in request.propertyDependencies.items() if value.urns
        }
        stack = request.type == urns.STACK_TYPE
        resource = Resource(
            urn=urn,
            custom=request.custom,
            id=id_,
            inputs=redacted(inputs),
            outputs=redacted(outputs),
            parent="" if stack else request.parent or self._stack,
            dependencies=self._known(request.dependencies),
            property_dependencies={key: dependencies[key] for key in sorted(dependencies)},
            # The engine keeps no provider for components: their children name it.
            provider=request.provider if request.custom else "",
            protect=request.protect,
            retain_on_delete=request.retainOnDelete,
            import_id=request.importId,
            # Aliases by type alone come with the SDK's classes; the engine keeps none of them for a new resource.
            aliases=tuple(alias.urn for alias in request.aliases if alias.urn),
            ignore_changes=tuple(request.ignoreChanges),
            replace_on_changes=tuple(request.replaceOnChanges),
            additional_secret_outputs=tuple(sorted(request.additionalSecretOutputs)),
            custom_timeouts=_seconds(request.customTimeouts),
            deleted_with=request.deletedWith,
            delete_before_replace=request.deleteBeforeReplace,
        )
        self._add(resource, outputs)

    def _known(self, named: Iterable[str]) -> tuple[str, ...]:
        """The URNs in order; each text, and each list of them, is kept once: a plan of thousands repeats them."""
        found = tuple(sorted(self._texts.setdefault(urn, urn) for urn in named))
        return self._lists.setdefault(found, found)

    def _add(self, resource: Resource, wire: Mapping[str, Any]) -> None:
        if resource.urn in self._states:
            raise RecordingError(f"{resource.type} {resource.name}: registered twice (duplicate URN {resource.urn})")
        self._states[resource.urn] = resource
        self._wire[resource.urn] = wire


class Callbacks:
    """Takes transforms where Pulumi's own would open a server, and calls them where the engine would."""

    def __init__(self) -> None:
        """Without any yet."""
        self._transforms: dict[str, pulumi.ResourceTransform] = {}

    def register_transform(self, transform: pulumi.ResourceTransform) -> callback_pb2.Callback:
        """A handle on the transform."""
        token = f"{transform.__qualname__}-{len(self._transforms)}"
        self._transforms[token] = transform
        return callback_pb2.Callback(token=token)

    def change(self, transforms: Iterable[callback_pb2.Callback]) -> Change | None:
        """What these transforms, one after the other, make of a child's inputs; None without any."""
        found = [self._transforms[each.token] for each in transforms]
        if not found:
            return None

        def change(type_: str, name: str, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
            for transform in found:
                options = pulumi.ResourceOptions()
                args = pulumi.ResourceTransformArgs(
                    custom=True, type_=type_, name=name, props=dict(inputs), opts=options
                )
                result = transform(args)
                if isinstance(result, Awaitable):
                    raise RecordingError(f"{type_} {name}: a transform that is awaited cannot be recorded")
                inputs = inputs if result is None else result.props
            return inputs

        return change


class Engine:
    """Where `pulumi.log` goes."""

    def __init__(self) -> None:
        """An engine that has heard nothing yet."""
        self.messages: list[Message] = []

    def Log(self, request: engine_pb2.LogRequest) -> empty_pb2.Empty:  # noqa: N802 - the engine's name
        """Keep what the program tells a person; debugging is for another day."""
        if request.severity != engine_pb2.DEBUG:
            severity = engine_pb2.LogSeverity.Name(request.severity).lower()
            self.messages.append(Message(severity=severity, text=request.message))
        return empty_pb2.Empty()


def _recorded(child: Child) -> Resource:
    inputs = child.inputs
    if child.version:
        inputs = {**inputs, "version": child.version}
    return Resource(
        urn=child.urn,
        custom=child.custom,
        id=child.id,
        inputs=redacted(inputs),
        outputs=redacted(child.outputs),
        parent=child.parent,
        dependencies=child.dependencies,
        property_dependencies=child.property_dependencies,
        provider=child.provider,
        ignore_changes=child.ignore_changes,
    )


def _with_outputs(state: Resource, outputs: Mapping[str, Any]) -> Resource:
    plain, _ = flattened(outputs)
    return replace(state, outputs=redacted(plain))


_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0}


def _seconds(timeouts: resource_pb2.RegisterResourceRequest.CustomTimeouts) -> dict[str, float]:
    """Timeouts in seconds, as the state has them (`ResourceV3.customTimeouts`)."""
    written = {"create": timeouts.create, "update": timeouts.update, "delete": timeouts.delete}
    return {key: _duration(text) for key, text in written.items() if text}


def _duration(text: str) -> float:
    """A Go duration such as `1h30m` in seconds."""
    total, number = 0.0, ""
    for character in text:
        if character in _UNITS:
            total += float(number) * _UNITS[character]
            number = ""
        else:
            number += character
    return total
