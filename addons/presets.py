"""Presets: named sets of add-ons. Which add-on belongs to one is said in the add-on's own file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Preset:
    """What a preset is for, and the presets whose add-ons it brings too."""

    summary: str
    includes: tuple[str, ...] = ()


PRESETS: Final[Mapping[str, Preset]] = {
    "minimal": Preset(summary="what any cluster needs to run pods and scale its nodes"),
    "training": Preset(summary="GPU and EFA jobs with fast shared storage", includes=("minimal",)),
    "inference": Preset(summary="models behind an endpoint, on GPUs that scale from zero", includes=("minimal",)),
    "notebooks": Preset(summary="a page where people log in and start notebooks", includes=("minimal",)),
    "full": Preset(
        summary="the whole machine-learning platform, from notebook to served model",
        includes=("training", "inference", "notebooks"),
    ),
}


def brings(preset: str) -> frozenset[str]:
    """The names of this preset and of all it includes."""
    return frozenset({preset}).union(*(brings(name) for name in PRESETS[preset].includes))
