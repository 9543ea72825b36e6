"""The check of custom resources finds what an API server finds: examples of the makers, and the same spoilt."""

import copy
from typing import Any

import pytest

from addons import registry
from tests.contract import charts, objects

VERSION = "1.35"
CATALOGUE = registry.discover()
ISSUER: dict[str, Any] = {
    "apiVersion": "cert-manager.io/v1",
    "kind": "ClusterIssuer",
    "metadata": {"name": "ca"},
    "spec": {"selfSigned": {}},
}
MONITOR: dict[str, Any] = {
    "apiVersion": "monitoring.coreos.com/v1",
    "kind": "ServiceMonitor",
    "metadata": {"name": "app", "namespace": "monitoring"},
    "spec": {"selector": {"matchLabels": {"app": "x"}}, "endpoints": [{"port": "http", "interval": "30s"}]},
}


def changed(manifest: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    whole = copy.deepcopy(manifest)
    *way, last = path.split(".")
    place = whole
    for key in way:
        place = place[int(key)] if isinstance(place, list) else place[key]
    place[last] = value
    return whole


@charts.needs_reference
@pytest.mark.parametrize("manifest", [ISSUER, MONITOR], ids=["ClusterIssuer", "ServiceMonitor"])
def test_a_good_custom_resource_fits(manifest):
    assert objects.faults(manifest, VERSION) == []
    assert objects.validate_all([manifest], VERSION) == 1


@charts.needs_reference
@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        (changed(ISSUER, "spec.selfsigned", {}), "'selfsigned' was unexpected"),
        (changed(ISSUER, "metadata.namespace", "default"), "its CRD is Cluster"),
        (changed(ISSUER, "metadata.label", {}), "metadata: "),
        (changed(ISSUER, "apiVersion", "cert-manager.io/v1alpha2"), "does not serve v1alpha2"),
        (changed(ISSUER, "spec.acme", {"server": "https://acme.example"}), "'privateKeySecretRef' is a required"),
        (changed(MONITOR, "spec.endpoints.0.intervall", "30s"), "'intervall' was unexpected"),
        (changed(MONITOR, "spec.endpoints.0.interval", "half a minute"), "does not match"),
        (changed(MONITOR, "spec.endpoints.0.honorLabels", "yes"), "is not of type 'boolean'"),
        (changed(MONITOR, "spec.endpoints.0.scheme", "ftp"), "is not one of"),
    ],
    ids=["unknown field", "namespace", "metadata", "version", "required", "in a list", "pattern", "type", "enum"],
)
def test_a_mistake_in_a_custom_resource_is_found(manifest, expected):
    assert any(expected in fault for fault in objects.faults(manifest, VERSION))


@charts.needs_reference
def test_an_api_server_s_defaults_need_not_be_repeated():
    schema = {
        "type": "object",
        "required": ["a", "b"],
        "properties": {"a": {"type": "string", "default": "x"}, "b": {"type": "string"}},
    }
    assert objects.strict(schema)["required"] == ["b"]


@charts.needs_reference
def test_custom_resources_are_told_from_kubernetes_own_kinds():
    own = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}
    assert not objects.is_custom(own, VERSION)
    assert objects.crd_of(own) is None
    assert objects.is_custom(ISSUER, VERSION)
    assert objects.crd_of(ISSUER) == "clusterissuers.cert-manager.io"


UNREAD = {
    "katib": "its makers publish its CRDs without a schema",
    "knative-serving": "its makers publish ClusterDomainClaim without a schema",
    "keda": "its CRDs are not in ../shared/reference, and no add-on makes resources of them",
    "kserve-llmisvc-resources": "of the scheduler's own, which its controller makes, ../shared/reference has none",
    "vllm": "its LoraAdapter is not in ../shared/reference, and who reads it is off",
}


@charts.needs_reference
@pytest.mark.parametrize(
    "addon",
    [pytest.param(each, id=name) for name, each in CATALOGUE.items() if each.owns_crds and name not in UNREAD],
)
def test_every_crd_that_an_addon_owns_is_known_and_can_be_read(addon):
    """Else the custom resources of add-ons that need it would go unchecked."""
    for crd in addon.owns_crds:
        entries = [
            entry
            for each in objects._index().values()
            for entry in each
            if f"{entry['plural']}.{entry['group']}" == crd
        ]
        assert entries, crd
        for entry in entries:
            served = [version["name"] for version in entry["versions"] if version["served"] and version["has_schema"]]
            assert served
            for version in served:
                assert objects._schema(entry["file"], entry["group"], entry["kind"], version), (crd, version)
