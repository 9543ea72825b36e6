"""Plans as Pulumi deployment documents, version 3: the shape of `pulumi stack export`.

Source: pulumi `sdk/go/common/apitype/core.go` (UntypedDeployment, DeploymentV3, ResourceV3). Two things stand in for
what only an engine could write: the manifest's time is zero, so that equal plans are equal byte for byte, and a secret
holds the text `[secret]` in place of a ciphertext.
"""

from collections.abc import Mapping
from typing import Any, Final

from infra.problems import shown
from slipway import urns
from slipway.plan.model import Plan, Resource
from slipway.wire import Wire

VERSION: Final = 3
_ZERO_TIME: Final = "0001-01-01T00:00:00Z"
_PARTS: Final = 3
"""How often `::` parts a URN: stack, project, types, name, which may have more of it."""


class DeploymentError(ValueError):
    """The document is not a deployment that can be read."""


def to_document(plan: Plan) -> dict[str, Any]:
    """The plan as a document for `json.dumps`."""
    manifest = {"time": _ZERO_TIME, "magic": "", "version": ""}
    resources = [_state(resource) for resource in plan.resources]
    deployment = {"manifest": manifest, "resources": resources, "metadata": {}}
    return {"version": VERSION, "deployment": deployment}


def from_document(document: Wire) -> Plan:
    """The plan in a document, also one that `pulumi stack export` wrote.

    Raises:
        DeploymentError: The document is of another version or shape, or has no stack resource.
    """
    version = document.get("version") if isinstance(document, Mapping) else None
    if version != VERSION:
        raise DeploymentError(f"version: {version!r} is not a deployment of version {VERSION}")
    try:
        states = document["deployment"]["resources"]
        resources = tuple(_resource(state, f"deployment.resources[{index}]") for index, state in enumerate(states))
        stack = next((resource for resource in resources if resource.type == urns.STACK_TYPE), None)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise DeploymentError(f"deployment.resources: cannot be read ({error})") from error
    if stack is None:
        raise DeploymentError(f"deployment.resources: there is no {urns.STACK_TYPE}")
    head, project, _, _ = stack.urn.split("::", 3)
    return Plan(project=project, stack=head.removeprefix("urn:pulumi:"), resources=resources)


def _state(resource: Resource) -> dict[str, Any]:
    """ResourceV3, with the members in its order and without empty ones."""
    property_dependencies = {key: list(urns) for key, urns in resource.property_dependencies.items()}
    optional = {
        "id": resource.id,
        "type": resource.type,
        "inputs": dict(resource.inputs),
        "outputs": dict(resource.outputs),
        "parent": resource.parent,
        "protect": resource.protect,
        "external": resource.external,
        "dependencies": list(resource.dependencies),
        "provider": resource.provider,
        "propertyDependencies": property_dependencies,
        "additionalSecretOutputs": list(resource.additional_secret_outputs),
        "aliases": list(resource.aliases),
        "customTimeouts": dict(resource.custom_timeouts),
        "importID": resource.import_id,
        "retainOnDelete": resource.retain_on_delete,
        "deletedWith": resource.deleted_with,
        "ignoreChanges": list(resource.ignore_changes),
        "replaceOnChanges": list(resource.replace_on_changes),
    }
    present = {key: value for key, value in optional.items() if value}
    return {"urn": resource.urn, "custom": resource.custom, **present}


def _resource(state: Mapping[str, Any], here: str) -> Resource:
    urn = state["urn"]
    if not isinstance(urn, str) or not urn.startswith("urn:pulumi:") or urn.count("::") < _PARTS:
        raise DeploymentError(f"{here}.urn: {shown(urn)} is no URN")
    for key in ("inputs", "outputs", "propertyDependencies"):
        if not isinstance(state.get(key) or {}, Mapping):
            raise DeploymentError(f"{here}.{key}: {shown(state[key])} is not a mapping")
    dependencies: Mapping[str, Any] = state.get("propertyDependencies") or {}
    return Resource(
        urn=urn,
        custom=state["custom"],
        id=state.get("id", ""),
        inputs=state.get("inputs") or {},
        outputs=state.get("outputs") or {},
        parent=state.get("parent", ""),
        dependencies=tuple(state.get("dependencies") or ()),
        property_dependencies={key: tuple(urns or ()) for key, urns in dependencies.items()},
        provider=state.get("provider", ""),
        protect=state.get("protect", False),
        retain_on_delete=state.get("retainOnDelete", False),
        external=state.get("external", False),
        import_id=state.get("importID", ""),
        aliases=tuple(state.get("aliases") or ()),
        ignore_changes=tuple(state.get("ignoreChanges") or ()),
        replace_on_changes=tuple(state.get("replaceOnChanges") or ()),
        additional_secret_outputs=tuple(state.get("additionalSecretOutputs") or ()),
        custom_timeouts=state.get("customTimeouts") or {},
        deleted_with=state.get("deletedWith", ""),
        delete_before_replace=None,
    )
