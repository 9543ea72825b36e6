"""What the rules of one service may know of the rest of the stack."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from infra.network.settings import NetworkSettings
from infra.platform import PlatformSettings
from infra.storage.settings import StorageSettings


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """The parts of the stack file that others stand on, validated."""

    platform: PlatformSettings
    network: NetworkSettings
    storage: StorageSettings
    services: frozenset[str] = frozenset()
    """The sections of AWS services that the file has, such as `edge` and `databases`, those with mistakes too."""
    gpu_zones: Sequence[str] | None = None
    """The zones of the accelerated groups; None where mistakes in the groups leave them unknown."""
    today: datetime.date
    """Decides what is still supported."""
