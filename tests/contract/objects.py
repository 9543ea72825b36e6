"""Kubernetes objects against what an API server takes: its own schemas, and for custom resources their real CRDs.

As strict as `kubectl apply --validate=strict`: a field that the schema does not have would be dropped in silence. CEL
rules are not evaluated.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests import kubernetes_schemas

REFERENCE = Path(__file__).resolve().parents[2].parent / "shared" / "reference"
_ONLY_VALUES = ("allOf", "anyOf", "oneOf", "not")
"""Under these a schema says nothing about which fields there are (Kubernetes, "Specifying a structural schema")."""
_LEFT_OUT = ("kubeflow-training-operator", "mpijobs")
"""Two operators have a kind MPIJob; it is the MPI operator's here."""


def validate_all(manifests: Iterable[Mapping[str, Any]], version: str) -> int:
    """Fail unless a cluster of this version takes every one; the number of them.

    Skips the test at the first custom resource where ../shared is missing, after the others were looked at.
    """
    everything = list(manifests)
    custom = [manifest for manifest in everything if is_custom(manifest, version)]
    for manifest in everything:
        if manifest not in custom:
            kubernetes_schemas.validate(dict(manifest), version, strict=True)
    if custom and not REFERENCE.is_dir():
        pytest.skip("../shared/reference, which holds the CRDs of custom resources, is missing")
    found = [f"{_title(manifest)}: {fault}" for manifest in custom for fault in faults(manifest, version)]
    assert found == []
    return len(everything)


def is_custom(manifest: Mapping[str, Any], version: str) -> bool:
    """Whether the object's kind comes with a CRD, and not with Kubernetes."""
    if REFERENCE.is_dir():
        return _kind(manifest) in _index()
    try:
        kubernetes_schemas.validate(dict(manifest), version)
    except kubernetes_schemas.SchemaNotFoundError:
        return True
    except kubernetes_schemas.ValidationError:
        return False
    return False


def crd_of(manifest: Mapping[str, Any]) -> str | None:
    """The full name of the CRD of a custom resource; None for a kind of Kubernetes itself."""
    entries = _index().get(_kind(manifest), [])
    return f"{entries[0]['plural']}.{entries[0]['group']}" if entries else None


def scope_of(manifest: Mapping[str, Any]) -> str | None:
    """`Cluster` or `Namespaced`, as a custom resource's CRD says; None for a kind of Kubernetes itself."""
    entries = _index().get(_kind(manifest), [])
    return str(entries[0]["scope"]) if entries else None


def kinds_of(crds: Iterable[str]) -> set[str]:
    """The kinds that these CRDs bring, as far as they are known."""
    wanted = set(crds)
    entries = (entry for each in _index().values() for entry in each)
    return {entry["kind"] for entry in entries if f"{entry['plural']}.{entry['group']}" in wanted}


def faults(manifest: Mapping[str, Any], version: str) -> list[str]:
    """What the API server would refuse or drop in a custom resource."""
    group, kind = _kind(manifest)
    api_version = manifest["apiVersion"].partition("/")[2]
    metadata = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": manifest["metadata"]}
    try:
        kubernetes_schemas.validate(metadata, version, strict=True)
    except kubernetes_schemas.ValidationError as error:
        return [f"metadata: {error.message}"]
    found = []
    for entry in _index()[group, kind]:
        if ("namespace" in manifest["metadata"]) != (entry["scope"] == "Namespaced"):
            found.append(f"its CRD is {entry['scope']}")
        schema = _schema(entry["file"], group, kind, api_version)
        if schema is None:
            found.append(f"{entry['file']} does not serve {api_version}")
            continue
        found += [
            f"{entry['file']}: {error.json_path}: {error.message}"
            for error in jsonschema.Draft202012Validator(schema).iter_errors(dict(manifest))
        ]
    return found


def _title(manifest: Mapping[str, Any]) -> str:
    return f"{manifest['kind']} {manifest['metadata']['name']}"


