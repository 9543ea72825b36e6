"""The add-ons part of a stack file."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from infra.model import Model

IdentityBackend = Literal["pod-identity", "irsa"]


class AddonsSettings(Model):
    """Which add-ons a cluster gets."""

    preset: str = "training"
    """The named set to start from."""

    enable: tuple[str, ...] = ()
    """Add-ons besides those of the preset. They are installed even where a preset would leave them
    out because the cluster has no use for them."""

    disable: tuple[str, ...] = ()
    """Add-ons of the preset to leave out."""

    settings: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)
    """Settings of single add-ons, by their name."""

    identity: IdentityBackend = "pod-identity"
    """How pods get AWS permissions."""
