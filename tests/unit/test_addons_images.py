"""An add-on's images are pulled from the mirror, by whatever value paths its chart has for them."""

import dataclasses
from typing import Any

import pytest

from addons.spec import AddOn, AddOnSettings, Chart, Image, Objects, Ready
from addons.values import images_of, objects_of, values_of
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
        ({"reference": "quay.io/org/app:v1", "whole": "a", "registry": "b"}, "has the value path whole, and registry"),
        ({"reference": "busybox:1.37", "registry": "hub"}, "needs the value path of its repository"),
    ],
)
def test_an_image_that_cannot_be_moved_is_refused(fields, says):
    with pytest.raises(ValueError, match=says):
        Image(**fields)


def test_an_image_of_a_chart_needs_a_value_path_and_one_of_objects_has_none():
    with pytest.raises(ValueError, match=r"image quay\.io/org/app:v1 needs the value path whole, or registry"):
        addon(Image(reference="quay.io/org/app:v1"), {})
    with pytest.raises(ValueError, match=r"image quay\.io/org/app:v1: objects take no values"):
        of_objects(Image(reference="quay.io/org/app:v1", whole="image"))


def of_objects(*images: Image) -> AddOn[AddOnSettings]:
    pods = {
        "initContainers": [{"name": "pull", "image": "docker.io/nvidia/cuda:13.0"}],
        "containers": [{"name": "pause", "image": "registry.k8s.io/pause:3.10"}],
    }
    daemons = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "x"},
        "spec": {"template": {"spec": pods}},
    }
    return AddOn(
        name="x",
        group="test",
        summary="s",
        docs="https://example.com",
        source=Objects(build=lambda _handle, _settings: [daemons]),
        settings=AddOnSettings,
        images=images,
    )


def test_declared_images_of_objects_come_from_the_mirror_and_no_others(known):
    """What a user asks to have pulled to every node keeps the name under which pods ask for it."""
    one = of_objects(Image(reference="registry.k8s.io/pause:3.10"))
    there = mirrored(registry_k8s_io="mirror/k8s", docker_io="mirror/hub")
    assert [str(each) for each in images_of(one, AddOnSettings(), there)] == ["registry.k8s.io/pause:3.10"]

    def images(handle):
        (manifest,) = known(objects_of(one, AddOnSettings(), handle))
        spec = manifest["spec"]["template"]["spec"]
        return [spec[kind][0]["image"] for kind in ("initContainers", "containers")]

    assert images(there) == ["docker.io/nvidia/cuda:13.0", f"{HOST}/mirror/k8s/pause:3.10"]
    assert images(fake_handle(node_pools=())) == ["docker.io/nvidia/cuda:13.0", "registry.k8s.io/pause:3.10"]
