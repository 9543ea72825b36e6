"""An add-on's images are pulled from the mirror, by whatever value paths its chart has for them."""

import dataclasses
from typing import Any

import pytest

from addons.spec import AddOn, AddOnSettings, Chart, Image, Ready
from addons.values import images_of, values_of
from infra.handle import ClusterHandle, Registry
from infra.images import ImageReference
from tests.contract.charts import fake_handle, out, resolver

HOST = "123456789012.dkr.ecr.us-west-2.amazonaws.com"
DIGEST = "sha256:" + "0a" * 32


@pytest.fixture(name="known")
def _known():
    yield from resolver()


def addon(image: Image, values: dict[str, Any] | None = None) -> AddOn[AddOnSettings]:
    return AddOn(
        name="thing",
        group="test",
        summary="a thing",
        docs="https://example.com",
        source=Chart(repo="https://charts.example.com", name="thing", version="1.2.3"),
        settings=AddOnSettings,
        values=lambda _handle, _settings: dict(values or {}),
        images=(image,),
        ready=(Ready(kind="Deployment", name="thing"),),
    )


def mirrored(**mirrors: str) -> ClusterHandle:
    named = {host.replace("_", "."): place for host, place in mirrors.items()}
    return fake_handle(node_pools=(), registry=Registry(host=out(HOST), repositories={}, mirrors=named))


@pytest.mark.parametrize(
    ("image", "values", "expected"),
    [
        pytest.param(
            Image(reference="quay.io/org/app:v1", repository="image.repository", tag="image.tag"),
            {},
            {"image": {"repository": f"{HOST}/ml/quay/org/app"}},
            id="repository",
        ),
        pytest.param(
            Image(reference="quay.io/org/app:v1", repository="image.repository", tag="image.tag"),
            {"image": {"tag": "v2"}, "replicas": 2},
            {"image": {"repository": f"{HOST}/ml/quay/org/app", "tag": "v2"}, "replicas": 2},
            id="other-values-stay",
        ),
        pytest.param(
            Image(reference="quay.io/org/app:v1", registry="image.registry", repository="image.repository"),
            {},
            {"image": {"registry": f"{HOST}/ml/quay", "repository": "org/app"}},
            id="registry-and-repository",
        ),
        pytest.param(
            Image(reference="quay.io/org/app:v1", registry="global.imageRegistry"),
            {},
            {"global": {"imageRegistry": f"{HOST}/ml/quay"}},
            id="registry-alone",
        ),
        pytest.param(
            Image(reference="docker.io/busybox:1.37", registry="image.registry", repository="image.repository"),
            {},
            {"image": {"registry": f"{HOST}/ml/hub", "repository": "library/busybox"}},
            id="official-image",
        ),
        pytest.param(
            Image(reference=f"quay.io/org/app:v1@{DIGEST}", whole="operator.image"),
            {},
            {"operator": {"image": f"{HOST}/ml/quay/org/app:v1@{DIGEST}"}},
            id="whole",
        ),
        pytest.param(
            Image(reference="nvcr.io/nvidia/app:v1", repository="image.repository"), {}, {}, id="host-not-mirrored"
        ),
        pytest.param(
            Image(reference="nvcr.io/nvidia/app:v1", repository="image.repository"),
            {"image": {"repository": "quay.io/fork/app"}},
            {"image": {"repository": f"{HOST}/ml/quay/fork/app"}},
            id="moved-by-the-add-on's-own-values",
        ),
    ],
)
def test_the_values_name_the_mirror(known, image, values, expected):
    handle = mirrored(quay_io="ml/quay", docker_io="ml/hub")
    assert known(values_of(addon(image, values), AddOnSettings(), handle, {})) == expected


def test_without_a_mirror_the_values_say_nothing_of_images(known):
    image = Image(reference="quay.io/org/app:v1", repository="image.repository")
    handle = dataclasses.replace(fake_handle(node_pools=()), registry=None)
    assert known(values_of(addon(image), AddOnSettings(), handle, {})) == {}


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(
    ("image", "values", "expected"),
    [
        (Image(reference="busybox:1.37", repository="image"), {}, "docker.io/library/busybox:1.37"),
        (
            Image(reference="quay.io/org/app:v1", repository="image.repository", tag="image.tag"),
            {"image": {"tag": "v2"}},
            "quay.io/org/app:v2",
        ),
        (
            Image(reference="quay.io/org/app:v1", registry="hub", repository="name", tag="tag"),
            {"hub": "ghcr.io", "name": "fork/app"},
            "ghcr.io/fork/app:v1",
        ),
        (Image(reference="quay.io/org/app:v1", whole="image"), {"image": "ghcr.io/a/b:v3"}, "ghcr.io/a/b:v3"),
    ],
)
def test_what_is_mirrored_is_what_the_chart_would_pull(image, values, expected):
    found = images_of(addon(image, values), AddOnSettings(), fake_handle(node_pools=()))
    assert found == (ImageReference.parse(expected),)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"reference": "quay.io/org/app", "repository": "image"}, "no tag"),
        ({"reference": "quay.io/org/app:v1"}, "needs the value path whole, or registry or repository"),
        ({"reference": "quay.io/org/app:v1", "whole": "a", "registry": "b"}, "needs the value path whole"),
        ({"reference": "busybox:1.37", "registry": "hub"}, "needs the value path of its repository"),
    ],
)
def test_an_image_that_cannot_be_moved_is_refused(fields, says):
    with pytest.raises(ValueError, match=says):
        Image(**fields)
