"""Others' objects that the kubernetes plugin makes at `up`: a recording does not know what is in them."""

from collections.abc import Mapping
from typing import Any, Final

TYPES: Final = frozenset({"kubernetes:yaml/v2:ConfigFile", "kubernetes:kustomize/v2:Directory"})
"""A remote YAML file, and a kustomization."""
OUTPUTS: Final[Mapping[str, Any]] = {"resources": []}
"""The resources that it made, of which the simulated cluster makes none."""
