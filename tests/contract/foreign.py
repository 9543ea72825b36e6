"""The makers' objects of the catalogue's kustomizations, as they reach the cluster."""

from functools import cache
from typing import Any

import pytest

from tests.contract import kustomizations


@cache
def brought(name: str) -> tuple[dict[str, Any], ...]:
    """The objects of an add-on, CRDs without their schemas, images with the registries of their makers.

    Skips the test where nothing can be built.
    """
    if not kustomizations.REFERENCE.is_dir():
        pytest.skip("../shared/reference, which holds the makers' manifests, is missing")
    if kustomizations.KUBECTL is None:
        pytest.skip("kubectl, which builds kustomizations, is not on PATH")
    return tuple(kustomizations.build(kustomizations.FOLDER / name))
