"""Remote YAML files: the kubernetes plugin fetches them at `up`, so a recording does not know what is in them."""

from collections.abc import Mapping
from typing import Any, Final

TYPE: Final = "kubernetes:yaml/v2:ConfigFile"
OUTPUTS: Final[Mapping[str, Any]] = {"resources": []}
"""The resources that it made, of which the simulated cluster makes none."""
