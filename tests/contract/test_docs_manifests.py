"""The Kubernetes objects in docs/: each block of YAML that holds some is what an API server would take.

A block that only shows a part of an object says so: its fence opens with ```` ```yaml part ````.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.catalog import eks
from infra.images import ImageReference
from tests import kubernetes_schemas
from tests.contract import objects

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
PART = "part"
VERSION = max(eks.ACCEPTED_VERSIONS, key=lambda text: [int(number) for number in text.split(".")])
FENCE = re.compile(
    r"^(?P<indent> *)(?P<marks>`{3,})(?P<info>[^`\n]*)\n(?P<body>.*?)^(?P=indent)(?P=marks)`* *$", re.M | re.S
)
COMPONENT_CONFIG = ("kustomize.config.k8s.io", "config.kubernetes.io", "kubescheduler.config.k8s.io")
"""Groups of files that tools read and no API server does."""


def blocks(text: str) -> Iterator[tuple[int, str]]:
    """The whole YAML blocks of a page, each with the line that it begins at."""
    for found in FENCE.finditer(text):
        language, *words = found["info"].split() or [""]
        if language in ("yaml", "yml") and PART not in words:
            cut = len(found["indent"])
            body = "\n".join(line[cut:] for line in found["body"].splitlines())
            yield text.count("\n", 0, found.start()) + 2, body


def manifests(body: str) -> list[Mapping[str, Any]]:
    """The Kubernetes objects of a block; other YAML, such as stack files, has none.

    Raises:
        ValueError: The block is no YAML.
    """
    try:
        documents = [document for document in yaml.safe_load_all(body) if document]
    except yaml.YAMLError as error:
        raise ValueError(f"not YAML: {error}") from None
    return [each for each in documents if isinstance(each, Mapping) and {"apiVersion", "kind"} <= each.keys()]


def whole(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest as it reaches the API server: kubectl puts in the namespace, the server makes the name."""
    metadata = {"name": "made-by-the-server", **manifest.get("metadata", {})}
    metadata.pop("generateName", None)
    if objects.scope_of(manifest) == "Namespaced":
        metadata = {"namespace": "default", **metadata}
    return {**manifest, "metadata": metadata}


def faults(manifest: Mapping[str, Any]) -> list[str]:
    """What is wrong with one object."""
    if str(manifest["apiVersion"]).partition("/")[0] in COMPONENT_CONFIG:
        return []
    title = f"{manifest['apiVersion']} {manifest['kind']}"
    if not {"name", "generateName"} & manifest.get("metadata", {}).keys():
        return [f"{title}: has no name"]
    found = [f"{title}: image {name} has no version" for name in images(manifest) if not pinned(name)]
    full = whole(manifest)
    if objects.crd_of(full) is not None:
        return found + [f"{title}: {fault}" for fault in objects.faults(full, VERSION)]
    try:
        kubernetes_schemas.validate(full, VERSION, strict=True)
    except kubernetes_schemas.SchemaNotFoundError:
        found.append(f"{title}: is no kind of Kubernetes, and no CRD of the add-ons brings it")
    except kubernetes_schemas.ValidationError as error:
        found.append(f"{title}: {error.message}")
    return found


def images(part: Any) -> Iterator[str]:
    """Every container image in an object."""
    if isinstance(part, Mapping):
        for key, value in part.items():
            if key in ("image", "trainingImage") and isinstance(value, str):
                yield value
            else:
                yield from images(value)
    elif isinstance(part, list):
        for item in part:
            yield from images(item)


def pinned(name: str) -> bool:
    """Whether it is always the same image. What the reader fills in, such as <account>, has no rules."""
    if "<" in name or "{{" in name:
        return True
    image = ImageReference.parse(name)
    return image.digest is not None or image.tag not in (None, "latest")


@pytest.mark.skipif(not objects.REFERENCE.is_dir(), reason="../shared/reference, which holds the CRDs, is missing")
@pytest.mark.parametrize("page", [pytest.param(page, id=str(page.relative_to(ROOT / "docs"))) for page in PAGES])
def test_an_api_server_takes_the_objects_of_a_page(page):
    found = []
    for line, body in blocks(page.read_text()):
        try:
            found += [f"line {line}: {fault}" for manifest in manifests(body) for fault in faults(manifest)]
        except ValueError as error:
            found.append(f"line {line}: {error}")
    assert found == []


# The reader of pages itself.

POD = """apiVersion: v1
kind: Pod
metadata: { name: one }
spec:
  containers: [{ name: main, image: "docker.io/library/busybox:1.37.0" }]
"""
JOB = """apiVersion: ray.io/v1
kind: RayJob
metadata: { generateName: job- }
spec:
  entrypoint: python job.py
  rayClusterSpec: { headGroupSpec: { rayStartParams: {}, template: { spec: { containers: [] } } } }
"""


def page_of(*bodies: str) -> str:
    return "\n".join(f"text\n```yaml\n{body}```\n" for body in bodies)


def everything(text: str) -> list[str]:
    return [fault for _, body in blocks(text) for manifest in manifests(body) for fault in faults(manifest)]


def test_blocks_are_found_where_they_stand():
    indented = "1. First\n\n   ```yaml\n   a: 1\n   ```\n\n````yaml\nb: 2\n```\nc: 3\n````\n\n```yaml part\nx: 1\n```\n"
    assert list(blocks(indented)) == [(4, "a: 1"), (8, "b: 2\n```\nc: 3")]
    assert list(blocks("```sh\nls\n```\n\n```\na: 1\n```\n")) == []


@pytest.mark.skipif(not objects.REFERENCE.is_dir(), reason="../shared/reference, which holds the CRDs, is missing")
@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (POD, None),
        (JOB, None),
        (POD + "---\n" + JOB, None),
        ("addons:\n  preset: full\n", None),
        (POD.replace("containers", "container"), "'containers' is a required property"),
        (POD.replace(":1.37.0", ""), "has no version"),
        (POD.replace(":1.37.0", ":latest"), "has no version"),
        (POD.replace("name: one", "labels: {}"), "has no name"),
        (
            JOB.replace("entrypoint", "entryPoint"),
            "Additional properties are not allowed ('entryPoint' was unexpected)",
        ),
        (JOB.replace("ray.io/v1", "ray.io/v2"), "does not serve v2"),
        (JOB.replace("RayJob", "RayTask"), "no CRD of the add-ons brings it"),
    ],
)
def test_what_an_api_server_refuses_is_named(body, fault):
    found = everything(page_of(body))
    if fault is None:
        assert found == []
    else:
        assert any(fault in each for each in found), found


def test_what_is_no_yaml_is_refused():
    with pytest.raises(ValueError, match="not YAML"):
        manifests("a: [1\n")