def _kind(manifest: Mapping[str, Any]) -> tuple[str, str]:
    group, slash, _ = manifest["apiVersion"].partition("/")
    return (group if slash else "", manifest["kind"])


@cache
def _index() -> dict[tuple[str, str], list[dict[str, Any]]]:
    """The CRDs of a kind: of every chart that brings one, as any of these may be the one in place."""
    if not REFERENCE.is_dir():
        return {}
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    entries = json.loads((REFERENCE / "crd-index.json").read_text())
    # Manifests that Kubeflow built hold older copies of other projects' CRDs.
    for entry in sorted(entries, key=lambda entry: "/built/" in entry["file"]):
        if all(part in entry["file"] for part in _LEFT_OUT):
            continue
        known = found.setdefault((entry["group"], entry["kind"]), [])
        if not known or "/built/" not in entry["file"]:
            known.append(entry)
    return found


@cache
def _schema(file: str, group: str, kind: str, version: str) -> Any:
    """The JSON schema of one served version, None where it is not served."""
    for document in _documents(file):
        spec = document.get("spec") or {}
        if document.get("kind") != "CustomResourceDefinition" or (spec["group"], spec["names"]["kind"]) != (
            group,
            kind,
        ):
            continue
        for each in spec["versions"]:
            if each["name"] == version and each["served"]:
                return strict(each["schema"]["openAPIV3Schema"], resource=True)
    return None


@cache
def _documents(file: str) -> tuple[dict[str, Any], ...]:
    text = (REFERENCE / file).read_text()
    documents = yaml.load_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return tuple(_listed(document for document in documents if document))


def _listed(documents: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for document in documents:
        yield from document["items"] if document.get("kind") == "List" else [document]


def strict(schema: Mapping[str, Any], *, resource: bool = False, values: bool = False) -> Any:
    """A CRD's structural schema as a JSON schema that refuses what the API server drops.

    Args:
        schema: As under `openAPIV3Schema`.
        resource: Whether it is of a whole object, with apiVersion, kind and metadata.
        values: Whether it only says which values are good, not which fields there are.
    """
    found = {key: value for key, value in schema.items() if not key.startswith("x-kubernetes-")}
    resource = resource or bool(schema.get("x-kubernetes-embedded-resource"))
    properties = dict(schema.get("properties", {}))
    # The API server fills in defaults before it asks for what is required.
    filled = {name for name, field in properties.items() if "default" in field}
    if "required" in found:
        found["required"] = [name for name in found["required"] if name not in filled]
    if properties:
        found["properties"] = {name: strict(field, values=values) for name, field in properties.items()}
    if resource:
        free: dict[str, Any] = {"metadata": {"type": "object"}, "apiVersion": {"type": "string"}}
        found["properties"] = {**found.get("properties", {}), **free, "kind": {"type": "string"}}
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), Mapping):
            found[key] = strict(schema[key], values=values)
    for key in _ONLY_VALUES:
        if isinstance(schema.get(key), Mapping):
            found[key] = strict(schema[key], values=True)
        elif key in schema:
            found[key] = [strict(branch, values=True) for branch in schema[key]]
    keeps = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    if schema.get("type") == "object" and not values and not keeps:
        found["additionalProperties"] = False
    return _spelled(found, schema)


def _spelled(found: dict[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """OpenAPI 3.0's own spellings in those of JSON schema."""
    if schema.get("x-kubernetes-int-or-string"):
        found["type"] = ["integer", "string"]
    if found.pop("nullable", False) and "type" in found:
        kinds = found["type"] if isinstance(found["type"], list) else [found["type"]]
        found["type"] = [*kinds, "null"]
        if "enum" in found:
            found["enum"] = [*found["enum"], None]
    for bound in ("minimum", "maximum"):
        name = f"exclusive{bound.capitalize()}"
        if isinstance(found.get(name), bool) and found.pop(name):
            found[name] = found.pop(bound)
    if "pattern" in found:
        try:
            re.compile(found["pattern"])
        except re.error:
            # Go's syntax has classes that Python's has not.
            del found["pattern"]
    return found
