"""What an add-on is installed with: its values, and the cluster's facts at declared paths. Pure."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import pulumi

from addons.spec import AddOn, AddOnSettings, Chart, Image, Objects, Values
from infra.handle import ClusterHandle
from infra.images import ImageReference

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
    # One path may say where two images are pulled from.
    for image, upstream in [(image, _upstream(values, image)) for image in addon.images]:
        values = _mirrored(values, image, upstream, handle)
    if handle.taints:
        tolerations = [taint.toleration for taint in handle.taints]
        for path in addon.placement.accelerated:
            values = _changed(values, path.split("."), lambda old: [*(old or []), *tolerations])
    for identity in (*addon.identities, *addon.identities_of(handle, settings)):
        if identity.irsa is not None and identity.service_account in roles:
            annotation = {ROLE_ANNOTATION: roles[identity.service_account]}
            values = _changed(values, identity.irsa.split("."), partial(_merged, annotation))
    return values


def images_of(addon: AddOn[Any], settings: AddOnSettings, handle: ClusterHandle) -> tuple[ImageReference, ...]:
    """The images of an add-on's pods, where they come from upstream: as the chart has them, changed by its values.

    Raises:
        TypeError: The values put something at an image's path that is not plain text.
        ValueError: They put a text there that is no name of an image.
    """
    if not isinstance(addon.source, Chart):
        return tuple(dict.fromkeys(image.upstream for image in addon.images))
    values = addon.values(handle, settings)
    return tuple(dict.fromkeys(_upstream(values, image) for image in addon.images))


def objects_of(addon: AddOn[Any], settings: AddOnSettings, handle: ClusterHandle) -> list[dict[str, Any]]:
    """The Kubernetes objects of an add-on, its own images pulled from the registry that mirrors them, where one does.

    Raises:
        TypeError: The add-on installs a chart or an EKS add-on.
    """
    if not isinstance(addon.source, Objects):
        raise TypeError(f"{addon.name} is not made of objects")
    places = places_of(addon, handle)
    return [replaced(dict(manifest), places) for manifest in addon.source.build(handle, settings)]


def places_of(addon: AddOn[Any], handle: ClusterHandle) -> dict[str, pulumi.Output[str]]:
    """Where the images of an add-on that has no value paths are pulled from, where their registry is mirrored."""
    moved = {image.reference: _mirror_of(image.upstream, handle) for image in addon.images}
    return {reference: place for reference, place in moved.items() if place is not None}


def replaced(part: Any, places: Mapping[str, pulumi.Input[str]]) -> Any:  # noqa: ANN401  # any part of a manifest
    """A part of a manifest in which every text that names an image with another place names that place.

    Not only `image`: some programs are told by an argument or a variable which images their pods have.
    """
    if isinstance(part, str):
        return places.get(part, part)
    if isinstance(part, Mapping):
        return {key: replaced(value, places) for key, value in part.items()}
    if isinstance(part, Sequence):
        return [replaced(item, places) for item in part]
    return part


def pulled_from(image: str, handle: ClusterHandle) -> pulumi.Input[str]:
    """Where the cluster pulls an image from: the registry that mirrors its own, where one does.

    For images that stand in the middle of a text, or that a setting names: those declared are moved by the installer.
    """
    place = _mirror_of(ImageReference.parse(image), handle)
    return image if place is None else place


def _mirror_of(upstream: ImageReference, handle: ClusterHandle) -> pulumi.Output[str] | None:
    """Where an image is pulled from by its whole name, where its registry is mirrored."""
    repository = handle.registry.repository(upstream) if handle.registry else None
    return None if repository is None else pulumi.Output.concat(repository, upstream.version)


def _upstream(values: Values, image: Image) -> ImageReference:
    """The image that the chart would pull with these values."""
    whole = _text(values, image.whole)
    if whole is not None:
        return ImageReference.parse(whole)
    upstream = image.upstream
    registry, repository, tag = (_text(values, path) for path in (image.registry, image.repository, image.tag))
    if image.registry is None:
        name = repository or upstream.repository
    else:
        name = f"{registry or upstream.host}/{repository or upstream.path}"
    return ImageReference.parse(f"{name}:{tag}" if tag else f"{name}{upstream.version}")


def _mirrored(values: Values, image: Image, upstream: ImageReference, handle: ClusterHandle) -> Values:
    """The values with the image pulled from the registry that mirrors it, where one does."""
    repository = handle.registry.repository(upstream) if handle.registry else None
    if repository is None:
        return values
    if image.whole is not None:
        return _put(values, image.whole, pulumi.Output.concat(repository, upstream.version))
    if image.registry is None:
        return _put(values, str(image.repository), repository)
    place = repository.apply(lambda whole: whole.removesuffix(f"/{upstream.path}"))
    values = _put(values, image.registry, place)
    return _put(values, image.repository, upstream.path) if image.repository else values


def _text(values: Values, path: str | None) -> str | None:
    """The text at a path of the values; None where there is none."""
    found: Any = values
    for key in path.split(".") if path else ():
        found = found[int(key)] if isinstance(found, list) else found.get(key) if isinstance(found, Mapping) else None
    if not path or found is None:
        return None
    if not isinstance(found, str):
        raise TypeError(f"{path}: an image's name must be plain text, not {type(found).__name__}")
    return found


def _put(values: Values, path: str, new: pulumi.Input[str]) -> Values:
    return _changed(values, path.split("."), lambda _: new)


def _merged(new: Values, old: Values | None) -> Values:
    return {**(old or {}), **new}


def _changed(values: Values, path: list[str], change: Callable[[Any], Any]) -> Values:
    """A copy of `values` in which `change` was applied at `path`; a number in it is an index of a list."""
    key, *rest = path
    if isinstance(values, list):
        index = int(key)
        new = _changed(values[index], rest, change) if rest else change(values[index])
        return [*values[:index], new, *values[index + 1 :]]
    old = values.get(key)
    new = _changed(old or {}, rest, change) if rest else change(old)
    return {**values, key: new}
