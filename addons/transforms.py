"""What changes in others' objects on their way to the cluster: where images come from, whose role an account has.

Charts have value paths for both. A manifest or a kustomization has none: its objects are made by the kubernetes plugin,
and Pulumi hands each one to the transforms of its parent first.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import pulumi

from addons.spec import AddOn
from addons.values import ROLE_ANNOTATION, places_of, replaced
from infra.handle import ClusterHandle

Roles = Mapping[tuple[str, str], pulumi.Input[str]]
"""Namespace and service account to the ARN of its role."""

_SERVICE_ACCOUNT: Final = "kubernetes:core/v1:ServiceAccount"


def transform(
    addon: AddOn[Any], handle: ClusterHandle, roles: Roles
) -> Callable[[pulumi.ResourceTransformArgs], pulumi.ResourceTransformResult | None] | None:
    """The transform of an add-on's objects; None where nothing changes.

    Args:
        addon: A manifest or a kustomization.
        handle: The cluster.
        roles: Under IRSA, the role of each service account; empty under Pod Identity.
    """
    places = places_of(addon, handle)
    if not places and not roles:
        return None

    def change(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        return pulumi.ResourceTransformResult(changed(args.type_, args.props, places, roles), args.opts)

    return change


def changed(
    type_: str, manifest: Mapping[str, Any], places: Mapping[str, pulumi.Input[str]], roles: Roles
) -> dict[str, Any]:
    """An object with its images in their new places, and with its role where it is a service account that has one.

    Args:
        type_: Its Pulumi type.
        manifest: The object.
        places: Image as upstream names it to where it is pulled from.
        roles: Namespace and service account to the ARN of its role.
    """
    new: dict[str, Any] = replaced(dict(manifest), places)
    if type_ != _SERVICE_ACCOUNT:
        return new
    metadata = dict(new["metadata"])
    role = roles.get((metadata.get("namespace", ""), metadata["name"]))
    if role is None:
        return new
    return {
        **new,
        "metadata": {**metadata, "annotations": {**(metadata.get("annotations") or {}), ROLE_ANNOTATION: role}},
    }
