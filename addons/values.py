"""What an add-on is installed with: its values, and the cluster's facts at declared paths. Pure."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import pulumi

from addons.spec import AddOn, AddOnSettings, Values
from infra.handle import ClusterHandle

ROLE_ANNOTATION: Final = "eks.amazonaws.com/role-arn"
"""Source: EKS user guide, "Assign IAM roles to Kubernetes service accounts"."""


def values_of(
    addon: AddOn[Any],
    settings: AddOnSettings,
    handle: ClusterHandle,
    roles: Mapping[str, pulumi.Input[str]],
) -> Values:
    """The values of a chart, or the configuration values of an EKS add-on.

    Args:
        addon: The add-on.
        settings: Its settings.
        handle: The cluster.
        roles: Under IRSA, the role of each service account; empty under Pod Identity.
    """
    values = addon.values(handle, settings)
    if handle.taints:
        tolerations = [taint.toleration for taint in handle.taints]
        for path in addon.placement.accelerated:
            values = _changed(values, path.split("."), lambda old: [*(old or []), *tolerations])
    for identity in addon.identities:
        if identity.irsa is not None and identity.service_account in roles:
            annotation = {ROLE_ANNOTATION: roles[identity.service_account]}
            values = _changed(values, identity.irsa.split("."), partial(_merged, annotation))
    return values


def _merged(new: Values, old: Values | None) -> Values:
    return {**(old or {}), **new}


def _changed(values: Values, path: list[str], change: Callable[[Any], Any]) -> Values:
    """A copy of `values` in which `change` was applied at `path`."""
    key, *rest = path
    old = values.get(key)
    new = _changed(old or {}, rest, change) if rest else change(old)
    return {**values, key: new}
