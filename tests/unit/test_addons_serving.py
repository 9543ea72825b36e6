"""KServe's settings against the rest of the stack file."""

from types import SimpleNamespace
from typing import Any

import pytest

from addons import registry

KSERVE = registry.discover()["kserve-resources"]


def found(raw: dict[str, Any], *addons: str) -> list[tuple[str, str]]:
    around: Any = SimpleNamespace(addons=frozenset(addons))
    return list(KSERVE.problems(around, KSERVE.settings.model_validate(raw)))


def test_the_default_stands_by_itself():
    assert found({}) == []


def test_knative_s_mode_needs_knative():
    ((where, message),) = found({"mode": "knative"})
    assert where == "mode"
    assert "knative-serving" in message
    assert found({"mode": "knative"}, "knative-serving") == []


@pytest.mark.parametrize("domain", ["Example.com", "a..b", "-a.example.com", "a b"])
def test_a_domain_is_made_of_labels(domain):
    with pytest.raises(ValueError, match="domain"):
        KSERVE.settings.model_validate({"domain": domain})
